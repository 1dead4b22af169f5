"""Between pixels and latents, through a model's VAE."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.errors import InputError


def tensor(image: np.ndarray, device: torch.device) -> Tensor:
    """(H, W, C) float32 to (1, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(device)


def encode(models: ModelSet, rgb: np.ndarray) -> Tensor:
    """Latents (1, C, h, w) of a picture (H, W, 3) float32 0..1: the posterior's mean."""
    vae: Any = models.vae
    pixels = tensor(rgb, models.device) * 2 - 1
    latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
    return latents.to(models.dtype)


def decode(models: ModelSet, latents: Tensor) -> np.ndarray:
    """The picture (H, W, 3) float32 0..1 of latents (1, C, h, w). Raises InputError when it is not finite."""
    vae: Any = models.vae
    pixels = vae.decode(latents.float() / vae.config.scaling_factor, return_dict=False)[0]
    rgb = (pixels / 2 + 0.5).clamp(0, 1)[0].permute(1, 2, 0).float().cpu().numpy()
    if not np.isfinite(rgb).all():
        raise InputError(
            "The model produced pixels that are not numbers; try another seed, a lower strength, "
            "or EXPRESSEDIT_DEVICE=cpu."
        )
    return rgb
