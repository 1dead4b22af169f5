"""Tools for the document that is open in Photoshop."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from expressedit_mcp.tools.photoshop_results import (
    PhotoshopPlaced,
    PhotoshopRead,
    PhotoshopStatus,
    placed_result,
    read_result,
    status_result,
)
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
    """photoshop_status, photoshop_read, photoshop_place."""

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

    return [
        make_tool(photoshop_status, "Photoshop's state", read_only=False),
        make_tool(photoshop_read, "Read the open document", read_only=False),
        make_tool(photoshop_place, "Place into Photoshop", read_only=False, idempotent=False),
    ]
