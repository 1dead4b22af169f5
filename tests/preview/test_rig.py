"""The drawn characters: the same at every size, and each change where it belongs."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from expressedit_mcp.preview import (
    CHARACTERS,
    Character,
    Expression,
    View,
    draw_character,
    expression_from_tags,
    sample_character,
    sample_expression,
    sample_view,
)
from expressedit_mcp.preview.character import (
    ACCESSORIES,
    BACKDROPS,
    COLLARS,
    EYE_COLORS,
    FRINGES,
    HAIR_COLORS,
    HAIR_STYLES,
    SKIN_COLORS,
)
from expressedit_mcp.preview.expression import PARTS
from expressedit_mcp.preview.states import EXTRAS, JAW_DROPS

PART_OF = {"eyes": "eyes", "iris": "eyes", "gaze": "eyes", "brows": "brows", "mouth": "mouth"}
SAME_LOOK = 2.0  # mean difference of 255; measured: up to 1.81
CHANGES = [(part, state) for part, states in PARTS.items() for state in states[1:]]
# what reaches past the part itself: the chin moves, tears run down, light falls on the skin
FACE_WIDE = (
    *(("mouth", mouth) for mouth in JAW_DROPS),
    ("eyes", "t_t"),
    ("iris", "glowing eyes"),
)


def pixels(expression: Expression, size_px: int = 256, character: Character | None = None):
    return draw_character(character or CHARACTERS["Toma"], expression, size_px=size_px).pixels


def cropped(picture, box):
    left, top, right, bottom = box
    return picture[top:bottom, left:right]


def difference(first, second):
    return np.any(first.pixels != second.pixels, axis=2)


def random_drawing(seed: int, size_px: int = 128):
    rng = np.random.default_rng(seed)
    return draw_character(sample_character(rng), sample_expression(rng), sample_view(rng), size_px)


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_gives_one_drawing(seed):
    first, again = random_drawing(seed), random_drawing(seed)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.landmarks.points, again.landmarks.points)
    assert first.landmarks == again.landmarks
    assert first.tags == again.tags
    assert not np.array_equal(first.pixels, random_drawing(seed + 100).pixels)


@pytest.mark.parametrize("size_px", [64, 100, 256, 1024, 2048])
def test_draws_at_any_size(size_px):
    drawing = draw_character(CHARACTERS["Pim"], Expression(), size_px=size_px)
    assert drawing.pixels.shape == (size_px, size_px, 3)
    assert drawing.pixels.dtype == np.uint8


@pytest.mark.parametrize("size_px", [0, 63, 2049])
def test_refuses_other_sizes(size_px):
    with pytest.raises(ValueError, match=r"64\.\.2048"):
        pixels(Expression(), size_px)


@pytest.mark.parametrize("size_px", [64, 100, 128, 256])
@pytest.mark.parametrize("name", CHARACTERS)
def test_a_drawing_looks_the_same_at_every_size(name, size_px):
    expression = expression_from_tags([":d", "blush", "tears"])
    large = pixels(expression, 1024, CHARACTERS[name])
    shrunk = cv2.resize(large, (size_px, size_px), interpolation=cv2.INTER_AREA)
    direct = pixels(expression, size_px, CHARACTERS[name])
    assert np.abs(shrunk.astype(float) - direct).mean() < SAME_LOOK


@pytest.mark.parametrize(("part", "state"), CHANGES)
def test_a_state_changes_its_part_and_nothing_else(part, state):
    for name in ("Mirelle", "Toma", "Odile"):
        neutral = draw_character(CHARACTERS[name], Expression())
        changed = draw_character(CHARACTERS[name], replace(Expression(), **{part: state}))
        box = changed.part_boxes["face" if (part, state) in FACE_WIDE else PART_OF[part]]
        differing = difference(neutral, changed)
        assert cropped(differing, box).sum() > 20, name
        cropped(differing, box)[:] = False
        assert not differing.any(), name


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_mark_is_drawn_in_the_face_crop(extra):
    neutral = draw_character(CHARACTERS["Sefa"], Expression())
    changed = draw_character(CHARACTERS["Sefa"], Expression(extras=(extra,)))
    differing = difference(neutral, changed)
    total = differing.sum()
    assert total > 40
    assert cropped(differing, changed.crop_box).sum() > 0.75 * total


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"iris_scale": 0.6}, "eyes"),
        ({"iris_scale": 1.3}, "eyes"),
        ({"pupil_scale": 1.6}, "eyes"),
        ({"gaze_offset": (3.0, -1.0)}, "eyes"),
        ({"eye_opening": 0.7}, "eyes"),
        ({"eye_opening": 1.18}, "eyes"),
        ({"brow_raise": 2.0}, "brows"),
        ({"brow_tilt": 0.15}, "brows"),
        ({"mouth_width": 1.3}, "mouth"),
        ({"mouth_width": 0.7}, "mouth"),
    ],
)
def test_a_measure_changes_its_part_and_nothing_else(values, part):
    neutral = draw_character(CHARACTERS["Ren"], Expression())
    changed = draw_character(CHARACTERS["Ren"], Expression(**values))
    differing = difference(neutral, changed)
    box = changed.part_boxes[part]
    assert cropped(differing, box).sum() > 10
    cropped(differing, box)[:] = False
    assert not differing.any()


@pytest.mark.parametrize(("side", "closed"), [("left", "left_eye"), ("right", "right_eye")])
def test_a_wink_closes_the_eye_of_its_side(side, closed):
    neutral = draw_character(CHARACTERS["Toma"], Expression())
    winking = draw_character(CHARACTERS["Toma"], Expression(eyes="one eye closed", side=side))
    for part in ("left_eye", "right_eye"):
        changed = cropped(difference(neutral, winking), winking.part_boxes[part]).any()
        assert changed == (part == closed)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("gaze", ["looking to the side", "averting eyes", "sideways glance"])
def test_the_gaze_goes_to_its_side(gaze, side):
    drawing = draw_character(CHARACTERS["Toma"], Expression(gaze=gaze, side=side))
    plain = draw_character(CHARACTERS["Toma"], Expression())
    for eye in ("left_eye", "right_eye"):
        moved = getattr(drawing.landmarks, eye).iris_center[0]
        moved -= getattr(plain.landmarks, eye).iris_center[0]
        assert moved > 5 if side == "right" else moved < -5


@pytest.mark.parametrize("kind", ["hair_style", "fringe", "collar", "backdrop", "skin"])
def test_every_look_differs(kind):
    names = {"hair_style": HAIR_STYLES, "fringe": FRINGES, "collar": COLLARS,
             "backdrop": BACKDROPS, "skin": tuple(SKIN_COLORS)}[kind]  # fmt: skip
    drawn = [
        pixels(Expression(), 64, replace(Character(), **{kind: name})).tobytes() for name in names
    ]
    assert len(set(drawn)) == len(names)


@pytest.mark.parametrize("accessory", ACCESSORIES)
def test_every_accessory_is_seen_and_named(accessory):
    bare = Character(sex="male", age="adult")
    wearing = replace(bare, accessories=(accessory,))
    first, second = (draw_character(c, Expression(), size_px=128) for c in (bare, wearing))
    assert difference(first, second).sum() > 3
    assert accessory in second.tags


def test_the_named_characters_differ_in_every_way():
    cast = CHARACTERS.values()
    assert len(cast) >= 8
    assert {c.age for c in cast} == {"child", "teen", "adult", "old"}
    assert {c.sex for c in cast} == {"female", "male"}
    for trait, count in (("hair_style", 8), ("eye_height", 8), ("face_half_width", 6), ("skin", 5)):
        assert len({getattr(c, trait) for c in cast}) >= count, trait


def test_random_characters_are_of_every_kind():
    rng = np.random.default_rng(0)
    people = [sample_character(rng) for _ in range(500)]
    for trait, names in (("hair_color", HAIR_COLORS), ("eye_color", EYE_COLORS),
                         ("hair_style", HAIR_STYLES), ("fringe", FRINGES)):  # fmt: skip
        assert {getattr(person, trait) for person in people} == set(names)
    assert {name for person in people for name in person.accessories} == set(ACCESSORIES)
    assert not any("beard" in c.accessories for c in people if c.age in ("child", "teen"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hair_color": "rainbow hair"}, "accepted: .*blonde hair"),
        ({"accessories": ("monocle",)}, "accepted: .*glasses"),
        ({"collar": "cape"}, "accepted: .*hoodie"),
    ],
)
def test_refuses_an_unknown_name(values, message):
    with pytest.raises(ValueError, match=message):
        Character(**values)


def test_the_drawing_names_character_and_expression():
    drawing = draw_character(CHARACTERS["Toma"], expression_from_tags(["smile"]), View(), 64)
    assert drawing.tags == (
        "black hair",
        "blue eyes",
        "spiked hair",
        "looking at viewer",
        "closed mouth",
        "smile",
    )
