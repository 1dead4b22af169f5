"""Selections: which pixels an edit may change, and how much of it shows.

A pixel belongs to a shape when its centre does. Alpha is 8-bit, as it is stored beside each edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging.geometry import Box, Size


@dataclass(frozen=True)
class Selection:
    """Alpha (h, w) uint8 of the pixels inside `box`, which lies in a picture of `size`; 0 elsewhere.

    `box` is the tight bounding box of alpha > 0.
    """

    size: Size
    box: Box
    alpha: np.ndarray

    def __post_init__(self) -> None:
        if self.alpha.shape != self.box.size.shape or self.alpha.dtype != np.uint8:
            raise ValueError(f"alpha {self.alpha.dtype}{self.alpha.shape} does not fill {self.box}")
        self.alpha.flags.writeable = False

    def within(self, box: Box) -> np.ndarray:
        """Alpha (h, w) uint8 over any box; 0 where it leaves the selection or the picture."""
        out = np.zeros(box.size.shape, np.uint8)
        overlap = self.box & box
        if not overlap.is_empty:
            source = overlap.shifted(-self.box.left, -self.box.top)
            out[overlap.shifted(-box.left, -box.top).slices] = self.alpha[source.slices]
        return out


def mask_selection(alpha: np.ndarray, size: Size, origin: tuple[int, int] = (0, 0)) -> Selection:
    """The selection of a mask (h, w) uint8 whose top left pixel is `origin` (x, y) of the picture.

    Raises InputError when no pixel inside the picture is selected.
    """
    placed = Box(origin[0], origin[1], origin[0] + alpha.shape[1], origin[1] + alpha.shape[0])
    inside = placed & size.box
    if inside.is_empty:
        raise _nothing_selected(placed, size)
    alpha = alpha[inside.shifted(-placed.left, -placed.top).slices]
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if not rows.size:
        raise _nothing_selected(placed, size)
    tight = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Selection(size, tight.shifted(inside.left, inside.top), alpha[tight.slices].copy())


def box_selection(edges: Sequence[float], size: Size) -> Selection:
    """The selection of [left, top, right, bottom] in picture pixels, half-open."""
    left, top, right, bottom = edges
    if right <= left or bottom <= top:
        raise _nothing_selected(_outer_box(edges), size)
    return polygon_selection([(left, top), (right, top), (right, bottom), (left, bottom)], size)


def ellipse_selection(edges: Sequence[float], size: Size) -> Selection:
    """The selection of the ellipse that touches [left, top, right, bottom]."""
    left, top, right, bottom = edges
    box = _outer_box(edges) & size.box
    if box.is_empty or right <= left or bottom <= top:
        raise _nothing_selected(_outer_box(edges), size)
    y, x = np.ogrid[box.top : box.bottom, box.left : box.right]
    dx = (2 * (x + 0.5) - left - right) / (right - left)
    dy = (2 * (y + 0.5) - top - bottom) / (bottom - top)
    return mask_selection(_binary(dx * dx + dy * dy <= 1), size, (box.left, box.top))


def polygon_selection(points: Sequence[tuple[float, float]], size: Size) -> Selection:
    """The selection of a polygon by the even-odd rule."""
    xs, ys = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    outer = _outer_box((xs.min(), ys.min(), xs.max(), ys.max()))
    box = outer & size.box
    if box.is_empty:
        raise _nothing_selected(outer, size)
    flips = np.zeros((box.height, box.width + 1), np.uint8)
    centres = np.arange(box.top, box.bottom) + 0.5
    for x0, y0, x1, y1 in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1), strict=True):
        rows = np.flatnonzero((centres >= min(y0, y1)) & (centres < max(y0, y1)))
        if rows.size:
            crossing = x0 + (centres[rows] - y0) * (x1 - x0) / (y1 - y0)
            column = np.clip(np.ceil(crossing - 0.5) - box.left, 0, box.width).astype(int)
            # an edge crosses each row once
            flips[rows, column] ^= 255
    inside = np.bitwise_xor.accumulate(flips[:, :-1], axis=1)
    return mask_selection(inside, size, (box.left, box.top))


def union(selections: Sequence[Selection]) -> Selection:
    """The selection of all pixels of all; where they overlap the larger alpha holds."""

    def join(a: Selection, b: Selection) -> Selection:
        box = a.box | b.box
        return Selection(a.size, box, np.maximum(a.within(box), b.within(box)))

    return reduce(join, selections)


def grow(selection: Selection, px: float) -> Selection:
    """The selection with its boundary moved out by px (Euclidean), kept inside the picture.

    Each pixel takes the largest alpha within px, so a soft edge moves out as a whole.
    """
    if px <= 0:
        return selection
    box = selection.box.grown(int(np.ceil(px))) & selection.size.box
    alpha = selection.within(box)
    grown = alpha.copy()
    for level in _levels(alpha):
        distance = cv2.distanceTransform(_binary(alpha < level), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        np.maximum(grown, level, out=grown, where=distance <= px)
    return mask_selection(grown, selection.size, (box.left, box.top))


def feather(selection: Selection, px: float) -> Selection:
    """The selection with its alpha ramping from the boundary to full over px pixels inside it.

    The picture's own border is no boundary. A connected part thinner than the ramp keeps a full
    core: its ramp is shortened to the depth there is.
    """
    if px <= 0:
        return selection
    box = selection.box.grown(1) & selection.size.box
    alpha = selection.within(box)
    if alpha.all():
        return selection
    inside = _binary(alpha > 0)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ramp = np.clip(depth / np.minimum(px + 1.0, _deepest(inside, depth)), 0, 1)
    smooth = ramp * ramp * (3 - 2 * ramp)
    soft = np.where(alpha > 0, np.maximum(np.rint(alpha * smooth), 1), 0).astype(np.uint8)
    return mask_selection(soft, selection.size, (box.left, box.top))


def _deepest(inside: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The largest depth in each pixel's connected part, 1 outside; one number where there is but one part."""
    count, labels = cv2.connectedComponents(inside)
    if count == 2:
        return depth.max()
    part = labels.astype(np.intp)
    deepest = np.ones(count, np.float32)
    np.maximum.at(deepest, part.ravel(), depth.ravel())
    return deepest[part]


def _binary(inside: np.ndarray) -> np.ndarray:
    return inside.astype(np.uint8) * 255


def _levels(alpha: np.ndarray, most: int = 32) -> np.ndarray:
    """The values of alpha above 0, or `most` of them spread evenly, ascending."""
    levels = np.unique(alpha[alpha > 0])
    if len(levels) <= most:
        return levels
    return levels[np.linspace(0, len(levels) - 1, most).astype(int)]


def _outer_box(edges: Sequence[float]) -> Box:
    left, top, right, bottom = edges
    return Box(*(int(v) for v in (np.floor(left), np.floor(top), np.ceil(right), np.ceil(bottom))))


def _nothing_selected(box: Box, size: Size) -> InputError:
    return InputError(
        f"The region {box.as_list()} selects no pixel of the picture, which is {size.width} wide and "
        f"{size.height} high. Regions are in pixels of the picture, [left, top, right, bottom] with "
        "left < right and top < bottom; view_image(image_id, grid=True) shows the coordinates."
    )
