"""Open documents in all places where a tool takes a picture: references, image prompts, what is learned."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import ip_adapters
import numpy as np
import pytest
from bridge_setup import is_open, wait_until
from document_host import Document, DocumentHost, Storage, running
from drawn_page import FACE, MOUTH, drawn_page, in_page
from mcp import Client
from PIL import Image
from tool_calls import ok, refused

from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio
SELECTION = {"document": "selection"}
EDIT = {"image": "hero.png", "region": {"box": MOUTH}, "context": FACE}
LINE = {"points": [[0, 350], [901, 350]], "width": 700, "color": "#ff0000"}


@pytest.fixture
def page(pictures_dir: Path) -> Document:
    """A page with a laughing character, its mouth selected, open and as the file page.png."""
    drawn = draw_character(CHARACTERS["Toma"], expression_from_tags([":d"]), size_px=256).pixels
    page = drawn_page(drawn)
    Image.fromarray(page.pixels).save(pictures_dir / "page.png")
    return page


async def ended(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    with anyio.fail_after(120):
        while job["state"] in ("waiting", "running"):
            await asyncio.sleep(0.05)
            job = await ok(client, "get_job", job_id=job["job_id"])
    return job


async def test_a_face_takes_the_shape_of_one_in_the_open_document(
    client: Client, host: DocumentHost, hero: Path
) -> None:
    arguments = {"image": hero.name, "strength": 0.1}
    made = await ok(client, "match_landmarks", **arguments, reference="photoshop:active")
    again = await ok(client, "match_landmarks", **arguments, reference="page.png")
    assert again["cached"] and again["image_id"] == made["image_id"]


async def test_a_look_is_taken_from_the_open_document(
    client: Client, host: DocumentHost, hero: Path
) -> None:
    arguments = {**EDIT, "mode": "paste", "strength": 0.1}
    box = {"box": in_page(MOUTH)}
    by_file, by_box, by_selection = [
        await ok(
            client, "transfer_appearance", **arguments, reference=name, reference_region=region
        )
        for name, region in (
            ("page.png", box),
            ("photoshop:active", box),
            ("photoshop:1", SELECTION),
        )
    ]
    assert by_box["cached"] and by_box["image_id"] == by_file["image_id"]
    # only what lies round the selection was read
    assert by_selection["parameters"]["reference"] == by_file["parameters"]["reference"]
    assert by_selection["parameters"]["reference_box"] != by_file["parameters"]["reference_box"]


async def test_the_open_document_is_guided_in_its_own_coordinates(
    client: Client, host: DocumentHost, page: Document
) -> None:
    left, top, right, bottom = in_page(MOUTH)
    start, end = [left + 22.0, top + 27.0], [left + 17.0, top + 20.0]
    made = await ok(
        client,
        "drag_expression",
        image="photoshop:active",
        region=SELECTION,
        points=[{"from": start, "to": end}],
        context=in_page(FACE),
        strength=0.1,
    )
    placed = await ok(client, "photoshop_place", image_id=made["image_id"])
    x, y, _, _ = placed["placements"][0]["rect"]
    changed, crop = made["changed_box"], made["parameters"]["crop_box"]
    corner = np.array([x - changed[0] + crop[0], y - changed[1] + crop[1]])
    assert np.allclose(made["parameters"]["method"]["guidance"]["points"][0] + corner, [start, end])
    (layer,) = page.layers
    assert left <= layer.rect[0] < layer.rect[2] <= right
    assert top <= layer.rect[1] < layer.rect[3] <= bottom


async def test_a_face_of_the_open_document_is_searched_by(
    client: Client, host: DocumentHost
) -> None:
    hits = [
        (await ok(client, "search_expression_tags", image=image))["hits"]
        for image in ("photoshop:active", "page.png")
    ]
    assert hits[0] == hits[1] != []


async def test_a_selection_of_the_open_document_is_learned_as_it_was_at_the_call(
    client: Client, host: DocumentHost, page: Document
) -> None:
    job = await ok(
        client,
        "learn_attribute",
        name="grin",
        images=["photoshop:active", "page.png"],
        regions=[SELECTION, {"box": in_page(MOUTH)}],
        captions=[["smile"], ["smile"]],
        steps=1,
    )
    page.selection = None
    job = await ended(client, job)
    assert (job["state"], job["learned"]) == ("done", ["grin"]), job["error"]


@pytest.mark.parametrize("listed", [False, True])
async def test_words_are_looked_for_within_the_selection(
    client: Client, host: DocumentHost, page: Document, listed: bool
) -> None:
    left, top, _, bottom = in_page(MOUTH)
    middle = in_page(MOUTH)[0] + 40
    assert page.selection is not None
    page.selection[:, middle:] = 0
    words = {"words": [":d"], "within": SELECTION}
    corner = {"box": [0, 0, 4, 4]}
    painted = await ok(
        client,
        "apply_brush",
        image="photoshop:active",
        region=[words, corner] if listed else words,
        strokes=[LINE],
    )
    await ok(client, "photoshop_place", image_id=painted["image_id"])
    red = np.argwhere((page.flattened() != page.pixels).any(axis=2))
    if listed:
        assert (red < 4).all(axis=1).sum() == 16
        red = red[(red >= 4).any(axis=1)]
    assert len(red) > 100
    assert top <= red[:, 0].min() and red[:, 0].max() < bottom
    assert left <= red[:, 1].min() and red[:, 1].max() < middle


async def test_words_within_the_selection_of_a_picture_that_was_read(
    client: Client, host: DocumentHost
) -> None:
    read = await ok(client, "photoshop_read")
    made = [
        await ok(
            client,
            "apply_brush",
            image=read["image_id"],
            region={"words": [":d"], "within": within},
            strokes=[LINE],
        )
        for within in (read["region"], SELECTION)
    ]
    assert made[0]["image_id"] == made[1]["image_id"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"region": {"mask": "photoshop:active"}}, "photoshop:active is no mask"),
        ({"reference_region": {"mask": "photoshop:active"}}, '{"document": "selection"} is what'),
        ({"reference_region": SELECTION}, "page.png was not read from Photoshop"),
        ({"region": {"words": [":d"], "within": SELECTION}}, "hero.png was not read from"),
        ({"reference": "photoshop:page.psd"}, "means no document. Use photoshop:active"),
        ({"image": "photoshop:page.psd"}, "means no document. Use photoshop:active"),
    ],
    ids=str,
)
async def test_what_is_no_picture_is_refused_in_words(
    client: Client, host: DocumentHost, hero: Path, arguments: dict[str, Any], words: str
) -> None:
    call = {**EDIT, "reference": "page.png", "reference_region": {"box": [0, 0, 9, 9]}, **arguments}
    assert words in await refused(client, "transfer_appearance", **call)


async def test_a_reference_without_photoshop_says_what_to_do(
    client: Client, panel: Storage, hero: Path, settings: Settings
) -> None:
    wait_until(lambda: is_open(settings.bridge_port))
    said = await refused(client, "match_landmarks", image=hero.name, reference="photoshop:active")
    assert "Open the ExpressEdit panel" in said


async def test_an_image_prompt_is_what_the_document_showed_at_the_call(
    settings: Settings,
    panel: Storage,
    page: Document,
    hero: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EXPRESSEDIT_MODEL", str(ip_adapters.save_adapted(tmp_path / "adapted")))
    call = {**EDIT, "tags": ["smile"], "strength": 0.2}
    async with Client(build_server(Settings())) as client:
        wait_until(lambda: is_open(settings.bridge_port))
        with running(DocumentHost(settings.bridge_port, panel, [page])):
            job = await ok(
                client, "edit_expression", **call, image_prompt="photoshop:active", wait=False
            )
            page.pixels = 255 - page.pixels
        assert (await ended(client, job))["state"] == "done"
        made = await ok(client, "edit_expression", **call, image_prompt="page.png")
        assert made["cached"] and "image_prompt" in made["parameters"]
