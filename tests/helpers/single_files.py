"""SDXL in the real layouts and of toy width: configs like those that ship, and the single files people have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tiny_sdxl
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from safetensors.torch import save_file
from torch import Tensor

from expressedit_mcp.engine import ldm
from expressedit_mcp.engine.model_source import SDXL_CONFIGS
from expressedit_mcp.engine.single_file import skeleton

WIDTHS: dict[str, dict[str, Any]] = {
    "unet": {
        "block_out_channels": [16, 32, 64],
        "attention_head_dim": [1, 2, 4],
        "cross_attention_dim": 48,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 32 + 6 * 8,
        "norm_num_groups": 8,
        "transformer_layers_per_block": [1, 2, 3],
    },
    "vae": {"block_out_channels": [8, 8, 16, 16], "norm_num_groups": 4},
    "text_encoder": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "projection_dim": 16,
    },
    "text_encoder_2": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "projection_dim": 32,
    },
}
WIDTHS["controlnet"] = {**WIDTHS["unet"], "conditioning_embedding_out_channels": [8, 8, 16, 16]}


def save_configs(folder: Path) -> Path:
    """The configs that ship, narrowed, with a small vocabulary."""
    vocabulary = tiny_sdxl.save_tokenizer(folder / "tokenizer", "<|endoftext|>")
    (
        folder / "tokenizer" / "vocab.json"
    ).unlink()  # a single file's vocabulary follows from the merges
    for part, narrow in WIDTHS.items():
        config = json.loads((SDXL_CONFIGS / part / "config.json").read_text(encoding="utf-8"))
        if part.startswith("text"):
            narrow = {
                **narrow,
                "vocab_size": len(vocabulary),
                "bos_token_id": vocabulary["<|startoftext|>"],
                "eos_token_id": vocabulary["<|endoftext|>"],
            }
        (folder / part).mkdir()
        (folder / part / "config.json").write_text(
            json.dumps({**config, **narrow}), encoding="utf-8"
        )
    shipped = SDXL_CONFIGS / "scheduler" / "scheduler_config.json"
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / shipped.name).write_bytes(shipped.read_bytes())
    return folder


def modules(configs: Path, seed: int = 0) -> dict[str, Any]:
    """Randomly initialised modules of the configs, by part."""
    torch.manual_seed(seed)
    found = {}
    for part in WIDTHS:
        config = json.loads((configs / part / "config.json").read_text(encoding="utf-8"))
        if part == "controlnet":
            config["transformer_layers_per_block"] = [0, 0, 2]  # as in the "mid" size
        module = skeleton(part, config).to_empty(device="cpu").eval()
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                scale = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                tensor.copy_(scale + torch.randn(tensor.shape) * 0.1)
        found[part] = module
    return found


def checkpoint(parts: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a single-file SDXL checkpoint under their LDM names."""
    unet, vae = parts["unet"], parts["vae"]
    namers = {
        "unet": ldm.unet_namer(list(unet.state_dict()), unet.config.layers_per_block),
        "vae": ldm.vae_namer(len(vae.config.block_out_channels)),
        "text_encoder": ldm.clip_l_place,
        "text_encoder_2": ldm.open_clip_place,
    }
    tensors: dict[str, Tensor] = {}
    thirds: dict[str, dict[int, Tensor]] = {}
    for part, namer in namers.items():
        for name, tensor in parts[part].state_dict().items():
            place = namer(name)
            if place.third is not None:
                thirds.setdefault(place.name, {})[place.third] = tensor
            else:
                tensors[place.name] = (tensor.T if place.transposed else tensor).contiguous()
    for name, found in thirds.items():
        tensors[name] = torch.cat([found[0], found[1], found[2]])
    for name in list(tensors):
        if ".mid.attn_1." in name and name.endswith("weight") and tensors[name].ndim == 2:
            tensors[name] = tensors[name][..., None, None]  # 1 x 1 convolutions there
    return tensors


def cldm(controlnet: ControlNetModel, prefix: str = "control_model.") -> dict[str, Tensor]:
    """A ControlNet's tensors under cldm's names."""
    state = controlnet.state_dict()
    namer = ldm.unet_namer(list(state), controlnet.config["layers_per_block"], prefix)
    return {namer(name).name: tensor for name, tensor in state.items()}


def save(path: Path, tensors: Mapping[str, Tensor], **metadata: str) -> Path:
    """Writes tensors as a safetensors file."""
    save_file(
        {n: t.clone().contiguous() for n, t in tensors.items()}, path, metadata=metadata or None
    )
    return path
