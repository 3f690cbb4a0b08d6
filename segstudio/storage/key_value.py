"""Small values by key in one file, for what can be made again."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
_log = logging.getLogger(__name__)
_MAX_ROWS: Final = 2_000_000
_WRITE_AFTER_S: Final = 0.5
_WRITE_AFTER_ROWS: Final = 500
_AT_ONCE: Final = 500
_WAIT_S: Final = 5.0


class KeyValueFile:
    """A table of keys and values, both bytes, in an SQLite file.

    Nothing that happens to the file is an error: what cannot be read is missing, what cannot be
    written is kept in memory while this object lives, and a broken file is begun anew. Safe to use
    from several threads, and from several programs at once.

    Attributes:
        path: The file; made with its folder when first written to.
    """

    def __init__(self, path: Path, max_rows: int = _MAX_ROWS) -> None:
        """Args:
        path: The file.
        max_rows: Past it, the rows that were written first go.
        """
        self.path = path
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._waiting: dict[bytes, bytes] = {}
        self._written_at = time.monotonic()

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that have one."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            found = {key: self._waiting[key] for key in wanted if key in self._waiting}
            rest = [key for key in wanted if key not in found]
            for start in range(0, len(rest), _AT_ONCE):
                found.update(self._read(rest[start : start + _AT_ONCE]))
        return found

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Set values; they reach the file within half a second's writing, or with `flush`."""
        with self._lock:
            self._waiting.update(values)
            late = time.monotonic() - self._written_at > _WRITE_AFTER_S
            if late or len(self._waiting) >= _WRITE_AFTER_ROWS:
                self._write()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._write()

    def close(self) -> None:
        """Write what waits and let go of the file; it is opened again if used again."""
        with self._lock:
            self._write()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _read(self, keys: list[bytes]) -> dict[bytes, bytes]:
        if not keys or (self._connection is None and not self.path.exists()):
            return {}
        marks = ",".join("?" * len(keys))
        query = f"SELECT key, value FROM entries WHERE key IN ({marks})"
        rows = self._attempt(lambda connection: connection.execute(query, keys).fetchall())
        # any program may have written other types into the table
        return {k: v for k, v in rows or () if isinstance(k, bytes) and isinstance(v, bytes)}

    def _write(self) -> None:
        self._written_at = time.monotonic()
        if not self._waiting:
            return
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._attempt(self._insert):
            self._waiting.clear()

    def _insert(self, connection: sqlite3.Connection) -> bool:
        with connection:
            connection.executemany(
                "INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)",
                list(self._waiting.items()),
            )
            connection.execute(
                "DELETE FROM entries WHERE id <= (SELECT MAX(id) FROM entries) - ?",
                (self._max_rows,),
            )
        return True

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            import sqlite3

            connection = sqlite3.connect(self.path, timeout=_WAIT_S, check_same_thread=False)
            self._connection = connection
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS entries "
                "(id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE, value BLOB)"
            )
        return self._connection

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Use the file; None where it does not work. One that is no database is deleted."""
        import sqlite3

        try:
            return work(self._open())
        except sqlite3.OperationalError as error:  # locked, full, read-only
            _log.info("%s is not used: %s", self.path, error)
        except (sqlite3.DatabaseError, OSError) as error:
            _log.info("%s is begun anew: %s", self.path, error)
            self._begin_anew()
        return None

    def _begin_anew(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self.path.with_name(self.path.name + ending).unlink()
