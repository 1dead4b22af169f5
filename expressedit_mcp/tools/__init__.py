"""The MCP tools: one module per family. Each is a page of menu; the work is the studio's."""

from __future__ import annotations

from collections.abc import Collection

from mcp.server.mcpserver.tools import Tool

from expressedit_mcp.tools import (
    edits,
    guiding,
    jobs,
    photoshop,
    pictures,
    recolouring,
    tags,
    transforms,
)
from expressedit_mcp.tools.worker import OpenStudio

DEFAULT_GROUPS = ("core", "photoshop")
_FAMILIES = {
    "core": (tags, edits, pictures, jobs),
    "photoshop": (photoshop,),
    "methods": (transforms, recolouring, guiding),
}


def all_tools(open_studio: OpenStudio, groups: Collection[str] = DEFAULT_GROUPS) -> list[Tool]:
    """Every tool of some groups (core, photoshop, methods), always in the same order."""
    families = [family for group in _FAMILIES if group in groups for family in _FAMILIES[group]]
    return [tool for family in families for tool in family.tools(open_studio)]
