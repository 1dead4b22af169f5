"""Draws the hair: behind the face and in front of it."""

import numpy as np

from .drawing import LINE, THIN, Canvas, darker, ellipse, rounded
from .layout import SIDES, Figure

_SOFT = 7.0  # radius at the corners of smooth outlines, figure units

_Path = list[tuple[float, float]]

STYLES_WITH_LOCKS = ("long hair", "bob cut", "twintails")


def draw_back_hair(canvas: Canvas, figure: Figure) -> None:
    """Draws the hair behind head and shoulders."""
    style, half_width = figure.character.hair_style, figure.character.face_half_width
    if style == "long hair":
        outline = rounded(_long_outline(half_width + 12), _SOFT)
    elif style == "twintails":
        outline = rounded(_tied_outline(half_width + 12), _SOFT)
    elif style == "bob cut":
        outline = rounded(_bob_outline(half_width + 11), _SOFT)
    else:
        outline = _short_outline(half_width + 8, spiked=style == "spiked hair")
    colors = figure.palette
    canvas.outlined(outline, colors.hair_shadow, colors.hair_line, LINE)
    if style == "twintails":
        _draw_tails(canvas, figure, half_width + 12)


def draw_front_hair(canvas: Canvas, figure: Figure) -> None:
    """Draws the fringe, its shine and the locks beside the face."""
    half_width, colors = figure.character.face_half_width, figure.palette
    crown = rounded(_crown(half_width), _SOFT, closed=False)
    fringe = np.concatenate([crown, _fringe_edge(figure)])
    canvas.outlined(fringe, colors.hair, colors.hair_line, LINE)
    canvas.fill(rounded(_shine(half_width), 3), colors.hair_light)
    if figure.character.hair_style in STYLES_WITH_LOCKS:
        for side in SIDES:
            lock = rounded(_mirrored(_lock(half_width), side), 1.5)
            canvas.outlined(lock, colors.hair, colors.hair_line, THIN)


def _mirrored(path: _Path, side: int) -> np.ndarray:
    return np.array(path) * [side, 1]


def _top(w: float) -> _Path:
    return [
        (-w, -8),
        (-0.9 * w, -40),
        (-0.5 * w, -56),
        (0, -60),
        (0.5 * w, -56),
        (0.9 * w, -40),
        (w, -8),
    ]


def _long_outline(w: float) -> _Path:
    return [*_top(w), (w + 2, 40), (w - 2, 75), (-w + 2, 75), (-w - 2, 40)]


def _tied_outline(w: float) -> _Path:
    return [*_top(w), (w - 8, 30), (20, 40), (-20, 40), (-w + 8, 30)]


def _bob_outline(w: float) -> _Path:
    left: _Path = [(-w, 20), (-w - 1, -10), (-0.85 * w, -42), (-0.4 * w, -57)]
    right: _Path = [(0.4 * w, -57), (0.85 * w, -42), (w + 1, -10), (w, 20)]
    return [*left, *right, (w - 6, 36), (0, 40), (-w + 6, 36)]


def _short_outline(w: float, spiked: bool) -> np.ndarray:
    count, amplitude = (15, 9) if spiked else (20, 2)
    angles = np.linspace(np.pi * 0.95, np.pi * 2.05, count)
    outward = amplitude * (np.arange(count) % 2)
    crown = np.stack([(w + outward) * np.cos(angles), (50 + outward) * np.sin(angles) - 6], axis=1)
    outline = np.concatenate([crown, [(w - 6, 22), (-w + 6, 22)]])
    return outline if spiked else rounded(outline, 3)


def _draw_tails(canvas: Canvas, figure: Figure, w: float) -> None:
    colors = figure.palette
    tail: _Path = [
        (w - 6, -30),
        (w + 12, -24),
        (w + 20, 10),
        (w + 10, 60),
        (w + 2, 20),
        (w - 4, -10),
    ]
    for side in SIDES:
        canvas.outlined(rounded(_mirrored(tail, side), 4), colors.hair, colors.hair_line, LINE)
        canvas.fill(ellipse(side * (w - 3), -27, 5, 5), darker(colors.iris, 0.9))


def _crown(w: float) -> _Path:
    left: _Path = [(-w - 6, 4), (-w - 8, -20), (-0.8 * w, -48), (-0.35 * w, -60)]
    return left + [(-x, y) for x, y in reversed(left)]


def _fringe_edge(figure: Figure) -> _Path:
    """The lower edge of the fringe, from the viewer's right to left."""
    w, fringe = figure.character.face_half_width, figure.character.fringe
    if fringe == "straight":
        return [(w - 1, -2), (w - 5, -15), (-w + 5, -15), (-w + 1, -2)]
    if fringe == "parted":
        part = (w * figure.character.parting, -40)
        right: _Path = [(w - 1, 0), (w - 7, -20), (0.5 * w, -15)]
        return [*right, part, (-0.45 * w, -14), (-w + 8, -20), (-w + 1, 0)]
    return [
        (w - 1, -4),
        (w - 6, -16),
        (0.55 * w, -13),
        (0.45 * w, -24),
        (0.1 * w, -14),
        (-0.1 * w, -24),
        (-0.35 * w, -13),
        (-0.5 * w, -24),
        (-0.75 * w, -12),
        (-w + 6, -18),
        (-w + 1, -4),
    ]


def _shine(w: float) -> _Path:
    upper: _Path = [(-0.7 * w, -38), (-0.35 * w, -44), (0, -46), (0.35 * w, -44), (0.7 * w, -38)]
    return [*upper, (0.6 * w, -34), (0.2 * w, -40), (-0.2 * w, -39), (-0.55 * w, -33)]


def _lock(w: float) -> _Path:
    inner: _Path = [(w + 7, -16), (w - 2, -14), (w - 4, 10), (w - 1, 34)]
    return [*inner, (w + 6, 36), (w + 9, 6)]
