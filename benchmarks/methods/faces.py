"""Pairs of drawings of one held-out character, and guided edits of the first towards the second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

import expressedit_mcp
from expressedit_mcp.engine import EditRequest, find_source
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods.filling import Filling, Setting, fill
from expressedit_mcp.engine.methods.method import Method, Pieces
from expressedit_mcp.engine.methods.profiles import FAST
from expressedit_mcp.engine.models import ModelSet, load_models
from expressedit_mcp.engine.sampling import Guidance
from expressedit_mcp.engine.schedule import Step
from expressedit_mcp.imaging import Box, Picture, Size, apply_patch, box_selection, drag_under
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.preview import (
    Drawing,
    Expression,
    draw_character,
    sample_character,
    sample_view,
)
from expressedit_mcp.preview.reader import FaceReader, Reading

SEED = 70_001  # training draws its characters from other seeds
SIZE_PX = 256
SOURCES = ("closed mouth", "smile", "frown", "parted lips")
# brows' ends and middles, eye corners, nose, mouth corners and middles of the lips, inner lips
SEVENTEEN = (17, 19, 21, 22, 24, 26, 36, 39, 42, 45, 33, 48, 51, 54, 57, 62, 66)
ALL = tuple(range(68))
WARP_RADIUS = 0.02  # of the crop's side: about the distance of neighbouring landmarks
SHIPPED = Path(expressedit_mcp.__file__).parent / "preview" / "weights"


@dataclass(frozen=True)
class Pair:
    """A face, and the same turned a little, with other brows, lids and width of the mouth; its tags stay."""

    before: Drawing
    target: Drawing

    @classmethod
    def of(cls, number: int) -> Pair:
        rng = np.random.default_rng([SEED, number])
        character, view = sample_character(rng), sample_view(rng)
        neutral = Expression(mouth=SOURCES[number % len(SOURCES)])
        changed = replace(
            neutral,
            mouth_width=_either(rng, (0.55, 0.75), (1.25, 1.5)),
            brow_raise=_either(rng, (-3.5, -1.5), (1.5, 3.5)),
            brow_tilt=float(rng.uniform(-0.3, 0.3)),
            eye_opening=_either(rng, (0.5, 0.75), (1.1, 1.3)),
        )
        turned = replace(
            view,
            yaw=view.yaw + _either(rng, (-3.5, -2.0), (2.0, 3.5)),
            pitch=view.pitch + _either(rng, (-3.0, -1.5), (1.5, 3.0)),
        )
        return cls(
            draw_character(character, neutral, view, SIZE_PX),
            draw_character(character, changed, turned, SIZE_PX),
        )

    @property
    def box(self) -> Box:
        return Box(*self.before.crop_box)

    @cached_property
    def crop(self) -> np.ndarray:
        return extract(self.before.pixels, self.box)

    @property
    def words(self) -> Pieces:
        return ((", ".join(self.before.tags), 1.0),)

    @cached_property
    def selection(self) -> np.ndarray:
        """The whole face, (h, w) uint8 of the crop."""
        return box_selection(self.before.part_boxes["face"], Size(SIZE_PX, SIZE_PX)).within(
            self.box
        )

    def points(self, chosen: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks (N, 2) before and in the target, in pixels of the crop."""
        corner = np.array([self.box.left, self.box.top])
        both = self.before.landmarks.points, self.target.landmarks.points
        return both[0][list(chosen)] - corner, both[1][list(chosen)] - corner

    def warped(self, chosen: tuple[int, ...]) -> np.ndarray:
        """The crop with its pixels dragged along."""
        side = self.box.width
        face = box_selection(_edges(self.selection), Size(side, side))
        crop = Picture(self.crop)
        return apply_patch(
            crop, drag_under(crop, face, *self.points(chosen), side * WARP_RADIUS)
        ).pixels


@dataclass(frozen=True)
class Edited:
    """The picture after an edit, and the PSNR (dB) of the model's own pixels outside the selection."""

    pixels: np.ndarray
    outside_db: float


class Bench:
    """The shipped model, and the reader that judges its edits."""

    def __init__(self) -> None:
        device = torch.device("cpu")
        self.models: ModelSet = load_models(find_source(SHIPPED), device, torch.float32)
        self.reader = FaceReader()

    def edit(self, pair: Pair, method: Method, times: float | str = 1.0, **changes: Any) -> Edited:
        """An edit of the pair's first face; `times` multiplies its guidance, `changes` are the request's fields."""
        request = EditRequest(
            crop=pair.crop,
            selection=pair.selection,
            model_size=Size(256, 256),
            prompt=pair.words,
            negative_prompt=(),
            strength=FAST.strength,
            steps=FAST.steps,
            guidance_scale=self.models.card.guidance_scale,
            control_scale=1.0,
            control_end=0.0,
            control_inside="keep",
            sampler="ddim",
            seed=1,
            method=method,
        )
        request = replace(request, **changes)
        editor = Editor(self.models, fill if times == 1.0 else _multiplied(times))
        rgb = editor.edit(request, lambda *step: None, lambda: False)[0]
        made = np.rint(rgb * 255).astype(np.uint8)
        seen = pair.box & Box(0, 0, SIZE_PX, SIZE_PX)
        inner = seen.shifted(-pair.box.left, -pair.box.top)
        chosen = request.selection[inner.slices] > 0
        pixels = pair.before.pixels.copy()
        pixels[seen.slices][chosen] = made[inner.slices][chosen]
        apart = (made.astype(float) - request.crop)[request.selection == 0]
        return Edited(pixels, 10 * np.log10(255**2 / max(float((apart**2).mean()), 1e-9)))

    def read(self, pair: Pair, pixels: np.ndarray) -> Reading:
        """What the reader sees in the pair's face."""
        return self.reader.read(pixels, pair.box, passes=1)

    def error(self, pair: Pair, pixels: np.ndarray, chosen: tuple[int, ...]) -> float:
        """Mean squared distance (px^2 of 256) between the landmarks read and the target's."""
        read = self.read(pair, pixels).landmarks - pair.target.landmarks.points
        return float((read[list(chosen)] ** 2).sum(axis=1).mean())

    def kept(self, pair: Pair, pixels: np.ndarray) -> float:
        """The share of the parts' states that are read as before."""
        states = [self.read(pair, p).states for p in (pair.before.pixels, pixels)]
        likeliest = [{part: max(of, key=of.__getitem__) for part, of in s.items()} for s in states]
        return float(np.mean([likeliest[0][part] == likeliest[1][part] for part in likeliest[0]]))


def _multiplied(times: float | str) -> Callable[[Setting], Filling]:
    """A filling whose guidance is multiplied; `printed` makes it DiffEditor's Eq. 4 as printed."""

    def filled(setting: Setting) -> Filling:
        filling = fill(setting)
        pull = filling.slots.guidance
        assert pull is not None
        return replace(filling, slots=replace(filling.slots, guidance=_times(pull, times)))

    return filled


def _times(pull: Guidance, times: float | str) -> Guidance:
    def multiplied(z: Any, eps: Any, step: Step, index: int) -> Any:
        found = pull(z, eps, step, index)
        if found is None or not isinstance(times, str):
            return None if found is None else times * found  # type: ignore[operator]
        a, b = step.alpha_bar, step.alpha_bar_next
        in_x0 = (b * (1 - a) / a) ** 0.5
        return (in_x0 - (1 - b) ** 0.5) / in_x0 * found

    return multiplied


def _either(rng: np.random.Generator, low: tuple[float, float], high: tuple[float, float]) -> float:
    return float(rng.uniform(*(high if rng.integers(2) else low)))


def _edges(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
