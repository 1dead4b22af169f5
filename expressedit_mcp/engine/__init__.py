"""Diffusion edits: request and result values, one sampling loop, models, back ends.

Importing this package imports no torch; the local back end loads it at its first edit.
"""

from expressedit_mcp.engine.backend import (
    EditRequest,
    EditResult,
    Engine,
    Located,
    LocateRequest,
    OnStep,
)
from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.library import ModelLibrary
from expressedit_mcp.engine.local import LocalEngine
from expressedit_mcp.engine.model_source import ModelSource, find_source
from expressedit_mcp.engine.tokenizer import PromptTokenizer, load_tokenizer

__all__ = [
    "Card",
    "EditRequest",
    "EditResult",
    "Engine",
    "LocalEngine",
    "LocateRequest",
    "Located",
    "ModelLibrary",
    "ModelSource",
    "OnStep",
    "PromptTokenizer",
    "find_source",
    "load_tokenizer",
]
