"""The tools through a real MCP client, in memory: what they offer, answer and refuse."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from mcp import Client
from mcp.types import ImageContent, ResourceLink, TextContent
from PIL import Image
from tool_calls import ok, refused, text

from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio
MOUTH = {"box": [86, 163, 170, 223]}
NAMES = [
    "search_expression_tags",
    "explain_tag",
    "build_prompt",
    "edit_expression",
    "apply_scale_transform",
    "open_image",
    "view_image",
    "list_images",
    "save_image",
    "get_job",
    "cancel_job",
    "photoshop_status",
    "photoshop_read",
    "photoshop_place",
    "export_psd",
]


@pytest.fixture(params=["auto", "legacy"])
async def client(settings: Settings, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with Client(build_server(settings), mode=request.param) as connected:
        yield connected


async def test_every_tool_is_fully_described(client: Client) -> None:
    tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        assert tool.title
        assert 40 < len(tool.description or "") <= 2048
        hints = tool.annotations
        assert hints is not None
        assert None not in (
            hints.read_only_hint,
            hints.destructive_hint,
            hints.idempotent_hint,
            hints.open_world_hint,
        )
        assert (tool.output_schema is None) == (tool.name == "view_image")
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{tool.name}.{name}"


async def test_an_edit_is_told_in_facts_text_picture_and_link(client: Client, hero: Path) -> None:
    opened = await ok(client, "open_image", source=str(hero))
    seen: list[tuple[float, float | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    result = await client.call_tool(
        "edit_expression",
        {
            "image": opened["image_id"],
            "region": MOUTH,
            "tags": [":d"],
            "character": "black hair, blue eyes",
            "context": [36, 59, 220, 243],
        },
        progress_callback=on_progress,
    )
    assert not result.is_error, text(result)
    facts = result.structured_content
    assert facts is not None
    words, picture, link = result.content
    assert isinstance(words, TextContent)
    assert isinstance(picture, ImageContent)
    assert isinstance(link, ResourceLink)
    assert json.loads(words.text.rsplit("\n", 1)[1]) == facts
    assert facts["path"] in words.text.split("\n{")[0]
    assert Path(facts["path"]).is_absolute()
    assert facts["parent"] == opened["image_id"]
    assert facts["model"]["domain"] == "drawn demo characters"
    assert facts["parameters"]["seed"] == facts["seed"]
    assert facts["changed_box"] == MOUTH["box"]
    assert len(picture.data) <= 100_000
    assert str(link.uri) == facts["uri"]
    assert base64.b64encode(b"\x89PNG").decode()[:4] not in json.dumps(facts)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1]
    read = (await client.read_resource(facts["uri"])).contents[0]
    assert base64.b64decode(read.blob) == Path(facts["path"]).read_bytes()  # type: ignore[union-attr]


async def test_a_retry_is_answered_from_the_store(client: Client, hero: Path) -> None:
    arguments = {"image": str(hero), "region": MOUTH, "tags": ["smile"], "quality": "draft"}
    first = await ok(client, "edit_expression", **arguments)
    again = await ok(client, "edit_expression", **arguments)
    assert again["image_id"] == first["image_id"]
    assert (first["cached"], again["cached"]) == (False, True)


async def test_view_image_is_an_image_alone(client: Client, hero: Path) -> None:
    opened = await ok(client, "open_image", source=str(hero))
    result = await client.call_tool("view_image", {"image_id": opened["image_id"], "grid": True})
    assert [block.type for block in result.content] == ["image"]
    assert result.structured_content is None
    block = result.content[0]
    assert isinstance(block, ImageContent)
    assert Image.open(io.BytesIO(base64.b64decode(block.data))).size == (768, 768)


async def test_list_and_save(client: Client, hero: Path, pictures_dir: Path) -> None:
    edited = await ok(
        client, "edit_expression", image=str(hero), region=MOUTH, tags=["smile"], quality="draft"
    )
    images = (await ok(client, "list_images", limit=5))["images"]
    assert [image["operation"] for image in images] == ["edit", "open"]
    saved = await ok(client, "save_image", image_id=edited["image_id"], path="smile.png")
    assert Path(saved["path"]).parent == pictures_dir.resolve()
    error = await refused(client, "save_image", image_id=edited["image_id"], path="smile.png")
    assert "overwrite=true" in error


def _png_header(width: int, height: int) -> bytes:
    """A PNG that promises pixels it does not have."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


_NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
BAD_FILES = {
    "text.png": (b"This is no picture.", "a text file"),
    "cut.png": (_encoded(_NOISE, "PNG")[:2000], "damaged or cut short"),
    "bomb.png": (_png_header(40_000, 40_000), "too large"),
    "big.png": (_png_header(12_000, 12_000), "EXPRESSEDIT_MAX_PIXELS"),
    "moving.gif": (
        _encoded(_NOISE, "GIF", save_all=True, append_images=[_NOISE.rotate(90)]),
        "a GIF",
    ),
    "moving.webp": (
        _encoded(_NOISE, "WEBP", save_all=True, append_images=[_NOISE.rotate(90)]),
        "animated",
    ),
    "print.jpg": (_encoded(_NOISE.convert("CMYK"), "JPEG"), "CMYK"),
    "empty.png": (b"", "0 bytes"),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_bad_pictures_are_refused_in_words_and_the_server_goes_on(
    client: Client, pictures_dir: Path, hero: Path, name: str
) -> None:
    data, message = BAD_FILES[name]
    (pictures_dir / name).write_bytes(data)
    assert message in await refused(client, "open_image", source=name)
    await ok(client, "open_image", source="hero.png")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.png", "There is no file"),
        ("../secret.png", "outside the allowed folders"),
        ("/etc/hostname", "outside the allowed folders"),
        ("/mnt/user-data/uploads/a.png", "chat's own sandbox"),
        ("https://example.com/a.png", "not opened"),
        ("data:image/png;base64,", "0 bytes"),
        ("data:image/png;base64,!!!!", "not valid base64"),
        ("data:image/png", "no comma"),
        ("img_00000000000000000000", "no image"),
    ],
)
async def test_bad_references_are_refused_in_words(
    client: Client, hero: Path, source: str, message: str
) -> None:
    (hero.parent.parent / "secret.png").write_bytes(hero.read_bytes())
    assert message in await refused(client, "open_image", source=source)


async def test_a_symlink_does_not_lead_out(client: Client, hero: Path, pictures_dir: Path) -> None:
    secret = hero.parent.parent / "secret.png"
    secret.write_bytes(hero.read_bytes())
    try:
        (pictures_dir / "link.png").symlink_to(secret)
    except OSError:
        pytest.skip("symlinks cannot be made here")
    assert "outside" in await refused(client, "open_image", source="link.png")


async def test_a_data_uri_is_opened(client: Client, hero: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(hero.read_bytes()).decode()
    by_uri, by_path = [await ok(client, "open_image", source=s) for s in (uri, str(hero))]
    assert by_uri["image_id"] == by_path["image_id"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strength": 7}, "strength: input should be less than or equal to 1"),
        ({"strenght": 0.4}, "Did you mean 'strength'?"),
        (
            {"preserve_structure": 1.5},
            "preserve_structure: input should be less than or equal to 1",
        ),
        ({"preserve_color": -1}, "preserve_color: input should be greater than or equal to 0"),
        ({"region": "the left eye"}, "is not a region"),
        ({"region": {"bux": [1, 2, 3, 4]}}, "is not a region"),
        ({"region": {"box": [500, 0, 600, 10]}}, "selects no pixel"),
        ({"region": {"box": [float("inf"), 0, 600, 10]}}, "is not a region"),
        ({"tags": ["smilling"]}, "nearest are"),
        ({"tags": None}, "either tags"),
        ({"quality": "best"}, "quality: input should be 'draft' or 'final'"),
        ({"image": ""}, "image: string should have at least 1 character"),
    ],
)
async def test_bad_arguments_are_refused_in_words(
    client: Client, hero: Path, changes: dict[str, Any], message: str
) -> None:
    arguments = {"image": str(hero), "region": MOUTH, "tags": ["smile"], **changes}
    assert message in await refused(client, "edit_expression", **arguments)


async def test_missing_arguments_are_named(client: Client) -> None:
    assert "image: field required" in await refused(client, "edit_expression", region=MOUTH)


async def test_a_fault_of_ours_is_short_for_the_model_and_long_in_the_log(
    settings: Settings,
    hero: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from expressedit_mcp.studio import Studio

    def fail(*args: object) -> None:
        raise RuntimeError("the secret inner detail")

    monkeypatch.setattr(Studio, "list_images", fail)
    async with Client(build_server(settings)) as client:
        error = await refused(client, "list_images")
    assert "secret" not in error
    assert "the secret inner detail" in caplog.text


async def test_a_bad_model_directory_breaks_edits_and_not_search(
    settings: Settings, hero: Path, tmp_path: Path
) -> None:
    broken = settings.model_copy(update={"model": tmp_path / "nowhere"})
    async with Client(build_server(broken)) as client:
        found = await ok(client, "search_expression_tags", query="smile")
        assert found["hits"][0]["tag"] == "smile"
        error = await refused(
            client, "edit_expression", image=str(hero), region=MOUTH, tags=["smile"]
        )
    assert "EXPRESSEDIT_MODEL" in error


async def _ended(client: Client, job_id: str) -> dict[str, Any]:
    for _ in range(2000):
        facts = await ok(client, "get_job", job_id=job_id)
        if facts["state"] not in ("waiting", "running"):
            return facts
        await anyio.sleep(0.01)
    raise AssertionError("the job did not end")


async def test_an_edit_in_the_background(client: Client, hero: Path) -> None:
    call = {"image": str(hero), "region": MOUTH, "tags": ["open mouth"], "quality": "draft"}
    started = await ok(client, "edit_expression", **call, variations=2, wait=False)
    assert started["state"] == "waiting"
    facts = await _ended(client, started["job_id"])
    assert facts["state"] == "done"
    assert len({item["image_id"] for item in facts["items"]}) == 2
    assert all(Path(item["path"]).is_file() for item in facts["items"])
    # asked in the foreground it is there already
    waited = await ok(client, "edit_expression", **call, variations=2)
    assert waited["cached"]
    assert waited["image_id"] == facts["items"][0]["image_id"]


async def test_a_background_edit_is_cancelled_and_goes_on(client: Client, hero: Path) -> None:
    call = {"image": str(hero), "region": MOUTH, "tags": ["smile"], "steps": 200, "strength": 1.0}
    job_id = (await ok(client, "edit_expression", **call, wait=False))["job_id"]
    await ok(client, "cancel_job", job_id=job_id)
    assert (await _ended(client, job_id))["state"] == "cancelled"
    assert (await ok(client, "get_job", job_id=job_id, resume=True))["state"] == "waiting"
    await ok(client, "cancel_job", job_id=job_id)
    assert (await _ended(client, job_id))["state"] == "cancelled"


async def test_a_background_edit_refuses_bad_input_at_once(client: Client, hero: Path) -> None:
    said = await refused(
        client, "edit_expression", image=str(hero), region=MOUTH, tags=["no such tag"], wait=False
    )
    assert "nearest" in said
    assert "no job 'nothing'" in await refused(client, "get_job", job_id="nothing")
