"""Is it still the same character, is nothing else touched, is the edit as sharp as the rest?"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from benchmarks.fidelity.measures import changed_outside, delta_e00, lab_of, rim_step, sharpness
from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.setting import SIZE_PX, Bench, Edited, Subject, part_of
from benchmarks.fidelity.tags import read_state
from expressedit_mcp.preview import expression_from_tags, part_masks

_BORDER_PX = 2  # outlines and their soft rims are no flat colour
_FEWEST_PX = 40


def identity(bench: Bench, subjects: Sequence[Subject], tags: Sequence[str]) -> Outcome:
    """Colours, sharpness and rims of edits against the rig's own drawing of the same tag."""
    outcome = Outcome()
    colors: dict[str, list[float]] = {name: [] for name in ("skin", "hair", "irises")}
    columns: dict[str, list[float]] = {name: [] for name in ("sharp", "rim", "rim before", "eyes")}
    outside, kept = 0, []
    for tag in tags:
        for subject in subjects:
            edited, drawn = bench.edit(subject, [tag]), subject.drawn([tag]).pixels
            masks = _masks(subject, tag)
            for name, mask in masks.items():
                there = edited.selected & mask
                if there.sum() >= _FEWEST_PX:
                    colors[name].append(_apart(edited.after, drawn, there))
            columns["sharp"].append(
                sharpness(edited.after, edited.selected) / sharpness(drawn, edited.selected)
            )
            columns["rim"].append(rim_step(edited.after, edited.selected))
            columns["rim before"].append(rim_step(edited.before, edited.selected))
            columns["eyes"] += _eyes_apart(edited, masks["irises"])
            outside += changed_outside(edited.before, edited.after, edited.selected)
            kept += _others_kept(bench, edited, tag)
    count = len(tags) * len(subjects)
    for name, values in colors.items():
        figure = f"{np.mean(values):.2f} (worst {max(values):.2f})" if values else "-"
        outcome.add(f"{name} inside the selection, ΔE00 from the drawn", figure, len(values))
    eyes = columns["eyes"]
    outcome.add("left and right iris, ΔE00", f"{np.mean(eyes):.2f}" if eyes else "-", len(eyes))
    outcome.add("finest detail inside, edited / drawn", _middle(columns["sharp"]), count)
    outcome.add("step at the rim, levels: edited", _middle(columns["rim"]), count)
    outcome.add("step at the rim, levels: before", _middle(columns["rim before"]), count)
    outcome.add("pixels changed outside", str(outside), count)
    outcome.add("parts that were not edited read as before", f"{np.mean(kept):.3f}", len(kept))
    return outcome


def mouth_sharpness(bench: Bench, subjects: Sequence[Subject], tags: Sequence[str]) -> Outcome:
    """Edited mouths of drawings of 512 px against the rig's own, enlarged to be looked at."""
    outcome = Outcome()
    ratios = []
    for subject in subjects:
        left, top, right, bottom = subject.neutral.part_boxes["face"]
        for tag in tags:
            edited, drawn = bench.edit(subject, [tag]), subject.drawn([tag]).pixels
            ratios.append(
                sharpness(edited.after, edited.selected) / sharpness(drawn, edited.selected)
            )
            outcome.show(tag, edited.after[top:bottom, left:right])
            outcome.show("drawn", drawn[top:bottom, left:right])
    outcome.add("finest detail of a mouth, edited / drawn", _middle(ratios), len(ratios))
    return outcome


def _others_kept(bench: Bench, edited: Edited, tag: str) -> list[bool]:
    """For each part outside the edited box, whether the reader sees the state that it saw before."""
    others = ["mouth"] if part_of([tag]) == "eyes" else ["eyes", "brows", "iris", "gaze"]
    before = bench.neutral(edited.subject)
    return [read_state(edited.reading, part) == read_state(before, part) for part in others]


def _masks(subject: Subject, tag: str) -> dict[str, np.ndarray]:
    """Where the rig's drawing of the tag shows skin, hair and irises, (512, 512) bool each."""
    expression = expression_from_tags([tag])
    parts = part_masks(subject.character, expression, subject.view, SIZE_PX)
    seen = {name: mask > 0 for name, mask in parts.items()}
    features = seen["eyes"] | seen["brows"] | seen["mouth"]
    return {
        "skin": _inner(seen["face"] & ~features),
        "hair": _inner(seen["hair"]),
        "irises": _inner(seen["irises"]),
    }


def _inner(mask: np.ndarray) -> np.ndarray:
    side = 2 * _BORDER_PX + 1
    return cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def _apart(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """ΔE00 of the mean colours under the mask."""
    return float(delta_e00(*(lab_of(p[mask].mean(axis=0)) for p in (a, b))))


def _eyes_apart(edited: Edited, mask: np.ndarray) -> list[float]:
    """ΔE00 between the irises of both eyes, if both are selected and seen."""
    left, _, right, _ = edited.subject.neutral.part_boxes["eyes"]
    middle, irises = (left + right) // 2, edited.selected & mask
    halves = [irises[:, :middle], irises[:, middle:]]
    if any(half.sum() < _FEWEST_PX for half in halves):
        return []
    pictures = (edited.after[:, :middle], edited.after[:, middle:])
    means = [lab_of(p[half].mean(axis=0)) for p, half in zip(pictures, halves, strict=True)]
    return [float(delta_e00(means[0], means[1]))]


def _middle(values: Sequence[float]) -> str:
    return f"{np.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
