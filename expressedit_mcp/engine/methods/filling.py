"""From an edit's method to what fills the slots of the sampling loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from expressedit_mcp.engine.backend import EditRequest
from expressedit_mcp.engine.denoise import Branch, Control
from expressedit_mcp.engine.methods.attention import AttentionControl
from expressedit_mcp.engine.methods.branches import anchored
from expressedit_mcp.engine.methods.solvers import SAMPLER_ETA, consistency, ddim
from expressedit_mcp.engine.methods.tokens import Token, token_control
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.sampling import Anchor, Slots, Solver, ode, soft_inpaint
from expressedit_mcp.engine.schedule import Step


@dataclass(frozen=True)
class Setting:
    """What an edit's slots are filled from.

    `source` (1, C, h, w) are the crop's latents, `mask` (1, 1, h, w) is 1 where they may change; `branches` and
    `control` are what the denoiser runs on, `tokens` the learned ones.
    """

    request: EditRequest
    models: ModelSet
    schedule: Sequence[Step]
    source: Tensor
    mask: Tensor
    branches: Sequence[Branch]
    control: Control | None
    tokens: Sequence[Token] = ()


@dataclass(frozen=True)
class Filling:
    """The loop's slots and what is done in the UNet's attention."""

    slots: Slots
    attention: AttentionControl


def fill(setting: Setting) -> Filling:
    """What an edit's method asks for; of a plain one the sampler and the compositor alone."""
    slots = Slots(
        solver=_solver(setting.request),
        anchor=_anchor(setting),
        hooks=(soft_inpaint(setting.source, setting.mask),),
    )
    return Filling(slots, token_control(setting.tokens, setting.models.encoders, setting.mask))


def _solver(request: EditRequest) -> Solver:
    if request.method.solver == "consistency":
        return consistency()
    # the source's known x0 then has the noise of the start as its direction in every step
    return ode if request.method.solver == "anchored" else ddim(SAMPLER_ETA[request.sampler])


def _anchor(setting: Setting) -> Anchor | None:
    wanted, mask = setting.request.method.source, setting.mask
    if wanted is None:
        return None
    return anchored(setting.source, wanted.anchor * (1 - mask) + wanted.anchor_inside * mask)
