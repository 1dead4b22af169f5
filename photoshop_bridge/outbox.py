"""Results on disk until a document host has acknowledged their layer.

One folder serves all servers of a user: any may put results in, the one that holds the port delivers.
"""

from __future__ import annotations

import hashlib
import os
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from photoshop_bridge.errors import BridgeError
from photoshop_bridge.files import private_folder, read_record, write_record, write_whole
from photoshop_bridge.values import GROUP, Ack, DocRef, Problem, Rect, ResultId, Value

MAX_LISTED = 200
_KEPT_RECORDS = 200
_NAME_LENGTH = 80


@dataclass(frozen=True)
class Layer:
    """What shall lie in a document: opaque RGBA pixels and a mask, both bytes filling `rect`.

    `image_id` says where it comes from; `document` is None when no document is known for it.
    """

    image_id: str
    name: str
    rect: Rect
    pixels: bytes
    mask: bytes
    document: DocRef | None
    anchor: int | None = None


class Waiting(Value):
    """The record of a result. `held_by` is the install that fetched it last and may have placed it."""

    result: ResultId
    seq: int
    image_id: str
    name: str
    group: str = GROUP
    rect: Rect
    document: DocRef | None
    anchor: int | None
    auto: bool
    created: float
    state: Literal["ready", "placed", "discarded"] = "ready"
    held_by: str | None = None
    error: Problem | None = None
    layer: int | None = None
    mask: str | None = None
    verified: bool | None = None

    def entry(self, install: str) -> dict[str, Any]:
        """What a host is told of it; held by another install, it waits for a click."""
        wanted = {"result", "seq", "name", "group", "rect", "document", "anchor"}
        free = self.held_by in (None, install)
        facts = self.model_dump(mode="json", include=wanted)
        return {**facts, "auto": self.auto and free, "created": int(self.created)}


class Outbox:
    """Owns a folder: per result a record (`.json`), and while it waits its pixels and mask as raw bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, layer: Layer, *, again: bool = False) -> Waiting:
        """The record of a layer that waits or is placed already; `again` asks for another one.

        The same layer for the same document is one result, so a repeated call places nothing twice.
        """
        width, height = layer.rect[2] - layer.rect[0], layer.rect[3] - layer.rect[1]
        if len(layer.pixels) != width * height * 4 or len(layer.mask) != width * height:
            raise ValueError(f"pixels and mask do not fill {layer.rect}")
        attempt = 0
        while known := self.get(result := _result_id(layer, attempt)):
            if known.state == "ready" or (known.state == "placed" and not again):
                return known
            attempt += 1
        private_folder(self._folder)
        self._forget_old()
        record = Waiting(
            result=result,
            seq=1 + max((w.seq for w in self._records()), default=0),
            image_id=layer.image_id,
            name=_printable(layer.name),
            rect=layer.rect,
            document=layer.document,
            anchor=layer.anchor,
            auto=layer.document is not None,
            created=time.time(),
        )
        # the record last: without it the result does not exist
        write_whole(self._data(result), (layer.pixels, layer.mask))
        write_record(self._record(result), record)
        return record

    def get(self, result: str) -> Waiting | None:
        return read_record(self._record(result), Waiting)

    def pending(self) -> list[Waiting]:
        """What waits, in the order in which it is to be placed."""
        ready = (w for w in self._records() if w.state == "ready")
        return sorted(ready, key=lambda w: (w.seq, w.result))

    def fetch(
        self, result: str, install: str, *, force: bool
    ) -> tuple[Waiting, memoryview, memoryview]:
        """A waiting result with its pixels and mask, noted as held by the install.

        Raises BridgeError unknown_result, or taken when another install holds it.
        """
        waiting = self.get(result)
        if waiting is None or waiting.state != "ready":
            raise BridgeError("unknown_result", "This result is not waiting any more.")
        if waiting.held_by not in (None, install) and not force:
            raise BridgeError(
                "taken",
                "Another panel fetched this result and may have placed it.",
                "Look into that document first; a click places it here as well.",
            )
        try:
            data = memoryview(self._data(result).read_bytes())
        except OSError as error:
            raise BridgeError("unknown_result", "The pixels of this result are gone.") from error
        waiting = waiting.model_copy(update={"held_by": install})
        write_record(self._record(result), waiting)
        left, top, right, bottom = waiting.rect
        area = (right - left) * (bottom - top)
        if len(data) != area * 5:
            raise BridgeError("unknown_result", "The pixels of this result are damaged.")
        return waiting, data[: area * 4], data[area * 4 :]

    def acknowledge(self, ack: Ack) -> bool:
        """Notes what became of a result; False when it is not known."""
        waiting = self.get(ack.result)
        if waiting is None:
            return False
        if waiting.state != "ready":
            return True
        if ack.status == "failed":
            problem = ack.error or Problem(kind="host_error", message="The host gave no reason.")
            update: dict[str, Any] = {"auto": False, "held_by": None, "error": problem}
        else:
            update = {"state": ack.status, "error": None}
            update |= {"layer": ack.layer, "mask": ack.mask, "verified": ack.verified}
        write_record(self._record(ack.result), waiting.model_copy(update=update))
        if ack.status != "failed":
            self._data(ack.result).unlink(missing_ok=True)
        return True

    def discard(self, result: str) -> bool:
        """Throws a waiting result away; False when there is none."""
        waiting = self.get(result)
        if waiting is None or waiting.state != "ready":
            return False
        return self.acknowledge(Ack(result=result, status="discarded"))

    def stamp(self) -> tuple[tuple[str, int], ...]:
        """Something that differs after any change of a record, by whichever server."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                found.append((path.name, path.stat().st_mtime_ns))
            except OSError:
                continue
        return tuple(sorted(found))

    def _records(self) -> Iterator[Waiting]:
        for path in self._folder.glob("*.json"):
            record = read_record(path, Waiting)
            if record:
                yield record

    def _forget_old(self) -> None:
        done = sorted((w for w in self._records() if w.state != "ready"), key=lambda w: w.created)
        for waiting in done[:-_KEPT_RECORDS]:
            self._record(waiting.result).unlink(missing_ok=True)

    def _record(self, result: str) -> Path:
        return self._folder / f"{os.path.basename(result)}.json"

    def _data(self, result: str) -> Path:
        return self._folder / f"{os.path.basename(result)}.rgba-mask"


def _result_id(layer: Layer, attempt: int) -> str:
    """A hash of the layer, its document and the attempt; of a document, what outlasts a session."""
    document = layer.document
    where = None
    if document is not None:
        where = document.file or (document.session, document.doc)
    digest = hashlib.sha256(repr((layer.image_id, layer.rect, where, attempt)).encode())
    return "res_" + digest.hexdigest()[:20]


def _printable(name: str) -> str:
    """A layer's name: no control or formatting characters, at most 80 characters."""
    kept = (c if unicodedata.category(c)[0] != "C" else " " for c in name)
    return " ".join("".join(kept).split())[:_NAME_LENGTH] or "Expression"
