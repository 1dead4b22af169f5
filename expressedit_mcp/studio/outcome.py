"""What a user action gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from expressedit_mcp.images import Version
from expressedit_mcp.studio.seen import Seen
from photoshop_bridge import Placing


@dataclass(frozen=True)
class Outcome:
    """A new version and how it came about. `cached` says that the same request had made it before.

    `placings` are its layers on their way into Photoshop, when that was asked for. `seen` is what the face that the
    model changed seems to show now, where a face is found.
    """

    version: Version
    elapsed_s: float
    cached: bool
    warnings: tuple[str, ...] = ()
    placings: tuple[Placing, ...] = ()
    seen: Seen | None = None

    def facts(self) -> dict[str, Any]:
        """What a job keeps of it, as JSON; `results` name its layers in the outbox."""
        return {
            "image_id": self.version.image_id,
            "seed": self.version.request.get("seed"),
            "elapsed_s": round(self.elapsed_s, 3),
            "cached": self.cached,
            "warnings": list(self.warnings),
            "seen": self.seen and self.seen.facts(),
            "results": [placing.waiting.result for placing in self.placings],
        }
