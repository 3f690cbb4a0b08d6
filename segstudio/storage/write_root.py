"""A folder that writes must not leave: no link leads out of it, and it is never made anew."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json
from segstudio.core.regular_file import is_folder
from segstudio.storage.atomic import (
    check_replaceable,
    make_folder,
    write_atomically,
    write_error,
)

Identity = tuple[int, int]
"""Device and number of a folder: another one at the same path has others."""
Remedy = Literal["replace", "follow", ""]
_LINKS_NAME = "links.json"
_HINTS: dict[Remedy, str] = {
    "replace": "Replace the link by a file of its own, or save elsewhere.",
    "follow": "Agree to save there, or save elsewhere.",
    "": "Remove the link, or save elsewhere.",
}

_AGREEMENTS: dict[Remedy, str] = {"replace": "Replace the link", "follow": "Save there", "": ""}


class OutsideLinkError(SegstudioError):
    """A file would have been written through a link that leads out of its folder.

    Attributes:
        link: The link.
        target: Where it leads.
        remedy: What the user may agree to: that a file's link is replaced by the file ("replace"),
            that files are saved where a folder's link leads ("follow"), or nothing ("").
    """

    def __init__(self, link: Path, target: Path, root: Path, remedy: Remedy) -> None:
        where = f"outside of {root}" if not target.is_relative_to(root) else "to the images"
        super().__init__(
            f"{link} is a link to {target}, {where}. Nothing was written through it.",
            _HINTS[remedy],
        )
        self.link, self.target, self.remedy = link, target, remedy

    @property
    def question(self) -> str:
        """What a question about the link is about: one, whatever is to be saved through it."""
        return f"link {self.link}"

    @property
    def agreement(self) -> str:
        """What the user may agree to, as on a button; "" if to nothing."""
        return _AGREEMENTS[self.remedy]


class FolderGoneError(SegstudioError):
    """The folder of a data set is no longer where it was opened.

    Attributes:
        folder: Its path.
    """

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(
            f"{folder} {what}. Nothing was saved there.",
            "Connect the drive or put the folder back, or save elsewhere.",
        )
        self.folder = folder


def identity_of(folder: Path) -> Identity | None:
    """What tells a folder from another one at the same path; None if it is not there."""
    try:
        info = folder.stat()
    except OSError:
        return None
    return info.st_dev, info.st_ino


@dataclass(frozen=True)
class WriteRoot:
    """Writes files below a folder that someone chose, and nowhere else.

    Attributes:
        folder: The folder. It may itself be a link, since it was chosen; it is never made.
        identity: `identity_of` the folder when it was opened; None: whatever is there will do.
        witness: A file of the data set. Drives of some kinds number their folders anew each time
            they are mounted, so another identity counts only where this file is missing too.
        images: A folder inside that links must not lead into: masks are not written over photos.
        agreed: Links leading out that the user agreed to: a folder is followed, a file replaced.
    """

    folder: Path
    identity: Identity | None = None
    witness: Path | None = None
    images: Path | None = None
    agreed: frozenset[Path] = frozenset()

    def check(self) -> None:
        """See whether the folder is still the one that was opened.

        Raises:
            FolderGoneError: if it is gone, or another one has its place (as where a drive was
                mounted).
        """
        found = identity_of(self.folder)
        if found is None:
            raise FolderGoneError(self.folder, "is gone: it was renamed, removed or unmounted")
        if self.identity in (None, found):
            return
        if self.witness is None or not self.witness.exists():
            raise FolderGoneError(self.folder, "is another folder than the one that was opened")

    def place_of(self, path: Path) -> Path:
        """The file that a write to `path` replaces: no link is left in it.

        A link inside the folder to another place inside it is followed.

        Args:
            path: A path below `folder`.

        Raises:
            OutsideLinkError: if a link leads out of the folder, or from a mask to a photo.
            ReadOnlyFileError: if that file is marked as read-only.
        """
        root, at = _real(self.folder), self.folder
        parts = path.relative_to(self.folder).parts
        for number, part in enumerate(parts, 1):
            at /= part
            target, is_file = _real(at), number == len(parts)
            onto_images = self._leads_to_images(at, target, is_file=is_file)
            if target.is_relative_to(root) and not onto_images:
                continue
            remedy: Remedy = "replace" if is_file else "" if onto_images else "follow"
            if not remedy or at not in self.agreed:
                raise OutsideLinkError(at, target, root, remedy)
            if is_file:
                return _real(at.parent) / part
            root = target
        place = _real(path)
        if not is_folder(place):
            check_replaceable(place)
        return place

    def _leads_to_images(self, path: Path, target: Path, *, is_file: bool) -> bool:
        if self.images is None:
            return False
        folder, named = (target.parent, path.parent) if is_file else (target, path)
        return folder == _real(self.images) and named != self.images

    def make_folder(self, folder: Path) -> None:
        """Make a folder below `folder`, and those on the way, but never `folder` itself.

        Raises:
            SegstudioError: if it cannot be made; an `OutsideLinkError` as in `place_of`.
        """
        at = self.folder
        self.place_of(folder / "file")
        try:
            for part in folder.relative_to(self.folder).parts:
                at /= part
                if not at.is_dir():
                    at.mkdir()
        except OSError as error:
            raise write_error(folder, error) from error

    def write(
        self, path: Path, data: bytes | Callable[[BinaryIO], None], *, durable: bool = True
    ) -> None:
        """Replace a file below the folder as a whole: see `write_atomically`.

        Raises:
            SegstudioError: if it cannot be written; an `OutsideLinkError` as in `place_of`.
        """
        write_atomically(self.place_of(path), data, durable=durable, follow_links=False)


def agreed_links(data_folder: Path) -> frozenset[Path]:
    """Links out of a data set's folder that the user agreed to, as far as they lead there still.

    Args:
        data_folder: `Project.data_folder`.
    """
    return frozenset(
        Path(link)
        for link, target in _kept_links(data_folder).items()
        if os.path.realpath(link) == target
    )


def agree_to_link(data_folder: Path, link: Path) -> None:
    """Keep that a link may be followed from now on, as long as it leads where it does.

    Raises:
        SegstudioError: if it cannot be written.
    """
    links = {**_kept_links(data_folder), str(link): os.path.realpath(link)}
    make_folder(data_folder)
    text = json.dumps({"links": links}, indent=1) + "\n"
    write_atomically(data_folder / _LINKS_NAME, text.encode())


def _kept_links(data_folder: Path) -> dict[str, str]:
    try:
        links = read_json(data_folder / _LINKS_NAME)["links"]
        return {str(link): str(target) for link, target in links.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SegstudioError):
        return {}


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
