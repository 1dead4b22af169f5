"""The tool that changes colours and keeps lines: the group `methods`."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from expressedit_mcp.tools.arguments import (
    ContextArg,
    ImageRef,
    LearnedCharacterArg,
    NegativeArg,
    PreserveColorArg,
    RegionArg,
    SeedArg,
)
from expressedit_mcp.tools.results import EditedImage, edited_result
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OnStep, OpenStudio, Stop, with_progress

Ctx = Context[Any, Any]
SourcePromptArg = Annotated[
    str,
    Field(
        description="What the region shows, as tags; may be empty when character says it",
        max_length=8000,
        examples=["blue eyes"],
    ),
]
TargetPromptArg = Annotated[
    str,
    Field(
        description="What it shall show, the same tags with others in the place of those that change; one may "
        "carry a weight as '(blush:1.3)'",
        max_length=8000,
        examples=["red eyes"],
    ),
]
SameCharacterArg = Annotated[
    str,
    Field(
        description="What else the picture shows, before and after, as tags: hair, clothes, expression",
        max_length=4000,
        examples=["pink hair, twintails, smile"],
    ),
]
EmphasisArg = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=200)],
        Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)],
    ]
    | None,
    Field(
        description="Factors 0..10 on the attention to words of target_prompt or character: more or less of them",
        max_length=20,
        examples=[{"blush": 2}],
    ),
]


def tools(open_studio: OpenStudio) -> list[Tool]:
    """recolor."""

    async def recolor(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        source_prompt: SourcePromptArg,
        target_prompt: TargetPromptArg,
        character: SameCharacterArg = "",
        emphasis: EmphasisArg = None,
        strength: Annotated[
            float | None,
            Field(
                description="How much of the change is made, 0..1; default: all of it",
                gt=0,
                le=1,
            ),
        ] = None,
        guidance_scale: Annotated[
            float | None,
            Field(description="How closely target_prompt is followed (CFG)", ge=1, le=30),
        ] = None,
        negative_prompt: NegativeArg = None,
        seed: SeedArg = None,
        context: ContextArg = None,
        feather_px: Annotated[
            float | None,
            Field(description="Width of the soft ramp inside the region's boundary", ge=0, le=1000),
        ] = None,
        preserve_structure: Annotated[
            float,
            Field(
                description="How much of the lines is given back afterwards: 0.5 nearly all, 1 all, also where a "
                "new colour is darker; 0 leaves it out",
                ge=0,
                le=1,
            ),
        ] = 0.5,
        preserve_color: PreserveColorArg = 0,
        learned_character: LearnedCharacterArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Change colour or light inside a region and keep its lines: eye or hair colour, lipstick, blush, lighting.
        The picture moves by what the model sees as the difference of two prompts, so name both: what the region
        shows and what it shall show, word for word the same but for what changes. Every pixel outside keeps its
        exact value. No mouth opens and no eye closes: edit_expression does that."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import RecolorCommand, parse_uses

            studio = open_studio()
            command = RecolorCommand(
                image=image,
                region=region,
                source_prompt=source_prompt,
                target_prompt=target_prompt,
                character=character,
                negative_prompt=negative_prompt,
                emphasis=emphasis or {},
                strength=strength,
                guidance_scale=guidance_scale,
                seed=seed,
                context=context,
                feather_px=feather_px,
                preserve_structure=preserve_structure,
                preserve_color=preserve_color,
                learned=parse_uses(learned_character, ()),
            )
            return edited_result(studio, [studio.recolor(command, on_step, stop)])

        return await with_progress(ctx, work)

    return [make_tool(recolor, "Change colours, keep lines", read_only=False)]
