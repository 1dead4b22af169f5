"""The files of an IP-Adapter: what is taken, and what is refused by name before a weight is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ip_adapters
import pytest
import single_files
import tiny_sdxl
import torch
from safetensors.torch import load_file, save_file
from test_library import run
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig

from expressedit_mcp.engine import find_source, models
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.image_prompt import _adapter_shapes
from expressedit_mcp.engine.model_source import SDXL_CONFIGS
from expressedit_mcp.engine.models import load_models
from expressedit_mcp.engine.single_file import read_config, skeleton
from expressedit_mcp.engine.weights_file import kind_of
from expressedit_mcp.errors import ModelError
from expressedit_mcp.settings import SHIPPED_MODEL

CPU = torch.device("cpu")


@pytest.fixture
def folder(tiny_dir: Path, editor: Editor, tmp_path: Path) -> Path:
    """The tiny model with an IP-Adapter Plus that a test may spoil."""
    made = tmp_path / "set"
    return ip_adapters.save_set(made, tiny_dir, editor.models.unet, "plus", **tiny_sdxl.CARD)


def adapter_of(folder: Path) -> Path:
    return folder / "ip-adapter.safetensors"


def rewritten(path: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    tensors = change(load_file(path))
    path.unlink()
    save_file(tensors, path)


def with_card(folder: Path, **files: str) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["files"] |= files
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def without(*ends: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda tensors: {n: t for n, t in tensors.items() if not n.endswith(ends)}


def wide(width: int) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """Keys and values for another text width."""

    def change(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            name: torch.zeros(len(tensor), width) if "_ip." in name else tensor
            for name, tensor in tensors.items()
        }

    return change


def _pickle(folder: Path) -> None:
    torch.save(load_file(adapter_of(folder)), folder / "ip-adapter.bin")
    with_card(folder, ip_adapter="ip-adapter.bin")


def _deeper(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**tensors, "ip_adapter.99.to_k_ip.weight": torch.zeros(32, 48)}


def _face_id(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    kept = {n: t for n, t in tensors.items() if n.startswith("ip_adapter.")}
    return {**kept, "image_proj.proj.0.weight": torch.zeros(4, 4)}


def _lora(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"lora_unet_x_attn2_to_k.lora_down.weight": torch.zeros(4, 2048)}


def _other_encoder(folder: Path) -> None:
    config = {**ip_adapters.ENCODER.to_dict(), "hidden_size": 64}
    ip_adapters.save_encoder(folder / "image_encoder", CLIPVisionConfig(**config))


def _text_encoder(folder: Path) -> None:
    config = CLIPTextConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    CLIPTextModel(config).save_pretrained(folder / "image_encoder")


def _only_bin(folder: Path) -> None:
    (folder / "image_encoder" / "model.safetensors").unlink()
    (folder / "image_encoder" / "pytorch_model.bin").write_bytes(b"pickle")


def _file(
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> Callable[[Path], None]:
    return lambda folder: rewritten(adapter_of(folder), change)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickle": (_pickle, r"ip-adapter.bin is a pickle"),
    "not there": (lambda f: adapter_of(f).unlink(), r"ip-adapter.safetensors is not there"),
    "cut off": (
        lambda f: adapter_of(f).write_bytes(adapter_of(f).read_bytes()[:-9]),
        r"ip-adapter.safetensors is damaged",
    ),
    "SD 1.5": (_file(wide(768)), "seems to be: IP-Adapter of SD 1.5 or SD 2"),
    "another width": (_file(wide(64)), r"to_k_ip.weight has the shape \[32, 64\].*\[32, 48\]"),
    "FaceID": (_file(_face_id), "seems to be: IP-Adapter Full or FaceID"),
    "LoRA": (_file(_lora), "seems to be: SDXL LoRA"),
    "a layer less": (_file(without("ip_adapter.3.to_v_ip.weight")), "lacks 1 of .*3.to_v_ip"),
    "a layer more": (_file(_deeper), "holds 1 tensors .*ip_adapter.99"),
    "no projection": (_file(without("proj_out.weight")), "lacks 1 of .*proj_out"),
    "shallower": (_file(without("layers.3.0.to_q.weight")), "lacks 1 of .*layers.3.0.to_q"),
    "another encoder": (_other_encoder, r"proj_in.weight has the shape \[96, 32\].*\[96, 64\]"),
    "text encoder": (_text_encoder, "seems to be: clip_text_model"),
    "encoder as pickle": (_only_bin, r"no model.safetensors \(pytorch_model.bin\)"),
    "no encoder": (lambda f: shutil.rmtree(f / "image_encoder"), "has no config.json"),
    "encoder without a config": (
        lambda f: (f / "image_encoder" / "config.json").write_text("[1]"),
        "config.json cannot be read",
    ),
    "half an encoder": (
        lambda f: rewritten(
            f / "image_encoder" / "model.safetensors", without("visual_projection.weight")
        ),
        "image_encoder lacks 1 of 40 .*visual_projection",
    ),
    "encoder not named": (lambda f: with_card(f, image_encoder=""), "--image-encoder FOLDER"),
    "adapter not named": (lambda f: with_card(f, ip_adapter=""), "--ip-adapter FILE"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_does_not_fit_is_refused_before_a_weight_is_read(
    folder: Path, spoilt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, said = SPOILT[spoilt]
    spoil(folder)
    monkeypatch.setattr(models, "_pretrained", lambda *a: pytest.fail("weights were read"))
    with pytest.raises(ModelError, match=said):
        load_models(find_source(folder), CPU, torch.float32)


def test_the_fingerprint_follows_the_adapter(folder: Path, tiny_dir: Path) -> None:
    def now() -> str:
        return find_source(folder).fingerprint

    whole = now()
    rewritten(adapter_of(folder), lambda t: {n: 2 * x for n, x in t.items()})
    other = now()
    with_card(folder, ip_adapter="", image_encoder="")
    assert len({whole, other, now()}) == 3


def test_models_add_check_use_with_an_adapter(tmp_path: Path) -> None:
    unet = skeleton("unet", read_config(SHIPPED_MODEL, "unet")).to_empty(device="cpu")
    file = single_files.save(tmp_path / "ip.safetensors", ip_adapters.plain(unet))
    encoder = ip_adapters.save_encoder(tmp_path / "encoder")
    files = ["--ip-adapter", str(file), "--image-encoder", str(encoder)]
    added = run(tmp_path, "add", "mine", "--base", str(SHIPPED_MODEL), *files)
    assert added.exit_code == 0, added.output
    assert "SDXL IP-Adapter" in added.output and "CLIP vision encoder" in added.output
    assert "ip.safetensors" in run(tmp_path, "list").output
    assert run(tmp_path, "use", "mine").exit_code == 0
    assert str(encoder) in run(tmp_path, "check").output
    source = find_source(tmp_path / "models" / "mine")
    assert (source.ip_adapter, source.image_encoder) == (file, encoder)
    assert source.card.has_ip_adapter

    refused = run(tmp_path, "add", "x", "--base", str(SHIPPED_MODEL), *files[:2])
    assert refused.exit_code != 0 and "--image-encoder FOLDER" in refused.output
    assert "x" not in run(tmp_path, "list").output.split()


# "ViT-H/14" of laion/CLIP-ViT-H-14-laion2B-s32B-b79K, the encoder of the adapters named vit-h
VIT_H = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "projection_dim": 1024,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
}


def test_the_full_size_layouts_fit_sdxl_and_are_taken_by_diffusers() -> None:
    """ip-adapter-plus_sdxl_vit-h (IPAdapterPlusXL: 16 tokens, 20 heads, width 1280) and ip-adapter_sdxl_vit-h."""
    unet: Any = skeleton("unet", read_config(SDXL_CONFIGS, "unet"))
    encoder = skeleton("image_encoder", VIT_H).config
    with torch.device("meta"):
        files = {
            257: ip_adapters.plus(unet, 1280, hidden=1280, heads=20),
            0: ip_adapters.plain(unet, 1024),
        }
    for patches, tensors in files.items():
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        assert kind_of(shapes) == "SDXL IP-Adapter"
        assert _adapter_shapes(shapes, unet, encoder) == shapes
        assert sum(".to_k_ip" in name for name in shapes) == 70
        state: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            state[part][rest] = tensor
        projection = unet._convert_ip_adapter_image_proj_to_diffusers(state["image_proj"])
        seen = (2, patches, 1280) if patches else (2, 1024)
        tokens = projection(torch.empty(seen, device="meta"))
        assert tokens.shape == (2, 16 if patches else 4, 2048)
        layers = unet._convert_ip_adapter_attn_to_diffusers([state])
        held = [layer for layer in layers.values() if hasattr(layer, "to_k_ip")]
        assert {layer.to_k_ip[0](tokens).shape[-1] for layer in held} == {640, 1280}
