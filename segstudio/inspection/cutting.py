"""Cutting skips and channels of the traced network, and what its mask would be without them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from segstudio.clock import Cancel, Clock
from segstudio.core.class_mapping import ClassMapping, same_classes
from segstudio.core.errors import SegstudioError, told
from segstudio.core.features import (
    ChannelCut,
    Cut,
    CutHow,
    EdgeCut,
    FeatureTrace,
    LayerInfo,
    SkipEdge,
)
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import OpenFolder
from segstudio.inspection.ablating import Ablating
from segstudio.inspection.cut_list import found_in, with_cut
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.skip_merge_views import SkipMergeViews
from segstudio.inspection.skip_runs import CutReference
from segstudio.jobs import Job, JobRunner, Latest
from segstudio.notices import Notices
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.inspection import CutResult, ListedCut, TracedNetwork
from segstudio.session.session import Change, Session, What

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

T = TypeVar("T")

_SETTLED_S = 0.2


class Cutting:
    """The list of cuts and what they do together, computed anew whenever one changes.

    The order: a cut is listed, or there is another trace, in which the listed cuts are found again
    -> the network is run with those that are enabled, unless it is known what comes of it -> its
    mask is scored -> `Inspection.cut_result`. Once the annotation or the classes are left alone
    for a moment, the mask that is shown is scored again.

    The cuts stay from image to image of the same model.

    Attributes:
        ablating: Cuts every skip alone, over an image or a set.
        skip_merges: What a skip edge and the path from below bring together.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        engine: Engine,
        inspecting: Inspecting,
        documents: Documents,
        folder: OpenFolder,
    ) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._inspecting = inspecting
        self.ablating = Ablating(session, jobs, notices, engine, documents, folder)
        self.skip_merges = SkipMergeViews(session, jobs, inspecting)
        self._traced: TracedNetwork | None = None
        self._kept = KeptCuts()
        self._scores = Latest()
        self._later: Cancel | None = None
        session.follow(What.TRACE, self._on_trace)
        session.follow(What.LABELS | What.SCHEMA, self._on_reference)

    # -- the list ----------------------------------------------------------------------------

    @property
    def cuts(self) -> tuple[ListedCut, ...]:
        """All cuts, in order."""
        return self._session.inspection.cuts

    @property
    def enabled(self) -> tuple[Cut, ...]:
        """The cuts that count now."""
        return tuple(listed.cut for listed in self.cuts if listed.enabled)

    @property
    def waiting(self) -> bool:
        """Whether the result of the enabled cuts is still to come."""
        inspection = self._session.inspection
        result = inspection.cut_result
        if inspection.traced is None or inspection.cut_problem or not self.enabled:
            return False
        return result is None or result.cuts != self.enabled

    def cut_of(self, skip: SkipEdge | str) -> ListedCut | None:
        """The listed cut of a skip edge (or of its id), or None."""
        wanted = skip if isinstance(skip, str) else skip.id
        for listed in self.cuts:
            if isinstance(listed.cut, EdgeCut) and listed.cut.edge.id == wanted:
                return listed
        return None

    def is_cut(self, skip: SkipEdge | str) -> bool:
        """Whether a skip edge (or that of an id) is cut now; a cut that is switched off is not."""
        listed = self.cut_of(skip)
        return listed is not None and listed.enabled

    def cut_skip(self, skip: SkipEdge | str, how: CutHow = CutHow.ZERO) -> None:
        """Cut a skip edge (or that of an id); one that is listed already gets the new `how`.

        Raises:
            SegstudioError: if there is no such edge in the trace.
        """
        if isinstance(skip, str):
            skip = self._trace().skip(skip)
        self._put(EdgeCut(skip, how))

    def cut_channel(
        self, stage: LayerInfo | str, channels: tuple[int, ...] | None, how: CutHow = CutHow.ZERO
    ) -> None:
        """Cut channels of a stage (or of that of an id) for all that reads it; None: all of them.

        Channels that are cut already as a group get the new `how`.

        Raises:
            SegstudioError: if there is no such stage in the trace.
        """
        if isinstance(stage, str):
            stage = self._trace().layer(stage)
        self._put(ChannelCut(stage, None if channels is None else tuple(sorted(channels)), how))

    def cut_all_skips(self, how: CutHow = CutHow.ZERO) -> None:
        """Cut every skip edge of the network at once; other cuts stay."""
        listed = self.cuts
        for edge in self._trace().skips:
            listed = with_cut(listed, EdgeCut(edge, how))
        self._set(listed)

    def keep_skip(self, skip: SkipEdge | str) -> None:
        """Take the cut of a skip edge (or of its id) off the list."""
        found = self.cut_of(skip)
        self._set(tuple(listed for listed in self.cuts if listed is not found))

    def choose_how(self, index: int, how: CutHow) -> None:
        """Let something else stand in for what the cut at a place in the list takes away."""
        self._replace(index, replace(self.cuts[index], cut=replace(self.cuts[index].cut, how=how)))

    def shuffle_again(self, index: int) -> None:
        """Draw other positions for the cut at a place in the list, whose values are shuffled."""
        cut = self.cuts[index].cut
        self._replace(index, replace(self.cuts[index], cut=replace(cut, seed=cut.seed + 1)))

    def toggle(self, index: int, enabled: bool | None = None) -> None:
        """Let the cut at a place in the list count or not; None: the other way round."""
        listed = self.cuts[index]
        self._replace(
            index, replace(listed, enabled=not listed.enabled if enabled is None else enabled)
        )

    def only_this(self, index: int) -> None:
        """Let the cut at a place in the list count alone."""
        self._set(tuple(replace(listed, enabled=i == index) for i, listed in enumerate(self.cuts)))

    def remove(self, index: int) -> None:
        """Take the cut at a place off the list."""
        self._set(tuple(listed for i, listed in enumerate(self.cuts) if i != index))

    def reset(self) -> None:
        """Take all cuts off the list."""
        self._set(())

    def show_run(self, cuts: tuple[Cut, ...]) -> None:
        """Let these cuts count alone, as a row of an ablation does; the others stay listed."""
        listed = tuple(replace(entry, enabled=False) for entry in self.cuts)
        for cut in cuts:
            listed = with_cut(listed, cut)
        self._set(listed)

    # -- looking -----------------------------------------------------------------------------

    def in_background(
        self, title: str, work: Callable[[Job], T], done: Callable[[T], None], key: str
    ) -> None:
        """Have a picture of the page made by a job of the lane "features"; latest wins."""
        self._jobs.submit(title, "features", work, done, key=key, visible=False)

    def shown(self, prediction: Prediction) -> Prediction:
        """A prediction of the network in the classes of the folder, as it is drawn and scored."""
        return ClassMapping.between(prediction.schema, self._session.schema).apply(prediction)

    # -- following ---------------------------------------------------------------------------

    def _on_reference(self, _change: Change) -> None:
        if self._later is not None:
            self._later()
            self._later = None
        if self._traced is not None:
            self._later = self._clock.call_later(_SETTLED_S, self._score_again)

    def _on_trace(self, _change: Change) -> None:
        """Another trace: the same cuts in it, as far as it has their places."""
        traced = self._session.inspection.traced
        if traced is self._traced:
            return
        self._traced = traced
        self._kept.clear()
        self.ablating.follow(traced)
        if traced is not None:
            found = (found_in(listed, traced.trace) for listed in self.cuts)
            cuts = tuple(listed for listed in found if listed is not None)
            self._session.set_inspection(cuts=cuts)
        self._compute()

    def _compute(self) -> None:
        """Ask for what the enabled cuts do, unless it is known."""
        traced, cuts = self._session.inspection.traced, self.enabled
        if traced is None or not cuts:
            self._jobs.cancel_key("cut")
            self._show(None)
            return
        kept = self._kept.get(cuts)
        measured = self._measured(traced)
        if kept is not None:
            self._jobs.cancel_key("cut")
            self._show(kept.result)
            if not kept.measured.same_as(measured):
                self._score_again()
            return
        reference = self._reference(traced)

        def work(traced_model: TracedModel, asked: TracedNetwork, job: Job) -> CutResult:
            cut = traced_model.predict(cuts, job.check)
            job.check()
            return _scored(CutResult(cuts, asked.prediction, cut, None, None), reference)

        def done(result: CutResult) -> None:
            self._kept.put(Kept(result, measured))
            self._show(result)
            if not measured.same_as(self._measured(traced)):
                self._score_again()

        def failed(error: Exception) -> None:
            self._session.set_inspection(cut_result=None, cut_problem=told(error))

        self._session.set_inspection(cut_problem="")
        self._inspecting.submit(
            "Cutting", work, done, key="cut", failed=failed, visible=_is_slow(traced)
        )

    def _score_again(self) -> None:
        """The annotation or the classes changed: the masks stay, their scores do not."""
        self._later = None
        traced, result = self._session.inspection.traced, self._session.inspection.cut_result
        if traced is None or result is None:
            return
        measured, reference = self._measured(traced), self._reference(traced)

        def done(scored: CutResult) -> None:
            self._kept.put(Kept(scored, measured))
            self._show(scored)

        self._jobs.submit(
            "Scoring the cuts", "features", lambda _job: _scored(result, reference),
            self._scores.only(done), key="cut scores", visible=False,
        )  # fmt: skip

    def _measured(self, traced: TracedNetwork) -> Measured:
        return Measured.now(traced.document, self._session.schema)

    def _reference(self, traced: TracedNetwork) -> CutReference:
        """The annotation's window as it is now: a copy, since the user may paint on."""
        labels = None
        if traced.document.has_reference:
            window = traced.input_geometry.window
            labels = np.array(traced.document.annotation.labels[window.slices])
        return CutReference.between(labels, traced.prediction.schema, self._session.schema)

    def _show(self, result: CutResult | None) -> None:
        self._scores.begin()
        self._session.set_inspection(cut_result=result, cut_problem="")

    # -- changing the list -------------------------------------------------------------------

    def _trace(self) -> FeatureTrace:
        traced = self._session.inspection.traced
        if traced is None:
            raise SegstudioError("Nothing is traced.", "Open an image and choose a model.")
        return traced.trace

    def _put(self, cut: Cut) -> None:
        self._set(with_cut(self.cuts, cut))

    def _replace(self, index: int, listed: ListedCut) -> None:
        cuts = list(self.cuts)
        cuts[index] = listed
        self._set(tuple(cuts))

    def _set(self, cuts: tuple[ListedCut, ...]) -> None:
        before = self.enabled
        self._session.set_inspection(cuts=cuts)
        if self.enabled != before:
            self._compute()


def _scored(result: CutResult, reference: CutReference) -> CutResult:
    before, after = (reference.counts(p.labels) for p in (result.whole, result.cut))
    schema = reference.schema
    return replace(
        result,
        before=None if before is None else before.scores(schema),
        after=None if after is None else after.scores(schema),
    )


def _is_slow(traced: TracedNetwork) -> bool:
    """Whether a pass takes long enough for the status bar to say so."""
    return traced.trace.seconds > 0.5


_KEPT_BYTES = 64 * 1024 * 1024
"""Of predictions with cuts."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What scores depend on besides the class map."""

    document: Document
    revision: int
    schema: LabelSchema
    has_reference: bool

    @classmethod
    def now(cls, document: Document, schema: LabelSchema) -> Measured:
        """The annotation and the classes as they are."""
        return cls(document, document.annotation.revision, schema, document.has_reference)

    def same_as(self, other: Measured | None) -> bool:
        """Whether scores against the one hold against the other."""
        return (
            other is not None
            and self.document is other.document
            and self.revision == other.revision
            and self.has_reference == other.has_reference
            and same_classes(self.schema, other.schema)
        )


@dataclass(frozen=True, eq=False)
class Kept:
    """A result that was computed, and what it was measured against."""

    result: CutResult
    measured: Measured


class KeptCuts:
    """The last results by their cuts, within a budget of bytes; the newest is always kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Cut, ...], Kept] = OrderedDict()

    def get(self, cuts: tuple[Cut, ...]) -> Kept | None:
        """What these cuts do, if it is known."""
        kept = self._kept.get(cuts)
        if kept is not None:
            self._kept.move_to_end(cuts)
        return kept

    def put(self, kept: Kept) -> None:
        """Keep a result instead of an earlier one of the same cuts; the oldest go."""
        self._kept[kept.result.cuts] = kept
        self._kept.move_to_end(kept.result.cuts)
        held = sum(entry.result.cut.nbytes for entry in self._kept.values())
        while held > _KEPT_BYTES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            held -= gone.result.cut.nbytes

    def clear(self) -> None:
        """Forget all results."""
        self._kept.clear()
