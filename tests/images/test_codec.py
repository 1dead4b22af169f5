"""Picture files to pixels and back: nothing lost, nothing misread, every refusal said in words."""

import io
import struct

import icc_profiles
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import (
    GREY,
    LIMITS,
    RGB,
    SRGB,
    TEXTS,
    UPRIGHT,
    exif,
    frames,
    noise,
    opened,
    palette_image,
    png,
    refusal,
    saved,
    scanlines,
)
from PIL import Image

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import decode, encode_png
from expressedit_mcp.imaging import Picture, Size


@st.composite
def pictures(draw):
    shape = draw(st.integers(1, 30)), draw(st.integers(1, 30)), draw(st.sampled_from([1, 3, 4]))
    icc = draw(st.sampled_from([None, SRGB]))
    dpi = draw(st.none() | st.tuples(*[st.integers(1, 2400).map(float)] * 2))
    text = draw(st.sampled_from([(), TEXTS]))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    return Picture(noise(*shape, seed=draw(st.integers(0, 2**16)), dtype=dtype), icc, dpi, text)


@settings(deadline=None)
@given(pictures(), st.sampled_from([0, 1, 9]))
def test_a_picture_survives_png_without_loss(picture, level):
    again = opened(encode_png(picture, level))
    assert np.array_equal(again.pixels, picture.pixels)
    assert again.pixels.dtype == picture.pixels.dtype
    assert (again.mode, again.icc, again.text) == (picture.mode, picture.icc, picture.text)
    if picture.dpi is None:
        assert again.dpi is None
    else:
        assert again.dpi == pytest.approx(picture.dpi, abs=0.02)


@settings(deadline=None)
@given(pictures())
def test_a_second_round_trip_changes_nothing_more(picture):
    once = opened(encode_png(picture))
    twice = opened(encode_png(once))
    assert (twice.icc, twice.dpi) == (once.icc, once.dpi)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_values_are_kept(channels):
    pixels = noise(9, 13, channels)
    data = saved(Image.fromarray(pixels[..., 0] if channels == 1 else pixels), "PNG")
    assert np.array_equal(opened(data).pixels, pixels)


@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_webp_values_are_kept(channels):
    pixels = noise(9, 13, channels)
    data = saved(Image.fromarray(pixels), "WEBP", lossless=True, exact=True)
    assert np.array_equal(opened(data).pixels, pixels)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_read_as_pillow_reads_it(mode):
    data = saved(Image.fromarray(noise(24, 17, 3)).convert(mode), "JPEG")
    picture = opened(data)
    assert picture.mode == mode
    assert np.array_equal(picture.pixels.squeeze(), np.array(Image.open(io.BytesIO(data))))


def test_colour_under_full_transparency_is_kept():
    pixels = noise(9, 13, 4)
    pixels[..., 3] = 0
    assert np.array_equal(opened(saved(Image.fromarray(pixels), "PNG")).pixels, pixels)


def test_a_plain_picture_has_no_notes():
    assert decode(saved(Image.fromarray(noise(4, 4, 3)), "PNG"), "x", LIMITS).notes == ()


def test_a_palette_picture_gets_exactly_its_palettes_colours():
    image, indices, colours = palette_image()
    result = decode(saved(image, "PNG"), "x", LIMITS)
    assert result.picture.mode == "RGB"
    assert np.array_equal(result.picture.pixels, colours[indices])
    assert "converted from P to RGB" in result.notes[0]


def test_a_palette_with_transparency_becomes_rgba_with_its_exact_alpha():
    image, indices, colours = palette_image()
    alpha = noise(16, seed=8)
    picture = opened(saved(image, "PNG", transparency=alpha.tobytes()))
    expected = np.concatenate([colours, alpha[:, None]], axis=1)
    assert np.array_equal(picture.pixels, expected[indices])


def test_a_palette_with_one_transparent_colour_becomes_rgba():
    image, indices, _ = palette_image()
    picture = opened(saved(image, "PNG", transparency=3))
    assert np.array_equal(picture.pixels[..., 3] == 0, indices == 3)


def test_grey_with_alpha_becomes_rgba():
    pixels = noise(5, 6, 2)
    result = decode(saved(Image.fromarray(pixels), "PNG"), "x", LIMITS)
    assert result.picture.mode == "RGBA"
    assert np.array_equal(result.picture.pixels, pixels[..., [0, 0, 0, 1]])
    assert result.notes


def test_one_bit_becomes_grey_of_0_and_255():
    bits = noise(6, 16, 1) > 127
    data = png(16, 6, GREY, 1, scanlines(np.packbits(bits[..., 0], axis=1)))
    picture = opened(data)
    assert np.array_equal(picture.pixels, bits * np.uint8(255))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_grey_level_named_transparent_becomes_alpha_0(depth):
    top = 2**depth - 1
    row = np.unpackbits(np.array([[top], [0]], np.uint8), axis=1)[:, -depth:].reshape(1, -1)
    data = png(2, 1, GREY, depth, scanlines(np.packbits(row, axis=1)), tRNS=struct.pack(">H", top))
    assert opened(data).pixels.tolist() == [[[255, 255, 255, 0], [0, 0, 0, 255]]]


def test_a_colour_named_transparent_becomes_alpha_0():
    pixels = np.array([[[10, 20, 30], [10, 20, 31]]], np.uint8)
    data = png(2, 1, RGB, rows=scanlines(pixels), tRNS=struct.pack(">HHH", 10, 20, 30))
    assert opened(data).pixels.tolist() == [[[10, 20, 30, 0], [10, 20, 31, 255]]]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_exif_orientation_is_applied_and_said(kind, options, orientation):
    pixels = noise(4, 7, 3)
    data = saved(Image.fromarray(pixels), kind, exif=exif(orientation), **options)
    result = decode(data, "x", LIMITS)
    assert np.array_equal(result.picture.pixels, UPRIGHT[orientation](pixels))
    assert ["upright" in note for note in result.notes] == [True] * (orientation > 1)


def test_exif_orientation_of_a_palette_picture_keeps_its_transparency():
    image, indices, _ = palette_image()
    picture = opened(saved(image, "PNG", transparency=3, exif=exif(6)))
    assert np.array_equal(picture.pixels[..., 3] == 0, np.rot90(indices, -1) == 3)


def test_exif_orientation_of_a_jpeg_turns_its_size():
    data = saved(Image.fromarray(noise(16, 40, 3)), "JPEG", exif=exif(8))
    assert opened(data).size == Size(16, 40)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_changes_nothing(orientation):
    pixels = noise(4, 7, 3)
    result = decode(saved(Image.fromarray(pixels), "PNG", exif=exif(orientation)), "x", LIMITS)
    assert np.array_equal(result.picture.pixels, pixels)
    assert result.notes == ()


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("broken", [b"", b"XX\0*\0\0\0\x08", b"MM\0*\xff\xff\xff\xff", b"MM\0*"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_broken_exif_does_not_keep_a_picture_from_opening(kind, broken):
    data = saved(Image.fromarray(noise(4, 7, 3)), kind, exif=b"Exif\0\0" + broken)
    assert opened(data).size == Size(7, 4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_colour_profile_is_kept(kind):
    assert opened(saved(Image.fromarray(noise(4, 4, 3)), kind, icc_profile=SRGB)).icc == SRGB


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_resolution_is_kept(kind):
    data = saved(Image.fromarray(noise(4, 4, 3)), kind, dpi=(300, 150))
    assert opened(data).dpi == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("size_bytes", [1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_large_profile_never_makes_a_picture_that_cannot_be_read_again(size_bytes):
    """Pillow refuses PNG profiles above 1 MiB, but reads them from JPEG."""
    profile = bytes(size_bytes)
    data = saved(Image.fromarray(noise(4, 4, 3)), "JPEG", icc_profile=profile)
    result = decode(data, "x", LIMITS)
    again = opened(encode_png(result.picture))
    assert again.icc == result.picture.icc
    assert (again.icc is None) == any("left out its colour" in note for note in result.notes)


def test_only_the_first_picture_of_a_multi_picture_jpeg_is_read():
    """Phones write these (depth, gain map); they are no animations."""
    first = Image.fromarray(noise(8, 8, 3))
    data = saved(first, "MPO", **frames())
    assert np.array_equal(opened(data).pixels, opened(saved(first, "JPEG")).pixels)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"hello, I am no picture", "a text file"),
        (b"<html><body>404 Not Found</body></html>", "a text file"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG"),
        (b'\n  <SVG xmlns="http://www.w3.org/2000/svg"/>', "an SVG"),
        (b"8BPS\0\1" + bytes(20), "a Photoshop document"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (saved(Image.fromarray(noise(8, 8, 3)), "GIF"), "a GIF"),
        (saved(Image.fromarray(noise(8, 8, 3)), "GIF", **frames()), "a GIF"),
        (saved(Image.fromarray(noise(8, 8, 3)), "BMP"), "a BMP"),
        (saved(Image.fromarray(noise(8, 8, 3)), "TIFF"), "a TIFF"),
        (bytes(range(128, 228)), "of an unknown kind"),
        (b"\x89PNG\r\n\x1a\n", "damaged at its start"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "damaged at its start"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_picture_is_refused_and_named(data, words):
    message = refusal(data)
    assert message.startswith("hero.png")
    assert words in message
    assert "PNG" in message


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind):
    data = saved(Image.fromarray(noise(8, 8, 3)), kind, **frames())
    assert "is animated" in refusal(data)


def test_cmyk_is_refused():
    data = saved(Image.new("CMYK", (8, 8), (9, 99, 0, 40)), "JPEG")
    assert "CMYK" in refusal(data)


def test_text_beyond_a_megabyte_is_left_out():
    long = b"workflow\0" + b"x" * (1 << 20)
    result = decode(png(3, 2, RGB, rows=scanlines(noise(2, 9)), tEXt=long), "x", LIMITS)
    assert result.picture.text == ()
    assert any("left out its text" in note for note in result.notes)


def test_cmyk_is_converted_through_its_profile_and_that_is_said():
    inks = np.zeros((16, 32, 4), np.uint8)
    inks[:, 16:, 3] = 255
    data = saved(
        Image.fromarray(inks, "CMYK"), "JPEG", quality=100, icc_profile=icc_profiles.cmyk_profile()
    )
    result = decode(data, "x", LIMITS)
    assert (result.picture.mode, result.picture.icc) == ("RGB", None)
    assert result.picture.pixels[:, :8].min() >= 253
    assert result.picture.pixels[:, 24:].max() <= 2
    assert result.notes == ("converted from CMYK to sRGB through its colour profile",)


@pytest.mark.parametrize("profile", [SRGB, b"no profile"], ids=["of RGB", "damaged"])
def test_cmyk_with_a_profile_that_does_not_fit_is_refused(profile):
    data = saved(Image.new("CMYK", (8, 8), (9, 99, 0, 40)), "JPEG", icc_profile=profile)
    assert "CMYK" in refusal(data)


def test_a_profile_that_is_not_computed_is_kept_and_that_is_said():
    profile = icc_profiles.profile(b"RGB ", {})
    result = decode(saved(Image.fromarray(noise(4, 4, 3)), "PNG", icc_profile=profile), "x", LIMITS)
    assert result.picture.icc == profile
    assert ["as if they were sRGB" in note for note in result.notes] == [True]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_file_cut_short_is_refused(kind, share):
    data = saved(Image.fromarray(noise(90, 70, 3)), kind)
    message = refusal(data[: int(len(data) * share)])
    assert "damaged" in message or "cut short" in message


def test_a_picture_beyond_the_limit_is_refused_with_its_size():
    data = saved(Image.new("RGB", (1001, 1000)), "PNG")
    message = refusal(data)
    assert "1001 x 1000" in message
    assert "EXPRESSEDIT_MAX_PIXELS" in message


def test_a_picture_at_the_limit_is_opened():
    assert opened(saved(Image.new("L", (1000, 1000)), "PNG")).size == Size(1000, 1000)


@pytest.mark.parametrize("side", [1001, 10_000, 40_000, 2**31 - 1])
def test_a_huge_picture_is_refused_from_its_header(side):
    """The files hold no pixels: had any been asked for, the complaint would be of damage."""
    message = refusal(png(side, side, RGB))
    assert "too large" in message or "the limit is" in message
    assert "Crop or shrink it" in message


def test_a_header_without_pixels_is_damage():
    assert "damaged" in refusal(png(40, 40, RGB))


def samples() -> list[bytes]:
    image = Image.fromarray(noise(12, 17, 3))
    more = {"exif": exif(6), "icc_profile": SRGB}
    return [
        saved(image, "PNG", dpi=(72, 72), **more),
        saved(image, "JPEG", **more),
        saved(image, "WEBP", **more),
        saved(palette_image()[0], "PNG", transparency=3),
        encode_png(Picture(noise(12, 17, 3, dtype=np.uint16), SRGB, (72.0, 72.0), TEXTS)),
    ]


SAMPLES = samples()


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SAMPLES), st.data())
def test_any_damage_is_survived_or_refused_in_words(data, draw):
    damaged = bytearray(data)
    # half of the damage goes to the headers
    reach = draw.draw(st.sampled_from([80, len(data)]))
    for _ in range(draw.draw(st.integers(0, 3))):
        damaged[draw.draw(st.integers(0, reach - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    try:
        picture = opened(bytes(damaged[:cut]))
    except InputError:
        return
    assert np.array_equal(opened(encode_png(picture)).pixels, picture.pixels)
