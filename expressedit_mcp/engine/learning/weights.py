"""What is trained: a token's vectors and LoRA, with Adam's moments, on disk between steps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from expressedit_mcp.engine.learning.file import TOKENS
from expressedit_mcp.engine.learning.request import LearnSettings
from expressedit_mcp.engine.methods.tokens import Encoders, Token, class_ids, projections
from expressedit_mcp.errors import ModelError

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_LATER_TOKEN_RATE = 0.2  # of the vectors' learning rate, once the LoRA learns too


@dataclass
class TokenWeights:
    """The trained tensors by the names of the learned file, float32, and their optimiser."""

    tensors: dict[str, Tensor]
    optimizer: torch.optim.Adam
    rates: tuple[list[float], float]
    token_steps: int

    @classmethod
    def start(
        cls, encoders: Encoders, unet: Any, class_word: str, settings: LearnSettings, seed: int
    ) -> TokenWeights:
        """Vectors as the class word's embeddings, and LoRAs that add nothing yet (`up` is 0)."""
        tensors, rates = {}, []
        for name, encoder in zip(TOKENS, encoders, strict=True):
            table = encoder.model.get_input_embeddings().weight.detach().float()
            ids = class_ids(encoder, class_word, settings.vectors)
            tensors[name] = table[ids].clone()
            rates.append(settings.token_rate * _rms(table))
        generator = torch.Generator().manual_seed(seed)
        found = projections(unet)
        for name, module in found.items():
            wide, narrow = module.weight.shape
            down = torch.randn(settings.rank, narrow, generator=generator) * narrow**-0.5
            tensors[f"{name}.down"] = down.to(module.weight.device)
            tensors[f"{name}.up"] = torch.zeros(wide, settings.rank, device=module.weight.device)
        for tensor in tensors.values():
            tensor.requires_grad_(True)
        scale = sum(_rms(module.weight.float()) for module in found.values()) / max(len(found), 1)
        groups = [{"params": [tensors[name]]} for name in TOKENS]
        groups.append({"params": [t for name, t in tensors.items() if name not in TOKENS]})
        return cls(
            tensors,
            torch.optim.Adam(groups, lr=0.0),
            (rates, settings.lora_rate * scale),
            settings.token_steps,
        )

    def token(self, class_word: str, settings: LearnSettings) -> Token:
        """The token of these weights, which gradients flow into."""
        first, second = (self.tensors[name] for name in TOKENS)
        lora = {
            name.removesuffix(".up"): (self.tensors[name.removesuffix("up") + "down"], up)
            for name, up in self.tensors.items()
            if name.endswith(".up")
        }
        return Token(
            class_word, (first, second), lora, masked=settings.masked, spliced=settings.spliced
        )

    def update(self, step: int) -> None:
        """One step of Adam with the gradients that are there; they are cleared."""
        rates, lora = self.rates
        early = step < self.token_steps
        *tokens, joint = self.optimizer.param_groups
        for group, rate in zip(tokens, rates, strict=True):
            group["lr"] = rate * (1.0 if early else _LATER_TOKEN_RATE)
        joint["lr"] = 0.0 if early else lora
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def arrays(self) -> dict[str, np.ndarray]:
        """The tensors as half-precision arrays, as a learned file holds them."""
        return {n: t.detach().half().cpu().numpy() for n, t in self.tensors.items()}

    def save(self, path: Path, notes: dict[str, Any]) -> None:
        """Writes a checkpoint, whole or not at all."""
        from safetensors.torch import save_file

        held = {name: tensor.detach() for name, tensor in self.tensors.items()}
        for name, moment, value in self._moments():
            held[f"{moment}:{name}"] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file({n: t.contiguous() for n, t in held.items()}, part, {"notes": json.dumps(notes)})
        os.replace(part, path)

    def load(self, path: Path) -> dict[str, Any]:
        """Takes over a checkpoint; its notes. Raises ModelError when it is damaged."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                notes = json.loads(file.metadata()["notes"])
                with torch.no_grad():
                    for name, tensor in self.tensors.items():
                        tensor.copy_(file.get_tensor(name))
                    for name, tensor in self.tensors.items():
                        if f"step:{name}" in file.keys():  # noqa: SIM118
                            self.optimizer.state[tensor] = {
                                m: file.get_tensor(f"{m}:{name}").to(
                                    "cpu" if m == "step" else tensor.device
                                )
                                for m in _MOMENTS
                            }
            return notes
        except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise ModelError(f"{path} is damaged ({error}); delete it to start over.") from error

    def _moments(self) -> Iterator[tuple[str, str, Tensor]]:
        for name, tensor in self.tensors.items():
            state = self.optimizer.state.get(tensor, {})
            yield from ((name, moment, state[moment]) for moment in _MOMENTS if moment in state)


def _rms(weights: Tensor) -> float:
    return float(weights.detach().square().mean().sqrt())
