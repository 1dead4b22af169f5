"""Identifies a model by what its edits depend on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# other precisions of the same weights may lie beside them
_LOADED = re.compile(r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors")
_WHOLE_BYTES = 1 << 25
_HEAD_BYTES = 1 << 20
_SAMPLE_BYTES, _SAMPLES = 1 << 12, 256


def fingerprint(card: str, parts: Mapping[str, Path]) -> str:
    """16 hexadecimal digits of a card's text and of the contents of each part, by the part's role.

    A part is a file or a folder; in a folder count the weights that are loaded, configs (.json, by their values)
    and vocabularies (.txt, by their lines). Where files lie, their times and other files do not count, nor do
    the versions and paths that configs tell of. Of a file over 32 MiB its size, its first MiB and 256 samples of
    4 KiB are read, so that gigabytes take milliseconds.
    """
    digest = hashlib.sha256(card.encode())
    for role, part in sorted(parts.items()):
        for name, path in _files(part):
            content = hashlib.sha256()
            for piece in _contents(path):
                content.update(piece)
            digest.update(f"\n{role}/{name}:{content.hexdigest()}".encode())
    return digest.hexdigest()[:16]


def _files(part: Path) -> Iterator[tuple[str, Path]]:
    """The files of a part that count, by name; a single file has none."""
    if part.is_file():
        yield "", part
        return
    for path in sorted(part.glob("[!.]*")):
        if _LOADED.fullmatch(path.name) or path.suffix in (".json", ".txt"):
            yield path.name, path


def _contents(path: Path) -> Iterator[bytes]:
    if path.suffix == ".json":
        yield _config(path.read_bytes())
    elif path.suffix == ".txt":
        yield b"\n".join(path.read_bytes().splitlines())
    else:
        yield from _weights(path)


def _config(data: bytes) -> bytes:
    """A config's values, whatever the order and the layout they are written in."""
    try:
        values: Any = json.loads(data)
    except ValueError:
        # the loader will say what is wrong with it
        return data
    if isinstance(values, dict):
        told = ("_", "transformers_version")
        values = {name: value for name, value in values.items() if not name.startswith(told)}
    return json.dumps(values, sort_keys=True).encode()


def _weights(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield str(size).encode()
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            yield file.read()
            return
        yield file.read(_HEAD_BYTES)
        for index in range(_SAMPLES):
            file.seek((size - _SAMPLE_BYTES) * (index + 1) // _SAMPLES)
            yield file.read(_SAMPLE_BYTES)
