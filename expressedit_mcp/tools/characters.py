"""Tools that learn characters and attributes: the group `characters`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from expressedit_mcp.regions import Region
from expressedit_mcp.tools.arguments import ImageRef
from expressedit_mcp.tools.jobs import JobFacts, job_result
from expressedit_mcp.tools.results import plain_result
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OpenStudio, in_thread

if TYPE_CHECKING:
    from expressedit_mcp.studio import LearnedCard, Studio

NOTICE = (
    "Learn only drawn characters that you made or have the right to use; likenesses of real people are out of "
    "scope."
)

NameArg = Annotated[
    str,
    Field(
        description="Its name in later calls: a-z, 0-9, '-' and '_'",
        max_length=48,
        examples=["mirelle"],
    ),
]
ImagesArg = Annotated[
    list[ImageRef],
    Field(
        description="Pictures that show it; three with different expressions and views do well",
        min_length=1,
        max_length=20,
    ),
]
RegionsArg = Annotated[
    list[Region] | None,
    Field(
        description="Where it is, one region per picture in order; default: each picture's first found face "
        "with its hair",
        max_length=20,
    ),
]
CaptionsArg = Annotated[
    list[list[Annotated[str, Field(max_length=200)]]] | None,
    Field(
        description="Tags of what each picture shows besides, the expression above all: what is named is not "
        "learned. Default: what is read in a found face",
        max_length=20,
        examples=[[["smile", "blush"], ["closed eyes"], ["angry"]]],
    ),
]
ClassWordArg = Annotated[
    str,
    Field(
        description="A word that the model knows for it, where learning begins",
        max_length=60,
        examples=["1girl"],
    ),
]
StepsArg = Annotated[int | None, Field(description="Steps of learning; default 400", ge=1, le=5000)]
LearnSeedArg = Annotated[int, Field(description="Seed of the learning", ge=0, lt=1 << 31)]


class LearnedFacts(BaseModel):
    """A learned character or attribute."""

    name: str
    kind: Literal["character", "attribute"]
    usable: bool = Field(description="False when another model learned it")
    base_name: str = Field(description="The model that learned it")
    class_word: str
    pictures: list[str] = Field(description="image_ids that it was learned from")
    steps: int
    path: str = Field(description="Absolute path of its file")


class LearnedList(BaseModel):
    """Everything that was learned, and one that was forgotten."""

    learned: list[LearnedFacts]
    forgotten: str | None


def tools(open_studio: OpenStudio) -> list[Tool]:
    """learn_character, learn_attribute, list_characters and forget_character."""

    async def learn_character(
        name: NameArg,
        images: ImagesArg,
        regions: RegionsArg = None,
        captions: CaptionsArg = None,
        class_word: ClassWordArg = "solo",
        steps: StepsArg = None,
        seed: LearnSeedArg = 0,
    ) -> Annotated[CallToolResult, JobFacts]:
        """Learn a drawn character from a few pictures, to keep its look in every later edit: eye colour where the
        eyes were closed, hair, skin. Answers at once with a job_id (get_job tells how it goes on, some minutes;
        edits go first; cancel_job stops it, resume goes on). Then edit_expression(learned_character=name). Learn
        only drawn characters that you made or have the right to use; real people's likenesses are out of scope."""
        return await _started(
            open_studio,
            name=name,
            kind="character",
            images=images,
            regions=regions,
            captions=captions,
            class_word=class_word,
            apart_from=[],
            steps=steps,
            seed=seed,
        )

    async def learn_attribute(
        name: NameArg,
        images: ImagesArg,
        regions: RegionsArg = None,
        captions: CaptionsArg = None,
        class_word: ClassWordArg = "solo",
        apart_from: Annotated[
            list[str] | None,
            Field(
                description="Learned characters that it shall take nothing over from", max_length=8
            ),
        ] = None,
        steps: StepsArg = None,
        seed: LearnSeedArg = 0,
    ) -> Annotated[CallToolResult, JobFacts]:
        """Learn one attribute from a few pictures that show it, such as a make-up or a way to draw eyes, to add it
        to other characters: give the region it lies in, and captions that name everything else (also the
        character's hair and eyes), since what is named is not learned. Answers at once with a job_id. Then
        edit_expression(attributes=[name]), alone or with a learned_character. Learn only what you made or have the
        right to use; real people's likenesses are out of scope."""
        return await _started(
            open_studio,
            name=name,
            kind="attribute",
            images=images,
            regions=regions,
            captions=captions,
            class_word=class_word,
            apart_from=apart_from or [],
            steps=steps,
            seed=seed,
        )

    async def list_characters() -> Annotated[CallToolResult, LearnedList]:
        """The learned characters and attributes, and whether the model in use is the one that learned them."""

        def work() -> CallToolResult:
            return _listed(open_studio(), "Learned", None)

        return await in_thread(work)

    async def forget_character(name: NameArg) -> Annotated[CallToolResult, LearnedList]:
        """Delete a learned character or attribute for good. Pictures that were edited with it stay."""

        def work() -> CallToolResult:
            studio = open_studio()
            card = studio.learned.forget(name)
            return _listed(studio, f"Forgot {card.kind} {name!r}. Left", name)

        return await in_thread(work)

    return [
        make_tool(learn_character, "Learn a character", read_only=False),
        make_tool(learn_attribute, "Learn an attribute", read_only=False),
        make_tool(list_characters, "List what was learned", read_only=True),
        make_tool(forget_character, "Forget a character", read_only=False, destructive=True),
    ]


async def _started(open_studio: OpenStudio, **arguments: Any) -> CallToolResult:
    """The answer about the job of a learning."""

    def work() -> CallToolResult:
        from expressedit_mcp.studio import LearnCommand

        studio = open_studio()
        given: dict[str, Any] = dict(arguments)
        for name in ("images", "regions", "captions", "apart_from"):
            given[name] = tuple(given[name] or ())
        given["captions"] = tuple(tuple(tags) for tags in given["captions"])
        record = studio.start_learning(LearnCommand(**given))
        return job_result(studio, record, f"was started. {NOTICE} It stands at")

    return await in_thread(work)


def _listed(studio: Studio, said: str, forgotten: str | None) -> CallToolResult:
    facts = LearnedList(
        learned=[_facts(studio, card) for card in studio.learned.cards()], forgotten=forgotten
    )
    names = ", ".join(
        f"{one.name} ({one.kind}{'' if one.usable else f', of the model {one.base_name}'})"
        for one in facts.learned
    )
    return plain_result(facts, f"{said}: {names or 'nothing'}.")


def _facts(studio: Studio, card: LearnedCard) -> LearnedFacts:
    return LearnedFacts(
        name=card.name,
        kind=card.kind,
        usable=card.base == studio.engine.fingerprint,
        base_name=card.base_name,
        class_word=card.class_word,
        pictures=list(dict.fromkeys(card.pictures)),
        steps=card.settings.steps,
        path=str(studio.learned.path(card.name)),
    )
