"""The application: holds the tag store, the image store and the engine; one verb per user action."""

from expressedit_mcp.studio.commands import EditCommand, ScaleCommand
from expressedit_mcp.studio.outcome import Outcome
from expressedit_mcp.studio.studio import Studio

__all__ = ["EditCommand", "Outcome", "ScaleCommand", "Studio"]
