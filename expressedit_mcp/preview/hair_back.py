"""Draws the hair behind the head: one silhouette per style."""

from collections.abc import Callable

import numpy as np

from .drawing import Canvas
from .geometry import ellipse, joined, leaf, mirrored, smooth
from .labels import HAIR
from .layout import SIDES, Figure

LINE = 1.15


class HairPen:
    """Draws hair in the character's colours."""

    def __init__(self, canvas: Canvas, figure: Figure) -> None:
        self.canvas = canvas.labelled(HAIR)
        self.palette = figure.palette
        self.character = figure.character
        self.width = figure.character.face_half_width
        self.top = figure.crown
        self.rng = np.random.default_rng(figure.character.hair_seed)

    def shape(self, outline: np.ndarray, shaded: bool = False, line: float = LINE) -> None:
        """A filled outline with its contour."""
        self.canvas.fill(outline, self.palette.hair_shadow if shaded else self.palette.hair)
        self.canvas.closed_stroke(outline, self.palette.hair_line, line)

    def lock(
        self,
        root: tuple[float, float],
        tip: tuple[float, float],
        width: float,
        bend: float = 0.0,
        shaded: bool = False,
        fullness: float = 0.5,
        root_share: float = 0.8,
    ) -> np.ndarray:
        """A pointed lock with a shaded side; its outline."""
        left, right = leaf(root, tip, width, bend, fullness, root_share)
        outline = joined(left, right[::-1])
        palette = self.palette
        self.canvas.fill(outline, palette.hair_shadow if shaded else palette.hair)
        middle = left * 0.35 + right * 0.65
        dark, light = (right, middle) if tip[0] >= root[0] else (left, left * 0.65 + right * 0.35)
        self.canvas.fill(
            joined(light, dark[::-1]), palette.hair_deep if shaded else palette.hair_shadow
        )
        for edge in (left, right):
            self.canvas.stroke(edge, palette.hair_line, LINE, (0.1, 0.35))
        return outline

    def strand(self, path: list[tuple[float, float]], width: float = 0.9) -> None:
        """A thin line within the hair."""
        self.canvas.stroke(smooth(path, samples=5), self.palette.hair_deep, width, (0.05, 0.05))


def draw_back_hair(canvas: Canvas, figure: Figure) -> None:
    """Draws the hair that lies behind head and neck."""
    pen = HairPen(canvas, figure)
    _STYLES[figure.character.hair_style](pen)


def _curtain(pen: HairPen, low: float, flare: float, ends: int, wave: float = 0.0) -> None:
    """A fall of hair about the head down to `low`, with `ends` points at its lower rim."""
    w, top = pen.width, pen.top
    side = [(w * 0.55, top + 6), (w + 6, -22), (w + 8, 4), (w + 7 + flare * 0.5, (4 + low) * 0.5),
            (w + 5 + flare, low - 4)]  # fmt: skip
    if wave:
        heights = np.linspace(6, low - 3, 7)
        bulge = wave * np.array([0, 1, -0.3, 1.1, -0.2, 1.2, 0.3])
        side = side[:2] + [(w + 6 + flare * k / 6 + b, y)
                           for k, (y, b) in enumerate(zip(heights, bulge, strict=True))]  # fmt: skip
    right = smooth(side, samples=6)
    rim = []
    left_x, right_x = -right[-1][0], right[-1][0]
    for index in range(2 * ends + 1):
        x = right_x + (left_x - right_x) * index / (2 * ends)
        dip = 4.5 if index % 2 == 0 else -2.5
        rim.append((x * (1 if index % 2 else 0.97), low + dip))
    outline = joined(right, rim[1:-1], mirrored(right, -1)[::-1], [(0, top)])
    pen.canvas.fill(outline, pen.palette.hair_shadow)
    inner = joined(right * (0.84, 1), mirrored(right, -1)[::-1] * (0.84, 1))
    pen.canvas.fill(inner, pen.palette.hair_deep)
    for sign in SIDES:
        pen.canvas.stroke(mirrored(right, sign), pen.palette.hair_line, LINE, (0.3, 0.6))
    pen.canvas.stroke(np.array([right[-1], *rim[1:-1], right[-1] * (-1, 1)]),
                      pen.palette.hair_line, LINE, (0.8, 0.8))  # fmt: skip
    for sign in SIDES:
        for share in (0.93, 1.02):
            path = [(sign * w * share, 0), (sign * (w * share + 1.6 + wave * 0.4), low * 0.5),
                    (sign * (w * share + flare * 0.6), low - 3)]  # fmt: skip
            pen.strand(path)


def _long(pen: HairPen) -> None:
    _curtain(pen, 58 + 20 * pen.character.hair_length, 3, 4)


def _very_long(pen: HairPen) -> None:
    _curtain(pen, 92, 8, 5)


def _wavy(pen: HairPen) -> None:
    _curtain(pen, 56 + 22 * pen.character.hair_length, 6, 4, wave=3.4)


def _bob(pen: HairPen) -> None:
    low = 32 + 12 * pen.character.hair_length
    w, top = pen.width, pen.top
    right = smooth([(0, top), (w * 0.34, top + 1.6), (w * 0.76, top + 7.8), (w + 5, -21),
                    (w + 9, 6), (w + 8.5, low - 12),
                    (w + 3, low), (w * 0.62, low + 2.5)], samples=6)  # fmt: skip
    outline = joined(right, [(0, low - 3)], mirrored(right, -1)[::-1])
    pen.canvas.fill(outline, pen.palette.hair_shadow)
    pen.canvas.fill(outline * (0.8, 1.0), pen.palette.hair_deep)
    pen.canvas.closed_stroke(outline, pen.palette.hair_line, LINE)
    for sign in SIDES:
        pen.strand([(sign * (w + 3), 2), (sign * (w + 4.4), low * 0.6), (sign * (w - 2), low)])


def _short(pen: HairPen) -> None:
    w, top, low = pen.width, pen.top, 16 + 10 * pen.character.hair_length
    right = smooth([(0, top), (w * 0.34, top + 1.6), (w * 0.76, top + 7.8), (w + 4.5, -21),
                    (w + 7, 0), (w + 3.6, low)],
                   samples=6)  # fmt: skip
    nape = [(w * 0.86, low + 8), (w * 0.7, low + 4), (w * 0.5, low + 15), (w * 0.3, low + 10)]
    outline = joined(right, nape, mirrored(nape, -1)[::-1], mirrored(right, -1)[::-1])
    pen.canvas.fill(outline, pen.palette.hair_shadow)
    pen.canvas.closed_stroke(outline, pen.palette.hair_line, LINE)


def _spiked(pen: HairPen) -> None:
    w = pen.width
    count = 15
    for index in [*range(count // 2 + 1), *range(count - 1, count // 2, -1)]:
        angle = np.pi * (-0.2 + 1.4 * index / (count - 1))
        reach = pen.rng.uniform(9, 17) * pen.character.hair_volume
        x, y = np.cos(angle), -np.sin(angle)
        root = (x * (w - 6), y * 36 - 8)
        tip = (x * (w + reach) + x * 1.5, y * (44 + reach * 0.85) - 8 - 2 * abs(x))
        pen.lock(root, tip, 17, 1.6 * np.sign(x or 1), shaded=abs(x) > 0.62, fullness=0.4)
    pen.canvas.fill(ellipse(0, -8, w + 1, 41), pen.palette.hair_shadow)


def _tail(pen: HairPen, side: int, start: tuple[float, float], low: float, sway: float) -> None:
    """A tied bunch of hair that hangs from `start`."""
    x, y = start
    outer = smooth([(x, y - 2), (x + 13, y - 3), (x + 18 + sway, y + 20), (x + 15 + sway, low - 18),
                    (x + 7 + sway, low)], samples=6)  # fmt: skip
    inner = smooth([(x + 7 + sway, low), (x + 4 + sway * 0.7, low - 20), (x + 1, y + 22),
                    (x - 2, y + 5)], samples=6)  # fmt: skip
    outline = mirrored(joined(outer, inner), side)
    pen.shape(outline)
    shade = mirrored(joined(outer[6:], outer[6:][::-1] * (0.93, 1) + (-0.4, 0)), side)
    pen.canvas.fill(shade, pen.palette.hair_shadow)
    pen.canvas.stroke(mirrored(outer, side), pen.palette.hair_line, LINE, (0.4, 0.3))
    for share in (0.35, 0.65):
        pen.strand([(side * (x + 3 + 8 * share), y + 4), (side * (x + 3 + 11 * share + sway * 0.6), y + 26),
                    (side * (x + 5 + 4 * share + sway), low - 8)])  # fmt: skip


def _twintails(pen: HairPen) -> None:
    _short(pen)
    low = 44 + 28 * pen.character.hair_length
    for side in SIDES:
        _tail(pen, side, (pen.width + 1, -24), low, 2)
        _tie(pen, side * (pen.width + 2.5), -22.5)


def _tie(pen: HairPen, x: float, y: float) -> None:
    pen.canvas.fill(ellipse(x, y, 3.0, 3.6), pen.character.accent_color)
    pen.canvas.closed_stroke(ellipse(x, y, 3.0, 3.6), pen.palette.hair_line, 0.9)


def _ponytail(pen: HairPen) -> None:
    _tail(pen, 1, (pen.width - 6, -40), 48 + 24 * pen.character.hair_length, 8)
    _short(pen)


def _side_ponytail(pen: HairPen) -> None:
    _short(pen)
    side = 1 if pen.character.parting > 0 else -1
    _tail(pen, side, (pen.width - 1, 8), 58 + 16 * pen.character.hair_length, 0)
    _tie(pen, side * (pen.width + 1), 10)


def _bun(pen: HairPen) -> None:
    knot = smooth([(-11, pen.top + 2), (-13.5, pen.top - 8), (-5, pen.top - 15.5), (6, pen.top - 15),
                   (13.5, pen.top - 7), (11, pen.top + 2)], closed=True, samples=6)  # fmt: skip
    pen.shape(knot)
    pen.strand([(-8, pen.top - 2), (-3, pen.top - 11), (7, pen.top - 11)], 1.0)
    pen.strand([(9, pen.top - 3), (4, pen.top - 9), (-4, pen.top - 7)], 1.0)
    _short(pen)


def _braids(pen: HairPen) -> None:
    _short(pen)
    for side in SIDES:
        for index in range(6):
            x, y = side * (pen.width - 1 + 0.4 * index), 24 + 9 * index
            size = 7.2 - 0.35 * index
            for part in (-1, 1):
                piece = smooth([(x, y - 5), (x + part * size, y - 3), (x + part * size * 0.86, y + 4),
                                (x - part * 1.5, y + 6.5)], closed=True, samples=4)  # fmt: skip
                pen.shape(piece, shaded=part == side, line=0.95)


def _cloud(pen: HairPen, reach: float, bumps: int, low: float, size: float) -> None:
    """A rounded mass of curls about the head."""
    w = pen.width
    angles = np.linspace(-0.24 * np.pi, 1.24 * np.pi, bumps)
    for angle in angles:
        x = np.cos(angle) * (w + reach)
        y = -np.sin(angle) * (38 + reach) + low
        pen.shape(ellipse(x, y, size * pen.rng.uniform(0.9, 1.15), size))
    pen.canvas.fill(
        ellipse(0, low, w + reach + size * 0.4, 38 + reach + size * 0.4), pen.palette.hair
    )


def _afro(pen: HairPen) -> None:
    _cloud(pen, 9 * pen.character.hair_volume, 21, -10, 9)


def _curly(pen: HairPen) -> None:
    low = 6 + 8 * pen.character.hair_length
    for side in SIDES:
        for y in np.arange(low + 22, -10, -8.5):
            pen.shape(ellipse(side * (pen.width + 3), float(y), 8, 6.6))
    _cloud(pen, 3, 15, -10, 7)


def _buzz(pen: HairPen) -> None:
    w = pen.width
    right = smooth(
        [(0, -46), (w * 0.3, -44.8), (w * 0.66, -37.5), (w + 0.9, -20), (w + 1.4, 4)], samples=6
    )
    pen.shape(joined(right, mirrored(right, -1)[::-1][:-1]), shaded=True)


def _bald(pen: HairPen) -> None:
    for side in SIDES:
        for index in range(4):
            x, y = pen.width - 1.5 + index * 0.6, -12 + 6.5 * index
            pen.lock(
                (side * x, y - 3),
                (side * (x + 10 - index), y + 3 + 2 * index),
                11,
                shaded=index > 1,
            )


_STYLES: dict[str, Callable[[HairPen], None]] = {
    "long hair": _long,
    "very long hair": _very_long,
    "wavy hair": _wavy,
    "short hair": _short,
    "bob cut": _bob,
    "spiked hair": _spiked,
    "twintails": _twintails,
    "ponytail": _ponytail,
    "side ponytail": _side_ponytail,
    "hair bun": _bun,
    "twin braids": _braids,
    "curly hair": _curly,
    "afro": _afro,
    "buzz cut": _buzz,
    "bald": _bald,
}
