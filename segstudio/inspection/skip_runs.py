"""Runs a network on one image with cut after cut, and counts what each of them does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segstudio.core.class_mapping import ClassMapping
from segstudio.core.features import CutHow, EdgeCut, FeatureTrace
from segstudio.core.labels import Labels
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.inspection.mask_counts import MaskCounts
from segstudio.metrics.cut_costs import ALL_SKIPS, AblationRow, NamedCuts

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel


def skip_runs(trace: FeatureTrace, how: CutHow = CutHow.ZERO) -> tuple[NamedCuts, ...]:
    """One run for each skip of a network, and one for all of them where it has several."""
    runs = [NamedCuts(edge.id, (EdgeCut(edge, how),)) for edge in trace.skips]
    if len(runs) > 1:
        runs.append(NamedCuts(ALL_SKIPS, tuple(EdgeCut(edge, how) for edge in trace.skips)))
    return tuple(runs)


@dataclass(frozen=True, eq=False)
class CutReference:
    """What class maps of one image are measured against.

    Attributes:
        labels: (h, w) uint8 class ids of the window that goes through the network; None where
            nothing is annotated.
        schema: The classes of `labels`.
        table: (256,) uint8, model class id -> class id of `schema`.
    """

    labels: Labels | None
    schema: LabelSchema
    table: npt.NDArray[np.uint8]

    @classmethod
    def between(
        cls, labels: Labels | None, model: LabelSchema, schema: LabelSchema
    ) -> CutReference:
        """A reference in the classes of a folder for the maps of a model.

        It has no labels if it is not known what the model's classes are in the folder.
        """
        mapping = ClassMapping.between(model, schema)
        return cls(labels if mapping.is_scored else None, schema, mapping.table)

    def counts(self, labels: Labels) -> MaskCounts | None:
        """Count a class map of the model; None where nothing is annotated."""
        if self.labels is None:
            return None
        return MaskCounts.of(self.labels, self.table[labels], self.schema)


@dataclass(frozen=True, eq=False)
class RunCounts:
    """What one run of cuts did to one image, or to several summed up.

    Attributes:
        run: The cuts.
        changed: Pixels whose class changed, in the model's classes.
        pixels: Pixels in all.
        before: Counts without cuts; None without a reference.
        after: Counts with them.
    """

    run: NamedCuts
    changed: int
    pixels: int
    before: MaskCounts | None
    after: MaskCounts | None

    def __add__(self, other: RunCounts) -> RunCounts:
        return RunCounts(
            self.run,
            self.changed + other.changed,
            self.pixels + other.pixels,
            _summed(self.before, other.before),
            _summed(self.after, other.after),
        )

    def row(self, schema: LabelSchema) -> AblationRow:
        """The scores that follow from the counts."""
        return AblationRow(
            self.run.name,
            self.run.cuts,
            self.changed,
            self.pixels,
            None if self.before is None else self.before.scores(schema),
            None if self.after is None else self.after.scores(schema),
        )


@dataclass(frozen=True, eq=False)
class CutRun:
    """One run with cuts on one image.

    Attributes:
        counts: What it did.
        whole: What the model says without cuts.
        cut: What it says with them.
    """

    counts: RunCounts
    whole: Prediction
    cut: Prediction


def cut_runs(
    traced_model: TracedModel,
    runs: Sequence[NamedCuts],
    reference: CutReference,
    check: Callable[[], Callable[[], None]],
) -> Iterator[CutRun]:
    """Run the network on its image once for each of the runs, lazily.

    Args:
        traced_model: The network with its image.
        runs: The cuts of each run.
        reference: What the class maps are measured against.
        check: Gives what is called before every module of the next pass; that may raise to stop.

    Yields:
        The runs in order.

    Raises:
        SegstudioError: if a cut's place does not come up, or the model fails on the image.
    """
    whole = traced_model.predict(check=check())
    before = reference.counts(whole.labels)
    for run in runs:
        cut = traced_model.predict(run.cuts, check())
        changed = int(np.count_nonzero(cut.labels != whole.labels))
        after = reference.counts(cut.labels)
        yield CutRun(RunCounts(run, changed, cut.labels.size, before, after), whole, cut)


def _summed(one: MaskCounts | None, other: MaskCounts | None) -> MaskCounts | None:
    if one is None or other is None:
        return one or other
    return one + other
