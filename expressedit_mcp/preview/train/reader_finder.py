"""Trains the face finder on pages of the rig's drawings, on one CPU core.

Run: python -m expressedit_mcp.preview.train.reader_finder --work FOLDER, after train.reader.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from expressedit_mcp.preview.finder import (
    BASE_SIDE_PX,
    FINDER_WEIGHTS,
    LAYERS,
    SIDES_PX,
    STRIDE,
    cell_centre,
)

from .loop import Losses
from .reader import drawings_in
from .reader_backgrounds import background
from .reader_fitting import export, fit, to_input, trunk, trunk_arrays
from .reader_samples import DRAWN_PX, Drawings, weathered
from .team import Team

SEED = 30_001
BATCH, PAGE_PX = 20, 160
_CELLS = PAGE_PX // STRIDE
_MARGIN = 1.2  # frames this much outside SIDES_PX are neither asked for nor forbidden
_CORE = 0.2  # cells within this part of a frame's side from its centre answer for it

Rng = np.random.Generator


class FinderNet(nn.Module):
    """The network that `preview.finder.FaceFinder` runs."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = trunk(LAYERS)
        self.head = nn.Conv2d(LAYERS[-1].channels, 4, 1)
        nn.init.constant_(self.head.bias[:1], -3.0)  # type: ignore[index]

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.trunk(pictures))

    def arrays(self) -> dict[str, Tensor]:
        head = {"head.weight": self.head.weight[:, :, 0, 0], "head.bias": self.head.bias}
        return {**trunk_arrays(self.trunk), **head}  # type: ignore[dict-item]


@dataclass(frozen=True)
class Page:
    """A page (160, 160, 3) uint8 and the frames (N, 3) of its faces as (x, y, side)."""

    pixels: np.ndarray
    frames: np.ndarray


def page(rng: Rng, drawings: Drawings) -> Page:
    """A background with up to five drawings of any size in it; a quarter hold none."""
    pixels = background(rng, PAGE_PX, PAGE_PX)
    frames: list[tuple[float, float, float]] = []
    taken = np.zeros((PAGE_PX, PAGE_PX), bool)
    wanted = 0 if rng.random() < 0.25 else int(rng.integers(1, 6))
    for _ in range(wanted):
        number = int(rng.integers(len(drawings.pixels)))
        x, y, side = drawings.truth.frames[number]
        scale = float(np.exp(rng.uniform(np.log(14), np.log(110)))) / side
        size = max(8, round(DRAWN_PX * scale))
        scale = size / DRAWN_PX
        left, top = rng.integers(-size // 3, PAGE_PX - size * 2 // 3, 2)
        place = np.s_[max(top, 0) : top + size, max(left, 0) : left + size]
        middle = (x * scale + left, y * scale + top)
        if taken[place].any() or not all(0 <= value < PAGE_PX for value in middle):
            continue
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        drawn = cv2.resize(drawings.pixels[number], (size, size), interpolation=method)
        shown = pixels[place]
        shown[:] = drawn[max(-top, 0) :, max(-left, 0) :][: shown.shape[0], : shown.shape[1]]
        taken[place] = True
        frames.append((*middle, side * scale))
    return Page(weathered(pixels, rng), np.array(frames).reshape(-1, 3))


def targets(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the cells shall answer: is there a face, (20, 20), -1 where either is fine; where, (3, 20, 20)."""
    centres = cell_centre(np.arange(_CELLS))  # type: ignore[arg-type]
    y, x = np.meshgrid(centres, centres, indexing="ij")
    wanted = np.zeros((_CELLS, _CELLS), np.float32)
    places = np.zeros((3, _CELLS, _CELLS), np.float32)
    low, high = SIDES_PX
    for face_x, face_y, side in frames:
        away = np.hypot(x - face_x, y - face_y)
        near, core = away < 2 * _CORE * side, away < max(_CORE * side, STRIDE * 0.72)
        if not low / _MARGIN <= side <= high * _MARGIN:
            continue
        wanted[near] = -1
        if low <= side <= high:
            wanted[core] = 1
            places[0][core] = (face_x - x[core]) / BASE_SIDE_PX
            places[1][core] = (face_y - y[core]) / BASE_SIDE_PX
            places[2][core] = np.log(side / BASE_SIDE_PX)
    return wanted, places


def pages_at(drawings: Drawings, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pages (BATCH, 160, 160, 3) uint8 and their `targets`; the same step gives the same ones."""
    rng = np.random.default_rng([SEED, step])
    pages = [page(rng, drawings) for _ in range(BATCH)]
    rows = [(one.pixels, *targets(one.frames)) for one in pages]
    pixels, wanted, places = (
        torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)
    )
    return pixels, wanted, places


def losses(model: nn.Module, pixels: Tensor, wanted: Tensor, places: Tensor) -> Losses:
    """Focal loss of "is there a face" (T.-Y. Lin et al., 2017), L1 of the places of those there are."""
    answers = model(to_input(pixels))
    there = wanted == 1
    count = there.sum().clamp(min=1)
    plain = cross_entropy(answers[:, 0], wanted.clamp(min=0), reduction="none")
    wrong = 1 - torch.exp(-plain)
    focal = (plain * wrong**2 * (wanted >= 0)).sum() / count
    away = ((answers[:, 1:] - places).abs().sum(dim=1) * there).sum() / count
    return {"loss": focal + 2 * away, "face": focal, "place": away}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for drawings and checkpoint"
    )
    parser.add_argument("--out", type=Path, default=FINDER_WEIGHTS)
    parser.add_argument("--drawings", type=int, default=30_000)
    parser.add_argument("--steps", type=int, default=2_000)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    drawings = drawings_in(options.work, options.drawings)
    torch.manual_seed(SEED)
    model = FinderNet()
    work = options.work / "finder"
    fit(
        model,
        Team(),
        partial(pages_at, drawings),
        lambda pages: losses(model, *pages),
        work,
        steps=options.steps,
    )
    export(model.arrays(), {}, options.out)
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
