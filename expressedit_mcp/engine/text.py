"""Prompts to SDXL text conditioning: chunks of the tokenizers' own length, weights per token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from expressedit_mcp.engine.backend import Pieces
from expressedit_mcp.engine.tokenizer import PromptTokenizer


@dataclass(frozen=True)
class TextEncoder:
    """A CLIP text model with its tokenizer."""

    model: Any
    tokenizer: PromptTokenizer


def chunk(
    pieces: Pieces, tokenizer: PromptTokenizer, lead: Sequence[int] = ()
) -> list[tuple[list[int], list[float]]]:
    """Token ids and weights per chunk, each of the tokenizer's full length, marks and padding included.

    `lead` are token ids in front of the prompt. An empty prompt is one chunk.
    """
    weighted = [(token, 1.0) for token in lead]
    weighted += [(token, weight) for text, weight in pieces for token in tokenizer.encode(text)]
    parts = [weighted[i : i + tokenizer.room] for i in range(0, len(weighted), tokenizer.room)] or [
        []
    ]
    chunks = []
    for part in parts:
        ids = [tokenizer.bos, *(token for token, _ in part), tokenizer.eos]
        weights = [1.0, *(weight for _, weight in part), 1.0]
        fill = tokenizer.max_length - len(ids)
        chunks.append((ids + [tokenizer.pad] * fill, weights + [1.0] * fill))
    return chunks


def encode(
    encoders: tuple[TextEncoder, TextEncoder],
    pieces: Pieces,
    *,
    chunks: int,
    device: Any,
    leads: Sequence[Sequence[int]] = ((), ()),
) -> tuple[Tensor, Tensor]:
    """Context (1, chunks * length, C) and pooled text (1, P) as SDXL wants them.

    Penultimate hidden states of both encoders side by side, the pooled output of the second for the
    first chunk. Weights scale the hidden states and their mean is restored, A1111's emphasis. `leads` are token
    ids in front of the prompt, one list per encoder.
    """
    states, pooled = [], None
    for encoder, lead in zip(encoders, leads, strict=True):
        rows = chunk(pieces, encoder.tokenizer, lead)
        rows += chunk((), encoder.tokenizer) * (chunks - len(rows))
        # an encoder may stand beside the device to save its memory
        own = next(encoder.model.parameters()).device
        ids = torch.tensor([row for row, _ in rows], device=own)
        weights = torch.tensor([row for _, row in rows], device=own)[..., None]
        output = encoder.model(input_ids=ids, output_hidden_states=True)
        hidden = output.hidden_states[-2]
        if bool((weights != 1).any()):
            scaled = hidden * weights.to(hidden.dtype)
            hidden = scaled * (hidden.mean() / scaled.mean())
        states.append(hidden.to(device))
        pooled = output[0][:1].to(device)
    assert pooled is not None
    context = torch.cat(states, dim=-1)
    return context.reshape(1, -1, context.shape[-1]), pooled


def needed_chunks(
    encoders: tuple[TextEncoder, TextEncoder],
    *prompts: Pieces,
    leads: Sequence[Sequence[int]] = ((), ()),
) -> int:
    """The number of chunks of the longest prompt behind its lead; all prompts of one edit are padded to it."""
    return max(
        len(chunk(prompt, encoder.tokenizer, lead))
        for prompt in prompts
        for encoder, lead in zip(encoders, leads, strict=True)
    )


def token_positions(pieces: Pieces, tokenizer: PromptTokenizer) -> list[list[int]]:
    """Where the tokens of each piece stand in the context of `encode`."""
    positions, at = [], 0
    for piece, _ in pieces:
        tokens = range(at, at + tokenizer.count(piece))
        rows = [divmod(token, tokenizer.room) for token in tokens]
        positions.append([row * tokenizer.max_length + 1 + column for row, column in rows])
        at = tokens.stop
    return positions
