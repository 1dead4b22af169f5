"""The embedded preview: drawn characters with any expression, and where their features lie."""

from .cast import CHARACTERS, sample_character, sample_view
from .character import Character, View
from .expression import Expression
from .landmarks import EyeLandmarks, Landmarks
from .rig import Drawing, draw_character
from .sampling import sample_expression
from .sheet import contact_sheet
from .tagging import expression_from_tags, expression_tags

__all__ = [
    "CHARACTERS",
    "Character",
    "Drawing",
    "Expression",
    "EyeLandmarks",
    "Landmarks",
    "View",
    "contact_sheet",
    "draw_character",
    "expression_from_tags",
    "expression_tags",
    "sample_character",
    "sample_expression",
    "sample_view",
]
