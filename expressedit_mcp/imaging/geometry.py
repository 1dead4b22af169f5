"""Integer geometry in picture pixels, half-open: a box holds its left and top, not its right and bottom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    @property
    def box(self) -> Box:
        """The box that covers a picture of this size."""
        return Box(0, 0, self.width, self.height)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), the order of array axes."""
        return self.height, self.width


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels: left <= x < right, top <= y < bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def is_empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle, in continuous coordinates (a pixel spans 0..1)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this box into an (H, W, ...) array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def __and__(self, other: Box) -> Box:
        """The overlap; empty when the boxes do not meet."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def __or__(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def grown(self, px: int) -> Box:
        """The box with each side moved out by px."""
        return Box(self.left - px, self.top - px, self.right + px, self.bottom + px)

    def shifted(self, dx: int, dy: int) -> Box:
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def as_list(self) -> list[int]:
        """[left, top, right, bottom]."""
        return [self.left, self.top, self.right, self.bottom]
