"""Calls of tools through an MCP client that shall succeed, or be refused."""

from __future__ import annotations

from typing import Any

from mcp import Client
from mcp.types import CallToolResult, TextContent


def text(result: CallToolResult) -> str:
    """What a result says."""
    return " ".join(block.text for block in result.content if isinstance(block, TextContent))


async def ok(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured content of a call that succeeds."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    assert result.structured_content is not None
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The message of a call that is refused."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, text(result)
    return text(result)
