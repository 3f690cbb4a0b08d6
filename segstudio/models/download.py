"""Fetch one file over HTTP: progress, cancel, resume after a failure, checksum."""

from __future__ import annotations

import errno
import hashlib
import http.client
import logging
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from segstudio import __version__
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text
from segstudio.core.prediction import WeightsFile
from segstudio.core.progress import Check, Report, no_check, no_report

_BLOCK: Final = 256 * 1024
_TIMEOUT_S: Final = 30.0
_ATTEMPTS: Final = 4
_PAUSE_S: Final = 0.5
_HTTP_RANGE_NOT_SATISFIABLE: Final = 416
_HTTP_PARTIAL: Final = 206
_FULL: Final = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))

_log = logging.getLogger(__name__)


class _BrokenConnectionError(Exception):
    """The server stopped sending before the end."""


def sha256_of(path: Path, check: Check = no_check) -> str:
    """The SHA-256 of a file, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(4 * _BLOCK):
            check()
            digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True)
class _Fetch:
    """One download: from where, to which file, and who is told."""

    file: WeightsFile
    part: Path
    check: Check
    report: Report

    def text(self) -> str:
        return f"Downloading {self.file.filename}"

    def attempt(self) -> None:
        """Ask for what is missing in the .part file and append it.

        Raises:
            _BrokenConnectionError: if less came than announced.
            urllib.error.HTTPError: if the server refuses.
            SegstudioError: if the disk is full.
            OSError: if there is no connection, or the file cannot be written.
        """
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"User-Agent": f"segstudio/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        request = urllib.request.Request(self.file.url, headers=headers)
        try:
            # not urlopen: that one keeps the proxies of its first call
            response = urllib.request.build_opener().open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            if error.code == _HTTP_RANGE_NOT_SATISFIABLE and have:
                self._settle_416(have, error)
                return
            raise
        with response:
            start, total = _extent(response, have)
            self._append(response, start, total or self.file.size, exact=total)

    def full(self, total: int, have: int) -> SegstudioError:
        """What to say where a disk has no room for all bytes; `total` is 0 if nobody knows."""
        more = max(0, total - have)
        need = f"; {bytes_text(more)} more are needed" if more else ""
        return SegstudioError(
            f"{self.file.filename} cannot be downloaded: the disk of {self.part.parent} is full"
            f"{need}.",
            f"Free {f'{bytes_text(more)} of ' if more else 'some '}space there and download again: "
            "it goes on where it stopped.",
        )

    def _settle_416(self, have: int, error: urllib.error.HTTPError) -> None:
        """Nothing lies behind what is here: it is complete, or another file's beginning."""
        length = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
        error.close()
        if length is None or int(length[1]) != have:
            self.part.unlink()
            raise _BrokenConnectionError

    def _append(
        self, response: http.client.HTTPResponse, start: int, shown_total: int, exact: int
    ) -> None:
        """Write the body behind the first `start` bytes of the .part file."""
        free = shutil.disk_usage(self.part.parent).free
        if 0 < free < shown_total - start:  # some network drives tell of none, and have some
            raise self.full(shown_total, start)
        try:
            with self.part.open("r+b" if start else "wb") as out:
                if start:
                    out.seek(start)
                    out.truncate()
                done = self._copy(response, out, start, shown_total)
        except OSError as error:
            if error.errno in _FULL:
                raise self.full(shown_total, self.part.stat().st_size) from error
            raise
        if exact and done < exact:
            raise _BrokenConnectionError

    def _copy(
        self, response: http.client.HTTPResponse, out: IO[bytes], done: int, total: int
    ) -> int:
        self.report(done, max(total, done), self.text())
        while True:
            self.check()
            try:
                # not read: it would wait for a whole block, and a slow server seem to be none
                block = response.read1(_BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise _BrokenConnectionError from error
            if not block:
                return done
            out.write(block)
            done += len(block)
            self.report(done, max(total, done), self.text())


def _extent(response: http.client.HTTPResponse, have: int) -> tuple[int, int]:
    """Where the body begins in the file, and the file's whole size (0 if unknown).

    A server without Range support answers 200 and sends everything: then it begins at 0.
    """
    length = int(response.headers.get("Content-Length") or 0)
    if response.status != _HTTP_PARTIAL:
        return 0, length
    extent = re.fullmatch(
        r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
    )
    if extent is None or int(extent[1]) > have:
        raise _BrokenConnectionError
    start = int(extent[1])
    return start, start + length if extent[2] == "*" else int(extent[2])


def fetch(
    file: WeightsFile,
    folder: Path,
    *,
    check: Check = no_check,
    report: Report = no_report,
    pause_s: float = _PAUSE_S,
) -> Path:
    """Download a file into a folder.

    What arrives is kept in `<filename>.part`; a later call goes on from there. The file gets its
    name once its checksum is right. Proxies are taken from the environment (urllib's habit).

    Args:
        file: What to fetch; its checksum may be the beginning of the SHA-256.
        folder: Made if it is not there.
        check: Called between blocks; what it raises stops the download.
        report: Told (bytes done, bytes in all, text).
        pause_s: Seconds before the first retry after a broken connection; doubled each time.

    Returns:
        The path of the complete file.

    Raises:
        SegstudioError: if it cannot be had; says why, from where, and where to put it by hand.
    """
    if not file.url.startswith(("https://", "http://")):
        raise SegstudioError(
            f"{file.filename} cannot be downloaded: it has no address.",
            f"Put the file into {folder}.",
        )
    path = folder / file.filename
    task = _Fetch(file, folder / f"{file.filename}.part", check, report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch_with_retries(task, pause_s)
        _verify(task)
        task.part.replace(path)
    except urllib.error.HTTPError as error:
        error.close()
        raise SegstudioError(
            f"{file.filename} cannot be downloaded: the server of {file.url} answered "
            f"{error.code} ({error.reason}).",
            by_hand_hint(file, folder),
        ) from error
    except urllib.error.URLError as error:
        raise SegstudioError(
            f"{file.filename} cannot be downloaded: no connection to "
            f"{urllib.parse.urlsplit(file.url).netloc} ({_plain(error.reason)}).",
            by_hand_hint(file, folder),
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise task.full(file.size, 0) from error
        raise SegstudioError(
            f"{file.filename} cannot be downloaded to {folder} ({error.strerror or error}).",
            by_hand_hint(file, folder),
        ) from error
    return path


def by_hand_hint(file: WeightsFile, folder: Path) -> str:
    """What to do without a connection: the address, and the folder for the file."""
    return (
        f"Check the connection, or fetch {file.url} on another computer and put the file into "
        f"the folder {folder}."
    )


def _plain(reason: object) -> str:
    """Why a connection failed, without error numbers."""
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return text[:1].lower() + text[1:]


def _fetch_with_retries(task: _Fetch, pause_s: float) -> None:
    """Go on after broken connections, as long as something arrives or attempts are left."""
    attempts = 0
    while True:
        before = task.part.stat().st_size if task.part.exists() else 0
        try:
            task.attempt()
            return
        except _BrokenConnectionError:
            after = task.part.stat().st_size if task.part.exists() else 0
            attempts = 1 if after - before > _BLOCK * 4 else attempts + 1
        if attempts >= _ATTEMPTS:
            raise SegstudioError(
                f"The download of {task.file.filename} broke off after {after} bytes.",
                f"Try again: it goes on from there. {by_hand_hint(task.file, task.part.parent)}",
            )
        _log.info("%s broke off at %d bytes; trying again", task.file.filename, after)
        _wait(pause_s * 2 ** (attempts - 1), task.check)


def _wait(seconds: float, check: Check) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check()
        time.sleep(min(left, 0.1))


def _verify(task: _Fetch) -> None:
    """Compare the checksum; a file that differs is removed, so that the next try is a fresh one."""
    expected = task.file.sha256.lower()
    found = sha256_of(task.part, task.check)
    if expected and not found.startswith(expected):
        task.part.unlink()
        raise SegstudioError(
            f"{task.file.filename} arrived damaged: its SHA-256 begins with "
            f"{found[: len(expected)]}, not {expected}.",
            f"Try again. {by_hand_hint(task.file, task.part.parent)}",
        )
