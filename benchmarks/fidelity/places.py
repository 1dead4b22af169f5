"""Are irises as large, and gazes where, as was asked? The reader measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.setting import Bench, Subject
from expressedit_mcp.imaging import Picture
from expressedit_mcp.preview.reader import Iris, Reading
from expressedit_mcp.preview.train.reader_samples import truth_of
from expressedit_mcp.regions import EllipseRegion
from expressedit_mcp.studio import ScaleCommand


def irises_scaled(bench: Bench, subjects: Sequence[Subject], factors: Sequence[float]) -> Outcome:
    """Irises scaled and repaired with no tag of irises: how near the radius comes to what was asked."""
    outcome = Outcome()
    for factor in factors:
        repaired: list[float | None] = []
        drawn_errors: list[float | None] = []
        for subject in subjects:
            before = bench.neutral(subject)
            pixels = _scaled(bench, subject, factor)
            drawn = subject.drawn(iris_scale=factor).pixels
            repaired += _errors(before, bench.read(subject, pixels), factor)
            drawn_errors += _errors(before, bench.read(subject, drawn), factor)
            outcome.show(f"irises x {factor}, repaired", pixels)
            outcome.show("drawn", drawn)
        outcome.add(f"iris ratio error, x {factor}: repaired", _told(repaired), len(repaired))
        outcome.add(f"iris ratio error, x {factor}: drawn", _told(drawn_errors), len(repaired))
    return outcome


def gazes(bench: Bench, subjects: Sequence[Subject], tags: Sequence[str]) -> Outcome:
    """Where the irises of a gaze tag come to lie, against the rig's own drawing of it."""
    outcome = Outcome()
    edited_away, unedited_away, same_way = [], [], []
    for tag in tags:
        for subject in subjects:
            edited, truth = bench.edit(subject, [tag]), truth_of(subject.drawn([tag]))
            mirrored = truth_of(subject.drawn([tag], side="left"))
            width = _eye_width(truth)
            for reading, values in (
                (edited.reading, edited_away),
                (bench.neutral(subject), unedited_away),
            ):
                # a gaze tag names no side, so either is right
                away = [_away(reading, wanted) / width for wanted in (truth, mirrored)]
                values.append(min(away))
            moves = _moves(bench.neutral(subject), edited.reading)
            if moves is not None:
                same_way.append(bool(np.linalg.norm(moves[0] - moves[1]) < 0.25 * width))
            outcome.show(tag, edited.after)
    count = len(edited_away)
    outcome.add(
        "gaze: distance from the drawn, % of eye width",
        f"{100 * np.nanmean(edited_away):.1f}",
        count,
    )
    outcome.add("gaze: the same, unedited", f"{100 * np.nanmean(unedited_away):.1f}", count)
    outcome.add(
        "gaze: both eyes move alike", f"{np.mean(same_way):.3f}" if same_way else "-", len(same_way)
    )
    return outcome


def _scaled(bench: Bench, subject: Subject, factor: float) -> np.ndarray:
    parent = bench.studio.images.add(Picture(subject.neutral.pixels.copy()), "drawn")
    irises = [Iris(*map(float, iris)) for iris in truth_of(subject.neutral)["irises"]]
    command = ScaleCommand(
        parent.image_id,
        [_region(iris) for iris in irises],
        scale_x=factor,
        scale_y=factor,
        repair=True,
        prompt=subject.look,
    )
    made = bench.studio.scale(command)
    return bench.studio.images.load(made.version.image_id).pixels


def _region(iris: Iris) -> EllipseRegion:
    """An ellipse a little larger than the iris."""
    i = iris.with_rim()
    return EllipseRegion(ellipse=[i.x - i.radius, i.y - i.height, i.x + i.radius, i.y + i.height])


def _errors(before: Reading, after: Reading, factor: float) -> list[float | None]:
    """Both irises' ratio of radii less the factor; None where no iris is seen."""
    pairs = ((before.left_iris, after.left_iris), (before.right_iris, after.right_iris))
    return [a.radius / b.radius - factor if a and b else None for b, a in pairs]


def _told(errors: Sequence[float | None]) -> str:
    seen = [error for error in errors if error is not None]
    lost = f", {len(errors) - len(seen)} not seen" if len(seen) < len(errors) else ""
    if not seen:
        return "no iris seen"
    return f"{np.abs(seen).mean():.3f} (bias {np.mean(seen):+.3f}{lost})"


def _eye_width(truth: dict[str, np.ndarray]) -> float:
    """The distance between the eyes' centres halved: about an eye's width, in pixels."""
    left, right = truth["irises"][:, :2]
    return float(np.linalg.norm(right - left)) / 2


def _away(reading: Reading, truth: dict[str, np.ndarray]) -> float:
    """Mean distance of the seen irises from the true ones, pixels; NaN where none is seen."""
    found = [
        np.hypot(iris.x - x, iris.y - y)
        for iris, (x, y, radius, _) in zip(
            (reading.left_iris, reading.right_iris), truth["irises"], strict=True
        )
        if iris and radius
    ]
    return float(np.mean(found)) if found else float("nan")


def _moves(before: Reading, after: Reading) -> tuple[np.ndarray, np.ndarray] | None:
    """How far each iris went, pixels; None unless all four are seen."""
    irises = (before.left_iris, before.right_iris, after.left_iris, after.right_iris)
    if not all(irises):
        return None
    a, b, c, d = (np.array([iris.x, iris.y]) for iris in irises if iris)
    return c - a, d - b
