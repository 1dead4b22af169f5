"""ControlNet gating and weights, guidance, the compositor."""

from __future__ import annotations

import pytest
import torch

from expressedit_mcp.engine.denoise import (
    Branch,
    Layout,
    control_weights,
    controlled_calls,
    make_denoiser,
)
from expressedit_mcp.engine.sampling import soft_inpaint
from expressedit_mcp.engine.schedule import Step

STEP = Step(t=500.0, alpha_bar=0.5, alpha_bar_next=0.7)


@pytest.mark.parametrize(
    ("end", "of_22"),
    [
        (0.0, 0),
        (0.2, 6),
        (0.3, 8),
        (0.4, 10),
        (0.5, 13),
        (0.6, 15),
        (0.7, 17),
        (0.8, 19),
        (1.0, 22),
    ],
)
def test_control_end_gates_as_a1111_does_and_zero_is_off(end: float, of_22: int) -> None:
    assert controlled_calls(22, end) == of_22


def test_soft_weights_are_those_of_my_prompt_is_more_important() -> None:
    weights = control_weights(9, 1.0, "soft")
    golden = [0.0994, 0.1205, 0.1461, 0.1770, 0.2146, 0.2601, 0.3153, 0.3822, 0.4633, 0.5615]
    assert weights == pytest.approx(golden, abs=1e-4)


def test_balanced_weights_are_all_the_scale() -> None:
    assert control_weights(3, 0.8, "balanced") == [0.8] * 4


class _Unet:
    """Answers with its row number's value and counts rows per call."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, z, t, return_dict, encoder_hidden_states, added_cond_kwargs, **extra):
        self.rows.append(z.shape[0])
        return (encoder_hidden_states[:, :1, :1, None].expand(z.shape[0], 4, 2, 2),)


def _condition():
    from expressedit_mcp.engine.denoise import Condition

    context = torch.tensor([[[1.0]], [[3.0]]])
    return Condition(context, torch.zeros(2, 1), torch.zeros(2, 6))


def test_guidance_extrapolates_from_unconditional_to_conditional() -> None:
    denoise = make_denoiser(_Unet(), [Branch(_condition(), 4.0)], None, guided_calls=5)
    assert torch.all(denoise(torch.zeros(1, 4, 2, 2), STEP, 0) == 1.0 + 4.0 * 2.0)


def test_after_the_cut_off_and_at_scale_one_only_the_conditional_row_runs() -> None:
    unet = _Unet()
    denoise = make_denoiser(unet, [Branch(_condition(), 4.0)], None, guided_calls=1)
    outputs = [denoise(torch.zeros(1, 4, 2, 2), STEP, index) for index in range(2)]
    assert unet.rows == [2, 1]
    assert torch.all(outputs[1] == 3.0)
    denoise = make_denoiser(unet, [Branch(_condition(), 1.0)], None, guided_calls=9)
    assert torch.all(denoise(torch.zeros(1, 4, 2, 2), STEP, 0) == 3.0)
    assert unet.rows[-1] == 1


def test_branches_run_in_one_batch_each_with_its_own_guidance() -> None:
    unet, layouts = _Unet(), []
    branches = [Branch(_condition(), 4.0), Branch(_condition(), 1.0)]
    denoise = make_denoiser(unet, branches, None, 1, lambda layout, i: layouts.append((layout, i)))
    edit, source = denoise(torch.zeros(2, 4, 2, 2), STEP, 0)
    assert torch.all(edit == 9.0) and torch.all(source == 3.0)
    denoise(torch.zeros(2, 4, 2, 2), STEP, 1)
    assert unet.rows == [3, 2]
    assert layouts == [(Layout((1, 2), (0, None)), 0), (Layout((0, 1), (None, None)), 1)]


def test_compositor_keeps_the_source_outside_and_frees_the_inside() -> None:
    generator = torch.Generator().manual_seed(0)
    source, new = (torch.randn(1, 4, 3, 3, generator=generator) for _ in range(2))
    mask = torch.zeros(1, 1, 3, 3)
    mask[..., 1, 1] = 1.0
    mask[..., 2, 2] = 0.5
    mixed = soft_inpaint(source, mask)(new, STEP, 0)
    assert torch.equal(mixed[..., 0, :], source[..., 0, :])
    assert torch.equal(mixed[..., 1, 1], new[..., 1, 1])
    low, high = sorted((source[..., 2, 2].norm(), new[..., 2, 2].norm()))
    assert low - 1e-3 <= mixed[..., 2, 2].norm() <= high + 1e-3


def test_the_share_of_the_new_in_a_soft_cell_grows_as_the_noise_falls() -> None:
    source, new = torch.zeros(1, 4, 1, 1) + 1, torch.zeros(1, 4, 1, 1) + 2
    composite = soft_inpaint(source, torch.full((1, 1, 1, 1), 0.5))
    noisy = composite(new, Step(900.0, 0.01, 0.02), 0)
    clean = composite(new, Step(10.0, 0.999, 1.0), 1)
    assert float(noisy.mean()) < float(clean.mean())
