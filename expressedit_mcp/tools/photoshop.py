"""Tools for the document that is open in Photoshop, and for its file format."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from expressedit_mcp.tools.photoshop_results import (
    ExportedPsd,
    PhotoshopPlaced,
    PhotoshopRead,
    PhotoshopStatus,
    placed_result,
    read_result,
    status_result,
)
from expressedit_mcp.tools.results import plain_result
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OnStep, OpenStudio, Stop, in_thread, with_progress

Ctx = Context[Any, Any]
DocumentRef = Annotated[
    str,
    Field(
        description="photoshop:active, or photoshop:<doc> for another open document of photoshop_status",
        pattern=r"^photoshop:(active|[1-9]\d{0,8})$",
    ),
]


def tools(open_studio: OpenStudio) -> list[Tool]:
    """photoshop_status, photoshop_read, photoshop_place, export_psd."""

    async def photoshop_status(
        pair: Annotated[
            bool, Field(description="Open a pairing code although a panel is paired already")
        ] = False,
    ) -> Annotated[CallToolResult, PhotoshopStatus]:
        """Say whether Photoshop is connected, which documents are open, and which results wait for it.
        When no panel is paired yet the answer holds the code that the user types into the ExpressEdit panel."""

        def work() -> CallToolResult:
            return status_result(open_studio().photoshop.bridge, pair)

        return await in_thread(work)

    async def photoshop_read(
        ctx: Ctx,
        document: DocumentRef = "photoshop:active",
        selection: Annotated[
            bool,
            Field(
                description="True: the selected part with 256 pixels round it, its selection as the region. "
                "False: the whole canvas"
            ),
        ] = True,
    ) -> Annotated[CallToolResult, PhotoshopRead]:
        """Open what is visible in the document that is open in Photoshop as a picture with an image_id.
        The result's region can be passed to edit_expression as it is; with place=True the edit lands in the
        document at the exact pixels. `origin` is the picture's corner in the document."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            studio = open_studio()
            read = studio.photoshop.read(document, selection=selection, stop=stop)
            return read_result(studio, read)

        return await with_progress(ctx, work)

    async def photoshop_place(
        ctx: Ctx,
        image_id: Annotated[
            str,
            Field(
                description="image_id of an edited or scaled version",
                examples=["img_3a4aa6b9c9e5ed0b3c7a"],
            ),
        ],
        again: Annotated[
            bool, Field(description="Place one more layer although this version is placed already")
        ] = False,
    ) -> Annotated[CallToolResult, PhotoshopPlaced]:
        """Place an edit into its Photoshop document as one masked layer and one undo step.
        Edits it was made from that are not placed yet go first, each as its own layer. Without Photoshop the
        layers wait on disk and are placed when the document is open again; nothing is placed twice."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            return placed_result(open_studio().photoshop.place(image_id, again=again, stop=stop))

        return await with_progress(ctx, work)

    async def export_psd(
        image_id: Annotated[
            str,
            Field(
                description="image_id of a stored version", examples=["img_3a4aa6b9c9e5ed0b3c7a"]
            ),
        ],
        path: Annotated[
            str | None,
            Field(
                description="Where to write it, ending in .psd, in an allowed folder; default: the first one, "
                "named after the picture",
                min_length=1,
            ),
        ] = None,
        add_to: Annotated[
            str | None,
            Field(
                description="An existing PSD of the picture's size: its layers are kept, the edits go on top, "
                "and the whole is written to path",
                min_length=1,
            ),
        ] = None,
        overwrite: Annotated[bool, Field(description="Replace a file that is there")] = False,
    ) -> Annotated[CallToolResult, ExportedPsd]:
        """Write a layered Photoshop file: the opened picture and one masked layer for each edit above it.
        Needs no Photoshop. The picture's colour profile and resolution are kept."""

        def work() -> CallToolResult:
            written = open_studio().export_psd(image_id, path, add_to, overwrite)
            facts = ExportedPsd(image_id=image_id, path=str(written))
            return plain_result(facts, f"Wrote {written}.")

        return await in_thread(work)

    return [
        make_tool(photoshop_status, "Photoshop's state", read_only=False),
        make_tool(photoshop_read, "Read the open document", read_only=False),
        make_tool(photoshop_place, "Place into Photoshop", read_only=False, idempotent=False),
        make_tool(export_psd, "Export a layered PSD", read_only=False, destructive=True),
    ]
