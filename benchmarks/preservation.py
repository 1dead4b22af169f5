"""What preserve_structure and preserve_color hold and what they cost, on characters the model was not trained on.

Run: python -m benchmarks.preservation --out FOLDER. The preserved part is the selection without what the rig draws
as eyes, brows and mouth, before or after the edit. Edge F1 compares Canny edges with those of the unedited drawing
there, within 1 px. The face reader says whether the tag is seen; new eyes shall have red irises.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks.fidelity.measures import delta_e00, edge_f1, lab_of
from benchmarks.fidelity.setting import SIZE_PX, Bench, Edited, Subject, part_of, region_of
from benchmarks.fidelity.tags import reads_as
from benchmarks.machine import describe
from expressedit_mcp.imaging import Picture
from expressedit_mcp.imaging.structure import fit
from expressedit_mcp.preview import contact_sheet, expression_from_tags, part_masks
from expressedit_mcp.settings import SHIPPED_MODEL
from expressedit_mcp.studio import EditCommand

EXPRESSIONS = ("smile", ":d", "frown", "closed eyes", "half-closed eyes")
AMOUNTS = ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.0, 0.5))
_FEATURE_MARGIN_PX = 4
_CELL_PX = 200


@dataclass(frozen=True)
class Measured:
    """One edit: edge F1 and SPL in its preserved part, change of chroma there in levels, and whether it shows.

    `moved` is the colour difference (CIEDE2000) of the features from the unedited ones.
    """

    edge_f1: float
    loss: float
    chroma: float
    moved: float
    shown: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="model directory")
    parser.add_argument("--out", type=Path, help="folder for the contact sheets")
    parser.add_argument("--subjects", type=int, default=5)
    options = parser.parse_args()
    subjects = [Subject.of(number) for number in range(options.subjects)]
    print(describe("torch", "numpy", "opencv-python-headless"))
    with Bench.open(options.model) as bench:
        for name, edits in (
            ("expressions", [({"tags": (tag,)}, part_of([tag])) for tag in EXPRESSIONS]),
            ("blush", [({"tags": ("blush",), "control_inside": "keep"}, "face")]),
            ("eye colour", [({"control_inside": "keep"}, "eyes")]),
        ):
            sheet = _table(bench, name, subjects, edits)
            if options.out:
                options.out.mkdir(parents=True, exist_ok=True)
                Image.fromarray(sheet).save(options.out / f"{name}.png")


def _table(
    bench: Bench,
    name: str,
    subjects: Sequence[Subject],
    edits: Sequence[tuple[dict[str, Any], str]],
) -> np.ndarray:
    """Prints a row of means per amount; the contact sheet, a row per edit."""
    rows: dict[tuple[float, float], list[Measured]] = {amounts: [] for amounts in AMOUNTS}
    pictures, captions = [], []
    for changes, part in edits:
        for subject in subjects:
            pictures.append(_face(subject, subject.neutral.pixels))
            captions.append("before")
            for structure, color in AMOUNTS:
                amounts = {"preserve_structure": structure, "preserve_color": color}
                edited, tags = _edit(bench, subject, part, {**changes, **amounts})
                rows[structure, color].append(_measure(edited, tags))
                pictures.append(_face(subject, edited.after))
                captions.append(f"{' '.join(tags) or name}, {structure:g} / {color:g}")
    print(
        f"\n{name}: structure / color | edge F1 | SPL | chroma, levels | features moved, ΔE00 | shown | n"
    )
    for (structure, color), found in rows.items():
        means = [np.mean([getattr(m, f) for m in found]) for f in Measured.__annotations__]
        print(
            f"| {structure:g} / {color:g} | {means[0]:.2f} | {means[1]:.2e} | {means[2]:.1f} | {means[3]:.1f} | "
            f"{means[4]:.2f} | {len(found)} |",
            flush=True,
        )
    return contact_sheet(pictures, columns=1 + len(AMOUNTS), captions=captions)


def _edit(
    bench: Bench, subject: Subject, part: str, changes: dict[str, Any]
) -> tuple[Edited, tuple[str, ...]]:
    """The edit, and the tags it was asked for; without tags a prompt asks for red eyes."""
    if "tags" in changes:
        changes = {**changes, "character": subject.look}
    else:
        other = [tag for tag in subject.character.tags if not tag.endswith(" eyes")]
        changes = {**changes, "prompt": ", ".join([*other, "red eyes"])}
    before = subject.neutral.pixels
    parent = bench.studio.images.add(Picture(before.copy()), "drawn")
    region = region_of(subject.neutral, part)
    outcome = bench.studio.edit(EditCommand(parent.image_id, region, **changes))[0]
    edited = bench.result(subject, before, outcome.version.image_id, outcome.elapsed_s)
    return edited, changes.get("tags", ())


def _measure(edited: Edited, tags: tuple[str, ...]) -> Measured:
    features = _features(edited.subject, tags)
    kernel = np.ones((2 * _FEATURE_MARGIN_PX + 1,) * 2, np.uint8)
    preserved = edited.selected & ~(cv2.dilate(features.astype(np.uint8), kernel) > 0)
    inside = edited.selected & features
    before, after = (p.astype(np.float64) / 255 for p in (edited.before, edited.after))
    loss = fit(before.mean(axis=2), after.mean(axis=2), may_invert=True).loss
    drift = _chroma(after) - _chroma(before)
    moved = delta_e00(lab_of(edited.before[inside]), lab_of(edited.after[inside]))
    return Measured(
        edge_f1(edited.before, edited.after, preserved),
        float(loss[preserved].mean()),
        float(np.abs(drift)[preserved].mean() * 255),
        float(moved.mean()),
        reads_as(edited.reading, tags) if tags else _has_red_irises(edited),
    )


def _has_red_irises(edited: Edited) -> bool:
    """Whether the mean colour of the irises, where the rig drew them, is within 30 degrees of red."""
    subject = edited.subject
    masks = part_masks(subject.character, expression_from_tags([]), subject.view, SIZE_PX)
    mean = edited.after[masks["irises"] > 0].mean(axis=0, dtype=np.float32)
    hue = float(cv2.cvtColor(mean[None, None], cv2.COLOR_RGB2HSV)[0, 0, 0])
    return min(hue, 360 - hue) <= 30


def _features(subject: Subject, tags: tuple[str, ...]) -> np.ndarray:
    """Where the rig draws eyes, brows or mouth, without or with the tags, (512, 512) bool."""
    seen = np.zeros((SIZE_PX, SIZE_PX), bool)
    for shown in ((), tags):
        expression = expression_from_tags(shown)
        masks = part_masks(subject.character, expression, subject.view, SIZE_PX)
        for part in ("eyes", "brows", "mouth"):
            seen |= masks[part] > 0
    return seen


def _chroma(rgb: np.ndarray) -> np.ndarray:
    return rgb - rgb.mean(axis=2, keepdims=True)


def _face(subject: Subject, pixels: np.ndarray) -> np.ndarray:
    left, top, right, bottom = subject.neutral.part_boxes["face"]
    face = pixels[top:bottom, left:right]
    return cv2.resize(face, (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
