"""One side of an authenticated connection: requests and transfers, both ways.

docs/photoshop_protocol.md, sections 2 and 5.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from photoshop_bridge import messages
from photoshop_bridge.errors import BridgeError, ConnectionLost, ProtocolViolation
from photoshop_bridge.frames import (
    PROBE,
    Frame,
    decode_frame,
    encode_frame,
    from_base64,
    to_base64,
)
from photoshop_bridge.messages import Json, Notification, Request, Response, parse_params
from photoshop_bridge.transfers import CHUNK_BYTES, CHUNK_BYTES_BASE64, WINDOW, Receiving, frames_of
from photoshop_bridge.values import CancelRequest, TransferSpec, XferAbort, XferAck, XferData

_MAX_UNANSWERED = 8
_MAX_TRANSFERS = 2
_MAX_REPLIES = 64
ACK_WAIT_S = 30.0
_LOG = logging.getLogger(__name__)

Handler = Callable[[Json], Awaitable[Mapping[str, Any]]]
Listener = Callable[[Json], None]


class Socket(Protocol):
    """What is used of a websocket."""

    async def send(self, message: str | bytes) -> None:
        """Raises ConnectionLost."""
        ...


@dataclass
class _Outgoing:
    """A transfer under way: how far the other side has acknowledged it."""

    acknowledged_bytes: int = 0
    aborted: str | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def reach(self, wanted_bytes: int) -> None:
        """Waits until so many bytes are acknowledged. Raises BridgeError, or TimeoutError."""
        async with asyncio.timeout(ACK_WAIT_S):
            while self.aborted is None and self.acknowledged_bytes < wanted_bytes:
                self.moved.clear()
                await self.moved.wait()
        if self.aborted is not None:
            raise BridgeError("transfer_failed", f"Transfer: {self.aborted}.", retryable=True)


class Peer:
    """Sends and answers over one socket. `feed` takes each frame that came in, in order.

    What `feed` has to answer goes through a queue that `write_replies` empties: a reader that waited
    for room to write while the other side does the same would stop both.
    """

    def __init__(
        self,
        socket: Socket,
        handlers: Mapping[str, Handler],
        listeners: Mapping[str, Listener],
        last_id: int,
    ) -> None:
        self.heard = time.monotonic()
        self.base64 = False
        self._socket, self._handlers = socket, handlers
        self._listeners = {
            **listeners,
            "cancel": self._on_cancel,
            "xfer.ack": self._on_ack,
            "xfer.abort": self._on_abort,
        }
        self._replies: asyncio.Queue[str | bytes] = asyncio.Queue(_MAX_REPLIES)
        self._last_id, self._next_id = last_id, 1
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._outgoing: dict[int, _Outgoing] = {}
        self._next_transfer, self._last_transfer = 1, 0
        self._incoming: dict[int, Receiving] = {}
        self._arrived: dict[tuple[str, str], Receiving] = {}
        self._expected: set[tuple[str, str]] = set()

    # the other side's frames

    def feed(self, data: str | bytes) -> None:
        """Acts on one frame. Raises ProtocolViolation."""
        self.heard = time.monotonic()
        if isinstance(data, bytes):
            self._on_frame(decode_frame(data), data)
            return
        message = messages.parse_message(data)
        if isinstance(message, Response):
            self._on_response(message)
        elif isinstance(message, Request):
            self._on_request(message)
        else:
            try:
                self._on_notification(message)
            except BridgeError as error:
                raise ProtocolViolation(f"{message.method}: {error.message}") from error

    async def write_replies(self) -> None:
        """Sends what `feed` answers, until it is cancelled."""
        while True:
            await self._socket.send(await self._replies.get())

    async def close(self, reason: BridgeError) -> None:
        """Ends what is under way: the own requests fail with the reason, the other's are cancelled."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(reason)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for outgoing in self._outgoing.values():
            outgoing.aborted = reason.message
            outgoing.moved.set()
        self._incoming.clear()
        self._arrived.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    # own requests

    async def request(self, method: str, params: Mapping[str, Any], wait_s: float) -> Json:
        """The result of a request. Raises BridgeError; a cancelled wait cancels it at the other side."""
        number, self._next_id = self._next_id, self._next_id + 1
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            await self._socket.send(messages.request(number, method, params))
            async with asyncio.timeout(wait_s):
                return await answer
        except TimeoutError as error:
            with contextlib.suppress(ConnectionLost):
                await self.notify("cancel", {"id": number})
            raise BridgeError(
                "host_busy",
                f"The document host did not answer {method} within {wait_s:.0f} s.",
                "Look whether a dialog is open in it, then try again.",
                retryable=True,
            ) from error
        except asyncio.CancelledError:
            with contextlib.suppress(ConnectionLost):
                await self.notify("cancel", {"id": number})
            raise
        finally:
            del self._answers[number]

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        await self._socket.send(messages.notification(method, params))

    # transfers

    def expect(self, owner: str, kind: str) -> None:
        """Allows the other side to begin this transfer."""
        self._expected.add((owner, kind))

    def take(self, owner: str, kind: str) -> Receiving | None:
        """The transfer, when it has arrived whole; it is not expected any more."""
        self._expected.discard((owner, kind))
        for number, receiving in list(self._incoming.items()):
            if (receiving.spec.owner, receiving.spec.kind) == (owner, kind):
                del self._incoming[number]
        return self._arrived.pop((owner, kind), None)

    async def send_data(self, data: memoryview, **spec: Any) -> int:
        """Sends a transfer until its last acknowledgement; returns its id. Raises BridgeError.

        At most `WINDOW` frames are unacknowledged at any time.
        """
        transfer, self._next_transfer = self._next_transfer, self._next_transfer + 1
        begin = {**spec, "transfer": transfer, "depth": 8, "bytes": len(data)}
        await self.request("xfer.begin", begin, ACK_WAIT_S)
        outgoing = self._outgoing[transfer] = _Outgoing()
        chunk = CHUNK_BYTES_BASE64 if self.base64 else CHUNK_BYTES
        try:
            for frame in frames_of(transfer, data, chunk):
                room = frame.offset - (WINDOW - 1) * chunk
                await outgoing.reach(room)
                await self._send_frame(encode_frame(frame))
            await outgoing.reach(len(data))
        except TimeoutError as error:
            reason = f"no acknowledgement for {ACK_WAIT_S:.0f} s"
            await self.notify("xfer.abort", {"transfer": transfer, "reason": reason})
            raise BridgeError("transfer_failed", f"Transfer: {reason}.", retryable=True) from error
        finally:
            del self._outgoing[transfer]
        return transfer

    async def _send_frame(self, data: bytes) -> None:
        if self.base64:
            await self.notify("xfer.data", {"frame": to_base64(data)})
        else:
            await self._socket.send(data)

    # what comes in

    def _reply(self, message: str | bytes) -> None:
        try:
            self._replies.put_nowait(message)
        except asyncio.QueueFull as error:
            raise ProtocolViolation("more to answer than is read") from error

    def _on_frame(self, frame: Frame, data: bytes) -> None:
        if frame.type == PROBE:
            self._reply(data)
            return
        receiving = self._incoming.get(frame.transfer)
        if receiving is None:
            if frame.transfer > self._last_transfer:
                raise ProtocolViolation(f"a frame of transfer {frame.transfer}, never begun")
            return
        receiving.add(frame)
        if receiving.is_complete:
            del self._incoming[frame.transfer]
            self._arrived[receiving.spec.owner, receiving.spec.kind] = receiving
        ack = {"transfer": frame.transfer, "next": receiving.received_bytes}
        self._reply(messages.notification("xfer.ack", ack))

    def _on_notification(self, message: Notification) -> None:
        if message.method == "xfer.data":
            frame = from_base64(parse_params(XferData, message.params).frame)
            self._on_frame(frame, encode_frame(frame))
        elif listener := self._listeners.get(message.method):
            listener(message.params)

    def _on_request(self, message: Request) -> None:
        if message.id <= self._last_id:
            raise ProtocolViolation(f"request id {message.id} is not larger than {self._last_id}")
        self._last_id = message.id
        if message.method == "xfer.begin":
            # at once and in order: its frames may follow
            try:
                self._begin(parse_params(TransferSpec, message.params))
                self._reply(messages.response(message.id, {}))
            except BridgeError as error:
                self._reply(messages.failure(message.id, error))
            return
        if len(self._tasks) >= _MAX_UNANSWERED:
            raise ProtocolViolation(f"more than {_MAX_UNANSWERED} unanswered requests")
        handler = self._handlers.get(message.method, _unknown(message.method))
        task = asyncio.create_task(self._answer(message, handler))
        self._tasks[message.id] = task
        task.add_done_callback(lambda done: self._tasks.pop(message.id, None))

    async def _answer(self, message: Request, handler: Handler) -> None:
        try:
            text = messages.response(message.id, await handler(message.params))
        except BridgeError as error:
            text = messages.failure(message.id, error)
        except asyncio.CancelledError:
            error = BridgeError("cancelled_by_user", "The request was cancelled.")
            text = messages.failure(message.id, error)
        except Exception:  # a fault of ours: without an answer the host would wait for ever
            _LOG.exception("%s failed", message.method[:80])
            error = BridgeError("server_error", "The server made a mistake.", "Its log says which.")
            text = messages.failure(message.id, error)
        with contextlib.suppress(ConnectionLost):
            await self._socket.send(text)

    def _begin(self, spec: TransferSpec) -> None:
        key = (spec.owner, spec.kind)
        if spec.transfer <= self._last_transfer:
            raise ProtocolViolation(f"transfer {spec.transfer} was begun before")
        if key not in self._expected:
            raise BridgeError("bad_request", f"No {spec.kind} of {spec.owner} were asked for.")
        if len(self._incoming) >= _MAX_TRANSFERS:
            raise BridgeError("bad_request", f"{_MAX_TRANSFERS} transfers are open already.")
        receiving = Receiving(spec)
        self._expected.discard(key)
        self._last_transfer = spec.transfer
        self._incoming[spec.transfer] = receiving

    def _on_response(self, message: Response) -> None:
        answer = self._answers.get(message.id)
        # an answer that comes after its deadline finds nobody
        if answer is None or answer.done():
            return
        if message.error is not None:
            answer.set_exception(message.error)
        elif message.result is not None:
            answer.set_result(message.result)

    def _on_cancel(self, params: Json) -> None:
        task = self._tasks.get(parse_params(CancelRequest, params).id)
        if task is not None:
            task.cancel()

    def _on_ack(self, params: Json) -> None:
        ack = parse_params(XferAck, params)
        if outgoing := self._outgoing.get(ack.transfer):
            outgoing.acknowledged_bytes = max(outgoing.acknowledged_bytes, ack.next)
            outgoing.moved.set()

    def _on_abort(self, params: Json) -> None:
        abort = parse_params(XferAbort, params)
        self._incoming.pop(abort.transfer, None)
        if outgoing := self._outgoing.get(abort.transfer):
            outgoing.aborted = abort.reason or "aborted by the host"
            outgoing.moved.set()


def _unknown(method: str) -> Handler:
    async def answer(params: Json) -> Json:
        raise BridgeError("unknown_method", f"There is no method {method[:80]!r}.")

    return answer
