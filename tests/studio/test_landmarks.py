"""One face's expression on another's landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import Box, Face
from expressedit_mcp.preview import (
    Drawing,
    draw_character,
    expression_from_tags,
    sample_character,
    sample_view,
)
from expressedit_mcp.studio.landmarks import expression_on, landmarks_in


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"), [(0, 1, (0, 0)), (20, 0.5, (30, -12)), (-35, 2, (-8, 90))]
)
def test_a_turned_scaled_and_shifted_face_lies_over_itself(
    drawing: Drawing, degrees: float, scale: float, shift: tuple[float, float]
) -> None:
    points = drawing.landmarks.points
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    elsewhere = scale * points @ np.array([[c, s], [-s, c]]) + shift
    assert np.abs(expression_on(elsewhere, points) - points).max() < 1e-9


def test_another_mouth_stays_another_mouth_in_its_own_place(drawing: Drawing) -> None:
    points = drawing.landmarks.points
    other = points.copy()
    other[48:] = (points[48:] - points[48:].mean(axis=0)) * [1, 2] + points[48:].mean(axis=0)
    carried = expression_on(1.5 * (other + [0, 7] * (np.arange(68) >= 48)[:, None]) + 20, points)
    assert np.allclose(carried[48:], other[48:])
    assert np.allclose(carried[:48], points[:48])


@pytest.mark.parametrize("tags", [["closed eyes"], [":d"], ["wide-eyed", "v-shaped eyebrows"]])
def test_the_expression_of_one_character_becomes_the_drawn_one_of_another(tags: list[str]) -> None:
    nearer = []
    for own, other in ((0, 1), (2, 3), (5, 4), (1, 6)):
        plain, wanted = (_points(own, shown) for shown in ([], tags))
        carried = expression_on(_points(other, tags), plain)
        left, carried_left = (np.square(p - wanted).sum() for p in (plain, carried))
        nearer.append(carried_left / left)
    assert np.mean(nearer) < 0.6


def _points(character: int, tags: list[str]) -> np.ndarray:
    """A random character's landmarks with the tags' expression, each in a view of its own."""
    rng = np.random.default_rng(character)
    shown = expression_from_tags(tags)
    return draw_character(sample_character(rng), shown, sample_view(rng), 256).landmarks.points


def test_a_finder_without_landmarks_is_told() -> None:
    face = Face(Box(0, 0, 9, 9), {}, 0.9)
    with pytest.raises(InputError, match="no landmarks"):
        landmarks_in(face, "the face to change")
