"""Find the folders of masks that belong to folders of images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.storage.image_ref import ImageList, ImageRef
from segstudio.storage.layout import (
    CLASS_FOLDERS,
    IMAGE_FOLDERS,
    IMAGE_STEM_ENDINGS,
    INSTANCE_FOLDERS,
    SIBLING_ENDINGS,
    mask_base,
    masks_among,
    stem_of,
)
from segstudio.storage.mask_files import written_by_segstudio
from segstudio.storage.scan import Listing, list_folder

ORIGINALS = ".originals"
"""Folder inside `masks/` and `instances/` for files that were there before segstudio wrote one."""

_LEVELS_UP = 3
_Table = dict[str, tuple["MaskFolder", ...]]


class MaskFolder:
    """The masks of one folder by the stem of their image, from one directory listing.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path, files: Sequence[str], *, mixed: bool = False) -> None:
        """Args:
        path: The folder.
        files: Names of the files in it.
        mixed: Whether images lie there too: then only names with an ending like _mask count.
        """
        self.path = path
        masks = masks_among(files)
        self._mixed = mixed
        stems = [stem_of(name) for name in masks]
        self._exact: dict[str, str] = {} if mixed else dict(zip(stems, masks, strict=True))
        self._others: dict[str, list[str]] = {}
        """By stem, what `_exact` has no room for: x.tif beside x.png, and x_mask.png."""
        if len(self._exact) < len(masks):
            for stem, name in zip(stems, masks, strict=True):
                if not mixed and self._exact[stem] != name:
                    self._others.setdefault(stem, []).append(name)
        for stem, name in zip(stems, masks, strict=True):
            base = mask_base(stem)
            if base is not None:
                self._others.setdefault(base, []).append(name)
        self._all_count = False
        self._own: bool | None = None
        self._originals: frozenset[str] = frozenset()
        self._truths: dict[str, Path | None] = {}

    @classmethod
    def chosen(cls, path: Path, files: Sequence[str]) -> MaskFolder:
        """A folder in which every mask is ground truth, also those that segstudio wrote."""
        folder = cls(path, files)
        folder._all_count = True
        return folder

    def names_of(self, filename: str) -> Iterator[str]:
        """Names of the masks of an image, the best match first: its whole name, its stem."""
        stem = stem_of(filename)
        for key in (filename, stem, *_without_endings(stem)):
            name = self._exact.get(key)
            if name is not None:
                yield name
            for other in self._others.get(key, ()):
                if not (self._mixed and other == filename):
                    yield other

    def matches_any(self, filenames: Sequence[str]) -> bool:
        """Whether there is a mask for at least one of these images."""
        return any(next(self.names_of(filename), None) for filename in filenames)

    def truth_of(self, filename: str) -> Path | None:
        """The ground truth of an image: the file as it was before segstudio wrote over it."""
        for name in self.names_of(filename):
            if self._all_count or not self._may_be_own:
                return self.path / name
            if name not in self._truths:
                self._truths[name] = self._foreign(name)
            if self._truths[name] is not None:
                return self._truths[name]
        return None

    @property
    def _may_be_own(self) -> bool:
        """Whether segstudio has written here; only then must headers be looked at."""
        if self._own is None:
            self._own = any((folder / "segstudio.json").exists() for folder in _markers(self.path))
            if self._own:
                self._originals = _originals_in(self.path)
        return self._own

    def _foreign(self, name: str) -> Path | None:
        if name in self._originals:
            return self.path / ORIGINALS / name
        path = self.path / name
        return None if written_by_segstudio(path) else path


def find_mask_folders(home: Path, images: Sequence[ImageRef]) -> tuple[_Table, _Table]:
    """Class and instance mask folders, inside the images' folders and beside them.

    Args:
        home: The folder of the data set, in which `masks/` may be.
        images: The images.

    Returns:
        Two tables by the images' folder ("" is their root).
    """
    finder = _Finder(home)
    classes: _Table = {}
    instances: _Table = {}
    for folder, filenames in _grouped(images).items():
        found = list(finder.folders_for(Path(images[0].root), folder, filenames))
        for table, wanted in ((classes, False), (instances, True)):
            chosen = tuple(f for f, is_instances in found if is_instances == wanted)
            if chosen:
                table[folder] = chosen
    return classes, instances


def folders_at(
    folder: Path, images: Sequence[ImageRef], *, are_instances: bool = False
) -> tuple[_Table, _Table]:
    """The tables for a folder chosen by hand, with the images' sub-folders if it has them.

    Its masks are of instances if that is said, or if the folder is called so.

    Raises:
        SegstudioError: if the folder cannot be read.
    """
    top = list_folder(folder)
    table: _Table = {}
    for name, filenames in _grouped(images).items():
        nested = folder / name if name and (folder / name).is_dir() else folder
        files = top.files if nested == folder else list_folder(nested).files
        masks = MaskFolder.chosen(nested, files)
        if masks.matches_any(filenames):
            table[name] = (masks,)
    is_instances = are_instances or folder.name.casefold() in INSTANCE_FOLDERS
    return ({}, table) if is_instances else (table, {})


class _Finder:
    """Looks for mask folders, reading each directory once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._listings: dict[Path, Listing] = {}

    def folders_for(
        self, root: Path, folder: str, filenames: Sequence[str]
    ) -> Iterator[tuple[MaskFolder, bool]]:
        """Mask folders of the images in root/folder: (folder, whether it holds instances)."""
        directory = root / folder
        seen: set[Path] = set()
        for candidate, is_instances in self._candidates(root, directory):
            if candidate in seen:
                continue
            seen.add(candidate)
            masks = MaskFolder(candidate, self._list(candidate).files)
            if masks.matches_any(filenames):
                yield masks, is_instances
        beside = MaskFolder(directory, self._list(directory).files, mixed=True)
        if beside.matches_any(filenames):
            yield beside, False

    def _candidates(self, root: Path, directory: Path) -> Iterator[tuple[Path, bool]]:
        yield from self._named_folders(directory, Path())
        above = directory
        for _ in range(_LEVELS_UP):
            yield from self._siblings(above, directory)
            if above == above.parent:
                return
            if above == root and above.parent.name.casefold() not in IMAGE_FOLDERS:
                break
            above = above.parent
        yield from self._named_folders(self._home, Path())

    def _siblings(self, above: Path, directory: Path) -> Iterator[tuple[Path, bool]]:
        """Mask folders beside `above` that mirror the path from it down to `directory`."""
        inside = directory.relative_to(above)
        parent = above.parent
        by_folded = {name.casefold(): name for name in self._list(parent).folders}
        for ending in SIBLING_ENDINGS:
            name = by_folded.get(above.name.casefold() + ending)
            if name is not None:
                yield parent / name / inside, False
        yield from self._named_folders(parent, inside)
        yield from self._named_folders(parent, above.name / inside)

    def _named_folders(self, parent: Path, inside: Path) -> Iterator[tuple[Path, bool]]:
        by_folded = {name.casefold(): name for name in self._list(parent).folders}
        for known in (*CLASS_FOLDERS, *INSTANCE_FOLDERS):
            name = by_folded.get(known)
            if name is None:
                continue
            path = parent / name / inside
            listing = self._list(path)
            if listing.files:
                yield path, known in INSTANCE_FOLDERS
            else:
                for sub in sorted(listing.folders):
                    yield path / sub, known in INSTANCE_FOLDERS

    def _list(self, path: Path) -> Listing:
        if path not in self._listings:
            try:
                self._listings[path] = list_folder(path)
            except SegstudioError:
                self._listings[path] = Listing([], [])
        return self._listings[path]


def _grouped(images: Sequence[ImageRef]) -> Mapping[str, Sequence[str]]:
    if isinstance(images, ImageList) and not any("/" in name for name in images.names):
        return {"": images.names}
    groups: dict[str, list[str]] = {}
    for ref in images:
        groups.setdefault(ref.folder, []).append(ref.filename)
    return groups


def _without_endings(stem: str) -> Iterator[str]:
    for ending in IMAGE_STEM_ENDINGS:
        if stem.endswith(ending):
            yield stem[: -len(ending)]


def _markers(path: Path) -> Iterator[Path]:
    """Where `segstudio.json` lies if segstudio has written here: beside the class masks."""
    yield path
    parts = list(path.parts)
    for i in range(len(parts) - 1, max(len(parts) - _LEVELS_UP, 0), -1):
        if parts[i] == "instances":
            yield Path(*parts[:i], "masks", *parts[i + 1 :])


def _originals_in(path: Path) -> frozenset[str]:
    try:
        return frozenset(list_folder(path / ORIGINALS).files)
    except SegstudioError:
        return frozenset()
