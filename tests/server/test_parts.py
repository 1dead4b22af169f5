"""Regions that name a part of a face, through a real MCP client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client
from mcp.types import TextContent
from PIL import Image

from expressedit_mcp.preview import CHARACTERS, Drawing, draw_character, expression_from_tags
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with Client(build_server(settings)) as connected:
        yield connected


async def call(client: Client, tool: str, **arguments: Any) -> tuple[bool, str, dict[str, Any]]:
    """Whether it was refused, its text, its facts."""
    result = await client.call_tool(tool, arguments)
    text = " ".join(block.text for block in result.content if isinstance(block, TextContent))
    return bool(result.is_error), text, result.structured_content or {}


def apart(found: list[int], true: tuple[int, ...]) -> int:
    return max(abs(a - b) for a, b in zip(found, true, strict=True))


async def test_open_image_tells_of_the_face(client: Client, hero: Path, drawing: Drawing) -> None:
    _, _, opened = await call(client, "open_image", source=str(hero))
    (face,) = opened["faces"]
    assert apart(face["box"], drawing.crop_box) <= 25
    assert 0.5 <= face["confidence"] <= 1


@pytest.mark.parametrize("part", ["mouth", "eyes", "left_eye", "brows", "face"])
async def test_a_part_selects_its_box(
    client: Client, hero: Path, drawing: Drawing, part: str
) -> None:
    refused, text, edited = await call(
        client,
        "edit_expression",
        image=str(hero),
        region={"part": part},
        tags=["smile"],
        quality="draft",
    )
    assert not refused, text
    assert apart(edited["parameters"]["selection_box"], drawing.part_boxes[part]) <= 14


async def test_a_face_is_selected_by_its_outline(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    refused, text, edited = await call(
        client,
        "edit_expression",
        image=str(hero),
        region={"part": "face"},
        tags=["laughing"],
        quality="draft",
    )
    assert not refused, text
    after = np.asarray(Image.open(edited["path"]).convert("RGB"))
    changed = (after != drawing.pixels).any(axis=2)
    left, top, right, bottom = drawing.part_boxes["face"]
    chin = bottom - (bottom - top) // 3
    assert changed[top:chin, left:right].any()
    corner = (bottom - top) // 8
    assert not changed[bottom - corner : bottom, left : left + corner].any()
    assert not changed[bottom - corner : bottom, right - corner : right].any()


async def test_a_face_that_is_not_there_is_named_with_those_that_are(
    client: Client, hero: Path
) -> None:
    refused, text, _ = await call(
        client,
        "edit_expression",
        image=str(hero),
        region={"part": "mouth", "face": 3},
        tags=["smile"],
    )
    assert refused
    assert "no face 3" in text
    assert "0: [" in text
    assert "view_image(image_id, grid=True)" in text


async def test_where_no_face_is_certain_the_grid_is_proposed(
    client: Client, pictures_dir: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(pictures_dir / "noise.png")
    _, _, opened = await call(client, "open_image", source="noise.png")
    assert opened["faces"] == []
    refused, text, _ = await call(
        client, "edit_expression", image="noise.png", region={"part": "eyes"}, tags=["smile"]
    )
    assert refused
    assert "No face is certain enough to find its eyes" in text
    assert "view_image(image_id, grid=True)" in text


async def test_an_unknown_part_is_refused_with_the_accepted_ones(
    client: Client, hero: Path
) -> None:
    refused, text, _ = await call(
        client, "edit_expression", image=str(hero), region={"part": "nose"}, tags=["smile"]
    )
    assert refused
    assert '{"part": "face|eyes|left_eye|right_eye|left_iris|right_iris|brows|mouth"' in text


async def test_irises_are_parts_that_a_scaling_takes(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    irises = [{"part": "left_iris"}, {"part": "right_iris"}]
    refused, text, scaled = await call(
        client, "apply_scale_transform", image=str(hero), region=irises, scale_x=0.5
    )
    assert not refused, text
    x, y = drawing.landmarks.left_eye.iris_center
    left, top, right, bottom = scaled["parameters"]["selections"][0][:4]
    assert apart([left, top], (round(x - (right - left) / 2), round(y - (bottom - top) / 2))) <= 4
    wide = 2 * drawing.landmarks.left_eye.iris_radius
    assert wide <= right - left <= 1.4 * wide
    shut = draw_character(CHARACTERS["Toma"], expression_from_tags(["closed eyes"]))
    Image.fromarray(shut.pixels).save(hero.with_name("shut.png"))
    refused, text, _ = await call(
        client, "apply_scale_transform", image="shut.png", region=irises, scale_x=0.5
    )
    assert refused
    assert "shows no left iris" in text


@pytest.fixture
def laughing(pictures_dir: Path) -> str:
    drawn = draw_character(CHARACTERS["Sefa"], expression_from_tags(["^_^", ":d"]))
    Image.fromarray(drawn.pixels).save(pictures_dir / "laughing.png")
    return "laughing.png"


async def test_an_opened_face_is_read(client: Client, laughing: str) -> None:
    _, text, opened = await call(client, "open_image", source=laughing)
    (read,) = opened["faces"]
    assert {"^_^", ":d"} <= {seen["tag"] for seen in read["tags"]}
    assert set(read["parts"]) >= {"mouth", "eyes", "brows"}
    assert read["tags"][0]["tag"] in text
    chances = [seen["chance"] for seen in read["tags"]]
    assert chances == sorted(chances, reverse=True)


async def test_tags_are_searched_by_a_picture(client: Client, laughing: str) -> None:
    refused, text, found = await call(client, "search_expression_tags", image=laughing, limit=10)
    assert not refused, text
    assert {"^_^", ":d"} & {hit["tag"] for hit in found["hits"]}


@pytest.mark.parametrize("asked", [{}, {"query": "smile", "image": "laughing.png"}])
async def test_a_search_is_by_words_or_by_a_picture(
    client: Client, laughing: str, asked: dict[str, str]
) -> None:
    refused, text, _ = await call(client, "search_expression_tags", **asked)
    assert refused
    assert "Give a query, or an image instead of query, text_en and filters." in text
