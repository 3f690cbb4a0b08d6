"""Ways of upsampling compared: how much of a checkerboard each network's decoder makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from segstudio.core.errors import told
from segstudio.inspection.checkerboards import (
    MeasuredStages,
    ModelSpectra,
    measure,
    without_weights,
)
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.watched import Watched
from segstudio.jobs import Job, JobRunner
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.session import Session, What

LESSONS: Final = ("unet-small-transposed", "unet-small-bilinear", "unet-small-shuffle")
"""The networks that differ in their upsampling only, compared unless others are chosen."""
_KEY: Final = "upsampling"


@dataclass(frozen=True, eq=False)
class UpsamplingState:
    """What the comparison shows. Replaced as a whole, never changed.

    Attributes:
        models: Ids of the models to compare; None: the lessons.
        measured: Where.
        results: In the order of the models, of `document`.
        document: The image that was measured, or None.
        done: Models measured so far of a measurement under way.
        total: How many it has; 0 if none is under way.
        problem: What went wrong, "" if nothing did.
        stride: The row that is looked at, 0 for the finest.
    """

    models: tuple[str, ...] | None = None
    measured: MeasuredStages = MeasuredStages.OUTPUT
    results: tuple[ModelSpectra, ...] = ()
    document: Document | None = None
    done: int = 0
    total: int = 0
    problem: str = ""
    stride: int = 0

    @property
    def running(self) -> bool:
        """Whether a measurement is under way."""
        return self.total > 0

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides of all measured stages, the coarsest first."""
        return tuple(sorted({s.stride for m in self.results for s in m.stages}, reverse=True))

    @property
    def shown_stride(self) -> int:
        """The row that is looked at; 0 if there is none."""
        strides = self.strides
        return self.stride if self.stride in strides else min(strides, default=0)


class Upsampling(Watched[UpsamplingState]):
    """Measures the decoder stages of some models on the open image, while someone looks.

    The order: what is to be measured changes, or someone begins to look -> it is measured, unless
    it was -> `state`.

    The session says INSPECTION when `state` was replaced.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, inspecting: Inspecting, engine: Engine
    ) -> None:
        super().__init__(session, UpsamplingState())
        self._jobs, self._inspecting, self._engine = jobs, inspecting, engine
        self._asked: tuple[object, ...] = ()
        session.follow(What.TRACE | What.DOCUMENT | What.MODELS, self._on_change)

    @property
    def models(self) -> tuple[str, ...]:
        """Ids of the models that are compared: the chosen ones, else the lessons, else the traced."""
        known = self._session.models
        if self.state.models is not None:
            return tuple(model for model in self.state.models if model in known)
        lessons = tuple(model for model in LESSONS if model in known)
        chosen = self._session.model.chosen
        return lessons or ((chosen,) if chosen in known else ())

    def choose_models(self, models: Iterable[str]) -> None:
        """Compare these, in the order of the list of models; none: the lessons again."""
        wanted = set(models)
        ordered = tuple(model for model in self._session.models if model in wanted)
        self._replace(models=ordered or None)
        self._follow()

    def measure_at(self, measured: MeasuredStages) -> None:
        """Measure at another place."""
        if measured is not self.state.measured:
            self._replace(measured=measured, results=())
        self._follow()

    def look_at(self, stride: int) -> None:
        """Show the pictures of the stages of a stride."""
        self._replace(stride=stride)

    def open_stage(self, model: str, stage: str) -> None:
        """Open a stage in the inspector, if it is the traced network's."""
        traced = self._session.inspection.traced
        if traced is not None and traced.model == model:
            self._inspecting.open_stage(stage)

    def measure(self) -> None:
        """Measure anew."""
        self._asked = ()
        self._follow()

    def cancel(self) -> None:
        """Stop measuring."""
        self._jobs.cancel_key(_KEY)

    def _follow(self) -> None:
        """Measure what is not measured yet, if someone looks."""
        session, state = self._session, self.state
        document = session.document
        if not session.inspection.active or document is None:
            self._forget()
            return
        wanted = (document, self.models, state.measured, session.model.options.device)
        if self._watched and wanted != self._asked:
            self._asked = wanted
            self._measure(document)

    def _forget(self) -> None:
        self._latest.begin()
        self._jobs.cancel_key(_KEY)
        self._asked = ()
        self._replace(results=(), document=None, done=0, total=0, problem="")

    def _measure(self, document: Document) -> None:
        session, engine, measured = self._session, self._engine, self.state.measured
        options, available = session.model.options, session.model.available
        specs = [session.models[m] for m in self.models if m in available]
        absent = [without_weights(session.models[m]) for m in self.models if m not in available]
        self._latest.begin()
        if not specs:
            self._jobs.cancel_key(_KEY)
            self._replace(results=tuple(absent), document=document, done=0, total=0)
            return

        def work(job: Job) -> list[ModelSpectra]:
            found = []
            for number, spec in enumerate(specs):
                job.report(number, len(specs), spec.title)
                found.append(measure(engine, spec, document.given_to(spec), options, measured, job))
            return found

        def done(found: list[ModelSpectra]) -> None:
            self._replace(results=(*found, *absent), document=document)

        def ended() -> None:
            self._replace(done=0, total=0)
            if job.cancelled:
                self._asked = ()

        self._replace(total=len(specs), done=0, problem="")
        only = self._latest.only
        job = self._jobs.submit(
            "Measuring the checkerboard", "inspection", work, only(done),
            failed=only(lambda error: self._replace(problem=told(error))), ended=only(ended),
            key=_KEY,
        )  # fmt: skip
