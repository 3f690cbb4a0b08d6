"""The journal: strokes on disk as they are painted, so that a killed program loses none.

Every running program has a folder of its own below the journal folder, held by a lock that the
system lets go when the program ends in whatever way. Folders without a living owner are what a
crash left behind. In it, one file an image: a header, then one record a patch, each given to the
system in one write; a record that was cut off at the end is ignored. What cannot be read is never
deleted: damaged files go to the folder "set-aside".
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
import struct
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import parse_json
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.regular_file import kind_of
from segstudio.storage.atomic import make_folder, write_error
from segstudio.storage.image_ref import page_title
from segstudio.storage.process_lock import ProcessLock
from segstudio.storage.strokes import StrokePlane, StrokeRecord, pack, unpack_all

_MAGIC = b"SEGJ1\n"
_LENGTH = struct.Struct("<II")
_TEXT_START = b'{"image": "'
_SET_ASIDE = "set-aside"
_MENDABLE_BYTES = 4096
"""One flipped bit is looked for in so much of a damaged header."""


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
        damaged: How many places in them could not be read; what lies between them can.
        page: Which page of the image, from 0.
    """

    image: Path
    strokes: int
    time: float
    shape_hw: tuple[int, int]
    with_instances: bool
    files: tuple[Path, ...]
    damaged: int = 0
    page: int = 0

    @property
    def title(self) -> str:
        """The image's name, with the page if it is not the first."""
        return page_title(self.image.name, self.page)


@dataclass(frozen=True)
class UnreadableJournal:
    """A journal that could not be read.

    Attributes:
        path: Where it is now.
        why: What is wrong with it.
        set_aside: Whether it was moved out of the way (it is damaged); else it is where it was,
            and the next start tries again.
    """

    path: Path
    why: str
    set_aside: bool


@dataclass
class _Waiting:
    """Records that could not be written yet, the oldest first, as (revision, record)."""

    header: bytes
    records: list[tuple[int, bytes]] = field(default_factory=list)


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

    Attributes:
        unreadable: What the last `pending` found and could not read.
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
        self._waiting: dict[str, _Waiting] = {}
        self.unreadable: tuple[UnreadableJournal, ...] = ()

    def append(self, image: Path, patch: Patch, label_map: LabelMap, page: int = 0) -> None:
        """Record a patch that was just applied to the label map of an image, or of a page of it.

        A record that cannot be written is held in memory, and written before the next one.

        Raises:
            SegstudioError: if it cannot be written (disk full); the records before it stay whole.
        """
        record = pack(patch, label_map.revision)
        with self._lock:
            key = _key(image, page)
            if key not in self._waiting:
                self._waiting[key] = _Waiting(_header(image, label_map, page))
            self._waiting[key].records.append((label_map.revision, record))
            self._write_waiting(key)

    def retry(self) -> None:
        """Write what could not be written before.

        Raises:
            SegstudioError: if it still cannot.
        """
        with self._lock:
            for key in list(self._waiting):
                self._write_waiting(key)

    def holds(self, image: Path, page: int = 0) -> bool:
        """Whether every patch of an image's page that was not cleared is on disk."""
        with self._lock:
            return _key(image, page) not in self._waiting

    def clear(self, image: Path, revision: int | None = None, page: int = 0) -> None:
        """Forget the records of an image's page up to a revision that was saved (None: all of them).

        Raises:
            SegstudioError: if the journal cannot be rewritten.
        """
        with self._lock:
            key = _key(image, page)
            self._drop_waiting(key, revision)
            opened = self._files.get(key)
            if opened is None:
                return
            try:
                self._forget(key, opened, revision)
            except OSError as error:
                raise write_error(opened.path, error) from error

    def pending(self) -> list[Recovered]:
        """What ended programs left behind, the latest first; `unreadable` is made anew.

        Nothing that may hold strokes is deleted here: damaged files are set aside.
        """
        found: dict[tuple[Path, int], list[Recovered]] = {}
        unreadable: list[UnreadableJournal] = []
        folders, why = self._left_behind()
        if why:
            unreadable.append(UnreadableJournal(self._root, why, set_aside=False))
        for folder in folders:
            for path in _journals_in(folder):
                item = self._inspected(path)
                if isinstance(item, UnreadableJournal):
                    unreadable.append(item)
                elif item is not None:
                    found.setdefault((item.image, item.page), []).append(item)
            _remove_if_empty(folder)
        self.unreadable = tuple(unreadable)
        return sorted(map(_joined, found.values()), key=lambda item: -item.time)

    def _inspected(self, path: Path) -> Recovered | UnreadableJournal | None:
        """What a journal holds; None (and it is deleted) if nothing was ever recorded in it."""
        try:
            item = _inspect(path)
        except OSError as error:
            return UnreadableJournal(path, error.strerror or str(error), set_aside=False)
        except ValueError as error:
            return self._set_aside(path, str(error))
        if item is None:
            _unlink(path)
        elif not item.strokes:
            return self._set_aside(path, "all of its records are damaged")
        return item

    def _set_aside(self, path: Path, why: str) -> UnreadableJournal:
        target = self.set_aside_folder / f"{path.parent.name}-{path.name}"
        try:
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
        except OSError:
            return UnreadableJournal(path, why, set_aside=False)
        return UnreadableJournal(target, why, set_aside=True)

    @property
    def set_aside_folder(self) -> Path:
        """Where damaged journals go."""
        return self._root / _SET_ASIDE

    def discard(self, item: Recovered) -> None:
        """Delete recovered strokes: after they were restored and saved, or are not wanted.

        Damaged files are set aside instead, since not all of them was restored.
        """
        for path in item.files:
            if item.damaged and _damage(path):
                self._set_aside(path, "")
            else:
                _unlink(path)
            _remove_if_empty(path.parent)

    def close(self) -> None:
        """Close the files; ones without records are deleted, others stay to be recovered."""
        with contextlib.suppress(SegstudioError):
            self.retry()
        with self._lock:
            self._waiting.clear()
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

    def _write_waiting(self, key: str) -> None:
        waiting = self._waiting[key]
        try:
            opened = self._file_of(key, waiting.header)
            while waiting.records:
                revision, record = waiting.records[0]
                end = opened.records[-1][1] if opened.records else opened.header_end
                _write_whole(opened.handle, record, end)
                opened.records.append((revision, end + len(record)))
                del waiting.records[0]
        except OSError as error:
            raise write_error(self._root, error) from error
        del self._waiting[key]

    def _drop_waiting(self, key: str, revision: int | None) -> None:
        waiting = self._waiting.get(key)
        if waiting is None:
            return
        waiting.records = [r for r in waiting.records if revision is not None and r[0] > revision]
        if not waiting.records:
            del self._waiting[key]

    def _file_of(self, key: str, header: bytes) -> _OpenFile:
        if key not in self._files:
            name = hashlib.blake2b(os.fsencode(key), digest_size=16).hexdigest()
            path = self._own_folder() / f"{name}.journal"
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _O_BINARY, 0o600)
            try:
                _write_whole(handle, header, 0)
            except OSError:
                os.close(handle)
                _unlink(path)
                raise
            self._files[key] = _OpenFile(path, handle, [], len(header))
        return self._files[key]

    def _own_folder(self) -> Path:
        if self._own is None:
            folder = self._root / f"{os.getpid()}-{secrets.token_hex(4)}"
            make_folder(folder)
            try:
                self._process_lock = ProcessLock.acquire(folder)
            except OSError:
                _remove_if_empty(folder)
                raise
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

    def _left_behind(self) -> tuple[list[Path], str]:
        """Folders of ended programs; and why they cannot be listed now, if so."""
        try:
            folders = [p for p in self._root.iterdir() if p.is_dir()]
        except FileNotFoundError:
            return [], ""
        except OSError as error:
            return [], error.strerror or str(error)
        others = [p for p in folders if p != self._own and p.name != _SET_ASIDE]
        return sorted(p for p in others if not ProcessLock.is_held(p)), ""


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
        SegstudioError: if the sizes differ, or a file cannot be read any more.
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
    writers = None if base.writers is None else base.writers.copy()
    conflicts = 0
    for path in item.files:
        try:
            _, data, start = _parse_header(path.read_bytes())
        except (OSError, ValueError) as error:
            raise SegstudioError(
                f"The strokes on {item.image} cannot be read ({error}).",
                f"They stay in {path}; try again at the next start.",
            ) from error
        for stroke, _ in unpack_all(data, start, item.shape_hw):
            conflicts += 0 if stroke is None else _paint(stroke, labels, ids)
            if stroke is not None and writers is not None:
                _sign(stroke, writers)
    return LabelMap(labels, ids, writers), conflicts


def _paint(
    stroke: StrokeRecord, labels: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint16] | None
) -> int:
    """Set what a stroke changed; gives the number of pixels that were not as before it."""
    targets: tuple[npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None, ...] = (labels, ids)
    return sum(
        _set(target[stroke.rect.slices], plane)
        for target, plane in zip(targets, stroke.planes, strict=False)
        if target is not None
    )


def _sign(stroke: StrokeRecord, writers: npt.NDArray[np.uint8]) -> None:
    """Set who wrote what a stroke changed; that is unknown where it does not say it."""
    view = writers[stroke.rect.slices]
    if stroke.writers is not None:
        view[stroke.writers.changed] = stroke.writers.after
    else:
        for plane in stroke.planes:
            view[plane.changed] = 0


def _set(view: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], plane: StrokePlane) -> int:
    differs = int(np.count_nonzero(view[plane.changed] != plane.before))
    view[plane.changed] = plane.after
    return differs


def _key(image: Path, page: int) -> str:
    return f"{image}\0page={page}" if page else str(image)


def _header(image: Path, label_map: LabelMap, page: int) -> bytes:
    text = json.dumps(
        {
            "image": str(image),
            "page": page,
            "height": label_map.shape_hw[0],
            "width": label_map.shape_hw[1],
            "instances": label_map.instances is not None,
        }
    ).encode()
    return _MAGIC + _LENGTH.pack(len(text), zlib.crc32(text)) + text


@dataclass(frozen=True)
class _Header:
    """What the header of a journal says."""

    image: Path
    shape_hw: tuple[int, int]
    with_instances: bool
    page: int = 0


def _parse_header(data: bytes) -> tuple[_Header, bytes, int]:
    """The header, the data, and where records begin; one flipped bit is mended.

    Raises:
        ValueError: if the header is damaged.
    """
    found = _header_in(data)
    if found is not None:
        return found[0], data, found[1]
    head = bytearray(data[:_MENDABLE_BYTES])
    for at in range(len(head)):
        for bit in range(8):
            head[at] ^= 1 << bit
            found = _header_in(head)
            if found is not None:
                return found[0], data, found[1]
            head[at] ^= 1 << bit
    raise ValueError("its header is damaged")


def _is_cut_off(content: bytes) -> bool:
    """Whether a file ends within its header."""
    start = len(_MAGIC) + _LENGTH.size
    if len(content) < start:
        return content[: len(_MAGIC)] == _MAGIC[: len(content)]
    text = content[start:]
    as_written = text.isascii() and text.startswith(_TEXT_START[: len(text)]) and b"}" not in text
    return content.startswith(_MAGIC) and as_written


def _header_in(data: bytes | bytearray) -> tuple[_Header, int] | None:
    """The header and its end; None if it is not whole."""
    start = len(_MAGIC) + _LENGTH.size
    if not data.startswith(_MAGIC) or len(data) < start:
        return None
    length, crc = _LENGTH.unpack_from(data, len(_MAGIC))
    text = bytes(data[start : start + length])
    if len(text) != length or zlib.crc32(text) != crc:
        return None
    try:
        entries = parse_json(text)
        shape = (int(entries["height"]), int(entries["width"]))
        image = Path(str(entries["image"]))
        page = max(0, int(entries.get("page", 0)))
        return _Header(image, shape, bool(entries["instances"]), page), start + length
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None  # a right checksum, but nothing that segstudio writes


def _inspect(path: Path) -> Recovered | None:
    """What a journal file holds; None if nothing was recorded in it.

    Raises:
        OSError: if it cannot be read now.
        ValueError: if its header is damaged, or it is no file.
    """
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise ValueError(f"it is {kind_of(info.st_mode)}, not a file")
    content = path.read_bytes()
    try:
        header, data, start = _parse_header(content)
    except ValueError:
        if _is_cut_off(content):
            return None  # the program was killed while it wrote the header: no record followed
        raise
    strokes = damaged = planes = 0
    for stroke, _ in unpack_all(data, start, header.shape_hw):
        if stroke is None:
            damaged += 1
            continue
        strokes += 1
        planes = max(planes, len(stroke.planes))
    if not strokes and not damaged:
        return None
    with_instances = header.with_instances or planes > 1
    return Recovered(
        header.image,
        strokes,
        info.st_mtime,
        header.shape_hw,
        with_instances,
        (path,),
        damaged,
        header.page,
    )


def _damage(path: Path) -> bool:
    """Whether a journal is not wholly readable."""
    try:
        item = _inspect(path)
    except (OSError, ValueError):
        return True
    return item is not None and item.damaged > 0


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
        sum(item.damaged for item in same),
        last.page,
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


def _journals_in(folder: Path) -> list[Path]:
    """The journals of a folder; none if it cannot be listed now."""
    try:
        return sorted(p for p in folder.iterdir() if p.suffix == ".journal")
    except OSError:
        return []


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        # Not by `glob`, which takes a folder that cannot be listed for an empty one.
        if not any(p.suffix == ".journal" for p in folder.iterdir()):
            shutil.rmtree(folder)
