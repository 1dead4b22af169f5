"""Loads a model's modules, from safetensors alone and without a hub."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from expressedit_mcp.engine import single_file
from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.image_prompt import ImageAdapter, check_adapter, load_adapter
from expressedit_mcp.engine.lora import merge_loras
from expressedit_mcp.engine.model_source import ModelSource, check_source
from expressedit_mcp.engine.schedule import alphas_cumprod
from expressedit_mcp.engine.text import TextEncoder
from expressedit_mcp.engine.tokenizer import PromptTokenizer, load_tokenizer
from expressedit_mcp.engine.weights_file import WeightsFile
from expressedit_mcp.errors import ModelError


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
    adapter: ImageAdapter | None = None

    @property
    def prompt_modules(self) -> tuple[Any, ...]:
        """What encodes prompts: the text encoders, and the modules of an IP-Adapter."""
        adapter = () if self.adapter is None else self.adapter.modules
        return (*(encoder.model for encoder in self.encoders), *adapter)

    @property
    def latent_stride(self) -> int:
        """Pixels per latent cell."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)


def require_gradients(models: ModelSet) -> None:
    """Raises ModelError where the UNet's weights are stored in 8 bits: no gradient goes back through them."""
    if any(p.dtype == torch.float8_e4m3fn for p in models.unet.parameters()):
        raise ModelError(
            "The device has room for this model in 8 bits only; learning and guided edits need gradients, which "
            "need it whole. Close other programs that use the device, or set EXPRESSEDIT_DEVICE=cpu."
        )


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


def load_models(source: ModelSource, device: torch.device, dtype: torch.dtype) -> ModelSet:
    """The modules of a model, on a device, ready to run; LoRAs are merged in.

    Raises ModelError naming what is missing, damaged or of the wrong kind, before weights are read where
    headers tell.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    headers = check_source(source)
    if "IP-Adapter" in headers:
        check_adapter(headers["IP-Adapter"], source)
    if source.single_file:
        modules = single_file.load_checkpoint(headers["base"], source.configs, device, dtype)
    else:
        modules = _load_directory(source.base, device, dtype)
    if source.vae is not None:
        modules["vae"] = (
            single_file.load_vae(headers["vae"], source.configs, device)
            if "vae" in headers
            else _pretrained("vae", source.vae, device, torch.float32)
        )
    controlnet = None
    if source.controlnet is not None:
        controlnet = (
            single_file.load_controlnet(headers["controlnet"], source.configs, device, dtype)
            if "controlnet" in headers
            else _pretrained("controlnet", source.controlnet, device, dtype)
        )
    merge_loras(modules["unet"], modules["text_encoder"], modules["text_encoder_2"], source.loras)
    adapter = None
    if source.image_encoder is not None:
        file, encoder = headers["IP-Adapter"], source.image_encoder
        adapter = load_adapter(file, encoder, modules["unet"], dtype, device)
    scheduler = _scheduler(source, headers.get("base"))
    first, second = _tokenizers(source)
    index = {} if source.single_file else _json(source.base / "model_index.json")
    return ModelSet(
        card=source.card,
        unet=modules["unet"],
        vae=modules["vae"],
        controlnet=controlnet,
        encoders=(
            TextEncoder(modules["text_encoder"], first),
            TextEncoder(modules["text_encoder_2"], second),
        ),
        alphas=alphas_cumprod(scheduler),
        prediction=scheduler.get("prediction_type", "epsilon"),
        spacing=scheduler.get("timestep_spacing", "linspace"),
        steps_offset=int(scheduler.get("steps_offset", 0)),
        zero_empty_prompt=bool(index.get("force_zeros_for_empty_prompt", True)),
        device=device,
        dtype=dtype,
        adapter=adapter,
    )


def _load_directory(folder: Path, device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    modules = {
        part: _pretrained(part, folder / part, device, dtype)
        for part in ("unet", "text_encoder", "text_encoder_2")
    }
    if modules["unet"].config.addition_embed_type != "text_time":
        raise ModelError(f"{folder / 'unet'} is no SDXL UNet (no text_time conditioning).")
    # SDXL's own VAE overflows in half precision
    modules["vae"] = _pretrained("vae", folder / "vae", device, torch.float32)
    return modules


def _pretrained(part: str, folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.controlnets.controlnet import ControlNetModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    kinds: dict[str, Any] = {
        "unet": UNet2DConditionModel,
        "vae": AutoencoderKL,
        "controlnet": ControlNetModel,
        "text_encoder": CLIPTextModel,
        "text_encoder_2": CLIPTextModelWithProjection,
    }
    try:
        module = kinds[part].from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{folder} could not be loaded: {error}") from error
    return module.to(device).eval().requires_grad_(False)


def _tokenizers(source: ModelSource) -> tuple[PromptTokenizer, PromptTokenizer]:
    first = load_tokenizer(source.tokenizer)
    if not source.single_file:
        return first, load_tokenizer(source.base / "tokenizer_2")
    # SDXL's second tokenizer is the first one, padded with "!"
    exclamation = first.backend.token_to_id("!")
    return first, replace(first, pad=first.pad if exclamation is None else exclamation)


def _scheduler(source: ModelSource, file: WeightsFile | None) -> dict[str, Any]:
    """The scheduler's config, with what a single file's own marks and the card say put in."""
    folder = source.config_folder
    config = _json(folder / "scheduler" / "scheduler_config.json")
    if file is not None and is_v_prediction(file):
        config["prediction_type"] = "v_prediction"
        config["rescale_betas_zero_snr"] = file.has("ztsnr")
    if source.card.prediction is not None:
        config["prediction_type"] = source.card.prediction
    if source.card.zero_terminal_snr is not None:
        config["rescale_betas_zero_snr"] = source.card.zero_terminal_snr
    if source.card.spacing is not None:
        config["timestep_spacing"] = source.card.spacing
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "v_prediction"):
        raise ModelError(
            f"{folder}: prediction_type {prediction!r} is not epsilon or v_prediction."
        )
    return config


def is_v_prediction(file: WeightsFile) -> bool:
    """True for a checkpoint that says so: an empty tensor `v_pred`, or its modelspec metadata.

    Sources: https://github.com/comfyanonymous/ComfyUI (keys v_pred, ztsnr),
    https://github.com/Stability-AI/ModelSpec (modelspec.prediction_type).
    """
    return file.has("v_pred") or file.metadata.get("modelspec.prediction_type") == "v"


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path} is missing; the model directory is incomplete.")
    return json.loads(path.read_text(encoding="utf-8"))
