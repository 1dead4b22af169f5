"""The shipped model's networks: SDXL's shapes, 250 times smaller."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from .vocabulary import BOS, EOS, MAX_TOKENS, PAD

NATIVE_PX = 256
LATENT_STRIDE = 8
LATENT_SIDE = NATIVE_PX // LATENT_STRIDE
LATENT_CHANNELS = 4

_WIDTHS = (64, 96)  # of the two text encoders
_POOLED = 128
_TIME_WIDTH = 32  # of each of the six micro-conditioning numbers

SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
}


def make_vae() -> AutoencoderKL:
    """An untrained VAE, 8 pixels to a latent cell of 4 channels."""
    levels: dict[str, Any] = {  # diffusers declares tuples of length 1
        "block_out_channels": (32, 32, 64, 64),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
    }
    return AutoencoderKL(
        **levels,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=NATIVE_PX,
    )


def make_text_encoders(vocabulary_size: int) -> tuple[CLIPTextModel, CLIPTextModelWithProjection]:
    """Two untrained CLIP text encoders of two layers each."""

    def config(width: int, activation: str) -> CLIPTextConfig:
        return CLIPTextConfig(
            vocab_size=vocabulary_size,
            hidden_size=width,
            intermediate_size=2 * width,
            hidden_act=activation,
            projection_dim=_POOLED,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            attention_dropout=0.0,
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )

    first = CLIPTextModel(config(_WIDTHS[0], "quick_gelu"))
    return first, CLIPTextModelWithProjection(config(_WIDTHS[1], "gelu"))


def make_unet() -> UNet2DConditionModel:
    """An untrained UNet with SDXL's text_time conditioning."""
    levels: dict[str, Any] = {  # diffusers declares numbers or tuples of length 1
        "transformer_layers_per_block": [1, 1, 1],
        "attention_head_dim": [2, 3, 4],
    }
    return UNet2DConditionModel(
        **levels,
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(48, 96, 128),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=sum(_WIDTHS),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=_TIME_WIDTH,
        projection_class_embeddings_input_dim=_POOLED + 6 * _TIME_WIDTH,
    )


def make_controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """A ControlNet that starts as a copy of the UNet's encoder."""
    return ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16, 32, 64))


def encode_text(encoders: tuple[Any, Any], ids: Tensor) -> tuple[Tensor, Tensor]:
    """Context (B, tokens, C) and pooled text (B, P) of token ids (B, tokens), as SDXL joins them."""
    outputs = [encoder(input_ids=ids, output_hidden_states=True) for encoder in encoders]
    context = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
    return context, outputs[1].text_embeds


def time_ids(count: int, device: torch.device) -> Tensor:
    """Micro-conditioning (B, 6) of a whole picture at the native size, as the engine passes it."""
    row = [NATIVE_PX, NATIVE_PX, 0, 0, NATIVE_PX, NATIVE_PX]
    return torch.tensor([row] * count, dtype=torch.float32, device=device)
