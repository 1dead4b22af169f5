"""Image prompts through a real MCP client, on the shipped model with a small random IP-Adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import ip_adapters
import numpy as np
import pytest
from mcp import Client
from PIL import Image
from tool_calls import ok, refused

from expressedit_mcp.engine import EditRequest, LocalEngine
from expressedit_mcp.preview import CHARACTERS, Drawing, draw_character, expression_from_tags
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio
MOUTH = {"box": [86, 163, 170, 223]}
EDIT: dict[str, Any] = {
    "region": MOUTH,
    "tags": ["smile"],
    "strength": 0.2,
    "context": [36, 59, 220, 243],
}
UP = [{"from": [108, 190], "to": [103, 183]}, {"from": [148, 190], "to": [153, 183]}]


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ip_adapters.save_adapted(tmp_path_factory.mktemp("adapted"))


@pytest.fixture
async def client(
    settings: Settings, adapted: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core, methods")
    monkeypatch.setenv("EXPRESSEDIT_MODEL", str(adapted))
    async with Client(build_server(Settings())) as connected:
        yield connected


@pytest.fixture
def look(pictures_dir: Path) -> Path:
    """Another character, on a picture that is no square."""
    drawn = draw_character(CHARACTERS["Mirelle"], expression_from_tags([":d"]), size_px=192)
    path = pictures_dir / "look.png"
    Image.fromarray(drawn.pixels[:150]).save(path)
    return path


def pixels(facts: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(facts["path"]))


async def test_it_changes_the_region_alone_and_is_made_once(
    client: Client, hero: Path, look: Path, drawing: Drawing
) -> None:
    call = {"image": str(hero), "image_prompt": str(look), **EDIT}
    plain = await ok(client, "edit_expression", image=str(hero), **EDIT)
    made = await ok(client, "edit_expression", **call)
    left, top, right, bottom = MOUTH["box"]
    where = (pixels(made) != drawing.pixels).any(axis=2)
    assert where[top:bottom, left:right].sum() == where.sum() > 200
    assert (pixels(made) != pixels(plain)).any()
    # the same try as without it
    assert made["seed"] == plain["seed"]
    assert made["parameters"]["image_prompt"]["scale"] == 0.5
    assert (await ok(client, "edit_expression", **call))["cached"]

    weaker = await ok(client, "edit_expression", **call, image_prompt_scale=0.2)
    other = await ok(client, "edit_expression", **{**call, "image_prompt": str(hero)})
    assert len({version["image_id"] for version in (plain, made, weaker, other)}) == 4
    assert (pixels(weaker) != pixels(made)).any() and (pixels(other) != pixels(made)).any()
    none = await ok(client, "edit_expression", **call, image_prompt_scale=0)
    assert none["cached"] and none["image_id"] == plain["image_id"]


async def test_it_works_in_the_background(client: Client, hero: Path, look: Path) -> None:
    call = {"image": str(hero), "image_prompt": look.name, **EDIT}
    job = await ok(client, "edit_expression", **call, wait=False)
    with anyio.fail_after(60):
        while job["state"] in ("waiting", "running"):
            await anyio.sleep(0.05)
            job = await ok(client, "get_job", job_id=job["job_id"])
    assert job["state"] == "done"
    made = await ok(client, "edit_expression", **call)
    assert made["cached"] and made["parameters"]["image_prompt"]["scale"] == 0.5


@pytest.mark.parametrize(
    ("profile", "tool", "wanted"),
    [
        ("fast", "drag_expression", None),
        ("fast", "transfer_appearance", {"scale": 0.3}),
        ("paper", "drag_expression", {"scale": 0.1, "steps": {"start": 0.2, "end": 0.4}}),
    ],
)
async def test_guided_edits_have_their_profiles_image_prompt(
    client: Client,
    hero: Path,
    look: Path,
    drawing: Drawing,
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
    tool: str,
    wanted: dict[str, Any] | None,
) -> None:
    arguments: dict[str, Any] = {
        "drag_expression": {"points": UP},
        "transfer_appearance": {"reference": str(look), "reference_region": {"box": [60, 90, 130, 140]}},
    }[tool]  # fmt: skip
    asked: list[EditRequest] = []
    edit_all = LocalEngine.edit_all

    def record(engine: LocalEngine, request: EditRequest, *rest: Any, **more: Any) -> Any:
        asked.append(request)
        return edit_all(engine, request, *rest, **more)

    monkeypatch.setattr(LocalEngine, "edit_all", record)
    call = {"image": str(hero), "profile": profile, **EDIT, **arguments, "strength": 0.1}
    made = await ok(client, tool, **call)
    assert made["parameters"]["method"].get("image") == wanted
    (request,) = asked
    assert (request.image_prompt is None) == (wanted is None)
    if request.image_prompt is not None:
        # the reference where there is one, else the crop as it was
        picture = request.crop if request.reference is None else request.reference
        assert np.array_equal(request.image_prompt, picture)
    left, top, right, bottom = MOUTH["box"]
    where = (pixels(made) != drawing.pixels).any(axis=2)
    assert where[top:bottom, left:right].sum() == where.sum() > 200


async def test_a_picture_that_is_not_there_is_refused_at_once(client: Client, hero: Path) -> None:
    call = {"image": str(hero), "image_prompt": "nothing.png", **EDIT}
    assert "nothing.png" in await refused(client, "edit_expression", **call, wait=False)


async def test_the_shipped_model_says_what_to_add(
    settings: Settings, hero: Path, look: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core, methods")
    async with Client(build_server(Settings())) as plain:
        call = {"image": str(hero), "image_prompt": str(look), **EDIT}
        said = await refused(plain, "edit_expression", **call)
    assert "no IP-Adapter" in said and "--ip-adapter FILE --image-encoder FOLDER" in said


async def test_the_arguments_come_with_the_group_methods(settings: Settings, hero: Path) -> None:
    async with Client(build_server(settings)) as plain:
        tools = {tool.name: tool for tool in (await plain.list_tools()).tools}
        offered = tools["edit_expression"].input_schema["properties"]
        assert not {"image_prompt", "image_prompt_scale"} & offered.keys()
        call = {"image": str(hero), "image_prompt": str(hero), **EDIT}
        assert "no argument 'image_prompt'" in await refused(plain, "edit_expression", **call)
