"""The network inspector: what is traced, and what is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from segstudio.clock import Cancel, Clock
from segstudio.core.errors import told
from segstudio.core.features import FeatureTrace, LayerInfo, Role
from segstudio.core.geometry import Rect
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.core.text import utf8
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.report.diagram import Sizes, lay_out
from segstudio.report.shape_table import shape_csv
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.inspection import Inspection, MapPicture, Over, StageLook, TracedNetwork
from segstudio.session.session import Change, Session, What
from segstudio.storage.atomic import write_atomically

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

T = TypeVar("T")

_SETTLED_S = 0.05
_NO_IMAGE = "Open an image to look inside a network."
_NO_MODEL = "Choose a model to look inside it."


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What shall be traced."""

    document: Document
    spec: ModelSpec
    options: RunOptions
    around_xy: tuple[int, int] | None = None

    def same_as(self, other: _Wanted | None) -> bool:
        """Whether the other's trace would say the same."""
        return (
            other is not None
            and self.document is other.document
            and self.spec == other.spec
            and self.options.device == other.options.device
            and (self.spec.task == "semantic" or self.options == other.options)
        )


class Inspecting:
    """Traces the chosen model on the open image while the panel is open, and keeps the choices.

    The order: the panel opens, or another image or model is chosen and left alone for a moment ->
    it is traced, unless that is what was traced last -> `Inspection.traced`, with the choices that
    fit it, and without what was made of the trace before.

    Work on a traced network goes through `submit`, which brings the network and the image along and
    drops what became stale.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, clock: Clock, engine: Engine, notices: Notices
    ) -> None:
        self._session, self._jobs, self._clock, self._engine = session, jobs, clock, engine
        self._notices = notices
        self._wanted: _Wanted | None = None
        self._traced_models: dict[TracedNetwork, TracedModel] = {}
        self._later: Cancel | None = None
        self._last_model = ""
        session.follow(What.DOCUMENT | What.MODELS | What.PROJECT, self._on_change)

    # -- tracing -----------------------------------------------------------------------------

    def open(self) -> None:
        """The panel is open: trace what is there, and what comes."""
        self._session.set_inspection(active=True)
        self._follow()

    def close(self) -> None:
        """The panel is closed: stop tracing, and give the memory back."""
        self._jobs.cancel_key("trace")
        self._wanted = None
        self._traced_models.clear()
        self._session.set_inspection(
            active=False, traced=None, second=None, waiting="", problem="", over_photo=None,
            cut_result=None, point=None, rectangle=None,
        )  # fmt: skip

    def trace_again(self) -> None:
        """Trace even if nothing changed."""
        self._wanted = None
        self._follow()

    def trace_model(
        self,
        model_id: str,
        done: Callable[[TracedNetwork], None],
        failed: Callable[[Exception], None],
    ) -> Job | None:
        """Trace another model on the open image, for a comparison; None without an image.

        The traced model is kept until `release`.
        """
        document = self._session.document
        spec = self._session.models.get(model_id)
        if document is None or spec is None:
            return None
        wanted = _Wanted(document, spec, self._session.model.options, self._pinned())

        def arrived(found: tuple[TracedNetwork, TracedModel]) -> None:
            traced, traced_model = found
            if document is self._session.document and self._session.inspection.active:
                self._traced_models[traced] = traced_model
                done(traced)

        return self._jobs.submit(
            f"Tracing {spec.title}",
            "inspection",
            lambda job: self._trace(wanted, job),
            arrived,
            failed=failed,
            key="second trace",
        )

    def release(self, traced: TracedNetwork) -> None:
        """Forget the network of a trace that is not looked at any more."""
        if traced is not self._session.inspection.traced:
            self._traced_models.pop(traced, None)

    def submit(
        self,
        title: str,
        work: Callable[[TracedModel, TracedNetwork, Job], T],
        done: Callable[[T], None],
        *,
        key: str,
        traced: TracedNetwork | None = None,
        failed: Callable[[Exception], None] | None = None,
        ended: Callable[[], None] | None = None,
        visible: bool = True,
    ) -> Job | None:
        """Run `work(traced_model, traced, job)` in the background; None if nothing is traced.

        Args:
            title: For the status bar.
            work: Gets the network with its image, and the trace; runs on the inspection's thread.
            done: Gets the result, unless a later call with the same key came, or the trace is not
                shown any more.
            key: Calls of the same key supersede each other.
            traced: The trace to work on; None: the main one.
            failed: Told an error instead of the user.
            ended: Called last of all in every case.
            visible: Whether the status bar shows it.
        """
        traced = traced or self._session.inspection.traced
        if traced is None or traced not in self._traced_models:
            return None
        traced_model, kept = self._traced_models[traced], traced

        def arrived(result: T) -> None:
            if kept in self._traced_models:
                done(result)

        return self._jobs.submit(
            title,
            "inspection",
            lambda job: work(traced_model, kept, job),
            arrived,
            failed=failed,
            ended=ended,
            key=key,
            visible=visible,
        )

    def _on_change(self, _change: Change) -> None:
        if not self._session.inspection.active:
            return
        # several changes come together when an image or a model is chosen
        if self._later is not None:
            self._later()
        self._later = self._clock.call_later(_SETTLED_S, self._follow)

    def _follow(self) -> None:
        """Trace the chosen model on the open image, if that is not what is shown already."""
        self._later = None
        session = self._session
        if not session.inspection.active or session.loading:
            return
        wanted, problem = self._what_to_trace()
        if wanted is None:
            self._jobs.cancel_key("trace")
            self._wanted = None
            self._show(None, problem)
            return
        if wanted.same_as(self._wanted):
            return
        self._wanted = wanted
        session.set_inspection(waiting=f"Tracing {wanted.spec.title}", problem="")
        self._jobs.submit(
            f"Tracing {wanted.spec.title}",
            "inspection",
            lambda job: self._trace(wanted, job),
            self._traced,
            failed=lambda error: self._show(None, told(error)),
            key="trace",
        )

    def _what_to_trace(self) -> tuple[_Wanted | None, str]:
        session = self._session
        spec = session.models.get(session.model.chosen)
        if session.document is None:
            return None, _NO_IMAGE
        if spec is None:
            return None, _NO_MODEL
        if spec.id not in session.model.available:
            return None, f"The weights of {spec.title} are not on disk: download or load them."
        return _Wanted(session.document, spec, session.model.options, self._pinned()), ""

    def _pinned(self) -> tuple[int, int] | None:
        """The pinned pixel, if it is one of the open image."""
        inspection = self._session.inspection
        traced = inspection.traced
        same = traced is not None and traced.document is self._session.document
        return inspection.point if same else None

    def _trace(self, wanted: _Wanted, job: Job) -> tuple[TracedNetwork, TracedModel]:
        spec, document = wanted.spec, wanted.document
        traced_model = self._engine.traced_model(
            spec, document.given_to(spec), wanted.options, wanted.around_xy, job.check
        )
        trace, prediction = traced_model.look(job.check)
        # finds the diagram's lines here rather than when it is drawn; they are remembered
        window = traced_model.input_geometry.window
        lay_out(trace, sizes=Sizes.for_aspect(window.width / window.height))
        names = {entry.id: entry.name for entry in spec.schema.classes}
        traced = TracedNetwork(
            spec.id, spec.title, document, trace, traced_model.input_geometry, prediction, names
        )
        return traced, traced_model

    def _traced(self, found: tuple[TracedNetwork, TracedModel]) -> None:
        traced, traced_model = found
        if traced.document is not self._session.document:
            return
        self._traced_models = {traced: traced_model}
        self._show(traced, "")

    def _show(self, traced: TracedNetwork | None, problem: str) -> None:
        session = self._session
        before = session.inspection
        values: dict[str, object] = {
            "traced": traced, "second": None, "waiting": "", "problem": problem,
            "over_photo": None, "cut_result": None, "rectangle": None,
        }  # fmt: skip
        if traced is None:
            self._traced_models.clear()
        else:
            values |= _kept_choices(before, traced, same_model=traced.model == self._last_model)
            self._last_model = traced.model
        session.set_inspection(**values)

    # -- what is looked at -------------------------------------------------------------------

    def open_stage(self, stage: str, channel: int | None = None) -> None:
        """Look at a stage's channels, and at one of them."""
        self._session.set_inspection(stage=stage, channel=channel)

    def step_stage(self, step: int) -> None:
        """Look at the stage that ran so many after the opened one (before it, if negative)."""
        inspection = self._session.inspection
        if inspection.traced is None:
            return
        ids = [layer.id for layer in inspection.traced.trace.layers]
        at = ids.index(inspection.stage) if inspection.stage in ids else -1
        target = min(max(at + step, 0), len(ids) - 1)
        if target != at:
            self.open_stage(ids[target])

    def open_skip(self, skip: str) -> None:
        """Look at a skip edge."""
        self._session.set_inspection(skip=skip)

    def choose_class(self, class_id: int) -> None:
        """Ask about another of the model's classes."""
        self._session.set_inspection(class_id=class_id)

    def choose_picture(self, picture: MapPicture, channel: int | None = None) -> None:
        """Show another summary of each stage in the nodes."""
        inspection = self._session.inspection
        self._session.set_inspection(
            picture=picture,
            picture_channel=inspection.picture_channel if channel is None else max(0, channel),
        )

    def choose_look(self, **values: object) -> None:
        """Change fields of `StageLook`: colours, value_range, fixed."""
        look: StageLook = replace(self._session.inspection.look, **values)  # type: ignore[arg-type]
        self._session.set_inspection(look=look)

    def pin(self, pixel_xy: tuple[int, int] | None) -> None:
        """Pin a pixel (x, y) of the image, or none."""
        self._session.set_inspection(point=pixel_xy)

    def choose_over(self, over: Over) -> None:
        """Explain the class over other pixels."""
        self._session.set_inspection(over=over)

    def choose_rectangle(self, rect: Rect | None) -> None:
        """Explain the class over a rectangle of the photo (clipped to it); None for none."""
        inspection = self._session.inspection
        if inspection.traced is not None and rect is not None:
            rect = rect.clip(inspection.traced.input_geometry.photo_hw)
        if rect is None or rect.is_empty:
            over = Over.PIXEL if inspection.over is Over.RECTANGLE else inspection.over
            self._session.set_inspection(rectangle=None, over=over)
        else:
            self._session.set_inspection(rectangle=rect, over=Over.RECTANGLE)

    def save_table(self, path: Path, layers: Sequence[LayerInfo]) -> None:
        """Write the shape trace of these stages as CSV."""
        traced = self._session.inspection.traced
        text = shape_csv(layers, remainder=None if traced is None else traced.trace.remainder)
        self._jobs.submit(
            f"Writing {path.name}",
            "save",
            lambda _job: write_atomically(path, utf8(text)),
            lambda _result: self._notices.info(f"The shape trace is in {path}."),
            visible=False,
        )


def _kept_choices(
    before: Inspection, traced: TracedNetwork, *, same_model: bool
) -> dict[str, object]:
    """What stays chosen in a new trace: what is there again; a pinned pixel on the same image."""
    trace = traced.trace
    same_image = before.traced is not None and before.traced.document is traced.document
    layers = {layer.id: layer for layer in trace.layers}
    stage = before.stage if before.stage in layers else _first_stage(trace)
    channel = before.channel if stage == before.stage else None
    if channel is not None and channel >= layers[stage].shape[0]:
        channel = None
    skip = before.skip if any(edge.id == before.skip for edge in trace.skips) else ""
    class_id = before.class_id if before.class_id in traced.class_names else _first(traced)
    return {
        "stage": stage,
        "channel": channel,
        "skip": skip or (trace.skips[-1].id if trace.skips else ""),
        "class_id": class_id,
        "point": before.point if same_image else None,
        "rectangle": before.rectangle if same_image else None,
        "cuts": before.cuts if same_model else (),
    }


def _first_stage(trace: FeatureTrace) -> str:
    """What is opened where nothing was chosen yet: the first stage that is not the input."""
    others = [layer.id for layer in trace.layers if layer.role is not Role.INPUT]
    return others[0] if others else ""


def _first(traced: TracedNetwork) -> int:
    """The first class that is not the background."""
    return next((i for i in traced.class_names if i != 0), 0)
