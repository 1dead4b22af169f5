"""Checkpoints, ControlNets, VAEs and LoRAs as single files: same weights, same pixels, refusals by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import single_files
import torch
from test_edit import request, run
from torch import Tensor

from expressedit_mcp.engine import find_source, ldm
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.model_source import SDXL_CONFIGS, ModelSource
from expressedit_mcp.engine.models import ModelSet, load_models
from expressedit_mcp.engine.single_file import controlnet_depth, read_config, skeleton
from expressedit_mcp.engine.tokenizer import load_tokenizer
from expressedit_mcp.engine.weights_file import kind_of, read_weights_file
from expressedit_mcp.errors import ModelError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return single_files.save_configs(tmp_path_factory.mktemp("configs"))


@pytest.fixture(scope="module")
def parts(configs: Path) -> dict[str, Any]:
    return single_files.modules(configs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, configs: Path, parts: dict[str, Any]) -> Path:
    """A model of single files with a card that names them."""
    folder = tmp_path_factory.mktemp("model")
    single_files.save(folder / "base.safetensors", single_files.checkpoint(parts))
    single_files.save(folder / "control.safetensors", parts["controlnet"].state_dict())
    write_card(folder, controlnet="control.safetensors", configs=str(configs))
    return folder


def write_card(folder: Path, **files: object) -> None:
    card = {
        "name": "files",
        "native_px": 64,
        "min_crop_px": 8,
        "files": {"base": "base.safetensors", **files},
    }
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def load(source: Path | ModelSource) -> ModelSet:
    found = find_source(source) if isinstance(source, Path) else source
    return load_models(found, CPU, torch.float32)


def same(module: Any, tensors: dict[str, Tensor]) -> bool:
    state = module.state_dict()
    return state.keys() == tensors.keys() and all(torch.equal(state[n], tensors[n]) for n in state)


def test_every_tensor_of_a_checkpoint_arrives(folder: Path, parts: dict[str, Any]) -> None:
    models = load(folder)
    for part, module in (
        ("unet", models.unet),
        ("vae", models.vae),
        ("controlnet", models.controlnet),
        ("text_encoder", models.encoders[0].model),
        ("text_encoder_2", models.encoders[1].model),
    ):
        assert same(module, parts[part].state_dict()), part


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_diffusers_reads_the_same_names(
    folder: Path, configs: Path, parts: dict[str, Any], part: str
) -> None:
    """Its converter was written apart from our map."""
    kind: Any = type(parts[part])
    loaded = kind.from_single_file(
        str(folder / "base.safetensors"), config=str(configs), subfolder=part, local_files_only=True
    )
    assert same(loaded, parts[part].state_dict())


@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2"])
def test_diffusers_reads_the_same_text_encoders(
    folder: Path, configs: Path, parts: dict[str, Any], part: str
) -> None:
    from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
    from safetensors.torch import load_file

    loaded: Any = create_diffusers_clip_model_from_ldm(
        type(parts[part]),
        load_file(folder / "base.safetensors"),
        subfolder=part,
        config=str(configs),
        local_files_only=True,
    )
    state = loaded.state_dict()
    for name, tensor in parts[part].state_dict().items():
        assert torch.equal(state[name], tensor), name


@pytest.mark.parametrize(
    ("part", "name", "place"),
    [
        ("unet", "time_embedding.linear_2.bias", "time_embed.2.bias"),
        ("unet", "add_embedding.linear_1.weight", "label_emb.0.0.weight"),
        (
            "unet",
            "down_blocks.1.resnets.0.conv_shortcut.weight",
            "input_blocks.4.0.skip_connection.weight",
        ),
        ("unet", "down_blocks.0.downsamplers.0.conv.weight", "input_blocks.3.0.op.weight"),
        (
            "unet",
            "down_blocks.2.attentions.1.transformer_blocks.9.attn2.to_k.weight",
            "input_blocks.8.1.transformer_blocks.9.attn2.to_k.weight",
        ),
        ("unet", "mid_block.resnets.1.time_emb_proj.bias", "middle_block.2.emb_layers.1.bias"),
        ("unet", "up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.2.conv.weight"),
        ("unet", "up_blocks.2.resnets.2.norm2.weight", "output_blocks.8.0.out_layers.0.weight"),
        ("unet", "conv_out.weight", "out.2.weight"),
        (
            "vae",
            "encoder.down_blocks.2.downsamplers.0.conv.bias",
            "encoder.down.2.downsample.conv.bias",
        ),
        ("vae", "decoder.up_blocks.0.resnets.1.conv2.weight", "decoder.up.3.block.1.conv2.weight"),
        (
            "vae",
            "decoder.mid_block.attentions.0.to_out.0.weight",
            "decoder.mid.attn_1.proj_out.weight",
        ),
        ("vae", "post_quant_conv.weight", "post_quant_conv.weight"),
        ("controlnet", "controlnet_down_blocks.8.bias", "zero_convs.8.0.bias"),
        ("controlnet", "controlnet_cond_embedding.conv_out.weight", "input_hint_block.14.weight"),
        ("controlnet", "controlnet_cond_embedding.blocks.5.weight", "input_hint_block.12.weight"),
        ("controlnet", "controlnet_mid_block.weight", "middle_block_out.0.weight"),
    ],
)
def test_names_at_full_size(part: str, name: str, place: str) -> None:
    """Golden names of SDXL's own files, on modules of full size without weights."""
    module = skeleton(part, read_config(SDXL_CONFIGS, part))
    names = list(module.state_dict())
    assert name in names
    namer = ldm.vae_namer(4, "") if part == "vae" else ldm.unet_namer(names, 2, "")
    assert namer(name).name == place


@pytest.mark.parametrize(
    ("part", "millions"),
    [
        ("unet", 2567.5),
        ("vae", 83.7),
        ("controlnet", 1251.0),
        ("text_encoder", 123.1),
        ("text_encoder_2", 694.7),
    ],
)
def test_configs_that_ship_have_sdxls_size(part: str, millions: float) -> None:
    module = skeleton(part, read_config(SDXL_CONFIGS, part))
    assert sum(p.numel() for p in module.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def test_full_size_places_are_all_different() -> None:
    for part in ("unet", "controlnet"):
        names = list(skeleton(part, read_config(SDXL_CONFIGS, part)).state_dict())
        namer = ldm.unet_namer(names, 2)
        assert len({namer(name) for name in names}) == len(names)


def test_the_vocabulary_that_ships_is_clips() -> None:
    tokenizer = load_tokenizer(SDXL_CONFIGS / "tokenizer")
    assert tokenizer.backend.get_vocab_size() == 49408
    assert tokenizer.encode("a photo of a cat") == [320, 1125, 539, 320, 2368]
    assert (tokenizer.bos, tokenizer.eos) == (49406, 49407)


@pytest.mark.parametrize("prefix", ["control_model.", ""], ids=["prefixed", "bare"])
def test_a_cldm_controlnet_is_converted(
    folder: Path, configs: Path, parts: dict[str, Any], tmp_path: Path, prefix: str
) -> None:
    path = single_files.save(
        tmp_path / "c.safetensors", single_files.cldm(parts["controlnet"], prefix)
    )
    source = find_source(folder)
    models = load(ModelSource(source.card, source.base, path, configs=configs))
    assert same(models.controlnet, parts["controlnet"].state_dict())


def test_a_controlnets_depth_is_read_from_its_names(folder: Path, configs: Path) -> None:
    file = read_weights_file(folder / "control.safetensors")
    found = controlnet_depth(file, read_config(configs, "controlnet"))
    assert found["transformer_layers_per_block"] == [0, 0, 2]
    # level 1 has attention modules without a transformer block
    assert found["down_block_types"] == [
        "DownBlock2D",
        "CrossAttnDownBlock2D",
        "CrossAttnDownBlock2D",
    ]


def test_a_vae_of_its_own_replaces_the_checkpoints(
    folder: Path, configs: Path, tmp_path: Path
) -> None:
    other = single_files.modules(configs, seed=5)["vae"]
    path = single_files.save(tmp_path / "vae.safetensors", other.state_dict())
    source = find_source(folder)
    models = load(ModelSource(source.card, source.base, vae=path, configs=configs))
    assert same(models.vae, other.state_dict())


def test_single_files_edit(folder: Path) -> None:
    editor = Editor(load(folder))
    first = run(editor, request())
    assert np.array_equal(first, run(editor, request()))
    assert not np.array_equal(first, run(editor, request(control_end=0.0)))


LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
KOHYA = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"


def _lora(kind: str) -> dict[str, Tensor]:
    torch.manual_seed(3)
    low, high = torch.randn(4, 32) * 0.3, torch.randn(32, 4) * 0.3
    if kind == "kohya":
        return {
            f"{KOHYA}.lora_down.weight": low,
            f"{KOHYA}.lora_up.weight": high,
            f"{KOHYA}.alpha": torch.tensor(4.0),
        }
    return {f"unet.{LAYER}.lora_A.weight": low, f"unet.{LAYER}.lora_B.weight": high}


@pytest.mark.parametrize("kind", ["kohya", "peft"])
@pytest.mark.parametrize("weight", [0.0, 1.0, 0.5])
def test_a_lora_is_merged_by_its_weight(
    folder: Path, configs: Path, tmp_path: Path, kind: str, weight: float
) -> None:
    path = single_files.save(tmp_path / "lora.safetensors", _lora(kind))
    source = find_source(folder)
    with_lora = ModelSource(source.card, source.base, loras=((path, weight),), configs=configs)
    before, after = load(folder).unet, load(with_lora).unet
    low, high = (t for t in _lora("peft").values())
    expected = before.get_submodule(LAYER).weight + weight * high @ low
    assert torch.allclose(after.get_submodule(LAYER).weight, expected, atol=1e-6)
    assert after.state_dict().keys() == before.state_dict().keys()


def test_two_loras_add_up(folder: Path, configs: Path, tmp_path: Path) -> None:
    path = single_files.save(tmp_path / "lora.safetensors", _lora("kohya"))
    source = find_source(folder)
    twice = ModelSource(source.card, source.base, loras=((path, 0.5), (path, 0.5)), configs=configs)
    once = ModelSource(source.card, source.base, loras=((path, 1.0),), configs=configs)
    found, expected = (load(s).unet.get_submodule(LAYER).weight for s in (twice, once))
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_lora_of_the_text_encoder_is_merged(folder: Path, configs: Path, tmp_path: Path) -> None:
    torch.manual_seed(4)
    low, high = torch.randn(2, 32), torch.randn(32, 2)
    stem = "text_encoder_2.text_model.encoder.layers.{}.self_attn.{}_proj"
    tensors = {}
    for layer in range(2):
        for name in ("q", "k", "v", "out"):
            tensors[f"{stem.format(layer, name)}.lora_A.weight"] = low
            tensors[f"{stem.format(layer, name)}.lora_B.weight"] = high
    path = single_files.save(tmp_path / "lora.safetensors", tensors)
    source = find_source(folder)
    models = load(ModelSource(source.card, source.base, loras=((path, 1.0),), configs=configs))
    plain = load(folder)
    name = "text_model.encoder.layers.1.self_attn.v_proj"
    got, was = (m.encoders[1].model.get_submodule(name).weight for m in (models, plain))
    assert torch.allclose(got, was + high @ low, atol=1e-5)


@pytest.mark.parametrize(
    ("marks", "metadata", "prediction", "zero"),
    [
        ((), {}, "epsilon", False),
        (("v_pred",), {}, "v_prediction", False),
        (("v_pred", "ztsnr"), {}, "v_prediction", True),
        ((), {"modelspec.prediction_type": "v"}, "v_prediction", False),
    ],
)
def test_what_a_checkpoint_says_of_its_prediction(
    tmp_path: Path,
    configs: Path,
    parts: dict[str, Any],
    marks: tuple[str, ...],
    metadata: dict[str, str],
    prediction: str,
    zero: bool,
) -> None:
    tensors = {**single_files.checkpoint(parts), **{mark: torch.zeros(1) for mark in marks}}
    single_files.save(tmp_path / "base.safetensors", tensors, **metadata)
    write_card(tmp_path, configs=str(configs))
    models = load(tmp_path)
    assert models.prediction == prediction
    assert bool(models.alphas[-1] == 0) == zero


def test_the_card_overrules_the_file(tmp_path: Path, configs: Path, parts: dict[str, Any]) -> None:
    single_files.save(tmp_path / "base.safetensors", single_files.checkpoint(parts))
    card = {
        "name": "v",
        "prediction": "v_prediction",
        "zero_terminal_snr": True,
        "spacing": "trailing",
        "files": {"base": "base.safetensors", "configs": str(configs)},
    }
    (tmp_path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    models = load(tmp_path)
    assert (models.prediction, models.spacing) == ("v_prediction", "trailing")
    assert models.alphas[-1] == 0


def _without(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(start)}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda t: _without(t, "first_stage_model.decoder.conv_out"),
            "first_stage_model.decoder.conv_out",
        ),
        (lambda t: _without(t, "conditioner.embedders.1."), "SDXL refiner"),
        (lambda t: _without(t, "conditioner."), "SDXL UNet"),
        (
            lambda t: {
                **t,
                "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(16, 9, 3, 3),
            },
            "inpainting",
        ),
        (
            lambda t: {**t, "model.diffusion_model.out.2.weight": torch.zeros(8, 16, 3, 3)},
            "another architecture",
        ),
    ],
    ids=["tensor", "refiner", "unet", "inpainting", "shape"],
)
def test_a_spoilt_checkpoint_is_refused_by_name(
    tmp_path: Path,
    configs: Path,
    parts: dict[str, Any],
    spoil: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    says: str,
) -> None:
    single_files.save(tmp_path / "base.safetensors", spoil(single_files.checkpoint(parts)))
    write_card(tmp_path, configs=str(configs))
    with pytest.raises(ModelError, match=says) as caught:
        load(tmp_path)
    assert "base.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ({"cond_stage_model.transformer.x": (1,), "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)},
         "SD 1.5 checkpoint"),
        ({"cond_stage_model.model.ln_final.weight": (1,),
          "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "SD 2 checkpoint"),
        ({"double_blocks.0.img_attn.proj.weight": (1,)}, "FLUX model"),
        ({"model.diffusion_model.double_blocks.0.img_attn.proj.weight": (1,)}, "FLUX model"),
        ({"model.diffusion_model.joint_blocks.0.x": (1,)}, "SD 3 checkpoint"),
        ({"control_model.input_hint_block.0.weight": (16, 3, 3, 3)}, "ControlNet of SD 1.5 or SD 2"),
        ({"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3), "task_embedding": (6, 320)},
         "ControlNet-Union"),
        ({"lllite_unet_input_blocks_4_1.down.0.weight": (1,)}, "ControlNet-LLLite"),
        ({"decoder.conv_in.weight": (512, 16, 3, 3)}, "VAE of another latent space"),
        ({"lora_unet_x_attn2_to_k.lora_down.weight": (8, 768)}, "LoRA of SD 1.5 or SD 2"),
        ({"lora_unet_x_attn2_to_k.lora_down.weight": (8, 2048)}, "SDXL LoRA"),
        ({"lora_unet_x.hada_w1_a": (8, 8)}, "LyCORIS network"),
        ({"whatever": (1,)}, "unknown weights"),
    ],
)  # fmt: skip
def test_what_a_file_seems_to_be(names: dict[str, tuple[int, ...]], kind: str) -> None:
    assert kind_of(names) == kind


@pytest.mark.parametrize("use", ["controlnet", "vae", "loras"])
def test_a_file_in_the_wrong_place_is_named(folder: Path, configs: Path, use: str) -> None:
    source = find_source(folder)
    wrong: Any = folder / ("base.safetensors" if use == "controlnet" else "control.safetensors")
    given: dict[str, Any] = {use: ((wrong, 1.0),) if use == "loras" else wrong}
    with pytest.raises(ModelError, match=f"{wrong.name} seems to be: SDXL"):
        load(ModelSource(source.card, source.base, configs=configs, **given))


@pytest.mark.parametrize("cut", [0, 4, 8, 200, -1])
def test_a_truncated_file_is_refused(folder: Path, tmp_path: Path, cut: int) -> None:
    data = (folder / "control.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(data[:cut])
    with pytest.raises(ModelError, match=r"cut\.safetensors"):
        read_weights_file(path)


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".bin", ".pth"])
def test_a_pickle_is_refused_unread(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"\x80\x02not read")
    with pytest.raises(ModelError, match="pickle"):
        load(path)


def test_a_header_of_nonsense_is_refused(tmp_path: Path) -> None:
    for header in (b"[]", b"{]", b'{"a": 1}', b'{"a": {"data_offsets": [0]}}'):
        path = tmp_path / "x.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        with pytest.raises(ModelError, match=r"x\.safetensors"):
            read_weights_file(path)
