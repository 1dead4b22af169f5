"""The records of the tag store and how they are loaded."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tagdb.transforms import describe_transform

DATA_DIR = Path(__file__).parent / "data"
LANGUAGES = ("en", "ja", "zh", "ko")

Need = Literal["no", "maybe", "yes"]


class ExpressionTag(BaseModel):
    """One expression tag of the Danbooru vocabulary.

    `tag` is the underscored name, `prompt_form` the form a prompt carries (unescaped). `names`
    maps en, ja, zh, ko to names in that language; `han_names` are written in Chinese characters
    and may be Japanese or Chinese. `contradicts` is symmetric over the loaded set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: str
    prompt_form: str
    category: str
    parts: tuple[str, ...] = ()
    definition: str = ""
    names: dict[str, tuple[str, ...]] = {}
    han_names: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    legacy_prompt_word: str = ""
    needs_transform: Need = "no"
    transforms: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    near_synonym_group: str = ""
    post_count: int = 0
    tier: str = ""

    def __hash__(self) -> int:
        return hash(self.tag)

    @property
    def transform_advice(self) -> str:
        """What to do to the pixels before the edit, in words; empty when nothing is needed."""
        if self.needs_transform == "no":
            return ""
        steps = [describe_transform(operator) for operator in self.transforms]
        sure = "" if self.needs_transform == "yes" else "if the prompt alone fails, "
        return sure + (" and ".join(steps) or "change the shape by hand before the edit")


def _split(cell: str, separators: str = ",") -> tuple[str, ...]:
    for separator in separators[1:]:
        cell = cell.replace(separator, separators[0])
    return tuple(dict.fromkeys(part.strip() for part in cell.split(separators[0]) if part.strip()))


def _merge(*cells: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for cell in cells for name in _split(cell)))


def _opposites(rows: Iterable[dict[str, str]]) -> dict[str, set[str]]:
    rows = list(rows)
    pairs: dict[str, set[str]] = {row["tag"]: set() for row in rows}
    for row in rows:
        for other in _split(row["contradicts"]):
            if other in pairs and other != row["tag"]:
                pairs[row["tag"]].add(other)
                pairs[other].add(row["tag"])
    return pairs


def _record(row: dict[str, str], opposites: dict[str, set[str]]) -> ExpressionTag:
    return ExpressionTag(
        tag=row["tag"],
        prompt_form=row["prompt_form"],
        category=row["category"],
        parts=_split(row["parts"], ";"),
        definition=row["reason_or_tip"],
        names={
            "en": _merge(row["en_ours"]),
            "ja": _merge(row["ja_wiki"], row["ja_ours"]),
            "zh": _merge(row["zh_ours"]),
            "ko": _merge(row["ko_wiki"], row["ko_ours"]),
        },
        han_names=_split(row["zh_ja_han_wiki"]),
        aliases=_split(row["aliases"]),
        implies=_split(row["implies"]),
        legacy_prompt_word=row["legacy_prompt_word"],
        needs_transform=row["needs_transform"],  # pyright: ignore[reportArgumentType]
        transforms=_split(row["transform"], "+"),
        contradicts=tuple(sorted(opposites[row["tag"]])),
        partners=tuple(tag for tag in _split(row["common_partners"]) if tag in opposites),
        near_synonym_group=row["near_synonym_group"],
        post_count=int(row["post_count_2025_09"] or 0),
        tier=row["tier"],
    )


def load_tags(core_only: bool = True) -> tuple[ExpressionTag, ...]:
    """The shipped tags, by falling post count, then by name.

    With `core_only` the reviewed core list; without it the reserve list as well.
    """
    with (DATA_DIR / "expression_tags.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not core_only or row["list"] == "core"]
    opposites = _opposites(rows)
    tags = (_record(row, opposites) for row in rows)
    return tuple(sorted(tags, key=lambda tag: (-tag.post_count, tag.tag)))


def load_typed_words() -> dict[str, tuple[str, ...]]:
    """Words that people type and that are no tags, each with the live tags it stands for."""
    with (DATA_DIR / "typed_words.csv").open(encoding="utf-8", newline="") as file:
        return {row["word"]: tuple(row["tags"].split()) for row in csv.DictReader(file)}
