"""Draws the iris, the pupil and the lights of an eye."""

import numpy as np

from .drawing import Canvas, Rgb, darker, mixed, tinted
from .eyeshape import EyeShape
from .geometry import ellipse, smooth

_WHITE: Rgb = (255, 255, 255)


def draw_iris(canvas: Canvas, eye: EyeShape) -> None:
    """Draws the iris in the look of the expression, without its lights."""
    look = eye.figure.pose.iris.look
    if look == "blank":
        return
    if look == "spiral":
        _draw_spiral(canvas, eye)
        return
    color = eye.figure.palette.iris
    if look == "dull":
        color = mixed(darker(color, 0.72), (96, 96, 112), 0.4)
    if look == "glow":
        color = mixed(color, _WHITE, 0.35)
    (x, y), (rx, ry) = eye.iris_center, eye.iris_radii
    canvas.fill(ellipse(x, y, rx, ry), tinted(color, (0.34, 0.3, 0.4)))
    inner = ellipse(x, y, rx * 0.88, ry * 0.9)
    if look == "dull":
        canvas.fill(inner, color)
    else:
        canvas.gradient(
            inner, tinted(color, (0.46, 0.42, 0.52)), mixed(color, _WHITE, 0.12),
            (y - ry * 0.75, y + ry * 0.62),
        )  # fmt: skip
        glow = mixed(color, (255, 255, 236), 0.5)
        canvas.blend([ellipse(x, y + ry * 0.5, rx * 0.58, ry * 0.3)], glow, 0.62)
    _draw_pupil(canvas, eye, color)


def _draw_pupil(canvas: Canvas, eye: EyeShape, color: Rgb) -> None:
    iris = eye.figure.pose.iris
    (x, y), (rx, ry) = eye.iris_center, eye.iris_radii
    dark = tinted(color, (0.17, 0.13, 0.2))
    size = 0.43 * min(iris.pupil, 2.0)
    if iris.look == "no pupil":
        return
    if iris.look == "heart":
        canvas.fill(_heart(x, y, rx * 0.62, ry * 0.6), (255, 96, 140))
        canvas.blend(
            [_heart(x - rx * 0.06, y - ry * 0.1, rx * 0.34, ry * 0.3)], (255, 190, 208), 0.8
        )
    elif iris.look == "star":
        canvas.fill(_star(x, y, rx * 0.68, ry * 0.68, 5), (255, 236, 120))
    elif iris.look == "gleam":
        canvas.fill(_star(x, y, rx * 0.9, ry * 0.9, 4, 0.26), _WHITE)
    elif iris.look == "slit":
        canvas.fill(_spindle(x, y, rx * 0.17, ry * 0.76), dark)
    elif iris.look == "dull":
        canvas.fill(ellipse(x, y, rx * size, ry * size), darker(color, 0.62))
    elif iris.look == "glow":
        canvas.fill(ellipse(x, y, rx * 0.46, ry * 0.5), mixed(color, _WHITE, 0.55))
        canvas.fill(ellipse(x, y, rx * 0.27, ry * 0.3), _WHITE)
    else:
        canvas.fill(ellipse(x, y, rx * size, ry * size * 1.04), dark)


def draw_lights(canvas: Canvas, eye: EyeShape) -> None:
    """Draws the highlights that lie on the iris."""
    look = eye.figure.pose.iris.look
    if look in ("blank", "dull", "spiral", "gleam"):
        return
    (x, y), (rx, ry) = eye.iris_center, eye.iris_radii
    if look == "sparkle":
        canvas.fill(_star(x - rx * 0.3, y - ry * 0.34, rx * 0.62, ry * 0.6, 4, 0.34), _WHITE)
        for u, v, size in ((0.38, 0.42, 0.26), (-0.36, 0.5, 0.14), (0.44, -0.3, 0.13)):
            canvas.fill(_star(x + u * rx, y + v * ry, rx * size, ry * size, 4, 0.42), _WHITE)
        return
    grown = 1.3 if look == "wet" else 1.0
    canvas.fill(ellipse(x - rx * 0.34, y - ry * 0.4, rx * 0.3 * grown, ry * 0.26 * grown), _WHITE)
    canvas.fill(ellipse(x + rx * 0.38, y + ry * 0.42, rx * 0.14 * grown, ry * 0.13 * grown), _WHITE)
    if look == "wet":
        canvas.blend([ellipse(x - rx * 0.1, y + ry * 0.66, rx * 0.5, ry * 0.17)], _WHITE, 0.8)
        canvas.fill(ellipse(x + rx * 0.4, y - ry * 0.22, rx * 0.12, ry * 0.11), _WHITE)


def _draw_spiral(canvas: Canvas, eye: EyeShape) -> None:
    """Draws the spiral of a dizzy eye, which has no iris of its own."""
    (x, y), (rx, _) = eye.iris_center, eye.iris_radii
    turn = np.linspace(0, 5.2 * np.pi, 60)
    reach = turn / turn[-1] * 0.92
    path = np.stack(
        [x + rx * reach * np.cos(turn) * -eye.side, y + rx * 0.98 * reach * np.sin(turn)], axis=1
    )
    canvas.stroke(path, tinted(eye.figure.palette.iris, (0.45, 0.4, 0.5)), 1.15, (0.7, 0.7))


def _heart(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    across = np.sin(t) ** 3
    down = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 15
    return np.stack([x + radius_x * across, y + radius_y * down], axis=1)


def _star(
    x: float, y: float, radius_x: float, radius_y: float, points: int, waist: float = 0.45
) -> np.ndarray:
    angles = np.arange(2 * points) * np.pi / points - np.pi / 2
    reach = np.where(np.arange(2 * points) % 2 == 0, 1.0, waist)
    return np.stack(
        [x + radius_x * reach * np.cos(angles), y + radius_y * reach * np.sin(angles)], axis=1
    )


def _spindle(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    return smooth(
        [(x, y - radius_y), (x + radius_x, y), (x, y + radius_y), (x - radius_x, y)], closed=True
    )
