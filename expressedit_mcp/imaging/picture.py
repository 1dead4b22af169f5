"""A picture in memory and its conversion to and from model colour."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from expressedit_mcp.imaging.geometry import Size

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Picture:
    """Pixels (H, W, C) uint8 with C = 1 (grey), 3 (RGB) or 4 (RGBA, straight alpha), never written to.

    `icc` is the colour profile's bytes, `dpi` dots per inch (x, y); both pass through edits untouched.
    """

    pixels: np.ndarray
    icc: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in MODES:
            raise ValueError(f"pixels must be (H, W, 1|3|4), not {self.pixels.shape}")
        if self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be uint8, not {self.pixels.dtype}")
        self.pixels.flags.writeable = False

    @property
    def mode(self) -> str:
        """`L`, `RGB` or `RGBA`."""
        return MODES[self.pixels.shape[2]]

    @property
    def size(self) -> Size:
        return Size(self.pixels.shape[1], self.pixels.shape[0])


def to_rgb(pixels: np.ndarray) -> np.ndarray:
    """The colour channels as (H, W, 3) of the same dtype; alpha is left out, grey is repeated."""
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return pixels[..., :3]


def from_rgb(rgb: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Generated colour (H, W, 3) float32 0..1 as colour channels of `like`: (H, W, 1 or 3) uint8, rounded.

    Grey takes BT.601 luma, the grey of PNG and JPEG tools.
    """
    if like.shape[2] == 1:
        rgb = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2GRAY)[..., None]
    return np.clip(np.rint(rgb * 255.0), 0, 255).astype(np.uint8)
