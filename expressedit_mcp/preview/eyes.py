"""Draws eyes and brows."""

import numpy as np

from .character import Rgb
from .drawing import BOLD, CURVE, LINE, THIN, Canvas, curve, darker, ellipse, lighter
from .layout import SIDES, Figure, Side

_WHITE: Rgb = (255, 255, 255)
_EYEBALL: Rgb = (250, 250, 252)
_LID_SHADE: Rgb = (205, 205, 222)
_HEART: Rgb = (255, 90, 150)
_IRIS_ASPECT = 1.28  # height over width
_FLICK = 1 / 14  # share of the lash line that flicks past the outer corner

_t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
_HEART_OUTLINE = (
    curve(
        16 * np.sin(_t) ** 3,
        -(13 * np.cos(_t) - 5 * np.cos(2 * _t) - 2 * np.cos(3 * _t) - np.cos(4 * _t)),
    )
    / 16
)


def draw_eye(canvas: Canvas, figure: Figure, side: Side) -> None:
    """Draws one eye, open or shut."""
    if figure.opening(side) > 0:
        _draw_open_eye(canvas, figure, side)
    elif figure.expression.eyes == ">_<":
        _draw_squeezed_eye(canvas, figure, side)
    elif figure.expression.eyes == "^_^":
        _draw_smiling_eye(canvas, figure, side)
    else:
        _draw_closed_eye(canvas, figure, side)


def draw_brows(canvas: Canvas, figure: Figure) -> None:
    """Draws both brows."""
    angle = figure.pose.brow_angle_rad
    along = 9 * CURVE
    rise = 1.8 * (1 - CURVE**2) * (1 - abs(angle))
    for side in SIDES:
        x, y = figure.brow_center(side)
        line = curve(x + side * along, y - rise - np.tan(angle) * along)
        canvas.brush(line, figure.palette.brow, 1.3, figure.character.brow_width + 1.1)


def _placed(figure: Figure, side: Side, points: np.ndarray) -> np.ndarray:
    """Points about the eye's centre, x outward, in figure units."""
    return points * [side, 1] + figure.eye_center(side)


def _draw_squeezed_eye(canvas: Canvas, figure: Figure, side: Side) -> None:
    chevron = np.array([(9, -6.5), (-7, 0), (9, 6.5)])
    width = figure.character.lash_width * 0.95 + 0.7
    canvas.stroke(_placed(figure, side, chevron), figure.palette.lash, width)


def _draw_smiling_eye(canvas: Canvas, figure: Figure, side: Side) -> None:
    arch = curve(CURVE * figure.eye_half_width(side), 3 - 8 * (1 - CURVE**2))
    width = figure.character.lash_width + 1.5
    canvas.brush(_placed(figure, side, arch), figure.palette.lash, 1.7, width)


def _draw_closed_eye(canvas: Canvas, figure: Figure, side: Side) -> None:
    lash, half_width = figure.palette.lash, figure.eye_half_width(side)
    sag = 1 + 5 * (1 - CURVE**2)
    lid = curve(CURVE * half_width, sag - 0.3 * figure.character.eye_tilt * CURVE)
    canvas.brush(_placed(figure, side, lid), lash, 1.7, figure.character.lash_width + 1.3)
    for share in (0.55, 0.95):
        x, y = share * half_width, 5 * (1 - share**2)
        lashes = np.array([(x, 1 + y), (x + 3, 3.5 + y)])
        canvas.stroke(_placed(figure, side, lashes), lash, LINE)


def _lid_lines(figure: Figure, side: Side) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid about the eye's centre, x outward, each (33, 2)."""
    opening, eyes = figure.opening(side), figure.expression.eyes
    half_width, eye_height = figure.eye_half_width(side), figure.character.eye_height
    widening = 1 + max(opening - 1, 0) * 0.9
    top = eye_height * min(opening, 1) * widening
    bottom = eye_height * 0.85 * min(1, 0.55 + 0.45 * opening) * widening
    flatness = 6 if eyes == "jitome" else 2.3
    upper = -top * (1 - np.abs(CURVE) ** flatness)
    if eyes == "half-closed eyes":
        upper *= 0.9
    tilt = 0.6 * figure.character.eye_tilt * CURVE
    lower = bottom * (1 - np.abs(CURVE) ** 2.6)
    return (
        curve(CURVE * half_width, upper - tilt),
        curve(CURVE * half_width * 0.92, lower - tilt),
    )


def _draw_open_eye(canvas: Canvas, figure: Figure, side: Side) -> None:
    upper, lower = _lid_lines(figure, side)
    eyeball = np.concatenate([upper, lower[::-1]])
    with canvas.clipped(_placed(figure, side, eyeball), _EYEBALL) as inside:
        if figure.has_iris(side):
            _draw_iris(inside, figure, side)
        else:
            _draw_spiral(inside, figure, side)
        shade = _placed(figure, side, upper + np.array([0, 1.5]))
        inside.stroke(shade, _LID_SHADE, BOLD)
    _draw_lids(canvas, figure, side, upper, lower)


def _draw_lids(
    canvas: Canvas, figure: Figure, side: Side, upper: np.ndarray, lower: np.ndarray
) -> None:
    lash = figure.palette.lash
    _draw_upper_lash(canvas, figure, side, upper)
    seen = (CURVE >= -0.5) & (CURVE <= 0.84)
    canvas.stroke(_placed(figure, side, lower[seen]), darker(lash, 1.6), THIN)
    if figure.opening(side) > 0.3:
        middle = np.abs(CURVE) <= 0.67
        untilted = upper[middle, 1] + 0.6 * figure.character.eye_tilt * CURVE[middle]
        crease = curve(upper[middle, 0] * 0.9, untilted - 4.2)
        canvas.stroke(_placed(figure, side, crease), figure.palette.skin_crease, THIN)


def _draw_upper_lash(canvas: Canvas, figure: Figure, side: Side, upper: np.ndarray) -> None:
    tip = [figure.eye_half_width(side) * 1.16, upper[-1, 1] - 1.5]
    flick = np.linspace(upper[-1], tip, 5)[1:]
    line = np.concatenate([upper, flick]) - [0, 0.3]
    along = np.concatenate(
        [np.linspace(0, 1 - _FLICK, len(upper)), np.linspace(1 - _FLICK, 1, 5)[1:]]
    )
    width = figure.character.lash_width + 1.4
    canvas.brush(_placed(figure, side, line), figure.palette.lash, 1.5, width, along)


def _draw_spiral(canvas: Canvas, figure: Figure, side: Side) -> None:
    x, y = figure.eye_center(side)
    turn = np.linspace(0, 1, 90)
    spiral = curve(
        x - 0.8 * side + 8.5 * turn * np.cos(15 * turn), y + 0.2 + 9 * turn * np.sin(15 * turn)
    )
    canvas.stroke(spiral, figure.palette.lash, BOLD)


def _draw_iris(canvas: Canvas, figure: Figure, side: Side) -> None:
    state, color = figure.expression.iris, figure.palette.iris
    x, y = figure.iris_center(side)
    width = figure.iris_radius
    height = width * _IRIS_ASPECT

    def spot(dx: float, dy: float, radius_x: float, radius_y: float, fill: Rgb) -> None:
        """An ellipse in shares of the iris."""
        outline = ellipse(x + dx * width, y + dy * height, radius_x * width, radius_y * height)
        canvas.fill(outline, fill)

    spot(0, 0, 1, 1, darker(color, 0.42))
    spot(0, 0.03, 0.86, 0.87, color)
    spot(0, -0.42, 0.84, 0.5, darker(color, 0.6))
    if state == "empty eyes":
        return
    spot(0, 0.5, 0.5, 0.28, lighter(color, 0.5))
    if state == "heart-shaped pupils":
        canvas.fill(_HEART_OUTLINE * [0.66 * width, 0.72 * width * _IRIS_ASPECT] + [x, y], _HEART)
    else:
        spot(0, 0, 0.42, 0.48, darker(color, 0.18))
    sparkle = 1.5 if state == "sparkling eyes" else 1.0
    spot(-0.38, -0.42, 0.27 * sparkle, 0.23 * sparkle, _WHITE)
    spot(0.4, 0.42, 0.14 * sparkle, 0.12 * sparkle, _WHITE)
    if state == "sparkling eyes":
        spot(0.45, -0.3, 0.18, 0.14, _WHITE)
