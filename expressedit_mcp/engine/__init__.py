"""Diffusion edits: request and result values, one sampling loop, models, back ends.

Importing this package imports no torch; the local back end loads it at its first edit.
"""

from expressedit_mcp.engine.backend import EditRequest, EditResult, Engine, OnStep
from expressedit_mcp.engine.card import Card, load_card
from expressedit_mcp.engine.local import LocalEngine
from expressedit_mcp.engine.tokenizer import PromptTokenizer, load_tokenizer

__all__ = [
    "Card",
    "EditRequest",
    "EditResult",
    "Engine",
    "LocalEngine",
    "OnStep",
    "PromptTokenizer",
    "load_card",
    "load_tokenizer",
]
