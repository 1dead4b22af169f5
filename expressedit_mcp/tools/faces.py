"""Tools that read faces."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from expressedit_mcp.tools.arguments import FaceNumber, ImageRef
from expressedit_mcp.tools.results import plain_result
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OpenStudio, in_thread


class SeenTag(BaseModel):
    """A tag that a face seems to show."""

    tag: str
    chance: float = Field(description="0..1, of each tag by itself")


class ReadFace(BaseModel):
    """What was seen in a face."""

    box: list[int] = Field(description="[left, top, right, bottom] of the face, usable as context")
    confidence: float = Field(description="0..1 that it is a face")
    parts: dict[str, list[int]] = Field(description='Box by part, as {"part": name} selects them')
    tags: list[SeenTag] = Field(description="The likeliest first")


def tools(open_studio: OpenStudio) -> list[Tool]:
    """read_face."""

    async def read_face(
        image: ImageRef,
        face: FaceNumber = 0,
        limit: Annotated[int, Field(description="Most tags to return", ge=1, le=50)] = 8,
    ) -> Annotated[CallToolResult, ReadFace]:
        """Read a drawn face: where its eyes, irises, brows and mouth lie, and which expression tags it shows.
        Use it to check an edit or to select a part. It knows faces drawn like the demo characters; of others it
        may say nonsense, so look at the confidence and at the picture."""

        def work() -> CallToolResult:
            found = open_studio().read_face(image, face)
            likeliest = sorted(found.tags, key=lambda tag: -found.tags[tag])[:limit]
            facts = ReadFace(
                box=found.box.as_list(),
                confidence=found.confidence,
                parts={name: box.as_list() for name, box in found.parts.items()},
                tags=[SeenTag(tag=tag, chance=round(found.tags[tag], 3)) for tag in likeliest],
            )
            names = ", ".join(f"{seen.tag} {seen.chance:.2f}" for seen in facts.tags)
            return plain_result(facts, f"Face {face} at {facts.box} seems to show: {names}.")

        return await in_thread(work)

    return [make_tool(read_face, "Read a face", read_only=True)]
