"""Latents of the drawings, computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from .batches import Encoded
from .denoiser import computes_in_bfloat16
from .drawings import load_shard
from .vae import as_input, posterior

_BATCH = 8


@torch.inference_mode()
def encode_shard(vae: AutoencoderKL, folder: Path, device: torch.device) -> None:
    """Writes latents.npy beside a shard's pixels; skips a shard that has it."""
    file = folder / "latents.npy"
    if file.is_file():
        return
    pixels = load_shard(folder).pixels
    fast = computes_in_bfloat16(device)
    parts = []
    for start in range(0, len(pixels), _BATCH):
        batch = as_input(np.ascontiguousarray(pixels[start : start + _BATCH])).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            latents = posterior(vae, batch).mode() * vae.config["scaling_factor"]
        parts.append(latents.half().cpu().numpy())
    part = folder / "latents.part.npy"
    np.save(part, np.concatenate(parts))
    part.replace(file)


def load_encoded(folder: Path) -> Encoded:
    """A shard with its latents."""
    return Encoded(load_shard(folder), np.load(folder / "latents.npy", mmap_mode="r"))
