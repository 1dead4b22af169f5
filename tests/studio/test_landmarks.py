"""One face's landmarks laid over another's."""

from __future__ import annotations

import numpy as np
import pytest

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import Box, Face
from expressedit_mcp.preview import Drawing
from expressedit_mcp.studio.landmarks import aligned, landmarks_of


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"), [(0, 1, (0, 0)), (20, 0.5, (30, -12)), (-35, 2, (-8, 90))]
)
def test_a_turned_scaled_and_shifted_face_lies_over_itself(
    drawing: Drawing, degrees: float, scale: float, shift: tuple[float, float]
) -> None:
    points = drawing.landmarks.points
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    elsewhere = scale * points @ np.array([[c, s], [-s, c]]) + shift
    assert np.abs(aligned(elsewhere, points) - points).max() < 1e-9


def test_another_mouth_stays_another_mouth(drawing: Drawing) -> None:
    points = drawing.landmarks.points
    other = points.copy()
    other[48:] += [0, 7]
    laid = aligned(1.5 * other + 20, points)
    assert np.allclose(laid[48:] - points[48:], [0, 7])
    assert np.allclose(laid[:48], points[:48])


def test_a_finder_without_landmarks_is_told() -> None:
    face = Face(Box(0, 0, 9, 9), {}, 0.9)
    with pytest.raises(InputError, match="no landmarks"):
        landmarks_of(lambda: [face], 0, "the face to change")
