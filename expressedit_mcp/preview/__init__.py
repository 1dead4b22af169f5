"""The embedded preview: drawn characters with any expression, and where their features lie."""

from .cast import CHARACTERS, sample_character, sample_view
from .character import Character, View
from .examples import example_pictures
from .expression import Expression
from .landmarks import EyeLandmarks, Landmarks
from .masks import part_masks
from .rig import Drawing, draw_character
from .sampling import sample_expression, sample_expression_with
from .sheet import contact_sheet
from .tagging import EXPRESSION_TAGS, expression_from_tags, expression_tags

__all__ = [
    "CHARACTERS",
    "EXPRESSION_TAGS",
    "Character",
    "Drawing",
    "Expression",
    "EyeLandmarks",
    "Landmarks",
    "View",
    "contact_sheet",
    "draw_character",
    "example_pictures",
    "expression_from_tags",
    "expression_tags",
    "part_masks",
    "sample_character",
    "sample_expression",
    "sample_expression_with",
    "sample_view",
]
