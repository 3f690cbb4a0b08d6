"""Everything that a report says of a network on an image, worked out in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureTrace, LayerInfo, Role, SkipEdge
from segstudio.core.labels import Labels
from segstudio.core.progress import Check, Report
from segstudio.inspection.feature_pictures import mean_of_channels
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.inspection.skip_runs import cut_runs, skip_runs
from segstudio.metrics.cut_costs import AblationRow, MaskScores

if TYPE_CHECKING:
    from segstudio.inspection.nets.skip_merges import SkipMerge
    from segstudio.inspection.nets.traced_model import TracedModel

FloatArray = NDArray[np.float32]
_GRADIENT_BYTES: Final = 1 << 30
"""Of activations and their gradients that are held at once."""


@dataclass(frozen=True, eq=False)
class StageFigures:
    """What is said of a stage besides its shape.

    Attributes:
        sparsity: Share of values that are exactly zero, 0..1.
        dead: Channels that say the same everywhere on this image.
        variance: (C,) of each channel.
        checkerboard: Energy at the Nyquist frequency over that just below it, for the decoder's
            stages; NaN for others and for maps that are too small.
    """

    sparsity: float
    dead: int
    variance: FloatArray = field(repr=False)
    checkerboard: float


@dataclass(frozen=True, eq=False)
class SkipMergeFigures:
    """What a skip brings to its join.

    Attributes:
        edge: The skip.
        share: Its share of the response's energy, 0..1.
        below: That of the path from below.
        response: Module of the convolution that responds; "" where the shares are those of the
            features themselves.
        interference: See `inspection.nets.skip_merges.SkipMerge`.
        maps: Means over the channels (h, w): the skip, what comes from below, both joined.
    """

    edge: SkipEdge
    share: float
    below: float
    response: str
    interference: float
    maps: tuple[FloatArray, FloatArray, FloatArray] = field(repr=False)

    @property
    def others(self) -> float:
        """Share of what else is joined there, 0..1."""
        return max(0.0, 1 - self.share - self.below)


@dataclass(frozen=True, eq=False)
class CutFigures:
    """What the network says without a skip, or without all.

    Attributes:
        row: Scores before and after.
        labels: (h, w) uint8 class ids of the window with the cut.
    """

    row: AblationRow
    labels: Labels = field(repr=False)


@dataclass(frozen=True, eq=False)
class LogitLensFigures:
    """What the head says from a stage.

    Attributes:
        stage: Its id.
        labels: (h, w) uint8 class ids of the window.
        scores: Against the annotation; None without.
    """

    stage: str
    labels: Labels = field(repr=False)
    scores: MaskScores | None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where the score of a class comes from.

    Attributes:
        class_id: The model's class.
        over: Over which pixels the score is summed, for people.
        cams: Grad-CAM (h, w) of the stage's size by stage id, in order.
        influence: (C,) gradient x activation by stage id.
    """

    class_id: int
    over: str
    cams: Mapping[str, FloatArray] = field(repr=False)
    influence: Mapping[str, FloatArray] = field(repr=False)


@dataclass(frozen=True, eq=False)
class TraceFindings:
    """All that was found.

    Attributes:
        scores: Of the prediction against the annotation; None without.
        stages: By stage id.
        merges: One for each skip whose join could be looked at.
        cuts: One for each skip, and all together.
        explanation: None where the network has no gradients for it.
        logit_lens: One for each stage that the head can read.
        problems: What could not be found and why, by part of the report.
    """

    scores: MaskScores | None
    stages: Mapping[str, StageFigures]
    merges: tuple[SkipMergeFigures, ...]
    cuts: tuple[CutFigures, ...]
    explanation: Explanation | None
    logit_lens: tuple[LogitLensFigures, ...]
    problems: Mapping[str, str]


def find(
    traced_model: TracedModel, material: TraceMaterial, check: Check, report: Report
) -> TraceFindings:
    """Work out all that the report says.

    What a network does not allow (gradients, reading a stage with the head) is left out and said
    in `TraceFindings.problems`.

    Args:
        traced_model: The network with the image, which was traced.
        material: The trace.
        check: Called before every module; what it raises stops the work.
        report: Told (steps done, steps in all, what happens now).
    """
    return _Finder(traced_model, material, check, report).find()


class _Finder:
    """The steps, one after the other; keeps what went wrong."""

    def __init__(
        self, traced_model: TracedModel, material: TraceMaterial, check: Check, report: Report
    ) -> None:
        self._traced_model, self._material = traced_model, material
        self._trace: FeatureTrace = material.trace
        self._check, self._report = check, report
        self._problems: dict[str, str] = {}
        self._runs = skip_runs(self._trace, material.how)
        self._total = len(self._trace.layers) + len(self._trace.skips) + len(self._runs) + 2
        self._done = 0

    def find(self) -> TraceFindings:
        """Everything, the quick parts first."""
        stages = {layer.id: self._stage(layer) for layer in self._trace.layers}
        joins = self._joins()
        cuts = self._cuts()
        explanation = self._explanation()
        lens = self._lens()
        scores = self._material.scores(self._material.prediction.labels)
        return TraceFindings(scores, stages, joins, cuts, explanation, lens, self._problems)

    def _step(self, text: str) -> None:
        self._report(self._done, self._total, text)
        self._done += 1

    def _stage(self, layer: LayerInfo) -> StageFigures:
        from segstudio.inspection.nets.spectrum import checkerboard

        self._step(f"Statistics of {layer.id}")
        facts = self._material.work.facts(self._material.traced, layer)
        excess = float("nan")
        if layer.role is Role.DECODER and min(layer.shape[1:]) >= 8:
            excess = checkerboard(self._trace.activation(layer.id)).excess
        return StageFigures(facts.sparsity, facts.dead, facts.variance, excess)

    def _joins(self) -> tuple[SkipMergeFigures, ...]:
        known: dict[object, SkipMerge] = {}
        figures = []
        for edge in self._trace.skips:
            self._step(f"Skip {edge.id}")
            try:
                # several skips may meet in one join
                if edge.merged not in known:
                    known[edge.merged] = self._traced_model.skip_merge(edge, self._check)
            except SegstudioError as error:
                self._problems["skips"] = str(error)
                continue
            figures.append(_figures_of(edge, known[edge.merged]))
        return tuple(figures)

    def _cuts(self) -> tuple[CutFigures, ...]:
        figures: list[CutFigures] = []
        material = self._material
        passes = cut_runs(self._traced_model, self._runs, material.measured, lambda: self._check)
        if not self._runs:
            return ()
        try:
            for _ in self._runs:
                self._step(f"Without {self._runs[len(figures)].name}")
                found = next(passes)
                row = found.counts.row(material.schema)
                figures.append(CutFigures(row, found.cut.labels))
        except SegstudioError as error:
            self._problems["ablation"] = str(error)
        return tuple(figures)

    def _explanation(self) -> Explanation | None:
        material = self._material
        class_id = material.class_id
        self._step("Grad-CAM")
        region = material.prediction.labels == class_id
        name = material.class_names.get(class_id, str(class_id))
        over = f"the {int(region.sum()):,} pixels predicted as {name}"
        mask = None
        if region.any():
            mask = np.zeros(material.input_geometry.photo_hw, np.bool_)
            mask[material.input_geometry.window.slices] = region
        else:
            over = "the whole image, since the class is not predicted"
        cams: dict[str, FloatArray] = {}
        influence: dict[str, FloatArray] = {}
        try:
            for names in _passes(self._trace):
                found = self._traced_model.gradients(
                    self._trace, class_id, region=mask, layers=names, check=self._check
                )
                reached = [stage for stage in names if stage in found.gradients]
                cams |= {stage: found.grad_cam(stage) for stage in reached if stage != "input"}
                influence |= {stage: found.influence(stage) for stage in reached}
        except SegstudioError as error:
            self._problems["explanation"] = str(error)
            return None
        return Explanation(class_id, over, cams, influence)

    def _lens(self) -> tuple[LogitLensFigures, ...]:
        self._step("Logit lens")
        stages: Sequence[str] = self._traced_model.logit_lens_stages(self._trace)
        figures = []
        for stage in stages:
            self._check()
            try:
                labels = self._traced_model.logit_lens(self._trace, stage).labels
            except SegstudioError as error:
                self._problems["lens"] = str(error)
                continue
            figures.append(LogitLensFigures(stage, labels, self._material.scores(labels)))
        return tuple(figures)


def _passes(trace: FeatureTrace) -> list[tuple[str, ...]]:
    """The stages that are maps, in groups whose activations and gradients fit into memory."""
    groups: list[list[str]] = [[]]
    held = 0
    for layer in trace.layers:
        if layer.receptive_field is None:
            continue
        # float32 twice, where a stage's bytes are told for float16
        nbytes = 4 * layer.nbytes
        if groups[-1] and held + nbytes > _GRADIENT_BYTES:
            groups.append([])
            held = 0
        groups[-1].append(layer.id)
        held += nbytes
    return [tuple(group) for group in groups if group]


def _figures_of(edge: SkipEdge, join: SkipMerge) -> SkipMergeFigures:
    maps = (
        mean_of_channels(join.sources[edge.index]),
        mean_of_channels(join.sources[edge.deep]),
        mean_of_channels(join.joined),
    )
    return SkipMergeFigures(
        edge, join.shares[edge.index], join.shares[edge.deep], join.response, join.interference,
        maps,
    )  # fmt: skip
