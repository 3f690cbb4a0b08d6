"""How many errors each image of the folder has, for the order of the list of images."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from segstudio.clock import Cancel, Clock
from segstudio.comparison.error_finding import ComparedAnnotation
from segstudio.comparison.error_targets import other_side
from segstudio.core.class_mapping import is_scored
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import Draw, FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.runs.batch import drawn_in
from segstudio.session.document import Document
from segstudio.session.error_state import TRUTH
from segstudio.session.session import Change, ImageState, Session, What
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.states import load_settled

_log = logging.getLogger(__name__)
_KEY = "error counts"
_AFTER_S, _DELIVERED_S = 0.5, 0.2
_OTHERWISE = What.PROJECT | What.SCHEMA | What.MODELS | What.VIEW | What.ERRORS
_MORE = What.STATES | What.PREDICTIONS | What.DOCUMENT


class ErrorCounts:
    """Keeps `session.correcting.of_images`: what is known, and on wish what can be counted.

    Of an image that has no annotation nothing is counted, nor of one without the prediction.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        documents: Documents,
        folder: OpenFolder,
    ) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._documents, self._folder = documents, folder
        self._asked = _asked(session)
        self._wanted = False
        self._stop_timer: Cancel | None = None
        session.follow(_OTHERWISE, self._on_otherwise)
        session.follow(_MORE, self._on_more)
        session.follow(What.LABELS, self._on_labels)

    def want(self, wanted: bool) -> None:
        """Count the images of the folder that are not counted yet, and go on to do so; or do not."""
        self._wanted = wanted
        if wanted:
            self._count()
        else:
            self._jobs.cancel_key(_KEY)

    def _on_otherwise(self, _change: Change) -> None:
        """Counted against something else, or otherwise, all numbers are others."""
        asked = _asked(self._session)
        if asked == self._asked:
            return
        self._asked = asked
        self._jobs.cancel_key(_KEY)
        self._session.set_correcting(of_images={})
        self._count_soon()

    def _on_more(self, _change: Change) -> None:
        self._count_soon()

    def _on_labels(self, change: Change) -> None:
        """What is not followed edit by edit is not known any more."""
        session = self._session
        index = session.index_of(change.document)
        followed = session.errors is not None and session.errors.document is change.document
        if index in session.correcting.of_images and not followed:
            kept = {i: n for i, n in session.correcting.of_images.items() if i != index}
            session.set_correcting(of_images=kept)
            self._count_soon()

    def _count_soon(self) -> None:
        if not self._wanted:
            return
        if self._stop_timer is not None:
            self._stop_timer()
        self._stop_timer = self._clock.call_later(_AFTER_S, self._count)

    def _count(self) -> None:
        self._stop_timer = None
        files, session, asked = self._folder.files, self._session, self._asked
        if files is None or not self._wanted:
            return
        counting = _Counting(
            files,
            asked,
            drawn_in(session),
            {**session.states},
            session.correcting.of_images,
            {session.index_of(document): self._held(document) for document in self._documents},
            partial(self._deliver, files, asked),
        )
        self._jobs.submit("Counting errors", "scores", counting.work, key=_KEY)

    def _deliver(
        self, files: FolderFiles, asked: _CountedAs, job: Job, numbers: Mapping[int, int]
    ) -> None:
        """Take numbers over, if they are still true, on the session's thread."""

        def arrive() -> None:
            if files is self._folder.files and asked == self._asked and not job.cancelled:
                known = self._session.correcting.of_images
                self._session.set_correcting(of_images={**numbers, **known})

        self._clock.post(arrive)

    def _held(self, document: Document) -> _Held:
        """What is on the screen, or was, and may not be saved yet."""
        return document.annotation, document.predictions.get(self._asked.against)


_Held = tuple[LabelMap, Prediction | None]


def _missing(states: Mapping[int, ImageState], known: Mapping[int, int], against: str) -> list[int]:
    """Images that have both sides and are not counted yet."""
    return sorted(
        index
        for index, state in states.items()
        if index not in known
        and (state.has_truth or state.annotated)
        and (state.has_truth if against == TRUTH else against in state.runs)
    )


@dataclass(frozen=True)
class _CountedAs:
    """What is counted, and how; equal where the numbers are the same."""

    root: Path | None
    against: str
    good_shape: float
    min_pixels: int
    schema: LabelSchema
    thresholds: tuple[float, float]


def _asked(session: Session) -> _CountedAs:
    state, options, project = session.correcting, session.model.options, session.project
    return _CountedAs(
        None if project is None else project.root,
        state.against or session.view.scored_run,
        state.good_shape,
        state.min_pixels,
        session.schema,
        (options.score_threshold, options.mask_threshold),
    )


@dataclass(frozen=True, eq=False)
class _Counting:
    """What a job counts."""

    files: FolderFiles
    asked: _CountedAs
    draw: Draw
    states: Mapping[int, ImageState]
    known: Mapping[int, int]
    held: Mapping[int | None, _Held]
    deliver: Callable[[Job, Mapping[int, int]], None]

    def work(self, job: Job) -> None:
        """Count image by image, and deliver now and then."""
        settled = load_settled(self.files.project.data_folder)
        missing = _missing(self.states, self.known, self.asked.against)
        numbers, sent = dict[int, int](), time.monotonic()
        for done, index in enumerate(missing):
            ref = self.files.project.images[index]
            job.report(done, len(missing), f"Counting errors of {ref.name}")
            number = self._number(job, index, ref, settled.get(ref.key, frozenset()))
            if number is not None:
                numbers[index] = number
            if time.monotonic() - sent > _DELIVERED_S:
                self.deliver(job, numbers)
                numbers, sent = {}, time.monotonic()
        self.deliver(job, numbers)

    def _number(self, job: Job, index: int, ref: ImageRef, settled: frozenset[str]) -> int | None:
        """How many errors an image has; None where a side is missing or cannot be read."""
        schema = self.asked.schema
        annotation, prediction = self.held.get(index, (None, None))
        try:
            other = self._other(ref, prediction)
            if other is None:
                return None
            if annotation is None:
                annotation = self.files.reference(ref, schema, other.shape_hw, job.check)
        except SegstudioError as error:
            # said when the image is opened; one bad mask must not end a count of thousands
            _log.info("The errors of %s are not counted: %s", ref.name, error)
            return None
        if annotation is None or annotation.shape_hw != other.shape_hw:
            return None
        things = schema.object_ids(keeps_ids=annotation.instances is not None)
        compared = ComparedAnnotation(
            annotation,
            other_side(other, schema),
            things,
            schema.ignore_index,
            self.asked.min_pixels,
        )
        return compared.count(self.asked.good_shape, settled)

    def _other(self, ref: ImageRef, held: Prediction | None) -> Prediction | LabelMap | None:
        """What counts as right of an image; None without figures against it."""
        schema, against = self.asked.schema, self.asked.against
        if against == TRUTH:
            return self.files.truth(ref, schema, None)
        said = held or self.files.prediction(ref, against, schema, self.draw)
        return said if said is not None and is_scored(said.schema, schema) else None
