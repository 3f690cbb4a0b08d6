"""Find the folders of masks that belong to folders of images."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from segstudio.storage.formats.png import written_by_segstudio
from segstudio.storage.image_ref import ImageList, ImageRef
from segstudio.storage.layout import (
    CHANNEL_FOLDERS,
    CLASS_FOLDERS,
    IMAGE_FOLDERS,
    INSTANCE_FOLDERS,
    folded,
    has_folders,
    have_image_words,
    have_mask_words,
    image_bases,
    is_image_folder,
    is_partial_mask,
    mask_base,
    mask_bases,
    may_hold_masks,
    stem_of,
    truth_folders_of,
)
from segstudio.storage.mask_files import masks_among
from segstudio.storage.mask_pattern import MaskPattern
from segstudio.storage.metadata_jsonl import METADATA, listed_masks
from segstudio.storage.originals import ORIGINALS, has_record, original_of, versions
from segstudio.storage.scan import Listing, Listings, Recognised, list_folder
from segstudio.storage.schema_file import holds_corrections

_LEVELS_UP = 3
_TRIED_FIRST = 64
_MOST_PLACES = 32
_Table = dict[str, tuple["MaskFolder", ...]]


class MaskFolder:
    """The masks of one folder by the names of their images, from one directory listing.

    Names that are the same come first, then those of the same stem, then those with an ending
    like _mask. What is left is paired without regard to case and normal form where that leaves
    no doubt.

    Attributes:
        path: The folder.
        names: Names of the masks in it.
    """

    def __init__(
        self,
        path: Path,
        files: Sequence[str],
        images: Sequence[str] = (),
        *,
        mixed: bool = False,
        channels: bool = False,
        twins: Collection[str] = (),
    ) -> None:
        """Args:
        path: The folder.
        files: Names of the files in it.
        images: Names of the images that the masks may be of.
        mixed: Whether these lie there too: then only names with an ending like _mask count.
        twins: Names that count then too.
        channels: Whether the images' names end with the number of a channel, as nnU-Net's do.
        """
        self.path = path
        self._images = images
        self._mixed = mixed
        self._channels = channels
        masks = masks_among(files)
        self.names = frozenset(masks)
        stems = [stem_of(name) for name in (sorted(twins) if mixed else masks)]
        self._by_stem = dict(zip(stems, sorted(twins) if mixed else masks, strict=True))
        self._twins: dict[str, list[str]] = {}
        """By stem, where there are several files: x.png and x.tif."""
        if not mixed and len(self._by_stem) < len(masks):
            for stem, name in sorted(zip(stems, masks, strict=True)):
                self._twins.setdefault(stem, []).append(name)
            self._twins = {stem: names for stem, names in self._twins.items() if len(names) > 1}
        self._by_base = _by_base(masks)
        self._all_count = self._as_is = False
        self._own: bool | None = None
        self._foreign: dict[str, bool] = {}

    @classmethod
    def chosen(
        cls,
        path: Path,
        files: Sequence[str],
        images: Sequence[str] = (),
        *,
        mixed: bool = False,
        channels: bool = False,
        as_is: bool = False,
        twins: Collection[str] = (),
    ) -> MaskFolder:
        """A folder in which every mask is ground truth, also those that segstudio wrote.

        With `as_is` those that it corrected count as they are now, not as they were before.
        """
        folder = cls(path, files, images, mixed=mixed, channels=channels, twins=twins)
        folder._all_count, folder._as_is = True, as_is
        return folder

    def names_of(self, filename: str) -> Iterator[str]:
        """Names of the masks of an image, the best match first: its whole name, its stem."""
        told: list[str] = []
        for name in self._exact(filename):
            if name not in told:
                told.append(name)
                yield name
        yield from self._loosely.get(filename, ())

    def _exact(self, filename: str) -> Iterator[str]:
        stem = stem_of(filename)
        if filename in self.names and not self._mixed:
            yield filename
        yield from self._of_stem(filename)
        yield from self._of_stem(stem)
        yield from (name for name in self._by_base.get(stem, ()) if name != filename)
        for base in self._image_bases(stem):
            yield from self._of_stem(base)
            yield from (name for name in self._by_base.get(base, ()) if name != filename)

    def _image_bases(self, stem: str) -> Sequence[str]:
        return image_bases(stem, channels=self._channels) if self._shortened else ()

    @cached_property
    def _shortened(self) -> bool:
        """Whether images may have masks of shorter names; else no time goes into looking."""
        return self._channels or have_image_words(self._images)

    def _of_stem(self, stem: str) -> Sequence[str]:
        name = self._by_stem.get(stem)
        return () if name is None else self._twins.get(stem, (name,))

    @cached_property
    def _loosely(self) -> dict[str, list[str]]:
        """The masks of images that no mask has the name of, by the images' names.

        Masks that some image has the name of are that image's; where two images or two masks
        differ in nothing else, none of them is paired.
        """
        rest: dict[str, dict[str, list[str]]] = {}
        for name in sorted(self._of_no_image()):
            stem = stem_of(name)
            for key in self._keys_of_mask(stem):
                rest.setdefault(key, {}).setdefault(stem, []).append(name)
        wanting: dict[str, list[str]] = {}
        for image in self._images if rest else ():
            for key in self._keys_of_image(image):
                if key in rest and not any(map(self._counts, self._exact(image))):
                    wanting.setdefault(key, []).append(image)
        found: dict[str, list[str]] = {}
        for key, images in wanting.items():
            if len(images) == 1 and len(rest[key]) == 1:
                (names,) = rest[key].values()
                found.setdefault(images[0], []).extend(n for n in names if n != images[0])
        return {image: names for image, names in found.items() if names}

    def _of_no_image(self) -> Iterator[str]:
        """Masks that no image has the name of."""
        if not (self._by_stem or self._by_base):
            return
        for name in self.names:
            stem = stem_of(name)
            keys = mask_bases(stem) if self._by_base else []
            if not self._mixed:
                keys = [name, stem, *keys]
            elif self._by_stem.get(stem) == name:
                keys = [stem, *keys]
            elif not keys:
                continue
            if self._image_keys.isdisjoint(keys):
                yield name

    @cached_property
    def _image_keys(self) -> set[str]:
        """Everything that a mask of the images may be called."""
        stems = [stem_of(image) for image in self._images]
        bases = (base for stem in stems for base in self._image_bases(stem))
        return {*self._images, *stems, *bases}

    def _keys_of_mask(self, stem: str) -> set[str]:
        bases = mask_bases(stem) if self._by_base and not is_partial_mask(stem) else []
        whole = not self._mixed or stem in self._by_stem
        return {folded(key) for key in ((*bases, stem) if whole else bases)}

    def _keys_of_image(self, filename: str) -> set[str]:
        stem = stem_of(filename)
        return {folded(key) for key in (filename, stem, *self._image_bases(stem))}

    def matches_any(self, filenames: Sequence[str]) -> bool:
        """Whether there is a mask for at least one of these images."""
        if any(next(self._exact(filename), None) for filename in filenames[:_TRIED_FIRST]):
            return True
        if self._images is not filenames:
            return any(next(self.names_of(filename), None) for filename in filenames)
        for masks in (self.names if not self._mixed else (), self._by_stem, self._by_base):
            # without masks nothing is worked out of 100,000 names of images
            if masks and not self._image_keys.isdisjoint(masks):
                return True
        return any(next(self.names_of(filename), None) for filename in self._loosely)

    def is_mostly_of(self, filenames: Sequence[str]) -> bool:
        """Whether at least half of the masks belong to these images."""
        matched = {name for filename in filenames for name in self.names_of(filename)}
        return 0 < len(self.names) <= 2 * len(matched)

    def mask_of(self, filename: str) -> Path | None:
        """The mask of an image in this folder that another program wrote at first, or None."""
        for name in self.names_of(filename):
            if self._counts(name):
                return self.path / name
        return None

    def _counts(self, name: str) -> bool:
        """Whether a mask is ground truth: all are, or those that another program wrote."""
        if self._all_count or not self._may_be_own:
            return True
        if name not in self._foreign:
            path = self.path / name
            replaced = has_record(path)
            self._foreign[name] = (
                bool(versions(path)) if replaced else not written_by_segstudio(path)
            )
        return self._foreign[name]

    def truth_of(self, filename: str) -> Path | None:
        """The ground truth of an image: the mask as another program wrote it last, or as it is."""
        mask = self.mask_of(filename)
        # Asked each time: the first save may come after the folder was listed.
        if mask is None or self._as_is or not os.access(f"{mask.parent}/{ORIGINALS}", os.F_OK):
            return mask  # no file need be looked at
        return original_of(mask) or mask

    @property
    def _may_be_own(self) -> bool:
        """Whether segstudio has written here; only then must headers be looked at."""
        if self._own is None:
            self._own = (self.path / ORIGINALS).exists() or any(
                (folder / "segstudio.json").exists() for folder in _markers(self.path)
            )
        return self._own


def _by_base(masks: Sequence[str]) -> dict[str, list[str]]:
    """Masks by the stem without an ending: x_mask.png by x."""
    found: dict[str, list[str]] = {}
    if have_mask_words(masks):
        for name in sorted(masks):
            stem = stem_of(name)
            for base in mask_bases(stem):
                if not is_partial_mask(stem):
                    found.setdefault(base, []).append(name)
    return found


class _ListedMasks(MaskFolder):
    """Masks that a `metadata.jsonl` names."""

    def __init__(self, path: Path, masks: Mapping[str, list[str]]) -> None:
        """Args:
        path: The folder of the `metadata.jsonl`.
        masks: Paths from there, by the names of the images.
        """
        super().__init__(path, ())
        self._listed = masks

    def names_of(self, filename: str) -> Iterator[str]:
        """The masks that are listed for an image."""
        yield from self._listed.get(filename, ())


class _PatternMasks(MaskFolder):
    """Masks whose names are made of those of their images as a person says."""

    def __init__(
        self,
        path: Path,
        files: Sequence[str],
        pattern: MaskPattern,
        *,
        mixed: bool = False,
        as_is: bool = False,
    ) -> None:
        """Args:
        path: The folder.
        files: Names of the files in it.
        pattern: How the names are made.
        mixed: Whether the images lie there too: none is its own mask.
        as_is: As in `MaskFolder.chosen`.
        """
        super().__init__(path, (), mixed=mixed)
        self._pattern = pattern
        self._files = frozenset(files)
        self._all_count, self._as_is = True, as_is

    def names_of(self, filename: str) -> Iterator[str]:
        """The mask that the pattern tells, if it is there: case and normal form count last."""
        name = self._pattern.name_for(filename)
        there = (self.path / name).is_file() if "/" in name else name in self._files
        if self._mixed and name == filename:
            return
        if there:
            yield name
        else:
            alike = self._by_folded.get(folded(name), [])
            yield from alike if len(alike) == 1 else ()

    @cached_property
    def _by_folded(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._files:
            found.setdefault(folded(name), []).append(name)
        return found


class _ObjectFolder(MaskFolder):
    """All masks of a folder are of one image, one object a file (the nuclei challenge of 2018)."""

    def names_of(self, filename: str) -> Iterator[str]:
        """The folder itself, whatever the image is called."""
        yield "."

    def truth_of(self, filename: str) -> Path | None:
        """The folder; `mask_files.read_object_masks` reads it."""
        return self.path


def find_mask_folders(
    home: Path,
    images: Sequence[ImageRef],
    known: Recognised | None = None,
    listings: Mapping[Path, Listing] | None = None,
) -> tuple[_Table, _Table]:
    """Class and instance mask folders, inside the images' folders and beside them.

    Args:
        home: The folder of the data set, in which `masks/` may be.
        images: The images.
        known: Masks that their content told.
        listings: What some folders hold, where that is known already.

    Returns:
        Two tables by the images' folder ("" is their root). Corrections of ground truth
        (`annotations/`) count only where there is nothing that they could be corrections of.
    """
    groups = _grouped(images)
    root = Path(images[0].root) if images else home
    read = Listings(listings)
    finder = _Finder(home, root, groups, known or Recognised(), read)
    found = _find(finder, groups)
    if any(found) or not finder.left_out_corrections:
        return found
    again = _Finder(home, root, groups, known or Recognised(), read, corrections=True)
    return _find(again, groups)


def _find(finder: _Finder, groups: Mapping[str, Sequence[str]]) -> tuple[_Table, _Table]:
    classes: _Table = {}
    instances: _Table = {}
    for folder, filenames in groups.items():
        found = list(finder.folders_for(folder, filenames))
        for table, wanted in ((classes, False), (instances, True)):
            chosen = tuple(f for f, is_instances in found if is_instances == wanted)
            if chosen:
                table[folder] = chosen
    return classes, instances


def folders_at(
    folder: Path,
    images: Sequence[ImageRef],
    *,
    are_instances: bool = False,
    pattern: MaskPattern | None = None,
    as_is: bool = False,
    of_photos: bool = False,
) -> tuple[_Table, _Table]:
    """The tables for a folder chosen by hand, with the images' sub-folders if it has them.

    Its masks are of instances if that is said, or if the folder is called so. A pattern tells
    their names; else they are found by name. `as_is`: see `MaskFolder.chosen`. None of the images
    is its own mask if they are said to be photos.

    Raises:
        SegstudioError: if the folder cannot be read.
    """
    top = list_folder(folder)
    table: _Table = {}
    for name, filenames in _grouped(images).items():
        nested = folder / name if name and (folder / name).is_dir() else folder
        files = top.files if nested == folder else list_folder(nested).files
        directory = Path(images[0].root, name)
        channels = _has_channels(directory)
        masks = MaskFolder.chosen(nested, files, filenames, channels=channels, as_is=as_is)
        mixed = os.path.realpath(nested) == os.path.realpath(directory)
        if pattern is not None:
            masks = _PatternMasks(nested, files, pattern, mixed=mixed, as_is=as_is)
        elif mixed or holds_photos(files):
            # x_mask.png beside x.png, rather than x.png itself
            twins = _twins_of(filenames, files) if mixed and of_photos else ()
            beside = MaskFolder.chosen(
                nested, files, filenames, mixed=True, as_is=as_is, twins=twins
            )
            if beside.matches_any(filenames) or (mixed and of_photos):
                masks = beside
        if masks.matches_any(filenames):
            table[name] = (masks,)
    is_instances = are_instances or folder.name.casefold() in INSTANCE_FOLDERS
    return ({}, table) if is_instances else (table, {})


def _twins_of(images: Sequence[str], files: Sequence[str]) -> list[str]:
    """Files that are called like one of the images but for their ending: x.png beside x.jpg."""
    own, stems = set(images), set(map(stem_of, images))
    return [name for name in masks_among(files) if name not in own and stem_of(name) in stems]


def holds_photos(files: Iterable[str]) -> bool:
    """Whether there are masks in a folder of which others are the photos: x_mask.png, x.jpg."""
    stems = {stem_of(name) for name in masks_among(files)}
    return any(mask_base(stem) in stems for stem in stems if not is_partial_mask(stem))


def looked_in(
    home: Path,
    root: Path,
    folders: Iterable[str],
    listings: Mapping[Path, Listing] | None = None,
) -> list[Path]:
    """Where masks are looked for by the folders' names, whether any are there or not.

    Args:
        home: The folder of the data set.
        root: The images' folder.
        folders: Its sub-folders with images, "" for itself; of very many the first ones.
        listings: What some folders hold, where that is known already.
    """
    groups: dict[str, Sequence[str]] = dict.fromkeys(sorted(folders)[:_MOST_PLACES], ())
    finder = _Finder(home, root, groups, Recognised(), Listings(listings))
    return list(dict.fromkeys(place for name in groups for place in finder.places(root / name)))


def mask_names(
    folder: Path, images: Sequence[ImageRef], pattern: MaskPattern | None = None
) -> dict[str, str]:
    """The masks in a folder chosen by hand, by the images' names; both as people read them.

    Raises:
        SegstudioError: if the folder cannot be read.
    """
    classes, instances = folders_at(folder, images, pattern=pattern, of_photos=True)
    tables = classes or instances
    found = {}
    for ref in images:
        for masks in tables.get(ref.folder, ()):
            path = masks.truth_of(ref.filename)
            if path is not None:
                found[ref.name] = path.name
                break
    return found


def _has_channels(directory: Path) -> bool:
    return directory.name.casefold() in CHANNEL_FOLDERS


class _Finder:
    """Looks for mask folders, reading each directory once."""

    def __init__(
        self,
        home: Path,
        root: Path,
        groups: Mapping[str, Sequence[str]],
        known: Recognised,
        listings: Listings,
        *,
        corrections: bool = False,
    ) -> None:
        self._home = home
        self._root = root
        self._known = known
        self._image_folders = {root / folder for folder in groups}
        self._one_image_each = len(groups) > 1 and all(len(names) == 1 for names in groups.values())
        self._corrections = corrections
        self.left_out_corrections = False
        self._listings = listings

    def folders_for(
        self, folder: str, filenames: Sequence[str]
    ) -> Iterator[tuple[MaskFolder, bool]]:
        """Mask folders of the images in root/folder: (folder, whether it holds instances)."""
        directory = self._root / folder
        channels = _has_channels(directory)
        yield from ((masks, False) for masks in self._listed(directory, filenames))
        seen: set[Path] = set()
        for candidate, is_instances in self._candidates(directory):
            if candidate in seen or candidate in self._image_folders:
                continue
            seen.add(candidate)
            files = self._listings.of(candidate).files
            kind = MaskFolder.chosen if self._corrections else MaskFolder
            masks = kind(candidate, files, filenames, channels=channels)
            if masks.matches_any(filenames):
                yield masks, is_instances
            if self._are_objects_of(candidate, directory, filenames, masks):
                yield _ObjectFolder(candidate, files), True
        files = self._listings.of(directory).files
        twins = self._known.twins.get(directory, frozenset())
        beside = MaskFolder(directory, files, filenames, mixed=True, channels=channels, twins=twins)
        if beside.matches_any(filenames):
            yield beside, False
        for candidate in self._worded(directory, seen):
            masks = MaskFolder(candidate, self._listings.of(candidate).files, filenames)
            if masks.is_mostly_of(filenames):
                yield masks, "instance" in candidate.name.casefold()

    def places(self, directory: Path) -> Iterator[Path]:
        """The folders that are called as those of masks of the images in `directory`."""
        for candidate, _ in self._candidates(directory):
            if candidate not in self._image_folders:
                yield candidate

    def _listed(self, directory: Path, filenames: Sequence[str]) -> Iterator[MaskFolder]:
        """Masks that a `metadata.jsonl` in the folder or above it names."""
        for above in (directory, *directory.parents[:_LEVELS_UP]):
            if METADATA in self._listings.of(above).files:
                masks: dict[str, list[str]] = {}
                inside = directory.relative_to(above).as_posix()
                for mask, image in listed_masks(above).items():
                    folder, _, name = image.rpartition("/")
                    if (folder or ".") == inside:
                        masks.setdefault(name, []).append(mask)
                if not masks.keys().isdisjoint(filenames):
                    yield _ListedMasks(above, masks)
            if above == self._root:
                return

    def _are_objects_of(
        self, candidate: Path, directory: Path, filenames: Sequence[str], masks: MaskFolder
    ) -> bool:
        """Whether a folder holds the objects of the one image, one a file."""
        if len(filenames) != 1 or candidate.parent not in (directory, directory.parent):
            return False
        named = directory.parent.name == stem_of(filenames[0])
        if not (named or self._one_image_each) or masks.truth_of(filenames[0]) is not None:
            return False
        return any(name != f"{stem_of(filenames[0])}.png" for name in masks.names)

    def _candidates(self, directory: Path) -> Iterator[tuple[Path, bool]]:
        yield from self._named_folders(directory, Path())
        above = directory
        for _ in range(_LEVELS_UP):
            yield from self._siblings(above, directory)
            if above == above.parent:
                return
            if above == self._root and above.parent.name.casefold() not in IMAGE_FOLDERS:
                break
            above = above.parent
        yield from self._named_folders(self._home, Path())
        yield from ((folder, False) for folder in self._known.folders.get(directory, ()))

    def _siblings(self, above: Path, directory: Path) -> Iterator[tuple[Path, bool]]:
        """Mask folders beside `above` that mirror the path from it down to `directory`."""
        inside = directory.relative_to(above)
        parent = above.parent
        for name in truth_folders_of(above.name, self._listings.of(parent).folders):
            yield parent / name / inside, "instance" in name.casefold()
        yield from self._named_folders(parent, inside)
        yield from self._named_folders(parent, above.name / inside)

    def _worded(self, directory: Path, seen: set[Path]) -> Iterator[Path]:
        """Folders inside and beside that of the images with a word like mask in their name.

        Beside it only where both belong to one data set: else it may be another one's.
        """
        known = {os.path.realpath(path) for path in self._image_folders}
        together = directory != self._home or is_image_folder(directory.name)
        for parent in (directory, directory.parent) if together else (directory,):
            for name in sorted(filter(may_hold_masks, self._listings.of(parent).folders)):
                path = parent / name
                corrects = self._leaves_out(path)
                if not corrects and path not in seen and os.path.realpath(path) not in known:
                    yield path

    def _named_folders(self, parent: Path, inside: Path) -> Iterator[tuple[Path, bool]]:
        by_folded: dict[str, list[str]] = {}
        for name in sorted(self._listings.of(parent).folders, reverse=True):  # masks before Masks
            by_folded.setdefault(name.casefold(), []).append(name)
        for known in (*CLASS_FOLDERS, *INSTANCE_FOLDERS):
            for name in by_folded.get(known, ()):
                if self._leaves_out(parent / name):
                    continue
                path = parent / name / inside
                listing = self._listings.of(path)
                if listing.files or listing.special:
                    yield path, known in INSTANCE_FOLDERS
                else:
                    for sub in sorted(listing.folders):
                        yield path / sub, known in INSTANCE_FOLDERS

    def _leaves_out(self, folder: Path) -> bool:
        """Whether a folder holds corrections, and these do not count."""
        if self._corrections or "segstudio.json" not in self._listings.of(folder).files:
            return False
        corrects = holds_corrections(folder)
        self.left_out_corrections |= corrects
        return corrects


def _grouped(images: Sequence[ImageRef]) -> Mapping[str, Sequence[str]]:
    if isinstance(images, ImageList) and not has_folders(images.names):
        return {"": images.names}
    groups: dict[str, list[str]] = {}
    for ref in images:
        groups.setdefault(ref.folder, []).append(ref.filename)
    return groups


def _markers(path: Path) -> Iterator[Path]:
    """Where `segstudio.json` lies if segstudio has written here: beside the class masks."""
    yield path
    parts = list(path.parts)
    for i in range(len(parts) - 1, max(len(parts) - _LEVELS_UP, 0), -1):
        if parts[i] == "instances":
            yield Path(*parts[:i], "masks", *parts[i + 1 :])
