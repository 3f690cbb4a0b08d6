"""Score and mask thresholds of instance models, applied to what is there without a new run."""

from __future__ import annotations

from collections.abc import Callable

from segstudio.clock import Cancel, Clock
from segstudio.core.prediction import Prediction, effective_options, with_thresholds
from segstudio.folder.documents import Documents
from segstudio.jobs import Job, JobRunner
from segstudio.runs.batch import model_of
from segstudio.runs.scoring import Scoring
from segstudio.session.document import Document
from segstudio.session.session import Session, What

_RECOUNT_AFTER_S = 0.5


class Thresholds:
    """Draws held predictions at the thresholds in force, or at those of their own run."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        documents: Documents,
        scoring: Scoring,
    ) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._documents, self._scoring = documents, scoring
        self._cancel_recount: Cancel | None = None

    def apply(self) -> None:
        """Draw the instances of held predictions at the thresholds in force, the open image first.

        The folder's other images are counted again a moment after the last change.
        """
        at = self.drawn()
        current = self._session.document
        held = sorted(self._documents, key=lambda d: d is not current)
        pending = [(d, p) for d in held for p in d.predictions.values() if p.instances is not None]

        def work(job: Job) -> None:
            for document, old in pending:
                job.check()
                new = at(old)
                self._clock.post(lambda d=document, o=old, n=new: self._rethresholded(job, d, o, n))  # type: ignore[misc]

        self._jobs.submit("Applying thresholds", "scores", work, key="thresholds", front=True)
        if self._cancel_recount is not None:
            self._cancel_recount()
        self._cancel_recount = self._clock.call_later(_RECOUNT_AFTER_S, self._recount_instances)

    def _rethresholded(
        self, job: Job, document: Document, old: Prediction, new: Prediction
    ) -> None:
        if job.cancelled or document.predictions.get(old.run) is not old:
            return
        document.predictions[old.run] = new
        if document is self._session.document:
            self._session.notify(What.PREDICTIONS)
        self._scoring.count_document(document, [old.run])

    def _recount_instances(self) -> None:
        self._cancel_recount = None
        instance_runs = {
            run
            for state in self._session.states.values()
            for run in state.runs
            if self._is_instance_run(run)
        }
        if instance_runs:
            self._scoring.recount_runs(instance_runs)

    def drawn(self) -> Callable[[Prediction], Prediction]:
        """What draws predictions at the thresholds in force now; may be called on any thread."""
        return drawn_in(self._session)

    def _is_instance_run(self, run: str) -> bool:
        spec = self._session.models.get(model_of(run))
        return spec is not None and spec.task == "instance"


def drawn_in(session: Session) -> Callable[[Prediction], Prediction]:
    """What draws predictions at the thresholds in force now; may be called on any thread."""
    models, options = dict(session.models), session.model.options

    def at(prediction: Prediction) -> Prediction:
        spec = models.get(model_of(prediction.run))
        own = options if spec is None else effective_options(spec, options)
        return with_thresholds(prediction, own.score_threshold, own.mask_threshold)

    return at
