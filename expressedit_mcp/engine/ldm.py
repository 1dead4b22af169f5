"""Names of SDXL's tensors in single files ("LDM" names, as Stability's code wrote them), by diffusers' names.

One map serves loading, finding what a file lacks before it is loaded, and ControlNets of the cldm kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
CLIP_L_PREFIX = "conditioner.embedders.0.transformer.text_model."
OPEN_CLIP_PREFIX = "conditioner.embedders.1.model."


class Place(NamedTuple):
    """Where a tensor stands in a single file: its name, which third of it, transposed or not."""

    name: str
    third: int | None = None
    transposed: bool = False


Namer = Callable[[str], Place]

_UNET_TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "controlnet_mid_block": "middle_block_out.0",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
_OPEN_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_OPEN_CLIP_TOP = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
_BLOCK = re.compile(
    r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)"
)
_VAE_BLOCK = re.compile(
    r"(encoder|decoder)\.(?:down|up)_blocks\.(\d+)\.(resnets|downsamplers|upsamplers)\.(\d+)\.(.+)"
)
_QKV = re.compile(r"encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(weight|bias)")
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_HINT = re.compile(r"controlnet_cond_embedding\.(conv_in|conv_out|blocks\.(\d+))\.(.+)")


def unet_namer(names: Collection[str], layers_per_block: int, prefix: str = UNET_PREFIX) -> Namer:
    """The places of a UNet's or a ControlNet's tensors, given all of its diffusers names."""
    step = layers_per_block + 1
    hints = 1 + max((int(m[2]) for n in names if (m := _HINT.match(n)) and m[2]), default=-1)

    def inside_block(side: str, block: int, part: str, index: int, rest: str) -> str:
        first = block * step + (side == "down")
        blocks = "input_blocks" if side == "down" else "output_blocks"
        if part == "resnets":
            return f"{blocks}.{first + index}.0.{_renamed(rest, _RESNET)}"
        if part == "attentions":
            return f"{blocks}.{first + index}.1.{rest}"
        if part == "downsamplers":
            return f"{blocks}.{first + layers_per_block}.0.op.{rest.removeprefix('conv.')}"
        has_attention = any(n.startswith(f"up_blocks.{block}.attentions.") for n in names)
        return f"{blocks}.{first + layers_per_block}.{1 + has_attention}.{rest}"

    def place(name: str) -> Place:
        if found := _BLOCK.match(name):
            side, block, part, index, rest = found.groups()
            return Place(prefix + inside_block(side, int(block), part, int(index), rest))
        if found := _HINT.match(name):
            at = {"conv_in": 0, "conv_out": 2 + 2 * hints}.get(found[1])
            return Place(
                f"{prefix}input_hint_block.{2 + 2 * int(found[2]) if at is None else at}.{found[3]}"
            )
        if found := re.match(r"controlnet_down_blocks\.(\d+)\.(.+)", name):
            return Place(f"{prefix}zero_convs.{found[1]}.0.{found[2]}")
        renamed = _renamed(name, _UNET_TOP)
        if name.startswith("mid_block.resnets."):
            head, rest = re.match(r"(middle_block\.\d)\.(.+)", renamed).groups()  # type: ignore[union-attr]
            renamed = f"{head}.{_renamed(rest, _RESNET)}"
        return Place(prefix + renamed)

    return place


def vae_namer(blocks: int, prefix: str = VAE_PREFIX) -> Namer:
    """The places of an AutoencoderKL's tensors; `blocks` is the length of its block_out_channels."""

    def place(name: str) -> Place:
        if found := _VAE_BLOCK.match(name):
            half, block, part, index, rest = found.groups()
            at = int(block) if half == "encoder" else blocks - 1 - int(block)
            side = "down" if half == "encoder" else "up"
            rest = rest.replace("conv_shortcut", "nin_shortcut")
            inner = f"block.{index}" if part == "resnets" else f"{side}sample"
            return Place(f"{prefix}{half}.{side}.{at}.{inner}.{rest}")
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        if found := re.match(
            r"(encoder|decoder)\.mid_block\.(resnets|attentions)\.(\d)\.(.+)", name
        ):
            half, part, index, rest = found.groups()
            inner = f"block_{int(index) + 1}" if part == "resnets" else "attn_1"
            rest = rest if part == "resnets" else _renamed(rest, _VAE_ATTENTION)
            return Place(f"{prefix}{half}.mid.{inner}.{rest}")
        return Place(prefix + name)

    return place


def clip_l_place(name: str) -> Place:
    """The place of a tensor of SDXL's first text encoder."""
    return Place(CLIP_L_PREFIX + name.removeprefix("text_model."))


def open_clip_place(name: str) -> Place:
    """The place of a tensor of SDXL's second text encoder, which single files keep in OpenCLIP's layout."""
    if name == "text_projection.weight":
        return Place(f"{OPEN_CLIP_PREFIX}text_projection", transposed=True)
    name = name.removeprefix("text_model.")
    if name in _OPEN_CLIP_TOP:
        return Place(OPEN_CLIP_PREFIX + _OPEN_CLIP_TOP[name])
    if found := _QKV.match(name):
        layer = f"{OPEN_CLIP_PREFIX}transformer.resblocks.{found[1]}"
        return Place(f"{layer}.attn.in_proj_{found[3]}", third="qkv".index(found[2]))
    if found := _LAYER.match(name):
        layer = f"{OPEN_CLIP_PREFIX}transformer.resblocks.{found[1]}"
        return Place(f"{layer}.{_OPEN_CLIP_LAYER[found[2]]}.{found[3]}")
    return Place(OPEN_CLIP_PREFIX + name)


def _renamed(name: str, table: dict[str, str]) -> str:
    """The name with its longest start that the table knows replaced."""
    for start, new in table.items():
        if name.startswith(f"{start}."):
            return new + name[len(start) :]
    return name
