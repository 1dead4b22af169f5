"""The tool recolor through a real MCP client, on the shipped model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client
from mcp.types import ImageContent, ResourceLink, TextContent
from PIL import Image
from tool_calls import text

from expressedit_mcp.preview import Drawing
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio
LOOK = "1boy, brown hair, short hair"
RED = {"source_prompt": "blue eyes", "target_prompt": "red eyes", "character": LOOK}


@pytest.fixture
async def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "methods")
    async with Client(build_server(Settings())) as connected:
        yield connected


def pixels(facts: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(facts["path"])).astype(int)


def redness(picture: np.ndarray, drawing: Drawing) -> float:
    """Mean of red less blue in the left iris, pupil included."""
    x, y = (round(value) for value in drawing.landmarks.left_eye.iris_center)
    iris = picture[y - 7 : y + 8, x - 7 : x + 8]
    return float((iris[..., 0] - iris[..., 2]).mean())


async def test_eyes_take_another_colour_and_everything_else_stays(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    told: list[tuple[float, str]] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message or ""))

    left, top, right, bottom = drawing.part_boxes["left_eye"]
    call = {"image": str(hero), "region": {"box": [left, top, right, bottom]}, **RED}
    result = await client.call_tool("recolor", call, progress_callback=tell)
    assert not result.is_error, text(result)
    kinds = [type(block) for block in result.content]
    assert kinds == [TextContent, ImageContent, ResourceLink]
    made = result.structured_content
    assert made is not None

    before, after = drawing.pixels.astype(int), pixels(made)
    changed = (after != before).any(axis=2)
    assert changed[top:bottom, left:right].sum() == changed.sum() > 100
    assert redness(after, drawing) > redness(before, drawing) + 60
    plan = made["parameters"]
    assert plan["method"]["solver"] == "consistency"
    assert plan["method"]["source"]["prompt"] == [[f"{LOOK}, blue eyes", 1.0]]
    assert plan["prompt"] == [[f"{LOOK}, red eyes", 1.0]]
    assert (plan["preserve_structure"], plan["control_inside"]) == (0.5, "keep")
    assert made["seed"] is not None and made["model"]["name"]

    steps = made["parameters"]["model_calls"]
    assert [message for _, message in told if "denoising" in message] == [
        f"denoising step {i + 1} of {steps}" for i in range(steps)
    ]
    assert "keeping the lines" in told[-1][1]
    again = await client.call_tool("recolor", call)
    assert again.structured_content is not None and again.structured_content["cached"]


async def test_more_emphasis_is_another_picture(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    region = {"box": list(drawing.part_boxes["left_eye"])}
    call = {"image": str(hero), "region": region, **RED, "strength": 0.3, "seed": 1}
    plain, more = [
        (await client.call_tool("recolor", {**call, **extra})).structured_content
        for extra in ({}, {"emphasis": {"red eyes": 4}})
    ]
    assert plain is not None and more is not None
    assert more["parameters"]["method"]["attention"]["weights"] == [["red eyes", 4.0]]
    assert not np.array_equal(pixels(plain), pixels(more))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_prompt": "blue eyes"}, "say the same"),
        ({"target_prompt": " , ", "character": ""}, "The prompt is empty"),
        ({"source_prompt": "", "character": ""}, "The prompt is empty"),
        ({"emphasis": {"blush": 2}}, "'blush' is not in the prompt"),
        ({"emphasis": {"red eyes": -1}}, "emphasis"),
        ({"strength": 0}, "strength"),
        ({"preserve_structure": 2}, "preserve_structure"),
        ({"region": {"box": [900, 900, 950, 950]}}, "picture"),
        ({"image": "missing.png"}, "missing.png"),
    ],
)
async def test_bad_calls_are_refused_in_words(
    client: Client, hero: Path, changes: dict[str, Any], message: str
) -> None:
    call = {"image": str(hero), "region": {"box": [60, 100, 130, 160]}, **RED, **changes}
    result = await client.call_tool("recolor", call)
    assert result.is_error
    assert message in text(result)


async def test_every_argument_is_described(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    schema = tools["recolor"].input_schema
    assert all(argument.get("description") for argument in schema["properties"].values())
    assert set(schema["required"]) == {"image", "region", "source_prompt", "target_prompt"}
