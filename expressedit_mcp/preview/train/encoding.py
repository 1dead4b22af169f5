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
_BATCH_ON_GPU = 128


@torch.inference_mode()
def encode_shard(vae: AutoencoderKL, folder: Path, device: torch.device) -> None:
    """Writes latents.npy beside a shard's pixels; skips a shard that has it."""
    file = folder / "latents.npy"
    if file.is_file():
        return
    pixels = load_shard(folder).pixels
    fast = computes_in_bfloat16(device)
    parts = []
    size = _BATCH if device.type == "cpu" else _BATCH_ON_GPU
    for start in range(0, len(pixels), size):
        batch = as_input(torch.from_numpy(np.array(pixels[start : start + size])), device)
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            latents = posterior(vae, batch).mode() * vae.config["scaling_factor"]
        parts.append(latents.half().cpu().numpy())
    part = folder / "latents.part.npy"
    np.save(part, np.concatenate(parts))
    part.replace(file)


def load_encoded(folder: Path) -> Encoded:
    """A shard with its latents."""
    return Encoded(load_shard(folder), np.load(folder / "latents.npy", mmap_mode="r"))
