"""All tags on one page, small enough for a model to choose from by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tagdb.records import ExpressionTag

_HEAD = "Expression tags by category, the most used first: tag – what it draws (* needs a transform first)"

_CLAUSE_CHARS = 60


def overview(tags: Iterable[ExpressionTag]) -> str:
    """A line per tag under its category, in the order of `tags`; tags are written with spaces."""
    by_category: dict[str, list[str]] = {}
    for tag in tags:
        mark = "*" if tag.transform.need == "needed" else ""
        line = f"{tag.prompt_form}{mark} – {tag.gloss or _opening(tag)}"
        by_category.setdefault(tag.category, []).append(line)
    blocks = [
        "\n".join([f"## {category}", *lines]) for category, lines in sorted(by_category.items())
    ]
    return "\n".join([_HEAD, *blocks]) + "\n"


def _opening(tag: ExpressionTag) -> str:
    """The first clause of a definition, for a tag of the user's own that has no gloss."""
    return re.split(r"[;.:。；]", tag.defined(), maxsplit=1)[0].strip()[:_CLAUSE_CHARS]
