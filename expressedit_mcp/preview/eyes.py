"""Draws eyes: the white, the lids and lashes, and the signs that stand for shut eyes."""

from collections.abc import Callable

import numpy as np

from .drawing import Canvas, Rgb, mixed
from .eyeshape import EyeShape
from .geometry import bezier, ellipse, joined, moved, normals, smooth
from .iris import draw_iris, draw_lights
from .labels import EYE, IRIS
from .layout import Figure, Side

_WHITE: Rgb = (252, 251, 252)
_SHADE: Rgb = (150, 150, 190)

_U = np.linspace(-1, 1, 17)


def draw_eye(canvas: Canvas, figure: Figure, side: Side) -> None:
    """Draws one eye."""
    eye = EyeShape(figure, side)
    pose = figure.pose.eye(side)
    canvas = canvas.labelled(EYE)
    if pose.lids == "lids" and pose.opening > 0.12:
        _draw_open(canvas, eye)
    else:
        _SIGNS["closed" if pose.lids == "lids" else pose.lids](canvas, eye)


def _draw_open(canvas: Canvas, eye: EyeShape) -> None:
    figure = eye.figure
    if figure.pose.iris.look == "glow":
        (rx, ry), halo = eye.iris_radii, mixed(figure.palette.iris, _WHITE, 0.3)
        canvas.glow(eye.iris_center, (rx * 2.5, ry * 2.1), halo, 0.95)
    with canvas.clipped(eye.outline) as inside:
        inside.fill(eye.outline, mixed(_WHITE, figure.palette.skin, 0.06))
        if figure.pose.iris.look == "glow":
            inside.fill(eye.outline, mixed(figure.palette.iris, _WHITE, 0.72))
        draw_iris(inside.labelled(IRIS), eye)
        depth = 0.2 * (eye.height + eye.lower_height) * min(figure.pose.eye(eye.side).opening, 1)
        shade = joined(eye.upper, moved(eye.upper[::-1], 0, depth))
        inside.blend([shade], _SHADE, 0.42)
        draw_lights(inside, eye)
    _draw_lower_lash(canvas, eye)
    _draw_crease(canvas, eye)
    _draw_upper_lash(canvas, eye)


def _draw_upper_lash(canvas: Canvas, eye: EyeShape) -> None:
    figure = eye.figure
    lid = eye.upper
    share = np.linspace(0, 1, len(lid))
    thickness = figure.character.lash_width * (0.3 + 0.75 * np.sin(share * 2.2) ** 1.3)
    outward = normals(lid) * (-eye.side * thickness)[:, None]
    if figure.character.sex == "female":
        wing = lid[-1] + (eye.side * 2.0, -1.4)
        under = lid[-1] + (eye.side * 0.3, 0.8)
    else:
        wing = lid[-1] + (eye.side * 0.9, 0.3)
        under = lid[-1] + (0, 0.6)
    outline = joined(lid - 0.12 * outward, [under, wing], (lid + outward)[::-1])
    canvas.fill(outline, figure.palette.lash)
    if figure.character.sex == "female":
        _draw_spikes(canvas, eye, lid + 0.6 * outward)


def _draw_spikes(canvas: Canvas, eye: EyeShape, edge: np.ndarray) -> None:
    """Draws the lashes that stand out near the outer corner."""
    reach = 0.9 + 0.5 * eye.figure.character.lash_width
    for at, out, up in ((-3, 1.0, 0.75), (-7, 0.75, 0.9)):
        base = edge[at]
        tip = base + np.array([eye.side * out, -up]) * reach
        middle = (base + tip) / 2 + (0, 0.35)
        canvas.stroke(
            bezier(base, middle, tip, samples=6), eye.figure.palette.lash, 1.2,
            profile=np.linspace(1, 0.1, 6),
        )  # fmt: skip


def _draw_lower_lash(canvas: Canvas, eye: EyeShape) -> None:
    palette = eye.figure.palette
    outer = eye.lower[len(eye.lower) // 3 :]
    canvas.stroke(outer, mixed(palette.lash, palette.skin_line, 0.5), 0.85, (0.1, 0.6))
    if eye.figure.character.sex == "female":
        for at in (-5, -9):
            base = eye.lower[at]
            tip = moved(base, eye.side * 0.7, 1.15)
            canvas.stroke([base, tip], palette.lash, 0.6, profile=np.array([1, 0.2]))


def _draw_crease(canvas: Canvas, eye: EyeShape) -> None:
    palette, pose = eye.figure.palette, eye.figure.pose.eye(eye.side)
    gap = eye.figure.character.lash_width + 1.3 + 2.6 * max(0.9 - pose.opening, 0)
    crease = moved(eye.upper[6:-3], 0, -gap)
    canvas.stroke(crease, mixed(palette.skin_line, palette.skin, 0.3), 0.62, (0.05, 0.15))


def _lash_line(canvas: Canvas, eye: EyeShape, path: np.ndarray, width: float = 1.15) -> None:
    """Draws a line in the lash's colour and weight."""
    weight = width * max(eye.figure.character.lash_width, 1.7)
    canvas.stroke(path, eye.figure.palette.lash, weight, (0.25, 0.35))


def _draw_closed(canvas: Canvas, eye: EyeShape) -> None:
    palette = eye.figure.palette
    rest = 0.3 * eye.lower_height
    path = eye.placed(_U * 0.98, rest + 0.5 * eye.lower_height * (1 - _U**2))
    _lash_line(canvas, eye, path)
    ticks = 3 if eye.figure.character.sex == "female" else 1
    for at in (-2, -5, -8)[:ticks]:
        tip = path[at] + (eye.side * 1.3, 1.9)
        canvas.stroke([path[at], tip], palette.lash, 1.1, profile=np.array([1, 0.15]))
    crease = eye.placed(_U[3:-3] * 0.9, rest - 3.4 + 0.3 * eye.lower_height * (1 - _U[3:-3] ** 2))
    canvas.stroke(crease, mixed(palette.skin_line, palette.skin, 0.4), 0.6, (0.05, 0.05))


def _draw_arch(canvas: Canvas, eye: EyeShape) -> None:
    rise = 0.5 * (eye.height + eye.lower_height) * 0.62
    path = eye.placed(_U * 0.95, 1.6 - rise * (1 - np.abs(_U) ** 2.2) + 0.12 * eye.lower_height)
    _lash_line(canvas, eye, path, 1.25)
    if eye.figure.character.sex == "female":
        tip = path[-2] + (eye.side * 2.2, -1.2)
        canvas.stroke([path[-2], tip], eye.figure.palette.lash, 1.2, profile=np.array([1, 0.15]))


def _draw_lowered(canvas: Canvas, eye: EyeShape) -> None:
    palette = eye.figure.palette
    path = eye.placed(_U * 0.9, 2.0 + 0.85 * eye.lower_height * (1 - np.abs(_U) ** 2.4))
    _lash_line(canvas, eye, path)
    lid = eye.placed(_U[2:-2] * 0.9, -1.6 + 0.55 * eye.lower_height * (1 - _U[2:-2] ** 2))
    canvas.stroke(lid, mixed(palette.skin_line, palette.skin, 0.25), 0.7, (0.05, 0.05))


def _draw_flat(canvas: Canvas, eye: EyeShape) -> None:
    x, y = eye.center
    reach = eye.half_width * 0.85
    for down in (-1.2, 3.0):
        line = np.linspace((x - reach, y + down), (x + reach, y + down), 7)
        canvas.stroke(line, eye.figure.palette.lash, 1.7, (0.7, 0.7))


def _draw_squeezed(canvas: Canvas, eye: EyeShape) -> None:
    (x, y), side = eye.center, eye.side
    inner = (x - side * eye.half_width * 0.62, y + 0.6)
    for down in (-0.5, 0.72):
        outer = (x + side * eye.half_width * 0.86, y + down * eye.height * 0.92)
        canvas.stroke(np.linspace(outer, inner, 7), eye.figure.palette.lash, 2.1, (0.45, 0.8))


def _draw_soft_squeeze(canvas: Canvas, eye: EyeShape) -> None:
    palette = eye.figure.palette
    path = eye.placed(_U * 0.95, 1.2 + 0.3 * eye.lower_height * np.sin(_U * 2.2) - 0.6 * _U)
    _lash_line(canvas, eye, path, 1.3)
    for down, length in ((-2.2, 0.5), (2.6, 0.42)):
        fold = eye.placed(np.linspace(0.5, 0.5 + length, 5), 1.0 + np.linspace(down * 0.3, down, 5))
        canvas.stroke(fold, palette.skin_line, 0.8, (0.2, 0.2))
    frown = eye.placed(_U[3:-4] * 0.8, -3.4 + 1.6 * (1 - _U[3:-4]) * 0.4)
    canvas.stroke(frown, mixed(palette.skin_line, palette.skin, 0.3), 0.7, (0.1, 0.1))


def _draw_cross(canvas: Canvas, eye: EyeShape) -> None:
    x, y = eye.center
    reach = eye.half_width * 0.62
    for rise in (-1, 1):
        start, end = (x - reach, y + rise * reach), (x + reach, y - rise * reach)
        canvas.stroke(np.linspace(start, end, 7), eye.figure.palette.lash, 2.1, (0.6, 0.6))


def _draw_crying(canvas: Canvas, eye: EyeShape) -> None:
    x, y = eye.center
    reach, low = eye.half_width * 0.86, y + 0.62 * (eye.figure.chin - y)
    stream = smooth(
        [(x - 2.4, y + 1), (x + 2.4, y + 1), (x + 2.9, low - 3), (x, low), (x - 2.9, low - 3)],
        closed=True, samples=5,
    )  # fmt: skip
    canvas.blend([stream], (168, 212, 246), 0.85)
    canvas.closed_stroke(stream, (96, 150, 214), 0.55)
    line = np.linspace((x - reach, y + 0.5), (x + reach, y + 0.5), 7)
    canvas.stroke(line, eye.figure.palette.lash, 2.2, (0.6, 0.6))


def _draw_ring(canvas: Canvas, eye: EyeShape) -> None:
    _draw_blank(canvas, eye, eye.half_width * 0.72, eye.half_width * 0.72)


def _draw_oval(canvas: Canvas, eye: EyeShape) -> None:
    _draw_blank(canvas, eye, eye.half_width * 0.6, eye.half_width * 0.98)


def _draw_blank(canvas: Canvas, eye: EyeShape, radius_x: float, radius_y: float) -> None:
    x, y = eye.center
    canvas.fill(ellipse(x, y - 1, radius_x, radius_y), eye.figure.palette.lash)
    canvas.fill(ellipse(x, y - 1, radius_x - 1.5, radius_y - 1.5), _WHITE)


def _draw_dot(canvas: Canvas, eye: EyeShape) -> None:
    x, y = eye.center
    canvas.fill(ellipse(x, y, 2.3, 2.6), eye.figure.palette.lash)


def _draw_disc(canvas: Canvas, eye: EyeShape) -> None:
    x, y = eye.center
    canvas.fill(ellipse(x, y - 0.5, 5.6, 6.6), eye.figure.palette.lash)


_SIGNS: dict[str, Callable[[Canvas, EyeShape], None]] = {
    "closed": _draw_closed,
    "arch": _draw_arch,
    "lowered": _draw_lowered,
    "flat": _draw_flat,
    "squeezed": _draw_squeezed,
    "soft squeeze": _draw_soft_squeeze,
    "cross": _draw_cross,
    "crying": _draw_crying,
    "ring": _draw_ring,
    "oval": _draw_oval,
    "dot": _draw_dot,
    "disc": _draw_disc,
}
