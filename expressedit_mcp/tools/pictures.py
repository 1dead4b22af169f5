"""Tools that open, show, list and save pictures."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ImageContent
from pydantic import Field

from expressedit_mcp.regions import Number
from expressedit_mcp.tools.arguments import ImageRef
from expressedit_mcp.tools.results import (
    ImageFacts,
    ImageList,
    OpenedImage,
    SavedImage,
    image_facts,
    opened_result,
    plain_result,
    preview_content,
)
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OpenStudio, in_thread

ImageId = Annotated[
    str, Field(description="image_id of a stored version", examples=["img_3a4aa6b9c9e5ed0b3c7a"])
]


def tools(open_studio: OpenStudio) -> list[Tool]:
    """open_image, view_image, list_images, save_image."""

    async def open_image(source: ImageRef) -> Annotated[CallToolResult, OpenedImage]:
        """Open a picture and get its image_id, size and mode, and the faces in it: their parts, which regions can
        name, and the expression tags they seem to show (so an edit can be checked). Faces drawn like the demo
        characters are read; of others it may say nonsense: look at the confidence and at the picture.
        Takes the path of a PNG, JPEG or WebP file in an allowed folder, a data: URI, or an image_id. The file
        itself is never changed."""

        def work() -> CallToolResult:
            studio = open_studio()
            return opened_result(studio, studio.open_image(source))

        return await in_thread(work)

    async def view_image(
        image_id: ImageId,
        box: Annotated[
            tuple[Number, Number, Number, Number] | None,
            Field(description="[left, top, right, bottom] to look at; default: all of it"),
        ] = None,
        max_side: Annotated[
            int, Field(description="Longer side of the view in pixels", ge=16, le=1568)
        ] = 768,
        grid: Annotated[
            bool, Field(description="Overlay grid lines labelled with picture coordinates")
        ] = False,
    ) -> ImageContent:
        """Look at a stored picture, or at a part of it, as an image.
        With grid=True lines labelled in picture pixels lie over it, so that a region can be named by its
        coordinates."""

        def work() -> ImageContent:
            from expressedit_mcp.imaging import Box

            wanted = Box(*(round(edge) for edge in box)) if box else None
            return preview_content(open_studio().view(image_id, wanted, max_side, grid))

        return await in_thread(work)

    async def list_images(
        limit: Annotated[int, Field(description="Most versions to return", ge=1, le=200)] = 20,
    ) -> Annotated[CallToolResult, ImageList]:
        """List the stored versions of pictures, the newest first, with their parents.
        To undo an edit, go on from its parent."""

        def work() -> CallToolResult:
            studio = open_studio()
            found = studio.list_images(limit)
            facts = ImageList(images=[ImageFacts(**image_facts(studio, v)) for v in found])
            return plain_result(facts, f"{len(found)} versions.")

        return await in_thread(work)

    async def save_image(
        image_id: ImageId,
        path: Annotated[
            str,
            Field(
                description="Where to save it, ending in .png, in an allowed folder", min_length=1
            ),
        ],
        overwrite: Annotated[bool, Field(description="Replace a file that is there")] = False,
    ) -> Annotated[CallToolResult, SavedImage]:
        """Save a stored picture as a PNG file in an allowed folder.
        A file that is there is left alone unless overwrite is true."""

        def work() -> CallToolResult:
            saved = open_studio().save_image(image_id, path, overwrite)
            facts = SavedImage(image_id=image_id, path=str(saved))
            return plain_result(facts, f"Saved {image_id} to {saved}.")

        return await in_thread(work)

    return [
        make_tool(open_image, "Open a picture", read_only=False),
        make_tool(view_image, "Look at a picture", read_only=True, structured=False),
        make_tool(list_images, "List pictures", read_only=True),
        make_tool(save_image, "Save a picture", read_only=False, destructive=True),
    ]
