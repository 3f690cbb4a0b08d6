"""Which files have the same content: a digest of each, computed once while it stays as it is."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from segstudio.core.regular_file import is_regular
from segstudio.storage.key_value import KeyValueFile

_DIGEST_BYTES: Final = 16
_PART_BYTES: Final = 1 << 20
_A_MOMENT_BYTES: Final = 64 << 20
"""A file of this size is read in a tenth of a second; a stack may have a hundred times as much."""
_ENTRY: Final = struct.Struct(f"<qq{_DIGEST_BYTES}s")  # time of change in ns, size, digest


class FileDigests:
    """Digests of files' bytes, remembered by path, time of change and size.

    Safe to use from several threads.
    """

    def __init__(self, path: Path) -> None:
        """Take the file in which they are remembered."""
        self._entries = KeyValueFile(path)

    def of(self, path: Path, check: Callable[[], None] = lambda: None) -> str | None:
        """The digest of a file as it is now, in hexadecimal; None if it cannot be read.

        Of a folder, the digest of the names, times and sizes of what is in it: the masks of one
        image may be a folder.

        Args:
            path: The file.
            check: Called again and again while a large file is read; raises to give up.
        """
        if path.is_dir():
            return _of_folder(path)
        stamp = _stamp(path)
        if stamp is None:
            return None
        key = os.fsencode(path)
        known = _digest_of(self._entries.get([key]).get(key), stamp)
        if known is not None:
            return known
        digest = _computed(path, check)
        if digest is not None and _stamp(path) == stamp:
            self._entries.put({key: _ENTRY.pack(*stamp, digest)})
        return None if digest is None else digest.hex()

    def at_hand(self, path: Path) -> str | None:
        """The digest if it is remembered or takes a moment; None of a large file that is new."""
        known = self.known([path]).get(path)
        if known is not None:
            return known
        stamp = _stamp(path)
        return None if stamp is None or stamp[1] > _A_MOMENT_BYTES else self.of(path)

    def known(self, paths: Iterable[Path]) -> dict[Path, str]:
        """The digests that are remembered and still hold; reads no file's content."""
        keys = {os.fsencode(path): path for path in paths}
        found: dict[Path, str] = {}
        for key, entry in self._entries.get(keys).items():
            path = keys[key]
            stamp = _stamp(path)
            digest = None if stamp is None else _digest_of(entry, stamp)
            if digest is not None:
                found[path] = digest
        return found

    def flush(self) -> None:
        """Write what is not in the file yet."""
        self._entries.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._entries.close()


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes when the file does."""
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size


def _digest_of(entry: bytes | None, stamp: tuple[int, int]) -> str | None:
    if entry is None or len(entry) != _ENTRY.size:
        return None
    changed, size, digest = _ENTRY.unpack(entry)
    return digest.hex() if (changed, size) == stamp else None


def _of_folder(path: Path) -> str | None:
    import hashlib

    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    try:
        with os.scandir(path) as entries:
            found = {os.fsencode(e.name): e.stat() for e in entries if e.is_file()}
    except OSError:
        return None
    for name, info in sorted(found.items()):
        digest.update(b"%b\0%d\0%d\0" % (name, info.st_mtime_ns, info.st_size))
    return digest.hexdigest()


def _computed(path: Path, check: Callable[[], None]) -> bytes | None:
    import hashlib  # OpenSSL comes with it, which the first window need not wait for

    if not is_regular(path):
        return None
    try:
        content = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        with path.open("rb") as file:
            while part := file.read(_PART_BYTES):
                check()
                content.update(part)
    except OSError:
        return None
    return content.digest()
