"""A hundred edits over one another, and what the settings do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.fidelity.measures import saturation, sharpness
from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.plots import line_plot
from benchmarks.fidelity.setting import Bench, Subject
from benchmarks.fidelity.tags import reads_as

_PARTS = ("mouth", "eyes", "face", "left_eye", "right_eye")


def hundred_edits(bench: Bench, subject: Subject, tags: Sequence[str], count: int) -> Outcome:
    """Overlapping edits in a row; every tenth is the same one, so that its sharpness can be compared."""
    outcome = Outcome()
    rng = np.random.default_rng(2)
    pixels = subject.neutral.pixels
    touched = np.zeros(pixels.shape[:2], bool)
    first: tuple[float, float] | None = None
    last = (1.0, 1.0)
    for number in range(count):
        same = number % 10 == 0
        part = "face" if same else _PARTS[int(rng.integers(len(_PARTS)))]
        tag = tags[0] if same else tags[int(rng.integers(len(tags)))]
        edited = bench.edit_pixels(subject, pixels, [tag], part, seed=number)
        pixels, touched = edited.after, touched | edited.selected
        if same:
            measured = sharpness(pixels, edited.selected), saturation(pixels, edited.selected)
            first = first or measured
            last = measured[0] / first[0], measured[1] / first[1]
            outcome.show(f"after {number + 1}: {tag}", pixels)
    before, after = (
        _outside_hash(picture, touched) for picture in (subject.neutral.pixels, pixels)
    )
    outcome.add(
        f"{count} edits in a row: outside of all", "equal" if before == after else "DIFFERS", count
    )
    outcome.add("finest detail, last same edit / first", f"{last[0]:.2f}", count // 10)
    outcome.add("saturation, last same edit / first", f"{last[1]:.2f}", count // 10)
    return outcome


def sweeps(bench: Bench, subjects: Sequence[Subject], tags: Sequence[str]) -> Outcome:
    """Tag success and distance from the rig's drawing over strength, control_end and control_inside."""
    outcome = Outcome()
    ranges: dict[str, tuple[float, ...]] = {
        "strength": (0.3, 0.45, 0.6, 0.75, 0.9, 1.0),
        "control_end": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    }
    for name, values in ranges.items():
        read: dict[str, list[float]] = {"keep": [], "erase": []}
        away: dict[str, list[float]] = {"keep": [], "erase": []}
        for inside in read:
            for value in values:
                success, distance = _try(
                    bench, subjects, tags, {name: value, "control_inside": inside}
                )
                read[inside].append(success)
                away[inside].append(distance)
        for what, lines in (("read as asked", read), ("levels from the drawn", away)):
            outcome.show(f"{name}: {what}", line_plot(name, values, lines))
            for inside, line in lines.items():
                figures = ", ".join(f"{v:g}: {y:.2f}" for v, y in zip(values, line, strict=True))
                outcome.add(
                    f"{what} over {name}, edges {inside}", figures, len(tags) * len(subjects)
                )
    return outcome


def _try(
    bench: Bench, subjects: Sequence[Subject], tags: Sequence[str], settings: dict[str, Any]
) -> tuple[float, float]:
    """Share read as asked, and mean absolute difference in levels from the rig's drawing."""
    read, away = [], []
    for subject in subjects:
        for tag in tags:
            edited = bench.edit(subject, [tag], **settings)
            read.append(reads_as(edited.reading, [tag]))
            difference = edited.after.astype(float) - subject.drawn([tag]).pixels
            away.append(np.abs(difference)[edited.selected].mean())
    return float(np.mean(read)), float(np.mean(away))


def _outside_hash(pixels: np.ndarray, touched: np.ndarray) -> str:
    return hashlib.sha256(pixels[~touched].tobytes()).hexdigest()
