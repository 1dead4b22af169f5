"""What is true of a character whatever the face does, kept apart from the expression."""

from __future__ import annotations

import re
from typing import NamedTuple

from tagdb.errors import UnknownTagError
from tagdb.grammar import Piece, join_tags, split_tags
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


class Character(NamedTuple):
    """A character's own words as pieces, and the words that were taken out."""

    pieces: tuple[Piece, ...]
    expressions: tuple[str, ...]
    eye_colours: tuple[str, ...]


def separate(store: TagStore, pieces: tuple[Piece, ...], *, without_eye_colour: bool) -> Character:
    """The character without expressions (any name of a tag) and, if wished, without eye colours.

    An old `smile` among the character's words would fight the edit; so does an eye colour when the
    eyes are to be shut.
    """
    kept: list[tuple[Piece, ...]] = []
    expressions: list[str] = []
    eye_colours: list[str] = []
    for tag in split_tags(pieces):
        text = "".join(text for text, _ in tag)
        if _is_expression(store, text):
            expressions.append(text)
        elif without_eye_colour and _EYE_COLOUR.fullmatch(name_key(text)):
            eye_colours.append(text)
        else:
            kept.append(tag)
    return Character(join_tags(*kept), tuple(expressions), tuple(eye_colours))


def _is_expression(store: TagStore, text: str) -> bool:
    if name_key(text) in _ON_THE_FACE:
        return True
    try:
        store.get(text)
    except UnknownTagError as error:
        return error.ambiguous
    return True
