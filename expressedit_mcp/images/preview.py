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

    75,000 bytes are 100 KB of base64. Transparency lies on white. PNG when it fits, else the best
    JPEG that does, else a smaller one. Nothing of the picture's metadata goes along.
    """
    image = _flat(to_8_bit(pixels))
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    png = _encoded(image, "PNG", optimize=False, compress_level=6)
    if len(png) <= max_bytes:
        return Preview(png, "image/png", *image.size)
    while True:
        for quality in _QUALITIES:
            jpeg = _encoded(image, "JPEG", quality=quality)
            if len(jpeg) <= max_bytes:
                return Preview(jpeg, "image/jpeg", *image.size)
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))


def _flat(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
