"""What a file of weights holds, read from its safetensors header alone.

Format: 8 bytes little-endian length, a JSON header, the tensors' bytes
(https://huggingface.co/docs/safetensors/index#format).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from expressedit_mcp.errors import ModelError

Kind = Literal[
    "SDXL checkpoint",
    "SDXL inpainting checkpoint",
    "SDXL refiner",
    "SDXL UNet",
    "SDXL ControlNet",
    "SDXL LoRA",
    "SDXL IP-Adapter",
    "VAE",
    "VAE of another latent space",
    "SD 1.5 checkpoint",
    "SD 2 checkpoint",
    "SD 3 checkpoint",
    "FLUX model",
    "ControlNet of SD 1.5 or SD 2",
    "ControlNet-Union",
    "ControlNet-LLLite",
    "LoRA of SD 1.5 or SD 2",
    "LyCORIS network",
    "IP-Adapter of SD 1.5 or SD 2",
    "IP-Adapter Full or FaceID",
    "unknown weights",
]

_MAX_HEADER_BYTES = 100_000_000
_PICKLES = {".ckpt", ".pt", ".pth", ".bin", ".pkl"}
_UNET = "model.diffusion_model."
_CONTROL = "control_model."


@dataclass(frozen=True)
class WeightsFile:
    """A safetensors file: tensor shapes by name, its metadata, and what it seems to be."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]
    kind: Kind

    def has(self, name: str) -> bool:
        return name in self.shapes

    def require(self, *accepted: Kind, use: str) -> None:
        """Raises ModelError unless the file is of an accepted kind; `use` says what it was given as."""
        if self.kind not in accepted:
            raise ModelError(
                f"{self.path} seems to be: {self.kind}. As {use} this takes: {', '.join(accepted)}."
            )


def read_weights_file(path: Path) -> WeightsFile:
    """The file's header. Reads no weights.

    Raises ModelError for a file that is not there, is a pickle, is no safetensors or is truncated.
    """
    header = _header(path)
    metadata = header.pop("__metadata__", {})
    shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
    return WeightsFile(path, shapes, metadata, kind_of(shapes))


def kind_of(shapes: Mapping[str, tuple[int, ...]]) -> Kind:
    """What tensors of these names and shapes seem to be."""
    special = _adapter_kind(shapes) or _lora_kind(shapes)
    if special is not None:
        return special
    if any(".double_blocks.0." in f".{name}" for name in shapes):
        return "FLUX model"
    if any(".joint_blocks.0." in f".{name}" for name in shapes):
        return "SD 3 checkpoint"
    control = _control_kind(shapes)
    if control is not None:
        return control
    if f"{_UNET}input_blocks.0.0.weight" in shapes:
        return _checkpoint_kind(shapes)
    if "add_embedding.linear_1.weight" in shapes and "conv_in.weight" in shapes:
        return "SDXL UNet"
    for name in ("decoder.conv_in.weight", "first_stage_model.decoder.conv_in.weight"):
        if name in shapes:
            return "VAE" if shapes[name][1] == 4 else "VAE of another latent space"
    return "unknown weights"


def _adapter_kind(shapes: Mapping[str, tuple[int, ...]]) -> Kind | None:
    keys = [shape for name, shape in shapes.items() if name.endswith(".to_k_ip.weight")]
    if not keys or not any(name.startswith("image_proj.") for name in shapes):
        return None
    plain = len(shapes.get("image_proj.proj.weight", ())) == 2
    if not plain and len(shapes.get("image_proj.latents", ())) != 3:
        return "IP-Adapter Full or FaceID"
    # the text width, as of a LoRA
    return "IP-Adapter of SD 1.5 or SD 2" if keys[0][-1] in (768, 1024) else "SDXL IP-Adapter"


def _lora_kind(shapes: Mapping[str, tuple[int, ...]]) -> Kind | None:
    if any(".hada_w1_a" in name or ".lokr_w1" in name for name in shapes):
        return "LyCORIS network"
    down = [n for n in shapes if n.endswith((".lora_down.weight", ".lora_A.weight"))]
    if not down:
        return None
    # the cross-attention's text width: 768 in SD 1.5, 1024 in SD 2
    widths = {shapes[n][1] for n in down if "attn2" in n and ("to_k" in n or "to_v" in n)}
    return "LoRA of SD 1.5 or SD 2" if widths & {768, 1024} else "SDXL LoRA"


def _control_kind(shapes: Mapping[str, tuple[int, ...]]) -> Kind | None:
    if any(name.startswith("lllite_") for name in shapes):
        return "ControlNet-LLLite"
    diffusers = "controlnet_cond_embedding.conv_in.weight" in shapes
    ldm = next((p for p in (_CONTROL, "") if f"{p}input_hint_block.0.weight" in shapes), None)
    if not diffusers and ldm is None:
        return None
    if "task_embedding" in shapes or "control_type_proj.weight" in shapes:
        return "ControlNet-Union"
    names = ("add_embedding.linear_1.weight", f"{ldm or ''}label_emb.0.0.weight")
    return "SDXL ControlNet" if set(names) & shapes.keys() else "ControlNet of SD 1.5 or SD 2"


def _checkpoint_kind(shapes: Mapping[str, tuple[int, ...]]) -> Kind:
    if "cond_stage_model.model.ln_final.weight" in shapes:
        return "SD 2 checkpoint"
    if any(name.startswith("cond_stage_model.") for name in shapes):
        return "SD 1.5 checkpoint"
    if f"{_UNET}label_emb.0.0.weight" not in shapes:
        return "unknown weights"
    if not any(name.startswith("conditioner.embedders.") for name in shapes):
        return "SDXL UNet"
    if not any(name.startswith("conditioner.embedders.1.") for name in shapes):
        return "SDXL refiner"
    channels = shapes[f"{_UNET}input_blocks.0.0.weight"][1]
    return "SDXL checkpoint" if channels == 4 else "SDXL inpainting checkpoint"


def _header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path} is not there. Give the path of a .safetensors file.")
    if path.suffix.lower() in _PICKLES:
        raise ModelError(
            f"{path} is a pickle, which may run code when it is loaded. Only .safetensors is taken; "
            "most models are published in it as well."
        )
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_MAX_HEADER_BYTES, max(size - 8, 0)):
            raise ModelError(
                f"{path} is no safetensors file, or only the start of one ({size} bytes)."
            )
        try:
            header = json.loads(file.read(length))
            end = max((e["data_offsets"][1] for n, e in header.items() if n[:2] != "__"), default=0)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise ModelError(
                f"{path} is no safetensors file: its header cannot be read."
            ) from error
    whole = 8 + length + end
    if size != whole:
        raise ModelError(
            f"{path} is damaged: it has {size} bytes and should have {whole}. Download it again."
        )
    return header
