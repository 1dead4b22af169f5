"""Rim correction: takes the colour step at a selection's rim out of generated pixels.

Just outside the selection the truth is known, so the error there (original - generated) is extended
harmonically into the selection and added: Poisson image editing (Perez et al., 2003) written as a
membrane (Farbman et al., "Coordinates for Instant Image Cloning", 2009).
"""

from __future__ import annotations

import cv2
import numpy as np


def correct_rim(
    generated: np.ndarray,
    original: np.ndarray,
    selected: np.ndarray,
    *,
    ring_px: int = 3,
    smooth_px: float = 3.0,
    tolerance: float = 0.06,
) -> np.ndarray:
    """`generated` with its low-frequency colour error at the rim removed; all (H, W, 3) float32 0..1.

    `selected` (H, W) is above 0 inside. The error is read on a ring `ring_px` wide outside the
    selection and smoothed over `smooth_px`. Ring pixels whose error is far above `tolerance` hardly
    count (weight 1 / (1 + (error / tolerance)^4)): there a line was moved or lost, and its colour
    must not tint the inside. Without a ring (everything selected) nothing changes.
    """
    inside = selected > 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * ring_px + 1, 2 * ring_px + 1))
    ring = (cv2.dilate(inside.astype(np.uint8), disc) > 0) & ~inside
    if not ring.any():
        return generated
    error = original - generated
    outlier = np.abs(error).max(axis=2) / tolerance
    trust = (ring / (1 + outlier**4)).astype(np.float32)[..., None]
    total = cv2.GaussianBlur(error * trust, (0, 0), smooth_px)
    weight = cv2.GaussianBlur(trust, (0, 0), smooth_px)
    width = cv2.GaussianBlur(ring.astype(np.float32), (0, 0), smooth_px)
    # where little of the rim can be trusted the correction fades instead of following outliers
    known = total / np.maximum(weight, 0.3 * width + 1e-6)[..., None]
    field = _harmonic(known, ring, inside)
    return np.where(inside[..., None], np.clip(generated + field, 0, 1), generated)


def _harmonic(values: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Values (H, W, C) on `known` extended smoothly over `unknown` (Laplace's equation, coarse to fine)."""
    height, width = known.shape
    if max(height, width) <= 4 or not unknown.any():
        count = max(int(known.sum()), 1)
        guess = np.broadcast_to((values * known[..., None]).sum((0, 1)) / count, values.shape)
    else:
        half = ((width + 1) // 2, (height + 1) // 2)
        weight = cv2.resize(known.astype(np.float32), half, interpolation=cv2.INTER_AREA)
        total = cv2.resize(
            (values * known[..., None]).astype(np.float32), half, interpolation=cv2.INTER_AREA
        )
        coarse_known = weight > 0
        coarse_unknown = (
            cv2.resize(unknown.astype(np.float32), half, interpolation=cv2.INTER_AREA) > 0
        ) & ~coarse_known
        mean = total / np.maximum(weight, 1e-6)[..., None]
        coarse = _harmonic(mean, coarse_known, coarse_unknown)
        guess = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    field = np.where(known[..., None], values, guess).astype(np.float32)
    domain = (known | unknown).astype(np.float32)
    neighbours = np.maximum(_cross_sum(domain), 1.0)[..., None]
    for _ in range(12):
        mean = _cross_sum(field * domain[..., None]) / neighbours
        field = np.where(unknown[..., None], mean, field)
    return field


def _cross_sum(field: np.ndarray) -> np.ndarray:
    """Sum over the four neighbours; zero beyond the border."""
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)
    return cv2.filter2D(field, -1, kernel, borderType=cv2.BORDER_CONSTANT)
