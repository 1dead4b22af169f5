"""The tools with a document host on a real socket: an MCP client in memory, and the server as a process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from bridge_setup import free_port, is_open, wait_until
from document_host import Document, DocumentHost, Storage, running
from drawn_page import CORNER, FACE, MOUTH, in_page
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image
from tool_calls import ok, refused, text

from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio


def edit_arguments(**changes: Any) -> dict[str, Any]:
    return {
        "image": "photoshop:active",
        "region": {"document": "selection"},
        "tags": [":d"],
        "context": in_page(FACE),
        "quality": "draft",
        "place": True,
        **changes,
    }


def assert_the_edit_lies_in(page: Document, before: np.ndarray, facts: dict[str, Any]) -> None:
    """One masked layer at the exact pixels: the document looks as the stored version does, and only there."""
    (layer,) = page.layers
    assert np.array_equal(page.pixels, before)
    assert layer.name == "Expression: :d"
    left, top, right, bottom = in_page(MOUTH)
    assert layer.rect == [left, top, right, bottom]
    flat = page.flattened()
    outside = np.ones(flat.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert np.array_equal(flat[outside], before[outside])
    assert not np.array_equal(flat, before)
    stored = np.asarray(Image.open(facts["path"]))
    (placement,) = facts["placements"]
    origin_x = placement["rect"][0] - facts["changed_box"][0]
    origin_y = placement["rect"][1] - facts["changed_box"][1]
    height, width = stored.shape[:2]
    assert np.array_equal(flat[origin_y : origin_y + height, origin_x : origin_x + width], stored)


async def test_one_call_edits_the_selection_of_the_open_document(
    client: Client, host: DocumentHost, page: Document
) -> None:
    before = page.pixels.copy()
    facts = await ok(client, "edit_expression", **edit_arguments())
    assert facts["placements"][0]["state"] == "placed"
    assert facts["placements"][0]["layer"] == 1
    assert_the_edit_lies_in(page, before, facts)
    again = await ok(
        client, "edit_expression", **edit_arguments(image=facts["parent"], context=None)
    )
    assert again["parent"] == facts["parent"]


async def test_an_edit_in_the_background_edits_what_was_shown_at_the_call(
    client: Client, host: DocumentHost, page: Document
) -> None:
    before = page.pixels.copy()
    job = await ok(client, "edit_expression", **edit_arguments(wait=False))
    page.selection = None
    with anyio.fail_after(120):
        while job["state"] not in ("done", "failed"):
            await anyio.sleep(0.05)
            job = await ok(client, "get_job", job_id=job["job_id"])
    assert job["error"] == ""
    (item,) = job["items"]
    assert item["placements"][0]["state"] == "placed"
    (made,) = (await ok(client, "list_images", limit=1))["images"]
    assert_the_edit_lies_in(page, before, {**made, **item})
    assert "In Photoshop" in text(await client.call_tool("get_job", {"job_id": job["job_id"]}))


async def test_reading_first_and_placing_later_is_the_same(
    client: Client, host: DocumentHost, page: Document
) -> None:
    before = page.pixels.copy()
    read = await ok(client, "photoshop_read")
    assert read["document"]["name"] == "page.psd"
    x, y = read["origin"]
    assert (x, y) == (CORNER[0] + MOUTH[0] - 256, max(0, CORNER[1] + MOUTH[1] - 256))
    left, top, right, bottom = in_page(FACE)
    context = [left - x, top - y, right - x, bottom - y]
    edited = await ok(
        client,
        "edit_expression",
        **edit_arguments(
            image=read["image_id"], region=read["region"], context=context, place=False
        ),
    )
    assert edited["placements"] == []
    assert page.layers == []
    placed = await ok(client, "photoshop_place", image_id=edited["image_id"])
    assert_the_edit_lies_in(page, before, {**edited, **placed})
    await ok(client, "photoshop_place", image_id=edited["image_id"])
    assert len(page.layers) == 1
    await ok(client, "photoshop_place", image_id=edited["image_id"], again=True)
    assert len(page.layers) == 2


async def test_edits_of_edits_are_placed_in_order(
    client: Client, host: DocumentHost, page: Document
) -> None:
    read = await ok(client, "photoshop_read", selection=False)
    assert read["origin"] == [0, 0]
    x, y = CORNER
    eyes = {"box": [x + 60, y + 100, x + 190, y + 155]}
    first = await ok(
        client, "apply_scale_transform", image=read["image_id"], region=eyes, scale_x=0.5
    )
    second = await ok(
        client, "apply_scale_transform", image=first["image_id"], region=eyes, scale_x=1.5
    )
    placed = await ok(client, "photoshop_place", image_id=second["image_id"])
    assert [p["layer"] for p in placed["placements"]] == [1, 2]
    assert [layer.name for layer in page.layers] == [
        "Expression: scaled to 50% x 50%",
        "Expression: scaled to 150% x 150%",
    ]
    assert np.array_equal(page.flattened(), np.asarray(Image.open(second["path"])))


async def test_strokes_are_in_the_documents_coordinates(
    client: Client, host: DocumentHost, page: Document
) -> None:
    x, y = CORNER[0] + 128, CORNER[1] + 193
    colour = [0x20, 0x40, 0xC0]
    active = {"image": "photoshop:active", "region": {"document": "selection"}}
    dot = {"points": [[x + 0.5, y + 0.5]], "width": 9, "color": "#2040c0"}
    painted = await ok(client, "apply_brush", **active, strokes=[dot])
    # the selection was read with what surrounds it, not the whole page
    assert painted["width"] < 901
    await ok(client, "photoshop_place", image_id=painted["image_id"])
    assert page.layers[0].rect == [x - 4, y - 4, x + 5, y + 5]
    assert page.flattened()[y, x].tolist() == colour
    page.pixels, page.layers[:] = page.flattened(), []
    push = {"kind": "move", "from": [x + 0.5, y + 0.5], "to": [x + 6.5, y + 0.5], "radius": 24}
    moved = await ok(client, "apply_liquify_transform", **active, strokes=[push])
    await ok(client, "photoshop_place", image_id=moved["image_id"])
    assert page.flattened()[y, x + 6].tolist() == colour
    assert page.flattened()[y, x - 3].tolist() != colour


async def test_a_transparent_document_stays_transparent(
    client: Client, host: DocumentHost, page: Document
) -> None:
    alpha = np.zeros(page.pixels.shape[:2], np.uint8)
    alpha[:, :400] = 255
    page.pixels = np.dstack([page.pixels, alpha])
    x, y = CORNER
    facts = await ok(
        client,
        "apply_scale_transform",
        image="photoshop:active",
        region={"box": [x + 60, y + 100, x + 190, y + 155]},
        scale_x=0.5,
    )
    await ok(client, "photoshop_place", image_id=facts["image_id"])
    (layer,) = page.layers
    left = layer.rect[0]
    assert layer.mask[:, : 400 - left].any()
    assert not layer.mask[:, 400 - left :].any()
    assert (layer.rgba[..., 3] == 255).all()


async def test_without_photoshop_the_result_is_kept_and_placed_later(
    client: Client, settings: Settings, panel: Storage, page: Document
) -> None:
    before = page.pixels.copy()
    wait_until(lambda: is_open(settings.bridge_port))
    with running(DocumentHost(settings.bridge_port, panel, [page])):
        read = await ok(client, "photoshop_read", selection=False)
    region = {"box": in_page(MOUTH)}
    arguments = edit_arguments(image=read["image_id"], region=region)
    result = await client.call_tool("edit_expression", arguments)
    assert not result.is_error, text(result)
    facts = result.structured_content
    assert facts is not None
    assert facts["placements"][0]["state"] == "waiting"
    assert "waits in the outbox and is not lost" in text(result)
    assert "Open the ExpressEdit panel" in facts["placements"][0]["next_step"]
    status = await ok(client, "photoshop_status")
    assert [w["image_id"] for w in status["waiting"]] == [facts["image_id"]]
    with running(DocumentHost(settings.bridge_port, panel, [page])):
        await anyio.to_thread.run_sync(wait_until, lambda: page.layers)
    assert_the_edit_lies_in(page, before, facts)


async def test_a_picture_opened_from_its_file_goes_into_the_document_of_that_name(
    client: Client, host: DocumentHost, page: Document, pictures_dir: Path
) -> None:
    Image.fromarray(page.pixels).save(pictures_dir / "page.png")
    Image.fromarray(255 - page.pixels).save(pictures_dir / "another.png")
    for name, state in (("page", "placed"), ("another", "waiting")):
        scaled = await ok(
            client,
            "apply_scale_transform",
            image=f"{name}.png",
            region={"box": [360, 220, 490, 275]},
            scale_x=0.5,
        )
        placed = await ok(client, "photoshop_place", image_id=scaled["image_id"])
        assert [p["state"] for p in placed["placements"]] == [state]


async def test_status_tells_what_is_open(client: Client, host: DocumentHost) -> None:
    status = await ok(client, "photoshop_status")
    assert status["state"] == "listening"
    assert status["pairing_code"] is None
    assert status["host"]["program"] == "photoshop"
    (document,) = status["host"]["documents"]
    assert (document["name"], document["width"], document["height"]) == ("page.psd", 901, 700)


async def test_status_gives_a_code_that_pairs(
    client: Client, settings: Settings, page: Document
) -> None:
    status = await ok(client, "photoshop_status")
    assert (status["state"], status["paired"]) == ("idle", 0)
    assert status["pairing_code"] in status["next_step"]
    wait_until(lambda: is_open(settings.bridge_port))
    host = DocumentHost(settings.bridge_port, Storage(), [page])
    with running(host, status["pairing_code"]):
        status = await ok(client, "photoshop_status")
        assert status["paired"] == 1
        assert status["host"]["program"] == "fake"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": "photoshop:active"}, "Open the ExpressEdit panel"),
        ({"image": "photoshop:7", "region": {"box": [0, 0, 9, 9]}}, "Open the ExpressEdit panel"),
        ({"image": "{hero}"}, "was not read from Photoshop"),
        ({"region": {"document": "layers"}}, "is not a region"),
    ],
)
async def test_what_cannot_be_done_without_photoshop(
    client: Client, settings: Settings, panel: Storage, hero: Path, arguments: dict, words: str
) -> None:
    wait_until(lambda: is_open(settings.bridge_port))
    arguments = {**edit_arguments(), **arguments}
    arguments["image"] = arguments["image"].format(hero=hero)
    assert words in await refused(client, "edit_expression", **arguments)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no_selection", "Not now. Select"),
        ("unsupported_document", "Not now. Convert"),
        ("host_busy", "Not now. Finish"),
    ],
)
async def test_what_photoshop_refuses_comes_with_a_next_step(
    client: Client, host: DocumentHost, kind: str, words: str
) -> None:
    host.error = {"kind": kind, "message": "Not now."}
    host.advice = ""
    assert words in await refused(client, "photoshop_read")


async def test_nothing_to_place(client: Client, hero: Path) -> None:
    opened = await ok(client, "open_image", source=str(hero))
    told = await refused(client, "photoshop_place", image_id=opened["image_id"])
    assert "nothing to place" in told


async def test_the_panel_searches_edits_and_cancels(
    client: Client, host: DocumentHost, page: Document
) -> None:
    before = page.pixels.copy()

    def ask(method: str, **params: Any) -> dict[str, Any]:
        return asyncio.run_coroutine_threadsafe(host.ask(method, params), host.loop).result(60)

    def done() -> dict[str, Any] | None:
        return next((params for method, params in host.notes if method == "job.done"), None)

    found = await anyio.to_thread.run_sync(lambda: ask("search", query="a big smile", limit=3))
    assert len(found["hits"]) == 3
    assert set(found["hits"][0]) == {"tag", "prompt_form", "definition", "score", "advice"}
    job = await anyio.to_thread.run_sync(
        lambda: ask("job.start", doc=1, tags=[":d"], context=in_page(FACE))
    )
    await anyio.to_thread.run_sync(lambda: wait_until(done, 120))
    assert (done() or {})["job"] == job["job"]
    assert (done() or {})["status"] == "done"
    progress = [params["value"] for method, params in host.notes if method == "job.progress"]
    assert progress == sorted(progress)
    assert progress[-1] == 1
    assert np.array_equal(page.pixels, before)
    assert [layer.name for layer in page.layers] == ["Expression: :d"]
    host.notes.clear()
    refusal = {"doc": 1, "tags": ["no such tag at all"]}
    await anyio.to_thread.run_sync(lambda: ask("job.start", **refusal))
    await anyio.to_thread.run_sync(lambda: wait_until(done, 120))
    assert (done() or {})["status"] == "failed"
    assert "no expression tag" in (done() or {})["error"]["message"]


async def test_over_stdio_an_edit_arrives_in_the_document(
    settings: Settings, panel: Storage, page: Document
) -> None:
    before = page.pixels.copy()
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "expressedit_mcp", "serve"], env=dict(os.environ)
    )
    async with Client(stdio_client(server)) as client:
        await anyio.to_thread.run_sync(lambda: wait_until(lambda: is_open(settings.bridge_port)))
        with running(DocumentHost(settings.bridge_port, panel, [page])):
            facts = await ok(client, "edit_expression", **edit_arguments())
    assert facts["placements"][0]["state"] == "placed"
    assert_the_edit_lies_in(page, before, facts)


async def test_over_http_the_bridge_listens_as_well(
    settings: Settings, panel: Storage, page: Document
) -> None:
    command = [sys.executable, "-m", "expressedit_mcp", "serve", "--http", "--port"]
    port = free_port()
    server = subprocess.Popen([*command, str(port)], stderr=subprocess.DEVNULL)
    try:
        await anyio.to_thread.run_sync(
            lambda: wait_until(lambda: is_open(settings.bridge_port), 60)
        )
        with running(DocumentHost(settings.bridge_port, panel, [page])):
            # two sessions of one server share its bridge
            for _ in range(2):
                async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                    status = await ok(client, "photoshop_status")
                    assert status["host"]["documents"][0]["name"] == "page.psd"
    finally:
        server.kill()
        server.wait()
