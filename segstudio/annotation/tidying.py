"""Operations on regions of the open image or of many images: shown first, done, told, undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from segstudio.annotation.editing import Editing
from segstudio.annotation.limits import Limits, asks_photo, class_limits, limits_of
from segstudio.annotation.many_images import ManyImages, Pass, every_page, share_text, trouble
from segstudio.annotation.patching import difference_patch, packed, signed, signed_map
from segstudio.annotation.region_operations import (
    Operation,
    Target,
    changed_pixels,
    operated,
)
from segstudio.core.formatting import counted
from segstudio.core.geometry import Rect
from segstudio.core.history import Step
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.mask_preview import MaskPreview
from segstudio.folder.files import OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notice, Notices
from segstudio.session.session import Session
from segstudio.storage.image_ref import ImageRef

_DONE: Final = "tidied"
"""What the notice of an operation on many images is about."""
_PREVIEW: Final = "tidy-preview"


@dataclass(frozen=True)
class TidyRequest:
    """What is to be done.

    Attributes:
        operation: Which operation.
        target: To which regions.
        amount: Its number.
        into: Its class.
    """

    operation: Operation
    target: Target
    amount: int = 0
    into: int = 0


@dataclass(frozen=True)
class TidyPreview:
    """What an operation would change in the open image.

    Attributes:
        pixels: The pixels that would change.
        added: How many of them are background now.
        removed: How many would be background.
        changed: How many there are.
    """

    pixels: MaskPreview
    added: int
    removed: int
    changed: int


@dataclass
class _Tally:
    """What an operation did to many images.

    Attributes:
        steps: What takes it back, by image.
        checksums: Of each image's annotation before it.
        pixels: How many pixels were changed, by image.
    """

    steps: dict[ImageRef, Step] = field(default_factory=dict)
    checksums: dict[ImageRef, int] = field(default_factory=dict)
    pixels: dict[ImageRef, int] = field(default_factory=dict)


class Tidying:
    """Shows what an operation would change, and does it: here as one edit, or in many images.

    Of many images those in memory get an edit each and are saved; the files of the others are
    rewritten one by one in a job, each as a whole or not at all. The notice takes everything back.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        folder: OpenFolder,
        editing: Editing,
        many: ManyImages,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._folder, self._editing, self._many = folder, editing, many

    # -- the open image ------------------------------------------------------------------------

    def preview(self, request: TidyRequest, then: Callable[[TidyPreview], None]) -> None:
        """Find out what would change in the open image; only the latest question is answered."""
        document, ignored = self._session.document, self._ignored
        if document is None:
            return
        limits = limits_of(self._session, document)

        def work(job: Job) -> TidyPreview:
            before = document.annotation.snapshot()
            job.check()
            return _preview(before, _limited(before, _after(before, request, ignored), limits))

        def found(preview: TidyPreview) -> None:
            if document is self._session.document:
                then(preview)

        self._jobs.submit(
            request.operation.title, "assists", work, found, key=_PREVIEW, visible=False
        )

    def forget_preview(self) -> None:
        """Nobody waits for the answer any more."""
        self._jobs.cancel_key(_PREVIEW)

    def apply(self, request: TidyRequest, then: Callable[[bool], None] | None = None) -> None:
        """Change the open image, as one edit.

        Args:
            request: What is to be done.
            then: Called at the end with whether something changed.
        """
        ignored = self._ignored

        def make(annotation: LabelMap) -> Patch | None:
            after = _after(annotation, request, ignored)
            return difference_patch(annotation, after.labels, after.instances)

        self._editing.change_by(self._title(request), make, then=then)

    # -- many images ---------------------------------------------------------------------------

    def apply_to(self, request: TidyRequest, images: Iterable[ImageRef]) -> None:
        """Change images of the folder, all their pages, open or not."""
        files, session = self._folder.files, self._session
        if files is None:
            return
        if session.read_only:
            self._notices.info(session.read_only)
            return
        if asks_photo(session.view):
            self._notices.info(
                f"{self._title(request)} was not done: limits by values or by confidence hold in "
                "the open image only.",
                "Reset them to change many images.",
            )
            return
        refs, title, ignored = tuple(images), self._title(request), self._ignored
        schema, elsewhere, view = session.schema, session.saving.elsewhere, session.view
        tally = _Tally()

        def run(pages: tuple[ImageRef, ...]) -> None:
            if not self._many.is_open(files):
                return

            def new(ref: ImageRef, found: LabelMap) -> LabelMap:
                limits = class_limits(view, found)
                return self._new(change, tally, request, ignored, ref, found, limits)

            change = Pass(title, files, schema, elsewhere, pages, new, by=self)
            self._many.run(change, lambda: self._tell(change, tally))

        def pages_of(_job: Job) -> tuple[ImageRef, ...]:
            return tuple(ref for _, ref in every_page(refs, []))

        self._jobs.submit(title, "transfer", pages_of, run)

    @staticmethod
    def _new(
        change: Pass,
        tally: _Tally,
        request: TidyRequest,
        ignored: frozenset[int],
        ref: ImageRef,
        found: LabelMap,
        limits: Limits,
    ) -> LabelMap:
        """What an image's map becomes; it is operated on once, also if it is opened meanwhile."""
        checksum = found.checksum()
        if ref in change.written and checksum != tally.checksums.get(ref):
            return found
        after = _limited(found, _after(found, request, ignored), limits)
        after = signed_map(found, after)
        patch = difference_patch(found, after.labels, after.instances, after.writers)
        if patch is None:
            return found
        tally.checksums[ref] = checksum
        tally.steps[ref] = packed(change.title, patch)[0].taken_back()
        tally.pixels[ref] = int(np.count_nonzero(changed_pixels(found, after)))
        return after

    def _tell(self, change: Pass, tally: _Tally) -> None:
        """Say what was changed, and offer to take it back."""
        for ref in tally.pixels.keys() - change.changed:
            # what would have changed in a file that could not be written
            del tally.pixels[ref], tally.steps[ref]
        pixels = sum(tally.pixels.values())
        images = len({ref.name for ref in tally.pixels})
        of = f"{images:,} of {counted(len({ref.name for ref in change.images}), 'image')}"
        text = f"{change.title}: {counted(pixels, 'pixel')} in {of} changed."
        action = ("Undo", lambda: self._take_back(change, tally)) if pixels else None
        self._notices.settle(_DONE)
        if change.is_whole and not change.failed:
            self._notices.post(Notice("info", text, action=action, about=_DONE))
            return
        why, hint = trouble(change)
        self._notices.post(
            Notice("warning", f"{text} {why[0].upper()}{why[1:]}", hint, action=action, about=_DONE)
        )

    def _take_back(self, change: Pass, tally: _Tally) -> None:
        files = self._folder.files
        if files is None or not self._many.is_open(change.files):
            return
        if self._session.read_only:
            self._notices.info(self._session.read_only)
            return
        self._notices.settle(_DONE)
        back = Pass(
            f"Undo {change.title}",
            files,
            self._session.schema,
            self._session.saving.elsewhere,
            tuple(tally.steps),
            lambda ref, found: _restored(found, tally.steps[ref]),
            by=self,
        )

        def done() -> None:
            if not back.is_whole or back.failed:
                why, hint = trouble(back)
                self._notices.warning(
                    f"{change.title} was undone in {share_text(back)}: {why}", hint
                )

        self._many.run(back, done)

    # -- inside --------------------------------------------------------------------------------

    @property
    def _ignored(self) -> frozenset[int]:
        ignored = self._session.schema.ignore_index
        return frozenset() if ignored is None else frozenset((ignored,))

    def _title(self, request: TidyRequest) -> str:
        target, schema = request.target, self._session.schema
        if target.objects or target.places:
            return f"{request.operation.title}: selection"
        if target.classes is None:
            return f"{request.operation.title}: all classes"
        names = ", ".join(schema.name_of(c) for c in sorted(target.classes))
        return f"{request.operation.title}: {names}"


def _after(before: LabelMap, request: TidyRequest, ignored: frozenset[int]) -> LabelMap:
    return operated(
        before, request.operation, request.target, request.amount, request.into, ignored
    )


def _limited(before: LabelMap, after: LabelMap, limits: Limits) -> LabelMap:
    """What an operation makes of a map where the limits of painting allow it."""
    if not limits.apply or after is before:
        return after
    patch = difference_patch(before, after.labels, after.instances)
    left = signed(before, None if patch is None else limits.restricted(patch))
    limited = before.copy()
    if left is not None:
        limited.apply(left)
    return limited


def _preview(before: LabelMap, after: LabelMap) -> TidyPreview:
    changed = changed_pixels(before, after)
    left, top, width, height = cv2.boundingRect(changed.view(np.uint8))
    rect = Rect(top, left, top + height, left + width)
    part = changed[rect.slices].copy()
    added = int(np.count_nonzero(part & (before.labels[rect.slices] == 0)))
    removed = int(np.count_nonzero(part & (after.labels[rect.slices] == 0)))
    return TidyPreview(MaskPreview.of(rect, part), added, removed, int(np.count_nonzero(part)))


def _restored(found: LabelMap, step: Step) -> LabelMap:
    """A map in which what an operation changed is as before, but where something was painted since."""
    labels = found.labels.copy()
    ids = None if found.instances is None else found.instances.copy()
    writers = None if found.writers is None else found.writers.copy()
    for patch in step.unpack().patches:
        part = labels[patch.rect.slices]
        still = part == patch.before
        changed = patch.before != patch.after
        if ids is not None and patch.instances_before is not None:
            assert patch.instances_after is not None
            numbers = ids[patch.rect.slices]
            still &= numbers == patch.instances_before
            changed |= patch.instances_before != patch.instances_after
            numbers[still & changed] = patch.instances_after[still & changed]
        part[still & changed] = patch.after[still & changed]
        if writers is not None:
            signatures = writers[patch.rect.slices]
            signatures[still & changed] = patch.writers_on(signatures)[still & changed]
    return LabelMap(labels, ids, writers)
