"""A page with a drawn character in it, as a document."""

from __future__ import annotations

import numpy as np
from document_host import Document

Edges = tuple[int, int, int, int]

MOUTH: Edges = (86, 163, 170, 223)  # of the drawing
FACE: Edges = (36, 59, 220, 243)
CORNER = (300, 120)  # where the drawing lies in the page, (x, y)


def drawn_page(drawn: np.ndarray, selected: Edges = MOUTH) -> Document:
    """A large page with the drawing (H, W, 3) uint8 in it, of which a box is selected."""
    pixels = np.full((700, 901, 3), 235, np.uint8)
    x, y = CORNER
    height, width = drawn.shape[:2]
    pixels[y : y + height, x : x + width] = drawn
    selection = np.zeros(pixels.shape[:2], np.uint8)
    left, top, right, bottom = in_page(selected)
    selection[top:bottom, left:right] = 255
    return Document(pixels, selection=selection)


def in_page(box: Edges) -> list[int]:
    """A box of the drawing as one of the page."""
    left, top, right, bottom = box
    x, y = CORNER
    return [left + x, top + y, right + x, bottom + y]
