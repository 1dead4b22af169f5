"""Search by picture: the face reader reads for `tagdb`, and the rig draws the pictures to compare with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tagdb
from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import EXPRESSION_TAGS, example_pictures
from expressedit_mcp.preview.reader import INPUT_PX, FaceReader
from expressedit_mcp.preview.tags import RULES, record_name

_VARIATIONS = 1


class FaceVectors:
    """Implements `tagdb.PictureReader`: a face's vector is the roots of its parts' tag probabilities.

    The cosine of two such vectors is near 1 where the same parts are in the same states, whoever the
    character is (Bhattacharyya, 1943, of independent tags).
    """

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
        tags = self._reader.read(rgb, Box(left, top, left + side, top + side)).tags
        vector = np.sqrt([tags[tag] for tag in RULES]).astype(np.float32)
        return tagdb.PictureReading(
            vector, {record_name(tag): tags[tag] for tag in EXPRESSION_TAGS}
        )


def picture_set(reader: FaceReader) -> tagdb.PictureSet:
    """The reader, and a drawing of each of five characters per tag of the rig, drawn when they are asked for."""
    return tagdb.PictureSet(FaceVectors(reader), f"face rig, {_VARIATIONS} per character", _drawn)


def _drawn() -> Iterator[tagdb.Example]:
    known = {tag.tag for tag in tagdb.load_tags()}
    for tag in EXPRESSION_TAGS:
        if record_name(tag) not in known:
            continue
        for _, character, pixels in example_pictures(tag, variations=_VARIATIONS, size_px=INPUT_PX):
            yield tagdb.Example(record_name(tag), character, pixels)
