"""Image prompts through an IP-Adapter (H. Ye et al., "IP-Adapter", arXiv 2308.06721), inside a mask.

diffusers reads the file. What its attention processors would do is done in the attention slot instead, so that it
composes with what else is done there, and a model that is not asked for an image prompt is the model itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from expressedit_mcp.engine.methods.attention import Addition, Place
from expressedit_mcp.engine.methods.memory import edit_rows, token_grid
from expressedit_mcp.engine.methods.method import ImagePrompt
from expressedit_mcp.engine.model_source import ModelSource
from expressedit_mcp.engine.single_file import skeleton
from expressedit_mcp.engine.weights_file import WeightsFile, read_weights_file
from expressedit_mcp.errors import ModelError

Keys = Mapping[str, tuple[Tensor, Tensor]]
"""Attention layer -> keys and values (2, tokens, C) of a picture, rows (unconditional, conditional)."""
Shapes = Mapping[str, tuple[int, ...]]

_PLAIN_TOKENS, _PLUS_BLOCKS = 4, 4  # what diffusers builds


@dataclass(frozen=True)
class ImageAdapter:
    """The loaded modules of an IP-Adapter: CLIP's vision encoder, the projection to image tokens, and by
    cross-attention layer diffusers' processor, which holds the layer's `to_k_ip` and `to_v_ip`."""

    encoder: Any
    projection: Any
    layers: Mapping[str, Any]

    @property
    def modules(self) -> tuple[Any, ...]:
        return self.encoder, self.projection, *self.layers.values()


def check_adapter(file: WeightsFile, source: ModelSource) -> None:
    """Raises ModelError unless an IP-Adapter's file fits its image encoder and the model's UNet.

    Reads configs and headers, no weights.
    """
    assert source.image_encoder is not None
    encoder = _check_encoder(source.image_encoder)
    unet = skeleton("unet", _config(source.config_folder / "unet"))
    wanted = _adapter_shapes(file.shapes, unet, encoder)
    what = f"an IP-Adapter for this model and the image encoder {source.image_encoder}"
    _require(file.path, file.shapes, wanted, what)
    more = file.shapes.keys() - wanted.keys()
    if more:
        raise ModelError(
            f"{file.path} holds {len(more)} tensors that {what} has not, such as {min(more)}. It was made for a "
            "model of another architecture."
        )


def load_adapter(
    file: WeightsFile, encoder: Path, unet: Any, dtype: torch.dtype, device: torch.device
) -> ImageAdapter:
    """The adapter of a checked file, for a UNet, which is left as it is. Raises ModelError."""
    from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
    from safetensors import safe_open
    from transformers import CLIPVisionModelWithProjection

    state: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    with safe_open(file.path, framework="pt") as opened:
        for name in file.shapes:
            part, _, rest = name.partition(".")
            state[part][rest] = opened.get_tensor(name).to(dtype)
    try:
        processors = unet._convert_ip_adapter_attn_to_diffusers([state])
        projection = unet._convert_ip_adapter_image_proj_to_diffusers(state["image_proj"])
        model = CLIPVisionModelWithProjection.from_pretrained(
            encoder, dtype=dtype, use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{file.path} with {encoder} could not be loaded: {error}") from error
    layers = {
        name.removesuffix(".processor"): processor
        for name, processor in processors.items()
        if isinstance(processor, IPAdapterAttnProcessor2_0)
    }
    adapter = ImageAdapter(model, projection, layers)
    for module in adapter.modules:
        module.to(device).eval().requires_grad_(False)
    return adapter


def image_keys(adapter: ImageAdapter, rgb: np.ndarray, device: Any, dtype: torch.dtype) -> Keys:
    """What each layer attends to in a picture (side, side, 3) float32 0..1 of the encoder's size."""
    tokens = image_tokens(adapter, rgb)
    return {
        name: (
            layer.to_k_ip[0](tokens).to(device, dtype),
            layer.to_v_ip[0](tokens).to(device, dtype),
        )
        for name, layer in adapter.layers.items()
    }


def image_tokens(adapter: ImageAdapter, rgb: np.ndarray) -> Tensor:
    """Image tokens (2, n, C) of a picture, of no picture first, as diffusers' SDXL pipeline encodes both.

    A plain adapter is given the projected embedding, or zeros; a Plus the last but one hidden states of the
    picture, or of zero pixels.
    """
    from diffusers.models.embeddings import ImageProjection

    encoder = adapter.encoder
    pixels = clip_pixels(rgb).to(next(encoder.parameters()))
    if isinstance(adapter.projection, ImageProjection):
        seen = encoder(pixels).image_embeds
        return adapter.projection(torch.cat([torch.zeros_like(seen), seen]))
    both = torch.cat([torch.zeros_like(pixels), pixels])
    return adapter.projection(encoder(both, output_hidden_states=True).hidden_states[-2])


def clip_pixels(rgb: np.ndarray) -> Tensor:
    """A picture (H, W, 3) float32 0..1 as CLIP's input (1, 3, H, W)."""
    from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    mean, deviation = (np.array(one, np.float32) for one in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    normal = (rgb - mean) / deviation
    return torch.from_numpy(np.ascontiguousarray(normal)).permute(2, 0, 1)[None]


def image_attention(plan: ImagePrompt, keys: Keys, mask: Tensor, steps: int) -> Addition:
    """The attention slot's Addition: scale * m * softmax(q K^T / sqrt(d)) V over a picture's tokens (H. Ye et al.,
    2023; DiffEditor, C. Mou et al., 2024, Eq. 5), in the steps of the plan, of `steps` in all.

    Only the edit's rows are given it, the unconditional one that of no picture. m is the share of a query's cell
    inside `mask` (1, 1, h, w): a query outside keeps every bit. diffusers resamples masks bicubically, which
    overshoots on both sides of an edge.
    """
    shares: dict[int, Tensor] = {}

    def add(place: Place, q: Tensor) -> Tensor | None:
        if not place.is_cross or not plan.steps.on(place.step, steps):
            return None
        count, heads = q.shape[2], q.shape[1]
        if count not in shares:
            grid = functional.adaptive_avg_pool2d(mask.float(), token_grid(count, mask))
            shares[count] = grid.flatten()[:, None].to(q)
        rows = edit_rows(place.layout)
        k, v = (
            one[-len(rows) :].unflatten(2, (heads, -1)).transpose(1, 2) for one in keys[place.name]
        )
        found = functional.scaled_dot_product_attention(q[rows], k, v)
        more = torch.zeros_like(q)
        more[rows] = plan.scale * (found * shares[count])
        return more

    return add


def _check_encoder(folder: Path) -> Any:
    """The config of a CLIP vision encoder's folder. Raises ModelError for anything else, by its headers."""
    config = _config(folder)
    kind = config.get("model_type")
    if kind != "clip_vision_model":
        raise ModelError(
            f"{folder} seems to be: {kind}. As the image encoder this takes: clip_vision_model "
            "(CLIPVisionModelWithProjection)."
        )
    files = [file for file in folder.glob("model*.safetensors") if ".fp16." not in file.name]
    if not files:
        others = ", ".join(sorted(file.name for file in folder.glob("*.bin"))) or "no weights"
        raise ModelError(
            f"{folder} has no model.safetensors ({others}). Pickles are not taken; most encoders are published as "
            "safetensors as well."
        )
    found = {
        name: shape for file in files for name, shape in read_weights_file(file).shapes.items()
    }
    encoder = skeleton("image_encoder", config)
    wanted = {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}
    _require(folder, found, wanted, "the encoder that its config.json describes")
    return encoder.config


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(f"{folder} has no config.json; give the whole folder of a model's part.")
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def _adapter_shapes(found: Shapes, unet: Any, encoder: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes that an IP-Adapter of the kind of `found` has for a UNet and an encoder's config.

    The layout is that of https://github.com/tencent-ailab/IP-Adapter (ip_adapter.py, resampler.py).
    """
    width = unet.config.cross_attention_dim
    layers = [name.removesuffix(".processor") for name in unet.attn_processors if ".attn2." in name]
    wanted: dict[str, tuple[int, ...]] = {
        # the processors of self-attention, which have no weights, are counted too
        f"ip_adapter.{2 * number + 1}.to_{part}_ip.weight": (
            unet.get_submodule(name).to_q.weight.shape[0],
            width,
        )
        for number, name in enumerate(layers)
        for part in "kv"
    }
    if "image_proj.latents" in found:
        return wanted | _resampler_shapes(found, width, encoder.hidden_size)
    return wanted | {
        "image_proj.proj.weight": (_PLAIN_TOKENS * width, encoder.projection_dim),
        "image_proj.proj.bias": (_PLAIN_TOKENS * width,),
        "image_proj.norm.weight": (width,),
        "image_proj.norm.bias": (width,),
    }


def _resampler_shapes(found: Shapes, width: int, embedding: int) -> dict[str, tuple[int, ...]]:
    _, queries, hidden = found["image_proj.latents"]
    # heads are 64 wide
    inner = found.get("image_proj.layers.0.0.to_q.weight", (hidden,))[0] // 64 * 64 or 64
    wanted: dict[str, tuple[int, ...]] = {
        "latents": (1, queries, hidden),
        "proj_in.weight": (hidden, embedding),
        "proj_in.bias": (hidden,),
        "proj_out.weight": (width, hidden),
        "proj_out.bias": (width,),
        "norm_out.weight": (width,),
        "norm_out.bias": (width,),
    }
    for number in range(_PLUS_BLOCKS):
        block = f"layers.{number}"
        for norm in ("0.norm1", "0.norm2", "1.0"):
            wanted |= {f"{block}.{norm}.weight": (hidden,), f"{block}.{norm}.bias": (hidden,)}
        wanted |= {
            f"{block}.0.to_q.weight": (inner, hidden),
            f"{block}.0.to_kv.weight": (2 * inner, hidden),
            f"{block}.0.to_out.weight": (hidden, inner),
            f"{block}.1.1.weight": (4 * hidden, hidden),
            f"{block}.1.3.weight": (hidden, 4 * hidden),
        }
    return {f"image_proj.{name}": shape for name, shape in wanted.items()}


def _require(path: Path, found: Shapes, wanted: Shapes, what: str) -> None:
    """Raises ModelError unless the wanted tensors are there, in their shapes."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ModelError(
            f"{path} lacks {len(missing)} of {len(wanted)} tensors of {what}, such as "
            f"{', '.join(missing[:3])}."
        )
    for name, shape in wanted.items():
        if found[name] != shape:
            raise ModelError(
                f"{path}: {name} has the shape {list(found[name])}; that of {what} has {list(shape)}."
            )
