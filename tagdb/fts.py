"""BM25 over one document per tag: names, aliases, definitions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagdb.normalize import normalize
from tagdb.records import ExpressionTag
from tagdb.tables import CachedTable, TableSource


def tag_document(tag: ExpressionTag) -> str:
    """The normalised text a tag is searched by: names, aliases, definitions."""
    names = [name for group in tag.names.values() for name in group]
    parts = [tag.prompt_form, *tag.aliases, *names, *tag.definition.values()]
    return normalize(" \n ".join(part.replace("_", " ") for part in parts))


class FullTextIndex:
    """The table `tags`: a document of each tag and its BM25 index, kept in `cache_dir`."""

    def __init__(self, documents: Mapping[str, str], cache_dir: Path) -> None:
        self._count = len(documents)

        def rows() -> Any:
            import pyarrow as pa

            return pa.table({"tag": list(documents), "text": list(documents.values())})

        source = TableSource("tags", [dict(documents)], self._count, rows, "text")
        self._table = CachedTable(source, cache_dir)

    def search(self, query: str) -> dict[str, float]:
        """The BM25 score (> 0, unbounded) of every document that shares an n-gram."""
        if not query.strip():
            return {}
        rows = self._table.run(
            lambda table: (
                table.search(query, query_type="fts")
                .select(["tag", "_score"])
                .limit(self._count)
                .to_list()
            )
        )
        return {row["tag"]: float(row["_score"]) for row in rows}
