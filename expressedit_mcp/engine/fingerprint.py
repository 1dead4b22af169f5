"""Identifies a model by its card and files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_HEAD, _TAIL = 1 << 16, 1 << 12


def fingerprint(card: str, parts: Iterable[Path]) -> str:
    """16 hexadecimal digits that change with the card's text, and with the names, sizes, first 64 KiB or last
    4 KiB of the files of each part, a file or a folder.

    Reads little of each file, so that it takes milliseconds for a model of many gigabytes.
    """
    digest = hashlib.sha256(card.encode())
    for part in parts:
        files = [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.is_file())
        for path in files:
            size = path.stat().st_size
            name = path.name if path == part else path.relative_to(part).as_posix()
            digest.update(f"{name}:{size}\n".encode())
            with path.open("rb") as file:
                digest.update(file.read(_HEAD))
                if size > _HEAD:
                    file.seek(max(size - _TAIL, _HEAD))
                    digest.update(file.read())
    return digest.hexdigest()[:16]
