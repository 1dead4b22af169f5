"""An engine served on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from expressedit_mcp.engine.backend import Engine
from expressedit_mcp.engine.server import build_app

TOKEN = "a token"


@contextmanager
def serving(engine: Engine) -> Iterator[str]:
    """The address of a server of the engine, which asks for TOKEN."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build_app(engine, TOKEN), log_level="error"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
