"""Pixel rectangles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rect:
    """A half-open rectangle of pixels: rows top..bottom-1, columns left..right-1."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def of_shape(cls, shape_hw: tuple[int, int]) -> Rect:
        """The rectangle that covers a whole array of shape (H, W)."""
        return cls(0, 0, shape_hw[0], shape_hw[1])

    @property
    def height(self) -> int:
        """Rows covered; 0 if empty."""
        return max(0, self.bottom - self.top)

    @property
    def width(self) -> int:
        """Columns covered; 0 if empty."""
        return max(0, self.right - self.left)

    @property
    def is_empty(self) -> bool:
        """Whether no pixel is covered."""
        return self.bottom <= self.top or self.right <= self.left

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(height, width)."""
        return (self.height, self.width)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this rectangle into an array (H, W, ...)."""
        return (slice(self.top, self.bottom), slice(self.left, self.right))

    def part(self, inner: Rect) -> Rect:
        """A part of this rectangle that is given from its own corner on, in the whole."""
        return Rect(
            self.top + inner.top,
            self.left + inner.left,
            self.top + inner.bottom,
            self.left + inner.right,
        )

    def within(self, outer: Rect) -> tuple[slice, slice]:
        """Index of this rectangle into an array that covers another one around it."""
        return Rect(
            self.top - outer.top,
            self.left - outer.left,
            self.bottom - outer.top,
            self.right - outer.left,
        ).slices

    def intersect(self, other: Rect) -> Rect:
        """The pixels in both; may be empty."""
        return Rect(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def union(self, other: Rect) -> Rect:
        """The smallest rectangle that covers both; an empty one adds nothing."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        return Rect(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def clip(self, shape_hw: tuple[int, int]) -> Rect:
        """The part that lies inside an array of shape (H, W)."""
        return self.intersect(Rect.of_shape(shape_hw))

    def expand(self, pixels: int) -> Rect:
        """Grown by `pixels` on every side (not clipped)."""
        return Rect(
            self.top - pixels, self.left - pixels, self.bottom + pixels, self.right + pixels
        )

    def shifted(self, down: int, right: int) -> Rect:
        """Moved by so many rows and columns (not clipped)."""
        return Rect(self.top + down, self.left + right, self.bottom + down, self.right + right)

    def contains(self, x: int, y: int) -> bool:
        """Whether pixel (x, y) is covered."""
        return self.left <= x < self.right and self.top <= y < self.bottom
