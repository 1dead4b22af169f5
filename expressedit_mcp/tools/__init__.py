"""The MCP tools: one module per family. Each is a page of menu; the work is the studio's."""

from __future__ import annotations

from collections.abc import Collection

from mcp.server.mcpserver.tools import Tool

from expressedit_mcp.tools import (
    characters,
    edits,
    guiding,
    jobs,
    photoshop,
    pictures,
    recolouring,
    tags,
    transforms,
)
from expressedit_mcp.tools.strict import without_arguments
from expressedit_mcp.tools.worker import OpenStudio

DEFAULT_GROUPS = ("core", "photoshop")
_FAMILIES = {
    "core": (tags, edits, pictures, jobs),
    "photoshop": (photoshop,),
    "methods": (transforms, recolouring, guiding),
    "characters": (characters,),
}
_LEARNED = ("learned_character", "attributes")
# arguments of tools that only make sense with a group
_ARGUMENTS = {
    "characters": {
        "edit_expression": _LEARNED,
        "recolor": ("learned_character",),
        **dict.fromkeys(
            ("drag_expression", "match_landmarks", "move_part", "transfer_appearance"), _LEARNED
        ),
    },
    "methods": {"edit_expression": ("image_prompt", "image_prompt_scale")},
}


def all_tools(open_studio: OpenStudio, groups: Collection[str] = DEFAULT_GROUPS) -> list[Tool]:
    """Every tool of some groups (core, photoshop, methods, characters), always in the same order."""
    families = [family for group in _FAMILIES if group in groups for family in _FAMILIES[group]]
    tools = [tool for family in families for tool in family.tools(open_studio)]
    hidden = [_ARGUMENTS[group] for group in _ARGUMENTS if group not in groups]
    for by_tool in hidden:
        tools = [without_arguments(tool, by_tool.get(tool.name, ())) for tool in tools]
    return tools
