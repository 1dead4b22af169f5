"""The stages of the recipe in order, each reading and writing the training folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from .decoder import train_decoder
from .denoiser import Denoiser, train_denoiser
from .drawings import draw_shard, load_shard, shard_folder
from .encoding import encode_shard, load_encoded
from .export import export_model
from .loop import Trainer
from .networks import NATIVE_PX, make_controlnet, make_text_encoders, make_unet, make_vae
from .recipe import Recipe
from .team import Team, run_team
from .text import train_text
from .vae import train_vae
from .vocabulary import vocabulary

_USUAL_BATCH = 32  # of the team; larger ones take larger steps
_MUON_LR, _ADAM_LR = 2e-3, 1e-3
_MUON_LR_FROM_WEIGHTS, _ADAM_LR_FROM_WEIGHTS = 9e-4, 4.5e-4
_CLASSES: dict[str, Any] = {
    "vae": AutoencoderKL,
    "unet": UNet2DConditionModel,
    "controlnet": ControlNetModel,
    "text_encoder": CLIPTextModel,
    "text_encoder_2": CLIPTextModelWithProjection,
}


def run_stage(name: str, recipe: Recipe, out: Path, device: str, start: Path | None) -> None:
    """Runs one stage of STAGES on `device`, from the weights of `start` or random ones."""
    shared = name in ("vae", "decoder", "encode", "unet") and device == "cpu"
    size = recipe.processes if shared or name == "drawings" else 1
    print(f"stage {name}", flush=True)
    run_team(STAGES[name], (recipe, out, start), size, device)


def _drawings(team: Team, recipe: Recipe, out: Path, start: Path | None) -> None:
    for index in range(team.rank, recipe.shards, team.size):
        draw_shard(shard_folder(out / "drawings", index), recipe.seed, index, NATIVE_PX)
        print(f"drawings {index + 1}/{recipe.shards}", flush=True)
    team.wait()


def _text(team: Team, recipe: Recipe, out: Path, start: Path | None) -> None:
    if start:  # its encoders go on with its denoiser
        return
    torch.manual_seed(recipe.seed)
    encoders = train_text(
        team,
        make_text_encoders(len(vocabulary())),
        out / "text",
        steps=recipe.text_steps,
        batch=recipe.text_batch,
        seed=recipe.seed,
    )
    for encoder, name in zip(encoders, ("text_encoder", "text_encoder_2"), strict=True):
        encoder.save_pretrained(out / "text" / name)


def _vae(team: Team, recipe: Recipe, out: Path, start: Path | None) -> None:
    torch.manual_seed(recipe.seed)
    vae = _load(start, "vae") if start else make_vae()
    if recipe.vae_steps:  # none: the VAE stays as it is, its scaling factor too
        vae = train_vae(
            team,
            [load_shard(shard_folder(out / "drawings", i)) for i in range(recipe.shards)],
            out / "vae",
            steps=recipe.vae_steps,
            batch=recipe.vae_batch,
            patch_px=recipe.vae_patch_px,
            seed=recipe.seed,
            vae=vae,
            seconds=recipe.vae_seconds,
            workers=recipe.workers,
        )
    if team.leads:
        vae.save_pretrained(out / "vae" / "vae")
    team.wait()


def _decoder(team: Team, recipe: Recipe, out: Path, start: Path | None) -> None:
    if not recipe.decoder_steps:
        return
    vae = train_decoder(
        team,
        [load_shard(shard_folder(out / "drawings", i)) for i in range(recipe.shards)],
        out / "decoder",
        steps=recipe.decoder_steps,
        batch=recipe.vae_batch,
        patch_px=recipe.vae_patch_px,
        seed=recipe.seed,
        vae=_load(out / "vae", "vae"),
        seconds=recipe.decoder_seconds,
        workers=recipe.workers,
    )
    if team.leads:
        vae.save_pretrained(out / "vae" / "vae")
    team.wait()


def _encode(team: Team, recipe: Recipe, out: Path, start: Path | None) -> None:
    vae = _load(out / "vae", "vae").to(team.device)
    for index in range(team.rank, recipe.shards, team.size):
        encode_shard(vae, shard_folder(out / "drawings", index), team.device)
        print(f"encoded {index + 1}/{recipe.shards}", flush=True)
    team.wait()


def _unet(team: Team, recipe: Recipe, out: Path, start: Path | None) -> None:
    torch.manual_seed(recipe.seed)
    vae = _load(out / "vae", "vae")
    denoiser = _load_denoiser(start) if start else _fresh_denoiser(out)
    if (
        start
    ):  # what reads the edges has learned it, and at the crop's full size it is a sixth of a step
        denoiser.controlnet.controlnet_cond_embedding.requires_grad_(False)

    def on_step(trainer: Trainer) -> None:
        with trainer.averaged():
            export_model(out / "model", denoiser, vae)
        _write_sheet(out / "model", out / "sheets" / f"{trainer.step:06d}.png")

    pace = (recipe.unet_batch * team.size / _USUAL_BATCH) ** 0.25
    train_denoiser(
        team,
        denoiser,
        [load_encoded(shard_folder(out / "drawings", i)) for i in range(recipe.shards)],
        {token: index for index, token in enumerate(vocabulary())},
        out / "unet",
        steps=recipe.unet_steps,
        batch=recipe.unet_batch,
        muon_lr=pace * (_MUON_LR_FROM_WEIGHTS if start else _MUON_LR),
        adam_lr=pace * (_ADAM_LR_FROM_WEIGHTS if start else _ADAM_LR),
        seed=recipe.seed,
        compiled=bool(recipe.compiled),
        seconds=recipe.unet_seconds,
        workers=recipe.workers,
        every=recipe.sheet_steps,
        on_step=on_step,
    )
    if team.leads:
        export_model(out / "model", denoiser, vae)
    team.wait()


def _write_sheet(model: Path, file: Path) -> None:
    import cv2

    from .sheets import sample_sheet

    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), sample_sheet(model)[..., ::-1])


def _load(folder: Path, name: str) -> Any:
    return _CLASSES[name].from_pretrained(folder / name, torch_dtype=torch.float32)


def _fresh_denoiser(out: Path) -> Denoiser:
    unet = make_unet()
    encoders = [_load(out / "text", name) for name in ("text_encoder", "text_encoder_2")]
    return Denoiser(unet, make_controlnet(unet), *encoders)


def _load_denoiser(folder: Path) -> Denoiser:
    return Denoiser(*(_load(folder, name) for name in Denoiser.__dataclass_fields__))


STAGES: dict[str, Callable[..., None]] = {
    "drawings": _drawings,
    "text": _text,
    "vae": _vae,
    "decoder": _decoder,
    "encode": _encode,
    "unet": _unet,
}
