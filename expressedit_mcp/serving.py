"""Runs the server on its transports and ends the process promptly."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import sys
from typing import NoReturn

from expressedit_mcp.errors import InputError
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

_GRACE_S = 1
_MIB = 1 << 20


def serve_stdio(settings: Settings) -> NoReturn:
    """Serves MCP on stdin and stdout until stdin closes or SIGTERM comes."""
    server = build_server(settings)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: _leave(128 + number))
    try:
        server.run("stdio")
    except KeyboardInterrupt:
        _leave(130)
    _leave(0)


def serve_http(settings: Settings, host: str, port: int) -> NoReturn:
    """Serves MCP on http://host:port/mcp, loopback only. Raises InputError for another host or a busy port."""
    import uvicorn

    _require_loopback(host)
    listening = _listen(host, port)
    bound = listening.getsockname()[1]
    # a picture of the largest data: URI in base64, and the rest of the request
    body = settings.max_data_uri_mb * _MIB * 4 // 3 + _MIB
    app = build_server(settings).streamable_http_app(host=host, max_request_body_size=body)
    logging.getLogger("expressedit_mcp").warning("serving MCP on http://%s:%d/mcp", host, bound)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE_S)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        _leave(130)
    _leave(0)


def serve_engine(settings: Settings, host: str, port: int, token: str) -> NoReturn:
    """Serves the model of the settings to other processes of this machine.

    Raises InputError for a host that is not loopback or a busy port.
    """
    import uvicorn

    from expressedit_mcp.engine.server import build_app
    from expressedit_mcp.studio.engines import local_engine

    _require_loopback(host)
    listening = _listen(host, port)
    bound = listening.getsockname()[1]
    engine = local_engine(settings)
    name = engine.card.name  # a model that cannot be used is said now, not at the first edit
    shown = f"[{host}]" if ":" in host else host
    print(f"{name} at http://{shown}:{bound}", flush=True)
    print(f"Clients: EXPRESSEDIT_ENGINE=http://{shown}:{bound}", flush=True)
    print(f"Token:   {token}", flush=True)
    config = uvicorn.Config(
        build_app(engine, token), log_level="warning", timeout_graceful_shutdown=_GRACE_S
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        _leave(130)
    _leave(0)


def _leave(code: int) -> NoReturn:
    """Ends the process at once, also in the middle of an edit.

    A thread may be inside a denoising step, which Python would wait for or tear down under. Files
    are renamed into place whole, so nothing is lost.
    """
    sys.stderr.flush()
    os._exit(code)


def _require_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InputError(
            f"{host!r} is not a loopback address. The server has no log-in and opens files, so it is only "
            "served to this machine (127.0.0.1, ::1 or localhost); reach it from elsewhere through an SSH tunnel."
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # clients that come before the server is up wait instead of being refused
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise InputError(
            f"Port {port} on {host} cannot be used ({error.strerror}). Choose another with --port; 0 takes a "
            "free one."
        ) from error
    return listening
