"""What a document host's panel may ask for. The application implements it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from photoshop_bridge.values import JobStart

OnStep = Callable[[int, int, str], None]
Stop = Callable[[], bool]


class ServiceError(Exception):
    """Why the application could not do it, in words for the person at the panel."""


@dataclass(frozen=True)
class Edited:
    """What an edit put into the outbox."""

    results: tuple[str, ...]
    warnings: tuple[str, ...]


class Service(Protocol):
    """Search and edit. Both block and are called in threads; both raise ServiceError."""

    def search(self, query: str, limit: int) -> Mapping[str, Any]:
        """`{hits: [{tag, prompt_form, definition, score, advice}], no_expression}`, best first."""
        ...

    def edit(self, job: JobStart, on_step: OnStep, stop: Stop) -> Edited:
        """Edits the selection of the job's document and puts the results into the outbox.

        Ends soon after `stop()` turns true, with the results made so far.
        """
        ...
