"""Whether files are still as they were read: two programs may write the same mask."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.regular_file import is_there
from segstudio.storage.atomic import write_error
from segstudio.storage.write_root import WriteRoot

CONFLICTS = ".originals/conflicts"
"""Where versions go that another program wrote meanwhile, beside the file."""


class ForeignChangeError(SegstudioError):
    """A file is not the one that was read: another program or another window wrote it.

    Attributes:
        paths: The files.
    """

    def __init__(self, paths: tuple[Path, ...]) -> None:
        first = paths[0]
        happened, hint = "was changed", "Whichever you choose, the other version is kept too."
        if not is_there(first):
            happened = "was removed"
            hint = "Keep mine saves it again; with Take theirs it stays removed, and yours is kept."
        super().__init__(f"{first} {happened} by another program or window.", hint)
        self.paths = paths


@dataclass(frozen=True)
class SeenFiles:
    """What some files held when they were read or written last.

    Attributes:
        digests: SHA-256 of each file's bytes in hexadecimal; None of one that was not there.
    """

    digests: Mapping[Path, str | None]

    @classmethod
    def of(cls, paths: Iterable[Path]) -> SeenFiles:
        """Look at files now; taken before they are read, a change in between is noticed later."""
        return cls({path: _digest(path) for path in paths})

    def with_others(self, others: SeenFiles) -> SeenFiles:
        """These, and those of others that these do not know."""
        return SeenFiles({**others.digests, **self.digests})

    def changed(self) -> tuple[Path, ...]:
        """The files that are not as they were."""
        return tuple(path for path, seen in self.digests.items() if _digest(path) != seen)

    def check(self) -> None:
        """See whether all files are as they were.

        Raises:
            ForeignChangeError: if not.
        """
        changed = self.changed()
        if changed:
            raise ForeignChangeError(changed)

    def keep_changed(self, home: WriteRoot) -> list[Path]:
        """Copy those that are not as they were to `.originals/conflicts/` beside them.

        Returns:
            The copies; of a file that was removed there is none.

        Raises:
            SegstudioError: if one cannot be copied; it must not be replaced then.
        """
        copies = []
        for path in self.changed():
            if not path.is_file():
                continue
            try:
                content = path.read_bytes()
            except OSError as error:
                raise write_error(path, error) from error
            # Ground truth that was chosen by hand may lie outside of the data set's folder.
            inside = path.is_relative_to(home.folder)
            root = home if inside else WriteRoot(path.parent, agreed=home.agreed)
            copies.append(keep_version(root, path, content))
        return copies


def keep_version(home: WriteRoot, path: Path, content: bytes) -> Path:
    """Write one of two versions of a file to `.originals/conflicts/` beside it; where that is.

    Raises:
        SegstudioError: if it cannot be written.
    """
    copy = _free_name(path)
    home.make_folder(copy.parent)
    home.write(copy, content)
    return copy


def _free_name(path: Path) -> Path:
    folder = path.parent / CONFLICTS
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    copy, number = folder / f"{path.stem[:80]}.{stamp}{path.suffix}", 1
    while is_there(copy):
        number += 1
        copy = folder / f"{path.stem[:80]}.{stamp}-{number}{path.suffix}"
    return copy


def _digest(path: Path) -> str | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
