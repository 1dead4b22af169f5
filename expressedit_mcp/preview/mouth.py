"""Draws the mouth: one function per state."""

from collections.abc import Callable

import numpy as np

from .character import Rgb
from .drawing import CURVE, LINE, THIN, Canvas, Points, curve, darker, ellipse, rounded
from .layout import Figure

_INSIDE: Rgb = (188, 62, 70)
_TONGUE: Rgb = (240, 128, 128)
_TEETH: Rgb = (252, 252, 252)
_TEETH_GAP: Rgb = (190, 170, 180)

_BOW = 1 - CURVE**2  # 0 at the corners, 1 in the middle

# Width and height of each mouth before it is scaled, figure units; 0 high for a mere line.
_SIZES: dict[str, tuple[float, float]] = {
    "closed mouth": (10, 0),
    "smile": (18, 0),
    "open mouth": (13, 13),
    ":d": (21, 10.5),
    ":o": (6.6, 7.6),
    "frown": (16, 0),
    "smirk": (16, 0),
    "pout": (7, 0),
    "grin": (22, 7),
    ":3": (14, 0),
    ":p": (18, 6),
    "wavy mouth": (18, 0),
    "clenched teeth": (20, 8),
    "triangle mouth": (11, 9),
}


def draw_mouth(canvas: Canvas, figure: Figure) -> None:
    """Draws the mouth."""
    _MOUTHS[figure.expression.mouth](_Pen(canvas, figure))


def mouth_size(figure: Figure) -> tuple[float, float]:
    """Width and height of the mouth, in figure units."""
    width, height = _SIZES[figure.expression.mouth]
    scale_x, scale_y = figure.pose.mouth_scale
    return (width * scale_x, height * scale_y)


class _Pen:
    """Draws in the mouth's colours about its centre, at its scale."""

    def __init__(self, canvas: Canvas, figure: Figure) -> None:
        self.canvas = canvas
        self.lifted_side = figure.looking_side
        self.line_color = figure.palette.mouth_line
        self.lip_color = darker(figure.palette.skin, 0.65)
        self._center = figure.mouth_center
        self._scale = figure.pose.mouth_scale

    def placed(self, points: Points) -> np.ndarray:
        return np.asarray(points, float) * self._scale + self._center

    def line(self, points: Points, width: float = LINE, color: Rgb | None = None) -> None:
        self.canvas.stroke(self.placed(points), color or self.line_color, width)

    def brush(self, points: Points, end_width: float, middle_width: float) -> None:
        """Widths in figure units, not scaled with the mouth."""
        self.canvas.brush(self.placed(points), self.line_color, end_width, middle_width)

    def shape(self, outline: Points, color: Rgb) -> None:
        self.canvas.outlined(self.placed(outline), color, self.line_color, LINE)

    def cavity(self, outline: Points, tongue: bool) -> None:
        """An open mouth, with a tongue lying in it."""
        path = self.placed(outline)
        self.canvas.fill(path, _INSIDE)
        if tongue:
            (left, top), (right, bottom) = path.min(axis=0), path.max(axis=0)
            width, height = right - left, bottom - top
            middle = path[:, 0].mean()
            tip = ellipse(middle, bottom - 0.18 * height, 0.24 * width, 0.17 * height)
            self.canvas.fill(tip, _TONGUE)
        self.canvas.stroke(path, self.line_color, LINE, closed=True)


def _closed(pen: _Pen) -> None:
    pen.line([(-5, 0), (5, 0)])


def _smile(pen: _Pen) -> None:
    pen.brush(curve(9 * CURVE, 3.6 * _BOW - 1), 1.3, 2.3)


def _frown(pen: _Pen) -> None:
    pen.brush(curve(8 * CURVE, -3.4 * _BOW + 2.5), 1.3, 2.3)


def _smirk(pen: _Pen) -> None:
    side = pen.lifted_side
    towards = side * CURVE
    lift = 0.5 * towards + 2.4 * np.maximum(towards, 0)
    pen.brush(curve(8 * CURVE + side, 1.2 * _BOW - lift), 1.3, 2.4)
    pen.line([(side * 9.5, -4.5), (side * 10.5, -1.8)])


def _pout(pen: _Pen) -> None:
    pen.brush([(-3.5, 1.8), (0, -1.2), (3.5, 1.8)], 1.5, 2.5)
    pen.line([(-2, 4), (2, 4)], THIN, pen.lip_color)


def _cat(pen: _Pen) -> None:
    pen.line([(-7, -1.5), (-5.5, 1.8), (-2.5, 2), (0, -1), (2.5, 2), (5.5, 1.8), (7, -1.5)])


def _wavy(pen: _Pen) -> None:
    pen.line(curve(9 * CURVE, 1.8 * np.sin(9 * CURVE)))


def _open(pen: _Pen) -> None:
    pen.cavity(ellipse(0, 2.5, 6.5, 6.5), tongue=True)


def _laugh(pen: _Pen) -> None:
    lip, jaw = curve(10.5 * CURVE, 0.6 * _BOW - 2), curve(-10 * CURVE, 10.5 * _BOW**0.8 - 2)
    pen.cavity(np.concatenate([lip, jaw]), tongue=True)


def _small_round(pen: _Pen) -> None:
    pen.cavity(ellipse(0, 1, 3.3, 3.8), tongue=False)


def _triangle(pen: _Pen) -> None:
    pen.cavity([(0, -3.5), (5.5, 5.5), (-5.5, 5.5)], tongue=False)


def _grin(pen: _Pen) -> None:
    lip, jaw = curve(11 * CURVE, 0.8 * _BOW - 3), curve(-10.5 * CURVE, 7 * _BOW**0.7 - 3)
    pen.shape(np.concatenate([lip, jaw]), _TEETH)
    pen.line([(-9.5, 0.2), (9.5, 0.2)], THIN, _TEETH_GAP)


def _clenched(pen: _Pen) -> None:
    pen.shape([(-9, -3.5), (9, -3.5), (10, 4.5), (-10, 4.5)], _TEETH)
    pen.line([(-9.5, 0.5), (9.5, 0.5)], THIN)
    for x in (-5, 0, 5):
        pen.line([(x, -3.5), (x, 4.5)], THIN, _TEETH_GAP)


def _tongue_out(pen: _Pen) -> None:
    pen.brush(curve(9 * CURVE, 2.8 * _BOW - 1), 1.3, 2.2)
    pen.shape(rounded([(0, 1.5), (6.5, 0.6), (6.8, 5), (4.2, 7.4), (1, 6)], 1.2), _TONGUE)


_MOUTHS: dict[str, Callable[[_Pen], None]] = {
    "closed mouth": _closed,
    "smile": _smile,
    "open mouth": _open,
    ":d": _laugh,
    ":o": _small_round,
    "frown": _frown,
    "smirk": _smirk,
    "pout": _pout,
    "grin": _grin,
    ":3": _cat,
    ":p": _tongue_out,
    "wavy mouth": _wavy,
    "clenched teeth": _clenched,
    "triangle mouth": _triangle,
}
