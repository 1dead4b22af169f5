"""A hundred edits over one another: memory of the process, the rim of the last, and one more edit over that rim.

The shipped model through the studio, as a user's calls would go. Run: python -m benchmarks.stress [--edits 100]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.machine import describe
from expressedit_mcp.imaging import Box, Picture
from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags
from expressedit_mcp.regions import BoxRegion
from expressedit_mcp.settings import SHIPPED_MODEL, Settings
from expressedit_mcp.studio import EditCommand, Studio

REPORTED = (1, 10, 25, 50, 75, 100)
TAGS = (("mouth", "smile"), ("eyes", "closed eyes"), ("mouth", "open mouth"), ("eyes", "wide-eyed"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.stress")
    parser.add_argument("--edits", type=int, default=100)
    count = parser.parse_args().edits
    print(describe("torch", "diffusers", "numpy"))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        studio = Studio.open(Settings(home=home, roots=(home,), model=SHIPPED_MODEL, device="cpu"))
        try:
            _stress(studio, count)
        finally:
            studio.close()


def _stress(studio: Studio, count: int) -> None:
    drawing = draw_character(CHARACTERS["Toma"], expression_from_tags([]), size_px=256)
    first = drawing.pixels
    current = studio.images.add(Picture(first.copy()), "drawn").image_id
    touched = np.zeros(first.shape[:2], bool)
    rng = np.random.default_rng(0)
    box, tag = Box(0, 0, 1, 1), ""
    print(
        "\n| after edits | resident memory, MiB | processor time per edit, s |\n| --- | --- | --- |"
    )
    started = time.process_time()
    for number in range(1, count + 1):
        part, tag = TAGS[number % len(TAGS)]
        left, top, right, bottom = drawing.part_boxes[part]
        # moved a little each time, so that selections overlap but never coincide
        dx, dy = (int(v) for v in rng.integers(-4, 5, 2))
        box = Box(round(left) + dx, round(top) + dy, round(right) + dx, round(bottom) + dy)
        touched[box.slices] = True
        current = _edit(studio, current, box, tag, drawing.crop_box, number)
        if number in REPORTED:
            memory = psutil.Process().memory_info().rss / (1 << 20)
            each = (time.process_time() - started) / number
            print(f"| {number} | {memory:.0f} | {each:.2f} |", flush=True)
    last = studio.images.load(current).pixels
    same = _hash(first[~touched]) == _hash(last[~touched])
    print(f"\nOutside all {count} selections: {'equal' if same else 'DIFFERS'}")
    _repair(studio, current, box, tag, first, drawing.crop_box)


def _repair(
    studio: Studio,
    current: str,
    box: Box,
    tag: str,
    drawn: np.ndarray,
    context: tuple[int, int, int, int],
) -> None:
    """The last edit once more, weaker and over its rim: how large the step across it is before and after."""
    repaired = _edit(studio, current, box.grown(6), tag, context, 0, strength=0.3)
    print(f"\n| step across the rim of {box.as_list()} | levels |\n| --- | --- |")
    for name, pixels in (
        ("as drawn, before any edit", drawn),
        ("after all edits", studio.images.load(current).pixels),
        ("after one edit over the rim", studio.images.load(repaired).pixels),
    ):
        print(f"| {name} | {_rim_step(pixels, box):.1f} |")


def _rim_step(pixels: np.ndarray, box: Box) -> float:
    """Mean absolute difference between the last pixels inside a box and the first outside it."""
    values = pixels.astype(int)
    rows, columns = box.slices
    pairs = (
        (values[box.top, columns], values[box.top - 1, columns]),
        (values[box.bottom - 1, columns], values[box.bottom, columns]),
        (values[rows, box.left], values[rows, box.left - 1]),
        (values[rows, box.right - 1], values[rows, box.right]),
    )
    return float(np.concatenate([np.abs(a - b) for a, b in pairs]).mean())


def _edit(
    studio: Studio,
    image: str,
    box: Box,
    tag: str,
    context: tuple[int, int, int, int],
    seed: int,
    strength: float | None = None,
) -> str:
    command = EditCommand(
        image,
        BoxRegion(box=[float(edge) for edge in box.as_list()]),
        tags=(tag,),
        context=context,
        quality="draft",
        seed=seed,
        strength=strength,
    )
    return studio.edit(command)[0].version.image_id


def _hash(values: np.ndarray) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


if __name__ == "__main__":
    main()
