"""How long things may take, and who serves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How long things may take, in seconds."""

    auth_s: float = 5
    heartbeat_s: float = 15
    silent_s: float = 60
    dead_s: float = 180
    outbox_look_s: float = 1
    port_look_s: float = 1


@dataclass(frozen=True)
class Identity:
    """The name of this server process and its version."""

    instance: str
    version: str
