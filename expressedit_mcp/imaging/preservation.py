"""The pixel stage after an edit: gives the source's lines and colours back where they only drifted.

An amount 0..1 says how much may change before it counts as wanted and is left alone. 1 holds everything ("line
lock", for recolouring), 0 nothing; between, small drifts are taken out and the feature that was to change stays.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from expressedit_mcp.imaging.geometry import Box, Size
from expressedit_mcp.imaging.structure import RADIUS_PX, box_mean, fit, hold_step

STRUCTURE_PASSES = 10
_PAPER_SIDE_PX = 512  # the side of the pictures that the paper's window radius is meant for
_FIDELITY = 0.05  # pull towards the generated pixels, against 1 to 2 of a held window
_STRUCTURE_TOLERANCE = 0.5  # of a window's structure, at 0.5
_COLOR_TOLERANCE = 0.12  # of the range of colours, at 0.5
_FAINT = (4 / 255) ** 2  # variance of structure too faint to be a feature
_TILE_PX = 1024

BeforePass = Callable[[int], None]
"""Called with the number of passes done, of STRUCTURE_PASSES; may raise to stop."""


def window_radius_px(crop: Size, model_size: Size) -> int:
    """The windows' radius in a crop that the model saw at `model_size`.

    The same part of the crop at every size, and at least two pixels of the model, which draws no finer line.
    """
    part = RADIUS_PX * max(crop.width, crop.height) / _PAPER_SIDE_PX
    return max(2, round(part), round(2 * crop.width / model_size.width))


def preserve(
    edited: np.ndarray,
    source: np.ndarray,
    selected: np.ndarray,
    *,
    structure: float,
    color: float,
    radius_px: int,
    before_pass: BeforePass = lambda done: None,
    tile_px: int = _TILE_PX,
) -> np.ndarray:
    """`edited` with structure and colour of `source` held where `selected` (H, W) is above 0.

    Pictures are (H, W, 3) float32 0..1, `structure` and `color` 0..1 as above. Structure is the channels' mean
    (SPL), colour what a pixel differs from it by (the chroma that CPL compares); neither changes the other. Outside
    the selection nothing changes, and what lies there is taken to be the source. Work is done in overlapping tiles
    of `tile_px` without seams.
    """
    inside = selected > 0
    if not inside.any() or (structure <= 0 and color <= 0):
        return edited
    box = _reached(inside, 4 * radius_px)
    new, old, inside = edited[box.slices], source[box.slices], inside[box.slices]
    held = new.copy()
    if structure > 0:
        grey_source = old.mean(axis=2)
        grey = np.where(inside, new.mean(axis=2), grey_source)
        kept = hold_structure(
            grey,
            grey_source,
            inside,
            structure,
            radius_px,
            before_pass=before_pass,
            tile_px=tile_px,
        )
        held += (kept - grey)[..., None]
    if color > 0:
        drift = _chroma(old) - _chroma(new)
        held += color_weight(drift, color, radius_px)[..., None] * drift
    out = edited.copy()
    out[box.slices] = np.where(inside[..., None], np.clip(held, 0, 1), new)
    return out


def hold_structure(
    edited: np.ndarray,
    source: np.ndarray,
    inside: np.ndarray,
    amount: float,
    radius_px: int,
    *,
    before_pass: BeforePass = lambda done: None,
    tile_px: int = _TILE_PX,
) -> np.ndarray:
    """Grey `edited` (H, W) with the lines of `source`, changed only where `inside`; dtype as `edited`."""

    def weigh(source: np.ndarray, edited: np.ndarray) -> np.ndarray:
        return structure_weight(source, edited, amount, radius_px)

    def step(
        source: np.ndarray, held: np.ndarray, edited: np.ndarray, weight: np.ndarray
    ) -> np.ndarray:
        fitted = fit(source, held, radius_px, rest_gain=1.0)
        return hold_step(source, held, edited, weight, _FIDELITY, fitted, radius_px)

    weight = by_tiles(weigh, (source, edited), 3 * radius_px, tile_px)
    held = edited
    for done in range(STRUCTURE_PASSES):
        before_pass(done)
        images = (source, held, edited, weight)
        held = np.where(inside, by_tiles(step, images, 2 * radius_px, tile_px), edited)
    return held


def structure_weight(
    source: np.ndarray, edited: np.ndarray, amount: float, radius_px: int
) -> np.ndarray:
    """Each window's weight 0..1 (H, W): near 1 where its lines only moved a little, near 0 where they are others.

    Compared on images without their finest detail and in windows twice as wide, so that a line which moved by less
    than half a radius is still the same line.
    """
    if amount >= 1:
        return np.ones(source.shape)
    coarse_source, coarse_edited = (box_mean(image, radius_px // 2) for image in (source, edited))
    fitted = fit(coarse_source, coarse_edited, 2 * radius_px)
    change = np.sqrt(np.maximum(fitted.loss, 0) / (fitted.variance + _FAINT))
    return _robust(change, _STRUCTURE_TOLERANCE, amount)


def color_weight(drift: np.ndarray, amount: float, radius_px: int) -> np.ndarray:
    """Each pixel's weight 0..1 (H, W) for a difference of chroma (H, W, 3): near 0 where colours are others."""
    if amount >= 1:
        return np.ones(drift.shape[:2], np.float32)
    change = box_mean(np.linalg.norm(drift, axis=2), radius_px // 2)
    return _robust(change, _COLOR_TOLERANCE, amount).astype(np.float32)


def by_tiles(
    function: Callable[..., np.ndarray],
    images: tuple[np.ndarray, ...],
    halo_px: int,
    tile_px: int,
) -> np.ndarray:
    """`function(*images)` of images (H, W), computed on tiles that see `halo_px` beyond themselves.

    The same as on the whole for a function whose pixels depend on no more than that.
    """
    height, width = images[0].shape
    whole = Box(0, 0, width, height)
    out = np.empty_like(images[0])
    for top in range(0, height, tile_px):
        for left in range(0, width, tile_px):
            tile = Box(left, top, left + tile_px, top + tile_px) & whole
            seen = tile.grown(halo_px) & whole
            made = function(*(image[seen.slices] for image in images))
            out[tile.slices] = made[tile.shifted(-seen.left, -seen.top).slices]
    return out


def _robust(change: np.ndarray, tolerance: float, amount: float) -> np.ndarray:
    """Tukey's biweight: 1 for no change, 0 from `tolerance` on at 0.5; the range is 0 at 0 and infinite at 1.

    A. Beaton, J. Tukey, "The fitting of power series, meaning polynomials", 1974.
    """
    reach = max(tolerance * amount / (1 - amount), 1e-9)
    share = np.minimum(change / reach, 1)
    return (1 - share**2) ** 2


def _chroma(rgb: np.ndarray) -> np.ndarray:
    return rgb - rgb.mean(axis=2, keepdims=True)


def _reached(inside: np.ndarray, px: int) -> Box:
    """The bounding box of `inside`, and px around it, within the image."""
    left, top, width, height = cv2.boundingRect(inside.astype(np.uint8))
    image = Box(0, 0, inside.shape[1], inside.shape[0])
    return Box(left, top, left + width, top + height).grown(px) & image
