"""Turns on a device: one at a time, interactive before batch, bounded, cancellable, with a position."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from expressedit_mcp.engine.device_queue import DeviceQueue
from expressedit_mcp.errors import Cancelled, InputError


def never() -> bool:
    return False


def silent(ahead: int, seconds: float | None) -> None:
    pass


class Worker:
    """A thread that takes a turn and holds it until it is let go."""

    def __init__(
        self, queue: DeviceQueue, name: str, log: list[str], *, batch: bool = False
    ) -> None:
        self.waiting, self.go, self.has = threading.Event(), threading.Event(), threading.Event()
        self.positions: list[int] = []
        self._start(queue, name, log, batch)

    def _start(self, queue: DeviceQueue, name: str, log: list[str], batch: bool) -> None:
        def on_wait(ahead: int, seconds: float | None) -> None:
            self.positions.append(ahead)
            self.waiting.set()

        def run() -> None:
            with queue.turn(batch=batch, stop=never, on_wait=on_wait):
                log.append(name)
                self.has.set()
                assert self.go.wait(10)

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def finish(self) -> None:
        self.go.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


def test_interactive_edits_go_before_batch_ones_and_each_kind_in_order() -> None:
    queue, log = DeviceQueue(), list[str]()
    first = Worker(queue, "first", log)
    assert first.has.wait(10)
    later = []
    for name, batch in (("b1", True), ("b2", True), ("i1", False), ("i2", False)):
        worker = Worker(queue, name, log, batch=batch)
        assert worker.waiting.wait(10)
        later.append(worker)
    for worker in (first, later[2], later[3], later[0], later[1]):
        assert worker.has.wait(10)
        worker.finish()
    assert log == ["first", "i1", "i2", "b1", "b2"]


def test_the_position_is_told_and_falls() -> None:
    queue, log = DeviceQueue(), list[str]()
    first = Worker(queue, "first", log)
    assert first.has.wait(10)
    second = Worker(queue, "second", log)
    assert second.waiting.wait(10)
    third = Worker(queue, "third", log)
    assert third.waiting.wait(10)
    assert (second.positions[0], third.positions[0]) == (1, 2)
    first.finish()
    assert second.has.wait(10)
    second.finish()
    third.finish()
    assert third.positions == sorted(third.positions, reverse=True)


def test_a_full_queue_refuses_at_once_and_says_when() -> None:
    queue, log = DeviceQueue(limit=1), list[str]()
    with queue.turn(batch=False, stop=never, on_wait=silent):
        pass  # so that a turn was timed
    first = Worker(queue, "first", log)
    assert first.has.wait(10)
    second = Worker(queue, "second", log)
    assert second.waiting.wait(10)
    with (
        pytest.raises(InputError, match=r"1 edits are waiting .* call again"),
        queue.turn(batch=False, stop=never, on_wait=silent),
    ):
        raise AssertionError("got a turn")
    first.finish()
    second.finish()


def test_a_cancelled_wait_leaves_the_queue() -> None:
    queue, log = DeviceQueue(), list[str]()
    first = Worker(queue, "first", log)
    assert first.has.wait(10)
    stopped: Callable[[], bool] = lambda: True  # noqa: E731
    with (
        pytest.raises(Cancelled),
        queue.turn(batch=False, stop=stopped, on_wait=silent),
    ):
        raise AssertionError("got a turn")
    second = Worker(queue, "second", log)
    assert second.waiting.wait(10)
    assert second.positions == [1]
    first.finish()
    second.finish()


def test_an_error_inside_a_turn_gives_the_device_back() -> None:
    queue = DeviceQueue()
    with pytest.raises(KeyError), queue.turn(batch=False, stop=never, on_wait=silent):
        raise KeyError
    with queue.turn_if_free() as free:
        assert free


def test_idle_work_is_done_only_when_nobody_has_or_wants_the_device() -> None:
    queue = DeviceQueue()
    with (
        queue.turn(batch=False, stop=never, on_wait=silent),
        queue.turn_if_free() as free,
    ):
        assert not free
    with queue.turn_if_free() as free:
        assert free
