"""Why a hit is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tagdb.records import Language


@dataclass(frozen=True)
class Match:
    """One reason for a hit.

    `name`: `text` is the words of the query that name the tag, `language` that of the name.
    `cue`, `story`: `text` is the text of the tag that is nearest to the query, in its language.
    `picture`: `text` is the character of the nearest example picture; `language` is "".
    """

    kind: Literal["name", "cue", "story", "picture"]
    text: str
    language: Language | Literal[""]
