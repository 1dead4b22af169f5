"""A small network for one part of a drawn face: where its features lie in a crop, and what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from expressedit_mcp.imaging import Box, extract

from .network import Layer, Trunk, Weights, sigmoid, softmax

LAYERS = (
    Layer(16, stride=2),
    Layer(32, stride=2),
    Layer(32, residual=True),
    Layer(64, stride=2),
    Layer(64, residual=True),
    Layer(64, residual=True),
    Layer(96, stride=2),
    Layer(96, residual=True),
)
STRIDE = 16
SQUEEZED = 48
HIDDEN = 96
SIDES = ("places", "names")


@dataclass(frozen=True)
class PartTask:
    """What a network is shown and what it answers; its weights tell it.

    The crop, (height_px, width_px), is `room` times as wide as the box that it is about. `places` are
    the shapes of the answers that are coordinates and lengths, in halves of the crop's width from its
    centre: (N, 2) points, or (N, 4) centres with two lengths. `names` are what logits stand for.
    """

    width_px: int
    height_px: int
    room: float
    places: Mapping[str, tuple[int, int]]
    names: Mapping[str, Sequence[str]]

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each answer stands in the network's output: the places first, then the names."""
        sizes = {name: rows * columns for name, (rows, columns) in self.places.items()}
        sizes |= {name: len(known) for name, known in self.names.items()}
        starts = np.cumsum([0, *sizes.values()])
        return {
            name: slice(int(start), int(start) + size)
            for (name, size), start in zip(sizes.items(), starts, strict=False)
        }

    @cached_property
    def sizes(self) -> dict[str, int]:
        """How many numbers each of SIDES answers."""
        places = sum(rows * columns for rows, columns in self.places.values())
        return {"places": places, "names": sum(map(len, self.names.values()))}

    def frame_about(self, box: Box) -> Box:
        """The crop's box in the picture, of the crop's proportions."""
        x, y = box.centre
        width = max(1, round(box.width * self.room))
        height = max(1, round(width * self.height_px / self.width_px))
        left, top = round(x - width / 2), round(y - height / 2)
        return Box(left, top, left + width, top + height)


@dataclass(frozen=True)
class PartAnswers:
    """A network's answers: places (see `PartTask`) in picture pixels, and logits."""

    task: PartTask
    places: Mapping[str, np.ndarray]
    logits: Mapping[str, np.ndarray]

    def each(self, name: str) -> dict[str, float]:
        """The chance 0..1 of each of the names, independent of each other."""
        return dict(zip(self.task.names[name], sigmoid(self.logits[name]).tolist(), strict=True))

    def one_of(self, name: str) -> dict[str, float]:
        """The chance 0..1 of each of the names, of which one is true."""
        return dict(zip(self.task.names[name], softmax(self.logits[name]).tolist(), strict=True))


class PartNetwork:
    """Reads one part. Its weights are read when it is first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _weights(self) -> Weights:
        return Weights.load(self._path)

    @cached_property
    def _trunk(self) -> Trunk:
        return Trunk(LAYERS, self._weights)

    @cached_property
    def task(self) -> PartTask:
        """What it is shown and answers."""
        return PartTask(**self._weights.facts)

    def read(self, rgb: np.ndarray, about: Box) -> PartAnswers:
        """What it reads about a box of a picture (H, W, 3) uint8; the box may leave the picture."""
        task = self.task
        frame = task.frame_about(about)
        values = self.answers_to(crop_to(rgb, frame, task.width_px, task.height_px))
        places = {}
        for name, shape in task.places.items():
            places[name] = values[task.slices[name]].reshape(shape) * (frame.width / 2)
            places[name][:, :2] += frame.centre
        return PartAnswers(task, places, {name: values[task.slices[name]] for name in task.names})

    def answers_to(self, crop: np.ndarray) -> np.ndarray:
        """The network's output for a crop (height_px, width_px, 3) uint8, laid out as `PartTask.slices` says."""
        arrays = self._weights.arrays
        features = self._trunk(crop.astype(np.float32) / 127.5 - 1)
        cells = np.maximum(
            features @ arrays["squeeze.weight"].T + arrays["squeeze.bias"], 0
        ).ravel()

        def layer(name: str, inputs: np.ndarray) -> np.ndarray:
            return arrays[f"{name}.weight"] @ inputs + arrays[f"{name}.bias"]

        return np.concatenate(
            [layer(f"{side}.out", np.maximum(layer(f"{side}.hidden", cells), 0)) for side in SIDES]
        )


def crop_to(rgb: np.ndarray, frame: Box, width_px: int, height_px: int) -> np.ndarray:
    """The frame (height_px, width_px, 3) of the picture; outside the picture its border is repeated.

    Shrinks by area mean, so that thin lines do not vanish. Black where frame and picture do not meet.
    """
    if (frame & Box(0, 0, rgb.shape[1], rgb.shape[0])).is_empty:
        return np.zeros((height_px, width_px, 3), np.uint8)
    method = cv2.INTER_AREA if frame.width > width_px else cv2.INTER_CUBIC
    return cv2.resize(extract(rgb, frame), (width_px, height_px), interpolation=method)
