"""The MCP tools: one module per family. Each is a page of menu; the work is the studio's."""

from __future__ import annotations

from mcp.server.mcpserver.tools import Tool

from expressedit_mcp.tools import edits, photoshop, pictures, tags
from expressedit_mcp.tools.worker import OpenStudio


def all_tools(open_studio: OpenStudio) -> list[Tool]:
    """Every tool, always in the same order."""
    return [
        *tags.tools(open_studio),
        *edits.tools(open_studio),
        *pictures.tools(open_studio),
        *photoshop.tools(open_studio),
    ]
