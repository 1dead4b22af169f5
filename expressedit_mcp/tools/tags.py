"""Tools that find and explain expression tags and write prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from expressedit_mcp.errors import InputError
from expressedit_mcp.tools.arguments import (
    CharacterArg,
    FaceNumber,
    ImageRef,
    NegativeArg,
    StyleArg,
)
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.tag_answers import (
    Detail,
    PromptFacts,
    TagFacts,
    TagHits,
    hits_result,
    prompt_result,
    tag_result,
)
from expressedit_mcp.tools.worker import OpenStudio, in_thread

if TYPE_CHECKING:
    from tagdb import SearchResult

_LATIN_ENDS = 0x024F


def tools(open_studio: OpenStudio) -> list[Tool]:
    """search_expression_tags, explain_tag and build_prompt."""

    async def search_expression_tags(
        query: Annotated[
            str | None,
            Field(
                description="A line of a story, an instruction, a word or an emoticon, in English, Chinese, "
                "Japanese or Korean, as the user wrote it",
                min_length=1,
                max_length=4000,
                examples=["She shut her eyes and a soft smile spread over her face.", ">_<"],
            ),
        ] = None,
        text_en: Annotated[
            str | None,
            Field(
                description="Always give it when the query is not English: one line of English, written by "
                "you, that says the same of the face; the right tags come first far more often with it",
                max_length=4000,
                examples=["He clenched his teeth and forced a smile through tears."],
            ),
        ] = None,
        limit: Annotated[int, Field(description="Most hits to return", ge=1, le=24)] = 12,
        category: Annotated[
            str | None,
            Field(
                description="Only this category: emotion, emoticon, eyes, brows, gaze, mouth, marks, mixed"
            ),
        ] = None,
        part: Annotated[
            str | None,
            Field(
                description="Only tags that draw this part of the face: eyes, mouth, brows, cheeks, "
                "face, marks, hands, nose, head"
            ),
        ] = None,
        transform: Annotated[
            str | None,
            Field(description="Only tags that want a transform first: none, advised, needed"),
        ] = None,
        detail: Annotated[
            Detail,
            Field(description="full adds definitions, near tags and contradictions to each hit"),
        ] = "short",
        image: Annotated[
            ImageRef | None,
            Field(
                description="Instead of a query and filters: a drawn face to find the tags of; the first search "
                "of this kind takes half a minute"
            ),
        ] = None,
        face: FaceNumber = 0,
    ) -> Annotated[CallToolResult, TagHits]:
        """Find the expression tags for a line of a story, an instruction, a slang word or an emoticon.
        Tags are Danbooru's. You get candidates, best first, with what each draws in a few words: choose by
        meaning one main tag and at most two that support it, from different parts of the face; a right one is
        often second or third. When the query is not English, add text_en. explain_tag tells more of one; the
        resource expressedit://tags lists all of them."""

        def work() -> CallToolResult:
            by_words = (query, text_en, category, part, transform)
            if image is not None and not any(by_words):
                found = open_studio().search_picture(image, face, limit)
                return hits_result(found, detail, "")
            if image is not None or query is None:
                raise InputError("Give a query, or an image instead of query, text_en and filters.")
            found = open_studio().search(
                query, text_en, limit, category=category, part=part, transform=transform
            )
            return hits_result(found, detail, _hint(query, text_en, found))

        return await in_thread(work)

    async def explain_tag(
        name: Annotated[
            str,
            Field(
                description="A tag, an alias, an emoticon, or a word for it in English, Chinese, Japanese "
                "or Korean",
                min_length=1,
                max_length=200,
                examples=["jitome", "ドヤ顔", ";)"],
            ),
        ],
    ) -> Annotated[CallToolResult, TagFacts]:
        """Everything about one expression tag: what it draws and when it is right, its names in four
        languages, how it differs from its neighbours, what contradicts it, what to select, and whether the
        picture should be transformed first, with which numbers. A name that several tags have, or none, is
        answered with the nearest tags to choose from."""

        def work() -> CallToolResult:
            return tag_result(*open_studio().explain_tag(name))

        return await in_thread(work)

    async def build_prompt(
        tags: Annotated[
            list[Annotated[str, Field(min_length=1, max_length=200)]],
            Field(
                description="Expression tags or any of their names; one may carry a weight: '(smile:1.2)'",
                min_length=1,
                max_length=40,
                examples=[["closed eyes", "(smile:1.2)"]],
            ),
        ],
        character: CharacterArg = "",
        style: StyleArg = None,
        dialect: Annotated[
            Literal["a1111", "comfyui", "diffusers"],
            Field(
                description="How weights and brackets are written. For edit_expression leave a1111; the "
                "others are for prompts that go to ComfyUI, or to a diffusers pipeline (no weights)"
            ),
        ] = "a1111",
        negative_prompt: NegativeArg = None,
    ) -> Annotated[CallToolResult, PromptFacts]:
        """Write the prompt and negative prompt for the current model from expression tags, whole and as
        `edits`: one per part of the face that changes (eyes and mouth apart), each with its own prompt, what
        to select, and the transform to make first. Pass an edit's prompt and negative_prompt to
        edit_expression. Expression words and, for shut eyes, the eye colour are taken out of character and
        told. Warns of unknown tags (with the nearest ones), of tags that contradict each other (nothing
        asked for is dropped), of words the model does not know and of prompts over one chunk of its
        tokenizer."""

        def work() -> CallToolResult:
            studio = open_studio()
            built = studio.build_prompt(tuple(tags), character, style, negative_prompt, dialect)
            return prompt_result(built, studio.unknown_to_model(built))

        return await in_thread(work)

    return [
        make_tool(search_expression_tags, "Search expression tags", read_only=True),
        make_tool(explain_tag, "Explain a tag", read_only=True),
        make_tool(build_prompt, "Build a prompt", read_only=True),
    ]


def _hint(query: str, text_en: str | None, found: SearchResult) -> str:
    """Asks for the English line that is missing; a name of a tag needs none."""
    from tagdb import normalize

    is_english = not any(char.isalpha() and ord(char) > _LATIN_ENDS for char in query)
    if text_en or is_english:
        return ""
    matches = (match for hit in found.hits for match in hit.matches)
    if any(match.kind == "name" and match.text == normalize(query) for match in matches):
        return ""
    return (
        "The query is not English and came without text_en. Call again with the same query and "
        "text_en, one line of English that says the same of the face, for a better order."
    )
