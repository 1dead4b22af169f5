"""Writes the vectors of the example pictures that search by picture compares with.

Run: python -m expressedit_mcp.preview.train.reader_examples, after the reader was trained.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import EXPRESSION_TAGS, example_pictures
from expressedit_mcp.preview.example_vectors import EXAMPLE_VECTORS, expression_vector
from expressedit_mcp.preview.reader import READER_WEIGHTS, FaceReader

from .reader_fitting import export

_SIZE_PX = 192
_VARIATIONS = 1


def examples(reader: FaceReader) -> Iterator[tuple[str, str, np.ndarray]]:
    """The tag, the character and the vector of a drawing of each of five characters per tag of the rig."""
    for tag in EXPRESSION_TAGS:
        for _, character, pixels in example_pictures(tag, variations=_VARIATIONS, size_px=_SIZE_PX):
            reading = reader.read(pixels, Box(0, 0, _SIZE_PX, _SIZE_PX))
            yield tag, character, expression_vector(reading)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", type=Path, default=READER_WEIGHTS, help="folder of its weights")
    parser.add_argument("--out", type=Path, default=EXAMPLE_VECTORS)
    options = parser.parse_args()
    reader = FaceReader(options.reader)
    print(f"reading drawings of {len(EXPRESSION_TAGS)} tags", flush=True)
    tags, characters, vectors = zip(*examples(reader), strict=True)
    facts = {"reader": reader.fingerprint, "tags": tags, "characters": characters}
    export({"vectors": torch.from_numpy(np.stack(vectors))}, facts, options.out)
    size = options.out.stat().st_size / 1e6
    print(f"wrote {options.out}, {len(vectors)} vectors, {size:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
