"""Builds the MCP server: tools, resources, prompts, completion."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver import ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.types import Completion

from expressedit_mcp import __version__
from expressedit_mcp.errors import ExpressEditError
from expressedit_mcp.settings import Settings
from expressedit_mcp.tools import all_tools

if TYPE_CHECKING:
    from expressedit_mcp.studio import Studio
    from photoshop_bridge import Bridge, Service
    from tagdb import ExpressionTag

_BRIDGE_DELAY_S = 1.0
INSTRUCTIONS = """\
Edit the facial expression of an illustrated character. Open a picture (open_image), find expression tags \
for the story line or wish (search_expression_tags), look where the feature is (view_image with grid=True), \
then edit_expression with a region round it, the tags, the character's own look as `character`, and the \
whole face as `context`. Change mouth and eyes in two calls. Every result is a new version with an absolute \
path; only the region changes. For iris size, apply_scale_transform with repair=True."""


class Opening:
    """Opens the studio and the bridge to Photoshop when they are first needed, once, and closes them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._studio: Studio | None = None
        self._bridge: Bridge | None = None
        self._lock = threading.RLock()
        self._bridge_timer: threading.Timer | None = None

    def start(self) -> None:
        """Lets the bridge begin to listen, a moment later: `initialize` is answered before it is imported."""
        if self.settings.bridge != "off":
            self._bridge_timer = threading.Timer(_BRIDGE_DELAY_S, self.bridge)
            self._bridge_timer.daemon = True
            self._bridge_timer.start()

    def bridge(self) -> Bridge:
        with self._lock:
            if self._bridge is None:
                from photoshop_bridge import Bridge

                self._bridge = Bridge(
                    self.settings.bridge_dir,
                    self._panel_service,
                    version=__version__,
                    port=self.settings.bridge_port,
                    mode=self.settings.bridge,
                )
                self._bridge.start()
            return self._bridge

    def studio(self) -> Studio:
        with self._lock:
            if self._studio is None:
                from expressedit_mcp.studio import Studio

                self._studio = Studio.open(self.settings, self.bridge())
            return self._studio

    def close(self) -> None:
        if self._bridge_timer is not None:
            self._bridge_timer.cancel()
        with self._lock:
            if self._bridge is not None:
                self._bridge.close()
                self._bridge = None
            if self._studio is not None:
                self._studio.close()
                self._studio = None

    def _panel_service(self) -> Service:
        from expressedit_mcp.studio import PanelService

        return PanelService(self.studio())

    @cached_property
    def records(self) -> dict[str, ExpressionTag]:
        """The tags by name; read from memory, no search engine is loaded for them."""
        from tagdb import load_tags

        return {record.tag: record for record in load_tags()}


def build_server(settings: Settings) -> MCPServer[Any]:
    """The server of these settings. Nothing heavy is imported until a tool needs it."""
    opening = Opening(settings)

    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
        # what somebody prints must never reach the wire, not even when buffers are flushed at exit
        printed, sys.stdout = sys.stdout, sys.stderr
        printed.flush()
        opening.start()
        try:
            yield
        finally:
            sys.stdout = printed
            opening.close()

    server: MCPServer[Any] = MCPServer(
        "expressedit",
        title="ExpressEdit",
        description="Edits the facial expressions of illustrated characters.",
        version=__version__,
        instructions=INSTRUCTIONS,
        tools=all_tools(opening.studio),
        lifespan=lifespan,
        log_level="WARNING",
    )
    _add_resources(server, opening)
    _add_prompt(server)
    _add_completion(server, opening)
    return server


def _add_resources(server: MCPServer[Any], opening: Opening) -> None:
    @server.resource("expressedit://images/{image_id}", mime_type="image/png")
    async def image(image_id: str) -> bytes:
        """The lossless PNG of a stored picture."""

        def read() -> bytes:
            studio = opening.studio()
            return studio.images.path(studio.images.get(image_id).image_id).read_bytes()

        try:
            return await anyio.to_thread.run_sync(read)
        except (ExpressEditError, OSError) as error:
            raise ResourceNotFoundError(str(error)) from error

    # emoticon tags such as :/ and \(^o^)/ look like paths
    @server.resource(
        "expressedit://tags/{tag}",
        mime_type="application/json",
        security=ResourceSecurity(exempt_params={"tag"}),
    )
    def tag(tag: str) -> str:
        """One expression tag: what it draws, its names, parts, transform and contradictions."""
        record = opening.records.get(tag.strip().replace(" ", "_"))
        if record is None:
            raise ResourceNotFoundError(f"There is no tag {tag!r}; expressedit://tags lists them.")
        return record.model_dump_json(indent=1)

    @server.resource("expressedit://tags", mime_type="application/json")
    def tags() -> str:
        """All expression tags by category."""
        by_category: dict[str, list[str]] = {}
        for record in opening.records.values():
            by_category.setdefault(record.category, []).append(record.tag)
        return json.dumps(by_category, ensure_ascii=False, indent=1)


def _add_prompt(server: MCPServer[Any]) -> None:
    @server.prompt(title="Change an expression")
    def change_expression(image: str, expression: str) -> str:
        """How to change the expression of the character in a picture."""
        return (
            f"Change the expression of the character in {image} to: {expression}.\n"
            "1. open_image to get an image_id. 2. search_expression_tags with the wish. 3. view_image with "
            "grid=True to find the box of the eyes with brows, of the mouth, and of the whole face. "
            "4. edit_expression once for each part that changes, with the face as context and the "
            "character's hair and eye colour as character. 5. Look at the result; if it does not read as "
            "wished, try another seed or a higher strength. Tell the user the final path."
        )


def _add_completion(server: MCPServer[Any], opening: Opening) -> None:
    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Completion | None:
        """Names of tags for the tag resource and for the prompt's expression."""
        if argument.name not in ("tag", "expression"):
            return None
        typed = argument.value.strip().lower().replace(" ", "_")
        found = [name for name in opening.records if name.startswith(typed)]
        found += [name for name in opening.records if typed in name and name not in found]
        return Completion(values=found[:100], total=len(found), has_more=len(found) > 100)
