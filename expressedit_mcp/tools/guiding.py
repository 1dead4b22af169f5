"""Tools that pull an edit to a shape, a place or a look: the group `methods`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field

from expressedit_mcp.regions import Point, Region
from expressedit_mcp.tools.arguments import (
    AttributesArg,
    CharacterArg,
    ContextArg,
    FaceNumber,
    ImageRef,
    LearnedCharacterArg,
    RegionArg,
    SeedArg,
)
from expressedit_mcp.tools.results import EditedImage, edited_result
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OnStep, OpenStudio, Stop, with_progress

Ctx = Context[Any, Any]
Shift = Annotated[float, Field(ge=-100_000, le=100_000, allow_inf_nan=False)]


class Drag(BaseModel):
    """A point of the picture and where it shall be."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    start: Annotated[Point, Field(alias="from", description="[x, y] of the point, in the region")]
    end: Annotated[Point, Field(alias="to", description="[x, y] where it shall be")]


Drags = Annotated[
    list[Drag],
    Field(
        description="Points in picture pixels and where they shall be; one that shall stay has both alike",
        min_length=1,
        max_length=100,
        examples=[[{"from": [104, 190], "to": [99, 183]}, {"from": [152, 190], "to": [157, 183]}]],
    ),
]
ShownTags = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]] | None,
    Field(
        description="Expression tags of what the result shows; without tags and prompt it is drawn by what is "
        "seen alone",
        max_length=40,
        examples=[["smile"]],
    ),
]
ShownPrompt = Annotated[
    str | None,
    Field(
        description="A finished prompt of what the result shows, instead of tags", max_length=8000
    ),
]
ProfileArg = Annotated[
    Literal["fast", "paper"],
    Field(
        description="fast starts from moved pixels; paper is DiffEditor's own way, 50 steps from the picture's "
        "inverted noise, and takes about ten times as long"
    ),
]
GuidanceArg = Annotated[
    float | None,
    Field(
        description="How strongly features pull: fast 0..1 as a share of the noise, default 0.3; more than 0.5 "
        "breaks pictures. paper: its energy, by default 0.5 to 3",
        ge=0,
        le=100,
        allow_inf_nan=False,
    ),
]
DenoisingArg = Annotated[
    float | None,
    Field(description="Denoising strength; default: the profile's", gt=0, le=1),
]
Landmarks = Annotated[
    list[Point] | None,
    Field(
        description="68 points [x, y] of this picture in iBUG 300-W order (jaw 0-16, brows 17-26, nose 27-35, "
        "eyes 36-47, lips 48-67), instead of reference",
        max_length=68,
    ),
]


def tools(open_studio: OpenStudio) -> list[Tool]:
    """drag_expression, match_landmarks, move_part and transfer_appearance."""

    async def drag_expression(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        points: Drags,
        radius: Annotated[
            float | None,
            Field(
                description="Pixels that a point takes along round it; default: from the points and the region",
                ge=1,
                le=4000,
            ),
        ] = None,
        tags: ShownTags = None,
        prompt: ShownPrompt = None,
        character: CharacterArg = "",
        profile: ProfileArg = "fast",
        guidance: GuidanceArg = None,
        strength: DenoisingArg = None,
        seed: SeedArg = None,
        context: ContextArg = None,
        learned_character: LearnedCharacterArg = None,
        attributes: AttributesArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Drag points of a face to where they shall be, such as mouth corners up or a brow down, and redraw the
        region so that it fits; the model's own features hold each point to its target. Every pixel outside the
        region keeps its exact value. view_image with grid=True shows coordinates."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import DragCommand, parse_uses

            studio = open_studio()
            command = DragCommand(
                image=image,
                region=region,
                points=tuple((_xy(drag.start), _xy(drag.end)) for drag in points),
                radius=radius,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                character=character,
                profile=profile,
                guidance=guidance,
                strength=strength,
                seed=seed,
                context=context,
                learned=parse_uses(learned_character, attributes or ()),
            )
            return edited_result(studio, [studio.guide(command, on_step, stop)])

        return await with_progress(ctx, work)

    async def match_landmarks(
        ctx: Ctx,
        image: ImageRef,
        region: Annotated[
            Region | None, Field(description="What may change; default: the whole face")
        ] = None,
        reference: Annotated[
            ImageRef | None,
            Field(description="Picture whose face shows the expression, as image does"),
        ] = None,
        landmarks: Landmarks = None,
        face: FaceNumber = 0,
        reference_face: FaceNumber = 0,
        tags: ShownTags = None,
        prompt: ShownPrompt = None,
        character: CharacterArg = "",
        profile: ProfileArg = "fast",
        guidance: GuidanceArg = None,
        strength: DenoisingArg = None,
        seed: SeedArg = None,
        context: ContextArg = None,
        learned_character: LearnedCharacterArg = None,
        attributes: AttributesArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Give a face the expression of a face in another picture (a model sheet, another character, another
        panel), or the shape that 68 landmarks say. Brows, eyes and mouth take the other's shape and keep their own
        place and width. Without tags and prompt the model is told what the other face is seen to show.
        Faces and landmarks are found in pictures drawn like the demo characters."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.regions import PartRegion
            from expressedit_mcp.studio import MatchCommand, parse_uses

            studio = open_studio()
            command = MatchCommand(
                image=image,
                region=PartRegion(part="face", face=face) if region is None else region,
                face=face,
                reference=reference,
                reference_face=reference_face,
                landmarks=tuple(_xy(point) for point in landmarks) if landmarks else None,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                character=character,
                profile=profile,
                guidance=guidance,
                strength=strength,
                seed=seed,
                context=context,
                learned=parse_uses(learned_character, attributes or ()),
            )
            return edited_result(studio, [studio.guide(command, on_step, stop)])

        return await with_progress(ctx, work)

    async def move_part(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        dx: Annotated[Shift, Field(description="Pixels to the right")] = 0,
        dy: Annotated[Shift, Field(description="Pixels down")] = 0,
        scale: Annotated[
            float,
            Field(
                description="Factor about the region's middle; of a list each about its own, by an edit each",
                ge=0.125,
                le=8,
            ),
        ] = 1,
        tags: ShownTags = None,
        prompt: ShownPrompt = None,
        character: CharacterArg = "",
        profile: ProfileArg = "fast",
        guidance: GuidanceArg = None,
        strength: DenoisingArg = None,
        seed: SeedArg = None,
        context: ContextArg = None,
        learned_character: LearnedCharacterArg = None,
        attributes: AttributesArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Move or resize a part, such as an iris or a mouth, fill in what it leaves, and redraw it where it is now,
        held to the source by the model's features. The region is the part alone; a small margin round its old and
        its new place changes too, everything else keeps its exact value."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import MoveCommand, parse_uses

            studio = open_studio()
            command = MoveCommand(
                image=image,
                region=region,
                dx=dx,
                dy=dy,
                scale=scale,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                character=character,
                profile=profile,
                guidance=guidance,
                strength=strength,
                seed=seed,
                context=context,
                learned=parse_uses(learned_character, attributes or ()),
            )
            return edited_result(studio, [studio.guide(command, on_step, stop)])

        return await with_progress(ctx, work)

    async def transfer_appearance(
        ctx: Ctx,
        image: ImageRef,
        region: RegionArg,
        reference: ImageRef,
        reference_region: RegionArg,
        mode: Annotated[
            Literal["appearance", "paste"],
            Field(description="appearance: its colours and texture; paste: the thing itself"),
        ] = "appearance",
        tags: ShownTags = None,
        prompt: ShownPrompt = None,
        character: CharacterArg = "",
        profile: ProfileArg = "fast",
        guidance: GuidanceArg = None,
        strength: DenoisingArg = None,
        seed: SeedArg = None,
        context: ContextArg = None,
        learned_character: LearnedCharacterArg = None,
        attributes: AttributesArg = None,
    ) -> Annotated[CallToolResult, EditedImage]:
        """Draw a region in the look of a region of a reference: the eye style of another panel (appearance), or a
        mouth from a model sheet (paste). The reference's region is scaled to cover the region. Every pixel outside
        the region keeps its exact value."""

        def work(on_step: OnStep, stop: Stop) -> CallToolResult:
            from expressedit_mcp.studio import AppearanceCommand, parse_uses

            studio = open_studio()
            command = AppearanceCommand(
                image=image,
                region=region,
                reference=reference,
                reference_region=reference_region,
                mode=mode,
                tags=tuple(tags) if tags is not None else None,
                prompt=prompt,
                character=character,
                profile=profile,
                guidance=guidance,
                strength=strength,
                seed=seed,
                context=context,
                learned=parse_uses(learned_character, attributes or ()),
            )
            return edited_result(studio, [studio.guide(command, on_step, stop)])

        return await with_progress(ctx, work)

    return [
        make_tool(drag_expression, "Drag points of a face", read_only=False),
        make_tool(match_landmarks, "Match a face's landmarks", read_only=False),
        make_tool(move_part, "Move or resize a part", read_only=False),
        make_tool(transfer_appearance, "Take over a look", read_only=False),
    ]


def _xy(point: list[float]) -> tuple[float, float]:
    return point[0], point[1]
