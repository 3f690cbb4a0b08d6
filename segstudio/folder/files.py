"""The files of the open folder, as jobs read them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from segstudio.core.channel_looks import AS_IN_FILES
from segstudio.core.class_mapping import adapt, is_scored
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.labels import LabelMap, Writers
from segstudio.core.prediction import Prediction
from segstudio.core.progress import Check, no_check
from segstudio.core.provenance import ScoredAgainst, first_writers
from segstudio.core.regular_file import is_there
from segstudio.core.schema import LabelSchema
from segstudio.metrics.tally import ModelCount
from segstudio.models.hub_folder import NetworkFolderError, network_folder
from segstudio.session.document import Document, ShownAs
from segstudio.storage.annotations import Annotations
from segstudio.storage.decode import LoadedImage, read_image
from segstudio.storage.image_ref import ImageRef, image_of, page_of, place_of
from segstudio.storage.mask_files import is_only_read, mask_pages
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.masks import writers_file
from segstudio.storage.picture import COMPOSITE
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.project import Project, open_project
from segstudio.storage.states import load_sources, set_damaged_aside
from segstudio.storage.truth import TruthReading, read_truth_file
from segstudio.storage.writer_maps import WriterMaps

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 0.1
_REMARK_HINT = "Look at the classes and the ignore index, or at File > Read masks as."
READ_ATTEMPTS = 3
"""So often a file is read again that was another one after it was read."""
Draw = Callable[[Prediction], Prediction]
"""Draws a prediction at the thresholds in force."""
Positions = dict[int, int]
"""New position of each image, by its old one."""


@dataclass
class LoadedDocument:
    """What reading an image gave: the document, and what was wrong with its masks."""

    document: Document
    problems: list[SegstudioError] = field(default_factory=list)


@dataclass
class MasksOfImage:
    """What was read of an image's masks, and what was wrong with them or is worth showing.

    Attributes:
        truth: Ground truth.
        saved: What was annotated.
        keeps_form: See `Document.keeps_form`.
        problems: What was wrong, or is worth showing.
    """

    truth: LabelMap | None = None
    saved: LabelMap | None = None
    keeps_form: bool = True
    problems: list[SegstudioError] = field(default_factory=list)


class MasksKnown:
    """Whether all masks of a folder were looked at; what makes figures or files waits for it.

    Safe to use from any thread.
    """

    def __init__(self, *, known: bool = True) -> None:
        """Args:
        known: Whether they were.
        """
        self._told = threading.Event()
        self._trouble: SegstudioError | None = None
        if known:
            self._told.set()

    @property
    def known(self) -> bool:
        """Whether what the values mean is decided, as it was thought at first."""
        return self._told.is_set() and self._trouble is None

    @property
    def settled(self) -> bool:
        """Whether it was said that it is decided, or why it is not."""
        return self._told.is_set()

    def settle(self, trouble: SegstudioError | None = None) -> None:
        """Say that it is decided; with `trouble` that those who wait shall not go on."""
        self._trouble = trouble
        self._told.set()

    def wait(self, check: Check = no_check) -> None:
        """Wait until it is decided.

        Args:
            check: Called again and again meanwhile; raises to give up.

        Raises:
            SegstudioError: if it turned out otherwise than it was thought at first, or failed.
        """
        while not self._told.is_set():
            check()
            self.wait_a_moment()
        if self._trouble is not None:
            raise SegstudioError(self._trouble.message, self._trouble.hint)

    def wait_a_moment(self) -> None:
        """Wait, but not longer than a tenth of a second.

        Raises:
            SegstudioError: as `wait`.
        """
        if self._told.wait(_LOOK_AGAIN_S) and self._trouble is not None:
            raise SegstudioError(self._trouble.message, self._trouble.hint)


@dataclass(frozen=True)
class FolderFiles:
    """One folder's files at one moment; safe to use from any thread.

    Attributes:
        project: The folder.
        predictions: Where its predictions are kept.
        masks: Whether what its masks' values mean is decided.
        writers: Who wrote the pixels of its annotations.
    """

    project: Project
    predictions: PredictionStore
    masks: MasksKnown = field(default_factory=MasksKnown, compare=False)
    writers: WriterMaps = field(default_factory=WriterMaps, compare=False)

    @property
    def annotations(self) -> Annotations:
        """The folder's annotations."""
        project = self.project
        return Annotations(project.root, project.truth, project.identity, project.classes)

    def load_document(
        self,
        ref: ImageRef,
        schema: LabelSchema,
        check: Check = no_check,
        shown_as: ShownAs = (COMPOSITE, AS_IN_FILES),
    ) -> LoadedDocument:
        """Read an image, its ground truth and its saved annotation.

        A mask that cannot be used is a problem to show; the image still opens.

        Args:
            ref: The image.
            schema: The classes in force.
            check: Called again and again while the image is read; raises to give up.
            shown_as: Which channel is to be shown, if the image has it, and how.

        Raises:
            SegstudioError: if the image itself cannot be read.
        """
        # of a large new file it is not waited for: who needs it reads the page again
        digest = self.predictions.digests.at_hand(ref.path)
        image = read_image(ref.path, ref.page, check)
        if digest != self.predictions.digests.at_hand(ref.path):
            digest = None  # it was replaced meanwhile: which of the two was read nobody knows
        shape = (image.pixels.shape[0], image.pixels.shape[1])
        # Before they are read: a change in between is then noticed when they are replaced.
        seen = self.annotations.seen(ref)
        read = self.masks_of(ref, schema, shape)
        truth, saved = read.truth, read.saved
        origin = "saved" if saved else "ground truth" if truth else ""
        annotation = saved or (truth.copy() if truth else LabelMap.empty(shape))
        document = Document(
            ref,
            image.pixels,
            annotation,
            truth,
            origin=origin,
            notes=(*image.notes, *self._notes_on_pages(ref, image.picture.pages)),
            picture=image.picture,
            digest=digest or "",
            seen=seen,
            keeps_form=read.keeps_form,
        )
        document.saved_revision = annotation.revision
        annotation.checksum()
        if self.writers.kept:
            writers = self.writers_of(ref, annotation, truth, schema, read.problems)
            annotation.keep_writers(writers)
        if saved:
            known = load_sources(self.project.data_folder)
            document.runs_before = known.get(ref.key, frozenset())
            document.edited_at = self._edited_at(ref)
        wanted = document.shown_for(*shown_as)
        if wanted != document.shown_as:
            document.show(wanted, image.picture.shown(wanted[0], check, wanted[1]))
        return LoadedDocument(document, read.problems)

    def writers_of(
        self,
        ref: ImageRef,
        annotation: LabelMap,
        truth: LabelMap | None,
        schema: LabelSchema,
        problems: list[SegstudioError],
    ) -> Writers:
        """Who wrote an image's annotation, as it is on disk.

        Args:
            ref: The image.
            annotation: As it was read.
            truth: The ground truth, if there is some.
            schema: The classes in force.
            problems: What cannot be used, or is worth showing, is added.
        """
        found, labels = None, annotation.labels
        if self.annotations.present(ref) is not None:
            try:
                found, note = self.writers.read(self.project.root, ref, labels)
                if note:
                    problems.append(SegstudioError(note))
            except SegstudioError as error:
                problems.append(without_traceback(error))
        if found is not None:
            return found
        imported = None if truth is None else truth.labels
        return first_writers(labels, imported, schema.background_id)

    def writers_on_disk(self, ref: ImageRef, annotation: LabelMap, schema: LabelSchema) -> Writers:
        """The same of an image that is not open; what cannot be used is said when it is opened."""
        try:
            truth = self.first_truth(ref, schema, annotation.shape_hw)
        except SegstudioError:
            truth = None
        read = None if truth is None else truth.label_map
        return self.writers_of(ref, annotation, read, schema, [])

    def _edited_at(self, ref: ImageRef) -> float | None:
        """When the saved annotation was written last, seconds since 1970."""
        place = self.annotations.present(ref)
        times = []
        for path in () if place is None else place.files:
            with contextlib.suppress(OSError):
                times.append(path.stat().st_mtime)
        return max(times, default=None)

    def _notes_on_pages(self, ref: ImageRef, pages: int) -> tuple[str, ...]:
        """What is to be known where an image and its mask have not as many pages."""
        truth = self.project.truth
        path = None if truth is None or ref.page else truth.path_of(ref)
        if path is None:
            return ()
        try:
            in_mask = mask_pages(path)
        except SegstudioError:
            return ()  # said when it is read
        if in_mask == pages:
            return ()
        if in_mask == 1:
            return (f"The mask {path.name} has one page: it is that of page 1 of {pages} only.",)
        if pages == 1:
            return (f"The mask {path.name} has {in_mask} pages; the first is used.",)
        return (f"The mask {path.name} has {in_mask} pages, but {ref.name} has {pages}.",)

    def image(self, ref: ImageRef, check: Callable[[], None]) -> tuple[LoadedImage, str]:
        """An image, and the digest of the file that it came from.

        Raises:
            SegstudioError: if it cannot be read, or another program is writing it.
        """
        for _ in range(READ_ATTEMPTS):
            digest = self.predictions.digests.of(ref.path)
            image = read_image(ref.path, ref.page, check)
            if digest is not None and digest == self.predictions.digests.of(ref.path):
                return image, digest
        raise changing(ref)

    def reference(
        self,
        ref: ImageRef,
        schema: LabelSchema,
        shape_hw: tuple[int, int] | None,
        check: Check = no_check,
    ) -> LabelMap | None:
        """What an image that is not open is measured against: its saved annotation, else truth.

        Waits until it is decided what the values of the masks mean; `check` is called again and
        again meanwhile and raises to give up.

        Raises:
            SegstudioError: if the mask cannot be used.
        """
        self.masks.wait(check)  # an annotation can have the form of the masks
        saved = self.annotations.read(ref, schema, shape_hw)
        return self.truth(ref, schema, shape_hw) if saved is None else saved

    def prediction(
        self, ref: ImageRef, run: str, schema: LabelSchema, draw: Draw
    ) -> Prediction | None:
        """A stored prediction in the folder's classes and as `draw` makes it, or None."""
        stored = self.predictions.load(ref.path, run, ref.page)
        return None if stored is None else adapt(draw(stored), schema)

    def count(self, ref: ImageRef, run: str, schema: LabelSchema, draw: Draw) -> ModelCount | None:
        """Count a stored prediction against the files; None where one of the two is missing.

        Nothing is counted before it is decided what the values of the masks mean, nor if it is not
        known what the model's classes are in this folder.
        """
        if not self.masks.known:
            return None
        prediction = self.prediction(ref, run, schema, draw)
        if prediction is None or not is_scored(prediction.schema, schema):
            return None
        return self.counted(ref, prediction, run, schema)

    def counted(
        self, ref: ImageRef, prediction: Prediction, run: str, schema: LabelSchema
    ) -> ModelCount | None:
        """Count a prediction in the folder's classes against the files, as `count` does."""
        try:
            reference = self.reference(ref, schema, prediction.shape_hw)
        except SegstudioError as error:
            # Said when the image is opened; one bad mask must not end a count of thousands.
            _log.info("%s is not scored: %s", ref.name, error)
            return None
        if reference is None:
            return None
        self.sign(ref, reference, schema)
        number = self.writers.table.of_run(run)
        against = ScoredAgainst.of(reference.labels, reference.writers, number, schema)
        return ModelCount.of(against, prediction.labels)

    def writers_files(self, ref: ImageRef) -> list[Path]:
        """The file that says who wrote an image's annotation, where that is kept and there is one."""
        if not self.writers.kept or self.annotations.present(ref) is None:
            return []
        path = writers_file(self.project.root, ref)
        return [path] if is_there(path) else []

    def sign(self, ref: ImageRef, reference: LabelMap, schema: LabelSchema) -> None:
        """Let a reference that was just read say who wrote it, where that is kept."""
        if not self.writers.kept:
            return
        if self.annotations.present(ref) is None:  # it is the ground truth
            labels = reference.labels
            reference.keep_writers(first_writers(labels, labels, schema.background_id))
        else:
            reference.keep_writers(self.writers_on_disk(ref, reference, schema))

    def truth(
        self, ref: ImageRef, schema: LabelSchema, shape_hw: tuple[int, int] | None
    ) -> LabelMap | None:
        """An image's ground truth; waits until it is decided what its values mean.

        Raises:
            SegstudioError: if the mask cannot be used.
        """
        self.masks.wait()
        reading = self.first_truth(ref, schema, shape_hw)
        return None if reading is None else reading.label_map

    def first_truth(
        self, ref: ImageRef, schema: LabelSchema, shape_hw: tuple[int, int] | None
    ) -> TruthReading | None:
        """An image's ground truth by what is known of the masks so far, for the screen.

        Raises:
            SegstudioError: if the mask cannot be used.
        """
        index = self.project.truth
        return None if index is None else read_truth_file(ref, index, schema, shape_hw)

    def source_of(self, ref: ImageRef, *, saved: bool = True) -> tuple[str, list[Path]]:
        """How the reference of an image is read, and the files that it comes from.

        Args:
            ref: The image.
            saved: Whether a saved annotation comes before the ground truth.

        Returns:
            An empty text and no files if it has none.
        """
        truth = self.project.truth
        annotations = self.annotations
        place = annotations.present(ref) if saved else None
        if place is not None:
            form = "saved" if truth is None or place.own_form else f"{truth.coding} saved"
            return form, annotations.files_of(ref)
        paths = [] if truth is None else [truth.class_path(ref), truth.instance_path(ref)]
        found = [path for path in paths if path is not None]
        if truth is None or not found:
            return "", []
        has_classes = "" if truth.class_path(ref) is None else "classes"
        return f"{truth.coding} {truth.declared} {has_classes}", found

    def masks_of(
        self, ref: ImageRef, schema: LabelSchema, shape_hw: tuple[int, int]
    ) -> MasksOfImage:
        """An image's ground truth and saved annotation, for the screen.

        They are read by what is known of the masks so far. What cannot be used is a problem, but
        for masks that are not read before a person says what they hold: that is asked once for all.
        """
        found = MasksOfImage()
        try:
            reading = self.first_truth(ref, schema, shape_hw)
            if reading is not None:
                found.truth = reading.label_map
                found.keeps_form = not (reading.cannot_hold_edits or self._is_only_read(ref))
                found.problems += [SegstudioError(r, _REMARK_HINT) for r in reading.remarks]
        except SegstudioError as error:
            if self.project.truth is None or not self.project.truth.undecided:
                found.problems.append(without_traceback(error))
        try:
            found.saved = self.annotations.read(ref, schema, shape_hw)
        except SegstudioError as error:
            found.problems.append(without_traceback(error))
        return found

    def _is_only_read(self, ref: ImageRef) -> bool:
        """Whether one of the files of an image's ground truth takes no edit."""
        truth = self.project.truth
        paths = () if truth is None else (truth.class_path(ref), truth.instance_path(ref))
        return any(path is not None and is_only_read(path) for path in paths)


def changing(ref: ImageRef) -> SegstudioError:
    """The error of an image that is another one, or has another mask, each time it is read."""
    return SegstudioError(
        f"{ref.path} or its mask is being written by another program.", "Try again when it is done."
    )


def files_of(
    project: Project, predictions: PredictionStore, before: FolderFiles | None
) -> FolderFiles:
    """The files of a folder that is opened, or read again.

    Args:
        project: The folder.
        predictions: Where its predictions are kept.
        before: The folder that was open.
    """
    known = project.truth is None or project.truth.final
    same = before is not None and before.project.root == project.root
    writers = before.writers if before is not None and same else WriterMaps.of(project)
    return FolderFiles(project, predictions, MasksKnown(known=known), writers)


class OpenFolder:
    """Which folder's files are in force; replaced as a whole when another folder is opened."""

    def __init__(self) -> None:
        self.files: FolderFiles | None = None


def opened_at(path: Path, home: Path | None, masks: ChosenMasks | None = None) -> Project:
    """Open a folder with its table of positions made: for 100,000 images that takes a while.

    Raises:
        SegstudioError: if there are no images; a `NetworkFolderError` if there is a network.
    """
    network = network_folder(path)
    try:
        project = open_project(path, home, masks=masks)
    except SegstudioError as error:
        raise error if network is None else NetworkFolderError(path, network) from error
    project.index_of(project.images[0].path)
    damaged = set_damaged_aside(project.data_folder)
    return replace(project, notes=(*project.notes, *damaged), damaged=damaged, network=network)


def place_now(place: int, moved: Positions) -> int:
    """The new position of an image, or of a page of one; -1 if the image is gone."""
    image = moved.get(image_of(place), -1)
    return image if image < 0 else place_of(image, page_of(place))


def positions_now(old: Project, new: Project) -> Positions | None:
    """New position of each image that is still there, by its old one; None if all stay."""
    before, after = ([ref.name for ref in project.images] for project in (old, new))
    if old.images_root != new.images_root:
        return {}
    if before == after:
        return None
    places = {name: i for i, name in enumerate(after)}
    return {i: places[name] for i, name in enumerate(before) if name in places}
