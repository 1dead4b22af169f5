"""The gate before guidance: does a landmark's feature find the same landmark in another expression?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.methods.faces import SIZE_PX, Pair
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods.features import FeatureTap, sampled
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.pixels import encode
from expressedit_mcp.engine.sampling import add_noise
from expressedit_mcp.engine.schedule import alpha_bar_at
from expressedit_mcp.imaging import Size, resize
from expressedit_mcp.imaging.crop import extract

BLOCKS = ((0,), (1,), (2,), (0, 1))
TIMES = (50, 150, 250, 400, 550, 700, 850)
_NEAR = 0.05  # of the crop's side
_MOVED_PX = 5.0
_CELLS = 64


def correspondence_table(models: ModelSet, count: int) -> str:
    """PCK: the share of landmarks that moved more than 5 px whose nearest feature lies within 5 % of the target."""
    hits: dict[tuple[tuple[int, ...], int], list[bool]] = {}
    stay: list[bool] = []
    for number in range(count):
        pair = Pair.of(number)
        before, target = (p * SIZE_PX / pair.box.width for p in pair.points(tuple(range(68))))
        moved = np.hypot(*(before - target).T) > _MOVED_PX
        stay += (np.hypot(*(before - target).T)[moved] < _NEAR * SIZE_PX).tolist()
        for t in TIMES:
            features = _features(models, pair, t)
            for blocks in BLOCKS:
                found = _nearest([features[b] for b in blocks], before)
                away = np.hypot(*(found - target).T)[moved]
                hits.setdefault((blocks, t), []).extend((away < _NEAR * SIZE_PX).tolist())
    lines = [
        f"| PCK at 5 %, {len(stay)} landmarks that moved | "
        + " | ".join(f"t {t}" for t in TIMES)
        + " |",
        "| --- |" + " --- |" * len(TIMES),
    ]
    for blocks in BLOCKS:
        name = " and ".join(f"`up_blocks[{b}]`" for b in blocks)
        lines.append(
            f"| {name} | " + " | ".join(f"{np.mean(hits[blocks, t]):.2f}" for t in TIMES) + " |"
        )
    lines.append(f"| staying where it was | {np.mean(stay):.2f} |" + " |" * (len(TIMES) - 1))
    return "\n".join(lines)


@torch.no_grad()
def _features(models: ModelSet, pair: Pair, t: int) -> list[tuple[Tensor, Tensor]]:
    """Per block the features of both drawings under the same noise."""
    editor, size = Editor(models), Size(SIZE_PX, SIZE_PX)
    condition = editor._encode_prompts(pair.words, (), size, 1)
    crops = (extract(d.pixels, pair.box) for d in (pair.before, pair.target))
    x0 = torch.cat(
        [encode(models, np.clip(resize(c.astype(np.float32) / 255, size), 0, 1)) for c in crops]
    )
    noise = torch.randn(x0[:1].shape, generator=torch.Generator().manual_seed(0))
    alpha_bar = float(alpha_bar_at(np.array([float(t)]), models.alphas)[0])
    tap = FeatureTap(models.unet, (0, 1, 2), condition, models.unet.attn_processors)
    with tap.installed():
        return [(f[:1], f[1:]) for f in tap.read(add_noise(x0, noise, alpha_bar), t)]


def _nearest(features: list[tuple[Tensor, Tensor]], points: np.ndarray) -> np.ndarray:
    """Where in the second drawing (N, 2) the features of the first at the points are most alike, in pixels."""
    steps = (torch.arange(_CELLS) + 0.5) / _CELLS
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    cells = torch.stack([x.flatten(), y.flatten()], 1)
    at = torch.tensor(points / SIZE_PX, dtype=torch.float32)
    alike = sum(
        functional.normalize(sampled(first, at)[0], dim=0).T
        @ functional.normalize(sampled(second, cells)[0], dim=0)
        for first, second in features
    )
    assert isinstance(alike, Tensor)
    return cells[alike.argmax(1)].numpy() * SIZE_PX
