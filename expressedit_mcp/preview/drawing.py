"""An antialiased canvas for flat shapes and lines, and the colour arithmetic they need."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import numpy.typing as npt

from .character import Rgb, View

CANVAS_UNITS = 128
CURVE = np.linspace(-1, 1, 33)

# Line widths in canvas units; they do not grow with the view's scale.
THIN, LINE, BOLD = 0.66, 1.66, 2.66

_SUBPIXEL_BITS = 4
_BLEED_PX = 0.7  # OpenCV's antialiased fill reaches this far past the outline
_MIN_WORKING_PX = 512
_TURN = np.linspace(0, 2 * np.pi, 48, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_CAP = np.linspace(-np.pi / 2, np.pi / 2, 7)

Points = npt.ArrayLike


def darker(color: Rgb, factor: float) -> Rgb:
    """The colour times `factor`, clipped to 0..255."""
    red, green, blue = (float(min(max(value * factor, 0), 255)) for value in color)
    return red, green, blue


def lighter(color: Rgb, factor: float) -> Rgb:
    """The colour with its distance to white times `factor`."""
    red, green, blue = (float(255 - (255 - value) * factor) for value in color)
    return red, green, blue


def shifted(color: Rgb, shift: Rgb) -> Rgb:
    """The colour plus `shift`, clipped to 0..255."""
    red, green, blue = (float(min(max(a + b, 0), 255)) for a, b in zip(color, shift, strict=True))
    return red, green, blue


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """The (48, 2) outline of an ellipse about (x, y)."""
    return _CIRCLE * [radius_x, radius_y] + [x, y]


def curve(x: npt.ArrayLike, y: npt.ArrayLike) -> np.ndarray:
    """The (N, 2) points of a curve from its coordinates."""
    return np.stack(np.broadcast_arrays(x, y), axis=1).astype(float)


def rounded(path: Points, radius: float, closed: bool = True) -> np.ndarray:
    """The (N, 2) path with each corner replaced by an arc that starts `radius` before it.

    Where an edge is short the arc starts at its middle; the ends of an open path stay.
    """
    corners = np.asarray(path, float)
    share = np.linspace(0, 1, 7)[:, None]
    arcs = []
    for corner, before, after in zip(
        corners, np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0), strict=True
    ):
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        arcs.append((1 - share) ** 2 * start + 2 * share * (1 - share) * corner + share**2 * end)
    if not closed:
        arcs[0], arcs[-1] = corners[:1], corners[-1:]
    return np.concatenate(arcs)


class Canvas:
    """A square picture drawn on in figure units at several times its size.

    Figure units become canvas units (128 across) by the view; line widths are canvas units.
    Coordinates are continuous: pixel (i, j) covers i..i+1, j..j+1.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        to_canvas: np.ndarray,
        px_per_unit: float,
        origin_px: tuple[int, int] = (0, 0),
    ) -> None:
        self.pixels = pixels
        self._to_canvas = to_canvas
        self._figure_scale = float(np.hypot(to_canvas[0, 0], to_canvas[1, 0]))
        self._px_per_unit = px_per_unit
        self._origin_px = origin_px

    @classmethod
    def blank(cls, size_px: int, view: View, background: Rgb) -> "Canvas":
        """A canvas for a picture of size_px, filled with the background."""
        side = size_px * max(2, -(-_MIN_WORKING_PX // size_px))
        return cls(_plain(side, side, background), _view_matrix(view), side / CANVAS_UNITS)

    def to_units(self, points: Points) -> np.ndarray:
        """Figure points (..., 2) in canvas units, 0..128 where inside the picture."""
        points = np.asarray(points, float)
        return points @ self._to_canvas[:, :2].T + self._to_canvas[:, 2]

    def fill(self, outline: Points, color: Rgb) -> None:
        """Fills the polygon."""
        path = self._to_working(outline)
        cv2.fillPoly(self.pixels, [_fixed(path)], color, cv2.LINE_AA, _SUBPIXEL_BITS)

    def stroke(self, points: Points, color: Rgb, width: float, closed: bool = False) -> None:
        """Draws a line of constant width with round joins and ends."""
        path = self._to_working(points)
        if closed:
            path = np.concatenate([path, path[:1]])
        self._draw_line(path, np.full(len(path), width), color)

    def outlined(self, outline: Points, color: Rgb, line_color: Rgb, width: float) -> None:
        """Fills the polygon and strokes its outline."""
        self.fill(outline, color)
        self.stroke(outline, line_color, width, closed=True)

    def brush(
        self,
        points: Points,
        color: Rgb,
        end_width: float,
        middle_width: float,
        along: np.ndarray | None = None,
    ) -> None:
        """Draws a line that swells towards its middle; widths in figure units.

        along (0..1 per point) says how far along the line each point counts.
        """
        path = self._to_working(points)
        along = np.linspace(0, 1, len(path)) if along is None else along
        widths = end_width + (middle_width - end_width) * np.sin(along * np.pi)
        self._draw_line(path, widths * self._figure_scale, color)

    def blend(self, outlines: Sequence[Points], color: Rgb, opacity: float) -> None:
        """Fills the polygons with the colour at the given opacity 0..1."""
        for outline in outlines:
            with self.clipped(outline, color, opacity):
                pass

    @contextmanager
    def clipped(self, outline: Points, background: Rgb, opacity: float = 1.0) -> Iterator["Canvas"]:
        """Yields a canvas of plain background of which only the polygon's inside is kept."""
        path = self._to_working(outline)
        height, width = self.pixels.shape[:2]
        left, top = np.clip(np.floor(path.min(axis=0)).astype(int) - 2, 0, [width, height])
        right, bottom = np.clip(np.ceil(path.max(axis=0)).astype(int) + 3, 0, [width, height])
        layer = Canvas(
            _plain(bottom - top, right - left, background),
            self._to_canvas,
            self._px_per_unit,
            (self._origin_px[0] + left, self._origin_px[1] + top),
        )
        yield layer
        mask = np.zeros(layer.pixels.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_fixed(path - [left, top])], 255.0, cv2.LINE_AA, _SUBPIXEL_BITS)
        alpha = mask[..., None] * np.float32(opacity / 255)
        below = self.pixels[top:bottom, left:right]
        mixed = below + (layer.pixels.astype(np.float32) - below) * alpha
        self.pixels[top:bottom, left:right] = np.rint(mixed)

    def finished(self, size_px: int) -> np.ndarray:
        """The picture, (size_px, size_px, 3) uint8 RGB."""
        return cv2.resize(self.pixels, (size_px, size_px), interpolation=cv2.INTER_AREA)

    def _draw_line(self, path: np.ndarray, widths: np.ndarray, color: Rgb) -> None:
        """Draws segments between working pixels, each point with its width in canvas units."""
        radii = np.maximum(widths * self._px_per_unit / 2 - _BLEED_PX, 0.3)
        for outline in _fixed(_capsules(path, radii)):
            cv2.fillConvexPoly(self.pixels, outline, color, cv2.LINE_AA, _SUBPIXEL_BITS)

    def _to_working(self, points: Points) -> np.ndarray:
        # OpenCV's integer coordinates are pixel centres, ours are pixel corners.
        return self.to_units(points) * self._px_per_unit - 0.5 - self._origin_px


def _towards(start: np.ndarray, goal: np.ndarray, distance: float) -> np.ndarray:
    """The point `distance` from the start, at most half-way to the goal."""
    step = goal - start
    return start + step * min(0.5, distance / max(float(np.hypot(*step)), 1e-9))


def _view_matrix(view: View) -> np.ndarray:
    angle = np.deg2rad(view.rotation_deg)
    cos, sin = np.cos(angle) * view.scale, np.sin(angle) * view.scale
    center = CANVAS_UNITS / 2
    return np.array([[cos, -sin, center + view.shift[0]], [sin, cos, center + view.shift[1]]])


def _capsules(path: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """One round-ended segment per pair of neighbours, (N - 1, 14, 2)."""
    step = np.diff(path, axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])[:, None]

    def half_circle(angles: np.ndarray, centers: np.ndarray, radii: np.ndarray) -> np.ndarray:
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=2)
        return centers[:, None] + radii[:, None, None] * directions

    front = half_circle(heading + _CAP, path[1:], radii[1:])
    back = half_circle(heading + _CAP + np.pi, path[:-1], radii[:-1])
    return np.concatenate([front, back], axis=1)


def _fixed(path: np.ndarray) -> np.ndarray:
    return np.rint(path * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _plain(height: int, width: int, color: Rgb) -> np.ndarray:
    return np.full((height, width, 3), np.rint(color), np.uint8)
