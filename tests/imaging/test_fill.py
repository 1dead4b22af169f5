"""What a hole is filled with: the ground about it, not the lines that run into it."""

import numpy as np
import pytest

from expressedit_mcp.imaging import Picture, Size, box_selection, ellipse_selection
from expressedit_mcp.imaging.fill import fill_from_around

SIZE = Size(240, 240)
WHITE, SKIN, INK = (250, 250, 250), (240, 200, 170), (30, 20, 25)
HOLE = ellipse_selection((20, 20, 40, 40), SIZE)


def flat(colour: tuple[int, ...] = SKIN) -> np.ndarray:
    return np.full((240, 240, len(colour)), colour, np.uint8)


def filled(pixels: np.ndarray) -> np.ndarray:
    return fill_from_around(Picture(pixels), HOLE)


def test_a_line_through_the_hole_is_not_carried_into_it() -> None:
    pixels = flat()
    pixels[28:32] = INK
    np.testing.assert_array_equal(filled(pixels), flat()[20:40, 20:40])


def test_a_thick_line_along_its_edge_is_not_either() -> None:
    pixels = flat()
    pixels[16:20, 10:50] = INK
    np.testing.assert_array_equal(filled(pixels), flat()[20:40, 20:40])


def test_what_lies_in_the_hole_does_not_matter() -> None:
    pixels, other = flat(), flat()
    other[HOLE.box.slices][HOLE.alpha > 0] = INK
    np.testing.assert_array_equal(filled(pixels), filled(other))


@pytest.mark.parametrize("ground", [WHITE, (60, 90, 200)])
def test_a_part_in_an_enclosed_ground_leaves_that_ground(ground: tuple[int, ...]) -> None:
    pixels = flat()
    pixels[22:38, 8:52] = ground  # as the white of an eye, lower than the iris
    inside = filled(pixels)[HOLE.alpha > 0]
    np.testing.assert_array_equal(inside, np.full_like(inside, ground))


def test_a_box_holds_its_surroundings_too() -> None:
    pixels = flat()
    pixels[22:38, 8:52] = WHITE
    box = box_selection((20, 20, 40, 40), SIZE)
    made = fill_from_around(Picture(pixels), box)
    np.testing.assert_allclose(made[0].astype(int), flat()[0, :20], atol=16)
    np.testing.assert_allclose(made[8:12, 0].astype(int), flat(WHITE)[:4, 0], atol=16)


def test_where_two_grounds_go_on_each_is_filled_with_its_own() -> None:
    pixels = flat(WHITE)
    pixels[30:] = SKIN
    made = filled(pixels)
    np.testing.assert_array_equal(made[0], flat(WHITE)[0, :20])
    np.testing.assert_array_equal(made[-1], flat()[0, :20])
    assert made[6:14, 0, 2].min() < 200 < made[6:14, 0, 2].max()


def test_shading_goes_on() -> None:
    pixels = np.broadcast_to(np.linspace(120, 200, 240)[None, :, None], (240, 240, 3)).astype(
        np.uint8
    )
    apart = np.abs(filled(pixels).astype(int) - pixels[20:40, 20:40])
    assert apart.max() <= 8


@pytest.mark.parametrize("side", [60, 700])
def test_a_whole_picture_gets_its_median(side: int) -> None:
    size = Size(side, side)
    pixels = np.full((side, side, 3), SKIN, np.uint8)
    pixels[:5] = INK
    made = fill_from_around(Picture(pixels), box_selection((0, 0, side, side), size))
    np.testing.assert_array_equal(made, np.full_like(pixels, SKIN))


@pytest.mark.parametrize(("width", "height"), [(3000, 4), (3, 1200), (700, 700)])
def test_a_large_hole_is_filled_at_a_smaller_scale(width: int, height: int) -> None:
    size = Size(width, height)
    pixels = np.full((height, width, 3), SKIN, np.uint8)
    top = height // 10
    pixels[top : top + max(1, height // 60), width // 3 : width // 2] = INK
    hole = ellipse_selection((width * 0.05, 0, width * 0.95, height), size)
    inside = fill_from_around(Picture(pixels), hole)[hole.alpha > 0]
    np.testing.assert_array_equal(inside, np.full_like(inside, SKIN))


def test_only_lines_about_it_are_better_than_nothing() -> None:
    pixels = flat(WHITE)
    pixels[:] = np.where(np.arange(240)[:, None, None] % 4 < 2, 0, 255)
    assert filled(pixels).shape == (20, 20, 3)


def test_grey_and_16_bit_pictures_are_filled_alike() -> None:
    grey = flat((200,))
    grey[28:32] = 20
    np.testing.assert_array_equal(filled(grey), np.full((20, 20, 1), 200))
    deep = flat().astype(np.uint16) * 257
    deep[28:32] = 0
    np.testing.assert_array_equal(filled(deep), flat()[20:40, 20:40].astype(np.uint16) * 257)
