"""The websocket server: lets hosts in, keeps one of them active, delivers what waits in the outbox."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket as sockets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from photoshop_bridge.admission import Doorkeeper
from photoshop_bridge.errors import BridgeError, Closing, ConnectionLost, ProtocolViolation
from photoshop_bridge.frames import MAX_FRAME_BYTES
from photoshop_bridge.listening import refusal
from photoshop_bridge.messages import MAX_TEXT_BYTES
from photoshop_bridge.outbox import Outbox
from photoshop_bridge.pairing import Pairings
from photoshop_bridge.session import HostSession, Panel
from photoshop_bridge.timing import Identity, Timing

_MAX_STRANGERS = 4
_LONGEST_REASON_BYTES = 120


class BridgeServer:
    """Serves one active host; `on_change` is called whenever it or its documents may be others."""

    def __init__(
        self,
        identity: Identity,
        pairings: Pairings,
        outbox: Outbox,
        panel: Panel,
        timing: Timing,
        on_change: Callable[[], None],
    ) -> None:
        self.session: HostSession | None = None
        self._timing, self._outbox, self._panel, self._on_change = timing, outbox, panel, on_change
        self._door = Doorkeeper(
            pairings, identity.instance, identity.version, timing.heartbeat_s, self._require_room
        )
        self._strangers = 0
        self._put = asyncio.Event()
        self._connections: dict[HostSession, ServerConnection] = {}

    async def run(self, listening: Sequence[sockets.socket], stop: asyncio.Event) -> None:
        """Serves on the sockets until `stop` is set."""
        port = listening[0].getsockname()[1]

        def gate(connection: ServerConnection, request: Request) -> Response | None:
            reason = refusal(request.headers, port)
            if reason is not None:
                return connection.respond(HTTPStatus.FORBIDDEN, reason + "\n")
            if request.path != "/":
                return connection.respond(HTTPStatus.NOT_FOUND, "The bridge is at /.\n")
            if self._strangers >= _MAX_STRANGERS:
                return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Try again later.\n")
            return None

        # websockets tells every refused or broken connection; a person asks photoshop_status
        logger = logging.getLogger("photoshop_bridge.websockets")
        logger.setLevel(logging.CRITICAL)
        async with AsyncExitStack() as stack:
            for one in listening:
                await stack.enter_async_context(
                    serve(
                        self._serve,
                        sock=one,
                        process_request=gate,
                        compression=None,
                        max_size=MAX_FRAME_BYTES,
                        max_queue=8,
                        open_timeout=self._timing.auth_s,
                        ping_interval=20,
                        # liveness is judged by heartbeats: a host behind a dialog may stall
                        ping_timeout=None,
                        close_timeout=1,
                        server_header=None,
                        logger=logger,
                    )
                )
            watch = asyncio.create_task(self._watch_outbox())
            await stop.wait()
            watch.cancel()

    def put(self) -> None:
        """Says that something was put into the outbox; to be called in the server's loop."""
        self._put.set()

    def _require_room(self, install: str) -> None:
        session = self.session
        if session is None or session.hello.install == install:
            return
        if session.silent_s < self._timing.silent_s:
            client = session.hello.client
            raise BridgeError(
                "another_host",
                f"{client.kind} {client.host} is connected already.",
                "Close its panel, or disconnect it there.",
            )

    async def _serve(self, connection: ServerConnection) -> None:
        socket = _Socket(connection)
        headers = connection.request.headers if connection.request else {}
        seen = {"origin": headers.get("Origin"), "host": headers.get("Host")}
        try:
            self._strangers += 1
            try:
                async with asyncio.timeout(self._timing.auth_s):
                    admitted = await self._door.admit(socket, seen)
            except TimeoutError as error:
                raise Closing(4003, "not authenticated in time") from error
            finally:
                self._strangers -= 1
            session = HostSession(socket, admitted, self._outbox, self._panel)
            await self._make_active(session, connection)
            try:
                await self._converse(session, connection)
            finally:
                del self._connections[session]
                if self.session is session:
                    self.session = None
                    self._on_change()
                await session.close(ConnectionLost())
        except ProtocolViolation as violation:
            await _close(connection, 4005, str(violation))
        except Closing as closing:
            await _close(connection, closing.code, closing.reason)
        except (ConnectionClosed, ConnectionLost):
            pass

    async def _make_active(self, session: HostSession, connection: ServerConnection) -> None:
        """Puts the session in the place of an older one. Raises Closing when there is no room."""
        try:
            self._require_room(session.hello.install)
        except BridgeError as error:
            raise Closing(4004, error.message) from error
        replaced, self.session = self.session, session
        self._connections[session] = connection
        self._on_change()
        if replaced in self._connections:
            await _close(self._connections[replaced], 4000, "replaced by a newer connection")

    async def _converse(self, session: HostSession, connection: ServerConnection) -> None:
        """Takes frames until the connection ends. Raises ProtocolViolation or Closing."""

        async def beat() -> None:
            await session.beat(self._timing.heartbeat_s, self._timing.dead_s)
            await _close(connection, 4002, f"nothing heard for {self._timing.dead_s:.0f} s")

        tasks = [asyncio.create_task(work) for work in (session.write_replies(), beat())]
        try:
            async for data in connection:
                if isinstance(data, str) and len(data.encode()) > MAX_TEXT_BYTES:
                    raise Closing(1009, f"a text frame of more than {MAX_TEXT_BYTES} bytes")
                session.feed(data)
        finally:
            for task in tasks:
                task.cancel()
            # a task that found the socket closed has nothing to tell
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_outbox(self) -> None:
        """Tells the host whenever a record changed, by this server or by another one."""
        told = None
        while True:
            self._on_change()
            stamp = await asyncio.to_thread(self._outbox.stamp)
            session = self.session
            if session is not None and session.is_ready and (session, stamp) != told:
                await session.tell_outbox()
                told = (session, stamp)
            self._put.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.outbox_look_s):
                    await self._put.wait()


class _Socket:
    """A websocket whose end is an exception of ours."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise ConnectionLost from error

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise ConnectionLost from error


async def _close(connection: ServerConnection, code: int, reason: str) -> None:
    """Closes with a reason cut to what a close frame holds."""
    cut = reason.encode("utf-8", "replace")[:_LONGEST_REASON_BYTES].decode("utf-8", "ignore")
    await connection.close(code, cut)
