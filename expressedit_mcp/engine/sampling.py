"""The sampling loop and its parts, on tensors. Latents z are variance-preserving:
z = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps.

Latents are (B, C, h, w), one row per branch: the edit's first, then those of known pictures (a source, a
reference) that run along in the same batch. Several edits may share a batch; then theirs come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from expressedit_mcp.engine.schedule import Step

Denoiser = Callable[[Tensor, Step, int], Tensor]
"""(z (B, C, h, w), step, index) -> model output of the same shape, CFG included."""
DrawNoise = Callable[[], Tensor]
"""The next draw of standard noise (1, C, h, w), which all branches share, or (n, C, h, w) for n edits."""
Solver = Callable[[Tensor, Tensor, Step, int, DrawNoise], Tensor]
"""(z, x0, step, index, draw) -> z at the step's next noise level, all (B, C, h, w)."""
Anchor = Callable[[Tensor], Tensor]
"""x0 (B, C, h, w) of all branches -> x0, known branches at what is known of them, the edit corrected by it."""
X0Hook = Callable[[Tensor, Step, int], Tensor]
"""(x0 (n, C, h, w) of the edits, step, index) -> x0: projections and the compositor."""
Guidance = Callable[[Tensor, Tensor, Step, int], Tensor | None]
"""(z (B, C, h, w), eps (1, C, h, w) of the edit, step, index) -> what is added to eps (1, C, h, w) in the x0 term
alone; None while it is off."""


class Recurrence(Protocol):
    """Repeats steps ("time travel")."""

    def repeats(self, index: int) -> int:
        """How often step `index` is made, at least 1."""
        ...

    def back(self, z: Tensor, step: Step, index: int) -> Tensor:
        """z of the step's next noise level, taken back to where the step began."""
        ...


def add_noise(x0: Tensor, noise: Tensor, alpha_bar: float) -> Tensor:
    """z at a noise level (DDPM, Eq. 4)."""
    return alpha_bar**0.5 * x0 + (1 - alpha_bar) ** 0.5 * noise


def predict_x0(output: Tensor, z: Tensor, alpha_bar: float, prediction: str) -> Tensor:
    """x0 from the model's output; `prediction` is `epsilon` or `v_prediction` (T. Salimans, J. Ho, 2022)."""
    signal, spread = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    if prediction == "v_prediction":
        return signal * z - spread * output
    return (z - spread * output) / signal


def direction(z: Tensor, x0: Tensor, alpha_bar: float) -> Tensor:
    """eps, the noise that z holds beside x0."""
    return (z - alpha_bar**0.5 * x0) / (1 - alpha_bar) ** 0.5


def transition(z: Tensor, x0: Tensor, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    """z at the next noise level (DDIM, J. Song et al., 2021, Eq. 12 and 16).

    With eta 1 this is the ancestral Euler step of k-diffusion: its sigma_up is
    sqrt(s'^2 (s^2 - s'^2) / s^2) in units of sigma.
    """
    b = step.alpha_bar_next
    eps = direction(z, x0, step.alpha_bar)
    sigma = eta * ddpm_sigma(step)
    mean = b**0.5 * x0 + max(1 - b - sigma * sigma, 0.0) ** 0.5 * eps
    return mean if noise is None or sigma == 0 else mean + sigma * noise


def ddpm_sigma(step: Step) -> float:
    """The noise of a step at eta 1 (DDIM, Eq. 16)."""
    a, b = step.alpha_bar, step.alpha_bar_next
    return ((1 - b) / (1 - a) * (1 - a / b)) ** 0.5


def ode(z: Tensor, x0: Tensor, step: Step, index: int, draw: DrawNoise) -> Tensor:
    """The deterministic solver: DDIM with eta 0, which is Euler's method."""
    return transition(z, x0, step, 0.0, None)


@dataclass(frozen=True)
class Slots:
    """What fills the loop's slots. Without any, `sample` is DDIM with eta 0."""

    solver: Solver = ode
    anchor: Anchor | None = None
    hooks: Sequence[X0Hook] = ()
    guidance: Guidance | None = None
    recurrence: Recurrence | None = None


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
    slots: Slots,
    *,
    draw: DrawNoise,
    before_step: Callable[[int], None] = lambda index: None,
    edits: int = 1,
) -> Tensor:
    """The latents (edits, C, h, w) of the edits, the first rows, at the end of the schedule, started from z
    (B, C, h, w) at its first noise level. Guidance is for one edit.

    `before_step` is called with the index of each step and may raise to stop.
    """
    for index, step in enumerate(schedule):
        again = slots.recurrence.repeats(index) if slots.recurrence else 1
        while again:
            before_step(index)
            x0 = predict_x0(denoise(z, step, index), z, step.alpha_bar, prediction)
            x0 = slots.anchor(x0) if slots.anchor else x0
            x0 = _hooked(x0, slots.hooks, step, index, edits)
            after = slots.solver(z, x0, step, index, draw)
            after = _guided(after, slots.guidance, z, x0, step, index)
            again -= 1
            z = slots.recurrence.back(after, step, index) if again and slots.recurrence else after
    return z[:edits]


def _hooked(x0: Tensor, hooks: Sequence[X0Hook], step: Step, index: int, edits: int) -> Tensor:
    edited = x0[:edits]
    for hook in hooks:
        edited = hook(edited, step, index)
    return torch.cat([edited, x0[edits:]]) if len(x0) > edits else edited


def _guided(
    after: Tensor, guidance: Guidance | None, z: Tensor, x0: Tensor, step: Step, index: int
) -> Tensor:
    """`after` with the edit's x0, but not its direction, moved against the guidance's gradient.

    As released with DiffEditor (C. Mou et al., 2024), whose Eq. 4 adds it to both. A step from pure noise, whose
    x0 is known by no eps, is not guided.
    """
    a, b = step.alpha_bar, step.alpha_bar_next
    if guidance is None or a == 0:
        return after
    gradient = guidance(z, direction(z[:1], x0[:1], a), step, index)
    if gradient is None:
        return after
    edit = after[:1] - (b * (1 - a) / a) ** 0.5 * gradient
    return torch.cat([edit, after[1:]])
