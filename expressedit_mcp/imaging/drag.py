"""Pixels that follow points, all at once: the start of an edit that drags points to their targets.

The points walk straight and at an even pace from where they are to where they shall be, and the pixels flow with
them: at x with the mean of their velocities, weighted by exp(-d^2 / (2 r^2)) against a weight of REST for standing
still, times how far inside the selection x lies. The flow is followed backwards in steps so short that each is
one-to-one, so nothing folds over and nothing crosses the selection's border.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging.composite import Patch
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.imaging.picture import Picture
from expressedit_mcp.imaging.selection import Selection
from expressedit_mcp.imaging.warp import sample_bicubic

REST = 0.05
_MOST_CHANGE = 0.5  # of the displacement per pixel, in one step
_MOST_STEPS = 64
_BLOCK = 1 << 21  # distances at a time


def _nothing() -> None:
    pass


def drag_under(
    picture: Picture,
    selection: Selection,
    starts: np.ndarray,
    ends: np.ndarray,
    radius_px: float,
    between: Callable[[], None] = _nothing,
) -> Patch:
    """The patch that drags points (N, 2) of a picture to others, with what is within about radius_px of them.

    Where the selection's border is nearer to an end than the radius, less arrives. `between` is called between
    steps, and may raise to stop the work. Raises InputError when no pixel of the selection moves.
    """
    box = selection.box
    selected = selection.within(box)
    rows, columns = np.nonzero(selected)
    target = np.stack([columns + box.left + 0.5, rows + box.top + 0.5]).astype(np.float64)
    pinned = _Pinned(selection, radius_px)
    source = target.copy()
    longest = float(np.hypot(*(ends - starts).T).max())
    # a weighted mean changes by at most its spread over the radius, the rim's ramp by its slope
    steepest = longest * (2 / radius_px + 2 / pinned.ramp_px)
    steps = min(_MOST_STEPS, max(1, math.ceil(steepest / _MOST_CHANGE)))
    for step in range(steps, 0, -1):
        between()
        there = starts + (ends - starts) * (step / steps)
        flow = _velocity(source, there, ends - starts, radius_px) / steps
        source -= flow * pinned.at(source)
    moved = np.abs(source - target).max(axis=0) > 1e-3
    if not moved.any():
        raise InputError(
            f"The points move no pixel of the region {box.as_list()}. Give points inside the region that end "
            "elsewhere, in pixels of the picture; view_image(image_id, grid=True) shows the coordinates."
        )
    pixels = extract(picture.pixels, box)[..., :3].copy()
    there = rows[moved], columns[moved]
    pixels[there] = sample_bicubic(picture.pixels[..., :3], source[:, moved])
    alpha = np.zeros_like(selected)
    alpha[there] = selected[there]
    return Patch.tight(pixels, alpha, box, selection.size)


class _Pinned:
    """How much pixels may move: 0 outside a selection, 1 from a ramp's width inside it."""

    def __init__(self, selection: Selection, radius_px: float) -> None:
        self._box = selection.box.grown(1)
        inside = (selection.within(self._box) > 0).astype(np.uint8)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        self.ramp_px = min(radius_px, max(1.0, float(depth.max()) / 3))
        share = np.clip(depth / self.ramp_px, 0, 1)
        self._share = (share * share * (3 - 2 * share)).astype(np.float32)

    def at(self, points: np.ndarray) -> np.ndarray:
        """The share 0..1 at points (2, N), bilinear between pixel centres."""
        x, y = (points - [[self._box.left + 0.5], [self._box.top + 0.5]]).astype(np.float32)
        # OpenCV's rows may not be longer than a 16-bit number
        side = math.ceil(math.sqrt(len(x)))
        padded = [np.pad(v, (0, side * side - len(v))).reshape(side, side) for v in (x, y)]
        found = cv2.remap(self._share, *padded, cv2.INTER_LINEAR, borderValue=0.0)  # type: ignore[call-overload]
        return found.ravel()[: len(x)]


def _velocity(at: np.ndarray, points: np.ndarray, ways: np.ndarray, radius_px: float) -> np.ndarray:
    """The flow (2, N) at `at` (2, N) of points (P, 2) that go their ways (P, 2) in a unit of time."""
    flow = np.empty_like(at)
    many = max(1, _BLOCK // len(points))
    for first in range(0, at.shape[1], many):
        here = at[:, first : first + many]
        squared = ((here[:, :, None] - points.T[:, None]) ** 2).sum(axis=0)
        weights = np.exp(-squared / (2 * radius_px**2))
        flow[:, first : first + many] = (ways.T @ weights.T) / (weights.sum(axis=1) + REST)
    return flow
