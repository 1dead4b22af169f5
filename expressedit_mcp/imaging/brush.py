"""Brush: lines and patches of colour painted inside a selection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging.composite import Patch
from expressedit_mcp.imaging.geometry import Box
from expressedit_mcp.imaging.picture import Picture
from expressedit_mcp.imaging.selection import Selection, mask_selection

_POLYGON_BITS = 4  # OpenCV's corners in sixteenths of a pixel


@dataclass(frozen=True)
class Paint:
    """One line through points (x, y) with round ends; a single point is a dot.

    `rgb` is sRGB 0..1. `softness` is the part of the half width over which it fades to its rim, 0..1.
    `filled` paints the area that the points enclose too (even-odd rule).
    """

    points: tuple[tuple[float, float], ...]
    width_px: float
    rgb: tuple[float, float, float]
    opacity: float = 1.0
    softness: float = 0.0
    filled: bool = False

    @property
    def bounds(self) -> Box:
        """The pixels that it can touch."""
        return _reach(self.points, self.width_px)


def paint_under(picture: Picture, selection: Selection, strokes: Sequence[Paint]) -> Patch:
    """The patch of strokes painted over a picture in their order, cut to a selection.

    Its pixels are the paint alone and its alpha the paint's cover (Porter and Duff's "over", 1984), so that a
    layer made of it is paint on transparency. Raises InputError when no pixel of the selection is painted.
    """
    boxes = [box for stroke in strokes if not (box := stroke.bounds & selection.box).is_empty]
    if not boxes:
        raise _nothing_painted(selection)
    box = reduce(Box.__or__, boxes)
    cover = np.zeros(box.size.shape, np.float32)
    # colour times cover, which is what "over" is linear in
    paint = np.zeros((*box.size.shape, 3), np.float32)
    for stroke in strokes:
        touched = stroke.bounds & box
        if touched.is_empty:
            continue
        part = touched.shifted(-box.left, -box.top).slices
        share = stroke.opacity * coverage(stroke, touched)
        cover[part] += share * (1 - cover[part])
        paint[part] += share[..., None] * (np.array(stroke.rgb, np.float32) - paint[part])
    alpha = np.rint(cover * selection.within(box)).astype(np.uint8)
    if not alpha.any():
        raise _nothing_painted(selection)
    painted = mask_selection(alpha, selection.size, (box.left, box.top))
    colour = paint / np.maximum(cover, np.finfo(np.float32).tiny)[..., None]
    return Patch.of(colour, box, painted, picture)


def coverage(stroke: Paint, box: Box) -> np.ndarray:
    """How much of each pixel of a box the stroke covers, (h, w) float32 0..1, before its opacity."""
    half = stroke.width_px / 2
    far = math.hypot(box.width, box.height) + half + 1
    distance = np.full(box.size.shape, far, np.float32)
    if stroke.filled:
        corners = np.array(stroke.points) - (box.left + 0.5, box.top + 0.5)
        fixed = np.rint(corners * (1 << _POLYGON_BITS)).astype(np.int32)
        cv2.fillPoly(distance, [fixed], 0.0, shift=_POLYGON_BITS)
    ends = stroke.points[1:] or stroke.points
    if stroke.filled:
        ends += stroke.points[:1]
    for start, end in zip(stroke.points, ends, strict=False):
        near = _reach((start, end), stroke.width_px) & box
        if not near.is_empty:
            part = distance[near.shifted(-box.left, -box.top).slices]
            np.minimum(part, _distance(start, end, near), out=part)
    # the rim of a hard stroke is one pixel wide, so that it is not jagged
    ramp = np.clip((half + 0.5 - distance) / (1 + stroke.softness * half), 0, 1)
    # straight for a hard rim, which keeps the line's width; a smooth step for a soft one
    return ramp + stroke.softness * (ramp * ramp * (3 - 2 * ramp) - ramp)


def _reach(points: Sequence[tuple[float, float]], width_px: float) -> Box:
    """The box of the pixels that a line of this width through points can touch."""
    far = width_px / 2 + 1
    low, high = np.min(points, axis=0) - far, np.max(points, axis=0) + far
    return Box(*(int(v) for v in (*np.floor(low), *np.ceil(high))))


def _distance(start: tuple[float, float], end: tuple[float, float], box: Box) -> np.ndarray:
    """Distance (h, w) float32 in pixels of the pixel centres of a box from a line segment."""
    x = np.arange(box.left, box.right, dtype=np.float32) + 0.5 - start[0]
    y = np.arange(box.top, box.bottom, dtype=np.float32)[:, None] + 0.5 - start[1]
    dx, dy = end[0] - start[0], end[1] - start[1]
    length2 = max(dx * dx + dy * dy, 1e-12)
    along = np.clip((x * dx + y * dy) / length2, 0, 1)
    return np.hypot(x - along * dx, y - along * dy).astype(np.float32)


def _nothing_painted(selection: Selection) -> InputError:
    return InputError(
        f"The strokes paint no pixel of the region, which lies in {selection.box.as_list()}. Lead their "
        "points through it; view_image(image_id, grid=True) shows the coordinates."
    )
