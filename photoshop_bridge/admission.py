"""The handshake: who is on the other end of a socket. docs/photoshop_protocol.md, section 3."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from photoshop_bridge import messages
from photoshop_bridge.errors import BridgeError, Closing, ProtocolViolation
from photoshop_bridge.messages import Request, parse_message, parse_params
from photoshop_bridge.pairing import Nonces, Pairings, mac, mask_token, new_nonce
from photoshop_bridge.transfers import LIMITS
from photoshop_bridge.values import Hello, Mac

PROTOCOL = 1
_FORGED_TOKEN = bytes(32)


class Dialogue(Protocol):
    """A socket from which frames are taken one by one."""

    async def send(self, message: str | bytes) -> None: ...
    async def receive(self) -> str | bytes: ...


@dataclass(frozen=True)
class Admitted:
    """A host that has proved itself, and the id of its last request."""

    hello: Hello
    last_id: int


@dataclass(frozen=True)
class Doorkeeper:
    """What the handshake needs. `require_room` raises BridgeError another_host for an install."""

    pairings: Pairings
    instance: str
    version: str
    heartbeat_s: float
    require_room: Callable[[str], None]

    async def admit(self, socket: Dialogue, headers: Mapping[str, str | None]) -> Admitted:
        """The host behind a socket. Raises Closing for one that is not let in."""
        first = await _next(socket, "hello")
        try:
            hello = parse_params(Hello, first.params)
        except BridgeError as error:
            await socket.send(messages.failure(first.id, error))
            raise Closing(4005, f"hello: {error.message}") from error
        if PROTOCOL not in hello.proto:
            raise Closing(4001, f"this server speaks fxb/{PROTOCOL}; update the older side")
        nonces = Nonces(hello.nonce, new_nonce(), hello.install)
        token = self.pairings.token(hello.install)
        answer = {
            "proto": PROTOCOL,
            "instance": self.instance,
            "version": self.version,
            "nonce": nonces.server,
            "paired": token is not None,
            "seen": dict(headers),
        }
        await socket.send(messages.response(first.id, answer))
        proof = await _next(socket, "auth", "pair")
        if proof.id <= first.id:
            raise ProtocolViolation(f"request id {proof.id} is not larger than {first.id}")
        try:
            offered = parse_params(Mac, proof.params).mac
            self.require_room(hello.install)
            if proof.method == "auth":
                welcome = _authenticate(token, offered, nonces)
            else:
                welcome = self._pair(offered, nonces, hello)
        except BridgeError as error:
            await socket.send(messages.failure(proof.id, error))
            code = 4004 if error.kind == "another_host" else 4003
            raise Closing(code, error.message) from error
        limits = {"heartbeat_s": self.heartbeat_s, "limits": LIMITS}
        await socket.send(messages.response(proof.id, {**welcome, **limits}))
        return Admitted(hello, proof.id)

    def _pair(self, offered: str, nonces: Nonces, hello: Hello) -> dict[str, Any]:
        client = f"{hello.client.kind} {hello.client.host}"
        token, key = self.pairings.pair(offered, nonces, client)
        masked = mask_token(token, key, nonces).hex()
        return {"token": masked, "mac": mac(key, "paired", nonces)}


def _authenticate(token: bytes | None, offered: str, nonces: Nonces) -> dict[str, Any]:
    # an unknown install is compared as well, so that it takes no less time
    right = hmac.compare_digest(mac(token or _FORGED_TOKEN, "client", nonces), offered)
    if token is None or not right:
        raise BridgeError(
            "not_paired",
            "This panel is not paired with the server.",
            "Run `expressedit-mcp bridge pair` and type the code into the panel.",
        )
    return {"mac": mac(token, "server", nonces)}


async def _next(socket: Dialogue, *methods: str) -> Request:
    """The next request, which must be one of these. Raises ProtocolViolation for anything else."""
    data = await socket.receive()
    message = parse_message(data) if isinstance(data, str) else None
    if not isinstance(message, Request) or message.method not in methods:
        raise ProtocolViolation(f"something else than {' or '.join(methods)} in the handshake")
    return message
