"""What the application needs from a face finder. `preview` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from expressedit_mcp.imaging.geometry import Box

_JAW = slice(0, 17)  # of the 68 landmarks: from the left temple over the chin to the right one
_JAW_ROOM = 0.015  # of the jaw's width


@dataclass(frozen=True)
class Face:
    """One found face: its box, the boxes of its parts and a confidence 0..1.

    tags holds the chance 0..1 of each expression tag that the finder knows, under the tag's own name. landmarks is
    (68, 2), picture pixels in the order of the iBUG 300-W scheme, or None.
    """

    box: Box
    parts: Mapping[str, Box]
    confidence: float
    tags: Mapping[str, float] = field(default_factory=dict)
    landmarks: np.ndarray | None = field(default=None, compare=False, repr=False)


def face_outline(landmarks: np.ndarray, face: Box, eyes: Box) -> list[tuple[float, float]]:
    """The convex outline, (x, y) in picture pixels, of a face from its brows to its chin.

    It holds the box of the eyes and the jaw line of the landmarks (68, 2), widened to the sides and the bottom of
    the face's box and a little more where it reaches these, so that the line itself lies inside. What the box shows
    beside the jaw, hair, clothes and background, lies outside.
    """
    jaw = np.asarray(landmarks, np.float64)[_JAW]
    (left, top), (right, chin) = jaw.min(axis=0), np.maximum(jaw.max(axis=0), jaw.min(axis=0) + 1)
    room = _JAW_ROOM * (right - left)
    x = np.interp(
        jaw[:, 0], (left, right), (min(face.left, left - room), max(face.right, right + room))
    )
    y = np.interp(jaw[:, 1], (top, chin), (top, max(face.bottom, chin + room)))
    corners = [(x, y) for x in (eyes.left, eyes.right) for y in (eyes.top, eyes.bottom)]
    points = np.concatenate([np.stack([x, y], axis=1), corners])
    hull = cv2.convexHull(points.astype(np.float32))[:, 0]
    return [(float(x), float(y)) for x, y in hull]


def face_at(faces: Iterable[Face], box: Box) -> Face | None:
    """The face whose box shares most with a box; None when no face's does."""

    def shared_px(face: Face) -> int:
        both = face.box & box
        return 0 if both.is_empty else both.width * both.height

    near = max(faces, key=shared_px, default=None)
    return near if near is not None and shared_px(near) else None


class Finder(Protocol):
    """Finds faces in a picture."""

    def find_faces(self, rgb: np.ndarray) -> list[Face]:
        """Faces of (H, W, 3) uint8, the most certain first; empty when none is sure enough."""
        ...
