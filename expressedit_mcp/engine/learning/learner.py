"""Learning a token on a loaded model, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine.denoise import Layout
from expressedit_mcp.engine.learning.examples import Encoded, encode_example
from expressedit_mcp.engine.learning.features import attribute_features
from expressedit_mcp.engine.learning.file import LearnedCard, encode_file
from expressedit_mcp.engine.learning.losses import (
    denoising_loss,
    mask_weights,
    orthogonality,
    velocity,
)
from expressedit_mcp.engine.learning.request import LearnRequest
from expressedit_mcp.engine.learning.weights import TokenWeights
from expressedit_mcp.engine.methods.attention import installed
from expressedit_mcp.engine.methods.tokens import (
    Prompt,
    Token,
    encode_prompt,
    load_token,
    token_control,
    token_states,
)
from expressedit_mcp.engine.models import ModelSet, require_gradients
from expressedit_mcp.engine.text import needed_chunks

_SAVE_EVERY = 25
_SMOOTHING = 0.96  # of the losses that are told
_TAGS_PER_STEP = 16


class Learner:
    """Owns the weights of one token while they are learned; the model itself is not changed.

    Every random number of a step follows from the seed and the step's index, so a learner that goes on from a
    checkpoint ends with the same weights as one that was never interrupted.
    """

    def __init__(self, models: ModelSet, request: LearnRequest, folder: Path) -> None:
        require_gradients(models)
        self.models, self.request = models, request
        self._path = folder / "checkpoint.safetensors"
        self._examples = [encode_example(models, example) for example in request.examples]
        encoders = models.encoders
        like = self._examples[0].latents
        others = [load_token(other, encoders, models.unet, like) for other in request.others]
        self._features = attribute_features(
            encoders, request.class_word, request.attributes, others
        )
        self._weights = TokenWeights.start(
            encoders, models.unet, request.class_word, request.settings, request.seed
        )
        self.done, self.metrics = 0, dict[str, float]()
        if self._path.is_file():
            notes = self._weights.load(self._path)
            self.done, self.metrics = int(notes["done"]), notes["metrics"]

    @property
    def finished(self) -> bool:
        return self.done >= self.request.settings.steps

    def step(self) -> None:
        """One step; every now and then and at the end the checkpoint is written."""
        settings = self.request.settings
        rng = np.random.default_rng([self.request.seed, self.done])
        example = self._examples[int(rng.integers(len(self._examples)))]
        token = self._weights.token(self.request.class_word, settings)
        with torch.enable_grad(), ExitStack() as held:
            losses = {
                "denoising": self._denoising(example, token, rng, held),
                "orthogonality": self._orthogonality(token, rng),
            }
            total = losses["denoising"] + settings.orthogonality * losses["orthogonality"]
            total.backward()
        self._weights.update(self.done)
        self.done += 1
        for name, loss in losses.items():
            value = float(loss.detach())
            before = self.metrics.get(name, value)
            self.metrics[name] = _SMOOTHING * before + (1 - _SMOOTHING) * value
        if self.done % _SAVE_EVERY == 0 or self.finished:
            self.save()

    def save(self) -> None:
        """Writes the checkpoint."""
        self._weights.save(self._path, {"done": self.done, "metrics": self.metrics})

    def file(self, base: str) -> bytes:
        """The learned file; `base` is the model's fingerprint."""
        request = self.request
        card = LearnedCard(
            name=request.name,
            kind=request.kind,
            class_word=request.class_word,
            base=base,
            base_name=self.models.card.name,
            pictures=request.pictures,
            seed=request.seed,
            settings=request.settings,
            metrics={name: round(value, 6) for name, value in self.metrics.items()},
        )
        return encode_file(card, self._weights.arrays())

    def _denoising(
        self, example: Encoded, token: Token, rng: np.random.Generator, held: ExitStack
    ) -> Tensor:
        """The model's own loss on one example at several noise levels, weighted by the object's mask."""
        models, settings = self.models, self.request.settings
        x0 = example.latents.float()
        levels = (np.arange(settings.batch) + rng.random(settings.batch)) / settings.batch
        share = settings.cleanest + levels * (settings.noisiest - settings.cleanest)
        t = np.rint(share * (len(models.alphas) - 1)).astype(int)
        alpha_bar = torch.tensor(models.alphas[t], dtype=x0.dtype, device=x0.device)
        alpha_bar = alpha_bar.view(-1, 1, 1, 1)
        noise = torch.from_numpy(rng.standard_normal((len(t), *x0.shape[1:]), np.float32)).to(x0)
        timesteps = torch.from_numpy(t).to(x0.device)
        z = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise
        v_prediction = models.prediction == "v_prediction"
        target = velocity(x0, noise, alpha_bar) if v_prediction else noise
        controlled = bool(rng.random() < settings.controlled)
        output = self._predict(example, token, z.to(models.dtype), timesteps, controlled, held)
        return denoising_loss(output, target, mask_weights(example.mask.float(), settings.outside))

    def _predict(
        self,
        example: Encoded,
        token: Token,
        z: Tensor,
        t: Tensor,
        controlled: bool,
        held: ExitStack,
    ) -> Tensor:
        """The UNet's output (B, C, h, w) under the caption with the token in front.

        The token's attention stays installed until `held` ends: a backward pass with checkpointing runs it again.
        """
        models = self.models
        prompt = _encoded(models, example, token)
        added = {
            "text_embeds": prompt.pooled.expand(len(z), -1),
            "time_ids": example.time_ids.expand(len(z), -1),
        }
        residuals: dict[str, Any] = {}
        if controlled and example.control is not None:
            context = prompt.plain.detach().expand(len(z), -1, -1)
            rows = {"encoder_hidden_states": context, "added_cond_kwargs": _detached(added)}
            with torch.no_grad():
                residuals = example.control.residuals(z, t, 0, rows)
        control = token_control([token], models.encoders, example.mask)
        control.on_call(Layout(tuple(range(len(z))), (None,) * len(z)), 0)
        held.enter_context(installed(models.unet, control))
        held.enter_context(_checkpointing(models.unet, z.device))
        return models.unet(
            z,
            t,
            encoder_hidden_states=prompt.context.expand(len(z), -1, -1),
            added_cond_kwargs=added,
            return_dict=False,
            **residuals,
        )[0]

    def _orthogonality(self, token: Token, rng: np.random.Generator) -> Tensor:
        """The mean over both text encoders, against a few of the attributes."""
        states = token_states(self.models.encoders, token.vectors)
        count = len(self._features[0].attributes)
        chosen = rng.choice(count, min(count, _TAGS_PER_STEP), replace=False)
        parts = [
            orthogonality(own, features.attributes[chosen], features.common)
            for own, features in zip(states, self._features, strict=True)
        ]
        return torch.stack([part.to(parts[0].device) for part in parts]).mean()


def _encoded(models: ModelSet, example: Encoded, token: Token) -> Prompt:
    leads = [[0] * token.count] * 2
    chunks = needed_chunks(models.encoders, example.caption, leads=leads)
    return encode_prompt(
        models.encoders, example.caption, [token], chunks=chunks, device=models.device
    )


def _detached(added: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in added.items()}


@contextmanager
def _checkpointing(unet: Any, device: torch.device) -> Iterator[None]:
    """Inside, on a GPU, the UNet's activations are computed again on the way back instead of being kept."""
    if device.type != "cuda":
        yield
        return
    unet.enable_gradient_checkpointing()
    try:
        yield
    finally:
        unet.disable_gradient_checkpointing()
