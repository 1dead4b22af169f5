"""One edit from request to generated colour, on loaded models."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine import sampling, text
from expressedit_mcp.engine.backend import (
    EditRequest,
    Located,
    LocateRequest,
    OnStep,
    Pieces,
    Stop,
)
from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.denoise import (
    Branch,
    Condition,
    Control,
    control_weights,
    controlled_calls,
    make_denoiser,
)
from expressedit_mcp.engine.drawn import Drawn, passes_of, stop_if
from expressedit_mcp.engine.image_prompt import Keys, image_keys
from expressedit_mcp.engine.methods.attention import installed
from expressedit_mcp.engine.methods.filling import Filling, Setting, fill
from expressedit_mcp.engine.methods.inversion import edited_noise
from expressedit_mcp.engine.methods.method import Learned
from expressedit_mcp.engine.methods.solvers import invert
from expressedit_mcp.engine.methods.tokens import Token, encode_prompt, lead_ids, load_token
from expressedit_mcp.engine.methods.words import LEVELS, mask_of, read_maps
from expressedit_mcp.engine.models import ModelSet, require_gradients
from expressedit_mcp.engine.pixels import decode, encode, tensor
from expressedit_mcp.engine.schedule import Step, make_schedule, timesteps
from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import (
    Size,
    canny_hint,
    resize,
)

T = TypeVar("T")
Fill = Callable[[Setting], Filling]
"""From an edit's setting to what fills the loop's slots."""


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

    def __init__(self, models: ModelSet, fill: Fill = fill) -> None:
        self.models, self._fill = models, fill
        self._conditions = _Cache(16)
        self._latents = _Cache(8)
        self._tokens = _Cache(8)
        self._images = _Cache(4)
        self._located = _Cache(16)

    def edit(
        self, request: EditRequest, on_step: OnStep, stop: Stop
    ) -> tuple[np.ndarray, int, int]:
        """Generated colour (h, w, 3) float32 0..1 of the crop, model calls, controlled calls."""
        drawn = self.draw(request, (request.seed,), on_step, stop)
        return drawn.finished(0, on_step, stop), drawn.calls, drawn.controlled

    @torch.no_grad()
    def draw(
        self, request: EditRequest, seeds: Sequence[int], on_step: OnStep, stop: Stop
    ) -> Drawn:
        """What the model draws for each seed, sampled in one batch.

        A method that samples alone takes one seed.
        """
        models, count = self.models, len(seeds)
        assert count == 1 or not request.method.samples_alone
        _check_request(request, models.card)
        if request.method.guidance is not None:
            require_gradients(models)
        source_rgb = _rgb(request.crop, request.model_size)
        selected = resize(request.selection.astype(np.float32) / 255, request.model_size)
        schedule = make_schedule(
            timesteps(request.steps, request.strength, models.spacing, offset=models.steps_offset),
            models.alphas,
        )
        calls = len(schedule)
        steps = count * (calls + passes_of(request))
        edited, *others = self._branches(request)
        source = self._encode(request.crop, request.model_size)
        control = self._control(request, source_rgb, selected, calls)
        noise = _noise(source, seeds)

        def before_step(index: int) -> None:
            stop_if(stop)
            on_step(count * index, steps, f"denoising step {index + 1} of {calls}")

        latents = source.expand(count, -1, -1, -1)
        if schedule:
            mask = _latent_mask(selected, models.latent_stride, source)
            setting = Setting(
                request,
                models,
                schedule,
                source,
                mask,
                selected,
                (*[edited] * count, *others),
                control,
                known=torch.cat([source[:0], *self._known(request)]),
                part=_cells(request.part, source),
                of_reference=_cells(request.reference_selection, source),
                tokens=self._learned(request),
                image=self._image(request),
            )
            if request.method.solver == "inverted":
                setting = replace(setting, path=_inverted(setting, on_step, stop))
            latents = _sampled(setting, self._fill(setting), noise, before_step, count)
        on_step(count * calls, steps, "decoding")
        rows = []
        for row in latents.split(1):
            stop_if(stop)
            rows.append(decode(models, row))
        controlled = control.calls if control else 0
        return Drawn(request, source_rgb, selected, rows, calls, controlled)

    @torch.no_grad()
    def locate(self, request: LocateRequest, on_step: OnStep, stop: Stop) -> Located:
        """Where the model looks for words."""
        key = *_pixels_key(request.crop, request.model_size), request.words, request.threshold
        return self._located.get(key, lambda: self._locate(request, on_step, stop))

    def _locate(self, request: LocateRequest, on_step: OnStep, stop: Stop) -> Located:
        encoders, size = self.models.encoders, request.model_size
        prompt = tuple((text, 1.0) for word in request.words for text in (word, ", "))
        key = prompt, (), size, text.needed_chunks(encoders, prompt)
        condition = self._conditions.get(key, partial(self._encode_prompts, *key))
        positions = text.token_positions(prompt, encoders[0].tokenizer)[::2]

        def before_level(index: int) -> None:
            stop_if(stop)
            on_step(index, len(LEVELS), f"looking for {', '.join(request.words)}")

        source = self._encode(request.crop, size)
        maps = read_maps(self.models, source, condition, positions, before_level)
        rgb = request.crop.astype(np.float32) / np.iinfo(request.crop.dtype).max
        return Located(*mask_of(maps, rgb, request.threshold))

    def _branches(self, request: EditRequest) -> list[Branch]:
        """The edit, and where the method asks for them the source and the reference; their prompts are padded to
        one length."""
        source = request.method.source
        wanted = [(request.prompt, request.guidance_scale)]
        if source is not None:
            wanted.append((source.prompt, source.guidance_scale))
            if request.reference is not None:
                wanted.append((source.prompt, 1.0))
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

    def _image(self, request: EditRequest) -> Keys | None:
        """What the layers attend to in the image prompt of a request; None where it has no weight."""
        models, picture, wanted = self.models, request.image_prompt, request.method.image
        if models.adapter is None or picture is None or wanted is None or wanted.scale == 0:
            return None
        adapter, side = models.adapter, models.adapter.encoder.config.image_size
        size = Size(side, side)

        def look() -> Keys:
            return image_keys(adapter, _rgb(picture, size), models.device, models.dtype)

        return self._images.get(_pixels_key(picture, size), look)

    def _encode_prompts(
        self,
        prompt: Pieces,
        negative: Pieces,
        size: Size,
        chunks: int,
        tokens: Sequence[Token] = (),
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

    def _known(self, request: EditRequest) -> list[Tensor]:
        """The latents of the branches beside the edit's: the source, the reference."""
        if request.method.source is None:
            return []
        before = request.crop if request.source is None else request.source
        pictures = [before] if request.reference is None else [before, request.reference]
        return [self._encode(pixels, request.model_size) for pixels in pictures]

    def _encode(self, pixels: np.ndarray, size: Size) -> Tensor:
        key = _pixels_key(pixels, size)
        return self._latents.get(key, lambda: encode(self.models, _rgb(pixels, size)))

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
        return Control(models.controlnet, tensor(hint, models.device).to(models.dtype), weights, on)


def _check_request(request: EditRequest, card: Card) -> None:
    """Raises InputError where the method needs a picture that the request does not hold, or an IP-Adapter that the
    model has not."""
    if request.method.image is not None:
        card.require_ip_adapter()
        if request.image_prompt is None:
            raise InputError("An image prompt needs the request's `image_prompt`, its picture.")
    guidance, memory = request.method.guidance, request.method.memory
    if guidance is not None and guidance.needs_part and request.part is None:
        raise InputError(f"The task {guidance.task} needs the request's `part`, what of it moves.")
    compared = guidance is not None and guidance.needs_reference
    masked = memory is not None and memory.kind == "masked"
    complete = request.reference is not None and request.reference_selection is not None
    if (compared or masked) and not complete:
        raise InputError("This method needs the request's `reference` and `reference_selection`.")


def _inverted(setting: Setting, on_step: OnStep, stop: Stop) -> list[Tensor]:
    """The latents of the known branches at every noise level, by DDIM inversion without guidance."""
    steps = len(setting.schedule)
    denoise = make_denoiser(setting.models.unet, setting.branches[1:], None, 0)

    def reporting(z: Tensor, step: Step, index: int) -> Tensor:
        stop_if(stop)
        on_step(0, steps, f"inverting step {steps - index} of {steps}")
        return denoise(z, step, index)

    return invert(setting.known, setting.schedule, reporting, setting.models.prediction)


def _start(setting: Setting, noise: Tensor) -> Tensor:
    """The latents (B, C, h, w) of all branches at the first noise level, one edit per row of noise."""
    if setting.path:
        first = setting.path[0]
        edit = edited_noise(setting.request.method.guidance, setting.scene, first)
        return torch.cat([edit, first])
    clean = torch.cat([setting.source.expand(len(noise), -1, -1, -1), setting.known])
    return sampling.add_noise(clean, noise, setting.schedule[0].alpha_bar)


def _sampled(
    setting: Setting,
    filling: Filling,
    draw: Callable[[], Tensor],
    before_step: Callable[[int], None],
    edits: int,
) -> Tensor:
    """The edits' latents (edits, C, h, w)."""
    models, schedule, branches = setting.models, setting.schedule, setting.branches
    denoise = make_denoiser(
        models.unet,
        branches,
        setting.control,
        round(models.card.guidance_end * len(schedule)),
        filling.attention.on_call,
    )
    start = _start(setting, draw())
    with installed(models.unet, filling.attention):
        return sampling.sample(
            start,
            schedule,
            denoise,
            models.prediction,
            filling.slots,
            draw=draw,
            before_step=before_step,
            edits=edits,
        )


def _pixels_key(pixels: np.ndarray, size: Size) -> tuple[Hashable, ...]:
    pixels = np.ascontiguousarray(pixels)
    return pixels.shape, pixels.dtype, size, hashlib.sha256(pixels.data).digest()


def _noise(like: Tensor, seeds: Sequence[int]) -> Callable[[], Tensor]:
    """Draws (n, C, h, w) of one stream of standard noise per seed, made on the CPU so that devices agree."""
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    return lambda: torch.cat([torch.randn(like.shape, generator=g) for g in generators]).to(like)


def _latent_mask(selected: np.ndarray, stride: int, like: Tensor) -> Tensor:
    """Which latents may change: 1 for every cell within half a cell of the selection (H, W), (1, 1, h, w).

    Wider than the selection, by about a cell, so that neither the latents' grid nor the source's colour shows
    at its rim. What is written into the picture is cut to the selection afterwards.
    """
    cells = tensor((selected > 0).astype(np.float32)[..., None], like.device)
    half = stride // 2
    pooled = torch.nn.functional.max_pool2d(cells, stride + 2 * half, stride, padding=half)
    return pooled.to(like.dtype)


def _rgb(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Pixels (h, w, 3) uint8 or uint16 at a size, float32 0..1."""
    top = np.iinfo(pixels.dtype).max
    return np.clip(resize(pixels.astype(np.float32) / top, size), 0, 1)


def _cells(mask: np.ndarray | None, like: Tensor) -> Tensor | None:
    """A mask (h, w) uint8 as shares 0..1 of latent cells, (1, 1, h, w); None stays None."""
    if mask is None:
        return None
    size = Size(like.shape[3], like.shape[2])
    share = resize(mask.astype(np.float32) / 255, size)
    return tensor(share[..., None], like.device).to(like.dtype)
