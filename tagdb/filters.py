"""Which tags a search may answer with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tagdb.errors import TagdbError
from tagdb.records import ExpressionTag

TRANSFORM_NEEDS = ("none", "advised", "needed")


@dataclass(frozen=True)
class TagFilter:
    """Keeps the tags of a category, of a part of the face, of a need for a transform; None is any."""

    category: str | None = None
    part: str | None = None
    transform: str | None = None

    def check(self, tags: Iterable[ExpressionTag]) -> None:
        """Raises TagdbError, with the accepted values, for a value that none of the tags can have."""
        tags = tuple(tags)
        _accept("category", "Categories", self.category, {tag.category for tag in tags})
        _accept("part", "Parts", self.part, {part for tag in tags for part in tag.parts})
        _accept("transform", "Accepted", self.transform, TRANSFORM_NEEDS)

    def keeps(self, tag: ExpressionTag) -> bool:
        """True for a tag that fits every value that is set."""
        return (
            self.category in (None, tag.category)
            and (self.part is None or self.part in tag.parts)
            and self.transform in (None, tag.transform.need)
        )


def _accept(name: str, title: str, value: str | None, accepted: Iterable[str]) -> None:
    if value is not None and value not in accepted:
        ordered = accepted if isinstance(accepted, tuple) else sorted(accepted)
        raise TagdbError(f"Unknown {name} {value!r}. {title}: {', '.join(ordered)}.")
