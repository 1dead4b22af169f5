"""The whole recipe: what is drawn, how long each stage trains, and every seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Lengths are in steps of one process's batch; a team of n processes sees n batches a step.

    Every `sheet_steps` the denoiser is exported and a sheet of its edits is written; 0: never.
    `compiled` (0 or 1) compiles the denoiser, where there is a C++ compiler. `processes` share the work
    of a CPU; with a GPU they draw, and `workers` of them make batches. `vae_seconds`, `decoder_seconds`
    and `unet_seconds` end a stage early, its learning rates fallen by then (0: its steps are all done).
    """

    seed: int = 1
    shards: int = 100
    text_steps: int = 800
    text_batch: int = 48
    vae_steps: int = 2000
    vae_batch: int = 12
    vae_patch_px: int = 96
    vae_seconds: int = 0
    decoder_steps: int = 1500
    decoder_seconds: int = 0
    unet_steps: int = 6000
    unet_seconds: int = 0
    unet_batch: int = 16
    sheet_steps: int = 500
    compiled: int = 0
    processes: int = 2
    workers: int = 0
