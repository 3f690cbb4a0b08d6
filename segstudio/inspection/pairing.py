"""Two networks beside each other: the second one, and how alike their stages are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from segstudio.core.errors import told
from segstudio.inspection.alignment import AlignedStages, align
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.stage_similarity import Comparison, StageSimilarity, stage_ids
from segstudio.inspection.watched import Watched
from segstudio.jobs import Job, JobRunner
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.inspection import TracedNetwork
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import ImageRef

_KEY = "similarity"


@dataclass(frozen=True, eq=False)
class PairState:
    """What the comparison of two networks shows. Replaced as a whole, never changed.

    Attributes:
        model: Id of the second model, "" for none.
        similarity: The last result that fits the two models, or None.
        done: Images compared so far of a comparison under way.
        total: How many it has, as far as their pages are known; 0 if none is under way.
        problem: What went wrong, "" if nothing did.
        pair: The two stages (of the first, of the second) that are looked at, or None.
    """

    model: str = ""
    similarity: StageSimilarity | None = None
    done: int = 0
    total: int = 0
    problem: str = ""
    pair: tuple[str, str] | None = None

    @property
    def running(self) -> bool:
        """Whether a comparison is under way."""
        return self.total > 0


class Pairing(Watched[PairState]):
    """Keeps a second network traced beside the first one, and compares their stages.

    The order: another second model, or another trace of the first -> what does not fit any more
    goes -> the second is traced -> `Inspection.second` -> where someone looks, the open image is
    compared -> `state`. A comparison takes one job an image, one after the other.

    The session says PAIR when `state` was replaced.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, inspecting: Inspecting, engine: Engine
    ) -> None:
        super().__init__(session, PairState(), What.PAIR)
        self._jobs, self._inspecting, self._engine = jobs, inspecting, engine
        self._traced: TracedNetwork | None = None
        self._tracing: Job | None = None
        self._running: Comparison | None = None
        session.follow(What.TRACE, self._on_trace)

    # -- the second network ------------------------------------------------------------------

    def choose_second(self, model_id: str) -> None:
        """Put another network beside the traced one; "" for none."""
        if model_id == self.state.model:
            return
        self.cancel()
        self._replace(model=model_id, similarity=None, problem="", pair=None)
        self._trace_second()

    def rows(self) -> tuple[AlignedStages, ...]:
        """The two networks' stages, aligned by stride; empty without a second one."""
        inspection = self._session.inspection
        if inspection.traced is None or inspection.second is None:
            return ()
        return align(inspection.traced.trace, inspection.second.trace)

    def open_pair(self, first: str, second: str) -> None:
        """Look at two stages; the first network's is opened."""
        self._replace(pair=(first, second))
        self._inspecting.open_stage(first)

    # -- similarity --------------------------------------------------------------------------

    def compare(self, images: int = 1) -> None:
        """Compare the stages over the open image (1), or over so many images of the folder.

        The folder's images are taken at equal distances in the list, all their pages each. The
        result grows with every page; `cancel` keeps what there is.
        """
        inspection = self._session.inspection
        first, second = inspection.traced, inspection.second
        if first is None or second is None:
            return
        models = self._session.models
        if first.model not in models or second.model not in models:
            return
        self.cancel()
        running = self._running = Comparison(
            (models[first.model], models[second.model]),
            (stage_ids(first.trace), stage_ids(second.trace)),
            self._session.model.options,
            self._images(images, first.document),
            first.document if images <= 1 else None,
        )
        if images <= 1:
            self._submit(running, lambda job: running.add_traced(first, second, job))
        else:
            self._submit_next(running)
        self._replace(done=0, total=len(running.images), problem="")

    def cancel(self) -> None:
        """Stop comparing; the images compared so far stay."""
        if self._running is not None:
            self._jobs.cancel_key(_KEY)
            self._stop()

    def _images(self, count: int, opened: Document) -> list[tuple[ImageRef, Document | None]]:
        project = self._session.project
        if count <= 1 or project is None:
            return [(opened.ref, opened)]
        there = len(project.images)
        chosen = np.unique(np.linspace(0, there - 1, min(count, there)).round().astype(int))
        refs = [project.images[int(index)] for index in chosen]
        return [(ref, opened if ref == opened.ref else None) for ref in refs]

    def _submit_next(self, running: Comparison) -> None:
        self._submit(running, lambda job: running.add_next(self._engine, job))

    def _submit(self, running: Comparison, work: Callable[[Job], None]) -> None:
        def failed(error: Exception) -> None:
            self._stop(problem=told(error))

        def ended() -> None:
            if job.cancelled:  # from outside, say in the status bar
                self._stop()

        self._latest.begin()
        only = self._latest.only
        job = self._jobs.submit(
            running.title, "inspection", work, only(lambda _result: self._one_done(running)),
            failed=only(failed), ended=only(ended), key=_KEY,
        )  # fmt: skip

    def _stop(self, **values: Any) -> None:
        self._latest.begin()
        self._running = None
        self._replace(**values, done=0, total=0)

    def _one_done(self, running: Comparison) -> None:
        running.done += 1
        found, total = running.result(), len(running.images)
        values: dict[str, Any] = {} if found is None else {"similarity": found}
        if running.done < total:
            # before it is told, since who hears of it may cancel
            self._submit_next(running)
            self._replace(**values, done=running.done, total=total)
        else:
            self._stop(**values or {"problem": running.skipped[-1]})

    # -- following the session ---------------------------------------------------------------

    def _on_trace(self, _change: Change) -> None:
        inspection = self._session.inspection
        traced = inspection.traced if inspection.active else None
        if traced is self._traced:
            return
        self._traced = traced
        if traced is None:
            self.cancel()
        else:
            self._drop_what_does_not_fit(traced)
        self._trace_second()

    def _trace_second(self) -> None:
        """Put the second network beside the first, instead of one that is there or on its way."""
        session, model = self._session, self.state.model
        if self._tracing is not None:
            self._tracing.cancel()
        second = session.inspection.second
        if second is not None:
            session.set_inspection(second=None)
            self._inspecting.release(second)
        if self._traced is None or not model:
            return
        spec = session.models.get(model)
        if spec is None or model not in session.model.available:
            name = model if spec is None else spec.title
            self._replace(problem=f"The weights of {name} are not on disk: download or load them.")
            return

        def arrived(second: TracedNetwork) -> None:
            session.set_inspection(second=second)
            self._follow()

        self._replace(problem="")
        self._tracing = self._inspecting.trace_model(
            model, arrived, lambda error: self._replace(problem=told(error))
        )

    def _drop_what_does_not_fit(self, traced: TracedNetwork) -> None:
        """A result of other models, or of another image alone, is not shown any more."""
        found, running = self.state.similarity, self._running
        if running is not None and (
            running.specs[0].id != traced.model or running.document not in (None, traced.document)
        ):
            self.cancel()
        if found is not None and (
            found.first != traced.model or found.document not in (None, traced.document)
        ):
            self._replace(similarity=None)

    def _follow(self) -> None:
        """Compare the open image, if someone looks and there is nothing else to show."""
        second = self._session.inspection.second
        missing = self.state.similarity is None and self._running is None
        if self._watched and second is not None and missing and not self.state.problem:
            self.compare()
