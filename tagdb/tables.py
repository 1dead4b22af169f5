"""LanceDB tables that can be made again at any time from what they were built of."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tagdb.errors import TagdbError

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 2
NGRAM = (1, 3)
_KEPT = 3  # of one kind; older ones are of data that is no longer there

T = TypeVar("T")


@dataclass(frozen=True)
class TableSource:
    """What a table is built of.

    `basis` is JSON values that change whenever the rows would, `rows` makes the `count` rows (None:
    at least one), `full_text` names the column with a BM25 index over character n-grams.
    """

    name: str
    basis: Sequence[Any]
    count: int | None
    rows: Callable[[], pa.Table]
    full_text: str | None = None

    @property
    def folder(self) -> str:
        """A folder name that changes with the rows, the schema and LanceDB's minor release."""
        release = ".".join(version("lancedb").split(".")[:2])
        basis = json.dumps([SCHEMA_VERSION, release, NGRAM, *self.basis], ensure_ascii=False)
        return f"{self.name}-{hashlib.sha256(basis.encode('utf-8')).hexdigest()[:20]}"


class CachedTable:
    """A table in `cache_dir/<name>-<fingerprint>`.

    Opened when present and sound, else built in a folder beside it and renamed into place, so
    that processes which build at once end with one whole table. Imports lancedb.
    """

    def __init__(self, source: TableSource, cache_dir: Path) -> None:
        self._source = source
        self._folder = cache_dir / source.folder
        table = _open_sound(self._folder, source)
        self._table: Any = self._build() if table is None else table

    def run(self, ask: Callable[[Any], T]) -> T:
        """What `ask` makes of the table; asked again of a rebuilt one when the storage fails."""
        try:
            return ask(self._table)
        except BaseException as error:
            if not _is_storage_failure(error):
                raise
        self._table = self._build()
        return ask(self._table)

    def _build(self) -> Any:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="building-", dir=self._folder.parent))
        try:
            _write(fresh, self._source)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        _set_aside_unsound(self._folder, self._source)
        try:
            fresh.rename(self._folder)
        except OSError:
            winner = _open_sound(self._folder, self._source, read_all=True)
            if winner is not None:
                shutil.rmtree(fresh, ignore_errors=True)
                return winner
            # Neither renamed nor lost: a lock on the folder (Windows). Serve from where it is.
            self._folder = fresh
        table = _open_sound(self._folder, self._source)
        if table is None:
            raise TagdbError(
                f"The table in {self._folder} cannot be read back after it was built. "
                "Check that the cache folder is writable and that the disk is not full."
            )
        remove_old(self._folder.parent, f"{self._source.name}-*")
        return table


def _write(folder: Path, source: TableSource) -> None:
    import lancedb
    from lancedb.index import FTS

    table = lancedb.connect(folder).create_table(source.name, source.rows(), on_bad_vectors="null")
    if source.full_text is not None:
        config = FTS(
            base_tokenizer="ngram",
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
            ngram_min_length=NGRAM[0],
            ngram_max_length=NGRAM[1],
        )
        table.create_index(source.full_text, config=config)


def _open_sound(folder: Path, source: TableSource, *, read_all: bool = False) -> Any | None:
    """The table in the folder, or None where it is absent, incomplete or unreadable.

    With `read_all` every row is read; without, damage deep in the data shows at its first use.
    """
    if not folder.is_dir():
        return None
    import lancedb

    try:
        table = lancedb.connect(folder).open_table(source.name)
        count = table.count_rows()
        if count != (source.count or count) or not count:
            return None
        column = source.full_text
        if column is not None:
            if not table.list_indices():
                return None
            texts = table.search().where(f"{column} IS NOT NULL").select([column]).limit(1)
            first = texts.to_list()[0][column][:40]
            table.search(first, query_type="fts").limit(1).to_list()
        if read_all:
            table.to_arrow()
        return table
    except BaseException as error:
        if not _is_storage_failure(error):
            raise
    return None


def _set_aside_unsound(folder: Path, source: TableSource) -> None:
    if not folder.exists() or _open_sound(folder, source, read_all=True) is not None:
        return
    grave = Path(tempfile.mkdtemp(prefix="unsound-", dir=folder.parent))
    # Another process may have set it aside first.
    with contextlib.suppress(OSError):
        folder.rename(grave / folder.name)
    shutil.rmtree(grave, ignore_errors=True)


def remove_old(cache_dir: Path, pattern: str) -> None:
    """Removes all but the newest of the files and folders of one kind.

    A process that still reads a removed one builds it again.
    """
    ages = {}
    for path in cache_dir.glob(pattern):
        # Another process may remove it at the same time.
        with contextlib.suppress(OSError):
            ages[path] = path.stat().st_mtime_ns
    for path in sorted(ages, key=ages.__getitem__, reverse=True)[_KEPT:]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            # Open in another process (Windows): it stays until the next time.
            with contextlib.suppress(OSError):
                path.unlink()


def _is_storage_failure(error: BaseException) -> bool:
    """True for errors and for panics of the Rust core, which derive from BaseException."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
