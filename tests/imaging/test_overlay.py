"""The coordinate grid over a view."""

import numpy as np
import pytest

from expressedit_mcp.imaging import Box, draw_grid


def view(width: int = 400, height: int = 300, level: int = 90) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(axis=2)


def full_lines(marks: np.ndarray) -> tuple[list[int], list[int]]:
    """Columns and rows that are marked from end to end."""
    return np.flatnonzero(marks.all(axis=0)).tolist(), np.flatnonzero(marks.all(axis=1)).tolist()


def test_the_view_given_stays_as_it_was():
    given = view()
    given.flags.writeable = False
    out = draw_grid(given, Box(0, 0, 400, 300))
    assert np.array_equal(given, view())
    assert not np.array_equal(out, given)


@pytest.mark.parametrize(
    ("box", "columns", "rows"),
    [
        (Box(0, 0, 400, 300), [*range(0, 400, 50)], [*range(0, 300, 50)]),
        (Box(0, 0, 800, 600), [*range(0, 400, 50)], [*range(0, 300, 50)]),
        (Box(30, 40, 430, 340), [*range(20, 400, 50)], [*range(10, 300, 50)]),
        (Box(100, 100, 140, 130), [*range(0, 400, 50)], [*range(0, 300, 50)]),
    ],
    ids=["as it is", "shrunk", "offset", "enlarged"],
)
def test_lines_lie_at_round_picture_coordinates(box, columns, rows):
    marks = changed(view(), draw_grid(view(), box))
    assert full_lines(marks) == (columns, rows)


def test_every_line_has_a_label_beside_it():
    marks = changed(view(), draw_grid(view(), Box(0, 0, 400, 300)))
    assert all(marks[2:14, x + 2 : x + 30].any() for x in range(0, 400, 50))
    assert all(marks[y + 2 : y + 14, 2:30].any() for y in range(0, 300, 50))


@pytest.mark.parametrize("other", [Box(400, 0, 800, 300), Box(0, 300, 400, 600)])
def test_labels_tell_picture_coordinates(other):
    """The same lines over another part of the picture carry other numbers."""
    here = draw_grid(view(), Box(0, 0, 400, 300))
    there = draw_grid(view(), other)
    assert full_lines(changed(view(), here)) == full_lines(changed(view(), there))
    assert not np.array_equal(here, there)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (1, 1, Box(0, 0, 1, 1)),
        (1, 700, Box(5, 0, 6, 700)),
        (768, 1, Box(0, 3, 5000, 4)),
        (300, 300, Box(0, 0, 20000, 20000)),
    ],
)
def test_any_view_can_have_a_grid(width, height, box):
    assert draw_grid(view(width, height), box).shape == (height, width, 3)
