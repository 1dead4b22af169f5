"""Reads a drawn face: where its features lie, what it shows, and whether it is a face at all.

Learned from the rig's own drawings alone. How well it reads other people's drawings has not been
measured: look at `confidence`, and treat what it says of them as a guess.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from expressedit_mcp.imaging import Box, extract

from .network import Layer, Trunk, Weights

READER_WEIGHTS = Path(__file__).parent / "weights_reader" / "reader.safetensors"
INPUT_PX = 128
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
SQUEEZED, HIDDEN = 32, 192
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

    landmarks is (N, 2) in the rig's order. An iris is None where the eye shows none. parts are boxes
    with room for every state of the part. frame is the square that a model framed on faces wants to
    see. tags are probabilities 0..1 of the rig's tags; confidence, 0..1, is that of a face being there.
    """

    frame: Box
    landmarks: np.ndarray
    left_iris: Iris | None
    right_iris: Iris | None
    parts: Mapping[str, Box]
    tags: Mapping[str, float]
    confidence: float


@dataclass(frozen=True)
class Answers:
    """Where each answer stands in the network's output: points, irises, boxes, frame, logits.

    Coordinates are -1..1 over the crop, lengths in the same unit. An iris is (x, y, radius, height), a box
    (x, y, width, height) about its centre, the frame (x, y, side).
    """

    points: int
    tags: int

    @cached_property
    def slices(self) -> dict[str, slice]:
        sizes = {
            "points": 2 * self.points,
            "irises": 8,
            "boxes": 4 * len(PARTS),
            "frame": 3,
            "shown": 2,
            "face": 1,
            "tags": self.tags,
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
        return self.slices["tags"].stop


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
    def tags(self) -> tuple[str, ...]:
        """The tags that it knows."""
        return tuple(self._weights.facts["tags"])

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self._weights.facts["points"], len(self.tags))

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
        """The network's output for a crop (128, 128, 3) uint8, laid out as Answers says."""
        arrays = self._weights.arrays
        features = self._trunk(crop.astype(np.float32) / 127.5 - 1)
        cells = np.maximum(features @ arrays["squeeze.weight"].T + arrays["squeeze.bias"], 0)
        hidden = arrays["hidden.weight"] @ cells.ravel() + arrays["hidden.bias"]
        return arrays["out.weight"] @ np.maximum(hidden, 0) + arrays["out.bias"]

    def _reading(self, values: np.ndarray, frame: Box) -> Reading:
        half, (x0, y0) = frame.width / 2, frame.centre
        part = {name: values[where] for name, where in self._answers.slices.items()}
        shown = part["shown"] > 0
        irises = [
            Iris(*(float(v) for v in (x0 + half * x, y0 + half * y, half * radius, half * height)))
            if seen
            else None
            for seen, (x, y, radius, height) in zip(
                shown, part["irises"].reshape(2, 4), strict=True
            )
        ]
        x, y, side = part["frame"]
        boxes = part["boxes"].reshape(-1, 4) * half + [x0, y0, 0, 0]
        return Reading(
            frame=_box(x0 + half * x, y0 + half * y, half * side, half * side),
            landmarks=part["points"].reshape(-1, 2) * half + [x0, y0],
            left_iris=irises[0],
            right_iris=irises[1],
            parts={name: _box(*box) for name, box in zip(PARTS, boxes, strict=True)},
            tags=dict(zip(self.tags, sigmoid(part["tags"]).tolist(), strict=True)),
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


def _box(x: float, y: float, width: float, height: float) -> Box:
    left, top = round(x - width / 2), round(y - height / 2)
    return Box(left, top, left + max(1, round(width)), top + max(1, round(height)))
