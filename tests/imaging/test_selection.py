"""Which pixels a shape selects, and how a selection grows, softens and is cut."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import (
    Box,
    Selection,
    Size,
    box_selection,
    ellipse_selection,
    feather,
    grow,
    mask_selection,
    polygon_selection,
    union,
)

PICTURE = Size(20, 12)
NEARLY = Fraction(1, 10**9)

sizes = st.builds(Size, st.integers(1, 16), st.integers(1, 16))
# quarters put edges exactly on pixel centres, where the half-open rule decides
coordinates = st.one_of(st.integers(-12, 80).map(lambda n: n / 4), st.floats(-3, 20, width=32))
points = st.tuples(coordinates, coordinates)
levels = st.sampled_from([0, 0, 0, 1, 90, 200, 255])


@st.composite
def masks(draw, values=levels):
    size = draw(sizes)
    flat = draw(st.lists(values, min_size=size.width * size.height, max_size=2**8))
    return np.array(flat[: size.width * size.height], np.uint8).reshape(size.shape)


def full(selection: Selection) -> np.ndarray:
    """Alpha over the whole picture."""
    return selection.within(selection.size.box)


def selected(make, shape, size: Size) -> np.ndarray:
    """True where a shape selects; all False where it is refused as empty."""
    try:
        return full(make(shape, size)) == 255
    except InputError:
        return np.zeros(size.shape, bool)


def whole(alpha: np.ndarray) -> Selection:
    return mask_selection(alpha, Size(alpha.shape[1], alpha.shape[0]))


def per_pixel(size: Size, rule) -> np.ndarray:
    """A table of rule(x, y) at the pixel centres, exact."""
    half = Fraction(1, 2)
    return np.array(
        [[rule(x + half, y + half) for x in range(size.width)] for y in range(size.height)]
    )


def ellipse_distance(edges, x, y):
    """Below 0 inside, above 0 outside, 0 on the outline."""
    left, top, right, bottom = map(Fraction, edges)
    dx = (2 * x - left - right) / (right - left)
    dy = (2 * y - top - bottom) / (bottom - top)
    return dx * dx + dy * dy - 1


def crossings(outline, x, y):
    """How far each edge of an outline that spans the row lies left (>= 0) or right (< 0) of (x, y)."""
    for (x0, y0), (x1, y1) in pairwise([*outline, outline[0]]):
        x0, y0, x1, y1 = map(Fraction, (x0, y0, x1, y1))
        if min(y0, y1) <= y < max(y0, y1):
            yield x - (x0 + (y - y0) * (x1 - x0) / (y1 - y0))


@settings(deadline=None)
@given(coordinates, coordinates, coordinates, coordinates, sizes)
def test_a_box_selects_the_pixels_whose_centre_it_holds(x0, y0, x1, y1, size):
    left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    expected = per_pixel(size, lambda x, y: left <= x < right and top <= y < bottom)
    assert np.array_equal(selected(box_selection, (left, top, right, bottom), size), expected)


@settings(deadline=None)
@given(points, coordinates, coordinates, sizes)
def test_an_ellipse_selects_the_pixels_whose_centre_it_holds(corner, width, height, size):
    edges = (*corner, corner[0] + abs(width), corner[1] + abs(height))
    if edges[2] <= edges[0] or edges[3] <= edges[1]:
        assert not selected(ellipse_selection, edges, size).any()
        return
    result = selected(ellipse_selection, edges, size)
    inside = per_pixel(size, lambda x, y: ellipse_distance(edges, x, y) < -NEARLY)
    outside = per_pixel(size, lambda x, y: ellipse_distance(edges, x, y) > NEARLY)
    assert result[inside].all()
    assert not result[outside].any()


@settings(deadline=None)
@given(st.lists(points, min_size=3, max_size=7), sizes)
def test_a_polygon_selects_by_the_even_odd_rule_at_pixel_centres(outline, size):
    expected = per_pixel(
        size, lambda x, y: sum(gap >= 0 for gap in crossings(outline, x, y)) % 2 == 1
    )
    doubtful = per_pixel(
        size,
        lambda x, y: any(0 < abs(gap) < NEARLY or gap == 0 for gap in crossings(outline, x, y)),
    )
    result = selected(polygon_selection, outline, size)
    assert np.array_equal(result | doubtful, expected | doubtful)


def test_a_polygon_that_crosses_itself_leaves_out_what_it_winds_round_twice():
    angles = [np.pi * (4 * k / 5 - 0.5) for k in range(5)]
    star = [(50 + 48 * np.cos(a), 50 + 48 * np.sin(a)) for a in angles]
    alpha = full(polygon_selection(star, Size(100, 100)))
    assert alpha[50, 50] == 0
    assert alpha[12, 50] == 255


def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none_out():
    corners = [(0, 0), (8, 0), (8, 8), (0, 8)]
    size = Size(8, 8)
    below = full(polygon_selection([corners[i] for i in (0, 2, 3)], size))
    above = full(polygon_selection([corners[i] for i in (0, 1, 2)], size))
    assert np.array_equal(below == 0, above == 255)


def test_the_direction_of_a_polygon_does_not_matter():
    outline = [(1.2, 0.7), (17.1, 3.3), (12.4, 11.8), (3.9, 9.2)]
    forward, back = (polygon_selection(o, PICTURE) for o in (outline, outline[::-1]))
    assert np.array_equal(full(forward), full(back))


@pytest.mark.parametrize("make", [box_selection, ellipse_selection])
@pytest.mark.parametrize(
    ("edges", "box"),
    [
        ((3, 2, 9, 7), Box(3, 2, 9, 7)),
        ((0, 0, 20, 12), Box(0, 0, 20, 12)),
        ((4, 5, 5, 6), Box(4, 5, 5, 6)),
        ((4, 2, 5, 9), Box(4, 2, 5, 9)),
        ((4, 2, 9, 3), Box(4, 2, 9, 3)),
    ],
    ids=["inside", "whole picture", "one pixel", "one pixel wide", "one pixel high"],
)
def test_a_shape_with_whole_edges_fills_its_box(make, edges, box):
    assert make(edges, PICTURE).box == box


@pytest.mark.parametrize(
    ("edges", "box"),
    [
        ((-5, -5, 3, 4), Box(0, 0, 3, 4)),
        ((15, 8, 99, 99), Box(15, 8, 20, 12)),
        ((-1e6, 5, 1e6, 6), Box(0, 5, 20, 6)),
        ((-1e6, -1e6, 1e6, 1e6), Box(0, 0, 20, 12)),
        ((2.5, 3.5, 4.5, 5.5), Box(2, 3, 4, 5)),
        ((2.51, 3.51, 4.51, 5.51), Box(3, 4, 5, 6)),
    ],
)
def test_a_box_is_cut_at_the_picture_and_at_pixel_centres(edges, box):
    selection = box_selection(edges, PICTURE)
    assert selection.box == box
    assert (selection.alpha == 255).all()


@pytest.mark.parametrize("make", [box_selection, ellipse_selection])
@pytest.mark.parametrize(
    "edges",
    [
        (20, 0, 30, 12),
        (0, -9, 20, 0),
        (-1e6, -1e6, -1e5, -1e5),
        (5, 5, 5, 9),
        (5, 5, 9, 5),
        (9, 3, 4, 8),
        (4, 8, 9, 3),
        (5.6, 1, 6.4, 9),
    ],
    ids=[
        "right of the picture",
        "above the picture",
        "far away",
        "no width",
        "no height",
        "left and right swapped",
        "top and bottom swapped",
        "between two pixel centres",
    ],
)
def test_a_shape_that_selects_nothing_is_refused_with_the_picture_size(make, edges):
    with pytest.raises(InputError, match="20 wide and 12 high"):
        make(edges, PICTURE)


@pytest.mark.parametrize(
    "outline",
    [
        [(1, 1), (5, 5), (9, 9)],
        [(30, 1), (40, 1), (35, 9)],
        [(2, 2), (2, 2), (2, 2)],
    ],
    ids=["on one line", "outside", "one point"],
)
def test_a_polygon_without_an_inside_is_refused(outline):
    with pytest.raises(InputError, match="selects no pixel"):
        polygon_selection(outline, PICTURE)


def test_a_mask_keeps_its_levels_in_the_smallest_box():
    alpha = np.zeros((12, 20), np.uint8)
    alpha[4, 7], alpha[6, 9] = 30, 255
    selection = mask_selection(alpha, PICTURE)
    assert selection.box == Box(7, 4, 10, 7)
    assert np.array_equal(full(selection), alpha)


@pytest.mark.parametrize("origin", [(-3, -2), (0, 0), (15, 9), (4, 3)])
def test_a_mask_is_placed_at_its_origin_and_cut_at_the_picture(origin):
    small = np.arange(1, 49, dtype=np.uint8).reshape(6, 8)
    canvas = np.zeros((60, 60), np.uint8)
    canvas[20 + origin[1] : 26 + origin[1], 20 + origin[0] : 28 + origin[0]] = small
    selection = mask_selection(small, PICTURE, origin)
    assert np.array_equal(full(selection), canvas[20:32, 20:40])


@pytest.mark.parametrize("origin", [(20, 0), (0, 12), (-8, 0), (0, -6)])
def test_a_mask_outside_the_picture_is_refused(origin):
    with pytest.raises(InputError, match="selects no pixel"):
        mask_selection(np.full((6, 8), 255, np.uint8), PICTURE, origin)


def test_a_black_mask_is_refused():
    with pytest.raises(InputError, match="selects no pixel"):
        mask_selection(np.zeros((12, 20), np.uint8), PICTURE)


def test_the_alpha_of_a_selection_cannot_be_written():
    selection = box_selection((1, 1, 3, 3), PICTURE)
    with pytest.raises(ValueError, match="read-only"):
        selection.alpha[0, 0] = 0


@pytest.mark.parametrize(
    "alpha", [np.zeros((3, 2), np.uint8), np.zeros((2, 3), np.float32)], ids=["shape", "dtype"]
)
def test_alpha_that_does_not_fill_its_box_is_a_programming_error(alpha):
    with pytest.raises(ValueError, match="does not fill"):
        Selection(PICTURE, Box(0, 0, 3, 2), alpha)


@settings(deadline=None)
@given(
    masks(),
    st.integers(-20, 20),
    st.integers(-20, 20),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_within_gives_alpha_over_any_box_and_0_beyond(alpha, left, top, width, height):
    if not alpha.any():
        return
    padded = np.pad(alpha, 60)
    expected = padded[60 + top : 60 + top + height, 60 + left : 60 + left + width]
    box = Box(left, top, left + width, top + height)
    assert np.array_equal(whole(alpha).within(box), expected)


@settings(deadline=None)
@given(masks(), masks())
def test_a_union_holds_the_larger_alpha_of_each_pixel(a, b):
    size = Size(16, 16)
    canvas = np.zeros((2, 16, 16), np.uint8)
    canvas[0, : a.shape[0], : a.shape[1]] = a
    canvas[1, : b.shape[0], : b.shape[1]] = b
    if not (a.any() and b.any()):
        return
    joined = union([mask_selection(c, size) for c in canvas])
    assert np.array_equal(full(joined), canvas.max(axis=0))


def test_the_union_of_one_is_itself():
    selection = box_selection((1, 1, 3, 3), PICTURE)
    assert union([selection]) is selection


def grown_by_search(alpha: np.ndarray, px: float) -> np.ndarray:
    """The largest alpha within px of each pixel."""
    height, width = alpha.shape
    y, x = np.mgrid[0:height, 0:width]
    out = alpha.copy()
    for row, column in np.argwhere(alpha):
        near = (x - column) ** 2 + (y - row) ** 2 <= px * px
        out[near] = np.maximum(out[near], alpha[row, column])
    return out


@settings(deadline=None)
@given(masks(), st.sampled_from([0.5, 1, 1.4, 1.5, 2, 2.3, 3, 5, 7.2, 100]))
def test_growing_takes_the_largest_alpha_within_a_euclidean_distance(alpha, px):
    if alpha.any():
        assert np.array_equal(full(grow(whole(alpha), px)), grown_by_search(alpha, px))


def test_growing_stops_at_the_border_of_the_picture():
    grown = grow(box_selection((0, 4, 3, 6), PICTURE), 5)
    assert grown.box == Box(0, 0, 8, 11)


@pytest.mark.parametrize("px", [0, -1])
def test_growing_by_nothing_changes_nothing(px):
    selection = ellipse_selection((3, 3, 9, 8), PICTURE)
    assert grow(selection, px) is selection


def test_growing_a_soft_mask_leaves_no_fainter_line_inside():
    """A host's selection has a soft edge; grown, that edge must not stay as a half-edited outline."""
    soft = np.zeros((40, 40), np.uint8)
    soft[10:30, 10:30], soft[11:29, 11:29] = 128, 255
    grown = full(grow(whole(soft), 4))
    assert (grown[7:33, 20] == 255).all()


def test_growing_a_wide_ramp_keeps_it_a_ramp():
    ramp = np.zeros((9, 300), np.uint8)
    ramp[:, :256] = np.arange(255, -1, -1)
    grown = full(grow(whole(ramp), 20))[4].astype(int)
    assert (np.diff(grown) <= 0).all()
    assert np.abs(np.diff(grown)).max() <= 9  # 32 of the 255 levels are followed
    assert (grown >= ramp[4]).all()


@settings(deadline=None)
@given(masks(), st.floats(0, 30))
def test_feathering_stays_inside_and_never_reaches_0_there(alpha, px):
    if not alpha.any():
        return
    soft = full(feather(whole(alpha), px))
    assert np.array_equal(soft > 0, alpha > 0)
    assert (soft <= alpha).all()


@settings(deadline=None)
@given(masks(st.sampled_from([0, 255])), st.floats(0, 30))
def test_a_feathered_selection_keeps_a_full_core(alpha, px):
    if alpha.any():
        assert feather(whole(alpha), px).alpha.max() == 255


def test_the_ramp_rises_smoothly_from_the_boundary():
    """Smoothstep of depth / (px + 1): a rim pixel is 1 deep, px + 1 is full."""
    selection = box_selection((10, 0, 30, 12), Size(40, 12))
    row = full(feather(selection, 3))[6]
    assert row[9:16].tolist() == [0, 40, 128, 215, 255, 255, 255]
    assert row[24:31].tolist() == [255, 255, 255, 215, 128, 40, 0]


@pytest.mark.parametrize(
    ("edges", "full_side"),
    [
        ((0, 0, 10, 12), np.s_[:, 0]),
        ((10, 0, 20, 12), np.s_[:, -1]),
        ((0, 0, 20, 6), np.s_[0, :]),
        ((0, 6, 20, 12), np.s_[-1, :]),
    ],
    ids=["left", "right", "top", "bottom"],
)
def test_the_border_of_the_picture_is_no_boundary(edges, full_side):
    soft = full(feather(box_selection(edges, PICTURE), 3))
    assert (soft[full_side] == 255).all()
    assert 0 < soft[soft > 0].min() < 255


@pytest.mark.parametrize("px", [0, 1, 500])
def test_feathering_the_whole_picture_changes_nothing(px):
    selection = box_selection((0, 0, 20, 12), PICTURE)
    assert np.array_equal(feather(selection, px).alpha, selection.alpha)


def test_each_part_of_a_union_keeps_a_full_core():
    """A thin brow beside a large mouth must not fade because the ramp fits only the mouth."""
    size = Size(100, 60)
    brow, mouth = (10, 5, 40, 10), (10, 20, 90, 58)
    soft = feather(union([box_selection(edges, size) for edges in (brow, mouth)]), 12)
    alpha = full(soft)
    assert alpha[5:10, 10:40].max() == 255
    assert alpha[20:58, 10:90].max() == 255
