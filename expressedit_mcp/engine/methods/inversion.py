"""A start from the noise that DDIM inversion finds in the source, edited there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from expressedit_mcp.engine.methods import method
from expressedit_mcp.engine.methods.guidance import Scene, placement_of
from expressedit_mcp.engine.sampling import DrawNoise, Solver
from expressedit_mcp.engine.schedule import Step

_PATCH_CELLS = 3


def following(path: Sequence[Tensor], solver: Solver) -> Solver:
    """A solver whose known rows walk the path (B - 1, C, h, w) of their inversion, noisiest first."""

    def solve(z: Tensor, x0: Tensor, step: Step, index: int, draw: DrawNoise) -> Tensor:
        return torch.cat([solver(z, x0, step, index, draw)[:1], path[index + 1]])

    return solve


def edited_noise(plan: method.Guidance | None, scene: Scene, known: Tensor) -> Tensor:
    """The edit's first latents (1, C, h, w): the source's noise, with what shall move moved (DragonDiffusion's
    released code). `known` (B - 1, C, h, w) are the inverted latents of the source and, for `paste`, the reference.

    A drag copies the patch of each point, in the order of the points; a part is resampled without interpolation,
    which would make the noise weaker.
    """
    z = known[:1].clone()
    if plan is None or plan.task == "appearance":
        return z
    if plan.task in ("drag", "landmark"):
        return _with_patches(z, plan, scene)
    placement = placement_of(plan, scene.crop)
    moved = placement.of(known[1:2] if plan.task == "paste" else z, "border", "nearest")
    target = placement.of(scene.part) if scene.part is not None else scene.mask
    return torch.where(target > 0.5, moved, z)


def _with_patches(z: Tensor, plan: method.Guidance, scene: Scene) -> Tensor:
    rows, columns = z.shape[-2:]
    edited, reach = z.clone(), _PATCH_CELLS // 2
    scale = torch.tensor([columns / scene.crop.width, rows / scene.crop.height])
    last = torch.tensor([columns - 1, rows - 1])
    for start, end in plan.points:
        before, after = (torch.tensor(point) * scale for point in (start, end))
        for y in range(-reach, reach + 1):
            for x in range(-reach, reach + 1):
                offset = torch.tensor([x, y])
                there = (before.floor().long() + offset).clamp(min=0).minimum(last)
                here = (after.floor().long() + offset).clamp(min=0).minimum(last)
                edited[..., here[1], here[0]] = z[..., there[1], there[0]]
    return edited
