"""From expression tags to a prompt with weights, and warnings about what it cannot do alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from tagdb.errors import TagdbError, UnknownTagError
from tagdb.grammar import Piece, escape, format_prompt, merge_pieces, parse_prompt
from tagdb.records import ExpressionTag
from tagdb.store import TagStore

__all__ = [
    "STYLES",
    "BuiltPrompt",
    "PromptStyle",
    "TokenCounter",
    "build_prompt",
    "escape",
    "format_prompt",
    "parse_prompt",
]

TagSpec = str | tuple[str, float]
_WEIGHTED = re.compile(r"^\((?P<tag>.+):\s*(?P<weight>\d+\.\d+|\d+)\s*\)$")


class TokenCounter(Protocol):
    """Counts the tokens of a text as the model's tokenizer does."""

    def __call__(self, text: str, /) -> int: ...


class PromptStyle(BaseModel):
    """What a checkpoint wants round the expression tags, in the prompt grammar.

    `legacy_words` emits a tag's former name, for checkpoints trained before it was renamed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    prefix: str = ""
    suffix: str = ""
    negative_prompt: str = ""
    legacy_words: bool = False


STYLES: dict[str, PromptStyle] = {
    style.name: style
    for style in (
        PromptStyle(name="plain"),
        PromptStyle(
            name="illustrious",
            suffix="masterpiece, best quality, amazing quality",
            negative_prompt="bad quality, worst quality, worst detail, sketch, censor, nsfw",
        ),
    )
}


class BuiltPrompt(BaseModel):
    """A prompt as a string (escaped) and as pieces (text, weight), with what it was made of.

    `tags` are the canonical names of the tags in it, `unknown` the words that are no tags and
    stand in it as free text.
    """

    model_config = ConfigDict(frozen=True)

    prompt: str
    negative_prompt: str
    pieces: tuple[Piece, ...]
    negative_pieces: tuple[Piece, ...]
    tags: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _Item(NamedTuple):
    """One asked-for tag: its record, or None for free text, its text and weight."""

    record: ExpressionTag | None
    text: str
    weight: float


def build_prompt(
    store: TagStore,
    tags: Iterable[TagSpec],
    *,
    character: str = "",
    style: PromptStyle,
    negative_prompt: str | None = None,
    count_tokens: TokenCounter | None = None,
    token_limit: int | None = None,
) -> BuiltPrompt:
    """The prompt `style.prefix, character, tags, style.suffix`.

    A tag is any name `TagStore.get` knows, as "smile", "(smile:1.2)" or ("smile", 1.2).
    A word that is no tag goes in as it stands, with a warning. `negative_prompt` replaces the
    style's. `token_limit` warns when `count_tokens` counts more. Raises TagdbError without tags.
    """
    specs = [tags] if isinstance(tags, str) else list(tags)
    items: list[_Item] = []
    warnings: list[str] = []
    for spec in specs:
        for item in _resolve(store, spec, warnings):
            _add_once(items, item, warnings)
    if not items:
        raise TagdbError("No expression tags given; name at least one, such as 'smile'.")
    records = [item.record for item in items if item.record is not None]
    warnings += _contradictions(records) + _transforms(records)

    expression = [(_word(item, style), item.weight) for item in items]
    pieces = _join(
        _parsed(style.prefix), _parsed(character), *_each(expression), _parsed(style.suffix)
    )
    negative = style.negative_prompt if negative_prompt is None else negative_prompt
    negative_pieces = parse_prompt(negative)
    warnings += _too_long(pieces, count_tokens, token_limit)
    return BuiltPrompt(
        prompt=format_prompt(pieces),
        negative_prompt=format_prompt(negative_pieces),
        pieces=pieces,
        negative_pieces=negative_pieces,
        tags=tuple(record.tag for record in records),
        unknown=tuple(item.text for item in items if item.record is None),
        warnings=tuple(warnings),
    )


def _resolve(store: TagStore, spec: TagSpec, warnings: list[str]) -> list[_Item]:
    text, weight = (spec, 1.0) if isinstance(spec, str) else spec
    found = _find(store, text)
    if found is not None:
        return [_Item(found, found.prompt_form, weight)]
    weighted = _WEIGHTED.match(text.strip())
    if weighted and (found := _find(store, _unescaped(weighted["tag"]))):
        return [_Item(found, found.prompt_form, weight * float(weighted["weight"]))]
    items = []
    for piece, factor in parse_prompt(text):
        for word in filter(None, map(str.strip, piece.split(","))):
            items.append(_item(store, word, weight * factor, warnings))
    return items


def _item(store: TagStore, word: str, weight: float, warnings: list[str]) -> _Item:
    try:
        record = store.get(word)
    except UnknownTagError as error:
        warnings.append(f"{error} It is in the prompt as free text.")
        return _Item(None, word, weight)
    return _Item(record, record.prompt_form, weight)


def _find(store: TagStore, name: str) -> ExpressionTag | None:
    try:
        return store.get(name)
    except UnknownTagError:
        return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\()\[\]])", r"\1", text)


def _add_once(items: list[_Item], item: _Item, warnings: list[str]) -> None:
    if any(item.text == other.text for other in items):
        warnings.append(f"{item.text!r} was given more than once; the first one counts.")
    else:
        items.append(item)


def _word(item: _Item, style: PromptStyle) -> str:
    legacy = item.record.legacy_prompt_word if item.record and style.legacy_words else ""
    return legacy or item.text


def _contradictions(records: list[ExpressionTag]) -> list[str]:
    return [
        f"{first.tag} and {second.tag} contradict each other; leave one out."
        for index, first in enumerate(records)
        for second in records[index + 1 :]
        if second.tag in first.contradicts
    ]


def _transforms(records: list[ExpressionTag]) -> list[str]:
    return [
        f"{record.tag}: transform advised: {record.transform.advice}."
        for record in records
        if record.transform.advice
    ]


def _parsed(text: str) -> tuple[Piece, ...]:
    return parse_prompt(text.strip().strip(",").strip())


def _each(pieces: Iterable[Piece]) -> list[tuple[Piece, ...]]:
    return [(piece,) for piece in pieces]


def _join(*parts: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The parts with ", " between; the comma keeps its tag's weight, as captions tokenise it."""
    filled = [part for part in parts if part]
    joined: list[Piece] = []
    for index, part in enumerate(filled):
        joined.extend(part)
        if index < len(filled) - 1:
            joined += [(",", part[-1][1]), (" ", 1.0)]
    return merge_pieces(joined)


def _too_long(
    pieces: tuple[Piece, ...], count_tokens: TokenCounter | None, limit: int | None
) -> list[str]:
    if count_tokens is None or limit is None:
        return []
    count = count_tokens("".join(text for text, _ in pieces))
    if count <= limit:
        return []
    return [
        f"The prompt has {count} tokens, over the limit of {limit}; shorten the character text."
    ]
