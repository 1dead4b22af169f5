"""Small views of a picture that fit into a chat."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from expressedit_mcp.imaging import to_8_bit

_QUALITIES = (92, 85, 75, 65, 50, 35)


@dataclass(frozen=True)
class Preview:
    """An encoded view."""

    data: bytes
    mime_type: str
    width: int
    height: int


def make_preview(pixels: np.ndarray, max_side: int = 768, max_bytes: int = 75_000) -> Preview:
    """Pixels (H, W, 1|3|4) uint8 or uint16 as PNG or JPEG of at most `max_side` px and `max_bytes` bytes.

    75,000 bytes are 100 KB of base64. Transparency lies on white. PNG when a good JPEG takes half of that or
    less and the PNG fits, else the best JPEG that does, else a smaller one. Nothing of the picture's metadata
    goes along.
    """
    image = _opaque(to_8_bit(pixels))
    # whole pixels are averaged first, which is most of the way and quick
    image.thumbnail((max_side, max_side), Image.Resampling.HAMMING, reducing_gap=1.0)
    image = image.convert("RGB")
    while (jpeg := _best_jpeg(image, max_bytes)) is None:
        smaller = max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)
        image = image.resize(smaller, Image.Resampling.HAMMING)
    # a PNG takes ten times as long to make, and about twice the bytes
    if len(jpeg) <= max_bytes // 2:
        png = _encoded(image, "PNG", optimize=False, compress_level=6)
        if len(png) <= max_bytes:
            return Preview(png, "image/png", *image.size)
    return Preview(jpeg, "image/jpeg", *image.size)


def _opaque(pixels: np.ndarray) -> Image.Image:
    """Pixels (H, W, 1|3|4) uint8 as a grey or RGB image."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def _best_jpeg(image: Image.Image, max_bytes: int) -> bytes | None:
    """The JPEG of the highest quality that fits; None when not even the lowest does."""
    best = _encoded(image, "JPEG", quality=_QUALITIES[0])
    if len(best) <= max_bytes:
        return best
    least = _encoded(image, "JPEG", quality=_QUALITIES[-1])
    if len(least) > max_bytes:
        return None
    others = (_encoded(image, "JPEG", quality=quality) for quality in _QUALITIES[1:-1])
    return next((data for data in others if len(data) <= max_bytes), least)


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
