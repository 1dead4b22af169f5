"""Liquify: pixels moved by strokes inside a selection, without folds.

Each stroke is a chain of small steps. A step shows at x what was at x - w(x) (shift + rate (x - centre)), where
the weight w falls from 1 to 0 towards the rim of the brush and of the selection. Steps are so small that the
displacement changes by less than a pixel per pixel (Lipschitz below 1), so each is one-to-one, and so is any
chain of them. What is outside the selection stays and nothing crosses its border. Coordinates are continuous: the
pixel at column i spans i..i+1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging.composite import Patch
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.imaging.geometry import Box
from expressedit_mcp.imaging.picture import Picture
from expressedit_mcp.imaging.selection import Selection

CORE = 0.5
_STEEPEST_FADE = 1.5  # of the smooth step, per width of its ramp
_MOST_CHANGE = 0.5  # of the displacement per pixel, in one step
_BLOCK_PX = 1 << 17


@dataclass(frozen=True)
class Step:
    """Shows at x what was at x - w(x) (shift + rate (x - centre)); `shift` in pixels."""

    centre: tuple[float, float]
    shift: tuple[float, float] = (0.0, 0.0)
    rate: float = 0.0


@dataclass(frozen=True)
class Move:
    """Pushes what is under a disc from `start` to `end`; its inner half (CORE) arrives as it was."""

    start: tuple[float, float]
    end: tuple[float, float]
    radius_px: float

    @property
    def bounds(self) -> Box:
        """The pixels that it can move."""
        return _disc_box(self.start, self.radius_px) | _disc_box(self.end, self.radius_px)

    def steps(self, steepest: float) -> list[Step]:
        """The steps in order; `steepest` bounds the change of the weight per pixel."""
        way = np.subtract(self.end, self.start)
        count = _count(float(np.hypot(*way)) * steepest)
        shift = float(way[0]) / count, float(way[1]) / count
        # a step's disc lies where its content arrives
        stops = [np.add(self.start, way * (n + 1) / count) for n in range(count)]
        return [Step((float(x), float(y)), shift) for x, y in stops]


@dataclass(frozen=True)
class Swell:
    """Scales what is under a disc about its centre by `factor`: above 1 it bloats, below 1 it puckers."""

    centre: tuple[float, float]
    radius_px: float
    factor: float

    @property
    def bounds(self) -> Box:
        """The pixels that it can move."""
        return _disc_box(self.centre, self.radius_px)

    def steps(self, steepest: float) -> list[Step]:
        """The steps in order; `steepest` bounds the change of the weight per pixel."""
        count = _count(abs(math.log(self.factor)) * (1 + self.radius_px * steepest))
        return [Step(self.centre, rate=1 - self.factor ** (-1 / count))] * count


Stroke = Move | Swell


def _nothing() -> None:
    pass


def liquify_under(
    picture: Picture,
    selection: Selection,
    strokes: Sequence[Stroke],
    between: Callable[[], None] = _nothing,
) -> Patch:
    """The patch that moves the pixels under a selection by strokes, each made on the result of those before.

    However many strokes, pixels are resampled once. `between` is called between steps, and may raise to stop
    the work. Raises InputError when no pixel of the selection moves.
    """
    warp = Warp.of(selection, strokes)
    box = warp.box
    selected = selection.within(box)
    rows, columns = np.nonzero(selected)
    pixels = extract(picture.pixels, box)[..., :3].copy()
    alpha = np.zeros_like(selected)
    for first in range(0, len(rows), _BLOCK_PX):
        row, column = (index[first : first + _BLOCK_PX] for index in (rows, columns))
        target = np.stack([column + box.left + 0.5, row + box.top + 0.5])
        source = warp.sources(target, between)
        moved = (source != target).any(axis=0)
        there = row[moved], column[moved]
        pixels[there] = sample_bicubic(picture.pixels[..., :3], source[:, moved])
        alpha[there] = selected[there]
    if not alpha.any():
        raise _nothing_moved(selection)
    return Patch.tight(pixels, alpha, box, selection.size)


@dataclass(frozen=True)
class Warp:
    """Strokes made in order under a selection; `box` holds every pixel that they can move.

    `depth` (h, w) float32 is how far inside the selection the pixels of `depth_box` lie, 0 outside.
    """

    box: Box
    depth: np.ndarray
    depth_box: Box
    strokes: tuple[Stroke, ...]

    @classmethod
    def of(cls, selection: Selection, strokes: Sequence[Stroke]) -> Warp:
        """Raises InputError when no stroke touches the selection's box."""
        reached = {stroke: stroke.bounds & selection.box for stroke in strokes}
        touching = tuple(stroke for stroke in strokes if not reached[stroke].is_empty)
        if not touching:
            raise _nothing_moved(selection)
        box = reduce(Box.__or__, (reached[stroke] for stroke in touching))
        # what pins the pixels of the box lies at most a ramp away from it
        ramp = math.ceil(max(stroke.radius_px for stroke in touching) * (1 - CORE))
        depth_box = (box.grown(ramp) & selection.box).grown(1)
        inside = (selection.within(depth_box) > 0).astype(np.uint8)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return cls(box, depth, depth_box, touching)

    def sources(self, at: np.ndarray, between: Callable[[], None] = _nothing) -> np.ndarray:
        """Where what is shown at the points `at` (2, N) float64, x above y, came from; the same shape."""
        source = at.copy()
        for stroke in reversed(self.strokes):
            fade_px = stroke.radius_px * (1 - CORE)
            ramp_px = self._ramp_px(stroke, fade_px)
            # between pixel centres the interpolated depth is up to sqrt(2) times as steep
            steepest = _STEEPEST_FADE * (1 / fade_px + math.sqrt(2) / ramp_px)
            for step in reversed(stroke.steps(steepest)):
                between()
                away = source - np.reshape(step.centre, (2, 1))
                rim = stroke.radius_px - np.hypot(*away)
                near = np.flatnonzero(rim > 0)
                inside = self._depth_at(source[:, near])
                weight = _smooth(rim[near] / fade_px) * _smooth(inside / ramp_px)
                shift = np.reshape(step.shift, (2, 1)) + step.rate * away[:, near]
                source[:, near] -= weight * shift
        return source

    def _ramp_px(self, stroke: Stroke, fade_px: float) -> float:
        """How far the selection's border holds its pixels back: as the brush fades, at most half its depth."""
        reach = stroke.bounds.shifted(-self.depth_box.left, -self.depth_box.top)
        deepest = self.depth[(reach & Box(0, 0, *self.depth.shape[::-1])).slices].max()
        return min(fade_px, max(1.0, float(deepest) / 2))

    def _depth_at(self, at: np.ndarray) -> np.ndarray:
        """Depth in pixels at points (2, N), bilinear between pixel centres."""
        origin = np.array([[self.depth_box.left], [self.depth_box.top]])
        return _sampled(self.depth[..., None], at - origin, _bilinear)[:, 0]


def sample_bicubic(pixels: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The colours (N, C) of `pixels` (H, W, C) at points (2, N), x above y: rounded, in their dtype.

    R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, a = -1/2: exact on linear
    gradients, and at pixel centres on any picture. Border pixels are repeated.
    """
    colours = np.rint(_sampled(pixels, at, _keys))
    return np.clip(colours, 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)


def _sampled(
    field: np.ndarray, at: np.ndarray, kernel: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Values (N, C) of a field (H, W, C) at points (2, N); `kernel` weighs 2 n pixels from how far between."""
    before = np.floor(at - 0.5)
    weights = kernel(at - 0.5 - before)
    reach = np.arange(len(weights)) - len(weights) // 2 + 1
    # an index per tap, axis and point
    index = before.astype(np.intp) + reach[:, None, None]
    columns = np.clip(index[:, 0], 0, field.shape[1] - 1)
    rows = np.clip(index[:, 1], 0, field.shape[0] - 1)
    total = np.zeros((at.shape[1], field.shape[2]))
    for row, of_row in zip(rows, weights[:, 1], strict=True):
        for column, of_column in zip(columns, weights[:, 0], strict=True):
            total += (of_row * of_column)[:, None] * field[row, column]
    return total


def _bilinear(t: np.ndarray) -> np.ndarray:
    return np.stack([1 - t, t])


def _keys(t: np.ndarray) -> np.ndarray:
    far = 1 - t
    return np.stack(
        [
            -0.5 * t * far * far,
            1 + t * t * (1.5 * t - 2.5),
            1 + far * far * (1.5 * far - 2.5),
            -0.5 * far * t * t,
        ]
    )


def _smooth(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, between them 3 x^2 - 2 x^3."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _count(change: float) -> int:
    """How many steps keep the change of the displacement per pixel small in each."""
    return max(1, math.ceil(change / _MOST_CHANGE))


def _disc_box(centre: tuple[float, float], radius_px: float) -> Box:
    (x, y), r = centre, radius_px
    return Box(math.floor(x - r), math.floor(y - r), math.ceil(x + r), math.ceil(y + r))


def _nothing_moved(selection: Selection) -> InputError:
    return InputError(
        f"The strokes move no pixel of the region, which lies in {selection.box.as_list()}. Let `from`, "
        "`center` or the radius reach into it; view_image(image_id, grid=True) shows the coordinates."
    )
