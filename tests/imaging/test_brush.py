"""Painting: where, in what colour, in what order."""

import icc_profiles
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import (
    Box,
    Paint,
    Picture,
    Size,
    apply_patch,
    box_selection,
    ellipse_selection,
    outside_unchanged,
    paint_under,
    srgb_crop,
)
from expressedit_mcp.imaging.brush import coverage

SIZE = Size(90, 70)
WHOLE = box_selection(SIZE.box.as_list(), SIZE)
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def noise(channels: int = 3, dtype: type = np.uint8) -> Picture:
    top = np.iinfo(dtype).max
    shape = (*SIZE.shape, channels)
    return Picture(np.random.default_rng(5).integers(0, top, shape, dtype, True))


def painted(picture: Picture, *strokes: Paint) -> np.ndarray:
    return apply_patch(picture, paint_under(picture, WHOLE, strokes)).pixels


points = st.tuples(st.floats(-30, 120), st.floats(-30, 100))
paints = st.builds(
    Paint,
    st.lists(points, min_size=1, max_size=4).map(tuple),
    st.floats(1, 60),
    st.tuples(*[st.floats(0, 1)] * 3),
    st.floats(0.01, 1),
    st.floats(0, 1),
    st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(paints, min_size=1, max_size=4),
    st.sampled_from([1, 3, 4]),
    st.sampled_from([np.uint8, np.uint16]),
)
def test_nothing_outside_the_selection_changes(strokes, channels, dtype):
    before = noise(channels, dtype)
    selection = ellipse_selection((20, 15, 70, 55), SIZE)
    try:
        patch = paint_under(before, selection, strokes)
    except InputError:
        return
    after = apply_patch(before, patch)
    outside = selection.within(SIZE.box) == 0
    assert outside_unchanged(before, after, patch)
    assert np.array_equal(after.pixels[outside], before.pixels[outside])
    assert np.array_equal(after.pixels[..., 3:], before.pixels[..., 3:])
    assert patch.pixels.dtype == dtype


@pytest.mark.parametrize(
    ("start", "end"), [((20, 30), (70, 30)), ((20.3, 12.6), (60.9, 58.2)), ((45, 5), (45, 60))]
)
@pytest.mark.parametrize("width", [1, 2.5, 9])
def test_a_line_covers_the_area_of_its_length_and_width(start, end, width):
    line = coverage(Paint((start, end), width, RED), SIZE.box)
    length = np.hypot(end[0] - start[0], end[1] - start[1])
    # the ends are round
    assert line.sum() == pytest.approx(length * width + np.pi * width**2 / 4, rel=0.04)


def test_a_dot_is_a_disc() -> None:
    dot = coverage(Paint(((40.5, 30.5),), 20, RED), SIZE.box)
    assert dot.sum() == pytest.approx(np.pi * 100, rel=0.01)
    assert dot[30, 40] == dot[30, 48] == 1
    assert dot[30, 51] == 0


def test_a_soft_dot_fades_from_its_middle() -> None:
    row = coverage(Paint(((40.5, 30.5),), 30, RED, softness=1), SIZE.box)[30, 40:58]
    assert row[0] > 0.98
    assert (np.diff(row[:16]) < 0).all()
    assert row[16:].max() == 0


def test_a_filled_outline_is_painted_inside_too() -> None:
    corners = ((20.0, 10.0), (70.0, 10.0), (70.0, 50.0), (20.0, 50.0))
    filled = coverage(Paint(corners, 2, RED, filled=True), SIZE.box)
    assert (filled[10:50, 20:70] == 1).all()
    assert filled[:8].max() == filled[:, :18].max() == 0
    outline = coverage(Paint(corners, 2, RED), SIZE.box)
    assert outline[20:40, 30:60].max() == 0


def test_a_part_of_the_picture_is_covered_as_the_whole_is() -> None:
    stroke = Paint(((5, 5), (80, 60), (20, 66)), 7, RED, softness=0.5, filled=True)
    box = Box(13, 21, 60, 59)
    assert np.allclose(
        coverage(stroke, box), coverage(stroke, SIZE.box)[box.slices], rtol=0, atol=1e-4
    )


def test_a_stroke_that_crosses_itself_is_no_denser_there() -> None:
    cross = Paint(((20, 10), (60, 50), (60, 10), (20, 50)), 6, RED, opacity=0.5)
    assert paint_under(noise(), WHOLE, [cross]).alpha.max() == 128


@pytest.mark.parametrize(
    ("strokes", "expected"),
    [
        ([(RED, 1.0), (BLUE, 1.0)], (0, 0, 255)),
        ([(BLUE, 1.0), (RED, 1.0)], (255, 0, 0)),
        ([(RED, 1.0), (BLUE, 0.5)], (127.5, 0, 127.5)),
        ([(RED, 0.5)], (127.5 + 50, 50, 50)),
        ([(RED, 0.5), (BLUE, 0.5)], (25 + 63.75, 25, 25 + 127.5)),
    ],
)
def test_each_stroke_is_painted_over_those_before(strokes, expected):
    grey = Picture(np.full((*SIZE.shape, 3), 100, np.uint8))
    after = painted(grey, *(Paint(((40, 30),), 20, rgb, opacity) for rgb, opacity in strokes))
    assert np.abs(after[30, 40] - np.array(expected)).max() <= 1


@pytest.mark.parametrize(
    ("channels", "dtype", "expected"),
    [
        (1, np.uint8, [76]),
        (1, np.uint16, [19595]),
        (3, np.uint16, [65535, 0, 0]),
        (4, np.uint8, [255, 0, 0]),
    ],
)
def test_the_colour_is_given_in_the_pictures_own_mode_and_depth(channels, dtype, expected):
    after = painted(noise(channels, dtype), Paint(((40, 30),), 20, RED))
    assert np.abs(after[30, 40, :3].astype(int) - expected).max() <= 1


def test_the_colour_is_srgb_whatever_the_pictures_profile() -> None:
    profile = icc_profiles.rgb_profile(icc_profiles.ADOBE_RGB, icc_profiles.gamma(2.2))
    picture = Picture(np.full((*SIZE.shape, 3), 100, np.uint8), profile)
    rgb = (200 / 255, 120 / 255, 90 / 255)
    after = apply_patch(picture, paint_under(picture, WHOLE, [Paint(((40, 30),), 20, rgb)]))
    seen = srgb_crop(after, Box(40, 30, 41, 31))[0, 0] / 257
    assert np.abs(seen - [200, 120, 90]).max() < 2
    assert np.abs(after.pixels[30, 40].astype(int) - [200, 120, 90]).max() > 4


def test_the_patch_is_paint_alone() -> None:
    patch = paint_under(noise(), WHOLE, [Paint(((40, 30),), 20, RED, opacity=0.4, softness=0.6)])
    assert (patch.pixels[patch.alpha > 0] == (255, 0, 0)).all()
    assert patch.alpha.max() == 102


@pytest.mark.parametrize("opacity", [1.0, 0.001])
def test_strokes_that_paint_nothing_are_refused_in_words(opacity):
    beside = Paint(((5, 5) if opacity == 1 else (45, 35),), 4, RED, opacity)
    with pytest.raises(InputError, match="paint no pixel of the region"):
        paint_under(noise(), box_selection((20, 15, 70, 55), SIZE), [beside])
