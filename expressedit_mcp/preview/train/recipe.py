"""The whole recipe: what is drawn, how long each stage trains, and every seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Lengths are in steps of one process's batch; a team of n processes sees n batches a step.

    Of the denoiser's steps `whole_percent` see whole crops, as an edit does, the others windows of
    `window_cells` latent cells: cheap variety for a start from nothing, but a window that holds one
    eye cannot tell which of two it is. Every `sheet_steps` the denoiser is exported and a sheet of
    its edits is written.
    """

    seed: int = 1
    shards: int = 40
    text_steps: int = 800
    text_batch: int = 48
    vae_steps: int = 2000
    vae_batch: int = 12
    vae_patch_px: int = 96
    unet_steps: int = 6000
    unet_batch: int = 24
    window_cells: int = 16
    whole_percent: int = 100
    sheet_steps: int = 500
    processes: int = 2
