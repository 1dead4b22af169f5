"""From tags or a prompt to what the engine takes, and warnings about what the model makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tagdb
from expressedit_mcp.engine import Card, Engine
from expressedit_mcp.engine.backend import Pieces
from expressedit_mcp.errors import InputError


@dataclass(frozen=True)
class Wording:
    """A prompt and negative prompt as (text, weight) pieces."""

    pieces: Pieces
    negative_pieces: Pieces
    warnings: tuple[str, ...] = ()


def choose_style(name: str | None, card: Card) -> tagdb.PromptStyle:
    """The prompt style of a name; the card's own for None. Raises InputError."""
    text = card.prompt_style
    known = tagdb.STYLES.get(text.name, tagdb.PromptStyle(name=text.name))
    own = known.model_copy(update=text.model_dump(exclude_none=True))
    styles = {**tagdb.STYLES, own.name: own}
    if name is None:
        return own
    if name not in styles:
        raise InputError(
            f"There is no prompt style {name!r}; accepted are {', '.join(sorted(styles))}."
        )
    return styles[name]


def from_tags(
    store: tagdb.TagStore,
    engine: Engine,
    tags: tuple[str, ...],
    *,
    character: str,
    style: str | None,
    negative_prompt: str | None,
    dialect: str = "a1111",
) -> tagdb.BuiltPrompt:
    """The prompt built of tags for the engine's model."""
    tokenizer = engine.tokenizer
    built = tagdb.build_prompt(
        store,
        tags,
        character=character,
        style=choose_style(style, engine.card),
        dialect=dialect,
        negative_prompt=negative_prompt,
        count_tokens=tokenizer.count,
        token_limit=tokenizer.room,
    )
    return built.model_copy(update={"warnings": built.warnings + _unheard(engine, built.pieces)})


def unknown_words(engine: Engine, pieces: Pieces) -> tuple[str, ...]:
    """The words that the model's own vocabulary lacks; none for a vocabulary of sub-words."""
    words = [word.strip() for text, _ in pieces for word in text.split(",") if word.strip()]
    return tuple(word for word in words if not engine.tokenizer.knows(word))


def asked_tags(
    store: tagdb.TagStore, tags: Sequence[str], pieces: Iterable[tuple[str, float]]
) -> tuple[str, ...]:
    """The names of the tags that an edit asked for; of one by a prompt those that stand in its pieces."""
    if tags:
        asked, _ = tagdb.read_tags(store, tags)
        return tuple(tag.record.tag for tag in asked if tag.record)
    words = {word.strip() for text, _ in pieces for word in text.split(",")}
    return tuple(record.tag for record in store.tags if record.prompt_form in words)


def _unheard(engine: Engine, pieces: Pieces) -> tuple[str, ...]:
    return tuple(
        f"The model {engine.card.name} has no word for {word!r} and will not draw it."
        for word in unknown_words(engine, pieces)
    )


def word_edit(
    store: tagdb.TagStore,
    engine: Engine,
    *,
    tags: tuple[str, ...] | None,
    prompt: str | None,
    character: str,
    style: str | None,
    negative_prompt: str | None,
) -> Wording:
    """The wording of an edit from tags or from a finished prompt.

    Raises InputError unless exactly one of them is given, and for a tag that does not exist.
    """
    if (tags is None) == (prompt is None):
        raise InputError(
            "Give either tags (such as ['closed eyes', 'smile']) or prompt (as build_prompt returns it), "
            "not both and not neither."
        )
    if tags is not None:
        built = from_tags(
            store, engine, tags, character=character, style=style, negative_prompt=negative_prompt
        )
        for word in built.unknown:
            near = ", ".join(store.nearest(word))
            raise InputError(
                f"{word!r} is no expression tag; the nearest are {near}. search_expression_tags(query) "
                "finds tags by a line of a story; free text can go into `prompt` or `character`."
            )
        warnings = (*built.warnings, *built.transform_advice)
        return Wording(built.pieces, built.negative_pieces, warnings)
    assert prompt is not None
    negative = (
        choose_style(style, engine.card).negative_prompt
        if negative_prompt is None
        else negative_prompt
    )
    text = ", ".join(part for part in (character.strip().strip(","), prompt.strip()) if part)
    pieces = tagdb.parse_prompt(text)
    if not text.strip(", "):
        raise InputError(
            "The prompt is empty. Name what the face shall show, such as 'closed eyes, smile'."
        )
    return Wording(pieces, tagdb.parse_prompt(negative), _unheard(engine, pieces))
