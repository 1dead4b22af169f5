"""Alignment of prompts' tokens by table and by property, and where they stand in the context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods.alignment import align_prompts, aligned_pairs, word_columns
from expressedit_mcp.errors import InputError

ROOM = 4
Prompt = st.lists(st.integers(0, 5), max_size=10)


def score(source: list[int], target: list[int]) -> int:
    """The best score of gap 0, match 1, mismatch -1, by its recursion."""
    table = np.zeros((len(source) + 1, len(target) + 1), int)
    for i, a in enumerate(source, 1):
        for j, b in enumerate(target, 1):
            both = table[i - 1, j - 1] + (1 if a == b else -1)
            table[i, j] = max(table[i - 1, j], table[i, j - 1], both)
    return int(table[-1, -1])


@pytest.mark.parametrize(
    ("source", "target", "pairs"),
    [
        ([1, 2, 3], [1, 2, 3], [(0, 0), (1, 1), (2, 2)]),
        ([1, 2, 3], [1, 9, 3], [(0, 0), (2, 2)]),
        ([1, 2, 3], [1, 2, 8, 9, 3], [(0, 0), (1, 1), (2, 4)]),
        ([7, 1, 2], [1, 2], [(1, 0), (2, 1)]),
        ([1], [2], []),
        ([], [1, 2], []),
        ([], [], []),
    ],
)
def test_pairs(source: list[int], target: list[int], pairs: list[tuple[int, int]]) -> None:
    assert aligned_pairs(source, target) == pairs


@given(Prompt, Prompt)
def test_pairs_are_equal_tokens_in_order_and_as_many_as_can_be(
    source: list[int], target: list[int]
) -> None:
    pairs = aligned_pairs(source, target)
    assert all(source[i] == target[j] for i, j in pairs)
    assert pairs == sorted(pairs)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert len(pairs) == score(source, target)


@pytest.mark.parametrize("mode", ["refine", "replace"])
@given(prompt=Prompt)
def test_equal_prompts_are_the_identity(mode, prompt: list[int]) -> None:
    aligned = align_prompts(prompt, prompt, room=ROOM, chunks=3, mode=mode)
    assert np.array_equal(aligned.taken, np.eye(3 * (ROOM + 2)))
    assert not aligned.own.any()


@given(Prompt, Prompt)
def test_each_column_is_taken_or_its_own(source: list[int], target: list[int]) -> None:
    for mode in ("refine", "replace"):
        aligned = align_prompts(source, target, room=ROOM, chunks=3, mode=mode)
        assert np.array_equal(aligned.taken.any(axis=0), aligned.own == 0)
        assert set(np.unique(aligned.own)) <= {0, 1}


@pytest.mark.parametrize(
    ("source", "target"),
    [([1, 2, 3], [1, 9, 3]), ([1, 2, 3], [1, 8, 9, 3]), ([1, 5, 6, 3], [1, 9, 3]), ([1], [2, 3, 4])],
)  # fmt: skip
def test_what_is_replaced_hands_on_all_of_its_attention(
    source: list[int], target: list[int]
) -> None:
    taken = align_prompts(source, target, room=ROOM, chunks=1, mode="replace").taken
    words = taken[1 : 1 + len(source), 1 : 1 + len(target)]
    assert np.allclose(words.sum(axis=1), 1)


def test_refine_leaves_new_words_to_the_edit() -> None:
    aligned = align_prompts([1, 2, 3], [1, 9, 3], room=ROOM, chunks=1, mode="refine")
    assert aligned.own.tolist() == [0, 0, 1, 0, 0, 0]
    assert aligned.taken[3, 3] == 1 and not aligned.taken[:, 2].any()


def test_words_find_each_other_across_chunks() -> None:
    """Two words more in front push the last ones into the second chunk; marks stay in their own."""
    aligned = align_prompts([1, 2, 3], [8, 9, 1, 2, 3], room=ROOM, chunks=2, mode="refine")
    where = {j: int(np.argmax(column)) for j, column in enumerate(aligned.taken.T) if column.any()}
    assert where == {0: 0, 3: 1, 4: 2, 5: 4, 6: 6, 7: 3, 8: 7, 9: 8, 10: 9, 11: 10}
    assert np.flatnonzero(aligned.own).tolist() == [1, 2]


def test_a_word_stands_at_each_of_its_columns(editor: Editor) -> None:
    tokenizer = editor.models.encoders[0].tokenizer
    filler = ["girl"] * (tokenizer.room - 1)
    ids = tokenizer.encode(" ".join(["smile", *filler, "closed eyes", "smile"]))
    assert word_columns(ids, "closed eyes", tokenizer) == [78, 79]
    assert word_columns(ids, "smile", tokenizer) == [1, 80]


@pytest.mark.parametrize("text", ["open mouth", "eyes closed", ""])
def test_a_word_that_the_prompt_lacks_is_named(editor: Editor, text: str) -> None:
    tokenizer = editor.models.encoders[0].tokenizer
    with pytest.raises(InputError, match=f"'{text}' is not in the prompt"):
        word_columns(tokenizer.encode("closed eyes"), text, tokenizer)
