"""Trains the face reader on the rig's drawings, on one CPU core.

Run: python -m expressedit_mcp.preview.train.reader --work FOLDER
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as binary_cross_entropy
from torch.nn.functional import cross_entropy, smooth_l1_loss

from expressedit_mcp.preview.reader import (
    HIDDEN,
    INPUT_PX,
    LAYERS,
    READER_WEIGHTS,
    SQUEEZED,
    Vocabulary,
)

from .loop import Losses
from .reader_fitting import export, fit, to_input, trunk, trunk_arrays
from .reader_samples import (
    VOCABULARY,
    Drawings,
    Warp,
    collect,
    geometry,
    negatives,
    weathered,
)

SEED = 20_001
BATCH, NEGATIVES = 28, 4
_CELLS = (INPUT_PX // 16) ** 2
_SIDE_MATTER = 0.1  # words for the whole face, and the character's look
_NEAR = 0.03  # places this near to the truth, in halves of the crop, pull less
_NEEDS_IRIS = ("iris", "gaze")


class ReaderNet(nn.Module):
    """The network that `preview.reader.FaceReader` runs: one trunk, then places and names apart."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.trunk = trunk(LAYERS)
        self.squeeze = nn.Conv2d(LAYERS[-1].channels, SQUEEZED, 1)
        places = vocabulary.geometry.stop
        sizes = {"places": places, "names": vocabulary.size - places}
        self.sides = nn.ModuleDict(
            {
                side: nn.ModuleDict(
                    {
                        "hidden": nn.Linear(_CELLS * SQUEEZED, width),
                        "out": nn.Linear(width, sizes[side]),
                    }
                )
                for side, width in HIDDEN.items()
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
        """What `preview.reader.FaceReader` reads."""
        return {
            **trunk_arrays(self.trunk),
            "squeeze.weight": self.squeeze.weight[:, :, 0, 0],
            "squeeze.bias": self.squeeze.bias,  # type: ignore[dict-item]
            **dict(self.sides.named_parameters()),
        }


class Teacher:
    """Batches of changed drawings, and the loss of the reader's answers to them."""

    def __init__(self, drawings: Drawings) -> None:
        self.drawings = drawings

    def mean_geometry(self) -> np.ndarray:
        """The geometry answers of an undisturbed look, averaged over the drawings."""
        rng = np.random.default_rng(0)
        looks = range(min(500, len(self.drawings.pixels)))
        truth = self.drawings.truth
        return np.mean(
            [geometry(truth, n, Warp.about(truth.frames[n], rng, 0.0)) for n in looks], axis=0
        )

    def pictures_at(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pictures, which drawings the first BATCH show, and their geometry; the rest have no face.

        The same step gives the same pictures.
        """
        rng = np.random.default_rng([SEED, step])
        picked = rng.integers(0, len(self.drawings.pixels), BATCH)
        pictures, places = [], []
        for number in picked:
            # most looks are nearly right, as a second pass is; some as wrong as a finder may be
            reach = 1.0 if rng.random() < 0.25 else 0.2
            warp = Warp.about(self.drawings.truth.frames[number], rng, reach)
            pictures.append(weathered(warp.picture(self.drawings.pixels[number]), rng))
            places.append(geometry(self.drawings.truth, number, warp))
        pictures += [weathered(crop, rng) for crop in negatives(rng, self.drawings, NEGATIVES)]
        return np.stack(pictures), picked, np.stack(places)

    def losses(self, model: nn.Module, step: int) -> Losses:
        """Smooth L1 of places and lengths, cross entropy of the rest; an iris that is not drawn has no place."""
        pictures, picked, places = self.pictures_at(step)
        with torch.autocast("cpu", torch.bfloat16):
            out = model(to_input(pictures)).float()
        truth, part = self.drawings.truth, VOCABULARY.slices
        found = out[:BATCH]
        shown = torch.from_numpy(truth.irises[picked, :, 2] > 0).float()
        weight = torch.ones(places.shape)
        weight[:, part["irises"]] = 4.0 * shown.repeat_interleave(4, dim=1)
        face = (torch.arange(len(out)) < BATCH).float()
        away = smooth_l1_loss(
            found[:, VOCABULARY.geometry], torch.from_numpy(places), reduction="none", beta=_NEAR
        )

        def named(name: str, values: np.ndarray) -> Tensor:
            wanted = torch.from_numpy(values[picked]).float()
            return binary_cross_entropy(found[:, part[name]], wanted) * wanted.shape[1]

        states = torch.zeros(())
        for number, name in enumerate(VOCABULARY.states):
            judged = shown.amax(dim=1) > 0 if name in _NEEDS_IRIS else face[:BATCH] > 0
            wanted = torch.from_numpy(truth.states[picked, number]).long()
            states = states + cross_entropy(found[judged][:, part[name]], wanted[judged])
        losses = {
            "places": 60 * (away * weight).mean(),
            "states": states,
            "extras": named("extras", truth.extras),
            "words": _SIDE_MATTER * named("words", truth.words),
            "looks": _SIDE_MATTER * named("looks", truth.looks),
            "irises": binary_cross_entropy(found[:, part["shown"]], shown),
            "face": binary_cross_entropy(out[:, part["face"]].squeeze(1), face),
        }
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for drawings and checkpoint"
    )
    parser.add_argument("--out", type=Path, default=READER_WEIGHTS)
    parser.add_argument("--drawings", type=int, default=8_000)
    parser.add_argument("--steps", type=int, default=2_600)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(drawings_in(options.work, options.drawings))
    torch.manual_seed(SEED)
    model = ReaderNet(VOCABULARY)
    with torch.no_grad():
        model.sides["places"]["out"].bias.copy_(torch.from_numpy(teacher.mean_geometry()))  # type: ignore[index]
    work = options.work / "reader"
    fit(model, lambda step: teacher.losses(model, step), work, options.steps)
    facts = asdict(VOCABULARY)
    export(model.arrays(), facts, options.out)
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.2f} MB", flush=True)


def drawings_in(folder: Path, count: int) -> Drawings:
    """The training drawings, drawn once and kept in the folder."""
    path = folder / f"drawings-{count}.npz"
    if not path.is_file():
        print(f"drawing {count} faces", flush=True)
        collect(SEED, count).save(path)
    return Drawings.load(path)


if __name__ == "__main__":
    main()
