"""What the Photoshop tools answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from expressedit_mcp.tools.placements import (
    PlacementFacts,
    placement_facts,
    placements_in_words,
    waiting_facts,
)
from expressedit_mcp.tools.results import ImageFacts, image_facts, picture_result, plain_result

if TYPE_CHECKING:
    from expressedit_mcp.studio import Studio
    from expressedit_mcp.studio.photoshop import ReadDocument
    from photoshop_bridge import Bridge, BridgeStatus, DocInfo, Placing


class DocumentFacts(BaseModel):
    """An open document."""

    doc: int = Field(description="Use it as photoshop:<doc>")
    name: str
    width: int
    height: int
    mode: str
    depth: int
    profile: str | None
    active: bool
    selection: list[int] | None = Field(description="Bounds of what is selected")


class HostFacts(BaseModel):
    """The program that is connected."""

    program: str
    version: str
    responsive: bool
    documents: list[DocumentFacts]


class PhotoshopStatus(BaseModel):
    """Where the bridge stands."""

    state: str = Field(description="off, idle (nobody is paired), listening, port_taken")
    port: int
    host: HostFacts | None
    paired: int = Field(description="Panels that hold a token")
    pairing_code: str | None = Field(description="To be typed into the panel within 5 minutes")
    waiting: list[PlacementFacts]
    next_step: str


class PhotoshopRead(ImageFacts):
    """A picture read from an open document."""

    document: DocumentFacts
    origin: list[int] = Field(description="[x, y] of the picture's corner in the document")
    region: dict[str, Any] | None = Field(description="The selection, to be passed as region")


class PhotoshopPlaced(BaseModel):
    """Layers in Photoshop or on their way there."""

    placements: list[PlacementFacts]


class ExportedPsd(BaseModel):
    """Where a layered file was written."""

    image_id: str
    path: str


def status_result(bridge: Bridge, pair: bool) -> CallToolResult:
    """The answer to photoshop_status; opens a code when one is needed."""
    from photoshop_bridge.pairing import shown

    status = bridge.status()
    code = None
    unpaired = status.paired == 0 and status.host is None
    if status.state != "off" and (pair or unpaired):
        code = shown(bridge.open_code().code)
    host = None
    if status.host is not None:
        host = HostFacts(
            program=status.host.kind,
            version=status.host.host,
            responsive=status.host.responsive,
            documents=[_document(document) for document in status.host.documents],
        )
    facts = PhotoshopStatus(
        state=status.state,
        port=status.port,
        host=host,
        paired=status.paired,
        pairing_code=code,
        waiting=[waiting_facts(waiting) for waiting in status.pending],
        next_step=_next_step(status, code),
    )
    told = (
        f"{host.program} {host.version} is connected. " if host else "Photoshop is not connected. "
    )
    return plain_result(facts, f"{told}{len(facts.waiting)} results wait for it. {facts.next_step}")


def read_result(studio: Studio, read: ReadDocument) -> CallToolResult:
    """The answer to photoshop_read."""
    region = {"mask": read.selection.image_id} if read.selection else None
    facts = PhotoshopRead(
        **image_facts(studio, read.version),
        document=_document(read.document),
        origin=[read.rect.left, read.rect.top],
        region=region,
    )
    summary = (
        f"Read {facts.image_id} from {read.document.name}: [{read.rect.left}, {read.rect.top}, "
        f"{read.rect.right}, {read.rect.bottom}] of its canvas. Coordinates of this picture count from that "
        "corner. edit_expression(image, region, tags, place=True) brings the edit back into the document."
    )
    return picture_result(studio, read.version, summary, facts)


def placed_result(placings: list[Placing]) -> CallToolResult:
    """The answer to photoshop_place."""
    facts = PhotoshopPlaced(placements=[placement_facts(placing) for placing in placings])
    return plain_result(facts, placements_in_words(facts.placements).strip())


def _document(document: DocInfo) -> DocumentFacts:
    return DocumentFacts(
        doc=document.doc,
        name=document.name,
        width=document.width,
        height=document.height,
        mode=document.mode,
        depth=document.depth,
        profile=document.profile,
        active=document.active,
        selection=list(document.selection) if document.selection else None,
    )


def _next_step(status: BridgeStatus, code: str | None) -> str:
    if status.state == "off":
        return "The bridge is switched off; set EXPRESSEDIT_BRIDGE=auto and start the server again."
    if status.state == "port_taken":
        holder = f" ({status.holder.instance})" if status.holder else ""
        return (
            f"Port {status.port} is held by another program{holder}, probably the server of another client. "
            "It places what waits here; to read the open document, use that client or close it. If it is "
            "no ExpressEdit server, set EXPRESSEDIT_BRIDGE_PORT and the port in the panel to another number."
        )
    if code is not None:
        return (
            f"Ask the user to open the ExpressEdit panel in Photoshop (Plugins menu), port {status.port}, and to "
            f"type the code {code} there within 5 minutes."
        )
    if status.host is None:
        return "Ask the user to open the ExpressEdit panel in Photoshop (Plugins menu); it connects by itself."
    if not status.host.responsive:
        return "Photoshop has not answered for a minute; a dialog may be open in it."
    if not status.host.documents:
        return "No document is open in it."
    return 'edit_expression(image="photoshop:active", region={"document": "selection"}, place=True) edits it.'
