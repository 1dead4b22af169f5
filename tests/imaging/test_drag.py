"""Points dragged all at once: they arrive, nothing folds over, nothing outside the selection changes."""

from __future__ import annotations

import numpy as np
import pytest

from expressedit_mcp.errors import Cancelled, InputError
from expressedit_mcp.imaging import (
    Picture,
    Selection,
    Size,
    apply_patch,
    box_selection,
    drag_under,
    ellipse_selection,
    outside_unchanged,
)

SIZE = Size(120, 90)


def ramp() -> Picture:
    """Every colour tells its own place: red is x, green is y."""
    y, x = np.mgrid[: SIZE.height, : SIZE.width]
    return Picture(np.stack([2 * x, 2 * y, 0 * x], axis=2).astype(np.uint8))


def dragged(selection: Selection, starts: list, ends: list, radius_px: float = 12) -> np.ndarray:
    patch = drag_under(ramp(), selection, np.array(starts), np.array(ends), radius_px)
    after = apply_patch(ramp(), patch)
    assert outside_unchanged(ramp(), after, patch)
    return after.pixels.astype(float)


WHOLE = box_selection([10, 10, 110, 80], SIZE)


@pytest.mark.parametrize("way", [(9, 0), (-6, 5), (0, -8)])
def test_what_was_at_the_start_is_at_the_end(way: tuple[float, float]) -> None:
    start = np.array([60.5, 45.5])
    end = start + way
    shown = dragged(WHOLE, [start], [end])[int(end[1]), int(end[0]), :2] / 2 + 0.5
    assert np.hypot(*(shown - start)) < 0.1 * np.hypot(*way) + 0.6


def test_points_that_go_different_ways_each_arrive() -> None:
    starts, ends = [[40.5, 45.5], [80.5, 45.5]], [[34.5, 45.5], [80.5, 51.5]]
    after = dragged(WHOLE, starts, ends, 8)
    for start, end in zip(starts, ends, strict=True):
        shown = after[int(end[1]), int(end[0]), :2] / 2 + 0.5
        assert np.hypot(*(shown - start)) < 1.2


@pytest.mark.parametrize("selection", [WHOLE, ellipse_selection([20, 15, 100, 75], SIZE)])
def test_nothing_folds_over_however_far(selection: Selection) -> None:
    after = dragged(selection, [[45.5, 45.5]], [[80.5, 45.5]], 10)
    x, y = after[..., 0], after[..., 1]
    assert (np.diff(x, axis=1) >= 0).all()
    assert (np.diff(y, axis=0) >= 0).all()


def test_a_16_bit_picture_keeps_its_depth() -> None:
    deep = Picture(ramp().pixels.astype(np.uint16) * 257)
    patch = drag_under(deep, WHOLE, np.array([[60.5, 45.5]]), np.array([[66.5, 45.5]]), 12)
    assert patch.pixels.dtype == np.uint16


@pytest.mark.parametrize(
    ("start", "end"), [((60, 45), (60, 45)), ((5, 5), (6, 5)), ((300, 300), (310, 300))]
)
def test_points_that_move_nothing_are_refused(start: tuple, end: tuple) -> None:
    small = box_selection([50, 40, 70, 60], SIZE)
    with pytest.raises(InputError, match="move no pixel"):
        drag_under(ramp(), small, np.array([start], float), np.array([end], float), 3)


def test_the_work_can_be_stopped() -> None:
    def stop() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        drag_under(ramp(), WHOLE, np.array([[60.5, 45.5]]), np.array([[66.5, 45.5]]), 12, stop)
