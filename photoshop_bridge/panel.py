"""What the panel asks of the application: searches, one edit at a time, the self-test's report."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from photoshop_bridge.errors import BridgeError
from photoshop_bridge.files import private_folder, write_whole
from photoshop_bridge.service import Service, ServiceError
from photoshop_bridge.values import JobStart

MAX_REPORT_BYTES = 200_000
_KEPT_REPORTS = 20


class PanelDesk:
    """Calls the service in threads and tells the panel how its job goes. Lives in the server's loop."""

    def __init__(
        self,
        open_service: Callable[[], Service],
        reports: Path,
        notify: Callable[[str, Mapping[str, Any]], None],
        placed: Callable[[], None],
    ) -> None:
        self._open_service, self._reports = open_service, reports
        self._notify, self.placed = notify, placed
        self._running: tuple[str, threading.Event] | None = None
        self._task: asyncio.Task[None] | None = None

    async def search(self, query: str, limit: int) -> Mapping[str, Any]:
        try:
            return await asyncio.to_thread(lambda: self._open_service().search(query, limit))
        except ServiceError as error:
            raise BridgeError("job_failed", str(error)) from error

    def start(self, job: JobStart) -> str:
        """The id of a job that has begun. Raises BridgeError job_running."""
        if self._running is not None:
            raise BridgeError("job_running", "An edit is running.", "Wait for it, or cancel it.")
        number, stop = f"job_{secrets.token_hex(6)}", threading.Event()
        self._running = (number, stop)
        self._task = asyncio.create_task(self._run(number, job, stop))
        return number

    def cancel(self, job: str) -> bool:
        """Stops the job at its next step; False when it is not running."""
        if self._running is None or self._running[0] != job:
            return False
        self._running[1].set()
        return True

    def close(self) -> None:
        if self._running is not None:
            self._running[1].set()

    def keep_report(self, report: Mapping[str, Any]) -> str:
        """The name of the file that keeps a self-test's report. Raises BridgeError."""
        data = json.dumps(report, indent=1).encode()
        if len(data) > MAX_REPORT_BYTES:
            raise BridgeError("too_large", "The self-test's report is too large to be kept.")
        private_folder(self._reports)
        name = time.strftime("selftest-%Y%m%dT%H%M%S", time.gmtime()) + ".json"
        write_whole(self._reports / name, data)
        for old in sorted(self._reports.glob("selftest-*.json"))[:-_KEPT_REPORTS]:
            old.unlink(missing_ok=True)
        return name

    async def _run(self, number: str, job: JobStart, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()

        def on_step(done: int, total: int, what: str) -> None:
            progress = {"job": number, "value": min(done / max(total, 1), 1.0), "text": what}
            loop.call_soon_threadsafe(self._notify, "job.progress", progress)

        problem = {"kind": "job_failed", "message": "The edit failed.", "advice": ""}
        done: dict[str, Any] = {"results": [], "warnings": [], "status": "failed", "error": problem}
        try:
            edited = await asyncio.to_thread(
                lambda: self._open_service().edit(job, on_step, stop.is_set)
            )
            done = {"results": edited.results, "warnings": edited.warnings, "error": None}
            done["status"] = "cancelled" if stop.is_set() else "done"
        except ServiceError as error:
            problem["message"] = str(error)
            if stop.is_set():
                done |= {"status": "cancelled", "error": None}
        finally:
            # whatever happened, the panel must not wait for ever
            self._running = None
            self._notify("job.done", {"job": number, **done})
