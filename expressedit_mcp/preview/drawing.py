"""An antialiased canvas for flat shapes, tapered strokes and gradients, and colour arithmetic."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from .geometry import Points, ribbon, taper

Rgb = tuple[float, float, float]
Surface = Callable[[np.ndarray], np.ndarray]

CANVAS_UNITS = 128

_SUBPIXEL_BITS = 4
_BLEED_PX = 0.55  # OpenCV's antialiased fill reaches this far past the outline
_MIN_WORKING_PX = 512


def tinted(color: Rgb, factors: Rgb) -> Rgb:
    """The colour times a factor per channel, clipped to 0..255."""
    red, green, blue = (min(max(c * f, 0.0), 255.0) for c, f in zip(color, factors, strict=True))
    return red, green, blue


def darker(color: Rgb, factor: float) -> Rgb:
    """The colour times `factor`, clipped to 0..255."""
    return tinted(color, (factor, factor, factor))


def mixed(color: Rgb, other: Rgb, share: float) -> Rgb:
    """The colour with `share` 0..1 of the other."""
    red, green, blue = (a + (b - a) * share for a, b in zip(color, other, strict=True))
    return red, green, blue


def shifted(color: Rgb, shift: Rgb) -> Rgb:
    """The colour plus `shift`, clipped to 0..255."""
    red, green, blue = (min(max(a + b, 0.0), 255.0) for a, b in zip(color, shift, strict=True))
    return red, green, blue


class Canvas:
    """A picture drawn on in figure units at several times its size.

    Points pass through `surface` (figure units to figure units) and then the affine map to
    working pixels. Coordinates are continuous: pixel (i, j) covers i..i+1, j..j+1. Where
    `labels` is given, each opaque fill writes `label` there too.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        to_px: np.ndarray,
        surface: Surface | None = None,
        labels: np.ndarray | None = None,
        label: int = 0,
    ) -> None:
        self.pixels = pixels
        self.labels = labels
        self._label = label
        self._to_px = to_px
        self._surface = surface
        self._px_per_unit = float(np.hypot(to_px[0, 0], to_px[1, 0]))

    @classmethod
    def blank(cls, size_px: int, to_canvas: np.ndarray, color: Rgb, labelled: bool) -> "Canvas":
        """A canvas for a picture of size_px; to_canvas maps to canvas units, 128 across."""
        side = size_px * max(2, -(-_MIN_WORKING_PX // size_px))
        labels = np.zeros((side, side), np.uint8) if labelled else None
        return cls(_plain(side, side, color), to_canvas * (side / CANVAS_UNITS), labels=labels)

    def on(self, surface: Surface, to_canvas: np.ndarray) -> "Canvas":
        """The same picture, drawn on through another surface and map."""
        to_px = to_canvas * (self.pixels.shape[0] / CANVAS_UNITS)
        return Canvas(self.pixels, to_px, surface, self.labels, self._label)

    def labelled(self, label: int) -> "Canvas":
        """The same picture with another label for opaque fills."""
        return Canvas(self.pixels, self._to_px, self._surface, self.labels, label)

    def fill(self, outline: Points, color: Rgb) -> None:
        """Fills the polygon."""
        self._fill_px(self._to_working(outline), color)

    def stroke(
        self,
        path: Points,
        color: Rgb,
        width: float,
        ends: tuple[float, float] = (0.25, 0.25),
        profile: np.ndarray | None = None,
    ) -> None:
        """Draws a line of `width` figure units that tapers to `ends` of it at its tips.

        A profile of relative widths, one per point, takes the place of the taper.
        """
        points = self._to_working(path)
        relative = taper(len(points), *ends) if profile is None else profile
        widths = relative * (width * self._px_per_unit) - 2 * _BLEED_PX
        self._fill_px(ribbon(points, np.maximum(widths, 0.4)), color)

    def closed_stroke(self, outline: Points, color: Rgb, width: float) -> None:
        """Draws a line of even width around a smooth outline."""
        points = np.asarray(outline, float)
        self.stroke(np.concatenate([points, points[:1]]), color, width, (1.0, 1.0))

    def blend(self, outlines: Sequence[Points], color: Rgb, opacity: float) -> None:
        """Fills the polygons, one after the other, with the colour at the given opacity 0..1."""
        for outline in outlines:
            points = self._to_working(outline)
            area = self._area(points)
            if area is None:
                continue
            height, width = self.pixels[area].shape[:2]
            self._composite(area, points, _plain(height, width, color), opacity)

    def fill_rows(self, top: Rgb, bottom: Rgb) -> None:
        """Fills the whole picture with colours that run from its top to its bottom."""
        share = np.linspace(0, 1, self.pixels.shape[0])[:, None]
        rows = np.asarray(top) + (np.asarray(bottom) - np.asarray(top)) * share
        self.pixels[:] = np.rint(rows).astype(np.uint8)[:, None]

    def gradient(self, outline: Points, top: Rgb, bottom: Rgb, span: tuple[float, float]) -> None:
        """Fills the polygon with colours that run from y = span[0] to span[1], figure units."""
        points = self._to_working(outline)
        area = self._area(points)
        if area is None:
            return
        share = np.clip(self._heights(area, outline, span), 0, 1)[..., None].astype(np.float32)
        first, last = np.asarray(top, np.float32), np.asarray(bottom, np.float32)
        paint = np.rint(first + (last - first) * share).astype(np.uint8)
        shape = self.pixels[area].shape
        self._composite(area, points, np.ascontiguousarray(np.broadcast_to(paint, shape)))
        self._label_px(points)

    def glow(
        self, center: tuple[float, float], radii: tuple[float, float], color: Rgb, opacity: float
    ) -> None:
        """Lays a soft spot of colour over the picture, strongest in its middle."""
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * radii + center
        area = self._area(self._to_working(corners))
        if area is None:
            return
        (x0, y0), right, below = self._to_working(
            [center, (center[0] + radii[0], center[1]), (center[0], center[1] + radii[1])]
        )
        axes = np.linalg.inv(np.stack([right - (x0, y0), below - (x0, y0)], axis=1))
        x = np.arange(area[1].start, area[1].stop, dtype=np.float32) - np.float32(x0)
        y = np.arange(area[0].start, area[0].stop, dtype=np.float32)[:, None] - np.float32(y0)
        (ux, uy), (vx, vy) = axes.astype(np.float32)
        falloff = np.maximum(1 - np.square(ux * x + uy * y) - np.square(vx * x + vy * y), 0)
        alpha = (falloff * falloff * (3 - 2 * falloff) * np.float32(opacity))[..., None]
        region = self.pixels[area]
        self.pixels[area] = np.rint(region + (np.asarray(color, np.float32) - region) * alpha)

    @contextmanager
    def clipped(self, outline: Points, opacity: float = 1.0) -> Iterator["Canvas"]:
        """Yields a canvas whose drawing is kept only inside the polygon."""
        points = self._to_working(outline)
        area = self._area(points)
        if area is None:
            yield Canvas(self.pixels.copy(), self._to_px, self._surface, None)
            return
        to_px = self._to_px.copy()
        to_px[:, 2] -= (area[1].start, area[0].start)
        labels = None if self.labels is None else self.labels[area].copy()
        layer = Canvas(self.pixels[area].copy(), to_px, self._surface, labels, self._label)
        yield layer
        mask = self._composite(area, points, layer.pixels, opacity)
        if self.labels is not None and layer.labels is not None:
            np.copyto(self.labels[area], layer.labels, where=mask[..., 0] > 127)

    def finished(self, size_px: int) -> np.ndarray:
        """The picture, (size_px, size_px, 3) uint8 RGB."""
        return cv2.resize(self.pixels, (size_px, size_px), interpolation=cv2.INTER_AREA)

    def to_picture(self, points: Points, size_px: int) -> np.ndarray:
        """Figure points as pixels of the finished picture, (N, 2)."""
        return self._mapped(points) * (size_px / self.pixels.shape[0])

    def _fill_px(self, points: np.ndarray, color: Rgb) -> None:
        path = [_fixed(points)]
        cv2.fillPoly(self.pixels, path, color, cv2.LINE_AA, _SUBPIXEL_BITS)
        self._label_px(points)

    def _label_px(self, points: np.ndarray) -> None:
        if self.labels is not None:
            cv2.fillPoly(self.labels, [_fixed(points)], (self._label,), cv2.LINE_8, _SUBPIXEL_BITS)

    def _composite(
        self,
        area: tuple[slice, slice],
        points: np.ndarray,
        paint: np.ndarray,
        opacity: float = 1.0,
    ) -> np.ndarray:
        """Lays paint (H, W, 3) over the area where the polygon is; returns the polygon's mask."""
        mask = np.zeros(paint.shape, np.uint8)
        path = [_fixed(points - (area[1].start, area[0].start))]
        level = round(255 * opacity)
        cv2.fillPoly(mask, path, (level, level, level), cv2.LINE_AA, _SUBPIXEL_BITS)
        below = cv2.multiply(self.pixels[area], cv2.bitwise_not(mask), scale=1 / 255)
        self.pixels[area] = cv2.add(below, cv2.multiply(paint, mask, scale=1 / 255))
        return mask

    def _area(self, points: np.ndarray) -> tuple[slice, slice] | None:
        """The part of the picture about the points; None where they miss it."""
        height, width = self.pixels.shape[:2]
        low, high = points.min(axis=0), points.max(axis=0)
        left, top = max(int(low[0]) - 2, 0), max(int(low[1]) - 2, 0)
        right, bottom = min(int(high[0]) + 4, width), min(int(high[1]) + 4, height)
        return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None

    def _heights(
        self, area: tuple[slice, slice], outline: Points, span: tuple[float, float]
    ) -> np.ndarray:
        """0 at the first height of the span, 1 at the second, for each pixel of the area."""
        middle = float(np.asarray(outline, float)[:, 0].mean())
        start, end = self._to_working([(middle, span[0]), (middle, span[1])])
        direction = (end - start) / float((end - start) @ (end - start))
        y, x = np.ogrid[area]
        down = (y - start[1]) * direction[1]
        return down if direction[0] == 0 else (x - start[0]) * direction[0] + down

    def _mapped(self, points: Points) -> np.ndarray:
        placed = np.asarray(points, float)
        if self._surface is not None:
            placed = self._surface(placed)
        return placed @ self._to_px[:, :2].T + self._to_px[:, 2]

    def _to_working(self, points: Points) -> np.ndarray:
        # OpenCV's integer coordinates are pixel centres, ours are pixel corners.
        return self._mapped(points) - 0.5


def _fixed(path: np.ndarray) -> np.ndarray:
    return np.rint(path * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _plain(height: int, width: int, color: Rgb) -> np.ndarray:
    return np.full((height, width, 3), np.rint(color), np.uint8)
