"""Energies between decoder features, low where they agree (DragonDiffusion, C. Mou et al., 2024; DiffEditor,
C. Mou et al., 2024). All similarities are (cos + 1) / 2, so an energy w / (1 + 4 S) lies in [w / 5, w] and is flat
at a perfect match.

Points are shares 0..1 of a picture's sides, (N, 2); masks are (1, 1, h, w), 0..1, at any resolution. The mean over
an empty mask is 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from expressedit_mcp.engine.methods.features import Features, sampled, similarity


@dataclass(frozen=True)
class Placement:
    """Shows at x what is at origin + (x - target) / scale; points as shares (x, y) of the sides."""

    origin: tuple[float, float]
    target: tuple[float, float]
    scale: float = 1.0

    def of(self, field: Tensor, padding: str = "zeros", mode: str = "bilinear") -> Tensor:
        """A field (1, C, h, w) placed; what comes from beyond its border is 0, or with `border` repeated."""
        shift = [
            2 * o - 1 - (2 * t - 1) / self.scale
            for o, t in zip(self.origin, self.target, strict=True)
        ]
        theta = field.new_tensor([[[1 / self.scale, 0, shift[0]], [0, 1 / self.scale, shift[1]]]])
        grid = functional.affine_grid(theta, list(field.shape), align_corners=False)
        return functional.grid_sample(field, grid, mode, padding, align_corners=False)


def patch_offsets(cells: int, cell: tuple[float, float]) -> Tensor:
    """Offsets (cells^2, 2) of the middles of a square of cells from its own middle; `cell` is (width, height)."""
    steps = torch.arange(cells) - (cells - 1) / 2
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([x.flatten() * cell[0], y.flatten() * cell[1]], 1)


def drag_energy(
    edit: Features,
    source: Features,
    starts: Tensor,
    ends: Tensor,
    offsets: Tensor,
    *,
    weight: float,
    inpaint: float = 0.0,
) -> Tensor:
    """Each patch about an end looks like the source's about its start; with `inpaint` what a patch leaves behind
    looks like it no more.

    `offsets` (P, 2) are those of a patch's cells.
    """
    reach = offsets.abs().amax(0)
    there = (starts[:, None] + offsets).flatten(0, 1)
    here = (ends[:, None] + offsets).flatten(0, 1)
    from_end = (there.unflatten(0, (len(starts), -1)) - ends[:, None]).abs()
    left = (from_end > reach + 1e-6).any(2).to(starts)
    total = starts.new_zeros(())
    for now, before in zip(edit, source, strict=True):
        arrived = similarity(sampled(now, here), sampled(before, there))[0]
        each = arrived.unflatten(0, (len(starts), -1)).mean(1)
        total = total + _energy(weight, each).mean()
        if inpaint:
            stayed = similarity(sampled(now, there), sampled(before, there))[0]
            stayed = stayed.unflatten(0, (len(starts), -1))
            total = total + inpaint * _mean(stayed, left, 1).mean()
    return total / len(edit)


def content_energy(edit: Features, source: Features, keep: Tensor, *, weight: float) -> Tensor:
    """What lies under `keep` looks like the source."""
    return _averaged(
        _energy(weight, _mean_under(similarity(now, before), keep))
        for now, before in zip(edit, source, strict=True)
    )


def placed_energy(
    edit: Features, other: Features, placement: Placement, target: Tensor, *, weight: float
) -> Tensor:
    """What lies under `target` looks, point by point, like what the placement brings there of another picture."""
    return _averaged(
        _energy(weight, _mean_under(similarity(now, placement.of(known, "border")), target))
        for now, known in zip(edit, other, strict=True)
    )


def vacated_energy(
    edit: Features,
    source: Features,
    vacated: Tensor,
    around: Tensor,
    *,
    contrast: float,
    inpaint: float,
) -> Tensor:
    """What a moved part leaves behind looks unlike what was there, and on the whole like the source `around` it."""
    terms = []
    for now, before in zip(edit, source, strict=True):
        same = _mean_under(similarity(now, before), vacated)
        like = similarity(_mean_feature(now, vacated), _mean_feature(before, around))[0]
        terms.append(contrast * same + _energy(inpaint, like))
    return _averaged(terms)


def appearance_energy(
    edit: Features, reference: Features, target: Tensor, of_reference: Tensor, *, weight: float
) -> Tensor:
    """What lies under `target` looks on the whole like what lies under `of_reference` in the reference."""
    return _averaged(
        _energy(
            weight, similarity(_mean_feature(now, target), _mean_feature(known, of_reference))[0]
        )
        for now, known in zip(edit, reference, strict=True)
    )


def resized(mask: Tensor, like: Tensor) -> Tensor:
    """A mask (1, 1, h, w) at the resolution of a map, by the mean over its cells."""
    return functional.adaptive_avg_pool2d(mask.float(), (like.shape[-2], like.shape[-1]))


def _energy(weight: float, similar: Tensor) -> Tensor:
    return weight / (1 + 4 * similar)


def _mean(values: Tensor, weights: Tensor, dim: int) -> Tensor:
    return (values * weights).sum(dim) / weights.sum(dim).clamp(min=1e-6)


def _mean_under(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of values (1, h, w) under a mask."""
    return _mean(values.flatten(), resized(mask, values).flatten().to(values), 0)


def _mean_feature(features: Tensor, mask: Tensor) -> Tensor:
    """The mean feature (1, C) of a map under a mask."""
    return _mean(features.flatten(2), resized(mask, features).flatten(2).to(features), 2)


def _averaged(terms: Iterable[Tensor]) -> Tensor:
    found = list(terms)
    return sum(found[1:], found[0]) / len(found)
