"""Draws an illustrated character's head with any expression."""

from dataclasses import dataclass

import numpy as np

from .character import Character, View
from .drawing import Canvas
from .expression import Expression, expression_tags
from .eyes import draw_brows, draw_eye
from .face import (
    draw_anger_vein,
    draw_blush,
    draw_ears,
    draw_head,
    draw_nose,
    draw_shoulders,
    draw_sweatdrop,
    draw_tears,
)
from .hair import draw_back_hair, draw_front_hair
from .landmarks import Box, Landmarks, crop_box_of, landmarks_of, part_boxes_of
from .layout import SIDES, Figure
from .mouth import draw_mouth

MIN_SIZE_PX, MAX_SIZE_PX = 64, 2048


@dataclass(frozen=True)
class Drawing:
    """A drawn character: pixels (H, W, 3) uint8 RGB, and what is where in them.

    tags are the character's, then the expression's. part_boxes ("eyes" with brows, "left_eye",
    "right_eye", "brows", "mouth", "face") are (left, top, right, bottom), half-open, in pixels,
    clipped to the picture. crop_box is the square face crop of the preview model; it may reach
    past the picture.
    """

    pixels: np.ndarray
    tags: tuple[str, ...]
    landmarks: Landmarks
    part_boxes: dict[str, Box]
    crop_box: Box


def draw_character(
    character: Character,
    expression: Expression,
    view: View = View(),  # noqa: B008 - frozen
    size_px: int = 256,
) -> Drawing:
    """The character with the expression, as a square picture of size_px.

    The same arguments give the same picture. Raises ValueError unless size_px is 64..2048.
    """
    if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX:
        raise ValueError(f"size_px is {size_px}; expected {MIN_SIZE_PX}..{MAX_SIZE_PX}")
    figure = Figure(character, expression, view)
    canvas = Canvas.blank(size_px, view, character.background_color)
    _draw_figure(canvas, figure)
    landmarks = landmarks_of(canvas, figure, size_px)
    return Drawing(
        pixels=canvas.finished(size_px),
        tags=(*character.tags, *expression_tags(expression)),
        landmarks=landmarks,
        part_boxes=part_boxes_of(landmarks, figure, size_px),
        crop_box=crop_box_of(landmarks, size_px),
    )


def _draw_figure(canvas: Canvas, figure: Figure) -> None:
    """Draws the figure from back to front."""
    extras = figure.expression.extras
    draw_back_hair(canvas, figure)
    draw_shoulders(canvas, figure)
    draw_ears(canvas, figure)
    draw_head(canvas, figure)
    if "blush" in extras:
        draw_blush(canvas, figure)
    for side in SIDES:
        draw_eye(canvas, figure, side)
        if "tears" in extras:
            draw_tears(canvas, figure, side)
    draw_nose(canvas, figure)
    draw_mouth(canvas, figure)
    draw_front_hair(canvas, figure)
    draw_brows(canvas, figure)
    if "sweatdrop" in extras:
        draw_sweatdrop(canvas, figure)
    if "anger vein" in extras:
        draw_anger_vein(canvas, figure)
