"""Where a model looks for words: its cross-attention while it sees a picture and is told them.

The picture is known, so nothing is sampled: it is noised at a few levels, and the maps of the words' tokens are
averaged over heads, layers and levels (A. Hertz et al., "Prompt-to-Prompt", 2022; as masks: M. Gong et al., WACV
2026). Such a map says where the model would draw a word, be it there or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine.denoise import Branch, Condition, make_denoiser
from expressedit_mcp.engine.methods.attention import AttentionControl, Place, installed
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.sampling import add_noise
from expressedit_mcp.engine.schedule import make_schedule
from expressedit_mcp.imaging import guided_upsample

LEVELS = (0.1, 0.25, 0.4)
"""The noise at which maps are read, as shares of the training timesteps."""
_GRID_CELLS = 16  # coarser maps do not tell neighbouring parts of a face apart
_DISTINCT = 2.6  # peak over mean; words without a place of their own stay below
_SEED = 0


def read_maps(
    models: ModelSet,
    source: Tensor,
    condition: Condition,
    positions: Sequence[Sequence[int]],
    before_level: Callable[[int], None],
    levels: Sequence[float] = LEVELS,
) -> np.ndarray:
    """The attention (words, h, w) float32 that the cells of a grid pay to each word, 0..1.

    `source` (1, C, H, W) are the picture's latents, `positions` the tokens of each word in the context of
    `condition`; theirs is summed. The grid is the UNet's coarsest with at least 16 cells on its shorter side, or
    its finest. `before_level` is told the index of each of `levels` and may raise to stop.
    """
    reader = _Reader((source.shape[2], source.shape[3]), positions)
    control = AttentionControl(readers=(reader,))
    denoise = make_denoiser(models.unet, [Branch(condition, 1.0)], None, 0, control.on_call)
    generator = torch.Generator("cpu").manual_seed(_SEED)
    timesteps = np.array(levels) * (len(models.alphas) - 1)
    with installed(models.unet, control):
        for index, step in enumerate(make_schedule(timesteps, models.alphas)):
            before_level(index)
            noise = torch.randn(source.shape, generator=generator).to(source)
            denoise(add_noise(source, noise, step.alpha_bar), step, index)
    return reader.means()


def mask_of(
    maps: np.ndarray, rgb: np.ndarray, threshold: float
) -> tuple[np.ndarray, tuple[bool, ...]]:
    """Mask (H, W) uint8, 0 or 255, of all words together, and which of them are distinct enough to be in it.

    Each of `maps` (words, h, w) is divided by its peak, brought up to the size of `rgb` (H, W, 3), 0..1, along its
    edges, and cut at `threshold`.
    """
    mask = np.zeros(rgb.shape[:2], np.uint8)
    found = tuple(bool(one.max() > _DISTINCT * one.mean()) for one in maps)
    for one in maps[np.array(found)]:
        mask[guided_upsample(one / one.max(), rgb) > threshold] = 255
    return mask, found


@dataclass
class _Reader:
    """Running sums of the words' maps, by grid (h, w)."""

    latents: tuple[int, int]
    positions: Sequence[Sequence[int]]
    sums: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    counts: dict[tuple[int, int], int] = field(default_factory=dict)

    def __call__(self, place: Place, maps: Tensor) -> None:
        """Adds a layer's maps (B, heads, n, m) of the conditional row."""
        seen = maps[place.layout.conditional[0]].float().mean(dim=0)
        words = torch.stack([seen[:, list(at)].sum(dim=1) for at in self.positions])
        grid = _grid_of(maps.shape[2], self.latents)
        self.sums[grid] = words + self.sums.get(grid, 0)
        self.counts[grid] = self.counts.get(grid, 0) + 1

    def means(self) -> np.ndarray:
        """The mean of the chosen grid, (words, h, w) float32."""
        grids = sorted(self.sums)
        grid = next((g for g in grids if min(g) >= _GRID_CELLS), grids[-1])
        return (self.sums[grid] / self.counts[grid]).unflatten(1, grid).cpu().numpy()


def _grid_of(cells: int, latents: tuple[int, int]) -> tuple[int, int]:
    """The (h, w) of a layer with so many cells: the latents' halved until it fits."""
    height, width = latents
    while height * width > cells:
        height, width = -(-height // 2), -(-width // 2)
    return height, width
