"""Figures that follow the annotation: images that were corrected are measured again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from segstudio.clock import Cancel, Clock
from segstudio.core.labels import LabelMap
from segstudio.evaluation.evaluation_inputs import Conditions
from segstudio.evaluation.evaluation_work import EvaluationWork, Results
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles
from segstudio.jobs import JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.figures import FigureStore
from segstudio.storage.image_ref import ImageRef, image_of

_AFTER_S = 0.4


class Corrections:
    """Measures the stored predictions of images whose annotation changed, in a job.

    While an image is painted on, this waits for a pause. Unsaved work is measured as it is on the
    screen; what is kept on disk is measured when the annotation is there too.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        documents: Documents,
        figures: FigureStore,
        *,
        measured: Callable[[Results], None],
    ) -> None:
        """Args (besides the objects it works on):
        figures: Where figures are kept on disk.
        measured: Gets the new lines.
        """
        self._session, self._jobs, self._clock = session, jobs, clock
        self._documents, self._figures, self._measured = documents, figures, measured
        self._files: FolderFiles | None = None
        self._conditions: Conditions | None = None
        self._stale: set[int] = set()
        self._touched: set[int] = set()
        self._unsaved: set[int] = set()
        self._under_way: set[int] = set()
        self._timer: Cancel | None = None
        session.changed.connect(self._on_change)

    def __contains__(self, index: object) -> bool:
        """Whether an image was corrected since `follow` was called."""
        return index in self._touched

    def follow(self, files: FolderFiles | None, conditions: Conditions | None) -> None:
        """Measure with these models and classes from now on; None: measure nothing."""
        if files is not self._files:
            self._stale.clear()
            self._unsaved.clear()
        self._files, self._conditions = files, conditions
        self._touched = set(self._stale)
        # What is measured under other conditions is dropped, so it has to be done again.
        self.add(self._under_way)

    def add(self, indices: Iterable[int]) -> None:
        """Measure images again after a pause."""
        if self._conditions is None or self._conditions.originals:
            return
        self._stale.update(indices)
        self._touched |= self._stale
        if self._stale:
            self._stop_timer()
            self._timer = self._clock.call_later(_AFTER_S, self._submit)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer()
            self._timer = None

    def _submit(self) -> None:
        self._stop_timer()
        files, conditions = self._files, self._conditions
        if files is None or conditions is None or self._under_way or not self._stale:
            return
        images = files.project.images
        indices = sorted(i for i in self._stale if image_of(i) < len(images))
        held: dict[ImageRef, LabelMap] = {}
        for index in indices:
            document = self._dirty(index)
            if document is not None:
                held[document.ref] = document.annotation
        self._unsaved = (self._unsaved - self._stale) | {i for i in indices if images[i] in held}
        self._stale, self._under_way = set(), set(indices)

        def arrived(results: Results) -> None:
            if conditions is self._conditions and results.rows:
                self._measured(results)

        def ended() -> None:
            self._under_way = set()
            if self._stale and self._timer is None:
                self._submit()

        work = EvaluationWork(
            None,
            conditions,
            conditions.references(files, held),
            self._figures,
            indices,
            every_page=False,
            deliver=lambda results: self._clock.post(lambda: arrived(results)),
        )
        self._jobs.submit(
            "Measuring corrections",
            "evaluation",
            work.work,
            ended=ended,
            front=True,
            visible=False,
        )

    def _dirty(self, index: int) -> Document | None:
        """The held image of an index, if it has unsaved work."""
        assert self._files is not None
        document = self._documents.get(self._files.project.images[index])
        return document if document is not None and document.dirty else None

    def _on_change(self, change: Change) -> None:
        if self._files is None or self._conditions is None:
            return
        index = self._session.index_of(change.document)
        if What.LABELS in change.what and index is not None:
            self.add([index])
        if change.what & (What.SAVED | What.DOCUMENT):
            saved = {i for i in self._unsaved if self._dirty(i) is None}
            if saved:
                self.add(saved)
