"""The attention slot on a tiny random UNet: nothing changes until something is asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from expressedit_mcp.engine.denoise import Layout
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods.attention import AttentionControl, Place, installed

ROWS = 3


def call(unet: Any, control: AttentionControl | None = None, rows: slice = slice(None)) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(ROWS, 4, 8, 8, generator=generator)
    context = torch.randn(ROWS, 7, 48, generator=generator)
    added = {
        "text_embeds": torch.randn(ROWS, 32, generator=generator)[rows],
        "time_ids": torch.ones(ROWS, 6)[rows],
    }
    with torch.no_grad(), installed(unet, control or AttentionControl()):
        return unet(
            z[rows],
            torch.tensor(500.0),
            encoder_hidden_states=context[rows],
            added_cond_kwargs=added,
            return_dict=False,
        )[0]


@pytest.fixture
def unet(editor: Editor) -> Any:
    return editor.models.unet


def test_the_own_tokens_are_the_stock_attention_bit_for_bit(unet: Any) -> None:
    places: list[Place] = []

    def same(place: Place, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        places.append(place)
        return q, k, v

    control = AttentionControl(tokens=(same,))
    control.on_call(Layout((1, 2), (0, None)), 4)
    assert torch.equal(call(unet, control), call(unet))
    assert {place.part for place in places} == {"down", "mid", "up"}
    assert {place.is_cross for place in places} == {True, False}
    assert {(place.layout, place.step) for place in places} == {(Layout((1, 2), (0, None)), 4)}


def test_reading_maps_changes_no_bit_and_rows_sum_to_one(unet: Any) -> None:
    seen: list[Tensor] = []
    control = AttentionControl(readers=(lambda place, maps: seen.append(maps),))
    assert torch.equal(call(unet, control), call(unet))
    assert seen and all(maps.shape[-1] == 7 for maps in seen)
    for maps in seen:
        assert torch.allclose(maps.sum(-1), torch.ones(()), atol=1e-5)


def test_the_own_tokens_twice_change_nothing_but_rounding(unet: Any) -> None:
    def twice(place: Place, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return q, torch.cat([k, k], 2), torch.cat([v, v], 2)

    assert torch.allclose(call(unet, AttentionControl(tokens=(twice,))), call(unet), atol=1e-5)


def test_maps_left_as_they_are_change_nothing_but_rounding(unet: Any) -> None:
    control = AttentionControl(maps=(lambda place, maps: maps,))
    assert torch.allclose(call(unet, control), call(unet), atol=1e-5)


def test_a_key_behind_a_bias_of_minus_infinity_is_not_seen(unet: Any) -> None:
    seen: list[Tensor] = []

    def hide_first(place: Place, queries: int, keys: int) -> Tensor | None:
        bias = torch.zeros(queries, keys)
        bias[:, 0] = -torch.inf
        return bias if place.is_cross else None

    reader = AttentionControl(bias=(hide_first,), readers=(lambda place, maps: seen.append(maps),))
    assert not torch.equal(call(unet, reader), call(unet))
    assert all(maps[..., 0].max() == 0 for maps in seen)


def test_the_stock_processors_are_back_afterwards_also_after_an_error(unet: Any) -> None:
    before = unet.attn_processors

    def fail(place: Place, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        call(unet, AttentionControl(tokens=(fail,)))
    assert unet.attn_processors == before


def test_a_row_of_a_batch_is_what_it_is_alone(unet: Any) -> None:
    together = call(unet)
    for row in range(ROWS):
        alone = call(unet, rows=slice(row, row + 1))
        assert torch.allclose(together[row : row + 1], alone, atol=1e-5)
