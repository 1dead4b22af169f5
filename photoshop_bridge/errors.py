"""The exceptions of photoshop_bridge."""

from __future__ import annotations


class BridgeError(Exception):
    """What one side cannot do, with the kind that the protocol names and what a person can do next."""

    def __init__(self, kind: str, message: str, advice: str = "", *, retryable: bool = False):
        super().__init__(f"{message} {advice}".strip())
        self.kind, self.message, self.advice, self.retryable = kind, message, advice, retryable


class ProtocolViolation(Exception):
    """A frame or message that breaks the protocol; the connection ends with this reason."""
