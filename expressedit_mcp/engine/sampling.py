"""The sampling loop and its parts, on tensors. Latents z are variance-preserving:
z = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from expressedit_mcp.engine.schedule import Step

Denoiser = Callable[[Tensor, Step, int], Tensor]
"""(z (1, C, h, w), step, index) -> model output of the same shape, guidance included."""
X0Hook = Callable[[Tensor, Step, int], Tensor]
"""(x0, step, index) -> x0: projections and the compositor."""

ETA = {"euler_a": 1.0, "euler": 0.0, "ddim": 0.0}
"""Samplers as DDIM's eta: eta 0 is Euler's step and eta 1 the Euler ancestral step, in z."""


def add_noise(x0: Tensor, noise: Tensor, alpha_bar: float) -> Tensor:
    """z at a noise level (DDPM, Eq. 4)."""
    return alpha_bar**0.5 * x0 + (1 - alpha_bar) ** 0.5 * noise


def predict_x0(output: Tensor, z: Tensor, alpha_bar: float, prediction: str) -> Tensor:
    """x0 from the model's output; `prediction` is `epsilon` or `v_prediction` (T. Salimans, J. Ho, 2022)."""
    signal, spread = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    if prediction == "v_prediction":
        return signal * z - spread * output
    return (z - spread * output) / signal


def transition(z: Tensor, x0: Tensor, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    """z at the next noise level (DDIM, J. Song et al., 2021, Eq. 12 and 16).

    With eta 1 this is the ancestral Euler step of k-diffusion: its sigma_up is
    sqrt(s'^2 (s^2 - s'^2) / s^2) in units of sigma.
    """
    a, b = step.alpha_bar, step.alpha_bar_next
    eps = (z - a**0.5 * x0) / (1 - a) ** 0.5
    sigma = eta * ((1 - b) / (1 - a) * (1 - a / b)) ** 0.5
    mean = b**0.5 * x0 + max(1 - b - sigma * sigma, 0.0) ** 0.5 * eps
    return mean if noise is None or sigma == 0 else mean + sigma * noise


def soft_inpaint(source: Tensor, mask: Tensor) -> X0Hook:
    """Compositor: x0 stays the source's where mask (1, 1, h, w) is 0 and is free where it is 1.

    In between the share of the new grows as the noise falls, t = mask^(sigma / 2), and the blend
    keeps the magnitude that averaging two latents would lose ("soft inpainting": power 1, scale 0.5).
    """

    def composite(x0: Tensor, step: Step, index: int) -> Tensor:
        t = mask ** min(step.sigma * 0.5, 1e3)
        t = torch.where(mask > 0, t, torch.zeros_like(t))
        blend = (1 - t) * source + t * x0
        norm = [v.norm(dim=1, keepdim=True) for v in (source, x0, blend)]
        wanted = ((1 - t) * norm[0] ** 4 + t * norm[1] ** 4) ** 0.25
        soft = (t > 0) & (t < 1)
        return torch.where(soft, blend * wanted / (norm[2] + 1e-5), blend)

    return composite


def sample(
    z: Tensor,
    schedule: Sequence[Step],
    denoise: Denoiser,
    prediction: str,
    *,
    eta: float = 0.0,
    x0_hooks: Sequence[X0Hook] = (),
    draw_noise: Callable[[], Tensor] | None = None,
    before_step: Callable[[int], None] = lambda index: None,
) -> Tensor:
    """The latents (1, C, h, w) at the end of the schedule, started from z at its first noise level.

    `before_step` is called with the index of each step and may raise to stop; `draw_noise` gives
    one draw per step when eta is above 0.
    """
    for index, step in enumerate(schedule):
        before_step(index)
        x0 = predict_x0(denoise(z, step, index), z, step.alpha_bar, prediction)
        for hook in x0_hooks:
            x0 = hook(x0, step, index)
        noise = draw_noise() if draw_noise is not None and eta > 0 else None
        z = transition(z, x0, step, eta, noise)
    return z
