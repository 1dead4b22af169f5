"""Landmarks of found faces, and how those of one face are laid over another."""

from __future__ import annotations

import numpy as np

from expressedit_mcp.errors import InputError
from expressedit_mcp.studio.selecting import FindFaces, choose_face

# jaw, nose and the corners of the eyes: what an expression moves least
_STEADY = (*range(17), *range(27, 36), 36, 39, 42, 45)


def landmarks_of(find_faces: FindFaces | None, number: int, what: str) -> np.ndarray:
    """The landmarks (68, 2) of a picture's face. Raises InputError where there is none to read."""
    found = choose_face(find_faces, number, what).landmarks
    if found is None:
        raise InputError(f"The face finder tells no landmarks, so {what} cannot be matched.")
    return found


def aligned(points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Landmarks (68, 2) shifted, turned and scaled so that what an expression moves least lies over that of `to`.

    The least-squares similarity (S. Umeyama, 1991).
    """
    steady = list(_STEADY)
    middle, aim = points[steady].mean(axis=0), to[steady].mean(axis=0)
    here, there = points[steady] - middle, to[steady] - aim
    left, sizes, right = np.linalg.svd(there.T @ here)
    mirror = np.diag([1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ mirror @ right
    scale = (sizes * np.diag(mirror)).sum() / (here**2).sum()
    return (points - middle) @ (scale * turn).T + aim
