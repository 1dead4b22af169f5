"""Small views of a picture that fit into a chat."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
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

    75,000 bytes are 100 KB of base64. Transparency lies on white. PNG when the best JPEG takes half of that or
    less and the PNG fits, else the best JPEG that does, else a smaller one. Nothing of the picture's metadata
    goes along.
    """
    opaque = _on_white(to_8_bit(pixels)) if pixels.shape[2] == 4 else pixels
    image = Image.fromarray(to_8_bit(_shrunk(opaque, max_side))).convert("RGB")
    while True:
        for quality in _QUALITIES:
            jpeg = _encoded(image, "JPEG", quality=quality)
            # a PNG takes far longer to make, and about twice the bytes of a good JPEG
            if quality == _QUALITIES[0] and len(jpeg) <= max_bytes // 2:
                png = _encoded(image, "PNG", optimize=False, compress_level=6)
                if len(png) <= max_bytes:
                    return Preview(png, "image/png", *image.size)
            if len(jpeg) <= max_bytes:
                return Preview(jpeg, "image/jpeg", *image.size)
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 as (H, W, 3)."""
    image = Image.fromarray(pixels)
    ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(ground, image).convert("RGB"))


def _shrunk(pixels: np.ndarray, max_side: int) -> np.ndarray:
    """(H, W, 1|3) at most `max_side` px a side, grey as (h, w); never enlarged."""
    height, width = pixels.shape[:2]
    scale = max_side / max(width, height)
    grey = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    if scale >= 1:
        return grey
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
