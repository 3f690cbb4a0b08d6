"""The journal: strokes on disk as they are painted, so that a killed program loses none.

Every running program has a folder of its own below the journal folder, held by a lock that the
system lets go when the program ends in whatever way. Folders without a living owner are what a
crash left behind. In it, one file an image: a header, then one record a patch, each given to the
system in one write; a record that was cut off at the end is ignored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import struct
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap, Patch
from segstudio.storage.atomic import make_folder, write_error
from segstudio.storage.process_lock import ProcessLock
from segstudio.storage.strokes import Plane, pack, unpack_all

_MAGIC = b"SEGJ1\n"
_LENGTH = struct.Struct("<II")


@dataclass(frozen=True)
class Recovered:
    """Strokes that a program left behind when it ended without saving them.

    Attributes:
        image: The image's path.
        strokes: How many patches were recorded.
        time: When the last was, seconds since 1970.
        shape_hw: Size of the label map they belong to.
        with_instances: Whether that label map kept instance ids.
        files: The journal files, the oldest first.
    """

    image: Path
    strokes: int
    time: float
    shape_hw: tuple[int, int]
    with_instances: bool
    files: tuple[Path, ...]


@dataclass
class _OpenFile:
    path: Path
    handle: int
    records: list[tuple[int, int]] = field(default_factory=list)
    """(revision, offset of the record's end) of every record."""
    header_end: int = 0


class Journal:
    """Records patches of label maps; finds those of programs that ended without saving.

    `append` and `clear` may be called from different threads.
    """

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: The journal folder of the user, shared by all running programs; made on the first
            `append`.
        """
        self._root = folder
        self._lock = threading.Lock()
        self._own: Path | None = None
        self._process_lock: ProcessLock | None = None
        self._files: dict[str, _OpenFile] = {}

    def append(self, image: Path, patch: Patch, label_map: LabelMap) -> None:
        """Record a patch that was just applied to an image's label map.

        Raises:
            SegstudioError: if it cannot be written (disk full); the records before it stay whole.
        """
        record = pack(patch, label_map.revision)
        with self._lock:
            try:
                opened = self._file_of(image, label_map)
                end = opened.records[-1][1] if opened.records else opened.header_end
                _write_whole(opened.handle, record, end)
            except OSError as error:
                raise write_error(self._root, error) from error
            opened.records.append((label_map.revision, end + len(record)))

    def clear(self, image: Path, revision: int | None = None) -> None:
        """Forget an image's records up to a revision that was saved (None: all of them).

        Raises:
            SegstudioError: if the journal cannot be rewritten.
        """
        with self._lock:
            opened = self._files.get(str(image))
            if opened is None:
                return
            try:
                self._forget(str(image), opened, revision)
            except OSError as error:
                raise write_error(opened.path, error) from error

    def pending(self) -> list[Recovered]:
        """What ended programs left behind, the latest first."""
        found: dict[Path, list[Recovered]] = {}
        for folder in self._left_behind():
            for path in sorted(folder.glob("*.journal")):
                item = _inspect(path)
                if item is not None:
                    found.setdefault(item.image, []).append(item)
                else:
                    _unlink(path)
            _remove_if_empty(folder)
        return sorted(map(_joined, found.values()), key=lambda item: -item.time)

    def discard(self, item: Recovered) -> None:
        """Delete recovered strokes: after they were restored and saved, or are not wanted."""
        for path in item.files:
            _unlink(path)
            _remove_if_empty(path.parent)

    def close(self) -> None:
        """Close the files; ones without records are deleted, others stay to be recovered."""
        with self._lock:
            for opened in self._files.values():
                os.close(opened.handle)
                if not opened.records:
                    _unlink(opened.path)
            self._files.clear()
            if self._process_lock is not None:
                self._process_lock.release()
                self._process_lock = None
            if self._own is not None:
                _remove_if_empty(self._own)
                self._own = None

    def _file_of(self, image: Path, label_map: LabelMap) -> _OpenFile:
        key = str(image)
        if key not in self._files:
            name = hashlib.blake2b(os.fsencode(image), digest_size=16).hexdigest()
            header = _header(image, label_map)
            path = self._own_folder() / f"{name}.journal"
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _O_BINARY, 0o600)
            _write_whole(handle, header, 0)
            self._files[key] = _OpenFile(path, handle, [], len(header))
        return self._files[key]

    def _own_folder(self) -> Path:
        if self._own is None:
            folder = self._root / f"{os.getpid()}-{secrets.token_hex(4)}"
            make_folder(folder)
            self._process_lock = ProcessLock.acquire(folder)
            self._own = folder
        return self._own

    def _forget(self, key: str, opened: _OpenFile, revision: int | None) -> None:
        later = [] if revision is None else [r for r in opened.records if r[0] > revision]
        if len(later) == len(opened.records):
            return
        if not later:
            os.close(opened.handle)
            _unlink(opened.path)
            del self._files[key]
            return
        cut = opened.records[len(opened.records) - len(later) - 1][1]
        data = opened.path.read_bytes()
        kept = data[: opened.header_end] + data[cut:]
        temporary = opened.path.with_suffix(".tmp")
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _O_BINARY, 0o600)
        try:
            _write_whole(handle, kept, 0)
        except OSError:
            os.close(handle)
            _unlink(temporary)
            raise
        os.close(opened.handle)
        shift = cut - opened.header_end
        opened.records = [(r, end - shift) for r, end in later]
        if os.name == "nt":  # an open file cannot be renamed there
            os.close(handle)
            temporary.replace(opened.path)
            handle = os.open(opened.path, os.O_RDWR | _O_BINARY)
        else:
            temporary.replace(opened.path)
        opened.handle = handle

    def _left_behind(self) -> list[Path]:
        if not self._root.is_dir():
            return []
        folders = [p for p in self._root.iterdir() if p.is_dir() and p != self._own]
        return sorted(p for p in folders if not ProcessLock.is_held(p))


_O_BINARY: int = getattr(os, "O_BINARY", 0)


def replay(item: Recovered, base: LabelMap) -> tuple[LabelMap, int]:
    """Paint recovered strokes onto a label map.

    Only the pixels that a stroke changed are set, so a base that was changed elsewhere in the
    meantime keeps the rest.

    Args:
        item: The strokes.
        base: The label map as it is on disk; it is not changed.

    Returns:
        The result, and the number of pixels that were not as they were before their stroke (0 if
        the base is the very map that was painted on).

    Raises:
        SegstudioError: if the sizes differ.
    """
    if base.shape_hw != item.shape_hw:
        raise SegstudioError(
            f"The strokes on {item.image} belong to an image of {item.shape_hw[1]} x "
            f"{item.shape_hw[0]} pixels; it now has {base.shape_hw[1]} x {base.shape_hw[0]}.",
            "The image was replaced. Discard the strokes, or put the earlier image back.",
        )
    labels = base.labels.copy()
    ids: npt.NDArray[np.uint16] | None = None
    if base.instances is not None:
        ids = base.instances.copy()
    elif item.with_instances:
        ids = np.zeros(base.shape_hw, np.uint16)
    conflicts = 0
    for path in item.files:
        _, data, start = _parse_header(path.read_bytes())
        for stroke, _ in unpack_all(data, start):
            targets: tuple[npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None, ...]
            targets = (labels, ids)
            for target, plane in zip(targets, stroke.planes, strict=False):
                if target is not None:
                    conflicts += _set(target[stroke.rect.slices], plane)
    return LabelMap(labels, ids), conflicts


def _set(view: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], plane: Plane) -> int:
    differs = int(np.count_nonzero(view[plane.changed] != plane.before))
    view[plane.changed] = plane.after
    return differs


def _header(image: Path, label_map: LabelMap) -> bytes:
    text = json.dumps(
        {
            "image": str(image),
            "height": label_map.shape_hw[0],
            "width": label_map.shape_hw[1],
            "instances": label_map.instances is not None,
        }
    ).encode()
    return _MAGIC + _LENGTH.pack(len(text), zlib.crc32(text)) + text


def _parse_header(data: bytes) -> tuple[dict[str, object], bytes, int]:
    """The header's entries, the data, and where records begin.

    Raises:
        ValueError: if the header is damaged.
    """
    start = len(_MAGIC) + _LENGTH.size
    if not data.startswith(_MAGIC) or len(data) < start:
        raise ValueError("no journal")
    length, crc = _LENGTH.unpack_from(data, len(_MAGIC))
    text = data[start : start + length]
    if len(text) != length or zlib.crc32(text) != crc:
        raise ValueError("damaged journal header")
    return json.loads(text), data, start + length


def _inspect(path: Path) -> Recovered | None:
    """What a journal file holds; None if nothing can be recovered from it."""
    try:
        entries, data, start = _parse_header(path.read_bytes())
        planes = [len(stroke.planes) for stroke, _ in unpack_all(data, start)]
        time = path.stat().st_mtime
    except (OSError, ValueError, zlib.error, struct.error):
        return None
    if not planes:
        return None
    shape = (int(str(entries["height"])), int(str(entries["width"])))
    image = Path(str(entries["image"]))
    with_instances = bool(entries["instances"]) or max(planes) > 1
    return Recovered(image, len(planes), time, shape, with_instances, (path,))


def _joined(items: list[Recovered]) -> Recovered:
    """One item of several journals of the same image, in the order of time."""
    items = sorted(items, key=lambda item: item.time)
    last = items[-1]
    same = [item for item in items if item.shape_hw == last.shape_hw]
    return Recovered(
        last.image,
        sum(item.strokes for item in same),
        last.time,
        last.shape_hw,
        any(item.with_instances for item in same),
        tuple(path for item in same for path in item.files),
    )


def _write_whole(handle: int, data: bytes, offset: int) -> None:
    """Write at an offset; if the disk is full, cut off the part that was written."""
    os.lseek(handle, offset, os.SEEK_SET)
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(handle, view) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, offset)
        raise


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if not any(folder.glob("*.journal")):
            shutil.rmtree(folder)
