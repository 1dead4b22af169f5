"""Golden numbers of the noise schedules, and the samplers against diffusers' own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

from expressedit_mcp.engine.schedule import (
    Step,
    alpha_bar_at,
    alphas_cumprod,
    make_schedule,
    timesteps,
)

SDXL = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def schedule(steps: int, strength: float, spacing: str) -> tuple[Step, ...]:
    return make_schedule(timesteps(steps, strength, spacing), alphas_cumprod(SDXL))


@pytest.mark.parametrize(
    ("steps", "strength", "calls", "first_t", "first_sigma"),
    [(30, 0.7, 22, 723.41, 3.667), (8, 0.7, 6, 713.57, 3.522), (30, 1.0, 30, 999.0, 14.6146)],
)
def test_linspace_runs_the_calls_of_a1111(
    steps: int, strength: float, calls: int, first_t: float, first_sigma: float
) -> None:
    made = schedule(steps, strength, "linspace")
    assert len(made) == calls
    assert made[0].t == pytest.approx(first_t, abs=0.01)
    assert made[0].sigma == pytest.approx(first_sigma, abs=2e-3)
    assert made[-1].t == 0
    assert made[-1].sigma == pytest.approx(0.0292, abs=1e-4)
    assert made[-1].alpha_bar_next == 1.0


def test_trailing_grid_of_eight_is_lightnings() -> None:
    grid = [step.t for step in schedule(8, 1.0, "trailing")]
    assert grid == [999, 874, 749, 624, 499, 374, 249, 124]


@pytest.mark.parametrize(("strength", "calls"), [(0.75, 6), (0.625, 5), (0.5, 4), (0.01, 1)])
def test_trailing_snaps_strength_to_its_grid(strength: float, calls: int) -> None:
    assert len(timesteps(8, strength, "trailing")) == calls


def test_leading_matches_diffusers() -> None:
    reference = DDIMScheduler(**SDXL, timestep_spacing="leading", steps_offset=1)
    reference.set_timesteps(20)
    ours = timesteps(20, 1.0, "leading", offset=1)
    assert np.array_equal(ours, reference.timesteps.numpy())


def test_strength_zero_gives_no_step() -> None:
    assert schedule(30, 0.0, "linspace") == ()


def test_alphas_are_those_of_diffusers() -> None:
    reference = DDIMScheduler(**SDXL).alphas_cumprod.numpy()
    assert np.allclose(alphas_cumprod(SDXL), reference, rtol=1e-4)


def test_zero_terminal_snr_ends_in_pure_noise() -> None:
    config = {**SDXL, "rescale_betas_zero_snr": True}
    reference = DDIMScheduler(**config).alphas_cumprod.numpy()
    ours = alphas_cumprod(config)
    assert ours[-1] == 0
    assert np.allclose(ours, reference, atol=1e-5)


def test_between_two_timesteps_log_sigma_is_linear() -> None:
    alphas = alphas_cumprod(SDXL)
    low, middle, high = alpha_bar_at(np.array([500.0, 500.5, 501.0]), alphas)
    sigma = [((1 - a) / a) ** 0.5 for a in (low, middle, high)]
    assert sigma[1] == pytest.approx((sigma[0] * sigma[2]) ** 0.5, rel=1e-9)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="spacing"):
        timesteps(8, 1.0, "cosine")
    with pytest.raises(ValueError, match="beta_schedule"):
        alphas_cumprod({"beta_schedule": "squaredcos_cap_v2"})


def _model(z: torch.Tensor) -> torch.Tensor:
    """A stand-in for a network: any fixed function of the variance-preserving latents."""
    return torch.tanh(z * 1.7 + 0.3)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_ddim_and_ours_walk_the_same_path(prediction: Any) -> None:
    from expressedit_mcp.engine.sampling import Slots, sample

    reference = DDIMScheduler(
        **SDXL,
        prediction_type=prediction,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
    )
    reference.set_timesteps(10)
    start = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    theirs = start
    for t in reference.timesteps:
        theirs = reference.step(_model(theirs), int(t), theirs, return_dict=False)[0]
    ours = sample(
        start,
        schedule(10, 1.0, "trailing"),
        lambda z, s, i: _model(z),
        prediction,
        Slots(),
        draw=lambda: start,
    )
    assert torch.allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_euler_in_sigma_space_is_ours_in_variance_preserving_space(eta: float) -> None:
    from expressedit_mcp.engine.methods.solvers import ddim
    from expressedit_mcp.engine.sampling import Slots, sample

    kind = EulerAncestralDiscreteScheduler if eta else EulerDiscreteScheduler
    reference = kind(**SDXL, timestep_spacing="linspace")
    reference.set_timesteps(12)
    start = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(2)).double()
    generator = torch.Generator().manual_seed(3)
    theirs = start * float((reference.sigmas[0] ** 2 + 1) ** 0.5)
    for t in reference.timesteps:
        z = reference.scale_model_input(theirs, t)
        theirs = reference.step(_model(z), t, theirs, generator=generator, return_dict=False)[0]
    generator = torch.Generator().manual_seed(3)
    ours = sample(
        start,
        schedule(12, 1.0, "linspace"),
        lambda z, s, i: _model(z),
        "epsilon",
        Slots(solver=ddim(eta)),
        draw=lambda: torch.randn(start.shape, generator=generator, dtype=torch.float64),
    )
    assert torch.allclose(ours, theirs.double(), atol=5e-3)
