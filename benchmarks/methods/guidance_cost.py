"""What guided edits cost on SDXL, counted on the meta device: shapes alone, nothing is computed.

The VAE, the text encoders and the ControlNet, which gives `fast` its edges in the first steps, are not in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.engine.stopwatch import count_tflop
from expressedit_mcp.engine.denoise import Condition
from expressedit_mcp.engine.methods.features import FeatureTap
from expressedit_mcp.engine.methods.profiles import PRESETS, Profile, Task, guided_method
from expressedit_mcp.engine.model_source import SDXL_CONFIGS
from expressedit_mcp.engine.single_file import read_config, skeleton

SIDES: dict[Profile, int] = {"fast": 768, "paper": 1024}
TASKS: tuple[Task, ...] = ("landmark", "drag", "move", "appearance", "paste")
_GIB = 1 << 30


@dataclass(frozen=True)
class Unit:
    """TFLOP of one row: a UNet call, a call up to the last tapped block, and the way back from there."""

    call: float
    features: float
    backward: float


def cost_table() -> str:
    """TFLOP per edit by task and profile, and the memory that one gradient keeps (GiB, half precision)."""
    unet = meta_unet()
    units = {profile: unit_of(unet, side // 8) for profile, side in SIDES.items()}
    lines = [
        "| TFLOP of the UNet | fast, 768 px | paper, 1024 px | fast / paper |",
        "| --- | --- | --- | --- |",
    ]
    for task in TASKS:
        fast, paper = (edit_tflop(profile, task, units[profile]) for profile in SIDES)
        lines.append(f"| {task} | {fast:.0f} | {paper:.0f} | {fast / paper:.2f} |")
    for side in SIDES.values():
        kept, less = (saved_gib(unet, side // 8, checkpointing=on) for on in (False, True))
        lines.append(
            f"| kept for one gradient at {side} px: {kept:.2f} GiB, with checkpointing {less:.2f} GiB | | | |"
        )
    return "\n".join(lines)


def edit_tflop(profile: Profile, task: Task, unit: Unit) -> float:
    """TFLOP of the UNet in one edit, from the steps of its method."""
    preset = PRESETS[profile][task]
    method = guided_method(profile, (), task, points=(((0.0, 0.0), (1.0, 1.0)),))
    steps = round(preset.steps * preset.strength)
    guidance, travel = method.guidance, method.recurrence
    assert guidance is not None
    times = [
        travel.repeats if travel and index < steps - 1 and travel.steps.on(index, steps) else 1
        for index in range(steps)
    ]
    known = 2 if guidance.needs_reference else 1
    total = sum(times) * (2 + known) * unit.call
    total += sum(n - 1 for n in times) * unit.call
    if method.solver == "inverted":
        total += steps * known * unit.call
    guided = sum(
        n for index, n in enumerate(times) if any(part.on(index, steps) for part in guidance.steps)
    )
    backward = 1 if guidance.content == "blend" and task != "move" else 2
    return total + guided * ((1 + known) * unit.features + backward * unit.backward)


def saved_gib(unet: Any, cells: int, *, checkpointing: bool) -> float:
    """GiB that the forward pass keeps for one gradient, attention as a flash kernel keeps it."""
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    flash = dict.fromkeys(unet.attn_processors, _Flash())
    tap = FeatureTap(unet, (0, 1), _condition(), flash, checkpointing=checkpointing)
    with tap.installed(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        for module in unet.modules() if checkpointing else ():
            if hasattr(module, "_gradient_checkpointing_func"):
                module._gradient_checkpointing_func = _keeping(kept)
        tap.read(_meta(1, 4, cells, cells).requires_grad_(), 500.0)
    # a tensor and its views share what is kept; weights are there anyway
    sizes = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in kept}
    weights = {p.untyped_storage()._cdata for p in unet.parameters()}
    return sum(size for storage, size in sizes.items() if storage not in weights) / _GIB


def _keeping(kept: list[Tensor]) -> Callable[..., Any]:
    """What stands for a checkpoint in the count: it keeps its inputs and nothing within."""

    def checkpoint(function: Callable[..., Any], *inputs: Any) -> Any:
        kept.extend(part for part in inputs if isinstance(part, Tensor))
        with torch.no_grad():
            return function(*inputs)

    return checkpoint


def unit_of(unet: Any, cells: int) -> Unit:
    z, at = _meta(1, 4, cells, cells), torch.tensor(500.0, device="meta")
    tap = FeatureTap(unet, (0, 1), _condition(), unet.attn_processors)

    def features(backward: bool) -> None:
        here = z.clone().requires_grad_(backward)
        with tap.installed():
            seen = tap.read(here, 500.0)
            if backward:
                torch.autograd.backward([f.sum() for f in seen])

    with torch.no_grad():
        call = count_tflop(lambda: unet(z, at, return_dict=False, **_condition().rows(False)))
        forward = count_tflop(lambda: features(False))
    return Unit(call, forward, count_tflop(lambda: features(True)) - forward)


def meta_unet() -> Any:
    """SDXL's UNet without weights."""
    return skeleton("unet", read_config(SDXL_CONFIGS, "unet")).half().eval().requires_grad_(False)


def _condition() -> Condition:
    return Condition(_meta(2, 77, 2048), _meta(2, 1280), _meta(2, 6))


def _meta(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta", dtype=torch.float16)


class _Flash:
    """Attention that keeps what a flash kernel keeps: q, k, v, the output and a number per row and head."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        **others: Any,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        mixed = _FlashAttention.apply(q, k, v, attn.heads)
        return attn.to_out[1](attn.to_out[0](mixed))


class _FlashAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        out = torch.empty_like(q)
        sums = torch.empty(*q.shape[:2], heads, device=q.device, dtype=torch.float32)
        ctx.save_for_backward(q, k, v, out, sums)
        return out


if __name__ == "__main__":
    print(cost_table())
