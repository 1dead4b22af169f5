"""What learning a character and guided edits take at SDXL's full size, with random weights on a CUDA GPU.

It has not been run on a GPU yet. On a CPU it is the shipped model at its own size in fewer steps, which shows
that it runs and no more. TFLOP are the UNet's, counted; ControlNet, VAE and text encoders are not in them. It
imports the engine, the pictures and `benchmarks.engine` alone: a machine that has torch and transformers needs
diffusers, pydantic and OpenCV besides.
Run: python -m benchmarks.methods.full_size [--runs 2]
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.engine.around import page
from benchmarks.engine.models import random_models, shipped_models
from benchmarks.engine.stopwatch import Stopwatch, clock, matmul_tflops, synchronise
from benchmarks.machine import describe, spread
from benchmarks.methods.guidance_cost import SIDES, Unit, edit_tflop, meta_unet, unit_of
from expressedit_mcp.engine import EditRequest
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.learning.cost import SDXL_PX, cost_of, default_settings
from expressedit_mcp.engine.learning.file import as_learned
from expressedit_mcp.engine.learning.learner import Learner
from expressedit_mcp.engine.learning.request import Example, LearnRequest
from expressedit_mcp.engine.memory import choose_plan, describe_plan, footprint, free_gib, placed
from expressedit_mcp.engine.methods.method import PLAIN, Learned, Method
from expressedit_mcp.engine.methods.profiles import PRESETS, Profile, Task, guided_method
from expressedit_mcp.engine.models import ModelSet, choose_device, choose_dtype
from expressedit_mcp.imaging import Size

GUIDED: tuple[tuple[Task, Profile], ...] = (
    ("landmark", "fast"),
    ("appearance", "fast"),
    ("landmark", "paper"),
)
WARM_UP, STEPS, EXAMPLES, LANDMARKS = 3, 12, 3, 68
_FEW = 5  # denoising steps of a warm-up
_CPU_STEPS = 10
_PROMPT = (("1girl", 1.0), ("smile", 1.0))
_NEGATIVE = (("bad quality", 1.0),)
_CAPTION = (("smile", 1.0),)
# as many as a step of learning compares with
_TAGS = (
    "smile", "frown", "open mouth", "closed mouth", "parted lips", "closed eyes", "wide-eyed", "tears",
    "half-closed eyes", "raised eyebrows", "v-shaped eyebrows", "blush", "crying", "angry", "looking up", ":d",
)  # fmt: skip
_CONTROL = "ControlNet"
_COLUMNS = (
    "side, px",
    "steps",
    "seconds",
    "times the plain edit",
    "TFLOP of the UNet",
    "TFLOP/s",
    "peak GPU memory, GiB",
)


@dataclass
class Bench:
    """A model, the side (px) of each profile's crop, and how much is run; `full` at SDXL's own size.

    `plain` keeps the seconds of plain edits by side, which others are compared with.
    """

    models: ModelSet
    sides: dict[Profile, int]
    runs: int
    full: bool
    plain: dict[int, float] = field(default_factory=dict)
    units: dict[int, Unit] = field(default_factory=dict)

    @cached_property
    def _meta(self) -> Any:
        return meta_unet()

    def unit(self, side: int) -> Unit:
        """Counted TFLOP of SDXL's UNet on a crop."""
        if side not in self.units:
            self.units[side] = unit_of(self._meta, side // 8)
        return self.units[side]


@dataclass(frozen=True)
class Edited:
    """Edits of one kind: their seconds, peak GPU memory (GiB, 0 on a CPU) and denoising steps."""

    seconds: Sequence[float]
    peak_gib: float
    calls: int


def main() -> None:
    """Prints a table of learning and a table of edits, each row once it is measured."""
    parser = argparse.ArgumentParser(prog="benchmarks.methods.full_size", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=2, help="timed edits of each kind")
    runs = parser.parse_args().runs
    # processor time is then what one thread takes
    cv2.setNumThreads(1)
    device = choose_device("auto")
    dtype, full = choose_dtype(device), device.type == "cuda"
    where = torch.cuda.get_device_name(device) if full else f"{torch.get_num_threads()} threads"
    print(describe("torch", "diffusers", "transformers", "numpy", "opencv-python-headless"))
    free = free_gib(device)
    models = (random_models if full else shipped_models)(device, dtype)
    # this grid has as many steps as the count takes: steps times strength
    models = replace(models, spacing="trailing")
    size = footprint(models)
    models = placed(models, choose_plan(size, free), device)
    rate = matmul_tflops(device, dtype)
    print(f"\n{models.card.name}, {models.card.native_px} px, on {where} in {dtype}")
    print(f"A large matrix product runs at {rate:.3g} TFLOP/s")
    print(f"Memory plan: {describe_plan(size, free)}", flush=True)
    sides = SIDES if full else dict.fromkeys(SIDES, models.card.native_px)
    measure(Bench(models, sides, runs, full))


def measure(bench: Bench) -> None:
    """Prints learning, then edits from the cheapest kind to the dearest."""
    learned = _print_learning(bench)
    px = bench.models.card.native_px
    whose = "seconds" if bench.models.device.type == "cuda" else "seconds of processor time"
    print(f"\nEdits, {whose}, median (min-max) of {bench.runs}\n")
    _row("edit", _COLUMNS)
    _row("---", ["---"] * len(_COLUMNS))
    _print_plain(bench, px)
    _print_edit(bench, "plain with the learned token", px, plain_request(bench, px, learned), None)
    for task, profile in GUIDED:
        side = bench.sides[profile]
        if side not in bench.plain:
            _print_plain(bench, side)
        request = guided_request(bench, profile, task)
        tflop = edit_tflop(profile, task, bench.unit(side)) if bench.full else None
        _print_edit(bench, f"{task}, `{profile}`", side, request, tflop)


def plain_request(bench: Bench, side: int, learned: Learned | None = None) -> EditRequest:
    """An edit with the card's own settings of a square crop, with a learned token or without."""
    card = bench.models.card
    selection = np.zeros((side, side), np.uint8)
    selection[side // 4 : -side // 4, side // 4 : -side // 4] = 255
    return EditRequest(
        crop=page(Size(side, side)).pixels,
        selection=selection,
        model_size=Size(side, side),
        prompt=_PROMPT,
        negative_prompt=_NEGATIVE,
        strength=card.strength,
        steps=_steps(bench, card.steps.final),
        guidance_scale=card.guidance_scale,
        control_scale=card.control_scale,
        control_end=card.control_end,
        control_inside="keep",
        sampler=card.sampler,
        seed=0,
        method=PLAIN if learned is None else Method(learned=(learned,)),
    )


def guided_request(bench: Bench, profile: Profile, task: Task) -> EditRequest:
    """A guided edit with a profile's own settings: a face's number of points, or a reference of the same size."""
    preset, side = PRESETS[profile][task], bench.sides[profile]
    plain = plain_request(bench, side)
    guidance: dict[str, Any] = {}
    if task == "landmark":
        rng = np.random.default_rng(0)
        starts = rng.uniform(0.3 * side, 0.7 * side, (LANDMARKS, 2))
        ends = starts + rng.normal(0, 0.01 * side, starts.shape)
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        guidance["points"] = tuple((tuple(a), tuple(b)) for a, b in pairs)
    other = page(Size(side, side), seed=1).pixels
    return replace(
        plain,
        strength=preset.strength,
        steps=_steps(bench, preset.steps),
        guidance_scale=preset.guidance_scale,
        control_end=preset.control_end,
        method=guided_method(profile, _PROMPT, task, **guidance),
        # where the edit starts from moved pixels the crop as it was is encoded besides
        source=other if preset.warped else None,
        reference=other if task == "appearance" else None,
        reference_selection=plain.selection if task == "appearance" else None,
    )


def time_edit(bench: Bench, request: EditRequest) -> Edited:
    """The edit from its crop to its colour, nothing of it known from before, after a warm-up of a few steps."""
    device = bench.models.device
    now, seconds, peaks, calls = clock(device), [], [], 0
    few = min(request.steps, math.ceil(_FEW / request.strength))
    Editor(bench.models).edit(replace(request, steps=few), _ignore, _never)
    for seed in range(bench.runs):
        with Stopwatch({}, device) as watch:
            synchronise(device)
            started = now()
            _, calls, _ = Editor(bench.models).edit(replace(request, seed=seed), _ignore, _never)
            seconds.append(now() - started)
        peaks.append(watch.peak_gib)
    return Edited(seconds, max(peaks), calls)


def _print_plain(bench: Bench, side: int) -> None:
    request = plain_request(bench, side)
    edited = _print_edit(bench, "plain, the card's settings", side, request, None)
    bench.plain[side] = statistics.median(edited.seconds)


def _print_edit(
    bench: Bench, name: str, side: int, request: EditRequest, tflop: float | None
) -> Edited:
    """`tflop` is counted for plain edits, all of whose rows are guided, where it is None."""
    edited = time_edit(bench, request)
    middle = statistics.median(edited.seconds)
    if tflop is None and bench.full:
        tflop = 2 * edited.calls * bench.unit(side).call
    _row(f"{name}", [
        str(side),
        str(edited.calls),
        spread(edited.seconds),
        f"{middle / bench.plain.get(side, middle):.2f}",
        "" if tflop is None else f"{tflop:.0f}",
        "" if tflop is None else f"{tflop / middle:.0f}",
        _gib(edited.peak_gib),
    ])  # fmt: skip
    return edited


def _print_learning(bench: Bench) -> Learned:
    """Learns for a few steps, prints what they take beside the plan, and gives what was learned by then."""
    models, request = bench.models, learn_request(bench.models)
    settings, device = request.settings, models.device
    now = clock(device)
    planned = models.card.native_px >= SDXL_PX
    cost = cost_of(settings, models.card.native_px)
    size = footprint(models)
    weights = size.denoisers_gib + size.texts_gib + size.vae_gib
    times: dict[bool, list[float]] = {False: [], True: []}
    peak = 0.0

    def timed(work: Callable[[], Any]) -> tuple[float, Any]:
        synchronise(device)
        started = now()
        result = work()
        synchronise(device)
        return now() - started, result

    with tempfile.TemporaryDirectory() as folder:
        begin, learner = timed(lambda: Learner(models, request, Path(folder)))
        for number in range(WARM_UP + STEPS):
            controlnet = [] if models.controlnet is None else [models.controlnet]
            with Stopwatch({_CONTROL: controlnet}, device) as watch:
                seconds, _ = timed(learner.step)
            peak = max(peak, watch.peak_gib)
            if number >= WARM_UP:
                times[watch.calls[_CONTROL] > 0].append(seconds)
        save, _ = timed(learner.save)
    shares = {True: settings.controlled, False: 1 - settings.controlled}
    known = {on: statistics.median(times[on]) for on in times if times[on]}
    # a few steps may all be of one kind
    mean = sum(shares[on] * known[on] for on in known) / sum(shares[on] for on in known)
    a_step = cost.tflop / settings.steps
    print(
        f"\nLearning a character from {EXAMPLES} crops of {models.card.native_px} px: {settings.steps} steps, "
        f"{settings.controlled:.0%} of them with the ControlNet; noise levels in each: {settings.batch}. {STEPS} "
        f"steps were measured after {WARM_UP} others; denoising loss {learner.metrics['denoising']:.3g}.\n"
    )

    def row(name: str, measured: str, plan: str = "") -> None:
        _row(f"{name}", [measured, plan if planned else ""])

    _row("learning", ["measured", "plan (`cost_of`)"])
    _row("---", ["---"] * 2)
    row("seconds before the first step", f"{begin:.2f}")
    for on, what in ((False, "without"), (True, "with")):
        row(f"seconds a step {what} the ControlNet", spread(times[on], 3) if times[on] else "")
    row("seconds to write a checkpoint, every 25 steps", f"{save:.2f}")
    total = begin + settings.steps * mean + settings.steps / 25 * save
    row(f"seconds of {settings.steps} steps", f"{total:.0f}", f"{cost.seconds:.0f}")
    row("TFLOP a step", "", f"{a_step:.1f}")
    row("TFLOP/s, at the plan's TFLOP", f"{a_step / mean:.0f}" if planned else "", "100")
    row("weights, GiB", _gib(weights), _gib(weights))
    beside = peak - weights if peak else 0.0
    row("beside the weights at the most, GiB", _gib(beside), _gib(cost.beside_gib))
    row("peak GPU memory, GiB", _gib(peak), _gib(weights + cost.beside_gib))
    return as_learned(learner.file("random"))


def learn_request(models: ModelSet) -> LearnRequest:
    """Examples of random pixels at the model's native size, learned by its default settings."""
    px, rng = models.card.native_px, np.random.default_rng(0)
    mask = np.zeros((px, px), np.uint8)
    mask[px // 4 : -px // 4, px // 4 : -px // 4] = 255
    crops = [rng.integers(0, 256, (px, px, 3), np.uint8) for _ in range(EXAMPLES)]
    return LearnRequest(
        name="random",
        kind="character",
        class_word="solo",
        examples=tuple(Example(crop, mask, Size(px, px), _CAPTION) for crop in crops),
        attributes=_TAGS,
        seed=0,
        settings=default_settings(models.card),
    )


def _steps(bench: Bench, steps: int) -> int:
    return steps if bench.full else min(steps, _CPU_STEPS)


def _gib(value: float) -> str:
    return f"{value:.2f}" if value else ""


def _row(name: str, cells: Sequence[str]) -> None:
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _ignore(done: int, total: int, what: str) -> None:
    pass


def _never() -> bool:
    return False


if __name__ == "__main__":
    main()
