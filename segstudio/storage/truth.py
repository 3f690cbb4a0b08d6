"""Ground truth beside images: where it is, what its values mean, and reading it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import Color, LabelSchema
from segstudio.storage.found_classes import can_be
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.key_value import KeyValueFile
from segstudio.storage.layout import page_stem
from segstudio.storage.mask_evidence import Evidence
from segstudio.storage.mask_files import pages_in
from segstudio.storage.mask_meaning import NOTHING_SAID, Coding, Decision, Doubt, ReadAs, Zero
from segstudio.storage.mask_pattern import MaskPattern
from segstudio.storage.originals import is_original
from segstudio.storage.panoptic_file import PanopticFile, Segment
from segstudio.storage.scan import Listing, Recognised
from segstudio.storage.truth_coding import decide
from segstudio.storage.truth_folders import MaskFolder, find_mask_folders, folders_at
from segstudio.storage.truth_kinds import TruthKind
from segstudio.storage.truth_values import TruthReading, decode
from segstudio.storage.unread_annotations import unread_in

__all__ = [
    "NOTHING_SAID",
    "Coding",
    "Doubt",
    "ReadAs",
    "TruthIndex",
    "TruthReading",
    "Zero",
    "read_truth",
    "read_truth_file",
    "unknown_ids",
]

_SAMPLES = 24
_PAGE_NAME = re.compile(r"(?P<stem>.+)_p(?P<page>[0-9]{4,9})")
_NOT_LONG = 1000
_FIRST_LOOK_S = 0.25
_FIRST_LOOK_MIN = 4
_Table = dict[str, tuple[MaskFolder, ...]]


@dataclass(frozen=True)
class TruthIndex:
    """Where the ground truth of a folder's images is, and how its values are to be read.

    Found in a moment, in a long list from some of the masks; unless it is `final`, the others can contradict it
    and `settled` looks at all of them. Figures are made from a final one only.

    Attributes:
        classes: Folders of class masks by the images' folder ("" is the images' root), the
            preferred one first.
        instances: Folders of instance masks likewise.
        coding: What the values of the class masks mean.
        schema: The classes: those given, or those found in the masks.
        declared: Whether the classes were given (by `segstudio.json` or the user). If not, class
            ids that turn up later are no error: `unknown_ids` tells them.
        said: What a person said of the masks.
        doubts: What the masks do not tell, or in which they do not agree.
        final: Whether all masks were looked at.
    """

    classes: _Table
    instances: _Table
    coding: Coding
    schema: LabelSchema
    declared: bool
    said: ReadAs = NOTHING_SAID
    doubts: tuple[Doubt, ...] = ()
    final: bool = True
    _found: tuple[_Table, _Table] = field(default=({}, {}), repr=False)
    _evidence: Evidence = field(default_factory=Evidence, repr=False, compare=False)
    _panoptic: PanopticFile | None = field(default=None, repr=False, compare=False)

    @classmethod
    def find(
        cls,
        home: Path,
        images: Sequence[ImageRef],
        schema: LabelSchema | None = None,
        known: Recognised | None = None,
        said: ReadAs = NOTHING_SAID,
        listings: Mapping[Path, Listing] | None = None,
    ) -> TruthIndex | None:
        """Find ground truth inside the images' folders or beside them; None if there is none.

        Args:
            home: The folder of the data set.
            images: Its images.
            schema: Classes if known; gives the colours of colour-coded masks their ids.
            said: What a person said of the masks.
            known: Masks that their content told.
            listings: What some folders hold, where that is known already.
        """
        classes, instances = find_mask_folders(home, images, known, listings)
        return cls._of_folders((classes, instances), images, schema, said)

    @classmethod
    def at(
        cls,
        folder: Path,
        images: Sequence[ImageRef],
        schema: LabelSchema | None = None,
        instances: Path | None = None,
        said: ReadAs = NOTHING_SAID,
        pattern: MaskPattern | None = None,
        *,
        as_is: bool = False,
        of_photos: bool = False,
    ) -> TruthIndex:
        """The ground truth in a folder chosen by hand; everything there counts.

        Args:
            folder: Class masks, or instance masks if it is called so.
            images: The images.
            schema: Classes if known; gives the colours of colour-coded masks their ids.
            instances: Instance masks that belong to the class masks, if they lie elsewhere.
            said: What a person said of the masks.
            pattern: How the names of the class masks are made; else they are found.
            as_is: Whether masks that were corrected count as they are now, not as another program
                wrote them last.
            of_photos: Whether the images are photos, none of which is its own mask.

        Raises:
            SegstudioError: if the folder cannot be read or no file belongs to any of the images.
        """
        classes, objects = folders_at(
            folder, images, pattern=pattern, as_is=as_is, of_photos=of_photos
        )
        if instances is not None:
            more = folders_at(instances, images, are_instances=True, as_is=as_is)[1]
            objects = _merged(objects, more)
        index = cls._of_folders((classes, objects), images, schema, said)
        if index is None and pattern is not None and images:
            raise SegstudioError(
                f"No mask in {folder} is called as {pattern.text} says.",
                f"For {images[0].filename}, {pattern.name_for(images[0].filename)} was looked for.",
            )
        if index is None:
            raise SegstudioError(
                f"No mask in {folder} belongs to these images.",
                unread_in(folder)
                or "Masks are found by name: the image's name with or without _mask, _label or _gt.",
            )
        return index

    @classmethod
    def _of_folders(
        cls,
        found: tuple[_Table, _Table],
        images: Sequence[ImageRef],
        schema: LabelSchema | None,
        said: ReadAs,
    ) -> TruthIndex | None:
        paths = _first_ones(found[0], images) or _first_ones(found[1], images)
        if not paths:
            return None
        deadline = time.monotonic() + _FIRST_LOOK_S
        stopped: list[bool] = []

        def stop(done: int, _total: int) -> bool:
            late = done >= _FIRST_LOOK_MIN and time.monotonic() > deadline
            stopped.append(late)
            return late

        evidence = Evidence.of(paths, stop)
        all_seen = len(images) <= _NOT_LONG and not any(stopped)
        folders = (folder.path for table in found for row in table.values() for folder in row)
        panoptic = PanopticFile.beside(folders)
        return cls._decided(found, evidence, schema, said, panoptic, final=all_seen)

    @classmethod
    def _decided(
        cls,
        found: tuple[_Table, _Table],
        evidence: Evidence,
        schema: LabelSchema | None,
        said: ReadAs,
        panoptic: PanopticFile | None,
        *,
        final: bool,
    ) -> TruthIndex:
        if said.kind not in (None, "instances"):
            panoptic = None
        named: TruthKind | None = None if found[0] and panoptic is None else "instances"
        decision = decide(evidence, schema if panoptic is None else None, said, named)
        if panoptic is not None:
            coding = replace(decision.coding, segments=panoptic.stamp)
            panoptic = panoptic if schema is None else panoptic.in_classes(schema)
            decision = Decision(coding, schema or panoptic.schema)
        classes, instances = found
        if decision.coding.kind == "instances":
            classes, instances = {}, _merged(classes, instances)
        elif not classes:
            classes, instances = instances, {}
        return cls(
            classes,
            instances,
            decision.coding,
            decision.schema,
            schema is not None,
            said,
            decision.doubts,
            final,
            found,
            evidence,
            panoptic,
        )

    def settled(
        self,
        images: Sequence[ImageRef],
        report: Callable[[int, int], object] = lambda _done, _total: None,
        kept: KeyValueFile | None = None,
    ) -> TruthIndex:
        """The same after a look at all masks; itself if it is final.

        Args:
            images: The images of the folder.
            report: Told how many masks were looked at, of how many; it may raise to end it.
            kept: Where what is found out of files is kept, for the next time.
        """
        if self.final:
            return self

        def go_on(done: int, total: int) -> bool:
            report(done, total)
            return False

        paths = _all_paths(self._found[0] or self._found[1], images)
        evidence = Evidence.of(paths, go_on, kept)
        if self.coding.kind == "colour" and not self.declared:
            # what was painted since has these numbers
            evidence.numbered = tuple(color for color, number in self.coding.colors if number)
        return self._decided(
            self._found, evidence, self._given, self.said, self._panoptic, final=True
        )

    def reads_like(self, other: TruthIndex) -> bool:
        """Whether the values of masks mean the same in both."""
        return (self.coding, self.schema) == (other.coding, other.schema)

    def reads_all_as(self, other: TruthIndex) -> bool:
        """Whether every mask that was looked at is read as in another: what none holds may differ."""
        mine, theirs = self.coding, other.coding
        if (mine.white != theirs.white and self._evidence.sizes["white"]) or (
            mine.coloured != theirs.coloured and self._evidence.colour_files
        ):
            return False
        return mine == replace(theirs, white=mine.white, coloured=mine.coloured)

    def news_since(self, before: TruthIndex) -> str:
        """A mask that an earlier look had not seen, by its name, with what only such ones hold."""
        return self._evidence.news(before._evidence)

    def read_as(self, said: ReadAs) -> TruthIndex:
        """The same masks, read as a person says."""
        return self._decided(
            self._found, self._evidence, self._given, said, self._panoptic, final=self.final
        )

    def with_classes(self, schema: LabelSchema) -> TruthIndex:
        """The same masks, read with these classes."""
        return self._decided(
            self._found, self._evidence, schema, self.said, self._panoptic, final=self.final
        )

    @property
    def one_class(self) -> bool:
        """Whether no mask has more than one number or colour, and all the same.

        Besides 0, black and what is ignored. Of two numbers without 0 both count, whatever is
        ignored: the higher one may be the object.
        """
        if self._evidence.without_ground:
            return False
        if self._evidence.colour_files:
            colors = {*self._evidence.colors} - {0}
            return self.coding.kind == "colour" and not self._evidence.numbers and len(colors) == 1
        ignored = {0, 255, *self.coding.ignored} if self.coding.ignored else {0}
        rest = {self.coding.class_of(n) for n in self._evidence.numbers} - ignored
        return len(rest) <= 1

    def numbers_are_in(self, schema: LabelSchema) -> bool:
        """Whether the masks hold numbers, and each besides 0 is the id of a class."""
        numbers = self._evidence.numbers - {0}
        return bool(numbers) and numbers <= {*schema.ids}

    @property
    def class_numbers(self) -> frozenset[int]:
        """The numbers of the masks that are ids of classes, without 0 and what is ignored."""
        ignored = {0, self.schema.ignore_index, *self.coding.ignored}
        return frozenset({self.coding.class_of(n) for n in self._evidence.numbers} - ignored)

    @property
    def only_shades(self) -> bool:
        """Whether no mask can be read, since a format such as JPEG changed all values."""
        return self._evidence.groups.keys() == {"shades"}

    @property
    def undecided(self) -> bool:
        """Whether no mask is read until a person says what they hold."""
        return bool(self.coding.undecided)

    @property
    def palette(self) -> Mapping[int, Color]:
        """The colour of each number, where all masks have palettes that agree; else empty."""
        found = self._evidence.palette
        whole = not self._evidence.palettes_differ and self.class_numbers <= found.keys()
        return found if whole else {}

    @property
    def can_be_objects(self) -> bool:
        """Whether the numbers or colours of the masks could be objects, by their shapes."""
        if self.coding.unit:
            return False
        return self._evidence.objects != "no" or self._evidence.colour_files > 0

    @property
    def explained_by(self) -> Path | None:
        """The file that says what the colours of masks are; None if none does."""
        return self._panoptic.path if self._panoptic is not None and self.coding.segments else None

    def can_be(self, kind: TruthKind) -> bool:
        """Whether any mask could be read so; True as long as not all were looked at."""
        return not self.final or can_be(kind, self._evidence, self._given)

    def segments_of(self, path: Path) -> Mapping[int, Segment] | None:
        """What the colours of an instance mask are, where a JSON file says so.

        Raises:
            SegstudioError: if that file does not have the mask.
        """
        if self._panoptic is None or not self.coding.segments:
            return None
        return self._panoptic.segments_of(path)

    @property
    def _given(self) -> LabelSchema | None:
        return self.schema if self.declared else None

    @property
    def kind(self) -> TruthKind:
        """How the values are read: index, binary, colour, or instances (no class masks)."""
        return self.coding.kind

    @property
    def in_words(self) -> str:
        """What the values are read as, for people."""
        by = self.explained_by
        return self.coding.in_words if by is None else f"classes and objects, by {by.name}"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which masks were found."""
        tables = [*self.classes.values(), *self.instances.values()]
        return tuple(dict.fromkeys(f.path for table in tables for f in table))

    def path_of(self, ref: ImageRef) -> Path | None:
        """The file that holds an image's ground truth (class mask first), or None."""
        return self.class_path(ref) or self.instance_path(ref)

    def class_path(self, ref: ImageRef) -> Path | None:
        """The image's class mask, or None."""
        return _first(self.classes, ref)

    def instance_path(self, ref: ImageRef) -> Path | None:
        """The image's instance mask, or None."""
        return _first(self.instances, ref)

    def class_file(self, ref: ImageRef) -> Path | None:
        """The file in which the image's class mask lies, perhaps edited since; or None.

        None for a later page of a mask of several: that file is not the page's alone.
        """
        return _first_file(self.classes, ref)

    def instance_file(self, ref: ImageRef) -> Path | None:
        """The file in which the image's instance mask lies, perhaps edited since; or None."""
        return _first_file(self.instances, ref)

    def coding_for(self, schema: LabelSchema | None) -> Coding:
        """How values are read while these classes are in force: new ones bring their colours."""
        if self.coding.kind != "colour" or schema is None:
            return self.coding
        known = {class_id for _, class_id in self.coding.colors}
        new = ((spec.color_in_masks, spec.id) for spec in schema.classes if spec.id not in known)
        return replace(self.coding, colors=(*self.coding.colors, *new))

    def place_of(self, ref: ImageRef) -> Path | None:
        """What tells the ground truth of one image or page from others, or None if it has none.

        The file; for a later page of one that holds those of a stack with the page behind it:
        `cells.tif#page=2`.
        """
        found = _found(self.classes, ref) or _found(self.instances, ref)
        if found is None:
            return None
        path, page = found
        return path.with_name(f"{path.name}#page={page + 1}") if page else path

    def pages_of(self, ref: ImageRef) -> tuple[int, int]:
        """Which pages of its class mask and of its instance mask are the image's, from 0."""
        found = (_found(table, ref) for table in (self.classes, self.instances))
        of_classes, of_instances = (0 if at is None else at[1] for at in found)
        return of_classes, of_instances

    def has(self, ref: ImageRef) -> bool:
        """Whether an image has ground truth."""
        if (self.class_file(ref) or self.instance_file(ref)) is not None:
            return True
        return _in_stack(ref)[1] > 0 and self.path_of(ref) is not None


def read_truth(
    ref: ImageRef,
    index: TruthIndex,
    schema: LabelSchema | None = None,
    shape_hw: tuple[int, int] | None = None,
) -> LabelMap | None:
    """The label map of `read_truth_file`; None if the image has no ground truth."""
    reading = read_truth_file(ref, index, schema, shape_hw)
    return None if reading is None else reading.label_map


def read_truth_file(
    ref: ImageRef,
    index: TruthIndex,
    schema: LabelSchema | None = None,
    shape_hw: tuple[int, int] | None = None,
) -> TruthReading | None:
    """Read an image's ground truth; None if it has none.

    Args:
        ref: The image.
        index: Where the ground truth is.
        schema: The classes in force; else the index's own.
        shape_hw: Height and width of the image as shown, (H, W).

    Returns:
        Class ids, and instance ids where there is an instance mask. Of instance masks alone,
        every instance is of the first class after background.

    Raises:
        SegstudioError: if the mask cannot be read, has another size, has values that are not in
            the classes, or is of another kind than most; names the mask and the image.
    """
    class_path, instance_path = index.class_path(ref), index.instance_path(ref)
    if class_path is None and instance_path is None:
        return None
    return read_masks(ref, class_path, instance_path, index, schema, shape_hw)


def read_masks(
    ref: ImageRef,
    class_path: Path | None,
    instance_path: Path | None,
    index: TruthIndex,
    schema: LabelSchema | None = None,
    shape_hw: tuple[int, int] | None = None,
) -> TruthReading:
    """Read masks as the ground truth of an image is read, wherever they lie.

    See `read_truth_file`. Versions that were kept before they were replaced may have classes that
    are gone since.
    """
    segments = None if instance_path is None else index.segments_of(instance_path)
    return decode(
        ref.path,
        class_path,
        instance_path,
        index.coding_for(schema),
        schema or index.schema,
        shape_hw,
        strict=index.declared and not (class_path is not None and is_original(class_path)),
        pages=index.pages_of(ref),
        segments=segments,
    )


def unknown_ids(label_map: LabelMap, schema: LabelSchema) -> tuple[int, ...]:
    """Class ids in a label map that the classes do not have (the ignore index is known)."""
    present = np.flatnonzero(np.bincount(label_map.labels.reshape(-1), minlength=256))
    known = {*schema.ids, 0, schema.ignore_index}
    return tuple(int(i) for i in present if int(i) not in known)


def _first(table: _Table, ref: ImageRef) -> Path | None:
    found = _found(table, ref)
    return None if found is None else found[0]


def _found(table: _Table, ref: ImageRef) -> tuple[Path, int] | None:
    """The mask of an image or a page, and which page of that file, from 0.

    A page has a file of its own (cells_p0002.png), or is a page of the stack's mask. A mask of one
    page is that of the first.
    """
    for folder in table.get(ref.folder, ()):
        path = folder.truth_of(_filename(ref))
        if path is not None:
            return path, 0
        stack, page = _in_stack(ref)
        path = folder.truth_of(stack) if page else None
        if path is not None and page < pages_in(path):
            return path, page
    return None


def _filename(ref: ImageRef) -> str:
    """The name that the masks of an image's page are looked for by."""
    ending = ref.filename[len(ref.stem) :]
    return page_stem(ref.stem, ref.page) + ending


def _first_file(table: _Table, ref: ImageRef) -> Path | None:
    for folder in table.get(ref.folder, ()):
        path = folder.mask_of(_filename(ref))
        if path is not None:
            return path
    return None


def _in_stack(ref: ImageRef) -> tuple[str, int]:
    """The stack that a page belongs to, and which page it is; page 0 if it is none.

    A file that is called like a page of a stack (a prediction of it) belongs to it too.
    """
    if ref.page:
        return ref.filename, ref.page
    named = _PAGE_NAME.fullmatch(ref.stem)
    if named is None:
        return ref.filename, 0
    return named["stem"] + ref.filename[len(ref.stem) :], int(named["page"]) - 1


def _merged(first: _Table, second: _Table) -> _Table:
    keys = dict.fromkeys([*first, *second])
    return {key: (*second.get(key, ()), *first.get(key, ())) for key in keys}


def _first_ones(table: _Table, images: Sequence[ImageRef]) -> list[Path]:
    """Masks to look at first: those of up to 24 images spread over the list, of a list that is not
    long then all others.
    """
    if not table:
        return []
    step = max(1, len(images) // _SAMPLES)
    spread = (_first(table, images[i]) for i in range(0, len(images), step))
    found = dict.fromkeys(path for path in spread if path is not None)
    if found and len(images) > _NOT_LONG:
        return list(found)
    return [*found, *(path for path in _all_paths(table, images) if path not in found)]


def _all_paths(table: _Table, images: Sequence[ImageRef]) -> Iterator[Path]:
    """The mask of each image that has one, once."""
    paths = (_first(table, ref) for ref in images)
    return iter(dict.fromkeys(path for path in paths if path is not None))
