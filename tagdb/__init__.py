"""Expression tags: look them up, search them by a story line, write prompts with them."""

from tagdb.encoder import Encoder
from tagdb.errors import TagdbError, UnknownTagError
from tagdb.grammar import escape, format_prompt, parse_prompt
from tagdb.matches import Match
from tagdb.normalize import normalize
from tagdb.pictures import Example, PictureReader, PictureReading, PictureSet
from tagdb.prompt import STYLES, BuiltPrompt, PromptStyle, TokenCounter, build_prompt
from tagdb.records import ExpressionTag, load_tags
from tagdb.store import Hit, SearchResult, TagStore
from tagdb.user_tags import Addition, UserTags

__all__ = [
    "STYLES",
    "Addition",
    "BuiltPrompt",
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
    "UnknownTagError",
    "UserTags",
    "build_prompt",
    "escape",
    "format_prompt",
    "load_tags",
    "normalize",
    "parse_prompt",
]
