"""The exceptions of photoshop_bridge."""

from __future__ import annotations


class BridgeError(Exception):
    """What one side cannot do, with the kind that the protocol names and what a person can do next."""

    def __init__(self, kind: str, message: str, advice: str = "", *, retryable: bool = False):
        super().__init__(f"{message} {advice}".strip())
        self.kind, self.message, self.advice, self.retryable = kind, message, advice, retryable


class ConnectionLost(BridgeError):
    """The socket is closed."""

    def __init__(self) -> None:
        super().__init__(
            "connection_lost",
            "The connection to the document host broke.",
            "It connects again by itself; then try again.",
            retryable=True,
        )


class ProtocolViolation(Exception):
    """A frame or message that breaks the protocol; the connection ends with this reason."""


class Closing(Exception):
    """The connection ends with this close code of the protocol (section 1)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason
