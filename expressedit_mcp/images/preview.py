"""Small views of a picture that fit into a chat."""

from __future__ import annotations

import functools
from bisect import bisect_left
from dataclasses import dataclass

import cv2
import numpy as np

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
    image = to_8_bit(_fitted(_opaque(pixels), max_side))
    image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR)
    while (jpeg := _best_jpeg(image, max_bytes)) is None:
        image = _fitted(image, max(1, max(image.shape) * 3 // 4))
    height, width = image.shape[:2]
    # a PNG takes ten times as long to make, and about twice the bytes
    if len(jpeg) <= max_bytes // 2:
        png = _encoded(image, ".png", cv2.IMWRITE_PNG_COMPRESSION, 6)
        if len(png) <= max_bytes:
            return Preview(png, "image/png", width, height)
    return Preview(jpeg, "image/jpeg", width, height)


def _opaque(pixels: np.ndarray) -> np.ndarray:
    """The colours (H, W[, 3]) on white, in the pixels' own depth."""
    if pixels.shape[2] < 4:
        return pixels[..., 0] if pixels.shape[2] == 1 else pixels
    *colours, alpha = cv2.split(pixels)
    top = np.iinfo(pixels.dtype).max
    if alpha.min() == top:
        return cv2.merge(colours)
    dark = cv2.bitwise_not(cv2.merge(colours))
    return cv2.bitwise_not(cv2.multiply(dark, cv2.merge([alpha] * 3), scale=1 / top))


def _fitted(image: np.ndarray, max_side: int) -> np.ndarray:
    """The image (H, W[, 3]) averaged down until its longer side is `max_side` px; not enlarged."""
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    while width >= 2 * size[0] and height >= 2 * size[1]:
        width, height = width // 2, height // 2
        image = _halved(image)
    # to twice the size and halved: close to the mean over fractions of pixels, at a third of its time
    return _halved(cv2.resize(image, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR))


def _halved(image: np.ndarray) -> np.ndarray:
    """The means of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    whole = image[: 2 * height, : 2 * width]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)


def _best_jpeg(image: np.ndarray, max_bytes: int) -> bytes | None:
    """The JPEG of the highest quality that fits; None when not even the lowest does."""

    @functools.cache
    def at(index: int) -> bytes:
        return _encoded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, _QUALITIES[index])

    def fits(index: int) -> bool:
        return len(at(index)) <= max_bytes

    last = len(_QUALITIES) - 1
    if fits(0):
        return at(0)
    return at(bisect_left(range(last), True, lo=1, key=fits)) if fits(last) else None


def _encoded(image: np.ndarray, kind: str, option: int, value: int) -> bytes:
    """The image (H, W, 3), BGR uint8, as a file of that kind."""
    return cv2.imencode(kind, image, [option, value])[1].tobytes()
