"""How a model is laid into a GPU's memory, from the whole of it down to what still fits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from expressedit_mcp.engine.models import ModelSet

_GIB = 1 << 30
# UNet, ControlNet and VAE at 1024 x 1024 with guidance: 9.0 GiB peak of SDXL in half precision, less its weights
_ACTIVATIONS_GIB = 3.5


@dataclass(frozen=True)
class Plan:
    """`text_on_cpu` keeps the text encoders beside the GPU (prompts are cached), `weights_8bit` stores UNet and
    ControlNet in float8 and computes in the model's own precision.
    """

    name: str
    text_on_cpu: bool = False
    weights_8bit: bool = False
    on_cpu: bool = False


PLANS = (
    Plan("whole"),
    Plan("text encoders on the CPU", text_on_cpu=True),
    Plan("text encoders on the CPU, 8-bit weights", text_on_cpu=True, weights_8bit=True),
    Plan("CPU", on_cpu=True),
)


def needed_gib(models: ModelSet, plan: Plan) -> float:
    """The GPU memory (GiB) that a plan is expected to take at the model's native size. Computed, not measured."""
    if plan.on_cpu:
        return 0.0
    area = (models.card.native_px / 1024) ** 2
    denoisers = _gib((models.unet, models.controlnet))
    texts = 0.0 if plan.text_on_cpu else _gib(e.model for e in models.encoders)
    return (
        denoisers * (0.5 if plan.weights_8bit else 1)
        + texts
        + _gib((models.vae,))
        + _ACTIVATIONS_GIB * area
    )


def choose_plan(models: ModelSet, device: torch.device) -> Plan:
    """The first plan that fits into what is free; on a CPU and on MPS all of it stands in one memory."""
    if device.type != "cuda":
        return PLANS[0]
    free = torch.cuda.mem_get_info(device)[0] / _GIB
    return next(plan for plan in PLANS if needed_gib(models, plan) <= free or plan.on_cpu)


def smaller(plan: Plan) -> Plan | None:
    """The next smaller plan; None after the last."""
    at = PLANS.index(plan) + 1
    return PLANS[at] if at < len(PLANS) else None


def placed(models: ModelSet, plan: Plan, device: torch.device) -> ModelSet:
    """The models, loaded on the CPU, laid out as the plan says."""
    if plan.on_cpu:
        device = torch.device("cpu")
        dtype = torch.float32
        for module in (models.unet, models.controlnet, *(e.model for e in models.encoders)):
            if module is not None:
                module.to(dtype)
        return replace(models, device=device, dtype=dtype)
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
        for encoder in models.encoders:
            encoder.model.to(device)
    return replace(models, device=device)


def _gib(modules: Iterable[Any]) -> float:
    return (
        sum(p.numel() * p.element_size() for m in modules if m is not None for p in m.parameters())
        / _GIB
    )
