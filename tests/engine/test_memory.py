"""Memory: plans get smaller, running out is answered by the next one, an idle model is freed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import single_files
import torch
from test_edit import request

from expressedit_mcp.engine import Card, LocalEngine, ModelSource, find_source
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.memory import (
    PLANS,
    Footprint,
    choose_plan,
    describe_plan,
    footprint,
    footprint_of_files,
    needed_gib,
    placed,
    smaller,
)
from expressedit_mcp.engine.methods.profiles import guided_method
from expressedit_mcp.engine.models import ModelSet, load_models
from expressedit_mcp.errors import ModelError

CPU = torch.device("cpu")


@pytest.fixture
def models(tiny_dir: Path) -> ModelSet:
    return load_models(find_source(tiny_dir), CPU, torch.float32)


def edit(engine: LocalEngine) -> np.ndarray:
    return engine.edit(request(), lambda *step: None, lambda: False).rgb


def test_every_plan_takes_less_than_the_one_before(models: ModelSet) -> None:
    needs = [needed_gib(footprint(models), plan) for plan in PLANS]
    assert needs == sorted(needs, reverse=True)
    assert needs[-1] == 0


def test_plans_end_on_the_cpu() -> None:
    plan: Any = PLANS[0]
    seen = [plan]
    while (plan := smaller(plan)) is not None:
        seen.append(plan)
    assert tuple(seen) == PLANS
    assert seen[-1].on_cpu


# SDXL with the "mid" Canny ControlNet in half precision: 5.13 + 0.55, 1.64, VAE 0.33 GB
SDXL = Footprint(denoisers_gib=5.29, texts_gib=1.53, vae_gib=0.31, native_px=1024)


@pytest.mark.parametrize(
    ("free", "plan"),
    [(None, 0), (24.0, 0), (12.0, 0), (10.0, 1), (8.0, 2), (6.4, 3), (0.0, 3)],
)
def test_the_first_plan_that_fits_is_chosen(free: float | None, plan: int) -> None:
    assert choose_plan(SDXL, free) == PLANS[plan]


def test_files_tell_the_footprint_of_the_loaded_model(tiny_dir: Path, models: ModelSet) -> None:
    told, loaded = footprint_of_files(find_source(tiny_dir), torch.float32), footprint(models)
    assert told.native_px == loaded.native_px
    assert told.denoisers_gib == pytest.approx(loaded.denoisers_gib)
    assert told.texts_gib == pytest.approx(loaded.texts_gib)
    assert told.vae_gib == pytest.approx(loaded.vae_gib)


def test_single_files_tell_the_footprint_of_the_loaded_model(tmp_path: Path) -> None:
    configs = single_files.save_configs(tmp_path / "configs")
    parts = single_files.modules(configs)
    base, control = tmp_path / "base.safetensors", tmp_path / "control.safetensors"
    single_files.save(base, single_files.checkpoint(parts))
    single_files.save(control, parts["controlnet"].state_dict())
    source = ModelSource(Card(name="files"), base, control, configs=configs)
    told = footprint_of_files(source, torch.float32)
    loaded = footprint(load_models(source, CPU, torch.float32))
    # a checkpoint also holds a few values that the modules have no use for
    assert told.denoisers_gib == pytest.approx(loaded.denoisers_gib, rel=1e-3)
    assert told.texts_gib == pytest.approx(loaded.texts_gib, rel=1e-2)
    assert told.vae_gib == pytest.approx(loaded.vae_gib, rel=1e-3)


def test_half_precision_halves_all_but_the_vae(tiny_dir: Path) -> None:
    source = find_source(tiny_dir)
    half, full = (footprint_of_files(source, t) for t in (torch.float16, torch.float32))
    assert half.denoisers_gib == full.denoisers_gib / 2
    assert half.texts_gib == full.texts_gib / 2
    assert half.vae_gib == full.vae_gib


def test_what_was_only_computed_is_said_to_be() -> None:
    assert "computed, not measured" in describe_plan(SDXL, 12.0)
    assert describe_plan(SDXL, 9.3).startswith(PLANS[1].name)
    assert "measured" not in describe_plan(SDXL, None)


def test_8_bit_weights_edit_and_differ_little(models: ModelSet, tiny_dir: Path) -> None:
    def run(laid: ModelSet) -> np.ndarray:
        return Editor(laid).edit(request(), lambda *step: None, lambda: False)[0]

    whole = run(models)
    laid = placed(load_models(find_source(tiny_dir), CPU, torch.float32), PLANS[2], CPU)
    stored = {p.dtype for p in laid.unet.parameters()}
    assert torch.float8_e4m3fn in stored
    difference = np.abs(run(laid) - whole)
    assert 0 < difference.mean() < 0.05


def test_8_bit_weights_give_no_gradients_for_guidance(tiny_dir: Path) -> None:
    laid = placed(load_models(find_source(tiny_dir), CPU, torch.float32), PLANS[2], CPU)
    drag = guided_method("fast", (("girl", 1.0),), "drag", points=(((8.0, 8.0), (12.0, 8.0)),))
    guided = replace(request(), method=drag)
    with pytest.raises(ModelError, match="guided edits need gradients"):
        Editor(laid).edit(guided, lambda *step: None, lambda: False)


class _RunsOut:
    """Stands in for a UNet whose first calls run out of memory."""

    def __init__(self, unet: Any, times: int) -> None:
        self.unet, self.left = unet, times

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.left:
            self.left -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.unet(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unet, name)


def _running_out(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    from dataclasses import replace

    from expressedit_mcp.engine import models

    loaded = models.load_models
    left = [times]

    def load(*arguments: Any) -> ModelSet:
        found = loaded(*arguments)
        if not left[0]:
            return found
        left[0] -= 1
        return replace(found, unet=_RunsOut(found.unet, 1))

    monkeypatch.setattr(models, "load_models", load)


def test_running_out_goes_on_with_the_next_plan(
    tiny_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = edit(LocalEngine(tiny_dir, "cpu"))
    _running_out(monkeypatch, 1)
    engine = LocalEngine(tiny_dir, "cpu")
    said: list[str] = []
    got = engine.edit(request(), lambda i, n, what: said.append(what), lambda: False).rgb
    assert np.array_equal(got, expected)
    assert engine.plan == PLANS[1].name
    assert any("memory ran out" in what for what in said)


def test_running_out_of_plans_is_said(tiny_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _running_out(monkeypatch, len(PLANS))
    engine = LocalEngine(tiny_dir, "cpu")
    with pytest.raises(ModelError, match="EXPRESSEDIT_DEVICE=cpu"):
        edit(engine)


def test_an_idle_model_is_freed_and_comes_back(tiny_dir: Path) -> None:
    engine = LocalEngine(tiny_dir, "cpu", idle_s=0.05)
    first = edit(engine)
    deadline = time.monotonic() + 20
    while engine.plan is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine.plan is None
    assert np.array_equal(edit(engine), first)
    engine.close()


def test_a_model_in_use_stays(tiny_dir: Path) -> None:
    engine = LocalEngine(tiny_dir, "cpu", idle_s=60)
    edit(engine)
    assert engine.plan == PLANS[0].name
    engine.close()
