"""The MCP tools: one module per family. Each is a page of menu; the work is the studio's."""

from __future__ import annotations

from mcp.server.mcpserver.tools import Tool

from expressedit_mcp.tools import edits, jobs, photoshop, pictures, tags
from expressedit_mcp.tools.worker import OpenStudio


def all_tools(open_studio: OpenStudio) -> list[Tool]:
    """Every tool, always in the same order."""
    families = (tags, edits, pictures, jobs, photoshop)
    return [tool for family in families for tool in family.tools(open_studio)]
