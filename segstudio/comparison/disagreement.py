"""Where the predictions of the open image differ, and taking one of them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from segstudio.annotation.editing import Editing
from segstudio.clock import Cancel, Clock
from segstudio.comparison.disputed_votes import FoundRegions, Votes, compare
from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask
from segstudio.core.prediction import Prediction
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.batch import model_of
from segstudio.runs.named_runs import is_removed
from segstudio.session.disputes import Disputes
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What

_KEY, _AGREEMENT_KEY = "disagreement", "disagreement with the annotation"
_COMPARED = What.DOCUMENT | What.PREDICTIONS | What.SCHEMA | What.MODELS
_AFTER_S = 0.15
"""A moment after the last stroke the annotation is compared with the runs."""


class Disagreement:
    """Keeps `session.disagreement` true; takes a model's answer into the annotation."""

    def __init__(
        self, session: Session, jobs: JobRunner, clock: Clock, notices: Notices, editing: Editing
    ) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._notices, self._editing = notices, editing
        self._asked = _Asked()
        self._votes: Votes | None = None
        self._cancel_look: Cancel | None = None
        session.follow(_COMPARED, self._on_compared)
        session.follow(What.LABELS, self._on_labels)

    # -- what is compared ----------------------------------------------------------------------

    def include(self, run: str, included: bool) -> None:
        """Compare a run with the others, or leave it out."""
        state = self._session.disagreeing
        left_out = state.left_out - {run} if included else state.left_out | {run}
        taken_in = state.taken_in | {run} if included else state.taken_in - {run}
        self._session.set_disagreeing(left_out=left_out, taken_in=taken_in)
        self._follow()

    def set_min_pixels(self, pixels: int) -> None:
        """List no regions that are smaller."""
        self._session.set_disagreeing(min_pixels=max(1, pixels))
        self._follow()

    # -- going from region to region -----------------------------------------------------------

    def open(self, number: int) -> None:
        """Look at a region; 0 for none."""
        self._session.set_disagreeing(opened=number)

    def step(self, by: int) -> None:
        """Look at the next smaller (1) or larger (-1) region, at the end from the other side."""
        disputes = self._session.disagreement
        if disputes is None or not disputes.regions:
            return
        numbers = [region.number for region in disputes.regions]
        opened = self._session.disagreeing.opened
        at = numbers.index(opened) if opened in numbers else (-1 if by > 0 else 0)
        self.open(numbers[(at + by) % len(numbers)])

    # -- taking an answer ----------------------------------------------------------------------

    def take(self, run: str, number: int = 0) -> None:
        """Make what a run says of a region (the opened one if not named) the annotation there."""
        disputes = self._session.disagreement
        if disputes is None:
            return
        region = disputes.region(number or self._session.disagreeing.opened)
        if region is not None:
            self._editing.take_region(run, region.rect, disputes.mask(region))

    def take_at(self, x: int, y: int, run: str = "") -> None:
        """Make what a run (the shown one if not named) says at pixel (x, y) the annotation there.

        Taken is the region on which the runs differ, or else the connected pixels around the
        point that the annotation and the run call differently.
        """
        session = self._session
        document = session.document
        run = run or session.view.run
        prediction = None if document is None else document.predictions.get(run)
        if document is None or prediction is None:
            self._notices.info("Run a model first, to take its answer.", scope="image")
            return
        disputes = session.disagreement
        region = disputes.region_at(x, y) if disputes is not None else None
        if disputes is not None and region is not None and run in disputes.runs:
            self.open(region.number)
            self._editing.take_region(run, region.rect, disputes.mask(region))
            return
        if not Rect.of_shape(document.shape_hw).contains(x, y):
            return
        if document.annotation.labels[y, x] == prediction.labels[y, x]:
            self._notices.info(
                f"{prediction.title} says here what the annotation says.", scope="image"
            )
            return
        self._editing.take_difference(run, x, y)

    # -- following -----------------------------------------------------------------------------

    def _on_compared(self, _change: Change) -> None:
        self._follow()

    def _on_labels(self, _change: Change) -> None:
        self._stop_timer()
        self._cancel_look = self._clock.call_later(_AFTER_S, self._look)

    def _follow(self) -> None:
        """Compare again if anything of it is other than last time.

        The order: what shall be compared -> what is shown of another image goes, and the state
        says that a comparison is under way -> a job compares -> the regions are shown -> the
        annotation is compared with them (`_look`), and again a moment after every stroke.
        """
        session = self._session
        asked = _asked(session)
        if asked == self._asked:
            return
        self._asked = asked
        self._jobs.cancel_key(_KEY)
        shown = session.disagreement
        can_compare = asked.document is not None and len(asked.predictions) > 1
        if can_compare and (shown is None or shown.document is asked.document):
            session.set_disagreeing(waiting=True)
        else:
            self._show(None, waiting=can_compare)
        if not can_compare:
            return

        def failed(error: Exception) -> None:
            self._show(None)
            self._notices.failure("Comparing the predictions", error, scope="image")

        self._jobs.submit(
            "Comparing the predictions",
            "features",
            asked.compare,
            self._show,
            failed=failed,
            key=_KEY,
            visible=False,
        )

    def _show(self, found: FoundRegions | None, *, waiting: bool = False) -> None:
        session = self._session
        before, after = session.disagreement, None if found is None else found.disputes
        self._votes = None if found is None else found.votes
        opened = _same_region(before, session.disagreeing.opened, after)
        session.disagreement = after
        state = replace(session.disagreeing, opened=opened, waiting=waiting, agreement={})
        if after is not before or state != session.disagreeing:
            session.disagreeing = state
            session.notify(What.DISAGREEMENT)
        self._look()

    def _stop_timer(self) -> None:
        if self._cancel_look is not None:
            self._cancel_look()
            self._cancel_look = None

    def _look(self) -> None:
        """See with which run the annotation agrees in each region."""
        self._stop_timer()
        votes, disputes = self._votes, self._session.disagreement
        if votes is None or disputes is None or not disputes.document.has_reference:
            self._session.set_disagreeing(agreement={})
            return
        annotation = disputes.document.annotation
        # a read while it is painted on may be torn, but then it is read again a moment later
        self._jobs.submit(
            "Comparing with the annotation",
            "features",
            lambda _job: votes.agreement_with(annotation.labels),
            lambda agreement: self._agreed(disputes, agreement),
            key=_AGREEMENT_KEY,
            visible=False,
        )

    def _agreed(self, disputes: Disputes, agreement: Mapping[int, tuple[float, ...]]) -> None:
        if disputes is self._session.disagreement:
            self._session.set_disagreeing(agreement=agreement)


@dataclass(frozen=True)
class _Asked:
    """What is compared; equal only to what has the very same maps."""

    document: Document | None = None
    predictions: tuple[_Same, ...] = ()
    ignore_index: int | None = None
    min_pixels: int = 0

    def compare(self, job: Job) -> FoundRegions:
        """Compare."""
        assert self.document is not None
        predictions = [one.prediction for one in self.predictions]
        counted = _counted(self.document, self.ignore_index)
        return compare(self.document, predictions, counted, self.min_pixels, job.check)


@dataclass(frozen=True, eq=False)
class _Same:
    prediction: Prediction

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.prediction is self.prediction

    def __hash__(self) -> int:
        return id(self.prediction)


def _asked(session: Session) -> _Asked:
    document, state = session.document, session.disagreeing
    if document is None:
        return _Asked()
    # in the order of the models, whichever ran first
    place = {name: number for number, name in enumerate(session.models)}
    silent = silent_runs(session)
    chosen = sorted(
        (p for run, p in document.predictions.items() if run not in silent),
        key=lambda p: place.get(model_of(p.run), len(place)),
    )
    return _Asked(
        document, tuple(map(_Same, chosen)), session.schema.ignore_index, state.min_pixels
    )


def silent_runs(session: Session) -> frozenset[str]:
    """Predictions of the open image that are not compared.

    Those are the ones left out by hand, those of named runs that were removed, unless they were
    taken in by hand, and those of other classes than the folder's.
    """
    document, state = session.document, session.disagreeing
    if document is None:
        return frozenset()
    gone = {run for run in document.predictions if is_removed(run, session.models)}
    return state.left_out | (gone - state.taken_in) | foreign_runs(document)


def foreign_runs(document: Document) -> frozenset[str]:
    """Predictions that say nothing in the folder's classes, so that they cannot be compared."""
    return frozenset(run for run, p in document.predictions.items() if p.own is not None)


def _counted(document: Document, ignore_index: int | None) -> Mask | None:
    """(H, W) bool: where the ground truth has an opinion; None for everywhere."""
    if document.truth is None or ignore_index is None:
        return None
    counted: Mask = document.truth.labels != ignore_index
    return None if counted.all() else counted


def _same_region(before: Disputes | None, opened: int, after: Disputes | None) -> int:
    """The number of the opened region in another comparison of the same image, 0 if it is gone."""
    region = None if before is None else before.region(opened)
    if before is None or after is None or region is None:
        return 0
    found = after.region_at(*region.point_xy) if after.document is before.document else None
    return 0 if found is None else found.number
