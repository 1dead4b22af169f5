"""The text encoders' first stage: which tags a prompt holds, told back from its encoding.

Trained from scratch by the denoiser alone they confuse the finer mouths and emotions for long;
a minute of this teaches them to tell all tags apart first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .loop import Losses, Trainer
from .networks import encode_text
from .team import Team
from .vocabulary import BOS, token_ids, vocabulary

_MARKS = BOS + 2
_MOST_TAGS = 16
_PRESENT_WEIGHT = 8.0  # few tags of many are in a prompt
_TOKEN_WEIGHT = 0.3
_SCALE_WEIGHT = 0.05


def train_text(
    team: Team, encoders: tuple[Any, Any], folder: Path, *, steps: int, batch: int, seed: int
) -> tuple[Any, Any]:
    """The encoders, able to tell every set of tags: from the pooled vector the set, from each
    position its tag."""
    first, second = encoders
    size = len(vocabulary())
    torch.manual_seed(seed)
    width = first.config.hidden_size + second.config.hidden_size
    heads = nn.ModuleDict(
        {"set": nn.Linear(second.config.projection_dim, size), "token": nn.Linear(width, size)}
    )
    trainer = Trainer(
        {"text_encoder": first, "text_encoder_2": second, "heads": heads},
        team,
        folder,
        steps=steps,
        muon_lr=0.0,
        adam_lr=2e-3,
        matrices=lambda name, param: False,
        averaging=0.99,
    )
    trainer.resume()

    def losses_at(step: int) -> Losses:
        rng = np.random.default_rng([seed, team.rank, step])
        ids, present = (x.to(team.device) for x in random_prompts(rng, batch))
        return text_losses((first, second), heads, ids, present)

    trainer.run(losses_at)
    trainer.use_averages()
    return first, second


def text_losses(
    encoders: tuple[Any, Any], heads: nn.ModuleDict, ids: Tensor, present: Tensor
) -> Losses:
    """Losses of the set of tags and of each position's tag; a mild pull to unit mean square."""
    context, pooled = encode_text(encoders, ids)
    logits = heads["set"](pooled)
    weight = torch.tensor(_PRESENT_WEIGHT, device=ids.device)
    whole = functional.binary_cross_entropy_with_logits(logits, present, pos_weight=weight)
    each = functional.cross_entropy(heads["token"](context).flatten(0, 1), ids.flatten())
    scale = sum((x.square().mean() - 1).square() for x in (context, pooled))
    exact = ((logits > 0) == present.bool()).all(dim=1).float().mean()
    return {"loss": whole + _TOKEN_WEIGHT * each + _SCALE_WEIGHT * scale, "exact": exact.detach()}


def random_prompts(rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Ids (count, tokens) of random sets of tags and the sets (count, vocabulary) as 0 or 1."""
    tokens = vocabulary()
    index = {token: number for number, token in enumerate(tokens)}
    rows, present = [], torch.zeros(count, len(tokens))
    for row in range(count):
        chosen = rng.choice(tokens[_MARKS:], int(rng.integers(0, _MOST_TAGS + 1)), replace=False)
        rows.append(token_ids(chosen, index))
        present[row, [index[tag] for tag in chosen]] = 1
    return torch.tensor(rows), present
