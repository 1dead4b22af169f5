"""Draws the marks of feeling: blush, tears, sweat, and the signs of comics."""

from collections.abc import Callable

import numpy as np

from .drawing import Canvas, Rgb, mixed
from .geometry import bezier, ellipse, joined, mirrored, moved, smooth
from .labels import FACE_SKIN, OTHER
from .layout import SIDES, Figure

_WATER: Rgb = (186, 224, 250)
_WATER_LINE: Rgb = (92, 146, 206)
_WHITE: Rgb = (255, 255, 255)
_VEIN: Rgb = (206, 36, 48)
_PALE: Rgb = (126, 148, 208)


def draw_cheek_marks(canvas: Canvas, figure: Figure) -> None:
    """Draws what colours the skin, under eyes and mouth."""
    _draw_each(canvas.labelled(FACE_SKIN), figure, _ON_SKIN)


def draw_eye_marks(canvas: Canvas, figure: Figure) -> None:
    """Draws tears and what else lies over the eyes."""
    _draw_each(canvas.labelled(OTHER), figure, _OVER_EYES)


def draw_signs(canvas: Canvas, figure: Figure) -> None:
    """Draws the signs on or beside the head, over everything."""
    _draw_each(canvas.labelled(OTHER), figure, _SIGNS)


def _draw_each(
    canvas: Canvas, figure: Figure, marks: dict[str, Callable[[Canvas, Figure], None]]
) -> None:
    for name, draw in marks.items():
        if name in figure.expression.extras:
            draw(canvas, figure)


def _cheek(figure: Figure, side: int) -> tuple[float, float]:
    c = figure.character
    return (side * (c.eye_offset_x + 1.5), figure.eye_line + c.eye_lower_height + 7.0)


def _blush(canvas: Canvas, figure: Figure, opacity: float, hatched: bool) -> None:
    for side in SIDES:
        x, y = _cheek(figure, side)
        canvas.glow((x, y), (10.5, 6.4), figure.palette.blush, opacity)
        if hatched:
            color = mixed(figure.palette.blush, figure.palette.skin_line, 0.28)
            for shift in (-3.6, 0.0, 3.6):
                line = [(x + shift + 1.1, y - 1.9), (x + shift - 1.1, y + 1.9)]
                canvas.stroke(line, color, 0.85, (0.5, 0.5))


def _draw_blush(canvas: Canvas, figure: Figure) -> None:
    _blush(canvas, figure, 0.85, hatched=True)


def _draw_light_blush(canvas: Canvas, figure: Figure) -> None:
    _blush(canvas, figure, 0.55, hatched=False)


def _draw_nose_blush(canvas: Canvas, figure: Figure) -> None:
    _, y = _cheek(figure, 1)
    _, nose = figure.nose_tip
    middle = min(y - 1, nose + 1.0)
    canvas.glow((0, middle), (27, 6.2), figure.palette.blush, 0.9)
    color = mixed(figure.palette.blush, figure.palette.skin_line, 0.28)
    for shift in (-5.2, -1.7, 1.9, 5.4):
        canvas.stroke(
            [(shift + 1, middle - 2.4), (shift - 1, middle + 1.4)], color, 0.85, (0.5, 0.5)
        )


def _draw_full_blush(canvas: Canvas, figure: Figure) -> None:
    with canvas.clipped(figure.face_outline) as face:
        face.blend([figure.face_outline], figure.palette.blush, 0.32)
        face.glow((0, figure.eye_line + 10), (34, 12), figure.palette.blush, 0.75)
    _blush(canvas, figure, 0.5, hatched=True)


def _draw_stickers(canvas: Canvas, figure: Figure) -> None:
    for side in SIDES:
        x, y = _cheek(figure, side)
        canvas.fill(ellipse(x + side * 1.5, y + 0.5, 5.6, 3.4), figure.palette.blush)


def _draw_bags(canvas: Canvas, figure: Figure) -> None:
    c, palette = figure.character, figure.palette
    for side in SIDES:
        x, y = figure.eye_center(side)
        low = y + c.eye_lower_height
        bag = smooth([(x - 8, low + 0.6), (x, low + 2.2), (x + 8, low + 0.6), (x + 5.5, low + 4),
                      (x, low + 5.4), (x - 5.5, low + 4)], closed=True, samples=5)  # fmt: skip
        canvas.blend([bag], mixed(palette.skin_deep, (96, 70, 120), 0.35), 0.6)
        rim = bezier((x - 6.5, low + 3.4), (x, low + 6.8), (x + 6.5, low + 3.2), samples=8)
        canvas.stroke(rim, mixed(palette.skin_line, palette.skin, 0.35), 0.7, (0.1, 0.1))


def _draw_puff(canvas: Canvas, figure: Figure) -> None:
    (_, my), palette = figure.mouth_center, figure.palette
    for side in SIDES:
        arc = mirrored(
            bezier((13.5, my - 4.5), (17.0, my + 0.5), (14.0, my + 5.0), samples=8), side
        )
        canvas.stroke(arc, mixed(palette.skin_line, palette.skin, 0.25), 0.85, (0.1, 0.1))
        canvas.glow((side * 21, my - 3), (8, 7), palette.blush, 0.35)


def _draw_pale(canvas: Canvas, figure: Figure) -> None:
    top = -60.0
    with canvas.clipped(figure.face_outline) as face:
        face.blend([figure.face_outline], _PALE, 0.16)
        rows = (
            (figure.eye_line - 4, 0.16),
            (figure.eye_line + 6, 0.16),
            (figure.eye_line + 14, 0.14),
        )
        for low, opacity in rows:
            face.blend([[(-60, top), (60, top), (60, low), (-60, low)]], _PALE, opacity)
        for share in np.linspace(-0.75, 0.75, 7):
            x, reach = share * 30, figure.eye_line + 9 - 7 * abs(share)
            face.stroke([(x, top), (x, (top + reach) / 2), (x, reach)],
                        mixed(_PALE, (60, 70, 130), 0.4), 0.8, (0.6, 0.05))  # fmt: skip


def _draw_gloom_shade(canvas: Canvas, figure: Figure) -> None:
    with canvas.clipped(figure.face_outline) as face:
        for low in (figure.eye_line - 4, figure.eye_line + 4, figure.eye_line + 11):
            face.blend([[(-60, -60), (60, -60), (60, low), (-60, low)]], (70, 60, 110), 0.17)


def _draw_gloom(canvas: Canvas, figure: Figure) -> None:
    top, low = figure.eye_line - figure.character.eye_height - 24, figure.eye_line - 1
    for x in np.linspace(-30, 30, 13):
        reach = low + 5 * np.cos(x * 1.9)
        canvas.stroke(
            [(x, top + 2), (x, (top + reach) / 2), (x, reach)], (66, 58, 100), 0.9, (0.3, 0.05)
        )


def _draw_shaded(canvas: Canvas, figure: Figure) -> None:
    y = figure.eye_line
    shade = [
        (-60, -60),
        (60, -60),
        (60, y + 6),
        (20, y + 11.5),
        (0, y + 9),
        (-20, y + 11.5),
        (-60, y + 6),
    ]
    with canvas.clipped(figure.face_outline) as face:
        face.blend([shade], (52, 34, 66), 0.52)


def _water(canvas: Canvas, outline: np.ndarray, opacity: float = 0.82) -> None:
    canvas.blend([outline], _WATER, opacity)
    canvas.closed_stroke(outline, _WATER_LINE, 0.6)


def _drop(x: float, y: float, size: float, lean: float = 0.0) -> np.ndarray:
    """A drop whose point is up at (x, y)."""
    return smooth([(x, y), (x + 0.62 * size + lean, y + 1.15 * size), (x + 0.5 * size + lean, y + 1.9 * size),
                   (x + lean, y + 2.15 * size), (x - 0.5 * size + lean, y + 1.9 * size),
                   (x - 0.62 * size + lean, y + 1.15 * size)], closed=True, samples=5)  # fmt: skip


def _draw_tearing_up(canvas: Canvas, figure: Figure) -> None:
    for side in SIDES:
        x, y = figure.eye_center(side)
        low = y + figure.character.eye_lower_height
        pool = smooth([(x + side * 2, low - 1.6), (x + side * 8.6, low - 3.6), (x + side * 10, low - 1.2),
                       (x + side * 8, low + 1.4), (x + side * 4, low + 1.6)], closed=True)  # fmt: skip
        _water(canvas, pool, 0.9)
        canvas.fill(ellipse(x + side * 7.4, low - 1.5, 1.0, 0.9), _WHITE)
        canvas.fill(ellipse(x - side * 4, low - 0.9, 1.3, 0.7), _WHITE)


def _draw_tears(canvas: Canvas, figure: Figure) -> None:
    for side in SIDES:
        x, y = figure.eye_center(side)
        low = y + figure.character.eye_lower_height
        outer = x + side * 4.2
        track = smooth([(outer - 1.7, low - 0.6), (outer + 1.9, low - 0.8), (outer + 2.6, low + 8),
                        (outer + 1.6, low + 13), (outer, low + 14.2), (outer - 1.6, low + 13),
                        (outer - 1.9, low + 7)], closed=True)  # fmt: skip
        _water(canvas, track)
        canvas.fill(ellipse(outer + 0.9, low + 11.4, 0.6, 1.0), _WHITE)
        _water(canvas, _drop(x - side * 5.6, low + 1.4, 2.6))
        canvas.fill(ellipse(x - side * 2, low - 0.8, 1.4, 0.7), _WHITE)


def _draw_streams(canvas: Canvas, figure: Figure) -> None:
    for side in SIDES:
        x, y = figure.eye_center(side)
        low, end = y + figure.character.eye_lower_height - 1.2, figure.chin - 3.0
        bend = side * 2.2
        stream = smooth([(x - 4.6, low + 0.8), (x + 4.6, low + 0.4), (x + 5.0 - bend * 0.3, (low + end) / 2),
                         (x + 3.9 - bend, end), (x - 3.9 - bend, end), (x - 4.6 - bend * 0.3, (low + end) / 2)],
                        closed=True)  # fmt: skip
        with canvas.clipped(joined(figure.face_outline)) as face:
            _water(face, stream, 0.88)
            for shift in (-1.5, 1.7):
                shine = [(x + shift, low + 3), (x + shift - bend * 0.3, (low + end) / 2),
                         (x + shift - bend, end - 2)]  # fmt: skip
                face.stroke(smooth(shine), _WHITE, 1.0, (0.2, 0.2))


def _draw_teardrop(canvas: Canvas, figure: Figure) -> None:
    side = figure.looking_side
    x, y = figure.eye_center(side)
    drop = _drop(x + side * 7.5, y + figure.character.eye_lower_height - 1.5, 3.6)
    _water(canvas, drop, 0.92)
    canvas.fill(
        ellipse(x + side * 7.5 - 1.0, y + figure.character.eye_lower_height + 3.6, 0.8, 1.1), _WHITE
    )


def _sweat(canvas: Canvas, x: float, y: float, size: float, lean: float = 0.0) -> None:
    drop = _drop(x, y, size, lean)
    canvas.fill(drop, (222, 240, 254))
    canvas.closed_stroke(drop, _WATER_LINE, 0.8)
    canvas.fill(
        ellipse(x + lean * 0.8 - size * 0.2, y + size * 1.35, size * 0.16, size * 0.3), _WHITE
    )


def _draw_sweatdrop(canvas: Canvas, figure: Figure) -> None:
    _sweat(canvas, figure.character.face_half_width - 6, figure.eye_line - 27, 5.2, 0.8)


def _draw_nervous(canvas: Canvas, figure: Figure) -> None:
    w, y = figure.character.face_half_width, figure.eye_line
    for x, down, size in ((-w + 4.5, -3, 2.6), (w - 5.5, -7, 2.9), (w - 8, 17, 2.5), (-w + 9, 19, 2.3),
                          (-9, -22, 2.4)):  # fmt: skip
        _sweat(canvas, x, y + down, size)


def _draw_flying(canvas: Canvas, figure: Figure) -> None:
    w = figure.character.face_half_width
    for side in SIDES:
        for out, up, turn in ((2.0, -26, 0.75), (5.0, -15.5, 1.1), (-3.0, -34, 0.45)):
            x, y = side * (w + out), figure.eye_line + up
            angle = side * turn
            cos, sin = np.cos(angle), np.sin(angle)
            drop = (_drop(0, 0, 2.7) - (0, 5.8)) * (1, -1) @ np.array([[cos, sin], [-sin, cos]])
            drop = moved(drop, x, y)
            canvas.fill(drop, (222, 240, 254))
            canvas.closed_stroke(drop, _WATER_LINE, 0.75)


def _draw_vein(canvas: Canvas, figure: Figure) -> None:
    x, y, size = figure.character.face_half_width - 9.5, figure.eye_line - 29.5, 6.4
    for turn in range(4):
        angle = turn * np.pi / 2 + 0.2
        cos, sin = np.cos(angle), np.sin(angle)
        arc = bezier(
            (size, 0.24 * size), (0.28 * size, 0.28 * size), (0.24 * size, size), samples=8
        )
        canvas.stroke(arc @ np.array([[cos, sin], [-sin, cos]]) + (x, y), _VEIN, 2.0, (0.45, 0.45))


def _draw_strokes(canvas: Canvas, figure: Figure) -> None:
    """The three strokes of surprise, beside the head."""
    w, y = figure.character.face_half_width, figure.eye_line
    for start, end in (
        ((w - 0.5, -25), (w + 4, -31)),
        ((w - 6.5, -31), (w - 4.4, -38)),
        ((w + 1.5, -17), (w + 7.5, -19.5)),
    ):
        line = np.linspace((start[0], y + start[1]), (end[0], y + end[1]), 5)
        canvas.stroke(line, _WHITE, 3.4, (0.7, 0.7))
        canvas.stroke(line, (64, 44, 60), 1.9, (0.8, 0.4))


def _draw_drool(canvas: Canvas, figure: Figure) -> None:
    (x, y), side = figure.mouth_center, figure.looking_side
    x += side * 5.4 * figure.character.mouth_scale
    _water(canvas, smooth([(x - 1, y + 0.4), (x + 1.1, y + 0.2), (x + 1.7, y + 5.2), (x + 0.3, y + 7.4),
                           (x - 1.2, y + 5.2)], closed=True), 0.9)  # fmt: skip


def _draw_nosebleed(canvas: Canvas, figure: Figure) -> None:
    x, y = figure.nose_tip
    _, mouth = figure.mouth_center
    x += figure.looking_side * 1.6
    end = mouth - 1.5
    drip = smooth([(x - 0.9, y + 1.6), (x + 0.9, y + 1.6), (x + 1.3, end - 1.6), (x, end), (x - 1.3, end - 1.6)],
                  closed=True)  # fmt: skip
    canvas.fill(drip, (206, 40, 52))
    canvas.closed_stroke(drip, (140, 20, 34), 0.5)


def _draw_bubble(canvas: Canvas, figure: Figure) -> None:
    (x, y), side = figure.nose_tip, figure.looking_side
    ball = ellipse(x + side * 8.6, y + 3.0, 7.6, 7.6)
    canvas.blend([ball], (206, 232, 250), 0.72)
    canvas.closed_stroke(ball, _WATER_LINE, 0.8)
    canvas.stroke(
        [(x + side * 0.4, y + 0.8), (x + side * 2.2, y + 1.4)], _WATER_LINE, 1.2, (0.8, 0.8)
    )
    canvas.fill(ellipse(x + side * 8.6 - 2.6, y + 0.2, 1.7, 1.3), _WHITE)


def _draw_air(canvas: Canvas, figure: Figure) -> None:
    (x, y), side = figure.mouth_center, figure.looking_side
    x, y = x + side * 16.5, y + 5.0
    cloud = smooth([(x - side * 5.5, y - 1), (x - side * 1.5, y - 4.4), (x + side * 3, y - 3.6),
                    (x + side * 6.4, y - 0.4), (x + side * 3.8, y + 3.2), (x - side * 0.8, y + 3.4)],
                   closed=True)  # fmt: skip
    canvas.fill(cloud, (250, 250, 252))
    canvas.closed_stroke(cloud, (108, 96, 118), 0.8)
    canvas.stroke(bezier((x - side * 1, y), (x + side * 1.6, y - 1.8), (x + side * 2.4, y + 0.8), samples=6),
                  (150, 140, 158), 0.6)  # fmt: skip


def _draw_squeans(canvas: Canvas, figure: Figure) -> None:
    w, y = figure.character.face_half_width, figure.eye_line
    for index, (x, up) in enumerate(((w * 0.56, -37.5), (w * 0.84, -33.5), (w * 1.04, -26))):
        size = 3.0 - 0.4 * (index % 2)
        canvas.fill(ellipse(x, y + up, size, size), (252, 246, 224))
        canvas.closed_stroke(ellipse(x, y + up, size, size), (96, 76, 84), 0.8)


def _draw_heart(canvas: Canvas, figure: Figure) -> None:
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    down = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    shape = np.stack([np.sin(t) ** 3, down], axis=1) * (6.2, 5.6)
    place = (figure.character.face_half_width + 1.0, figure.eye_line - 28.0)
    canvas.fill(shape + place, (250, 104, 148))
    canvas.closed_stroke(shape + place, (150, 36, 76), 0.9)
    canvas.fill(ellipse(place[0] - 2.4, place[1] - 2.4, 1.3, 1.0), (255, 226, 236))


_ON_SKIN = {
    "full-face blush": _draw_full_blush,
    "light blush": _draw_light_blush,
    "blush": _draw_blush,
    "nose blush": _draw_nose_blush,
    "blush stickers": _draw_stickers,
    "bags under eyes": _draw_bags,
    "puffy cheeks": _draw_puff,
    "turn pale": _draw_pale,
    "gloom lines": _draw_gloom_shade,
}
_OVER_EYES = {
    "shaded face": _draw_shaded,
    "streaming tears": _draw_streams,
    "tears": _draw_tears,
    "tearing up": _draw_tearing_up,
    "teardrop": _draw_teardrop,
    "nosebleed": _draw_nosebleed,
}
_SIGNS = {
    "gloom lines": _draw_gloom,
    "sweatdrop": _draw_sweatdrop,
    "nervous sweating": _draw_nervous,
    "flying sweatdrops": _draw_flying,
    "anger vein": _draw_vein,
    "drooling": _draw_drool,
    "nose bubble": _draw_bubble,
    "puff of air": _draw_air,
    "^^^": _draw_strokes,
    "squeans": _draw_squeans,
    "spoken heart": _draw_heart,
}
