"""Box and Size arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import Box, Size

edges = st.integers(-50, 50)
boxes = st.builds(Box, edges, edges, edges, edges)
full_boxes = boxes.filter(lambda box: not box.is_empty)


def pixels_of(box: Box) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box.left, box.right) for y in range(box.top, box.bottom)}


def test_a_box_has_width_height_size_and_centre():
    box = Box(2, 3, 7, 13)
    assert (box.width, box.height) == (5, 10)
    assert box.size == Size(5, 10)
    assert box.centre == (4.5, 8.0)
    assert box.as_list() == [2, 3, 7, 13]


def test_a_size_gives_the_order_of_array_axes():
    assert Size(4, 3).shape == (3, 4)
    assert Size(4, 3).box == Box(0, 0, 4, 3)


def test_slices_cut_what_the_box_holds():
    rows, columns = np.mgrid[0:20, 0:30]
    box = Box(4, 6, 9, 8)
    cut = set(zip(columns[box.slices].flat, rows[box.slices].flat, strict=True))
    assert cut == pixels_of(box)


@pytest.mark.parametrize(
    ("a", "b", "overlap"),
    [
        (Box(0, 0, 10, 10), Box(5, 6, 20, 20), Box(5, 6, 10, 10)),
        (Box(0, 0, 10, 10), Box(2, 3, 4, 5), Box(2, 3, 4, 5)),
        (Box(-5, -5, 5, 5), Box(0, 0, 9, 9), Box(0, 0, 5, 5)),
    ],
)
def test_overlap(a, b, overlap):
    assert a & b == b & a == overlap


@pytest.mark.parametrize(
    "other",
    [Box(10, 0, 20, 10), Box(0, 10, 10, 20), Box(30, 30, 40, 40), Box(4, 4, 4, 8)],
    ids=["touches right", "touches below", "far away", "without width"],
)
def test_boxes_that_share_no_pixel_overlap_in_an_empty_box(other):
    assert (Box(0, 0, 10, 10) & other).is_empty


@settings(deadline=None)
@given(boxes, boxes)
def test_the_overlap_holds_the_pixels_of_both(a, b):
    assert pixels_of(a & b) == pixels_of(a) & pixels_of(b)


@settings(deadline=None)
@given(full_boxes, full_boxes)
def test_the_hull_is_the_smallest_box_that_holds_both(a, b):
    hull = a | b
    assert hull & a == a
    assert hull & b == b
    assert {hull.left, hull.right} <= {a.left, b.left, a.right, b.right}
    assert {hull.top, hull.bottom} <= {a.top, b.top, a.bottom, b.bottom}


@settings(deadline=None)
@given(full_boxes, st.integers(0, 9), edges, edges)
def test_growing_and_shifting_can_be_undone(box, px, dx, dy):
    assert box.grown(px).grown(-px) == box
    assert box.grown(px).size == Size(box.width + 2 * px, box.height + 2 * px)
    assert box.shifted(dx, dy).shifted(-dx, -dy) == box
    assert box.shifted(dx, dy).size == box.size


@pytest.mark.parametrize(
    ("box", "empty"),
    [
        (Box(0, 0, 1, 1), False),
        (Box(3, 3, 3, 9), True),
        (Box(3, 3, 9, 3), True),
        (Box(9, 3, 3, 9), True),
    ],
)
def test_a_box_without_a_pixel_is_empty(box, empty):
    assert box.is_empty == empty
