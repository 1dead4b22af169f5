"""Drawings with their truth, and the changes under which they are shown to the networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np

from expressedit_mcp.preview import (
    EXPRESSION_TAGS,
    Drawing,
    Expression,
    draw_character,
    expression_from_tags,
    sample_character,
    sample_expression,
    sample_view,
)
from expressedit_mcp.preview.character import (
    ACCESSORIES,
    EYE_COLORS,
    HAIR_COLORS,
    HAIR_STYLES,
)
from expressedit_mcp.preview.expression import PARTS as PARTS_OF_FACE
from expressedit_mcp.preview.expression import RANGES
from expressedit_mcp.preview.reader import INPUT_PX, PARTS, Vocabulary
from expressedit_mcp.preview.states import EXTRAS
from expressedit_mcp.preview.words import WORDS

from .reader_backgrounds import background

DRAWN_PX = 192
_AGES = ("child", "mature female", "mature male", "old woman", "old man")
LOOKS = (*HAIR_COLORS, *EYE_COLORS, *HAIR_STYLES, *_AGES, *ACCESSORIES)
VOCABULARY = Vocabulary(68, PARTS_OF_FACE, EXTRAS, tuple(WORDS), LOOKS)
Rng = np.random.Generator


@dataclass(frozen=True)
class Truth:
    """What is where in N drawings, in pixels of the drawing.

    points (N, 68, 2); irises (N, 2, 4) as (x, y, radius, height), 0 where none is drawn; boxes
    (N, parts, 4) as (x, y, width, height) about the centre; frames (N, 3) as (x, y, side); states
    (N, 5) the number of each part's state; extras, words, looks (N, …) bool.
    """

    points: np.ndarray
    irises: np.ndarray
    boxes: np.ndarray
    frames: np.ndarray
    states: np.ndarray
    extras: np.ndarray
    words: np.ndarray
    looks: np.ndarray


@dataclass(frozen=True)
class Drawings:
    """Pixels (N, 192, 192, 3) uint8 and their truth."""

    pixels: np.ndarray
    truth: Truth

    def save(self, path: Path) -> None:
        arrays = {field.name: getattr(self.truth, field.name) for field in fields(Truth)}
        np.savez(path, pixels=self.pixels, **arrays)

    @classmethod
    def load(cls, path: Path) -> Drawings:
        with np.load(path) as file:
            return cls(
                file["pixels"], Truth(**{field.name: file[field.name] for field in fields(Truth)})
            )


def draw(seed: int, count: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Random drawings of random characters, and the truth of each; the same seed gives the same ones."""
    for number in range(count):
        rng = _rng(seed, number)
        character, expression = sample_character(rng), random_expression(rng)
        drawing = draw_character(character, expression, sample_view(rng), DRAWN_PX)
        yield drawing.pixels, {**truth_of(drawing), **names_of(expression, drawing.tags)}


def collect(seed: int, count: int) -> Drawings:
    """`draw` as arrays."""
    pixels, truths = zip(*draw(seed, count), strict=True)
    joined = {name: np.stack([truth[name] for truth in truths]) for name in truths[0]}
    return Drawings(np.stack(pixels), Truth(**joined))


def truth_of(drawing: Drawing) -> dict[str, np.ndarray]:
    """The places and lengths of Truth for one drawing."""
    marks = drawing.landmarks
    irises = [
        (*eye.iris_center, eye.iris_radius, eye.iris_height)
        for eye in (marks.left_eye, marks.right_eye)
    ]
    return {
        "points": marks.points.astype(np.float32),
        "irises": np.array(irises, np.float32),
        "boxes": np.array([_centred(drawing.part_boxes[part]) for part in PARTS], np.float32),
        "frames": np.array(_centred(drawing.crop_box)[:3], np.float32),
    }


def names_of(expression: Expression, tags: Sequence[str]) -> dict[str, np.ndarray]:
    """The states, extras, words and looks of Truth for one drawing."""
    return {
        "states": np.array(
            [states.index(getattr(expression, part)) for part, states in PARTS_OF_FACE.items()]
        ),
        "extras": np.array([extra in expression.extras for extra in EXTRAS]),
        "words": np.array([word in tags for word in WORDS]),
        "looks": np.array([look in tags for look in LOOKS]),
    }


def _rng(seed: int, number: int) -> Rng:
    return np.random.default_rng([seed, number])


def random_expression(rng: Rng) -> Expression:
    """Half as the rig samples them, some with free measures, a third about one tag of all alike."""
    kind = rng.random()
    sampled = sample_expression(rng, free_measures=kind > 0.85)
    if kind > 0.35:
        return sampled
    tag = EXPRESSION_TAGS[int(rng.integers(len(EXPRESSION_TAGS)))]
    small = {name: getattr(sampled, name) for name in ("side", *RANGES)}
    return replace(expression_from_tags([tag]), **small)


def _centred(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


@dataclass(frozen=True)
class Warp:
    """A turned, scaled and moved look at a picture: (2, 3) matrix from its pixels to the crop's."""

    matrix: np.ndarray
    scale: float

    @classmethod
    def about(cls, frame: np.ndarray, rng: Rng, reach: float) -> Warp:
        """A look at the frame (x, y, side) that is off by up to `reach` (1: as far as a finder is)."""
        x, y, side = frame
        angle = np.deg2rad(rng.normal(0, 6 * reach))
        scale = INPUT_PX / side * np.exp(rng.uniform(-0.3, 0.3) * reach)
        x, y = (
            x + rng.uniform(-0.18, 0.18) * side * reach,
            y + rng.uniform(-0.18, 0.18) * side * reach,
        )
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = INPUT_PX / 2 - turn @ [x, y]
        return cls(np.hstack([turn, shift[:, None]]), float(scale))

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """The crop (96, 96, 3) of the picture."""
        # OpenCV counts from pixel centres, the truth from pixel corners
        corner = self.matrix.copy()
        corner[:, 2] += self.matrix[:, :2] @ [0.5, 0.5] - 0.5
        method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        return cv2.warpAffine(
            pixels, corner, (INPUT_PX, INPUT_PX), flags=method, borderMode=cv2.BORDER_REPLICATE
        )

    def places(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the picture as -1..1 of the crop."""
        moved = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return moved * (2 / INPUT_PX) - 1

    def lengths(self, lengths: np.ndarray) -> np.ndarray:
        return lengths * (self.scale * 2 / INPUT_PX)


def geometry(truth: Truth, number: int, warp: Warp) -> np.ndarray:
    """The truth of one drawing as the reader's geometry answers, float32."""
    irises, boxes, frame = truth.irises[number], truth.boxes[number], truth.frames[number]
    parts = (
        warp.places(truth.points[number]),
        np.concatenate([warp.places(irises[:, :2]), warp.lengths(irises[:, 2:])], axis=1),
        np.concatenate([warp.places(boxes[:, :2]), warp.lengths(boxes[:, 2:])], axis=1),
        warp.places(frame[:2]),
        warp.lengths(frame[2:]),
    )
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def weathered(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """The picture with some of what happens to pictures: light, softness, noise, JPEG."""
    out = pixels
    if rng.random() < 0.4:
        out = _softened(out, rng)
    if rng.random() < 0.5:
        gain, offset = rng.uniform(0.75, 1.2, 3 if rng.random() < 0.3 else 1), rng.uniform(-25, 25)
        out = np.clip(out * gain + offset, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(2, 12), out.shape)
        out = np.clip(out + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        out = np.asarray(cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_COLOR))
    if rng.random() < 0.08:
        out = np.repeat(out.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    return out


def _softened(pixels: np.ndarray, rng: Rng) -> np.ndarray:
    """Softer as a whole or in one box, as a model's edit of a large drawing is."""
    height, width = pixels.shape[:2]
    if rng.random() < 0.5:
        small = max(8, int(height * rng.uniform(0.4, 0.9)))
        soft = cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    else:
        soft = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.5, 1.6))
    if rng.random() < 0.5:
        return soft
    out = pixels.copy()
    left, top = rng.integers(0, [width * 2 // 3, height * 2 // 3])
    right, bottom = left + rng.integers(width // 4, width), top + rng.integers(height // 4, height)
    out[top:bottom, left:right] = soft[top:bottom, left:right]
    return out


def negatives(rng: Rng, drawings: Drawings, count: int) -> np.ndarray:
    """Crops (count, 96, 96, 3) without a whole face: backgrounds, and looks beside a drawing's face."""
    crops = []
    for _ in range(count):
        if rng.random() < 0.5:
            crops.append(background(rng, INPUT_PX, INPUT_PX))
            continue
        number = int(rng.integers(len(drawings.pixels)))
        x, y, side = drawings.truth.frames[number]
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.9) * side
        size = side * np.exp(rng.uniform(-1.2, 0.4))
        if size < side * 0.45 and rng.random() < 0.6:  # one feature, very near
            far *= 0.6
        beside = np.array([x + far * np.cos(angle), y + far * np.sin(angle), size])
        crops.append(Warp.about(beside, rng, 0.0).picture(drawings.pixels[number]))
    return np.stack(crops)
