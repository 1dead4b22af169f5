"""The embedded preview: drawn characters with any expression, and where their features lie."""

from .character import CHARACTERS, Character, View, sample_character, sample_view
from .expression import (
    Expression,
    Variation,
    expression_from_tags,
    expression_tags,
    sample_expression,
)
from .landmarks import EyeLandmarks, Landmarks
from .rig import Drawing, draw_character
from .sheet import contact_sheet

__all__ = [
    "CHARACTERS",
    "Character",
    "Drawing",
    "Expression",
    "EyeLandmarks",
    "Landmarks",
    "Variation",
    "View",
    "contact_sheet",
    "draw_character",
    "expression_from_tags",
    "expression_tags",
    "sample_character",
    "sample_expression",
    "sample_view",
]
