"""A folder of files that can be made again, with a limit in bytes; the oldest go first."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from segstudio.storage.atomic import make_folder, write_atomically

_KEEP_SHARE = 0.8


class BoundedFolder:
    """Files by name below a folder. Safe to use from several threads.

    Attributes:
        path: The folder; made when first written to.
        max_bytes: The limit. Past it, the files not used for longest are deleted.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._written_since_count = 0
        self._counted = False

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None if it is not there or cannot be read."""
        path = self.path / name
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now: it goes last
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole.

        Raises:
            SegstudioError: if it cannot be written.
        """
        path = self.path / name
        make_folder(path.parent)
        write_atomically(path, content, durable=False)
        with self._lock:
            self._written_since_count += len(content)
            # Counting reads the whole folder, so it waits until a twentieth may have been added.
            if not self._counted or self._written_since_count > self.max_bytes // 20:
                self._prune(keep=path)

    def remove(self, name: str) -> None:
        """Delete a file if it is there."""
        with contextlib.suppress(OSError):
            (self.path / name).unlink()

    def _prune(self, keep: Path) -> None:
        files = [entry for entry in _files_below(self.path) if Path(entry[2]) != keep]
        total = sum(size for _, size, _ in files) + keep.stat().st_size
        self._counted, self._written_since_count = True, 0
        if total <= self.max_bytes:
            return
        for _, size, name in sorted(files):
            if total <= self.max_bytes * _KEEP_SHARE:
                return
            with contextlib.suppress(OSError):
                Path(name).unlink()
                total -= size


def _files_below(folder: Path) -> list[tuple[float, int, str]]:
    """(time of last use, bytes, path) of every file below a folder."""
    found: list[tuple[float, int, str]] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += _files_below(Path(entry.path))
                continue
            with contextlib.suppress(OSError):
                info = entry.stat(follow_symlinks=False)
                found.append((info.st_mtime, info.st_size, entry.path))
    return found
