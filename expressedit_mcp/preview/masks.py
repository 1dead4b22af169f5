"""Where each part of a drawing can be seen, pixel by pixel."""

import cv2
import numpy as np

from .character import Character, View
from .expression import Expression
from .labels import BROW, EYE, FACE_SKIN, HAIR, IRIS, MOUTH
from .layout import Figure
from .rig import paint

_LABELS: dict[str, tuple[int, ...]] = {
    "eyes": (EYE, IRIS),
    "irises": (IRIS,),
    "brows": (BROW,),
    "mouth": (MOUTH,),
    "face": (FACE_SKIN, EYE, IRIS, BROW, MOUTH),
    "hair": (HAIR,),
}


def part_masks(
    character: Character,
    expression: Expression,
    view: View = View(),  # noqa: B008 - frozen
    size_px: int = 256,
) -> dict[str, np.ndarray]:
    """What is seen of each part in the drawing of the same arguments, (H, W) uint8 0 or 255.

    The parts are "eyes" (with lashes), "irises", "brows", "mouth", "face" (skin, eyes, brows and
    mouth, without ears and neck) and "hair" (with beards). What covers a part is left out. Raises
    ValueError unless size_px is 64..2048.
    """
    labels = paint(Figure(character, expression, view), size_px, labelled=True).labels
    assert labels is not None
    return {part: _mask(np.isin(labels, chosen), size_px) for part, chosen in _LABELS.items()}


def _mask(seen: np.ndarray, size_px: int) -> np.ndarray:
    coverage = cv2.resize(
        seen.astype(np.uint8) * np.uint8(255), (size_px, size_px), interpolation=cv2.INTER_AREA
    )
    return np.where(coverage > 128, 255, 0).astype(np.uint8)
