"""Where an edit's time goes, beside diffusers' stock pipeline on the same modules and beside the machine's limit.

On a CUDA GPU SDXL at full size with random weights, else the shipped model. It imports the engine and the
pictures alone: a machine that has torch and transformers needs diffusers, pydantic and OpenCV besides.
Run: python -m benchmarks.engine [--runs 10] [--only model | variations | around]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

import cv2
import torch

from benchmarks.engine.around import FILES, edit_without_model, page
from benchmarks.engine.compare import (
    CONTROL,
    IN_TURN,
    PHASES,
    STOCK,
    TOGETHER,
    UNET,
    Case,
    Comparison,
    Timing,
    compare,
    time_variations,
)
from benchmarks.engine.models import random_models, shipped_models
from benchmarks.engine.stopwatch import matmul_tflops
from benchmarks.machine import describe, peak_memory_mib, spread
from expressedit_mcp.engine.memory import PLANS, placed
from expressedit_mcp.engine.models import ModelSet, choose_device, choose_dtype
from expressedit_mcp.imaging import Picture, Size

PAGE = Size(1664, 2432)
VARIATIONS = 4
PAGES = (Size(832, 1216), PAGE, Size(3328, 4864))
CASES = (
    Case(
        name="30 steps, strength 0.7, guidance 7, ControlNet to 0.5",
        steps=30,
        strength=0.7,
        guidance_scale=7.0,
        control_end=0.5,
        sampler="euler_a",
        spacing="linspace",
        stock_guidance_scale=7.0,
    ),
    Case(
        name="8 steps, strength 0.75, no guidance (stock: with guidance)",
        steps=8,
        strength=0.75,
        guidance_scale=1.0,
        control_end=1.0,
        sampler="euler",
        spacing="trailing",
        stock_guidance_scale=7.0,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.engine")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", choices=("model", "variations", "around"))
    asked = parser.parse_args()
    # processor time is then what one thread takes
    cv2.setNumThreads(1)
    print(describe("torch", "diffusers", "transformers", "numpy", "opencv-python-headless"))
    if asked.only != "around":
        _print_model(asked.runs, asked.only)
    if asked.only in (None, "around"):
        _print_around(asked.runs)
    print(f"\nPeak memory of the process: {peak_memory_mib():.0f} MiB")


def _print_model(runs: int, only: str | None) -> None:
    device = choose_device("auto")
    dtype = choose_dtype(device)
    on_gpu = device.type == "cuda"
    models = placed((random_models if on_gpu else shipped_models)(device, dtype), PLANS[0], device)
    rate = matmul_tflops(device, dtype)
    where = torch.cuda.get_device_name(device) if on_gpu else f"{torch.get_num_threads()} threads"
    print(f"\n{models.card.name}, {models.card.native_px} px, on {where} in {dtype}")
    whose = "seconds" if on_gpu else "seconds of processor time"
    print(
        f"A large matrix product runs at {rate:.3f} TFLOP/s; {runs} runs, {whose}, median (min-max)"
    )
    picture = page(PAGE)
    for case in CASES if only != "variations" else ():
        _print_comparison(compare(case, models, picture, runs), rate)
    if only != "model":
        _print_variations(models, picture, runs)


def _print_variations(models: ModelSet, picture: Picture, runs: int) -> None:
    print(f"\n{VARIATIONS} variations of an edit, seconds\n")
    _row("", [TOGETHER, IN_TURN, "ratio"])
    _row("---", ["---"] * 3)
    for case in CASES:
        found = time_variations(case, models, picture, runs, VARIATIONS)
        ratios = [a / b for a, b in zip(found[TOGETHER], found[IN_TURN], strict=True)]
        _row(
            case.name.partition(" (")[0],
            [spread(found[TOGETHER]), spread(found[IN_TURN]), spread(ratios)],
        )


def _print_comparison(found: Comparison, rate: float) -> None:
    names = list(found.timings)
    median = {n: statistics.median(t.seconds for t in found.timings[n]) for n in names}
    floor = {n: found.tflop[n] / rate for n in names}
    print(f"\n{found.case.name}\n")
    _row("seconds", names)
    _row("---", ["---"] * len(names))
    for phase in PHASES:
        _row(phase, [_phase(found.timings[n], phase) for n in names])
    _row("whole edit", [spread([t.seconds for t in found.timings[n]], 3) for n in names])
    _row(
        "calls of UNet, ControlNet",
        ["{}, {}".format(*(found.timings[n][0].calls[m] for m in (UNET, CONTROL))) for n in names],
    )
    _row("TFLOP", [f"{found.tflop[n]:.4g}" for n in names])
    _row("TFLOP/s", [f"{found.tflop[n] / median[n]:.4g}" for n in names])
    _row("stock's time / this time", [f"{median[STOCK] / median[n]:.2f}" for n in names])
    _row(
        "this time / floor (TFLOP at the rate above)",
        [f"{median[n] / floor[n]:.2f}" for n in names],
    )
    peaks = [max(t.peak_gib for t in found.timings[n]) for n in names]
    if any(peaks):
        _row("peak GPU memory, GiB", [f"{peak:.2f}" for peak in peaks])


def _phase(timings: Sequence[Timing], phase: str) -> str:
    values = [t.phases[phase] for t in timings if phase in t.phases]
    return spread(values, 3) if values else ""


def _print_around(runs: int) -> None:
    print(
        "\nEverything but the model: a 512 px selection at SDXL's 1024 px, ms of processor time\n"
    )
    columns = []
    for size in PAGES:
        picture = page(size)
        edit_without_model(picture)
        rounds = [edit_without_model(picture) for _ in range(runs)]
        columns.append({name: [1e3 * r[name] for r in rounds] for name in rounds[0]})
    _row("in a picture of", [f"{size.width} x {size.height}" for size in PAGES])
    _row("---", ["---"] * len(PAGES))
    names = [name for name in columns[0] if name not in FILES]
    for name in names:
        _row(name, [spread(column[name], 1) for column in columns])
    sums = [[sum(column[n][i] for n in names) for i in range(runs)] for column in columns]
    _row("**all of it**", [spread(values, 1) for values in sums])
    for name in FILES:
        _row(f"beside it: {name}", [spread(column[name], 0) for column in columns])


def _row(name: str, cells: Sequence[str]) -> None:
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
