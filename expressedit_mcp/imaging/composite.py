"""Patches and how they go into a picture. The only place where a picture's pixels change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from expressedit_mcp.imaging.colour import from_srgb
from expressedit_mcp.imaging.geometry import Box, Size
from expressedit_mcp.imaging.picture import Picture
from expressedit_mcp.imaging.selection import Selection, mask_selection


@dataclass(frozen=True)
class Patch:
    """New colour for a box of a picture: pixels (h, w, 1 or 3), unblended, and alpha (h, w) uint8.

    The pixels have the picture's dtype and are in its colour space. Alpha is 0 outside the selection it was
    made for, and is applied once.
    """

    box: Box
    pixels: np.ndarray
    alpha: np.ndarray

    @classmethod
    def of(cls, rgb: np.ndarray, rgb_box: Box, selection: Selection, picture: Picture) -> Patch:
        """The patch of generated sRGB (H, W, 3), uint16 or float32 0..1, over `rgb_box`, cut to the selection."""
        box = selection.box
        cut = rgb[box.shifted(-rgb_box.left, -rgb_box.top).slices]
        return cls(box, from_srgb(cut, picture), selection.alpha)

    @classmethod
    def tight(cls, pixels: np.ndarray, alpha: np.ndarray, box: Box, size: Size) -> Patch:
        """The patch of pixels and alpha over `box` of a picture of `size`, cut to where alpha is not 0.

        Raises InputError when it is 0 everywhere.
        """
        written = mask_selection(alpha, size, (box.left, box.top))
        inner = written.box.shifted(-box.left, -box.top)
        return cls(written.box, pixels[inner.slices], written.alpha)


def apply_patch(picture: Picture, patch: Patch) -> Picture:
    """The picture with the patch blended in: where alpha is 0 no byte changes, nor does the alpha channel.

    Result = round(old + alpha / 255 * (new - old)) per colour channel, exact in the picture's own depth.
    """
    pixels = picture.pixels.copy()
    colour = pixels[patch.box.slices][..., : patch.pixels.shape[2]]
    # 255 * 255 + 127 fits into 16 bits, and half as many bytes are half the time
    wide = np.uint16 if pixels.dtype == np.uint8 else np.uint32
    # one alpha per channel: NumPy is slow over an axis of one against three
    alpha = cv2.merge([patch.alpha] * colour.shape[2]).reshape(colour.shape).astype(wide)
    blended = patch.pixels * alpha
    np.subtract(255, alpha, out=alpha)
    alpha *= colour
    blended += alpha
    blended += 127
    # alpha 0 gives the old value itself: 255 old + 127 < 255 (old + 1)
    colour[...] = np.floor_divide(blended, 255, out=blended)
    return replace(picture, pixels=pixels)


def outside_unchanged(before: Picture, after: Picture, patch: Patch) -> bool:
    """True when every byte outside the patch's alpha is the same in both pictures."""
    if (before.pixels.shape, before.pixels.dtype) != (after.pixels.shape, after.pixels.dtype):
        return False
    rows, columns = patch.box.slices
    old, new = before.pixels, after.pixels
    frames = (
        (slice(None, rows.start), slice(None)),
        (slice(rows.stop, None), slice(None)),
        (rows, slice(None, columns.start)),
        (rows, slice(columns.stop, None)),
    )
    untouched = patch.alpha == 0
    return all(_equal(old[f], new[f]) for f in frames) and np.array_equal(
        old[rows, columns][untouched], new[rows, columns][untouched]
    )


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays of one shape hold the same; without NumPy's array of answers."""
    return not a.size or cv2.norm(a, b, cv2.NORM_INF) == 0
