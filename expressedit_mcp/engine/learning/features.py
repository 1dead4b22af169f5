"""Directions in the text encoders' features that a learned token is kept away from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from expressedit_mcp.engine.methods.tokens import Encoders, Token, class_ids, token_states
from expressedit_mcp.engine.text import TextEncoder


@dataclass(frozen=True)
class Features:
    """Features (A, W) of attributes in one text encoder, and the mean (W,) of all their tokens."""

    attributes: Tensor
    common: Tensor


@torch.no_grad()
def attribute_features(
    encoders: Encoders, class_word: str, tags: Sequence[str], others: Sequence[Token]
) -> tuple[Features, Features]:
    """Penultimate hidden states of tags behind the class word and of other tokens, per text encoder."""
    learned = [token_states(encoders, token.vectors) for token in others]
    first, second = (
        _features(encoder, class_word, tags, [states[side] for states in learned])
        for side, encoder in enumerate(encoders)
    )
    return first, second


def _features(
    encoder: TextEncoder, class_word: str, tags: Sequence[str], learned: Sequence[Tensor]
) -> Features:
    lead = class_ids(encoder, class_word, 1)
    rows, tokens = [], []
    for tag in tags:
        own = encoder.tokenizer.encode(tag)[: encoder.tokenizer.room - 1]
        ids = [encoder.tokenizer.bos, *lead, *own, encoder.tokenizer.eos]
        device = next(encoder.model.parameters()).device
        output = encoder.model(
            input_ids=torch.tensor([ids], device=device), output_hidden_states=True
        )
        states = output.hidden_states[-2][0, 2 : 2 + len(own)].float()
        rows.append(states.mean(dim=0))
        tokens.append(states)
    rows += [states.float().mean(dim=0) for states in learned]
    return Features(torch.stack(rows), torch.cat(tokens).mean(dim=0))
