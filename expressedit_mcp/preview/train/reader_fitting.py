"""What the training of the reader and that of the finder share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from expressedit_mcp.preview.network import Layer

from .ahead import made_ahead
from .loop import Losses, Trainer
from .team import Team

T = TypeVar("T")


class Convolution(nn.Module):
    """The convolution that a `network.Layer` describes."""

    def __init__(self, channels: int, layer: Layer) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, layer.channels, 3, layer.stride, 1)
        self.residual = layer.residual
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")
        nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]
        if layer.residual:
            with torch.no_grad():
                self.convolution.weight *= 0.3

    def forward(self, features: Tensor) -> Tensor:
        out = self.convolution(features)
        return torch.relu(out + features if self.residual else out)


def trunk(layers: Sequence[Layer]) -> nn.Sequential:
    """The convolutions of `network.Trunk`, to be trained."""
    channels = (3, *(layer.channels for layer in layers))
    pairs = zip(channels, layers, strict=False)
    return nn.Sequential(*(Convolution(inputs, layer) for inputs, layer in pairs))


def trunk_arrays(convolutions: nn.Sequential) -> dict[str, Tensor]:
    """The arrays that `network.Trunk` reads."""
    arrays: dict[str, Tensor] = {}
    for number, layer in enumerate(convolutions):
        assert isinstance(layer, Convolution)
        arrays[f"layer{number}.weight"] = layer.convolution.weight
        arrays[f"layer{number}.bias"] = layer.convolution.bias  # type: ignore[assignment]
    return arrays


def to_input(pixels: Tensor) -> Tensor:
    """Pictures (N, H, W, 3) uint8 as (N, 3, H, W) of -1..1, channels last in memory."""
    pictures = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    return pictures.contiguous(memory_format=torch.channels_last)


def fit(
    model: nn.Module,
    team: Team,
    make: Callable[[int], T],
    losses: Callable[[T], Losses],
    folder: Path,
    *,
    steps: int,
    seconds: float = 0.0,
    workers: int = 0,
    pace: float = 1.0,
) -> None:
    """Trains the model on the team's device and leaves it with its averaged weights.

    `make(step)` is what `losses` needs at a step, made on the CPU by `workers` processes (0: this one).
    The training ends after `steps`, or `seconds` if these are over first (0: however long it takes).
    `pace` multiplies the learning rates.
    A run that was stopped goes on from the checkpoint in the folder.
    """
    torch.set_num_threads(1)
    on_gpu = team.device.type == "cuda"
    if on_gpu:
        torch.set_float32_matmul_precision("high")
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(
        {"model": model},
        team,
        folder,
        steps=steps,
        muon_lr=5e-3 * pace,
        adam_lr=2e-3 * pace,
        matrices=lambda name, _: ".out." not in name and ".head." not in name,
        averaging=0.997,
        seconds=seconds,
    )
    trainer.resume()
    coming = made_ahead(make, trainer.step, steps, workers, pinned=on_gpu)
    trainer.run(lambda _: losses(next(coming)))
    trainer.use_averages()


def export(arrays: Mapping[str, Tensor], facts: Mapping[str, Any], path: Path) -> None:
    """Writes half-precision arrays and facts for `network.Weights`."""
    halves = {name: value.detach().half().contiguous() for name, value in arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(halves, path, metadata={"facts": json.dumps(facts, ensure_ascii=False)})
