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
# rows of a batch are rounded together; 0.0007 of a level was seen
ROUNDING = 0.01 / 255


def never() -> bool:
    return False


def quiet(*step: object) -> None:
    pass


def alone(editor: Editor, seed: int, **changes: Any) -> np.ndarray:
    return editor.edit(replace(request(**changes), seed=seed), quiet, never)[0]


def all_of(
    engine: LocalEngine, seeds: tuple[int, ...] = SEEDS, **changes: Any
) -> tuple[list[EditResult], list[tuple[int, int, str]]]:
    """The results in order, and all that was told of progress."""
    results, steps = list[EditResult](), list[tuple[int, int, str]]()

    def on_result(at: int, result: EditResult) -> None:
        assert at == len(results)
        results.append(result)

    engine.edit_all(request(**changes), seeds, on_result, lambda *step: steps.append(step), never)
    return results, steps


def single(engine: LocalEngine, seed: int) -> EditResult:
    return engine.edit(replace(request(), seed=seed), quiet, never)


def same(a: EditResult, b: EditResult) -> bool:
    """Whether two results agree but for the rounding of a batch and that of 16 bits."""
    return bool(np.abs(a.colour - b.colour).max() < ROUNDING + 1 / 65535)


class Holding:
    """A UNet on a device with memory for so many rows; two are an edit with guidance."""

    def __init__(self, unet: Any, rows: int) -> None:
        self.unet, self.rows, self.asked = unet, rows, list[int]()

    def __call__(self, z: torch.Tensor, *rest: Any, **named: Any) -> Any:
        self.asked.append(len(z))
        if len(z) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.unet(z, *rest, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unet, name)


def on_small_device(engine: LocalEngine, rows: int) -> Holding:
    """Puts the engine's model on a device with memory for so many rows."""
    engine.edit(request(), quiet, never)
    assert engine._editor is not None
    models = engine._editor.models
    unet = Holding(models.unet, rows)
    engine._editor = Editor(replace(models, unet=unet))
    return unet


@pytest.fixture
def four_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "at_once", lambda *memory: 4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sampler": "euler"},
        {"guidance_scale": 1.0},
        {"control_scale": 0.0},
        {"preserve_structure": 0.5},
        {"strength": 0.0},
    ],
    ids=str,
)
def test_a_batch_gives_what_its_seeds_give_alone(editor: Editor, changes: dict) -> None:
    drawn = editor.draw(request(**changes), SEEDS, quiet, never)
    colours = [drawn.finished(row, quiet, never) for row in range(len(SEEDS))]
    assert (drawn.calls, drawn.controlled) == editor.edit(request(**changes), quiet, never)[1:]
    for seed, colour in zip(SEEDS, colours, strict=True):
        assert np.abs(colour - alone(editor, seed, **changes)).max() < ROUNDING
    if drawn.calls:
        assert np.abs(colours[0] - colours[1]).max() > 4 / 255


def test_a_method_with_branches_of_its_own_samples_alone(
    tiny_dir: Path, four_at_once: None
) -> None:
    assert not request().method.samples_alone
    drag = guided_method("fast", (("girl", 1.0),), "drag", points=(((8.0, 8.0), (12.0, 8.0)),))
    assert drag.samples_alone
    results, steps = all_of(LocalEngine(tiny_dir, "cpu"), method=drag)
    assert len(results) == len(SEEDS)
    assert any(what.startswith("variation 3 of 3: denoising") for _, _, what in steps)
    assert not any(what.startswith("variations") for _, _, what in steps)


def test_as_many_share_a_batch_as_there_is_room_for(tiny_dir: Path, four_at_once: None) -> None:
    seeds = (*SEEDS, 22, 23)
    results, steps = all_of(LocalEngine(tiny_dir, "cpu"), seeds, preserve_structure=0.5)
    assert len(results) == 5
    said = [what for _, _, what in steps]
    assert "variations 1-4 of 5: denoising step 1 of 3" in said
    assert "variations 1-4 of 5: keeping the lines, pass 40 of 40" in said
    assert "variation 5 of 5: denoising step 1 of 3" in said
    told = [(done, total) for done, total, what in steps if what.startswith("variation")]
    assert told == sorted(told)
    # three model calls and ten passes each
    assert told[-1] == (65, 65)


def test_on_a_cpu_one_follows_the_other_and_equals_the_edit_alone(tiny_dir: Path) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    results, steps = all_of(engine)
    assert any(what.startswith("variation 2 of 3") for _, _, what in steps)
    for seed, result in zip(SEEDS, results, strict=True):
        assert np.array_equal(result.rgb, single(engine, seed).rgb)


@pytest.mark.parametrize(("rows", "asked"), [(4, {8, 4}), (2, {8, 4, 2})])
def test_running_out_of_memory_first_halves_the_batch(
    tiny_dir: Path, four_at_once: None, rows: int, asked: set[int]
) -> None:
    engine, seeds = LocalEngine(tiny_dir, "cpu"), (*SEEDS, 22)
    unet = on_small_device(engine, rows)
    results, steps = all_of(engine, seeds)
    assert set(unet.asked) == asked
    assert any(f"going on with {rows // 2} at once" in what for _, _, what in steps)
    assert engine.plan == PLANS[0].name
    for seed, result in zip(seeds, results, strict=True):
        assert same(result, single(engine, seed))
    # what did not fit is not tried again
    unet.asked.clear()
    all_of(engine, seeds)
    assert max(unet.asked) == rows


def test_a_single_edit_that_runs_out_of_memory_goes_on_with_the_next_plan(
    tiny_dir: Path, four_at_once: None
) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    unet = on_small_device(engine, 0)
    results, steps = all_of(engine, SEEDS[:1])
    assert len(results) == 1 and unet.asked == [2]
    assert engine.plan == PLANS[1].name
    assert not any("at once" in what for _, _, what in steps)


def test_a_batch_stops_within_a_step(tiny_dir: Path, four_at_once: None) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    unet = on_small_device(engine, 8)
    results: list[EditResult] = []
    with pytest.raises(Cancelled):
        engine.edit_all(
            request(steps=100, strength=1.0),
            SEEDS,
            lambda at, one: results.append(one),
            quiet,
            lambda: len(unet.asked) >= 3,
        )
    assert len(unet.asked) == 3 and not results
    assert len(all_of(engine)[0]) == 3


def test_what_a_batch_told_before_a_stop_stands(tiny_dir: Path, four_at_once: None) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    results: list[EditResult] = []
    with pytest.raises(Cancelled):
        engine.edit_all(
            request(), SEEDS, lambda at, one: results.append(one), quiet, lambda: bool(results)
        )
    assert len(results) == 1
    assert same(results[0], single(engine, SEEDS[0]))


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
