"""Annotations of a folder's images: where each lies, reading it, and saving it in its form.

An annotation of an image with ground truth is saved into the file from which the ground truth was
read, or into `annotations/` if that was chosen; either way in the same form, so that a stroke
changes the stroke's pixels and nothing else of the file. What has no such file, or does not fit
into its form, is saved in segstudio's own form (`masks`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import InstanceIds, LabelMap, Labels
from segstudio.core.regular_file import is_regular, is_there
from segstudio.core.schema import LabelSchema
from segstudio.storage.atomic import write_error
from segstudio.storage.formats.png import encode_instance_png, written_by_segstudio
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_edits import edited_classes, edited_instances
from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.mask_forms import CannotHold
from segstudio.storage.masks import (
    MASKS,
    annotation_files,
    annotation_folders,
    has_annotation,
    read_annotation,
    write_annotation,
)
from segstudio.storage.orientation import read_orientation
from segstudio.storage.originals import (
    Version,
    content_of,
    has_record,
    is_own,
    keep,
    put_back,
    remove_own,
    versions,
)
from segstudio.storage.schema_file import (
    AS_CORRECTIONS,
    SCHEMA_NAME,
    SeenClasses,
    corrections_name,
    holds_corrections,
    mark_corrections,
    write_schema,
)
from segstudio.storage.seen_files import SeenFiles
from segstudio.storage.truth import TruthIndex, TruthReading, read_masks
from segstudio.storage.write_root import Identity, WriteRoot


@dataclass(frozen=True)
class AnnotationPath:
    """Where an annotation lies.

    Attributes:
        classes: File of class ids, or None.
        instances: File of instance ids, or None.
        own_form: Whether the files are in segstudio's own form, else in the ground truth's.
        folder: `masks`, that for corrections, or "" for the ground truth's own files.
    """

    classes: Path | None
    instances: Path | None
    own_form: bool
    folder: str

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, those of class ids first."""
        return tuple(path for path in (self.classes, self.instances) if path is not None)


@dataclass(frozen=True)
class Saved:
    """What saving did.

    Attributes:
        files: The files that hold the annotation now and were written.
        place: Where it lies.
        why: If it is not in the ground truth's form: why that cannot hold it.
        left: Whether the mask that was read is there still, as it was.
    """

    files: tuple[Path, ...]
    place: AnnotationPath
    why: str = ""
    left: bool = False


@dataclass(frozen=True)
class _Homes:
    """Which folder a file's write must not leave.

    Ground truth may lie outside of the data set's folder, where it was chosen by hand.
    """

    root: WriteRoot
    seen: SeenFiles | None = None

    def check(self, paths: Iterable[Path] = ()) -> None:
        """See whether no other program wrote a file meanwhile, and all of `paths` may be written.

        Before the first of them is: an image's files are replaced all or none.
        """
        if self.seen is not None:
            self.seen.check()
        for path in paths:
            self.of(path).place_of(path)

    def of(self, path: Path) -> WriteRoot:
        if path.is_relative_to(self.root.folder):
            return self.root
        return WriteRoot(path.parent, agreed=self.root.agreed)


@dataclass(frozen=True)
class Annotations:
    """The annotations of one folder.

    Attributes:
        root: `Project.root`.
        truth: Where the folder's ground truth is, or None.
        identity: `Project.identity`: the folder that was opened.
        classes: `Project.classes`; None: whatever the files of classes say is replaced.
    """

    root: Path
    truth: TruthIndex | None
    identity: Identity | None = None
    classes: SeenClasses | None = None

    # -- where ---------------------------------------------------------------------------------

    @property
    def corrections(self) -> str:
        """The folder for corrections of ground truth that is left as it is."""
        return corrections_name(self.root)

    def present(self, ref: ImageRef) -> AnnotationPath | None:
        """Where an image's annotation lies; None if it was not annotated (or as its truth is)."""
        corrected = self._corrected(ref)
        if corrected is not None:
            return corrected
        if has_annotation(self.root, ref):
            return self._own(ref, MASKS)
        original = self._original(ref)
        if original is not None and any(is_own(path) for path in original.files):
            return original
        return None

    def target(
        self, ref: ImageRef, *, elsewhere: bool = False, keeps_form: bool = True
    ) -> AnnotationPath:
        """Where an image's annotation is saved, if its form can hold it.

        Args:
            ref: The image.
            elsewhere: Whether what is new goes to `annotations/`, not into the ground truth.
            keeps_form: Whether the ground truth's form can hold an edit, as far as is known.
        """
        return next(p for p in self._places(ref, elsewhere) if p.own_form or keeps_form)

    def has(self, ref: ImageRef) -> bool:
        """Whether an image was annotated, as far as names and headers tell."""
        if has_annotation(self.root, ref) or self._corrected(ref) is not None:
            return True
        original = self._original(ref)
        return original is not None and any(
            has_record(path) and is_own(path) for path in original.files
        )

    def versions(self, ref: ImageRef) -> list[Version]:
        """Every version of an image's masks that another program wrote, the oldest first."""
        original = self._original(ref)
        return [] if original is None else [v for path in original.files for v in versions(path)]

    def _places(self, ref: ImageRef, elsewhere: bool) -> Iterator[AnnotationPath]:
        """Where it may be saved, the place to be preferred first."""
        present, original = self.present(ref), self._original(ref)
        if present is not None and present.own_form:
            yield present
            return
        if original is None:
            yield self._own(ref, self.corrections if elsewhere and self.truth else MASKS)
            return
        if elsewhere or (present is not None and present.folder == self.corrections):
            yield self._copied(original, ref)
            yield self._own(ref, self.corrections)
            return
        yield original
        own = self._own(ref, MASKS)
        taken = any(
            is_there(path) and (path in original.files or not is_own(path)) for path in own.files
        )
        yield self._own(ref, self.corrections) if taken else own

    def _original(self, ref: ImageRef) -> AnnotationPath | None:
        """The files of an image's ground truth, perhaps edited since; None if it has none.

        A later page of a stack has none either where one file holds the masks of all: it is
        written anew from what another program wrote, so it can take the edits of one page only.
        """
        if self.truth is None:
            return None
        classes, instances = self.truth.class_file(ref), self.truth.instance_file(ref)
        if classes is None and instances is None:
            return None
        return AnnotationPath(classes, instances, False, "")

    def _own(self, ref: ImageRef, folder: str) -> AnnotationPath:
        files = annotation_files(self.root, ref, folder)
        return AnnotationPath(files.mask, files.instances, True, folder)

    def _copied(self, original: AnnotationPath, ref: ImageRef) -> AnnotationPath:
        """Files in `annotations/` of the same names as the ground truth's."""
        name = self.corrections
        classes, instances = annotation_folders(self.root, ref, name)
        return AnnotationPath(
            None if original.classes is None else classes / original.classes.name,
            None if original.instances is None else instances / original.instances.name,
            False,
            name,
        )

    @property
    def _has_corrections(self) -> bool:
        folder = f"{self.root}/{self.corrections}"
        there = os.access(f"{folder}/{SCHEMA_NAME}", os.F_OK)
        return there and holds_corrections(Path(folder))

    def _corrected(self, ref: ImageRef) -> AnnotationPath | None:
        """The image's files in `annotations/`, or None."""
        if self.truth is None or not self._has_corrections:
            return None
        name, original = self.corrections, self._original(ref)
        if original is not None and any(
            path.is_relative_to(self.root / name) for path in original.files
        ):
            return None  # they are the ground truth, since there is no other
        if has_annotation(self.root, ref, name):
            return self._own(ref, name)
        if original is None:
            return None
        copied = self._copied(original, ref)
        return copied if any(is_there(path) for path in copied.files) else None

    # -- reading -------------------------------------------------------------------------------

    def read(
        self,
        ref: ImageRef,
        schema: LabelSchema | None = None,
        shape_hw: tuple[int, int] | None = None,
    ) -> LabelMap | None:
        """An image's annotation, or None.

        Raises:
            SegstudioError: if it cannot be read or has not the image's size.
        """
        place = self.present(ref)
        if place is None:
            return None
        if place.own_form:
            return read_annotation(self.root, ref, shape_hw, place.folder)
        assert self.truth is not None
        classes = _if_there(place.classes)
        instances = _if_there(place.instances) or self._added_instances(ref, place)
        return read_masks(ref, classes, instances, self.truth, schema, shape_hw).label_map

    def _added_instances(self, ref: ImageRef, place: AnnotationPath) -> Path | None:
        """Instance ids of segstudio's own beside a class mask that had none."""
        if place.classes is None or place.instances is not None:
            return None
        path = annotation_files(self.root, ref, place.folder or MASKS).instances
        return path if written_by_segstudio(path) else None

    def seen(self, ref: ImageRef) -> SeenFiles:
        """What the files hold now that a save may replace."""
        original, place = self._original(ref), self.present(ref)
        own = self._own(ref, MASKS)
        places = (p for p in (original, place, own) if p is not None)
        return SeenFiles.of(dict.fromkeys(path for p in places for path in p.files))

    def files_of(self, ref: ImageRef) -> list[Path]:
        """The files that `read` reads."""
        place = self.present(ref)
        if place is None:
            return []
        added = None if place.own_form else self._added_instances(ref, place)
        return [p for p in (*place.files, added) if p is not None and is_there(p)]

    # -- saving --------------------------------------------------------------------------------

    def write(
        self,
        ref: ImageRef,
        labels: Labels,
        instances: InstanceIds | None,
        schema: LabelSchema,
        *,
        elsewhere: bool = False,
        name_classes: bool = True,
        agreed: frozenset[Path] = frozenset(),
        seen: SeenFiles | None = None,
    ) -> Saved:
        """Save an image's annotation.

        An annotation that is as the ground truth is leaves nothing behind: the file that another
        program wrote is put back bit for bit.

        Args:
            ref: The image.
            labels: Class ids, (H, W) uint8.
            instances: Instance ids, (H, W) uint16, or None.
            schema: The classes.
            elsewhere: Whether what is new goes to `annotations/`, not into the ground truth.
            name_classes: Whether the classes are saved too where the ground truth's form is kept.
            agreed: Links leading out of the folder that may be used all the same (`WriteRoot`).
            seen: What the files held when they were read; None: whatever they hold is replaced.

        Raises:
            ForeignChangeError: if another program wrote one meanwhile.
            FolderGoneError: if the data set's folder is not there any more.
            OutsideLinkError: if a file would be written outside of it.
            ReadOnlyFileError: if a file is marked as read-only.
            SegstudioError: if a file cannot be written.
        """
        root = WriteRoot(self.root, self.identity, ref.path, ref.path.parent, agreed)
        homes = _Homes(root, seen)
        root.check()
        wanted = LabelMap(labels, instances)
        why = ""
        for place in self._places(ref, elsewhere):
            if place.own_form:
                return self._write_own(homes, place, ref, wanted, schema, why)
            try:
                return self._write_in_form(homes, place, ref, wanted, schema, name_classes)
            except CannotHold as error:
                why = error.message
            except OSError as error:  # no room to read it again: that says nothing of the form
                raise write_error(Path(tempfile.gettempdir(), ref.filename), error) from error
        raise AssertionError("the last place is always one of segstudio's own form")

    def _write_own(
        self,
        homes: _Homes,
        place: AnnotationPath,
        ref: ImageRef,
        wanted: LabelMap,
        schema: LabelSchema,
        why: str,
    ) -> Saved:
        reading = self._before(ref, schema, wanted)
        if reading is not None and _equal(reading.label_map, wanted):
            return self._as_truth(homes, ref, place)
        ids = wanted.instances
        if ids is not None and not ids.any() and not _if_there(place.instances):
            ids = None
        if place.folder == self.corrections:
            self._mark_corrections(homes, schema)
        files = write_annotation(
            self.root,
            ref,
            wanted.labels,
            ids,
            schema,
            place.folder,
            identity=self.identity,
            agreed=homes.root.agreed,
            seen=homes.seen,
            classes=self.classes,
        )
        self._put_back_others(homes, place, ref)
        return Saved(tuple(files), place, why, self._has_others(ref, files))

    def _has_others(self, ref: ImageRef, written: Iterable[Path]) -> bool:
        """Whether a file of the ground truth is there that was not written."""
        original = self._original(ref)
        files = () if original is None else original.files
        return any(is_there(path) for path in set(files).difference(written))

    def _put_back_others(self, homes: _Homes, place: AnnotationPath, ref: ImageRef) -> None:
        """What was saved into the ground truth earlier and lies elsewhere now goes from there."""
        original = self._original(ref)
        for path in () if original is None else original.files:
            if path not in place.files and is_own(path):
                put_back(homes.of(path), path)

    def _write_in_form(
        self,
        homes: _Homes,
        place: AnnotationPath,
        ref: ImageRef,
        wanted: LabelMap,
        schema: LabelSchema,
        name_classes: bool,
    ) -> Saved:
        assert self.truth is not None
        reading = self._before(ref, schema, wanted)
        if reading is None:
            gone = not self._has_others(ref, ())
            raise CannotHold("the mask was removed" if gone else "it cannot be read")
        before = reading.label_map
        if _equal(before, wanted):
            return self._as_truth(homes, ref, place)
        if reading.cannot_hold_edits:
            raise CannotHold(reading.cannot_hold_edits)
        contents = self._edited(place, ref, before, wanted, schema)
        homes.check(contents)
        if place.folder == self.corrections:
            self._mark_corrections(homes, schema if name_classes else None)
        elif name_classes:
            write_schema(self.root / MASKS, schema, homes.root, seen=self.classes)
        for path, content in contents.items():
            _replace(homes.of(path), path, content)
        added = self._write_added_instances(homes, place, ref, wanted)
        if place.folder == self.corrections:
            # Last: until the corrections are written, the ground truth may hold the only copy.
            self._put_back_others(homes, place, ref)
        return Saved((*contents, *added), place)

    def _before(self, ref: ImageRef, schema: LabelSchema, wanted: LabelMap) -> TruthReading | None:
        """The ground truth as another program wrote it last; None if there is none to be used."""
        if self.truth is None or not self.truth.has(ref):
            return None
        paths = self.truth.class_path(ref), self.truth.instance_path(ref)
        try:
            return read_masks(ref, *paths, self.truth, schema, wanted.shape_hw)
        except SegstudioError:
            if any(path is not None and is_there(path) and not is_regular(path) for path in paths):
                raise  # something else has its place
            return None

    def _as_truth(self, homes: _Homes, ref: ImageRef, place: AnnotationPath) -> Saved:
        """Leave nothing but what other programs wrote."""
        homes.check()
        original = self._original(ref)
        originals = () if original is None else original.files
        for path in originals:
            if is_own(path):
                put_back(homes.of(path), path)
        for folder in (MASKS, self.corrections):
            own = annotation_files(self.root, ref, folder)
            for path in (own.instances, own.mask):
                if (
                    path not in originals
                    and written_by_segstudio(path)
                    and not put_back(homes.of(path), path)
                ):
                    remove_own(homes.of(path), path)
        if original is not None and self._has_corrections:
            for path in set(self._copied(original, ref).files) - set(originals):
                remove_own(homes.of(path), path)
        return Saved((), place)

    def _edited(
        self,
        place: AnnotationPath,
        ref: ImageRef,
        before: LabelMap,
        wanted: LabelMap,
        schema: LabelSchema,
    ) -> dict[Path, bytes]:
        """The files with the annotation in them, read again and compared."""
        if place.instances is None or wanted.instances is None:
            wanted = _with_ids_of(before, wanted)
        why = "it does not hold the edit"
        assert self.truth is not None
        masks = self.truth.class_path(ref), self.truth.instance_path(ref)
        if any(path is not None and path.is_dir() for path in masks):
            raise CannotHold("each object has a file of its own")
        for turn in _turns(ref, masks):
            try:
                contents = self._encoded(place, ref, before, wanted, schema, turn)
                found = self._read_back(ref, place, contents, schema, wanted)
            except SegstudioError as error:
                why = error.message
                continue
            if _equal(found, wanted, numbers=False):
                return contents
        if place.classes is None:
            why = "a file of object ids has no room for classes"
        raise CannotHold(why)

    def _encoded(
        self,
        place: AnnotationPath,
        ref: ImageRef,
        before: LabelMap,
        wanted: LabelMap,
        schema: LabelSchema,
        turn: int,
    ) -> dict[Path, bytes]:
        """The files, if the masks lie against the picture like this."""
        truth = self.truth
        assert truth is not None
        classes, instances = truth.class_path(ref), truth.instance_path(ref)
        contents: dict[Path, bytes] = {}
        if place.classes is not None and classes is not None:
            contents[place.classes] = edited_classes(
                content_of(classes),
                before.labels,
                wanted.labels,
                truth.coding_for(schema),
                schema,
                turn,
            )
        if place.instances is not None and instances is not None:
            coding = truth.coding if place.classes is None else None
            contents[place.instances] = edited_instances(
                content_of(instances), before, wanted, coding, schema, turn
            )
        return contents

    def _read_back(
        self,
        ref: ImageRef,
        place: AnnotationPath,
        contents: dict[Path, bytes],
        schema: LabelSchema,
        wanted: LabelMap,
    ) -> LabelMap:
        """What the files would be read as."""
        assert self.truth is not None
        with tempfile.TemporaryDirectory(prefix="segstudio-") as folder:

            def copied(name: str, path: Path | None) -> Path | None:
                if path is None:
                    return None
                copy = Path(folder) / f"{name}{path.suffix}"
                copy.write_bytes(contents[path])
                return copy

            classes, instances = copied("c", place.classes), copied("i", place.instances)
            found = read_masks(ref, classes, instances, self.truth, schema, wanted.shape_hw)
            return found.label_map

    def _write_added_instances(
        self, homes: _Homes, place: AnnotationPath, ref: ImageRef, wanted: LabelMap
    ) -> tuple[Path, ...]:
        """Object ids of an image whose ground truth has none go to a file of their own."""
        if place.instances is not None:
            return ()
        path = annotation_files(self.root, ref, place.folder or MASKS).instances
        if wanted.instances is None or not wanted.instances.any():
            if is_there(path) and not put_back(homes.of(path), path):
                remove_own(homes.of(path), path)
            return ()
        content = encode_instance_png(wanted.instances)
        home = homes.of(path)
        home.make_folder(path.parent)
        keep(home, path, content, unmarked=True)  # there may be no list of classes to tell it by
        home.write(path, content)
        return (path,)

    def _mark_corrections(self, homes: _Homes, schema: LabelSchema | None) -> None:
        folder = self.root / self.corrections
        if schema is None:
            mark_corrections(folder, homes.root)
        else:
            write_schema(folder, schema, homes.root, AS_CORRECTIONS, self.classes)

    # -- moving --------------------------------------------------------------------------------

    def move_to_corrections(
        self, ref: ImageRef, agreed: frozenset[Path] = frozenset()
    ) -> Saved | None:
        """Move what was saved into the ground truth to `annotations/`, and put that back.

        Returns:
            What was done, None if nothing was saved into the ground truth.

        Raises:
            SegstudioError: if a file cannot be written.
        """
        present, original = self.present(ref), self._original(ref)
        if present is None or original is None or present.folder != "":
            return None
        copied = self._copied(original, ref)
        homes = _Homes(WriteRoot(self.root, self.identity, ref.path, ref.path.parent, agreed))
        homes.root.check()
        self._mark_corrections(homes, None)
        pairs = list(zip(original.files, copied.files, strict=True))
        for path, copy in pairs:
            _replace(homes.of(copy), copy, content_of(path))
        for path, _copy in pairs:
            if is_own(path):
                put_back(homes.of(path), path)
        return Saved(copied.files, copied)

    def restored(
        self,
        ref: ImageRef,
        version: Version,
        schema: LabelSchema | None = None,
        shape_hw: tuple[int, int] | None = None,
    ) -> LabelMap | None:
        """What a version says; None if the image has no such file.

        Raises:
            SegstudioError: if it cannot be read.
        """
        original = self._original(ref)
        if original is None or self.truth is None:
            return None
        classes, instances = self.truth.class_path(ref), self.truth.instance_path(ref)
        if original.classes is not None and version in versions(original.classes):
            classes = version.path
        else:
            instances = version.path
        return read_masks(ref, classes, instances, self.truth, schema, shape_hw).label_map


def _if_there(path: Path | None) -> Path | None:
    return path if path is not None and is_there(path) else None


def _replace(home: WriteRoot, path: Path, content: bytes) -> None:
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass
    home.place_of(path)  # before anything is written
    home.make_folder(path.parent)
    keep(home, path, content, unmarked=True)
    home.write(path, content)


def _turns(ref: ImageRef, masks: Iterable[Path | None]) -> Iterator[int]:
    """How the masks may lie against the upright picture, as EXIF orientations."""
    told = {1}
    yield 1
    own = (read_mask_file(path).orientation for path in masks if path is not None)
    for turn in chain(own, (read_orientation(ref.path),)):
        if turn not in told:
            told.add(turn)
            yield turn


def _with_ids_of(before: LabelMap, wanted: LabelMap) -> LabelMap:
    """The annotation with the ground truth's ids, where it keeps none itself."""
    if before.instances is None:
        return LabelMap(wanted.labels)
    return LabelMap(wanted.labels, np.where(wanted.labels > 0, before.instances, np.uint16(0)))


def _equal(one: LabelMap, other: LabelMap, *, numbers: bool = True) -> bool:
    """Whether two maps are the same; no ids are as ids all 0.

    Args:
        one: A map.
        other: Another one.
        numbers: Whether ids must be equal; else they must tell the same objects, as they do where
            those of a file are too high to be kept and are numbered anew when it is read.
    """
    if not np.array_equal(one.labels, other.labels):
        return False
    a, b = one.instances, other.instances
    if a is None or b is None:
        there = b if a is None else a
        return there is None or not there.any()
    if np.array_equal(a, b) or numbers:
        return np.array_equal(a, b)
    pairs = np.unique(a.astype(np.int64) << 16 | b)
    return len(pairs) == len(np.unique(a)) == len(np.unique(b)) and bool(((a > 0) == (b > 0)).all())
