"""Energies, their gradients through a tiny random UNet, known tokens and time travel: what must hold exactly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from test_edit import request, run
from torch import Tensor

from expressedit_mcp.engine import EditRequest
from expressedit_mcp.engine.denoise import Condition, Layout
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods import energies
from expressedit_mcp.engine.methods.attention import AttentionControl, Place, installed
from expressedit_mcp.engine.methods.energies import Placement
from expressedit_mcp.engine.methods.features import FeatureTap
from expressedit_mcp.engine.methods.guidance import (
    Scene,
    energy_guidance,
    make_energy,
    patch_cells,
)
from expressedit_mcp.engine.methods.memory import KnownTokens, token_grid
from expressedit_mcp.engine.methods.method import (
    Guidance,
    Interval,
    Memory,
    Method,
    RegionalNoise,
    Source,
    Task,
    Travel,
)
from expressedit_mcp.engine.methods.profiles import Profile, guided_method
from expressedit_mcp.engine.methods.recurrence import TimeTravel
from expressedit_mcp.engine.sampling import add_noise, ode, predict_x0
from expressedit_mcp.engine.schedule import Step, alphas_cumprod, make_schedule, timesteps
from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import Size

SOURCE = Source(prompt=(("smile", 1.0),), anchor_inside=0)
DRAG = Guidance(task="drag", points=(((20, 20), (26, 24)),), blocks=(0,))
STEP = Step(500.0, 0.3, 0.4)


def noise(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def maps(seed: int = 0, shape: tuple[int, int] = (8, 6)) -> list[Tensor]:
    return [noise((1, 5, *shape), seed), noise((1, 3, 2 * shape[0], 2 * shape[1]), seed + 1)]


def half(shape: tuple[int, int] = (16, 12)) -> Tensor:
    mask = torch.zeros(1, 1, *shape, dtype=torch.float64)
    mask[..., : shape[1] // 2] = 1
    return mask


POINTS = torch.tensor([[0.3, 0.4], [0.7, 0.6]], dtype=torch.float64)
OFFSETS = energies.patch_offsets(3, (1 / 24, 1 / 32)).double()
STAY = Placement((0.5, 0.5), (0.5, 0.5))
TERMS: dict[str, Callable[[list[Tensor], list[Tensor]], Tensor]] = {
    "drag": lambda a, b: energies.drag_energy(
        a, b, POINTS, POINTS, OFFSETS, weight=4.0, inpaint=0.2
    ),
    "content": lambda a, b: energies.content_energy(a, b, half(), weight=4.0),
    "placed": lambda a, b: energies.placed_energy(a, b, STAY, half(), weight=4.0),
    "appearance": lambda a, b: energies.appearance_energy(a, b, half(), half(), weight=4.0),
}


@pytest.mark.parametrize("name", TERMS)
def test_an_energy_is_a_fifth_and_flat_at_a_perfect_match(name: str) -> None:
    same = [f.clone().requires_grad_() for f in maps()]
    value = TERMS[name](same, maps())
    assert value.item() == pytest.approx(4 / 5, abs=1e-12)
    for gradient in torch.autograd.grad(value, same):
        assert gradient.norm() < 1e-12


@pytest.mark.parametrize("name", TERMS)
def test_an_energy_is_bounded_and_blind_to_the_features_scale(name: str) -> None:
    value = TERMS[name](maps(2), maps(4))
    assert 4 / 5 < value.item() <= 4
    scaled = TERMS[name]([7 * f for f in maps(2)], [0.1 * f for f in maps(4)])
    assert scaled.item() == pytest.approx(value.item(), abs=1e-9)


@pytest.mark.parametrize("name", TERMS)
def test_an_energy_falls_along_its_gradient(name: str) -> None:
    edit = [f.requires_grad_() for f in maps(2)]
    value = TERMS[name](edit, maps(4))
    gradients = torch.autograd.grad(value, edit)
    size = 1e-5
    after = TERMS[name]([f - size * g for f, g in zip(edit, gradients, strict=True)], maps(4))
    predicted = -size * sum(g.pow(2).sum() for g in gradients)
    assert (after - value).item() == pytest.approx(float(predicted), rel=1e-3)


def test_a_moved_pattern_matches_at_its_new_place() -> None:
    source = [noise((1, 5, 16, 16))]
    moved = [torch.roll(source[0], (2, 3), (2, 3))]
    start, way = torch.tensor([[0.5, 0.5]]).double(), torch.tensor([[3 / 16, 2 / 16]]).double()
    offsets = energies.patch_offsets(3, (1 / 16, 1 / 16)).double()
    at = partial(energies.drag_energy, moved, source, start, offsets=offsets, weight=1.0)
    assert at(start + way).item() == pytest.approx(0.2, abs=1e-12)
    assert at(start).item() > 0.25
    target = torch.zeros(1, 1, 16, 16).double()
    target[..., 6:10, 6:10] = 1
    placement = Placement((0.5, 0.5), (0.5 + 3 / 16, 0.5 + 2 / 16))
    value = energies.placed_energy(moved, source, placement, placement.of(target), weight=1.0)
    assert value.item() == pytest.approx(0.2, abs=1e-9)


def test_a_placement_scales_about_its_origin() -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 12:20, 12:20] = 1
    small = Placement((0.5, 0.5), (0.5, 0.5), 0.5).of(mask)
    assert small.sum().item() == pytest.approx(mask.sum().item() / 4, rel=0.1)
    assert small[..., 14:18, 14:18].min() > 0.9


@pytest.mark.parametrize("shape", [(8, 6), (5, 9)])
@pytest.mark.parametrize("empty", [True, False])
def test_empty_masks_coincident_and_border_points_stay_finite(
    shape: tuple[int, int], empty: bool
) -> None:
    mask = torch.zeros(1, 1, 16, 12).double() if empty else half()
    edit = [f.requires_grad_() for f in maps(2, shape)]
    corners = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]]).double()
    there = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.5, 0.5]]).double()
    known = maps(4, shape)
    values = [
        energies.drag_energy(edit, known, corners, there, OFFSETS, weight=4.0, inpaint=0.2),
        energies.content_energy(edit, known, mask, weight=6.0),
        energies.placed_energy(edit, known, STAY, mask, weight=4.0),
        energies.vacated_energy(edit, known, mask, 0 * mask, contrast=0.2, inpaint=0.8),
        energies.appearance_energy(edit, known, mask, mask, weight=4.0),
    ]
    for value in values:
        gradients = torch.autograd.grad(value, edit, retain_graph=True)
        assert torch.isfinite(value) and all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize(("share", "cells"), [(0.01, 3), (0.1, 3), (0.25, 5), (0.5, 9)])
def test_a_patch_grows_with_the_selection(share: float, cells: int) -> None:
    mask = torch.zeros(1, 1, 32, 24)
    mask[..., 4:14, 3:9] = 1
    assert patch_cells(share, mask) == (cells, (0.5 / 24, 0.5 / 32))


class Stage:
    """A tiny random UNet with everything that guidance takes."""

    def __init__(self, editor: Editor) -> None:
        self.unet = editor.models.unet
        generator = torch.Generator().manual_seed(3)
        self.condition = Condition(
            torch.randn(2, 7, 48, generator=generator),
            torch.randn(2, 32, generator=generator),
            torch.ones(2, 6),
        )
        self.z = torch.randn(2, 4, 8, 8, generator=generator)
        self.mask = torch.zeros(1, 1, 8, 8)
        self.mask[..., 2:6, 1:5] = 1

    def tap(self, **changes: Any) -> FeatureTap:
        return FeatureTap(self.unet, (0, 1), self.condition, self.unet.attn_processors, **changes)

    def gradient(self, plan: Guidance, z: Tensor | None = None, index: int = 0) -> Tensor | None:
        scene = Scene(Size(64, 64), self.mask)
        guide = energy_guidance(
            plan,
            replace(self.tap(checkpointing=plan.checkpointing), blocks=plan.blocks),
            *make_energy(plan, scene),
            10,
        )
        with torch.no_grad():
            z = self.z if z is None else z
            return guide(z, torch.ones_like(z[:1]), STEP, index)

    def output(self) -> Tensor:
        rows = self.condition.rows(True)
        with torch.no_grad():
            return self.unet(self.z, torch.tensor(500.0), return_dict=False, **rows)[0]


@pytest.fixture
def stage(editor: Editor) -> Stage:
    return Stage(editor)


def guided(**changes: Any) -> Guidance:
    return DRAG.model_copy(update={"blocks": (0, 1), **changes})


def gradient_of(stage: Stage, plan: Guidance, **where: Any) -> Tensor:
    found = stage.gradient(plan, **where)
    assert found is not None
    return found


@pytest.mark.parametrize("mode", ["relative", "fixed"])
def test_the_gradient_is_zero_outside_its_region_and_only_there(stage: Stage, mode: str) -> None:
    pull = gradient_of(stage, guided(mode=mode))
    outside = (stage.mask == 0).expand_as(pull)
    assert (pull[outside] == 0).all() and (pull[~outside] != 0).all()
    assert (gradient_of(stage, guided(mode=mode, regional=False))[outside] != 0).any()
    both = gradient_of(stage, guided(mode=mode, content="energy"))
    assert (both[outside] != 0).any()
    assert torch.allclose(both[~outside], pull[~outside], rtol=1e-4, atol=1e-7)


def test_a_relative_strength_is_a_share_of_the_noise(stage: Stage) -> None:
    pull = gradient_of(stage, guided(strength=0.3))
    assert pull.norm().item() == pytest.approx(0.3 * (4 * stage.mask.sum().item()) ** 0.5, rel=1e-4)
    assert gradient_of(stage, guided(strength=0.0)).abs().max() == 0


def test_at_the_source_without_a_way_there_is_no_gradient(stage: Stage) -> None:
    still = guided(points=(((20, 20), (20, 20)),), mode="fixed")
    pull = gradient_of(stage, still, z=stage.z[:1].expand(2, -1, -1, -1).contiguous())
    assert pull.abs().max() < 1e-3 * gradient_of(stage, guided(mode="fixed")).abs().max()


def test_checkpointing_changes_no_gradient(stage: Stage) -> None:
    kept = gradient_of(stage, guided())
    again = gradient_of(stage, guided(checkpointing=True))
    assert torch.allclose(kept, again, atol=1e-6)
    assert not stage.unet.is_gradient_checkpointing


def test_guidance_leaves_the_unet_as_it_was_also_after_an_error(stage: Stage) -> None:
    before, processors = stage.output(), stage.unet.attn_processors
    stage.gradient(guided())
    with pytest.raises(RuntimeError):
        stage.gradient(guided(), z=stage.z[:, :3])
    assert torch.equal(stage.output(), before)
    assert stage.unet.attn_processors == processors
    assert not any(block._forward_hooks for block in stage.unet.up_blocks)


def test_guidance_keeps_to_its_steps(stage: Stage) -> None:
    plan = guided(steps=(Interval(end=0.2), Interval(start=0.4, end=0.7, every=2)))
    on = [stage.gradient(plan, index=index) is not None for index in range(10)]
    assert [index for index in range(10) if on[index]] == [0, 1, 4, 6]


def _tokens(seed: int) -> Tensor:
    return torch.randn(4, 2, 16, 3, generator=torch.Generator().manual_seed(seed))


PAIR = Layout((1, 2, 3), (0, None, None))


def place(part: str = "up", is_cross: bool = False, step: int = 5) -> Place:
    return Place("up_blocks.0", part, is_cross, PAIR, step)


def known_tokens(kind: str) -> KnownTokens:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 1:5] = 1
    return KnownTokens(Memory(kind=kind), mask, mask.flip(-1), 10)  # type: ignore[arg-type]


def test_both_rows_of_the_edit_see_the_sources_tokens() -> None:
    k, v = _tokens(0), _tokens(1)
    for kind, first in (("replace", None), ("concat", k), ("masked", k[2:3].expand(2, -1, -1, -1))):
        _, seen, values = known_tokens(kind).tokens(place(), k, k, v)
        for row in (0, 1):
            if first is None:
                assert torch.equal(seen[row], k[2]) and torch.equal(values[row], v[2])
                continue
            other = k[3] if kind == "masked" else k[2]
            assert torch.equal(seen[row], torch.cat([first[row], other], 1))
        for row in (2, 3):
            assert torch.equal(seen[row][:, :16], k[row])


@pytest.mark.parametrize(
    "where", [place("down"), place("mid"), place(is_cross=True), place(step=0)]
)
def test_other_layers_and_earlier_steps_keep_their_own_tokens(where: Place) -> None:
    k = _tokens(0)
    for kind in ("replace", "concat", "masked"):
        assert known_tokens(kind).tokens(where, k, k, k)[1] is k
        assert known_tokens(kind).bias(where, 16, 32) is None


def test_masked_tokens_are_the_sources_outside_and_the_references_inside() -> None:
    bias = known_tokens("masked").bias(place(), 64, 128)
    assert bias is not None
    mask = known_tokens("masked").mask.flatten() > 0
    reference = known_tokens("masked").mask.flip(-1).flatten() > 0
    for row in (0, 1):
        assert torch.equal(bias[row].flatten() == 0, torch.cat([~mask, reference]))
    assert (bias[2:] == 0).all()


@pytest.mark.parametrize(
    ("count", "shape", "grid"),
    [(64, (8, 8), (8, 8)), (16, (8, 8), (4, 4)), (15, (9, 5), (5, 3)), (6, (9, 5), (3, 2))],
)
def test_a_layers_tokens_lie_on_halved_grids(
    count: int, shape: tuple[int, int], grid: tuple[int, int]
) -> None:
    assert token_grid(count, torch.zeros(1, 1, *shape)) == grid


def with_method(**parts: Any) -> EditRequest:
    pictures = {
        name: parts.pop(name)
        for name in ("source", "part", "reference", "reference_selection")
        if name in parts
    }
    method = Method(solver="anchored", source=SOURCE, **parts)
    return request(method=method, steps=6, strength=0.8, **pictures)


def edited(editor: Editor, **parts: Any) -> np.ndarray:
    return run(editor, with_method(**parts))


OTHER = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
PART = np.pad(np.full((10, 10), 255, np.uint8), 27)
REFERENCE = {"reference": OTHER, "reference_selection": PART}


@pytest.mark.parametrize(
    "parts",
    [
        {"guidance": DRAG},
        {"guidance": DRAG.model_copy(update={"mode": "fixed", "content": "energy"})},
        {"guidance": Guidance(task="landmark", points=(((20, 20), (26, 24)),), blocks=(0,))},
        {"guidance": Guidance(task="move", shift=(4, 2), origin=(32, 32)), "part": PART},
        {"guidance": Guidance(task="appearance", weight_edit=3.5), **REFERENCE},
        {"guidance": Guidance(task="paste", origin=(32, 32)), **REFERENCE},
        {"noise": RegionalNoise()},
        {"recurrence": Travel(repeats=2, steps=Interval(start=0.2, end=0.6))},
        {"memory": Memory()},
        {"memory": Memory(kind="replace")},
        {"memory": Memory(kind="masked"), **REFERENCE},
        {"source": OTHER, "memory": Memory()},
    ],
    ids=lambda parts: str(parts)[:60],
)
def test_every_part_of_a_method_changes_the_edit_and_gives_numbers(
    editor: Editor, parts: dict[str, Any]
) -> None:
    after = edited(editor, **parts)
    assert np.isfinite(after).all()
    assert not np.array_equal(after, edited(editor))


def test_a_guidance_of_no_strength_is_the_plain_anchored_edit_bit_for_bit(editor: Editor) -> None:
    off = DRAG.model_copy(update={"strength": 0.0})
    assert np.array_equal(edited(editor, guidance=off), edited(editor))


def test_noise_that_is_never_on_changes_no_bit(editor: Editor) -> None:
    never = RegionalNoise(steps=Interval(start=1.0))
    assert np.array_equal(edited(editor, noise=never), edited(editor))


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ({"guidance": Guidance(task="move")}, "part"),
        ({"guidance": Guidance(task="paste")}, "reference"),
        ({"memory": Memory(kind="masked"), "reference": OTHER}, "reference_selection"),
    ],
    ids=["part", "reference", "masked"],
)
def test_a_missing_picture_is_told(editor: Editor, parts: dict[str, Any], missing: str) -> None:
    with pytest.raises(InputError, match=missing):
        edited(editor, **parts)


def test_a_method_that_fits_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="guidance needs a source"):
        Method(guidance=DRAG)
    with pytest.raises(ValidationError, match="at least one pair"):
        Guidance(task="drag")


def test_a_method_survives_json() -> None:
    method = with_method(guidance=DRAG, noise=RegionalNoise(), recurrence=Travel()).method
    written = json.dumps(method.model_dump(mode="json", exclude_defaults=True))
    assert Method.model_validate_json(written) == method


def test_travelling_back_undoes_a_step_of_a_constant_model() -> None:
    schedule = make_schedule(timesteps(10, 1.0, "trailing"), alphas_cumprod({}))
    known, eps = noise((1, 4, 6, 5), 2), noise((1, 4, 6, 5), 3)
    entered: list[str] = []

    @contextmanager
    def plain() -> Iterator[None]:
        entered.append("in")
        yield

    travel = TimeTravel(
        Travel(repeats=3, steps=Interval(start=0.3)),
        schedule,
        lambda z, step, index: eps,
        "epsilon",
        known,
        plain,
    )
    assert [travel.repeats(index) for index in range(10)] == [1] * 3 + [3] * 6 + [1]
    for index, step in enumerate(schedule[:-1]):
        known_eps = noise((1, 4, 6, 5), 4)
        z = torch.cat(
            [
                noise((1, 4, 6, 5), 1),
                add_noise(known, known_eps, step.alpha_bar),
            ]
        )
        x0 = torch.cat([predict_x0(eps, z[:1], step.alpha_bar, "epsilon"), known])
        after = ode(z, x0, step, index, lambda: eps)
        assert (travel.back(after, step, index) - z).abs().max() < 1e-9
    assert len(entered) == 9


def test_features_do_not_see_what_a_method_does_in_the_attention(stage: Stage) -> None:
    tap = stage.tap()

    def swap(place: Place, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return q, k, v.flip(2)

    with torch.no_grad():
        with tap.installed():
            plain = tap.read(stage.z, 500.0)
        with installed(stage.unet, AttentionControl(tokens=(swap,))), tap.installed():
            under = tap.read(stage.z, 500.0)
    assert [f.shape[0] for f in plain] == [2, 2]
    for a, b in zip(plain, under, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("profile", ["fast", "paper"])
@pytest.mark.parametrize("task", ["drag", "landmark", "move", "appearance", "paste"])
def test_every_profile_gives_a_method_that_its_caller_may_change(
    profile: Profile, task: Task
) -> None:
    points = (((1.0, 2.0), (3.0, 4.0)),)
    method = guided_method(profile, (), task, points=points, strength=0.125)
    assert method.guidance is not None and method.memory is not None
    assert (method.guidance.strength, method.guidance.points) == (0.125, points)
    plain = guided_method(profile, (), task, points=points)
    assert plain.guidance is not None and plain.guidance.strength != 0.125


def test_the_papers_steps_are_those_of_its_demo() -> None:
    method = guided_method("paper", (), "move")
    assert method.guidance and method.noise and method.recurrence
    on = [i for i in range(50) if any(steps.on(i, 50) for steps in method.guidance.steps)]
    assert on == [*range(10), *range(10, 30, 2)]
    assert [i for i in range(50) if method.noise.steps.on(i, 50)] == list(range(11, 20))
    assert [i for i in range(50) if method.recurrence.steps.on(i, 50)] == [22, 24, 26, 28]


def test_an_inverted_start_gives_numbers_and_edits_the_noise(editor: Editor) -> None:
    start = (20.0, 20.0)
    results = []
    for end in ((26.0, 24.0), start):
        guidance = Guidance(task="drag", strength=0.0, blocks=(0,), points=((start, end),))
        method = Method(solver="inverted", source=SOURCE, guidance=guidance)
        results.append(run(editor, request(method=method, steps=6, strength=0.8)))
    assert all(np.isfinite(result).all() for result in results)
    assert not np.array_equal(*results)
