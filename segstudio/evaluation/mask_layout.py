"""Where the masks of one side of a comparison lie: its class maps, and its maps of objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.storage.folders import require_folder
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.layout import (
    CLASS_FOLDERS,
    IMAGE_FOLDERS,
    INSTANCE_FOLDERS,
    mask_base,
    stem_of,
)
from segstudio.storage.mask_files import masks_among, pages_in
from segstudio.storage.mask_pattern import MaskPattern
from segstudio.storage.natural_order import natural_order
from segstudio.storage.panoptic_results import PANOPTIC_NAME
from segstudio.storage.scan import Listing, is_output_folder, list_folder, special_masks
from segstudio.storage.schema_file import SCHEMA_NAME, read_entry
from segstudio.storage.truth import NOTHING_SAID, ReadAs, TruthIndex
from segstudio.storage.truth_folders import holds_photos
from segstudio.storage.unread_annotations import unread_in

_MAX_DEPTH: Final = 4
_NO_CLASS_MAPS: Final = (*IMAGE_FOLDERS, *INSTANCE_FOLDERS)


@dataclass(frozen=True)
class MaskPlace:
    """A folder that was named, and where in or beside it the masks lie.

    Attributes:
        given: The folder that was named.
        classes: The masks: class maps, or maps of objects if there are no others.
        instances: Maps of objects that belong to the class maps, or None.
        pattern: How the names of the class maps are made of those of the images, if that was said.
    """

    given: Path
    classes: Path
    instances: Path | None = None
    pattern: MaskPattern | None = None

    @classmethod
    def of(
        cls,
        folder: Path,
        instances: Path | None = None,
        apart: Sequence[Path] = (),
        pattern: MaskPattern | None = None,
    ) -> MaskPlace:
        """Find the class maps and the maps of objects of a folder.

        The masks lie in the folder itself or, of a data set, in its `masks/`, `SegmentationClass/`
        or the like. The objects lie in `instances/` or the like inside it, or beside it if it is
        called as folders of class maps are.

        Args:
            folder: The folder.
            instances: Where the maps of objects lie, if that was said.
            apart: Folders of the other side, which hold no objects of this one.
            pattern: How the names of the masks are made; then they lie in the folder itself.

        Raises:
            SegstudioError: if a folder is missing or cannot be read.
        """
        require_folder(folder)
        if instances is not None:
            require_folder(instances)
        listing = list_folder(folder)
        inner = _known(folder, listing, CLASS_FOLDERS)
        if pattern is not None:
            classes = folder
        elif inner is not None and not is_output_folder(folder, masks_among(listing.files)):
            classes = inner
        elif any(_masks_in(folder, predicted=False)):
            classes = folder
        else:
            classes = _known(folder, listing, INSTANCE_FOLDERS) or folder
        found = instances or _objects_of(classes, folder, {path.resolve() for path in apart})
        return cls(folder, classes, None if found == classes else found, pattern)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders with masks."""
        return (self.classes,) if self.instances is None else (self.classes, self.instances)

    @property
    def schema_path(self) -> Path | None:
        """The `segstudio.json` beside the class maps or in the folder, or None."""
        paths = (folder / SCHEMA_NAME for folder in dict.fromkeys((self.classes, self.given)))
        return next((path for path in paths if path.is_file()), None)

    def index(
        self,
        refs: Sequence[ImageRef],
        schema: LabelSchema | None = None,
        said: ReadAs = NOTHING_SAID,
    ) -> TruthIndex:
        """What belongs to some images, and what its values mean by a first look.

        Raises:
            SegstudioError: if a folder cannot be read, or no mask belongs to any of them.
        """
        return TruthIndex.at(
            self.classes, refs, schema, self.instances, said, self.pattern, as_is=True
        )

    def masks(self) -> list[ImageRef]:
        """The class maps themselves; of a file that holds those of a stack each page.

        Raises:
            SegstudioError: if there is none, or a folder cannot be read.
        """
        names = [name for _, name in _masks_in(self.classes)]
        if not names:
            raise SegstudioError(
                f"There are no masks in {self.classes}.",
                unread_in(self.classes)
                or special_masks([self.classes], self.classes)
                or "Give the folder of the PNGs.",
            )
        refs = [ImageRef(name, str(self.classes)) for name in natural_order(names)]
        return [ref.at_page(page) for ref in refs for page in range(pages_in(ref.path))]

    def images(self) -> list[ImageRef]:
        """The images that there are masks of, under the names that the masks' names say.

        Raises:
            SegstudioError: if a folder cannot be read.
        """
        found = [_masks_in(folder) for folder in self.folders]
        if self.pattern is not None:
            found = [_named_so(self.classes, self.pattern)]
        pages: dict[str, int] = {}
        for folder, masks in zip(self.folders, found, strict=False):
            for image, name in masks:
                pages[image] = max(pages.get(image, 1), pages_in(folder / name))
        # Not among the masks: there a name without an ending would be a photo's.
        root = str(self.given.parent)
        refs = [ImageRef(f"{name}.png", root) for name in natural_order([*pages])]
        return [ref.at_page(page) for ref in refs for page in range(pages[ref.name[:-4]])]

    def all_folders(self) -> list[Path]:
        """The folders with masks, and those of the masks that lie below."""
        names = (PurePosixPath(name) for _, name in _masks_in(self.classes))
        return [*self.folders, *dict.fromkeys(self.classes / name.parent for name in names)]

    def name_of(self, path: Path) -> str:
        """The name of one of the masks, from the folder that was named if it lies there."""
        for folder in (self.given, *self.folders):
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        return path.name


def _named_so(folder: Path, pattern: MaskPattern) -> Iterator[tuple[str, str]]:
    """Masks that are called as a pattern says, as `_masks_in` tells them."""
    inside = PurePosixPath(pattern.text).parent.as_posix()
    if "{" in inside:  # each image has a folder of its own; those of images without are not known
        return
    prefix = "" if inside == "." else f"{inside}/"
    for name in list_folder(folder / inside).files:
        image = pattern.stem_in(prefix + name)
        if image is not None:
            yield image, prefix + name


def _known(folder: Path, listing: Listing, names: Sequence[str]) -> Path | None:
    """The first sub-folder of one of these names that has masks in it."""
    by_folded = {name.casefold(): name for name in listing.folders}
    paths = (folder / by_folded[name] for name in names if name in by_folded)
    return next((path for path in paths if any(_masks_in(path))), None)


def _objects_of(classes: Path, given: Path, apart: Collection[Path]) -> Path | None:
    """Maps of objects inside or beside the class maps, or inside the folder that was named."""
    if classes.name.casefold() in INSTANCE_FOLDERS:
        return None
    places = [classes, given]
    if classes.name.casefold() in CLASS_FOLDERS:
        places.append(classes.resolve().parent)
    for place in dict.fromkeys(places):
        try:
            found = _known(place, list_folder(place), INSTANCE_FOLDERS)
        except SegstudioError:
            continue
        if found is not None and found.resolve() not in apart:
            return found
    return None


def _masks_in(
    folder: Path, prefix: str = "", depth: int = 0, *, predicted: bool = True
) -> Iterator[tuple[str, str]]:
    """Masks in a folder: the name without ending of the image that each is of, and its own name.

    Of the folder itself; where no mask lies directly in it, of its sub-folders, but for those of
    photos and of objects. Folders of `predict` inside it are a model's answers to the same images:
    they count where nothing else is there, and `predicted` is not False.
    """
    listing = list_folder(folder)
    names = masks_among(listing.files)
    mixed = holds_photos(names)
    for name in names:
        stem = stem_of(name)
        base = mask_base(stem)
        if base is not None or not mixed:
            yield prefix + (base or stem), prefix + name
    if not names and depth < _MAX_DEPTH:
        yield from _masks_below(folder, listing, prefix, depth + 1, predicted=predicted)


def _masks_below(
    folder: Path, listing: Listing, prefix: str, depth: int, *, predicted: bool
) -> Iterator[tuple[str, str]]:
    others = [f for f in listing.folders if f.casefold() not in _NO_CLASS_MAPS]
    if len(others) > 1 and f"{PANOPTIC_NAME}.json" in listing.files:
        others = [f for f in others if f != PANOPTIC_NAME]  # the same masks once more
    answers = [f for f in others if read_entry(folder / f, "predict") is not None]
    rest = [f for f in others if f not in answers]
    found = False
    for name in rest:
        for mask in _masks_in(folder / name, f"{prefix}{name}/", depth, predicted=predicted):
            found = True
            yield mask
    if predicted and not found:
        for name in answers:
            yield from _masks_in(folder / name, f"{prefix}{name}/", depth)
