"""Reads a drawn face: where its features lie, what it shows, and whether it is a face at all.

Learned from the rig's own drawings alone. How well it reads other people's drawings has not been
measured: look at `confidence`, and treat what it says of them as a guess.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from expressedit_mcp.imaging import Box, extract

from .chances import Chances, tag_chances
from .network import Layer, Trunk, Weights

READER_WEIGHTS = Path(__file__).parent / "weights_reader" / "reader.safetensors"
INPUT_PX = 96
LAYERS = (
    Layer(16, stride=2),
    Layer(32, stride=2),
    Layer(32, residual=True),
    Layer(64, stride=2),
    Layer(64, residual=True),
    Layer(64, residual=True),
    Layer(128, stride=2),
    Layer(128, residual=True),
)
SQUEEZED = 48
HIDDEN = {"places": 96, "names": 160}
_RIM = 1.1
_HOPELESS = 0.1
PARTS = ("face", "eyes", "left_eye", "right_eye", "brows", "mouth")


@dataclass(frozen=True)
class Iris:
    """An iris in picture pixels: its centre, half its width (radius) and half its height."""

    x: float
    y: float
    radius: float
    height: float

    def with_rim(self) -> Iris:
        """A little larger, so that the whole outline is in it."""
        return Iris(self.x, self.y, self.radius * _RIM, self.height * _RIM)

    @property
    def box(self) -> Box:
        """The box that its ellipse touches, rounded outwards."""
        return Box(
            math.floor(self.x - self.radius),
            math.floor(self.y - self.height),
            math.ceil(self.x + self.radius),
            math.ceil(self.y + self.height),
        )


@dataclass(frozen=True)
class Reading:
    """What was read in a face; left and right are the viewer's, coordinates continuous picture pixels.

    landmarks is (68, 2) in the rig's order. An iris is None where the eye shows none. parts are boxes
    with room for every state of the part. frame is the square that a model framed on faces wants to
    see. states are the chances of each part's states, tags those of the rig's expression tags, looks
    those of hair, eye colour, age and accessories, all 0..1; confidence, 0..1, is that of a face being
    there.
    """

    frame: Box
    landmarks: np.ndarray
    left_iris: Iris | None
    right_iris: Iris | None
    parts: Mapping[str, Box]
    states: Mapping[str, Chances]
    tags: Chances
    looks: Chances
    confidence: float


@dataclass(frozen=True)
class Vocabulary:
    """The names that the network's logits stand for, as its weights tell them."""

    points: int
    states: Mapping[str, Sequence[str]]
    extras: Sequence[str]
    words: Sequence[str]
    looks: Sequence[str]

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each answer stands in the network's output.

        Coordinates are -1..1 over the crop, lengths in the same unit. An iris is (x, y, radius, height),
        a box (x, y, width, height) about its centre, the frame (x, y, side); the rest are logits.
        """
        sizes = {
            "points": 2 * self.points,
            "irises": 8,
            "boxes": 4 * len(PARTS),
            "frame": 3,
            "shown": 2,
            "face": 1,
            **{part: len(states) for part, states in self.states.items()},
            "extras": len(self.extras),
            "words": len(self.words),
            "looks": len(self.looks),
        }
        starts = np.cumsum([0, *sizes.values()])
        return {
            name: slice(int(start), int(start) + size)
            for (name, size), start in zip(sizes.items(), starts, strict=False)
        }

    @property
    def geometry(self) -> slice:
        """The answers that are lengths or places."""
        return slice(0, self.slices["frame"].stop)

    @property
    def size(self) -> int:
        """How many numbers the network answers."""
        return self.slices["looks"].stop


class FaceReader:
    """Reads one face at a time. Its weights are read when it is first asked."""

    def __init__(self, path: Path = READER_WEIGHTS) -> None:
        self._path = path

    @cached_property
    def _weights(self) -> Weights:
        return Weights.load(self._path)

    @cached_property
    def _trunk(self) -> Trunk:
        return Trunk(LAYERS, self._weights)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What it knows the names of."""
        return Vocabulary(**self._weights.facts)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that name its weights."""
        return hashlib.sha256(self._path.read_bytes()).hexdigest()[:12]

    def read(self, rgb: np.ndarray, frame: Box, passes: int = 2) -> Reading:
        """The reading of the face in a square frame of (H, W, 3) uint8; the frame may leave the picture.

        Each pass after the first looks again through the frame that the one before it found, unless that
        was surely no face.
        """
        reading = self._read_once(rgb, frame)
        for _ in range(passes - 1):
            if reading.confidence < _HOPELESS:
                break
            reading = self._read_once(rgb, reading.frame)
        return reading

    def _read_once(self, rgb: np.ndarray, frame: Box) -> Reading:
        return self._reading(self.answers_to(crop_square(rgb, frame, INPUT_PX)), frame)

    def answers_to(self, crop: np.ndarray) -> np.ndarray:
        """The network's output for a crop (96, 96, 3) uint8, laid out as its vocabulary says."""
        arrays = self._weights.arrays
        features = self._trunk(crop.astype(np.float32) / 127.5 - 1)
        cells = np.maximum(
            features @ arrays["squeeze.weight"].T + arrays["squeeze.bias"], 0
        ).ravel()

        def layer(name: str, inputs: np.ndarray) -> np.ndarray:
            return arrays[f"{name}.weight"] @ inputs + arrays[f"{name}.bias"]

        return np.concatenate(
            [layer(f"{side}.out", np.maximum(layer(f"{side}.hidden", cells), 0)) for side in HIDDEN]
        )

    def _reading(self, values: np.ndarray, frame: Box) -> Reading:
        half, (x0, y0) = frame.width / 2, frame.centre
        names = self.vocabulary
        part = {name: values[where] for name, where in names.slices.items()}
        irises = part["irises"].reshape(2, 4) * half + [x0, y0, 0, 0]
        left, right = (
            Iris(*iris.tolist()) if seen else None
            for iris, seen in zip(irises, part["shown"] > 0, strict=True)
        )
        x, y, side = part["frame"]
        boxes = part["boxes"].reshape(-1, 4) * half + [x0, y0, 0, 0]
        states = {name: _named(known, softmax(part[name])) for name, known in names.states.items()}
        extras = _named(names.extras, sigmoid(part["extras"]))
        return Reading(
            frame=_box(x0 + half * x, y0 + half * y, half * side, half * side),
            landmarks=part["points"].reshape(-1, 2) * half + [x0, y0],
            left_iris=left,
            right_iris=right,
            parts={name: _box(*box) for name, box in zip(PARTS, boxes, strict=True)},
            states=states,
            tags={**tag_chances(states, extras), **_named(names.words, sigmoid(part["words"]))},
            looks=_named(names.looks, sigmoid(part["looks"])),
            confidence=float(sigmoid(part["face"])[0]),
        )


def crop_square(rgb: np.ndarray, frame: Box, side_px: int) -> np.ndarray:
    """The frame (side_px, side_px, 3) of the picture; outside the picture its border is repeated.

    Shrinks by area mean, so that thin lines do not vanish. Black where frame and picture do not meet.
    """
    if (frame & Box(0, 0, rgb.shape[1], rgb.shape[0])).is_empty:
        return np.zeros((side_px, side_px, 3), np.uint8)
    method = cv2.INTER_AREA if frame.width > side_px else cv2.INTER_CUBIC
    return cv2.resize(extract(rgb, frame), (side_px, side_px), interpolation=method)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max())
    return raised / raised.sum()


def _named(names: Sequence[str], chances: np.ndarray) -> dict[str, float]:
    return dict(zip(names, chances.tolist(), strict=True))


def _box(x: float, y: float, width: float, height: float) -> Box:
    left, top = round(x - width / 2), round(y - height / 2)
    return Box(left, top, left + max(1, round(width)), top + max(1, round(height)))
