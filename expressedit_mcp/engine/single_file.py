"""Loads SDXL's modules from single .safetensors files, offline, with configs that ship here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from expressedit_mcp.engine import ldm
from expressedit_mcp.engine.ldm import Namer, Place
from expressedit_mcp.engine.weights_file import WeightsFile
from expressedit_mcp.errors import ModelError

_BASE = ("unet", "vae", "text_encoder", "text_encoder_2")


def load_checkpoint(
    file: WeightsFile, configs: Path, device: torch.device, dtype: torch.dtype
) -> dict[str, Any]:
    """UNet, VAE (float32) and both text encoders of an SDXL checkpoint, by their diffusers part names.

    Raises ModelError naming tensors that are missing or of another shape, before any is read.
    """
    modules = {part: skeleton(part, read_config(configs, part)) for part in _BASE}
    places = {part: dict(_places(part, module, file)) for part, module in modules.items()}
    for part in _BASE:
        _check(file, modules[part], places[part])
    for part, module in modules.items():
        # SDXL's own VAE overflows in half precision
        wanted = torch.float32 if part == "vae" else dtype
        _fill(module, file, places[part], device, wanted)
    return modules


def load_vae(file: WeightsFile, configs: Path, device: torch.device) -> Any:
    """An AutoencoderKL in float32 from a file of its own, in diffusers' names or in LDM's."""
    module = skeleton("vae", read_config(configs, "vae"))
    return _loaded(module, file, dict(_places("vae", module, file)), device, torch.float32)


def load_controlnet(
    file: WeightsFile, configs: Path, device: torch.device, dtype: torch.dtype
) -> Any:
    """A ControlNet from a file in diffusers' names or in cldm's; its depth is read from the names."""
    config = {
        **read_config(configs, "controlnet"),
        **controlnet_depth(file, read_config(configs, "controlnet")),
    }
    module = skeleton("controlnet", config)
    return _loaded(module, file, dict(_places("controlnet", module, file)), device, dtype)


def missing_tensors(file: WeightsFile, configs: Path) -> list[str]:
    """Names that an SDXL checkpoint should have and this one lacks; reads no weights."""
    return [
        name
        for part in _BASE
        for name in _missing(file, _places(part, skeleton(part, read_config(configs, part)), file))
    ]


def controlnet_depth(file: WeightsFile, config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ControlNet's config its file decides: transformer blocks per level, kinds of blocks.

    A level may have attention modules without a transformer block in them (the "mid" sizes).
    """
    levels, step = len(config["block_out_channels"]), config["layers_per_block"] + 1
    depth, attention = [0] * levels, [False] * levels
    for name in file.shapes:
        if found := re.search(r"(?:^|\.)down_blocks\.(\d+)\.attentions\.\d+\.(.+)", name):
            level, rest = int(found[1]), found[2]
        elif found := re.search(r"(?:^|\.)input_blocks\.(\d+)\.1\.(.+)", name):
            level, rest = (int(found[1]) - 1) // step, found[2]
        else:
            continue
        attention[level] = True
        if block := re.match(r"transformer_blocks\.(\d+)\.", rest):
            depth[level] = max(depth[level], int(block[1]) + 1)
    middle = any(re.search(r"(mid_block\.attentions|middle_block\.1)\.", n) for n in file.shapes)
    return {
        "transformer_layers_per_block": depth,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention],
        "mid_block_type": "UNetMidBlock2DCrossAttn" if middle else "UNetMidBlock2D",
    }


def read_config(configs: Path, part: str) -> dict[str, Any]:
    return json.loads((configs / part / "config.json").read_text(encoding="utf-8"))


def skeleton(part: str, config: dict[str, Any]) -> Any:
    """The module of a config without memory for its weights."""
    from accelerate import init_empty_weights
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.controlnets.controlnet import ControlNetModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        CLIPTextModelWithProjection,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )

    kinds: dict[str, Any] = {
        "unet": UNet2DConditionModel,
        "controlnet": ControlNetModel,
        "vae": AutoencoderKL,
        "text_encoder": CLIPTextModel,
        "text_encoder_2": CLIPTextModelWithProjection,
    }
    with init_empty_weights():
        if part == "image_encoder":
            return CLIPVisionModelWithProjection(CLIPVisionConfig(**config))
        if part.startswith("text_encoder"):
            return kinds[part](CLIPTextConfig(**config))
        return kinds[part].from_config(config)


def _places(part: str, module: Any, file: WeightsFile) -> Iterator[tuple[str, Place]]:
    """Where the file keeps each tensor of a module's state dict."""
    names = list(module.state_dict())
    namer = _namer(part, module, names, file)
    return ((name, namer(name)) for name in names)


def _namer(part: str, module: Any, names: list[str], file: WeightsFile) -> Namer:
    if part == "text_encoder":
        return ldm.clip_l_place
    if part == "text_encoder_2":
        return ldm.open_clip_place
    if names[0] in file.shapes:  # diffusers' own names
        return Place
    if part == "vae":
        whole = any(name.startswith(ldm.VAE_PREFIX) for name in file.shapes)
        prefix = ldm.VAE_PREFIX if whole else ""
        return ldm.vae_namer(len(module.config.block_out_channels), prefix)
    prefix = ldm.UNET_PREFIX
    if part == "controlnet":
        prefix = next(
            (p for p in ("control_model.",) if any(n.startswith(p) for n in file.shapes)), ""
        )
    return ldm.unet_namer(names, module.config.layers_per_block, prefix)


def _loaded(
    module: Any,
    file: WeightsFile,
    places: dict[str, Place],
    device: torch.device,
    dtype: torch.dtype,
) -> Any:
    _check(file, module, places)
    _fill(module, file, places, device, dtype)
    return module


def _missing(file: WeightsFile, places: Iterable[tuple[str, Place]]) -> list[str]:
    return [place.name for _, place in places if place.name not in file.shapes]


def _check(file: WeightsFile, module: Any, places: dict[str, Place]) -> None:
    missing = _missing(file, places.items())
    if missing:
        raise ModelError(
            f"{file.path} lacks {len(missing)} of {len(places)} tensors of the {type(module).__name__}, "
            f"such as {', '.join(missing[:3])}. Is it a whole SDXL model?"
        )
    for name, tensor in module.state_dict().items():
        found = _shape(file.shapes[places[name].name], places[name])
        if _squeezed(found) != _squeezed(tuple(tensor.shape)):
            raise ModelError(
                f"{file.path}: {places[name].name} has the shape {list(found)}, and SDXL's has "
                f"{list(tensor.shape)}. It is a model of another architecture."
            )


def _fill(
    module: Any,
    file: WeightsFile,
    places: dict[str, Place],
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    from safetensors import safe_open

    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    with safe_open(file.path, framework="pt") as opened:
        state = {
            name: _read(opened, place).reshape(shapes[name]).to(device, dtype)
            for name, place in places.items()
        }
    module.load_state_dict(state, assign=True)
    module.to(device).eval().requires_grad_(False)


def _read(opened: Any, place: Place) -> Tensor:
    if place.third is None:
        tensor = opened.get_tensor(place.name)
    else:
        part = opened.get_slice(place.name)
        size = part.get_shape()[0] // 3
        tensor = part[place.third * size : (place.third + 1) * size]
    return tensor.T.contiguous() if place.transposed else tensor


def _shape(shape: tuple[int, ...], place: Place) -> tuple[int, ...]:
    if place.third is not None:
        shape = (shape[0] // 3, *shape[1:])
    return shape[::-1] if place.transposed else shape


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without trailing ones: 1 x 1 convolutions and linear layers hold the same weights."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape
