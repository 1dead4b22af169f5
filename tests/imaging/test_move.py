"""A part moved to another place: it is there as it was, what it left is filled, the rest is untouched."""

from __future__ import annotations

import numpy as np
import pytest

from expressedit_mcp.imaging import (
    Picture,
    Size,
    apply_patch,
    box_selection,
    move_under,
    outside_unchanged,
    scale_under,
)

SIZE = Size(60, 50)
SELECTED = box_selection([18, 18, 32, 32], SIZE)


def dot() -> Picture:
    """A red square of ten pixels on white."""
    pixels = np.full((50, 60, 3), 255, np.uint8)
    pixels[20:30, 20:30] = (200, 10, 10)
    return Picture(pixels)


@pytest.mark.parametrize(("dx", "dy"), [(14, 0), (-9, 6), (0, 3)])
def test_what_moves_is_there_as_it_was_and_nothing_stays_behind(dx: int, dy: int) -> None:
    patch = move_under(dot(), SELECTED, dx, dy)
    after = apply_patch(dot(), patch)
    assert outside_unchanged(dot(), after, patch)
    wanted = np.full((50, 60, 3), 255, np.uint8)
    wanted[20 + dy : 30 + dy, 20 + dx : 30 + dx] = (200, 10, 10)
    assert np.abs(after.pixels.astype(int) - wanted).max() <= 2


def test_a_part_of_a_pixel_shifts_the_middle_by_so_much() -> None:
    after = apply_patch(dot(), move_under(dot(), SELECTED, 3.5, 0)).pixels.astype(float)
    ink = 255 - after[..., 1]
    assert (ink * np.arange(60)).sum() / ink.sum() == pytest.approx(24.5 + 3.5, abs=0.05)


def test_without_a_way_it_is_a_scaling() -> None:
    a, b = move_under(dot(), SELECTED, 0, 0, 0.5), scale_under(dot(), SELECTED, 0.5, 0.5)
    assert a.box == b.box
    assert np.array_equal(a.pixels, b.pixels) and np.array_equal(a.alpha, b.alpha)


def test_what_leaves_the_picture_is_cut_off() -> None:
    patch = move_under(dot(), SELECTED, 40, 0)
    assert patch.box.right == 60
