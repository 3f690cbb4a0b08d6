"""What is drawn of pixels that would be painted, made ready beside the GUI's thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels, Mask
from segstudio.core.outline import Segments, outline_segments

_SHOWN_PX: Final = 1024
"""A larger mask is previewed with a part of its pixels: more could not be drawn in a frame."""


@dataclass(frozen=True, eq=False)
class MaskPreview:
    """Pixels of an image, and how they are drawn before they are painted.

    Attributes:
        rect: Where they are; empty if there are none.
        mask: (rect.height, rect.width) bool.
        step: Of so many rows and columns one is drawn.
        shown: (h, w) uint8, 1 inside; rows are multiples of 4 bytes, as Qt wants them.
        outline: Along the edges of the pixels of `shown`.
        is_exact: Whether `mask` has every pixel; if not it is that of `shown`, for drawing alone.
    """

    rect: Rect
    mask: Mask
    step: int
    shown: Labels
    outline: Segments
    is_exact: bool = True

    @classmethod
    def of(cls, rect: Rect, mask: Mask) -> MaskPreview:
        """Make the preview of a mask; takes milliseconds where it is large."""
        step = max(1, -(-max(mask.shape, default=1) // _SHOWN_PX))
        small = mask[::step, ::step]
        return cls(rect, mask, step, _rows_of_four(small), outline_segments(small))

    @classmethod
    def rough(cls, rect: Rect, mask: Mask, step: int, shape_hw: tuple[int, int]) -> MaskPreview:
        """Make the preview of what was found with a part of the pixels.

        Args:
            rect: Where, in those pixels.
            mask: (h, w) bool of the rectangle's shape.
            step: Of so many rows and columns of the image one was looked at.
            shape_hw: (H, W) of the image.
        """
        whole = Rect(rect.top * step, rect.left * step, rect.bottom * step, rect.right * step)
        found, outline = _rows_of_four(mask), outline_segments(mask)
        return cls(whole.clip(shape_hw), mask, step, found, outline, is_exact=False)

    def covers(self, x: int, y: int) -> bool:
        """Whether a pixel is one of them; of a rough one the nearest that was looked at counts."""
        if not self.rect.contains(x, y):
            return False
        step = 1 if self.is_exact else self.step
        row, column = (y - self.rect.top) // step, (x - self.rect.left) // step
        height, width = self.mask.shape
        return row < height and column < width and bool(self.mask[row, column])

    def drawn_within(self, allowed: Mask) -> MaskPreview:
        """The same pixels, of which only some are drawn: the others would not be painted.

        Args:
            allowed: Of every `step`-th row and column of `rect`, (h, w) bool.
        """
        small = self.mask[:: self.step, :: self.step] if self.is_exact else self.mask
        height, width = allowed.shape
        drawn = small[:height, :width] & allowed
        return replace(self, shown=_rows_of_four(drawn), outline=outline_segments(drawn))


def _rows_of_four(mask: Mask) -> Labels:
    shown = np.zeros((mask.shape[0], -(-mask.shape[1] // 4) * 4), np.uint8)
    shown[:, : mask.shape[1]] = mask
    return shown
