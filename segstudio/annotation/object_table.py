"""The figures of the open image's objects, worked out in jobs and kept in step with every edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from segstudio.clock import Clock
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.object_figures import (
    Brightness,
    Looked,
    ObjectFigures,
    ScoredObjects,
    no_figures,
)
from segstudio.core.prediction import Prediction
from segstudio.core.progress import Check
from segstudio.jobs import JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.picture import COMPOSITE

_AFTER_S: Final = 0.15
"""So long after the last edit the figures follow."""
_MOST_RECTS: Final = 400
ANNOTATION: Final = ""
"""Asked for in place of a run."""


@dataclass(eq=False)
class _Kept:
    """What is known of one map.

    Attributes:
        figures: The figures as they were worked out last; None before.
        stale: Where the map was edited since; None: everywhere.
        of: Which predictions they go by.
        working: Whether they are being worked out.
    """

    figures: ObjectFigures | None = None
    stale: list[Rect] | None = None
    of: tuple[Prediction, ...] = ()
    working: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether the figures are not those of the map as it is."""
        return self.stale is None or bool(self.stale)


@dataclass(frozen=True, eq=False)
class _Asked:
    """Which map is looked at, as it was then, and where; everywhere if `rects` is None."""

    document: Document
    run: str
    annotation: LabelMap
    revision: int
    rects: list[Rect] | None

    @property
    def is_outdated(self) -> bool:
        """Whether the annotation was edited since."""
        now = self.document.annotation
        is_same = now is self.annotation and now.revision == self.revision
        return self.run == ANNOTATION and not is_same


class ObjectTable:
    """Knows the figures of the objects of the open image: of its annotation, and of predictions.

    Only what was asked for is worked out, and OBJECTS is said when it is there. After an edit the
    objects of its rectangle alone are looked at; until then the figures are those from before.

    Attributes:
        errors: What is wrong with objects of the annotation, in a word or two, by number.
    """

    def __init__(self, session: Session, jobs: JobRunner, clock: Clock) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._document: Document | None = None
        self._kept: dict[str, _Kept] = {}
        self._scored: dict[int, tuple[Prediction, ScoredObjects]] = {}
        self._is_due, self._waits_longer = False, False
        self.errors: Mapping[int, str] = {}
        session.follow(What.DOCUMENT, self._on_document)
        session.follow(What.PHOTO, self._on_photo)
        session.follow(What.PREDICTIONS | What.LABELS, self._on_change)

    def of(self, run: str = ANNOTATION) -> ObjectFigures | None:
        """The figures of the annotation's objects, or of those of a prediction.

        None while they are worked out for the first time; without objects there are no rows.
        """
        document = self._session.document
        if document is None:
            return None
        self._take(document)
        if run not in self._kept:
            self._kept[run] = _Kept()
            self._work(run)
        return self._kept[run].figures

    def show_errors(self, errors: Mapping[int, str]) -> None:
        """Say what is wrong with objects of the open image's annotation: fills their column.

        Args:
            errors: A kind of error in a word or two, by number; those without one are right.
        """
        self.errors = dict(errors)
        self._session.notify(What.OBJECTS, by=self)

    # -- inside --------------------------------------------------------------------------------

    def _take(self, document: Document | None) -> None:
        if document is not self._document:
            self._document, self._kept, self._scored, self.errors = document, {}, {}, {}

    def _work(self, run: str) -> bool:
        """Work out what is stale of a map; returns whether the figures come later."""
        document, kept = self._document, self._kept[run]
        if document is None or kept.working:
            return True
        predictions = self._predictions_of(document, run)
        if not _same(predictions, kept.of):
            kept.stale = None
        kept.of = predictions
        looked = self._looked(document, run, kept.of)
        before, rects = kept.figures, kept.stale
        kept.stale = []
        if looked is None:
            kept.figures = no_figures()
            return False
        asked = _Asked(document, run, document.annotation, document.annotation.revision, rects)

        def work(check: Check) -> ObjectFigures:
            if before is None or rects is None:
                return ObjectFigures.of(looked, check)
            return before.after(looked, rects, check)

        kept.working = True
        self._jobs.submit(
            "Figures of objects", "scores", lambda job: work(job.check),
            lambda figures: self._arrived(asked, kept, figures), front=True, visible=False,
        )  # fmt: skip
        return True

    def _arrived(self, asked: _Asked, kept: _Kept, figures: ObjectFigures) -> None:
        kept.working = False
        if self._kept.get(asked.run) is not kept:
            return
        if asked.is_outdated:
            # the map may have been read half before an edit and half after it
            kept.stale = _both(asked.rects, kept.stale)
        else:
            kept.figures = figures
            self._session.notify(What.OBJECTS, by=self)
        if kept.is_stale:
            self._later()

    def _predictions_of(self, document: Document, run: str) -> tuple[Prediction, ...]:
        """The predictions that a map's figures go by: itself, or those it was taken from."""
        if run:
            found = document.predictions.get(run)
            return () if found is None else (found,)
        taken = document.runs_taken
        of_taken = (p for key, p in document.predictions.items() if key in taken)
        return tuple(p for p in of_taken if p.instance_ids is not None and p.instances is not None)

    def _looked(
        self, document: Document, run: str, predictions: tuple[Prediction, ...]
    ) -> Looked | None:
        """What is looked at; None for a map that tells no objects apart."""
        found = tuple(s for p in predictions if (s := self._scores_of(p)) is not None)
        if not run:
            labels, ids = document.annotation.labels, document.annotation.instances
        elif predictions:
            labels, ids = predictions[0].drawn, predictions[0].instance_ids
        else:
            return None
        if ids is None:
            return None
        return Looked(labels, ids, brightness_of(document), found, is_found=bool(run))

    def _scores_of(self, prediction: Prediction) -> ScoredObjects | None:
        ids, instances = prediction.instance_ids, prediction.instances
        if ids is None or instances is None:
            return None
        kept = self._scored.get(id(prediction))
        if kept is None:
            kept = self._scored[id(prediction)] = prediction, ScoredObjects(ids, instances)
        return kept[1]

    @property
    def _stale(self) -> list[str]:
        return [run for run, kept in self._kept.items() if kept.is_stale]

    def _later(self) -> None:
        """Work soon, when nothing is edited any more."""
        self._waits_longer = self._is_due
        if not self._is_due:
            self._is_due = True
            self._clock.call_later(_AFTER_S, self._catch_up)

    def _catch_up(self) -> None:
        self._is_due = False
        if self._waits_longer:  # a stroke goes on; a timer for each of its points would cost more
            self._waits_longer = False
            self._later()
            return
        if self._session.document is not self._document:
            return
        at_once = [run for run in self._stale if not self._work(run)]
        if at_once:
            self._session.notify(What.OBJECTS, by=self)

    # -- following -----------------------------------------------------------------------------

    def _on_document(self, _change: Change) -> None:
        self._take(self._session.document)

    def _on_photo(self, _change: Change) -> None:
        """Means are of the channel that is shown."""
        for kept in self._kept.values():
            kept.stale = None
        if self._kept:
            self._later()

    def _on_change(self, change: Change) -> None:
        document = self._document
        if document is None or not self._kept or change.document is not document:
            return
        own = self._kept.get(ANNOTATION)
        if change.what & What.LABELS and own is not None:
            rects = [patch.rect for patch in change.patches] or None
            own.stale = _both(own.stale, rects)
            if own.stale is not None and len(own.stale) > _MOST_RECTS:
                own.stale = None
        if change.what & What.PREDICTIONS:
            there = {id(prediction) for prediction in document.predictions.values()}
            self._scored = {key: kept for key, kept in self._scored.items() if key in there}
            for run, kept in self._kept.items():
                if not _same(self._predictions_of(document, run), kept.of):
                    kept.stale = None
        if self._stale:
            self._later()


def _both(one: list[Rect] | None, other: list[Rect] | None) -> list[Rect] | None:
    return None if one is None or other is None else one + other


def _same(one: tuple[Prediction, ...], other: tuple[Prediction, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def brightness_of(document: Document) -> Brightness:
    """The stored values of the channel that is shown; of a photo of its colours."""
    picture = document.picture
    if picture is None:
        return Brightness(document.pixels, (0, 1, 2))
    if document.channel != COMPOSITE:
        return Brightness(picture.raw, (document.channel,))
    return Brightness(picture.raw, picture.in_composite)
