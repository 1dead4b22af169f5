"""The Canny hint, with the edges under a selection kept or erased."""

import numpy as np
import pytest

from expressedit_mcp.imaging import canny_hint

LOW, HIGH = 100, 200


def two_squares() -> np.ndarray:
    image = np.ones((60, 100, 3), np.float32)
    image[20:40, 15:35] = 0.1
    image[20:40, 65:85] = 0.1
    return image


def left_half(level: float) -> np.ndarray:
    mask = np.zeros((60, 100), np.float32)
    mask[:, :50] = level
    return mask


def test_edges_are_0_or_1_in_three_equal_channels():
    hint = canny_hint(two_squares(), LOW, HIGH)
    assert hint.shape == (60, 100, 3)
    assert hint.dtype == np.float32
    assert set(np.unique(hint)) == {0, 1}
    assert (hint == hint[..., :1]).all()


def test_edges_lie_at_outlines_only():
    edges = canny_hint(two_squares(), LOW, HIGH)[..., 0]
    assert edges[18:42, 14:17].any(axis=1).sum() >= 18
    assert not edges[24:36, 20:30].any()
    assert not edges[:15].any()


def test_without_a_mask_all_edges_are_kept():
    edges = canny_hint(two_squares(), LOW, HIGH)
    assert edges[:, :50].sum() > 0
    assert edges[:, :50].sum() == pytest.approx(edges[:, 50:].sum(), rel=0.1)


@pytest.mark.parametrize("level", [1.0, 0.004], ids=["full", "hardly selected"])
def test_edges_are_erased_under_the_mask_and_nowhere_else(level):
    kept = canny_hint(two_squares(), LOW, HIGH)
    erased = canny_hint(two_squares(), LOW, HIGH, left_half(level))
    assert not erased[:, :50].any()
    assert np.array_equal(erased[:, 50:], kept[:, 50:])


def test_a_mask_of_zeros_erases_nothing():
    erased = canny_hint(two_squares(), LOW, HIGH, left_half(0))
    assert np.array_equal(erased, canny_hint(two_squares(), LOW, HIGH))


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_picture_has_no_edges(level):
    assert not canny_hint(np.full((20, 30, 3), level, np.float32), LOW, HIGH).any()


def test_higher_thresholds_drop_faint_edges():
    faint = np.full((40, 40, 3), 0.5, np.float32)
    faint[:, 20:] = 0.6
    assert canny_hint(faint, 20, 60).any()
    assert not canny_hint(faint, 200, 300).any()


def test_the_picture_given_stays_as_it_was():
    image, mask = two_squares(), left_half(1)
    canny_hint(image, LOW, HIGH, mask)
    assert np.array_equal(image, two_squares())
    assert np.array_equal(mask, left_half(1))
