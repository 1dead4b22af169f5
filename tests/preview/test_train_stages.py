"""Each stage learns, goes on where it stopped, and what it makes is a model directory."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from expressedit_mcp.engine import EditRequest, LocalEngine
from expressedit_mcp.engine.schedule import alphas_cumprod
from expressedit_mcp.imaging import Size
from expressedit_mcp.preview.train.batches import Batch
from expressedit_mcp.preview.train.decoder import decoder_losses, make_critic
from expressedit_mcp.preview.train.denoiser import Denoiser, add_noise
from expressedit_mcp.preview.train.export import export_model
from expressedit_mcp.preview.train.loop import Losses, Trainer
from expressedit_mcp.preview.train.muon import Muon, orthogonalised
from expressedit_mcp.preview.train.networks import (
    SCHEDULER,
    make_controlnet,
    make_text_encoders,
    make_unet,
    make_vae,
)
from expressedit_mcp.preview.train.recipe import Recipe
from expressedit_mcp.preview.train.stages import run_stage
from expressedit_mcp.preview.train.team import Team, run_team
from expressedit_mcp.preview.train.text import random_prompts, text_losses
from expressedit_mcp.preview.train.vae import vae_losses
from expressedit_mcp.preview.train.vocabulary import token_ids, vocabulary
from expressedit_mcp.settings import SHIPPED_MODEL


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def make_denoiser() -> Denoiser:
    unet = make_unet()
    return Denoiser(unet, make_controlnet(unet), *make_text_encoders(len(vocabulary())))


def trainer(modules: dict[str, torch.nn.Module], folder: Path, steps: int = 100) -> Trainer:
    return Trainer(
        modules,
        Team(),
        folder,
        steps=steps,
        muon_lr=0.02,
        adam_lr=0.02,
        matrices=lambda name, param: param.ndim == 4 and "text" not in name,
    )


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    values = torch.linalg.svdvals(orthogonalised(torch.randn(3, 24, 10)))
    assert values.min() > 0.6 and values.max() < 1.3


def test_a_team_steps_as_one_does_alone(tmp_path: Path) -> None:
    for size in (1, 2):
        run_team(_write_a_step, (tmp_path / f"{size}.npz",), size, "cpu")
    alone, together = (np.load(tmp_path / f"{size}.npz") for size in (1, 2))
    assert alone.files == together.files
    for name in alone.files:
        np.testing.assert_allclose(together[name], alone[name], atol=1e-6)


def _write_a_step(team: Team, file: Path) -> None:
    """The weights after a step of Muon whose mean gradient is the same for teams of one and of two."""
    rng = np.random.default_rng(1)
    shapes = [(8, 4), (4, 8), (6, 3, 3, 3), (8, 4), (5, 7)]
    params = [torch.nn.Parameter(torch.from_numpy(rng.normal(size=shape))) for shape in shapes]
    before = [param.detach().clone() for param in params]
    for param in params:
        gradient, apart = torch.from_numpy(rng.normal(size=(2, *param.shape)))
        param.grad = gradient + apart * (1 - 2 * team.rank) * (team.size - 1)
    team.mean_gradients(params)
    Muon(params, 0.1, team=team, dtype=torch.float64).step()
    assert all((param != old).any() for param, old in zip(params, before, strict=True))
    if team.leads:
        np.savez(file, *(param.detach().numpy() for param in params))


def test_the_vae_learns(tmp_path: Path) -> None:
    vae, pixels = make_vae(), torch.rand(2, 3, 32, 32) * 2 - 1
    learner = trainer({"vae": vae}, tmp_path)
    seen = [float(learner.update(lambda step: vae_losses(vae, pixels))["loss"]) for _ in range(12)]
    assert seen[-1] < seen[0]


def test_the_text_encoders_learn(tmp_path: Path) -> None:
    first, second = make_text_encoders(len(vocabulary()))
    heads = torch.nn.ModuleDict(
        {
            "set": torch.nn.Linear(128, len(vocabulary())),
            "token": torch.nn.Linear(160, len(vocabulary())),
        }
    )
    ids, present = random_prompts(np.random.default_rng(0), 4)
    learner = trainer({"first": first, "second": second, "heads": heads}, tmp_path)
    losses = [
        float(
            learner.update(lambda step: text_losses((first, second), heads, ids, present))["loss"]
        )
        for _ in range(8)
    ]
    assert losses[-1] < losses[0]


def test_the_denoiser_learns_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Four steps in one go and two with a restart between end at the same weights."""

    def learn(folder: Path, restart: bool) -> tuple[Denoiser, list[float]]:
        torch.manual_seed(1)
        denoiser = make_denoiser()
        learner = trainer(denoiser.modules, folder)
        losses = []
        for step in range(4):
            if restart and step == 2:
                learner.save()
                denoiser = make_denoiser()
                learner = trainer(denoiser.modules, folder)
                assert learner.resume()
            losses.append(float(learner.update(partial(denoiser_losses, denoiser))["loss"]))
        return denoiser, losses

    straight, losses = learn(tmp_path / "a", restart=False)
    resumed, _ = learn(tmp_path / "b", restart=True)
    assert losses[-1] < losses[0]
    for name, module in straight.modules.items():
        for left, right in zip(
            module.parameters(), resumed.modules[name].parameters(), strict=True
        ):
            assert torch.equal(left, right)


def denoiser_losses(denoiser: Denoiser, step: int) -> Losses:
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn(2, 4, 8, 8, generator=generator)
    ids = token_ids(["closed eyes"], {token: i for i, token in enumerate(vocabulary())})
    batch = Batch(
        latents,
        latents.flip(0),
        torch.ones(2, 1, 8, 8),
        torch.rand(2, 3, 64, 64, generator=generator).round(),
        torch.tensor([ids] * 2),
    )
    alphas = torch.tensor(alphas_cumprod(SCHEDULER), dtype=torch.float32)
    torch.manual_seed(5)
    noisy = add_noise(np.random.default_rng(1), batch, alphas)
    output = denoiser(noisy.z, noisy.t, batch, controlled=True)
    return {"loss": (output - noisy.velocity).square().mean()}


def test_going_on_from_weights_can_keep_the_vae(tmp_path: Path) -> None:
    """Latents of another scale would be new to the denoiser that goes on."""
    run_stage("vae", Recipe(vae_steps=0, processes=1), tmp_path, "cpu", SHIPPED_MODEL)
    shipped, kept = (
        AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
        for folder in (SHIPPED_MODEL, tmp_path / "vae")
    )
    assert kept.config["scaling_factor"] == shipped.config["scaling_factor"]
    for left, right in zip(shipped.parameters(), kept.parameters(), strict=True):
        assert torch.equal(left, right)


def test_what_is_exported_edits_in_the_engine_and_loads_in_diffusers(tmp_path: Path) -> None:
    from diffusers.pipelines.controlnet.pipeline_controlnet_inpaint_sd_xl import (
        StableDiffusionXLControlNetInpaintPipeline,
    )

    make_vae().save_pretrained(tmp_path / "start")
    vae = AutoencoderKL.from_pretrained(tmp_path / "start")
    model = tmp_path / "model"
    export_model(model, make_denoiser(), vae)
    assert "start" not in (model / "vae" / "config.json").read_text(encoding="utf-8")
    engine = LocalEngine(model, "cpu")
    assert engine.tokenizer.knows("closed eyes") and not engine.tokenizer.knows("unheard of")
    side = engine.card.native_px
    selection = np.zeros((side, side), np.uint8)
    selection[64:128, 64:128] = 255
    request = EditRequest(
        crop=np.full((side, side, 3), 128, np.uint8),
        selection=selection,
        model_size=Size(side, side),
        prompt=(("closed eyes", 1.0),),
        negative_prompt=(),
        strength=0.5,
        steps=2,
        guidance_scale=2.0,
        control_scale=1.0,
        control_end=1.0,
        control_inside="erase",
        sampler="ddim",
        seed=0,
    )
    result = engine.edit(request, lambda done, of, what: None, lambda: False)
    assert result.rgb.shape == (side, side, 3) and result.controlled_calls == 1
    pipeline = StableDiffusionXLControlNetInpaintPipeline.from_pretrained(model)
    assert pipeline.unet.config.addition_embed_type == "text_time"
    sizes = sum(file.stat().st_size for file in model.rglob("*.safetensors"))
    assert sizes < 20_000_000


def test_the_decoder_sharpens_and_the_latents_stay(tmp_path: Path) -> None:
    """The critic's judgement reaches the decoder alone; the encoder, so every latent, is as before."""
    vae, critic, pixels = make_vae(), make_critic(), torch.rand(2, 3, 32, 32) * 2 - 1
    vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    before = {name: p.detach().clone() for name, p in vae.named_parameters()}
    learner = trainer({"vae": vae, "critic": critic}, tmp_path)
    for _ in range(8):
        learner.update(lambda step: decoder_losses(vae, critic, pixels, listens=True))
    changed = {n for n, p in vae.named_parameters() if not torch.equal(p, before[n])}
    assert changed and all(name.startswith("decoder.") for name in changed)


def test_the_critic_learns_to_tell_drawn_from_decoded() -> None:
    vae, critic, pixels = make_vae(), make_critic(), torch.rand(4, 3, 32, 32) * 2 - 1
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3)
    seen = []
    for _ in range(25):
        optimizer.zero_grad()
        losses = decoder_losses(vae, critic, pixels, listens=False)
        losses["loss"].backward()
        optimizer.step()
        seen.append(float(losses["critic"].detach()))
    assert seen[-1] < 0.8 * seen[0]
