"""Loads a model directory in diffusers layout, from safetensors alone and without a hub."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from expressedit_mcp.engine.card import Card, load_card
from expressedit_mcp.engine.schedule import alphas_cumprod
from expressedit_mcp.engine.text import TextEncoder
from expressedit_mcp.engine.tokenizer import load_tokenizer
from expressedit_mcp.errors import ModelError

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


@dataclass(frozen=True)
class ModelSet:
    """The loaded modules of one model and what its configs say about sampling."""

    card: Card
    unet: Any
    vae: Any
    controlnet: Any | None
    encoders: tuple[TextEncoder, TextEncoder]
    alphas: np.ndarray
    prediction: str
    spacing: str
    steps_offset: int
    zero_empty_prompt: bool
    device: torch.device
    dtype: torch.dtype

    @property
    def latent_stride(self) -> int:
        """Pixels per latent cell."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)


def choose_device(wanted: str) -> torch.device:
    """The device of a setting: `auto` takes CUDA, then Apple's MPS, then the CPU."""
    if wanted != "auto":
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(device: torch.device) -> torch.dtype:
    """float32 on a CPU; on a GPU bfloat16 where it is native, else float16."""
    if device.type == "cpu":
        return torch.float32
    return (
        torch.bfloat16
        if device.type == "cuda" and torch.cuda.is_bf16_supported()
        else torch.float16
    )


def load_models(folder: Path, device: torch.device, dtype: torch.dtype) -> ModelSet:
    """The models of a directory, on a device, ready to run.

    Raises ModelError naming what is missing or of the wrong kind.
    """
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.controlnets.controlnet import ControlNetModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection
    from transformers.utils import logging

    logging.disable_progress_bar()
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise ModelError(f"{folder} is not a whole SDXL model: it lacks {', '.join(missing)}.")
    scheduler = _json(folder / "scheduler" / "scheduler_config.json")

    def load(kind: Any, part: str, part_dtype: torch.dtype) -> Any:
        try:
            module = kind.from_pretrained(
                folder / part, dtype=part_dtype, use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{folder / part} could not be loaded: {error}") from error
        return module.to(device).eval().requires_grad_(False)

    unet = load(UNet2DConditionModel, "unet", dtype)
    if unet.config.addition_embed_type != "text_time":
        raise ModelError(f"{folder / 'unet'} is no SDXL UNet (no text_time conditioning).")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "v_prediction"):
        raise ModelError(
            f"{folder}: prediction_type {prediction!r} is not epsilon or v_prediction."
        )
    has_control = (folder / "controlnet").is_dir()
    return ModelSet(
        card=load_card(folder),
        unet=unet,
        # SDXL's own VAE overflows in half precision
        vae=load(AutoencoderKL, "vae", torch.float32),
        controlnet=load(ControlNetModel, "controlnet", dtype) if has_control else None,
        encoders=(
            TextEncoder(
                load(CLIPTextModel, "text_encoder", dtype), load_tokenizer(folder / "tokenizer")
            ),
            TextEncoder(
                load(CLIPTextModelWithProjection, "text_encoder_2", dtype),
                load_tokenizer(folder / "tokenizer_2"),
            ),
        ),
        alphas=alphas_cumprod(scheduler),
        prediction=prediction,
        spacing=scheduler.get("timestep_spacing", "linspace"),
        steps_offset=int(scheduler.get("steps_offset", 0)),
        zero_empty_prompt=bool(
            _json(folder / "model_index.json").get("force_zeros_for_empty_prompt", True)
        ),
        device=device,
        dtype=dtype,
    )


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path} is missing; the model directory is incomplete.")
    return json.loads(path.read_text(encoding="utf-8"))
