"""The filling of the guidance slot: gradients of energies between decoder features, region by region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from expressedit_mcp.engine.methods import energies, method
from expressedit_mcp.engine.methods.energies import Placement
from expressedit_mcp.engine.methods.features import Features, FeatureTap
from expressedit_mcp.engine.sampling import Guidance
from expressedit_mcp.engine.schedule import Step
from expressedit_mcp.imaging import Size

Energy = Callable[[Features, Sequence[Features]], tuple[Tensor, Tensor | None]]
"""(features of the edit, those of each known picture) -> the edit's energy, and the content's or None."""

_FIXED_PER_ENERGY = {"move": 0.08}
_FIXED = 0.04
_LOSS_SCALE = 1000.0  # keeps gradients of half precision above its smallest numbers


@dataclass(frozen=True)
class Scene:
    """Where things are in an edit: the crop's size, and masks (1, 1, h, w) 0..1 in latent cells.

    `mask` is the selection, `part` what moves, `of_reference` what counts of the reference.
    """

    crop: Size
    mask: Tensor
    part: Tensor | None = None
    of_reference: Tensor | None = None


def make_energy(plan: method.Guidance, scene: Scene) -> tuple[Energy, Tensor]:
    """The energy of a plan, and the region (1, 1, h, w) of its edit term.

    The known pictures are the source and, for `appearance` and `paste`, the reference.
    """
    if plan.task in ("drag", "landmark"):
        return _point_energy(plan, scene), scene.mask
    placement = placement_of(plan, scene.crop)
    if plan.task == "move":
        assert scene.part is not None
        target = placement.of(scene.part)
        return _move_energy(plan, scene, scene.part, target, placement), target

    def energy(edit: Features, known: Sequence[Features]) -> tuple[Tensor, Tensor | None]:
        source, reference = known
        if plan.task == "paste":
            value = energies.placed_energy(
                edit, reference, placement, scene.mask, weight=plan.weight_edit
            )
        else:
            assert scene.of_reference is not None
            value = energies.appearance_energy(
                edit, reference, scene.mask, scene.of_reference, weight=plan.weight_edit
            )
        return value, _content(plan, scene, edit, source)

    return energy, scene.mask


def energy_guidance(
    plan: method.Guidance, tap: FeatureTap, energy: Energy, region: Tensor, steps: int
) -> Guidance:
    """m grad(edit energy) + (1 - m) grad(content energy), scaled (DiffEditor, C. Mou et al., 2024, Eq. 8), in the
    steps of the plan, of `steps` in all; m is the region (1, 1, h, w).

    `relative` gives the edit's part the norm of `strength` times the noise's in the region; `fixed` is the released
    demo's factor. Without a region's m both gradients act everywhere.
    """
    inside = region if plan.regional else torch.ones_like(region)
    outside = 1 - region if plan.regional else inside

    def gradient(z: Tensor, eps: Tensor, step: Step, index: int) -> Tensor | None:
        if not any(interval.on(index, steps) for interval in plan.steps):
            return None
        with tap.installed(), torch.no_grad():
            known = [tap.read(z[row : row + 1], step.t) for row in range(1, len(z))]
            with torch.enable_grad():
                edit = z[:1].detach().requires_grad_()
                wanted, content = energy(tap.read(edit, step.t), known)
                parts = [(wanted, inside)] + ([] if content is None else [(content, outside)])
                pulls = [
                    torch.autograd.grad(
                        value * _LOSS_SCALE, edit, retain_graph=number + 1 < len(parts)
                    )[0]
                    * mask
                    for number, (value, mask) in enumerate(parts)
                ]
        return _scale(plan, eps * inside, pulls[0]) * sum(pulls[1:], pulls[0])

    return gradient


def _scale(plan: method.Guidance, noise: Tensor, pull: Tensor) -> Tensor | float:
    if plan.mode == "fixed":
        return plan.strength * _FIXED_PER_ENERGY.get(plan.task, _FIXED)
    length = pull.float().norm()
    # at a perfect match there is no way to go
    scale = plan.strength * noise.float().norm() / length.clamp(min=1e-20)
    return torch.where(length > 1e-12, scale, torch.zeros_like(scale)).to(noise.dtype)


def _point_energy(plan: method.Guidance, scene: Scene) -> Energy:
    device = scene.mask.device
    starts, ends = (
        torch.tensor(
            [
                (pair[which][0] / scene.crop.width, pair[which][1] / scene.crop.height)
                for pair in plan.points
            ],
            device=device,
        )
        for which in (0, 1)
    )
    offsets = energies.patch_offsets(*patch_cells(plan.patch, scene.mask)).to(device)
    inpaint = plan.weight_inpaint if plan.task == "drag" else 0.0

    def energy(edit: Features, known: Sequence[Features]) -> tuple[Tensor, Tensor | None]:
        value = energies.drag_energy(
            edit, known[0], starts, ends, offsets, weight=plan.weight_edit, inpaint=inpaint
        )
        content = None if plan.task == "landmark" else _content(plan, scene, edit, known[0])
        return value, content

    return energy


def _move_energy(
    plan: method.Guidance, scene: Scene, part: Tensor, target: Tensor, placement: Placement
) -> Energy:
    vacated = (part - target).clamp(min=0)
    around = (1 - torch.maximum(part, target)) * scene.mask
    if not around.any():
        around = 1 - torch.maximum(part, target)

    def energy(edit: Features, known: Sequence[Features]) -> tuple[Tensor, Tensor | None]:
        source = known[0]
        value = energies.placed_energy(edit, source, placement, target, weight=plan.weight_edit)
        left = energies.vacated_energy(
            edit, source, vacated, around,
            contrast=plan.weight_contrast, inpaint=plan.weight_inpaint,
        )  # fmt: skip
        content = _content(plan, scene, edit, source)
        return value, left if content is None else left + content

    return energy


def _content(
    plan: method.Guidance, scene: Scene, edit: Features, source: Features
) -> Tensor | None:
    if plan.content == "blend":
        return None
    return energies.content_energy(edit, source, 1 - scene.mask, weight=plan.weight_content)


def placement_of(plan: method.Guidance, crop: Size) -> Placement:
    """Where the plan's part or reference goes in a crop."""
    (x, y), (dx, dy) = plan.origin, plan.shift
    return Placement(
        (x / crop.width, y / crop.height),
        ((x + dx) / crop.width, (y + dy) / crop.height),
        plan.scale,
    )


def patch_cells(share: float, mask: Tensor) -> tuple[int, tuple[float, float]]:
    """How many cells a patch has on a side, odd and at least 3, and a cell's (width, height) as shares.

    A cell is half a latent cell, 4 pixels of SDXL's, as in DragonDiffusion; the patch's side is `share` of the
    mask's longer side.
    """
    rows, columns = mask.shape[-2:]
    longest = 2 * int(max(mask.amax((0, 1, 2)).gt(0).sum(), mask.amax((0, 1, 3)).gt(0).sum()))
    cells = max(3, 2 * round((share * longest - 1) / 2) + 1)
    return cells, (0.5 / columns, 0.5 / rows)
