"""Expression tags: look them up, search them by a story line, write prompts with them."""

from tagdb.dialects import DIALECTS, Dialect
from tagdb.edit_plan import EditStep, Transform
from tagdb.errors import TagdbError, UnknownTagError
from tagdb.grammar import escape, format_prompt, parse_prompt
from tagdb.matches import Match
from tagdb.normalize import normalize
from tagdb.overview import overview
from tagdb.prompt import BuiltPrompt, TokenCounter, build_prompt
from tagdb.records import ExpressionTag, TransformPlan, load_pairs, load_tags
from tagdb.store import Hit, SearchResult, TagStore
from tagdb.styles import STYLES, PromptStyle

__all__ = [
    "DIALECTS",
    "STYLES",
    "BuiltPrompt",
    "Dialect",
    "EditStep",
    "ExpressionTag",
    "Hit",
    "Match",
    "PromptStyle",
    "SearchResult",
    "TagStore",
    "TagdbError",
    "TokenCounter",
    "Transform",
    "TransformPlan",
    "UnknownTagError",
    "build_prompt",
    "escape",
    "format_prompt",
    "load_pairs",
    "load_tags",
    "normalize",
    "overview",
    "parse_prompt",
]
