"""Whether a text shows an expression at all: n-grams, the sentence vector, the classifier's "none"."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tagdb.checks import language_of
from tagdb.normalize import normalize
from tagdb.records import LANGUAGES

MODEL_FILE = Path(__file__).parent / "data" / "model" / "abstention.safetensors"
BUCKETS = 1 << 15
_SIZES = (1, 2, 3)


class Abstention:
    """Log-odds that a text shows an expression; above 0 it does.

    A logistic regression over what there is of: hashed character n-grams (a model per language), a
    linear probe of the sentence vector, and the English classifier's "none". Each of its three arms
    (words alone, English, another language with an English gloss) has a bias of its own, so that 95 %
    of calibration texts with an expression are above 0.
    """

    def __init__(self, path: Path = MODEL_FILE) -> None:
        from safetensors.numpy import load_file

        tensors = load_file(path)
        self._weights = tensors["weights"].astype(np.float32)
        self._idf = tensors["idf"].astype(np.float32)
        self._biases, self._probe = tensors["biases"], tensors["probe"]
        self._arms = {name: tensors[f"arm.{name}"] for name in ("words", "english", "glossed")}

    def log_odds(
        self, texts: Sequence[str], vector: np.ndarray | None, none_chance: float | None
    ) -> float:
        """Of a text, or of a text and its gloss.

        `vector` (dim,) and `none_chance` are of the English one; without them words alone decide.
        """
        words = [self.words(text) for text in texts]
        if vector is None or none_chance is None:
            name, features = "words", [max(words)]
        else:
            name = "glossed" if len(texts) > 1 else "english"
            features = [*words, self.probe(vector), none_log_odds(none_chance)]
        *weights, bias = self._arms[name]
        return float(np.dot(weights, features) + bias)

    def words(self, text: str) -> float:
        """Log-odds by the n-grams alone, of the model of the text's language."""
        language = LANGUAGES.index(language_of(text))
        buckets, values = features(text, self._idf[language])
        return float(values @ self._weights[language, buckets] + self._biases[language])

    def probe(self, vector: np.ndarray) -> float:
        """Log-odds by the sentence vector alone."""
        return float(vector @ self._probe[:-1] + self._probe[-1])


def none_log_odds(none_chance: float) -> float:
    """Log-odds of the classifier's "none", held within what float32 can tell."""
    chance = min(max(none_chance, 1e-6), 1 - 1e-6)
    return float(np.log(chance / (1 - chance)))


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
