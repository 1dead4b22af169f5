"""The tools of the group characters through a real MCP client: learn, edit with it, list, forget."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from mcp import Client
from PIL import Image
from tool_calls import ok, refused

from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio
EYES = {"box": [60, 90, 196, 160]}
FACE = {"box": [36, 59, 220, 243]}


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core,characters")
    return Settings()


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with Client(build_server(settings)) as connected:
        yield connected


@pytest.fixture
def drawings(pictures_dir: Path) -> list[str]:
    """Two drawings of a character."""
    paths = []
    for number, tags in enumerate((["smile"], ["closed eyes"])):
        path = pictures_dir / f"toma{number}.png"
        drawn = draw_character(CHARACTERS["Toma"], expression_from_tags(tags), size_px=256)
        Image.fromarray(drawn.pixels).save(path)
        paths.append(str(path))
    return paths


async def ended(client: Client, job_id: str) -> dict[str, Any]:
    with anyio.fail_after(240):
        while True:
            job = await ok(client, "get_job", job_id=job_id)
            if job["state"] not in ("waiting", "running"):
                return job
            await anyio.sleep(0.2)


async def test_a_character_is_learned_used_listed_and_forgotten(
    client: Client, drawings: list[str]
) -> None:
    started = await ok(
        client, "learn_character", name="toma", images=drawings, regions=[FACE, FACE], steps=2
    )
    job = await ended(client, started["job_id"])
    assert (job["state"], job["learned"], job["done"]) == ("done", ["toma"], 2), job["error"]
    started = await ok(
        client,
        "learn_attribute",
        name="glow",
        images=drawings[:1],
        regions=[EYES],
        captions=[["smile", "black hair"]],
        apart_from=["toma"],
        steps=1,
    )
    assert (await ended(client, started["job_id"]))["learned"] == ["glow"]
    listed = (await ok(client, "list_characters"))["learned"]
    assert [(one["name"], one["kind"], one["usable"]) for one in listed] == [
        ("glow", "attribute", True),
        ("toma", "character", True),
    ]
    assert all(Path(one["path"]).is_file() for one in listed)

    edit = {"image": drawings[1], "region": EYES, "tags": ["wide-eyed"], "quality": "draft"}
    plain = await ok(client, "edit_expression", **edit)
    learned = await ok(
        client, "edit_expression", **edit, learned_character="toma", attributes=["(glow:0.5)"]
    )
    assert learned["image_id"] != plain["image_id"] and learned["seed"] == plain["seed"]
    named = [(name, weight) for name, _, weight in learned["parameters"]["learned"]]
    assert named == [("toma", 1.0), ("glow", 0.5)]
    before, after = (np.asarray(Image.open(p)) for p in (drawings[1], learned["path"]))
    outside = np.ones(before.shape[:2], bool)
    outside[90:160, 60:196] = False
    assert np.array_equal(before[outside], after[outside])

    left = await ok(client, "forget_character", name="toma")
    assert [one["name"] for one in left["learned"]] == ["glow"] and left["forgotten"] == "toma"
    said = await refused(client, "edit_expression", **edit, learned_character="toma")
    assert "Learned are: glow" in said


async def test_tools_of_other_methods_use_what_was_learned(
    drawings: list[str], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core,characters,methods")
    here = {"image": drawings[0], "region": EYES}
    calls: dict[str, dict[str, Any]] = {
        "recolor": {"source_prompt": "brown eyes", "target_prompt": "red eyes"},
        "drag_expression": {"points": [{"from": [98, 120], "to": [98, 112]}]},
        "move_part": {"dx": 3, "dy": 0},
        "transfer_appearance": {"reference": drawings[1], "reference_region": EYES},
    }
    async with Client(build_server(Settings())) as client:
        job = await ok(
            client, "learn_character", name="toma", images=drawings, regions=[FACE, FACE], steps=2
        )
        assert (await ended(client, job["job_id"]))["state"] == "done"
        before = np.asarray(Image.open(drawings[0]))
        outside = np.ones(before.shape[:2], bool)
        outside[90:160, 60:196] = False
        for name, arguments in calls.items():
            plain = await ok(client, name, **here, **arguments)
            with_it = await ok(client, name, **here, **arguments, learned_character="(toma:0.8)")
            assert [n for n, _, _ in with_it["parameters"]["learned"]] == ["toma"], name
            assert with_it["seed"] == plain["seed"]
            was, now = (np.asarray(Image.open(made["path"])) for made in (plain, with_it))
            assert not np.array_equal(was, now), name
            if name != "move_part":  # which writes round what it moves too
                assert np.array_equal(now[outside], before[outside]), name
            again = await ok(client, name, **here, **arguments, learned_character="(toma:0.8)")
            assert again["cached"] and again["image_id"] == with_it["image_id"]
            said = await refused(client, name, **here, **arguments, learned_character="nobody")
            assert "There is no learned character or attribute 'nobody'" in said


async def test_an_edit_in_the_background_goes_before_the_end_of_a_learning(
    client: Client, drawings: list[str]
) -> None:
    learning = await ok(
        client, "learn_character", name="toma", images=drawings, regions=[FACE, FACE], steps=400
    )
    edit = await ok(
        client,
        "edit_expression",
        image=drawings[0],
        region=EYES,
        tags=["closed eyes"],
        quality="draft",
        wait=False,
    )
    assert (await ended(client, edit["job_id"]))["state"] == "done"
    assert (await ok(client, "get_job", job_id=learning["job_id"]))["state"] == "running"
    await ok(client, "cancel_job", job_id=learning["job_id"])
    assert (await ended(client, learning["job_id"]))["state"] == "cancelled"


async def test_what_cannot_be_learned_is_refused_at_once(
    client: Client, drawings: list[str], pictures_dir: Path
) -> None:
    learn = {"images": drawings, "regions": [FACE, FACE]}
    cases = [
        ({**learn, "name": "To Ma"}, "cannot be a name"),
        ({**learn, "name": "toma", "class_word": "no such word"}, "no word for the class word"),
        ({**learn, "name": "toma", "regions": [FACE]}, "1 regions were given for 2 pictures"),
        ({**learn, "name": "toma", "captions": [["smile"]]}, "1 captions were given"),
    ]
    for arguments, said in cases:
        assert said in await refused(client, "learn_character", **arguments)
    empty = pictures_dir / "empty.png"
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(empty)
    said = await refused(client, "learn_character", name="toma", images=[str(empty)])
    assert "No face is certain enough" in said
    said = await refused(client, "learn_attribute", **learn, name="glow", apart_from=["nobody"])
    assert "There is no learned character or attribute 'nobody'" in said
    assert (await ok(client, "list_characters"))["learned"] == []


async def test_the_right_to_learn_is_asked_for(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for name in ("learn_character", "learn_attribute"):
        assert "the right to use" in (tools[name].description or "")
        described = tools[name].input_schema["properties"].values()
        assert all(argument.get("description") for argument in described)


async def test_edits_take_learned_names_only_with_the_group(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings, drawings: list[str]
) -> None:
    names = ("learned_character", "attributes")
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert all(name in tools["edit_expression"].input_schema["properties"] for name in names)
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core")
    async with Client(build_server(Settings())) as other:
        tools = {tool.name: tool for tool in (await other.list_tools()).tools}
        assert not any(n in tools["edit_expression"].input_schema["properties"] for n in names)
        said = await refused(
            other,
            "edit_expression",
            image=drawings[0],
            region=EYES,
            tags=["smile"],
            learned_character="toma",
        )
    assert "has no argument 'learned_character'" in said
