"""Runs the studio's blocking work in a thread, with progress out and cancellation in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from mcp.server.mcpserver import Context

from expressedit_mcp.errors import Cancelled

if TYPE_CHECKING:
    from expressedit_mcp.studio import Studio

T = TypeVar("T")
OpenStudio = Callable[[], "Studio"]
OnStep = Callable[[int, int, str], None]
Stop = Callable[[], bool]


async def in_thread(work: Callable[[], T]) -> T:
    """The result of short blocking work."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


async def with_progress(ctx: Context[Any, Any], work: Callable[[OnStep, Stop], T]) -> T:
    """The result of long blocking work; a cancelled call makes it stop at its next step."""
    cancelled = threading.Event()
    last = -1.0

    def on_step(done: int, total: int, what: str) -> None:
        nonlocal last
        if cancelled.is_set():
            raise Cancelled("The call was cancelled; nothing was changed.")
        # the protocol wants every report to be larger than the one before
        last = max(float(done), last + 0.01)
        anyio.from_thread.run(ctx.report_progress, last, float(max(total, 1)), what)

    try:
        return await anyio.to_thread.run_sync(
            lambda: work(on_step, cancelled.is_set), abandon_on_cancel=True
        )
    except anyio.get_cancelled_exc_class():
        cancelled.set()
        raise
