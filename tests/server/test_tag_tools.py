"""The tag tools, resources, completion and prompts through a real client over stdio."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import PromptReference, ResourceTemplateReference
from tool_calls import refused, text

from expressedit_mcp.settings import Settings

pytestmark = pytest.mark.anyio
STORY_JA = "彼は歯を食いしばり、涙をこらえながら必死に笑ってみせた。"
STORY_EN = "He clenched his teeth and forced a smile, holding back tears."


@pytest.fixture
async def client(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Client]:
    """A client of a server process; the search index is shared by all of them."""
    home = tmp_path_factory.getbasetemp() / "tag-tools-home"
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "expressedit_mcp", "serve"],
        env={**os.environ, "EXPRESSEDIT_HOME": str(home), "PYTHONPATH": _source()},
    )
    async with Client(server, mode=getattr(request, "param", "auto")) as connected:
        yield connected


def _source() -> str:
    return str(Path(__file__).parent.parent.parent)


async def call(client: Client, tool: str, **arguments: Any) -> tuple[dict[str, Any], str]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    assert result.structured_content is not None
    return result.structured_content, text(result)


@pytest.mark.parametrize("client", ["auto", "legacy"], indirect=True)
async def test_from_a_japanese_story_line_to_edits(client: Client) -> None:
    bare, words = await call(client, "search_expression_tags", query=STORY_JA)
    assert "text_en" in bare["hint"] and bare["hint"] in words
    found, words = await call(
        client, "search_expression_tags", query=STORY_JA, text_en=STORY_EN, limit=24
    )
    assert found["hint"] == "" and not found["no_expression"]
    tags = [hit["tag"] for hit in found["hits"]]
    assert len(tags) == 24 and tags[0] == "clenched_teeth" and "tearing_up" in tags
    assert any(why.startswith("name (ja): 歯を食いしば") for why in found["hits"][0]["why"])
    for hit in found["hits"]:
        assert all(str(fact) in words for fact in (hit["tag"], hit["definition"], *hit["why"]))

    one, _ = await call(client, "explain_tag", name="涙目")
    assert one["tag"] == "tearing_up"
    built, _ = await call(
        client,
        "build_prompt",
        tags=["clenched_teeth", "tearing_up"],
        character="1boy, smile, brown hair",
        style="illustrious",
    )
    assert built["removed"] == ["smile"]
    eyes, mouth = built["edits"]
    assert (eyes["part"], mouth["part"]) == ("eyes", "mouth")
    assert eyes["prompt"].startswith("1boy, brown hair, tearing up, masterpiece")
    assert mouth["negative_prompt"].startswith("tongue out, open mouth, bad quality")
    assert eyes["select"] and mouth["select"]
    assert eyes["region"] == [{"part": "left_eye"}, {"part": "right_eye"}]
    assert mouth["region"] == [{"part": "mouth"}]


async def test_a_search_answer_is_small_and_says_the_same_in_words(client: Client) -> None:
    query = "She shut her eyes and a soft smile spread over her face."
    for limit, most in ((12, 5_000), (24, 10_000)):
        found, words = await call(client, "search_expression_tags", query=query, limit=limit)
        assert len(found["hits"]) == limit
        assert found["hits"][0]["tag"] == "closed_eyes"
        assert len(words.encode()) < len(json.dumps(found, ensure_ascii=False).encode()) < most
    full, words = await call(
        client, "search_expression_tags", query=query, limit=2, detail="full", part="eyes"
    )
    first = full["hits"][0]
    assert "half-closed_eyes" in first["near"] and "o_o" in first["contradicts"]
    assert first["near"]["half-closed_eyes"] in words and "o_o" in words
    assert first["transform"] == "advised" and first["category"] == "eyes"
    nothing, words = await call(
        client, "search_expression_tags", query="The train left at nine.", limit=1
    )
    assert nothing["no_expression"] and words.startswith("The text seems to describe no")


async def test_a_name_or_english_needs_no_english_line(client: Client) -> None:
    for query in ("ドヤ顔", "微笑", ":3", "She wept."):
        found, _ = await call(client, "search_expression_tags", query=query, limit=1)
        assert found["hint"] == "", query


async def test_a_tag_is_explained_by_any_of_its_names(client: Client) -> None:
    for name in ("constricted_pupils", "constricted pupils", "瞳孔収縮", "瞳孔收缩", "동공 수축"):
        one, words = await call(client, "explain_tag", name=name)
        assert one["tag"] == "constricted_pupils", name
        assert json.loads(words) == one
    assert one["transform"] == {
        "tag": "constricted_pupils",
        "need": "needed",
        "tool": "apply_scale_transform",
        "target": "irises",
        "arguments": {"scale_x": 0.5, "scale_y": 0.5},
    }
    assert set(one["names"]) == set(one["definition"]) == {"en", "ja", "zh", "ko"}
    assert any("dilated_pupils" in line for line in one["choose"])
    wink, _ = await call(client, "explain_tag", name=";)")
    assert wink["tag"] == ";)" and "one_eye_closed" in wink["implies"]


async def test_a_name_of_none_or_several_leads_to_the_nearest(client: Client) -> None:
    several = await refused(client, "explain_tag", name="tired")
    assert "'tired' names several tags: sleepy: heavy lids" in several and "exhausted" in several
    none = await refused(client, "explain_tag", name="smlie")
    assert "'smlie' is no expression tag; the nearest are: smile: plain" in none


async def test_build_prompt_warns_of_what_will_not_work(client: Client) -> None:
    facts, _ = await call(
        client,
        "build_prompt",
        tags=["closed eyes", "wide-eyed", "smilling", *["blush"] * 2],
        character=", ".join(f"word {n}" for n in range(30)),
    )
    warnings = " ".join(facts["warnings"])
    assert facts["unknown"] == ["smilling"]
    assert facts["contradictions"] == [["closed_eyes", "wide-eyed"]]
    for part in ("contradict", "Nearest tags: smile", "more than once", "tokens", "chunks"):
        assert part in warnings, part
    (edit,) = facts["edits"]
    assert [t["need"] for t in edit["transforms"]] == ["advised", "needed"]


async def test_build_prompt_writes_for_other_programs(client: Client) -> None:
    for dialect, prompt in (
        ("a1111", r"\[hat\], gloom \(expression\), (;\),:1.2) (smile,:1.2) (one eye closed:1.2)"),
        ("comfyui", r"[hat], gloom \(expression\), (;\),:1.2) (smile,:1.2) (one eye closed:1.2)"),
        ("diffusers", "[hat], gloom (expression), ;), smile, one eye closed"),
    ):
        facts, _ = await call(
            client,
            "build_prompt",
            tags=["gloom", r"(;\):1.2)"],
            character=r"\[hat\]",
            style="plain",
            dialect=dialect,
        )
        assert facts["prompt"] == prompt
    error = await refused(client, "build_prompt", tags=["smile"], style="sd15")
    assert "illustrious, noobai, plain, pony, sdxl" in error


async def test_the_catalogue_is_one_small_resource(client: Client) -> None:
    page = (await client.read_resource("expressedit://tags")).contents[0].text  # type: ignore[union-attr]
    assert len(page.splitlines()) == 1 + 8 + 196
    assert "wide-eyed* – white shows all round the iris" in page
    one = json.loads((await client.read_resource("expressedit://tags/%3A%2F")).contents[0].text)  # type: ignore[union-attr]
    assert one["tag"] == ":/"
    with pytest.raises(Exception, match="Nearest tags"):
        await client.read_resource("expressedit://tags/nonsense")


async def test_names_of_four_languages_complete_to_tags(client: Client) -> None:
    tag = ResourceTemplateReference(uri="expressedit://tags/{tag}")
    expression = PromptReference(name="change_expression")
    for reference, argument in ((tag, "tag"), (expression, "expression")):
        for typed, expected in (
            ("closed", "closed_eyes"),
            ("eyed", "wide-eyed"),
            ("ドヤ", "doyagao"),
            ("泣", "crying"),
            ("微笑", "light_smile"),
            ("미소", "smile"),
            (">_", ">_<"),
        ):
            done = await client.complete(reference, {"name": argument, "value": typed})
            assert expected in done.completion.values, typed
            assert len(done.completion.values) <= 100


async def test_the_prompts_tell_the_steps(client: Client) -> None:
    listed = [prompt.name for prompt in (await client.list_prompts()).prompts]
    assert listed == ["change_expression", "story_to_expression"]
    tools = [tool.name for tool in (await client.list_tools()).tools]
    assert len(tools) <= 15

    async def steps(name: str, **arguments: str) -> str:
        answer = await client.get_prompt(name, arguments)
        return answer.messages[0].content.text  # type: ignore[union-attr]

    drawn = await steps("story_to_expression", story=STORY_JA, image="a.png", character="red hair")
    told = await steps("story_to_expression", story=STORY_JA)
    wish = await steps("change_expression", image="a.png", expression="smug")
    assert STORY_JA in drawn and "a.png" in drawn and "red hair" in drawn
    assert "edit_expression" in drawn and "edit_expression" not in told
    assert "a.png" in wish and "smug" in wish
    for words in (drawn, told, wish):
        named = re.findall(r"[a-z]+(?:_[a-z]+)+", words)
        assert {"search_expression_tags", "build_prompt"} <= set(named)
        assert set(named) <= {*tools, "image_id", "text_en", "negative_prompt"}
