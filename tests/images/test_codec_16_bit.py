"""PNG of 16 bits per channel to pixels and back, exactly; and what holds for both depths."""

import io
import struct
import zlib

import numpy as np
import pytest
from picture_files import (
    GREY,
    GREY_ALPHA,
    LIMITS,
    RGB,
    RGBA,
    SRGB,
    TEXTS,
    UPRIGHT,
    chunk,
    deep_png,
    exif,
    noise,
    opened,
    png,
    refusal,
    scanlines,
)
from PIL import Image

from expressedit_mcp.images import decode, encode_png


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
