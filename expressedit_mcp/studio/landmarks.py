"""Landmarks of found faces, and how the expression of one face is carried to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import Face

# jaw, nose and the corners of the eyes: what an expression moves least
STEADY = (*range(17), *range(27, 36), 36, 39, 42, 45)
_SIDES = (  # of each side: brow, eye, corners of the eye
    (range(17, 22), range(36, 42), (36, 39)),
    (range(22, 27), range(42, 48), (42, 45)),
)
_MOUTH = range(48, 68)
_RAISED = (
    0.5  # of how much farther a brow is from its eye; the rest is taken for the character's own
)


def landmarks_in(face: Face, what: str) -> np.ndarray:
    """The landmarks (68, 2) of a found face. Raises InputError where the finder tells none."""
    if face.landmarks is None:
        raise InputError(f"The face finder tells no landmarks, so {what} cannot be matched.")
    return face.landmarks


def expression_on(points: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The face `own` (68, 2) with the expression of another face's landmarks (68, 2).

    Faces differ in where their features lie and how wide they are, and no expression changes that: jaw
    and nose stay, each eye is the other's between its own corners, each brow has its own width, the mouth
    its own middle. A brow's height is of both kinds, so half of the difference is taken.
    """
    laid, result = aligned(points, own, STEADY), own.copy()
    down = _downwards(own)
    for brow, eye, corners in _SIDES:
        result[list(eye)] = aligned(points, own, corners)[list(eye)]
        wider = _width(own, corners) / _width(laid, corners)
        higher = (_middle(laid, corners) - _middle(laid, brow)) @ down * wider
        higher -= (_middle(own, corners) - _middle(own, brow)) @ down
        shape = (laid[list(brow)] - _middle(laid, brow)) * _width(own, brow) / _width(laid, brow)
        result[list(brow)] = shape + _middle(own, brow) - _RAISED * higher * down
    result[list(_MOUTH)] = laid[list(_MOUTH)] - _middle(laid, _MOUTH) + _middle(own, _MOUTH)
    return result


def _middle(points: np.ndarray, of: Sequence[int]) -> np.ndarray:
    return points[list(of)].mean(axis=0)


def _width(points: np.ndarray, of: Sequence[int]) -> float:
    """From the first point to the last."""
    return max(float(np.linalg.norm(points[of[-1]] - points[of[0]])), 1e-6)


def _downwards(face: np.ndarray) -> np.ndarray:
    """The unit vector (2,) at right angles to the line from one eye to the other."""
    (_, left, _), (_, right, _) = _SIDES
    x, y = _middle(face, right) - _middle(face, left)
    return np.array([-y, x]) / max(float(np.hypot(x, y)), 1e-6)


def aligned(points: np.ndarray, to: np.ndarray, steady: Sequence[int]) -> np.ndarray:
    """Landmarks (68, 2) shifted, turned and scaled so that the steady ones lie over those of `to`.

    The least-squares similarity (S. Umeyama, 1991).
    """
    middle, aim = _middle(points, steady), _middle(to, steady)
    here, there = points[list(steady)] - middle, to[list(steady)] - aim
    left, sizes, right = np.linalg.svd(there.T @ here)
    mirror = np.diag([1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ mirror @ right
    scale = (sizes * np.diag(mirror)).sum() / max(float((here**2).sum()), 1e-12)
    return (points - middle) @ (scale * turn).T + aim
