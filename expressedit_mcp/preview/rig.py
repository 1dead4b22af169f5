"""Draws an illustrated character's head with any expression."""

from dataclasses import dataclass

import numpy as np

from .accessories import draw_glasses, draw_skin_details, draw_worn
from .brows import draw_brows
from .character import Character, View
from .clothes import draw_backdrop, draw_clothes, draw_neck
from .drawing import Canvas
from .expression import Expression
from .eyes import draw_eye
from .hair_back import draw_back_hair
from .hair_front import draw_front_hair, fringe_shadows
from .head import draw_age_lines, draw_beard, draw_ears, draw_face, draw_nose
from .landmarks import Box, Landmarks, crop_box_of, landmarks_of, part_boxes_of
from .layout import SIDES, Figure
from .marks import draw_cheek_marks, draw_eye_marks, draw_signs
from .mouth import draw_mouth
from .tagging import expression_tags

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
    figure = Figure(character, expression, view)
    canvas = paint(figure, size_px)
    landmarks = landmarks_of(canvas.on(figure.face_surface, figure.head_map()), figure, size_px)
    return Drawing(
        pixels=canvas.finished(size_px),
        tags=(*character.tags, *expression_tags(expression)),
        landmarks=landmarks,
        part_boxes=part_boxes_of(landmarks, figure, size_px),
        crop_box=crop_box_of(landmarks, figure, size_px),
    )


def paint(figure: Figure, size_px: int, labelled: bool = False) -> Canvas:
    """The canvas with the figure painted from back to front.

    Raises ValueError unless size_px is 64..2048.
    """
    if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX:
        raise ValueError(f"size_px is {size_px}; expected {MIN_SIZE_PX}..{MAX_SIZE_PX}")
    color = figure.character.background_color
    body = Canvas.blank(size_px, figure.body_map(), color, labelled)
    head = figure.head_map()
    draw_backdrop(body, figure)
    draw_back_hair(body.on(figure.back_surface, head), figure)
    draw_neck(body, figure)
    draw_clothes(body, figure)
    draw_ears(body.on(figure.back_surface, head), figure)
    face = body.on(figure.face_surface, head)
    draw_face(face, figure, fringe_shadows(figure))
    draw_skin_details(face, figure)
    draw_cheek_marks(face, figure)
    draw_age_lines(face, figure)
    draw_nose(face, figure)
    draw_beard(face, figure)
    draw_mouth(face, figure)
    for side in SIDES:
        draw_eye(face, figure, side)
    draw_eye_marks(face, figure)
    hair = body.on(figure.hair_surface, head)
    draw_front_hair(hair, figure)
    draw_worn(hair, figure)
    draw_brows(face, figure)
    draw_glasses(face, figure)
    draw_signs(face, figure)
    return body
