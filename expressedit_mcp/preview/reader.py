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

import numpy as np

from expressedit_mcp.imaging import Box

from .chances import Chances, tag_chances
from .part_network import PartNetwork

READER_WEIGHTS = Path(__file__).parent / "weights_reader"
POINTS = {  # which landmarks each network tells of
    "face": (*range(17), *range(27, 36)),
    "eyes": (*range(17, 27), *range(36, 48)),
    "mouth": tuple(range(48, 68)),
}
PARTS = ("face", "eyes", "left_eye", "right_eye", "brows", "mouth")
_RIM = 1.1
_HOPELESS = 0.1


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
    those of hair, eye colour, age and accessories, all 0..1; confidence, 0..1, is that of a face, its
    eyes and its mouth being there.
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


class FaceReader:
    """Reads one face at a time: the whole of it, then its eyes and its mouth from nearer.

    The weights of its networks, named as the part that each reads, are read when it is first asked.
    """

    def __init__(self, folder: Path = READER_WEIGHTS) -> None:
        self._paths = [folder / f"{part}.safetensors" for part in POINTS]
        self._face, self._eyes, self._mouth = map(PartNetwork, self._paths)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that name its weights."""
        weights = b"".join(path.read_bytes() for path in self._paths)
        return hashlib.sha256(weights).hexdigest()[:12]

    def read(self, rgb: np.ndarray, frame: Box, passes: int = 2) -> Reading:
        """The reading of the face in a square frame of (H, W, 3) uint8; the frame may leave the picture.

        Each pass after the first reads the whole face again in the frame that the one before it found,
        unless that was surely no face.
        """
        face = self._face.read(rgb, frame)
        for _ in range(passes - 1):
            if face.each("there")["face"] < _HOPELESS:
                break
            face = self._face.read(rgb, _box(face.places["frame"][0]))
        parts: dict[str, Box] = dict(zip(PARTS, map(_box, face.places["boxes"]), strict=True))
        eyes, mouth = self._eyes.read(rgb, parts["eyes"]), self._mouth.read(rgb, parts["mouth"])
        read = {"face": face, "eyes": eyes, "mouth": mouth}
        landmarks = np.empty((68, 2))
        for part, answers in read.items():
            landmarks[list(POINTS[part])] = answers.places["points"]
        left, right = (
            Iris(*iris.tolist()) if chance >= 0.5 else None
            for iris, chance in zip(eyes.places["irises"], eyes.each("shown").values(), strict=True)
        )
        states = {part: eyes.one_of(part) for part in ("eyes", "iris", "gaze", "brows")}
        states["mouth"] = mouth.one_of("mouth")
        return Reading(
            frame=_box(face.places["frame"][0]),
            landmarks=landmarks,
            left_iris=left,
            right_iris=right,
            parts=parts,
            states=states,
            tags={**tag_chances(states, face.each("extras")), **face.each("words")},
            looks=face.each("looks"),
            confidence=math.prod(answers.each("there")[part] for part, answers in read.items()),
        )


def _box(place: np.ndarray) -> Box:
    """The box of a centre with its width and height."""
    x, y, width, height = place.tolist()
    left, top = round(x - width / 2), round(y - height / 2)
    return Box(left, top, left + max(1, round(width)), top + max(1, round(height)))
