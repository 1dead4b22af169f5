"""Learned tokens in an edit's attention: what they reach, and what they must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from expressedit_mcp.engine import EditRequest, wire
from expressedit_mcp.engine.denoise import Layout
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.learning.file import LearnedCard, as_learned, encode_file
from expressedit_mcp.engine.learning.request import LearnSettings
from expressedit_mcp.engine.learning.weights import TokenWeights
from expressedit_mcp.engine.methods.attention import AttentionControl, attention_maps, installed
from expressedit_mcp.engine.methods.method import Learned, Method
from expressedit_mcp.engine.methods.tokens import (
    Token,
    column_mask,
    columns,
    encode_prompt,
    load_token,
    lora_edit,
    queries_inside,
    spliced,
    token_control,
    token_states,
)
from expressedit_mcp.errors import ModelError
from expressedit_mcp.imaging import Size

SETTINGS = LearnSettings(rank=2)
PROMPT = (("smile", 1.0), ("open mouth", 1.0))
LAYOUT = Layout((1,), (0,))


def token(editor: Editor, seed: int | None = 1, settings: LearnSettings = SETTINGS) -> Token:
    """A token as learning starts; with a seed, moved away from there."""
    weights = TokenWeights.start(editor.models.encoders, editor.models.unet, "girl", settings, 0)
    generator = torch.Generator().manual_seed(seed or 0)
    with torch.no_grad():
        for tensor in weights.tensors.values() if seed is not None else ():
            tensor += 0.3 * torch.randn(tensor.shape, generator=generator)
    made = weights.token("girl", settings)
    vectors = made.vectors[0].detach(), made.vectors[1].detach()
    lora = {name: (down.detach(), up.detach()) for name, (down, up) in made.lora.items()}
    return replace(made, vectors=vectors, lora=lora)


def encoded(editor: Editor, *tokens: Token):
    with torch.no_grad():
        return encode_prompt(
            editor.models.encoders, PROMPT, tokens, chunks=1, device=torch.device("cpu")
        )


def unet(editor: Editor, context: Tensor, control: AttentionControl) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    z = torch.randn(2, 4, 8, 6, generator=generator)
    added = {"text_embeds": torch.ones(2, 32), "time_ids": torch.ones(2, 6)}
    rows = torch.cat([torch.zeros_like(context), context])
    control.on_call(LAYOUT, 0)
    with torch.no_grad(), installed(editor.models.unet, control):
        return editor.models.unet(
            z,
            torch.tensor(500.0),
            encoder_hidden_states=rows,
            added_cond_kwargs=added,
            return_dict=False,
        )[0]


def file_of(editor: Editor, seed: int, settings: LearnSettings = SETTINGS, base: str = "") -> bytes:
    made = token(editor, seed, settings)
    arrays = {"clip_l": made.vectors[0].half().numpy(), "clip_g": made.vectors[1].half().numpy()}
    for name, (down, up) in made.lora.items():
        arrays |= {f"{name}.down": down.half().numpy(), f"{name}.up": up.half().numpy()}
    card = LearnedCard(
        name=f"hero{seed}",
        kind="character",
        class_word="girl",
        base=base,
        base_name="tiny-random",
        pictures=(),
        seed=0,
        settings=settings,
        metrics={},
    )
    return encode_file(card, arrays)


def request(*learned: Learned, prompt=PROMPT) -> EditRequest:
    rng = np.random.default_rng(0)
    selection = np.zeros((64, 64), np.uint8)
    selection[16:48, 16:48] = 255
    return EditRequest(
        crop=rng.integers(0, 256, (64, 64, 3), dtype=np.uint8),
        selection=selection,
        model_size=Size(64, 64),
        prompt=prompt,
        negative_prompt=(),
        strength=0.8,
        steps=3,
        guidance_scale=3.0,
        control_scale=1.0,
        control_end=1.0,
        control_inside="keep",
        sampler="ddim",
        seed=4,
        method=Method(learned=learned),
    )


def edited(editor: Editor, wanted: EditRequest) -> np.ndarray:
    return editor.edit(wanted, lambda *step: None, lambda: False)[0]


def test_a_token_changes_its_own_rows_and_no_other(editor: Editor) -> None:
    plain, learned = encoded(editor, token(editor, None)), encoded(editor, token(editor))
    differ = (plain.context != learned.context).any(dim=-1)[0]
    assert differ.nonzero().flatten().tolist() == [1, 2]
    assert torch.equal(plain.pooled, learned.pooled)
    assert torch.equal(learned.plain, plain.plain)


def test_without_the_splice_it_reaches_every_later_row_and_the_pooled_text(editor: Editor) -> None:
    whole = SETTINGS.model_copy(update={"spliced": False})
    plain = encoded(editor, token(editor, None))
    learned = encoded(editor, token(editor, settings=whole))
    differ = (plain.context != learned.context).any(dim=-1)[0]
    assert not differ[0] and differ[1:].all()
    assert not torch.equal(plain.pooled, learned.pooled)
    # the token's own rows are the same either way: nothing stands before them
    rows = encoded(editor, token(editor)).context[:, 1:3]
    assert torch.allclose(learned.context[:, 1:3], rows, atol=1e-5)


def test_a_token_as_learning_starts_is_its_class_word(editor: Editor) -> None:
    start = token(editor, None)
    prompt = encoded(editor, start)
    assert torch.equal(prompt.context, prompt.plain)
    free = replace(start, masked=False)
    mask = torch.ones(1, 1, 8, 6)
    control = token_control([free], editor.models.encoders, mask)
    plain = unet(editor, prompt.context, AttentionControl(tokens=[lambda at, q, k, v: (q, k, v)]))
    assert torch.equal(unet(editor, prompt.context, control), plain)


def test_queries_outside_the_mask_know_nothing_of_a_token() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 2, n, 4, generator=generator) for n in (48, 7, 7))
    k.requires_grad_(True)
    v.requires_grad_(True)
    mask = torch.zeros(1, 1, 8, 6)
    mask[..., 2:4, 1:3] = 1
    bias = column_mask([slice(1, 3)], mask)(place(), 48, 7)
    assert bias is not None
    maps = attention_maps(q, k, bias)
    assert torch.allclose(maps.sum(dim=-1), torch.ones(2, 2, 48))
    outside = ~queries_inside(mask, 48)
    assert outside.sum() == 48 - 4 * 4
    (maps @ v)[1, :, outside].sum().backward()
    assert k.grad is not None and v.grad is not None
    assert not k.grad[1, :, 1:3].any() and not v.grad[1, :, 1:3].any()
    assert v.grad[1, :, 3:].any()
    # the unconditional row has other words in these columns
    assert torch.equal(maps[0], attention_maps(q, k)[0])


def place(name: str = "mid_block.attn2", is_cross: bool = True):
    from expressedit_mcp.engine.methods.attention import Place

    return Place(name, "mid", is_cross, LAYOUT, 0)


@pytest.mark.parametrize(
    ("cells", "queries", "inside"),
    [((8, 6), 48, 9), ((8, 6), 12, 9), ((7, 5), 12, 9), ((7, 5), 35, 9)],
)
def test_the_mask_grows_by_one_cell_at_any_size(
    cells: tuple[int, int], queries: int, inside: int
) -> None:
    mask = torch.zeros(1, 1, *cells)
    mask[..., 2, 2] = 1
    assert queries_inside(mask, queries).sum() == inside


def test_a_lora_moves_its_own_columns_of_conditional_rows(editor: Editor) -> None:
    made = token(editor)
    name = next(iter(made.lora)).removesuffix(".to_k").removesuffix(".to_v")
    generator = torch.Generator().manual_seed(0)
    wide = made.lora[f"{name}.to_k"][1].shape[0]
    k = torch.randn(2, 2, 9, wide // 2, generator=generator)
    rows = torch.randn(2, 48, generator=generator)
    edit = lora_edit(rows, made.lora, slice(3, 5), 0.5)
    q, moved, v = edit(place(name), k, k, k)
    assert torch.equal(q, k)
    down, up = made.lora[f"{name}.to_k"]
    wanted = (rows @ down.T @ up.T * 0.5).unflatten(1, (2, -1)).transpose(0, 1)
    assert torch.allclose((moved - k)[1, :, 3:5], wanted, atol=1e-6)
    moved[1, :, 3:5] = k[1, :, 3:5]
    assert torch.equal(moved, k) and not torch.equal(v, k)
    assert edit(place(name, is_cross=False), k, k, k) == (k, k, k)


def test_the_model_is_itself_again_afterwards(editor: Editor) -> None:
    context = encoded(editor, token(editor)).context
    before = unet(editor, context, AttentionControl())
    control = token_control([token(editor)], editor.models.encoders, torch.ones(1, 1, 8, 6))
    assert not torch.equal(unet(editor, context, control), before)
    assert torch.equal(unet(editor, context, AttentionControl()), before)


def test_tokens_stand_one_after_the_other_and_do_not_know_of_each_other(editor: Editor) -> None:
    first, second = token(editor, 1), replace(token(editor, 2), class_word="smile")
    assert columns([first, second]) == [slice(1, 3), slice(3, 5)]
    both = encoded(editor, first, second).context
    with torch.no_grad():
        states = token_states(editor.models.encoders, second.vectors)
    assert torch.equal(both[0, 3:5], torch.cat(states, dim=-1))
    assert torch.equal(both[0, 1:3], encoded(editor, first).context[0, 1:3])


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 1.5])
def test_a_weight_moves_the_rows_from_the_class_word(weight: float) -> None:
    context, rows = torch.zeros(1, 6, 3), torch.ones(2, 3)
    mixed = spliced(context, rows, slice(1, 3), weight)
    assert torch.allclose(mixed[:, 1:3], torch.full((1, 2, 3), weight))
    assert not mixed[:, [0, 3, 4, 5]].any()


def test_an_edit_without_tokens_is_the_plain_edit_before_and_after(editor: Editor) -> None:
    plain = edited(editor, request())
    learned = edited(editor, request(as_learned(file_of(editor, 1))))
    assert not np.array_equal(plain, learned)
    assert np.array_equal(plain, edited(editor, request()))
    assert np.array_equal(learned, edited(editor, request(as_learned(file_of(editor, 1)))))


def test_a_request_with_tokens_crosses_the_wire_whole(editor: Editor) -> None:
    sent = request(as_learned(file_of(editor, 1), 0.5), as_learned(file_of(editor, 2)))
    arrived, _, _ = wire.read_request(wire.frames([wire.request_frames(sent, False)]))
    assert arrived.method == sent.method


def test_weights_and_further_tokens_make_other_edits(editor: Editor) -> None:
    first, second = file_of(editor, 1), file_of(editor, 2)
    results = [
        edited(editor, request(*learned))
        for learned in (
            (as_learned(first),),
            (as_learned(first, 0.5),),
            (as_learned(second),),
            (as_learned(first), as_learned(second)),
        )
    ]
    for number, one in enumerate(results):
        assert not any(np.array_equal(one, other) for other in results[:number])


def test_a_token_of_weight_0_is_its_class_word(editor: Editor) -> None:
    # without the mask, which a class word in a prompt does not have
    free = SETTINGS.model_copy(update={"masked": False})
    silent = edited(editor, request(as_learned(file_of(editor, 1, free), 0.0)))
    worded = edited(editor, request(prompt=(("girl girl", 1.0), *PROMPT)))
    assert np.allclose(silent, worded, atol=1e-5)


def test_a_file_of_another_model_is_refused(editor: Editor) -> None:
    other = SETTINGS.model_copy(update={"vectors": 3})
    card_says = encode_file(
        LearnedCard(
            name="hero",
            kind="character",
            class_word="girl",
            base="",
            base_name="other",
            pictures=(),
            seed=0,
            settings=other,
            metrics={},
        ),
        {"clip_l": np.zeros((3, 7), np.float16)},
    )
    models = editor.models
    with pytest.raises(ModelError, match="learned on other"):
        load_token(as_learned(card_says), models.encoders, models.unet, torch.zeros(()))
    with pytest.raises(ModelError, match="no learned"):
        load_token(Learned(file="AAAA"), models.encoders, models.unet, torch.zeros(()))


def test_in_a_batch_every_edit_has_the_tokens_and_their_lora(editor: Editor) -> None:
    wanted = request(as_learned(file_of(editor, 1)), as_learned(file_of(editor, 2), 0.5))
    seeds = (4, 5, 6)
    drawn = editor.draw(wanted, seeds, lambda *step: None, lambda: False)
    for row, seed in enumerate(seeds):
        together = drawn.finished(row, lambda *step: None, lambda: False)
        assert np.abs(together - edited(editor, replace(wanted, seed=seed))).max() < 0.01 / 255
        plain = edited(editor, replace(request(), seed=seed))
        assert np.abs(together - plain).max() > 4 / 255
