"""Is it still the same character, is nothing else touched, is the edit as sharp as the rest?"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from benchmarks.fidelity.measures import changed_outside, delta_e00, lab_of, rim_step, sharpness
from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.setting import SIZE_PX, Bench, Edited, Subject, part_of
from benchmarks.fidelity.tags import read_state
from expressedit_mcp.preview import expression_from_tags
from expressedit_mcp.preview.labels import HAIR, IRIS, SKIN
from expressedit_mcp.preview.layout import Figure
from expressedit_mcp.preview.rig import paint

_LABELS = {"skin": SKIN, "hair": HAIR, "irises": IRIS}
_BORDER_PX = 2  # outlines and their soft rims are no flat colour
_FEWEST_PX = 40


def identity(bench: Bench, subjects: Sequence[Subject], tags: Sequence[str]) -> Outcome:
    """Colours, sharpness and rims of edits against the rig's own drawing of the same tag."""
    outcome = Outcome()
    colors: dict[str, list[float]] = {name: [] for name in _LABELS}
    columns: dict[str, list[float]] = {name: [] for name in ("sharp", "rim", "rim before", "eyes")}
    outside, kept = 0, []
    for tag in tags:
        for subject in subjects:
            edited, drawn = bench.edit(subject, [tag]), subject.drawn([tag]).pixels
            labels = _labels(subject, tag)
            for name, label in _LABELS.items():
                there = edited.selected & _inner(labels == label)
                if there.sum() >= _FEWEST_PX:
                    colors[name].append(_apart(edited.after, drawn, there))
            columns["sharp"].append(
                sharpness(edited.after, edited.selected) / sharpness(drawn, edited.selected)
            )
            columns["rim"].append(rim_step(edited.after, edited.selected))
            columns["rim before"].append(rim_step(edited.before, edited.selected))
            columns["eyes"] += _eyes_apart(edited, labels)
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


def _labels(subject: Subject, tag: str) -> np.ndarray:
    """What is drawn where (512, 512), as `preview.labels` counts it."""
    figure = Figure(subject.character, expression_from_tags([tag]), subject.view)
    labels = paint(figure, SIZE_PX, labelled=True).labels
    assert labels is not None
    return cv2.resize(labels, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_NEAREST)


def _inner(mask: np.ndarray) -> np.ndarray:
    side = 2 * _BORDER_PX + 1
    return cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def _apart(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """ΔE00 of the mean colours under the mask."""
    return float(delta_e00(*(lab_of(p[mask].mean(axis=0)) for p in (a, b))))


def _eyes_apart(edited: Edited, labels: np.ndarray) -> list[float]:
    """ΔE00 between the irises of both eyes, if both are selected and seen."""
    middle = labels.shape[1] // 2
    irises = edited.selected & (labels == IRIS)
    halves = [irises[:, :middle], irises[:, middle:]]
    if any(half.sum() < _FEWEST_PX for half in halves):
        return []
    pictures = (edited.after[:, :middle], edited.after[:, middle:])
    means = [lab_of(p[half].mean(axis=0)) for p, half in zip(pictures, halves, strict=True)]
    return [float(delta_e00(means[0], means[1]))]


def _middle(values: Sequence[float]) -> str:
    return f"{np.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
