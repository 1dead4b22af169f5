"""Trains a network of the face reader on the rig's drawings, on one CPU core.

Run: python -m expressedit_mcp.preview.train.reader --work FOLDER --part face|eyes|mouth
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
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
    Warp,
    box_of,
    collect,
    negatives,
    places_of,
    weathered,
)

SEED = 20_001
BATCH, NEGATIVES = 26, 6
_REACH = {"face": 1.0, "eyes": 0.5, "mouth": 0.5}  # how far off the box may be that is given
_WEIGHTS = {"places": 60.0, "words": 0.1, "looks": 0.1}  # the last two are matters on the side
_NEAR = 0.01  # places this near to the truth, in halves of the crop, pull less
_OPEN = np.array([state.both.shows_iris for state in EYE_STATES.values()])
_IRIS_PULL = 0.5  # over the iris' radius, in halves of the crop
_PACE_FROM_WEIGHTS = 0.3
_SMALLEST_IRIS = 0.02  # smaller ones pull no harder


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
    """The network whose weights `export` wrote. Raises ValueError where it answers something else."""
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["facts"])
        arrays = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    if PartTask(**facts).sizes != task.sizes:
        raise ValueError(
            f"{path} answers other questions than this code asks; train without --from"
        )
    model = PartNet(task)
    with torch.no_grad():
        for name, param in model.arrays().items():
            param.copy_(arrays[name].view_as(param))
    return model


class Teacher:
    """Batches of changed drawings for one part's network, and the loss of its answers to them."""

    def __init__(self, part: str, drawings: Drawings) -> None:
        self.part, self.task, self.drawings = part, TASKS[part], drawings

    def mean_places(self) -> np.ndarray:
        """The places in undisturbed crops, averaged over the drawings."""
        rng = np.random.default_rng(0)
        numbers = range(min(500, len(self.drawings.pixels)))
        return np.mean([self._sample(n, rng, 0.0)[1] for n in numbers], axis=0)

    def pictures_at(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pictures, which drawings the first BATCH show, and their places; the rest do not show the part.

        The same step gives the same pictures.
        """
        rng = np.random.default_rng([SEED, step])
        picked = rng.integers(0, len(self.drawings.pixels), BATCH)
        pictures, places = [], []
        for number in picked:
            # most boxes are nearly right, as after a first pass; some as wrong as a finder may be
            reach = _REACH[self.part] if rng.random() < 0.25 else 0.2
            picture, place = self._sample(number, rng, reach)
            pictures.append(weathered(picture, rng))
            places.append(place)
        nothing = negatives(rng, self.part, self.drawings, NEGATIVES)
        pictures += [weathered(crop, rng) for crop in nothing]
        return np.stack(pictures), picked, np.stack(places)

    def _sample(
        self, number: int, rng: np.random.Generator, reach: float
    ) -> tuple[np.ndarray, np.ndarray]:
        truth = self.drawings.truth
        warp = Warp.about(box_of(self.part, truth, number), self.task, rng, reach)
        crop = warp.picture(self.drawings.pixels[number])
        return crop, places_of(self.part, truth, number, warp)

    def losses(self, model: nn.Module, step: int) -> Losses:
        """Smooth L1 of places and lengths, cross entropy of the rest."""
        pictures, picked, places = self.pictures_at(step)
        out = model(to_input(pictures))
        slices = self.task.slices
        wanted = torch.from_numpy(places)
        away = smooth_l1_loss(out[:BATCH, : places.shape[1]], wanted, reduction="none", beta=_NEAR)
        losses = {"places": _WEIGHTS["places"] * (away * self._pulls(wanted)).mean()}
        there = (torch.arange(len(out)) < BATCH).float()
        losses["there"] = binary_cross_entropy(out[:, slices["there"]].squeeze(1), there)
        for name in self.task.names:
            if name != "there":
                weight = _WEIGHTS.get(name, 1.0)
                losses[name] = weight * self._named(name, out[:BATCH, slices[name]], picked)
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    def _pulls(self, places: Tensor) -> Tensor:
        """The weights of places: an iris counts by its own size, and not at all where it is not drawn."""
        pulls = torch.ones(places.shape)
        if "irises" in self.task.places:
            irises = self.task.slices["irises"]
            radii = places[:, irises].unflatten(1, (2, 4))[..., 2:3]
            pull = _IRIS_PULL * (radii > 0) / radii.clamp(min=_SMALLEST_IRIS)
            pulls[:, irises] = pull.expand(-1, -1, 4).flatten(1)
        return pulls

    def _named(self, name: str, logits: Tensor, picked: np.ndarray) -> Tensor:
        """Cross entropy of one of the answers that are names."""
        truth = self.drawings.truth
        shown = torch.from_numpy(truth.irises[picked, :, 2] > 0)
        if name in PARTS_OF_FACE:
            judged = self._judged(name, picked)
            wanted = torch.from_numpy(truth.states[picked, list(PARTS_OF_FACE).index(name)])
            return cross_entropy(logits[judged], wanted.long()[judged])
        wanted = shown if name == "shown" else torch.from_numpy(getattr(truth, name)[picked])
        return binary_cross_entropy(logits, wanted.float()) * wanted.shape[1]

    def _judged(self, part: str, picked: np.ndarray) -> Tensor:
        """Which of the drawings tell a part's state (BATCH,) bool: a look needs open eyes, a gaze irises."""
        truth = self.drawings.truth
        told = {
            "iris": _OPEN[truth.states[picked, list(PARTS_OF_FACE).index("eyes")]],
            "gaze": truth.irises[picked, :, 2].any(axis=1),
        }
        return torch.from_numpy(told.get(part, np.ones(len(picked), bool)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for drawings and checkpoint"
    )
    parser.add_argument("--part", choices=list(TASKS), required=True)
    parser.add_argument("--out", type=Path, default=READER_WEIGHTS, help="folder for weights")
    parser.add_argument("--drawings", type=int, default=30_000)
    parser.add_argument("--steps", type=int, default=9_000)
    parser.add_argument(
        "--from", dest="start", type=Path, help="a folder of weights to go on from, more gently"
    )
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(options.part, drawings_in(options.work, options.drawings))
    torch.manual_seed(SEED)
    if options.start:
        model = load_network(options.start / f"{options.part}.safetensors", teacher.task)
    else:
        model = PartNet(teacher.task)
        with torch.no_grad():
            model.sides["places"]["out"].bias.copy_(torch.from_numpy(teacher.mean_places()))  # type: ignore[index]
    pace = _PACE_FROM_WEIGHTS if options.start else 1.0
    work = options.work / options.part
    fit(model, lambda step: teacher.losses(model, step), work, options.steps, pace)
    out = options.out / f"{options.part}.safetensors"
    export(model.arrays(), asdict(teacher.task), out)
    print(f"wrote {out}, {out.stat().st_size / 1e6:.2f} MB", flush=True)


def drawings_in(folder: Path, count: int) -> Drawings:
    """The training drawings, drawn once and kept in the folder."""
    path = folder / f"drawings-{count}.npz"
    if not path.is_file():
        print(f"drawing {count} faces", flush=True)
        collect(SEED, count).save(path)
    return Drawings.load(path)


if __name__ == "__main__":
    main()
