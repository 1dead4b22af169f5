"""The models that are measured: the shipped one, or SDXL at full size with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from expressedit_mcp.engine import Card, find_source
from expressedit_mcp.engine.model_source import SDXL_CONFIGS
from expressedit_mcp.engine.models import ModelSet, load_models
from expressedit_mcp.engine.schedule import alphas_cumprod
from expressedit_mcp.engine.single_file import read_config, skeleton
from expressedit_mcp.engine.text import TextEncoder
from expressedit_mcp.engine.tokenizer import load_tokenizer

_SHIPPED = Path(__file__).parents[2] / "expressedit_mcp" / "preview" / "weights"
_PARTS = ("unet", "vae", "controlnet", "text_encoder", "text_encoder_2")


def shipped_models(device: torch.device, dtype: torch.dtype) -> ModelSet:
    """The model that comes with the server."""
    return load_models(find_source(_SHIPPED), device, dtype)


def random_models(
    device: torch.device, dtype: torch.dtype, configs: Path = SDXL_CONFIGS
) -> ModelSet:
    """SDXL of the packaged configs with a "mid" Canny ControlNet, made on the device; the VAE is float32."""
    generator = torch.Generator(device).manual_seed(0)
    modules = {}
    for part in _PARTS:
        config = read_config(configs, part)
        if part == "controlnet":
            # the "mid" size: transformer blocks at the deepest level only, and one of them
            shallower = [0] * (len(config["block_out_channels"]) - 1)
            config["transformer_layers_per_block"] = [*shallower, 1]
        module = skeleton(part, config)
        wanted = torch.float32 if part == "vae" else dtype
        state = {
            name: _random(name, tensor, generator).to(wanted)
            for name, tensor in module.state_dict().items()
        }
        module.load_state_dict(state, assign=True)
        modules[part] = module.to(device).eval().requires_grad_(False)
    tokenizer = load_tokenizer(configs / "tokenizer")
    scheduler = json.loads(
        (configs / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8")
    )
    return ModelSet(
        card=Card(name="SDXL of random weights"),
        unet=modules["unet"],
        vae=modules["vae"],
        controlnet=modules["controlnet"],
        encoders=(
            TextEncoder(modules["text_encoder"], tokenizer),
            TextEncoder(modules["text_encoder_2"], tokenizer),
        ),
        alphas=alphas_cumprod(scheduler),
        prediction="epsilon",
        spacing="linspace",
        steps_offset=0,
        zero_empty_prompt=True,
        device=device,
        dtype=dtype,
    )


def _random(name: str, like: Tensor, generator: torch.Generator) -> Tensor:
    """Weights that keep activations finite: norms pass through, other layers keep the variance."""
    if like.ndim < 2:
        return torch.full(like.shape, float(name.endswith("weight")), device=generator.device)
    spread = (like.numel() / like.shape[0]) ** -0.5
    return torch.randn(like.shape, generator=generator, device=generator.device) * spread
