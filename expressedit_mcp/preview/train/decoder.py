"""The stage that sharpens the VAE's decoder against a critic; its encoder, so its latents, stay as they are.

What 4 numbers of a cell of 8 x 8 pixels leave open, a regression answers with the mean of what it may be: soft
lines. A critic of patches asks for lines as drawings have them (P. Esser et al., "Taming Transformers", 2021, Eq. 6
and 7; hinge losses of J. Lim, J. Ye, "Geometric GAN", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from .ahead import made_ahead
from .denoiser import computes_in_bfloat16
from .drawings import Shard
from .loop import Losses, Trainer
from .team import Team
from .vae import PatchMaker, as_input, posterior, reconstruction

_CRITIC_SHARE = 0.4  # of the reconstruction's gradient at the decoder's last layer
_MOST_WEIGHT = 1.0
_CRITIC_ALONE = 60  # steps until the decoder listens
_LATENT_NOISE = 0.1  # of a latent's deviation: a denoiser's latents are not quite an encoder's


def make_critic() -> nn.Module:
    """An untrained critic of patches of 22 pixels: (B, 3, H, W) to (B, 1, H / 4, W / 4)."""

    def block(inner: int, outer: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inner, outer, 4 if stride == 2 else 3, stride, 1),
            nn.GroupNorm(8, outer),
            nn.LeakyReLU(0.2),
        ]

    first = [nn.Conv2d(3, 24, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*first, *block(24, 48, 2), *block(48, 64, 1), nn.Conv2d(64, 1, 3, 1, 1))


def train_decoder(
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
    """The VAE with a sharper decoder."""
    torch.manual_seed(seed)
    vae = vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    vae.requires_grad_(False)
    for part in (vae.decoder, vae.post_quant_conv):
        assert part is not None
        part.requires_grad_(True)
    critic = make_critic().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(
        {"vae": vae, "critic": critic},
        team,
        folder,
        steps=steps,
        muon_lr=3e-4,
        adam_lr=4e-4,
        matrices=lambda name, p: (
            name.startswith("vae")
            and p.ndim == 4
            and "conv_in" not in name
            and "conv_out" not in name
            and "quant" not in name
        ),
        averaging=0.995,
        seconds=seconds,
    )
    trainer.resume()
    patches = PatchMaker(shards, [seed, team.rank], batch, patch_px)
    coming = made_ahead(patches, trainer.step, steps, workers)
    fast = computes_in_bfloat16(team.device)

    def losses_at(step: int) -> Losses:
        pixels = as_input(next(coming), team.device)
        with torch.autocast(team.device.type, torch.bfloat16, enabled=fast):
            return decoder_losses(vae, critic, pixels, listens=step >= _CRITIC_ALONE)

    trainer.run(losses_at)
    trainer.use_averages()
    return vae.eval()


def decoder_losses(vae: AutoencoderKL, critic: nn.Module, pixels: Tensor, listens: bool) -> Losses:
    """The decoder's losses of pixels (B, 3, H, W) -1..1 and its critic's, for one backward pass.

    The decoder's part reaches the critic's weights as constants, the critic's part the decoded pixels. Only a
    decoder that `listens` descends what the critic says.
    """
    with torch.no_grad():
        z: Any = posterior(vae, pixels).mode()
        z = z + _LATENT_NOISE * z.std() * torch.randn_like(z)
    decoded = vae.decode(z, return_dict=False)[0].float()
    alike = reconstruction(decoded, pixels)
    constants = {name: p.detach() for name, p in critic.named_parameters()}
    disliked = -functional_call(critic, constants, (decoded,)).float().mean()
    weight = _balance(alike, disliked, vae.decoder.conv_out.weight) if listens else 0.0
    real, made = critic(pixels).float(), critic(decoded.detach()).float()
    judged = (functional.relu(1 - real) + functional.relu(1 + made)).mean() / 2
    error = (decoded.detach() - pixels).square().mean()
    return {
        "loss": alike + weight * disliked + judged,
        "psnr": -10 * torch.log10(error / 4),
        "critic": judged,
    }


def _balance(alike: Tensor, disliked: Tensor, last: Tensor) -> float:
    """The critic's weight: a fixed share of the reconstruction's gradient at the last layer (Esser, Eq. 7)."""
    norms = [
        torch.autograd.grad(loss, last, retain_graph=True)[0].float().norm()
        for loss in (alike, disliked)
    ]
    return min(float(_CRITIC_SHARE * norms[0] / (norms[1] + 1e-6)), _MOST_WEIGHT)
