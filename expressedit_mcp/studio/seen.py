"""What a changed face seems to show, so that an edit that failed is noticed and tried again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from expressedit_mcp.imaging import Box, Finder, Size, face_at

_REACH = 2  # how far a face may go on beyond what changed, in longer sides of that: a mouth is half of its width
_LARGEST_PX = 160  # to which the longer side of what changed is shrunk; more told no more
_TOLD, _LEAST_TOLD = 4, 0.1  # tags of those shown


@dataclass(frozen=True)
class Seen:
    """The face in which something changed, as the finder sees it: `confidence` 0..1 that it is one.

    `asked` is the chance 0..1 of each asked-for tag that the finder knows, `shown` of every tag, both by the
    tags' own names, the likeliest first.
    """

    confidence: float
    asked: Mapping[str, float]
    shown: Mapping[str, float]

    def facts(self) -> dict[str, Any]:
        """As JSON, with the likeliest few of what is shown."""
        return {
            "confidence": self.confidence,
            "asked": _rounded(self.asked),
            "shown": _rounded(
                {t: c for t, c in list(self.shown.items())[:_TOLD] if c >= _LEAST_TOLD}
            ),
        }


def look_at(finder: Finder, rgb: np.ndarray, changed: Box, asked: Iterable[str]) -> Seen | None:
    """The face of a picture (H, W, 3) uint8 in which a box changed; None when none is found there."""
    longer = max(changed.width, changed.height)
    near = changed.grown(_REACH * longer) & Size(rgb.shape[1], rgb.shape[0]).box
    scale = min(1.0, _LARGEST_PX / longer)
    size = (max(1, round(near.width * scale)), max(1, round(near.height * scale)))
    small = cv2.resize(rgb[near.slices], size, interpolation=cv2.INTER_AREA)
    face = face_at(finder.find_faces(small), _scaled(changed.shifted(-near.left, -near.top), scale))
    if face is None:
        return None
    chances = {tag: face.tags[tag] for tag in asked if tag in face.tags}
    return Seen(face.confidence, _likeliest_first(chances), _likeliest_first(face.tags))


def _scaled(box: Box, scale: float) -> Box:
    left, top = math.floor(box.left * scale), math.floor(box.top * scale)
    return Box(left, top, math.ceil(box.right * scale), math.ceil(box.bottom * scale))


def _rounded(chances: Mapping[str, float]) -> dict[str, float]:
    return {tag: round(float(chance), 3) for tag, chance in chances.items()}


def _likeliest_first(chances: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(chances.items(), key=lambda item: -item[1]))
