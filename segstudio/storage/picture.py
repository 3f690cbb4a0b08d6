"""One page of an image as it is stored, and how it becomes 8-bit RGB."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.channel_looks import AS_IN_FILES, ChannelLooks, Color
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image
from segstudio.core.pixel_size import PixelSize
from segstudio.core.prediction import ModelSpec, reads_stored
from segstudio.core.progress import Check, no_check

COMPOSITE = -1
"""Asked for instead of a channel: all channels that have a colour, together."""
RGB = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
GREY = (1, 1, 1)
_TWO = ((0, 1, 0), (1, 0, 1))  # green and magenta: told apart by colour-blind people too
_SEVERAL = (*RGB, GREY, (0, 1, 1), (1, 0, 1), (1, 1, 0))  # the order in which Fiji gives them
_SHARE = 1000
"""One value in so many may lie outside the range that is shown, at each end."""
_BLOCK = 1 << 22
_SAMPLED = 1 << 24

Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Picture:
    """The values of one page, upright, with what is needed to show them.

    Attributes:
        raw: (H, W, C) as stored, of any number type in the machine's byte order. Of images whose
            file holds colours in another form (palette, CMYK, YCbCr, CIELAB) the RGB colours.
        bits: Bits per sample in the file.
        colors: For each channel the weights (r, g, b), 0 or 1, with which it is in the composite;
            None for one that is only shown alone.
        names: Of the channels.
        is_color: Whether the first three are the red, green and blue of a photo.
        white_is_zero: Whether small values are bright.
        page: Which page of its file, from 0.
        pages: How many pages the file has.
        pixel_size: How large its pixels are, as the file tells; None if it does not.
    """

    raw: npt.NDArray[Any]
    bits: int
    colors: tuple[tuple[int, int, int] | None, ...]
    names: tuple[str, ...]
    is_color: bool = False
    white_is_zero: bool = False
    page: int = 0
    pages: int = 1
    pixel_size: PixelSize | None = None

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(H, W)."""
        return (self.raw.shape[0], self.raw.shape[1])

    @property
    def has_choice(self) -> bool:
        """Whether there is more than the grey or the colours of a photo."""
        return self._count > (3 if self.is_color else 1)

    @property
    def in_composite(self) -> tuple[int, ...]:
        """The channels that are seen where none is shown alone."""
        return tuple(c for c, color in enumerate(self.colors) if color is not None)

    def read(self, rect: Rect) -> npt.NDArray[Any]:
        """The stored values of a rectangle, (h, w, C); a view, not to be written to."""
        return self.raw[rect.slices]

    def given_to(self, spec: ModelSpec, pixels: Image) -> npt.NDArray[Any]:
        """What a model gets: the stored values (H, W, C) if its channels have numbers.

        Args:
            spec: The model.
            pixels: The composite, which all other models get.
        """
        return self.raw if reads_stored(spec) else pixels

    def values_at(self, x: int, y: int) -> tuple[int | float, ...]:
        """The stored values of pixel (x, y), one for each channel."""
        return tuple(value.item() for value in self.raw[y, x])

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """For each channel the values that are shown black and white; see `range_of`.

        8 bits and fewer are shown as they are: 0 to the largest that the bits can hold. The three
        channels of a colour photo have one range, so that its colours stay.
        """
        if self.raw.dtype == np.uint8:
            return ((0.0, float(2**self.bits - 1)),) * len(self.colors)
        if self.is_color:
            shared = range_of(self.raw[..., :3])
            return (shared,) * 3 + tuple(range_of(self.raw[..., c]) for c in range(3, self._count))
        return tuple(range_of(self.raw[..., c]) for c in range(self._count))

    @property
    def _count(self) -> int:
        return int(self.raw.shape[2])

    def color_of(self, channel: int, looks: ChannelLooks = AS_IN_FILES) -> Color:
        """In which colour a channel is seen, or would be if it was switched on."""
        weights = self.colors[channel] or _SEVERAL[channel % len(_SEVERAL)]
        red, green, blue = weights
        return looks.of(channel).color or (255 * red, 255 * green, 255 * blue)

    def is_on(self, channel: int, looks: ChannelLooks = AS_IN_FILES) -> bool:
        """Whether a channel is in the composite."""
        chosen = looks.of(channel).on
        return self.colors[channel] is not None if chosen is None else chosen

    def range_shown(self, channel: int, looks: ChannelLooks = AS_IN_FILES) -> Range:
        """From which stored value to which a channel is shown."""
        look, (low, high) = looks.of(channel), self.ranges[channel]
        return (
            low if look.low is None else look.low,
            high if look.high is None else look.high,
        )

    def shown(
        self,
        channel: int = COMPOSITE,
        check: Check = no_check,
        looks: ChannelLooks = AS_IN_FILES,
    ) -> Image:
        """(H, W, 3) uint8 RGB: the composite, or one channel alone in grey.

        Args:
            channel: Which, from 0; one that there is not gives the composite.
            check: Called between channels and strips; raises to give up.
            looks: How the channels are shown.
        """
        if 0 <= channel < self._count:
            return _grey(self._eight_bit(channel, check, looks))
        if looks:
            return self._composed(looks, check)
        if self.colors == RGB and self._is_plain:
            return self.raw
        used = self.in_composite
        if len(used) == 1:
            return _grey(self._eight_bit(used[0], check))
        out = np.zeros((*self.shape_hw, 3), np.uint8)
        for c in used:
            values = self._eight_bit(c, check)
            for part, weight in enumerate(self.colors[c] or ()):
                if weight:
                    plane = out[..., part]
                    # the sum, held at 255: what is left to 255 limits what is added
                    plane += np.minimum(values, 255 - plane)
        return out

    def _composed(self, looks: ChannelLooks, check: Check) -> Image:
        """The channels that are switched on, added up in their colours and held at 255."""
        import cv2

        out = np.zeros((*self.shape_hw, 3), np.uint8)
        steps = np.arange(256, dtype=np.float64)
        for c in range(self._count):
            if not self.is_on(c, looks):
                continue
            values = self._eight_bit(c, check, looks)
            for part, share in enumerate(self.color_of(c, looks)):
                if share:
                    table = np.rint(steps * share / 255).astype(np.uint8)
                    plane = np.asarray(cv2.add(out[..., part], cv2.LUT(values, table)), np.uint8)
                    out[..., part] = plane
                    check()
        return out

    @property
    def _is_plain(self) -> bool:
        """Whether the stored values are shown as they are."""
        return self.raw.dtype == np.uint8 and self.bits == 8 and not self.white_is_zero

    def _eight_bit(
        self, channel: int, check: Check, looks: ChannelLooks = AS_IN_FILES
    ) -> npt.NDArray[np.uint8]:
        plane, limits = self.raw[..., channel], self.range_shown(channel, looks)
        if self._is_plain and limits == self.ranges[channel]:
            return np.ascontiguousarray(plane, np.uint8)
        out = np.empty(plane.shape, np.uint8)
        rows = max(1, _BLOCK // max(1, plane.shape[1]))
        for top in range(0, plane.shape[0], rows):
            check()
            strip = slice(top, top + rows)
            out[strip] = eight_bit(plane[strip], *limits)
        return np.asarray(255 - out, np.uint8) if self.white_is_zero else out


def channel_colors(count: int) -> tuple[tuple[int, int, int] | None, ...]:
    """The colours of channels that have none of their own.

    One is grey, two are green and magenta, three are red, green and blue; of up to seven each gets
    another one, and of more only the first three are in the composite.
    """
    if count == 1:
        return (GREY,)
    if count == 2:
        return _TWO
    if count > len(_SEVERAL):
        return (*RGB, *(None for _ in range(count - 3)))
    return _SEVERAL[:count]


def range_of(values: npt.NDArray[Any]) -> Range:
    """The smallest and the largest value but for outliers, as a range to show.

    A thousandth of the values may lie below it and a thousandth above it, rounded down: one hot
    pixel of a camera does not make the rest dark, and of fewer than 1000 values none is left out.
    Where nearly all values are the same, it goes from the smallest to the largest. Not-a-number
    and infinities do not count; of more than 16 million values 16 million are looked at.

    Returns:
        (low, high); (0, 0) if there is no finite value.
    """
    flat = values.reshape(-1)
    if flat.size == 0:
        return (0.0, 0.0)
    if flat.dtype == np.uint16:
        return _range_of_counts(flat)
    flat = flat[:: max(1, flat.size // _SAMPLED)]
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
        if flat.size == 0:
            return (0.0, 0.0)
    left_out = flat.size // _SHARE
    if left_out:
        parted = np.partition(flat, (left_out, flat.size - 1 - left_out))
        low, high = parted[left_out], parted[flat.size - 1 - left_out]
        if low < high:
            return (float(low), float(high))
    return (float(flat.min()), float(flat.max()))


def _range_of_counts(flat: npt.NDArray[np.uint16]) -> Range:
    counts = np.zeros(65536, np.int64)
    for at in range(0, flat.size, _BLOCK):
        counts += np.bincount(flat[at : at + _BLOCK], minlength=65536)
    upto = np.cumsum(counts)
    left_out = flat.size // _SHARE
    low = int(np.searchsorted(upto, left_out, "right"))
    high = int(np.searchsorted(upto, flat.size - left_out, "left"))
    if low >= high:
        present = np.flatnonzero(counts)
        low, high = int(present[0]), int(present[-1])
    return (float(low), float(high))


def eight_bit(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    """Values scaled so that `low` becomes 0 and `high` 255, rounded to nearest, held between.

    Args:
        values: Any shape, any number type. Not-a-number becomes 0.
        low: What is black.
        high: What is white. If it is not above `low`, all becomes 0 but infinity.

    Returns:
        uint8 of the same shape.
    """
    if values.dtype == np.uint8 and (low, high) == (0.0, 255.0):
        return np.asarray(values, np.uint8)
    if values.dtype in (np.uint8, np.uint16):
        steps = np.arange(int(np.iinfo(values.dtype).max) + 1, dtype=np.float64)
        return np.asarray(_scaled(steps, low, high)[values], np.uint8)
    return _scaled(values.astype(np.float64), low, high)


def _scaled(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.uint8]:
    if high <= low:
        return np.where(values == np.inf, np.uint8(255), np.uint8(0)).astype(np.uint8)
    # halved, since the distance of two doubles may be more than a double can hold
    share = (values / 2 - low / 2) / (high / 2 - low / 2)
    share = np.nan_to_num(np.clip(share, 0.0, 1.0), nan=0.0)
    return np.rint(share * 255).astype(np.uint8)


def _grey(values: npt.NDArray[np.uint8]) -> Image:
    import cv2

    # twice as fast as numpy, which counts for a slide scan
    return np.asarray(cv2.merge((values, values, values)), np.uint8)
