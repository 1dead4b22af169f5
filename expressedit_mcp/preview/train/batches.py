"""Batches for the denoiser, from encoded drawings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .captions import random_caption, true_of_mask
from .drawings import EXPRESSIONS_PER_CROP, Shard
from .masks import random_mask
from .networks import LATENT_SIDE, LATENT_STRIDE, NATIVE_PX
from .vocabulary import token_ids

_KEPT_EDGES, _KEPT_EDGES_FREE = 0.12, 0.85  # of the samples show their edges inside the mask
# Of the samples start from another expression, as an edit does; those whose measures no tag tells
# mostly from themselves, as a repair of scaled pixels does.
_MOVED, _MOVED_FREE = 0.85, 0.4


@dataclass(frozen=True)
class Encoded:
    """A shard with its latents (N, C, h, w) float16, already scaled."""

    shard: Shard
    latents: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Windows of drawings: latents and what conditions them.

    `target` and `source` (B, C, w, w) are the drawing and what an edit would start from: another
    expression of the same character, or the drawing itself. `mask` (B, 1, w, w) is 1 in cells that
    the selection touches, `hint` (B, 3, 8w, 8w) holds edges, `ids` (B, tokens) the caption.
    """

    target: Tensor
    source: Tensor
    mask: Tensor
    hint: Tensor
    ids: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def random_batch(
    rng: np.random.Generator,
    encoded: Sequence[Encoded],
    vocabulary_ids: dict[str, int],
    count: int,
    window: int,
) -> Batch:
    """`count` random samples, each a window of `window` latent cells a side that the mask touches."""
    rows = [_sample(rng, encoded, vocabulary_ids, window) for _ in range(count)]
    target, source, mask, hint, ids = (np.stack(column) for column in zip(*rows, strict=True))
    return Batch(
        torch.from_numpy(target).float(),
        torch.from_numpy(source).float(),
        torch.from_numpy(mask).float()[:, None],
        torch.from_numpy(hint).float()[:, None].expand(-1, 3, -1, -1),
        torch.from_numpy(ids),
    )


def _sample(
    rng: np.random.Generator,
    encoded: Sequence[Encoded],
    vocabulary_ids: dict[str, int],
    window: int,
) -> tuple[np.ndarray, ...]:
    chosen = encoded[int(rng.integers(len(encoded)))]
    index = int(rng.integers(len(chosen.latents)))
    note = chosen.shard.notes[index]
    mask = random_mask(rng, note["boxes"], NATIVE_PX)
    edges = np.unpackbits(chosen.shard.edges[index]).reshape(NATIVE_PX, NATIVE_PX)
    if rng.random() >= (_KEPT_EDGES_FREE if note["free"] else _KEPT_EDGES):
        edges = edges * ~mask.selected
    other = index
    if rng.random() < (_MOVED_FREE if note["free"] else _MOVED):
        first = index - index % EXPRESSIONS_PER_CROP
        turn = int(rng.integers(1, EXPRESSIONS_PER_CROP))
        other = first + (index - first + turn) % EXPRESSIONS_PER_CROP
    told = [] if note["free"] else true_of_mask(note["expression"], note["wink"], mask.parts)
    tags = random_caption(rng, note["character"], told, mask.parts)
    cells = touched_cells(mask.selected)
    rows, columns = _window(rng, cells, window)
    pixels = tuple(slice(s.start * LATENT_STRIDE, s.stop * LATENT_STRIDE) for s in (rows, columns))
    return (
        chosen.latents[index][:, rows, columns],
        chosen.latents[other][:, rows, columns],
        cells[rows, columns],
        edges[pixels],
        np.array(token_ids(tags, vocabulary_ids)),
    )


def touched_cells(selected: np.ndarray) -> np.ndarray:
    """(S, S) bool pixels to (s, s) bool latent cells, as the engine does."""
    cells = selected.reshape(LATENT_SIDE, LATENT_STRIDE, LATENT_SIDE, LATENT_STRIDE)
    return np.asarray(cells.any(axis=(1, 3)))


def _window(rng: np.random.Generator, cells: np.ndarray, side: int) -> tuple[slice, slice]:
    """A square of cells that holds a random masked cell."""
    if side == len(cells):
        return slice(0, side), slice(0, side)
    masked = np.argwhere(cells)
    centre = masked[int(rng.integers(len(masked)))] if len(masked) else np.array(cells.shape) // 2
    starts = centre - rng.integers(side // 4, side - side // 4 + 1, 2)
    top, left = (int(v) for v in np.clip(starts, 0, len(cells) - side))
    return slice(top, top + side), slice(left, left + side)
