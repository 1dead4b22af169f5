"""Tools that find expression tags and write prompts."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import Field

from expressedit_mcp.tools.arguments import CharacterArg, NegativeArg, StyleArg
from expressedit_mcp.tools.results import (
    PromptFacts,
    TagHit,
    TagHits,
    TagMatch,
    TransformAdvice,
    plain_result,
)
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OpenStudio, in_thread


def tools(open_studio: OpenStudio) -> list[Tool]:
    """search_expression_tags and build_prompt."""

    async def search_expression_tags(
        query: Annotated[
            str,
            Field(
                description="A line of a story, an instruction, a word or an emoticon, in English, Chinese, "
                "Japanese or Korean",
                min_length=1,
                max_length=4000,
                examples=["She shut her eyes and a soft smile spread over her face.", ">_<"],
            ),
        ],
        text_en: Annotated[
            str | None,
            Field(
                description="One line of English saying the same, when the query is in another language",
                max_length=4000,
            ),
        ] = None,
        limit: Annotated[int, Field(description="Most hits to return", ge=1, le=50)] = 12,
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
    ) -> Annotated[CallToolResult, TagHits]:
        """Find the expression tags for a line of a story, an instruction, a slang word or an emoticon.
        Tags are Danbooru's; each hit comes with what it draws, its names in four languages, the parts of the
        face, whether the picture should be transformed first, and which tags contradict it. Pick one main tag
        and at most two that support it. Add text_en when the query is not English."""

        def work() -> TagHits:
            found = open_studio().search(
                query, text_en, limit, category=category, part=part, transform=transform
            )
            return TagHits(
                hits=[
                    TagHit(
                        tag=hit.tag.tag,
                        score=round(hit.score, 4),
                        prompt_form=hit.tag.prompt_form,
                        definition=hit.tag.definition["en"],
                        category=hit.tag.category,
                        parts=list(hit.tag.parts),
                        names={language: list(names) for language, names in hit.tag.names.items()},
                        transform=TransformAdvice(
                            needed=hit.tag.transform.need, advice=hit.tag.transform.advice
                        ),
                        near={near.tag: near.difference for near in hit.tag.near},
                        contradicts=list(hit.tag.contradicts),
                        matches=[
                            TagMatch(kind=m.kind, text=m.text, language=m.language)
                            for m in hit.matches
                        ],
                    )
                    for hit in found.hits
                ],
                no_expression=found.no_expression,
            )

        facts = await in_thread(work)
        best = ", ".join(hit.tag for hit in facts.hits[:5])
        empty = "The text seems to describe no expression. " if facts.no_expression else ""
        return plain_result(facts, f"{empty}Best tags: {best or 'none'}.")

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
        negative_prompt: NegativeArg = None,
    ) -> Annotated[CallToolResult, PromptFacts]:
        """Write the prompt and negative prompt for the current model from expression tags.
        The result can be passed to edit_expression as prompt and negative_prompt. Warns of unknown tags (with
        the nearest ones), of tags that contradict each other, of tags that want a transform first, of words
        the model does not know and of prompts longer than its tokenizer takes at once."""

        def work() -> PromptFacts:
            studio = open_studio()
            built = studio.build_prompt(tuple(tags), character, style, negative_prompt)
            return PromptFacts(
                prompt=built.prompt,
                negative_prompt=built.negative_prompt,
                tags=list(built.tags),
                unknown=list(built.unknown),
                unknown_to_model=list(studio.unknown_to_model(built)),
                warnings=list(built.warnings),
            )

        facts = await in_thread(work)
        return plain_result(facts, f"Prompt: {facts.prompt}")

    return [
        make_tool(search_expression_tags, "Search expression tags", read_only=True),
        make_tool(build_prompt, "Build a prompt", read_only=True),
    ]
