"""Whether a text shows an expression at all: a linear model on hashed character n-grams."""

from __future__ import annotations

import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from tagdb.normalize import normalize

MODEL_FILE = Path(__file__).parent / "data" / "model" / "abstention.safetensors"
BUCKETS = 1 << 16
_SIZES = (1, 2, 3)


class Abstention:
    """Log-odds that a text shows an expression; above 0 it does.

    The bias is set so that of the authored texts with an expression, unseen, 95 % are above 0.
    """

    def __init__(self, path: Path = MODEL_FILE) -> None:
        from safetensors.numpy import load_file

        tensors = load_file(path)
        self._weights = tensors["weights"].astype(np.float32)
        self._idf = tensors["idf"].astype(np.float32)
        self._bias = float(tensors["bias"][0])

    def log_odds(self, text: str) -> float:
        buckets, values = features(text, self._idf)
        return float(values @ self._weights[buckets]) + self._bias


def counts(text: str) -> Counter[int]:
    """Hashed n-grams of 1 to 3 characters; a space is a character, so words keep their borders."""
    form = f" {normalize(text)} "
    return Counter(
        zlib.crc32(form[i : i + size].encode()) % BUCKETS
        for size in _SIZES
        for i in range(len(form) - size + 1)
    )


def features(text: str, idf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Buckets (n,) and their unit TF-IDF values (n,) float32, 1 + log(count) times idf."""
    found = counts(text)
    buckets = np.fromiter(found.keys(), np.int64, len(found))
    values = (1 + np.log(np.fromiter(found.values(), np.float32, len(found)))) * idf[buckets]
    return buckets, values / (np.linalg.norm(values) + 1e-9)
