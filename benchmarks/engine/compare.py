"""One kind of edit through our engine and through the stock pipeline, timed by the same instrument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks.engine.around import Phases, plan
from benchmarks.engine.stock import Stock
from benchmarks.engine.stopwatch import Stopwatch, clock, count_tflop, synchronise
from expressedit_mcp.engine import EditRequest
from expressedit_mcp.engine.card import Sampler
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.imaging import Patch, Picture, apply_patch, outside_unchanged, srgb_crop

TEXT, ENCODE, UNET, CONTROL, DECODE = (
    "encode prompt",
    "VAE encode",
    "denoise: UNet",
    "denoise: ControlNet",
    "VAE decode",
)
PLAN, REST, COMPOSITE = "plan, crop", "the rest", "composite, compare"
PHASES = (PLAN, TEXT, ENCODE, UNET, CONTROL, DECODE, REST, COMPOSITE)
OURS, AGAIN, STOCK = "ours", "ours, crop and prompt known", "stock"
TOGETHER, IN_TURN = "one batch", "one after another"
_PROMPT = (("1girl", 1.0), ("closed eyes", 1.0), ("smile", 1.0))
_NEGATIVE = (("bad quality", 1.0), ("sketch", 1.0))


@dataclass(frozen=True)
class Case:
    """An edit's settings; the stock pipeline makes as many model calls, at a guidance of its own."""

    name: str
    steps: int
    strength: float
    guidance_scale: float
    control_end: float
    sampler: Sampler
    spacing: str
    stock_guidance_scale: float


@dataclass(frozen=True)
class Timing:
    """One edit: seconds in all and by phase, calls by phase, peak GPU memory (0 on a CPU)."""

    seconds: float
    phases: dict[str, float]
    calls: dict[str, int]
    peak_gib: float


@dataclass(frozen=True)
class Comparison:
    """Timings by contender, each round all of them in turn, and what one edit of each computes."""

    case: Case
    timings: dict[str, list[Timing]]
    tflop: dict[str, float]


def compare(case: Case, models: ModelSet, picture: Picture, runs: int) -> Comparison:
    """Ours with empty caches, ours with another seed right after it, and the stock pipeline."""
    models = replace(models, spacing=case.spacing)
    request, _ = _request(case, models, picture, 0)
    calls = Editor(models).edit(request, _ignore, _never)[1]
    stock = Stock(models)
    run_stock = stock.prepared(request, calls, case.stock_guidance_scale)
    run_stock()
    timings: dict[str, list[Timing]] = {OURS: [], AGAIN: [], STOCK: []}
    for seed in range(runs):
        editor = Editor(models)
        timings[OURS].append(_time_ours(case, editor, picture, 2 * seed))
        timings[AGAIN].append(_time_ours(case, editor, picture, 2 * seed + 1))
        timings[STOCK].append(_time_stock(run_stock, stock, models))
    known = Editor(models)
    known.edit(request, _ignore, _never)
    tflop = {
        OURS: count_tflop(lambda: Editor(models).edit(request, _ignore, _never)),
        AGAIN: count_tflop(lambda: known.edit(request, _ignore, _never)),
        STOCK: count_tflop(run_stock),
    }
    return Comparison(case, timings, tflop)


def time_variations(
    case: Case, models: ModelSet, picture: Picture, runs: int, count: int
) -> dict[str, list[float]]:
    """Seconds of `count` variations by how they are made, each round both ways; crop and prompt are known."""
    request, _ = _request(case, models, picture, 0)
    editor, now = Editor(models), clock(models.device)

    def seconds(batches: Sequence[Sequence[int]]) -> float:
        synchronise(models.device)
        started = now()
        for seeds in batches:
            drawn = editor.draw(request, seeds, _ignore, _never)
            for row in range(len(seeds)):
                drawn.finished(row, _ignore, _never)
        synchronise(models.device)
        return now() - started

    ways = {TOGETHER: [range(count)], IN_TURN: [[seed] for seed in range(count)]}
    for batches in ways.values():
        seconds(batches)
    rounds = [{name: seconds(batches) for name, batches in ways.items()} for _ in range(runs)]
    return {name: [one[name] for one in rounds] for name in ways}


def _time_ours(case: Case, editor: Editor, picture: Picture, seed: int) -> Timing:
    phases = Phases(clock(editor.models.device))
    with _stopwatch(editor.models, editor.models.vae) as watch:
        request, place = phases.time(PLAN, lambda: _request(case, editor.models, picture, seed))
        rgb = phases.time(REST, lambda: editor.edit(request, _ignore, _never)[0])
        phases.time(COMPOSITE, lambda: place(rgb))
    phases.seconds[REST] -= sum(watch.seconds.values())
    seconds = {**phases.seconds, **watch.seconds}
    return Timing(sum(seconds.values()), seconds, watch.calls, watch.peak_gib)


def _time_stock(run: Callable[[], None], stock: Stock, models: ModelSet) -> Timing:
    phases = Phases(clock(models.device))
    with _stopwatch(models, stock.vae) as watch:
        phases.time(REST, run)
    phases.seconds[REST] -= sum(watch.seconds.values())
    seconds = {**phases.seconds, **watch.seconds}
    return Timing(sum(seconds.values()), seconds, watch.calls, watch.peak_gib)


def _request(
    case: Case, models: ModelSet, picture: Picture, seed: int
) -> tuple[EditRequest, Callable[..., None]]:
    """The request of a case, and what puts its result into the picture."""
    selection, crop = plan(picture, models.card.native_px)

    def place(rgb: object) -> None:
        patch = Patch.of(rgb, crop.box, selection, picture)  # type: ignore[arg-type]
        if not outside_unchanged(picture, apply_patch(picture, patch), patch):
            raise AssertionError("pixels outside the selection changed")

    request = EditRequest(
        crop=srgb_crop(picture, crop.box),
        selection=selection.within(crop.box),
        model_size=crop.model_size,
        prompt=_PROMPT,
        negative_prompt=_NEGATIVE,
        strength=case.strength,
        steps=case.steps,
        guidance_scale=case.guidance_scale,
        control_scale=1.0,
        control_end=case.control_end,
        control_inside="keep",
        sampler=case.sampler,
        seed=seed,
    )
    return request, place


def _stopwatch(models: ModelSet, vae: torch.nn.Module) -> Stopwatch:
    return Stopwatch(
        {
            TEXT: [encoder.model for encoder in models.encoders],
            ENCODE: [vae.encoder],
            UNET: [models.unet],
            CONTROL: [models.controlnet],
            DECODE: [vae.decoder],
        },
        models.device,
    )


def _ignore(done: int, total: int, what: str) -> None:
    pass


def _never() -> bool:
    return False
