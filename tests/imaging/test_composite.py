"""A patch goes in where its alpha is, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import (
    Box,
    Patch,
    Picture,
    Size,
    apply_patch,
    box_selection,
    mask_selection,
    outside_unchanged,
    to_rgb,
)
from expressedit_mcp.imaging.colour import from_srgb

MODES = {
    f"{mode}{depth}": (channels, dtype)
    for mode, channels in (("L", 1), ("RGB", 3), ("RGBA", 4))
    for depth, dtype in (("", np.uint8), (" 16", np.uint16))
}
SIZES = [(1, 1), (1, 37), (37, 1), (2, 3), (41, 29), (64, 64), (1021, 3), (2503, 1999)]


def noise(shape: tuple[int, ...], seed: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, True)


def a_picture(width: int, height: int, mode: str, seed: int = 0) -> Picture:
    channels, dtype = MODES[mode]
    pixels = noise((height, width, channels), seed, dtype)
    return Picture(pixels, b"profile", (300.0, 300.0), ((b"tEXt", b"parameters\0steps: 30"),))


def a_patch(picture: Picture, box: Box, seed: int = 1) -> Patch:
    """Random colour under random alpha, half of it 0 or 255."""
    colours = min(picture.pixels.shape[2], 3)
    alpha = noise(box.size.shape, seed)
    kind = noise(box.size.shape, seed + 1)
    alpha[kind < 80] = 0
    alpha[kind > 200] = 255
    return Patch(box, noise((*box.size.shape, colours), seed + 2, picture.pixels.dtype.type), alpha)


@st.composite
def cases(draw):
    """A picture and a patch somewhere in it, often at its border."""
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    xs = sorted(draw(st.sets(st.integers(0, width), min_size=2, max_size=2)))
    ys = sorted(draw(st.sets(st.integers(0, height), min_size=2, max_size=2)))
    seed = draw(st.integers(0, 2**16))
    picture = a_picture(width, height, draw(st.sampled_from(list(MODES))), seed)
    return picture, a_patch(picture, Box(xs[0], ys[0], xs[1], ys[1]), seed + 1)


def changeable(picture: Picture, patch: Patch) -> np.ndarray:
    """True for each byte of a picture that its patch may change."""
    out = np.zeros(picture.pixels.shape, bool)
    out[patch.box.slices][..., : patch.pixels.shape[2]] = (patch.alpha > 0)[..., None]
    return out


def assert_only_the_patch_changed(picture: Picture, patch: Patch) -> None:
    after = apply_patch(picture, patch)
    keep = ~changeable(picture, patch)
    assert np.array_equal(after.pixels[keep], picture.pixels[keep])
    assert outside_unchanged(picture, after, patch)


@settings(deadline=None)
@given(cases())
def test_no_byte_outside_alpha_changes_nor_the_alpha_channel(case):
    assert_only_the_patch_changed(*case)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_byte_outside_alpha_changes_at_any_size(width, height, mode):
    picture = a_picture(width, height, mode)
    corners = Box(0, 0, max(1, width // 2), height), Box(width // 2, height // 3, width, height)
    for box in corners:
        assert_only_the_patch_changed(picture, a_patch(picture, box))


@settings(deadline=None)
@given(cases())
def test_colours_are_blended_by_alpha_and_rounded_to_the_nearest(case):
    picture, patch = case
    colours = patch.pixels.shape[2]
    old = picture.pixels[patch.box.slices][..., :colours].astype(np.float64)
    share = patch.alpha[..., None] / 255
    exact = old * (1 - share) + patch.pixels * share
    after = apply_patch(picture, patch).pixels[patch.box.slices][..., :colours]
    assert np.abs(after - exact).max() <= 0.5


@settings(deadline=None)
@given(cases())
def test_full_alpha_gives_exactly_the_patch(case):
    picture, patch = case
    full = Patch(patch.box, patch.pixels, np.full_like(patch.alpha, 255))
    after = apply_patch(picture, full).pixels[patch.box.slices]
    assert np.array_equal(after[..., : patch.pixels.shape[2]], patch.pixels)


def test_generated_colour_has_more_than_8_bits_in_a_16_bit_picture():
    picture = a_picture(64, 64, "RGB 16")
    selection = box_selection((0, 0, 64, 64), picture.size)
    rgb = np.linspace(0.5, 0.51, 64 * 64 * 3, dtype=np.float32).reshape(64, 64, 3)
    after = apply_patch(picture, Patch.of(rgb, picture.size.box, selection, picture))
    assert np.array_equal(after.pixels, np.rint(rgb * 65535))
    assert len(np.unique(after.pixels)) > 600  # 8 bits have 3 levels there


@pytest.mark.parametrize("mode", MODES)
def test_alpha_0_everywhere_changes_nothing(mode):
    picture = a_picture(9, 7, mode)
    patch = a_patch(picture, Box(2, 1, 8, 6))
    nothing = Patch(patch.box, patch.pixels, np.zeros_like(patch.alpha))
    assert np.array_equal(apply_patch(picture, nothing).pixels, picture.pixels)


def test_the_picture_given_stays_as_it_was():
    picture = a_picture(9, 7, "RGB")
    before = picture.pixels.copy()
    after = apply_patch(picture, a_patch(picture, Box(0, 0, 9, 7)))
    assert np.array_equal(picture.pixels, before)
    assert not np.shares_memory(picture.pixels, after.pixels)


def test_profile_resolution_and_text_pass_through():
    picture = a_picture(9, 7, "RGB")
    after = apply_patch(picture, a_patch(picture, Box(0, 0, 4, 4)))
    assert (after.icc, after.dpi, after.text) == (picture.icc, picture.dpi, picture.text)


def test_a_hundred_patches_leave_the_outside_as_it_was():
    picture = first = a_picture(101, 67, "RGBA")
    written = np.zeros(first.pixels.shape, bool)
    for number in range(100):
        left, top = number % 20, number % 13
        patch = a_patch(picture, Box(left, top, left + 31, top + 23), seed=number)
        written |= changeable(picture, patch)
        picture = apply_patch(picture, patch)
    assert written.any()
    assert np.array_equal(picture.pixels[~written], first.pixels[~written])


@settings(deadline=None)
@given(cases(), st.data())
def test_a_single_changed_byte_outside_is_noticed(case, data):
    picture, patch = case
    selected = np.zeros(picture.size.shape, bool)
    selected[patch.box.slices] = patch.alpha > 0
    outside = np.argwhere(~selected)
    if not len(outside):
        return
    y, x = outside[data.draw(st.integers(0, len(outside) - 1))]
    channel = data.draw(st.integers(0, picture.pixels.shape[2] - 1))
    after = apply_patch(picture, patch).pixels.copy()
    after[y, x, channel] ^= data.draw(st.integers(1, 255))
    assert not outside_unchanged(picture, Picture(after), patch)


@settings(deadline=None)
@given(cases())
def test_changes_inside_count_as_no_change_outside(case):
    picture, patch = case
    after = picture.pixels.copy()
    after[changeable(picture, patch)] ^= 255
    assert outside_unchanged(picture, Picture(after), patch)


@pytest.mark.parametrize(
    "other", [(9, 8, "RGB"), (8, 9, "RGB"), (9, 7, "RGBA"), (9, 7, "L"), (9, 7, "RGB 16")]
)
def test_another_size_mode_or_depth_counts_as_a_change(other):
    picture = a_picture(9, 7, "RGB")
    patch = a_patch(picture, Box(0, 0, 9, 7))
    assert not outside_unchanged(picture, a_picture(*other), patch)


def test_a_patch_of_generated_colour_is_cut_to_the_selection():
    picture = a_picture(20, 20, "RGBA")
    selection = box_selection((5, 6, 9, 12), picture.size)
    crop = Box(2, 3, 18, 19)
    rgb = noise((16, 16, 3), 5).astype(np.float32) / 255
    patch = Patch.of(rgb, crop, selection, picture)
    assert patch.box == selection.box
    assert np.array_equal(patch.alpha, selection.alpha)
    assert np.array_equal(patch.pixels, np.rint(rgb[3:9, 3:7] * 255).astype(np.uint8))


def test_a_patch_may_come_from_a_crop_that_reaches_over_the_border():
    picture = a_picture(6, 6, "RGB")
    selection = mask_selection(np.full((6, 6), 255, np.uint8), picture.size)
    rgb = noise((16, 16, 3), 5).astype(np.float32) / 255
    patch = Patch.of(rgb, Box(-5, -5, 11, 11), selection, picture)
    assert np.array_equal(patch.pixels, np.rint(rgb[5:11, 5:11] * 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("rgb", "grey"),
    [((1, 1, 1), 255), ((0, 0, 0), 0), ((1, 0, 0), 76), ((0, 1, 0), 150), ((0, 0, 1), 29)],
)
def test_colour_for_a_grey_picture_becomes_luma(rgb, grey):
    pixel = np.array([[rgb]], np.float32)
    assert from_srgb(pixel, Picture(np.zeros((1, 1, 1), np.uint8))).tolist() == [[[grey]]]


@pytest.mark.parametrize(
    ("value", "level"), [(-0.2, 0), (0, 0), (0.4 / 255, 0), (0.6 / 255, 1), (1, 255), (1.3, 255)]
)
def test_generated_colour_is_rounded_and_kept_in_range(value, level):
    pixel = np.full((1, 1, 3), value, np.float32)
    assert from_srgb(pixel, Picture(np.zeros((1, 1, 3), np.uint8))).tolist() == [[[level] * 3]]


@pytest.mark.parametrize("mode", MODES)
def test_16_bit_colour_becomes_what_the_same_in_float_does(mode):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    rgb = np.concatenate([levels, levels[::-1], levels[:, ::-1]], axis=2)
    picture = a_picture(256, 256, mode)
    got = from_srgb(rgb, picture)
    assert got.dtype == picture.pixels.dtype
    assert np.array_equal(got, from_srgb(rgb.astype(np.float32) / 65535, picture))
    assert not np.shares_memory(got, rgb)


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_knows_its_mode_and_size(mode):
    picture = a_picture(5, 4, mode)
    assert (picture.mode, picture.size) == (mode.split()[0], Size(5, 4))


@pytest.mark.parametrize("mode", MODES)
def test_the_colour_of_a_picture_has_three_channels(mode):
    pixels = a_picture(5, 4, mode).pixels
    rgb = to_rgb(pixels)
    assert rgb.shape == (4, 5, 3)
    assert rgb.dtype == np.uint8
    levels = np.rint(pixels[..., :3] / (np.iinfo(pixels.dtype).max / 255))
    assert np.array_equal(rgb, np.broadcast_to(levels, rgb.shape))


def test_the_pixels_of_a_picture_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        a_picture(3, 3, "RGB").pixels[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("pixels", "wrong"),
    [
        (np.zeros((4, 4), np.uint8), "must be"),
        (np.zeros((4, 4, 2), np.uint8), "must be"),
        (np.zeros((4, 4, 3), np.float32), "must be uint8 or uint16"),
    ],
    ids=["no channel axis", "two channels", "float"],
)
def test_arrays_that_are_no_picture_are_refused(pixels, wrong):
    with pytest.raises(ValueError, match=wrong):
        Picture(pixels)
