"""An open folder: its images, its ground truth, its classes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from segstudio.core.channel_looks import AS_IN_FILES, ChannelLooks
from segstudio.core.errors import SegstudioError
from segstudio.core.pixel_size import NOTHING_SAID, PixelSizes
from segstudio.core.regular_file import check_regular
from segstudio.core.schema import LabelSchema
from segstudio.core.text import printable
from segstudio.core.tones import AS_FOUND, Contrast
from segstudio.storage.folders import user_folders
from segstudio.storage.image_ref import PAGE_MARK, ImageList, ImageRef
from segstudio.storage.layout import IMAGE_KINDS, IMAGE_SUFFIXES, folders_of, suffix_of
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.masks import has_provenance
from segstudio.storage.scan import Scan, scan, special_masks
from segstudio.storage.schema_file import (
    SCHEMA_NAME,
    SeenClasses,
    corrections_name,
    find_schema_file,
    read_schema,
    unread_rules,
)
from segstudio.storage.states import (
    NOWHERE,
    LastPlace,
    load_channels,
    load_chosen_masks,
    load_contrast,
    load_pixel_sizes,
    load_place,
    load_provenance,
    load_read_as,
)
from segstudio.storage.truth import ReadAs, TruthIndex
from segstudio.storage.truth_folders import looked_in, mask_names
from segstudio.storage.unread_annotations import unread_annotations
from segstudio.storage.write_root import Identity, identity_of

_NONE_CHOSEN = ChosenMasks()
_WORD: Final = re.compile(r"[^\W\d_A-Z]+|[A-Z](?:[^\W\d_A-Z]+|[A-Z]*(?![^\W\d_A-Z]))")
_OF_ANY_DATA: Final = frozenset(
    ("annotations", "data", "dataset", "datasets", "gt", "image", "images", "img", "imgs", "input",
     "instances", "labels", "masks", "photos", "raw", "test", "testing", "train", "training",
     "truth", "val", "valid", "validation")
)  # fmt: skip
"""Words of which a folder's name may consist that does not say what its images show."""
_LOOKED_AT = 16


@dataclass(frozen=True)
class Project:
    """An open folder.

    Attributes:
        root: The folder of the data set; annotations go to its `masks/` and `instances/`.
        images_root: The folder that the images' names start from: `root` or, say, its `images/`.
        images: The images in natural order.
        truth: Where the ground truth is, or None.
        schema: The classes as written in `segstudio.json` (else None: see `truth.schema`).
        data_folder: The user's folder for what belongs to this folder: its marks.
        notes: Sentences worth showing.
        passed_over: One of them: how many images are of kinds that cannot be read; "" if none.
        special: Another: which names like images or masks are no files but pipes or devices; "" if
            none.
        unread: Another: which annotation files of other programs cannot be read; "" if none.
        unused: Another: why masks that a person chose are not used; "" if they are.
        damaged: Others: which files of the user's own for this folder were damaged.
        start: Position of the image to open first.
        masks: The masks that a person chose; else they were found.
        recalled: Whether these were chosen when the folder was open before.
        identity: Tells the folder from another one that comes to the same path later.
        classes: What its files of classes said; for whoever writes them.
        contrast: How bright its images are shown.
        left_at: Where it was left the last time; `start` is there, unless an image was asked for.
        channels: How their channels are shown together.
        pixel_sizes: What was said of the size of their pixels.
        provenance: Whether it is kept who writes which pixels of its annotations.
        network: The folder of a network that lies there too.
    """

    root: Path
    images_root: Path
    images: ImageList
    truth: TruthIndex | None = None
    schema: LabelSchema | None = None
    data_folder: Path = field(default_factory=Path)
    notes: tuple[str, ...] = ()
    unread: str = ""
    passed_over: str = ""
    special: str = ""
    unused: str = ""
    damaged: tuple[str, ...] = ()
    start: int = 0
    identity: Identity | None = None
    masks: ChosenMasks = _NONE_CHOSEN
    recalled: bool = False
    classes: SeenClasses = field(default_factory=SeenClasses, compare=False)
    contrast: Contrast = AS_FOUND
    left_at: LastPlace = NOWHERE
    channels: ChannelLooks = AS_IN_FILES
    pixel_sizes: PixelSizes = NOTHING_SAID
    provenance: bool = False
    network: Path | None = None

    @property
    def name(self) -> str:
        """The folder's name for people."""
        return printable(self.root.name or str(self.root))

    @property
    def words(self) -> frozenset[str]:
        """Words in the names of the folder and of its files that may say what the images show."""
        inner = [self.images_root, *(() if self.truth is None else self.truth.folders)]
        chosen = () if self.masks.folder is None else (self.masks.folder,)
        return words_in((self.root, *chosen), self.images, inner)

    def index_of(self, path: Path, page: int = 0) -> int | None:
        """Position of the image with this path, or of a page of it; None if it is not there."""
        try:
            name = path.relative_to(self.images_root).as_posix()
        except ValueError:
            return None
        return self.images.position(ImageRef(name, str(self.images_root), page))

    def place_of_key(self, key: str) -> int | None:
        """Position of the image or page with a key (`ImageRef.key`); None if it is not there."""
        place = self.index_of(self.images_root / key)
        name, _, page = key.rpartition(PAGE_MARK)
        if place is None and name and page.isdecimal():
            place = self.index_of(self.images_root / name, int(page) - 1)
        return place


def words_in(
    roots: Sequence[Path], images: Sequence[ImageRef], inner: Iterable[Path] = ()
) -> frozenset[str]:
    """Words in names that may say what images show, in small letters.

    Args:
        roots: The data set's folder, and others of its files. For one that is called "train" or
            the like the folder above it tells.
        images: The images, at least one: what their names have in common tells.
        inner: Folders of images and masks; the names of those inside the first root tell.
    """
    named: set[str] = set()
    for root in roots:
        own = (_words_of(folder.name) - _OF_ANY_DATA for folder in (root, root.parent))
        named |= next((words for words in own if words), set())
    for folder in inner:
        if folder.is_relative_to(roots[0]):
            named |= _words_of(" ".join(folder.relative_to(roots[0]).parts))
    step = max(1, len(images) // _LOOKED_AT)
    stems = (_words_of(ref.stem) for ref in images[::step][:_LOOKED_AT])
    return frozenset(named | set.intersection(*stems))


def _words_of(name: str) -> set[str]:
    return {word.group().casefold() for word in _WORD.finditer(name)}


def open_project(
    root: Path,
    home: Path | None = None,
    said: ReadAs | None = None,
    masks: ChosenMasks | None = _NONE_CHOSEN,
) -> Project:
    """Find images, ground truth and classes from a folder, or from the folder of an image.

    Reads names and a few masks, so it takes a fraction of a second for 100,000 images; it is
    still meant for a background thread, since a folder may lie on a slow drive.

    Args:
        root: A folder, or an image file: then its folder, opened at that image.
        home: The user's folder for settings and data, for tests; else the system's.
        said: How the masks are read; None for what the user said of them earlier.
        masks: The masks that a person chose; those chosen when the folder was open before, if
            they can still be used, for None. Else they are found.

    Raises:
        SegstudioError: if there is no such folder, it cannot be read, or it has no images. That
            none of the chosen masks belongs to them is a note.
    """
    if masks is None:
        return _recalled(open_project(root, home, said), root, home, said)
    path, opened = _folder_and_image(Path(os.path.normpath(root.absolute())))
    found = scan(path, masks)
    if not found.names:
        raise SegstudioError(
            f"There are no images in {path}.",
            " ".join(filter(None, (found.passed_over, found.special)))
            or f"segstudio reads {IMAGE_KINDS}, also in sub-folders.",
        )
    identity = identity_of(found.home)
    images = ImageList(found.names, str(found.images_root))
    images.look_at_names()
    homes = (found.home / name for name in ("masks", corrections_name(found.home)))
    # Before they are read: a change in between is then noticed when they are replaced.
    classes = SeenClasses.of(home / SCHEMA_NAME for home in homes)
    schema, rules = _classes_for(found, images, masks)
    classes.read = schema
    data_folder = user_folders(home).of_project(found.home)
    said = load_read_as(data_folder) if said is None else said
    wanted = load_provenance(data_folder)
    unused = ""
    try:
        truth = _truth_of(found, images, schema, said, masks)
    except SegstudioError as error:  # of masks that were chosen; the images can be opened
        truth, unused = None, str(error)
    explained_by = None if truth is None else truth.explained_by
    unread = unread_annotations(found.home, images, found.listings, explained_by)
    with_images = folders_of(found.names)
    inside = {found.images_root / each for each in with_images}
    used = () if truth is None else truth.folders
    chosen = () if masks.folder is None else (masks.folder,)
    looked = looked_in(found.home, found.images_root, with_images, found.listings)
    apart = [each for each in dict.fromkeys((*used, *chosen, *looked)) if each not in inside]
    special = " ".join(filter(None, (found.special, special_masks(apart, found.home))))
    told = (found.passed_over, special, unread, unused, rules)
    project = Project(
        found.home,
        found.images_root,
        images,
        truth,
        schema,
        data_folder,
        (*found.notes, *(text for text in told if text)),
        unread,
        found.passed_over,
        special,
        unused,
        identity=identity,
        masks=masks,
        classes=classes,
        contrast=load_contrast(data_folder),
        channels=load_channels(data_folder),
        pixel_sizes=load_pixel_sizes(data_folder),
        provenance=has_provenance(found.home) if wanted is None else wanted,
    )
    if opened is not None:
        return replace(project, start=project.index_of(opened) or 0)
    left_at = load_place(data_folder)
    start = project.index_of(found.images_root / left_at.image, left_at.page)
    return project if start is None else replace(project, start=start, left_at=left_at)


def _folder_and_image(path: Path) -> tuple[Path, Path | None]:
    """The folder to open, and the image of it that was named if one was."""
    if not path.is_file():
        if not path.is_dir():
            check_regular(path)
        return path, None
    if suffix_of(path.name) not in IMAGE_SUFFIXES:
        raise SegstudioError(
            f"{path} is not an image that segstudio reads.",
            f"It reads {IMAGE_KINDS}; open such a file, or a folder of them.",
        )
    return path.parent, path


def _recalled(usual: Project, root: Path, home: Path | None, said: ReadAs | None) -> Project:
    """A folder with the masks that were chosen for it before, if they can still be used."""
    chosen = load_chosen_masks(usual.data_folder)
    if not chosen:
        return usual
    try:
        found = open_project(root, home, said, chosen)
        why = found.unused
    except SegstudioError as error:
        why = str(error)
    if not why:
        return replace(found, recalled=True)
    why = f"The ground truth chosen before cannot be used. {why}"
    return replace(usual, notes=(*usual.notes, why), unused=why)


def _truth_of(
    found: Scan,
    images: ImageList,
    schema: LabelSchema | None,
    said: ReadAs,
    masks: ChosenMasks,
) -> TruthIndex | None:
    if not masks:
        return TruthIndex.find(found.home, images, schema, found.masks, said, found.listings)
    folder = found.images_root if masks.folder is None else masks.folder
    return TruthIndex.at(folder, images, schema, said=said, pattern=masks.pattern, of_photos=True)


def _classes_for(
    found: Scan, images: ImageList, masks: ChosenMasks
) -> tuple[LabelSchema | None, str]:
    """The classes of a data set, and what of their file cannot be used."""
    chosen = _schema_of(masks)
    path = find_schema_file(found.home, found.images_root, images) if chosen is None else None
    return (chosen, "") if path is None else (read_schema(path), unread_rules(path))


def _schema_of(masks: ChosenMasks) -> LabelSchema | None:
    """The classes beside masks that were chosen."""
    path = None if masks.folder is None else masks.folder / SCHEMA_NAME
    return None if path is None or not path.is_file() else read_schema(path)


def preview_of_masks(project: Project, masks: ChosenMasks) -> str:
    """How many images would have a mask, and of one of them which: a sentence for people."""
    folder = project.images_root if masks.folder is None else masks.folder
    try:
        names = mask_names(folder, project.images, masks.pattern)
    except SegstudioError as error:
        return str(error)
    if not names and masks.pattern is None and os.path.realpath(folder) in _homes(project):
        return (
            "No image has a mask there: an image is not its own mask; those beside their images "
            "end with _mask, _label or _gt, or are called as Names says."
        )
    if not names:
        first = project.images[0].filename
        wanted = first if masks.pattern is None else masks.pattern.name_for(first)
        return f"No image has a mask there; for {first}, {wanted} was looked for."
    image, mask = next(iter(names.items()))
    return f"{len(names)} of {len(project.images)} images have a mask there: {image} has {mask}."


def _homes(project: Project) -> set[str]:
    """The folders in which a project's images lie."""
    root = project.images_root
    return {os.path.realpath(root / each) for each in folders_of(project.images.names)}
