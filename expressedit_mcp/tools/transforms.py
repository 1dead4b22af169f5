"""Tools that move or paint pixels as a hint for an edit: the group `methods`."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from expressedit_mcp.strokes import BrushStroke, LiquifyStroke
from expressedit_mcp.tools.arguments import (
    CharacterArg,
    ContextArg,
    ImageRef,
    PromptArg,
    RegionArg,
    RepairArg,
    RepairStrengthArg,
    RepairStructureArg,
    SeedArg,
    TagsArg,
)
from expressedit_mcp.tools.results import EditedImage, edited_result
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OnStep, OpenStudio, Stop, with_progress

Ctx = Context[Any, Any]
LiquifyStrokes = Annotated[
    list[LiquifyStroke],
    Field(
        description="Strokes in picture pixels, each made on the result of those before: move pushes from a "
        "point to another, bloat enlarges, pucker shrinks",
        min_length=1,
        max_length=32,
        examples=[
            [{"kind": "move", "from": [92, 150], "to": [98, 150], "radius": 26}],
            [{"kind": "pucker", "center": [92, 150], "radius": 30, "strength": 0.5}],
        ],
    ),
]
BrushStrokes = Annotated[
    list[BrushStroke],
    Field(
        description="Lines, dots and patches in picture pixels, each painted over those before",
        min_length=1,
        max_length=64,
        examples=[
            [{"points": [[84, 152], [92, 157], [102, 152]], "width": 3, "color": "#302020"}],
            [
                {
                    "points": [[70, 180]],
                    "width": 30,
                    "color": "#f08080",
                    "opacity": 0.5,
                    "softness": 1,
                }
            ],
        ],
    ),
]


def tools(open_studio: OpenStudio) -> list[Tool]:
    """apply_liquify_transform and apply_brush."""

    async def apply_liquify_transform(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        strokes: LiquifyStrokes,
        repair: RepairArg = False,
        tags: TagsArg = None,
        prompt: PromptArg = None,
        strength: RepairStrengthArg = None,
        preserve_structure: RepairStructureArg = 0,
        seed: SeedArg = None,
        character: CharacterArg = "",
        context: ContextArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Push, enlarge or shrink parts of a face inside a region, such as an iris to the side (a gaze), a mouth
        corner up, a brow down. The inner half of each brush moves as one piece, what is round it gives way
        smoothly; nothing folds over, nothing crosses the region's border, everything outside keeps its exact
        value. Give the region room: the whole eye to move an iris. It is a hint for the model: with repair=True
        and tags that name the result (such as 'looking to the side') an edit redraws what moved cleanly."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import LiquifyCommand

            studio = open_studio()
            command = LiquifyCommand(
                image=image,
                region=region,
                strokes=tuple(strokes),
                repair=repair,
                preserve_structure=preserve_structure,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                character=character,
                strength=strength,
                seed=seed,
                context=context,
            )
            return edited_result(studio, [studio.liquify(command, on_step, stop)])

        return await with_progress(ctx, work)

    async def apply_brush(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        strokes: BrushStrokes,
        repair: RepairArg = False,
        tags: TagsArg = None,
        prompt: PromptArg = None,
        strength: RepairStrengthArg = None,
        preserve_structure: RepairStructureArg = 0,
        seed: SeedArg = None,
        character: CharacterArg = "",
        context: ContextArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Paint lines, dots and patches of colour inside a region, such as a sketched brow, a tear, a sweat drop,
        a blush; everything outside the region keeps its exact value. It is a hint for the model: with
        repair=True and tags that name what was painted (such as 'sweatdrop') an edit redraws the region
        cleanly, guided by the painted edges. Take colours from the picture or from what the model shall draw."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import BrushCommand

            studio = open_studio()
            command = BrushCommand(
                image=image,
                region=region,
                strokes=tuple(strokes),
                repair=repair,
                preserve_structure=preserve_structure,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                character=character,
                strength=strength,
                seed=seed,
                context=context,
            )
            return edited_result(studio, [studio.brush(command, on_step, stop)])

        return await with_progress(ctx, work)

    return [
        make_tool(apply_liquify_transform, "Push, enlarge or shrink parts", read_only=False),
        make_tool(apply_brush, "Paint a hint", read_only=False),
    ]
