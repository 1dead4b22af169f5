"""One edit from request to generated colour, on loaded models."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine import sampling, text
from expressedit_mcp.engine.backend import EditRequest, OnStep, Pieces, Stop
from expressedit_mcp.engine.denoise import (
    Branch,
    Condition,
    Control,
    control_weights,
    controlled_calls,
    make_denoiser,
)
from expressedit_mcp.engine.methods.attention import installed
from expressedit_mcp.engine.methods.filling import Setting, fill
from expressedit_mcp.engine.methods.method import Learned
from expressedit_mcp.engine.methods.tokens import Token, encode_prompt, lead_ids, load_token
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.schedule import make_schedule, timesteps
from expressedit_mcp.errors import Cancelled, InputError
from expressedit_mcp.imaging import (
    STRUCTURE_PASSES,
    Box,
    CropPlan,
    Size,
    canny_hint,
    correct_rim,
    preserve,
    resize,
    restore,
    window_radius_px,
)

T = TypeVar("T")


@dataclass
class _Cache:
    """The last few values by key."""

    size: int
    values: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self.values:
            self.values[key] = make()
            if len(self.values) > self.size:
                self.values.popitem(last=False)
        self.values.move_to_end(key)
        return self.values[key]


class Editor:
    """Runs edits on one model set; keeps the last prompts' and crops' encodings."""

    def __init__(self, models: ModelSet) -> None:
        self.models = models
        self._conditions = _Cache(16)
        self._latents = _Cache(8)
        self._tokens = _Cache(8)

    @torch.no_grad()
    def edit(
        self, request: EditRequest, on_step: OnStep, stop: Stop
    ) -> tuple[np.ndarray, int, int]:
        """Generated colour (h, w, 3) float32 0..1 of the crop, model calls, controlled calls."""
        models = self.models
        top = np.iinfo(request.crop.dtype).max
        source_rgb = resize(request.crop.astype(np.float32) / top, request.model_size)
        source_rgb = np.clip(source_rgb, 0, 1)
        selected = resize(request.selection.astype(np.float32) / 255, request.model_size)
        schedule = make_schedule(
            timesteps(request.steps, request.strength, models.spacing, offset=models.steps_offset),
            models.alphas,
        )
        calls = len(schedule)
        passes = STRUCTURE_PASSES if request.preserve_structure > 0 else 0
        branches = self._branches(request)
        source = self._encode(request, source_rgb)
        control = self._control(request, source_rgb, selected, calls)
        draw = _noise(source, request.seed)

        def before_step(index: int) -> None:
            _stop_if(stop)
            on_step(index, calls + passes, f"denoising step {index + 1} of {calls}")

        latents = source
        if schedule:
            mask = _latent_mask(selected, models.latent_stride, source)
            setting = Setting(
                request, models, schedule, source, mask, branches, control, self._learned(request)
            )
            latents = _sampled(setting, draw, before_step)
        _stop_if(stop)
        generated = correct_rim(self._decode(latents), source_rgb, selected)
        on_step(calls, calls + passes, "decoding")
        plan = CropPlan(Box(0, 0, request.crop.shape[1], request.crop.shape[0]), request.model_size)
        rgb = _preserved(request, restore(generated, plan), calls, on_step, stop)
        return rgb, calls, control.calls if control else 0

    def _branches(self, request: EditRequest) -> list[Branch]:
        """The edit, and the source where the method asks for it; their prompts are padded to one length."""
        source = request.method.source
        wanted = [(request.prompt, request.guidance_scale)]
        if source is not None:
            wanted.append((source.prompt, source.guidance_scale))
        prompts = [prompt for prompt, _ in wanted]
        encoders, tokens = self.models.encoders, self._learned(request)
        learned = tuple(one.key for one in request.method.learned)
        leads = [lead_ids(tokens, encoder) for encoder in encoders]
        chunks = text.needed_chunks(encoders, *prompts, request.negative_prompt, leads=leads)
        branches = []
        for prompt, scale in wanted:
            key = prompt, request.negative_prompt, request.model_size, chunks, learned
            make = partial(self._encode_prompts, *key[:4], tokens)
            condition = self._conditions.get(key, make)
            branches.append(Branch(condition, scale))
        return branches

    def _learned(self, request: EditRequest) -> tuple[Token, ...]:
        """The learned tokens of a request."""
        models = self.models

        def load(learned: Learned) -> Token:
            like = torch.zeros((), device=models.device, dtype=models.dtype)
            return load_token(learned, models.encoders, models.unet, like)

        return tuple(
            self._tokens.get(one.key, partial(load, one)) for one in request.method.learned
        )

    def _encode_prompts(
        self, prompt: Pieces, negative: Pieces, size: Size, chunks: int, tokens: Sequence[Token]
    ) -> Condition:
        models = self.models
        rows, plain = [], []
        for pieces, own in ((negative, ()), (prompt, tokens)):
            encoded = encode_prompt(
                models.encoders, pieces, own, chunks=chunks, device=models.device
            )
            context, pooled = encoded.context, encoded.pooled
            if not pieces and not own and models.zero_empty_prompt:
                context, pooled = torch.zeros_like(context), torch.zeros_like(pooled)
            rows.append((context, pooled))
            plain.append(encoded.plain if own else context)
        time_ids = torch.tensor(
            [[size.height, size.width, 0, 0, size.height, size.width]] * 2,
            device=models.device,
            dtype=models.dtype,
        )
        return Condition(
            torch.cat([context for context, _ in rows]),
            torch.cat([pooled for _, pooled in rows]),
            time_ids,
            torch.cat(plain) if tokens else None,
        )

    def _encode(self, request: EditRequest, rgb: np.ndarray) -> Tensor:
        crop = np.ascontiguousarray(request.crop)
        key = crop.shape, crop.dtype, request.model_size, hashlib.sha256(crop.data).digest()
        return self._latents.get(key, lambda: self._encode_crop(rgb))

    def _encode_crop(self, rgb: np.ndarray) -> Tensor:
        vae = self.models.vae
        pixels = _tensor(rgb, self.models.device) * 2 - 1
        latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
        return latents.to(self.models.dtype)

    def _decode(self, latents: Tensor) -> np.ndarray:
        vae = self.models.vae
        pixels = vae.decode(latents.float() / vae.config.scaling_factor, return_dict=False)[0]
        rgb = (pixels / 2 + 0.5).clamp(0, 1)[0].permute(1, 2, 0).float().cpu().numpy()
        if not np.isfinite(rgb).all():
            raise InputError(
                "The model produced pixels that are not numbers; try another seed, a lower strength, "
                "or EXPRESSEDIT_DEVICE=cpu."
            )
        return rgb

    def _control(
        self, request: EditRequest, rgb: np.ndarray, selected: np.ndarray, calls: int
    ) -> Control | None:
        models, card = self.models, self.models.card
        on = controlled_calls(calls, request.control_end)
        if models.controlnet is None or not on or request.control_scale == 0:
            return None
        erase = selected if request.control_inside == "erase" else None
        hint = canny_hint(rgb, card.canny_low, card.canny_high, erase)
        weights = control_weights(
            len(models.controlnet.controlnet_down_blocks),
            request.control_scale,
            card.control_weights,
        )
        return Control(
            models.controlnet, _tensor(hint, models.device).to(models.dtype), weights, on
        )


def _sampled(
    setting: Setting, draw: Callable[[], Tensor], before_step: Callable[[int], None]
) -> Tensor:
    """The edit's latents (1, C, h, w)."""
    models, schedule, branches = setting.models, setting.schedule, setting.branches
    filling = fill(setting)
    denoise = make_denoiser(
        models.unet,
        branches,
        setting.control,
        round(models.card.guidance_end * len(schedule)),
        filling.attention.on_call,
    )
    start = sampling.add_noise(setting.source, draw(), schedule[0].alpha_bar)
    with installed(models.unet, filling.attention):
        return sampling.sample(
            start.expand(len(branches), -1, -1, -1),
            schedule,
            denoise,
            models.prediction,
            filling.slots,
            draw=draw,
            before_step=before_step,
        )


def _stop_if(stop: Stop) -> None:
    if stop():
        raise Cancelled("The edit was cancelled; the picture is as it was.")


def _preserved(
    request: EditRequest, rgb: np.ndarray, calls: int, on_step: OnStep, stop: Stop
) -> np.ndarray:
    """The generated colour of the crop with as much of the source's lines and colours as was asked for."""

    def before_pass(done: int) -> None:
        _stop_if(stop)
        what = f"keeping the lines, pass {done + 1} of {STRUCTURE_PASSES}"
        on_step(calls + done + 1, calls + STRUCTURE_PASSES, what)

    return preserve(
        rgb,
        request.crop.astype(np.float32) / np.iinfo(request.crop.dtype).max,
        request.selection,
        structure=request.preserve_structure,
        color=request.preserve_color,
        radius_px=window_radius_px(Size(rgb.shape[1], rgb.shape[0]), request.model_size),
        before_pass=before_pass,
    )


def _noise(like: Tensor, seed: int) -> Callable[[], Tensor]:
    """Draws of one stream of standard noise, made on the CPU so that devices agree."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return lambda: torch.randn(like.shape, generator=generator).to(like)


def _latent_mask(selected: np.ndarray, stride: int, like: Tensor) -> Tensor:
    """Which latents may change: 1 for every cell within half a cell of the selection (H, W), (1, 1, h, w).

    Wider than the selection, by about a cell, so that neither the latents' grid nor the source's colour shows
    at its rim. What is written into the picture is cut to the selection afterwards.
    """
    cells = _tensor((selected > 0).astype(np.float32)[..., None], like.device)
    half = stride // 2
    pooled = torch.nn.functional.max_pool2d(cells, stride + 2 * half, stride, padding=half)
    return pooled.to(like.dtype)


def _tensor(image: np.ndarray, device: torch.device) -> Tensor:
    """(H, W, C) float32 to (1, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(device)
