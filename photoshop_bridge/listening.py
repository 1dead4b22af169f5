"""The loopback sockets of the bridge and who may open a websocket on them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping

_TAKEN = (errno.EADDRINUSE, errno.EACCES, getattr(errno, "WSAEACCES", errno.EACCES))


class PortTaken(Exception):
    """Another program listens on the port."""


def bind_loopback(port: int) -> list[socket.socket]:
    """Sockets on 127.0.0.1 and, where there is IPv6, ::1; port 0 takes a free one. Raises PortTaken."""
    first = _bind(socket.AF_INET, "127.0.0.1", port)
    try:
        second = _bind(socket.AF_INET6, "::1", first.getsockname()[1])
    except PortTaken:
        first.close()
        raise
    except OSError:
        return [first]
    return [first, second]


def refusal(headers: Mapping[str, str], port: int) -> str | None:
    """Why an upgrade with these headers is refused; None when it is not.

    A page of the web may not speak to the bridge, not even under a name that it had resolved to this
    machine (DNS rebinding).
    """
    host, origin = headers.get("Host", ""), headers.get("Origin")
    if host.lower() not in {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")}:
        return "This Host is not served; connect to localhost."
    if origin is not None and origin.lower().startswith(("http://", "https://", "null")):
        return "Web pages may not connect to the bridge."
    return None


def _bind(family: int, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listening.bind((address, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno in _TAKEN:
            raise PortTaken from error
        raise
    return listening
