"""Reads the tags that a caller asks for: names in any language, weights, free text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from tagdb.errors import UnknownTagError
from tagdb.grammar import parse_prompt
from tagdb.records import ExpressionTag
from tagdb.store import TagStore

TagSpec = str | tuple[str, float]
_WEIGHTED = re.compile(r"^\((?P<tag>.+):\s*(?P<weight>\d+\.\d+|\d+)\s*\)$")


class Asked(NamedTuple):
    """One asked-for tag: its record, or None for free text, its text and weight."""

    record: ExpressionTag | None
    text: str
    weight: float


def read_tags(store: TagStore, specs: Iterable[TagSpec]) -> tuple[tuple[Asked, ...], list[str]]:
    """The tags in order, each once, and warnings about unknown and repeated ones.

    A tag is any name `TagStore.get` knows, as "smile", "(smile:1.2)" or ("smile", 1.2); a word
    that is none stays as free text.
    """
    asked: list[Asked] = []
    warnings: list[str] = []
    for spec in specs:
        for tag in _resolve(store, spec, warnings):
            if any(tag.text == other.text for other in asked):
                warnings.append(f"{tag.text!r} was given more than once; the first one counts.")
            else:
                asked.append(tag)
    return tuple(asked), warnings


def _resolve(store: TagStore, spec: TagSpec, warnings: list[str]) -> list[Asked]:
    text, weight = (spec, 1.0) if isinstance(spec, str) else spec
    found = _find(store, text)
    if found is not None:
        return [Asked(found, found.prompt_form, weight)]
    weighted = _WEIGHTED.match(text.strip())
    if weighted and (found := _find(store, _unescaped(weighted["tag"]))):
        return [Asked(found, found.prompt_form, weight * float(weighted["weight"]))]
    return [
        _read(store, word, weight * factor, warnings)
        for piece, factor in parse_prompt(text)
        for word in filter(None, map(str.strip, piece.split(",")))
    ]


def _read(store: TagStore, word: str, weight: float, warnings: list[str]) -> Asked:
    try:
        record = store.get(word)
    except UnknownTagError as error:
        warnings.append(f"{error} It is in the prompt as free text.")
        return Asked(None, word, weight)
    return Asked(record, record.prompt_form, weight)


def _find(store: TagStore, name: str) -> ExpressionTag | None:
    try:
        return store.get(name)
    except UnknownTagError:
        return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\()\[\]])", r"\1", text)
