"""Landmarks, part boxes and part masks agree with the pixels and with each other."""

from dataclasses import replace

import numpy as np
import pytest

from expressedit_mcp.preview import (
    CHARACTERS,
    Expression,
    View,
    draw_character,
    expression_from_tags,
    part_masks,
    sample_character,
    sample_expression,
    sample_view,
)
from expressedit_mcp.preview.expression import PARTS
from expressedit_mcp.preview.states import EXTRAS

PLAIN = CHARACTERS["Toma"]  # nothing covers his face
SHUT = ("closed eyes", ">_<", "^_^", "=_=", "u_u", "x_x")
BROWS, EYES, LIPS = slice(17, 27), slice(36, 48), slice(48, 68)


def random_arguments(seed: int, size_px: int):
    rng = np.random.default_rng(seed)
    return sample_character(rng), sample_expression(rng), sample_view(rng), size_px


def holds(box, point) -> bool:
    left, top, right, bottom = box
    return left <= point[0] < right and top <= point[1] < bottom


def mean_of(mask) -> np.ndarray:
    ys, xs = np.nonzero(mask)
    return np.array([xs.mean() + 0.5, ys.mean() + 0.5])


@pytest.mark.parametrize("size_px", [64, 128, 1024])
@pytest.mark.parametrize("seed", range(12))
def test_landmarks_lie_in_the_picture_and_in_their_boxes(seed, size_px):
    drawing = draw_character(*random_arguments(seed, size_px))
    marks, boxes = drawing.landmarks, drawing.part_boxes
    left, right, points = marks.left_eye, marks.right_eye, marks.points
    inside = {
        "left_eye": [left.center, left.iris_center, *points[36:42]],
        "right_eye": [right.center, right.iris_center, *points[42:48]],
        "eyes": [left.center, right.center, left.brow_center, right.brow_center],
        "brows": [left.brow_center, right.brow_center],
        "mouth": [marks.mouth_center, *points[48:68]],
        "face": [left.center, right.center, marks.mouth_center, marks.face_center, points[8]],
    }
    assert boxes.keys() == inside.keys()
    for part, places in inside.items():
        x0, y0, x1, y1 = boxes[part]
        assert 0 <= x0 < x1 <= size_px
        assert 0 <= y0 < y1 <= size_px
        assert all(holds(boxes[part], place) for place in places), part
    assert left.center[0] < marks.face_center[0] < right.center[0]
    assert points.shape == (68, 2)
    assert (points > 0).all()
    assert (points < size_px).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_68_points_are_in_the_order_of_their_scheme(seed):
    points = draw_character(*random_arguments(seed, 256)).landmarks.points
    for row in (points[3:14], points[BROWS], points[31:36], points[48:55], points[60:65]):
        assert (np.diff(row @ (points[16] - points[0])) > 0).all()
    down = points[8] - points[27]
    assert (np.diff(points[27:31] @ down) > 0).all()
    for outer, upper, inner, lower in ((36, 37, 39, 41), (45, 44, 42, 46)):
        assert np.hypot(*(points[outer] - points[inner])) > 8
        assert (points[lower] - points[upper]) @ down >= 0
    middle = (points[27] + points[30]) / 2
    assert abs(points[EYES].mean(0) - middle)[0] < 25


def test_landmarks_and_boxes_grow_with_the_size():
    small, large = (draw_character(PLAIN, Expression(), size_px=size) for size in (128, 1024))
    np.testing.assert_allclose(small.landmarks.points * 8, large.landmarks.points)
    assert np.isclose(small.landmarks.face_width * 8, large.landmarks.face_width)
    left, top, right, bottom = large.crop_box
    assert right - left == bottom - top
    assert abs((left + right) / 2 - large.landmarks.face_center[0]) <= 1
    assert all(holds(large.crop_box, point) for point in large.landmarks.points)


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.2])
def test_the_crop_grows_with_the_face(scale):
    drawing = draw_character(PLAIN, Expression(), View(scale=scale), 512)
    side = drawing.crop_box[2] - drawing.crop_box[0]
    assert side / drawing.landmarks.face_width == pytest.approx(90 / 70, rel=0.01)


def test_part_boxes_hold_still_while_eyes_brows_mouth_and_marks_change():
    plain = draw_character(PLAIN, Expression(), size_px=64).part_boxes
    for part in ("eyes", "iris", "gaze", "brows"):
        for state in PARTS[part][1::3]:
            changed = replace(Expression(), **{part: state})
            boxes = draw_character(PLAIN, changed, size_px=64).part_boxes
            assert boxes == plain, state
    for extra in EXTRAS[::3]:
        assert draw_character(PLAIN, Expression(extras=(extra,)), size_px=64).part_boxes == plain


@pytest.mark.parametrize("view", [View(), View(yaw=4, pitch=-2, rotation_deg=8, shift=(3, -2))])
@pytest.mark.parametrize("iris_scale", [0.5, 0.75, 1.0])
def test_the_iris_circle_is_where_the_iris_is_painted(iris_scale, view):
    arguments = (PLAIN, Expression(iris_scale=iris_scale, eyes="wide-eyed"), view, 512)
    drawing = draw_character(*arguments)
    irises = part_masks(*arguments)["irises"] > 0
    for name in ("left_eye", "right_eye"):
        eye = getattr(drawing.landmarks, name)
        left, top, right, bottom = drawing.part_boxes[name]
        seen = np.zeros_like(irises)
        seen[top:bottom, left:right] = irises[top:bottom, left:right]
        np.testing.assert_allclose(mean_of(seen), eye.iris_center, atol=0.09 * eye.iris_height + 1)
        area = seen.sum() / (np.pi * eye.iris_radius * eye.iris_height)
        assert 0.82 < area < 1.08
        assert seen[int(eye.iris_center[1]), int(eye.iris_center[0])]


def test_half_the_iris_scale_halves_the_radius():
    whole, half = (
        draw_character(PLAIN, Expression(iris_scale=scale)).landmarks.left_eye for scale in (1, 0.5)
    )
    assert half.iris_radius / whole.iris_radius == pytest.approx(0.5)
    assert half.iris_height / whole.iris_height == pytest.approx(0.5)


@pytest.mark.parametrize("tag", ["looking at viewer", "averting eyes", "looking up", "cross-eyed"])
def test_the_pupil_is_at_the_iris_centre(tag):
    drawing = draw_character(PLAIN, expression_from_tags([tag]), size_px=512)
    for eye in (drawing.landmarks.left_eye, drawing.landmarks.right_eye):
        x, y = (int(value) for value in eye.iris_center)
        assert drawing.pixels[y, x].max() < 70


@pytest.mark.parametrize("eyes", SHUT)
def test_shut_eyes_have_no_iris(eyes):
    drawing = draw_character(PLAIN, Expression(eyes=eyes))
    assert drawing.landmarks.left_eye.iris_radius == 0
    assert drawing.landmarks.left_eye.iris_center == drawing.landmarks.left_eye.center
    masks = part_masks(PLAIN, Expression(eyes=eyes))
    assert not masks["irises"].any()
    assert masks["eyes"].any()


@pytest.mark.parametrize("seed", range(15))
def test_masks_are_parts_of_each_other_and_lie_in_their_boxes(seed):
    arguments = random_arguments(seed, 256)
    drawing, masks = draw_character(*arguments), part_masks(*arguments)
    assert set(masks) == {"eyes", "irises", "brows", "mouth", "face", "hair"}
    for part, mask in masks.items():
        assert mask.shape == (256, 256)
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {0, 255}, part
    seen = {part: mask > 0 for part, mask in masks.items()}
    assert not (seen["irises"] & ~seen["eyes"]).any()
    assert not (seen["eyes"] & ~seen["face"]).any()
    assert not (seen["hair"] & seen["face"]).any()
    for part in ("brows", "mouth"):
        assert seen[part].any()
        assert holds(drawing.part_boxes[part], mean_of(seen[part]))
    assert holds(drawing.part_boxes["face"], mean_of(seen["face"]))


@pytest.mark.parametrize("mouth", [":d", "smile", "jaw drop", "frown", ":p"])
def test_lip_points_lie_on_the_painted_mouth(mouth):
    expression = Expression(mouth=mouth)
    mask = part_masks(PLAIN, expression, size_px=512)["mouth"] > 0
    points = draw_character(PLAIN, expression, size_px=512).landmarks.points
    for x, y in points[LIPS]:
        near = mask[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7]
        assert near.any()
    if mouth in (":d", "jaw drop"):
        x, y = points[LIPS].mean(axis=0)
        assert mask[int(y), int(x)]


def test_brow_points_lie_on_the_painted_brows():
    for state in PARTS["brows"]:
        mask = part_masks(PLAIN, Expression(brows=state), size_px=512)["brows"] > 0
        points = draw_character(PLAIN, Expression(brows=state), size_px=512).landmarks.points
        for x, y in points[BROWS]:
            assert mask[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5].any(), state
