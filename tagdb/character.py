"""What is true of a character whatever the face does, kept apart from the expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tagdb.errors import UnknownTagError
from tagdb.grammar import Piece, join_tags, parse_prompt, split_tags
from tagdb.normalize import name_key
from tagdb.store import TagStore

# implied by expression tags, and no tags of ours
_ON_THE_FACE = frozenset(
    {"tongue", "teeth", "symbol-shaped pupils", "finger to mouth", "eyelid pull"}
)
_EYE_COLOUR = re.compile(
    r"(?:\w+[ -])*(?:amber|aqua|black|blue|brown|gold|golden|gray|green|grey|orange|pink|purple|red"
    r"|silver|violet|white|yellow|multicolored|two-tone|gradient) eyes|heterochromia"
)


@dataclass(frozen=True)
class Character:
    """A character's own words, one tag each, and the expressions that were taken out."""

    own: tuple[tuple[Piece, ...], ...]
    expressions: tuple[str, ...]

    @property
    def eye_colours(self) -> tuple[str, ...]:
        return tuple(_text(tag) for tag in self.own if _is_eye_colour(tag))

    def pieces(self, *, eye_colour: bool) -> tuple[Piece, ...]:
        """The words as a prompt, with or without the colour of the eyes."""
        return join_tags(*(tag for tag in self.own if eye_colour or not _is_eye_colour(tag)))


def separate(text: str, store: TagStore) -> Character:
    """The character in a prompt's text without any name of an expression tag.

    An old `smile` among the character's words would fight the edit; so does an eye colour when the
    eyes are to be shut.
    """
    own: list[tuple[Piece, ...]] = []
    expressions: list[str] = []
    for tag in split_tags(parse_prompt(text)):
        if _is_expression(store, _text(tag)):
            expressions.append(_text(tag))
        else:
            own.append(tag)
    return Character(tuple(own), tuple(expressions))


def _is_expression(store: TagStore, name: str) -> bool:
    if name_key(name) in _ON_THE_FACE:
        return True
    # most words are no beginning of any name, and looking for the nearest name takes long
    if not store.complete(name, limit=1):
        return False
    try:
        store.get(name)
    except UnknownTagError as error:
        return error.ambiguous
    return True


def _is_eye_colour(tag: tuple[Piece, ...]) -> bool:
    return _EYE_COLOUR.fullmatch(name_key(_text(tag))) is not None


def _text(tag: tuple[Piece, ...]) -> str:
    return "".join(text for text, _ in tag)
