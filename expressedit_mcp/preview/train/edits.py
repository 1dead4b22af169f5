"""Expressions as edits make them of one another: a base, and what users ask of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expressedit_mcp.preview import Expression, expression_from_tags, sample_expression
from expressedit_mcp.preview.contradictions import CONTRADICTIONS
from expressedit_mcp.preview.expression import PARTS, RANGES
from expressedit_mcp.preview.states import EXTRAS
from expressedit_mcp.preview.tagging import contradictory_pair, expression_tags
from expressedit_mcp.preview.tags import RULES
from expressedit_mcp.preview.words import WORDS

MARK = "mark"
_EYES = {"eyes", "iris", "gaze", "brows"}
_OF_EYES = tuple(tag for tag, rule in RULES.items() if rule.keys() <= _EYES)
_OF_ONE_EYE = tuple(tag for tag in _OF_EYES if "brows" not in RULES[tag])
_OF_BROWS = tuple(tag for tag, rule in RULES.items() if rule.keys() == {"brows"})
_OF_MOUTH = tuple(tag for tag, rule in RULES.items() if rule.keys() == {"mouth"})
_MARKS = tuple(tag for tag, rule in RULES.items() if "extras" in rule)
_OF_SEVERAL = tuple(
    tag for tag, rule in RULES.items() if len(rule.keys() - {"iris"}) > 1 and tag not in _MARKS
)

# What is selected, how often, and the tags that users ask for there; words come to the face's.
# Every mark lies elsewhere, so each has a group of its own: two drawings, not six.
_REGIONS: dict[str, tuple[float, tuple[str, ...]]] = {
    "eyes": (0.20, _OF_EYES),
    "left_eye": (0.02, _OF_ONE_EYE),
    "right_eye": (0.02, _OF_ONE_EYE),
    "brows": (0.04, _OF_BROWS),
    "mouth": (0.13, _OF_MOUTH),
    MARK: (0.29, _MARKS),
    "face": (0.30, (*_OF_EYES, *_OF_MOUTH)),
}
_WORD_OF_FACE = 0.5
_SEVERAL_OF_FACE = 0.3  # of its tags
_NEUTRAL_BASE = 0.5
# How often a second tag is asked for beside the region's: of the same region, or with a mark of the face.
_SECOND_TAG = {"eyes": 0.2, "face": 0.6, MARK: 0.4}
# The first state of a tag's rule, or look of a word, which it alone draws: what has several looks
# as often as each other is drawn as their mean.
_PLAIN_STATE, _PLAIN_WORD = 0.85, 0.6
_FREE_MEASURES = 0.2
# Tags that edits by the shipped weights miss most, and how many times as often as others they are drawn.
_HARD = {
    "raised eyebrow": 4, "turn pale": 3, "light blush": 3, ":t": 3, "crazy eyes": 3, "upturned eyes": 3,
    "no pupils": 2, "+_+": 2, ";3": 2, ";p": 2, ";q": 2, "x3": 2,
}  # fmt: skip
_TRIES = 12
_MEASURES = ("gaze_offset", *RANGES)
_WINKS_OF = {"left_eye": "left", "right_eye": "right"}


@dataclass(frozen=True)
class Asked:
    """One expression of a group; `free` where its sizes and gaze range without any tag telling it."""

    expression: Expression
    free: bool = False


@dataclass(frozen=True)
class Group:
    """A base and edits of it in one region: a part's name, "face", or MARK for where a mark lies."""

    region: str
    base: Expression
    edits: tuple[Asked, ...]


def random_group(rng: np.random.Generator, count: int) -> Group:
    """A base and `count` edits of it (one where it is a mark), each tag of the region's as likely as the others,
    but for those of _HARD.

    An edit changes what its tags say and leaves the rest as the base has it.
    """
    names = tuple(_REGIONS)
    region = names[int(rng.choice(len(names), p=[_REGIONS[name][0] for name in names]))]
    neutral = rng.random() < _NEUTRAL_BASE
    base = replace(sample_expression(rng), emotion=None)
    if neutral:
        base = Expression(side=base.side, **{name: getattr(base, name) for name in _MEASURES})
    if region in _WINKS_OF:
        base = replace(base, side=_WINKS_OF[region])
    if region == MARK:
        return Group(region, base, (Asked(_with_tags(rng, base, region)),))
    return Group(region, base, tuple(_edit(rng, base, region) for _ in range(count)))


def _edit(rng: np.random.Generator, base: Expression, region: str) -> Asked:
    if region == "face" and rng.random() < _WORD_OF_FACE:
        word = _with_word(rng, _pick(rng, tuple(WORDS)))
        return Asked(
            replace(word, side=base.side, **{name: getattr(base, name) for name in _MEASURES})
        )
    free = rng.random() < _FREE_MEASURES
    if not free:
        return Asked(_with_tags(rng, base, region))
    ranging = sample_expression(rng, free_measures=True)
    return Asked(replace(base, **{name: getattr(ranging, name) for name in _MEASURES}), True)


def _with_word(rng: np.random.Generator, word: str) -> Expression:
    plain = expression_from_tags([word])
    if rng.random() >= _PLAIN_WORD or contradictory_pair(expression_tags(plain)):
        return sample_expression(rng, word)
    return plain


def _with_tags(rng: np.random.Generator, base: Expression, region: str) -> Expression:
    """The base with one tag of the region or two that agree."""
    for attempt in range(_TRIES):
        start = base if attempt < _TRIES - 1 else Expression(side=base.side)
        several = region == "face" and rng.random() < _SEVERAL_OF_FACE
        tags = [_pick(rng, _OF_SEVERAL if several else _REGIONS[region][1])]
        if not several and rng.random() < _SECOND_TAG.get(region, 0.0):
            second = _pick(rng, _REGIONS["face" if region == MARK else region][1])
            if not RULES[tags[0]].keys() & RULES[second].keys():
                tags.append(second)
        edited = _applied(rng, start, tags)
        shown = expression_tags(edited)
        if set(tags) <= set(shown) and contradictory_pair(shown) is None:
            return edited
    return base


def _applied(rng: np.random.Generator, base: Expression, tags: list[str]) -> Expression:
    """The base with its parts in states of the tags; parts that would hide these give way."""
    changes: dict[str, Any] = {}
    for tag in tags:
        plain = expression_from_tags([tag])
        for part, states in RULES[tag].items():
            if part == "extras":
                kept = [e for e in base.extras if not _clash(e, plain.extras[0])]
                changes[part] = tuple(e for e in EXTRAS if e in {*kept, *plain.extras})
            elif part not in changes:
                usual = rng.random() < _PLAIN_STATE
                changes[part] = getattr(plain, part) if usual else _pick(rng, states)
    changed = replace(base, **changes)
    if changed.shows_iris:
        return changed
    if {"iris", "gaze"} & changes.keys():
        return replace(changed, eyes="open")
    return replace(changed, **{part: PARTS[part][0] for part in ("iris", "gaze")})


def _clash(first: str, second: str) -> bool:
    return second in CONTRADICTIONS.get(first, ()) or first in CONTRADICTIONS.get(second, ())


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    shares = np.array([_HARD.get(name, 1) for name in choices])
    return choices[int(rng.choice(len(choices), p=shares / shares.sum()))]
