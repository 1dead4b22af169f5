"""Files of user additions: CSV with a header, or one JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tagdb.errors import TagdbError
from tagdb.user_tags import Addition, Row

_FIELDS = ("tag", "kind", "lang", "text")


def read_rows(path: Path) -> list[Row]:
    """The rows of a .csv or .jsonl file, each with its line. Raises TagdbError."""
    read = _by_suffix(path, {".csv": _read_csv, ".jsonl": _read_jsonl})
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TagdbError(f"{path} is not UTF-8: {error.reason}. Save it as UTF-8.") from error
    except OSError as error:
        raise TagdbError(f"{path} cannot be read: {error.strerror}.") from error
    return read(content)


def write_rows(path: Path, additions: Iterable[Addition]) -> None:
    """Writes a .csv or .jsonl file that `read_rows` reads back. Raises TagdbError."""
    write = _by_suffix(path, {".csv": _to_csv, ".jsonl": _to_jsonl})
    try:
        path.write_text(write(additions), encoding="utf-8", newline="")
    except OSError as error:
        raise TagdbError(f"{path} cannot be written: {error.strerror}.") from error


def _by_suffix(path: Path, by_suffix: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    found = by_suffix.get(path.suffix.lower())
    if found is None:
        raise TagdbError(f"{path.name} is neither .csv nor .jsonl.")
    return found


def _read_csv(content: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(content, newline=""))
    lacking = [name for name in ("tag", "kind", "text") if name not in (reader.fieldnames or ())]
    if lacking:
        raise TagdbError(
            f"line 1: the header lacks {', '.join(lacking)}; it should be {','.join(_FIELDS)}."
        )
    return [
        Row(f"line {reader.line_num}", *(row.get(name) or "" for name in _FIELDS)) for row in reader
    ]


def _read_jsonl(content: str) -> list[Row]:
    rows = []
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise TagdbError(f"line {number}: no JSON: {error}.") from error
        fields = row if isinstance(row, dict) else {}
        if not {"tag", "kind", "text"} <= fields.keys() <= set(_FIELDS):
            raise TagdbError(
                f"line {number}: must be an object with {', '.join(_FIELDS)} and nothing else."
            )
        values = (fields.get(name, "") for name in _FIELDS)
        if not all(isinstance(value, str) for value in fields.values()):
            raise TagdbError(f"line {number}: every value must be a string.")
        rows.append(Row(f"line {number}", *values))
    return rows


def _to_csv(additions: Iterable[Addition]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_FIELDS)
    writer.writerows((a.tag, a.kind, a.lang, a.text) for a in additions)
    return out.getvalue()


def _to_jsonl(additions: Iterable[Addition]) -> str:
    return "".join(
        json.dumps(addition.model_dump(), ensure_ascii=False) + "\n" for addition in additions
    )
