"""The way into a document that is open in Photoshop, or in another program that speaks the protocol.

`Bridge` listens, pairs, reads and places; what is placed waits in the `Outbox` on disk until the host
has acknowledged it. docs/photoshop_protocol.md is the wire.
"""

from photoshop_bridge.bridge import Bridge, BridgeStatus, Placing
from photoshop_bridge.errors import BridgeError
from photoshop_bridge.outbox import Layer, Outbox, Waiting
from photoshop_bridge.service import Edited, Service, ServiceError
from photoshop_bridge.session import Reading, ReadRequest
from photoshop_bridge.values import DocInfo, DocRef, JobStart

__all__ = [
    "Bridge",
    "BridgeError",
    "BridgeStatus",
    "DocInfo",
    "DocRef",
    "Edited",
    "JobStart",
    "Layer",
    "Outbox",
    "Placing",
    "ReadRequest",
    "Reading",
    "Service",
    "ServiceError",
    "Waiting",
]
