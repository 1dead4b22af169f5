"""Example pictures of every tag, drawn on demand."""

import zlib
from collections.abc import Iterator

import cv2
import numpy as np

from .cast import CHARACTERS, sample_view
from .character import Character
from .expression import Expression
from .landmarks import Box
from .rig import Drawing, draw_character
from .sampling import sample_expression_with
from .tagging import canonical_tag, expression_from_tags

EXAMPLE_CHARACTERS = ("Mirelle", "Toma", "Zuri", "Oskar", "Odile")
VARIATIONS = 5


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
            picture = face_picture(
                CHARACTERS[character],
                expression_from_tags([name]) if index == 0 else sample_expression_with(rng, name),
                rng if index else None,
                size_px,
            )
            yield name, character, picture


def face_picture(
    character: Character, expression: Expression, rng: np.random.Generator | None, size_px: int
) -> np.ndarray:
    """The face crop of a drawing, in a random view where a generator is given."""
    view = sample_view(rng) if rng else None
    drawing_px = min(round(size_px * 1.45), 2048)
    drawing = (
        draw_character(character, expression, view, drawing_px)
        if view
        else draw_character(character, expression, size_px=drawing_px)
    )
    return cv2.resize(
        _cropped(drawing, drawing.crop_box), (size_px, size_px), interpolation=cv2.INTER_AREA
    )


def _cropped(drawing: Drawing, box: Box) -> np.ndarray:
    """The box of the drawing, its rim repeated where the box reaches past the picture."""
    left, top, right, bottom = box
    height, width = drawing.pixels.shape[:2]
    rows = np.clip(np.arange(top, bottom), 0, height - 1)
    columns = np.clip(np.arange(left, right), 0, width - 1)
    return drawing.pixels[rows[:, None], columns]
