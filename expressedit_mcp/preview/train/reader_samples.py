"""Drawings with their truth, and the changes under which they are shown to the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.format import open_memmap

from expressedit_mcp.preview import (
    EXPRESSION_TAGS,
    Drawing,
    Expression,
    draw_character,
    expression_tags,
    sample_character,
    sample_expression,
    sample_expression_with,
    sample_view,
)
from expressedit_mcp.preview.character import (
    ACCESSORIES,
    EYE_COLORS,
    HAIR_COLORS,
    HAIR_STYLES,
)
from expressedit_mcp.preview.expression import PARTS as PARTS_OF_FACE
from expressedit_mcp.preview.part_network import PartTask
from expressedit_mcp.preview.reader import PARTS, POINTS
from expressedit_mcp.preview.states import EXTRAS, IRIS_STATES
from expressedit_mcp.preview.tagging import contradictory_pair
from expressedit_mcp.preview.words import WORDS

from .reader_backgrounds import background

DRAWN_PX = 320
_CHUNK = 16  # drawings that a process is given at once
_IRISES = tuple(state for state in IRIS_STATES if state in EXPRESSION_TAGS)
_AGES = ("child", "mature female", "mature male", "old woman", "old man")
LOOKS = (*HAIR_COLORS, *EYE_COLORS, *HAIR_STYLES, *_AGES, *ACCESSORIES)


def _task(
    part: str,
    size_px: tuple[int, int],
    room: float,
    places: dict[str, tuple[int, int]],
    names: dict[str, tuple[str, ...]],
) -> PartTask:
    points = {"points": (len(POINTS[part]), 2)}
    return PartTask(*size_px, room, points | places, {"there": (part,)} | names)


TASKS = {
    "face": _task(
        "face",
        (128, 128),
        1.0,
        {"boxes": (len(PARTS), 4), "frame": (1, 4)},
        {"extras": EXTRAS, "words": tuple(WORDS), "looks": LOOKS},
    ),
    "eyes": _task(
        "eyes",
        (144, 80),
        1.1,
        {"irises": (2, 4)},
        {
            "shown": ("left", "right"),
            **{part: PARTS_OF_FACE[part] for part in ("eyes", "iris", "gaze", "brows")},
        },
    ),
    "mouth": _task("mouth", (80, 80), 1.1, {}, {"mouth": PARTS_OF_FACE["mouth"]}),
}
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
    """Pixels (N, 320, 320, 3) uint8, read as needed, and their truth."""

    pixels: np.ndarray
    truth: Truth

    @classmethod
    def load(cls, folder: Path) -> Drawings:
        """What `draw` has written."""
        truth = {field.name: np.load(folder / f"{field.name}.npy") for field in fields(Truth)}
        return cls(np.load(folder / "pixels.npy", mmap_mode="r"), Truth(**truth))


def draw(folder: Path, seed: int, count: int, processes: int = 1) -> None:
    """Writes a folder of random drawings of random characters, whole or not at all.

    The same seed gives the same ones, however many processes draw.
    """
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    path = part / "pixels.npy"
    open_memmap(path, "w+", np.uint8, (count, DRAWN_PX, DRAWN_PX, 3))
    with get_context("spawn").Pool(processes, cv2.setNumThreads, (1,)) as pool:
        truths = list(pool.imap(partial(_draw_one, path, seed), range(count), _CHUNK))
    for field in fields(Truth):
        np.save(part / f"{field.name}.npy", np.stack([truth[field.name] for truth in truths]))
    part.rename(folder)


def _draw_one(path: Path, seed: int, number: int) -> dict[str, np.ndarray]:
    """The truth of one drawing, whose pixels go into their place in the file."""
    rng = np.random.default_rng([seed, number])
    character, expression = sample_character(rng), random_expression(rng)
    drawing = draw_character(character, expression, sample_view(rng), DRAWN_PX)
    np.load(path, mmap_mode="r+")[number] = drawing.pixels
    return {**truth_of(drawing), **names_of(expression, drawing.tags)}


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


def random_expression(rng: Rng) -> Expression:
    """Half about one tag of all alike, some about what irises show, the rest as the rig samples them.

    Of those, some have one mark more, of all alike, and some free measures.
    """
    kind = rng.random()
    if kind < 0.5:
        return sample_expression_with(rng, _one_of(rng, EXPRESSION_TAGS))
    if kind < 0.6:
        return sample_expression_with(rng, _one_of(rng, _IRISES))
    if kind < 0.7:
        return _with_mark(rng, _one_of(rng, EXTRAS))
    return sample_expression(rng, free_measures=kind > 0.85)


def _one_of(rng: Rng, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


def _with_mark(rng: Rng, mark: str) -> Expression:
    """An expression as the rig samples them, with the mark, that no tag contradicts."""
    while True:
        sampled = sample_expression(rng)
        marked = replace(sampled, extras=tuple(e for e in EXTRAS if e in {*sampled.extras, mark}))
        if contradictory_pair(expression_tags(marked)) is None:
            return marked


def _centred(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


@dataclass(frozen=True)
class Warp:
    """A turned, scaled and moved look at a picture: (2, 3) matrix from its pixels to the crop's."""

    matrix: np.ndarray
    scale: float
    size: tuple[int, int]

    @classmethod
    def about(cls, place: np.ndarray, task: PartTask, rng: Rng, reach: float) -> Warp:
        """A look at a place (x, y, width, …) that is off by up to `reach` (1: as far as a finder is)."""
        x, y, width = place[:3]
        angle = np.deg2rad(rng.normal(0, 6 * reach))
        scale = task.width_px / (task.room * width) * np.exp(rng.uniform(-0.3, 0.3) * reach)
        x, y = (
            x + rng.uniform(-0.18, 0.18) * width * reach,
            y + rng.uniform(-0.18, 0.18) * width * reach,
        )
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        size = (task.width_px, task.height_px)
        shift = np.array(size) / 2 - turn @ [x, y]
        return cls(np.hstack([turn, shift[:, None]]), float(scale), size)

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """The crop of the picture."""
        # OpenCV counts from pixel centres, the truth from pixel corners
        corner = self.matrix.copy()
        corner[:, 2] += self.matrix[:, :2] @ [0.5, 0.5] - 0.5
        method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        return cv2.warpAffine(
            pixels, corner, self.size, flags=method, borderMode=cv2.BORDER_REPLICATE
        )

    def places(self, places: np.ndarray) -> np.ndarray:
        """Points (N, 2) of the picture, or centres with lengths (N, 4), as `PartTask` tells them."""
        half = self.size[0] / 2
        moved = places[:, :2] @ self.matrix[:, :2].T + self.matrix[:, 2] - np.array(self.size) / 2
        return np.concatenate([moved, places[:, 2:] * self.scale], axis=1) / half


def box_of(part: str, truth: Truth, number: int) -> np.ndarray:
    """What a network is to see, (x, y, width, height): the frame for the face, else the part's box."""
    if part == "face":
        return truth.frames[number][[0, 1, 2, 2]]
    return truth.boxes[number, PARTS.index(part)]


def places_of(part: str, truth: Truth, number: int, warp: Warp) -> np.ndarray:
    """The truth of one drawing as the places that a network answers, float32."""
    places = {
        "points": truth.points[number][list(POINTS[part])],
        "boxes": truth.boxes[number],
        "frame": box_of("face", truth, number)[None],
        "irises": truth.irises[number],
    }
    answers = [warp.places(places[asked]).ravel() for asked in TASKS[part].places]
    return np.concatenate(answers).astype(np.float32)


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
    """Softer as a whole or in one box, as a small face or a model's edit of a large drawing is."""
    height, width = pixels.shape[:2]
    if rng.random() < 0.5:
        share = rng.uniform(0.25, 0.9)
        small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        soft = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    else:
        soft = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.5, 1.6))
    if rng.random() < 0.5:
        return soft
    out = pixels.copy()
    left, top = rng.integers(0, [width * 2 // 3, height * 2 // 3])
    right, bottom = left + rng.integers(width // 4, width), top + rng.integers(height // 4, height)
    out[top:bottom, left:right] = soft[top:bottom, left:right]
    return out


def negatives(rng: Rng, part: str, drawings: Drawings, count: int) -> list[np.ndarray]:
    """Crops that do not show the part: backgrounds, places beside it in a drawing, its pieces."""
    kinds = (_of_background, _beside, _shuffled)
    picked = rng.choice(len(kinds), count, p=[0.5, 0.3, 0.2])
    return [kinds[kind](rng, part, drawings) for kind in picked]


def _of_background(rng: Rng, part: str, _drawings: Drawings) -> np.ndarray:
    """A background at any scale."""
    width, height = TASKS[part].width_px, TASKS[part].height_px
    scale = np.exp(rng.uniform(0, 1.4))
    picture = background(rng, round(height * scale), round(width * scale))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _beside(rng: Rng, part: str, drawings: Drawings) -> np.ndarray:
    number = int(rng.integers(len(drawings.pixels)))
    x, y, width, height = box_of(part, drawings.truth, number)
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.9)
    size = width * np.exp(rng.uniform(-1.2, 0.4))
    if size < width * 0.45 and rng.random() < 0.6:  # one feature, very near
        far *= 0.6
    place = np.array([x + far * width * np.cos(angle), y + far * height * np.sin(angle), size])
    return Warp.about(place, TASKS[part], rng, 0.0).picture(drawings.pixels[number])


def _shuffled(rng: Rng, part: str, drawings: Drawings) -> np.ndarray:
    """The part cut into tiles that lie in the wrong places."""
    number, task = int(rng.integers(len(drawings.pixels))), TASKS[part]
    warp = Warp.about(box_of(part, drawings.truth, number), task, rng, 1.0)
    crop = warp.picture(drawings.pixels[number])
    cuts = int(rng.integers(3, 6))
    tall, wide = task.height_px // cuts, task.width_px // cuts
    corners = [(row * tall, column * wide) for row in range(cuts) for column in range(cuts)]
    out = crop.copy()
    for (y, x), (from_y, from_x) in zip(corners, rng.permutation(corners), strict=True):
        out[y : y + tall, x : x + wide] = crop[from_y : from_y + tall, from_x : from_x + wide]
    return out
