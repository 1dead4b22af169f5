"""What a user action gave."""

from __future__ import annotations

from dataclasses import dataclass

from expressedit_mcp.images import Version
from photoshop_bridge import Placing


@dataclass(frozen=True)
class Outcome:
    """A new version and how it came about. `cached` says that the same request had made it before.

    `placings` are its layers on their way into Photoshop, when that was asked for.
    """

    version: Version
    elapsed_s: float
    cached: bool
    warnings: tuple[str, ...] = ()
    placings: tuple[Placing, ...] = ()
