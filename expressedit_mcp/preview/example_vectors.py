"""The rig's example pictures as the shipped reader reads them, for search by picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .network import Weights
from .reader import READER_WEIGHTS, Reading
from .tags import RULES

EXAMPLE_VECTORS = READER_WEIGHTS / "examples.safetensors"


@dataclass(frozen=True)
class ExampleVectors:
    """The vector (N, len(RULES)) float32, the tag and the character of each of N example pictures.

    `reader` is the fingerprint of the reader's weights: vectors of others do not compare.
    """

    reader: str
    tags: Sequence[str]
    characters: Sequence[str]
    vectors: np.ndarray

    @classmethod
    def load(cls, path: Path = EXAMPLE_VECTORS) -> ExampleVectors:
        """The vectors that `preview.train.reader_examples` wrote."""
        file = Weights.load(path)
        return cls(vectors=file.arrays["vectors"], **file.facts)


def expression_vector(reading: Reading) -> np.ndarray:
    """What a face shows as (len(RULES),) float32: the roots of the chances of its parts' tags.

    The cosine of two such vectors is near 1 where the same parts are in the same states, whoever the
    character is (Bhattacharyya, 1943, of independent tags).
    """
    return np.sqrt([reading.tags[tag] for tag in RULES]).astype(np.float32)
