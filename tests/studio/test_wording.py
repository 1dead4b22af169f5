"""Which prompt style a model's card and a caller end up with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from expressedit_mcp.engine import Card
from expressedit_mcp.errors import InputError
from expressedit_mcp.studio.wording import choose_style
from tagdb import STYLES, PromptStyle

PAGE = (Path(__file__).parent.parent.parent / "docs" / "prompts.md").read_text(encoding="utf-8")


def card(**style: Any) -> Card:
    return Card.model_validate({"name": "model", "prompt_style": style} if style else {"name": "m"})


@pytest.mark.parametrize(
    ("model", "style"),
    [
        (card(), STYLES["illustrious"]),
        (card(name="pony"), STYLES["pony"]),
        (
            card(name="pony", suffix="flat color", slot_negatives=False),
            STYLES["pony"].model_copy(update={"suffix": "flat color", "slot_negatives": False}),
        ),
        (card(name="own", negative_prompt="x"), PromptStyle(name="own", negative_prompt="x")),
        (card(name="plain", suffix="", negative_prompt=""), STYLES["plain"]),
    ],
)
def test_a_card_names_a_style_and_changes_parts_of_it(model: Card, style: PromptStyle) -> None:
    assert choose_style(None, model) == style
    assert choose_style(style.name, model) == style


def test_a_caller_may_choose_another() -> None:
    assert choose_style("noobai", card(name="pony")) == STYLES["noobai"]
    with pytest.raises(InputError, match="illustrious, noobai, own, plain, pony, sdxl"):
        choose_style("sd15", card(name="own"))


def test_the_page_tells_the_styles_as_they_are() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in PAGE.splitlines()
        if line.startswith("|")
    ]
    for style in STYLES.values():
        cutoff = str(style.cutoff_year or "any")
        row = [f"`{style.name}`", style.prefix, style.suffix, style.negative_prompt, cutoff]
        assert row in rows
        assert style.slot_negatives == (style.name != "plain")
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL):
        Card.model_validate({"name": "model", **json.loads(block)})
