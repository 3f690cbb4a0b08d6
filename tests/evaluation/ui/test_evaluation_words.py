"""What the evaluation says in sentences, on figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.candidate import Candidate
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.own_pixels import own_pixels_notes
from segstudio.evaluation.rows import Counted, ImageRow
from segstudio.evaluation.sums import RunSums
from segstudio.evaluation.ui.words import fairness_text, ranking_text, trap_text
from segstudio.metrics.image_figures import figures_of

SCHEMA = LabelSchema.from_names(("background", "cell", "debris"))
_LEFT_OUT = 250


def table_of(truth: list[int], **answers: list[int]) -> EvaluationTable:
    """One image of ten pixels and what models say; `_LEFT_OUT` counts nowhere."""
    table, ids = EvaluationTable(), SCHEMA.scored_ids
    table.clear(["plate.png"], SCHEMA)
    table.set_runs({run: f"Model {run}" for run in answers})
    reference = LabelMap(np.array([truth], np.uint8))
    for run, answer in answers.items():
        said = np.array([answer], np.uint8)
        figures = figures_of(reference, Candidate(said, left_out=said == _LEFT_OUT), SCHEMA)
        row = ImageRow.of(Counted(figures, 0.5, 0.1), ids, foreground_ids=SCHEMA.foreground_ids)
        table.put(0, run, row)
        sums = RunSums(ids, SCHEMA.foreground_ids)
        sums.put({0: row})
        table.publish(run, sums.total())
    return table


TRUTH = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_ignored_classes_make_figures_of_other_pixels():
    some = [0, 0, 0, 0, 1, 1, _LEFT_OUT, _LEFT_OUT, _LEFT_OUT, _LEFT_OUT]
    said = fairness_text(table_of(TRUTH, A=TRUTH, B=some))
    assert said.startswith("“Model B” is measured on 60.0 % of the pixels")
    assert "Model A" not in said
    assert fairness_text(table_of(TRUTH, A=TRUTH, B=TRUTH[::-1])) == ""


def test_models_that_are_no_better_than_a_guess_are_named():
    wrong = [2, 2, 2, 2, 2, 2, 2, 0, 0, 0]
    # of the foreground the guess gets nothing, and the models neither
    said = trap_text(table_of(TRUTH, A=wrong, B=wrong, C=wrong, D=TRUTH))
    assert "right on 40.0 % of the pixels (mean IoU of the foreground 0.000)" in said
    assert said.endswith("“Model A”, “Model B” and “Model C” are no better than that.")
    assert "no better" not in trap_text(table_of(TRUTH, D=TRUTH))


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (
            {"A": (0.9, 0.2), "B": (0.8, 0.6)},
            "<b>Model A</b> is best at labelling pixels (mean IoU of the foreground), ",
        ),
        ({"A": (0.9, 0.7), "B": (0.8, 0.6)}, "<b>Model A</b> is best both at"),
        ({"A": (0.9, 0.0), "B": (0.8, 0.0)}, ""),  # neither finds an object
        ({"A": (0.9, 0.2), "B": (0.9001, 0.6)}, ""),  # no better, as it is written
        ({"A": (0.9, 0.2)}, ""),
    ],
)
def test_a_model_is_called_best_only_if_it_is(monkeypatch, figures, said):
    table = table_of(TRUTH, **dict.fromkeys(figures, TRUTH))
    monkeypatch.setattr(
        table,
        "figure",
        lambda run, metric: figures[run][("mean_iou_foreground", "ap").index(metric)],
    )
    assert ranking_text(table).startswith(said)
    assert bool(ranking_text(table)) == bool(said)


def test_a_model_that_is_measured_on_its_own_pixels_is_named():
    table = table_of(TRUTH, A=TRUTH, B=TRUTH)
    (said,) = own_pixels_notes({0: frozenset({"A"}), 7: frozenset({"B"})}, table)
    assert said == (
        "“Model A” is partly measured on its own pixels, on 1 of 1 image: its figures there say "
        "little."
    )
    assert own_pixels_notes({}, table) == []
