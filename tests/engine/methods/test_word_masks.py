"""Masks from words on a tiny random SDXL: maps, positions of tokens, cancel, and what is distinct enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from expressedit_mcp.engine import LocateRequest
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods.words import LEVELS, _grid_of, mask_of, read_maps
from expressedit_mcp.engine.text import encode, token_positions
from expressedit_mcp.errors import Cancelled
from expressedit_mcp.imaging import Size


def wanted(*words: str, shape: tuple[int, int] = (70, 60), size: Size = Size(64, 64)):  # noqa: B008 - frozen
    crop = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    return LocateRequest(crop, size, words)


def quiet(*step: object) -> None:
    pass


def never() -> bool:
    return False


def maps_of(editor: Editor, prompt: str, positions: list[list[int]], size: Size) -> np.ndarray:
    crop = wanted(prompt, size=size).crop
    condition = editor._encode_prompts(((prompt, 1.0),), (), size, 1)
    source = editor._encode(crop, size)
    return read_maps(editor.models, source, condition, positions, quiet)


@pytest.mark.parametrize("size", [Size(64, 64), Size(96, 64)])
def test_all_tokens_together_have_all_attention(editor: Editor, size: Size) -> None:
    each = maps_of(editor, "closed eyes", [[token] for token in range(77)], size)
    assert each.shape == (77, size.height // 16, size.width // 16)
    assert np.abs(each.sum(axis=0) - 1).max() < 1e-5


def test_a_word_of_several_tokens_has_the_sum_of_their_attention(editor: Editor) -> None:
    each = maps_of(editor, "closed eyes", [[1], [2], [1, 2]], Size(64, 64))
    assert np.abs(each[0] + each[1] - each[2]).max() < 1e-6


def test_tokens_are_where_the_context_has_them(editor: Editor) -> None:
    """The same word in the second chunk, at the place that the positions say, changes only there."""
    first = editor.models.encoders[0].tokenizer
    filler = tuple(("smile", 1.0) for _ in range(first.room + 3))
    positions = token_positions((*filler, ("closed eyes", 1.0)), first)[-1]
    assert positions == [77 + 4, 77 + 5]
    contexts = [
        encode(editor.models.encoders, (*filler, (word, 1.0)), chunks=2, device="cpu")[0][0]
        for word in ("closed eyes", "open eyes")
    ]
    differs = np.flatnonzero((contexts[0] != contexts[1]).any(dim=1).numpy())
    assert differs[0] == positions[0]


def test_the_same_request_gives_the_same_mask_of_the_crops_size(editor: Editor) -> None:
    request = wanted("smile")
    located = editor._locate(request, quiet, never)
    assert located.mask.shape == (70, 60)
    assert set(np.unique(located.mask)) <= {0, 255}
    assert np.array_equal(located.mask, editor._locate(request, quiet, never).mask)
    assert editor.locate(request, quiet, never) is editor.locate(request, quiet, never)


def test_looking_leaves_the_unets_attention_as_it_was(editor: Editor) -> None:
    before = editor.models.unet.attn_processors
    editor._locate(wanted("smile"), quiet, never)
    assert editor.models.unet.attn_processors == before


def test_progress_and_cancel_at_every_level(editor: Editor) -> None:
    seen: list[tuple[int, int, str]] = []
    editor.locate(wanted("girl"), lambda *step: seen.append(step), never)
    assert [step[:2] for step in seen] == [(i, len(LEVELS)) for i in range(len(LEVELS))]
    with pytest.raises(Cancelled):
        editor.locate(replace(wanted("girl"), threshold=0.4), quiet, lambda: True)


@pytest.mark.parametrize(
    ("cells", "latents", "grid"),
    [
        (1024, (32, 32), (32, 32)),
        (64, (32, 32), (8, 8)),
        (48 * 20, (192, 80), (48, 20)),
        (3 * 2, (9, 7), (3, 2)),
    ],
)
def test_a_layers_grid_is_the_latents_halved(
    cells: int, latents: tuple[int, int], grid: tuple[int, int]
) -> None:
    assert _grid_of(cells, latents) == grid


def test_masks_join_the_distinct_words_and_tell_the_others() -> None:
    maps = np.full((3, 16, 16), 0.01, np.float32)
    maps[0, 4:7, 4:7] = maps[2, 10:13, 10:13] = 0.3
    maps[1] += 0.001 * np.random.default_rng(0).random((16, 16))
    mask, found = mask_of(maps, np.full((128, 128, 3), 0.5, np.float32), 0.5)
    assert found == (True, False, True)
    exact = np.zeros((128, 128), bool)
    exact[32:56, 32:56] = exact[80:104, 80:104] = True
    assert (exact & (mask > 0)).sum() > 0.7 * (exact | (mask > 0)).sum()


def test_nothing_distinct_is_an_empty_mask() -> None:
    mask, found = mask_of(np.full((1, 16, 16), 0.2, np.float32), np.zeros((32, 32, 3)), 0.5)
    assert not mask.any()
    assert found == (False,)


def test_a_higher_threshold_selects_less() -> None:
    y, x = np.mgrid[:16, :16]
    maps = np.exp(-((x - 8) ** 2 + (y - 8) ** 2) / 12)[None].astype(np.float32)
    flat = np.full((64, 64, 3), 0.5, np.float32)
    areas = [(mask_of(maps, flat, t)[0] > 0).sum() for t in (0.3, 0.5, 0.7)]
    assert areas == sorted(areas, reverse=True)
    assert areas[2] < areas[0]
