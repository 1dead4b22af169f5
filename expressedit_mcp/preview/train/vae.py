"""The VAE's stage: random patches of the drawings, reconstructed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from .ahead import made_ahead
from .drawings import Shard
from .loop import Losses, Trainer
from .team import Team

_GRADIENT_WEIGHT = 0.5
_KL_WEIGHT = 3e-4
_OF_FACES = 0.8  # of the patches; edits change little else


def train_vae(
    team: Team,
    shards: Sequence[Shard],
    folder: Path,
    *,
    steps: int,
    batch: int,
    patch_px: int,
    seed: int,
    vae: AutoencoderKL,
    seconds: float = 0.0,
    workers: int = 0,
) -> AutoencoderKL:
    """A trained VAE whose latents have unit deviation after its scaling factor."""
    vae = vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(
        {"vae": vae},
        team,
        folder,
        steps=steps,
        muon_lr=3e-3,
        adam_lr=1e-3,
        matrices=lambda name, p: (
            p.ndim == 4 and "conv_in" not in name and "conv_out" not in name and "quant" not in name
        ),
        averaging=0.995,
        seconds=seconds,
    )
    trainer.resume()
    patches = PatchMaker(shards, [seed, team.rank], batch, patch_px)
    coming = made_ahead(patches, trainer.step, steps, workers)
    on_gpu = team.device.type != "cpu"  # on a CPU it is no faster in half precision

    def losses_at(step: int) -> Losses:
        pixels = as_input(next(coming), team.device)
        with torch.autocast(team.device.type, torch.bfloat16, enabled=on_gpu):
            return vae_losses(vae, pixels)

    trainer.run(losses_at)
    trainer.use_averages()
    with torch.no_grad():
        sample = as_input(torch.from_numpy(whole_crops(shards, 64)), team.device)
        deviation = posterior(vae, sample).mode().std()
    vae.register_to_config(scaling_factor=round(1 / float(deviation), 4))
    return vae.eval()


def posterior(vae: AutoencoderKL, pixels: Tensor) -> DiagonalGaussianDistribution:
    """The distribution of the latents of pixels (B, 3, H, W)."""
    latents = vae.encode(pixels, return_dict=False)[0]
    return DiagonalGaussianDistribution(latents.parameters.float())


def vae_losses(vae: AutoencoderKL, pixels: Tensor) -> Losses:
    """The reconstruction's loss, and the KL term per latent number."""
    latents = posterior(vae, pixels)
    z: Any = latents.sample()  # diffusers declares a FloatTensor
    decoded = vae.decode(z, return_dict=False)[0].float()
    kl = 0.5 * (latents.mean.square() + latents.var - 1 - latents.logvar).mean()
    return {
        "loss": reconstruction(decoded, pixels) + _KL_WEIGHT * kl,
        "psnr": -10 * torch.log10((decoded.detach() - pixels).square().mean() / 4),
        "kl": kl,
    }


def reconstruction(decoded: Tensor, pixels: Tensor) -> Tensor:
    """The loss of pixels (B, 3, H, W) in colour and in colour gradient, both mostly L1."""
    error = decoded - pixels
    colour = 0.7 * error.abs().mean() + 0.6 * error.square().mean()
    gradient = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
    return colour + _GRADIENT_WEIGHT * gradient


@dataclass(frozen=True)
class PatchMaker:
    """Makes the patches of a step: the same ones each time."""

    shards: Sequence[Shard]
    seeds: Sequence[int]
    count: int
    side_px: int

    def __call__(self, step: int) -> Tensor:
        rng = np.random.default_rng([*self.seeds, step])
        return torch.from_numpy(random_patches(self.shards, rng, self.count, self.side_px))


def random_patches(
    shards: Sequence[Shard], rng: np.random.Generator, count: int, side: int
) -> np.ndarray:
    """Square patches (count, side, side, 3) uint8, most of them of the face."""
    patches = []
    for _ in range(count):
        shard = shards[int(rng.integers(len(shards)))]
        index = int(rng.integers(len(shard.pixels)))
        last = shard.pixels.shape[1] - side
        left, top = rng.uniform(0, last, 2)
        if rng.random() < _OF_FACES:
            box = shard.notes[index]["boxes"]["face"]
            left, top = rng.uniform(box[:2], box[2:]) - side / 2
        left, top = (int(v) for v in np.clip((left, top), 0, last))
        patches.append(shard.pixels[index, top : top + side, left : left + side])
    return np.stack(patches)


def whole_crops(shards: Sequence[Shard], count: int) -> np.ndarray:
    """The first crop of each of `count` characters, (count, S, S, 3) uint8."""
    per_shard = -(-count // len(shards))
    return np.concatenate([s.pixels[:: len(s.pixels) // per_shard] for s in shards])[:count]


def as_input(pixels: Tensor, device: torch.device) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 -1..1 on the device."""
    return pixels.to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
