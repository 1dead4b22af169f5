"""Builds an SDXL of toy size with random weights and CLIP's own tokenizer layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

WORDS = ("smile", "closed", "eyes", "girl", "open", "mouth")
CARD = {
    "name": "tiny-random",
    "native_px": 64,
    "steps": {"draft": 2, "final": 4},
    "min_crop_px": 8,
    "guidance_scale": 3.0,
}
SCHEDULER = {
    "_class_name": "EulerAncestralDiscreteScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "timestep_spacing": "linspace",
}


def save(folder: Path, *, seed: int = 0, **scheduler: object) -> None:
    """Writes the model in diffusers layout; `scheduler` overrides its scheduler's config."""
    torch.manual_seed(seed)
    vocabulary = save_tokenizer(folder / "tokenizer", "<|endoftext|>")
    save_tokenizer(folder / "tokenizer_2", "!")
    text: dict[str, Any] = {
        "vocab_size": len(vocabulary),
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "bos_token_id": vocabulary["<|startoftext|>"],
        "eos_token_id": vocabulary["<|endoftext|>"],
    }
    small = CLIPTextConfig(hidden_size=16, intermediate_size=32, projection_dim=16, **text)
    large = CLIPTextConfig(hidden_size=32, intermediate_size=64, projection_dim=32, **text)
    CLIPTextModel(small).save_pretrained(folder / "text_encoder")
    CLIPTextModelWithProjection(large).save_pretrained(folder / "text_encoder_2")
    common: dict[str, Any] = {
        "in_channels": 4,
        "layers_per_block": 1,
        "block_out_channels": (16, 32),
        "norm_num_groups": 8,
        "cross_attention_dim": 48,
        "attention_head_dim": [2, 4],
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 32 + 6 * 8,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "transformer_layers_per_block": [1, 1],
    }
    unet = UNet2DConditionModel(
        out_channels=4, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **common
    )
    unet.save_pretrained(folder / "unet")
    control = ControlNetModel(conditioning_embedding_out_channels=(8, 8, 16, 16), **common)
    with torch.no_grad():
        # fresh zero convolutions would make the ControlNet invisible
        hint: Any = control.controlnet_cond_embedding.conv_out
        convolutions: list[Any] = [
            *control.controlnet_down_blocks,
            control.controlnet_mid_block,
            hint,
        ]
        for convolution in convolutions:
            torch.nn.init.normal_(convolution.weight, std=0.1)
    control.save_pretrained(folder / "controlnet")
    vae: dict[str, Any] = {
        "block_out_channels": (8, 8, 16, 16),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "scaling_factor": 0.13025,
    }
    AutoencoderKL(**vae).save_pretrained(folder / "vae")
    (folder / "scheduler").mkdir()
    _write(folder / "scheduler" / "scheduler_config.json", {**SCHEDULER, **scheduler})
    _write(folder / "model_index.json", {"_class_name": "StableDiffusionXLPipeline"})
    _write(folder / "card.json", CARD)


def save_tokenizer(folder: Path, pad: str) -> dict[str, int]:
    """CLIP's files vocab.json and merges.txt, with a few whole words."""
    folder.mkdir(parents=True)
    letters = _byte_alphabet()
    tokens = letters + [f"{letter}</w>" for letter in letters]
    merges = []
    for word in WORDS:
        current = word[0]
        for index, letter in enumerate(word[1:], 1):
            following = f"{letter}</w>" if index == len(word) - 1 else letter
            if current + following not in tokens:
                tokens.append(current + following)
                merges.append(f"{current} {following}")
            current += following
    vocabulary = {t: i for i, t in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    _write(folder / "vocab.json", vocabulary)
    text = "\n".join(["#version: 0.2", *merges]) + "\n"
    (folder / "merges.txt").write_text(text, encoding="utf-8")
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "CLIPTokenizer",
            "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
            "pad_token": pad,
            "model_max_length": 77,
        },
    )
    return vocabulary


def _byte_alphabet() -> list[str]:
    """The printable stand-in of every byte, as byte-level BPE writes them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    stand_in = {byte: chr(256 + index) for index, byte in enumerate(hidden)}
    return [stand_in.get(byte, chr(byte)) for byte in range(256)]


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
