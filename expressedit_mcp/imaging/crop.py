"""Crop planning: which part of a picture the model sees, and its way to the model's size and back.

Resizing keeps pixel centres in place in both directions (a pixel at x covers x..x+1), so there is no
shift at any scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from expressedit_mcp.imaging.geometry import Box, Size


@dataclass(frozen=True)
class CropPlan:
    """A box of the picture's coordinate frame and the size at which the model sees it.

    The box has the aspect ratio of `model_size`; where the picture is too small for it, it reaches
    over the border and the missing pixels repeat the border's.
    """

    box: Box
    model_size: Size

    @property
    def scale(self) -> float:
        """Model pixels per picture pixel."""
        return self.model_size.width / self.box.width


def plan_crop(
    size: Size,
    selection: Box,
    *,
    native_px: int,
    context: Box | None = None,
    margin: float = 0.0,
    min_side_px: int = 1,
    buckets: Sequence[Size] = (),
) -> CropPlan:
    """The square crop that holds selection and context, at the model's native size.

    `margin` widens the selection's box by that fraction of its longer side on each side when there
    is no context; `min_side_px` keeps a small region from being enlarged into blur. A crop that would be
    larger than native takes the shape of the nearest of the `buckets` instead, and no margin beyond the
    picture.
    """
    held = selection | context if context else selection
    longest = max(held.width, held.height)
    side = longest if context else math.ceil(longest * (1 + 2 * margin))
    side = max(side, min_side_px)
    if buckets and side > native_px:
        widened = held.grown(-(-(side - longest) // 2)) & size.box
        return _bucket_crop(size, widened, buckets)
    left = _place(held.centre[0], side, size.width)
    top = _place(held.centre[1], side, size.height)
    return CropPlan(Box(left, top, left + side, top + side), Size(native_px, native_px))


def aspect_buckets(native_px: int) -> tuple[Size, ...]:
    """The sizes of about native_px^2 pixels that SDXL was trained at, scaled from its 1024 and in steps of 32.

    D. Podell et al., "SDXL", 2023, appendix I: the common ones among them.
    """
    sides = ((1024, 1024), (1152, 896), (1216, 832), (1344, 768), (1536, 640))
    scaled = [[round(side * native_px / 1024 / 32) * 32 for side in pair] for pair in sides]
    wide = [Size(*pair) for pair in scaled]
    return (*wide, *(Size(s.height, s.width) for s in wide[1:]))


def _bucket_crop(size: Size, held: Box, buckets: Sequence[Size]) -> CropPlan:
    """The smallest crop about a box that has exactly the shape of the bucket nearest to the box's."""
    shape = math.log(held.width / held.height)
    bucket = min(buckets, key=lambda b: abs(math.log(b.width / b.height) - shape))
    part = math.gcd(bucket.width, bucket.height)
    unit = Size(bucket.width // part, bucket.height // part)
    count = max(-(-held.width // unit.width), -(-held.height // unit.height))
    width, height = unit.width * count, unit.height * count
    left = _place(held.centre[0], width, size.width)
    top = _place(held.centre[1], height, size.height)
    return CropPlan(Box(left, top, left + width, top + height), bucket)


def _place(centre: float, side: int, limit: int) -> int:
    """Start of an interval of `side` about `centre`: inside 0..limit if it fits, else centred on it."""
    if side >= limit:
        return -((side - limit) // 2)
    return min(max(round(centre - side / 2), 0), limit - side)


def extract(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The pixels (h, w, C) of a box; outside the picture the border pixels are repeated."""
    inside = box & Box(0, 0, pixels.shape[1], pixels.shape[0])
    cut = pixels[inside.slices]
    if inside == box:
        return np.ascontiguousarray(cut)
    before = inside.top - box.top, inside.left - box.left
    after = box.bottom - inside.bottom, box.right - inside.right
    padding = [(before[0], after[0]), (before[1], after[1]), (0, 0)]
    return np.pad(cut, padding[: pixels.ndim], mode="edge")


def resize(image: np.ndarray, size: Size) -> np.ndarray:
    """A float image (h, w[, C]) at `size`: area mean when it shrinks, bicubic when it grows."""
    if image.shape[:2] == size.shape:
        return image
    shrinks = size.width < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(image, (size.width, size.height), interpolation=method)
    return resized.reshape(size.shape + image.shape[2:])


def restore(image: np.ndarray, plan: CropPlan) -> np.ndarray:
    """A model-size float image (H, W, 3) brought back to the crop's size, values kept in 0..1."""
    resized = resize(image, plan.box.size)
    # one that has that size already is the caller's
    return np.clip(resized, 0.0, 1.0, out=None if resized is image else resized)
