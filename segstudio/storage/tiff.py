"""Read one page of a TIFF as it is stored: its samples, its channels, its colours."""

from __future__ import annotations

import logging
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.progress import Check, no_check
from segstudio.storage.image_errors import check_size
from segstudio.storage.orientation import upright
from segstudio.storage.picture import RGB, Picture, channel_colors
from segstudio.storage.pillow import CheckedFile
from segstudio.storage.resolution import pixel_size_of

_ORIENTATION, _TURNED_FROM = 274, 5
_WITH_AXES = (
    "ome", "imagej", "shaped", "lsm", "mmstack", "ndtiff", "fluoview", "stk", "sis", "svs", "scn",
    "qpi", "ndpi", "bif", "avs", "eer", "philips", "scanimage", "nih", "mdgel",
)  # fmt: skip
"""Kinds of TIFF that say what their pages are: planes, channels, smaller copies."""
_MOST_PACKED = {1: 1, 5: 1400, 8: 1100, 32946: 1100, 32773: 128}
"""By compression (none, LZW, deflate, deflate, PackBits): to how many bytes one is unpacked."""
_FAX = frozenset({2, 3, 4, 32771})
"""Compressions of black and white pages, where a blank page takes hardly a byte."""
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_COLOR, _PALETTE, _CMYK, _YCBCR, _LABS, _LINEAR = 2, 3, 5, 6, (8, 9, 10), 34892
_UNDECODED_YCBCR = frozenset({1, 5, 8, 32946, 32773})
_SUB_SAMPLING, _LUMA = 530, 529
_REDUCED_OR_MASK = 1 | 4
_MAX_CHANNELS = 512
_HIGHEST_ID = 63
"""Up to here three planes are label maps: as colours they would all be next to black."""
_MOST_IDS = 64
"""So many different values a label map has at most, for all that its planes tell."""
_SILENT = logging.NullHandler()


@dataclass(frozen=True)
class _Layout:
    """Which frames of the file make up each page.

    Attributes:
        pages: For each page the frames of its channels.
        series: What the frames are numbered in: a series of tifffile, or the file's own pages.
        names: Of the channels, as far as the file tells.
    """

    pages: Sequence[tuple[int, ...]]
    series: Any
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class TiffPage:
    """A page and what was left out of it."""

    picture: Picture
    orientation: int
    transparent: bool


def tiff_pages(path: Path) -> int:
    """How many pages a TIFF has; channels and smaller copies of a page do not count."""
    with CheckedFile(path, no_check) as file, _opened(path, file) as tiff:
        return len(_layout(path, tiff).pages)


def read_tiff(path: Path, page: int = 0, check: Check = no_check) -> TiffPage:
    """Read a page of a TIFF.

    Args:
        path: The file.
        page: Which, from 0.
        check: Called between strips; raises to give up.

    Raises:
        SegstudioError: if there is no such page, or it is too large.
        Exception: one of `image_errors.DECODE_ERRORS` if it cannot be decoded.
    """
    with CheckedFile(path, check) as file, _opened(path, file) as tiff:
        layout = _layout(path, tiff)
        if not 0 <= page < len(layout.pages):
            raise SegstudioError(
                f"{path} has no page {page + 1}: it has {len(layout.pages)}.",
                "Read the folder again.",
            )
        frames = layout.pages[page]
        first = _keyframe(tiff, layout, frames[0])
        check_tiff_page(path, first, len(frames))
        parts = [_frame(tiff, layout, number, check) for number in frames]
        found = _channels(first, parts, check)
        orientation = _orientation(first)
        size = pixel_size_of(tiff, first)
    raw = upright(found.raw, orientation)
    names = (*layout.names, *(f"Channel {n + 1}" for n in range(len(layout.names), raw.shape[2])))
    if found.is_color:
        names = ("Red", "Green", "Blue", *names[3:])
    count = raw.shape[2]
    picture = Picture(
        raw,
        found.bits,
        (*RGB, *(None for _ in range(count - 3))) if found.is_color else found.colors(count),
        names[:count],
        found.is_color,
        found.white_is_zero,
        page,
        len(layout.pages),
        size.turned() if size is not None and orientation >= _TURNED_FROM else size,
    )
    return TiffPage(picture, orientation, found.transparent)


@contextmanager
def stored_frame(
    path: Path, number: int = 0, check: Check = no_check
) -> Iterator[tuple[Any, npt.NDArray[Any]]]:
    """One frame of a TIFF as it is stored, for readers of masks; channels are frames too.

    Args:
        path: The file.
        number: Which frame, from 0; smaller copies of pages do not count.
        check: Called between strips; raises to give up.

    Yields:
        tifffile's page, which tells what the values are, and the values: (H, W), (H, W, S) or
        (S, H, W) of colours.

    Raises:
        SegstudioError: if there is no such frame, it is too large, or it cannot be told whether
            its planes are colours.
        Exception: one of `image_errors.DECODE_ERRORS` if it cannot be decoded.
    """
    with CheckedFile(path, check) as file, _opened(path, file) as tiff:
        layout = _layout(path, tiff)
        planes = _planes_as_pages(path, tiff, layout)
        frames = planes or _frames_of(layout)
        if not 0 <= number < frames:
            raise SegstudioError(
                f"{path} has no page {number + 1}: it has {frames}.", "Read the folder again."
            )
        width = len(layout.pages[0])
        frame = layout.pages[0][0] if planes else layout.pages[number // width][number % width]
        page = _keyframe(tiff, layout, frame)
        check_tiff_page(path, page)
        values = _frame(tiff, layout, frame, check)
        yield page, values[number] if planes else values


def frame_count(path: Path) -> int:
    """How many frames a TIFF has: pages, times channels where these are stored apart.

    Raises:
        SegstudioError: as of `stored_frame`.
        Exception: one of `image_errors.DECODE_ERRORS` if it cannot be read.
    """
    with CheckedFile(path, no_check) as file, _opened(path, file) as tiff:
        layout = _layout(path, tiff)
        return _planes_as_pages(path, tiff, layout) or _frames_of(layout)


def _planes_as_pages(path: Path, tiff: Any, layout: _Layout) -> int:
    """How many planes of a mask's only page are pages themselves; 0 if they are colours.

    tifffile writes a stack of three or four pages as the planes of a colour photo unless told not
    to: the last of four would be opacity, which leaves nothing of the others.

    Raises:
        SegstudioError: if it cannot be told.
    """
    if len(layout.pages) != 1 or len(layout.pages[0]) != 1:
        return 0
    page = _keyframe(tiff, layout, layout.pages[0][0])
    samples, photometric = int(page.samplesperpixel), int(page.photometric)
    if int(page.planarconfig) != 2 or samples < 2:
        return 0
    if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        has_opacity = samples == 2 and [int(kind) for kind in page.extrasamples] in ([1], [2])
        return 0 if has_opacity else samples
    if photometric != _COLOR or samples not in (3, 4):
        return 0
    stamp = path.stat()
    found = _planes_of_mask(path, stamp.st_mtime_ns, stamp.st_size)
    if found is _Planes.UNCLEAR:
        raise SegstudioError(
            f"The mask {path} holds {samples} planes of which it cannot be told whether they are "
            "pages or colours.",
            "Save pages as one grey channel each (tifffile: photometric='minisblack'), and colours "
            "pixel by pixel (planarconfig='contig').",
        )
    return samples if found is _Planes.PAGES else 0


class _Planes(Enum):
    COLORS, PAGES, UNCLEAR = range(3)


@lru_cache(maxsize=64)
def _planes_of_mask(path: Path, _changed_ns: int, _size: int) -> _Planes:
    """What the planes of a mask's only page are; remembered while the file stays as it is."""
    with CheckedFile(path, no_check) as file, _opened(path, file) as tiff:
        layout = _layout(path, tiff)
        frame = layout.pages[0][0]
        check_tiff_page(path, _keyframe(tiff, layout, frame))
        return _kind_of_planes(_frame(tiff, layout, frame, no_check))


def _kind_of_planes(planes: npt.NDArray[Any]) -> _Planes:
    """Whether three or four planes, (S, H, W), are the colours of one mask or label maps."""
    if planes.dtype == np.bool_:
        planes = planes.astype(np.uint8)
    if planes.dtype.kind not in "ui" or not planes.any():
        return _Planes.COLORS
    colors, top = planes[:3], int(planes.max())
    is_grey = bool((colors[1:] == colors[0]).all())
    if len(planes) == 3 and is_grey:
        return _Planes.COLORS
    if top <= _HIGHEST_ID or _is_finer_than_colors(planes, top):
        return _Planes.PAGES
    if len(planes) == 3 or _is_opacity(planes[3], colors):
        full = len(planes) == 4 and int(planes[3].min()) == top
        return _Planes.UNCLEAR if _fit_pages(planes[:3] if full else planes) else _Planes.COLORS
    few = all(len(np.unique(plane)) <= _MOST_IDS for plane in planes)
    return _Planes.PAGES if few else _Planes.UNCLEAR


def _fit_pages(planes: npt.NDArray[Any]) -> bool:
    """Whether planes may also be pages: in each place all hold the same value or 0.

    So do pages in black and white, and those of objects that keep their number. Red, green and
    blue do too, but few masks of colours have no other colours.
    """
    highest = planes.max(axis=0)
    return all(bool(((plane == 0) | (plane == highest)).all()) for plane in planes)


def _is_finer_than_colors(planes: npt.NDArray[Any], top: int) -> bool:
    """Whether values of 16 bits and more are no colours of 8 bits spread over the range."""
    return top > 255 and not any(bool((planes % step == 0).all()) for step in (256, 257))


def _is_opacity(alpha: npt.NDArray[Any], colors: npt.NDArray[Any]) -> bool:
    """Whether the fourth plane may say how opaque the colours are: it hides no others than black.

    Where the colours are the same everywhere, the opacity is the mask.
    """
    full = int(max(alpha.max(), colors.max()))
    if not alpha.any():  # some programs leave it empty; of masks in black and white it is a page
        return bool(((colors != 0) & (colors != full)).any())
    if (colors == colors[:, :1, :1]).all():
        return True
    return int(alpha.max()) == full >= 255 and not colors[:, alpha == 0].any()


def _frames_of(layout: _Layout) -> int:
    return len(layout.pages) * len(layout.pages[0])


def check_tiff_page(path: Path, page: Any, frames: int = 1) -> None:
    """Refuse a page of tifffile's that is too large, or larger than its file can hold.

    Args:
        path: The file.
        page: A `tifffile.TiffPage`.
        frames: How many such are read together.

    Raises:
        SegstudioError: see `image_errors.check_size`.
    """
    size_wh = (int(page.imagewidth), int(page.imagelength))
    pixels = max(1, size_wh[0] * size_wh[1])
    compression = int(page.compression)
    counts = [int(n) for n in page.databytecounts]
    filled = sum(1 for n in counts if n) / max(1, len(counts))
    stored = min(sum(counts), path.stat().st_size)
    known = None if compression in _FAX else round(stored / max(filled, 1e-9))
    most_packed = _MOST_PACKED.get(compression, 10_000)
    check_size(path, size_wh, page.nbytes / pixels, known, most_packed)
    check_size(path, size_wh, page.nbytes / pixels * frames)


def _opened(path: Path, file: CheckedFile) -> Any:
    import tifffile

    # What it warns of is an error when it matters; without a handler it goes to standard error.
    logging.getLogger("tifffile").addHandler(_SILENT)
    # Only this file: OME names others, which might lie anywhere.
    return tifffile.TiffFile(file, name=path.name, _multifile=False)


def _layout(path: Path, tiff: Any) -> _Layout:
    if any(getattr(tiff, f"is_{kind}", False) for kind in _WITH_AXES):
        series = tiff.series[0]
        layout = _of_series(tiff, series, path.stat().st_size)
        if layout is not None:
            return layout
    stamp = path.stat()
    return _Layout(_whole_pages(path, stamp.st_mtime_ns, stamp.st_size), tiff.pages)


@lru_cache(maxsize=16)
def _whole_pages(path: Path, _changed_ns: int, _size: int) -> Sequence[tuple[int, ...]]:
    """The pages that are neither masks nor smaller copies of others.

    Remembered while the file stays as it is: each of some thousand headers has to be read.
    """
    with CheckedFile(path, no_check) as file, _opened(path, file) as tiff:
        pages = tiff.pages
        if not len(pages):
            raise EOFError("it has no pages")
        if len(pages) == 1:
            return [(0,)]
        kinds = [int(page.subfiletype) for page in pages]
    return [(n,) for n, kind in enumerate(kinds) if not kind & _REDUCED_OR_MASK] or [(0,)]


def _of_series(tiff: Any, series: Any, size: int) -> _Layout | None:
    """The pages of a series: channels belong together, every other axis goes from page to page."""
    inner = len(series.keyframe.shape)
    axes, shape = series.axes[:-inner], series.shape[:-inner]
    channels = [n for n, axis in enumerate(axes) if axis == "C"]
    count = prod(shape)
    contiguous = series.dataoffset is not None
    if len(channels) > 1 or not (contiguous or len(series) == count):
        return None
    channel = channels[0] if channels and shape[channels[0]] <= _MAX_CHANNELS else None
    pages = _Pages(shape, channel)
    if contiguous:
        pages.end_with(max(0, size - series.dataoffset), series.keyframe.nbytes)
    return _Layout(pages, series, () if channel is None else _names(tiff, shape[channel]))


class _Pages(Sequence[tuple[int, ...]]):
    """The frames of each page; a list of them would cost what a header of 100 bytes asks for."""

    def __init__(self, shape: Sequence[int], channel: int | None) -> None:
        """Take the lengths of the axes that go from frame to frame, and which has the channels."""
        self._channels = 1 if channel is None else shape[channel]
        self._step = 1 if channel is None else prod(shape[channel + 1 :])
        self._count = prod(shape) // max(1, self._channels)

    def end_with(self, stored: int, frame: int) -> None:
        """Leave out pages of which nothing is in the file.

        One that is there in part stays: opening it says that the file is cut off.

        Args:
            stored: Bytes from the first frame to the end of the file.
            frame: Bytes of one frame.
        """
        held = -(-stored // max(1, frame))
        first_frames = range(self._count)
        begun = bisect_left(first_frames, held, key=lambda page: self[page][0])
        self._count = max(min(1, self._count), begun)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        page = range(self._count)[index]
        before, after = divmod(page, self._step)
        first = before * self._step * self._channels + after
        return tuple(first + n * self._step for n in range(self._channels))


def _names(tiff: Any, count: int) -> tuple[str, ...]:
    found = re.findall(r'<Channel\b[^>]*?\bName="([^"]*)"', tiff.ome_metadata or "")
    names = tuple(name.strip() for name in found[:count])
    return names if len(names) == count and all(names) else ()


def _keyframe(tiff: Any, layout: _Layout, number: int) -> Any:
    return layout.series.keyframe if layout.series is not tiff.pages else tiff.pages[number]


def _frame(tiff: Any, layout: _Layout, number: int, check: Check) -> npt.NDArray[Any]:
    """The stored values of one frame, (H, W), (H, W, S) or (S, H, W)."""
    check()
    if layout.series is tiff.pages:
        page = tiff.pages[number]
        return _decoded(tiff, page, page, check)
    series = layout.series
    key = series.keyframe
    if series.dataoffset is not None:
        # Also where the file has one header only for all frames, as large stacks of ImageJ.
        count = prod(key.shape)
        tiff.filehandle.seek(series.dataoffset + number * count * key.dtype.itemsize)
        values = tiff.filehandle.read_array(tiff.byteorder + key.dtype.char, count)
        return np.asarray(values).reshape(key.shape)
    frame = series[number]
    if frame is None:
        return np.zeros(key.shape, key.dtype)  # a plane that the microscope left out
    return _decoded(tiff, frame, key, check)


def _decoded(tiff: Any, frame: Any, key: Any, check: Check) -> npt.NDArray[Any]:
    """The values of a frame; `key` is the page that tells how those of its series are stored."""
    if is_undecoded_ycbcr(key):
        factors = key.tags.valueof(_SUB_SAMPLING) or (2, 2)
        if tuple(factors) != (1, 1):
            return _sub_sampled(tiff, frame, key, (int(factors[0]), int(factors[1])), check)
    return np.asarray(frame.asarray())


@dataclass(frozen=True)
class _Channels:
    """What `_channels` finds: (H, W, C) values and what they are."""

    raw: npt.NDArray[Any]
    bits: int
    is_color: bool = False
    white_is_zero: bool = False
    transparent: bool = False
    interleaved: bool = False

    def colors(self, count: int) -> tuple[tuple[int, int, int] | None, ...]:
        """Bands that are stored pixel by pixel are shown as other viewers do: the first three."""
        if self.interleaved and count > 3:
            return (*RGB, *(None for _ in range(count - 3)))
        return channel_colors(count)


def _channels(page: Any, parts: list[npt.NDArray[Any]], check: Check) -> _Channels:
    planes = [_samples_last(page, part) for part in parts]
    values = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)
    bits = _bits(page, values)
    if len(planes) > 1:
        return _Channels(_native(values), bits)
    values, transparent = _without_alpha(page, values)
    photometric = int(page.photometric)
    colored = _as_rgb(page, photometric, values, check)
    if colored is not None:
        return _Channels(colored, 8, is_color=True, transparent=transparent)
    is_color = photometric in (_COLOR, _LINEAR, _YCBCR) and values.shape[2] >= 3
    return _Channels(
        _native(values),
        bits,
        is_color,
        photometric == _WHITE_IS_ZERO,
        transparent,
        interleaved=True,
    )


def _samples_last(page: Any, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(H, W, S) of what tifffile gives."""
    if stored.ndim == 2:
        return stored[..., None]
    if stored.ndim == 3 and int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1:
        stored = np.moveaxis(stored, 0, 2)
    if stored.ndim > 3 or stored.shape[:2] != (page.imagelength, page.imagewidth):
        raise ValueError(f"it is no plain picture (shape {stored.shape}); save its planes apart")
    return stored


def _bits(page: Any, values: npt.NDArray[Any]) -> int:
    if values.dtype == np.bool_:
        return 1
    said = page.bitspersample
    bits = max(said) if isinstance(said, tuple) else int(said)
    whole = values.dtype.itemsize * 8
    # fewer than 8 bits are scaled by what they can hold; of 12 in 16 the range says more
    return min(bits, whole) if whole == 8 else whole


def _native(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if values.dtype.kind == "c":
        return np.asarray(np.abs(values))
    return np.ascontiguousarray(values, values.dtype.newbyteorder("="))


def _without_alpha(page: Any, values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], bool]:
    """The values without samples of transparency, and whether anything is transparent."""
    samples, extra = values.shape[2], [int(kind) for kind in page.extrasamples]
    if not extra and int(page.photometric) == _COLOR and samples == 4:
        extra = [2]  # the tag is missing: four samples of a colour photo are taken for RGBA
    first = samples - len(extra)
    alpha = {first + n for n, kind in enumerate(extra) if kind in (1, 2)}
    if not alpha:
        return values, False
    transparent = any(_is_transparent(values[..., n]) for n in alpha)
    return values[..., [n for n in range(samples) if n not in alpha]], transparent


def _is_transparent(alpha: npt.NDArray[Any]) -> bool:
    full = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "ui" else 1
    return bool((alpha < full).any())


def _as_rgb(
    page: Any, photometric: int, values: npt.NDArray[Any], check: Check
) -> npt.NDArray[np.uint8] | None:
    """(H, W, 3) uint8 of a file that holds colours in another form, or None."""
    if photometric == _PALETTE and page.colormap is not None:
        table = np.asarray(page.colormap).T
        # the standard has 16 bits a colour; some programs write 8
        colors = (table >> 8 if int(table.max(initial=0)) > 255 else table).astype(np.uint8)
        return np.ascontiguousarray(colors[values[..., 0]])
    if photometric == _CMYK and values.shape[2] >= 4:
        return cmyk_to_rgb(values[..., :4], check)
    if photometric in _LABS and values.shape[2] >= 3:
        return lab_to_rgb(values[..., :3], signed=photometric == _LABS[0], check=check)
    if is_undecoded_ycbcr(page) and values.shape[2] >= 3:
        return rgb_of_ycbcr(page, values, check)
    return None


def is_undecoded_ycbcr(page: Any) -> bool:
    """Whether tifffile gives the luma and chroma of a page of its own as they are stored."""
    return int(page.photometric) == _YCBCR and int(page.compression) in _UNDECODED_YCBCR


def rgb_of_ycbcr(
    page: Any, values: npt.NDArray[Any], check: Check = no_check
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 of the luma and chroma of a page, (H, W, 3 or more) uint8."""
    return ycbcr_to_rgb(values[..., :3], page.tags.valueof(_LUMA), check)


def _orientation(page: Any) -> int:
    value = page.tags.valueof(_ORIENTATION)
    return int(value) if value is not None and 1 <= int(value) <= 8 else 1


def _sub_sampled(
    tiff: Any, frame: Any, page: Any, factors: tuple[int, int], check: Check
) -> npt.NDArray[Any]:
    """(H, W, 3) uint8 YCbCr of a frame that holds one Cb and Cr for a block of pixels.

    TIFF 6.0, section 21: for each block its Y, row by row, then Cb and Cr.
    """
    import tifffile

    across, down = factors
    height, width, rows = int(page.imagelength), int(page.imagewidth), int(page.rowsperstrip)
    if (
        page.is_tiled
        or int(page.predictor) != 1
        or across not in (1, 2, 4)
        or down not in (1, 2, 4)
    ):
        raise ValueError("its colours are stored in a way that is not read; save it as RGB")
    unpack = tifffile.TIFF.DECOMPRESSORS[page.compression] if int(page.compression) != 1 else None
    blocks_wide = -(-width // across)
    out = np.zeros((height, width, 3), np.uint8)
    strips = zip(frame.dataoffsets, frame.databytecounts, strict=True)
    for top, (offset, count) in zip(range(0, height, rows), strips, strict=False):
        check()
        tiff.filehandle.seek(offset)
        data = tiff.filehandle.read(count)
        high = min(rows, height - top)
        blocks_high = -(-high // down)
        size = blocks_high * blocks_wide * (across * down + 2)
        unpacked = np.frombuffer(data if unpack is None else unpack(data), np.uint8)
        if unpacked.size < size:
            raise ValueError("the file is cut off")
        blocks = unpacked[:size].reshape(blocks_high, blocks_wide, across * down + 2)
        strip = out[top : top + high]
        by_row = blocks[..., :-2].reshape(blocks_high, blocks_wide, down, across).swapaxes(1, 2)
        luma = by_row.reshape(blocks_high * down, blocks_wide * across)
        strip[..., 0] = luma[:high, :width]
        for part in (1, 2):
            chroma = blocks[..., across * down + part - 1]
            strip[..., part] = chroma.repeat(down, 0).repeat(across, 1)[:high, :width]
    return out


_Floats = npt.NDArray[np.float32]
_Rgb = npt.NDArray[np.uint8]
_BLOCK = 1 << 20

_D50 = np.array([0.96422, 1.0, 0.82521], np.float32)
"""The white of CIELAB in files (ICC, TIFF 6.0)."""
_D50_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ],
    np.float32,
)
"""XYZ under D50 to linear sRGB, adapted by Bradford's method (B. Lindbloom)."""
_COLOR_SPACES_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, which TIFF 6.0 takes where nothing is said."""


def cmyk_to_rgb(values: npt.NDArray[Any], check: Check = no_check) -> _Rgb:
    """(H, W, 4) CMYK of 8 or 16 bits, without an ink profile: (1 - ink) (1 - black)."""
    full = float(np.iinfo(values.dtype).max)

    def convert(strip: _Floats) -> _Floats:
        left = 1 - strip / full
        return np.asarray(left[..., :3] * left[..., 3:4], np.float32)

    return _by_strips(values, convert, check)


def lab_to_rgb(values: npt.NDArray[Any], *, signed: bool, check: Check = no_check) -> _Rgb:
    """CIELAB as TIFFs hold it, as sRGB; colours that sRGB has not are held at its border.

    Args:
        values: (H, W, 3) of 8 or 16 bits. L fills the range of the type; a and b are -128 to 127,
            in 16 bits in steps of 1/256.
        signed: Whether a and b are two's complement (TIFF 6.0); else 0 is in the middle (ICC).
        check: Called between strips; raises to give up.
    """
    eight = values.dtype.itemsize == 1
    full = 255.0 if eight else 65535.0
    steps, whole = (1.0, 256.0) if eight else (256.0, 65536.0)

    def convert(strip: _Floats) -> _Floats:
        lightness = strip[..., 0] % whole * (100 / full)
        ab = strip[..., 1:] % whole
        ab = (np.where(ab >= whole / 2, ab - whole, ab) if signed else ab - whole / 2) / steps
        f_y = (lightness + 16) / 116
        f = np.stack([f_y + ab[..., 0] / 500, f_y, f_y - ab[..., 1] / 200], axis=-1)
        xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * (3 * (6 / 29) ** 2)) * _D50
        linear = np.clip(xyz.astype(np.float32) @ _D50_TO_SRGB.T, 0, 1)
        curved = 1.055 * linear ** (1 / 2.4) - 0.055
        return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, curved), np.float32)

    return _by_strips(values, convert, check)


def ycbcr_to_rgb(
    values: npt.NDArray[Any], luma: Sequence[Any] | None = None, check: Check = no_check
) -> _Rgb:
    """(H, W, 3) uint8 YCbCr of the full range as RGB.

    Args:
        values: Y, Cb, Cr.
        luma: The shares of red, green and blue in Y, as TIFF has them: three numbers, or three
            pairs of numerator and denominator; BT.601's if None.
        check: Called between strips; raises to give up.
    """
    red, green, blue = _shares(luma)

    def convert(strip: _Floats) -> _Floats:
        y, cb, cr = strip[..., 0], strip[..., 1] - 128, strip[..., 2] - 128
        r = y + cr * (2 - 2 * red)
        b = y + cb * (2 - 2 * blue)
        g = (y - red * r - blue * b) / green
        return np.asarray(np.stack([r, g, b], axis=-1) / 255, np.float32)

    return _by_strips(values, convert, check)


def _shares(luma: Sequence[Any] | None) -> tuple[float, float, float]:
    numbers = [] if luma is None else [float(n) for n in np.ravel(np.asarray(luma, np.float64))]
    if len(numbers) == 6:
        numbers = [n / d if d else 0.0 for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    if len(numbers) != 3 or numbers[1] <= 0:
        return _COLOR_SPACES_LUMA
    return (numbers[0], numbers[1], numbers[2])


def _by_strips(
    values: npt.NDArray[Any], convert: Callable[[_Floats], _Floats], check: Check
) -> _Rgb:
    """What `convert` gives for values as float32, 0..1, as 8 bits."""
    out = np.empty((*values.shape[:2], 3), np.uint8)
    rows = max(1, _BLOCK // max(1, values.shape[1]))
    for top in range(0, values.shape[0], rows):
        check()
        found = convert(values[top : top + rows].astype(np.float32))
        out[top : top + rows] = np.rint(np.clip(found, 0, 1) * 255)
    return out
