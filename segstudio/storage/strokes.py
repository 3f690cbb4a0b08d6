"""Patches as bytes: one record of the journal, packed and with a checksum."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Patch

# revision, top, left, bottom, right, planes, length of the body; then the body, then its CRC-32.
_HEAD = struct.Struct("<QIIIIBI")
_CRC = struct.Struct("<I")
_PLANE = struct.Struct("<BII")
_UNIFORM_BEFORE, _UNIFORM_AFTER = 1, 2
_WITH_WRITERS = 16
"""Added to the number of planes where one of writers follows."""


@dataclass(frozen=True)
class StrokeRecord:
    """One recorded patch.

    Attributes:
        revision: The label map's revision after it.
        rect: Where.
        planes: For class ids, then instance ids where kept: which pixels changed (h, w) bool,
            and their values before and after.
        writers: The same of who wrote them, where that is kept.
    """

    revision: int
    rect: Rect
    planes: tuple[StrokePlane, ...]
    writers: StrokePlane | None = None


@dataclass(frozen=True)
class StrokePlane:
    """The changed pixels of one map: `changed` (h, w) bool, values in row order."""

    changed: npt.NDArray[np.bool_]
    before: npt.NDArray[Any]
    after: npt.NDArray[Any]


def pack(patch: Patch, revision: int) -> bytes:
    """One record: only the changed pixels, one value where all are alike, compressed."""
    rect = patch.rect
    planes = [_pack_plane(patch.before, patch.after)]
    if patch.instances_before is not None and patch.instances_after is not None:
        planes.append(_pack_plane(patch.instances_before, patch.instances_after))
    kinds = len(planes)
    if patch.writers_before is not None and patch.writers_after is not None:
        planes.append(_pack_plane(patch.writers_before, patch.writers_after))
        kinds += _WITH_WRITERS
    body = zlib.compress(b"".join(planes), 1)
    head = _HEAD.pack(revision, rect.top, rect.left, rect.bottom, rect.right, kinds, len(body))
    return head + body + _CRC.pack(zlib.crc32(head + body))


def unpack_all(
    data: bytes, offset: int = 0, shape_hw: tuple[int, int] | None = None
) -> Iterator[tuple[StrokeRecord | None, int]]:
    """The whole records from `offset` on, each with the offset of its end.

    Records are independent of each other, so a damaged one is passed over: it gives None, and
    the search goes on for the next whose checksum is right. A last record that was cut off, as
    when the program is killed while it writes, is simply not there.

    Args:
        data: The records.
        offset: Where they begin.
        shape_hw: Size of the label map; a record that reaches out of it is damaged.
    """
    while offset < len(data):
        stroke, end = _unpack(data, offset, shape_hw)
        if stroke is None:
            cut_off = offset + _HEAD.size > len(data) or _end_of(data, offset) > len(data)
            end = _next_record(data, offset, shape_hw)
            if end == len(data) and cut_off:
                last = _with_right_length(data, offset, shape_hw)
                if last is not None:
                    yield last, end
                return
        yield stroke, end
        offset = end


def _with_right_length(
    data: bytes, offset: int, shape_hw: tuple[int, int] | None
) -> StrokeRecord | None:
    """The last record if only its length is damaged: it looks cut off, but is whole."""
    length = len(data) - offset - _HEAD.size - _CRC.size
    if length < 0:
        return None
    record = bytearray(data[offset:])
    _HEAD.pack_into(record, 0, *_HEAD.unpack_from(record)[:-1], length)
    return _unpack(bytes(record), 0, shape_hw)[0]


def _end_of(data: bytes, offset: int) -> int:
    length: int = _HEAD.unpack_from(data, offset)[-1]
    return offset + _HEAD.size + length + _CRC.size


def _next_record(data: bytes, damaged: int, shape_hw: tuple[int, int] | None) -> int:
    """Where the next whole record after a damaged one begins, or the end of the data.

    Looked for first where the damaged one says that it ends: of a large one, each of some million
    places would take seconds.
    """
    if damaged + _HEAD.size <= len(data):
        end = _end_of(data, damaged)
        if end <= len(data) and _unpack(data, end, shape_hw)[0] is not None:
            return end
    offset = damaged + 1
    while offset < len(data):
        if _unpack(data, offset, shape_hw)[0] is not None:
            return offset
        offset += 1
    return len(data)


def _unpack(
    data: bytes, offset: int, shape_hw: tuple[int, int] | None
) -> tuple[StrokeRecord | None, int]:
    """The record at an offset and its end; no stroke if there is none or it is damaged."""
    nothing = None, offset
    if offset + _HEAD.size > len(data):
        return nothing
    revision, top, left, bottom, right, planes, _ = _HEAD.unpack_from(data, offset)
    end = _end_of(data, offset)
    height, width = shape_hw or (bottom, right)
    kept, has_writers = planes & ~_WITH_WRITERS, bool(planes & _WITH_WRITERS)
    fits = 0 <= top < bottom <= height and 0 <= left < right <= width and kept in (1, 2)
    if end > len(data) or not fits:
        return nothing
    covered = memoryview(data)[offset : end - _CRC.size]
    if _CRC.unpack_from(data, end - _CRC.size)[0] != zlib.crc32(covered):
        return nothing
    rect = Rect(top, left, bottom, right)
    try:
        body = zlib.decompress(covered[_HEAD.size :])
        found = _unpack_planes(body, rect, kept, has_writers=has_writers)
        writers = found.pop() if has_writers else None
        return StrokeRecord(revision, rect, tuple(found), writers), end
    except (zlib.error, struct.error, ValueError):  # a right checksum of what nobody wrote
        return nothing


def _pack_plane(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> bytes:
    changed = before != after
    bits = np.packbits(changed).tobytes()
    old, new = before[changed], after[changed]
    flags = (_UNIFORM_BEFORE if _is_uniform(old) else 0) | (
        _UNIFORM_AFTER if _is_uniform(new) else 0
    )
    old = old[:1] if flags & _UNIFORM_BEFORE else old
    new = new[:1] if flags & _UNIFORM_AFTER else new
    parts = (_PLANE.pack(flags, len(old), len(new)), bits, old.tobytes(), new.tobytes())
    return b"".join(parts)


def _is_uniform(values: npt.NDArray[Any]) -> bool:
    return len(values) > 0 and bool((values == values[0]).all())


def _unpack_planes(body: bytes, rect: Rect, planes: int, *, has_writers: bool) -> list[StrokePlane]:
    found = []
    at = 0
    pixels = rect.height * rect.width
    kinds: list[Any] = [np.dtype(np.uint8), np.dtype(np.uint16)][:planes]
    if has_writers:
        kinds.append(np.dtype(np.uint8))
    for dtype in kinds:
        flags, olds, news = _PLANE.unpack_from(body, at)
        at += _PLANE.size
        size = (pixels + 7) // 8
        bits = np.frombuffer(body, np.uint8, size, at)
        at += size
        changed = np.unpackbits(bits, count=pixels).astype(np.bool_).reshape(rect.shape_hw)
        count = int(np.count_nonzero(changed))
        old = np.frombuffer(body, dtype, olds, at)
        at += old.nbytes
        new = np.frombuffer(body, dtype, news, at)
        at += new.nbytes
        old = np.repeat(old, count) if flags & _UNIFORM_BEFORE else old
        new = np.repeat(new, count) if flags & _UNIFORM_AFTER else new
        found.append(StrokePlane(changed, old, new))
    return found
