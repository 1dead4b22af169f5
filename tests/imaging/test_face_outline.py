"""The outline that `{"part": "face"}` selects, on faces whose landmarks are known."""

import cv2
import numpy as np
import pytest

from expressedit_mcp.imaging import Box, face_outline, polygon_selection
from expressedit_mcp.imaging.geometry import Size
from expressedit_mcp.preview import Drawing, Expression, draw_character, sample_character
from expressedit_mcp.preview import sample_view as random_view

SIZE_PX = 256


def drawn(seed: int) -> Drawing:
    rng = np.random.default_rng(seed)
    return draw_character(sample_character(rng), Expression(), random_view(rng), SIZE_PX)


def outline_of(drawing: Drawing) -> np.ndarray:
    face, eyes = (Box(*drawing.part_boxes[name]) for name in ("face", "eyes"))
    return np.array(face_outline(drawing.landmarks.points, face, eyes), np.float32)


def reaches_in(outline: np.ndarray, points: np.ndarray) -> float:
    """How far the least of the points lies inside, in pixels; negative outside."""
    return min(cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in points)


@pytest.mark.parametrize("seed", range(12))
def test_the_jaw_and_the_eyes_lie_inside_and_the_corners_beside_the_jaw_outside(seed: int) -> None:
    drawing = drawn(seed)
    outline = outline_of(drawing)
    left, top, right, bottom = drawing.part_boxes["face"]
    eyes = drawing.part_boxes["eyes"]
    assert reaches_in(outline, drawing.landmarks.points) > 0
    assert reaches_in(outline, np.array([eyes[:2], eyes[2:]])) >= 0
    assert outline.min(axis=0) == pytest.approx([left, top], abs=2.5)
    assert outline.max(axis=0) == pytest.approx([right, bottom], abs=2.5)
    for corner in ((left + 1, bottom - 1), (right - 1, bottom - 1)):
        assert reaches_in(outline, np.array([corner])) < -2


def test_it_is_convex_and_selects_less_than_the_box() -> None:
    drawing = drawn(3)
    outline = outline_of(drawing)
    assert cv2.isContourConvex(outline)
    selected = polygon_selection([tuple(p) for p in outline.tolist()], Size(SIZE_PX, SIZE_PX))
    share = np.mean(selected.alpha > 0)
    assert 0.6 < share < 0.92


def test_a_face_that_leaves_the_picture_is_selected_up_to_its_edge() -> None:
    drawing = drawn(3)
    moved = outline_of(drawing) - [0, drawing.part_boxes["face"][1] + 30]
    selected = polygon_selection([tuple(p) for p in moved.tolist()], Size(SIZE_PX, SIZE_PX))
    assert selected.box.top == 0
    assert selected.alpha.any()


def test_landmarks_on_one_line_give_an_outline() -> None:
    points = np.stack([np.linspace(10, 50, 68), np.full(68, 30.0)], axis=1)
    outline = face_outline(points, Box(8, 20, 52, 60), Box(12, 22, 48, 34))
    assert np.isfinite(outline).all()
    assert len(outline) >= 3
