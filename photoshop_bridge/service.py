"""What the panel inside Photoshop can ask for. The application implements it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Service(Protocol):
    """Search, edit and cancel, in JSON values."""

    def search(self, query: str, limit: int) -> list[Mapping[str, Any]]:
        """Expression tags for a query, best first."""
        ...

    def edit(self, command: Mapping[str, Any]) -> str:
        """Starts an edit; returns its id."""
        ...

    def cancel(self, edit_id: str) -> None:
        """Stops an edit; unknown ids are ignored."""
        ...
