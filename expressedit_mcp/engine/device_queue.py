"""One edit at a time on a device: interactive ones before batch ones, each kind in its order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from expressedit_mcp.engine.backend import Stop
from expressedit_mcp.errors import Cancelled, InputError

_POLL_S = 0.1
_REPORT_S = 1.0

OnWait = Callable[[int, float | None], None]
"""Called with (edits ahead, seconds until the turn comes or None when no edit was timed yet)."""


class DeviceQueue:
    """Hands out turns. Bounded: beyond `limit` waiting edits a new one is refused at once."""

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: list[tuple[bool, int]] = []
        self._next_number = 0
        self._busy_since: float | None = None
        self._mean_s: float | None = None

    @contextmanager
    def turn(self, *, batch: bool, stop: Stop, on_wait: OnWait) -> Iterator[None]:
        """The device for the time of the block.

        Raises Cancelled once `stop` says so while waiting, and InputError when the queue is full.
        """
        ticket = self._enter(batch)
        try:
            self._wait(ticket, stop, on_wait)
        except BaseException:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()
            raise
        started = time.perf_counter()
        try:
            yield
        finally:
            self._leave(time.perf_counter() - started)

    @contextmanager
    def turn_if_free(self) -> Iterator[bool]:
        """True with the device, when nobody has it or waits for it; else False, at once."""
        with self._changed:
            free = self._busy_since is None and not self._waiting
            if free:
                self._busy_since = time.perf_counter()
        try:
            yield free
        finally:
            if free:
                self._leave(None)

    def _enter(self, batch: bool) -> tuple[bool, int]:
        with self._changed:
            if len(self._waiting) >= self._limit:
                wait = self._estimate(len(self._waiting))
                later = f"in about {wait:.0f} s" if wait else "later"
                raise InputError(
                    f"{len(self._waiting)} edits are waiting for the model already; call again {later}."
                )
            ticket = (batch, self._next_number)
            self._next_number += 1
            self._waiting.append(ticket)
            self._waiting.sort()
            return ticket

    def _wait(self, ticket: tuple[bool, int], stop: Stop, on_wait: OnWait) -> None:
        reported = (-1, 0.0)
        while True:
            with self._changed:
                ahead = self._waiting.index(ticket) + (self._busy_since is not None)
                if ahead == 0:
                    self._waiting.remove(ticket)
                    self._busy_since = time.perf_counter()
                    return
                seconds = self._estimate(ahead)
                now = time.perf_counter()
                due = ahead != reported[0] or now - reported[1] > _REPORT_S
                if not due:
                    self._changed.wait(_POLL_S)
            if stop():
                raise Cancelled("The edit was cancelled while it waited for another one.")
            if due:
                on_wait(ahead, seconds)
                reported = (ahead, now)

    def _leave(self, elapsed_s: float | None) -> None:
        with self._changed:
            self._busy_since = None
            if elapsed_s is not None:
                before = elapsed_s if self._mean_s is None else self._mean_s
                self._mean_s = 0.7 * before + 0.3 * elapsed_s
            self._changed.notify_all()

    def _estimate(self, ahead: int) -> float | None:
        if self._mean_s is None:
            return None
        gone = 0.0 if self._busy_since is None else time.perf_counter() - self._busy_since
        return max(ahead * self._mean_s - gone, 0.0)
