"""The losses of learning a token."""

from __future__ import annotations

import torch
from torch import Tensor


def velocity(x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """The v that a v-prediction model is trained on (T. Salimans, J. Ho, 2022); alpha_bar (B, 1, 1, 1)."""
    return alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * x0


def mask_weights(mask: Tensor, outside: float) -> Tensor:
    """Weights (1, 1, h, w) of mean 1 that are 1 to `outside` between mask 1 and 0."""
    weight = outside + (1 - outside) * mask
    return weight / weight.mean().clamp(min=1e-6)


def denoising_loss(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The mean of weight (output - target)^2, (), over (B, C, h, w)."""
    return (weight * (output.float() - target.float()).square()).mean()


def orthogonality(features: Tensor, others: Tensor, common: Tensor) -> Tensor:
    """The mean squared cosine (), 0..1, between features (N, W) and others (A, W), both less `common` (W,).

    CLIP's features share a large direction, which would else be most of every cosine.
    """
    ours, theirs = (
        torch.nn.functional.normalize(f.float() - common.float(), dim=-1)
        for f in (features, others)
    )
    return (ours @ theirs.T).square().mean()
