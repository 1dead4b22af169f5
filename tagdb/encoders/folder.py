"""Sentence vectors by any model that sentence-transformers saved, run by transformers and torch."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tagdb.errors import TagdbError

_BATCH = 32
_POOLINGS = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}


class FolderEncoder:
    """A transformer with mean or first-token pooling, as the folder's own files say.

    torch and the weights (safetensors only) are loaded at the first text. Thread-safe.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._layout = _read_layout(folder)
        self._lock = threading.Lock()

    @property
    def id(self) -> str:
        """Changes with the weights and with how they are pooled."""
        return self._id

    @cached_property
    def _id(self) -> str:
        digest = hashlib.sha256(json.dumps(self._layout, sort_keys=True).encode())
        for path in sorted(self._transformer.glob("*.safetensors")):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"folder:{self._folder.resolve().name}:{digest.hexdigest()[:16]}"

    @property
    def dim(self) -> int:
        """The width of a vector."""
        return int(self._layout["width"])

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, dim) float32."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        with self._lock:
            order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
            out = np.zeros((len(texts), self.dim), np.float32)
            for start in range(0, len(order), _BATCH):
                chosen = order[start : start + _BATCH]
                out[chosen] = self._embed([self._layout["prompt"] + texts[i] for i in chosen])
            return out

    @property
    def _transformer(self) -> Path:
        return self._folder / self._layout["transformer"]

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        from safetensors import SafetensorError
        from transformers import AutoModel, AutoTokenizer

        folder = str(self._transformer)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise TagdbError(
                f"The encoder in {self._folder} cannot be loaded: {error}. It must be a folder that "
                "sentence-transformers saved, with its weights as safetensors."
            ) from error
        return tokenizer, model

    def _embed(self, texts: list[str]) -> np.ndarray:
        import torch

        tokenizer, model = self._model
        tokens = tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self._layout["max_tokens"],
            return_tensors="pt",
        )
        with torch.inference_mode():
            hidden = model(**tokens).last_hidden_state.float()
            if self._layout["pooling"] == "cls":
                pooled = hidden[:, 0]
            else:
                mask = tokens["attention_mask"][..., None]
                pooled = (hidden * mask).sum(1) / mask.sum(1)
            return torch.nn.functional.normalize(pooled, dim=1).numpy()


def _read_layout(folder: Path) -> dict[str, Any]:
    """What the folder's files say of the model: where it is, its width, pooling, length, prompt."""
    modules = _json(folder / "modules.json") or []
    kinds = {str(module["type"]).rsplit(".", 1)[-1]: module["path"] for module in modules}
    unknown = set(kinds) - {"Transformer", "Pooling", "Normalize"}
    if unknown:
        raise TagdbError(
            f"The encoder in {folder} has layers that are not known here: "
            f"{', '.join(sorted(unknown))}. Serve it by an OpenAI-compatible server and give its URL."
        )
    transformer = kinds.get("Transformer", "")
    config = _json(folder / transformer / "config.json") or {}
    pooling = _json(folder / kinds["Pooling"] / "config.json") if "Pooling" in kinds else {}
    length = _json(folder / transformer / "sentence_bert_config.json") or {}
    prompts = (_json(folder / "config_sentence_transformers.json") or {}).get("prompts") or {}
    if "hidden_size" not in config:
        raise TagdbError(f"{folder / transformer / 'config.json'} does not tell hidden_size.")
    return {
        "transformer": transformer,
        "width": config["hidden_size"],
        "pooling": _pooling(pooling or {}, folder),
        "max_tokens": length.get("max_seq_length") or config.get("max_position_embeddings", 512),
        # both sides are short texts of one kind, so both carry the query's prompt
        "prompt": prompts.get("query") or "",
    }


def _pooling(config: dict[str, Any], folder: Path) -> str:
    chosen = {name for name, key in _POOLINGS.items() if config.get(key)}
    chosen |= {str(config["pooling_mode"])} if config.get("pooling_mode") else set()
    pooling = chosen.pop() if len(chosen) == 1 else "mean" if not config else "several"
    if pooling not in ("mean", "cls"):
        raise TagdbError(
            f"The encoder in {folder} pools by {pooling!r}; known are mean and cls. Serve it by an "
            "OpenAI-compatible server and give its URL."
        )
    return pooling


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TagdbError(f"{path} is not valid JSON: {error}.") from error
