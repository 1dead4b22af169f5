"""The guided tools through a real MCP client: what they change, what they keep, what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client
from PIL import Image
from tool_calls import ok, text

from expressedit_mcp.preview import CHARACTERS, Drawing, draw_character, expression_from_tags
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio
MOUTH = {"box": [86, 163, 170, 223]}
UP = [{"from": [108, 190], "to": [103, 183]}, {"from": [148, 190], "to": [153, 183]}]
QUICK = {"strength": 0.1, "context": [36, 59, 220, 243]}
GUIDED = ["drag_expression", "match_landmarks", "move_part", "transfer_appearance"]


@pytest.fixture
async def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core, methods")
    async with Client(build_server(Settings())) as connected:
        yield connected


@pytest.fixture
def smiling(pictures_dir: Path) -> Path:
    """Another character with an open smile, smaller and elsewhere."""
    drawn = draw_character(CHARACTERS["Mirelle"], expression_from_tags([":d"]), size_px=192)
    path = pictures_dir / "smiling.png"
    Image.fromarray(drawn.pixels).save(path)
    return path


def changed(facts: dict[str, Any], before: np.ndarray) -> np.ndarray:
    return (np.asarray(Image.open(facts["path"])) != before).any(axis=2)


async def test_the_tools_belong_to_methods_and_describe_every_argument(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for name in GUIDED:
        properties = tools[name].input_schema["properties"]
        assert all(argument.get("description") for argument in properties.values()), name


async def test_a_drag_changes_the_region_alone_and_is_made_once(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    call = {"image": str(hero), "region": MOUTH, "points": UP, "tags": ["smile"], **QUICK}
    made = await ok(client, "drag_expression", **call)
    left, top, right, bottom = MOUTH["box"]
    where = changed(made, drawing.pixels)
    assert where[top:bottom, left:right].sum() == where.sum() > 200
    assert (made["operation"], made["model"]["name"]) == ("edit", "expressedit-preview")
    points = made["parameters"]["method"]["guidance"]["points"]
    crop = made["parameters"]["crop_box"]
    assert np.allclose(np.array(points[0]) + crop[:2], [[108, 190], [103, 183]])
    again = await ok(client, "drag_expression", **call)
    assert again["cached"] and again["image_id"] == made["image_id"]
    other = await ok(client, "drag_expression", **{**call, "guidance": 0.1})
    assert not other["cached"]


async def test_a_face_takes_the_expression_of_another(
    client: Client, hero: Path, smiling: Path, drawing: Drawing
) -> None:
    made = await ok(
        client, "match_landmarks", image=str(hero), reference=str(smiling), strength=0.1
    )
    assert changed(made, drawing.pixels).sum() > 500
    points = np.array(made["parameters"]["method"]["guidance"]["points"])
    assert len(points) > 40
    moved = np.hypot(*(points[:, 1] - points[:, 0]).T)
    assert 3 < moved.max() < 20, "what differs is the expression, not where the faces are"
    assert (moved == 0).sum() >= 9, "jaw and nose stay"
    seen = "".join(text for text, _ in made["parameters"]["prompt"])
    assert {":d", "smile"} <= set(seen.split(", ")), "the expression is told as it is seen"


async def test_words_beside_a_reference_are_what_the_model_is_told(
    client: Client, hero: Path, smiling: Path
) -> None:
    call = {"image": str(hero), "reference": str(smiling), "strength": 0.1}
    told = [
        await ok(client, "match_landmarks", **call, **words) for words in ({}, {"tags": ["frown"]})
    ]
    assert told[1]["parameters"]["prompt"] == [["frown", 1.0]]
    assert len({made["image_id"] for made in told}) == 2


async def test_landmarks_given_as_points_are_the_targets(client: Client, hero: Path) -> None:
    wanted = [[100.0 + i, 120.0 + i] for i in range(68)]
    made = await ok(
        client, "match_landmarks", image=str(hero), region=MOUTH, landmarks=wanted, **QUICK
    )
    corner = made["parameters"]["crop_box"][:2]
    ends = np.array(made["parameters"]["method"]["guidance"]["points"])[:, 1] + corner
    assert all(any(np.allclose(end, point) for point in wanted) for end in ends)


async def test_an_iris_is_moved_with_a_margin_round_it(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    x, y = drawing.landmarks.left_eye.iris_center
    iris = {"ellipse": [x - 14, y - 16, x + 14, y + 16]}
    made = await ok(client, "move_part", image=str(hero), region=iris, dx=5, scale=0.8, **QUICK)
    left, top, right, bottom = made["changed_box"]
    assert x - 24 < left < x - 10 and x + 10 < right < x + 30
    assert made["parameters"]["method"]["guidance"]["shift"] == [5.0, 0.0]
    where = changed(made, drawing.pixels)
    assert where[top:bottom, left:right].sum() == where.sum() > 100


async def test_of_a_list_each_part_is_resized_about_its_own_middle(
    client: Client, hero: Path, drawing: Drawing
) -> None:
    centres = [eye.iris_center for eye in (drawing.landmarks.left_eye, drawing.landmarks.right_eye)]
    irises = [{"ellipse": [x - 14, y - 16, x + 14, y + 16]} for x, y in centres]
    made = await ok(client, "move_part", image=str(hero), region=irises, scale=0.7, **QUICK)
    where = changed(made, drawing.pixels)
    for x, y in centres:
        rows, columns = np.nonzero(where[:, round(x) - 30 : round(x) + 30])
        assert columns.mean() - 30 == pytest.approx(0, abs=3)
        assert rows.mean() == pytest.approx(y, abs=3)
    between = round((centres[0][0] + centres[1][0]) / 2)
    assert not where[:, between - 6 : between + 6].any()
    known = (await ok(client, "list_images"))["images"]
    operations = {image["image_id"]: image for image in known}
    first = operations[made["parent"]]
    assert first["operation"] == made["operation"]
    assert operations[first["parent"]]["operation"] == "open"


@pytest.mark.parametrize("mode", ["appearance", "paste"])
async def test_a_look_is_taken_from_another_picture(
    client: Client, hero: Path, smiling: Path, drawing: Drawing, mode: str
) -> None:
    made = await ok(
        client,
        "transfer_appearance",
        image=str(hero),
        region=MOUTH,
        reference=str(smiling),
        reference_region={"part": "mouth"},
        mode=mode,
        **QUICK,
    )
    left, top, right, bottom = MOUTH["box"]
    where = changed(made, drawing.pixels)
    assert where[top:bottom, left:right].sum() == where.sum() > 200
    assert made["parameters"]["method"]["guidance"]["task"] == mode


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("drag_expression", {"region": MOUTH, "points": []}, "at least 1 item"),
        (
            "drag_expression",
            {"region": MOUTH, "points": [{"from": [10, 10], "to": [20, 20]}]},
            "Point 0 starts at [10, 10], outside the region",
        ),
        (
            "drag_expression",
            {"region": MOUTH, "points": [{"from": [100, 190], "to": [100, 190]}]},
            "move no pixel",
        ),
        ("match_landmarks", {}, "either reference"),
        ("match_landmarks", {"landmarks": [[1, 2]]}, "all 68"),
        ("match_landmarks", {"reference": "hero.png", "face": 3}, "no face 3"),
        ("move_part", {"region": MOUTH}, "Nothing would move"),
        (
            "transfer_appearance",
            {"region": MOUTH, "reference": "nothing.png", "reference_region": MOUTH},
            "nothing.png",
        ),
        (
            "drag_expression",
            {"region": MOUTH, "points": UP, "tags": ["smile"], "prompt": "smile"},
            "not both",
        ),
    ],
)
async def test_bad_calls_are_refused_in_words(
    client: Client, hero: Path, tool: str, arguments: dict[str, Any], message: str
) -> None:
    result = await client.call_tool(tool, {"image": str(hero), **arguments})
    assert result.is_error and message in text(result), text(result)
