"""Prompt-to-prompt on a tiny random SDXL: what is taken from the source branch, and that nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from expressedit_mcp.engine.denoise import Layout
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods.alignment import align_prompts
from expressedit_mcp.engine.methods.attention import Place
from expressedit_mcp.engine.methods.method import Attention, Method, Source
from expressedit_mcp.engine.methods.prompt_attention import (
    map_edits,
    source_maps,
    source_queries,
    token_edits,
    weighed_maps,
)
from expressedit_mcp.errors import InputError

BOTH = Layout.of([True, True])
EDIT_ALONE_GUIDED = Layout.of([True, False])
CPU = torch.device("cpu")


def place(layout: Layout, *, is_cross: bool, step: int = 0) -> Place:
    return Place("down_blocks.0.attn", "down", is_cross, layout, step)


def tokens(rows: int, seed: int) -> Tensor:
    return torch.randn(rows, 2, 5, 3, generator=torch.Generator().manual_seed(seed))


def maps(rows: int, columns: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.softmax(torch.randn(rows, 2, 9, columns, generator=generator), -1)


def always(step: int) -> bool:
    return True


def source_of(alignment_of: tuple[list[int], list[int]], mode: Any = "refine") -> Any:
    aligned = align_prompts(*alignment_of, room=4, chunks=1, mode=mode)
    return source_maps(aligned, always, CPU, torch.float32)


def test_equal_prompts_take_the_sources_maps_bit_for_bit() -> None:
    before = maps(4, 6)
    for mode in ("refine", "replace"):
        after = source_of(([1, 2], [1, 2]), mode)(place(BOTH, is_cross=True), before)
        assert torch.equal(after[1], before[3])
        assert torch.equal(after[[0, 2, 3]], before[[0, 2, 3]])


def test_new_words_keep_the_edits_own_attention() -> None:
    before = maps(4, 6)
    after = source_of(([1, 2], [1, 9]))(place(BOTH, is_cross=True), before)
    assert torch.equal(after[1, ..., 2], before[1, ..., 2])
    others = [0, 1, 3, 4, 5]
    assert torch.equal(after[1][..., others], before[3][..., others])


def test_a_replaced_word_passes_its_attention_on() -> None:
    before = maps(4, 6)
    after = source_of(([1, 2], [1, 8, 9]), "replace")(place(BOTH, is_cross=True), before)
    assert torch.equal(after[1, ..., 2], before[3, ..., 2] / 2)
    assert torch.equal(after[1, ..., 3], before[3, ..., 2] / 2)


def test_weights_multiply_the_edits_conditional_columns_alone() -> None:
    before = maps(4, 6)
    factors = torch.tensor([1.0, 1, 3, 1, 1, 0])
    after = weighed_maps(factors)(place(BOTH, is_cross=True), before)
    assert torch.equal(after[1], before[1] * factors)
    assert torch.equal(after[[0, 2, 3]], before[[0, 2, 3]])
    same = weighed_maps(torch.ones(6))(place(BOTH, is_cross=True), before)
    assert torch.equal(same, before)


@pytest.mark.parametrize(
    ("layout", "taken"),
    [(BOTH, [2, 3, 2, 3]), (EDIT_ALONE_GUIDED, [2, 2, 2]), (Layout.of([False, False]), [1, 1])],
)
def test_self_attention_looks_where_the_sources_does(layout: Layout, taken: list[int]) -> None:
    q, k, v = (tokens(len(taken), seed) for seed in range(3))
    edit = source_queries(always)
    q2, k2, v2 = edit(place(layout, is_cross=False), q, k, v)
    assert torch.equal(q2, q[taken]) and torch.equal(k2, k[taken]) and torch.equal(v2, v)
    assert edit(place(layout, is_cross=True), q, k, v) == (q, k, v)


def test_each_is_on_for_its_share_of_the_steps() -> None:
    wanted = Method(source=Source(), attention=Attention(self_until=0.5))
    (edit,) = token_edits(wanted, 15)
    q, k, v = (tokens(4, seed) for seed in range(3))
    on = [
        not torch.equal(edit(place(BOTH, is_cross=False, step=i), q, k, v)[0], q) for i in range(15)
    ]
    assert on == [True] * 8 + [False] * 7


def test_nothing_is_edited_by_default(editor: Editor) -> None:
    plain = Method(source=Source())
    assert token_edits(plain, 15) == ()
    assert map_edits(plain, (("smile", 1.0),), editor.models, 77, 15) == ()


def test_maps_are_edited_for_the_prompts_of_a_request(editor: Editor) -> None:
    prompt = (("closed eyes", 1.0), ("smile", 1.2))
    wanted = Method(
        source=Source(prompt=(("closed eyes, girl", 1.0),)),
        attention=Attention(cross_until=1.0, weights=(("smile", 2.0), ("eyes", 0.5))),
    )
    held, weighed = map_edits(wanted, prompt, editor.models, 77, 15)
    before = maps(4, 77)
    after = held(place(BOTH, is_cross=True), before)
    changed = (after[1] != before[3]).any(dim=0).any(dim=0).nonzero()[:, 0].tolist()
    assert changed and set(changed) <= set(range(3, 77))
    assert torch.equal(after[1, ..., :3], before[3, ..., :3])
    factors = weighed(place(BOTH, is_cross=True), torch.ones(4, 1, 1, 77))[1, 0, 0]
    assert factors[1:4].tolist() == [1, 0.5, 2] and factors.sum() == 77 + 0.5


def test_weights_of_unknown_words_are_refused(editor: Editor) -> None:
    wanted = Method(attention=Attention(weights=(("open mouth", 2.0),)))
    with pytest.raises(InputError, match="'open mouth' is not in the prompt"):
        map_edits(wanted, (("smile", 1.0),), editor.models, 77, 15)


@pytest.mark.parametrize(
    "attention", [{"self_until": 0.1}, {"cross_until": 0.1}, {"mode": "blend"}, {"self_until": 2}]
)
def test_bad_plans_are_refused(attention: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Method.model_validate({"attention": attention})
