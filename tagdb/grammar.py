r"""The prompt grammar of A1111's web UI: text with weights, as a list of pieces and back.

`(x)` multiplies the weight of x by 1.1, `[x]` divides it, `(x:1.2)` multiplies by 1.2; they nest.
A backslash makes ``( ) [ ] \`` literal; a bracket without its partner is literal as well.
Source: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#attentionemphasis
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tagdb.errors import TagdbError

Piece = tuple[str, float]

EMPHASIS = 1.1
_WEIGHT_DECIMALS = 6
_SPECIAL = "\\()[]"
_WEIGHT_TAIL = re.compile(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*$")


@dataclass
class _Run:
    """Text of one weight inside a group; only an open run takes more characters."""

    text: str
    weight: float = 1.0
    is_open: bool = True


@dataclass
class _Group:
    opener: str = ""
    runs: list[_Run] = field(default_factory=list)

    def add(self, text: str) -> None:
        if self.runs and self.runs[-1].is_open:
            self.runs[-1].text += text
        else:
            self.runs.append(_Run(text))

    def take_weight(self) -> float:
        """Cuts a trailing `:number` off and returns it; 1.1 where there is none."""
        tail = self.runs[-1] if self.runs and self.runs[-1].is_open else None
        found = _WEIGHT_TAIL.search(tail.text) if tail else None
        if tail is None or found is None:
            return EMPHASIS
        before = tail.text[: found.start()]
        if not before and len(self.runs) == 1:
            return EMPHASIS
        # ":3" after a blank is an emoticon, ":1.3" is a weight.
        if before[-1:].isspace() and "." not in found[1]:
            return EMPHASIS
        tail.text = before
        return float(found[1])

    def close_into(self, parent: _Group, factor: float) -> None:
        parent.runs.extend(_Run(run.text, run.weight * factor, False) for run in self.runs)


def parse_prompt(text: str) -> tuple[Piece, ...]:
    """The pieces (text, weight) of a prompt, in order.

    Adjacent pieces of equal weight are merged, empty ones dropped, weights are rounded to six
    decimals. Whitespace and commas are kept: the texts joined are the prompt without its syntax.
    """
    stack = [_Group()]
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char == "\\" and position < len(text) and text[position] in _SPECIAL:
            stack[-1].add(text[position])
            position += 1
        elif char in "([":
            stack.append(_Group(char))
        elif char in ")]" and stack[-1].opener == ("(" if char == ")" else "["):
            group = stack.pop()
            group.close_into(stack[-1], group.take_weight() if char == ")" else 1 / EMPHASIS)
        else:
            stack[-1].add(char)
    while len(stack) > 1:
        group = stack.pop()
        stack[-1].add(group.opener)
        stack[-1].runs.extend(group.runs)
    return merge_pieces((run.text, round(run.weight, _WEIGHT_DECIMALS)) for run in stack[0].runs)


def merge_pieces(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces without empty ones, adjacent pieces of equal weight joined."""
    merged: list[Piece] = []
    for text, weight in pieces:
        if merged and merged[-1][1] == weight:
            merged[-1] = (merged[-1][0] + text, weight)
        elif text:
            merged.append((text, weight))
    return tuple(merged)


def split_tags(pieces: Iterable[Piece]) -> list[tuple[Piece, ...]]:
    """The tags between the commas, each as its own pieces, trimmed; empty ones are left out."""
    tags: list[list[Piece]] = [[]]
    for text, weight in pieces:
        first, *rest = text.split(",")
        tags[-1].append((first, weight))
        tags += [[(part, weight)] for part in rest]
    return [trimmed for trimmed in map(_trimmed, tags) if trimmed]


def join_tags(*tags: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The tags with ", " between; the comma has its tag's weight, as captions tokenise it."""
    filled = [tag for tag in tags if tag]
    joined: list[Piece] = []
    for index, tag in enumerate(filled):
        joined.extend(tag)
        if index < len(filled) - 1:
            joined += [(",", tag[-1][1]), (" ", 1.0)]
    return merge_pieces(joined)


def _trimmed(tag: list[Piece]) -> tuple[Piece, ...]:
    filled = [index for index, (text, _) in enumerate(tag) if text.strip()]
    if not filled:
        return ()
    inner = tag[filled[0] : filled[-1] + 1]
    inner[0] = (inner[0][0].lstrip(), inner[0][1])
    inner[-1] = (inner[-1][0].rstrip(), inner[-1][1])
    return merge_pieces(inner)


def escape(text: str) -> str:
    r"""The text with ``( ) [ ] \`` escaped, so that a prompt carries it literally."""
    return "".join("\\" + char if char in _SPECIAL else char for char in text)


def format_prompt(pieces: Iterable[Piece]) -> str:
    """The prompt string that `parse_prompt` reads back as the same (merged) pieces.

    Raises TagdbError for a weight that is no finite number.
    """
    return "".join(
        escape(text) if weight == 1.0 else f"({escape(text)}:{format_weight(weight)})"
        for text, weight in merge_pieces(pieces)
    )


def format_weight(weight: float) -> str:
    """The weight as a decimal number with a point. Raises TagdbError unless it is finite."""
    if not math.isfinite(weight):
        raise TagdbError(f"A prompt weight must be a finite number, not {weight}.")
    digits = format(Decimal(repr(round(float(weight), _WEIGHT_DECIMALS))), "f")
    return digits if "." in digits else digits + ".0"
