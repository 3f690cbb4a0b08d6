"""The files of the open folder, as jobs read them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from segstudio.app.class_mapping import adapt
from segstudio.app.tally import count
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.labels import Image, LabelMap
from segstudio.core.metrics import ConfusionMatrix
from segstudio.core.prediction import Prediction, RunOptions, with_thresholds
from segstudio.core.schema import LabelSchema
from segstudio.session.document import Document
from segstudio.storage.annotations import Annotations
from segstudio.storage.decode import read_image
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_files import mask_pages
from segstudio.storage.picture import COMPOSITE, Check, unchecked
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.project import Project
from segstudio.storage.truth import read_truth

_log = logging.getLogger(__name__)
READ_ATTEMPTS = 3
"""So often a file is read again that was another one after it was read."""


@dataclass
class LoadedDocument:
    """What reading an image gave: the document, and what was wrong with its masks."""

    document: Document
    problems: list[SegstudioError] = field(default_factory=list)


@dataclass(frozen=True)
class FolderFiles:
    """One folder's files at one moment; safe to use from any thread.

    Attributes:
        project: The folder.
        predictions: Where its predictions are kept.
    """

    project: Project
    predictions: PredictionStore

    @property
    def annotations(self) -> Annotations:
        """The folder's annotations."""
        project = self.project
        return Annotations(project.root, project.truth, project.identity)

    def load_document(
        self,
        ref: ImageRef,
        schema: LabelSchema,
        check: Check = unchecked,
        channel: int = COMPOSITE,
    ) -> LoadedDocument:
        """Read an image, its ground truth and its saved annotation.

        A mask that cannot be used is a problem to show; the image still opens.

        Args:
            ref: The image.
            schema: The classes in force.
            check: Called again and again while the image is read; raises to give up.
            channel: Which channel is to be shown, if the image has it.

        Raises:
            SegstudioError: if the image itself cannot be read.
        """
        digest = self.predictions.digests.of(ref.path)
        image = read_image(ref.path, ref.page, check)
        if digest != self.predictions.digests.of(ref.path):
            digest = None  # it was replaced meanwhile: which of the two was read nobody knows
        shape = (image.pixels.shape[0], image.pixels.shape[1])
        problems: list[SegstudioError] = []
        # Before they are read: a change in between is then noticed when they are replaced.
        seen = self.annotations.seen(ref)
        truth = self._truth(ref, schema, shape, problems)
        saved = self._saved(ref, schema, shape, problems)
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
        )
        document.saved_revision = annotation.revision
        alone = document.channel_for(channel)
        if alone != COMPOSITE:
            document.show_channel(alone, image.picture.shown(alone, check))
        return LoadedDocument(document, problems)

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

    def pixels(self, ref: ImageRef, check: Callable[[], None]) -> tuple[Image, str]:
        """An image's pixels, (H, W, 3) uint8 RGB, and the digest of the file they came from.

        Raises:
            SegstudioError: if it cannot be read, or another program is writing it.
        """
        for _ in range(READ_ATTEMPTS):
            digest = self.predictions.digests.of(ref.path)
            pixels = read_image(ref.path, ref.page, check).pixels
            if digest is not None and digest == self.predictions.digests.of(ref.path):
                return pixels, digest
        raise changing(ref)

    def reference(
        self, ref: ImageRef, schema: LabelSchema, shape_hw: tuple[int, int] | None
    ) -> LabelMap | None:
        """What an image that is not open is measured against: its saved annotation, else truth.

        Raises:
            SegstudioError: if the mask cannot be used.
        """
        saved = self.annotations.read(ref, schema, shape_hw)
        if saved is not None or self.project.truth is None:
            return saved
        return read_truth(ref, self.project.truth, schema, shape_hw)

    def prediction(
        self, ref: ImageRef, run: str, schema: LabelSchema, options: RunOptions
    ) -> Prediction | None:
        """A stored prediction in the folder's classes and at these thresholds, or None."""
        stored = self.predictions.load(ref.path, run, ref.page)
        if stored is None:
            return None
        if stored.instances is not None:
            stored = with_thresholds(stored, options.score_threshold, options.mask_threshold)
        return adapt(stored, schema)

    def count(
        self, ref: ImageRef, run: str, schema: LabelSchema, options: RunOptions
    ) -> ConfusionMatrix | None:
        """Count a stored prediction against the files; None where one of the two is missing."""
        prediction = self.prediction(ref, run, schema, options)
        if prediction is None:
            return None
        try:
            reference = self.reference(ref, schema, prediction.shape_hw)
        except SegstudioError as error:
            # Said when the image is opened; one bad mask must not end a count of thousands.
            _log.info("%s is not scored: %s", ref.name, error)
            return None
        return None if reference is None else count(reference.labels, prediction.labels, schema)

    def truth(
        self, ref: ImageRef, schema: LabelSchema, shape_hw: tuple[int, int] | None
    ) -> LabelMap | None:
        """An image's ground truth.

        Raises:
            SegstudioError: if the mask cannot be used.
        """
        index = self.project.truth
        return None if index is None else read_truth(ref, index, schema, shape_hw)

    def _truth(
        self,
        ref: ImageRef,
        schema: LabelSchema,
        shape_hw: tuple[int, int],
        problems: list[SegstudioError],
    ) -> LabelMap | None:
        try:
            return self.truth(ref, schema, shape_hw)
        except SegstudioError as error:
            problems.append(without_traceback(error))
            return None

    def _saved(
        self,
        ref: ImageRef,
        schema: LabelSchema,
        shape_hw: tuple[int, int],
        problems: list[SegstudioError],
    ) -> LabelMap | None:
        try:
            return self.annotations.read(ref, schema, shape_hw)
        except SegstudioError as error:
            problems.append(without_traceback(error))
            return None


def changing(ref: ImageRef) -> SegstudioError:
    """The error of an image that is another one, or has another mask, each time it is read."""
    return SegstudioError(
        f"{ref.path} or its mask is being written by another program.", "Try again when it is done."
    )


class OpenFolder:
    """Which folder's files are in force; replaced as a whole when another folder is opened."""

    def __init__(self) -> None:
        self.files: FolderFiles | None = None
