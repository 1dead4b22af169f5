"""Rim correction: takes the colour step at a selection's rim out of generated pixels.

Just outside the selection the truth is known, so the error there (original - generated) is extended
harmonically into the selection and added: Poisson image editing (Perez et al., 2003) written as a
membrane (Farbman et al., "Coordinates for Instant Image Cloning", 2009).
"""

from __future__ import annotations

import cv2
import numpy as np

# the field is smooth: above this many pixels a side it is solved on a coarser grid
_LARGEST_GRID_PX = 192
# halves of halves of a grid stay whole
_ALIGNED_PX = 16
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)


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
    box = _bounds(selected, ring_px)
    inside = (selected[box] > 0).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * ring_px + 1, 2 * ring_px + 1))
    # NumPy is much slower along two axes
    ring = np.divmod(np.flatnonzero(cv2.dilate(inside, disc) > inside), inside.shape[1])
    if not ring[0].size:
        return generated
    error = original[box][ring] - generated[box][ring]
    trust = 1 / (1 + (np.abs(error).max(axis=1, keepdims=True) / tolerance) ** 4)
    field = _field(np.hstack([error * trust, trust]), ring, inside, smooth_px)
    corrected = generated.copy()
    moved = cv2.add(corrected[box], field, dst=field)
    cv2.copyTo(np.clip(moved, 0, 1, out=moved), inside, corrected[box])
    return corrected


def _bounds(selected: np.ndarray, margin_px: int) -> tuple[slice, slice]:
    """The box of what is above 0, widened and kept inside; empty when nothing is."""
    spans = []
    for axis, length in ((1, selected.shape[0]), (0, selected.shape[1])):
        at = np.flatnonzero(selected.max(axis=axis) > 0)
        first, last = (at[0], at[-1] + 1) if at.size else (0, 0)
        start = (first - margin_px) // _ALIGNED_PX * _ALIGNED_PX
        stop = -(-(last + margin_px) // _ALIGNED_PX) * _ALIGNED_PX
        spans.append(slice(max(start, 0), min(stop, length)))
    return spans[0], spans[1]


def _field(
    error: np.ndarray, ring: tuple[np.ndarray, ...], inside: np.ndarray, smooth_px: float
) -> np.ndarray:
    """What is to be added inside, (H, W, 3): the smoothed error of the ring, extended harmonically.

    `error` (n, 4) is, for each pixel of the ring (its rows and columns), the error times its trust, and the trust.
    """
    height, width = inside.shape
    shrink = -(-max(height, width) // _LARGEST_GRID_PX)
    cells = -(-height // shrink), -(-width // shrink)
    at = ring[0] // shrink * cells[1] + ring[1] // shrink
    planes, rings = (_summed(values, at, cells) for values in (error, np.ones((len(at), 1))))
    sigma = smooth_px / shrink
    smooth = cv2.GaussianBlur(planes, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    there = cv2.GaussianBlur(rings, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    # where little of the rim can be trusted the correction fades instead of following outliers
    trust = np.maximum(smooth[..., 3], 0.3 * there + 1e-6)
    known = smooth[..., :3] / cv2.merge([trust] * 3)
    # a cell without a pixel of the ring lies wholly inside or wholly outside
    unknown = (inside[::shrink, ::shrink] > 0) & (rings == 0)
    field = _harmonic(known, rings > 0, unknown)
    if shrink > 1:
        field = cv2.resize(field, (cells[1] * shrink, cells[0] * shrink))
    return np.ascontiguousarray(field[:height, :width])


def _summed(values: np.ndarray, at: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """Sums of (n, C) values by cell, as (*cells[, C]) float32; `at` are flat indices of cells."""
    count = cells[0] * cells[1]
    sums = [np.bincount(at, weights=channel, minlength=count) for channel in values.T]
    return cv2.merge([plane.reshape(cells).astype(np.float32) for plane in sums])


def _harmonic(values: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Values (H, W, 3) on `known` extended smoothly over `unknown` (Laplace's equation, coarse to fine)."""
    height, width = known.shape
    mask = known.astype(np.uint8)
    if max(height, width) <= 4 or not unknown.any():
        mean = values[known].sum(axis=0) / max(int(known.sum()), 1)
        guess = np.full(values.shape, mean, np.float32)
    else:
        half = ((width + 1) // 2, (height + 1) // 2)
        weights = cv2.merge([mask.astype(np.float32)] * 3)
        share, total, rest = (
            cv2.resize(plane, half, interpolation=cv2.INTER_AREA)
            for plane in (weights, values * weights, unknown.astype(np.float32))
        )
        coarse_known = share[..., 0] > 0
        mean = total / np.maximum(share, 1e-6)
        coarse = _harmonic(mean, coarse_known, (rest > 0) & ~coarse_known)
        guess = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return _relaxed(cv2.copyTo(values, mask, guess), known, unknown)


def _relaxed(
    field: np.ndarray, known: np.ndarray, unknown: np.ndarray, rounds: int = 12
) -> np.ndarray:
    """Jacobi's iteration: each unknown becomes the mean of its known and unknown neighbours."""
    domain = (known | unknown).astype(np.float32)
    neighbours = cv2.filter2D(domain, -1, _CROSS, borderType=cv2.BORDER_CONSTANT)
    share = cv2.merge([unknown / np.maximum(neighbours, 1)] * 3)
    fixed = field * cv2.merge([known.astype(np.float32)] * 3)
    held = field * cv2.merge([domain] * 3)
    for _ in range(rounds):
        mean = cv2.filter2D(held, -1, _CROSS, borderType=cv2.BORDER_CONSTANT)
        held = cv2.add(cv2.multiply(mean, share), fixed)
    return cv2.copyTo(held, domain.astype(np.uint8), field)
