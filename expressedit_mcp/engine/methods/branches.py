"""Fillings of the anchor slot: known pictures that run along in the edit's batch."""

from __future__ import annotations

import torch
from torch import Tensor

from expressedit_mcp.engine.sampling import Anchor


def anchored(known: Tensor, anchor: Tensor | float) -> Anchor:
    """Corrects the edit by what the model gets wrong about its source, known[0].

    x0 = D(z) + A (source - D(z of the source)), with D the model's estimate. `known` (B - 1, C, h, w) are the
    clean latents of rows 1 and on, `anchor` A is 0..1, a number or (1, 1, h, w). With A = 1 and the consistency
    solver this is DDCM (S. Xu et al., "Inversion-Free Image Editing with Natural Language", 2024): the edit moves
    by the difference of the two predictions alone, so equal prompts give the source.
    """

    def correct(x0: Tensor) -> Tensor:
        edit = x0[:1] + anchor * (known[:1] - x0[1:2])
        return torch.cat([edit, known])

    return correct
