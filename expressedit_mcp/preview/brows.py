"""Draws brows and the creases between them."""

import numpy as np

from .drawing import Canvas, mixed
from .geometry import joined, normals, smooth
from .labels import BROW, FACE_SKIN
from .layout import SIDES, Figure, Side


def brow_spine(figure: Figure, side: Side) -> np.ndarray:
    """The middle line of a brow from its inner to its outer end, (N, 2) figure units."""
    c, pose = figure.character, figure.pose.brow(side)
    x, y = figure.brow_center(side)
    reach = c.eye_half_width * (0.92 if c.age == "child" else 1.06)
    across = np.array([-0.95, -0.4, 0.3, 1.0])
    arch = (c.brow_arch + pose.arch) * np.array([-0.35, 0.55, 1.0, -0.6])
    tilt = np.tan(pose.tilt) * reach
    down = -arch - tilt * across - 0.25 * c.eye_tilt * across
    if figure.pose.brow_crease:
        across = across - 0.12
    return smooth(np.stack([x + side * reach * across, y + down], axis=1), samples=6)


def draw_brows(canvas: Canvas, figure: Figure) -> None:
    """Draws both brows."""
    if figure.pose.brow_crease:
        _draw_creases(canvas.labelled(FACE_SKIN), figure)
    c, palette = figure.character, figure.palette
    canvas = canvas.labelled(BROW)
    for side in SIDES:
        spine = brow_spine(figure, side)
        share = np.linspace(0, 1, len(spine))
        full = 1 - 0.86 * share**1.7
        full *= 0.72 + 0.28 * np.minimum(share / 0.2, 1)
        half = normals(spine) * (c.brow_width / 2 * full)[:, None]
        canvas.fill(joined(spine + half, (spine - half)[::-1]), palette.brow)
        if c.brow_width > 2.7 or c.age == "old":
            _draw_hairs(canvas, figure, spine, side)


def _draw_hairs(canvas: Canvas, figure: Figure, spine: np.ndarray, side: Side) -> None:
    """Draws single hairs that stand up from a thick brow."""
    for at in range(1, 12, 3):
        tip = spine[at] + (side * 1.6, -0.55 * figure.character.brow_width)
        canvas.stroke([spine[at], tip], figure.palette.brow, 0.9, profile=np.array([1, 0.2]))


def _draw_creases(canvas: Canvas, figure: Figure) -> None:
    """Draws the two short folds between drawn-together brows."""
    _, y = figure.brow_center(1)
    color = mixed(figure.palette.skin_line, figure.palette.skin, 0.15)
    for side, top in ((-1, -3.4), (1, -2.4)):
        fold = [(side * 1.5, y + top), (side * 1.1, y + 0.4), (side * 1.7, y + 3.4)]
        canvas.stroke(smooth(fold, samples=4), color, 0.85, (0.15, 0.15))
