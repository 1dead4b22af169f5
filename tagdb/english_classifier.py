"""How likely each tag is for an English text, by a fine-tuned sentence encoder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tagdb.encoder import Encoder, MiniLM

MODEL_FILE = Path(__file__).parent / "data" / "model" / "english.safetensors"


class EnglishClassifier:
    """Probabilities of tags for English text: encoder, linear head, softmax at a fitted temperature.

    `labels` are the tags in order; the last output stands for "no expression".
    """

    def __init__(self, path: Path = MODEL_FILE) -> None:
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            meta = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.labels: tuple[str, ...] = tuple(json.loads(meta["labels"]))
        self._temperature = float(meta["temperature"])
        self._weight = tensors.pop("head.weight").astype(np.float32)
        self._bias = tensors.pop("head.bias").astype(np.float32)
        self.encoder: Encoder = MiniLM(tensors, meta["id"])

    def log_probabilities(self, texts: list[str]) -> np.ndarray:
        """(n, tags + 1) float32; the last column is "no expression"."""
        return self.log_probabilities_of(self.encoder.embed(texts))

    def log_probabilities_of(self, vectors: np.ndarray) -> np.ndarray:
        """The same for texts that are embedded already, (n, dim)."""
        logits = vectors @ self._weight.T + self._bias
        logits /= self._temperature
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
