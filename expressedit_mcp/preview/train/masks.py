"""Masks as edits have them: boxes and ellipses about parts, the face, or anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_REGIONS = ("eyes", "left_eye", "right_eye", "brows", "mouth", "face", "head")
_SHARES = (0.28, 0.08, 0.08, 0.06, 0.22, 0.16, 0.12)
_ASKED = 0.85  # of the masks cover the region that was asked for, the others any
_ANYWHERE = 0.1  # of those
_ELLIPSE = 0.2
_LEAST_SEEN = 0.4  # of a part's box that must lie in the crop for the part to be masked


@dataclass(frozen=True)
class Mask:
    """`selected` (S, S) bool, and the names of the boxes that it covers by more than half."""

    selected: np.ndarray
    parts: frozenset[str]


def random_mask(
    rng: np.random.Generator, boxes: Mapping[str, Sequence[float]], region: str, side: int
) -> Mask:
    """A random mask over a crop of `side` pixels whose parts lie in `boxes`, most often of `region`."""
    asked = rng.random() < _ASKED
    selected = _shape(
        rng, _jittered(rng, boxes[region]) if asked else _other(rng, boxes, side), side
    )
    covered = {name for name, box in boxes.items() if _covered(selected, box) > 0.5}
    return Mask(selected, frozenset(covered))


def _other(rng: np.random.Generator, boxes: Mapping[str, Sequence[float]], side: int) -> np.ndarray:
    """Edges (4,) about a part that the crop shows, or anywhere."""
    seen = [name for name in _REGIONS if _seen(boxes[name], side) > _LEAST_SEEN]
    if not seen or rng.random() < _ANYWHERE:
        return _anywhere(rng, side)
    shares = np.array([_SHARES[_REGIONS.index(name)] for name in seen])
    name = seen[int(rng.choice(len(seen), p=shares / shares.sum()))]
    return _jittered(rng, boxes[name])


def _anywhere(rng: np.random.Generator, side: int) -> np.ndarray:
    width, height = rng.uniform(0.15, 0.6, 2) * side
    left, top = rng.uniform(0, side - width), rng.uniform(0, side - height)
    return np.array([left, top, left + width, top + height])


def _jittered(rng: np.random.Generator, box: Sequence[float]) -> np.ndarray:
    """The box with each edge moved by up to a tenth of its side, more often outwards."""
    left, top, right, bottom = box
    moves = rng.uniform(-0.05, 0.12, 4) * np.array([right - left, bottom - top] * 2)
    return np.array(box) + moves * [-1, -1, 1, 1]


def _shape(rng: np.random.Generator, edges: np.ndarray, side: int) -> np.ndarray:
    left, top, right, bottom = edges
    y, x = (axis + 0.5 for axis in np.ogrid[0:side, 0:side])
    dx = np.abs(2 * x - left - right) / (right - left)
    dy = np.abs(2 * y - top - bottom) / (bottom - top)
    return (dx * dx + dy * dy <= 1.2) if rng.random() < _ELLIPSE else (np.maximum(dx, dy) <= 1)


def _seen(box: Sequence[float], side: int) -> float:
    left, top, right, bottom = box
    width, height = min(right, side) - max(left, 0), min(bottom, side) - max(top, 0)
    area = (right - left) * (bottom - top)
    return max(width, 0) * max(height, 0) / area if area > 0 else 0.0


def _covered(selected: np.ndarray, box: Sequence[float]) -> float:
    left, top, right, bottom = (round(edge) for edge in np.clip(box, 0, selected.shape[0]))
    inside = selected[top:bottom, left:right]
    return np.count_nonzero(inside) / inside.size if inside.size else 0.0
