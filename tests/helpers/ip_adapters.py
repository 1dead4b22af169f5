"""IP-Adapters with random weights in the layout that theirs are published in, and image encoders for them.

Names and modules: https://github.com/tencent-ailab/IP-Adapter (ip_adapter.py, resampler.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import single_files
import torch
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from expressedit_mcp.engine.single_file import read_config, skeleton
from expressedit_mcp.settings import SHIPPED_MODEL

SIDE_PX, PATCH_PX = 28, 14
ENCODER = CLIPVisionConfig(
    hidden_size=32,
    intermediate_size=48,
    projection_dim=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=SIDE_PX,
    patch_size=PATCH_PX,
)
_RENAMED = {
    ".ln0.": ".0.norm1.",
    ".ln1.": ".0.norm2.",
    ".attn.to_q.": ".0.to_q.",
    ".attn.to_out.0.": ".0.to_out.",
    ".ff.0.": ".1.0.",
    ".ff.1.net.0.proj.": ".1.1.",
    ".ff.1.net.2.": ".1.3.",
}


def save_encoder(folder: Path, config: CLIPVisionConfig = ENCODER) -> Path:
    """Writes an image encoder's folder."""
    torch.manual_seed(5)
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    return folder


def attention(unet: Any) -> dict[str, Tensor]:
    """`to_k_ip` and `to_v_ip` of every cross-attention, numbered among all attention layers."""
    shapes = [
        (number, unet.get_submodule(name.removesuffix(".processor")).to_k.weight)
        for number, name in enumerate(unet.attn_processors)
        if name.endswith("attn2.processor")
    ]
    return {
        f"ip_adapter.{number}.to_{part}_ip.weight": _random(like)
        for number, like in shapes
        for part in "kv"
    }


def plain(unet: Any, embedding: int = ENCODER.projection_dim) -> dict[str, Tensor]:
    """A plain IP-Adapter, of four tokens."""
    torch.manual_seed(6)
    width = unet.config.cross_attention_dim
    like = torch.empty(0, device=unet.device)
    shapes = {"proj.weight": (4 * width, embedding), "proj.bias": (4 * width,)}
    shapes |= {"norm.weight": (width,), "norm.bias": (width,)}
    tensors = {f"image_proj.{n}": _random(like.new_empty(shape)) for n, shape in shapes.items()}
    return tensors | attention(unet)


def plus(
    unet: Any,
    embedding: int = ENCODER.hidden_size,
    *,
    hidden: int = 96,
    heads: int = 1,
    tokens: int = 16,
) -> dict[str, Tensor]:
    """An IP-Adapter Plus, whose resampler has four blocks."""
    torch.manual_seed(7)
    with torch.device(unet.device):
        module = IPAdapterPlusImageProjection(
            embed_dims=embedding,
            output_dims=unet.config.cross_attention_dim,
            hidden_dims=hidden,
            heads=heads,
            num_queries=tokens,
        )
    state = module.state_dict()
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if ".to_v." in name:
            continue
        if ".to_k." in name:
            tensor = torch.cat([tensor, state[name.replace("to_k", "to_v")]])
            name = name.replace(".attn.to_k.", ".0.to_kv.")
        for new, old in _RENAMED.items():
            name = name.replace(new, old)
        tensors[f"image_proj.{name}"] = tensor.detach()
    return tensors | attention(unet)


KINDS = {"plain": plain, "plus": plus}


def save_set(folder: Path, base: Path, unet: Any, kind: str, **card: Any) -> Path:
    """Writes a model set: a base directory with an IP-Adapter of a kind."""
    folder.mkdir(parents=True, exist_ok=True)
    single_files.save(folder / "ip-adapter.safetensors", KINDS[kind](unet))
    save_encoder(folder / "image_encoder")
    files = {
        "base": str(base),
        "controlnet": str(base / "controlnet"),
        "ip_adapter": "ip-adapter.safetensors",
        "image_encoder": "image_encoder",
    }
    (folder / "card.json").write_text(json.dumps({**card, "files": files}), encoding="utf-8")
    return folder


def save_adapted(folder: Path) -> Path:
    """Writes the shipped model with an IP-Adapter Plus."""
    unet = skeleton("unet", read_config(SHIPPED_MODEL, "unet")).to_empty(device="cpu")
    card = json.loads((SHIPPED_MODEL / "card.json").read_text(encoding="utf-8"))
    return save_set(folder, SHIPPED_MODEL, unet, "plus", **card)


def _random(like: Tensor) -> Tensor:
    return torch.randn(like.shape, device=like.device) * 0.3
