"""Search by picture: the face reader reads for `tagdb`, and the rig's drawings are compared with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tagdb
from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import EXPRESSION_TAGS
from expressedit_mcp.preview.example_vectors import ExampleVectors, expression_vector
from expressedit_mcp.preview.reader import FaceReader
from expressedit_mcp.preview.tags import RULES, record_name


class FaceVectors:
    """Implements `tagdb.PictureReader` by what a face's parts show."""

    dim = len(RULES)

    def __init__(self, reader: FaceReader) -> None:
        self._reader = reader

    @property
    def id(self) -> str:
        return f"face-reader-{self._reader.fingerprint}"

    def read(self, rgb: np.ndarray) -> tagdb.PictureReading:
        """The reading of a face crop (H, W, 3) uint8."""
        height, width = rgb.shape[:2]
        side = max(height, width)
        left, top = (width - side) // 2, (height - side) // 2
        reading = self._reader.read(rgb, Box(left, top, left + side, top + side))
        chances = {record_name(tag): reading.tags[tag] for tag in EXPRESSION_TAGS}
        return tagdb.PictureReading(expression_vector(reading), chances)


def picture_set(reader: FaceReader) -> tagdb.PictureSet:
    """The reader, and the shipped vectors of drawings that show the rig's tags."""
    return tagdb.PictureSet(FaceVectors(reader), "face rig", _examples)


def _examples() -> Iterator[tagdb.Example]:
    known = {tag.tag for tag in tagdb.load_tags()}
    shipped = ExampleVectors.load()
    for tag, character, vector in zip(
        shipped.tags, shipped.characters, shipped.vectors, strict=True
    ):
        if record_name(tag) in known:
            yield tagdb.Example(record_name(tag), character, vector)
