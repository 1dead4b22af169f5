"""From an edit's method to what fills the slots of the sampling loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from expressedit_mcp.engine.backend import EditRequest
from expressedit_mcp.engine.denoise import Branch, Control, make_denoiser
from expressedit_mcp.engine.image_prompt import Keys, image_attention
from expressedit_mcp.engine.methods.attention import Addition, AttentionControl, processors
from expressedit_mcp.engine.methods.branches import anchored
from expressedit_mcp.engine.methods.features import FeatureTap
from expressedit_mcp.engine.methods.guidance import Scene, energy_guidance, make_energy
from expressedit_mcp.engine.methods.inversion import following
from expressedit_mcp.engine.methods.memory import KnownTokens
from expressedit_mcp.engine.methods.prompt_attention import map_edits, token_edits
from expressedit_mcp.engine.methods.recurrence import TimeTravel
from expressedit_mcp.engine.methods.solvers import SAMPLER_ETA, consistency, ddim, regional_noise
from expressedit_mcp.engine.methods.structure import projections
from expressedit_mcp.engine.methods.tokens import Token, lead_ids, token_control
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.sampling import Anchor, Guidance, Slots, Solver, soft_inpaint
from expressedit_mcp.engine.schedule import Step
from expressedit_mcp.imaging import Size


@dataclass(frozen=True)
class Setting:
    """What an edit's slots are filled from.

    `source` (1, C, h, w) are the crop's latents, `mask` (1, 1, h, w) is 1 where they may change, `selected` (H, W)
    the selection 0..1 at the model's size; `branches` and `control` are what the denoiser runs on. `known`
    (B - 1, C, h, w) are the latents of the other branches, `part` and `of_reference` (1, 1, h, w) the request's
    masks of that name, 0..1, `path` the inverted latents of `known`, `tokens` the learned ones, `image` what is
    attended to in the request's image prompt.
    """

    request: EditRequest
    models: ModelSet
    schedule: Sequence[Step]
    source: Tensor
    mask: Tensor
    selected: np.ndarray
    branches: Sequence[Branch]
    control: Control | None
    known: Tensor
    part: Tensor | None = None
    of_reference: Tensor | None = None
    path: Sequence[Tensor] | None = None
    tokens: Sequence[Token] = ()
    image: Keys | None = None

    @property
    def scene(self) -> Scene:
        """Where things are in the crop."""
        height, width = self.request.crop.shape[:2]
        return Scene(Size(width, height), self.mask, self.part, self.of_reference)


@dataclass(frozen=True)
class Filling:
    """The loop's slots and what is done in the UNet's attention."""

    slots: Slots
    attention: AttentionControl


def fill(setting: Setting) -> Filling:
    """What an edit's method asks for; of a plain one the sampler and the compositor alone."""
    request, models, steps = setting.request, setting.models, len(setting.schedule)
    method = request.method
    held = projections(method.projection, models, setting.source, setting.selected, steps)
    slots = Slots(
        solver=_solver(setting),
        anchor=_anchor(setting),
        hooks=(*held, soft_inpaint(setting.source, setting.mask)),
        guidance=_guidance(setting),
        recurrence=_recurrence(setting),
    )
    columns = setting.branches[0].condition.context.shape[1]
    known = _known_tokens(setting)
    learned = token_control(setting.tokens, models.encoders, setting.mask)
    lead = lead_ids(setting.tokens, models.encoders[0])
    attention = AttentionControl(
        tokens=(*learned.tokens, *token_edits(method, steps), *(tokens.tokens for tokens in known)),
        bias=(*learned.bias, *(tokens.bias for tokens in known)),
        maps=map_edits(method, request.prompt, models, columns, steps, lead),
        added=_image_attention(setting),
    )
    return Filling(slots, attention)


def _solver(setting: Setting) -> Solver:
    request, noise = setting.request, setting.request.method.noise
    if request.method.solver == "consistency":
        return consistency()
    # the source's known x0 then has the noise of the start as its direction in every step
    eta = SAMPLER_ETA[request.sampler] if request.method.solver == "card" else 0.0
    steps = len(setting.schedule)
    solver = regional_noise(noise, eta, setting.mask, steps) if noise else ddim(eta)
    return following(setting.path, solver) if setting.path else solver


def _known_tokens(setting: Setting) -> Sequence[KnownTokens]:
    plan, steps = setting.request.method.memory, len(setting.schedule)
    return [KnownTokens(plan, setting.mask, setting.of_reference, steps)] if plan else []


def _image_attention(setting: Setting) -> Sequence[Addition]:
    plan, steps = setting.request.method.image, len(setting.schedule)
    if plan is None or setting.image is None:
        return ()
    return (image_attention(plan, setting.image, setting.mask, steps),)


def _guidance(setting: Setting) -> Guidance | None:
    plan = setting.request.method.guidance
    if plan is None:
        return None
    unet = setting.models.unet
    tap = FeatureTap(
        unet,
        plan.blocks,
        setting.branches[0].condition,
        unet.attn_processors,
        checkpointing=plan.checkpointing,
    )
    return energy_guidance(plan, tap, *make_energy(plan, setting.scene), len(setting.schedule))


def _recurrence(setting: Setting) -> TimeTravel | None:
    plan, unet = setting.request.method.recurrence, setting.models.unet
    if plan is None:
        return None
    return TimeTravel(
        plan,
        setting.schedule,
        make_denoiser(unet, setting.branches[:1], setting.control, 0),
        setting.models.prediction,
        setting.known,
        partial(processors, unet, unet.attn_processors),
        setting.path,
    )


def _anchor(setting: Setting) -> Anchor | None:
    wanted, mask = setting.request.method.source, setting.mask
    if wanted is None:
        return None
    return anchored(setting.known, wanted.anchor * (1 - mask) + wanted.anchor_inside * mask)
