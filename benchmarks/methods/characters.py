"""Learned characters and attributes: identity of edits with and without the token, entanglement, composition.

Drawings are the rig's, of characters that the model was not trained on; the rig's own drawing of an edit's tags is
the truth. Every tag of the eyes opens those that are closed in the source, so nothing there tells their colour.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fidelity.identity import _apart as colours_apart
from benchmarks.fidelity.identity import _masks as part_masks_of
from benchmarks.fidelity.setting import SIZE_PX, Bench, Subject
from expressedit_mcp.imaging import Picture
from expressedit_mcp.preview import draw_character, expression_from_tags, sample_view
from expressedit_mcp.regions import BoxRegion
from expressedit_mcp.settings import SHIPPED_MODEL
from expressedit_mcp.studio import LearnCommand

FIRST_SUBJECT, COUNT, STEPS, BATCH = 3, 2, 120, 3
# what all of them show, a smile, must not become a part of the character
SHOWN = (("smile", "blush"), ("smile", "raised eyebrows"), ("smile", "looking to the side"))
EYES, MOUTH = ("wide-eyed", "looking up"), ("frown",)
ATTRIBUTES = {"hearts": "heart-shaped pupils", "wet": "tearing up"}
_AS_IT_IS: Mapping[str, object] = {}
ABLATIONS: Mapping[str, Mapping[str, object]] = {
    "token, no orthogonality": {"orthogonality": 0.0},
    "token, no mask": {"masked": False},
    "token, no splice": {"spliced": False},
}


@dataclass
class Figures:
    """What edits of one kind gave: colour differences by part, errors of tags not asked for, tags read as asked."""

    colours: dict[str, list[float]] = field(
        default_factory=lambda: {"irises": [], "skin": [], "hair": []}
    )
    others: list[float] = field(default_factory=list)
    smile: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        columns = [*self.colours.values(), self.others, self.smile, self.read]
        figures = " | ".join(f"{np.mean(c):.2f}" if c else "-" for c in columns)
        return f"| {name} | {figures} | {len(self.read)} |"


@dataclass
class Learnings:
    """Learns into a bench's store, and keeps the seconds."""

    bench: Bench
    folder: Path
    seconds: list[float] = field(default_factory=list)

    def learn(
        self,
        command: LearnCommand,
        changes: Mapping[str, object] = _AS_IT_IS,
        *,
        brief: bool = True,
    ) -> str:
        """The name of what was learned; not `brief`, in the steps and noise levels of the tools' default."""
        studio = self.bench.studio
        request = studio.characters.request(command)
        length = {"steps": STEPS, "token_steps": STEPS // 4, "batch": BATCH} if brief else {}
        changed = request.settings.model_copy(update={**length, **changes})
        started = time.process_time()
        data = studio.engine.learn(
            replace(request, settings=changed),
            self.folder / command.name,
            lambda done, total, what: None,
            lambda: False,
        )
        seconds = time.process_time() - started
        self.seconds += [seconds] if brief else []
        studio.learned.keep(data)
        print(f"learned {command.name}: {seconds:.0f} s of processor time", flush=True)
        return command.name


@dataclass
class Case:
    """One character: the drawings it is learned from, and a source with closed eyes from another view."""

    subject: Subject

    @cached_property
    def closed(self) -> np.ndarray:
        return self.subject.drawn(["closed eyes"]).pixels

    def command(self, bench: Bench, name: str) -> LearnCommand:
        """What learns the character from three drawings that no edit is made of."""
        rng = np.random.default_rng(self.subject.number)
        return drawn_command(
            bench, name, "character", [(self.subject, tags) for tags in SHOWN], rng
        )


def drawn_command(
    bench: Bench,
    name: str,
    kind: str,
    drawings: Sequence[tuple[Subject, Sequence[str]]],
    rng: np.random.Generator,
    learned: Sequence[str] = (),
) -> LearnCommand:
    """The command that learns from drawings in random views; captions lack the tags that shall be learned."""
    images, regions, captions = [], [], []
    for subject, tags in drawings:
        drawn = draw_character(
            subject.character, expression_from_tags(tags), sample_view(rng), SIZE_PX
        )
        images.append(bench.studio.images.add(Picture(drawn.pixels.copy()), name).image_id)
        box = drawn.crop_box if kind == "character" else drawn.part_boxes["eyes"]
        regions.append(BoxRegion(box=[min(max(edge, 0), SIZE_PX) for edge in box]))
        own = set(subject.character.tags) if kind == "character" else set()
        captions.append(tuple(tag for tag in drawn.tags if tag not in own | set(learned)))
    return LearnCommand(name, kind, tuple(images), tuple(regions), tuple(captions))  # type: ignore[arg-type]


def run(out: Path, count: int | None) -> str:
    """The table; a contact sheet goes to `out`. `count` is the number of characters."""
    cases = [Case(Subject.of(FIRST_SUBJECT + n)) for n in range(count or COUNT)]
    with Bench.open(SHIPPED_MODEL) as bench:
        learnings = Learnings(bench, out / "learning")
        figures: dict[str, Figures] = {}
        sheet = _identity(learnings, cases[0], "character-0", figures)
        figures["token (first character)"] = deepcopy(figures["token"])
        for number, case in enumerate(cases[1:], 1):
            sheet += _identity(learnings, case, f"character-{number}", figures)
        sheet.append(_ablations(learnings, cases[0], figures))
        composed, row = _composition(learnings, cases[0])
        sheet.append(row)
    cv2.imwrite(str(out / "characters.png"), np.vstack(sheet)[..., ::-1])
    seconds = np.mean(learnings.seconds)
    head = (
        "| edits | irises ΔE00 | skin ΔE00 | hair ΔE00 | tags not asked for, error | smile left "
        "| read as asked | n |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    rows = "\n".join(one.row(name) for name, one in figures.items())
    return (
        f"{head}\n{rows}\n\n{composed}\n\nOne learning of {STEPS} steps of {BATCH} noise levels took "
        f"{seconds:.0f} s of processor time.\n"
    )


def _identity(
    learnings: Learnings, case: Case, name: str, figures: dict[str, Figures]
) -> list[np.ndarray]:
    """Edits with and without the token. A row of the sheet per tag: source, truth, edits."""
    look = case.subject.look
    learned = ((learnings.learn(case.command(learnings.bench, name)), 1.0),)
    longer = case.command(learnings.bench, f"{name}-longer")
    thoroughly = ((learnings.learn(longer, brief=False), 1.0),)
    kinds: dict[str, dict[str, object]] = {
        "no token": {"character": ""},
        "no token, the look in words": {"character": look},
        "token": {"character": "", "learned": learned},
        "token and the look in words": {"character": look, "learned": learned},
        "token of the default learning": {"character": "", "learned": thoroughly},
    }
    rows = []
    for tag in (*EYES, *MOUTH):
        cells = [case.closed, _truth(case, tag)]
        for kind, changes in kinds.items():
            found = figures.setdefault(kind, Figures())
            cells.append(_judged(learnings.bench, case, tag, found, changes))
        rows.append(_row(case, cells))
    return rows


def _ablations(learnings: Learnings, case: Case, figures: dict[str, Figures]) -> np.ndarray:
    """Edits with tokens that were learned without one part of the method. A row of the sheet."""
    cells = []
    for kind, settings in ABLATIONS.items():
        name = kind.replace(",", "").replace(" ", "-")
        command = case.command(learnings.bench, name)
        learned = ((learnings.learn(command, settings), 1.0),)
        for tag in (*EYES, *MOUTH):
            changes: dict[str, object] = {"character": "", "learned": learned}
            found = figures.setdefault(f"{kind} (first character)", Figures())
            cell = _judged(learnings.bench, case, tag, found, changes)
            cells += [cell] if tag in (EYES[0], MOUTH[0]) else []
    return _row(case, cells)


def _truth(case: Case, tag: str) -> np.ndarray:
    tags = [tag] if tag in EYES else [tag, "closed eyes"]
    return case.subject.drawn(tags).pixels


def _judged(
    bench: Bench, case: Case, tag: str, figures: Figures, changes: Mapping[str, object]
) -> np.ndarray:
    part = "eyes" if tag in EYES else "mouth"
    edited = bench.edit_pixels(case.subject, case.closed, [tag], part, **changes)
    truth = _truth(case, tag)
    for name, mask in part_masks_of(case.subject, tag).items() if part == "eyes" else ():
        there = edited.selected & mask
        if there.sum() >= 40:
            figures.colours[name].append(colours_apart(edited.after, truth, there))
    drawn = bench.read(case.subject, truth)
    apart = [abs(edited.reading.tags[t] - drawn.tags[t]) for t in drawn.tags if t != tag]
    figures.others.append(float(np.mean(apart)))
    if part == "mouth":
        figures.smile.append(edited.reading.tags["smile"])
    figures.read.append(float(edited.reading.tags[tag] >= 0.5))
    return edited.after


def _composition(learnings: Learnings, case: Case) -> tuple[str, np.ndarray]:
    """Two attributes learned from other characters, added to an edit alone, together, and to the character."""
    bench = learnings.bench
    rng = np.random.default_rng(99)
    for name, tag in ATTRIBUTES.items():
        others = [(Subject.of(40 + n), [tag]) for n in range(3)]
        learnings.learn(drawn_command(bench, name, "attribute", others, rng, [tag]))
    hearts, wet, hero = ("hearts", 1.0), ("wet", 1.0), ("character-0", 1.0)
    kinds = {
        "none": (),
        "hearts": (hearts,),
        "wet": (wet,),
        "both": (hearts, wet),
        "the character": (hero,),
        "the character and hearts": (hero, hearts),
        "the character and both": (hero, hearts, wet),
    }
    truth = case.subject.drawn([EYES[0]]).pixels
    irises = part_masks_of(case.subject, EYES[0])["irises"]
    lines, cells = [], []
    for kind, learned in kinds.items():
        edited = bench.edit_pixels(
            case.subject, case.closed, [EYES[0]], "eyes", character="", learned=learned
        )
        chances = " | ".join(f"{edited.reading.tags[tag]:.2f}" for tag in ATTRIBUTES.values())
        apart = colours_apart(edited.after, truth, edited.selected & irises)
        lines.append(f"| {kind} | {chances} | {apart:.2f} |")
        cells.append(edited.after)
    head = " | ".join(f"{tag}, read" for tag in ATTRIBUTES.values())
    table = f"| attributes | {head} | irises ΔE00 |\n| --- | --- | --- | --- |\n" + "\n".join(lines)
    return table, _row(case, cells)


def _row(case: Case, cells: Sequence[np.ndarray]) -> np.ndarray:
    """Seven cells of the face; missing ones are white."""
    left, top, right, bottom = case.subject.neutral.crop_box
    shown = [
        cv2.resize(c[max(top, 0) : bottom, max(left, 0) : right], (224, 224)) for c in cells[:7]
    ]
    shown += [np.full((224, 224, 3), 255, np.uint8)] * (7 - len(shown))
    return np.hstack(shown)
