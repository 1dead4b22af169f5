"""Example pictures of every tag, drawn on demand."""

import zlib
from collections.abc import Iterator

import cv2
import numpy as np

from .cast import CHARACTERS, sample_view
from .character import Character, View
from .expression import Expression
from .landmarks import Box
from .rig import MAX_SIZE_PX, MIN_SIZE_PX, Drawing, draw_character
from .sampling import sample_expression_with
from .tagging import canonical_tag, expression_from_tags

EXAMPLE_CHARACTERS = ("Mirelle", "Toma", "Zuri", "Oskar", "Odile")
VARIATIONS = 5

_DRAWING_SHARE = 1.45  # of the crop, so that its pixels need little resizing


def example_pictures(
    tag: str,
    characters: tuple[str, ...] = EXAMPLE_CHARACTERS,
    variations: int = VARIATIONS,
    size_px: int = 256,
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yields (tag, character's name, face crop (size_px, size_px, 3) uint8 RGB), drawn on demand.

    Each character comes in so many variations of view and expression, the first plain. The same
    arguments give the same pictures. Raises ValueError for an unknown tag or character.
    """
    name = canonical_tag(tag)
    for character in characters:
        if character not in CHARACTERS:
            raise ValueError(f"unknown character {character!r}; accepted: {', '.join(CHARACTERS)}")
        rng = np.random.default_rng(zlib.crc32(f"{name}/{character}".encode()))
        for index in range(variations):
            plain = index == 0
            expression = (
                expression_from_tags([name]) if plain else sample_expression_with(rng, name)
            )
            view = View() if plain else sample_view(rng)
            yield name, character, face_picture(CHARACTERS[character], expression, view, size_px)


def face_picture(
    character: Character, expression: Expression, view: View, size_px: int
) -> np.ndarray:
    """The face crop of a drawing, (size_px, size_px, 3) uint8 RGB."""
    drawing_px = min(max(round(size_px * _DRAWING_SHARE), MIN_SIZE_PX), MAX_SIZE_PX)
    drawing = draw_character(character, expression, view, drawing_px)
    crop = _cropped(drawing, drawing.crop_box)
    return cv2.resize(crop, (size_px, size_px), interpolation=cv2.INTER_AREA)


def _cropped(drawing: Drawing, box: Box) -> np.ndarray:
    """The box of the drawing, its rim repeated where the box reaches past the picture."""
    left, top, right, bottom = box
    height, width = drawing.pixels.shape[:2]
    rows = np.clip(np.arange(top, bottom), 0, height - 1)
    columns = np.clip(np.arange(left, right), 0, width - 1)
    return drawing.pixels[rows[:, None], columns]
