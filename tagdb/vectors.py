"""Vectors of texts that are kept, so that no text is embedded twice by one encoder."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tagdb.encoder import Encoder
from tagdb.errors import TagdbError

SHIPPED_VECTORS = Path(__file__).parent / "data" / "model" / "text_vectors.safetensors"
_BATCH = 64
_SAVED_EVERY = 8  # batches

_log = logging.getLogger(__name__)


def embed_texts(
    encoder: Encoder,
    texts: Sequence[str],
    files: Sequence[Path],
    keep: Path,
    stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Vectors (n, dim) float32: from the files where they are of this encoder, else embedded.

    What was embedded is added to the file `keep`, also part of the way, so that a stopped run goes
    on where it ended. Progress is logged. Raises TagdbError when `stop` says so.
    """
    keys = [text_key(text) for text in texts]
    known: dict[int, np.ndarray] = {}
    for file in (*files, keep):
        known |= read_vectors(file, encoder.id, frozenset(keys) - known.keys())
    missing = list({k: t for k, t in zip(keys, texts, strict=True) if k not in known}.items())
    if missing:
        _log.warning(
            "Embedding %d of %d texts with the encoder %s, for which no vectors are kept; this is "
            "done once.",
            len(missing),
            len(texts),
            encoder.id,
        )
    for number, start in enumerate(range(0, len(missing), _BATCH), 1):
        if stop():
            raise TagdbError("The tag store was closed while its texts were being embedded.")
        part = missing[start : start + _BATCH]
        vectors = encoder.embed([text for _, text in part])
        known |= {key: vector for (key, _), vector in zip(part, vectors, strict=True)}
        if number % _SAVED_EVERY == 0 or start + _BATCH >= len(missing):
            write_vectors(keep, encoder.id, known)
            _log.warning("Embedded %d of %d texts.", start + len(part), len(missing))
    if not keys:
        return np.zeros((0, encoder.dim), np.float32)
    return np.stack([known[key] for key in keys])


def text_key(text: str) -> int:
    """The first 64 bits of the text's SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big")


def read_vectors(path: Path, encoder_id: str, wanted: frozenset[int]) -> dict[int, np.ndarray]:
    """The wanted vectors of a file by key; none where it is absent, unreadable or another's."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return {}
    try:
        with safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("encoder") != encoder_id:
                return {}
            keys, codes, scales = (file.get_tensor(n) for n in ("keys", "codes", "scales"))
    except (OSError, SafetensorError):
        return {}
    values = codes.astype(np.float32) * scales.astype(np.float32)[:, None]
    return {key: values[i] for i, key in enumerate(keys.tolist()) if key in wanted}


def write_vectors(path: Path, encoder_id: str, vectors: dict[int, np.ndarray]) -> None:
    """Writes vectors by key, eight bits a number with a scale per row (error below 0.4 % of its
    largest number), beside their place and then into it.
    """
    from safetensors.numpy import save_file

    values = np.stack(list(vectors.values())).astype(np.float32)
    scales = np.abs(values).max(axis=1) / 127 + 1e-12
    tensors = {
        "keys": np.array(list(vectors), np.uint64),
        "codes": np.rint(values / scales[:, None]).astype(np.int8),
        "scales": scales.astype(np.float32),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.stem}-{os.getpid()}.part")
    save_file(tensors, beside, metadata={"encoder": encoder_id})
    try:
        beside.replace(path)
    except OSError:
        # Another process holds it open (Windows); the vectors are made again next time.
        beside.unlink(missing_ok=True)
