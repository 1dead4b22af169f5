"""The denoiser of the loop: UNet, ControlNet while it is on, classifier-free guidance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine.sampling import Denoiser
from expressedit_mcp.engine.schedule import Step


@dataclass(frozen=True)
class Condition:
    """Text and size conditioning, rows (unconditional, conditional).

    `context` (2, tokens, C), `pooled` (2, P), `time_ids` (2, 6) = original size, crop corner, target size.
    `control_context` is what a ControlNet sees instead of `context`, where that holds tokens of the UNet's own.
    """

    context: Tensor
    pooled: Tensor
    time_ids: Tensor
    control_context: Tensor | None = None

    def rows(self, guided: bool, *, control: bool = False) -> dict[str, Any]:
        """Keyword arguments of a UNet or ControlNet call: both rows, or the conditional one alone."""
        part = slice(None) if guided else slice(1, 2)
        added = {"text_embeds": self.pooled[part], "time_ids": self.time_ids[part]}
        own = self.control_context if control else None
        context = self.context if own is None else own
        return {"encoder_hidden_states": context[part], "added_cond_kwargs": added}


@dataclass(frozen=True)
class Control:
    """A ControlNet, its hint (1, 3, H, W) and one weight per residual; on for the first `calls` calls."""

    net: Any
    hint: Tensor
    weights: Sequence[float]
    calls: int

    def residuals(self, z: Tensor, t: Tensor, index: int, rows: dict[str, Any]) -> dict[str, Any]:
        """Keyword arguments that add the residuals to a UNet call; none once the ControlNet is off."""
        if index >= self.calls:
            return {}
        hint = self.hint.expand(z.shape[0], -1, -1, -1)
        down, mid = self.net(z, t, controlnet_cond=hint, return_dict=False, **rows)
        *levels, middle = self.weights
        return {
            "down_block_additional_residuals": [r * w for r, w in zip(down, levels, strict=True)],
            "mid_block_additional_residual": mid * middle,
        }


def controlled_calls(calls: int, control_end: float) -> int:
    """How many of an edit's model calls are controlled.

    Call i is while max(i - 1, 0) / calls <= control_end, the gate of A1111's ControlNet extension,
    so its slider values carry over; 0 means none.
    """
    if control_end <= 0:
        return 0
    return sum(max(i - 1, 0) / calls <= control_end for i in range(calls))


def control_weights(down: int, scale: float, kind: str) -> list[float]:
    """One weight per residual, the middle block's last.

    `balanced` is all equal; `soft` falls towards the shallow levels, 0.825^(12 - i) for down residual i
    and 0.825^3 for the middle, which lets the prompt outweigh the hint.
    """
    if kind == "balanced":
        return [scale] * (down + 1)
    return [scale * 0.825 ** (12 - i) for i in range(down)] + [scale * 0.825**3]


@dataclass(frozen=True)
class Branch:
    """What one row of the latents is conditioned on, and its guidance scale."""

    condition: Condition
    guidance_scale: float

    def guided(self, index: int, guided_calls: int) -> bool:
        """Whether step `index` computes the unconditional row too."""
        return self.guidance_scale > 1 and index < guided_calls


@dataclass(frozen=True)
class Layout:
    """Where the branches lie in a UNet call's batch: per branch the row of the conditional pass, and of the
    unconditional one or None."""

    conditional: tuple[int, ...]
    unconditional: tuple[int | None, ...]

    @classmethod
    def of(cls, guided: Sequence[bool]) -> Layout:
        """The layout of branches in order, the unconditional row of each before its conditional one."""
        ends = np.cumsum([1 + g for g in guided]).tolist()
        return cls(
            tuple(end - 1 for end in ends),
            tuple(end - 2 if g else None for end, g in zip(ends, guided, strict=True)),
        )


OnCall = Callable[[Layout, int], None]
"""Told the layout of a UNet call and the index of its step, before the call: what attention control goes by."""


def make_denoiser(
    unet: Any,
    branches: Sequence[Branch],
    control: Control | None,
    guided_calls: int,
    on_call: OnCall = lambda layout, index: None,
) -> Denoiser:
    """Classifier-free guidance (J. Ho, T. Salimans, 2022) over a UNet with an optional ControlNet, all branches in
    one batch.

    After `guided_calls` calls, or at guidance_scale 1, a branch's conditional row alone is computed.
    """

    def denoise(z: Tensor, step: Step, index: int) -> Tensor:
        guided = [branch.guided(index, guided_calls) for branch in branches]
        rows = _rows(branches, guided)
        batch = torch.cat([z[i : i + 1].expand(1 + g, -1, -1, -1) for i, g in enumerate(guided)])
        t = torch.tensor(step.t, device=z.device, dtype=torch.float32)
        extra = {}
        if control:
            extra = control.residuals(batch, t, index, _rows(branches, guided, control=True))
        layout = Layout.of(guided)
        on_call(layout, index)
        output = unet(batch, t, return_dict=False, **rows, **extra)[0]
        return torch.cat(
            [
                _combined(output, layout, i, branch.guidance_scale)
                for i, branch in enumerate(branches)
            ]
        )

    return denoise


def _rows(
    branches: Sequence[Branch], guided: Sequence[bool], *, control: bool = False
) -> dict[str, Any]:
    """Keyword arguments of a UNet or ControlNet call for all branches."""
    rows = [
        branch.condition.rows(g, control=control)
        for branch, g in zip(branches, guided, strict=True)
    ]
    added = [row["added_cond_kwargs"] for row in rows]
    return {
        "encoder_hidden_states": torch.cat([row["encoder_hidden_states"] for row in rows]),
        "added_cond_kwargs": {
            name: torch.cat([part[name] for part in added]) for name in ("text_embeds", "time_ids")
        },
    }


def _combined(output: Tensor, layout: Layout, branch: int, guidance_scale: float) -> Tensor:
    row, free = layout.conditional[branch], layout.unconditional[branch]
    conditional = output[row : row + 1]
    if free is None:
        return conditional
    unconditional = output[free : free + 1]
    return unconditional + guidance_scale * (conditional - unconditional)
