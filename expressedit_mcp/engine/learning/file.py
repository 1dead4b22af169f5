"""The file of a learned character or attribute: safetensors, its card in the file's metadata. No torch."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from expressedit_mcp.engine.learning.request import Kind, LearnSettings
from expressedit_mcp.engine.methods.method import Learned
from expressedit_mcp.errors import ModelError

TOKENS = ("clip_l", "clip_g")
"""Names of the token's vectors in the two text encoders, as textual inversions for SDXL name them."""


class LearnedCard(BaseModel):
    """What a learned file is; `base` is the fingerprint of its model, `metrics` are its last losses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    class_word: str
    base: str
    base_name: str
    pictures: tuple[str, ...]
    seed: int
    settings: LearnSettings
    metrics: dict[str, float]


def encode_file(card: LearnedCard, tensors: dict[str, np.ndarray]) -> bytes:
    """The file's bytes; the same card and tensors give the same bytes."""
    from safetensors.numpy import save

    return save(dict(sorted(tensors.items())), {"learned": card.model_dump_json()})


def decode_file(data: bytes) -> tuple[LearnedCard, dict[str, np.ndarray]]:
    """Card and tensors of a file's bytes. Raises ModelError for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        return read_card(data), tensors
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"This is no learned character or attribute: {error}") from error


def read_card(data: bytes) -> LearnedCard:
    """The card of a file's bytes. Raises ModelError."""
    try:
        length = int.from_bytes(data[:8], "little")
        header: Any = json.loads(data[8 : 8 + length])
        return LearnedCard.model_validate_json(header["__metadata__"]["learned"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ModelError(f"This is no learned character or attribute: {error}") from error


def as_learned(data: bytes, weight: float = 1.0) -> Learned:
    """The value that an edit's method takes."""
    return Learned(file=base64.b64encode(data).decode(), weight=weight)


def bytes_of(learned: Learned) -> bytes:
    """The file's bytes. Raises ModelError when they are no base64."""
    try:
        return base64.b64decode(learned.file, validate=True)
    except ValueError as error:
        raise ModelError(f"A learned file did not arrive whole: {error}") from error


def digest(data: bytes) -> str:
    """16 hexadecimal digits that change with the file."""
    return hashlib.sha256(data).hexdigest()[:16]
