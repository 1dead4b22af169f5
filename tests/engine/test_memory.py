"""Memory: plans get smaller, running out is answered by the next one, an idle model is freed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_edit import request

from expressedit_mcp.engine import LocalEngine, find_source
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.memory import PLANS, choose_plan, needed_gib, placed, smaller
from expressedit_mcp.engine.models import ModelSet, load_models
from expressedit_mcp.errors import ModelError

CPU = torch.device("cpu")


@pytest.fixture
def models(tiny_dir: Path) -> ModelSet:
    return load_models(find_source(tiny_dir), CPU, torch.float32)


def edit(engine: LocalEngine) -> np.ndarray:
    return engine.edit(request(), lambda *step: None, lambda: False).rgb


def test_every_plan_takes_less_than_the_one_before(models: ModelSet) -> None:
    needs = [needed_gib(models, plan) for plan in PLANS]
    assert needs == sorted(needs, reverse=True)
    assert needs[-1] == 0


def test_plans_end_on_the_cpu() -> None:
    plan: Any = PLANS[0]
    seen = [plan]
    while (plan := smaller(plan)) is not None:
        seen.append(plan)
    assert tuple(seen) == PLANS
    assert seen[-1].on_cpu


def test_a_cpu_takes_the_whole_model(models: ModelSet) -> None:
    assert choose_plan(models, CPU) == PLANS[0]


def test_8_bit_weights_edit_and_differ_little(models: ModelSet, tiny_dir: Path) -> None:
    def run(laid: ModelSet) -> np.ndarray:
        return Editor(laid).edit(request(), lambda *step: None, lambda: False)[0]

    whole = run(models)
    laid = placed(load_models(find_source(tiny_dir), CPU, torch.float32), PLANS[2], CPU)
    stored = {p.dtype for p in laid.unet.parameters()}
    assert torch.float8_e4m3fn in stored
    difference = np.abs(run(laid) - whole)
    assert 0 < difference.mean() < 0.05


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
