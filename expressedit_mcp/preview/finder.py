"""Finds drawn faces on a page: a small network scans the picture at several sizes, the reader looks closer.

Learned from the rig's own drawings alone; how often it finds or misses faces of other artists is not
known. What it returns says how certain it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from expressedit_mcp.imaging import Box, Face

from .network import Layer, Trunk, Weights, sigmoid
from .reader import FaceReader, Reading
from .tags import record_name

FINDER_WEIGHTS = Path(__file__).parent / "weights_reader" / "finder.safetensors"
LAYERS = (
    Layer(12, stride=2),
    Layer(24, stride=2),
    Layer(32, stride=2),
    *(Layer(32, residual=True),) * 4,
)
STRIDE = 8
BASE_SIDE_PX = 36.0  # a face frame's side for which the scale answer is 0
SIDES_PX = (24.0, 54.0)  # the frames that one scan finds; each next scan is at half the size
_LARGEST_SCAN_PX = 960
_MOST_CANDIDATES = 24
_WORTH_A_LOOK = 0.3

T = TypeVar("T")


class FaceFinder:
    """Implements `imaging.Finder` for drawn characters. Weights are read when it is first asked.

    A face is told of when the reader is sure of it to `sure` (0..1).
    """

    def __init__(
        self, reader: FaceReader | None = None, path: Path = FINDER_WEIGHTS, sure: float = 0.5
    ) -> None:
        self.reader = reader or FaceReader()
        self._path, self._sure = path, sure

    @cached_property
    def _weights(self) -> Weights:
        return Weights.load(self._path)

    @cached_property
    def _trunk(self) -> Trunk:
        return Trunk(LAYERS, self._weights)

    def find_faces(self, rgb: np.ndarray) -> list[Face]:
        """Faces of (H, W, 3) uint8, the most certain first; empty when none is sure enough."""
        return [_face(reading) for reading in self.find_readings(rgb)]

    def find_readings(self, rgb: np.ndarray) -> list[Reading]:
        """The readings behind `find_faces`, in the same order."""
        candidates = sorted(self._candidates(rgb), key=lambda found: -found[0])
        frames = _distinct((frame for _, frame in candidates), lambda frame: frame)
        read = (self.reader.read(rgb, frame) for frame in frames[:_MOST_CANDIDATES])
        sure = [reading for reading in read if reading.confidence >= self._sure]
        sure.sort(key=lambda reading: -reading.confidence)
        return _distinct(sure, lambda reading: reading.frame)

    def _candidates(self, rgb: np.ndarray) -> list[tuple[float, Box]]:
        """Probable face frames of all scans with their probabilities."""
        found: list[tuple[float, Box]] = []
        longest = max(rgb.shape[:2])
        scale = min(1.0, _LARGEST_SCAN_PX / longest)
        picture = _scaled(rgb, scale)
        while max(picture.shape[:2]) >= SIDES_PX[0]:
            found += [(p, _frame(*place, 1 / scale)) for p, *place in self._scan(picture)]
            scale /= 2
            picture = _scaled(picture, 0.5)
        return found

    def _scan(self, picture: np.ndarray) -> list[tuple[float, float, float, float]]:
        """(probability, x, y, side) of each local maximum, in pixels of the scanned picture."""
        arrays = self._weights.arrays
        features = self._trunk(picture.astype(np.float32) / 127.5 - 1)
        answers = features @ arrays["head.weight"].T + arrays["head.bias"]
        probable = sigmoid(answers[..., 0])
        around = cv2.dilate(probable, np.ones((3, 3), np.uint8))
        rows, columns = np.nonzero((probable >= around) & (probable >= _WORTH_A_LOOK))
        found = []
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            _, dx, dy, size = answers[row, column].tolist()
            x, y = cell_centre(column) + dx * BASE_SIDE_PX, cell_centre(row) + dy * BASE_SIDE_PX
            side = BASE_SIDE_PX * math.exp(min(max(size, -1.5), 1.5))
            found.append((float(probable[row, column]), x, y, side))
        return found


def cell_centre(index: int) -> float:
    """The pixel coordinate that a cell of the scan stands for."""
    return (index + 0.5) * STRIDE


def _face(reading: Reading) -> Face:
    irises = {"left_iris": reading.left_iris, "right_iris": reading.right_iris}
    seen = {name: iris.with_rim().box for name, iris in irises.items() if iris}
    tags = {record_name(tag): chance for tag, chance in reading.tags.items()}
    return Face(
        reading.frame,
        {**reading.parts, **seen},
        round(reading.confidence, 3),
        tags,
        reading.landmarks,
    )


def _frame(x: float, y: float, side: float, scale: float) -> Box:
    whole = max(1, round(side * scale))
    left, top = round(x * scale - whole / 2), round(y * scale - whole / 2)
    return Box(left, top, left + whole, top + whole)


def _scaled(rgb: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _distinct(found: Iterable[T], frame_of: Callable[[T], Box]) -> list[T]:
    """Those whose middle no earlier one covers, and which cover no earlier one's middle."""
    kept: list[T] = []
    for one in found:
        if not any(_same(frame_of(one), frame_of(other)) for other in kept):
            kept.append(one)
    return kept


def _same(a: Box, b: Box) -> bool:
    (ax, ay), (bx, by) = a.centre, b.centre
    reach = 0.5 * max(a.width, b.width)
    return abs(ax - bx) < reach and abs(ay - by) < reach
