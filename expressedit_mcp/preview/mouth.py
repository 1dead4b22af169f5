"""Draws the mouth: a line, or an opening with its inside."""

from dataclasses import dataclass, replace

import numpy as np

from .drawing import Canvas, Rgb, mixed
from .geometry import ellipse, joined, moved, smooth
from .labels import MOUTH
from .layout import Figure, Palette
from .mouthshapes import LINES, OPENINGS, PUCKERED, TONGUES, Line, Opening, edges_of

MOUTH_UNIT = 1.0  # figure units per mouth unit, before the character's own scale

_DEEP: Rgb = (112, 28, 44)
_INSIDE: Rgb = (178, 58, 70)
_TONGUE: Rgb = (238, 122, 124)
_TONGUE_LINE: Rgb = (190, 76, 86)
_TEETH: Rgb = (255, 253, 250)
_GAP: Rgb = (196, 176, 186)


def draw_mouth(canvas: Canvas, figure: Figure) -> None:
    """Draws the mouth of the expression."""
    pen = MouthPen.of(canvas.labelled(MOUTH), figure)
    mouth = figure.expression.mouth
    if mouth == PUCKERED:
        _draw_puckered(pen)
    elif mouth in OPENINGS:
        _draw_opening(pen, OPENINGS[mouth])
    else:
        _draw_line(pen, LINES[mouth])
    if mouth in TONGUES:
        outline, middle = TONGUES[mouth]
        pen.canvas.fill(pen.placed(outline), _TONGUE)
        pen.canvas.closed_stroke(pen.placed(outline), pen.color, 0.85)
        pen.stroke(middle, 0.7, _TONGUE_LINE)


def mouth_scale(figure: Figure) -> tuple[float, float]:
    """Figure units per mouth unit, across and down; across is negative where it is mirrored."""
    across, down = figure.pose.mouth_scale
    size = MOUTH_UNIT * figure.character.mouth_scale * (figure.character.face_half_width / 36)
    return (size * across * figure.looking_side, size * down)


@dataclass(frozen=True)
class MouthPen:
    """Draws in mouth units about the mouth's centre."""

    canvas: Canvas
    palette: Palette
    full_lips: bool
    center: tuple[float, float]
    scale: tuple[float, float]

    @classmethod
    def of(cls, canvas: Canvas, figure: Figure) -> "MouthPen":
        """The pen for a figure's mouth."""
        c = figure.character
        full_lips = c.sex == "female" and c.age in ("adult", "old")
        return cls(canvas, figure.palette, full_lips, figure.mouth_center, mouth_scale(figure))

    @property
    def color(self) -> Rgb:
        return self.palette.mouth_line

    def placed(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(points, float) * self.scale + self.center

    def stroke(
        self,
        points: np.ndarray,
        width: float,
        color: Rgb | None = None,
        ends: tuple[float, float] = (0.3, 0.3),
    ) -> None:
        self.canvas.stroke(self.placed(points), color or self.color, width, ends)


def _draw_line(pen: MouthPen, line: Line) -> None:
    low = max(float(stroke[:, 1].max()) for stroke in line.strokes)
    if pen.full_lips and line.shade and len(line.strokes) == 1:
        _draw_lips(pen, line.strokes[0])
    elif line.shade:
        _draw_lip_shade(pen, low + line.shade)
    for stroke in line.strokes:
        pen.stroke(stroke, line.width, ends=line.ends)
    _draw_ticks(pen, line.ticks)


def _draw_opening(pen: MouthPen, opening: Opening) -> None:
    outline = pen.placed(opening.outline)
    (left, top), (right, bottom) = opening.outline.min(axis=0), opening.outline.max(axis=0)
    width, height = right - left, bottom - top
    if pen.full_lips:
        middle = np.array([(left + right) / 2, (top + bottom) / 2])
        grown = (opening.outline - middle) * (1.08, 1.0 + 1.7 / max(height, 3)) + middle
        pen.canvas.fill(pen.placed(grown), pen.palette.lip)
    elif opening.shade:
        _draw_lip_shade(pen, bottom + opening.shade)
    with pen.canvas.clipped(outline) as inside:
        inside.gradient(outline, _DEEP, _INSIDE, (outline[:, 1].min(), outline[:, 1].max()))
        cavity = replace(pen, canvas=inside)
        if opening.tongue:
            reach = 0.42 * width * min(1.0, 0.55 + opening.tongue * 0.5)
            lift = height * (0.32 + 0.3 * opening.tongue)
            tongue = ellipse((left + right) / 2, bottom + 0.18 * height, reach, lift)
            inside.fill(cavity.placed(tongue), _TONGUE)
            crease = smooth([(0, bottom - lift * 0.55), (0.1, bottom - lift * 0.3), (0, bottom)])
            cavity.stroke(crease, 0.65, _TONGUE_LINE)
        _draw_teeth(cavity, opening, top, bottom)
    pen.canvas.closed_stroke(outline, pen.color, 1.05)
    _draw_ticks(pen, opening.ticks)


def _draw_teeth(pen: MouthPen, opening: Opening, top: float, bottom: float) -> None:
    outline, height = opening.outline, bottom - top
    left, right = outline[:, 0].min(), outline[:, 0].max()
    across = np.linspace(left, right, 13)
    bow = 1 - ((across - (left + right) / 2) / ((right - left) / 2)) ** 2
    if opening.closed_bite or opening.upper_teeth >= 1:
        pen.canvas.fill(pen.placed(outline), _TEETH)
        if opening.closed_bite:
            edge = np.stack([across, top + height * (0.44 + 0.14 * bow)], axis=1)
            if opening.gaps == 0:
                edge = moved(edge, 0, 0.1 * height)
            pen.stroke(edge, 0.75, _GAP, (0.6, 0.6))
    elif opening.upper_teeth:
        upper = _upper_edge(outline, across)
        low = upper + opening.upper_teeth * height * (0.35 + 0.65 * bow)
        band = joined(np.stack([across, upper - 2], axis=1), np.stack([across, low], axis=1)[::-1])
        pen.canvas.fill(pen.placed(band), _TEETH)
    if opening.lower_teeth:
        low = bottom - opening.lower_teeth * height * (0.3 + 0.7 * bow)
        band = joined(np.stack([across, low], axis=1), [(right, bottom + 2), (left, bottom + 2)])
        pen.canvas.fill(pen.placed(band), _TEETH)
    for index in range(opening.gaps):
        x = left + (right - left) * (index + 1) / (opening.gaps + 1)
        reach = 1.0 if opening.upper_teeth >= 1 else opening.upper_teeth
        pen.stroke(np.array([(x, top - 1), (x, top + height * reach)]), 0.55, _GAP, (0.9, 0.6))
    for at in opening.fangs:
        x = (left + right) / 2 + at * (right - left) / 2
        y = float(_upper_edge(outline, np.array([x]))[0])
        fang = np.array([(x - 1.3, y - 0.4), (x + 1.3, y - 0.4), (x + 0.1, y + 3.4)])
        pen.canvas.fill(pen.placed(fang), _TEETH)


def _upper_edge(outline: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The height of an opening's upper edge at each place across."""
    upper, _ = edges_of(outline)
    return np.interp(across, upper[:, 0], upper[:, 1])


def _draw_ticks(pen: MouthPen, ticks: tuple[tuple[float, float, float, float], ...]) -> None:
    for x0, y0, x1, y1 in ticks:
        bulge = 0.18 * abs(y1 - y0) * np.sign(x0 or 1)
        middle = ((x0 + x1) / 2 + bulge, (y0 + y1) / 2)
        pen.stroke(smooth([(x0, y0), middle, (x1, y1)], samples=3), 0.95)


def _draw_lip_shade(pen: MouthPen, down: float) -> None:
    """Draws the short shade under the lower lip."""
    shade = np.array([(-2.1, down - 0.2), (0, down + 0.15), (2.1, down - 0.2)])
    pen.stroke(smooth(shade, samples=4), 0.95, mixed(pen.palette.skin_deep, pen.palette.skin, 0.25))


def _draw_lips(pen: MouthPen, line: np.ndarray) -> None:
    """Draws coloured lips about the line of a shut mouth."""
    share = np.linspace(-1, 1, len(line))
    bow = np.clip(1 - share**2, 0, 1)
    cupid = 1.25 * bow**0.8 - 0.5 * np.exp(-(share**2) * 40)
    upper = line - np.stack([0 * share, cupid], axis=1)
    lower = line + np.stack([0 * share, 1.75 * bow**0.9], axis=1)
    pen.canvas.fill(pen.placed(joined(upper, lower[::-1])), pen.palette.lip)
    shine = smooth([(-1.3, line[:, 1].max() + 0.95), (0.2, line[:, 1].max() + 1.1),
                    (1.3, line[:, 1].max() + 0.9)], samples=3)  # fmt: skip
    pen.stroke(shine, 0.6, mixed(pen.palette.lip, (255, 244, 240), 0.6))


def _draw_puckered(pen: MouthPen) -> None:
    """Draws lips that are pushed forward."""
    lips = smooth(
        [(-3.2, 0), (-1.5, -2.5), (0, -1.9), (1.5, -2.5), (3.2, 0), (1.8, 2.7), (0, 3.1), (-1.8, 2.7)],
        closed=True, samples=5,
    )  # fmt: skip
    pen.canvas.fill(pen.placed(lips), pen.palette.lip)
    pen.canvas.closed_stroke(pen.placed(lips), pen.color, 0.75)
    pen.stroke(smooth([(-2.6, 0.1), (0, 0.6), (2.6, 0.1)], samples=4), 1.1)
    pen.stroke(
        np.array([(-0.8, 1.8), (0.8, 1.7)]), 0.7, mixed(pen.palette.lip, (255, 244, 240), 0.6)
    )
    for side in (-1, 1):
        fold = np.array([(side * 4.6, -1.6), (side * 5.1, 0.0), (side * 4.6, 1.6)])
        pen.stroke(fold, 0.7)
