"""The records of the tag store and how they are loaded from the reviewed sources."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

DATA_DIR = Path(__file__).parent / "data"
LANGUAGES = ("en", "ja", "zh", "ko")

Language = Literal["en", "ja", "zh", "ko"]
Slot = Literal[
    "eyes",
    "pupils",
    "gaze",
    "brows",
    "mouth",
    "teeth_tongue",
    "cheeks",
    "marks",
    "hand",
    "whole_face",
]
Target = Literal["irises", "pupils", "eyes", "one eye", "brows", "mouth"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Near(_Frozen):
    """A tag that is easily taken for another, and the difference in a few words."""

    tag: str
    difference: str


class TransformPlan(_Frozen):
    """What a picture needs beside the prompt: a tool on its `target`, erased edges, work by hand.

    `arguments` are the scale tool's; `by_hand` is what the liquify tool shall move, or a person in an image editor.
    `control_inside` is the edit's argument of that name: the Canny edges of the old feature would
    hold it in place.
    """

    need: Literal["none", "advised", "needed"]
    tool: Literal["apply_scale_transform", "apply_liquify_transform"] | None = None
    target: Target | None = None
    arguments: dict[str, float] = {}
    control_inside: Literal["erase"] | None = None
    by_hand: str = ""

    @property
    def advice(self) -> str:
        """The plan in words; empty when nothing is to be done."""
        if self.need == "none":
            return ""
        steps = []
        if self.tool == "apply_scale_transform":
            values = ", ".join(f"{name} {value:g}" for name, value in self.arguments.items())
            steps.append(f"{self.tool} on {self.target} with {values}")
        if self.control_inside:
            steps.append(f"control_inside {self.control_inside!r} in edit_expression")
        if self.by_hand:
            moved = self.tool == "apply_liquify_transform"
            tool = f"{self.tool} (tool group methods) or " if moved else ""
            steps.append(f"{tool}by hand: {self.by_hand}")
        sure = "" if self.need == "needed" else "if the prompt alone fails, "
        return sure + "; ".join(steps)


class ExpressionTag(_Frozen):
    """One expression tag of the Danbooru vocabulary.

    `tag` is the underscored name, `prompt_form` the form a prompt carries (unescaped),
    `legacy_prompt_word` the word that checkpoints know whose training data ends before the year
    `live_since`. `gloss` says in a few words what it draws; `definition` and `names` are by
    language (en, ja, zh, ko). `slot` is the part of the face that the tag decides: two tags of
    one slot rarely go together. `contradicts` is symmetric. `implies` are the tags that every picture
    of it shows too: Danbooru's implications and, of a wink with a mouth, that mouth's own tag.
    """

    tag: str
    prompt_form: str
    legacy_prompt_word: str = ""
    live_since: int = 0
    category: str
    group: str = ""
    slot: Slot = "whole_face"
    parts: tuple[str, ...] = ()
    gloss: str = ""
    definition: dict[Language, str] = {}
    names: dict[Language, tuple[str, ...]] = {}
    aliases: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    near: tuple[Near, ...] = ()
    contradicts: tuple[str, ...] = ()
    transform: TransformPlan = TransformPlan(need="none")
    region_tip: str = ""
    partners: tuple[str, ...] = ()
    post_count: int = 0
    tier: str = ""

    def __hash__(self) -> int:
        return hash(self.tag)

    def defined(self) -> str:
        """The English definition; of a user's own tag the one there is."""
        return self.definition.get("en") or next(iter(self.definition.values()), "")


class Text(_Frozen):
    """An authored text: a situation cue or story of a tag, or one without any expression."""

    kind: Literal["cue", "story", "none"]
    tag: str | None
    lang: Language
    text: str


class CalibrationText(_Frozen):
    """A text that no model is trained on, with fair tags for it, best first; none: no expression."""

    lang: Language
    text: str
    tags: tuple[str, ...]
    gloss: str | None = None


class Pair(_Frozen):
    """Two tags that are easily confused, and which to choose when."""

    a: str
    b: str
    choose: str


def load_tags() -> tuple[ExpressionTag, ...]:
    """The shipped tags, by falling post count, then by name."""
    found = [ExpressionTag.model_validate(row) for row in _rows("records")]
    return tuple(sorted(found, key=lambda tag: (-tag.post_count, tag.tag)))


def load_texts() -> tuple[Text, ...]:
    """The shipped texts."""
    return tuple(Text.model_validate(row) for row in _rows("texts"))


def load_calibration() -> tuple[CalibrationText, ...]:
    """The shipped calibration texts."""
    rows = _lines(DATA_DIR / "calibration.jsonl")
    return tuple(CalibrationText.model_validate(row) for row in rows)


def load_pairs() -> tuple[Pair, ...]:
    """The shipped pairs of confusable tags."""
    return tuple(Pair.model_validate(row) for row in _lines(DATA_DIR / "pairs.jsonl"))


def load_typed_words() -> dict[str, tuple[str, ...]]:
    """Words that people type and that are no tags, each with the live tags it stands for."""
    with (DATA_DIR / "typed_words.csv").open(encoding="utf-8", newline="") as file:
        return {row["word"]: tuple(row["tags"].split()) for row in csv.DictReader(file)}


def _rows(folder: str) -> Iterator[dict[str, Any]]:
    for path in sorted((DATA_DIR / folder).glob("*.jsonl")):
        yield from _lines(path)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
