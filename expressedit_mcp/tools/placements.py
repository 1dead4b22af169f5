"""What tools answer about layers on their way into Photoshop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from photoshop_bridge import Placing, Waiting


class PlacementFacts(BaseModel):
    """A result in the outbox of the bridge."""

    result_id: str
    image_id: str
    layer_name: str
    document: str | None = Field(description="File name; null when it is not known")
    rect: list[int] = Field(description="[left, top, right, bottom] in document pixels")
    state: str = Field(description="placed; waiting (kept on disk until placed); discarded")
    layer: int | None = Field(description="Photoshop's id of the layer, once placed")
    next_step: str = Field(description="What is in the way and what to do; empty when nothing")


def waiting_facts(waiting: Waiting, next_step: str = "") -> PlacementFacts:
    """The facts of a record of the outbox."""
    return PlacementFacts(
        result_id=waiting.result,
        image_id=waiting.image_id,
        layer_name=waiting.name,
        document=waiting.document.name if waiting.document else None,
        rect=list(waiting.rect),
        state="waiting" if waiting.state == "ready" else waiting.state,
        layer=waiting.layer,
        next_step=next_step,
    )


def placement_facts(placing: Placing) -> PlacementFacts:
    """The facts of a placement."""
    return waiting_facts(placing.waiting, str(placing.obstacle or ""))


def placements_in_words(placements: list[PlacementFacts]) -> str:
    """A line for each placement."""
    return "".join(f"\n{_in_words(placement)}" for placement in placements)


def _in_words(placement: PlacementFacts) -> str:
    where = placement.document or "a document that is not known"
    if placement.state == "placed":
        return f"In Photoshop: layer {placement.layer_name!r} in {where}."
    return (
        f"Not in Photoshop yet: {placement.layer_name!r} for {where} waits in the outbox and is not lost. "
        f"{placement.next_step}"
    ).rstrip()
