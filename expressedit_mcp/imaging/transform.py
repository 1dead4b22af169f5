"""Transforms of the pixels under a selection, as visual hints that an edit then repairs."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from expressedit_mcp.imaging.composite import Patch
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.imaging.fill import fill_from_around
from expressedit_mcp.imaging.geometry import Box
from expressedit_mcp.imaging.picture import Picture
from expressedit_mcp.imaging.selection import Selection

Anchor = Literal["center", "top", "bottom", "left", "right"]

_FIXED_POINT: dict[str, tuple[float, float]] = {
    "center": (0.5, 0.5),
    "top": (0.5, 0.0),
    "bottom": (0.5, 1.0),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
}
_SURROUNDINGS_PX = 8


def scale_under(
    picture: Picture,
    selection: Selection,
    scale_x: float,
    scale_y: float,
    anchor: Anchor = "center",
) -> Patch:
    """The patch that scales the pixels under a selection about the anchor of its bounding box.

    Shrinking uncovers a rim, which is filled with what lies around the selection.
    Growing writes up to the scaled outline of the selection, cut at the picture's border.
    """
    affine, outline = _scaling(selection.box, scale_x, scale_y, anchor)
    return _carried(picture, selection, affine, outline, (scale_x, scale_y))


def move_under(
    picture: Picture, selection: Selection, dx: float, dy: float, scale: float = 1.0
) -> Patch:
    """The patch that moves the pixels under a selection by (dx, dy) pixels and scales them about their middle.

    What it uncovers is filled with what lies around the selection; it writes up to the moved outline, cut at the
    picture's border.
    """
    affine, outline = _scaling(selection.box, scale, scale, "center")
    affine[:, 2] += dx, dy
    moved = outline.shifted(math.floor(dx), math.floor(dy)) | outline.shifted(
        math.ceil(dx), math.ceil(dy)
    )
    return _carried(picture, selection, affine, moved, (scale, scale))


def _carried(
    picture: Picture,
    selection: Selection,
    affine: np.ndarray,
    outline: Box,
    scales: tuple[float, float],
) -> Patch:
    """The patch that carries the pixels under a selection by a 2x3 matrix into the box `outline`."""
    box = (selection.box | outline).grown(_SURROUNDINGS_PX) & selection.size.box
    colour = extract(picture.pixels[..., :3], box)
    mask = selection.within(box)
    local = _about_pixel_centres(affine, box)
    size = (box.width, box.height)
    content = cv2.warpAffine(
        _prefiltered(colour, *scales),
        local,
        size,
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(colour.shape)
    cover = cv2.warpAffine(mask, local, size, flags=cv2.INTER_LINEAR)
    # bilinear weights reach half a source pixel beyond the outline
    cover[cv2.warpAffine(mask, local, size, flags=cv2.INTER_NEAREST) == 0] = 0
    alpha = np.maximum(mask, cover)
    inside = selection.box.shifted(-box.left, -box.top).slices
    ground = colour.copy()
    if (cover < alpha).any():
        ground[inside] = fill_from_around(picture, selection)
    # alpha is applied once, by the patch: the content's share is of what is written
    share = (cover / np.maximum(alpha, 1).astype(np.float32))[..., None]
    mixed = np.rint(ground * (1 - share) + content * share).astype(colour.dtype)
    return Patch.tight(mixed, alpha, box, selection.size)


def _scaling(box: Box, scale_x: float, scale_y: float, anchor: Anchor) -> tuple[np.ndarray, Box]:
    """The 2x3 matrix in picture coordinates and the box that the scaled content fills."""
    fx, fy = _FIXED_POINT[anchor]
    x0, y0 = box.left + fx * box.width, box.top + fy * box.height
    matrix = np.array([[scale_x, 0, x0 * (1 - scale_x)], [0, scale_y, y0 * (1 - scale_y)]])
    left, top = matrix @ (box.left, box.top, 1)
    right, bottom = matrix @ (box.right, box.bottom, 1)
    edges = np.floor(left), np.floor(top), np.ceil(right), np.ceil(bottom)
    return matrix, Box(*(int(v) for v in edges))


def _about_pixel_centres(matrix: np.ndarray, box: Box) -> np.ndarray:
    """The same map for array indices of `box`: index i stands for the coordinate box.left + i + 0.5."""
    offset = np.array([box.left + 0.5, box.top + 0.5])
    local = matrix.copy()
    local[:, 2] = matrix[:, :2] @ offset + matrix[:, 2] - offset
    return local


def _prefiltered(colour: np.ndarray, scale_x: float, scale_y: float) -> np.ndarray:
    """The colour blurred as far as shrinking would otherwise alias; unchanged when it grows."""
    sigmas = [0.4 * max(1 / scale - 1, 0) for scale in (scale_x, scale_y)]
    if max(sigmas) < 0.1:
        return colour
    blurred = cv2.GaussianBlur(
        colour, (0, 0), sigmaX=max(sigmas[0], 0.05), sigmaY=max(sigmas[1], 0.05)
    )
    return blurred.reshape(colour.shape)
