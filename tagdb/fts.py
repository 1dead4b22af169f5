"""The LanceDB table of the tags and its BM25 full-text index."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tagdb.errors import TagdbError
from tagdb.normalize import normalize
from tagdb.records import ExpressionTag

SCHEMA_VERSION = 1
_TABLE = "tags"
_NGRAM = (1, 3)


def tag_document(tag: ExpressionTag) -> str:
    """The normalised text a tag is searched by: names, aliases, definitions."""
    names = [name for group in tag.names.values() for name in group]
    parts = [tag.prompt_form, *tag.aliases, *names, *tag.definition.values()]
    return normalize(" \n ".join(part.replace("_", " ") for part in parts))


def fingerprint(documents: Mapping[str, str]) -> str:
    """A folder name that changes with the documents, the schema and LanceDB's minor release."""
    release = ".".join(version("lancedb").split(".")[:2])
    basis = json.dumps([SCHEMA_VERSION, release, _NGRAM, dict(documents)], ensure_ascii=False)
    return "tags-" + hashlib.sha256(basis.encode("utf-8")).hexdigest()[:20]


class FullTextIndex:
    """A BM25 index over documents, kept in `cache_dir/<fingerprint>`.

    Opened when present and sound, else built in a folder beside it and renamed into place, so
    that processes which build at once end with one whole table. Imports lancedb.
    """

    def __init__(self, documents: Mapping[str, str], cache_dir: Path) -> None:
        self._documents = dict(documents)
        self._folder = cache_dir / fingerprint(self._documents)
        table = _open_sound(self._folder, len(self._documents))
        self._table: Any = self._build() if table is None else table

    def search(self, query: str) -> dict[str, float]:
        """The BM25 score (> 0, unbounded) of every document that shares an n-gram."""
        if not query.strip():
            return {}
        try:
            return _run(self._table, query, len(self._documents))
        except BaseException as error:
            if not _is_storage_failure(error):
                raise
        self._table = self._build()
        return _run(self._table, query, len(self._documents))

    def _build(self) -> Any:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="building-", dir=self._folder.parent))
        _write(fresh, self._documents)
        _set_aside_unsound(self._folder, len(self._documents))
        try:
            fresh.rename(self._folder)
        except OSError:
            winner = _open_sound(self._folder, len(self._documents))
            if winner is not None:
                shutil.rmtree(fresh, ignore_errors=True)
                return winner
            # Neither renamed nor lost: a lock on the folder (Windows). Serve from where it is.
            self._folder = fresh
        table = _open_sound(self._folder, len(self._documents))
        if table is None:
            raise TagdbError(
                f"The tag index in {self._folder} cannot be read back after it was built. "
                "Check that the cache folder is writable and that the disk is not full."
            )
        return table


def _write(folder: Path, documents: Mapping[str, str]) -> None:
    import lancedb
    from lancedb.index import FTS

    rows = [{"tag": tag, "text": text} for tag, text in documents.items()]
    table = lancedb.connect(folder).create_table(_TABLE, rows)
    config = FTS(
        base_tokenizer="ngram",
        stem=False,
        remove_stop_words=False,
        ascii_folding=False,
        ngram_min_length=_NGRAM[0],
        ngram_max_length=_NGRAM[1],
    )
    table.create_index("text", config=config)


def _open_sound(folder: Path, count: int) -> Any | None:
    """The table in the folder, or None where it is absent, incomplete or unreadable."""
    if not folder.is_dir():
        return None
    import lancedb

    try:
        table = lancedb.connect(folder).open_table(_TABLE)
        rows = table.to_arrow()
        if rows.num_rows == count and table.list_indices():
            _run(table, rows["text"][0].as_py()[:40], 1)
            return table
    except BaseException as error:
        if not _is_storage_failure(error):
            raise
    return None


def _run(table: Any, query: str, limit: int) -> dict[str, float]:
    rows: Iterable[dict[str, Any]] = (
        table.search(query, query_type="fts").select(["tag", "_score"]).limit(limit).to_list()
    )
    return {row["tag"]: float(row["_score"]) for row in rows}


def _set_aside_unsound(folder: Path, count: int) -> None:
    if not folder.exists() or _open_sound(folder, count) is not None:
        return
    grave = Path(tempfile.mkdtemp(prefix="unsound-", dir=folder.parent))
    # Another process may have set it aside first.
    with contextlib.suppress(OSError):
        folder.rename(grave / folder.name)
    shutil.rmtree(grave, ignore_errors=True)


def _is_storage_failure(error: BaseException) -> bool:
    """True for errors and for panics of the Rust core, which derive from BaseException."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
