"""Tools that change a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import ConfigDict, Field, RootModel

from expressedit_mcp.tools.arguments import (
    AttributesArg,
    CharacterArg,
    ContextArg,
    ImagePromptArg,
    ImagePromptScaleArg,
    ImageRef,
    LearnedCharacterArg,
    NegativeArg,
    PreserveColorArg,
    PreserveStructureArg,
    PromptArg,
    RegionArg,
    RepairArg,
    RepairStrengthArg,
    RepairStructureArg,
    SeedArg,
    StrengthArg,
    StyleArg,
    TagsArg,
)
from expressedit_mcp.tools.jobs import JobFacts, job_result
from expressedit_mcp.tools.results import EditedImage, edited_result
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OnStep, OpenStudio, Stop, with_progress

Ctx = Context[Any, Any]
Scale = Annotated[
    float, Field(description="Factor; 0.5 halves, 1.25 enlarges", ge=0.05, le=8, examples=[0.5])
]


class EditAnswer(RootModel[EditedImage | JobFacts]):
    """The edited picture, or with wait=False the job that edits it."""

    # clients want an object at the root of every output schema
    model_config = ConfigDict(json_schema_extra={"type": "object"})


def tools(open_studio: OpenStudio) -> list[Tool]:
    """edit_expression and apply_scale_transform."""

    async def edit_expression(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        tags: TagsArg = None,
        prompt: PromptArg = None,
        negative_prompt: NegativeArg = None,
        character: CharacterArg = "",
        style: StyleArg = None,
        strength: StrengthArg = None,
        quality: Annotated[
            Literal["draft", "final"], Field(description="draft takes fewer steps")
        ] = "final",
        seed: SeedArg = None,
        steps: Annotated[
            int | None,
            Field(
                description="Length of the whole step grid; strength decides how much of it runs",
                ge=1,
                le=200,
            ),
        ] = None,
        guidance_scale: Annotated[
            float | None, Field(description="How closely the prompt is followed (CFG)", ge=1, le=30)
        ] = None,
        control_end: Annotated[
            float | None,
            Field(
                description="Fraction of the edit for which the Canny edges guide it; 0 leaves them out",
                ge=0,
                le=1,
            ),
        ] = None,
        control_inside: Annotated[
            Literal["keep", "erase"] | None,
            Field(
                description="Canny edges under the region: keep holds the old feature (after a transform), "
                "erase frees it (closed eyes, winks)"
            ),
        ] = None,
        context: ContextArg = None,
        grow_px: Annotated[
            float,
            Field(description="Moves the region's boundary out by so many pixels", ge=0, le=1000),
        ] = 0,
        feather_px: Annotated[
            float | None,
            Field(description="Width of the soft ramp inside the region's boundary", ge=0, le=1000),
        ] = None,
        preserve_structure: PreserveStructureArg = 0,
        preserve_color: PreserveColorArg = 0,
        learned_character: LearnedCharacterArg = None,
        attributes: AttributesArg = None,
        image_prompt: ImagePromptArg = None,
        image_prompt_scale: ImagePromptScaleArg = 0.5,
        variations: Annotated[
            int, Field(description="Results with consecutive seeds", ge=1, le=8)
        ] = 1,
        place: Annotated[
            bool,
            Field(
                description="Also place the result into its Photoshop document, as one masked layer; it waits "
                "until Photoshop is there"
            ),
        ] = False,
        wait: Annotated[
            bool,
            Field(
                description="False answers at once with a job_id for get_job and cancel_job; the edit runs in "
                "the background, after edits that somebody waits for"
            ),
        ] = True,
    ) -> Annotated[CallToolResult, EditAnswer]:
        """Redraw the facial expression inside a region of a picture; every pixel outside keeps its exact value.
        Give the region in picture pixels (view_image with grid=True shows coordinates) and either tags or a
        prompt. The result is a new version with its own image_id and file; the original stays. Edit mouth and
        eyes in two calls, and pass the whole face as context. Where a face is found the answer says what it now
        seems to show. The same call gives the same result: pass another seed for another try. Some tags want
        apply_scale_transform first; search_expression_tags says which."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import EditCommand, parse_uses

            studio = open_studio()
            command = EditCommand(
                image=image,
                region=region,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                negative_prompt=negative_prompt,
                character=character,
                style=style,
                strength=strength,
                quality=quality,
                seed=seed,
                steps=steps,
                guidance_scale=guidance_scale,
                control_end=control_end,
                control_inside=control_inside,
                context=context,
                grow_px=grow_px,
                feather_px=feather_px,
                preserve_structure=preserve_structure,
                preserve_color=preserve_color,
                learned=parse_uses(learned_character, attributes or ()),
                image_prompt=image_prompt,
                image_prompt_scale=image_prompt_scale,
                variations=variations,
                place=place,
            )
            if not wait:
                return job_result(studio, studio.start_edit(command), "was started")
            return edited_result(studio, studio.edit(command, on_step, stop))

        return await with_progress(ctx, work)

    async def apply_scale_transform(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        scale_x: Scale,
        scale_y: Annotated[
            float | None, Field(description="Vertical factor; default: scale_x", ge=0.05, le=8)
        ] = None,
        anchor: Annotated[
            Literal["center", "top", "bottom", "left", "right"],
            Field(description="Point of each region's bounding box that stays in place"),
        ] = "center",
        repair: RepairArg = False,
        tags: TagsArg = None,
        prompt: PromptArg = None,
        strength: RepairStrengthArg = None,
        preserve_structure: RepairStructureArg = 0,
        seed: SeedArg = None,
        character: CharacterArg = "",
        context: ContextArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Scale the pixels under each region about its own centre, such as both irises to 50 %.
        What is uncovered is filled in from around; growing writes up to the scaled outline, everything else
        keeps its exact value. It is a hint for the model: with repair=True and tags that name the result (such
        as 'constricted pupils') an edit redraws the scaled parts cleanly, guided by their edges."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import ScaleCommand

            studio = open_studio()
            command = ScaleCommand(
                image=image,
                region=region,
                scale_x=scale_x,
                scale_y=scale_x if scale_y is None else scale_y,
                anchor=anchor,
                repair=repair,
                preserve_structure=preserve_structure,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                character=character,
                strength=strength,
                seed=seed,
                context=context,
            )
            return edited_result(studio, [studio.scale(command, on_step, stop)])

        return await with_progress(ctx, work)

    return [
        make_tool(edit_expression, "Edit an expression", read_only=False),
        make_tool(apply_scale_transform, "Scale a part of the face", read_only=False),
    ]
