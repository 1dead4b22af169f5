"""Draws what the features sit on (shoulders, ears, face, nose) and the extras."""

import numpy as np

from .character import Rgb
from .drawing import BOLD, LINE, THIN, Canvas, curve, darker, ellipse, rounded
from .layout import SIDES, Figure, Side

_BLUSH: Rgb = (242, 120, 125)
_BLUSH_LINE: Rgb = (220, 80, 90)
_BLUSH_OPACITY = 0.6
_TEAR: Rgb = (175, 218, 250)
_TEAR_LINE: Rgb = (120, 175, 225)
_SWEAT: Rgb = (190, 228, 252)
_SWEAT_LINE: Rgb = (90, 150, 210)
_VEIN: Rgb = (215, 30, 45)


def draw_shoulders(canvas: Canvas, figure: Figure) -> None:
    """Draws neck and shirt."""
    shirt = figure.character.shirt_color
    canvas.fill([(-11, 30), (11, 30), (12, 62), (-12, 62)], figure.palette.skin_shadow)
    outline = [(-60, 80), (-44, 60), (-13, 54), (0, 62), (13, 54), (44, 60), (60, 80)]
    canvas.outlined(outline, shirt, darker(shirt, 0.5), LINE)


def draw_ears(canvas: Canvas, figure: Figure) -> None:
    """Draws the ears that short hair leaves free."""
    if figure.character.hair_style not in ("short hair", "spiked hair"):
        return
    colors = figure.palette
    for side in SIDES:
        x = side * figure.character.face_half_width - 0.6 * figure.view.yaw
        canvas.outlined(ellipse(x, 8, 5, 9), colors.skin_shadow, colors.skin_line, THIN)


def draw_head(canvas: Canvas, figure: Figure) -> None:
    """Draws the face without its features."""
    w, colors = figure.character.face_half_width, figure.palette
    skull = [(-w, -10), (-0.9 * w, -34), (0, -46), (0.9 * w, -34), (w, -10)]
    angle = np.linspace(0, np.pi / 2, 33)
    x, y = w * np.maximum(np.cos(angle), 0) ** 0.62, figure.character.chin_height * np.sin(angle)
    jaw = np.concatenate([curve(x, y + 2), curve(-x, y + 2)[::-1]])
    # A turned head carries its jaw along; the cheeks stay.
    jaw[:, 0] += 0.5 * figure.view.yaw * np.clip((jaw[:, 1] - 6) / 24, 0, 1)
    outline = np.concatenate([skull, jaw])
    canvas.outlined(outline, colors.skin, colors.skin_line, LINE)


def draw_nose(canvas: Canvas, figure: Figure) -> None:
    """Draws the nose, a short stroke."""
    x, y = 1.3 * figure.view.yaw, figure.eye_line
    canvas.stroke([(x - 0.6, y + 14), (x + 0.8, y + 15.5)], figure.palette.skin_crease, LINE)


def draw_blush(canvas: Canvas, figure: Figure) -> None:
    """Draws both blushing cheeks."""
    y = figure.eye_line + 15
    centers = [figure.view.yaw + side * (figure.character.eye_offset_x + 4) for side in SIDES]
    canvas.blend([ellipse(x, y, 8, 4) for x in centers], _BLUSH, _BLUSH_OPACITY)
    for center in centers:
        for x in (center - 3.6, center, center + 3.6):
            canvas.stroke([(x + 1, y - 2.2), (x - 1, y + 2.2)], _BLUSH_LINE, THIN)


def draw_tears(canvas: Canvas, figure: Figure, side: Side) -> None:
    """Draws the two tears under one eye."""
    eye_x, y = figure.eye_center(side)
    for share in (-0.35, 0.5):
        x = eye_x + side * share * figure.eye_half_width(side)
        top, bottom = y + 8, y + 20
        drop = [
            (x - 1.6, top),
            (x + 1.6, top),
            (x + 2.3, bottom),
            (x, bottom + 3),
            (x - 2.3, bottom),
        ]
        canvas.outlined(rounded(drop, 1.5), _TEAR, _TEAR_LINE, THIN)


def draw_sweatdrop(canvas: Canvas, figure: Figure) -> None:
    """Draws the drop on the forehead, on the viewer's left."""
    x, y = figure.view.yaw + 6 - figure.character.face_half_width, -14
    right = [(x + 3.8, y), (x + 3, y + 4)]
    left = [(x - 3, y + 4), (x - 3.8, y)]
    drop = rounded([(x, y - 8), *right, (x, y + 5.5), *left], 2)
    canvas.outlined(drop, _SWEAT, _SWEAT_LINE, LINE)


def draw_anger_vein(canvas: Canvas, figure: Figure) -> None:
    """Draws the cross of four hooks on the viewer's right temple."""
    center = np.array([0.62 * figure.character.face_half_width, -30])
    hook = np.array([(1.5, 6.5), (2, 2), (6.5, 1.5)])
    for _ in range(4):
        canvas.stroke(hook + center, _VEIN, BOLD)
        hook = hook @ np.array([(0, 1), (-1, 0)])
