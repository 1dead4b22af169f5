"""Marks drawn over a picture for somebody who looks at it; never part of a result."""

from __future__ import annotations

import cv2
import numpy as np

from expressedit_mcp.imaging.geometry import Box

_STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000)


def draw_grid(rgb: np.ndarray, box: Box, lines: int = 8) -> np.ndarray:
    """A copy of a view (H, W, 3) uint8 with labelled grid lines at round picture coordinates.

    `box` is the part of the picture that the view shows; labels are picture pixels.
    """
    out = np.ascontiguousarray(rgb).copy()
    height, width = out.shape[:2]
    step = next((s for s in _STEPS if max(box.width, box.height) / s <= lines), _STEPS[-1])
    for x in range(-(-box.left // step) * step, box.right, step):
        at = round((x - box.left) * width / box.width)
        _line(out, (at, 0), (at, height - 1))
        _label(out, str(x), (at + 2, 11))
    for y in range(-(-box.top // step) * step, box.bottom, step):
        at = round((y - box.top) * height / box.height)
        _line(out, (0, at), (width - 1, at))
        _label(out, str(y), (2, at + 11))
    return out


def _line(image: np.ndarray, start: tuple[int, int], end: tuple[int, int]) -> None:
    layer = image.copy()
    cv2.line(layer, start, end, (255, 0, 200), 1)
    cv2.addWeighted(layer, 0.6, image, 0.4, 0, dst=image)


def _label(image: np.ndarray, text: str, at: tuple[int, int]) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 3, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (160, 0, 120), 1, cv2.LINE_AA)
