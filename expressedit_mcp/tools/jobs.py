"""Tools that follow work in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from expressedit_mcp.tools.placements import PlacementFacts, placements_in_words, waiting_facts
from expressedit_mcp.tools.results import SeenFace, plain_result, seen_in_words
from expressedit_mcp.tools.strict import make_tool
from expressedit_mcp.tools.worker import OpenStudio, in_thread

if TYPE_CHECKING:
    from expressedit_mcp.jobs import JobRecord
    from expressedit_mcp.studio import Studio

JobId = Annotated[
    str,
    Field(description="job_id of an answer to wait=False", examples=["job_0123456789abcdef"]),
]


class JobItem(BaseModel):
    """One result of a job that is whole."""

    image_id: str
    path: str
    uri: str
    seed: int | None
    elapsed_s: float
    cached: bool = Field(description="True when the same request had been computed before")
    warnings: list[str]
    seen: SeenFace | None = Field(None, description="Null where no face is found")
    placements: list[PlacementFacts] = Field(description="Layers in or on their way to Photoshop")


class JobFacts(BaseModel):
    """A job in the background."""

    job_id: str
    state: str = Field(
        description="waiting, running, done, failed, cancelled, or interrupted when its server ended"
    )
    done: int = Field(description="Steps done of `total`")
    total: int
    what: str = Field(description="What is being done")
    items: list[JobItem] = Field(description="Results that are whole so far")
    learned: list[str] = Field(description="Names of what was learned, for edit_expression")
    error: str = Field(description="What went wrong; empty otherwise")


def tools(open_studio: OpenStudio) -> list[Tool]:
    """get_job and cancel_job."""

    async def get_job(
        job_id: JobId,
        resume: Annotated[
            bool, Field(description="Start an interrupted, failed or cancelled job again")
        ] = False,
    ) -> Annotated[CallToolResult, JobFacts]:
        """How a job in the background stands, with the results that are whole so far.
        Ask again after a while until state is done; an edit takes seconds to a minute. With resume=True a job
        that ended early goes on: what was whole is not computed again."""

        def work() -> CallToolResult:
            studio = open_studio()
            jobs = studio.jobs
            return job_result(studio, jobs.resume(job_id) if resume else jobs.get(job_id))

        return await in_thread(work)

    async def cancel_job(job_id: JobId) -> Annotated[CallToolResult, JobFacts]:
        """Stop a job in the background; it stops within one denoising step. Results that are whole stay."""

        def work() -> CallToolResult:
            studio = open_studio()
            return job_result(studio, studio.jobs.cancel(job_id), "was asked to stop")

        return await in_thread(work)

    return [
        make_tool(get_job, "Follow a job", read_only=False),
        make_tool(cancel_job, "Cancel a job", read_only=False),
    ]


def job_result(studio: Studio, record: JobRecord, said: str = "") -> CallToolResult:
    """The answer about a job."""
    facts = JobFacts(
        job_id=record.job_id,
        state=record.state,
        done=record.done,
        total=record.total,
        what=record.what,
        items=[_item(studio, item) for item in record.items if "image_id" in item],
        learned=[item["learned"] for item in record.items if "learned" in item],
        error=record.error,
    )
    lines = [
        f"Job {facts.job_id} {said or f'is {facts.state}'}: {facts.what} ({facts.done} of {facts.total})."
    ]
    lines += [
        f"Made {item.image_id}: {item.path}{seen_in_words(item.seen)}{placements_in_words(item.placements)}"
        for item in facts.items
    ]
    lines += [f"Learned {name!r}." for name in facts.learned]
    if facts.error:
        lines.append(f"Error: {facts.error}")
    if facts.state in ("waiting", "running"):
        lines.append(f"get_job('{facts.job_id}') tells how it goes on.")
    elif facts.state in ("interrupted", "failed", "cancelled"):
        lines.append(f"get_job('{facts.job_id}', resume=true) goes on with it.")
    return plain_result(facts, "\n".join(lines))


def _item(studio: Studio, item: dict[str, Any]) -> JobItem:
    results = (studio.photoshop.bridge.outbox.get(name) for name in item["results"])
    return JobItem(
        **{name: value for name, value in item.items() if name != "results"},
        path=str(studio.images.path(item["image_id"])),
        uri=f"expressedit://images/{item['image_id']}",
        placements=[waiting_facts(waiting) for waiting in results if waiting],
    )
