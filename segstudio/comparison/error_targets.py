"""The errors of the open image's annotation as targets: going to each, and repairing or keeping it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from segstudio.annotation.editing import Editing, Made
from segstudio.annotation.limits import locked_in, say_locked
from segstudio.annotation.patching import foreign, numbers_are_used_up
from segstudio.annotation.stepping import AT_ONCE_PIXELS
from segstudio.clock import Cancel, Clock
from segstudio.comparison.error_finding import ComparedAnnotation, OtherSide
from segstudio.comparison.object_repairs import (
    NoNumberLeftError,
    act_of,
    marks_of,
    repaired,
)
from segstudio.core.class_mapping import is_scored
from segstudio.core.history import Source
from segstudio.core.labels import LabelMap, Mask, Patch
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.folder.files import OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.metrics.object_errors import ErrorKey, ErrorKind, ObjectError
from segstudio.notices import Notices
from segstudio.runs.score_sides import run_title
from segstudio.session.document import Document
from segstudio.session.error_state import TRUTH, AnnotationErrors
from segstudio.session.session import Change, Session, What
from segstudio.storage.states import load_settled, save_settled

_KEY = "errors of the annotation"
_AFTER_S = 0.15
"""A moment after the last stroke the errors are looked for."""
_ASKED = What.DOCUMENT | What.PREDICTIONS | What.SCHEMA | What.MODELS | What.VIEW
_ASKED |= What.DISAGREEMENT
_FOLLOWED_PIXELS = 1 << 21
"""After larger patches all is counted anew."""
_AT_ONCE, _SPLIT_AT_ONCE = 1 << 17, 1 << 13
"""Pixels of an error's rectangle up to which it is repaired at once; splitting takes longest."""
NO_MODEL = "Run a model on this image to see where your annotation differs from it."


class ErrorTargets:
    """Keeps `session.errors` true while somebody looks at them; repairs the annotation.

    Looked for in a job: the annotation is compared with the other side once, and after edits by
    their pixels alone.

    Attributes:
        tell_objects: Called with what is wrong with objects of the open image's annotation, in a
            word or two, by number, whenever that is another.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        editing: Editing,
        folder: OpenFolder,
        *,
        tell_objects: Callable[[Mapping[int, str]], object] = lambda _words: None,
    ) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._notices, self._editing, self._folder = notices, editing, folder
        self._asked = _Asked()
        self._compared: ComparedAnnotation | None = None
        self._job: Job | None = None
        self._patches: list[Patch] = []
        self._anew = self._waits = False
        self._cancel_look: Cancel | None = None
        self._place = 0
        self._goes_on = False
        self._settled: dict[str, frozenset[str]] = {}
        """What was kept by hand since the folder was opened, by image; else it is on disk."""
        self._words: Mapping[int, str] = {}
        self.tell_objects = tell_objects
        session.follow(What.PROJECT, self._on_project)
        session.follow(_ASKED, self._on_asked)
        session.follow(What.LABELS, self._on_labels)

    # -- what is compared ----------------------------------------------------------------------

    def bring(self, in_front: bool) -> None:
        """Look at errors of the annotation, or at where models differ."""
        self._session.set_correcting(in_front=in_front)
        self._follow()

    def choose_against(self, against: str) -> None:
        """Take another side as right, as in `ErrorsState`."""
        self._session.set_correcting(against=against)
        self._follow()

    def set_good_shape(self, iou: float) -> None:
        """Call the shape of an object right from another IoU on."""
        if iou != self._session.correcting.good_shape:
            self._session.set_correcting(good_shape=iou)
            self._look_again()

    def set_min_pixels(self, pixels: int) -> None:
        """List no regions of classes that are smaller."""
        self._session.set_correcting(min_pixels=max(1, pixels))
        self._follow()

    # -- going from error to error -------------------------------------------------------------

    def list_only(self, kind: ErrorKind | None) -> None:
        """List errors of one kind, and go to these only; None for all."""
        state = self._session.correcting
        stays = kind is None or state.opened is None or state.opened[0] == kind.value
        self._session.set_correcting(kind=kind, opened=state.opened if stays else None)
        self._place = 0 if not stays else self._place

    def open(self, key: ErrorKey | None) -> None:
        """Look at an error; None for none."""
        found = self._session.errors
        place = None if found is None else found.place(key, self._session.correcting.kind)
        if place is not None:
            self._place = place
        # who is at one stays there when another model has run
        in_front = self._session.correcting.in_front if key is None else True
        self._session.set_correcting(opened=key, in_front=in_front)
        self._follow()

    def step(self, by: int) -> None:
        """Look at the next (1) or previous (-1) error of the list, at its end from the other side.

        From one that is gone it is the one that came after it, or before it.
        """
        found, state = self._session.errors, self._session.correcting
        listed = () if found is None else found.listed(state.kind)
        if found is None or not listed:
            return
        place = found.place(state.opened, state.kind)
        if place is not None:
            place += by
        else:
            place = self._place if by > 0 else self._place - 1
        self.open(listed[place % len(listed)].key)

    @property
    def opened(self) -> ObjectError | None:
        """The error that is looked at."""
        found = self._session.errors
        return None if found is None else found.error(self._session.correcting.opened)

    # -- deciding ------------------------------------------------------------------------------

    def repair(self) -> None:
        """Make the annotation agree with the other side in the opened error; then the next is shown."""
        found, error = self._session.errors, self.opened
        if found is None or error is None or found.document is not self._session.document:
            return
        full, locked, view = False, frozenset[int](), self._session.view

        def make(document: Document) -> Made:
            nonlocal full, locked
            full, locked = False, frozenset()
            try:
                patch = repaired(
                    document.annotation,
                    found,
                    error,
                    lambda count: self._editing.objects.free(document, count),
                )
            except NoNumberLeftError:
                full = True
                return None
            # as of deleting or merging by hand, the whole or nothing
            locked = frozenset() if patch is None else locked_in(view, patch)
            return None if locked else patch

        def done(changed: bool) -> None:
            if full:
                self._notices.info(numbers_are_used_up(found.document), scope="image")
            elif not say_locked(self._notices, self._session, locked) and changed:
                self._goes_on = True
                self._look()

        source = None if found.against == TRUTH else Source(found.against)
        act = act_of(error, found.against)
        self._editing.change(act, make, pixels=_pixels(found, error), then=done, source=source)

    def keep(self) -> None:
        """Say that the annotation is right in the opened error: it does not come again.

        It comes again when the annotation is changed there.
        """
        found, error = self._session.errors, self.opened
        if found is None or error is None:
            return
        key = found.document.ref.key
        settled = self._settled.get(key, frozenset()) | {*marks_of(found, error)}
        self._keep_settled(key, settled)
        self._goes_on = True
        self._look()

    def list_kept_again(self) -> None:
        """Forget of the open image what was said to be right."""
        document = self._session.document
        if document is not None:
            self._keep_settled(document.ref.key, frozenset())
            self._look_again()

    def _keep_settled(self, key: str, settled: frozenset[str]) -> None:
        self._settled[key] = settled
        files = self._folder.files
        if files is None:
            return
        project = files.project
        self._jobs.submit(
            "Saving the marks",
            "save",
            lambda _job: save_settled(project.data_folder, project.root, key, settled),
            visible=False,
        )

    # -- following -----------------------------------------------------------------------------

    def _on_project(self, _change: Change) -> None:
        self._settled = {}
        self._session.set_correcting(opened=None)

    def _on_asked(self, _change: Change) -> None:
        self._follow()

    def _on_labels(self, change: Change) -> None:
        if self._asked.document is None or change.document is not self._asked.document:
            return
        if id(change.document.annotation) != self._asked.annotation:
            self._follow()  # it keeps numbers of objects from now on
            return
        if change.patches:
            self._patches += change.patches
        else:
            self._anew = True
        self._stop_timer()
        self._cancel_look = self._clock.call_later(_AFTER_S, self._look)

    def _follow(self) -> None:
        """Compare again if anything of it is other than last time."""
        asked, problem = _wanted(self._session)
        if asked == self._asked:
            if problem != self._session.correcting.problem:
                self._session.set_correcting(problem=problem)
            return
        another = asked.document is not self._asked.document
        self._asked, self._compared, self._patches = asked, None, []
        self._stop()
        if another:
            self._place, self._goes_on = 0, False
            self._session.correcting = replace(self._session.correcting, opened=None)
        if asked.document is None:
            self._show(None, problem=problem)
            return
        if another or self._session.errors is None:
            self._show(None, waiting=True)
        else:
            self._session.set_correcting(waiting=True, problem="")
        self._look()

    def _look_again(self) -> None:
        if self._asked.document is not None:
            self._waits = True
            self._look()

    def _look(self) -> None:
        """Look for the errors in a job: of the edits since the last time, or anew."""
        self._stop_timer()
        asked, document = self._asked, self._asked.document
        if document is None:
            return
        if self._job is not None:
            self._waits = True
            return
        patches, self._patches, self._waits = self._patches, [], False
        compared = None if self._anew or not self._can_follow(patches) else self._compared
        self._anew = False
        files, key = self._folder.files, document.ref.key
        look = _Look(
            asked,
            compared,
            patches,
            self._session.correcting.good_shape,
            self._settled.get(key),
            None if files is None else files.project.data_folder,
        )

        def failed(error: Exception) -> None:
            if asked is self._asked:
                self._compared = None
                self._show(None)
                self._notices.failure("Comparing with the annotation", error, scope="image")

        def ended() -> None:
            if job is self._job:
                self._job = None
                if self._waits:
                    self._look()

        job = self._job = self._jobs.submit(
            "Comparing with the annotation", "features", look.work, self._looked,
            failed=failed, ended=ended, visible=False,
        )  # fmt: skip

    def _looked(self, looked: _Looked) -> None:
        if looked.asked is self._asked:
            self._compared = looked.compared
            self._settled.setdefault(looked.found.document.ref.key, looked.settled)
            self._show(looked.found)

    def _can_follow(self, patches: list[Patch]) -> bool:
        small = sum(patch.before.size for patch in patches) <= _FOLLOWED_PIXELS
        return self._compared is not None and small and self._compared.can_follow(patches)

    def _stop(self) -> None:
        """What is under way is of no use any more."""
        self._stop_timer()
        job, self._job, self._waits = self._job, None, False
        if job is not None:
            job.cancel()

    def _stop_timer(self) -> None:
        if self._cancel_look is not None:
            self._cancel_look()
            self._cancel_look = None

    def _show(
        self, found: AnnotationErrors | None, *, waiting: bool = False, problem: str = ""
    ) -> None:
        """Say what was found; the opened error stays, or gives way to the one after it."""
        session = self._session
        state = session.correcting
        # of what is looked at again at once the last word is not said yet
        goes_on = self._goes_on and found is not None and not self._waits
        opened = state.opened
        if found is not None and found.error(opened) is None and not self._waits:
            listed = found.listed(state.kind)
            place = self._place if self._place < len(listed) else 0
            self._place = place
            opened = listed[place].key if goes_on and listed else None
        if goes_on:
            self._goes_on = False
        of_images = state.of_images
        index = session.index_of(None if found is None else found.document)
        if found is not None and index is not None:
            of_images = {**of_images, index: len(found.errors)}
        session.errors = found
        session.correcting = replace(
            state, opened=opened, waiting=waiting, problem=problem, of_images=of_images
        )
        counted = What(0) if of_images is state.of_images else What.ERROR_COUNTS
        session.notify(What.ERRORS | counted)
        words = {} if found is None else found.words_of_objects
        if words != self._words:
            self._words = words
            self.tell_objects(words)


def _pixels(found: AnnotationErrors, error: ObjectError) -> int | None:
    """How many pixels a repair looks at; so many that it is done in a job where it takes long."""
    if found.mine.from_regions and error.kind is not ErrorKind.REGION:
        return None
    pixels = error.rect.height * error.rect.width
    most = _SPLIT_AT_ONCE if error.kind is ErrorKind.MERGED else _AT_ONCE
    return pixels if pixels <= most else max(pixels, AT_ONCE_PIXELS + 1)


@dataclass(frozen=True)
class _Asked:
    """What is compared; equal only to what has the very same maps."""

    document: Document | None = None
    against: str = ""
    title: str = ""
    annotation: int = 0
    other: int = 0
    things: frozenset[int] = frozenset()
    schema: LabelSchema | None = None
    min_pixels: int = 0
    maps: tuple[LabelMap, Prediction | LabelMap] | None = field(default=None, compare=False)
    """Held, so that no other maps get their identities."""

    def compared(self) -> ComparedAnnotation:
        """Compare; looks at all pixels."""
        assert self.maps is not None
        assert self.schema is not None
        annotation, other = self.maps
        return ComparedAnnotation(
            annotation,
            other_side(other, self.schema),
            self.things,
            self.schema.ignore_index,
            self.min_pixels,
        )


def other_side(other: Prediction | LabelMap, schema: LabelSchema) -> OtherSide:
    """What a prediction, or the ground truth, says in the folder's classes."""
    if isinstance(other, LabelMap):
        ignored = schema.ignore_index
        return OtherSide(
            other.labels, other.instances, None if ignored is None else other.labels == ignored
        )
    void: Mask | None = foreign(other.labels, schema)
    labels = other.labels if void is None else np.where(void, np.uint8(0), other.labels)
    return OtherSide(labels, other.instance_ids, void)


def _wanted(session: Session) -> tuple[_Asked, str]:
    """What shall be compared, and why nothing can be; nothing while nobody looks at it."""
    document, schema, state = session.document, session.schema, session.correcting
    if document is None or not session.errors_in_front:
        return _Asked(), ""
    against = state.against or session.view.scored_run
    other: Prediction | LabelMap | None
    if against == TRUTH:
        other, title = document.truth, "the ground truth"
        if other is None:
            return _Asked(), f"{document.ref.title} has no ground truth to compare with."
    else:
        other, title = document.predictions.get(against), run_title(session, against)
        if other is None:
            known = state.against and document.predictions
            return _Asked(), f"{title} has not run on {document.ref.title}." if known else NO_MODEL
        if not is_scored(other.schema, schema):
            return _Asked(), f"None of {title}'s classes is one of the folder's."
    keeps_ids = document.annotation.instances is not None
    return _Asked(
        document,
        against,
        title,
        id(document.annotation),
        id(other),
        schema.object_ids(keeps_ids=keeps_ids),
        schema,
        state.min_pixels,
        (document.annotation, other),
    ), ""


@dataclass(frozen=True, eq=False)
class _Look:
    """What a job has to look at."""

    asked: _Asked
    compared: ComparedAnnotation | None
    patches: list[Patch]
    good_shape: float
    settled: frozenset[str] | None
    data_folder: Path | None

    def work(self, _job: Job) -> _Looked:
        """Follow the patches, or compare anew where nothing can be followed."""
        asked, document = self.asked, self.asked.document
        assert document is not None
        compared = self.compared
        if compared is None:
            compared = asked.compared()
        else:
            compared.follow(self.patches)
        settled = self.settled
        if settled is None:
            known = {} if self.data_folder is None else load_settled(self.data_folder)
            settled = known.get(document.ref.key, frozenset())
        found = compared.errors(document, asked.against, asked.title, self.good_shape, settled)
        found.prepare()
        return _Looked(asked, compared, found, settled)


@dataclass(frozen=True, eq=False)
class _Looked:
    """What a job found."""

    asked: _Asked
    compared: ComparedAnnotation
    found: AnnotationErrors
    settled: frozenset[str]
