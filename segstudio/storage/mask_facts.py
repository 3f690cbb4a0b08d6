"""What one mask file holds, by itself: numbers, black and white, soft edges, colours, objects.

Nothing is decided here. `truth_coding.decide` takes the facts of all masks of a folder together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.progress import Check, no_check
from segstudio.core.schema import Color
from segstudio.storage.formats.mask_format import RawMask
from segstudio.storage.jpeg_traces import JpegTrace, jpeg_trace
from segstudio.storage.large_masks import (
    bands,
    count_where,
    different,
    histogram,
    sample,
    with_those_of,
)

_DARK: Final = 31
_BRIGHT: Final = 224
_BLACK: Final = 1
_WHITE: Final = 250
_NEAR: Final = 8
_LOW: Final = 8
"""Of one number up to this JPEG may leave nothing else."""
_MANY_GREYS: Final = 128
_MANY_COLOURS: Final = 64
_KEPT_COLORS: Final = 4096
_FLAT_STEP: Final = 4
_SPECK_PX: Final = 9
_DARK_PALETTE: Final = 64
_GREY_SPREAD: Final = 12
_UNSTEADY: Final = 0.6
_STRAY_LEVELS: Final = 4
_STRAY_PIECES: Final = 3
_STRAY_SHARE: Final = 0.25
_FEWEST_SATELLITES: Final = 3
_FEWEST_STRAYS: Final = 16
_JPEG_BLOCK: Final = 8
_AT_EDGES: Final = 0.98
_LARGEST_16_BIT: Final = 65535


class MaskLook(StrEnum):
    """What kind of numbers a mask holds."""

    EMPTY = "nothing"
    ONE = "one number"
    """Besides 0 only one: an object, or one class."""
    NUMBERS = "several numbers"
    SOFT = "soft edges"
    """Black and white with grey between them, as after scaling or JPEG."""
    SHADES = "shades that were changed"
    """More than black and white, through JPEG or scaling: which number a pixel had cannot be told
    any more."""
    PHOTO = "a photograph"
    COLOURS = "colours"
    BLURRED_COLOURS = "colours with soft edges"


@dataclass(frozen=True)
class PlainMask:
    """A mask with palettes and opacity resolved as far as one file tells.

    Attributes:
        pixels: (H, W) of an integer type, or (H, W, 3) uint8 colours. Of a palette these are the
            indices, unless the palette is only there to store grey levels.
        palette: (256, 3) uint8 colours of the indices, or None.
        lossy: Whether the format may have changed values.
        stored_colours: Whether the file has three channels, also where they are equal.
        opacity: Whether `pixels` are the opacity: the file's colours show no shape.
    """

    pixels: npt.NDArray[Any]
    palette: npt.NDArray[np.uint8] | None = None
    lossy: bool = False
    stored_colours: bool = False
    opacity: bool = False

    @classmethod
    def of(cls, raw: RawMask, *, by_opacity: bool = False) -> PlainMask:
        """Resolve a file's palette and opacity.

        Args:
            raw: The file.
            by_opacity: Whether other masks of the folder have their shape in the opacity: then
                one that is opaque everywhere is an object everywhere.
        """
        if raw.alpha is not None:
            return _with_opacity(raw, raw.alpha, by_opacity=by_opacity)
        if raw.palette is not None and raw.pixels.ndim == 2:
            return _with_palette(raw, raw.palette)
        return cls(_one_channel(raw.pixels, raw.lossy), None, raw.lossy, raw.pixels.ndim == 3)

    @classmethod
    def shown(cls, raw: RawMask) -> PlainMask:
        """A file by its colours, where they are the classes: what is transparent is black."""
        pixels = raw.pixels
        if raw.alpha is None or not int(raw.alpha.max()) > 0:
            return cls.of(RawMask(pixels, raw.palette, raw.lossy))
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        shown = np.where((raw.alpha >= 128)[..., None], pixels, np.uint8(0)).astype(np.uint8)
        return cls(_one_channel(shown), None, raw.lossy, stored_colours=True)

    @property
    def is_colour(self) -> bool:
        """Whether the pixels are colours."""
        return self.pixels.ndim == 3


def _with_opacity(raw: RawMask, alpha: npt.NDArray[np.uint8], *, by_opacity: bool) -> PlainMask:
    plain = PlainMask(_one_channel(raw.pixels), None, raw.lossy, raw.pixels.ndim == 3)
    low, high = int(alpha.min()), int(alpha.max())
    if low == 255:
        return PlainMask(alpha, opacity=True) if by_opacity and _uniform(raw.pixels) else plain
    shown = raw.pixels[alpha > 0]
    if high == 0:  # a writer that left the channel empty, or an empty mask
        return plain if not _uniform(raw.pixels) else PlainMask(alpha, opacity=True)
    if (shown == shown[0]).all():
        return PlainMask(alpha, lossy=raw.lossy, opacity=True)
    pixels = raw.pixels.copy()
    pixels[alpha < 128] = 0
    return PlainMask(_one_channel(pixels), None, raw.lossy, raw.pixels.ndim == 3)


def _uniform(pixels: npt.NDArray[Any]) -> bool:
    return bool((pixels == pixels[0, 0]).all())


def _with_palette(raw: RawMask, palette: npt.NDArray[np.uint8]) -> PlainMask:
    levels = palette[:, 0]
    if _stores_greys(palette):
        full = np.zeros(256, np.uint8)
        full[: len(levels)] = levels
        return PlainMask(full[raw.pixels], None, raw.lossy)
    full_colors = np.zeros((256, 3), np.uint8)
    full_colors[: len(palette)] = palette
    return PlainMask(raw.pixels, full_colors, raw.lossy)


def _stores_greys(palette: npt.NDArray[np.uint8]) -> bool:
    """Whether a palette only stores grey levels, in whatever order a program put them.

    One of black and white, of greys too dark to be meant for the eye, or of greys that are not in
    order. Else its indices are the class ids: greys that rise with the id are a display.
    """
    if not len(palette) or (palette != palette[:, :1]).any():
        return False
    levels = palette[:, 0].astype(int)
    if set(levels) == {0, 255}:
        return True
    used = np.trim_zeros(levels, "b")
    if 0 not in used and len(used) < len(levels):
        used = np.append(used, 0)  # black comes last: it is no filling
    if len(used) < 2 or len(set(used)) < len(used):
        return False  # equal colours tell no ids apart
    return bool(used.max() < _DARK_PALETTE or (np.diff(used) < 0).any())


def _one_channel(pixels: npt.NDArray[Any], lossy: bool = False) -> npt.NDArray[Any]:
    """Grey saved as RGB becomes one channel.

    Args:
        pixels: (H, W) or (H, W, 3).
        lossy: Whether the format may have put a breath of colour into greys.
    """
    if pixels.ndim == 3 and lossy:
        spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
        if int(spread.max()) <= _GREY_SPREAD:
            return np.ascontiguousarray(pixels[..., 1])
    if pixels.ndim == 3:
        first = pixels[..., 0]
        if np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2]):
            return np.ascontiguousarray(first)
    return pixels


@dataclass(frozen=True)
class MaskFacts:
    """What is known of one mask file.

    Attributes:
        look: What kind of numbers it holds.
        values: Its numbers, of NUMBERS, ONE and EMPTY (of others some); of colours r << 16 | g << 8 | b.
        stored_colours: Whether the file has three channels.
        lossy: Whether the format may have changed values.
        opacity: Whether the shape is in the opacity.
        opacity_color: The colour of the shape then.
        palette: Colours by number, where there is a palette.
        regions: Connected regions of one number other than 0, of more than 8 pixels; counted for
            NUMBERS only.
        whole: How many of the numbers are one region.
        perhaps_jpeg: Whether the numbers may have gone through JPEG: it cannot be told.
        zeros: Pixels of number 0 (of soft edges: the dark ones); of shades and photographs none.
        pixels: All pixels, likewise.
    """

    look: MaskLook
    values: tuple[int, ...] = ()
    stored_colours: bool = False
    lossy: bool = False
    opacity: bool = False
    opacity_color: Color | None = None
    palette: tuple[tuple[int, Color], ...] = ()
    regions: int = 0
    whole: int = 0
    zeros: int = 0
    pixels: int = 0
    perhaps_jpeg: bool = False

    def to_bytes(self) -> bytes:
        """The facts for a cache."""
        fields = [
            self.look.name,
            _runs(self.values),
            [self.stored_colours, self.lossy, self.opacity, self.perhaps_jpeg],
            self.opacity_color,
            self.palette,
            [self.regions, self.whole, self.zeros, self.pixels],
        ]
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> MaskFacts | None:
        """The inverse of `to_bytes`; None if it is none."""
        try:
            look, runs, flags, color, palette, numbers = json.loads(data)
            stored_colours, lossy, opacity, perhaps_jpeg = map(bool, flags)
            regions, whole, zeros, pixels = map(int, numbers)
            return cls(
                MaskLook[look],
                tuple(v for start, count in runs for v in range(start, start + count)),
                stored_colours,
                lossy,
                opacity,
                None if color is None else _color(color),
                tuple((int(number), _color(c)) for number, c in palette),
                regions,
                whole,
                zeros,
                pixels,
                perhaps_jpeg,
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    @classmethod
    def of(cls, raw: RawMask, check: Check = no_check) -> MaskFacts:
        """Look at a file's content; `check` raises to give up."""
        plain = PlainMask.of(raw)
        if plain.is_colour:
            return _facts_of_colours(plain, check)
        look, values, perhaps_jpeg = _look_closely(plain, check)
        regions, whole = (0, 0)
        is_picture = look in (MaskLook.SHADES, MaskLook.PHOTO)
        if look is MaskLook.NUMBERS:
            regions, whole = regions_of(plain.pixels, 255 in values and 254 not in values, check)
        table = plain.palette
        palette = () if table is None else tuple((v, _color(table[v])) for v in values if v >= 0)
        return cls(
            look,
            values,
            plain.stored_colours,
            plain.lossy,
            plain.opacity,
            _shown_color(raw) if plain.opacity else None,
            palette,
            regions,
            whole,
            0 if is_picture else _zeros(plain.pixels, look),
            0 if is_picture else int(plain.pixels.size),
            perhaps_jpeg,
        )


def _runs(values: Iterable[int]) -> list[list[int]]:
    """Ascending numbers as [first, how many]."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == sum(runs[-1]):
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return runs


def _zeros(pixels: npt.NDArray[Any], look: MaskLook) -> int:
    if look is not MaskLook.SOFT:
        return int(pixels.size - np.count_nonzero(pixels))
    middle = 128 if pixels.dtype == np.uint8 else 32768
    return count_where(pixels, lambda band: band < middle)


def _facts_of_colours(plain: PlainMask, check: Check) -> MaskFacts:
    values, zeros = np.zeros(0, np.uint32), 0
    for band in bands(plain.pixels, check):
        keys = color_keys(band)
        values = with_those_of(values, keys)
        zeros += int(np.count_nonzero(keys == 0))
    return MaskFacts(
        look_at_colours(plain),
        tuple(int(v) for v in values[:_KEPT_COLORS]),
        stored_colours=True,
        lossy=plain.lossy,
        zeros=zeros,
        pixels=plain.pixels.size // 3,
    )


def look_at_colours(plain: PlainMask) -> MaskLook:
    """Whether the colours of a mask have soft edges."""
    keys = color_keys(sample(plain.pixels))
    values = np.unique(keys)
    unsteady = len(values) > _MANY_COLOURS and _unsteady(keys)
    blurred = plain.lossy or unsteady or _strays(keys, values)
    return MaskLook.BLURRED_COLOURS if blurred else MaskLook.COLOURS


def _strays(keys: npt.NDArray[np.uint32], values: npt.NDArray[np.uint32]) -> bool:
    """Whether most colours are stray pixels without an area, as along edges after JPEG."""
    if len(values) <= _FEWEST_STRAYS:
        return False
    areas = np.unique(keys[_in_equal_square(keys)])
    strays = len(values) - len(areas)
    return strays >= _FEWEST_STRAYS and 3 * strays >= 2 * len(values)


def _shown_color(raw: RawMask) -> Color | None:
    assert raw.alpha is not None
    shown = raw.pixels[raw.alpha > 0]
    return _color(np.broadcast_to(shown[0], 3)) if len(shown) else None


def look_at(plain: PlainMask) -> tuple[MaskLook, tuple[int, ...]]:
    """What kind of numbers a mask of one channel holds, and which (of a lossy format: none)."""
    look, values, _ = _look_closely(plain)
    return look, values


def _look_closely(
    plain: PlainMask, check: Check = no_check
) -> tuple[MaskLook, tuple[int, ...], bool]:
    """The same, and whether its numbers may have gone through JPEG."""
    values = values_in(plain.pixels, check)
    rest = [v for v in values if v != 0]
    if not rest:
        return MaskLook.EMPTY, values, False
    if len(rest) == 1 and not (plain.lossy and rest[0] < _BRIGHT):
        return MaskLook.ONE, values, _perhaps_jpeg_of_one(plain, rest[0], check)
    if plain.palette is not None or min(rest) < 0:
        return MaskLook.NUMBERS, values, False
    eight = _as_eight_bits(sample(plain.pixels, check), rest[-1])
    if eight is None:
        return MaskLook.NUMBERS, values, False
    return _look_at_greys(eight, values, lossy=plain.lossy)


def _perhaps_jpeg_of_one(plain: PlainMask, number: int, check: Check) -> bool:
    """Whether the outlines of one low number may have gone through JPEG; others would have rims."""
    if plain.palette is not None or plain.opacity or not 0 < number <= _LOW:
        return False
    eight = _as_eight_bits(sample(plain.pixels, check), number)
    return eight is not None and jpeg_trace(eight, _in_equal_square(eight)) is not JpegTrace.NO


def _look_at_greys(
    eight: npt.NDArray[np.uint8], values: tuple[int, ...], *, lossy: bool
) -> tuple[MaskLook, tuple[int, ...], bool]:
    """The same of a mask with several numbers, by the picture that they would be."""
    levels = int(np.count_nonzero(values))
    if _is_soft(eight, lossy=lossy):
        return MaskLook.SOFT, (), False
    if lossy:
        return MaskLook.SHADES, (), False
    steady = _in_equal_square(eight)
    mains = _levels_with_satellites(eight, steady)
    if mains:
        two = len(mains) == 2 and mains[0] <= _DARK and mains[1] >= _BRIGHT
        return (MaskLook.SOFT if two else MaskLook.SHADES), (), False
    if levels > _MANY_GREYS and _unsteady(eight):
        return MaskLook.PHOTO, (), False
    if _is_smeared(eight, levels):
        return MaskLook.SHADES, values, False
    trace = jpeg_trace(eight, steady)
    if trace is JpegTrace.YES:
        return MaskLook.SHADES, values, False
    return MaskLook.NUMBERS, values, trace is JpegTrace.POSSIBLE


def _as_eight_bits(pixels: npt.NDArray[Any], high: int) -> npt.NDArray[np.uint8] | None:
    """The picture that the numbers would be, or None if they can only be ids."""
    if pixels.dtype == np.uint8:
        return pixels
    if high <= 255:
        return pixels.astype(np.uint8)
    if pixels.dtype == np.uint16 and high >= 0.9 * _LARGEST_16_BIT:
        return (pixels >> 8).astype(np.uint8)
    return None


def _is_soft(pixels: npt.NDArray[np.uint8], *, lossy: bool) -> bool:
    """Whether grey levels are black and white with soft edges between.

    Both must be there, the bright ones mostly near white, and what lies between must be few and
    slopes: a class of its own is flat. One or two levels between are meant, unless the format
    changes values.
    """
    counts = np.bincount(pixels.reshape(-1), minlength=256)
    bright, upper = int(counts[_BRIGHT:].sum()), int(counts[128:].sum())
    between = counts[_DARK + 1 : _BRIGHT]
    if not bright or not counts[: _DARK + 1].any() or 2 * bright < upper:
        return False
    if 2 * int(between.sum()) > pixels.size:
        return False
    shades = np.count_nonzero(between)
    if shades < 3 and not lossy:
        near = np.flatnonzero(counts[1:255]) + 1
        return not shades and bool((near <= _NEAR).any() and (near >= 255 - _NEAR).any())
    middle = (pixels > _DARK) & (pixels < _BRIGHT)
    return 2 * int(np.count_nonzero(_flat(pixels) & middle)) <= int(np.count_nonzero(middle))


def _is_smeared(pixels: npt.NDArray[np.uint8], levels: int) -> bool:
    """Whether grey levels went through JPEG or scaling before they were saved.

    Then most levels are stray pixels along edges, which neither classes nor objects are.
    """
    if levels < 2 * _STRAY_LEVELS or int(pixels.max()) <= _DARK:
        return False
    owner, sizes = _regions(pixels)
    pieces = np.bincount(owner, minlength=256)
    largest, areas = np.zeros(256, np.int64), np.bincount(owner, sizes, 256)
    np.maximum.at(largest, owner, sizes)
    stray = (pieces > 0) & (largest < _SPECK_PX)
    # Objects can be as small, but they are not in several pieces.
    many = np.count_nonzero(stray & (pieces >= _STRAY_PIECES)) >= _STRAY_LEVELS
    most = 2 * int(np.count_nonzero(stray)) >= levels
    return bool(many and most and areas[stray].sum() <= _STRAY_SHARE * pixels.size)


def _levels_with_satellites(
    pixels: npt.NDArray[np.uint8], solid: npt.NDArray[np.bool_]
) -> tuple[int, ...]:
    """The levels of a mask that went through JPEG of the best quality; () if it did not.

    There each level has areas of its own, and is far from the next one. What else there is are
    levels close to one of them (its satellites), which have no areas, lie within a block of JPEG
    of an edge between two of the levels, and beside several of them. Ids of classes and objects
    that are as close have areas, or other ids between.
    """
    import cv2

    counts = np.bincount(pixels.reshape(-1), minlength=256)
    areas = np.bincount(pixels[solid], minlength=256)
    has_areas = (2 * areas >= counts) & (areas >= _SPECK_PX)
    mains, others = np.flatnonzero(has_areas), np.flatnonzero(~has_areas & (counts > 0))
    if len(mains) < 2 or len(others) < _FEWEST_SATELLITES or mains[-1] <= _DARK:
        return ()
    nearest = mains[np.abs(np.arange(256)[:, None] - mains).argmin(axis=1)].astype(np.uint8)
    furthest = int(np.abs(nearest[others].astype(int) - others).max())
    # Of worse quality the rims of black and white are wider, and ids of classes have none of them.
    rims = others[(others <= _DARK) | (others >= _BRIGHT)]
    plain = len(mains) == 2 and mains[0] <= _BLACK and mains[-1] >= _WHITE
    wide = plain and 2 * len(rims) >= len(others) and min(_sides(rims)) >= _FEWEST_SATELLITES
    if not wide and furthest > min(_NEAR, (int(np.diff(mains).min()) - 1) // 2):
        return ()
    if len(set(nearest[others].tolist())) < 2:
        return ()
    snapped = nearest[pixels]
    square = np.ones((2 * _JPEG_BLOCK - 1, 2 * _JPEG_BLOCK - 1), np.uint8)
    at_edges = cv2.dilate(snapped, square) != cv2.erode(snapped, square)
    stray = np.isin(pixels, others)
    inside = np.count_nonzero(stray & np.asarray(at_edges).reshape(stray.shape))
    return tuple(mains.tolist()) if inside >= _AT_EDGES * np.count_nonzero(stray) else ()


def _sides(levels: npt.NDArray[Any]) -> tuple[int, int]:
    """How many levels are dark, and how many are not."""
    dark = int(np.count_nonzero(levels < 128))
    return dark, len(levels) - dark


def _in_equal_square(pixels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which pixels are in a square of four equal ones."""
    found = np.zeros(pixels.shape, np.bool_)
    first = pixels[:-1, :-1]
    equal = (first == pixels[1:, :-1]) & (first == pixels[:-1, 1:]) & (first == pixels[1:, 1:])
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        height, width = equal.shape
        found[down : down + height, across : across + width] |= equal
    return found


def _flat(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a pixel is about as bright as one beside it and one above or below it."""
    import cv2

    def like(dy: int, dx: int) -> npt.NDArray[np.bool_]:
        moved = np.roll(pixels, (dy, dx), (0, 1))
        return np.asarray(cv2.absdiff(pixels, moved).reshape(pixels.shape) <= _FLAT_STEP)

    return np.asarray((like(0, 1) | like(0, -1)) & (like(1, 0) | like(-1, 0)))


def _unsteady(pixels: npt.NDArray[Any]) -> bool:
    """Whether neighbours mostly differ, as in a photograph."""
    across = np.count_nonzero(pixels[:, 1:] != pixels[:, :-1])
    down = np.count_nonzero(pixels[1:] != pixels[:-1])
    return bool(across + down > _UNSTEADY * pixels.size)


def regions_of(
    pixels: npt.NDArray[Any], skip_255: bool = False, check: Check = no_check
) -> tuple[int, int]:
    """Connected regions of one number, and how many numbers are a single one.

    Regions of up to 8 pixels are left out where a number has a larger one; 0 and negative numbers
    count nowhere.

    Args:
        pixels: (H, W) of an integer type.
        skip_255: Whether 255 counts nowhere either.
        check: Called again and again; raises to give up.
    """
    owner, sizes = _regions(pixels, skip_255, check)
    biggest: dict[int, int] = {}
    regions: dict[int, int] = {}
    for value, size in zip(owner.tolist(), sizes.tolist(), strict=True):
        regions[value] = regions.get(value, 0) + (size >= _SPECK_PX)
        biggest[value] = max(biggest.get(value, 0), size)
    each = [max(1, count) for value, count in regions.items() if value]
    return sum(each), sum(count == 1 for count in each)


_Counts = npt.NDArray[np.int64]


def _regions(
    pixels: npt.NDArray[Any], skip_255: bool = False, check: Check = no_check
) -> tuple[_Counts, _Counts]:
    """The number and the size of each connected region of one number, where something is.

    In bands, whose regions are joined where they touch.
    """
    owners, sizes, joined = (
        [np.zeros(1, np.int64)],
        [np.zeros(1, np.int64)],
        [np.zeros((0, 2), int)],
    )
    above: tuple[npt.NDArray[Any], npt.NDArray[np.int64]] | None = None
    count = 1  # the first is where nothing is
    for band in bands(pixels, check):
        places, owner, size = _regions_in(band, skip_255)
        places = np.where(places > 0, places + (count - 1), 0)
        if above is not None:
            same = (above[0] == band[0]) & (above[1] > 0) & (places[0] > 0)
            joined.append(np.unique(np.stack([above[1][same], places[0][same]], 1), axis=0))
        above = band[-1], places[-1]
        owners.append(owner)
        sizes.append(size)
        count += len(owner)
    first = np.arange(count)
    for upper, lower in np.concatenate(joined).tolist():
        first[_root(first, lower)] = _root(first, upper)
    for n in np.unique(np.concatenate(joined)).tolist():
        first[n] = _root(first, n)
    total = np.bincount(first, np.concatenate(sizes), count).astype(np.int64)
    kept = np.flatnonzero(first == np.arange(count))[1:]
    return np.concatenate(owners)[kept], total[kept]


def _root(first: npt.NDArray[np.int64], n: int) -> int:
    while first[n] != n:
        first[n] = first[first[n]]
        n = int(first[n])
    return n


def _regions_in(
    pixels: npt.NDArray[Any], skip_255: bool
) -> tuple[npt.NDArray[np.int64], _Counts, _Counts]:
    """Which region each pixel is of, from 1 on, and the number and the size of each."""
    import cv2

    inside = pixels > 0
    if skip_255:
        inside &= pixels != 255
    height, width = pixels.shape
    # Pixels lie at even places, with a bridge between two equal ones: then one pass over a
    # black-and-white picture finds the regions of all numbers.
    grid = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    grid[::2, ::2] = inside
    grid[::2, 1::2] = inside[:, 1:] & (pixels[:, 1:] == pixels[:, :-1])
    grid[1::2, ::2] = inside[1:] & (pixels[1:] == pixels[:-1])
    number, found = cv2.connectedComponents(grid, connectivity=4)
    places = np.asarray(found)[::2, ::2].astype(np.int64)
    owner = np.zeros(number, np.int64)
    owner[places[inside]] = pixels[inside]
    return places, owner[1:], np.bincount(places[inside], minlength=number)[1:].astype(np.int64)


def values_in(pixels: npt.NDArray[Any], check: Check = no_check) -> tuple[int, ...]:
    """The numbers that turn up, ascending; `check` raises to give up."""
    if pixels.dtype in (np.uint8, np.uint16):
        return tuple(int(v) for v in np.flatnonzero(histogram(pixels, check)))
    return tuple(int(v) for v in different(pixels, check))


def color_keys(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Colours (..., 3) as r << 16 | g << 8 | b."""
    keys: npt.NDArray[np.uint32] = pixels[..., 0].astype(np.uint32)
    for channel in (1, 2):
        keys <<= np.uint32(8)
        keys |= pixels[..., channel]
    return keys


def color_of(key: int) -> Color:
    """The inverse of `color_keys` for one colour."""
    return ((key >> 16) & 255, (key >> 8) & 255, key & 255)


def _color(rgb: Iterable[Any]) -> Color:
    r, g, b = (int(v) for v in rgb)
    return (r, g, b)
