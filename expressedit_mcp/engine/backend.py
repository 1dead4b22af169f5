"""The values that go into an engine and come out of it, and the protocol of every back end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from expressedit_mcp.engine.card import Card, ControlInside, Sampler
from expressedit_mcp.engine.learning.request import LearnRequest
from expressedit_mcp.engine.methods.method import PLAIN, Method, Pieces
from expressedit_mcp.engine.tokenizer import PromptTokenizer
from expressedit_mcp.imaging import Size

OnStep = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""
Stop = Callable[[], bool]
"""True when the work shall stop; asked between steps."""


@dataclass(frozen=True)
class EditRequest:
    """All that an edit depends on besides the model: the same request to the same model gives the same
    result on the same device.

    `crop` (h, w, 3) uint8 or uint16 sRGB is the part of the picture that the model sees, `selection` (h, w)
    uint8 the alpha of what may change in it. Prompts are (text, weight) pieces in order.
    `control_end` is the fraction of the edit after which the ControlNet is off; 0 leaves it out.
    `preserve_structure` and `preserve_color`, 0..1, are `imaging.preserve`'s, after the edit; 0 leaves it out.
    `method` fills the slots of the sampling loop. For it the request may hold `source`, the crop as it was before a
    warp that the edit starts from, `part` (h, w) uint8, what of it moves, a `reference` (any size, 3) with its
    `reference_selection`, and the picture of an `image_prompt` (any size, 3).
    """

    crop: np.ndarray
    selection: np.ndarray
    model_size: Size
    prompt: Pieces
    negative_prompt: Pieces
    strength: float
    steps: int
    guidance_scale: float
    control_scale: float
    control_end: float
    control_inside: ControlInside
    sampler: Sampler
    seed: int
    preserve_structure: float = 0.0
    preserve_color: float = 0.0
    method: Method = PLAIN
    source: np.ndarray | None = None
    part: np.ndarray | None = None
    reference: np.ndarray | None = None
    reference_selection: np.ndarray | None = None
    image_prompt: np.ndarray | None = None


@dataclass(frozen=True)
class EditResult:
    """Generated colour (h, w, 3) uint16 sRGB for the whole crop, and what it took.

    `model_calls` counts denoising steps, `controlled_calls` those with the ControlNet. 16 bits hold what the
    model gives, and cross a process as PNG unchanged.
    """

    rgb: np.ndarray
    model_calls: int
    controlled_calls: int
    elapsed_s: float

    @property
    def colour(self) -> np.ndarray:
        """The colour (h, w, 3) as float32 0..1."""
        return self.rgb.astype(np.float32) / 65535


@dataclass(frozen=True)
class LocateRequest:
    """All that a mask from words depends on besides the model.

    `crop` (h, w, 3) uint8 or uint16 sRGB is looked at at `model_size`. `threshold` 0..1 is the share of a word's
    strongest attention from which a pixel counts.
    """

    crop: np.ndarray
    model_size: Size
    words: tuple[str, ...]
    threshold: float = 0.5


@dataclass(frozen=True)
class Located:
    """Where words are: `mask` (h, w) uint8, 0 or 255, of those that were `found`, one flag per word.

    A word is not found when the model attends to it about as much anywhere.
    """

    mask: np.ndarray
    found: tuple[bool, ...]


OnResult = Callable[[int, EditResult], None]
"""Called with (position of the seed, its result)."""


def part_of(on_step: OnStep, first: int, some: int, count: int) -> OnStep:
    """Progress of all `count` variations, made of that of `some` together, of which `first` go before."""
    if count == 1:
        return on_step
    which = f"variation {first + 1}" if some == 1 else f"variations {first + 1}-{first + some}"

    def report(done: int, total: int, what: str) -> None:
        each = total // some
        on_step(first * each + done, count * each, f"{which} of {count}: {what}")

    return report


class Engine(Protocol):
    """A place where edits are computed."""

    @property
    def card(self) -> Card:
        """The model's card; read without loading the model."""
        ...

    @property
    def tokenizer(self) -> PromptTokenizer:
        """The tokenizer that limits the prompt's length."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes with whatever decides an edit."""
        ...

    def edit(
        self, request: EditRequest, on_step: OnStep, stop: Stop, *, batch: bool = False
    ) -> EditResult:
        """The result of an edit; `batch` ones let interactive ones go first.

        Raises Cancelled within one step once `stop` says so.
        """
        ...

    def edit_all(
        self,
        request: EditRequest,
        seeds: Sequence[int],
        on_result: OnResult,
        on_step: OnStep,
        stop: Stop,
        *,
        batch: bool = False,
    ) -> None:
        """The request once per seed, each result told when it is there.

        As many are sampled in one batch as the device has room for. Raises Cancelled within one step once `stop`
        says so; what was told before stands.
        """
        ...

    def learn(self, request: LearnRequest, folder: Path, on_step: OnStep, stop: Stop) -> bytes:
        """The file of a learned character or attribute (`engine.learning.file`).

        Checkpoints are kept in `folder`; with one there the learning goes on from it. Edits go first, between two
        steps. Raises Cancelled within one step once `stop` says so.
        """
        ...

    def locate(self, request: LocateRequest, on_step: OnStep, stop: Stop) -> Located:
        """Where the model looks for words. Raises Cancelled within one step once `stop` says so."""
        ...

    def close(self) -> None:
        """Frees the model."""
        ...


def edit_once(
    engine: Engine, request: EditRequest, on_step: OnStep, stop: Stop, *, batch: bool
) -> EditResult:
    """`Engine.edit` by `Engine.edit_all`."""
    results: list[EditResult] = []
    seeds = (request.seed,)
    engine.edit_all(request, seeds, lambda at, one: results.append(one), on_step, stop, batch=batch)
    return results[0]
