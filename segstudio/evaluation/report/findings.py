"""What is worked out before a report is written: the differences between its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segstudio.core.progress import Report
from segstudio.evaluation.report.material import EvaluatedRun, EvaluationMaterial
from segstudio.metrics.bootstrap import PairedDifference

_ALL_PAIRS_UP_TO = 6
"""Of more models only the best is held against each of the others."""


@dataclass(frozen=True)
class Compared:
    """Two models on the same images.

    Attributes:
        first: The one with the lower `EvaluationMaterial.lead`.
        second: The other.
        difference: The second minus the first.
    """

    first: EvaluatedRun
    second: EvaluatedRun
    difference: PairedDifference


@dataclass(frozen=True)
class EvaluationFindings:
    """What was worked out.

    Attributes:
        compared: Pairs of models; those with the best one first.
    """

    compared: tuple[Compared, ...] = ()

    def with_best(self, best: EvaluatedRun) -> Mapping[str, Compared]:
        """How the best model differs from the others, by their ids."""
        return {c.first.id: c for c in self.compared if c.second is best}


def find(material: EvaluationMaterial, report: Report) -> EvaluationFindings:
    """Draw images again and again to see which differences between models are ones.

    Args:
        material: What is compared.
        report: Told of the progress.
    """
    pairs = material.pairs()
    if len(material.runs) > _ALL_PAIRS_UP_TO:
        pairs = [pair for pair in pairs if pair[1] is material.ranked[0]]
    compared = []
    for done, (first, second) in enumerate(pairs):
        names = (material.titles[first.id], material.titles[second.id])
        report(done, len(pairs), f"Comparing {names[1]} with {names[0]}")
        compared.append(Compared(first, second, material.paired(first.id, second.id)))
    return EvaluationFindings(tuple(compared))
