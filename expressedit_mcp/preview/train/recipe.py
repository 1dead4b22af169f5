"""The whole recipe: what is drawn, how long each stage trains, and every seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Lengths are in steps of one process's batch; a team of n processes sees n batches a step.

    `window_*` train the denoiser on windows of 16 latent cells, four times cheaper than whole
    crops of 32, which `whole_*` finish with.
    """

    seed: int = 1
    shards: int = 40
    text_steps: int = 800
    text_batch: int = 48
    vae_steps: int = 2000
    vae_batch: int = 6
    vae_patch_px: int = 96
    window_steps: int = 4000
    window_batch: int = 16
    window_cells: int = 16
    whole_steps: int = 1500
    whole_batch: int = 6
    processes: int = 2
