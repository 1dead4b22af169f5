"""A tool that refuses what it does not know, and says so in words."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import ValidationError

from expressedit_mcp.errors import ExpressEditError


class StrictTool(Tool):
    """A tool whose argument errors are short, and whose unknown arguments are errors."""

    async def run(self, arguments: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        self._refuse_unknown(arguments)
        try:
            self.fn_metadata.validate_arguments(arguments)
        except ValidationError as error:
            raise ToolError(_in_words(error)) from error
        try:
            return await super().run(arguments, *args, **kwargs)
        except UnexpectedToolError as error:
            from tagdb import TagdbError

            if isinstance(error.__cause__, (ExpressEditError, TagdbError)):
                raise ToolError(str(error.__cause__)) from error.__cause__
            raise

    def _refuse_unknown(self, arguments: dict[str, Any]) -> None:
        known = list(self.parameters["properties"])
        for name in arguments:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.5)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ToolError(
                    f"{self.name} has no argument {name!r}.{hint} It takes: {', '.join(known)}."
                )


def make_tool(
    function: Callable[..., Any],
    title: str,
    *,
    read_only: bool,
    idempotent: bool = True,
    destructive: bool = False,
    structured: bool | None = None,
) -> Tool:
    """The tool of a function, its docstring the description, with all four hints set."""
    return StrictTool.from_function(
        function,
        title=title,
        description=" ".join((function.__doc__ or "").split()),
        annotations=ToolAnnotations(
            title=title,
            read_only_hint=read_only,
            destructive_hint=destructive,
            idempotent_hint=idempotent,
            open_world_hint=False,
        ),
        structured_output=structured,
    )


def without_arguments(tool: Tool, names: Collection[str]) -> Tool:
    """The tool without some of its optional arguments, which it then refuses as unknown."""
    if not names:
        return tool
    properties = tool.parameters["properties"]
    kept = {name: schema for name, schema in properties.items() if name not in names}
    return tool.model_copy(update={"parameters": {**tool.parameters, "properties": kept}})


def _in_words(error: ValidationError) -> str:
    """One line per argument; of a union's many complaints only the first is told."""
    told: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else "arguments"
        where = ".".join(str(part) for part in problem["loc"]) or name
        text = str(problem["msg"]).removeprefix("Value error, ")
        given = repr(problem["input"])
        shown = f" (given: {given[:80]})" if problem["type"] != "missing" else ""
        told.setdefault(name, f"{where}: {text[:1].lower()}{text[1:].rstrip('.')}{shown}.")
    return "\n".join(told.values())
