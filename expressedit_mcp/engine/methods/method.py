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


Task = Literal["drag", "landmark", "move", "appearance", "paste"]
Point = tuple[float, float]


class Guidance(_Frozen):
    """Gradients of an energy between decoder features of the edit and of known pictures (DiffEditor, C. Mou et al.,
    2024, Eq. 8): m grad(edit energy) + (1 - m) grad(content energy), with m the selection.

    `points` are pairs (from, to) in pixels of the crop, for `drag` and `landmark`. `origin`, `shift` and `scale`
    place the request's `part` (`move`) or its reference (`paste`): what is at `origin` comes to `origin` + `shift`,
    scaled about it. `weight_*` weigh the energy's terms. `content` says how the outside is held: `blend` by the
    compositor, without a second backward pass, or by an `energy`. `strength` is the gradient's norm as a share
    of the predicted noise's in the selection (`relative`), or the released demo's energy (`fixed`). A `patch` is
    a square round a point, its side a share of the selection's longer side. `regional` false leaves m out.
    """

    task: Task
    points: tuple[tuple[Point, Point], ...] = ()
    origin: Point = (0.0, 0.0)
    shift: Point = (0.0, 0.0)
    scale: float = Field(default=1.0, gt=0, le=8)
    weight_edit: float = Field(default=4.0, ge=0)
    weight_content: float = Field(default=6.0, ge=0)
    weight_contrast: float = Field(default=0.2, ge=0)
    weight_inpaint: float = Field(default=0.2, ge=0)
    content: Literal["blend", "energy"] = "blend"
    mode: Literal["relative", "fixed"] = "relative"
    strength: float = Field(default=0.5, ge=0, le=100)
    blocks: tuple[int, ...] = Field(default=(0, 1), min_length=1)
    patch: float = Field(default=0.1, gt=0, le=1)
    steps: tuple[Interval, ...] = (Interval(end=0.4),)
    regional: bool = True
    checkpointing: bool = False

    @model_validator(mode="after")
    def _has_points(self) -> Guidance:
        if self.task in ("drag", "landmark") and not self.points:
            raise ValueError(f"task {self.task!r} needs at least one pair of points")
        return self

    @property
    def needs_part(self) -> bool:
        """Whether the request must say which part moves."""
        return self.task == "move"

    @property
    def needs_reference(self) -> bool:
        """Whether the request must hold a reference picture."""
        return self.task in ("appearance", "paste")


class RegionalNoise(_Frozen):
    """Fresh noise in some steps, DDIM's eta 0..1 inside and outside the selection (DiffEditor, Eq. 7)."""

    inside: float = Field(default=0.4, ge=0, le=1)
    outside: float = Field(default=0.0, ge=0, le=1)
    steps: Interval = Interval(start=0.2, end=0.4)


class Travel(_Frozen):
    """Time travel (DiffEditor, Algorithm 1): each of some steps is made `repeats` times, going back between."""

    repeats: int = Field(default=3, ge=2, le=10)
    steps: Interval = Interval(start=0.44, end=0.6, every=2)


class Memory(_Frozen):
    """Keys and values of known pictures in the decoder's self-attention (DragonDiffusion, C. Mou et al., 2024).

    The edit sees the source's tokens instead of its own (`replace`), beside its own (`concat`), or the source's
    outside the selection and the reference's inside its own selection (`masked`).
    """

    kind: Literal["replace", "concat", "masked"] = "concat"
    steps: Interval = Interval(start=0.1)


class ImagePrompt(_Frozen):
    """A picture beside the words, through an IP-Adapter, inside the selection (H. Ye et al., 2023).

    `scale` 0..1 is the gamma of DiffEditor's Eq. 5 (C. Mou et al., 2024): what cross-attention finds in the picture
    is added so many times to what it finds in the prompt.
    """

    scale: float = Field(default=0.5, ge=0, le=1)
    steps: Interval = Interval()


class Attention(_Frozen):
    """Attention that the edit takes over from the source branch (prompt-to-prompt).

    For the share `self_until` of the steps self-attention looks where the source's does, for `cross_until`
    cross-attention to the words that the prompts share is the source's; both need a source. `mode`: `refine`
    leaves other words to the edit, `replace` gives a word in another's place that one's attention. `weights`,
    (text, factor), multiply the attention to words of the prompt in every step.
    """

    self_until: float = Field(default=0.0, ge=0, le=1)
    cross_until: float = Field(default=0.0, ge=0, le=1)
    mode: Literal["refine", "replace"] = "refine"
    weights: Pieces = ()


class Projection(_Frozen):
    """Lines and colours of the crop given back to x0 within the loop, in the steps of `when`.

    `structure` and `color`, 0..1, are `imaging.preserve`'s, inside the selection; 0 leaves them out. The default is
    the last fifth of the steps; an edit of fewer than five has none there, so it must start earlier.
    """

    structure: float = Field(default=0.0, ge=0, le=1)
    color: float = Field(default=0.0, ge=0, le=1)
    when: Interval = Interval(start=0.8)


class Method(_Frozen):
    """What fills the slots of the sampling loop; the default leaves them all empty.

    `solver`: `card` is the request's sampler, `consistency` noises x0 afresh in every step (with a source: DDCM),
    `anchored` keeps one noise from start to end, `inverted` starts from the noise that DDIM inversion finds in the
    source. All but the first ask for a source. `learned` are the characters and attributes whose tokens stand in
    front of the prompts.
    """

    solver: Literal["card", "consistency", "anchored", "inverted"] = "card"
    source: Source | None = None
    guidance: Guidance | None = None
    noise: RegionalNoise | None = None
    recurrence: Travel | None = None
    memory: Memory | None = None
    attention: Attention = Attention()
    image: ImagePrompt | None = None
    projection: Projection = Projection()
    learned: tuple[Learned, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Method:
        if self.solver != "card" and self.source is None:
            raise ValueError(f"solver {self.solver!r} needs a source branch")
        for name in ("guidance", "recurrence", "memory"):
            if getattr(self, name) is not None and self.source is None:
                raise ValueError(f"{name} needs a source branch")
        if self.source is None and max(self.attention.self_until, self.attention.cross_until) > 0:
            raise ValueError("attention can only be taken over from a source branch")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether every slot is empty."""
        return self == PLAIN

    @property
    def samples_alone(self) -> bool:
        """Whether an edit needs its batch for itself: all but the sampler and learned tokens do."""
        return not self.model_copy(update={"learned": ()}).is_plain


PLAIN = Method()
