"""Captions: which of a drawing's tags the model is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from expressedit_mcp.preview.states import EYE_STATES
from expressedit_mcp.preview.tags import RULES
from expressedit_mcp.preview.words import WORDS

from .vocabulary import regions_of

_NO_CAPTION = 0.1  # for classifier-free guidance
_NO_EXPRESSION = 0.08  # edges alone must then tell the expression
_NO_CHARACTER = 0.1
_ONLY_MASKED = 0.8  # as an edit of one part is asked for
_ONLY_WORD = 0.45  # of the captions with a word for the whole face
_BRIEF = 0.65  # say one thing of each part, as people do
_WIDEST = 0.6  # of those say it in as few tags as they can: `;3`, not `:3` and a wink beside it
_SAY_WHAT_STAYS, _STAYING = 0.4, 0.3
_KEPT, _KEPT_CHARACTER = 0.95, 0.92
_SUBJECT = 0.3


def random_caption(
    rng: np.random.Generator,
    character: Sequence[str],
    changed: Sequence[str],
    staying: Sequence[str],
    masked: Collection[str],
) -> list[str]:
    """Tags in random order, some left out.

    `changed` are the tags that an edit brings, `staying` those that are shown before and after it,
    `masked` the parts that the mask covers.
    """
    if rng.random() < _NO_CAPTION:
        return []
    tags: list[str] = []
    if rng.random() >= _NO_CHARACTER:
        tags += [tag for tag in character if rng.random() < _KEPT_CHARACTER]
    if rng.random() >= _NO_EXPRESSION:
        tags += _told(rng, changed, masked)
        if rng.random() < _SAY_WHAT_STAYS:
            tags += [tag for tag in staying if rng.random() < _STAYING]
    if rng.random() < _SUBJECT:
        tags.append("solo")
    rng.shuffle(tags)
    return tags


def true_of_mask(expression: Sequence[str], wink: str | None, masked: Collection[str]) -> list[str]:
    """The tags without those of a wink where the mask covers the open eye alone.

    Who selects one eye and asks for a wink wants that eye shut.
    """
    sides = {side for side in ("left", "right") if f"{side}_eye" in masked}
    if wink is None or not sides or wink in sides:
        return list(expression)
    return [tag for tag in expression if not _is_wink(tag)]


def _told(
    rng: np.random.Generator, expression: Sequence[str], masked: Collection[str]
) -> list[str]:
    words = [tag for tag in expression if tag in WORDS]
    if words and rng.random() < _ONLY_WORD:
        return words
    only_masked = rng.random() < _ONLY_MASKED
    shown = [tag for tag in expression if not only_masked or _shown(tag, masked)]
    if rng.random() < _BRIEF:
        rng.shuffle(shown)
        if rng.random() < _WIDEST:
            shown.sort(key=_parts_told, reverse=True)
        shown = _one_of_each_part(shown)
    return [tag for tag in shown if rng.random() < _KEPT]


def _one_of_each_part(tags: Sequence[str]) -> list[str]:
    """The tags that say something of a part of which none before them does; every mark and word."""
    told: set[str] = set()
    kept = []
    for tag in tags:
        parts = RULES.get(tag, {}).keys() - {"extras"}
        if not parts or parts - told:
            kept.append(tag)
            told |= parts
    return kept


def _parts_told(tag: str) -> int:
    return len(RULES.get(tag, {}))


def _shown(tag: str, masked: Collection[str]) -> bool:
    return all(regions & set(masked) for regions in regions_of(tag))


def _is_wink(tag: str) -> bool:
    states = RULES.get(tag, {}).get("eyes")
    if not states:
        return False
    marked = EYE_STATES[states[0]].marked
    return marked is not None and not marked.shows_iris
