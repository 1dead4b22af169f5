"""Batches for the denoiser, from encoded drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .captions import random_caption, true_of_mask
from .drawings import Shard
from .masks import random_mask
from .networks import LATENT_SIDE, LATENT_STRIDE, NATIVE_PX
from .vocabulary import token_ids

_KEPT_EDGES, _KEPT_EDGES_FREE = 0.12, 0.85  # of the samples show their edges inside the mask
# Of the samples start from another expression, as an edit does, most of those from the one that they
# are an edit of; those whose measures no tag tells mostly from themselves, as a repair of scaled pixels.
_MOVED, _MOVED_FREE, _FROM_BASE = 0.88, 0.4, 0.75


@dataclass(frozen=True)
class Encoded:
    """A shard with its latents (N, C, h, w) float16, already scaled."""

    shard: Shard
    latents: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Crops of drawings: latents and what conditions them, float32.

    `target` and `source` (B, C, s, s) are what an edit shall make and what it starts from: outside
    the mask the same, inside it another expression of the same character or the same one. `mask`
    (B, 1, s, s) is 1 in cells that the selection touches, `hint` (B, 3, 8s, 8s) holds the source's
    edges outside the mask, `ids` (B, tokens) the caption.
    """

    target: Tensor
    source: Tensor
    mask: Tensor
    hint: Tensor
    ids: Tensor


@dataclass(frozen=True)
class Crops:
    """A Batch as it travels between processes and to a GPU, a tenth of its bytes.

    Latents are float16, cells bool; edges (B, 8s * 8s / 8) uint8 hold eight pixels each.
    """

    target: Tensor
    source: Tensor
    cells: Tensor
    edges: Tensor
    ids: Tensor

    def pin_memory(self) -> Crops:
        """A copy in memory that a GPU reads while it computes."""
        return Crops(*(getattr(self, name).pin_memory() for name in self.__dataclass_fields__))

    def on(self, device: torch.device) -> Batch:
        """The batch, on the device."""
        target, source, cells, edges, ids = (
            getattr(self, name).to(device, non_blocking=True) for name in self.__dataclass_fields__
        )
        side = cells.shape[-1] * LATENT_STRIDE
        places = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)
        bits = edges[..., None] >> places & 1
        hint = bits.view(-1, 1, side, side).float().expand(-1, 3, -1, -1)
        return Batch(target.float(), source.float(), cells[:, None].float(), hint, ids)


def random_crops(
    rng: np.random.Generator,
    encoded: Sequence[Encoded],
    vocabulary_ids: dict[str, int],
    count: int,
) -> Crops:
    """`count` random samples, each a whole crop."""
    rows = [_sample(rng, encoded, vocabulary_ids) for _ in range(count)]
    return Crops(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))


def _sample(
    rng: np.random.Generator, encoded: Sequence[Encoded], vocabulary_ids: dict[str, int]
) -> tuple[np.ndarray, ...]:
    chosen = encoded[int(rng.integers(len(encoded)))]
    index = int(rng.integers(len(chosen.latents)))
    notes = chosen.shard.notes
    note = notes[index]
    other = _source_of(rng, index, note)
    mask = random_mask(rng, note["boxes"], note["region"], NATIVE_PX)
    kept = rng.random() < (_KEPT_EDGES_FREE if note["free"] else _KEPT_EDGES)
    inside = np.packbits(mask.selected)
    edges = chosen.shard.edges[other] & ~inside
    if kept:
        edges |= chosen.shard.edges[index] & inside
    shown, before = (
        [] if n["free"] else true_of_mask(n["expression"], n["wink"], mask.parts)
        for n in (note, notes[other])
    )
    staying = [tag for tag in shown if tag in before] if other != index else []
    changed = [tag for tag in shown if tag not in staying]
    tags = random_caption(rng, note["character"], changed, staying, mask.parts)
    cells = touched_cells(mask.selected)
    source = chosen.latents[other]
    return (
        np.where(cells, chosen.latents[index], source),
        source,
        cells,
        edges,
        np.array(token_ids(tags, vocabulary_ids)),
    )


def _source_of(rng: np.random.Generator, index: int, note: Mapping[str, Any]) -> int:
    """The index of the drawing that the edit starts from."""
    if rng.random() >= (_MOVED_FREE if note["free"] else _MOVED):
        return index
    first, length = note["group"]
    if index != first and rng.random() < _FROM_BASE:
        return first
    return first + (index - first + int(rng.integers(1, length))) % length


def touched_cells(selected: np.ndarray) -> np.ndarray:
    """(S, S) bool pixels to (s, s) bool latent cells, as the engine does."""
    rows = selected.reshape(LATENT_SIDE, LATENT_STRIDE, -1).any(axis=1)
    return np.asarray(rows.reshape(LATENT_SIDE, LATENT_SIDE, LATENT_STRIDE).any(axis=2))
