"""Measures between pictures: colour difference, sharpness, saturation, the step at a selection's rim.

Pixels are (H, W, 3) uint8 RGB, masks (H, W) bool.
"""

from __future__ import annotations

import cv2
import numpy as np

_CANNY = (100, 200)


def lab_of(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (..., 3) of colours (..., 3), 0..255 sRGB."""
    flat = np.asarray(rgb, np.float32).reshape(1, -1, 3) / 255
    return cv2.cvtColor(flat, cv2.COLOR_RGB2LAB).reshape(np.shape(rgb)).astype(float)


def delta_e00(lab_a: np.ndarray, lab_b: np.ndarray) -> np.ndarray:
    """CIEDE2000 of CIELAB colours (..., 3): 1 is just visible.

    G. Sharma, W. Wu, E. Dalal, "The CIEDE2000 color-difference formula", 2005.
    """
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(v, float), -1, 0) for v in (lab_a, lab_b))
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    hue = np.where(grey, h1 + h2, (h1 + turn / 2) % 360)
    delta_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2

    def cos(degrees: np.ndarray) -> np.ndarray:
        return np.cos(np.radians(degrees))

    t = (
        1
        - 0.17 * cos(hue - 30)
        + 0.24 * cos(2 * hue)
        + 0.32 * cos(3 * hue + 6)
        - 0.20 * cos(4 * hue - 63)
    )
    s_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_chroma, s_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    rotation = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation *= -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    dl, dc, dh = (l2 - l1) / s_light, (c2 - c1) / s_chroma, delta_hue / s_hue
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rotation * dc * dh, 0))


def sharpness(pixels: np.ndarray, mask: np.ndarray) -> float:
    """Energy of the finest detail under the mask: the mean squared Laplacian of the luma."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((cv2.Laplacian(luma, cv2.CV_32F)[mask] ** 2).mean())


def saturation(pixels: np.ndarray, mask: np.ndarray) -> float:
    """Mean HSV saturation 0..1 under the mask."""
    hsv = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    return float(hsv[..., 1][mask].mean())


def rim_step(pixels: np.ndarray, selected: np.ndarray) -> float:
    """Mean difference, 0..255, between pixels just inside and just outside the selection's rim."""
    steps = []
    for axis in (0, 1):
        crosses = np.diff(selected.astype(np.int8), axis=axis) != 0
        steps.append(np.abs(np.diff(pixels.astype(float), axis=axis)).mean(axis=2)[crosses])
    return float(np.concatenate(steps).mean())


def edge_f1(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> float:
    """F1 of the Canny edges under a mask, found again within 1 px."""
    near = np.ones((3, 3), np.uint8)
    edges = [cv2.Canny(picture, *_CANNY) for picture in (before, after)]
    (old, new), (by_old, by_new) = (
        [e > 0 for e in edges],
        [cv2.dilate(e, near) > 0 for e in edges],
    )
    found, wanted = (new & mask).sum(), (old & mask).sum()
    if not found or not wanted:
        return float(found == wanted)
    precision, recall = (new & by_old & mask).sum() / found, (old & by_new & mask).sum() / wanted
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def changed_outside(before: np.ndarray, after: np.ndarray, selected: np.ndarray) -> int:
    """Pixels outside the selection that differ."""
    return int(((before != after).any(axis=2) & ~selected).sum())
