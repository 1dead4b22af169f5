"""Control hints: what a ControlNet is shown."""

from __future__ import annotations

import cv2
import numpy as np


def canny_hint(
    rgb: np.ndarray, low: int, high: int, erase_under: np.ndarray | None = None
) -> np.ndarray:
    """Canny edges of (H, W, 3) float32 0..1 as (H, W, 3) float32, 0 or 1.

    `low` and `high` are OpenCV's hysteresis thresholds on 8-bit gradients. Edges where
    `erase_under` (H, W) is above 0 are removed, which frees the old feature to change; kept edges
    hold it (J. Canny, 1986; ControlNet: arXiv 2302.05543).
    """
    edges = cv2.Canny(cv2.convertScaleAbs(rgb, alpha=255), low, high)
    if erase_under is not None:
        edges[erase_under > 0] = 0
    return cv2.merge([(edges > 0).astype(np.float32)] * 3)
