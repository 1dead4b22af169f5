"""Writes a model directory in diffusers layout, in half precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from .denoiser import Denoiser
from .drawings import CANNY_HIGH, CANNY_LOW
from .networks import NATIVE_PX, SCHEDULER
from .vocabulary import MAX_TOKENS, make_tokenizer

CARD = {
    "name": "expressedit-preview",
    "domain": "drawn demo characters",
    "description": "An SDXL-shaped model of 9.2 M parameters, trained on drawings of the face rig that "
    "ships with it. It shows the whole path on a laptop; it is no editor for other pictures.",
    "native_px": NATIVE_PX,
    "sampler": "ddim",
    "steps": {"draft": 6, "final": 12},
    "strength": 0.75,
    "guidance_scale": 3.25,
    "control_scale": 1.0,
    "control_weights": "balanced",
    "control_end": 1.0,
    "control_inside": "erase",
    "canny_low": CANNY_LOW,
    "canny_high": CANNY_HIGH,
    "framing": "selection",
    "margin": 0.2,
    "min_crop_px": 48,
    "feather": 0.06,
    "prompt_style": {"name": "plain", "suffix": "", "negative_prompt": ""},
}

_CLASSES = {
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "tokenizer": ("transformers", "PreTrainedTokenizerFast"),
    "tokenizer_2": ("transformers", "PreTrainedTokenizerFast"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "controlnet": ("diffusers", "ControlNetModel"),
    "scheduler": ("diffusers", "DDIMScheduler"),
    "image_encoder": (None, None),
    "feature_extractor": (None, None),
}


def export_model(folder: Path, denoiser: Denoiser, vae: Any) -> None:
    """Writes the whole model directory, tokenizers, scheduler and card included."""
    for name, module in {**denoiser.modules, "vae": vae}.items():
        module.save_pretrained(folder / name)
        _halve(folder / name)
        _forget_origin(folder / name / "config.json")
    for name in ("tokenizer", "tokenizer_2"):
        _write_tokenizer(folder / name)
    _write(folder / "scheduler" / "scheduler_config.json", _scheduler_config())
    index = {
        "_class_name": "StableDiffusionXLControlNetInpaintPipeline",
        "force_zeros_for_empty_prompt": False,
        "requires_aesthetics_score": False,
    }
    _write(folder / "model_index.json", index | {k: list(v) for k, v in _CLASSES.items()})
    _write(folder / "card.json", CARD)


def _halve(folder: Path) -> None:
    """The weights of a saved module, rewritten in half precision; the averages were made in full."""
    (file,) = folder.glob("*.safetensors")
    tensors = {
        name: value.half().contiguous() if value.dtype == torch.float32 else value
        for name, value in load_file(file).items()
    }
    save_file(tensors, file, metadata={"format": "pt"})


def _forget_origin(config: Path) -> None:
    """Takes out the folder that a module was loaded from, which libraries write into its config."""
    facts = json.loads(config.read_text(encoding="utf-8"))
    _write(config, {name: value for name, value in facts.items() if name != "_name_or_path"})


def _write_tokenizer(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    make_tokenizer().save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "model_max_length": MAX_TOKENS,
    }
    _write(folder / "tokenizer_config.json", config)


def _scheduler_config() -> dict[str, Any]:
    return SCHEDULER | {
        "_class_name": "DDIMScheduler",
        "clip_sample": False,
        "set_alpha_to_one": True,
        "steps_offset": 0,
    }


def _write(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8", newline="\n")
