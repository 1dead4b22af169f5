"""What edits cost on SDXL at 1024 px: floating-point operations counted on modules without weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from benchmarks.engine.stopwatch import count_tflop
from expressedit_mcp.engine.denoise import controlled_calls
from expressedit_mcp.engine.model_source import SDXL_CONFIGS
from expressedit_mcp.engine.single_file import read_config, skeleton

_SIDE_PX, _TOKENS = 1024, 77
_META = torch.device("meta")


@dataclass(frozen=True)
class Preset:
    """`calls` denoising steps of `rows` pictures each, and how many of them decode and encode x0."""

    name: str
    calls: int
    rows: int
    projected: int = 0


PRESETS = (
    Preset("plain edit, 30 steps at strength 0.7, CFG", 22, 2),
    Preset("recolor: DDCM, 15 steps, CFG and a source at 1", 15, 3),
    Preset("recolor with the in-loop stage in the last fifth", 15, 3, 3),
    Preset("recolor at CFG 1, 8 steps (few-step models)", 8, 2),
)


@torch.no_grad()
def table() -> list[str]:
    """Markdown: TFLOP (a multiplication and an addition are two) of presets, without the text encoders."""
    unet, control, decode, encode = (_unet("unet"), _unet("controlnet"), _decode(), _encode())
    lines = [
        f"UNet {unet:.2f}, ControlNet {control:.2f} per row, VAE decode {decode:.2f}, encode {encode:.2f} TFLOP.",
        "",
        "| Preset | TFLOP |",
        "| --- | --- |",
    ]
    for preset in PRESETS:
        calls, on = preset.calls, controlled_calls(preset.calls, 0.5)
        total = preset.rows * (calls * unet + on * control)
        # the stage in the loop encodes what it held and what it saw
        total += decode + encode + preset.projected * (decode + 2 * encode)
        lines.append(f"| {preset.name} | {total:.0f} |")
    return lines


def _unet(part: str) -> float:
    """One row of the UNet, or of the ControlNet of the packaged config."""
    config = read_config(SDXL_CONFIGS, part)
    module = skeleton(part, config).to(_META)
    size = _SIDE_PX // 8
    inputs: dict[str, Any] = {
        "sample": _empty(1, 4, size, size),
        "timestep": _empty(1),
        "encoder_hidden_states": _empty(1, _TOKENS, config["cross_attention_dim"]),
        "added_cond_kwargs": {"text_embeds": _empty(1, 1280), "time_ids": _empty(1, 6)},
    }
    if part == "controlnet":
        inputs["controlnet_cond"] = _empty(1, 3, _SIDE_PX, _SIDE_PX)
    return count_tflop(partial(module, **inputs))


def _vae() -> Any:
    return skeleton("vae", read_config(SDXL_CONFIGS, "vae")).to(_META)


def _decode() -> float:
    return count_tflop(lambda: _vae().decode(_empty(1, 4, _SIDE_PX // 8, _SIDE_PX // 8)))


def _encode() -> float:
    return count_tflop(lambda: _vae().encoder(_empty(1, 3, _SIDE_PX, _SIDE_PX)))


def _empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device=_META)
