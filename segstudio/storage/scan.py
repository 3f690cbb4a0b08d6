"""Find the images of a folder: names only, no `stat`, in natural order."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import count_text, counted
from segstudio.core.regular_file import kind_of
from segstudio.core.text import enumerated, printable
from segstudio.storage.formats.png import is_output
from segstudio.storage.layout import (
    IMAGE_FOLDERS,
    IMAGE_KINDS,
    folded,
    have_image_words,
    have_mask_words,
    image_bases,
    images_among,
    mask_bases,
    may_hold_masks,
    stem_of,
    suffix_of,
    truth_folders_among,
    unread_kinds,
    without_image_suffix,
)
from segstudio.storage.mask_files import flatness, masks_among
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.metadata_jsonl import METADATA, listed_masks
from segstudio.storage.natural_order import natural_order

_NONE_CHOSEN = ChosenMasks()
_MOST_NAMED = 3
_MAX_DEPTH = 4
_MOST_COMPARED = 16
"""Of more sub-folders none is looked at for being masks of another."""
_LOOKED_AT = 4
_MASK_FORMS = (".png", ".tif", ".tiff", ".bmp", ".gif")
"""Endings of forms that masks beside photos of the same name have."""
_MASK_FLATNESS = 0.75
"""Share of pixels that are like their right neighbour: of masks more, of photos hardly ever."""
_CLEARLY = 4
"""How many times as often a photo changes from pixel to pixel as its mask, where names don't tell."""


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        files: Names of files, hidden ones left out, unsorted. Links to nothing are among them, so
            that opening one says what is wrong; pipes and devices are not.
        folders: Names of folders, hidden ones left out, unsorted.
        special: By the names of pipes, sockets and devices, and links to them, what each is.
    """

    files: list[str]
    folders: list[str]
    special: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recognised:
    """Masks that their content tells, since their names do not.

    Attributes:
        folders: Folders of masks, by the folder of the images that they are of.
        twins: Names of masks that are called as an image beside them is but for the ending
            (x.png beside x.jpg), by their folder.
    """

    folders: Mapping[Path, tuple[Path, ...]] = field(default_factory=dict)
    twins: Mapping[Path, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scan:
    """The images found from a folder.

    Attributes:
        home: The folder of the data set, in which `masks/` lies or will lie.
        images_root: The folder that the names start from.
        names: Names of images relative to `images_root`, in natural order.
        notes: Sentences worth showing ("images of the sub-folders a, b").
        passed_over: One sentence about images of kinds that cannot be read; "" if there are none.
        special: One about pipes, sockets and devices that are called like images.
        masks: Masks that were told by their content.
        listings: What the folders that were looked into hold.
    """

    home: Path
    images_root: Path
    names: list[str]
    notes: tuple[str, ...] = ()
    passed_over: str = ""
    special: str = ""
    masks: Recognised = field(default_factory=Recognised)
    listings: Mapping[Path, Listing] = field(default_factory=dict)


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


class Listings:
    """What folders hold, each looked at once; one that cannot be read counts as empty."""

    def __init__(self, known: Mapping[Path, Listing] | None = None) -> None:
        """Args:
        known: Those that were looked at already.
        """
        self._known = dict(known or {})

    def of(self, folder: Path) -> Listing:
        """The names in a folder."""
        if folder not in self._known:
            try:
                self._known[folder] = list_folder(folder)
            except SegstudioError:
                self._known[folder] = Listing([], [])
        return self._known[folder]


def _sorted_out(entries: Iterable[os.DirEntry[str]]) -> Listing:
    listing = Listing([], [])
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_file(follow_symlinks=False):
            listing.files.append(entry.name)
        elif entry.is_dir(follow_symlinks=False):
            listing.folders.append(entry.name)
        elif entry.is_symlink():
            _add_link(entry, listing)
        else:
            _add_special(entry, listing)
    return listing


def _add_link(link: os.DirEntry[str], listing: Listing) -> None:
    try:
        mode = link.stat().st_mode
    except OSError:  # it leads nowhere, or in a circle
        listing.files.append(link.name)
        return
    if stat.S_ISDIR(mode):
        listing.folders.append(link.name)
    elif stat.S_ISREG(mode):
        listing.files.append(link.name)
    else:
        listing.special[link.name] = kind_of(mode)


def _add_special(entry: os.DirEntry[str], listing: Listing) -> None:
    with suppress(OSError):  # it is gone meanwhile
        listing.special[entry.name] = kind_of(entry.stat().st_mode)


def image_names(files: Iterable[str]) -> list[str]:
    """The images among file names, without masks that lie beside their image; unsorted."""
    names = images_among(files)
    if not have_mask_words(names):
        return names
    suspects = {name: bases for name in names if (bases := mask_bases(stem_of(name)))}
    stems = {folded(stem_of(name)) for name in names} if suspects else set()
    masks = {name for name, bases in suspects.items() if _is_mask(name, bases, stems)}
    if len(masks) < len(suspects) and have_image_words(names):  # x_img.png and x_masks.png
        stems = {folded(base) for name in names for base in image_bases(stem_of(name))}
        masks |= {name for name, bases in suspects.items() if _is_mask(name, bases, stems)}
    return [name for name in names if name not in masks]


def _is_mask(name: str, bases: Iterable[str], stems: set[str]) -> bool:
    """Whether an image that a mask's name speaks of is there."""
    stem = stem_of(name)
    if stem.endswith("_L") and f"{folded(stem[:-2])}_r" in stems:
        return False  # the left and the right photo of a pair
    return any(folded(base) in stems for base in bases)


def scan(root: Path, masks: ChosenMasks = _NONE_CHOSEN) -> Scan:
    """The images that opening `root` means.

    Images directly in the folder; else those of its `images/` (or the like); else those of all
    sub-folders that are not folders of masks (train/, val/) nor of what segstudio wrote. What a
    person says is masks is not listed either.

    Args:
        root: The folder.
        masks: What is known to be masks.

    Raises:
        SegstudioError: if the folder is missing or may not be read.
    """
    listing = list_folder(root)
    look = _Look({root: listing}, masks)
    direct = look.images_in(root)
    if direct:
        home, images_root, prefix = _home_of(root)
        return look.result(home, images_root, [prefix + name for name in direct])
    for name in _image_folders(listing.folders):
        names = look.below(root / name, "", 1)
        if names:
            home = root / name if (root / name / "masks" / "segstudio.json").exists() else root
            return look.result(home, root / name, names)
    names = look.in_sub_folders(root, "", 0)
    if not names and masks.folder is not None:  # the masks lie among the images
        return scan(root, ChosenMasks(pattern=masks.pattern))
    used = sorted({name.partition("/")[0] for name in names})
    folders = f"sub-folder{'s' * (len(used) > 1)}"
    notes = (f"Images of the {folders} {', '.join(used)}.",) if used else ()
    return look.result(root, root, names, notes)


class _Look:
    """One look at a folder and what is below it: what was found on the way."""

    def __init__(self, listings: dict[Path, Listing], masks: ChosenMasks) -> None:
        self._listings = listings
        self._root = next(iter(listings))
        self._special: dict[str, str] = {}
        self._pattern = masks.pattern
        self._apart = None if masks.folder is None else Path(os.path.realpath(masks.folder))
        self._unread: Counter[str] = Counter()
        self._masks: dict[Path, list[Path]] = {}
        self._twins: dict[Path, frozenset[str]] = {}
        self._notes: list[str] = []
        self._listed: set[Path] = set()
        self._too_deep = ""

    def result(
        self, home: Path, images_root: Path, names: list[str], notes: tuple[str, ...] = ()
    ) -> Scan:
        """What was found, the names in natural order."""
        return Scan(
            home,
            images_root,
            natural_order(names),
            (*notes, *self._notes, *self._note_of_depth()),
            _passed_over(self._unread),
            _without_special(self._special),
            Recognised(
                {folder: tuple(masks) for folder, masks in self._masks.items()}, self._twins
            ),
            self._listings,
        )

    def _note_of_depth(self) -> tuple[str, ...]:
        if not self._too_deep:
            return ()
        note = (
            f"Sub-folders more than {_MAX_DEPTH} levels down are not looked into, such as "
            f"{self._too_deep}; open the folder above it to see its images."
        )
        return (note,)

    def images_in(self, folder: Path) -> list[str]:
        """The images directly in a folder; what is called like one and cannot be read is counted."""
        files = self._listings[folder].files
        special = self._listings[folder].special
        for name in images_among(special):
            self._special[(folder / name).relative_to(self._root).as_posix()] = special[name]
        self._unread.update(unread_kinds(files).values())
        names = image_names(files)
        if METADATA in files:
            self._listed |= {folder / name for name in listed_masks(folder)}
        if twins := twins_among(folder, names):
            self._twins[folder] = twins
            self._notes.append(_of_twins(twins))
            names = [name for name in names if name not in twins]
        if self._pattern is not None and self._apart in (None, Path(os.path.realpath(folder))):
            made = {name: self._pattern.name_for(name) for name in names}
            self._listed |= {folder / mask for mask in made.values() if "/" in mask}
            masks = {folded(mask) for name, mask in made.items() if mask != name}
            names = [name for name in names if folded(name) not in masks]
        if self._listed:
            names = [name for name in names if folder / name not in self._listed]
        return names

    def below(self, folder: Path, prefix: str, depth: int) -> list[str]:
        """Images below a folder that may not be readable; such a sub-folder is left out."""
        if self._apart is not None and Path(os.path.realpath(folder)) == self._apart:
            return []
        if folder.is_symlink() and _leads_up(folder):
            return []  # what lies there is there already
        try:
            self._listings[folder] = list_folder(folder)
        except SegstudioError:
            return []
        found = self.images_in(folder)
        names = [] if is_output_folder(folder, found) else [prefix + name for name in found]
        if depth < _MAX_DEPTH:
            return names + self.in_sub_folders(folder, prefix, depth)
        inner = self._listings[folder].folders
        for name in sorted(set(inner) - truth_folders_among(inner)) if not self._too_deep else ():
            if _holds_something(folder / name):
                self._too_deep = f"{prefix}{name}"
                break
        return names

    def in_sub_folders(self, folder: Path, prefix: str, depth: int) -> list[str]:
        """Images of the sub-folders, but for folders of masks."""
        listing = self._listings[folder]
        masks = truth_folders_among(listing.folders)
        if depth == 0:
            masks |= {name for name in listing.folders if name.casefold() == "predictions"}
        found = {}
        for name in listing.folders:
            if name not in masks:
                found[name] = self.below(folder / name, f"{prefix}{name}/", depth + 1)
        self._take_masks_out(folder, prefix, found)
        return [name for names in found.values() for name in names]

    def _take_masks_out(self, folder: Path, prefix: str, found: dict[str, list[str]]) -> None:
        """Take out of the sub-folders those that hold masks of the images of another one."""
        filled = {name: names for name, names in found.items() if names}
        if not 2 <= len(filled) <= _MOST_COMPARED:
            return
        inside = {
            name: {n[len(prefix) + len(name) + 1 :]: n for n in names}
            for name, names in filled.items()
        }
        keys = {name: _keys_of(inner) for name, inner in inside.items()}
        for name in sorted(filled, key=lambda n: not may_hold_masks(n)):
            for other in filled:
                pairs = {k: (v, keys[other][k]) for k, v in keys[name].items() if k in keys[other]}
                enough = name != other and other in found and 2 * len(pairs) >= len(inside[name])
                if enough and _are_masks_of(folder, name, other, list(pairs.values())):
                    found.pop(name)
                    self._tell_masks(folder, name, other, inside[name], len(pairs))
                    break

    def _tell_masks(
        self, folder: Path, name: str, other: str, inner: Iterable[str], pairs: int
    ) -> None:
        count = len(list(inner))
        self._notes.append(
            f"{name}/ is taken for masks of {other}/: {pairs} of its {count} files have the name "
            "of an image there."
        )
        subs = {n.rpartition("/")[0] for n in inner}
        for sub in sorted(subs):
            self._masks.setdefault(folder / other / sub, []).append(folder / name / sub)


def _leads_up(link: Path) -> bool:
    """Whether a link leads to a folder that it lies in itself."""
    return Path(os.path.realpath(link.parent)).is_relative_to(os.path.realpath(link))


def _holds_something(folder: Path) -> bool:
    """Whether there are images in a folder, or more folders."""
    try:
        found = list_folder(folder)
    except SegstudioError:
        return False
    return bool(found.folders or images_among(found.files))


def twins_among(folder: Path, names: Sequence[str]) -> frozenset[str]:
    """Masks called as an image beside them is but for the ending: x.png or x.jpg.png beside x.jpg.

    At least half of the files of an ending must be so, and be far flatter than the others: the same
    photo may well be kept in two forms, and two drawings may have one name.
    """
    by_suffix: dict[str, dict[str, str]] = {}
    if len({end.lower() for end in {name.rpartition(".")[2] for name in names}}) < 2:
        return frozenset()
    for name in names:
        stem = without_image_suffix(stem_of(name))
        by_suffix.setdefault(suffix_of(name), {})[folded(stem)] = name
    for suffix in _MASK_FORMS:
        masks = by_suffix.get(suffix, {})
        for other, images in by_suffix.items():
            if other == suffix or not masks:
                continue
            pairs = [(name, images[stem]) for stem, name in masks.items() if stem in images]
            enough = 2 * len(pairs) >= len(masks)
            verdicts = _flatter(folder, folder, pairs, clearly=True) if enough else []
            if verdicts and all(verdicts):
                return frozenset(mask for mask, _ in pairs)
    return frozenset()


def _of_twins(twins: frozenset[str]) -> str:
    first = min(twins)
    if len(twins) == 1:
        return f"{first} is taken for the mask of the image of the same name beside it."
    return (
        f"{len(twins)} files like {first} are taken for masks of the images of the same names "
        "beside them."
    )


def _keys_of(names: Iterable[str]) -> dict[str, str]:
    """Names below a folder by what a mask and its image have in common."""
    keys = {}
    names = list(names)
    plain = not (have_mask_words(names) or have_image_words(names))
    for name in names:
        folder, _, file = name.rpartition("/")
        stem = stem_of(file)
        whole = without_image_suffix(stem)
        for short in (whole,) if plain else (*image_bases(stem), *mask_bases(stem), whole):
            keys[f"{folded(folder)}/{folded(short)}"] = name
    return keys


def _are_masks_of(folder: Path, name: str, other: str, pairs: list[tuple[str, str]]) -> bool:
    """Whether the files of one folder are masks of those of another with the same names.

    Their content tells: masks are flat, photos are not. Where both are alike, the names tell.
    """
    told = may_hold_masks(name) and not may_hold_masks(other)
    verdicts = _flatter(folder / name, folder / other, pairs, to_the_end=told)
    if not verdicts:
        return told
    return all(verdicts) or (told and any(verdicts))


def _flatter(
    folder: Path,
    others: Path,
    pairs: Sequence[tuple[str, str]],
    *,
    to_the_end: bool = False,
    clearly: bool = False,
) -> list[bool]:
    """Of some pairs, whether the first looks like a mask, and is flatter than the second.

    Ends with the first that does not, unless all are asked for: photos take long to decode.

    Args:
        folder: Of the first ones.
        others: Of the second ones.
        pairs: File names.
        to_the_end: Look at all of them.
        clearly: The second must change from pixel to pixel several times as often, and have the
            same size.
    """
    step = max(1, len(pairs) // _LOOKED_AT)
    verdicts: list[bool] = []
    for mask, image in pairs[::step][:_LOOKED_AT]:
        found, other = flatness(folder / mask), flatness(others / image)
        if found is not None and other is not None:
            flat, rough, times = found[0], other[0], _CLEARLY if clearly else 1
            like = flat >= _MASK_FLATNESS and 1 - rough > times * (1 - flat)
            # A photo turned by its EXIF entry may have a mask that is not.
            verdicts.append(like and (not clearly or sorted(found[1]) == sorted(other[1])))
        if not to_the_end and not all(verdicts):
            break
    return verdicts


def _passed_over(unread: Counter[str]) -> str:
    """One sentence about the images of kinds that cannot be read, counted by kind."""
    if not unread:
        return ""
    kinds = [counted(n, f"{kind} file") for kind, n in sorted(unread.items())]
    verb = "is" if unread.total() == 1 else "are"
    return f"{enumerated(kinds)} {verb} passed over: segstudio reads {IMAGE_KINDS}."


def special_masks(folders: Iterable[Path], home: Path) -> str:
    """One sentence about pipes, sockets and devices that are called like masks; "" if none is.

    Args:
        folders: Folders of masks; those that cannot be read are passed over.
        home: Where their names start, of those inside.
    """
    found: dict[str, str] = {}
    for folder in dict.fromkeys(folders):
        with suppress(SegstudioError):
            special = list_folder(folder).special
            shown = folder.relative_to(home) if folder.is_relative_to(home) else folder
            found |= {(shown / name).as_posix(): special[name] for name in masks_among(special)}
    return _without_special(found)


def _without_special(special: Mapping[str, str]) -> str:
    """One sentence about what is called like an image and is no file, by its name; "" if none is."""
    names = natural_order([*special])
    if not names:
        return ""
    if len(names) == 1:
        return f"{printable(names[0])} is passed over: it is {special[names[0]]}, not a file."
    named = [f"{printable(name)} ({special[name]})" for name in names[:_MOST_NAMED]]
    rest = len(names) - len(named)
    named += [f"{count_text(rest)} more"] if rest else []
    return (
        f"{count_text(len(names))} are passed over, called like images or masks but no "
        f"files: {enumerated(named)}."
    )


def _image_folders(folders: list[str]) -> list[str]:
    known = [name for name in folders if name.casefold() in IMAGE_FOLDERS]
    return sorted(known, key=lambda name: IMAGE_FOLDERS.index(name.casefold()))


def is_output_folder(folder: Path, names: Iterable[str]) -> bool:
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
    return bool(truth_folders_among(folders))
