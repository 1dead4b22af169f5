"""What an edit's answer says of the face that was changed, through a real MCP client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from mcp import Client
from mcp.types import TextContent
from PIL import Image

from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import CHARACTERS, Drawing, draw_character, expression_from_tags
from expressedit_mcp.preview.finder import FaceFinder
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings
from expressedit_mcp.studio.seen import look_at

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with Client(build_server(settings)) as connected:
        yield connected


@pytest.fixture
def toma(pictures_dir: Path) -> str:
    Image.fromarray(drawn("Toma").pixels).save(pictures_dir / "toma.png")
    return "toma.png"


def drawn(name: str, *tags: str) -> Drawing:
    return draw_character(CHARACTERS[name], expression_from_tags(tags))


async def edited(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool("edit_expression", arguments)
    assert not result.is_error, result.content
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text, result.structured_content or {}


async def test_an_edit_says_what_the_face_now_shows(client: Client, toma: str) -> None:
    text, facts = await edited(
        client, image=toma, region={"part": "eyes"}, tags=["(ウィンク:1.1)", "closed eyes"]
    )
    assert set(facts["seen"]["asked"]) == {"one_eye_closed", "closed_eyes"}
    assert max(facts["seen"]["asked"].values()) > 0.9
    assert facts["seen"]["confidence"] > 0.9
    assert "The face now seems to show " in text
    assert "Asked for and not seen: " in text  # the two contradict each other


async def test_what_is_not_seen_is_named(client: Client, toma: str) -> None:
    """A mouth cannot smile where only the eyes may change."""
    text, facts = await edited(
        client, image=toma, region={"part": "eyes"}, tags=["smile"], quality="draft"
    )
    assert facts["seen"]["asked"]["smile"] < 0.5
    assert (
        f"Asked for and not seen: smile {facts['seen']['asked']['smile']:.2f}. The reader" in text
    )
    assert "smile" not in facts["seen"]["shown"]


async def test_of_a_prompt_the_tags_in_it_count_as_asked_for(client: Client, toma: str) -> None:
    _, facts = await edited(
        client,
        image=toma,
        region={"part": "eyes"},
        prompt="black hair, (closed eyes,:1.1) no such tag",
        quality="draft",
    )
    assert set(facts["seen"]["asked"]) == {"closed_eyes"}


async def test_each_variation_has_its_own(client: Client, toma: str) -> None:
    _, facts = await edited(
        client, image=toma, region={"part": "mouth"}, tags=[":d"], variations=2, quality="draft"
    )
    first, second = facts["variations"]
    assert first["seen"] == facts["seen"]
    assert {"asked", "shown"} < set(second["seen"])
    _, facts = await edited(
        client, image=toma, region={"part": "mouth"}, tags=[":d"], quality="draft"
    )
    assert facts["cached"]
    assert facts["seen"] == first["seen"]


async def test_a_job_keeps_it(client: Client, toma: str) -> None:
    _, facts = await edited(
        client, image=toma, region={"part": "eyes"}, tags=["closed eyes"], wait=False
    )
    with anyio.fail_after(60):
        while facts["state"] != "done":
            await anyio.sleep(0.1)
            result = await client.call_tool("get_job", {"job_id": facts["job_id"]})
            facts = result.structured_content or {}
    assert facts["items"][0]["seen"]["asked"]["closed_eyes"] > 0.5
    assert "The face now seems to show " in result.content[0].text  # type: ignore[union-attr]


async def test_nothing_is_said_where_no_face_is_or_no_model_drew(client: Client, toma: str) -> None:
    text, facts = await edited(
        client, image=toma, region={"box": [0, 0, 24, 24]}, tags=["smile"], quality="draft"
    )
    assert facts["seen"] is None
    assert "seems to show" not in text
    result = await client.call_tool(
        "apply_scale_transform",
        {"image": toma, "region": {"part": "left_iris"}, "scale_x": 0.5},
    )
    assert (result.structured_content or {})["seen"] is None


def test_of_several_faces_the_changed_one_is_looked_at() -> None:
    left, right = drawn("Toma", "closed eyes"), drawn("Sefa", ":d")
    page = np.concatenate([left.pixels, right.pixels], axis=1)
    mouth = Box(*right.part_boxes["mouth"]).shifted(left.pixels.shape[1], 0)
    seen = look_at(FaceFinder(), page, mouth, [":d", "closed_eyes", "no such tag"])
    assert seen is not None
    assert seen.asked[":d"] > 0.5 > seen.asked["closed_eyes"]
    assert list(seen.asked) == [":d", "closed_eyes"]
    assert list(seen.shown.values()) == sorted(seen.shown.values(), reverse=True)
    assert look_at(FaceFinder(), page, Box(0, 0, 3, 3), []) is None
