"""Picture files for the tests of reading them: written by Pillow, or by hand where it cannot."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import DecodeLimits, decode
from expressedit_mcp.imaging import Picture

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


def palette_image() -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """A palette picture, its indices and its palette."""
    colours, indices = noise(16, 3, seed=4), noise(7, 11) % 16
    image = Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette(colours.tobytes())
    return image, indices, colours


def deep_png(pixels: np.ndarray, kind: int, **more: bytes) -> bytes:
    """A 16-bit PNG of pixels (H, W, C) uint16."""
    height, width = pixels.shape[:2]
    rows = scanlines(pixels.astype(">u2").view(np.uint8).reshape(height, -1))
    return png(width, height, kind, 16, rows, **more)


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
