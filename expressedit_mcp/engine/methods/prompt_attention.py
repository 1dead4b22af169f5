"""Prompt-to-prompt: the edit's attention taken over from the source branch (A. Hertz et al., 2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from expressedit_mcp.engine.backend import Pieces
from expressedit_mcp.engine.methods.alignment import Alignment, align_prompts, word_columns
from expressedit_mcp.engine.methods.attention import MapEdit, Place, TokenEdit
from expressedit_mcp.engine.methods.method import Interval, Method
from expressedit_mcp.engine.models import ModelSet

On = Callable[[int], bool]
"""Whether a step, by its index, is one of those."""
EDIT, SOURCE = 0, 1
"""Branches by their place in a layout."""


def token_edits(method: Method, steps: int) -> tuple[TokenEdit, ...]:
    """Self-attention that looks where the source's does, for as many steps as the method says."""
    on = _until(method.attention.self_until, steps)
    return (source_queries(on),) if on(0) else ()


def map_edits(
    method: Method,
    prompt: Pieces,
    models: ModelSet,
    columns: int,
    steps: int,
    lead: Sequence[int] = (),
) -> tuple[MapEdit, ...]:
    """Cross-attention maps of the words that the prompts share taken from the source, then words weighed.

    `columns` is the context's length, `lead` the ids in front of every prompt. Raises InputError for weights of
    words that `prompt` lacks.
    """
    wanted, tokenizer = method.attention, models.encoders[0].tokenizer
    ids = [*lead, *_ids(prompt, models)]
    on = _until(wanted.cross_until, steps)
    edits: list[MapEdit] = []
    if on(0) and method.source is not None:
        aligned = align_prompts(
            [*lead, *_ids(method.source.prompt, models)],
            ids,
            room=tokenizer.room,
            chunks=columns // tokenizer.max_length,
            mode=wanted.mode,
        )
        edits.append(source_maps(aligned, on, models.device, models.dtype))
    if wanted.weights:
        factors = torch.ones(columns, device=models.device, dtype=models.dtype)
        for text, factor in wanted.weights:
            factors[word_columns(ids, text, tokenizer)] *= factor
        edits.append(weighed_maps(factors))
    return tuple(edits)


def source_queries(on: On) -> TokenEdit:
    """Queries and keys of self-attention are the source's; the edit keeps its values.

    The unconditional row takes those of the source's, or of its conditional row where the source is not guided.
    """

    def edit(place: Place, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if place.is_cross or not on(place.step):
            return q, k, v
        rows = list(range(q.shape[0]))
        layout = place.layout
        held, free = layout.conditional[EDIT], layout.unconditional[EDIT]
        rows[held] = layout.conditional[SOURCE]
        if free is not None:
            unguided = layout.unconditional[SOURCE]
            rows[free] = layout.conditional[SOURCE] if unguided is None else unguided
        return q[rows], k[rows], v

    return edit


def source_maps(alignment: Alignment, on: On, device: torch.device, dtype: torch.dtype) -> MapEdit:
    """Maps of the edit's conditional row by an alignment with the source's."""
    taken = torch.from_numpy(alignment.taken).to(device, dtype)
    own = torch.from_numpy(alignment.own).to(device, dtype)

    def edit(place: Place, maps: Tensor) -> Tensor:
        if not on(place.step):
            return maps
        rows = place.layout.conditional
        mixed = maps[rows[SOURCE]] @ taken + maps[rows[EDIT]] * own
        return _with_row(maps, rows[EDIT], mixed)

    return edit


def weighed_maps(factors: Tensor) -> MapEdit:
    """Maps of the edit's conditional row times one factor (columns,) per column, rows not renormalised."""

    def edit(place: Place, maps: Tensor) -> Tensor:
        row = place.layout.conditional[EDIT]
        return _with_row(maps, row, maps[row] * factors)

    return edit


def _with_row(maps: Tensor, row: int, value: Tensor) -> Tensor:
    out = maps.clone()
    out[row] = value
    return out


def _until(share: float, steps: int) -> On:
    interval = Interval(end=share)
    return lambda index: interval.on(index, steps)


def _ids(pieces: Pieces, models: ModelSet) -> Sequence[int]:
    """Token ids of a prompt by the first encoder; SDXL's two share a vocabulary."""
    tokenizer = models.encoders[0].tokenizer
    return [token for text, _ in pieces for token in tokenizer.encode(text)]
