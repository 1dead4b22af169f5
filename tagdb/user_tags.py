"""The user's own tags, and names and texts the user adds to shipped tags."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from tagdb.checks import language_of
from tagdb.errors import TagdbError
from tagdb.names import NameIndex
from tagdb.normalize import name_key
from tagdb.records import LANGUAGES, ExpressionTag, Language, Text

OWN_CATEGORY = "own"
MAX_TEXT_CHARS = 1000
_TABLE = "additions"
_COLUMNS = ("tag", "kind", "lang", "text")
_SHOWN_PROBLEMS = 10

AdditionKind = Literal["definition", "category", "part", "name", "cue", "story"]
ADDITION_KINDS: tuple[AdditionKind, ...] = (
    "definition",
    "category",
    "part",
    "name",
    "cue",
    "story",
)
_OF_LANGUAGE = ("definition", "name", "cue", "story")


class Addition(BaseModel):
    """One thing the user says of a tag: a row of the table and of an exported file.

    A tag of the user's own is one with a `definition`; `category` and `part` belong to such tags
    only and have no language. A `name`, `cue` or `story` may be of a shipped tag too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: str
    kind: AdditionKind
    lang: Language | Literal[""]
    text: str


class Row(NamedTuple):
    """An addition as it was written: where (a line, an option), and its four fields.

    An empty `lang` is guessed from the script.
    """

    where: str
    tag: str
    kind: str
    lang: str
    text: str


class Merged(NamedTuple):
    """The records with the user's additions, and the user's texts."""

    records: tuple[ExpressionTag, ...]
    texts: tuple[Text, ...]


class UserTags:
    """The table `additions` in a folder of the user's: add, rows, remove.

    Never rebuilt and never removed. `version` changes with every addition, also by another process.
    Imports lancedb when the table is there or made. Thread-safe.
    """

    def __init__(self, folder: Path, records: Iterable[ExpressionTag]) -> None:
        self._folder = folder
        self._place = folder / f"{_TABLE}.lance"
        self._records = {record.tag: record for record in records}
        self._table: Any = None
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where the table lies."""
        return self._folder

    def version(self) -> tuple[int, int]:
        """Differs from what it was after any change; (0, 0) where there is no table."""
        with self._lock:
            table = self._open(make=False)
            if table is None:
                return 0, 0
            # another table in its place may have as many changes
            return self._place.stat().st_ctime_ns, int(table.version)

    def rows(self) -> tuple[Addition, ...]:
        """All additions, in the order in which they were made."""
        with self._lock:
            table = self._open(make=False)
            if table is None:
                return ()
            try:
                found = table.to_arrow().select(_COLUMNS).to_pylist()
            except (OSError, RuntimeError, ValueError) as error:
                raise self._unreadable(error) from error
        return tuple(Addition.model_validate(row) for row in found)

    def add(self, rows: Sequence[Row]) -> int:
        """The number of rows that were added; those already there are passed over.

        Raises TagdbError, with every problem and where it stands, and then adds nothing.
        """
        present = self.rows()
        new = check_rows(rows, present, self._records)
        if new:
            with self._lock:
                table = self._open(make=True)
                table.add([row.model_dump() for row in new])
        return len(new)

    def remove(self, tag: str, text: str | None = None) -> int:
        """The number of rows that were removed: all of a tag, or those of this text.

        Raises TagdbError where there is none.
        """
        name = "_".join(tag.split())
        gone = [r for r in self.rows() if r.tag == name and text in (None, r.text)]
        if not gone:
            what = f"{name!r}" if text is None else f"{name!r} with the text {text!r}"
            known = ", ".join(sorted({row.tag for row in self.rows()})) or "none"
            raise TagdbError(f"There is no addition of yours to {what}. Tags with some: {known}.")
        condition = f"tag = {_quoted(name)}"
        if text is not None:
            condition += f" AND text = {_quoted(text)}"
        with self._lock:
            self._open(make=True).delete(condition)
        return len(gone)

    def _open(self, *, make: bool) -> Any:
        """The table as it is now; None where there is none and none is to be made."""
        if not self._place.is_dir():
            self._table = None
            if not make:
                return None
        import lancedb

        try:
            if self._table is None:
                if not self._place.is_dir():
                    _make_table(self._folder, self._place)
                self._table = lancedb.connect(self._folder).open_table(_TABLE)
            self._table.checkout_latest()
        except (OSError, RuntimeError, ValueError) as error:
            self._table = None
            raise self._unreadable(error) from error
        return self._table

    def _unreadable(self, error: Exception) -> TagdbError:
        reason = str(error).splitlines()[0][:200]
        return TagdbError(
            f"The table of your own tags in {self._folder} cannot be opened: {reason}. It was left as "
            "it is. Move the folder away and import your last export, or check its permissions."
        )


def _make_table(folder: Path, place: Path) -> None:
    """An empty table at `place` in `folder`, unless another process is faster.

    It is made elsewhere and moved there whole: two that LanceDB makes at one place at a time overwrite
    each other, with what was added between.
    """
    import lancedb
    import pyarrow as pa

    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
    with tempfile.TemporaryDirectory(
        prefix="making-", dir=folder, ignore_cleanup_errors=True
    ) as fresh:
        lancedb.connect(fresh).create_table(_TABLE, schema=schema)
        try:
            (Path(fresh) / place.name).rename(place)
        except OSError:
            if not place.is_dir():
                raise


def check_rows(
    rows: Sequence[Row], present: Sequence[Addition], records: dict[str, ExpressionTag]
) -> list[Addition]:
    """The additions of valid rows that are not present. Raises TagdbError with all problems."""
    problems: list[str] = []
    known: dict[Addition, None] = dict.fromkeys(present)
    parsed: list[tuple[str, Addition]] = []
    for row in rows:
        try:
            parsed.append((row.where, _parse(row, records)))
        except TagdbError as error:
            problems.append(f"{row.where}: {error}")
    own = {a.tag for a in present if a.kind == "definition"}
    own |= {addition.tag for _, addition in parsed if addition.kind == "definition"}
    index = NameIndex(merge(records.values(), present).records, {})
    taken = _Names(index)
    new = []
    for where, addition in parsed:
        problem = _problem(addition, own, records, taken)
        if problem:
            problems.append(f"{where}: {problem}")
        elif addition not in known:
            known[addition] = None
            new.append(addition)
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        tail = [f"and {more} more"] if more > 0 else []
        raise TagdbError("Nothing was added.\n" + "\n".join([*problems[:_SHOWN_PROBLEMS], *tail]))
    return new


def merge(records: Iterable[ExpressionTag], additions: Sequence[Addition]) -> Merged:
    """The records with the additions in them; a tag that is shipped keeps its shipped facts."""
    merged = {record.tag: record for record in records}
    shipped = frozenset(merged)
    by_tag: dict[str, list[Addition]] = {}
    for addition in additions:
        by_tag.setdefault(addition.tag, []).append(addition)
    texts = []
    for tag, rows in by_tag.items():
        if tag not in shipped:
            if not any(row.kind == "definition" for row in rows):
                continue  # its definition was removed, or it was of a tag that is no longer shipped
            merged[tag] = _own_record(tag, rows)
        merged[tag] = _with_names(merged[tag], [row for row in rows if row.kind == "name"])
        texts += [
            Text(kind=row.kind, tag=tag, lang=row.lang, text=row.text)
            for row in rows
            if row.kind in ("cue", "story") and row.lang
        ]
    return Merged(tuple(merged.values()), tuple(texts))


class _Names:
    """Which tag a name belongs to, names that are being added included."""

    def __init__(self, index: NameIndex) -> None:
        self._index = index
        self._new: dict[str, str] = {}

    def claim(self, name: str, tag: str) -> str | None:
        """The other tag that has the name already; else None, and it is this tag's from now on."""
        others = [found for found in self._index.lookup(name) if found != tag]
        owner = self._new.setdefault(name_key(name), tag)
        return others[0] if others else owner if owner != tag else None


def _parse(row: Row, records: dict[str, ExpressionTag]) -> Addition:
    tag, text = "_".join(row.tag.split()), " ".join(row.text.split())
    lang = row.lang.strip().lower()
    if not name_key(tag):
        raise TagdbError("the tag is empty; write its name, as in cat_grin.")
    if tag not in records and ("," in tag or len(tag) > 100 or tag != tag.lower()):
        raise TagdbError(f"{tag!r} is no tag name: lower case, no comma, at most 100 characters.")
    if row.kind not in ADDITION_KINDS:
        raise TagdbError(f"unknown kind {row.kind!r}; kinds: {', '.join(ADDITION_KINDS)}.")
    if not text:
        raise TagdbError(f"the {row.kind} of {tag!r} is empty.")
    if len(text) > MAX_TEXT_CHARS:
        raise TagdbError(f"the {row.kind} of {tag!r} is longer than {MAX_TEXT_CHARS} characters.")
    if row.kind not in _OF_LANGUAGE:
        lang = ""
    elif not lang:
        lang = language_of(text)
    elif lang not in LANGUAGES:
        raise TagdbError(
            f"unknown language {row.lang!r} of the {row.kind} {text[:40]!r}; languages: "
            f"{', '.join(LANGUAGES)}."
        )
    return Addition.model_validate({"tag": tag, "kind": row.kind, "lang": lang, "text": text})


def _problem(
    addition: Addition, own: set[str], records: dict[str, ExpressionTag], taken: _Names
) -> str | None:
    tag, kind, text = addition.tag, addition.kind, addition.text
    if tag in records and kind in ("definition", "category", "part"):
        return f"{tag!r} is a shipped tag; only names, cues and stories can be added to it."
    if tag not in records and tag not in own:
        return (
            f"unknown tag {tag!r}; give it a definition to make it a tag of your own, or name a "
            "shipped one."
        )
    if kind == "category":
        categories = sorted({record.category for record in records.values()} | {OWN_CATEGORY})
        return None if text in categories else _unknown("category", text, categories)
    if kind == "part":
        parts = sorted({part for record in records.values() for part in record.parts})
        return None if text in parts else _unknown("part", text, parts)
    if kind == "definition":
        return _clash(tag, tag, taken)
    return _clash(text, tag, taken) if kind == "name" else None


def _clash(name: str, tag: str, taken: _Names) -> str | None:
    other = taken.claim(name, tag)
    if other is None:
        return None
    return f"the name {name!r} belongs to the tag {other!r} already; choose another."


def _unknown(what: str, value: str, accepted: Sequence[str]) -> str:
    return f"unknown {what} {value!r}; accepted: {', '.join(accepted)}."


def _own_record(tag: str, rows: Sequence[Addition]) -> ExpressionTag:
    said: dict[str, list[str]] = {}
    definitions: dict[str, str] = {}
    for row in rows:
        said.setdefault(row.kind, []).append(row.text)
        if row.kind == "definition":
            definitions.setdefault(row.lang, row.text)
    any_language = definitions.get("en") or said["definition"][0]
    readable = len(tag) > 3 and any(char.isalpha() for char in tag)
    return ExpressionTag(
        tag=tag,
        prompt_form=tag.replace("_", " ") if readable else tag,
        category=said.get("category", [OWN_CATEGORY])[-1],
        parts=tuple(dict.fromkeys(said.get("part", ()))),
        definition={language: definitions.get(language, any_language) for language in LANGUAGES},
        names={language: () for language in LANGUAGES},
    )


def _with_names(record: ExpressionTag, names: Sequence[Addition]) -> ExpressionTag:
    if not names:
        return record
    merged = {language: record.names.get(language, ()) for language in LANGUAGES}
    for row in names:
        if row.lang:
            merged[row.lang] = tuple(dict.fromkeys((*merged[row.lang], row.text)))
    return record.model_copy(update={"names": merged})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
