"""What the charts of an evaluation show, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.candidate import Candidate
from segstudio.core.labels import LabelMap
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.evaluation.curve_charts import (
    calibrations,
    curves_of,
    reliability_chart,
    size_chart,
    threshold_chart,
    tradeoff_chart,
)
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.rows import Counted, ImageRow
from segstudio.evaluation.sums import RunSums
from segstudio.evaluation.ui.chart_view import looks_of
from segstudio.evaluation.ui.charts_classes import class_chart
from segstudio.evaluation.ui.charts_images import (
    figure_name,
    figures_in,
    image_chart,
    paired,
)
from segstudio.evaluation.ui.confusion_values import ConfusionValues, compact
from segstudio.metrics.confusion import ConfusionMatrix
from segstudio.metrics.image_figures import MEASURES, figures_of
from segstudio.report.chart_data import Bars, Corner, Points

SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(1, "cell", (0, 200, 0), thing=True),
        ClassSpec(2, "debris", (200, 0, 0), thing=True),
    )
)


def table_of(answers: dict[str, list[tuple[LabelMap, Candidate] | None]]) -> EvaluationTable:
    """A table of models' answers to images; None where a model was not run."""
    table, ids = EvaluationTable(), SCHEMA.scored_ids
    number = max(len(images) for images in answers.values())
    table.clear([f"plate_{n}.png" for n in range(number)], SCHEMA)
    table.set_runs({run: f"Model {run}" for run in answers})
    for run, images in answers.items():
        sums = RunSums(ids)
        for index, image in enumerate(images):
            if image is not None:
                counted = figures_of(*image, SCHEMA, MEASURES)
                row = ImageRow.of(Counted(counted, 0.5, 0.1), ids)
                table.put(index, run, row)
                sums.put({index: row})
        table.publish(run, sums.total())
    return table


def labels(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.uint8)


TRUTH = LabelMap(labels([1, 1, 1, 1, 0, 0, 0, 0, 0, 2]))


def answer(*row: int, confidence: int = 250) -> tuple[LabelMap, Candidate]:
    sure = np.full((1, len(row)), confidence, np.uint8)
    return TRUTH, Candidate(labels([*row]), confidence=sure)


GOOD = answer(1, 1, 1, 0, 0, 0, 0, 0, 0, 2)  # cell 3 / 4, background 5 / 6, debris 1
POOR = answer(1, 0, 0, 0, 0, 0, 0, 0, 0, 0)  # cell 1 / 4, background 5 / 9, debris 0


@pytest.fixture
def table():
    return table_of({"A": [GOOD, GOOD], "B": [POOR, None]})


# -- classes -----------------------------------------------------------------------------------


def test_each_class_has_a_bar_for_each_model_and_the_mean_is_on_top(table):
    data = class_chart(table, looks_of(table))
    good, poor = data.layers
    assert isinstance(good, Bars)
    assert [text for _, text in data.y.ticks] == [
        "Mean of the classes", "background", "cell", "debris",
    ]  # fmt: skip
    assert good.values == pytest.approx([(5 / 6 + 3 / 4 + 1) / 3, 5 / 6, 3 / 4, 1])
    assert poor.values == pytest.approx([(5 / 9 + 1 / 4) / 3, 5 / 9, 1 / 4, 0])
    # in each group the first model's bar lies above the second's, and none overlaps another
    assert np.all(poor.at - good.at >= good.thickness)
    assert np.all(good.at[1:] - poor.at[:-1] > good.thickness)
    assert good.texts[2].strip() == "0.750"
    assert good.tips[2] == "Model A\nIoU 0.750\n8 pixels annotated, 6 predicted"


def test_other_scores_and_orders(table):
    looks = looks_of(table)
    recall = class_chart(table, looks, "recall", "worst")
    # recall: background 1 and 1, cell 3/4 and 1/4, debris 1 and 0
    names = [text for _, text in recall.y.ticks][1:]
    assert sorted(names[:2]) == ["cell", "debris"]  # both 0.5 on average
    assert names[2] == "background"
    gap = class_chart(table, looks, "iou", "gap")
    # gaps: debris 1, cell 0.5, background 5/6 - 5/9
    assert [text for _, text in gap.y.ticks][1:] == ["debris", "cell", "background"]
    boundary = class_chart(table, looks, "boundary_iou")
    assert boundary.title == "Boundary IoU of the classes"
    assert not np.isnan(boundary.layers[0].values).all()


def test_hidden_models_are_left_out_and_the_others_keep_their_look(table):
    both, one = looks_of(table), looks_of(table, {"A"})
    assert one == both[1:]
    assert both[0].color != both[1].color
    assert both[0].symbol != both[1].symbol
    assert len(class_chart(table, one).layers) == 1


def test_without_figures_there_are_no_bars():
    table = EvaluationTable()
    table.clear(["plate.png"], SCHEMA)
    table.set_runs({"A": "Model A"})
    assert class_chart(table, looks_of(table)).layers == ()


def test_many_bars_become_thin_and_keep_room_to_be_read(table):
    looks = looks_of(table) * 6
    data = class_chart(table, looks)
    assert data.least_height >= 12 * 4 * 8
    assert data.layers[0].texts == ()


# -- image against image -----------------------------------------------------------------------


def test_images_that_both_models_have_are_compared():
    table = table_of({"A": [GOOD, GOOD, POOR], "B": [POOR, None, GOOD]})
    found = paired(table, "A", "B", "mean_iou")
    good, poor = (5 / 6 + 3 / 4 + 1) / 3, (5 / 9 + 1 / 4) / 3
    assert found.indices == [0, 2]
    assert found.first == pytest.approx([good, poor])
    assert found.second == pytest.approx([poor, good])
    assert found.counts == (1, 1, 0)
    by_class = paired(table, "A", "B", "class:1")
    assert by_class.first == pytest.approx([3 / 4, 1 / 4])


def test_where_less_is_better_the_smaller_score_wins():
    table = table_of({"A": [GOOD], "B": [POOR]})
    found = paired(table, "A", "B", "hausdorff95")
    assert found.first[0] < found.second[0]
    assert found.counts == (1, 0, 0)


def test_points_tell_and_stand_for_their_image():
    table = table_of({"A": [GOOD, GOOD, POOR], "B": [POOR, None, GOOD]})
    first, second = looks_of(table)
    data = image_chart(table, first, second, "class:1", opened=2, said="no difference shown")
    (dots,) = data.layers
    assert dots.keys == (0, 2)
    assert dots.tips[1] == "plate_2.png\nModel A: 0.250\nModel B: 0.750\nClick to open it"
    assert data.marked == {2}
    assert (data.x.title, data.y.title) == ("Model A", "Model B")
    assert (data.x.low, data.x.high) == (data.y.low, data.y.high)
    assert [text for _, text in data.notes] == [
        "Model B better on 1", "Model A better on 1", "no difference shown",
    ]  # fmt: skip
    assert data.rows[0] == ["plate_0.png", "0.7500", "0.2500"]


def test_notes_stand_where_the_points_are_not():
    table = table_of({"A": [POOR, POOR], "B": [GOOD, GOOD]})
    first, second = looks_of(table)
    assert image_chart(table, first, second, "mean_iou").corner == Corner.LOWER_RIGHT
    assert image_chart(table, second, first, "mean_iou").corner == Corner.UPPER_LEFT


def test_only_figures_that_there_are_can_be_chosen(table):
    figures = figures_in(table, looks_of(table))
    assert figures[:3] == ["mean_iou_foreground", "mean_dice_foreground", "mean_iou"]
    assert "ap50" not in figures  # the truth does not tell objects apart
    assert figures[-3:] == ["class:0", "class:1", "class:2"]
    assert figure_name(table, "class:2") == "IoU of debris"


# -- sizes -------------------------------------------------------------------------------------


def test_objects_are_sorted_by_their_size():
    """A cell of 3 x 3 pixels, half of which is found, and one of 9 x 9 that is found whole."""
    truth, said = np.zeros((2, 12, 24), np.uint8)
    truth[1:4, 1:4] = said[1:4, 1:3] = 1  # 6 of 9 pixels: IoU 2/3, under 4 pixels wide
    truth[2:11, 10:19] = said[2:11, 10:19] = 1
    table = table_of({"A": [(LabelMap(truth), Candidate(said))]})
    data = size_chart(table, looks_of(table))
    (line,) = data.layers
    assert isinstance(line, Points)
    assert line.x.tolist() == [0, 1, 2]  # under 4, 4 to 8, 8 to 16
    assert line.y == pytest.approx([2 / 3, np.nan, 1], nan_ok=True)
    assert line.hollow.all()  # one object says little
    assert data.x.ticks[2][1] == "8 to 16\nn = 1"
    pixels = size_chart(table, looks_of(table), "pixel_recall")
    assert pixels.layers[0].y == pytest.approx([6 / 9, np.nan, 1], nan_ok=True)


def test_without_objects_there_is_no_line():
    blank = np.zeros((4, 4), np.uint8)
    table = table_of({"A": [(LabelMap(blank), Candidate(blank))]})
    assert size_chart(table, looks_of(table)).layers == ()


# -- scores ------------------------------------------------------------------------------------


def ranked() -> EvaluationTable:
    """Two cells; a find of score 0.9 hits one, one of score 0.4 hits nothing."""
    truth, ids = np.zeros((10, 30), np.uint8), np.zeros((10, 30), np.uint16)
    truth[1:5, 1:5] = truth[1:5, 10:14] = 1
    ids[1:5, 1:5], ids[1:5, 10:14] = 1, 2
    said, said_ids = np.zeros_like(truth), np.zeros_like(ids)
    said[1:5, 1:5] = said[6:9, 20:24] = 1
    said_ids[1:5, 1:5], said_ids[6:9, 20:24] = 1, 2
    scores = np.array([0.9, 0.4], np.float32)
    found = (LabelMap(truth, ids), Candidate(said, said_ids, scores=scores))
    return table_of({"A": [found], "B": [GOOD]})


def test_only_models_that_rank_objects_have_curves():
    table = ranked()
    curves = curves_of(table, looks_of(table))
    assert [look.run for look, _ in curves] == ["A"]
    assert curves_of(table, looks_of(table), class_id=2) == []
    assert len(curves_of(table, looks_of(table), class_id=1)) == 1


def test_precision_recall_and_f1_against_the_score():
    table = ranked()
    data = threshold_chart(curves_of(table, looks_of(table)), in_use=0.5)
    precision, recall, f1, best = data.layers
    # up to 0.4 both finds count: 1 of 2 is right, 1 of 2 cells is found; up to 0.9 one find
    assert precision.y[[0, 40, 41, 90]] == pytest.approx([0.5, 0.5, 1, 1])
    assert np.isnan(precision.y[91:]).all()
    assert recall.y[[0, 41, 90, 91]] == pytest.approx([0.5, 0.5, 0.5, 0])
    assert f1.y[[0, 41]] == pytest.approx([0.5, 2 / 3])
    assert (best.x[0], best.y[0]) == pytest.approx((0.41, 2 / 3))
    assert {precision.line, recall.line, f1.line} == {"solid", "dash", "dot"}
    assert data.rules[0].start[0] == 0.5
    assert data.notes[1][1] == "Model A: best F1 0.667 from 0.41 on"
    assert data.rows[41] == ["0.41", "1.0000", "0.5000", "0.6667"]


def test_precision_against_recall():
    table = ranked()
    line, best = tradeoff_chart(curves_of(table, looks_of(table))).layers
    assert (line.x[0], line.y[0]) == (0.5, 0.5)
    assert (best.x[0], best.y[0]) == (0.5, 1.0)
    assert "score of 0.41 or more" in line.tips[41]


# -- reliability -------------------------------------------------------------------------------


def test_accuracy_against_confidence():
    """A confidence of 250 / 255 in the last bin; 9 of 10 pixels are right, or 6 of 10."""
    table = table_of({"A": [GOOD], "B": [POOR]})
    data = reliability_chart(calibrations(table, looks_of(table)))
    bars, lines = data.layers[:2], data.layers[2:]
    assert lines[0].x[-1] == pytest.approx(250 / 255)
    assert [line.y[-1] for line in lines] == pytest.approx([0.9, 0.6])
    assert np.isnan(lines[0].y[:-1]).all()
    assert [b.values[-1] for b in bars] == [1, 1]
    errors = [f"{100 * (250 / 255 - right):.1f} %" for right in (0.9, 0.6)]
    assert [text for _, text in data.notes] == [
        f"Model A: ECE {errors[0]}", f"Model B: ECE {errors[1]}", "bars: share of the pixels",
    ]  # fmt: skip


# -- the confusion matrix ----------------------------------------------------------------------

MATRIX = ConfusionMatrix(
    np.array([[90, 10, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0], [0, 2000, 0, 0]], np.int64)
)


def test_classes_that_do_not_occur_are_left_out():
    values = ConfusionValues.of(MATRIX, SCHEMA)
    assert values.ids == (0, 1, 3)
    assert values.names == ("background", "cell", "class 3")
    assert values.shares[:2, :2] == pytest.approx(np.array([[0.9, 0.1], [0.25, 0.75]]))
    assert values.text((0, 1)) == "10.0"
    assert values.tip((0, 1)) == (
        "background taken for cell\n10 pixels, 10.0 % of background\nClick to list the images"
    )
    assert values.tip((1, 1)).startswith("cell found\n3 pixels, 75.0 % of cell")


def test_colours_grow_with_the_root_of_the_value():
    values = ConfusionValues.of(MATRIX, SCHEMA)
    assert values.strength((1, 0)) == pytest.approx(0.5)  # the root of a quarter
    errors = ConfusionValues.of(MATRIX, SCHEMA, errors_only=True)
    assert not errors.is_shown((0, 0))
    assert errors.highest == 1.0  # class 3 is always taken for cell
    counts = ConfusionValues.of(MATRIX, SCHEMA, as_shares=False)
    assert counts.highest == 2000
    assert counts.text((2, 1)) == "2.00k"
    assert counts.strength((0, 1)) == pytest.approx((10 / 2000) ** 0.5)


def test_a_class_that_is_never_annotated_has_no_shares():
    values = ConfusionValues.of(ConfusionMatrix(np.array([[5, 5], [0, 0]], np.int64)), SCHEMA)
    assert not values.is_shown((1, 0))
    assert values.text((1, 0)) == "\u2013"


def test_the_matrix_as_a_table():
    counts = ConfusionValues.of(MATRIX, SCHEMA, as_shares=False)
    assert counts.table.splitlines()[1] == "background\t90\t10\t0"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00k"), (99_949, "99.9k"), (999_499, "999k"),
     (999_500, "1.00M"), (4_050_000, "4.05M"), (123_000_000_000, "123G")],
)  # fmt: skip
def test_counts_in_few_characters(value, text):
    assert compact(value) == text
