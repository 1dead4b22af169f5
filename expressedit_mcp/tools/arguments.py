"""Arguments that several tools take, with what a model must know about them."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from expressedit_mcp.regions import Number, Part, Region


def _region_in_words(value: Any, parse: ValidatorFunctionWrapHandler) -> Any:
    """A union reports every form that does not fit; one sentence helps more."""
    try:
        return parse(value)
    except ValidationError as error:
        raise ValueError(
            'is not a region. Accepted: {"box": [left, top, right, bottom]}, {"ellipse": [left, top, right, '
            'bottom]}, {"polygon": [[x, y], …]}, {"mask": image}, {"part": '
            f'"{"|".join(get_args(Part))}", "face": 0}}, {{"words": ["blush"]}}, {{"document": "selection"}}, or a '
            "list of them, in pixels of the picture. A sentence does not select: look at "
            "view_image(image_id, grid=True) to find coordinates"
        ) from error


ImageRef = Annotated[
    str,
    Field(
        description="image_id of an earlier result, path of a PNG, JPEG or WebP file in an allowed folder, "
        "a data: URI filled in by the client, or photoshop:active, the document open in Photoshop",
        min_length=1,
        examples=["img_3a4aa6b9c9e5ed0b3c7a", "panels/page1.png"],
    ),
]
FaceNumber = Annotated[
    int, Field(description="Number of the face, as open_image lists them", ge=0, le=100)
]
RegionArg = Annotated[
    Region,
    WrapValidator(_region_in_words),
    Field(
        description="What may change, in picture pixels, half-open; a list is the union. Select the whole "
        "feature with some skin round it: eyes with brows and lids, mouth with a margin. A part (left and "
        "right are the viewer's) works where open_image found faces. "
        '{"document": "selection"} is what is selected in Photoshop',
        examples=[
            {"part": "mouth"},
            {"box": [86, 163, 170, 223]},
            [{"ellipse": [62, 106, 102, 154]}],
        ],
    ),
]
ContextArg = Annotated[
    tuple[Number, Number, Number, Number] | None,
    Field(
        description="[left, top, right, bottom] that the model also sees; changes nothing outside region. "
        "Give the whole face; where open_image found it that is not needed",
        examples=[[36, 59, 220, 243]],
    ),
]
TagsArg = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]] | None,
    Field(
        description="Expression tags from search_expression_tags; one may carry a weight as '(smile:1.2)'",
        examples=[["closed eyes", "smile"]],
        max_length=40,
    ),
]
PromptArg = Annotated[
    str | None,
    Field(
        description="A finished prompt as build_prompt returns it, instead of tags",
        max_length=8000,
        examples=["pink hair, green eyes, closed eyes, (smile:1.2)"],
    ),
]
CharacterArg = Annotated[
    str,
    Field(
        description="What else is true of the character, as tags: hair, eye colour, clothes. Expressions "
        "in it are taken out",
        max_length=4000,
        examples=["pink hair, green eyes, twintails"],
    ),
]
StyleArg = Annotated[
    str | None,
    Field(
        description="Prompt style: plain, illustrious, noobai, pony or sdxl; default: the model card's"
    ),
]
NegativeArg = Annotated[
    str | None,
    Field(
        description="Negative prompt; default: the style's, with the opposite of the tags",
        max_length=8000,
    ),
]
StrengthArg = Annotated[
    float | None,
    Field(
        description="Denoising strength: 0.3 keeps the shapes, 0.8 redraws; default: the card's",
        gt=0,
        le=1,
        examples=[0.7],
    ),
]
RepairArg = Annotated[bool, Field(description="Redraw the result with the model afterwards")]
RepairStrengthArg = Annotated[
    float | None,
    Field(description="Denoising strength of the repair; default 0.5", gt=0, le=1),
]
RepairStructureArg = Annotated[
    float,
    Field(
        description="How much of the hint's lines the repair gives back, 0..1; 1: it redraws colours alone",
        ge=0,
        le=1,
    ),
]
SeedArg = Annotated[
    int | None,
    Field(
        description="Seed of the noise; unset, it follows from the request, so the same call gives the same "
        "picture and another seed another try",
        ge=0,
        lt=1 << 31,
    ),
]
LearnedCharacterArg = Annotated[
    str | None,
    Field(
        description="Name of a learned character (list_characters) that the picture shows; '(name:0.7)' weighs it",
        max_length=80,
        examples=["mirelle"],
    ),
]
AttributesArg = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=80)]] | None,
    Field(
        description="Names of learned attributes to add; '(name:0.7)' weighs one",
        max_length=4,
        examples=[["festival-paint"]],
    ),
]
ImagePromptArg = Annotated[
    str | None,
    Field(
        description="Picture that the region shall resemble, given as image is; all of it is looked at, so crop "
        "it to what counts. Needs a model with an IP-Adapter (docs/methods.md)",
        min_length=1,
        examples=["panels/eyes.png"],
    ),
]
ImagePromptScaleArg = Annotated[
    float,
    Field(description="How much image_prompt counts beside the words; 0 is without", ge=0, le=1),
]
PreserveStructureArg = Annotated[
    float,
    Field(
        description="Gives the source's lines back inside the region after the edit. 1: all of them, for edits of "
        "colour alone (eye colour, light), with control_inside=keep; no mouth opens and no eye closes then. 0.5: "
        "only where they drifted a little, round the feature that changed",
        ge=0,
        le=1,
    ),
]
PreserveColorArg = Annotated[
    float,
    Field(
        description="Gives the source's colours back inside the region, not its light and dark: 1 all of them, "
        "0.5 only where they drifted a little",
        ge=0,
        le=1,
    ),
]
