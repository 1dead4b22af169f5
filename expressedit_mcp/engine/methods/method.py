"""The plan of an edit beyond the plain loop: a frozen value, JSON on the wire and in a version's record."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Pieces = tuple[tuple[str, float], ...]
"""(text, weight) pieces of a prompt, in order."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(_Frozen):
    """Some of an edit's steps: those whose share of the way, index / steps, is from `start` to below `end`, and
    of them every `every`-th. The one schedule of every slot."""

    start: float = Field(default=0.0, ge=0, le=1)
    end: float = Field(default=1.0, ge=0, le=1)
    every: int = Field(default=1, ge=1)

    def on(self, index: int, steps: int) -> bool:
        """Whether step `index` of `steps` is one of them."""
        first = next((i for i in range(steps) if i / steps >= self.start), steps)
        return index >= first and index / steps < self.end and (index - first) % self.every == 0


class Source(_Frozen):
    """A branch of the crop itself in the same batch: what the model makes of the picture as it is.

    `prompt` says what the picture shows. `anchor` 0..1 is how much of the model's error on the source is taken
    off the edit outside the selection, `anchor_inside` inside it.
    """

    prompt: Pieces = ()
    guidance_scale: float = Field(default=1.0, ge=1, le=30)
    anchor: float = Field(default=1.0, ge=0, le=1)
    anchor_inside: float = Field(default=1.0, ge=0, le=1)


class Learned(_Frozen):
    """A learned character or attribute that an edit uses.

    `file` is the safetensors file of `engine.learning`, base64. `weight` 0..2 moves the token's rows from its class
    word's (0) through its own (1) and beyond, and scales its LoRA.
    """

    file: str = Field(repr=False)
    weight: float = Field(default=1.0, ge=0, le=2)

    @property
    def key(self) -> tuple[str, float]:
        """Digest of the file and weight, for caches."""
        return hashlib.sha256(self.file.encode()).hexdigest(), self.weight


class Method(_Frozen):
    """What fills the slots of the sampling loop; the default leaves them all empty.

    `solver`: `card` is the request's sampler, `consistency` noises x0 afresh in every step (with a source: DDCM),
    `anchored` keeps one noise from start to end. The last two ask for a source. `learned` are the characters and
    attributes whose tokens stand in front of the prompts.
    """

    solver: Literal["card", "consistency", "anchored"] = "card"
    source: Source | None = None
    learned: tuple[Learned, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Method:
        if self.solver != "card" and self.source is None:
            raise ValueError(f"solver {self.solver!r} needs a source branch")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether every slot is empty."""
        return self == PLAIN


PLAIN = Method()
