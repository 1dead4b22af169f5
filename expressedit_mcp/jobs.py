"""Long work in the background: records on disk, progress, cancellation, and going on after an interruption."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from expressedit_mcp.errors import Cancelled, ExpressEditError, InputError

State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
ENDED: frozenset[str] = frozenset({"done", "failed", "cancelled", "interrupted"})
ID_PATTERN = re.compile(r"job_[0-9a-f]{16}")
_BEAT_S = 2.0
_STALE_S = 10.0


class JobRecord(BaseModel):
    """What is known of a job. `items` are the results that are whole so far, as JSON; `request` is what was asked.

    `server` names the process that works on it.
    """

    model_config = ConfigDict(frozen=True)

    job_id: str
    kind: str
    state: State
    created: float
    server: str
    request: dict[str, Any]
    done: int = 0
    total: int = 1
    what: str = "waiting"
    items: tuple[dict[str, Any], ...] = ()
    error: str = ""


class Report(Protocol):
    """What a job tells of itself while it runs."""

    def step(self, done: int, total: int, what: str) -> None:
        """Progress."""
        ...

    def item(self, value: Mapping[str, Any]) -> None:
        """One result that is whole; kept whatever happens to the rest."""
        ...

    def stopped(self) -> bool:
        """True when the job shall stop."""
        ...


Work = Callable[[Mapping[str, Any], Report], None]
"""Does the work of a request. Asked again with the same request it must skip what it did before."""


class Jobs:
    """Owns the folder of job records and a thread for each kind, which works on its jobs in order.

    So no edit waits for the end of a learning; what they share, the device, they take in turns.

    Several servers may share the folder: each runs its own jobs, all see the records. A job whose process
    died is `interrupted` and can be resumed by any server.
    """

    def __init__(self, folder: Path, kinds: Mapping[str, Work]) -> None:
        self._folder = folder
        self._kinds = dict(kinds)
        self._executors = {
            kind: ThreadPoolExecutor(1, thread_name_prefix=f"jobs-{kind}") for kind in kinds
        }
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._server = secrets.token_hex(8)
        self._closed = threading.Event()
        self._beating = False

    def start(self, kind: str, request: Mapping[str, Any]) -> JobRecord:
        """The record of a new job, which waits for its turn."""
        record = JobRecord(
            job_id=f"job_{secrets.token_hex(8)}",
            kind=kind,
            state="waiting",
            created=time.time(),
            server=self._server,
            request=dict(request),
        )
        return self._submit(record)

    def get(self, job_id: str) -> JobRecord:
        """The record of a job. Raises InputError for an unknown one."""
        record = self._read(job_id) if ID_PATTERN.fullmatch(job_id) else None
        if record is None:
            known = ", ".join(r.job_id for r in self.list()[:5]) or "none"
            raise InputError(f"There is no job {job_id!r}. The latest jobs: {known}.")
        return self._judged(record)

    def list(self) -> list[JobRecord]:
        """All records, the newest first."""
        found = (self._read(path.stem) for path in self._folder.glob("job_*.json"))
        return sorted((self._judged(r) for r in found if r), key=lambda r: -r.created)

    def cancel(self, job_id: str) -> JobRecord:
        """The record of a job that was asked to stop; it does within a step. An ended one stays as it is."""
        record = self.get(job_id)
        if record.state in ENDED:
            return record
        # a mark on disk, since another server may be the one that runs it
        self._mark(job_id).touch()
        with self._lock:
            stop = self._stops.get(job_id)
        if stop is not None:
            stop.set()
        return record

    def resume(self, job_id: str) -> JobRecord:
        """The record of an interrupted, failed or cancelled job, waiting again in this process."""
        record = self.get(job_id)
        if record.state not in ENDED or record.state == "done":
            return record
        # the work skips what it did before and reports those items again
        again = {"state": "waiting", "what": "waiting", "error": "", "items": ()}
        return self._submit(record.model_copy(update={**again, "server": self._server}))

    def close(self) -> None:
        """Asks every job of this process to stop and takes no more."""
        self._closed.set()
        with self._lock:
            for stop in self._stops.values():
                stop.set()
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)

    def _submit(self, record: JobRecord) -> JobRecord:
        if record.kind not in self._kinds:
            raise InputError(f"This server does not know jobs of the kind {record.kind!r}.")
        self._mark(record.job_id).unlink(missing_ok=True)
        stop = threading.Event()
        with self._lock:
            self._stops[record.job_id] = stop
            if not self._beating:
                self._beating = True
                self._beat()
                threading.Thread(target=self._keep_beating, name="jobs-beat", daemon=True).start()
        self._write(record)
        self._executors[record.kind].submit(self._run, record, stop)
        return record

    def _run(self, record: JobRecord, stop: threading.Event) -> None:
        running = _Running(self, record, stop)
        try:
            running.begin()
            self._kinds[record.kind](record.request, running)
            running.end("done", "done")
        except Cancelled:
            running.end("cancelled", "cancelled")
        except ExpressEditError as error:
            running.end("failed", "failed", str(error))
        except Exception as error:  # the record is the only place where a fault can be seen
            running.end("failed", "failed", f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._stops.pop(record.job_id, None)

    def _judged(self, record: JobRecord) -> JobRecord:
        """The record, as interrupted when the process that worked on it is gone."""
        if record.state in ENDED or self._lives(record.server):
            return record
        return record.model_copy(
            update={"state": "interrupted", "what": "its server ended; resume it to go on"}
        )

    def _lives(self, server: str) -> bool:
        try:
            age_s = time.time() - self._pulse(server).stat().st_mtime
        except OSError:
            return False
        return age_s < _STALE_S

    def _keep_beating(self) -> None:
        while not self._closed.wait(_BEAT_S):
            self._beat()
        self._pulse(self._server).unlink(missing_ok=True)

    def _beat(self) -> None:
        # a folder that cannot be written is said when a record is
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._pulse(self._server).touch()

    def _pulse(self, server: str) -> Path:
        return self._folder / f"server_{server}"

    def _mark(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.cancel"

    def _read(self, job_id: str) -> JobRecord | None:
        try:
            text = (self._folder / f"{job_id}.json").read_text("utf-8")
            return JobRecord.model_validate_json(text)
        except (OSError, ValidationError):
            return None

    def _write(self, record: JobRecord) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".tmp-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(record.model_dump(mode="json"), file, ensure_ascii=False)
            os.replace(name, self._folder / f"{record.job_id}.json")
        except OSError as error:
            raise ExpressEditError(
                f"The job could not be recorded in {self._folder}: {error.strerror or error}. Free some space "
                "or set EXPRESSEDIT_HOME to another folder."
            ) from error


class _Running:
    """The report of a job that runs: writes its record as it goes."""

    def __init__(self, jobs: Jobs, record: JobRecord, stop: threading.Event) -> None:
        self._jobs, self._record, self._stop = jobs, record, stop

    def begin(self) -> None:
        """Raises Cancelled for a job that was cancelled while it waited."""
        if self.stopped():
            raise Cancelled("The job was cancelled before it began.")
        self._update(state="running", what="starting")

    def step(self, done: int, total: int, what: str) -> None:
        if self.stopped():
            raise Cancelled("The job was cancelled; what was whole is kept.")
        self._update(done=done, total=total, what=what)

    def item(self, value: Mapping[str, Any]) -> None:
        self._update(items=(*self._record.items, dict(value)))

    def stopped(self) -> bool:
        return self._stop.is_set() or self._jobs._mark(self._record.job_id).exists()

    def end(self, state: State, what: str, error: str = "") -> None:
        """Writes the last record."""
        self._update(state=state, what=what, error=error)

    def _update(self, **changes: Any) -> None:
        self._record = self._record.model_copy(update=changes)
        self._jobs._write(self._record)
