"""Fillings of the solver slot, and the way back from a picture to noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from expressedit_mcp.engine.methods.method import RegionalNoise
from expressedit_mcp.engine.sampling import (
    Denoiser,
    DrawNoise,
    Solver,
    add_noise,
    direction,
    predict_x0,
    transition,
)
from expressedit_mcp.engine.schedule import Step

SAMPLER_ETA = {"euler_a": 1.0, "euler": 0.0, "ddim": 0.0}
"""Samplers as DDIM's eta: eta 0 is Euler's step and eta 1 the Euler ancestral step, in z."""

EtaAt = Callable[[int], float]
"""Index of a step -> eta 0..1."""


def ddim(eta: float) -> Solver:
    """DDIM (J. Song et al., 2021); draws noise in every step when eta is above 0."""

    def solve(z: Tensor, x0: Tensor, step: Step, index: int, draw: DrawNoise) -> Tensor:
        return transition(z, x0, step, eta, draw() if eta > 0 else None)

    return solve


def regional_ddim(inside: EtaAt, outside: EtaAt, region: Tensor) -> Solver:
    """DDIM with one eta where region (1, 1, h, w) is 1 and another where it is 0, from one draw of noise
    (DiffEditor, C. Mou et al., 2024, Eq. 7)."""

    def solve(z: Tensor, x0: Tensor, step: Step, index: int, draw: DrawNoise) -> Tensor:
        etas = inside(index), outside(index)
        noise = draw() if max(etas) > 0 else None
        first, second = (transition(z, x0, step, eta, noise) for eta in etas)
        # a binary region takes each value unchanged
        return first * region + second * (1 - region)

    return solve


def regional_noise(plan: RegionalNoise, eta: float, region: Tensor, steps: int) -> Solver:
    """DDIM with `eta`, but in the steps of the plan, of `steps` in all, with its etas inside and outside."""

    def at(index: int, noisy: float) -> float:
        return noisy if plan.steps.on(index, steps) else eta

    return regional_ddim(lambda i: at(i, plan.inside), lambda i: at(i, plan.outside), region)


def consistency() -> Solver:
    """x0 noised afresh: multistep consistency sampling (Y. Song et al., 2023, Algorithm 1), on which DDCM runs."""

    def solve(z: Tensor, x0: Tensor, step: Step, index: int, draw: DrawNoise) -> Tensor:
        return add_noise(x0, draw(), step.alpha_bar_next)

    return solve


def inverse_transition(z: Tensor, eps: Tensor, low: float, high: float) -> Tensor:
    """z at noise level alpha_bar `low` taken to the noisier `high` along eps, DDIM's step backwards."""
    x0 = (z - (1 - low) ** 0.5 * eps) / low**0.5
    return add_noise(x0, eps, high)


def invert(
    x0: Tensor, schedule: Sequence[Step], denoise: Denoiser, prediction: str
) -> list[Tensor]:
    """DDIM inversion: the latents (B, C, h, w) of x0 at every noise level of the schedule, noisiest first, x0 last.

    The model is asked at the timestep that a step arrives at, as diffusers' `DDIMInverseScheduler` does.
    """
    path = [x0]
    for index, step in reversed(list(enumerate(schedule))):
        z = path[-1]
        a = step.alpha_bar
        output = denoise(z, step, index)
        eps = direction(z, predict_x0(output, z, a, prediction), a)
        path.append(inverse_transition(z, eps, step.alpha_bar_next, a))
    return path[::-1]
