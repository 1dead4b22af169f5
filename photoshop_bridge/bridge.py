"""The bridge as the application sees it: opened once, blocking calls, safe from any thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from photoshop_bridge.errors import BridgeError, ConnectionLost
from photoshop_bridge.files import private_folder, read_record, write_record
from photoshop_bridge.listening import PortTaken, bind_loopback
from photoshop_bridge.outbox import Layer, Outbox, Waiting
from photoshop_bridge.pairing import OpenCode, Pairings
from photoshop_bridge.panel import PanelDesk
from photoshop_bridge.service import Service, ServiceError, Stop
from photoshop_bridge.session import HostSession, Reading, ReadRequest
from photoshop_bridge.timing import Identity, Timing
from photoshop_bridge.values import DocInfo, Value

if TYPE_CHECKING:
    from photoshop_bridge.server import BridgeServer

DEFAULT_PORT = 8932
PLACE_WAIT_S = 20.0
_LOOK_S = 0.2
_END_WAIT_S = 3.0

Mode = Literal["auto", "on", "off"]
State = Literal["off", "idle", "listening", "port_taken"]
T = TypeVar("T")


class HostFacts(Value):
    """The connected document host."""

    kind: str
    host: str
    plugin: str
    session: str
    transfer: Literal["binary", "base64", "not ready"]
    responsive: bool
    documents: tuple[DocInfo, ...] = ()


class Holder(Value):
    """The server that listens on the port, as it writes it down for the others."""

    instance: str
    pid: int
    port: int
    host: HostFacts | None = None


@dataclass(frozen=True)
class BridgeStatus:
    """Where the bridge stands. `holder` is the server that listens: this one, or another one."""

    state: State
    port: int
    holder: Holder | None
    pending: tuple[Waiting, ...]
    paired: int

    @property
    def host(self) -> HostFacts | None:
        return self.holder.host if self.holder else None


@dataclass(frozen=True)
class Placing:
    """What became of a layer so far; `obstacle` says why it is not placed yet and what to do."""

    waiting: Waiting
    obstacle: BridgeError | None


class Bridge:
    """Owns the listening thread, the pairings and the outbox of a folder.

    The port is opened when there is somebody to listen for: mode `auto` waits until a panel is paired
    or a pairing code is open, `on` does not wait, `off` never listens. A port that another server
    holds is tried again until it is free; results wait in the outbox that all servers share. The
    service is opened when the panel first asks for something.
    """

    def __init__(
        self,
        folder: Path,
        open_service: Callable[[], Service] | None = None,
        *,
        version: str = "",
        port: int = DEFAULT_PORT,
        mode: Mode = "auto",
        timing: Timing | None = None,
    ) -> None:
        self.pairings, self.outbox = Pairings(folder), Outbox(folder / "outbox")
        self._folder, self._open_service = folder, open_service or _no_service
        self._port, self._mode = port, mode
        self._timing = timing or Timing()
        self._identity = Identity(f"expressedit-{os.getpid()}-{secrets.token_hex(2)}", version)
        self._state: State = "off" if mode == "off" else "idle"
        self._running: _Running | None = None
        self._written: Holder | None = None
        self._closing, self._look = threading.Event(), threading.Event()
        self._acknowledged = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to look whether there is somebody to listen for."""
        if self._mode != "off" and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="photoshop-bridge", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Closes the port and the connections."""
        self._closing.set()
        self._look.set()
        if running := self._running:
            running.loop.call_soon_threadsafe(running.stop.set)
        if self._thread is not None:
            self._thread.join(_END_WAIT_S)

    def status(self) -> BridgeStatus:
        return BridgeStatus(
            self._state,
            self._port,
            self._holder(),
            tuple(self.outbox.pending()),
            len(self.pairings.installs()),
        )

    def listening_server(self) -> Holder | None:
        """The server that listens on the port and was there to write itself down; for other processes."""
        holder = read_record(self._holder_file, Holder)
        if holder is None or holder.port != self._port:
            return None
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            return holder if probe.connect_ex(("127.0.0.1", holder.port)) == 0 else None

    def open_code(self) -> OpenCode:
        """The code that pairs a panel now; listening begins with it."""
        code = self.pairings.open_code()
        self._look.set()
        return code

    def documents(self, stop: Stop = lambda: False) -> tuple[str, tuple[DocInfo, ...]]:
        """The host's session and its open documents, asked anew. Raises BridgeError."""
        session = self._session()
        return session.hello.session, self._wait_for(session.list_documents(), stop)

    def read(self, wanted: ReadRequest, stop: Stop = lambda: False) -> Reading:
        """Pixels and selection of an open document. Raises BridgeError."""
        return self._wait_for(self._session().read(wanted), stop)

    def place(self, layer: Layer, *, again: bool = False, stop: Stop = lambda: False) -> Placing:
        """Puts a layer into the outbox; waits while a host is about to place it, 20 s at most.

        The layer waits on disk whatever happens. `again` asks for one more of a layer placed before.
        """
        waiting = self.outbox.put(layer, again=again)
        if running := self._running:
            running.loop.call_soon_threadsafe(running.server.put)
        if waiting.state != "ready":
            return Placing(waiting, None)
        obstacle = self._obstacle(waiting, stop)
        deadline = time.monotonic() + PLACE_WAIT_S
        while obstacle is None and waiting.state == "ready" and not stop():
            if waiting.error is not None:
                problem = waiting.error
                obstacle = BridgeError(problem.kind, problem.message, problem.advice)
            elif time.monotonic() > deadline:
                obstacle = BridgeError(
                    "host_busy",
                    f"The document host has not placed it within {PLACE_WAIT_S:.0f} s.",
                    "It still will; look whether a dialog is open there.",
                    retryable=True,
                )
            else:
                with self._acknowledged:
                    self._acknowledged.wait(_LOOK_S)
                waiting = self.outbox.get(waiting.result) or waiting
        return Placing(waiting, obstacle)

    # towards the host

    def _session(self) -> HostSession:
        session = self._running.server.session if self._running else None
        if session is None or not session.is_ready:
            raise self._not_connected()
        return session

    def _wait_for(self, work: Coroutine[Any, Any, T], stop: Stop) -> T:
        running = self._running
        if running is None:
            work.close()
            raise self._not_connected()
        future = asyncio.run_coroutine_threadsafe(work, running.loop)
        while not future.done():
            try:
                return future.result(_LOOK_S)
            except (TimeoutError, CancelledError):
                if stop():
                    future.cancel()
        try:
            return future.result()
        except CancelledError as error:
            if stop():
                raise BridgeError("cancelled_by_user", "The call was cancelled.") from error
            raise ConnectionLost from error

    def _obstacle(self, waiting: Waiting, stop: Stop) -> BridgeError | None:
        """Why no host is about to place it; None when one is."""
        holder = self._holder()
        if holder is None or holder.host is None:
            return self._not_connected()
        host = holder.host
        documents = host.documents
        if self._state == "listening":
            try:
                documents = self.documents(stop)[1]
            except BridgeError as error:
                return error
        ref = waiting.document
        if waiting.auto and ref is not None:
            matching = [d for d in documents if d.matches(ref, host.session)]
            if len(matching) == 1:
                return None
            count = "more than once" if matching else "not"
            return BridgeError(
                "document_closed",
                f"{ref.name} is {count} open as it was.",
                "Open that document, or click the result in the panel to place it into the active one.",
            )
        return BridgeError(
            "no_document",
            "It is not known which document this belongs to.",
            "Click the result in the panel to place it into the active document.",
        )

    def _not_connected(self) -> BridgeError:
        message, advice = {
            "off": (
                "The Photoshop bridge is switched off.",
                "Set EXPRESSEDIT_BRIDGE=auto and start the server again.",
            ),
            "idle": (
                "No panel is paired with this server.",
                "Call photoshop_status: it gives a code to type into the ExpressEdit panel in Photoshop.",
            ),
            "listening": (
                "No document host is connected.",
                "Open the ExpressEdit panel in Photoshop (Plugins menu); photoshop_status says how to pair it.",
            ),
            "port_taken": (
                f"Port {self._port} is held by another program, probably another ExpressEdit server "
                "(each client starts its own).",
                "That one talks to Photoshop and places what waits; to read the open document, use that "
                "client or close it.",
            ),
        }[self._state]
        return BridgeError("not_connected", message, advice, retryable=True)

    # the listening thread

    def _run(self) -> None:
        while True:
            self._look.wait(self._timing.port_look_s)
            self._look.clear()
            if self._closing.is_set():
                return
            if self._mode == "auto" and not self.pairings.wanted:
                continue
            try:
                listening = bind_loopback(self._port)
            except PortTaken:
                self._state = "port_taken"
                continue
            asyncio.run(self._listen(listening))
            return

    async def _listen(self, listening: Sequence[socket.socket]) -> None:
        # imported here, in its own thread: a server that nobody pairs with does without
        from photoshop_bridge.server import BridgeServer

        loop = asyncio.get_running_loop()

        def notify(method: str, params: Mapping[str, Any]) -> None:
            session = server.session
            if session is not None:
                told = loop.create_task(_told(session, method, params))
                telling.add(told)
                told.add_done_callback(telling.discard)

        telling: set[asyncio.Task[None]] = set()
        panel = PanelDesk(self._open_service, self._folder / "reports", notify, self._wake)
        server = BridgeServer(
            self._identity, self.pairings, self.outbox, panel, self._timing, self._write_holder
        )
        stop = asyncio.Event()
        self._port = listening[0].getsockname()[1]
        self._running = _Running(loop, server, stop)
        self._state = "listening"
        self._write_holder()
        if self._closing.is_set():
            stop.set()
        try:
            await server.run(listening, stop)
        finally:
            panel.close()
            self._running, self._state = None, "idle"
            self._holder_file.unlink(missing_ok=True)

    def _wake(self) -> None:
        with self._acknowledged:
            self._acknowledged.notify_all()

    # who listens

    @property
    def _holder_file(self) -> Path:
        return self._folder / "listening.json"

    def _holder(self) -> Holder | None:
        if self._running is not None:
            return self._own_holder()
        return read_record(self._holder_file, Holder) if self._state == "port_taken" else None

    def _own_holder(self) -> Holder:
        session = self._running.server.session if self._running else None
        host = None
        if session is not None:
            client = session.hello.client
            host = HostFacts(
                kind=client.kind,
                host=client.host,
                plugin=client.plugin,
                session=session.hello.session,
                transfer=session.transfer,
                responsive=session.silent_s < self._timing.silent_s,
                documents=session.documents,
            )
        return Holder(instance=self._identity.instance, pid=os.getpid(), port=self._port, host=host)

    def _write_holder(self) -> None:
        holder = self._own_holder()
        if holder != self._written:
            private_folder(self._folder)
            write_record(self._holder_file, holder)
            self._written = holder


@dataclass(frozen=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    server: BridgeServer
    stop: asyncio.Event


def _no_service() -> Service:
    raise ServiceError("This server does nothing for a panel.")


async def _told(session: HostSession, method: str, params: Mapping[str, Any]) -> None:
    # the host may be gone; the panel asks anew when it is back
    with contextlib.suppress(ConnectionLost):
        await session.notify(method, params)
