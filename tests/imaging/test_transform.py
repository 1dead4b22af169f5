"""Scaling of the pixels under a selection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import (
    Box,
    Picture,
    Selection,
    Size,
    apply_patch,
    box_selection,
    ellipse_selection,
    feather,
    outside_unchanged,
    polygon_selection,
    scale_under,
)
from expressedit_mcp.imaging.transform import Anchor

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
ANCHORS: dict[Anchor, tuple[float, float]] = {
    "center": (0.5, 0.5),
    "top": (0.5, 0),
    "bottom": (0.5, 1),
    "left": (0, 0.5),
    "right": (1, 0.5),
}
SIZE = Size(200, 160)
SCALES = [(0.5, 0.5), (0.7, 1.0), (1.0, 0.6), (1.3, 1.3), (2.0, 1.0), (2.4, 1.7), (0.6, 1.5)]


def in_mode(rgb: np.ndarray, mode: str) -> Picture:
    """Colour in one of the modes; alpha is noise."""
    if mode == "L":
        return Picture(np.ascontiguousarray(rgb[..., :1]))
    if mode == "RGB":
        return Picture(rgb.copy())
    alpha = np.random.default_rng(9).integers(0, 256, (*rgb.shape[:2], 1), np.uint8)
    return Picture(np.concatenate([rgb, alpha], axis=2))


def noise(mode: str = "RGB", size: Size = SIZE) -> Picture:
    rgb = np.random.default_rng(3).integers(0, 256, (*size.shape, 3), np.uint8)
    return in_mode(rgb, mode)


def disc(x: float, y: float, radius: float, mode: str = "RGB", size: Size = SIZE) -> Picture:
    """An anti-aliased black disc on white; (x, y) in continuous coordinates."""
    py, px = np.mgrid[0 : size.height * 8, 0 : size.width * 8]
    inside = ((px + 0.5) / 8 - x) ** 2 + ((py + 0.5) / 8 - y) ** 2 <= radius * radius
    cover = inside.reshape(size.height, 8, size.width, 8).mean(axis=(1, 3))
    return in_mode(
        np.repeat(np.rint(255 * (1 - cover))[..., None], 3, axis=2).astype(np.uint8), mode
    )


def spot(x: float, y: float) -> Picture:
    """A soft dark spot on white."""
    dy, dx = np.ogrid[0 : SIZE.height, 0 : SIZE.width]
    dark = np.exp(-((dx + 0.5 - x) ** 2 + (dy + 0.5 - y) ** 2) / (2 * 3.0**2))
    return in_mode(
        np.repeat(np.rint(255 - 220 * dark)[..., None], 3, axis=2).astype(np.uint8), "RGB"
    )


def darkness(picture: Picture) -> tuple[float, float, float]:
    """Area in pixels of black, and its centre (x, y)."""
    dark = 1 - picture.pixels[..., 0] / 255
    x, y = np.arange(dark.shape[1]) + 0.5, np.arange(dark.shape[0]) + 0.5
    area = dark.sum()
    return area, (dark.sum(0) * x).sum() / area, (dark.sum(1) * y).sum() / area


def scaled(picture: Picture, selection: Selection, x: float, y: float, anchor: Anchor = "center"):
    patch = scale_under(picture, selection, x, y, anchor)
    after = apply_patch(picture, patch)
    assert outside_unchanged(picture, after, patch)
    return after, patch


def alpha_over_picture(patch, size: Size = SIZE) -> np.ndarray:
    alpha = np.zeros(size.shape, np.uint8)
    alpha[patch.box.slices] = patch.alpha
    return alpha


def source_selected(
    selection: Selection, x: float, y: float, anchor: Anchor, slack: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels whose source is surely selected, and those whose source may be, `slack` px either way."""
    fx, fy = ANCHORS[anchor]
    x0 = selection.box.left + fx * selection.box.width
    y0 = selection.box.top + fy * selection.box.height
    size = selection.size
    alpha = np.pad(selection.within(size.box) > 0, 1)
    found = []
    for dx in (-slack, slack):
        for dy in (-slack, slack):
            sx = np.floor(x0 + (np.arange(size.width) + 0.5 - x0) / x + dx).astype(int)
            sy = np.floor(y0 + (np.arange(size.height) + 0.5 - y0) / y + dy).astype(int)
            rows, columns = np.clip(sy, -1, size.height), np.clip(sx, -1, size.width)
            found.append(alpha[rows + 1][:, columns + 1])
    return np.all(found, axis=0), np.any(found, axis=0)


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize(("x", "y"), [(100, 80), (90.3, 71.6)])
def test_an_iris_at_half_scale_has_a_quarter_of_its_area(mode, x, y):
    before = disc(x, y, 20, mode)
    iris = ellipse_selection((x - 23, y - 23, x + 23, y + 23), SIZE)
    after, _ = scaled(before, iris, 0.5, 0.5)
    assert darkness(after)[0] / darkness(before)[0] == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.77, 1.25, 1.9])
def test_the_area_follows_the_square_of_the_scale(scale):
    before = disc(100, 80, 20)
    iris = ellipse_selection((77, 57, 123, 103), SIZE)
    after, _ = scaled(before, iris, scale, scale)
    assert darkness(after)[0] / darkness(before)[0] == pytest.approx(scale**2, rel=0.08)


@pytest.mark.parametrize("scale", [0.5, 0.77, 1.3, 2.0])
def test_the_centre_stays_in_place(scale):
    before = disc(100.3, 80.7, 20)
    iris = ellipse_selection((77.3, 57.7, 123.3, 103.7), SIZE)
    after, _ = scaled(before, iris, scale, scale)
    # the anchor is the middle of whole pixels, up to half a pixel from the drawn middle
    middle = np.array(iris.box.centre)
    expected = middle + scale * (np.array([100.3, 80.7]) - middle)
    assert np.abs(expected - darkness(after)[1:]).max() < 0.25


@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize(("scale_x", "scale_y"), [(0.5, 0.5), (0.8, 1.0), (1.0, 1.25), (1.3, 0.7)])
def test_each_anchor_stays_in_place_and_the_rest_moves_about_it(anchor, scale_x, scale_y):
    box = Box(70, 50, 130, 110)
    fixed = np.array([70 + 60 * ANCHORS[anchor][0], 50 + 60 * ANCHORS[anchor][1]])
    at = np.array([95.0, 86.0])
    after, _ = scaled(spot(*at), box_selection(box.as_list(), SIZE), scale_x, scale_y, anchor)
    expected = fixed + np.array([scale_x, scale_y]) * (at - fixed)
    assert np.abs(expected - darkness(after)[1:]).max() < 0.1


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize("anchor", ANCHORS)
def test_shrinking_changes_nothing_outside_the_selection(mode, anchor):
    before = noise(mode)
    selection = box_selection((60, 40, 130, 120), SIZE)
    after, patch = scaled(before, selection, 0.6, 0.8, anchor)
    outside = selection.within(SIZE.box) == 0
    assert patch.box == selection.box
    assert np.array_equal(after.pixels[outside], before.pixels[outside])


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize("feather_px", [0, 10])
def test_scale_1_changes_nothing(mode, feather_px):
    before = noise(mode)
    selection = feather(ellipse_selection((60, 40, 130, 120), SIZE), feather_px)
    after, _ = scaled(before, selection, 1.0, 1.0)
    assert np.abs(after.pixels.astype(int) - before.pixels).max() <= 1


@pytest.mark.parametrize(
    "selection",
    [
        box_selection((80, 60, 120, 100), SIZE),
        ellipse_selection((70, 50, 130, 90), SIZE),
        polygon_selection([(60, 60), (120, 50), (90, 110)], SIZE),
        box_selection((0, 0, 60, 50), SIZE),
        box_selection((150, 110, 200, 160), SIZE),
        box_selection((100, 80, 101, 81), SIZE),
        ellipse_selection((80, 0, 120, 160), SIZE),
    ],
    ids=["box", "ellipse", "polygon", "top left", "bottom right", "one pixel", "full height"],
)
@pytest.mark.parametrize(("scale_x", "scale_y"), SCALES)
@pytest.mark.parametrize("anchor", ANCHORS)
def test_growing_writes_up_to_the_scaled_outline_and_not_beyond(
    selection, scale_x, scale_y, anchor
):
    _, patch = scaled(noise(), selection, scale_x, scale_y, anchor)
    written = alpha_over_picture(patch) > 0
    surely, maybe = source_selected(selection, scale_x, scale_y, anchor, slack=0.05)
    selected = selection.within(SIZE.box) > 0
    assert written[surely | selected].all()
    assert not written[~(maybe | selected)].any()


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize(("scale_x", "scale_y"), SCALES)
def test_every_mode_keeps_its_shape_and_its_alpha_channel(mode, scale_x, scale_y):
    before = noise(mode)
    after, patch = scaled(before, box_selection((5, 5, 60, 60), SIZE), scale_x, scale_y)
    assert patch.pixels.shape == (*patch.box.size.shape, min(3, CHANNELS[mode]))
    assert after.pixels.shape == before.pixels.shape
    assert np.array_equal(after.pixels[..., 3:], before.pixels[..., 3:])


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize(("scale_x", "scale_y"), [(0.5, 0.5), (1.0, 1.0), (1.7, 1.2)])
def test_the_whole_picture_can_be_selected(mode, scale_x, scale_y):
    before = noise(mode)
    _, patch = scaled(before, box_selection(SIZE.box.as_list(), SIZE), scale_x, scale_y)
    assert patch.box == SIZE.box
    assert (patch.alpha == 255).all()


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 255),
    st.floats(0.05, 8),
    st.floats(0.05, 8),
    st.sampled_from(list(ANCHORS)),
    st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(41, 50), st.integers(31, 40)),
)
def test_a_flat_picture_stays_flat(level, scale_x, scale_y, anchor, edges):
    size = Size(50, 40)
    flat = Picture(np.full((*size.shape, 3), level, np.uint8))
    patch = scale_under(flat, box_selection(edges, size), scale_x, scale_y, anchor)
    assert np.abs(patch.pixels.astype(int) - level).max() <= 1
    assert patch.box & size.box == patch.box


def test_fine_lines_shrink_to_grey_and_not_to_stripes():
    lines = np.full((*SIZE.shape, 3), 255, np.uint8)
    lines[:, ::2] = 0
    selection = box_selection((40, 40, 140, 120), SIZE)
    after, _ = scaled(Picture(lines), selection, 0.35, 0.35)
    inner = after.pixels[70:90, 80:100, 0].astype(float)
    assert inner.std() < 30
    assert inner.mean() == pytest.approx(127.5, abs=15)


def test_what_shrinking_uncovers_is_filled_from_around():
    before = disc(100, 80, 20)
    selection = box_selection((70, 50, 130, 110), SIZE)
    after, _ = scaled(before, selection, 0.5, 0.5)
    ring = np.ones(SIZE.shape, bool)
    ring[60:100, 80:120] = False
    assert after.pixels[ring].min() >= 250


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize(("x", "y"), SCALES)
def test_16_bit_pictures_are_scaled_as_8_bit_ones_but_finer(x, y, mode):
    picture = in_mode(spot(90, 75).pixels, mode)
    deep = Picture(picture.pixels.astype(np.uint16) * 257)
    selection = ellipse_selection((70, 60, 110, 92), SIZE)
    patches = [scale_under(made, selection, x, y) for made in (picture, deep)]
    assert patches[1].pixels.dtype == np.uint16
    assert outside_unchanged(deep, apply_patch(deep, patches[1]), patches[1])
    assert np.array_equal(patches[1].alpha, patches[0].alpha)
    assert np.abs(patches[1].pixels / 257 - patches[0].pixels).max() < 2.5
    assert (patches[1].pixels % 257 != 0).any()
