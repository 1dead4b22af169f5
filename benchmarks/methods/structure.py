"""What keeps lines while a prompt changes the rest: DDCM, attention control, in-loop stage, pixel stage, masks.

Drawings of characters that the shipped model was not trained on. SPL and edge F1 (Canny, within 1 px) compare the
edit with the unedited drawing in the part that shall stay; `shown` is the face reader's verdict on a tag, or
whether the mean colour of what was recoloured is nearer to the rig's own drawing of the wanted colour than to the
unedited one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import tagdb
from benchmarks.fidelity.measures import edge_f1
from benchmarks.fidelity.setting import Bench, Subject
from benchmarks.methods import costs, reconstruction
from benchmarks.methods.structure_tasks import Task, families
from expressedit_mcp.engine import EditRequest
from expressedit_mcp.engine.methods.method import PLAIN, Attention, Method, Projection, Source
from expressedit_mcp.imaging import (
    Patch,
    Picture,
    Size,
    apply_patch,
    preserve,
    window_radius_px,
)
from expressedit_mcp.imaging.structure import fit
from expressedit_mcp.preview import contact_sheet
from expressedit_mcp.settings import SHIPPED_MODEL
from expressedit_mcp.studio import EditCommand
from expressedit_mcp.studio.planning import EditPlan, plan_edit
from expressedit_mcp.studio.recolouring import (
    CROSS_UNTIL,
    GUIDANCE_SCALE,
    MOST_STEPS,
    PRESERVE_STRUCTURE,
    SELF_UNTIL,
    STRENGTH,
)
from expressedit_mcp.studio.wording import Wording

SUBJECTS = 2
AMOUNTS = (0.0, 0.5, 0.7, 0.8, 0.9, 1.0)
_CELL_PX = 170
_HEAD = ("| Row | SPL | edge F1 | shown | processor s |", "| --- | --- | --- | --- | --- |")


@dataclass(frozen=True)
class Row:
    """A combination of ingredients; `attention` is until when self- and cross-attention are the source's."""

    name: str
    ddcm: bool = True
    attention: tuple[float, float] = (0.0, 0.0)
    in_loop: bool = False
    pixels: bool = False
    masked: bool = False

    def method(self, task: Task) -> Method:
        """The method's plan for a task."""
        if not self.ddcm:
            return PLAIN
        self_until, cross_until = self.attention
        return Method(
            solver="consistency",
            source=Source(prompt=tagdb.parse_prompt(task.source)),
            attention=Attention(self_until=self_until, cross_until=cross_until),
            projection=Projection(structure=PRESERVE_STRUCTURE if self.in_loop else 0.0),
        )


_TOOL = (SELF_UNTIL, CROSS_UNTIL)
ROWS = (
    Row("plain edit", ddcm=False),
    Row("plain edit, pixel stage", ddcm=False, pixels=True),
    Row("DDCM"),
    Row("DDCM, attention 0.8 / 0.8", attention=(0.8, 0.8)),
    Row("DDCM, attention {:g} / {:g}".format(*_TOOL), attention=_TOOL),
    Row("the same, in-loop stage", attention=_TOOL, in_loop=True),
    Row("the same, pixel stage (`recolor`)", attention=_TOOL, pixels=True),
    Row("the same, both stages", attention=_TOOL, in_loop=True, pixels=True),
    Row("the same, both stages, masked", attention=_TOOL, in_loop=True, pixels=True, masked=True),
)


@dataclass(frozen=True)
class Run:
    """What the engine made of a request, and the processor's seconds."""

    plan: EditPlan
    request: EditRequest
    colour: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Measured:
    """One edit in the part that shall stay, whether it shows, and the processor's seconds."""

    loss: float
    edge_f1: float
    shown: bool
    seconds: float


def run(out: Path, count: int | None) -> str:
    """The tables as Markdown; writes `structure.png` into `out`. `count` is the number of characters."""
    subjects = [Subject.of(number) for number in range(count or SUBJECTS)]
    lines, pictures, captions = [], [], []
    with Bench.open(SHIPPED_MODEL) as bench:
        for name, tasks in families(subjects):
            made = [_all_rows(bench, task) for task in tasks]
            lines += [f"{name} (n = {len(tasks)})", "", *_HEAD]
            lines += [_line(row.name, [each[i][1] for each in made]) for i, row in enumerate(ROWS)]
            lines.append("")
            if not any(task.reshapes for task in tasks):
                lines += [*_amounts(bench, tasks), ""]
            for task, results in zip(tasks, made, strict=True):
                pictures += [_cell(task, task.subject.neutral.pixels)]
                pictures += [_cell(task, pixels) for pixels, _ in results]
                captions += [task.name, *(row.name for row in ROWS)]
    sheet = contact_sheet(pictures, columns=1 + len(ROWS), captions=captions)
    Image.fromarray(sheet).save(out / "structure.png")
    return "\n".join([*lines, *reconstruction.table(subjects[:2]), "", *costs.table()])


def _all_rows(bench: Bench, task: Task) -> list[tuple[np.ndarray, Measured]]:
    """Per row the edited pixels (512, 512, 3) uint8, and what is measured of them."""
    runs: dict[Row, Run] = {}
    done = []
    for row in ROWS:
        # the pixel stage comes after the loop, so it is made on the run without it
        bare = replace(row, name="", pixels=False)
        if bare not in runs:
            runs[bare] = _run(bench, task, bare)
        made = _held(runs[bare], PRESERVE_STRUCTURE) if row.pixels else runs[bare]
        done.append(_judged(bench, task, made))
        print(f"{task.name}, {row.name}: {done[-1][1]}", file=sys.stderr, flush=True)
    return done


def _judged(bench: Bench, task: Task, made: Run) -> tuple[np.ndarray, Measured]:
    """The edited pixels (512, 512, 3) uint8 of a run, and what is measured of them."""
    picture = Picture(task.subject.neutral.pixels)
    patch = Patch.of(made.colour, made.plan.crop.box, made.plan.selection, picture)
    after = apply_patch(picture, patch).pixels
    return after, _measured(bench, task, after, made.seconds)


def _amounts(bench: Bench, tasks: Sequence[Task]) -> list[str]:
    """The table of how much of the lines `recolor` gives back, over edits that shall keep all of them."""
    found: dict[str, list[Measured]] = {"plain edit": []}
    for task in tasks:
        found["plain edit"].append(_judged(bench, task, _run(bench, task, ROWS[0]))[1])
        bare = _run(bench, task, Row("", attention=_TOOL))
        for amount in AMOUNTS:
            made = _held(bare, amount) if amount else bare
            name = f"`recolor`, preserve_structure {amount:g}"
            found.setdefault(name, []).append(_judged(bench, task, made)[1])
    return [*_HEAD, *(_line(name, each) for name, each in found.items())]


def _run(bench: Bench, task: Task, row: Row) -> Run:
    plan = _plan(bench, task, row)
    request = plan.request(Picture(task.subject.neutral.pixels), 1)
    started = time.process_time()
    result = bench.studio.engine.edit(request, lambda *step: None, lambda: False)
    return Run(plan, request, result.colour, time.process_time() - started)


def _held(made: Run, amount: float) -> Run:
    """The run with the pixel stage after it, as the engine makes it."""
    crop = made.request.crop
    started = time.process_time()
    colour = preserve(
        made.colour,
        crop.astype(np.float32) / np.iinfo(crop.dtype).max,
        made.request.selection,
        structure=amount,
        color=0.0,
        radius_px=window_radius_px(Size(crop.shape[1], crop.shape[0]), made.request.model_size),
    )
    return replace(made, colour=colour, seconds=made.seconds + time.process_time() - started)


def _plan(bench: Bench, task: Task, row: Row) -> EditPlan:
    engine = bench.studio.engine
    command = EditCommand(
        "",
        (),
        strength=STRENGTH if row.ddcm else None,
        steps=min(engine.card.steps.final, MOST_STEPS),
        guidance_scale=GUIDANCE_SCALE if row.ddcm else None,
        control_inside=None if task.reshapes else "keep",
        feather_px=0 if row.masked else None,
    )
    if row.masked:
        # the same crop as without the mask
        crop = _plan(bench, task, replace(row, masked=False)).crop.box
        command = replace(command, context=tuple(crop.as_list()))
    return plan_edit(
        command,
        "",
        Picture(task.subject.neutral.pixels),
        [task.mask if row.masked else task.box],
        Wording(tagdb.parse_prompt(task.target), ()),
        engine.card,
        engine.fingerprint,
        None,
        row.method(task),
    )


def _measured(bench: Bench, task: Task, after: np.ndarray, seconds: float) -> Measured:
    before = task.subject.neutral.pixels
    loss = fit(*(p.mean(axis=2) / 255 for p in (before, after)), may_invert=True).loss
    f1 = edge_f1(before, after, task.preserved)
    return Measured(float(loss[task.preserved].mean()), f1, task.shows(bench, after), seconds)


def _line(name: str, found: Sequence[Measured]) -> str:
    loss, f1, shown, seconds = (
        np.mean([getattr(m, name) for m in found]) for name in Measured.__annotations__
    )
    return f"| {name} | {loss:.1e} | {f1:.2f} | {shown:.2f} | {seconds:.1f} |"


def _cell(task: Task, pixels: np.ndarray) -> np.ndarray:
    left, top, right, bottom = task.subject.neutral.part_boxes["face"]
    part = pixels[top:bottom, left:right]
    return cv2.resize(part, (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_AREA)
