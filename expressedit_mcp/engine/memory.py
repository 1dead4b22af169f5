"""How a model is laid into a GPU's memory, from the whole of it down to what still fits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from expressedit_mcp.engine import ldm
from expressedit_mcp.engine.model_source import ModelSource
from expressedit_mcp.engine.weights_file import read_weights_file

if TYPE_CHECKING:
    from expressedit_mcp.engine.models import ModelSet

_GIB = 1 << 30
# UNet, ControlNet and VAE at 1024 x 1024 with guidance: 9.0 GiB peak of SDXL in half precision, less its weights
_ACTIVATIONS_GIB = 3.5
_MOST_AT_ONCE = 4


@dataclass(frozen=True)
class Plan:
    """`text_on_cpu` keeps what encodes prompts beside the GPU (they are cached), `weights_8bit` stores UNet and
    ControlNet in float8 and computes in the model's own precision.
    """

    name: str
    text_on_cpu: bool = False
    weights_8bit: bool = False
    on_cpu: bool = False


PLANS = (
    Plan("whole model"),
    Plan("text encoders on the CPU", text_on_cpu=True),
    Plan("text encoders on the CPU, 8-bit weights", text_on_cpu=True, weights_8bit=True),
    Plan("CPU", on_cpu=True),
)


@dataclass(frozen=True)
class Footprint:
    """The memory (GiB) of a model's weights as they are loaded, by what plans treat alike, and its native size.

    `texts_gib` is all that encodes prompts: text encoders, and an IP-Adapter with its image encoder.
    """

    denoisers_gib: float
    texts_gib: float
    vae_gib: float
    native_px: int


def footprint(models: ModelSet) -> Footprint:
    """The footprint of a loaded model."""
    return Footprint(
        _gib((models.unet, models.controlnet)),
        _gib(models.prompt_modules),
        _gib((models.vae,)),
        models.card.native_px,
    )


def footprint_of_files(source: ModelSource, dtype: torch.dtype) -> Footprint:
    """The footprint that a model will have in a precision, from its files' headers. Raises ModelError."""
    counts = _counts_of_base(source)
    if source.controlnet is not None:
        counts["unet"] += sum(_parameters(source.controlnet).values())
    if source.ip_adapter is not None and source.image_encoder is not None:
        for path in (source.ip_adapter, source.image_encoder):
            counts["text"] += sum(_parameters(path).values())
    if source.vae is not None:
        counts["vae"] = sum(_parameters(source.vae).values())
    # the VAE is always float32
    unit, whole = dtype.itemsize / _GIB, 4 / _GIB
    return Footprint(
        counts["unet"] * unit, counts["text"] * unit, counts["vae"] * whole, source.card.native_px
    )


def at_once(size: Footprint, plan: Plan, free: float | None) -> int:
    """How many variations one batch may hold beside a plan in what is free (GiB), at most 4.

    One where there is no memory of its own: on a CPU a batch saves next to nothing, and the first is there later.
    """
    if free is None or plan.on_cpu:
        return 1
    room = free - needed_gib(size, plan)
    return max(1, min(_MOST_AT_ONCE, 1 + int(room / _activations_gib(size))))


def needed_gib(size: Footprint, plan: Plan) -> float:
    """The GPU memory (GiB) that a plan is expected to take at the model's native size. Computed, not measured."""
    if plan.on_cpu:
        return 0.0
    return (
        size.denoisers_gib * (0.5 if plan.weights_8bit else 1)
        + (0.0 if plan.text_on_cpu else size.texts_gib)
        + size.vae_gib
        + _activations_gib(size)
    )


def _activations_gib(size: Footprint) -> float:
    """Of one edit with guidance, at the model's native size."""
    return _ACTIVATIONS_GIB * (size.native_px / 1024) ** 2


def free_gib(device: torch.device) -> float | None:
    """The GPU memory that is free; None where weights stand in the machine's own memory (CPU, MPS)."""
    return torch.cuda.mem_get_info(device)[0] / _GIB if device.type == "cuda" else None


def choose_plan(size: Footprint, free: float | None) -> Plan:
    """The first plan that fits into what is free (GiB); the whole model where there is no memory of its own."""
    if free is None:
        return PLANS[0]
    return next(plan for plan in PLANS if needed_gib(size, plan) <= free or plan.on_cpu)


def describe_plan(size: Footprint, free: float | None) -> str:
    """The plan that would be chosen and what it takes, in words."""
    chosen = choose_plan(size, free)
    weights = size.denoisers_gib + size.texts_gib + size.vae_gib
    if free is None:
        return f"{chosen.name}, {weights:.2f} GiB of weights in this machine's own memory"
    needs = (f"{plan.name} {needed_gib(size, plan):.1f}" for plan in PLANS if not plan.on_cpu)
    return (
        f"{chosen.name}, with {free:.1f} GiB free on the GPU (computed, not measured, GiB: {'; '.join(needs)}; "
        "running out is answered by the next smaller one)"
    )


def smaller(plan: Plan) -> Plan | None:
    """The next smaller plan; None after the last."""
    at = PLANS.index(plan) + 1
    return PLANS[at] if at < len(PLANS) else None


def placed(models: ModelSet, plan: Plan, device: torch.device) -> ModelSet:
    """The models, loaded on the CPU, laid out as the plan says."""
    if plan.on_cpu:
        device = torch.device("cpu")
        dtype = torch.float32
        for module in (models.unet, models.controlnet, *models.prompt_modules):
            if module is not None:
                module.to(dtype)
        return replace(models, device=device, dtype=dtype)
    for module in (models.unet, models.controlnet, models.vae):
        if module is not None and device.type == "cuda":
            # the layout that its convolutions compute in; any other is converted at each of them
            module.to(memory_format=torch.channels_last)
    for module in (models.unet, models.controlnet):
        if module is None:
            continue
        if plan.weights_8bit:
            module.enable_layerwise_casting(
                storage_dtype=torch.float8_e4m3fn, compute_dtype=models.dtype
            )
        module.to(device)
    models.vae.to(device)
    if not plan.text_on_cpu:
        for module in models.prompt_modules:
            module.to(device)
    return replace(models, device=device)


def _counts_of_base(source: ModelSource) -> dict[str, int]:
    """Numbers of parameters of the base model's UNet, text encoders (text) and VAE."""
    if source.single_file:
        texts = (ldm.CLIP_L_PREFIX, ldm.OPEN_CLIP_PREFIX)
        prefixes = {"unet": ldm.UNET_PREFIX, "text": texts, "vae": ldm.VAE_PREFIX}
        sizes = _parameters(source.base)
        return {
            part: sum(size for name, size in sizes.items() if name.startswith(prefix))
            for part, prefix in prefixes.items()
        }
    folders = {"unet": ("unet",), "text": ("text_encoder", "text_encoder_2"), "vae": ("vae",)}
    return {
        part: sum(sum(_parameters(source.base / name).values()) for name in names)
        for part, names in folders.items()
    }


def _parameters(path: Path) -> dict[str, int]:
    """Numbers of parameters by name, of a file or of a diffusers part's files."""
    # other precisions of the same weights may lie beside them
    files = (
        [path]
        if path.is_file()
        else [f for f in path.glob("*.safetensors") if ".fp16." not in f.name]
    )
    return {
        name: math.prod(shape)
        for file in files
        for name, shape in read_weights_file(file).shapes.items()
    }


def _gib(modules: Iterable[Any]) -> float:
    return (
        sum(p.numel() * p.element_size() for m in modules if m is not None for p in m.parameters())
        / _GIB
    )
