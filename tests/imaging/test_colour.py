"""Colour profiles: to sRGB for the model and back, for the crop alone."""

import io

import icc_profiles as icc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from expressedit_mcp.imaging import (
    Box,
    Patch,
    Picture,
    Size,
    apply_patch,
    box_selection,
    outside_unchanged,
    profile_note,
    srgb_crop,
)
from expressedit_mcp.imaging.colour import from_srgb

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ADOBE_CURVE = icc.gamma(563 / 256)
PROFILES = {
    "Display P3": icc.rgb_profile(icc.DISPLAY_P3, icc.SRGB_CURVE),
    "Adobe RGB": icc.rgb_profile(icc.ADOBE_RGB, ADOBE_CURVE),
    "ProPhoto": icc.rgb_profile(icc.PROPHOTO, icc.gamma(1.8)),
    "table": icc.rgb_profile(icc.ADOBE_RGB, icc.table([(i / 1023) ** 2 for i in range(1024)])),
}
GREY_GAMMA = icc.grey_profile(icc.gamma(1.8))
ANY = {**PROFILES, "grey": GREY_GAMMA, "CMYK": icc.cmyk_profile()}
TOP = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
DEPTHS = [np.uint8, np.uint16]


def picture(profile: bytes | None, channels: int = 3, dtype: type = np.uint8) -> Picture:
    rng = np.random.default_rng(channels)
    top = TOP[np.dtype(dtype)]
    return Picture(rng.integers(0, top + 1, (24, 30, channels)).astype(dtype), profile)


def inside_srgb(profile: bytes, dtype: type) -> Picture:
    """A picture in a profile whose colours sRGB can hold."""
    rgb = np.random.default_rng(7).random((24, 30, 3)).astype(np.float32)
    like = Picture(np.zeros((1, 1, 3), dtype), profile)
    return Picture(from_srgb(rgb, like), profile)


def as_float(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float64) / TOP[pixels.dtype]


def by_little_cms(image: Picture) -> np.ndarray:
    assert image.icc
    converted = ImageCms.profileToProfile(
        Image.fromarray(image.pixels),
        ImageCms.ImageCmsProfile(io.BytesIO(image.icc)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None
    return np.array(converted)


@pytest.mark.parametrize("name", PROFILES)
def test_colours_agree_with_little_cms(name):
    made = picture(PROFILES[name])
    ours = as_float(srgb_crop(made, made.size.box)) * 255
    assert np.abs(ours - by_little_cms(made)).max() < 1.1


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("name", PROFILES)
def test_colours_that_srgb_holds_come_back(name, dtype):
    made = inside_srgb(PROFILES[name], dtype)
    crop = srgb_crop(made, made.size.box)
    assert crop.dtype == np.uint16
    back = from_srgb(as_float(crop).astype(np.float32), made)
    off = np.abs(back.astype(int) - made.pixels)
    assert off.max() <= (1 if dtype == np.uint8 else 16)


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("name", PROFILES)
def test_black_white_and_grey_stay_what_they_are(name, dtype):
    top = TOP[np.dtype(dtype)]
    ramp = np.linspace(0, top, 9).astype(dtype)
    made = Picture(np.repeat(ramp[None, :, None], 3, axis=2), PROFILES[name])
    crop = srgb_crop(made, made.size.box)
    assert (crop[0, 0] == 0).all()
    assert (crop[0, -1] == 65535).all()
    assert np.ptp(crop.astype(int), axis=2).max() <= 4
    back = from_srgb(as_float(crop).astype(np.float32), made)
    assert (back[0, 0] == 0).all()
    assert (back[0, -1] == top).all()


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "profile",
    [None, SRGB, icc.rgb_profile(icc.SRGB, icc.SRGB_CURVE)],
    ids=["none", "Pillow's", "by hand"],
)
def test_srgb_pictures_are_seen_as_they_are(profile, channels, dtype):
    made = picture(profile, channels, dtype)
    crop = srgb_crop(made, Box(-2, 3, 20, 25))
    expected = np.pad(made.pixels, ((0, 1), (2, 0), (0, 0)), mode="edge")[3:25, :22, :3]
    assert crop.dtype == dtype
    assert np.array_equal(crop, np.broadcast_to(expected, crop.shape))
    assert profile_note(made) is None


@pytest.mark.parametrize("dtype", DEPTHS)
def test_grey_goes_through_its_profile_and_back(dtype):
    made = picture(GREY_GAMMA, 1, dtype)
    crop = srgb_crop(made, made.size.box)
    linear = as_float(made.pixels) ** (461 / 256)
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(as_float(crop) - expected).max() < 2e-5
    back = from_srgb(as_float(crop).astype(np.float32), made)
    assert np.abs(back.astype(int) - made.pixels).max() <= (0 if dtype == np.uint8 else 16)


def test_grey_in_an_rgb_profile_is_red_green_and_blue_alike():
    grey = picture(PROFILES["Adobe RGB"], 1)
    colour = Picture(np.repeat(grey.pixels, 3, axis=2), grey.icc)
    box = grey.size.box
    assert np.abs(srgb_crop(grey, box).astype(int) - srgb_crop(colour, box)).max() <= 2


CURVES = {
    "0": (icc.parametric(0, 2.0), lambda x: x**2),
    "1": (icc.parametric(1, 2.0, 1.25, -0.25), lambda x: np.maximum(1.25 * x - 0.25, 0) ** 2),
    "2": (
        icc.parametric(2, 2.0, 1.25, -0.25, 0.1),
        lambda x: np.maximum(1.25 * x - 0.25, 0) ** 2,  # its 0.1 of black is compensated
    ),
    "3": (icc.parametric(3, 2.0, 1.0, 0.0, 0.5, 0.5), lambda x: np.where(x >= 0.5, x**2, x / 2)),
    "4": (
        icc.parametric(4, 1.0, 0.75, 0.25, 0.25, 0.5, 0.0, 0.25),
        lambda x: np.where(x >= 0.5, 0.75 * x + 0.25, 0.25 * x + 0.25) * 4 / 3 - 1 / 3,
    ),
    "identity": (icc.table([]), lambda x: x),
    "two points": (icc.table([0.0, 1.0]), lambda x: x),
}


@pytest.mark.parametrize("name", CURVES)
def test_every_form_of_a_tone_curve_is_read(name):
    body, law = CURVES[name]
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    made = Picture(levels, icc.grey_profile(body))
    assert profile_note(made) is None
    linear = np.clip(law(levels / 255), 0, 1)
    if name == "2":
        linear = np.clip(np.minimum(law(levels / 255) + 0.1, 1) / 0.9 - 0.1 / 0.9, 0, 1)
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(as_float(srgb_crop(made, made.size.box)) - expected).max() < 5e-4


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (b"no profile", "damaged"),
        (icc.cmyk_profile(), "connection space is Lab"),
        (icc.profile(b"CMYK", {}), "CMYK colour"),
        (icc.profile(b"RGB ", {}), "no rTRC tag"),
        (GREY_GAMMA, "describes grey"),
        (icc.rgb_profile(icc.ADOBE_RGB, icc.table([0.5, 0.5])), "tone curve"),
        (icc.rgb_profile(icc.ADOBE_RGB, icc.table([0.0, 1.0, 0.2, 1.0])), "tone curve"),
        (icc.rgb_profile(icc.ADOBE_RGB, icc.parametric(9, 1.0)), "unknown kind 9"),
        (icc.rgb_profile(icc.ADOBE_RGB, b"mft1" + bytes(40)), "of type mft1"),
        (icc.rgb_profile(icc.ADOBE_RGB, icc.table([0, 1])[:-2]), "damaged"),
        (icc.rgb_profile([icc.D50] * 3, icc.gamma(2.2)), "do not make white"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_colours_under_another_profile_are_taken_as_srgb_and_that_is_said(profile, reason):
    made = picture(profile)
    note = profile_note(made)
    assert note
    assert reason in note
    assert "as if they were sRGB" in note
    assert np.array_equal(srgb_crop(made, made.size.box), made.pixels)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(list(ANY)), st.data())
def test_no_damage_to_a_profile_keeps_a_picture_from_being_edited(name, data):
    damaged = bytearray(ANY[name])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    made = picture(
        bytes(damaged[: data.draw(st.integers(0, len(damaged)))]),
        data.draw(st.sampled_from([1, 3])),
    )
    crop = srgb_crop(made, made.size.box)
    back = from_srgb(as_float(crop).astype(np.float32), made)
    assert crop.shape == (24, 30, 3)
    assert back.shape == made.pixels.shape
    assert back.dtype == made.pixels.dtype


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("name", PROFILES)
def test_16_bit_colour_passes_through_a_profile_as_float_does(name, dtype):
    made = picture(PROFILES[name], 4, dtype)
    rgb = np.random.default_rng(1).integers(0, 65536, (24, 30, 3), np.uint16)
    assert np.array_equal(from_srgb(rgb, made), from_srgb(rgb.astype(np.float32) / 65535, made))


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("name", PROFILES)
def test_only_pixels_under_the_selection_pass_through_a_profile(name, dtype):
    made = picture(PROFILES[name], 4, dtype)
    selection = box_selection((5, 6, 15, 20), Size(30, 24))
    rgb = np.random.default_rng(1).random((24, 30, 3), np.float32)
    patch = Patch.of(rgb, made.size.box, selection, made)
    after = apply_patch(made, patch)
    assert outside_unchanged(made, after, patch)
    assert patch.pixels.dtype == dtype
    assert np.array_equal(after.pixels[..., 3], made.pixels[..., 3])
    assert np.array_equal(patch.pixels, from_srgb(rgb[6:20, 5:15], made))
