"""Which words of two prompts are the same, and where in the context they stand: what prompt-to-prompt goes by.

A prompt's token ids are those of its pieces in order, without marks. Its context is chunks of `room` + 2 columns:
the start mark, up to `room` tokens, the end mark, padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from expressedit_mcp.engine.tokenizer import PromptTokenizer
from expressedit_mcp.errors import InputError

Mode = Literal["refine", "replace"]


@dataclass(frozen=True)
class Alignment:
    """How attention maps over a target prompt are made from those over its source: source @ taken + target * own.

    `taken` is (source columns, target columns), `own` (target columns,), both float64. Together each target column
    takes its source's maps or keeps its own.
    """

    taken: np.ndarray
    own: np.ndarray


def aligned_pairs(source: Sequence[int], target: Sequence[int]) -> list[tuple[int, int]]:
    """Indexes of equal tokens (in source, in target), both rising: the best global alignment for gap 0, match 1,
    mismatch -1 (S. Needleman, C. Wunsch, 1970)."""
    scores = np.zeros((len(source) + 1, len(target) + 1), np.int32)
    ids = np.asarray(target, np.int64)
    for i, token in enumerate(source, 1):
        diagonal = scores[i - 1, :-1] + np.where(ids == token, 1, -1)
        # a gap costs nothing, so a row's left neighbours act as a running maximum
        scores[i, 1:] = np.maximum.accumulate(np.maximum(scores[i - 1, 1:], diagonal))
    pairs = []
    i, j = len(source), len(target)
    while i and j:
        if source[i - 1] == target[j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif scores[i - 1, j] >= scores[i, j - 1]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def align_prompts(
    source: Sequence[int], target: Sequence[int], *, room: int, chunks: int, mode: Mode
) -> Alignment:
    """The alignment of two prompts, given as token ids (prompt-to-prompt, A. Hertz et al., 2022).

    `refine`: a token of the target that the source has too takes its maps, another keeps its own. `replace`:
    besides, tokens that stand in the place of others take the maps of those, shared out evenly where they are
    more or fewer. Marks and padding go with those of the same chunk, in order.
    """
    size = chunks * (room + 2)
    taken, own = np.zeros((size, size)), np.ones(size)
    pairs = aligned_pairs(source, target)
    shares = [(i, j, 1.0) for i, j in pairs]
    if mode == "replace":
        shares += _exchanged(pairs, len(source), len(target))
    for i, j, share in shares:
        taken[_column(i, room), _column(j, room)] = share
    for i, j in _mark_columns(len(source), len(target), room, chunks):
        taken[i, j] = 1
    own[taken.any(axis=0)] = 0
    return Alignment(taken, own)


def word_columns(ids: Sequence[int], text: str, tokenizer: PromptTokenizer) -> list[int]:
    """The context's columns of every occurrence of `text` in a prompt of token ids.

    Raises InputError where it does not occur.
    """
    word = tokenizer.encode(text)
    starts = [
        i for i in range(len(ids) - len(word) + 1) if word and list(ids[i : i + len(word)]) == word
    ]
    if not starts:
        raise InputError(
            f"{text!r} is not in the prompt; attention can only be weighed for words that it has."
        )
    return [_column(start + k, tokenizer.room) for start in starts for k in range(len(word))]


def _exchanged(
    pairs: Sequence[tuple[int, int]], source: int, target: int
) -> Iterator[tuple[int, int, float]]:
    """(source, target, share) of the tokens between aligned ones, where both prompts have some."""
    ends = [*pairs, (source, target)]
    begins = [(0, 0), *((i + 1, j + 1) for i, j in ends[:-1])]
    for (i0, j0), (i1, j1) in zip(begins, ends, strict=True):
        if i1 - i0 == j1 - j0:
            yield from ((i0 + k, j0 + k, 1.0) for k in range(i1 - i0))
        else:
            yield from ((i, j, 1 / (j1 - j0)) for i in range(i0, i1) for j in range(j0, j1))


def _column(index: int, room: int) -> int:
    """Where a prompt's token stands in the context."""
    return index // room * (room + 2) + 1 + index % room


def _mark_columns(source: int, target: int, room: int, chunks: int) -> Iterator[tuple[int, int]]:
    """(source, target) columns of the marks and the padding of each chunk, for prompts of so many tokens."""
    length = room + 2
    for first in range(0, chunks * length, length):
        done = first // length * room
        yield first, first
        ends = [first + 1 + min(max(count - done, 0), room) for count in (source, target)]
        yield from zip(*(range(end, first + length) for end in ends), strict=False)
