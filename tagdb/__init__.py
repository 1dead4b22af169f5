"""Expression tags: look them up, search them by a story line, write prompts with them."""

from tagdb.asked import read_tags
from tagdb.dialects import DIALECTS, Dialect
from tagdb.edit_plan import EditStep, Transform
from tagdb.encoder import Encoder
from tagdb.errors import TagdbError, UnknownTagError
from tagdb.grammar import escape, format_prompt, parse_prompt
from tagdb.matches import Match
from tagdb.normalize import normalize
from tagdb.overview import overview
from tagdb.pictures import Example, PictureReader, PictureReading, PictureSet
from tagdb.prompt import BuiltPrompt, TokenCounter, build_prompt
from tagdb.records import ExpressionTag, TransformPlan, load_pairs, load_tags
from tagdb.store import Hit, SearchResult, TagStore
from tagdb.styles import STYLES, PromptStyle
from tagdb.user_tags import Addition, UserTags

__all__ = [
    "DIALECTS",
    "STYLES",
    "Addition",
    "BuiltPrompt",
    "Dialect",
    "EditStep",
    "Encoder",
    "Example",
    "ExpressionTag",
    "Hit",
    "Match",
    "PictureReader",
    "PictureReading",
    "PictureSet",
    "PromptStyle",
    "SearchResult",
    "TagStore",
    "TagdbError",
    "TokenCounter",
    "Transform",
    "TransformPlan",
    "UnknownTagError",
    "UserTags",
    "build_prompt",
    "escape",
    "format_prompt",
    "load_pairs",
    "load_tags",
    "normalize",
    "overview",
    "parse_prompt",
    "read_tags",
]
