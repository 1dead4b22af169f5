"""Learned tokens in an edit: their rows in the context, their LoRA, the mask of their attention columns.

S²Edit (arXiv 2507.04584) as this project specifies it. A token of N vectors stands in front of the prompt. Its rows
are spliced into the context of the prompt that has its class word there instead, so that no other row and not the
pooled text knows of it: CLIP is causal and would else carry it into every later row. Its LoRA adds to the keys and
values of these rows alone, so that a model under a prompt without the token is the model itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from expressedit_mcp.engine import text
from expressedit_mcp.engine.backend import Pieces
from expressedit_mcp.engine.learning.file import TOKENS, LearnedCard, bytes_of, decode_file
from expressedit_mcp.engine.methods.attention import AttentionControl, Bias, Place, TokenEdit
from expressedit_mcp.engine.methods.method import Learned
from expressedit_mcp.engine.text import TextEncoder
from expressedit_mcp.errors import ModelError

Encoders = tuple[TextEncoder, TextEncoder]
Lora = Mapping[str, tuple[Tensor, Tensor]]
"""Projection, such as `mid_block.….attn2.to_k` -> down (r, C), up (D, r)."""


@dataclass(frozen=True)
class Token:
    """A learned token on a model: its vectors (N, width) per text encoder, its LoRA, its class word and weight."""

    class_word: str
    vectors: tuple[Tensor, Tensor]
    lora: Lora
    weight: float = 1.0
    masked: bool = True
    spliced: bool = True

    @property
    def count(self) -> int:
        """Number of its rows, N."""
        return len(self.vectors[0])


@dataclass(frozen=True)
class Prompt:
    """An encoded prompt: context (1, m, C), pooled (1, P), and `plain`, the context without spliced tokens, for
    networks whose attention is not masked."""

    context: Tensor
    pooled: Tensor
    plain: Tensor


def load_token(learned: Learned, encoders: Encoders, unet: Any, like: Tensor) -> Token:
    """The token of a learned file, on the device and in the dtype of `like`.

    Raises ModelError for a file that does not fit the model.
    """
    card, arrays = decode_file(bytes_of(learned))
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    _check_fit(card, tensors, encoders, unet)
    lora = {
        name.removesuffix(".down"): (
            tensors[name].to(like),
            tensors[name.removesuffix("down") + "up"].to(like),
        )
        for name in tensors
        if name.endswith(".down")
    }
    first, second = (tensors[name] for name in TOKENS)
    settings = card.settings
    return Token(
        card.class_word, (first, second), lora, learned.weight, settings.masked, settings.spliced
    )


def projections(unet: Any) -> dict[str, Any]:
    """The cross-attention's key and value projections by name, `….attn2.to_k` and `….attn2.to_v`."""
    ends = ("attn2.to_k", "attn2.to_v")
    return {name: module for name, module in unet.named_modules() if name.endswith(ends)}


def class_ids(encoder: TextEncoder, word: str, count: int) -> list[int]:
    """The class word's token ids, repeated to `count`. Raises ModelError for a word without any."""
    ids = encoder.tokenizer.encode(word)
    if not ids:
        raise ModelError(f"The class word {word!r} has no token; name one that the model knows.")
    return (ids * count)[:count]


def lead_ids(tokens: Sequence[Token], encoder: TextEncoder) -> list[int]:
    """Ids of the class words that hold the tokens' places in front of a prompt."""
    return [
        number for token in tokens for number in class_ids(encoder, token.class_word, token.count)
    ]


def columns(tokens: Sequence[Token]) -> list[slice]:
    """The columns of a context that belong to each token; column 0 is the start mark."""
    ends = [1]
    for token in tokens:
        ends.append(ends[-1] + token.count)
    return [slice(start, stop) for start, stop in pairwise(ends)]


def token_states(encoders: Encoders, vectors: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The penultimate hidden states (N, width) of the vectors right behind the start mark, per text encoder.

    CLIP's attention is causal, so these are the rows that any prompt behind them gets.
    """
    first, second = (
        _states_of(encoder, own) for encoder, own in zip(encoders, vectors, strict=True)
    )
    return first, second


def encode_prompt(
    encoders: Encoders, pieces: Pieces, tokens: Sequence[Token], *, chunks: int, device: Any
) -> Prompt:
    """A prompt with tokens in front of it; without any it is `text.encode`'s."""
    leads = [lead_ids(tokens, encoder) for encoder in encoders]
    inside = [token if not token.spliced else None for token in tokens]
    with ExitStack() as stack:
        for side, encoder in enumerate(encoders):
            for token, place in zip(inside, columns(tokens), strict=True):
                if token is not None:
                    own = token.vectors[side]
                    stack.enter_context(_embedded(encoder.model, own, place.start))
        plain, pooled = text.encode(encoders, pieces, chunks=chunks, device=device, leads=leads)
    context = plain
    for token, place in zip(tokens, columns(tokens), strict=True):
        if token.spliced:
            rows = torch.cat([s.to(plain) for s in token_states(encoders, token.vectors)], dim=-1)
            context = spliced(context, rows, place, token.weight)
    return Prompt(context, pooled, plain)


def spliced(context: Tensor, rows: Tensor, place: slice, weight: float = 1.0) -> Tensor:
    """The context (1, m, C) with a token's rows (N, C) at its place, `weight` of the way from what is there."""
    there = context[:, place]
    return torch.cat(
        [
            context[:, : place.start],
            torch.lerp(there, rows[None], weight),
            context[:, place.stop :],
        ],
        dim=1,
    )


def token_control(tokens: Sequence[Token], encoders: Encoders, mask: Tensor) -> AttentionControl:
    """What the tokens do in the UNet's attention; `mask` (1, 1, h, w) is 1 in the latents that they may reach."""
    if not tokens:
        return AttentionControl()
    edits = [
        lora_edit(_context_rows(token, encoders, mask), token.lora, place, token.weight)
        for token, place in zip(tokens, columns(tokens), strict=True)
    ]
    bound = [p for token, p in zip(tokens, columns(tokens), strict=True) if token.masked]
    return AttentionControl(tokens=edits, bias=[column_mask(bound, mask)] if bound else [])


def lora_edit(rows: Tensor, lora: Lora, place: slice, weight: float = 1.0) -> TokenEdit:
    """Adds a LoRA's share to the keys and values of a token's rows (N, C), in the conditional rows of a batch."""
    added = {
        name: (rows @ down.to(rows).T) @ up.to(rows).T * weight for name, (down, up) in lora.items()
    }

    def edit(at: Place, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if not at.is_cross:
            return q, k, v
        rows = at.layout.conditional
        k = _with_share(k, added.get(f"{at.name}.to_k"), rows, place)
        return q, k, _with_share(v, added.get(f"{at.name}.to_v"), rows, place)

    return edit


def column_mask(places: Sequence[slice], mask: Tensor) -> Bias:
    """-inf for queries outside the mask at the tokens' columns, in the conditional rows of a batch.

    The mask (1, 1, h, w) is brought to a layer's size and grown by one cell. A query outside has no derivative with
    respect to the token's keys and values then.
    """
    kept: dict[Any, Tensor] = {}

    def bias(at: Place, queries: int, keys: int) -> Tensor | None:
        if not at.is_cross:
            return None
        key = at.layout, queries, keys
        if key not in kept:
            kept[key] = _column_bias(at, queries, keys, places, mask)
        return kept[key]

    return bias


def queries_inside(mask: Tensor, queries: int) -> Tensor:
    """(queries,) bool: which of a layer's queries lie within one cell of the mask (1, 1, h, w)."""
    h, w = mask.shape[-2:]
    while h * w > queries:
        h, w = (h + 1) // 2, (w + 1) // 2
    grid = functional.adaptive_max_pool2d((mask > 0).float(), (h, w))
    return functional.max_pool2d(grid, 3, 1, padding=1).flatten() > 0


def _column_bias(
    at: Place, queries: int, keys: int, places: Sequence[slice], mask: Tensor
) -> Tensor:
    layout = at.layout
    count = 1 + max(
        *layout.conditional, *(row for row in layout.unconditional if row is not None), 0
    )
    bias = mask.new_zeros(count, 1, queries, keys)
    outside = ~queries_inside(mask, queries)
    for row in layout.conditional:
        for place in places:
            bias[row, 0, outside, place] = float("-inf")
    return bias


def _with_share(x: Tensor, share: Tensor | None, rows: Sequence[int], place: slice) -> Tensor:
    """x (B, heads, m, d) with a share (N, heads * d) added to some rows of the batch, at a token's columns."""
    if share is None:
        return x
    x = x.clone()
    x[list(rows), :, place] += share.unflatten(1, (x.shape[1], -1)).transpose(0, 1)
    return x


def _context_rows(token: Token, encoders: Encoders, like: Tensor) -> Tensor:
    return torch.cat([s.to(like) for s in token_states(encoders, token.vectors)], dim=-1)


def _states_of(encoder: TextEncoder, vectors: Tensor) -> Tensor:
    device = next(encoder.model.parameters()).device
    # of a prompt's own length, so that equal vectors give equal bits
    (ids, _) = text.chunk((), encoder.tokenizer, [0] * len(vectors))[0]
    with _embedded(encoder.model, vectors, 1):
        output = encoder.model(
            input_ids=torch.tensor([ids], device=device), output_hidden_states=True
        )
    return output.hidden_states[-2][0, 1 : 1 + len(vectors)]


@contextmanager
def _embedded(model: Any, vectors: Tensor, start: int) -> Iterator[None]:
    """Inside, the token embeddings of the first text of a batch are the vectors (N, width) from `start` on."""

    def exchange(module: Any, given: Any, embeddings: Tensor) -> Tensor:
        first = embeddings[0]
        stop = start + len(vectors)
        first = torch.cat([first[:start], vectors.to(embeddings), first[stop:]])
        return torch.cat([first[None], embeddings[1:]])

    handle = model.get_input_embeddings().register_forward_hook(exchange)
    try:
        yield
    finally:
        handle.remove()


def _check_fit(
    card: LearnedCard, tensors: Mapping[str, Tensor], encoders: Encoders, unet: Any
) -> None:
    """Raises ModelError unless every tensor has the shape that the model wants."""
    count, rank = card.settings.vectors, card.settings.rank
    wanted = {
        name: (count, encoder.model.get_input_embeddings().weight.shape[1])
        for name, encoder in zip(TOKENS, encoders, strict=True)
    }
    for name, module in projections(unet).items():
        wide, narrow = module.weight.shape
        wanted |= {f"{name}.down": (rank, narrow), f"{name}.up": (wide, rank)}
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != wanted:
        raise ModelError(
            f"{card.name!r} was learned on {card.base_name} and does not fit the model that is loaded. "
            "Use that model, or learn it again."
        )
