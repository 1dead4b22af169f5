"""The loop's slots in float64: identities, the solvers' equations, branches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from expressedit_mcp.engine.methods.branches import anchored
from expressedit_mcp.engine.methods.method import Interval
from expressedit_mcp.engine.methods.solvers import (
    consistency,
    ddim,
    inverse_transition,
    invert,
    regional_ddim,
)
from expressedit_mcp.engine.sampling import (
    Slots,
    add_noise,
    ddpm_sigma,
    direction,
    ode,
    predict_x0,
    sample,
    soft_inpaint,
    transition,
)
from expressedit_mcp.engine.schedule import Step, alphas_cumprod, make_schedule, timesteps

ALPHAS = alphas_cumprod({})
SCHEDULE = make_schedule(timesteps(10, 1.0, "trailing"), ALPHAS)
SHAPE = (1, 4, 6, 5)


def noise(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def draws(seed: int = 7) -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def model(z: Tensor, step: Step, index: int) -> Tensor:
    """A stand-in for a network: a fixed pointwise function of latents and time."""
    return torch.tanh(1.3 * z + step.t / 1000)


def run(slots: Slots, *, denoise=model, prediction: str = "epsilon") -> Tensor:
    return sample(noise(1), SCHEDULE, denoise, prediction, slots, draw=draws())


class _Once:
    def repeats(self, index: int) -> int:
        return 1

    def back(self, z: Tensor, step: Step, index: int) -> Tensor:
        raise AssertionError("a step made once is not taken back")


@pytest.mark.parametrize("solver", [ode, ddim(1.0)])
def test_identity_fillings_change_no_bit(solver) -> None:
    identity = Slots(
        solver=solver,
        anchor=lambda x0: x0,
        hooks=(lambda x0, step, index: x0,),
        guidance=lambda z, eps, step, index: torch.zeros_like(eps),
        recurrence=_Once(),
    )
    assert torch.equal(run(identity), run(Slots(solver=solver)))
    assert torch.equal(run(replace(identity, guidance=lambda *a: None)), run(Slots(solver=solver)))


def test_the_way_back_undoes_a_step_at_every_timestep() -> None:
    z, eps = noise(2), noise(3)
    for step in make_schedule(timesteps(50, 1.0, "leading", offset=1), ALPHAS):
        x0 = predict_x0(eps, z, step.alpha_bar, "epsilon")
        after = transition(z, x0, step, 0.0, None)
        back = inverse_transition(after, eps, step.alpha_bar_next, step.alpha_bar)
        assert (back - z).abs().max() < 1e-12


def test_inversion_of_a_constant_model_leads_back() -> None:
    eps = noise(4)
    path = invert(noise(5), SCHEDULE, lambda z, step, index: eps, "epsilon")
    assert len(path) == len(SCHEDULE) + 1
    end = sample(path[0], SCHEDULE, lambda z, s, i: eps, "epsilon", Slots(), draw=draws())
    assert (end - noise(5)).abs().max() < 1e-12


def test_inversion_walks_as_diffusers_inverse_scheduler_does() -> None:
    from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler

    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    theirs = DDIMInverseScheduler(
        **config, clip_sample=False, set_alpha_to_one=False, timestep_spacing="trailing"
    )
    theirs.set_timesteps(10)
    z = noise(6).float()
    for t in theirs.timesteps[1:]:
        output = model(z, Step(float(t), 0.5, 0.5), 0)
        z = theirs.step(output, int(t), z, return_dict=False)[0]
    # diffusers' first step only renames the picture as the lowest level
    rising = [float(t) for t in theirs.timesteps]
    steps = [
        Step(high, float(ALPHAS[int(high)]), float(ALPHAS[int(low)]))
        for low, high in pairwise(rising)
    ]
    ours = invert(noise(6).float(), steps[::-1], model, "epsilon")[0]
    assert (ours - z).abs().max() < 1e-3


def test_epsilon_and_v_of_one_function_walk_one_path() -> None:
    def as_v(z: Tensor, step: Step, index: int) -> Tensor:
        a, eps = step.alpha_bar, model(z, step, index)
        x0 = predict_x0(eps, z, a, "epsilon")
        return a**0.5 * eps - (1 - a) ** 0.5 * x0

    same = run(Slots(), denoise=as_v, prediction="v_prediction")
    assert (same - run(Slots())).abs().max() < 1e-9


def test_direction_and_x0_are_two_readings_of_one_z() -> None:
    z, eps = noise(8), noise(9)
    assert (direction(z, predict_x0(eps, z, 0.3, "epsilon"), 0.3) - eps).abs().max() < 1e-12


def _halves() -> Tensor:
    region = torch.zeros(1, 1, 6, 5, dtype=torch.float64)
    region[..., :2] = 1
    return region


def _one(solver, step: Step = SCHEDULE[4]) -> Tensor:
    return solver(noise(1), noise(2), step, 4, draws())


def test_regional_noise_is_each_eta_in_its_region() -> None:
    region = _halves()
    mixed = _one(regional_ddim(lambda i: 0.4, lambda i: 0.0, region))
    inside, outside = _one(ddim(0.4)), _one(ode)
    assert torch.equal(mixed[..., :2], inside[..., :2])
    assert torch.equal(mixed[..., 2:], outside[..., 2:])
    swapped = _one(regional_ddim(lambda i: 0.0, lambda i: 0.4, 1 - region))
    assert torch.equal(mixed, swapped)
    assert torch.equal(_one(regional_ddim(lambda i: 0.0, lambda i: 0.0, region)), outside)


def test_noise_added_inside_has_the_steps_variance() -> None:
    step, shape = SCHEDULE[4], (1, 1, 320, 320)
    generator = torch.Generator().manual_seed(3)
    solve = regional_ddim(lambda i: 0.4, lambda i: 0.0, torch.ones(1, 1, 1, 1))
    zero = torch.zeros(shape)
    after = solve(zero, zero, step, 0, lambda: torch.randn(shape, generator=generator))
    assert after.var().item() == pytest.approx((0.4 * ddpm_sigma(step)) ** 2, rel=0.02)


@pytest.mark.parametrize("solver", [ode, consistency()])
def test_equal_branches_reconstruct_the_source(solver) -> None:
    source = noise(10)
    start = add_noise(source, noise(11), SCHEDULE[0].alpha_bar).expand(2, -1, -1, -1)
    slots = Slots(solver=solver, anchor=anchored(source, 1.0))
    end = sample(start, SCHEDULE, model, "epsilon", slots, draw=draws())
    assert (end - source).abs().max() < 1e-9


def test_the_anchor_holds_the_outside_and_frees_the_inside() -> None:
    source, region = noise(10), _halves()
    start = add_noise(source, noise(11), SCHEDULE[0].alpha_bar).expand(2, -1, -1, -1)
    slots = Slots(anchor=anchored(source, 1 - region))
    end = sample(start, SCHEDULE, model, "epsilon", slots, draw=draws())
    difference = (end - source).abs()
    assert difference[..., 2:].max() < 1e-9 < difference[..., :2].min()


def test_ddcm_moves_by_the_difference_of_the_predictions_alone() -> None:
    """S. Xu et al., 2024: x0 <- x0 - sqrt((1 - a) / a) (e_edit - e_source), every noise level afresh."""
    source = noise(12)

    def two(z: Tensor, step: Step, index: int) -> Tensor:
        return torch.cat([model(z[:1] + 0.5, step, index), model(z[1:], step, index)])

    seen: list[Tensor] = []

    def watch(x0: Tensor, step: Step, index: int) -> Tensor:
        seen.append(x0)
        return x0

    draw = draws()
    start = add_noise(source, draw(), SCHEDULE[0].alpha_bar).expand(2, -1, -1, -1)
    slots = Slots(solver=consistency(), anchor=anchored(source, 1.0), hooks=(watch,))
    sample(start, SCHEDULE, two, "epsilon", slots, draw=draw)

    draw, estimate = draws(), source
    for step, ours in zip(SCHEDULE, seen, strict=True):
        a, n = step.alpha_bar, draw()
        z = torch.cat([add_noise(estimate, n, a), add_noise(source, n, a)])
        of_edit, of_source = two(z, step, 0).chunk(2)
        estimate = estimate - ((1 - a) / a) ** 0.5 * (of_edit - of_source)
        assert (ours - estimate).abs().max() < 1e-9


def test_hooks_see_the_edit_alone_and_known_rows_stay() -> None:
    source, other = noise(10), noise(13)
    rows: list[Tensor] = []

    def record(z: Tensor, step: Step, index: int) -> Tensor:
        rows.append(z)
        return model(z, step, index)

    slots = Slots(
        anchor=anchored(torch.cat([source, other]), 0.0),
        hooks=(soft_inpaint(noise(14), _halves()),),
    )
    known = add_noise(torch.cat([source, source, other]), noise(11), SCHEDULE[0].alpha_bar)
    end = sample(known, SCHEDULE, record, "epsilon", slots, draw=draws())
    assert end.shape == SHAPE
    for step, z in zip(SCHEDULE, rows, strict=True):
        wanted = add_noise(torch.cat([source, other]), noise(11), step.alpha_bar)
        assert (z[1:] - wanted).abs().max() < 1e-9


class _Travel:
    def __init__(self, eps: Tensor) -> None:
        self._eps = eps

    def repeats(self, index: int) -> int:
        return 3 if index in (3, 5) else 1

    def back(self, z: Tensor, step: Step, index: int) -> Tensor:
        return inverse_transition(z, self._eps, step.alpha_bar_next, step.alpha_bar)


def test_travelling_in_time_with_a_constant_model_changes_nothing() -> None:
    eps, asked = noise(15), []

    def constant(z: Tensor, step: Step, index: int) -> Tensor:
        asked.append(index)
        return eps

    plain = run(Slots(), denoise=constant)
    assert asked == list(range(10))
    travelled = run(Slots(recurrence=_Travel(eps)), denoise=constant)
    assert asked[10:] == [0, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7, 8, 9]
    assert (travelled - plain).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("index", "coefficient", "literal"),
    [(0, 1.120, 0.123), (10, 1.063, 0.089), (20, 0.958, 0.065), (30, 0.764, 0.049), (40, 0.475, 0.041)],
)  # fmt: skip
def test_guidance_moves_x0_but_not_the_direction(
    index: int, coefficient: float, literal: float
) -> None:
    """Coefficients of -g at 50 steps of SDXL's schedule, in x0 alone and as Eq. 4 of DiffEditor is printed."""
    step = make_schedule(timesteps(50, 1.0, "leading", offset=1), ALPHAS)[index]
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    slots = Slots(guidance=lambda z, eps, step, index: one)
    moved = sample(0 * one, [step], lambda z, s, i: 0 * z, "epsilon", slots, draw=lambda: one)
    assert -moved.item() == pytest.approx(coefficient, abs=1e-3)
    a, b = step.alpha_bar, step.alpha_bar_next
    as_printed = (b * (1 - a) / a) ** 0.5 - (1 - b) ** 0.5
    assert as_printed == pytest.approx(literal, abs=1e-3)


def test_a_zero_terminal_level_is_not_guided() -> None:
    alphas = alphas_cumprod({"rescale_betas_zero_snr": True})
    steps = make_schedule(timesteps(4, 1.0, "trailing"), alphas)
    assert steps[0].alpha_bar == 0
    asked: list[int] = []

    def guidance(z: Tensor, eps: Tensor, step: Step, index: int) -> None:
        asked.append(index)

    slots = Slots(guidance=guidance)
    end = sample(
        noise(1), steps, lambda z, s, i: torch.tanh(z), "v_prediction", slots, draw=draws()
    )
    assert asked == [1, 2, 3] and torch.isfinite(end).all()


@pytest.mark.parametrize(
    ("interval", "steps", "indexes"),
    [
        (Interval(), 4, [0, 1, 2, 3]),
        (Interval(start=0.8), 15, [12, 13, 14]),
        (Interval(start=0.8), 8, [7]),
        (Interval(end=0.5), 5, [0, 1, 2]),
        (Interval(start=0.2, end=0.6, every=2), 10, [2, 4]),
        (Interval(start=0.4, end=0.6, every=2), 50, [20, 22, 24, 26, 28]),
        (Interval(start=0.5, end=0.5), 10, []),
    ],
)
def test_intervals(interval: Interval, steps: int, indexes: list[int]) -> None:
    assert [i for i in range(steps) if interval.on(i, steps)] == indexes
