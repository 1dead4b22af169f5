"""The drawn characters: their expressions, landmarks, sizes and tags."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from expressedit_mcp.preview import (
    CHARACTERS,
    Character,
    Expression,
    View,
    contact_sheet,
    draw_character,
    expression_from_tags,
    expression_tags,
    sample_character,
    sample_expression,
    sample_view,
)
from expressedit_mcp.preview.expression import EMOTIONS, EXTRAS, TAG_TABLE
from expressedit_mcp.preview.layout import palette_of

BLUE = Character(eye_color="blue eyes", hair_color="brown hair", skin="fair")
PART_OF = {"eyes": "eyes", "iris": "eyes", "gaze": "eyes", "brows": "brows", "mouth": "mouth"}
SAME_LOOK = 1.0  # mean difference of 255; measured: up to 0.61
SHUT = ("closed eyes", ">_<", "^_^")


def pixels(expression: Expression, size_px: int = 256, character: Character = BLUE):
    return draw_character(character, expression, size_px=size_px).pixels


def cropped(picture, box):
    left, top, right, bottom = box
    return picture[top:bottom, left:right]


def iris_colored(drawing, box) -> np.ndarray:
    """Where the box shows the iris' main or shaded colour."""
    iris = np.array(palette_of(BLUE).iris)
    part = cropped(drawing.pixels, box).astype(float)
    near = [np.abs(part - iris * shade).max(axis=2) < 12 for shade in (1, 0.6, 0.42)]
    return np.any(near, axis=0)


def random_drawing(seed: int, size_px: int = 128):
    rng = np.random.default_rng(seed)
    return draw_character(sample_character(rng), sample_expression(rng), sample_view(rng), size_px)


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_gives_one_drawing(seed):
    first, again = random_drawing(seed), random_drawing(seed)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.landmarks == again.landmarks
    assert first.tags == again.tags
    assert not np.array_equal(first.pixels, random_drawing(seed + 100).pixels)


@pytest.mark.parametrize("size_px", [64, 100, 256, 1024, 2048])
def test_draws_at_any_size(size_px):
    drawing = draw_character(BLUE, Expression(), size_px=size_px)
    assert drawing.pixels.shape == (size_px, size_px, 3)
    assert drawing.pixels.dtype == np.uint8


@pytest.mark.parametrize("size_px", [0, 63, 2049])
def test_refuses_other_sizes(size_px):
    with pytest.raises(ValueError, match=r"64\.\.2048"):
        draw_character(BLUE, Expression(), size_px=size_px)


@pytest.mark.parametrize("size_px", [64, 100, 128, 256])
@pytest.mark.parametrize("name", CHARACTERS)
def test_a_drawing_looks_the_same_at_every_size(name, size_px):
    expression = expression_from_tags([":d", "blush", "tears"])
    large = pixels(expression, 1024, CHARACTERS[name])
    shrunk = cv2.resize(large, (size_px, size_px), interpolation=cv2.INTER_AREA)
    direct = pixels(expression, size_px, CHARACTERS[name])
    difference = np.abs(shrunk.astype(float) - direct)
    assert difference.mean() < SAME_LOOK


@pytest.mark.parametrize("size_px", [64, 128, 1024])
@pytest.mark.parametrize("seed", range(12))
def test_landmarks_lie_in_the_picture_and_in_their_boxes(seed, size_px):
    drawing = random_drawing(seed, size_px)
    marks, boxes = drawing.landmarks, drawing.part_boxes
    left, right = marks.left_eye, marks.right_eye
    inside = {
        "left_eye": [left.center, left.iris_center],
        "right_eye": [right.center, right.iris_center],
        "eyes": [left.center, right.center, left.brow_center, right.brow_center],
        "brows": [left.brow_center, right.brow_center],
        "mouth": [marks.mouth_center],
        "face": [left.center, right.center, marks.mouth_center, marks.face_center],
    }
    assert boxes.keys() == inside.keys()
    for part, points in inside.items():
        x0, y0, x1, y1 = boxes[part]
        assert 0 <= x0 < x1 <= size_px
        assert 0 <= y0 < y1 <= size_px
        for x, y in points:
            assert x0 <= x < x1, part
            assert y0 <= y < y1, part
    assert left.center[0] < marks.face_center[0] < right.center[0]


def test_landmarks_and_boxes_grow_with_the_size():
    small, large = (draw_character(BLUE, Expression(), size_px=size) for size in (128, 1024))
    assert np.allclose(np.multiply(small.landmarks.mouth_center, 8), large.landmarks.mouth_center)
    assert np.isclose(small.landmarks.face_width * 8, large.landmarks.face_width)
    left, top, right, bottom = large.crop_box
    assert right - left == bottom - top == 92 * 8
    assert abs((left + right) / 2 - large.landmarks.face_center[0]) <= 1
    assert abs((top + bottom) / 2 - (large.landmarks.face_center[1] - 8)) <= 1


@pytest.mark.parametrize("gaze", ["looking at viewer", "averting eyes", "looking up"])
def test_the_pupil_is_at_the_iris_centre(gaze):
    drawing = draw_character(BLUE, Expression(gaze=gaze), size_px=512)
    pupil = np.array(palette_of(BLUE).iris) * 0.18
    for eye in (drawing.landmarks.left_eye, drawing.landmarks.right_eye):
        x, y = (int(value) for value in eye.iris_center)
        assert np.abs(drawing.pixels[y, x] - pupil).max() < 3


@pytest.mark.parametrize("eyes", SHUT)
def test_closing_the_eyes_removes_their_colour(eyes):
    neutral = draw_character(BLUE, Expression())
    shut = draw_character(BLUE, Expression(eyes=eyes))
    for part in ("left_eye", "right_eye"):
        assert iris_colored(neutral, neutral.part_boxes[part]).sum() > 200
        assert iris_colored(shut, shut.part_boxes[part]).sum() == 0
    assert shut.landmarks.left_eye.iris_radius == shut.landmarks.left_eye.opening == 0


@pytest.mark.parametrize(("side", "closed"), [("left", "left_eye"), ("right", "right_eye")])
def test_a_wink_closes_the_eye_of_its_side(side, closed):
    drawing = draw_character(BLUE, Expression(eyes="one eye closed", side=side))
    for part in ("left_eye", "right_eye"):
        is_open = iris_colored(drawing, drawing.part_boxes[part]).any()
        assert is_open == (part != closed)


def measured_radius(iris_scale: float) -> float:
    """Half the width of the iris colours, in px, at the iris centre's height."""
    drawing = draw_character(BLUE, Expression(iris_scale=iris_scale), size_px=1024)
    _, y = drawing.landmarks.left_eye.iris_center
    left, _, right, _ = drawing.part_boxes["left_eye"]
    row = iris_colored(drawing, (left, int(y), right, int(y) + 1))[0]
    columns = np.flatnonzero(row)
    radius = (columns[-1] - columns[0] + 1) / 2
    assert abs(radius - drawing.landmarks.left_eye.iris_radius) < 2
    return radius


def test_half_the_iris_scale_halves_the_radius():
    assert measured_radius(0.5) / measured_radius(1.0) == pytest.approx(0.5, abs=0.02)


STATES = [(tag, part, state) for tag, (part, state) in TAG_TABLE.items() if part in PART_OF]
CHANGED_STATES = [row for row in STATES if row[0] not in ("looking at viewer", "closed mouth")]


@pytest.mark.parametrize(("tag", "part", "state"), CHANGED_STATES)
@pytest.mark.parametrize("name", CHARACTERS)
def test_a_state_changes_its_part_and_nothing_else(name, tag, part, state):
    neutral = draw_character(CHARACTERS[name], Expression())
    changed = draw_character(CHARACTERS[name], replace(Expression(), **{part: state}))
    difference = np.any(neutral.pixels != changed.pixels, axis=2)
    box = changed.part_boxes[PART_OF[part]]
    assert cropped(difference, box).sum() > 30
    cropped(difference, box)[:] = False
    assert not difference.any()


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_drawn_on_the_head(extra):
    neutral = draw_character(BLUE, Expression())
    changed = draw_character(BLUE, Expression(extras=(extra,)))
    difference = np.any(neutral.pixels != changed.pixels, axis=2)
    assert difference.sum() > 50
    marks, chin = changed.landmarks, changed.part_boxes["mouth"][3]
    half_width = marks.face_width / 2
    left, right = (int(marks.face_center[0] + side * half_width) for side in (-1, 1))
    difference[:chin, left:right] = False
    assert not difference.any()


def test_part_boxes_hold_still_while_the_expression_changes():
    boxes = [draw_character(BLUE, expression_from_tags([tag])).part_boxes for tag in TAG_TABLE]
    assert all(box == boxes[0] for box in boxes)


@pytest.mark.parametrize("tag", TAG_TABLE)
def test_tags_of_a_state_lead_back_to_it(tag):
    expression = expression_from_tags([tag])
    assert tag in expression_tags(expression)
    assert expression_from_tags(expression_tags(expression)) == expression


def test_tags_take_prompt_forms_in_any_order():
    expected = Expression(eyes="closed eyes", mouth=":d", extras=("blush", "tears"))
    assert expression_from_tags(["tears", " :D", "closed_eyes", "blush"]) == expected
    assert expression_from_tags([]) == Expression()


def test_a_tag_beats_the_emotion():
    expression = expression_from_tags(["crying", "smile"])
    assert (expression.mouth, expression.extras) == ("smile", ("tears",))


@pytest.mark.parametrize(
    ("tags", "message"),
    [(["gloomy"], "accepted: .*smile"), (["smile", "frown"], "both describe the mouth")],
)
def test_refuses_tags_it_cannot_draw(tags, message):
    with pytest.raises(ValueError, match=message):
        expression_from_tags(tags)


@pytest.mark.parametrize(
    "values",
    [
        {"eyes": "shut"},
        {"extras": ("hat",)},
        {"emotion": "bored"},
        {"iris_scale": 0.0},
        {"side": "both"},
    ],
)
def test_refuses_unknown_states(values):
    with pytest.raises(ValueError, match=r"expected|accepted"):
        Expression(**values)


def test_refuses_an_unknown_palette_name():
    with pytest.raises(ValueError, match=r"accepted: .*blonde hair"):
        Character(hair_color="rainbow hair")


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_samples_of_an_emotion_carry_its_tag(emotion):
    rng = np.random.default_rng(0)
    samples = [sample_expression(rng, emotion) for _ in range(20)]
    assert all(expression_tags(sample)[-1] == emotion for sample in samples)


def test_samples_cover_every_tag():
    rng = np.random.default_rng(1)
    seen = {tag for _ in range(600) for tag in expression_tags(sample_expression(rng))}
    assert seen == set(TAG_TABLE)


def test_the_drawing_names_character_and_expression():
    drawing = draw_character(CHARACTERS["Toma"], expression_from_tags(["smile"]), View(), 64)
    assert drawing.tags == (
        "black hair",
        "blue eyes",
        "spiked hair",
        "looking at viewer",
        "smile",
    )


def test_a_contact_sheet_holds_every_picture_unchanged():
    pictures = [random_drawing(seed, 64).pixels for seed in range(5)]
    sheet = contact_sheet(pictures, columns=3, captions=["closed eyes, smile", ":d"])
    assert sheet.shape[1] == 3 * (64 + 8) + 8
    np.testing.assert_array_equal(sheet[8:72, 8:72], pictures[0])
    np.testing.assert_array_equal(sheet[8:72, 80:144], pictures[1])
    assert (sheet[74:90, 8:72] < 128).any()


@pytest.mark.parametrize(
    ("pictures", "columns"),
    [([], 2), ([np.zeros((8, 8), np.uint8)], 2), ([np.zeros((8, 8, 3), np.uint8)], 0)],
)
def test_a_contact_sheet_refuses_what_it_cannot_lay_out(pictures, columns):
    with pytest.raises(ValueError, match="expected"):
        contact_sheet(pictures, columns)
