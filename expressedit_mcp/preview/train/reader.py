"""Trains a network of the face reader on the rig's drawings.

Run: python -m expressedit_mcp.preview.train.reader --work FOLDER --part face|eyes|mouth
With --draw-only instead of --part it draws what parts trained side by side then share.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as binary_cross_entropy
from torch.nn.functional import cross_entropy, smooth_l1_loss

from expressedit_mcp.preview.expression import PARTS as PARTS_OF_FACE
from expressedit_mcp.preview.part_network import HIDDEN, LAYERS, SIDES, SQUEEZED, STRIDE, PartTask
from expressedit_mcp.preview.reader import READER_WEIGHTS
from expressedit_mcp.preview.states import EYE_STATES

from .loop import Losses
from .reader_fitting import export, fit, to_input, trunk, trunk_arrays
from .reader_samples import (
    TASKS,
    Drawings,
    Truth,
    Warp,
    box_of,
    draw,
    negatives,
    places_of,
    weathered,
)
from .team import Team

SEED = 20_001
BATCH = 26
_NEGATIVES = 6 / 26  # for each drawing
_REACH = {"face": 1.0, "eyes": 0.5, "mouth": 0.5}  # how far off the box may be that is given
_WEIGHTS = {"places": 60.0, "words": 0.1, "looks": 0.1}  # the last two are matters on the side
_NEAR = 0.01  # places this near to the truth, in halves of the crop, pull less
_OPEN = np.array([state.both.shows_iris for state in EYE_STATES.values()])
_IRIS_PULL = 0.5  # over the iris' radius, in halves of the crop
_PACE_FROM_WEIGHTS = 0.3
_SMALLEST_IRIS = 0.02  # smaller ones pull no harder
_UNTOLD = -100  # stands for a state that cannot be seen


class PartNet(nn.Module):
    """The network that `preview.part_network.PartNetwork` runs: one trunk, then places and names apart."""

    def __init__(self, task: PartTask) -> None:
        super().__init__()
        cells = -(-task.height_px // STRIDE) * -(-task.width_px // STRIDE)
        self.trunk = trunk(LAYERS)
        self.squeeze = nn.Conv2d(LAYERS[-1].channels, SQUEEZED, 1)
        self.sides = nn.ModuleDict(
            {
                side: nn.ModuleDict(
                    {
                        "hidden": nn.Linear(cells * SQUEEZED, HIDDEN),
                        "out": nn.Linear(HIDDEN, task.sizes[side]),
                    }
                )
                for side in SIDES
            }
        )

    def forward(self, pictures: Tensor) -> Tensor:
        cells = torch.relu(self.squeeze(self.trunk(pictures)))
        # (rows, columns, channels), the order of the NumPy side
        flat = cells.permute(0, 2, 3, 1).flatten(1)
        return torch.cat(
            [side["out"](torch.relu(side["hidden"](flat))) for side in self.sides.values()],  # type: ignore[index]
            dim=1,
        )

    def arrays(self) -> dict[str, Tensor]:
        """What `preview.part_network.PartNetwork` reads."""
        return {
            **trunk_arrays(self.trunk),
            "squeeze.weight": self.squeeze.weight[:, :, 0, 0],
            "squeeze.bias": self.squeeze.bias,  # type: ignore[dict-item]
            **dict(self.sides.named_parameters()),
        }


def load_network(path: Path, task: PartTask) -> PartNet:
    """The network whose weights `export` wrote. Raises ValueError where theirs is of another shape."""
    arrays, model = load_file(path), PartNet(task)
    params = model.arrays()
    if {name: array.shape for name, array in arrays.items()} != {
        name: param.shape for name, param in params.items()
    }:
        raise ValueError(
            f"{path} answers other questions or sees crops of another size than this code's;"
            " train without --from"
        )
    with torch.no_grad():
        for name, param in params.items():
            param.copy_(arrays[name])
    return model


@dataclass(frozen=True)
class FaceCrops:
    """Pictures (N, H, W, 3) uint8, of which the first B show the part in the drawings `picked` (B,).

    `places` (B, …) are where, as `PartTask` tells it; the other pictures do not show the part.
    """

    pictures: Tensor
    picked: Tensor
    places: Tensor

    def pin_memory(self) -> FaceCrops:
        """A copy in memory that a GPU reads while it computes."""
        return FaceCrops(*(getattr(self, field.name).pin_memory() for field in fields(self)))

    def to(self, device: torch.device) -> FaceCrops:
        """The crops on a device."""
        moved = (getattr(self, field.name).to(device, non_blocking=True) for field in fields(self))
        return FaceCrops(*moved)


@dataclass(frozen=True)
class CropMaker:
    """Makes the crops of a step, `batch` of which show the part: the same ones each time."""

    part: str
    drawings: Drawings
    batch: int = BATCH

    def __call__(self, step: int) -> FaceCrops:
        rng = np.random.default_rng([SEED, step])
        picked = rng.integers(0, len(self.drawings.pixels), self.batch)
        pictures, places = [], []
        for number in picked:
            # most boxes are nearly right, as after a first pass; some as wrong as a finder may be
            reach = _REACH[self.part] if rng.random() < 0.25 else 0.2
            picture, place = self._sample(number, rng, reach)
            pictures.append(weathered(picture, rng))
            places.append(place)
        nothing = negatives(rng, self.part, self.drawings, round(self.batch * _NEGATIVES))
        pictures += [weathered(crop, rng) for crop in nothing]
        arrays = np.stack(pictures), picked, np.stack(places)
        return FaceCrops(*map(torch.from_numpy, arrays))

    def mean_places(self) -> np.ndarray:
        """The places in undisturbed crops, averaged over the drawings."""
        rng = np.random.default_rng(0)
        numbers = range(min(500, len(self.drawings.pixels)))
        return np.mean([self._sample(n, rng, 0.0)[1] for n in numbers], axis=0)

    def _sample(
        self, number: int, rng: np.random.Generator, reach: float
    ) -> tuple[np.ndarray, np.ndarray]:
        truth = self.drawings.truth
        warp = Warp.about(box_of(self.part, truth, number), TASKS[self.part], rng, reach)
        crop = warp.picture(self.drawings.pixels[number])
        return crop, places_of(self.part, truth, number, warp)


class Teacher:
    """The loss of the answers of one part's network, computed on a device."""

    def __init__(self, part: str, truth: Truth, device: torch.device) -> None:
        self._task, self._device = TASKS[part], device
        self._wanted = {
            name: torch.from_numpy(_wanted(name, truth)).to(device)
            for name in self._task.names
            if name != "there"
        }

    def losses(self, model: nn.Module, crops: FaceCrops) -> Losses:
        """Smooth L1 of places and lengths, cross entropy of the rest."""
        crops = crops.to(self._device)
        out, slices = model(to_input(crops.pictures)), self._task.slices
        count, width = crops.places.shape
        away = smooth_l1_loss(out[:count, :width], crops.places, reduction="none", beta=_NEAR)
        losses = {"places": _WEIGHTS["places"] * (away * self._pulls(crops.places)).mean()}
        there = (torch.arange(len(out), device=self._device) < count).float()
        losses["there"] = binary_cross_entropy(out[:, slices["there"]].squeeze(1), there)
        for name, wanted in self._wanted.items():
            weight = _WEIGHTS.get(name, 1.0)
            losses[name] = weight * _named(out[:count, slices[name]], wanted[crops.picked])
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    def _pulls(self, places: Tensor) -> Tensor:
        """The weights of places: an iris counts by its own size, and not at all where it is not drawn."""
        pulls = torch.ones_like(places)
        if "irises" in self._task.places:
            irises = self._task.slices["irises"]
            radii = places[:, irises].unflatten(1, (2, 4))[..., 2:3]
            pull = _IRIS_PULL * (radii > 0) / radii.clamp(min=_SMALLEST_IRIS)
            pulls[:, irises] = pull.expand(-1, -1, 4).flatten(1)
        return pulls


def _wanted(name: str, truth: Truth) -> np.ndarray:
    """What is right of N drawings: numbers of states (N,), or which names are true (N, …) float32.

    A look is told by open eyes alone, a gaze by irises.
    """
    shown = truth.irises[:, :, 2] > 0
    if name in PARTS_OF_FACE:
        states = dict(zip(PARTS_OF_FACE, truth.states.T, strict=True))
        told = {"iris": _OPEN[states["eyes"]], "gaze": shown.any(axis=1)}
        return np.where(told.get(name, True), states[name], _UNTOLD)
    return (shown if name == "shown" else getattr(truth, name)).astype(np.float32)


def _named(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy of one of the answers that are names."""
    if wanted.ndim == 1:
        return cross_entropy(logits, wanted, ignore_index=_UNTOLD)
    return binary_cross_entropy(logits, wanted) * wanted.shape[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for drawings and checkpoint"
    )
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--part", choices=list(TASKS))
    wanted.add_argument("--draw-only", action="store_true", help="draw and train nothing")
    parser.add_argument("--out", type=Path, default=READER_WEIGHTS, help="folder for weights")
    parser.add_argument("--drawings", type=int, default=30_000)
    parser.add_argument("--processes", type=int, default=1, help="that draw")
    parser.add_argument("--steps", type=int, default=9_000)
    parser.add_argument("--seconds", type=float, default=0.0, help="end after, 0: after all steps")
    parser.add_argument("--batch", type=int, default=BATCH, help="crops of the part in each step")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--workers", type=int, default=0, help="that make crops, 0: none of their own"
    )
    parser.add_argument(
        "--from", dest="start", type=Path, help="a folder of weights to go on from, more gently"
    )
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    drawings = drawings_in(options.work, options.drawings, options.processes)
    if options.draw_only:
        return
    task, make = TASKS[options.part], CropMaker(options.part, drawings, options.batch)
    torch.manual_seed(SEED)
    if options.start:
        model = load_network(options.start / f"{options.part}.safetensors", task)
    else:
        model = PartNet(task)
        with torch.no_grad():
            model.sides["places"]["out"].bias.copy_(torch.from_numpy(make.mean_places()))  # type: ignore[index]
    team = Team(device=torch.device(options.device))
    teacher = Teacher(options.part, drawings.truth, team.device)
    fit(
        model,
        team,
        make,
        lambda crops: teacher.losses(model, crops),
        options.work / options.part,
        steps=options.steps,
        seconds=options.seconds,
        workers=options.workers,
        pace=_PACE_FROM_WEIGHTS if options.start else 1.0,
    )
    out = options.out / f"{options.part}.safetensors"
    export(model.arrays(), asdict(task), out)
    print(f"wrote {out}, {out.stat().st_size / 1e6:.2f} MB", flush=True)


def drawings_in(folder: Path, count: int, processes: int = 1) -> Drawings:
    """The training drawings, drawn once and kept in the folder."""
    path = folder / f"drawings-{count}"
    if not path.is_dir():
        print(f"drawing {count} faces", flush=True)
        draw(path, SEED, count, processes)
    return Drawings.load(path)


if __name__ == "__main__":
    main()
