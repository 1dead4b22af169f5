"""What the application needs from a face finder. `preview` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from expressedit_mcp.imaging.geometry import Box


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


class Finder(Protocol):
    """Finds faces in a picture."""

    def find_faces(self, rgb: np.ndarray) -> list[Face]:
        """Faces of (H, W, 3) uint8, the most certain first; empty when none is sure enough."""
        ...
