"""Find the images of a folder: names only, no `stat`, in natural order."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.storage.layout import (
    IMAGE_FOLDERS,
    IMAGE_KINDS,
    images_among,
    is_truth_folder,
    mask_base,
    stem_of,
    suffix_of,
    unread_kinds,
)
from segstudio.storage.mask_files import is_output
from segstudio.storage.natural_order import natural_order

_MAX_DEPTH = 4


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        files: Names of files, hidden ones left out, unsorted. Links to nothing are among them, so
            that opening one says what is wrong; pipes and devices are not.
        folders: Names of folders, hidden ones left out, unsorted.
    """

    files: list[str]
    folders: list[str]


@dataclass(frozen=True)
class Scan:
    """The images found from a folder.

    Attributes:
        home: The folder of the data set, in which `masks/` lies or will lie.
        images_root: The folder that the names start from.
        names: Names of images relative to `images_root`, in natural order.
        notes: Sentences worth showing ("images of the sub-folders a, b").
        passed_over: One sentence about images of kinds that cannot be read; "" if there are none.
    """

    home: Path
    images_root: Path
    names: list[str]
    notes: tuple[str, ...] = ()
    passed_over: str = ""


def list_folder(folder: Path) -> Listing:
    """The names in a folder.

    Raises:
        SegstudioError: if it is missing or may not be read.
    """
    try:
        with os.scandir(folder) as entries:
            return _sorted_out(entries)
    except FileNotFoundError as error:
        raise SegstudioError(
            f"There is no folder {folder}.", "It may have been moved; open it from its new place."
        ) from error
    except NotADirectoryError as error:
        raise SegstudioError(f"{folder} is not a folder.", "Open the folder around it.") from error
    except OSError as error:
        raise SegstudioError(
            f"The folder {folder} cannot be read ({error.strerror or error}).",
            "Check that you may read it and that its drive is connected.",
        ) from error


def _sorted_out(entries: Iterable[os.DirEntry[str]]) -> Listing:
    files: list[str] = []
    folders: list[str] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_file(follow_symlinks=False):
            files.append(entry.name)
        elif entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        elif entry.is_symlink():
            _add_link(entry, files, folders)
    return Listing(files, folders)


def _add_link(link: os.DirEntry[str], files: list[str], folders: list[str]) -> None:
    try:
        mode = link.stat().st_mode
    except OSError:  # it leads nowhere, or in a circle
        files.append(link.name)
        return
    if stat.S_ISDIR(mode):
        folders.append(link.name)
    elif stat.S_ISREG(mode):
        files.append(link.name)


def scan_folder(root: Path) -> list[str]:
    """Names of the images directly in a folder, in natural order.

    Masks that lie beside their image (`x_mask.png` beside `x.png`) are left out.

    Raises:
        SegstudioError: if the folder is missing or may not be read.
    """
    return natural_order(image_names(list_folder(root).files))


def image_names(files: Iterable[str]) -> list[str]:
    """The images among file names, without masks that lie beside their image; unsorted."""
    names = images_among(files)
    based = [(name, base) for name in names if (base := mask_base(stem_of(name))) is not None]
    if not based:
        return names
    stems = {stem_of(name) for name in names}
    masks = {name for name, base in based if base in stems}
    return [name for name in names if name not in masks]


def scan(root: Path) -> Scan:
    """The images that opening `root` means.

    Images directly in the folder; else those of its `images/` (or the like); else those of all
    sub-folders that are not folders of masks (train/, val/) nor of what segstudio wrote.

    Raises:
        SegstudioError: if the folder is missing or may not be read.
    """
    listing = list_folder(root)
    direct = image_names(listing.files)
    unread = Counter(unread_kinds(listing.files))
    if direct:
        home, images_root, prefix = _home_of(root)
        names = [prefix + name for name in natural_order(direct)]
        return Scan(home, images_root, names, passed_over=_passed_over(unread))
    siblings = frozenset(listing.folders)
    for name in _image_folders(listing.folders):
        names = _collect(root / name, "", 1, unread)
        if names:
            home = root / name if (root / name / "masks" / "segstudio.json").exists() else root
            passed = _passed_over(unread)
            return Scan(home, root / name, natural_order(names), passed_over=passed)
    names = []
    used = []
    for name in listing.folders:
        if not is_truth_folder(name, siblings) and name.casefold() != "predictions":
            found = _collect(root / name, f"{name}/", 1, unread)
            names += found
            used += [name] if found else []
    notes = (f"Images of the sub-folders {', '.join(sorted(used))}.",) if used else ()
    return Scan(root, root, natural_order(names), notes, _passed_over(unread))


def _passed_over(unread: Counter[str]) -> str:
    """One sentence about the images of kinds that cannot be read, counted by kind."""
    if not unread:
        return ""
    counted = [f"{n} {kind} file{'s' if n > 1 else ''}" for kind, n in sorted(unread.items())]
    listed = " and ".join([", ".join(counted[:-1]), counted[-1]] if len(counted) > 1 else counted)
    verb = "is" if unread.total() == 1 else "are"
    return f"{listed} {verb} passed over: segstudio reads {IMAGE_KINDS}."


def _image_folders(folders: list[str]) -> list[str]:
    known = [name for name in folders if name.casefold() in IMAGE_FOLDERS]
    return sorted(known, key=lambda name: IMAGE_FOLDERS.index(name.casefold()))


def _collect(folder: Path, prefix: str, depth: int, unread: Counter[str]) -> list[str]:
    """Images below a folder that may not be readable; such a sub-folder is left out.

    Those of kinds that cannot be read are added to `unread`.
    """
    try:
        listing = list_folder(folder)
    except SegstudioError:
        return []
    found = image_names(listing.files)
    unread.update(unread_kinds(listing.files))
    names = [] if _is_output(folder, found) else [prefix + name for name in found]
    if depth < _MAX_DEPTH:
        siblings = frozenset(listing.folders)
        for name in listing.folders:
            if not is_truth_folder(name, siblings):
                names += _collect(folder / name, f"{prefix}{name}/", depth + 1, unread)
    return names


def _is_output(folder: Path, names: list[str]) -> bool:
    """Whether a folder holds what segstudio wrote, as its first PNG tells: an export, predictions.

    Else an export into the folder of the images would be images at the next look.
    """
    first = min((name for name in names if suffix_of(name) == ".png"), default=None)
    return first is not None and is_output(folder / first)


def _home_of(folder: Path) -> tuple[Path, Path, str]:
    """Where masks belong for images directly in `folder`: (home, images root, name prefix).

    `data/images` belongs to `data` once there is `data/masks` or the like, and `data/images/train`
    too, so that an annotation is found again whichever of these folders is opened.
    """
    if (folder / "masks" / "segstudio.json").exists():
        return folder, folder, ""
    for above in (folder, *folder.parents[:2]):
        if above.name.casefold() in IMAGE_FOLDERS and _has_truth_folder(above.parent):
            inside = folder.relative_to(above).as_posix()
            return above.parent, above, "" if above == folder else f"{inside}/"
    return folder, folder, ""


def _has_truth_folder(folder: Path) -> bool:
    try:
        folders = list_folder(folder).folders
    except SegstudioError:
        return False
    return any(is_truth_folder(name, frozenset(folders)) for name in folders)
