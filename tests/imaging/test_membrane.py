"""The colour step at a selection's rim, and what its correction must leave alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import Size, box_selection, correct_rim, ellipse_selection

SIZE = Size(160, 144)
GAIN, OFFSET = 1.03, np.array([6, -4, 3], np.float32) / 255
SELECTIONS = {
    "ellipse": ellipse_selection((40, 30, 120, 110), SIZE),
    "box": box_selection((30, 40, 131, 97), SIZE),
    "at the border": box_selection((0, 0, 70, 60), SIZE),
    "all but a corner": ellipse_selection((-60, -60, 190, 180), SIZE),
    "thin": box_selection((20, 70, 140, 74), SIZE),
    "one pixel": box_selection((80, 70, 81, 71), SIZE),
}


def smooth(size: Size = SIZE) -> np.ndarray:
    y, x = np.mgrid[0 : size.height, 0 : size.width] / 30
    channels = [np.sin(x + 1) * np.cos(y), np.cos(x - y / 2), np.sin(x / 2) * np.sin(y + 2)]
    return (0.5 + 0.25 * np.stack(channels, axis=2)).astype(np.float32)


def selected(name: str) -> np.ndarray:
    return SELECTIONS[name].within(SIZE.box).astype(np.float32) / 255


def rim(mask: np.ndarray, px: int = 2) -> np.ndarray:
    """The pixels inside a mask next to its boundary."""
    inside = (mask > 0).astype(np.uint8)
    core = cv2.erode(inside, np.ones((2 * px + 1, 2 * px + 1), np.uint8), borderValue=1)
    return (inside == 1) & (core == 0)


def step(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Mean difference at the rim, in levels of 255."""
    return float(np.abs(image - truth)[rim(mask)].mean() * 255)


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_gain_and_an_offset_leave_no_step_at_the_rim(name):
    truth, mask = smooth(), selected(name)
    generated = truth * GAIN + OFFSET
    assert step(generated, truth, mask) > 4
    assert step(correct_rim(generated, truth, mask), truth, mask) < 0.6


@pytest.mark.parametrize("side", [401, 900, 1024])
def test_a_large_selection_is_solved_on_a_coarser_grid_as_well(side):
    size = Size(side, side - 3)
    truth = smooth(size)
    mask = ellipse_selection((9, 6, side - 12, side - 11), size).within(size.box) / np.float32(255)
    generated = truth * GAIN + OFFSET
    assert step(correct_rim(generated, truth, mask), truth, mask) < 0.6
    offset = correct_rim(truth + OFFSET, truth, mask)
    assert np.abs(offset - truth)[mask > 0].max() * 255 < 0.5


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_constant_offset_is_gone_from_the_whole_inside(name):
    truth, mask = smooth(), selected(name)
    corrected = correct_rim(truth + OFFSET, truth, mask)
    assert np.abs(corrected - truth)[mask > 0].max() * 255 < 0.5


@pytest.mark.parametrize("name", ["ellipse", "box", "thin"])
def test_an_error_that_grows_across_the_selection_is_gone_from_the_whole_inside(name):
    """A linear error is harmonic, so the membrane through the rim is the error itself."""
    truth, mask = smooth(), selected(name)
    slope = np.linspace(-0.03, 0.03, SIZE.width, dtype=np.float32)[None, :, None]
    corrected = correct_rim(truth + slope, truth, mask)
    assert np.abs(corrected - truth)[mask > 0].max() * 255 < 0.3


@pytest.mark.parametrize("name", SELECTIONS)
def test_nothing_outside_the_selection_changes(name):
    mask = selected(name)
    generated = np.random.default_rng(0).random((*SIZE.shape, 3), np.float32)
    corrected = correct_rim(generated, smooth(), mask)
    assert np.array_equal(corrected[mask == 0], generated[mask == 0])


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**16), st.floats(0, 1))
def test_any_mask_gives_finite_colour_between_0_and_1(width, height, seed, share):
    rng = np.random.default_rng(seed)
    generated, original = rng.random((2, height, width, 3), np.float32)
    mask = (rng.random((height, width)) < share).astype(np.float32)
    corrected = correct_rim(generated, original, mask)
    assert corrected.shape == generated.shape
    assert corrected.dtype == np.float32
    assert corrected.min() >= 0
    assert corrected.max() <= 1
    assert np.array_equal(corrected[mask == 0], generated[mask == 0])


def test_with_everything_selected_nothing_changes():
    generated = smooth() * GAIN
    mask = np.ones(SIZE.shape, np.float32)
    assert np.array_equal(correct_rim(generated, smooth(), mask), generated)


def test_with_nothing_selected_nothing_changes():
    generated = smooth() * GAIN
    mask = np.zeros(SIZE.shape, np.float32)
    assert np.array_equal(correct_rim(generated, smooth(), mask), generated)


def test_colour_that_fits_already_stays():
    """What is drawn in the middle of a selection is not pulled to what was there."""
    mask = selected("ellipse")
    generated = smooth()
    cv2.circle(generated, (80, 70), 20, (0.9, 0.1, 0.2), -1)
    corrected = correct_rim(generated, smooth(), mask)
    assert np.abs(corrected - generated).max() * 255 < 0.01


@pytest.mark.parametrize("moved_px", [4, 6, 15])
def test_a_line_that_moved_at_the_rim_does_not_tint_the_inside(moved_px):
    mask = selected("ellipse")
    truth, generated = smooth(), smooth()
    truth[:, 78:82] = 0.05
    generated[:, 78 + moved_px : 82 + moved_px] = 0.05
    corrected = correct_rim(generated, truth, mask)
    assert np.abs(corrected - generated).max() * 255 < 2


def test_the_step_beside_a_moved_line_is_still_taken_out():
    mask = selected("ellipse")
    truth, generated = smooth(), smooth() * GAIN + OFFSET
    truth[:, 78:82] = 0.05
    generated[:, 90:94] = 0.05
    corrected = correct_rim(generated, truth, mask)
    away = mask.copy()
    away[:, 64:108] = 0
    beside = rim(mask) & (away > 0)
    assert np.abs(generated - truth)[beside].mean() * 255 > 4
    assert np.abs(corrected - truth)[beside].mean() * 255 < 1


def test_a_soft_selection_counts_where_it_is_above_0():
    mask = selected("ellipse")
    generated = smooth() * GAIN + OFFSET
    soft = correct_rim(generated, smooth(), mask / 255)
    assert np.array_equal(soft, correct_rim(generated, smooth(), mask))
