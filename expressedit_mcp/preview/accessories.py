"""Draws what a character wears on head and face."""

import numpy as np

from .drawing import Canvas, darker, mixed
from .geometry import bezier, ellipse, joined, mirrored, moved, smooth
from .labels import FACE_SKIN, HAIR, OTHER
from .layout import SIDES, Figure

_METAL = (236, 206, 120)


def draw_skin_details(canvas: Canvas, figure: Figure) -> None:
    """Draws freckles, scars and moles, under the eyes' lines."""
    worn, palette, y = figure.character.accessories, figure.palette, figure.eye_line
    canvas = canvas.labelled(FACE_SKIN)
    if "freckles" in worn:
        spots = (
            (13, 13.5),
            (17.5, 12.6),
            (21, 14.4),
            (15.2, 16.2),
            (19.6, 17),
            (23.5, 12.8),
            (5.4, 11.6),
        )
        color = mixed(palette.skin_deep, palette.skin_line, 0.2)
        for side in SIDES:
            for x, down in spots:
                canvas.fill(ellipse(side * x, y + down, 0.75, 0.65), color)
    if "scar on cheek" in worn:
        scar = np.array([(17.5, y + 11.0), (20.5, y + 15), (22.5, y + 20.5)])
        canvas.stroke(smooth(scar, samples=4), palette.skin_deep, 1.9, (0.2, 0.2))
        canvas.stroke(smooth(moved(scar, 0.2, 0), samples=4), palette.skin_light, 0.7, (0.2, 0.2))
        for at in moved(scar[:2], 0.9, 1.6):
            tick = [moved(at, -1.9, 0.7), moved(at, 1.9, -0.7)]
            canvas.stroke(tick, mixed(palette.skin_line, palette.skin, 0.3), 0.75, (0.4, 0.4))
    if "mole under eye" in worn:
        x = figure.character.eye_offset_x + 5.5
        canvas.fill(
            ellipse(-x, y + figure.character.eye_lower_height + 4.2, 0.95, 0.95), (72, 44, 44)
        )


def draw_worn(canvas: Canvas, figure: Figure) -> None:
    """Draws glasses, earrings and what sits in the hair or on it."""
    worn = figure.character.accessories
    canvas = canvas.labelled(OTHER)
    for name, draw in _WORN.items():
        if name in worn:
            draw(canvas, figure)


def draw_glasses(canvas: Canvas, figure: Figure) -> None:
    """Draws glasses, over eyes and hair."""
    if "glasses" not in figure.character.accessories:
        return
    c = figure.character
    frame = darker(c.accent_color, 0.55)
    rx, ry = c.eye_half_width * 1.24, 0.5 * (c.eye_height + c.eye_lower_height) + 3.0
    canvas = canvas.labelled(OTHER)
    middle = figure.eye_line + 0.5 * (c.eye_lower_height - c.eye_height) + 1.0
    for side in SIDES:
        x = side * c.eye_offset_x
        power = 0.62  # a rounded rectangle
        turn = np.linspace(0, 2 * np.pi, 44, endpoint=False)
        rim = np.stack([
            x + rx * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power,
            middle + ry * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power,
        ], axis=1)  # fmt: skip
        glint = [(x - rx * 0.7, middle + ry * 0.5), (x - rx * 0.2, middle - ry * 0.85),
                 (x + rx * 0.08, middle - ry * 0.85), (x - rx * 0.46, middle + ry * 0.72)]  # fmt: skip
        canvas.blend([rim], (226, 240, 255), 0.12)
        canvas.blend([glint], (255, 255, 255), 0.2)
        canvas.closed_stroke(rim, frame, 1.25)
        temple = [(x + side * rx, middle - 2), (side * (c.face_half_width + 1), middle - 3.4)]
        canvas.stroke(temple, frame, 1.3, (0.8, 0.8))
    inner = c.eye_offset_x - rx
    canvas.stroke(bezier((-inner, middle - 1), (0, middle - 4), (inner, middle - 1), samples=7),
                  frame, 1.3, (0.9, 0.9))  # fmt: skip


def _draw_earrings(canvas: Canvas, figure: Figure) -> None:
    for side in SIDES:
        x, y = side * (figure.character.face_half_width + 1.4), figure.eye_line + 13.2
        gem = smooth(
            [(x, y - 1.6), (x + 1.9, y + 2.4), (x, y + 4.4), (x - 1.9, y + 2.4)], closed=True
        )
        canvas.fill(gem, _METAL)
        canvas.closed_stroke(gem, darker(_METAL, 0.5), 0.7)


def _draw_hairclip(canvas: Canvas, figure: Figure) -> None:
    w, color = figure.character.face_half_width, figure.character.accent_color
    for down in (0, 4.2):
        ends = np.array([(w * 0.5, -21 + down), (w * 0.86, -16 + down)])
        canvas.stroke(ends, darker(color, 0.5), 3.1, (0.9, 0.9))
        canvas.stroke(ends, color, 1.9, (0.9, 0.9))


def _draw_ribbon(canvas: Canvas, figure: Figure) -> None:
    color = figure.character.accent_color
    line = darker(color, 0.5)
    pair = figure.character.hair_style == "twintails"
    w, top = figure.character.face_half_width, -45.0
    spots = [(-(w + 2), -23.0), (w + 2, -23.0)] if pair else [(w * 0.52, top + 4.0)]
    for x, y in spots:
        for side in SIDES:
            wing = smooth([(x, y), (x + side * 6, y - 6.5), (x + side * 10.5, y - 3), (x + side * 9.5, y + 4.5),
                           (x + side * 5, y + 4)], closed=True, samples=5)  # fmt: skip
            canvas.fill(wing, color)
            canvas.closed_stroke(wing, line, 1.0)
            fold = [(x + side * 2, y), (x + side * 6, y - 1)]
            canvas.stroke(fold, darker(color, 0.72), 1.0, (0.8, 0.2))
        canvas.fill(ellipse(x, y + 0.3, 2.5, 2.9), darker(color, 0.86))
        canvas.closed_stroke(ellipse(x, y + 0.3, 2.5, 2.9), line, 0.9)


def _draw_hairband(canvas: Canvas, figure: Figure) -> None:
    w, color = figure.character.face_half_width, figure.character.accent_color
    top = figure.crown
    grow = 4.9 if figure.character.hair_style != "afro" else 3.0
    half = smooth(
        [(0, top + 8.5), (w * 0.6, top + 14.5), (w * 0.94, -14), (w + grow, 1)], samples=6
    )
    outer = joined(mirrored(half, -1)[::-1], half[1:])
    canvas.stroke(outer, darker(color, 0.5), 6.0, (0.9, 0.9))
    canvas.stroke(outer, color, 4.3, (0.9, 0.9))
    canvas.stroke(outer[10:-10] - (0, 0.8), mixed(color, (255, 255, 255), 0.45), 0.9, (0.1, 0.1))


def _draw_ahoge(canvas: Canvas, figure: Figure) -> None:
    palette, top = figure.palette, figure.crown
    outer = bezier((-2, top + 3), (-1, top - 9), (9, top - 15), (15, top - 6), samples=12)
    inner = bezier((3, top + 2.5), (3, top - 6), (9, top - 10), (15, top - 6), samples=12)
    canvas = canvas.labelled(HAIR)
    canvas.fill(joined(outer, inner[::-1]), palette.hair)
    for edge in (outer, inner):
        canvas.stroke(edge, palette.hair_line, 1.05, (0.3, 0.3))


def _draw_hat(canvas: Canvas, figure: Figure) -> None:
    w, color = figure.character.face_half_width, figure.character.accent_color
    line, top = darker(color, 0.45), -60.0
    crown = smooth([(-w - 5, -23), (-w - 4, -42), (-w * 0.6, top + 1), (0, top - 2), (w * 0.6, top + 1),
                    (w + 4, -42), (w + 5, -23)], samples=6)  # fmt: skip
    rim = smooth(
        [(w + 5, -23), (w * 0.5, -29), (0, -30.5), (-w * 0.5, -29), (-w - 5, -23)], samples=6
    )
    body = joined(crown, rim)
    canvas.fill(body, color)
    canvas.stroke(crown, line, 1.3, (0.9, 0.9))
    fold = joined(moved(rim, 0, 2.5), moved(rim[::-1], 0, -6.5))
    canvas.fill(fold, darker(color, 0.84))
    canvas.closed_stroke(fold, line, 1.1)
    for share in np.linspace(-0.8, 0.8, 9):
        x = share * (w + 3)
        y = -29.5 + 6.5 * share**2
        canvas.stroke([(x, y + 1), (x * 0.985, y - 4.6)], darker(color, 0.66), 0.9)
    canvas.fill(ellipse(0, top - 4, 6, 5.6), mixed(color, (255, 255, 255), 0.5))
    canvas.closed_stroke(ellipse(0, top - 4, 6, 5.6), line, 1.0)


def _draw_hood(canvas: Canvas, figure: Figure) -> None:
    w, color = figure.character.face_half_width, figure.character.shirt_color
    line = darker(color, 0.45)
    outer = smooth(
        [(0, -59), (w * 0.7, -54), (w + 13, -28), (w + 16, 8), (w + 13, 38), (w - 4, 58)], samples=6
    )
    inner = smooth(
        [(w - 9, 58), (w + 6, 34), (w + 9, 8), (w + 6, -18), (w * 0.66, -40), (0, -45.5)], samples=6
    )
    half = joined(outer, inner)
    canvas.fill(joined(half, mirrored(half, -1)[::-1]), color)
    for side in SIDES:
        canvas.stroke(mirrored(outer, side), line, 1.3, (0.9, 0.4))
        canvas.stroke(mirrored(inner, side), line, 1.1, (0.4, 0.9))
        canvas.stroke(mirrored(inner * (1.04, 1.03), side), darker(color, 0.75), 0.8, (0.2, 0.6))


_WORN = {
    "earrings": _draw_earrings,
    "ahoge": _draw_ahoge,
    "hairclip": _draw_hairclip,
    "hair ribbon": _draw_ribbon,
    "hairband": _draw_hairband,
    "hat": _draw_hat,
    "hood": _draw_hood,
}
