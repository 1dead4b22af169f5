"""What is learned, from what, and how: frozen values without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from expressedit_mcp.engine.methods.method import Learned, Pieces
from expressedit_mcp.imaging import Size

Kind = Literal["character", "attribute"]


class LearnSettings(BaseModel):
    """How a token is learned; the defaults are the shipped model's.

    `vectors` tokens in each text encoder stand for what is learned, and a LoRA of `rank` in the cross-attention's
    keys and values sees them alone. The first `token_steps` of `steps` train the vectors, the others both.
    Learning rates are Adam's, in units of the root mean square of the embedding table and of a key's or value's
    weights. Each step takes one picture at `batch` noise levels, from `cleanest` to `noisiest` of the train
    timesteps (0..1), and a `controlled` share of the steps has the ControlNet. `outside` weighs pixels outside the
    object's mask, `orthogonality` the loss that keeps the token apart from the expression tags. `masked` binds the
    token to the object's mask, `spliced` keeps it out of the rows of all other tokens; both hold for edits too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vectors: int = Field(default=2, ge=1, le=8)
    rank: int = Field(default=4, ge=1, le=64)
    steps: int = Field(default=400, ge=1, le=10_000)
    token_steps: int = Field(default=100, ge=0)
    token_rate: float = Field(default=0.1, gt=0)
    lora_rate: float = Field(default=0.1, gt=0)
    batch: int = Field(default=4, ge=1, le=64)
    cleanest: float = Field(default=0.25, ge=0, lt=1)
    noisiest: float = Field(default=1.0, gt=0, le=1)
    controlled: float = Field(default=0.5, ge=0, le=1)
    outside: float = Field(default=0.1, ge=0, le=1)
    orthogonality: float = Field(default=0.1, ge=0)
    masked: bool = True
    spliced: bool = True


@dataclass(frozen=True)
class Example:
    """A crop (h, w, 3) uint8 or uint16 sRGB that shows what is learned under the mask (h, w) uint8.

    `caption` names what else is seen, the expression above all: what is named is not learned.
    """

    crop: np.ndarray
    mask: np.ndarray
    model_size: Size
    caption: Pieces


@dataclass(frozen=True)
class LearnRequest:
    """All that a learned token depends on besides the model.

    `class_word` is what the token begins as; `attributes` are the tags, and `others` the learned tokens, that it is
    kept orthogonal to. `pictures` name where the examples come from.
    """

    name: str
    kind: Kind
    class_word: str
    examples: tuple[Example, ...]
    attributes: tuple[str, ...]
    seed: int
    settings: LearnSettings
    others: tuple[Learned, ...] = ()
    pictures: tuple[str, ...] = ()
