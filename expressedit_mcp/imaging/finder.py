"""What the application needs from a face finder. `preview` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from expressedit_mcp.imaging.geometry import Box


@dataclass(frozen=True)
class Face:
    """One found face: its box, the boxes of its parts and a confidence 0..1."""

    box: Box
    parts: Mapping[str, Box]
    confidence: float


class Finder(Protocol):
    """Finds faces in a picture."""

    def find_faces(self, rgb: np.ndarray) -> list[Face]:
        """Faces of (H, W, 3) uint8, the most certain first; empty when none is sure enough."""
        ...
