"""All tags on one page, small enough for a model to choose from by itself."""

from __future__ import annotations

from collections.abc import Iterable

from tagdb.records import ExpressionTag

_HEAD = "Expression tags by category, the most used first: tag – what it draws (* needs a transform first)"


def catalogue(tags: Iterable[ExpressionTag]) -> str:
    """A line per tag under its category, in the order of `tags`; tags are written with spaces."""
    by_category: dict[str, list[str]] = {}
    for tag in tags:
        mark = "*" if tag.transform.need == "needed" else ""
        by_category.setdefault(tag.category, []).append(f"{tag.prompt_form}{mark} – {tag.gloss}")
    blocks = [
        "\n".join([f"## {category}", *lines]) for category, lines in sorted(by_category.items())
    ]
    return "\n".join([_HEAD, *blocks]) + "\n"
