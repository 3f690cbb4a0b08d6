"""Centre-line Dice by hand and against the formula of the paper written out."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.morphology import skeletonize

from segstudio.core.candidate import Candidate
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.metrics.centreline import CENTRELINE, CentrelineSums
from segstudio.metrics.image_figures import FolderFigures, ImageFigures, figures_of

SCHEMA = LabelSchema.from_names(("background", "vessel", "nerve"))


def row(*runs, width=12, value=1):
    """(5, width) map with lines one pixel thick in the middle row, from a column to another."""
    found = np.zeros((5, width), np.uint8)
    for start, end in runs:
        found[2, start:end] = value
    return found


def scores_of(truth, prediction, ignore=255):
    return CentrelineSums.of(truth, prediction, ignore).scores([1])


def by_the_paper(truth, prediction):
    precision = (skeletonize(prediction) & truth).sum() / skeletonize(prediction).sum()
    sensitivity = (skeletonize(truth) & prediction).sum() / skeletonize(truth).sum()
    return 2 * precision * sensitivity / (precision + sensitivity), precision, sensitivity


def test_lines_of_one_pixel_are_their_own_centre_lines():
    # 8 pixels of truth, 6 of the prediction, 4 shared: 2 (4/6) (4/8) / (4/6 + 4/8)
    dice, precision, sensitivity = (v[0] for v in scores_of(row((1, 9)), row((5, 11))))
    assert (precision, sensitivity) == pytest.approx((4 / 6, 4 / 8))
    assert dice == pytest.approx(4 / 7)


def test_a_gap_costs_what_is_not_connected_and_thickness_costs_nothing():
    truth, thick = np.zeros((2, 9, 40), np.uint8)
    truth[4, 5:35], thick[2:7, 3:37] = 1, 1
    assert scores_of(truth, thick).sensitivity[0] == 1
    assert scores_of(truth, thick).dice[0] > 0.9 > 2 * 30 / (30 + 170)  # Dice is 0.3
    thick[:, 15:25] = 0
    assert scores_of(truth, thick).sensitivity[0] == pytest.approx(20 / 30)


def test_a_class_of_one_map_scores_0_and_of_none_nothing():
    nothing = np.zeros((5, 12), np.uint8)
    for truth, prediction in ((row((1, 9)), nothing), (nothing, row((1, 9)))):
        assert scores_of(truth, prediction).dice.tolist() == [0]
    assert scores_of(row((1, 5)), row((6, 9))).dice.tolist() == [0]
    assert np.isnan(scores_of(nothing, nothing)).all()


def test_ignored_pixels_count_nowhere():
    truth = row((1, 9))
    truth[:, 6:] = 255
    expected = scores_of(truth, row((3, 6)))
    assert expected.precision[0] == 1
    assert expected.sensitivity[0] == pytest.approx(3 / 5)
    for said in (0, 1, 2, 255):
        prediction = row((3, 6))
        prediction[:, 6:] = said
        np.testing.assert_array_equal(scores_of(truth, prediction), expected)
    assert CentrelineSums.of(truth, truth, 255).ids.tolist() == [0, 1]


def test_random_regions_by_the_paper():
    rng = np.random.default_rng(0)
    for _ in range(5):
        truth, prediction = np.kron(
            rng.random((2, 12, 15)) < 0.4, np.ones((4, 4), np.bool_)
        ).astype(np.uint8)
        found = [v[0] for v in scores_of(truth, np.roll(truth, 2, 0) | prediction)]
        said = np.roll(truth, 2, 0) | prediction
        assert found == pytest.approx(by_the_paper(truth > 0, said > 0))


def test_a_folder_has_the_pixels_of_all_images():
    pairs = [(row((1, 9)), row((5, 11))), (row((0, 2)), row((0, 2), (7, 8)))]
    figures = [figures_of(LabelMap(t), Candidate(p), SCHEMA, [CENTRELINE]) for t, p in pairs]
    back = [ImageFigures.from_json(f.to_json()) for f in figures]
    values = FolderFigures.of(back, (0, 1, 2), (1, 2)).values
    precision, sensitivity = (4 + 2) / (6 + 3), (4 + 2) / (8 + 2)
    dice = 2 * precision * sensitivity / (precision + sensitivity)
    assert values.by_class["cldice"][1] == pytest.approx(dice)
    assert values.by_class["tprec"][1] == pytest.approx(precision)
    assert values.by_class["tsens"][1] == pytest.approx(sensitivity)
    assert np.isnan(values.by_class["cldice"][2])
    assert values.means["cldice_foreground"] == pytest.approx(dice)


def test_maps_of_different_sizes_are_refused():
    with pytest.raises(SegstudioError):
        CentrelineSums.of(row((1, 9)), row((1, 9), width=20), None)
