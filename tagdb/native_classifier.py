"""How like a text is to what was written of each tag in Japanese, Chinese and Korean.

Character n-grams of 1 to 4, hashed; TF-IDF centroids of each tag's stories, names and definition.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tagdb.normalize import normalize
from tagdb.records import ExpressionTag, Text

_BUCKETS = 1 << 16
_SIZES = (1, 2, 3, 4)
_SHARPNESS = 20.0


class NativeClassifier:
    """Log-probabilities of tags for text in ja, zh or ko. Built in about a second, kept in a file."""

    def __init__(
        self,
        tags: Sequence[ExpressionTag],
        read_texts: Callable[[], Sequence[Text]],
        cache_file: Path | None = None,
    ) -> None:
        loaded = _read(cache_file, len(tags))
        self._idf, self._centroids = loaded if loaded else _fit(tags, read_texts())
        if cache_file is not None and loaded is None:
            _write(cache_file, self._idf, self._centroids)

    def log_probabilities(self, text: str) -> np.ndarray:
        """(tags,) float32, in the order of the tags it was built of."""
        buckets, values = _vector(text, self._idf)
        if not buckets.size:
            return np.full(self._centroids.shape[1], -np.log(self._centroids.shape[1]), np.float32)
        likeness = values @ self._centroids[buckets].astype(np.float32)
        logits = _SHARPNESS * likeness
        logits -= logits.max()
        return logits - np.log(np.exp(logits).sum())


def _fit(tags: Sequence[ExpressionTag], texts: Sequence[Text]) -> tuple[np.ndarray, np.ndarray]:
    """Inverse document frequencies (buckets,) and unit centroids (buckets, tags) float16."""
    index = {tag.tag: i for i, tag in enumerate(tags)}
    documents = [
        (index[text.tag], text.text)
        for text in texts
        if text.kind == "story" and text.lang != "en" and text.tag in index
    ]
    for i, tag in enumerate(tags):
        for language in ("ja", "zh", "ko"):
            documents.append((i, tag.definition.get(language, "")))
            documents += [(i, name) for name in tag.names.get(language, ())]
    counted = [(i, _counts(text)) for i, text in documents]
    seen = np.zeros(_BUCKETS, np.float32)
    for _, counts in counted:
        seen[list(counts)] += 1
    idf = (np.log((1 + len(counted)) / (1 + seen)) + 1).astype(np.float32)
    centroids = np.zeros((_BUCKETS, len(tags)), np.float32)
    for i, counts in counted:
        buckets, values = _weighted(counts, idf)
        centroids[buckets, i] += values
    centroids /= np.linalg.norm(centroids, axis=0, keepdims=True) + 1e-9
    return idf, centroids.astype(np.float16)


def _vector(text: str, idf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _weighted(_counts(text), idf)


def _weighted(counts: Counter[int], idf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Buckets and their unit TF-IDF values, 1 + log(count) times idf."""
    buckets = np.fromiter(counts.keys(), np.int64, len(counts))
    values = (1 + np.log(np.fromiter(counts.values(), np.float32, len(counts)))) * idf[buckets]
    return buckets, values / (np.linalg.norm(values) + 1e-9)


def _counts(text: str) -> Counter[int]:
    form = normalize(text).replace(" ", "")
    return Counter(
        zlib.crc32(form[i : i + size].encode()) % _BUCKETS
        for size in _SIZES
        for i in range(len(form) - size + 1)
    )


def _read(path: Path | None, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            idf, centroids = stored["idf"], stored["centroids"]
    except (OSError, ValueError, KeyError, EOFError):
        return None
    return (idf, centroids) if centroids.shape == (_BUCKETS, count) else None


def _write(path: Path, idf: np.ndarray, centroids: np.ndarray) -> None:
    """Beside its place and then into it, so that a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.stem}-{id(centroids)}.npz")
    np.savez(beside, idf=idf, centroids=centroids)
    try:
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
