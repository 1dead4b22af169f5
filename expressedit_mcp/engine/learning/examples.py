"""Examples as a model's training sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine.backend import Pieces
from expressedit_mcp.engine.denoise import Control, control_weights
from expressedit_mcp.engine.learning.request import Example
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.pixels import encode, tensor
from expressedit_mcp.imaging import canny_hint, resize


@dataclass(frozen=True)
class Encoded:
    """An example on a model: latents (1, C, h, w), the share of each cell (1, 1, h, w) that the object covers, its
    caption, the sizes (1, 6) that SDXL is told, and the ControlNet with the edges round the object."""

    latents: Tensor
    mask: Tensor
    caption: Pieces
    time_ids: Tensor
    control: Control | None


@torch.no_grad()
def encode_example(models: ModelSet, example: Example) -> Encoded:
    """The example, through the VAE and the edge detector."""
    top = np.iinfo(example.crop.dtype).max
    rgb = np.clip(resize(example.crop.astype(np.float32) / top, example.model_size), 0, 1)
    mask = resize(example.mask.astype(np.float32) / 255, example.model_size)
    device = models.device
    cells = torch.nn.functional.avg_pool2d(tensor(mask[..., None], device), models.latent_stride)
    width, height = example.model_size.width, example.model_size.height
    return Encoded(
        encode(models, rgb),
        cells.to(models.dtype),
        example.caption,
        torch.tensor([[height, width, 0, 0, height, width]], device=device, dtype=models.dtype),
        _control(models, rgb, mask),
    )


def _control(models: ModelSet, rgb: np.ndarray, mask: np.ndarray) -> Control | None:
    """The ControlNet with the edges of what lies round the object, as an edit that erases them has it."""
    card = models.card
    if models.controlnet is None or card.control_scale == 0:
        return None
    hint = canny_hint(rgb, card.canny_low, card.canny_high, mask)
    down = len(models.controlnet.controlnet_down_blocks)
    weights = control_weights(down, card.control_scale, card.control_weights)
    return Control(
        models.controlnet, tensor(hint, models.device).to(models.dtype), weights, calls=1
    )
