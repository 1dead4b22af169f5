"""Picture files to pixels and back: nothing lost, nothing misread, every refusal said in words."""

import io
import struct
import zlib

import icc_profiles
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import DecodeLimits, decode, encode_png
from expressedit_mcp.imaging import Picture, Size

LIMITS = DecodeLimits(max_pixels=1_000_000)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION = 0x0112
TEXTS = (
    (b"tEXt", b"parameters\0best quality, smile\nSteps: 30, Seed: 7"),
    (b"zTXt", b"Comment\0\0" + zlib.compress(b"packed " * 40)),
    (b"iTXt", "Title\0\0\0ja\0題\0笑顔".encode()),
)
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def noise(*shape: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, True)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    width: int,
    height: int,
    kind: int,
    depth: int = 8,
    rows: bytes | None = None,
    **more: bytes,
) -> bytes:
    """A PNG written by hand, for what Pillow does not write; without rows it is all header."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    extra = b"".join(chunk(name.encode(), data) for name, data in more.items())
    pixels = b"" if rows is None else chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + pixels + chunk(b"IEND", b"")


def scanlines(pixels: np.ndarray) -> bytes:
    """Rows of bytes as a PNG has them, each after its filter byte."""
    flat = pixels.reshape(len(pixels), -1)
    return np.concatenate([np.zeros((len(flat), 1), np.uint8), flat], axis=1).tobytes()


def opened(data: bytes) -> Picture:
    return decode(data, "hero.png", LIMITS).picture


def refusal(data: bytes, limits: DecodeLimits = LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        decode(data, "hero.png", limits)
    return str(caught.value)


def frames() -> dict:
    return {"save_all": True, "append_images": [Image.fromarray(noise(8, 8, 3, seed=1))]}


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


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


def palette_image() -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """A palette picture, its indices and its palette."""
    colours, indices = noise(16, 3, seed=4), noise(7, 11) % 16
    image = Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette(colours.tobytes())
    return image, indices, colours


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


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


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


def deep_png(pixels: np.ndarray, kind: int, **more: bytes) -> bytes:
    """A 16-bit PNG of pixels (H, W, C) uint16."""
    height, width = pixels.shape[:2]
    rows = scanlines(pixels.astype(">u2").view(np.uint8).reshape(height, -1))
    return png(width, height, kind, 16, rows, **more)


@pytest.mark.parametrize(
    ("kind", "channels", "seen"),
    [(GREY, 1, [0]), (RGB, 3, [0, 1, 2]), (GREY_ALPHA, 2, [0, 0, 0, 1]), (RGBA, 4, [0, 1, 2, 3])],
)
def test_16_bits_per_channel_are_read_exactly(kind, channels, seen):
    pixels = noise(7, 9, channels, dtype=np.uint16)
    pixels[0, 0] = 12345
    result = decode(deep_png(pixels, kind), "x", LIMITS)
    assert result.picture.pixels.dtype == np.uint16
    assert np.array_equal(result.picture.pixels, pixels[..., seen])
    assert result.notes[0] == "16 bits per channel, kept"
    assert ("converted to RGBA, values unchanged" in result.notes) == (kind == GREY_ALPHA)


def test_16_bit_colour_under_full_transparency_is_kept():
    pixels = noise(5, 6, 4, dtype=np.uint16)
    pixels[..., 3] = 0
    assert np.array_equal(opened(deep_png(pixels, RGBA)).pixels, pixels)


def interlaced(data: bytes) -> bytes:
    """The PNG with Adam7 named in its header."""
    header = bytearray(data[16:29])
    header[12] = 1
    return data[:8] + chunk(b"IHDR", bytes(header)) + data[33:]


def test_an_interlaced_16_bit_png_is_read_exactly():
    pixels = noise(11, 13, 3, dtype=np.uint16)
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    parts = (pixels[y::dy, x::dx].astype(">u2") for y, x, dy, dx in passes)
    rows = b"".join(
        scanlines(np.ascontiguousarray(p).view(np.uint8).reshape(len(p), -1)) for p in parts
    )
    assert np.array_equal(opened(interlaced(png(13, 11, RGB, 16, rows))).pixels, pixels)


@pytest.mark.parametrize(("kind", "channels"), [(GREY, 1), (RGB, 3)])
def test_a_16_bit_colour_named_transparent_becomes_alpha_0(kind, channels):
    pixels = np.array([[[40000] * channels, [40001] * channels]], np.uint16)
    data = deep_png(pixels, kind, tRNS=struct.pack(f">{channels}H", *[40000] * channels))
    assert opened(data).pixels.tolist() == [[[40000] * 3 + [0], [40001] * 3 + [65535]]]


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_of_a_16_bit_png_is_applied_and_said(orientation):
    pixels = noise(4, 7, 3, dtype=np.uint16)
    tiff = exif(orientation).tobytes().removeprefix(b"Exif\0\0")
    result = decode(deep_png(pixels, RGB, eXIf=tiff), "x", LIMITS)
    assert np.array_equal(result.picture.pixels, UPRIGHT[orientation](pixels))
    assert any("upright" in note for note in result.notes) == (orientation > 1)


def test_profile_and_resolution_of_a_16_bit_png_are_kept():
    beside = {
        "iCCP": b"any name\0\0" + zlib.compress(SRGB),
        "pHYs": struct.pack(">IIB", 11811, 5906, 1),
    }
    picture = opened(deep_png(noise(4, 4, 3, dtype=np.uint16), RGB, **beside))
    assert picture.icc == SRGB
    assert picture.dpi == pytest.approx((300, 150), abs=0.02)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_16_bit_png_cut_short_is_refused(share):
    data = deep_png(noise(90, 70, 3, dtype=np.uint16), RGB)
    assert "damaged or cut short" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_text_is_kept_as_it_was(dtype):
    pixels = noise(5, 6, 3, dtype=dtype)
    rows = scanlines(pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(5, -1))
    data = png(6, 5, RGB, 8 * pixels.itemsize, rows, **{n.decode(): b for n, b in TEXTS})
    picture = opened(data)
    assert picture.text == TEXTS
    read = Image.open(io.BytesIO(encode_png(picture)))
    assert read.info["parameters"] == "best quality, smile\nSteps: 30, Seed: 7"
    assert read.info["Title"] == "笑顔"


def test_text_beyond_a_megabyte_is_left_out():
    long = b"workflow\0" + b"x" * (1 << 20)
    result = decode(png(3, 2, RGB, rows=scanlines(noise(2, 9)), tEXt=long), "x", LIMITS)
    assert result.picture.text == ()
    assert any("left out its text" in note for note in result.notes)


XMP = b'<x:xmpmeta xmlns:tiff="t" tiff:Orientation="6"/>'
RAW_EXIF = (
    b"\nexif\n"
    + b"%8d\n" % 26
    + (b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)).hex().encode()
)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "more",
    [
        {"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + XMP},
        {"zTXt": b"Raw profile type exif\0\0" + zlib.compress(RAW_EXIF)},
    ],
    ids=["XMP", "raw profile"],
)
def test_an_orientation_that_stands_in_kept_text_is_applied_once(more, dtype):
    pixels = noise(4, 7, 3, dtype=dtype)
    rows = scanlines(pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(4, -1))
    picture = opened(png(7, 4, RGB, 8 * pixels.itemsize, rows, **more))
    assert np.array_equal(picture.pixels, np.rot90(pixels, -1))
    assert picture.text
    assert np.array_equal(opened(encode_png(picture)).pixels, picture.pixels)


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
