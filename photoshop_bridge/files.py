"""Small files that several servers share: written whole, readable by their owner alone."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Record = TypeVar("Record", bound=BaseModel)


def private_folder(folder: Path) -> Path:
    """The folder, made when it is missing, closed to other users where the system knows that."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        folder.chmod(0o700)
    return folder


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes under another name and renames; readers see the old file or the new one.

    mkstemp makes files that only their owner may read (0600).
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_record(path: Path, record: BaseModel) -> None:
    write_whole(path, record.model_dump_json(indent=1).encode())


def read_record(path: Path, kind: type[Record]) -> Record | None:
    """The record in a file; None when it is missing or of another kind."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
