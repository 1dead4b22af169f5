"""Errors of the tag store: one small tree, every message says what to do."""

from __future__ import annotations


class TagdbError(ValueError):
    """Base of all errors that tagdb raises on purpose."""


class UnknownTagError(TagdbError, LookupError):
    """No single tag goes by this name; `nearest` holds the closest live tags, best first.

    `ambiguous` says that all of `nearest` go by it.
    """

    def __init__(self, name: str, nearest: tuple[str, ...], *, ambiguous: bool = False) -> None:
        self.name = name
        self.nearest = nearest
        self.ambiguous = ambiguous
        listed = ", ".join(nearest) or "none"
        if ambiguous:
            message = f"{name!r} names several tags: {listed}. Choose one of them."
        else:
            message = f"Unknown expression tag {name!r}. Nearest tags: {listed}."
        super().__init__(message)
