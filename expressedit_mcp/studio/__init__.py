"""The application: holds the tag store, the image store and the engine; one verb per user action."""

from expressedit_mcp.studio.characters import LearnCommand
from expressedit_mcp.studio.commands import BrushCommand, EditCommand, LiquifyCommand, ScaleCommand
from expressedit_mcp.studio.guiding import (
    AppearanceCommand,
    DragCommand,
    MatchCommand,
    MoveCommand,
)
from expressedit_mcp.studio.learned_store import LearnedCard, parse_uses
from expressedit_mcp.studio.outcome import Outcome
from expressedit_mcp.studio.photoshop import PanelService
from expressedit_mcp.studio.recolouring import RecolorCommand
from expressedit_mcp.studio.seen import Seen
from expressedit_mcp.studio.studio import Studio

__all__ = [
    "AppearanceCommand",
    "BrushCommand",
    "DragCommand",
    "EditCommand",
    "LearnCommand",
    "LearnedCard",
    "LiquifyCommand",
    "MatchCommand",
    "MoveCommand",
    "Outcome",
    "PanelService",
    "RecolorCommand",
    "ScaleCommand",
    "Seen",
    "Studio",
    "parse_uses",
]
