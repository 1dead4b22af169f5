"""One state of the tags: their records, their names and what searches them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tagdb.names import NameIndex
from tagdb.records import ExpressionTag, Text, load_typed_words
from tagdb.resources import Resources
from tagdb.retriever import Retriever


@dataclass(frozen=True)
class Catalogue:
    """Tags by name, by falling post count; `rank` numbers them. A change makes another one."""

    tags: dict[str, ExpressionTag]
    rank: dict[str, int]
    names: NameIndex
    retriever: Retriever

    @classmethod
    def of(
        cls, records: Iterable[ExpressionTag], own_texts: Sequence[Text], resources: Resources
    ) -> Catalogue:
        """A catalogue of the records and of the user's own texts. Nothing heavy is loaded."""
        ordered = sorted(records, key=lambda tag: (-tag.post_count, tag.tag))
        tags = {record.tag: record for record in ordered}
        names = NameIndex(ordered, load_typed_words())
        retriever = Retriever(ordered, names, resources, own_texts)
        return cls(tags, {tag: rank for rank, tag in enumerate(tags)}, names, retriever)
