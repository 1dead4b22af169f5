"""A picture in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from expressedit_mcp.imaging.geometry import Size

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Picture:
    """Pixels (H, W, C) uint8 or uint16 with C = 1 (grey), 3 (RGB) or 4 (RGBA, straight alpha), never written to.

    `icc` is the colour profile's bytes, `dpi` dots per inch (x, y), `text` PNG text chunks (name, body) as
    they were read; all three pass through edits untouched.
    """

    pixels: np.ndarray
    icc: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in MODES:
            raise ValueError(f"pixels must be (H, W, 1|3|4), not {self.pixels.shape}")
        if self.pixels.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be uint8 or uint16, not {self.pixels.dtype}")
        self.pixels.flags.writeable = False

    @property
    def mode(self) -> str:
        """`L`, `RGB` or `RGBA`, at either depth."""
        return MODES[self.pixels.shape[2]]

    @property
    def size(self) -> Size:
        return Size(self.pixels.shape[1], self.pixels.shape[0])


def to_8_bit(pixels: np.ndarray) -> np.ndarray:
    """The pixels as uint8, for looking at: 16-bit values are rounded to the nearest level."""
    if pixels.dtype == np.uint8:
        return pixels
    return cv2.convertScaleAbs(pixels, alpha=1 / 257).reshape(pixels.shape)


def to_rgb(pixels: np.ndarray) -> np.ndarray:
    """The colour channels as (H, W, 3) uint8, for looking at; alpha is left out, grey is repeated."""
    rgb = to_8_bit(pixels[..., :3])
    return np.repeat(rgb, 3, axis=2) if rgb.shape[2] == 1 else rgb
