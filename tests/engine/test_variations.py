"""Several variations of one request: in one batch, one after another, and from an engine elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_edit import request

from expressedit_mcp.engine import EditResult, LocalEngine
from expressedit_mcp.engine import memory as plans
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.memory import PLANS, Footprint, at_once
from expressedit_mcp.engine.methods.profiles import guided_method
from expressedit_mcp.errors import Cancelled

SEEDS = (7, 8, 21)


def never() -> bool:
    return False


def quiet(*step: object) -> None:
    pass


def alone(editor: Editor, seed: int, **changes: Any) -> np.ndarray:
    return editor.edit(replace(request(**changes), seed=seed), quiet, never)[0]


def all_of(
    engine: LocalEngine, seeds: tuple[int, ...] = SEEDS
) -> tuple[list[EditResult], list[str]]:
    results, said = list[EditResult](), list[str]()

    def on_result(at: int, result: EditResult) -> None:
        assert at == len(results)
        results.append(result)

    engine.edit_all(request(), seeds, on_result, lambda i, n, what: said.append(what), never)
    return results, said


@pytest.fixture
def three_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "at_once", lambda *memory: 3)


@pytest.mark.parametrize("changes", [{}, {"sampler": "euler_a"}, {"preserve_structure": 0.5}])
def test_a_batch_gives_what_its_seeds_give_alone(editor: Editor, changes: dict) -> None:
    colours, calls, controlled = editor.edits(request(**changes), SEEDS, quiet, never)
    assert (calls, controlled) == editor.edit(request(**changes), quiet, never)[1:]
    for seed, colour in zip(SEEDS, colours, strict=True):
        # rows of a batch are rounded together
        assert np.abs(colour - alone(editor, seed, **changes)).max() < 1 / 255
    assert np.abs(colours[0] - colours[1]).max() > 4 / 255


def test_a_method_with_branches_of_its_own_samples_alone() -> None:
    assert not request().method.samples_alone
    drag = guided_method("fast", (("girl", 1.0),), "drag", points=(((8.0, 8.0), (12.0, 8.0)),))
    assert drag.samples_alone


def test_as_many_share_a_batch_as_there_is_room_for(tiny_dir: Path, three_at_once: None) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    results, said = all_of(engine, (*SEEDS, 22))
    assert len(results) == 4
    assert any(what.startswith("variations 1-3 of 4: denoising") for what in said)
    assert any(what.startswith("variation 4 of 4: denoising") for what in said)


def test_on_a_cpu_one_follows_the_other_and_equals_the_edit_alone(tiny_dir: Path) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    results, said = all_of(engine)
    assert any(what.startswith("variation 2 of 3") for what in said)
    for seed, result in zip(SEEDS, results, strict=True):
        single = engine.edit(replace(request(), seed=seed), quiet, never)
        assert np.array_equal(result.rgb, single.rgb)


def test_running_out_of_memory_first_takes_fewer_at_once(
    tiny_dir: Path, three_at_once: None
) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    all_of(engine)
    editor = engine._editor
    assert editor is not None
    unet, batches = editor.models.unet, list[int]()

    class OneAtATime:
        """A UNet on a device that holds one edit, which is two rows."""

        def __call__(self, z: torch.Tensor, *rest: Any, **named: Any) -> Any:
            batches.append(len(z))
            if len(z) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return unet(z, *rest, **named)

        def __getattr__(self, name: str) -> Any:
            return getattr(unet, name)

    engine._editor = Editor(replace(editor.models, unet=OneAtATime()))
    results, said = all_of(engine)
    assert len(results) == 3 and batches[0] == 6 and set(batches[1:]) == {2}
    assert any("going on with 1 at once" in what for what in said)
    assert engine.plan == PLANS[0].name


def test_what_was_told_before_a_stop_stands(tiny_dir: Path) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    results: list[EditResult] = []
    with pytest.raises(Cancelled):
        engine.edit_all(
            request(), SEEDS, lambda at, one: results.append(one), quiet, lambda: bool(results)
        )
    assert len(results) == 1


def test_a_large_gpu_holds_four_and_a_full_one_a_single_variation() -> None:
    sdxl = Footprint(denoisers_gib=5.29, texts_gib=1.53, vae_gib=0.31, native_px=1024)
    assert at_once(sdxl, PLANS[0], None) == 1
    assert at_once(sdxl, PLANS[0], 11.0) == 1
    assert at_once(sdxl, PLANS[0], 16.0) == 2
    assert at_once(sdxl, PLANS[0], 139.0) == 4
    assert at_once(sdxl, PLANS[-1], 139.0) == 1
