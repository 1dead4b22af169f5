"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Outcome:
    """Rows of a table (what, figure, number of cases), and (caption, picture) pairs for a sheet."""

    rows: list[tuple[str, str, int]] = field(default_factory=list)
    pictures: list[tuple[str, np.ndarray]] = field(default_factory=list)

    def add(self, what: str, figure: str, count: int) -> None:
        self.rows.append((what, figure, count))

    def show(self, caption: str, pixels: np.ndarray) -> None:
        self.pictures.append((caption, pixels))
