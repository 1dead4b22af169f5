"""The way into an open Photoshop document: what the bridge asks of the application it serves.

The websocket server, the outbox and the UXP plugin are not written yet.
"""

from photoshop_bridge.service import Service

__all__ = ["Service"]
