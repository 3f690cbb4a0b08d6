"""Which versions of a mask other programs wrote: each is kept once before it is replaced.

Beside a mask lies the folder `.originals/`: the first version under the mask's own name, later
ones in `2/`, `3/`, ..., and a record `<name>.json` of their digests and of what segstudio wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json
from segstudio.core.regular_file import check_regular, is_regular, is_there
from segstudio.storage.atomic import write_error
from segstudio.storage.formats.png import written_by_segstudio
from segstudio.storage.write_root import WriteRoot

ORIGINALS = ".originals"
"""Folder inside a folder of masks for the versions that other programs wrote."""

_OWN_DIGESTS = 8
_LONGEST_NAME = 240


@dataclass(frozen=True)
class Version:
    """A version of a mask that another program wrote.

    Attributes:
        path: The kept copy, or the mask itself while it is that version.
        digest: SHA-256 of the file, hexadecimal.
        kept_at: When it was kept, ISO 8601; "" for the mask itself.
    """

    path: Path
    digest: str
    kept_at: str = ""


@dataclass
class _Record:
    kept: list[Version]
    own: list[str]


def has_record(mask: Path) -> bool:
    """Whether segstudio has replaced this mask; reads nothing."""
    folder, name = str(mask.parent), mask.name
    return os.access(f"{folder}/{ORIGINALS}/{_record_name(name)}", os.F_OK) or os.access(
        f"{folder}/{ORIGINALS}/{name}", os.F_OK
    )


def is_original(path: Path) -> bool:
    """Whether a file is a version that was kept before segstudio replaced it."""
    return ORIGINALS in path.parts


def is_own(mask: Path) -> bool:
    """Whether the mask, as it is now, was written by segstudio; False if it is not there.

    Where segstudio replaced a file the digest decides; else the PNG says it.
    """
    if not has_record(mask):
        return written_by_segstudio(mask)
    record = _read(mask)
    if not record.own:
        return written_by_segstudio(mask)
    try:
        return digest_of(content_of(mask)) in record.own
    except SegstudioError:
        return False


def original_of(mask: Path) -> Path | None:
    """The latest version of a mask that another program wrote; None if there is none."""
    if not has_record(mask):
        return mask if is_there(mask) and not written_by_segstudio(mask) else None
    found = versions(mask)
    return found[-1].path if found else None


def versions(mask: Path) -> list[Version]:
    """Every version that another program wrote, the oldest first.

    The last one is the mask itself if no program but another has written it.
    """
    record = _read(mask)
    try:
        content = content_of(mask)
    except SegstudioError:
        return record.kept
    digest = digest_of(content)
    own = digest in record.own if record.own else written_by_segstudio(mask)
    if own:
        return record.kept
    others = [version for version in record.kept if version.digest != digest]
    return [*others, Version(mask, digest)]


def keep(
    home: WriteRoot, mask: Path, next_content: bytes | None = None, *, unmarked: bool = False
) -> None:
    """Keep what another program wrote before the mask is replaced.

    Args:
        home: Writes there.
        mask: The mask; it need not exist.
        next_content: What replaces it, so that it is known for segstudio's own from then on.
        unmarked: Whether that does not say itself that segstudio wrote it.

    Raises:
        SegstudioError: if the mask cannot be read or a copy cannot be made; it must not be
            replaced then.
    """
    record = _read(mask)
    if is_there(mask):
        _keep_content(home, mask, content_of(mask), record)
    if not record.kept and not unmarked:
        return
    own = list(record.own)
    if next_content is not None:
        digest = digest_of(next_content)
        own = [*(d for d in own if d != digest), digest][-_OWN_DIGESTS:]
    _write(home, mask, _Record(record.kept, own))


def put_back(home: WriteRoot, mask: Path) -> bool:
    """Make the mask the latest version that another program wrote, bit for bit.

    Returns:
        Whether the mask is that version now; False if there is none.

    Raises:
        SegstudioError: if it cannot be read or written.
    """
    found = versions(mask)
    if not found:
        return False
    if found[-1].path != mask:
        home.write(mask, content_of(found[-1].path))
    return True


def content_of(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        SegstudioError: if it cannot be read.
    """
    check_regular(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SegstudioError(
            f"The mask {path} cannot be read ({error.strerror or error}).",
            "Check that the file is there and that you may read it; nothing was changed.",
        ) from error


def remove_own(home: WriteRoot, mask: Path) -> None:
    """Remove a mask if segstudio wrote it; what another program wrote before stays kept.

    Raises:
        SegstudioError: if it cannot be removed.
    """
    if is_own(mask):
        try:
            home.place_of(mask).unlink(missing_ok=True)
        except OSError as error:
            raise write_error(mask, error) from error


def digest_of(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _keep_content(home: WriteRoot, mask: Path, content: bytes, record: _Record) -> None:
    """Copy the mask's content to `.originals/` unless it is segstudio's, or is there already."""
    digest = digest_of(content)
    own = digest in record.own if record.own else written_by_segstudio(mask)
    if own or any(version.digest == digest for version in record.kept):
        # What another program put back is the latest version again.
        record.kept.sort(key=lambda version: version.digest == digest)
        return
    copy = _free_place(mask)
    home.make_folder(copy.parent)
    home.write(copy, content)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record.kept.append(Version(copy, digest, now))


def _free_place(mask: Path) -> Path:
    folder = mask.parent / ORIGINALS
    place, number = folder / mask.name, 1
    while is_there(place):
        number += 1
        place = folder / str(number) / mask.name
    return place


def _record_name(name: str) -> str:
    if len(os.fsencode(name)) <= _LONGEST_NAME:
        return f"{name}.json"
    return f"{hashlib.sha256(os.fsencode(name)).hexdigest()}.json"


def _read(mask: Path) -> _Record:
    folder = mask.parent / ORIGINALS
    try:
        data = read_json(folder / _record_name(mask.name))
        kept = [_version(folder, mask.name, entry) for entry in data["kept"]]
        own = [str(digest) for digest in data["written"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SegstudioError):
        kept, own = _unrecorded(folder, mask.name), []
    return _Record([version for version in kept if is_there(version.path)], own)


def _version(folder: Path, name: str, entry: Any) -> Version:
    number = int(entry["number"])
    path = folder / name if number == 1 else folder / str(number) / name
    kept_at = str(entry.get("kept", ""))
    if kept_at:
        datetime.fromisoformat(kept_at)
    return Version(path, str(entry["sha256"]), kept_at)


def _unrecorded(folder: Path, name: str) -> list[Version]:
    """Copies without a record: of an earlier segstudio, or the record is damaged."""
    found = []
    path, number = folder / name, 1
    while is_there(path):
        found.append(Version(path, digest_of(content_of(path))))
        number += 1
        path = folder / str(number) / name
    return found


def _write(home: WriteRoot, mask: Path, record: _Record) -> None:
    folder = mask.parent / ORIGINALS
    kept = [
        {"number": _number(folder, v.path), "sha256": v.digest, "kept": v.kept_at}
        for v in record.kept
    ]
    text = json.dumps({"kept": kept, "written": record.own}, indent=1) + "\n"
    path = folder / _record_name(mask.name)
    try:
        if is_regular(path) and path.read_bytes() == text.encode():
            return
    except OSError:
        pass
    home.make_folder(folder)
    home.write(path, text.encode())


def _number(folder: Path, path: Path) -> int:
    return 1 if path.parent == folder else int(path.parent.name)
