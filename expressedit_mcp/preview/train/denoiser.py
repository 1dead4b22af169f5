"""The stage of UNet, ControlNet and text encoders, trained together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from expressedit_mcp.engine.schedule import alphas_cumprod

from .ahead import made_ahead
from .batches import Batch, Crops, Encoded, random_crops
from .loop import Losses, Trainer
from .networks import SCHEDULER, encode_text, time_ids
from .team import Team

_OUTSIDE_WEIGHT = 0.15  # an edit puts back what lies outside
_CHANGE_WEIGHT = 2.0
_NO_CONTROL = 0.1  # of the steps
_LEAST_STRENGTH, _USUAL_STRENGTH, _MOST_STRENGTH = 0.4, 0.75, 1.0
_EARLY = 0.75  # below 1: more of the noisy steps, which decide what is drawn


@dataclass(frozen=True)
class Denoiser:
    """The modules that an edit runs at every step, and their text encoders."""

    unet: Any
    controlnet: Any
    text_encoder: Any
    text_encoder_2: Any

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __call__(self, z: Tensor, t: Tensor, batch: Batch, controlled: bool) -> Tensor:
        """The model's output (B, C, w, w) for noisy latents z at timesteps t (B,)."""
        context, pooled = encode_text((self.text_encoder, self.text_encoder_2), batch.ids)
        added = {"text_embeds": pooled, "time_ids": time_ids(len(z), z.device)}
        kwargs = {
            "encoder_hidden_states": context,
            "added_cond_kwargs": added,
            "return_dict": False,
        }
        residuals = {}
        if controlled:
            down, middle = self.controlnet(z, t, controlnet_cond=batch.hint, **kwargs)
            residuals = {
                "down_block_additional_residuals": down,
                "mid_block_additional_residual": middle,
            }
        return self.unet(z, t, **kwargs, **residuals)[0]


def train_denoiser(
    team: Team,
    denoiser: Denoiser,
    encoded: Sequence[Encoded],
    vocabulary_ids: dict[str, int],
    folder: Path,
    *,
    steps: int,
    batch: int,
    muon_lr: float,
    adam_lr: float,
    seed: int,
    compiled: bool = False,
    seconds: float = 0.0,
    workers: int = 0,
    every: int = 0,
    on_step: Callable[[Trainer], None] = lambda trainer: None,
) -> Denoiser:
    """The denoiser after `steps` steps of `batch` crops a member, with its averaged weights.

    `compiled` takes minutes of torch.compile and a C++ compiler for a fifth less of each step.
    """
    on_gpu = team.device.type != "cpu"
    for module in (denoiser.unet, denoiser.controlnet):
        module.to(memory_format=torch.channels_last)
        if not on_gpu:
            # there, attention over so few cells is slower as one fused operation, backwards above all
            module.set_attn_processor(AttnProcessor())
        if compiled:
            module.compile(dynamic=False)
    fast = computes_in_bfloat16(team.device)
    trainer = Trainer(
        denoiser.modules,
        team,
        folder,
        steps=steps,
        muon_lr=muon_lr,
        adam_lr=adam_lr,
        matrices=_is_hidden_matrix,
        muon_dtype=torch.bfloat16 if fast else torch.float32,
        seconds=seconds,
    )
    trainer.resume()
    alphas = torch.tensor(alphas_cumprod(SCHEDULER), dtype=torch.float32, device=team.device)

    def crops_at(step: int) -> Crops:
        rng = np.random.default_rng([seed, team.rank, step])
        return random_crops(rng, encoded, vocabulary_ids, batch)

    coming = made_ahead(crops_at, trainer.step, steps, workers, pinned=on_gpu)

    def losses_at(step: int) -> Losses:
        # decided for the whole team: no gradient is halved
        controlled = np.random.default_rng([seed, step]).random() >= _NO_CONTROL
        samples = next(coming).on(team.device)
        noisy = add_noise(np.random.default_rng([seed, team.rank, step, 1]), samples, alphas)
        with torch.autocast(team.device.type, torch.bfloat16, enabled=fast):
            output = denoiser(noisy.z, noisy.t, samples, bool(controlled))
        error = (output.float() - noisy.velocity).square().mean(dim=1, keepdim=True)
        weight = loss_weight(samples)
        return {
            "loss": (error * weight).mean(),
            "masked": (error.detach() * samples.mask).sum() / samples.mask.sum().clamp(min=1),
        }

    trainer.run(losses_at, every, lambda: on_step(trainer))
    trainer.use_averages()
    return denoiser


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether half precision is the faster one; on a CPU without its instructions it is ten times slower."""
    return device.type != "cpu" or torch.cpu.get_capabilities().get("amx_bf16", False)


def loss_weight(samples: Batch) -> Tensor:
    """(B, 1, w, w) the weight of each cell: most where an edit has something to draw.

    Features are small beside the skin about them; where source and target differ, they are.
    """
    change = (samples.target - samples.source).abs().mean(dim=1, keepdim=True).clamp(max=1)
    return _OUTSIDE_WEIGHT + samples.mask * (1 + _CHANGE_WEIGHT * change)


@dataclass(frozen=True)
class Noisy:
    """Noisy latents z (B, C, w, w), their timesteps t (B,) and the velocity to predict."""

    z: Tensor
    t: Tensor
    velocity: Tensor


def add_noise(rng: np.random.Generator, samples: Batch, alphas: Tensor) -> Noisy:
    """The latents that an edit passes on its way from source to target.

    An edit starts at z0 = sqrt(a0) source + sqrt(1 - a0) eps. Towards the target x0 that is noise
    eps + sqrt(a0 / (1 - a0)) (source - x0), which a deterministic sampler carries along to every
    later step. Where source and target agree, it is plain diffusion.
    """
    count = len(samples.target)
    strength = rng.triangular(_LEAST_STRENGTH, _USUAL_STRENGTH, _MOST_STRENGTH, count)
    start = torch.from_numpy((strength * (len(alphas) - 1)).astype(np.int64))
    t = torch.from_numpy(
        (rng.random(count) ** _EARLY * strength * (len(alphas) - 1)).astype(np.int64)
    )
    x0, device = samples.target, samples.target.device
    t, start = t.to(device), start.to(device)
    a, a_start = (alphas[i].view(-1, 1, 1, 1) for i in (t, start))
    carried = (a_start / (1 - a_start)).sqrt() * (samples.source - x0) * samples.mask
    noise = torch.randn(x0.shape, device=device) + carried
    z = a.sqrt() * x0 + (1 - a).sqrt() * noise
    velocity = a.sqrt() * noise - (1 - a).sqrt() * x0
    return Noisy(z.contiguous(memory_format=torch.channels_last), t, velocity)


def _is_hidden_matrix(name: str, param: Tensor) -> bool:
    outer = ("conv_in", "conv_out", "time_emb", "add_emb", "controlnet_", "text_encoder")
    return not any(part in name for part in outer)
