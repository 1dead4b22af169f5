"""The tools of the group methods through a real MCP client: liquify and brush, with and without a repair."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from mcp import Client
from PIL import Image
from pydantic import ValidationError
from tool_calls import ok, refused

from expressedit_mcp.imaging.structure import structure_loss
from expressedit_mcp.preview import Drawing
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings, ToolGroup
from expressedit_mcp.tools import DEFAULT_GROUPS, all_tools

pytestmark = pytest.mark.anyio
MOUTH = {"box": [86, 163, 170, 223]}
METHODS = ["apply_liquify_transform", "apply_brush"]
LINE = {"points": [[100, 190], [128, 200], [156, 190]], "width": 4, "color": "#203040"}
PUSH = {"kind": "move", "from": [128, 193], "to": [128, 185], "radius": 24}


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core, methods")
    return Settings()


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with Client(build_server(settings)) as connected:
        yield connected


def pixels(facts: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(facts["path"])).astype(int)


def blue(picture: np.ndarray, near: tuple[float, float]) -> np.ndarray:
    """Middle (x, y) of Toma's blue iris pixels near an eye."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    found = (abs(x - near[0]) < 32) & (abs(y - near[1]) < 40)
    found &= picture[..., 2] - picture[..., 0] > 60
    return np.array([x[found].mean(), y[found].mean()])


@pytest.mark.parametrize(
    ("value", "offered", "hidden"),
    [
        ("core", ["edit_expression", "get_job"], ["photoshop_status", *METHODS]),
        ("methods", METHODS, ["edit_expression", "photoshop_status"]),
        (" Methods , CORE,photoshop", ["edit_expression", "photoshop_status", *METHODS], []),
    ],
)
async def test_the_setting_chooses_the_groups(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    value: str,
    offered: list[str],
    hidden: list[str],
) -> None:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", value)
    async with Client(build_server(Settings())) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    assert set(offered) <= set(names)
    assert not set(hidden) & set(names)


@pytest.mark.parametrize(
    "groups", [("core",), ("core", "photoshop"), ("core", "methods"), get_args(ToolGroup)]
)
async def test_the_instructions_name_the_groups_tools_and_no_others(
    settings: Settings, groups: tuple[ToolGroup, ...]
) -> None:
    async with Client(build_server(settings.model_copy(update={"tools": groups}))) as client:
        here = {tool.name for tool in (await client.list_tools()).tools}
        told = client.instructions or ""
    everywhere = {tool.name for tool in all_tools(lambda: None, get_args(ToolGroup))}  # type: ignore[arg-type, return-value]
    assert {name for name in everywhere - here if name in told} == set()
    assert ("methods" in groups) == all(name in told for name in METHODS)


@pytest.mark.parametrize("value", ["", "core,method", " , "])
def test_an_unknown_group_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, value: str
) -> None:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", value)
    with pytest.raises(ValidationError, match="core, photoshop, methods, characters"):
        Settings()


def test_the_groups_of_the_setting_are_those_of_the_tools(settings: Settings) -> None:
    assert Settings.model_fields["tools"].default == DEFAULT_GROUPS
    for group in get_args(ToolGroup):
        assert all_tools(lambda: None, [group])  # type: ignore[arg-type, return-value]


async def test_every_argument_of_a_stroke_is_described(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for name in METHODS:
        schema = tools[name].input_schema
        assert all(argument.get("description") for argument in schema["properties"].values())
        strokes = [d for key, d in schema["$defs"].items() if key.endswith("Stroke")]
        assert strokes
        for stroke in strokes:
            named = {key: value for key, value in stroke["properties"].items() if key != "kind"}
            assert all(value.get("description") for value in named.values()), stroke


async def test_a_gaze_is_moved_by_what_was_asked_and_nothing_else_changes(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    before = drawing.pixels.astype(int)
    eye = drawing.landmarks.left_eye
    left, top, right, bottom = drawing.part_boxes["left_eye"]
    x, y = eye.iris_center
    stroke = {"kind": "move", "from": [x, y], "to": [x + 5, y - 2], "radius": 2 * eye.iris_radius}
    made = await ok(
        client,
        "apply_liquify_transform",
        image=str(hero),
        region={"box": [left, top, right, bottom]},
        strokes=[stroke],
    )
    after = pixels(made)
    assert np.abs(blue(after, (x, y)) - blue(before, (x, y)) - [5, -2]).max() < 0.8
    changed = (after != before).any(axis=2)
    assert changed[top:bottom, left:right].sum() == changed.sum() > 500
    assert (made["operation"], made["model"], made["seed"]) == ("liquify", None, None)
    assert made["parameters"]["strokes"][0]["from"] == [x, y]


async def test_a_line_is_painted_in_its_colour(client: Client, hero: Path) -> None:
    made = await ok(client, "apply_brush", image=str(hero), region=MOUTH, strokes=[LINE])
    after = pixels(made)
    assert np.array_equal(after[199, 128], [0x20, 0x30, 0x40])
    assert made["operation"] == "brush"
    left, top, right, bottom = made["changed_box"]
    assert 97 <= left < right <= 159 and 187 <= top < bottom <= 203


@pytest.mark.parametrize(
    ("tool", "stroke"), [("apply_liquify_transform", PUSH), ("apply_brush", LINE)]
)
async def test_a_repair_redraws_what_moved_or_the_region_on_top_of_the_transform(
    client: Client, hero: Path, tool: str, stroke: dict[str, Any]
) -> None:
    call = {"image": str(hero), "region": MOUTH, "strokes": [stroke]}
    plain = await ok(client, tool, **call)
    repaired = await ok(client, tool, **call, repair=True, tags=["smile"])
    assert (await ok(client, tool, **call))["cached"]
    assert (repaired["operation"], repaired["parent"]) == ("edit", plain["image_id"])
    brushed = tool == "apply_brush"
    assert repaired["changed_box"] == (MOUTH["box"] if brushed else plain["changed_box"])
    assert repaired["parameters"]["control_inside"] == "keep"
    assert repaired["parameters"]["strength"] == 0.5
    images = (await ok(client, "list_images"))["images"]
    parents = {image["image_id"]: image["parent"] for image in images}
    assert images[-1]["image_id"] == parents[plain["image_id"]]


async def test_a_repair_can_keep_the_hints_lines(client: Client, hero: Path) -> None:
    call = {"image": str(hero), "region": MOUTH, "strokes": [LINE]}
    painted = await ok(client, "apply_brush", **call)
    repair = {"repair": True, "tags": ["smile"], "seed": 1}
    redrawn, locked = [
        await ok(client, "apply_brush", **call, **repair, preserve_structure=amount)
        for amount in (0, 1)
    ]
    left, top, right, bottom = MOUTH["box"]
    hint, free, held = (
        pixels(made)[top:bottom, left:right].mean(axis=2) / 255
        for made in (painted, redrawn, locked)
    )
    assert structure_loss(hint, held) < structure_loss(hint, free) / 4
    assert locked["parameters"]["preserve_structure"] == 1


@pytest.mark.parametrize(
    ("tool", "changes", "message"),
    [
        ("apply_liquify_transform", {"strokes": []}, "at least 1 item"),
        ("apply_liquify_transform", {"strokes": [{**PUSH, "kind": "twirl"}]}, "'pucker'"),
        (
            "apply_liquify_transform",
            {"strokes": [{**PUSH, "radius": 0}]},
            "strokes.0.move.radius: input should be greater",
        ),
        (
            "apply_liquify_transform",
            {"strokes": [{**PUSH, "to": [228, 9], "radius": 9}]},
            "8 times",
        ),
        ("apply_liquify_transform", {"strokes": [{**PUSH, "to": PUSH["from"]}]}, "move no pixel"),
        ("apply_liquify_transform", {"tags": ["smile"]}, "repair=True"),
        ("apply_liquify_transform", {"preserve_structure": 1}, "repair=True"),
        ("apply_liquify_transform", {"repair": True}, "either tags"),
        ("apply_brush", {"strokes": [{**LINE, "color": "red"}]}, "strokes.0.color"),
        ("apply_brush", {"strokes": [{**LINE, "points": [[1, 2]]}]}, "paint no pixel"),
        ("apply_brush", {"strokes": [{**LINE, "points": []}]}, "strokes.0.points"),
    ],
)
async def test_bad_strokes_are_refused_in_words(
    client: Client, hero: Path, tool: str, changes: dict[str, Any], message: str
) -> None:
    stroke = LINE if tool == "apply_brush" else PUSH
    arguments = {"image": str(hero), "region": MOUTH, "strokes": [stroke], **changes}
    assert message in await refused(client, tool, **arguments)


async def test_words_select_where_the_model_looks(client: Client, hero: Path) -> None:
    region = {"words": ["blue eyes"], "within": {"part": "left_eye"}}
    strokes = [{**LINE, "points": [[0, 128], [256, 128]], "width": 256}]
    facts = await ok(client, "apply_brush", image=str(hero), region=region, strokes=strokes)
    left, _, right, _ = facts["changed_box"]
    assert right - left < 40
    assert right < 128
    message = await refused(
        client, "apply_brush", image=str(hero), region={"words": ["eyes"]}, strokes=strokes
    )
    assert "blue eyes" in message
    message = await refused(
        client, "apply_brush", image=str(hero), region={"words": []}, strokes=strokes
    )
    assert '{"words": ["blush"]}' in message
