"""The formats of masks, and reading a mask by its content: nothing is interpreted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.regular_file import check_regular
from segstudio.storage.formats import png, raster
from segstudio.storage.formats.mask_format import MaskFormat, RawMask
from segstudio.storage.formats.png import is_output
from segstudio.storage.image_errors import DECODE_ERRORS, unreadable
from segstudio.storage.layout import ending_in
from segstudio.storage.mask_forms import CannotHold, NativeMask
from segstudio.storage.natural_order import natural_order

FORMATS: tuple[MaskFormat, ...] = (*png.EXPORTS, raster.TIFF, raster.IMAGE)
"""Every format, in the order in which they are offered and tried."""

_HEAD_BYTES = 16
_FLAT_PIXELS = 1 << 24
_FLAT_ROWS = 512


def exports() -> dict[str, MaskFormat]:
    """The formats in which masks are exported, by key."""
    return {form.key: form for form in FORMATS if form.write is not None}


def mask_suffixes() -> tuple[str, ...]:
    """Extensions of files that can hold ground truth, lower case with the dot."""
    return tuple({ext for form in FORMATS if form.read is not None for ext in form.extensions})


def masks_among(names: Iterable[str]) -> list[str]:
    """The file names with an extension of files that can hold ground truth."""
    return ending_in(names, mask_suffixes())


def native_mask(content: bytes) -> NativeMask:
    """The stored values of a mask file, to be written again with others.

    Raises:
        CannotHold: if the format loses or mixes values, or is only read.
    """
    form = _format_of(content[:_HEAD_BYTES]).form
    if form is None:
        raise CannotHold("this kind of file is only read")
    return form(content)


def is_only_read(path: Path) -> bool:
    """Whether no edit can be written into a mask, as far as its beginning tells; not if it is gone."""
    if path.is_dir():
        return True  # one mask an object
    try:
        return _format_at(path).form is None
    except OSError:
        return False


def read_mask_file(path: Path, page: int = 0) -> RawMask:
    """Read a mask, or a folder of masks of one image (`read_object_masks`).

    Args:
        path: A file of one of `FORMATS`, told by its content.
        page: Which page, from 0, where the format has pages; of others the first frame is read.

    Raises:
        SegstudioError: if it is missing, truncated, empty, too large, no image, or has no such
            page; names the file.
    """
    if path.is_dir():
        return read_object_masks(path)
    check_regular(path)
    try:
        read = _format_at(path).read
        assert read is not None
        return read(path, page)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from error


def mask_pages(path: Path) -> int:
    """How many pages a mask has: more than one only of a TIFF that holds those of a stack.

    Raises:
        SegstudioError: if it cannot be read.
    """
    if path.is_dir():
        return 1
    check_regular(path)
    try:
        return _format_at(path).pages(path)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from error


def pages_in(path: Path) -> int:
    """The same as `mask_pages`; 1 of a file that cannot be read, which is said when it is read."""
    try:
        return mask_pages(path)
    except SegstudioError:
        return 1


def read_object_masks(folder: Path) -> RawMask:
    """Read a folder of masks of one image, one object a file: ids 1, 2, ... in natural order.

    What is not black in a file is its object; where objects overlap, the later one lies on top.
    What segstudio wrote there is passed over.

    Returns:
        Instance ids, (H, W) uint16.

    Raises:
        SegstudioError: if the folder or one of them cannot be read, one has another size than the
            first, or there are none or more than 65535.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_file() and not e.name.startswith(".")]
    except OSError as error:
        raise SegstudioError(
            f"The folder of masks {folder} cannot be read ({error.strerror or error}).",
            "Check that it is there and that you may read it.",
        ) from error
    paths = [folder / name for name in natural_order(masks_among(names))]
    paths = [path for path in paths if not is_output(path)]
    if not 1 <= len(paths) <= 65535:
        raise SegstudioError(
            f"{folder} has {len(paths)} masks.", "It needs one an object, 65535 at most."
        )
    ids: npt.NDArray[np.uint16] | None = None
    for number, path in enumerate(paths, 1):
        pixels = read_mask_file(path).pixels
        flat = pixels.max(axis=2) if pixels.ndim == 3 else pixels
        if ids is None:
            ids = np.zeros(flat.shape, np.uint16)
        if flat.shape != ids.shape:
            raise SegstudioError(
                f"The mask {path} is {flat.shape[1]} x {flat.shape[0]} pixels, but {paths[0]} "
                f"is {ids.shape[1]} x {ids.shape[0]}.",
                "All masks of one image must have its size.",
            )
        ids[flat > (int(flat.max()) // 2)] = number
    assert ids is not None
    return RawMask(ids)


def flatness(path: Path) -> tuple[float, tuple[int, int]] | None:
    """The share of pixels that are like their right neighbour, 0 to 1: high in masks.

    Returns:
        The share and the size, (H, W); None for what cannot be read.
    """
    try:
        raw = read_mask_file(path)
    except SegstudioError:
        return None
    pixels = raw.pixels[:_FLAT_ROWS] if raw.pixels.size > _FLAT_PIXELS else raw.pixels
    same = pixels[:, 1:] == pixels[:, :-1]
    if same.size == 0:
        return None
    share = float((same.all(axis=2) if same.ndim == 3 else same).mean())
    return share, raw.shape_hw


def _format_at(path: Path) -> MaskFormat:
    with path.open("rb") as file:
        return _format_of(file.read(_HEAD_BYTES))


def _format_of(head: bytes) -> MaskFormat:
    readable = (form for form in FORMATS if form.read is not None)
    return max(readable, key=lambda form: max(_length(begin, head) for begin in form.begins))


def _length(begin: bytes, head: bytes) -> int:
    """How much a file's beginning says for a format; -1 if it is not of it."""
    return len(begin) if head.startswith(begin) else -1
