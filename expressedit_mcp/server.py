"""Builds the MCP server: tools, resources, prompts, completion."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver import ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.types import Completion

from expressedit_mcp import __version__, guides
from expressedit_mcp.errors import ExpressEditError
from expressedit_mcp.settings import Settings
from expressedit_mcp.tools import all_tools

if TYPE_CHECKING:
    from expressedit_mcp.studio import Studio
    from photoshop_bridge import Bridge, Service
    from tagdb import TagStore

_BRIDGE_DELAY_S = 1.0
_INSTRUCTIONS = """\
Edit the facial expression of an illustrated character. Open a picture (open_image), find expression tags \
for the story line or wish (search_expression_tags with text_en when it is not English, or choose from the \
resource expressedit://tags), let build_prompt plan the edits, look where the feature is (view_image with \
grid=True), then edit_expression with a region round it, the edit's prompt, and the whole face as `context`. \
Change mouth and eyes in two calls. Every result is a new version with an absolute \
path; only the region changes. For iris size, apply_scale_transform with repair=True."""
_OF_GROUP = {
    "methods": "To turn a gaze or to move a brow or a mouth corner, apply_liquify_transform; for tears, marks or "
    "a line that the model does not draw of itself, apply_brush; both with repair=True.",
    "photoshop": 'When the user works in Photoshop, edit_expression(image="photoshop:active", '
    'region={"document": "selection"}, place=True) edits what is selected there; photoshop_status says what is '
    "connected.",
}


def instructions(groups: Collection[str]) -> str:
    """What an assistant is told of the server when it connects, of the tools in these groups alone."""
    return " ".join(
        [_INSTRUCTIONS, *(text for group, text in _OF_GROUP.items() if group in groups)]
    )


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

    def tags(self) -> TagStore:
        """The studio's tags; look-ups answer from memory, no search engine is loaded for them."""
        return self.studio().tags

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
        instructions=instructions(settings.tools),
        tools=all_tools(opening.studio, settings.tools),
        lifespan=lifespan,
        log_level="WARNING",
    )
    _add_resources(server, opening)
    _add_prompts(server)
    _add_completion(server, opening)
    return server


def _add_resources(server: MCPServer[Any], opening: Opening) -> None:
    @server.resource("expressedit://images/{image_id}", mime_type="image/png")
    async def image(image_id: str) -> bytes:
        """The lossless PNG of a stored picture."""

        def read() -> bytes:
            return opening.studio().images.compressed(image_id).read_bytes()

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
    async def tag(tag: str) -> str:
        """One expression tag, by any of its names: what it draws, names, parts, transform, contradictions."""
        from tagdb import UnknownTagError

        tags = await anyio.to_thread.run_sync(opening.tags)
        try:
            return tags.get(tag).model_dump_json(indent=1)
        except UnknownTagError as error:
            raise ResourceNotFoundError(f"{error} expressedit://tags lists all.") from error

    @server.resource("expressedit://tags", mime_type="text/plain")
    async def tags() -> str:
        """All expression tags by category, with what each draws in a few words: choose from it yourself."""
        from tagdb import overview

        return overview((await anyio.to_thread.run_sync(opening.tags)).tags)


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt(title="Change an expression")
    def change_expression(image: str, expression: str) -> str:
        """How to change the expression of the character in a picture."""
        return guides.change_expression(image, expression)

    @server.prompt(title="From a story line to an expression")
    def story_to_expression(story: str, image: str = "", character: str = "") -> str:
        """How to find the expression of a story line in any language, and to draw it into a picture."""
        return guides.story_to_expression(story, image, character)


def _add_completion(server: MCPServer[Any], opening: Opening) -> None:
    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Completion | None:
        """Tags by the beginning of any of their names, in four languages, then by a part of the tag."""
        if argument.name not in ("tag", "expression"):
            return None
        tags = await anyio.to_thread.run_sync(opening.tags)
        typed = argument.value.strip().lower().replace(" ", "_")
        found = [*tags.complete(argument.value, limit=len(tags.tags))]
        found += [tag.tag for tag in tags.tags if typed in tag.tag and tag.tag not in found]
        return Completion(values=found[:100], total=len(found), has_more=len(found) > 100)
