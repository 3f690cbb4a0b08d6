"""False-positive and false-negative areas by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.candidate import Candidate
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.metrics.error_area import ERROR_AREA
from segstudio.metrics.image_figures import FolderFigures, ImageFigures, figures_of

SCHEMA = LabelSchema.from_names(("background", "crack", "rust"))
# Of the cracks 2 pixels are found, 1 is missed, 1 is invented; the last one counts nowhere.
WRONG = ([0, 0, 1, 1, 1, 255], [0, 1, 1, 1, 0, 1])
INVENTED = ([0, 0, 0, 0], [0, 1, 0, 0])
CLEAN = ([0, 0, 0], [0, 0, 0])


def figures(*images):
    maps = [[np.array([line], np.uint8) for line in image] for image in images]
    return [figures_of(LabelMap(t), Candidate(p), SCHEMA, [ERROR_AREA]) for t, p in maps]


def test_areas_and_rates_of_an_image():
    (image,) = figures(WRONG)
    values = image.values((0, 1, 2), (1, 2))
    of_crack = {key: v[1] for key, v in values.by_class.items()}
    assert (of_crack["fp_area"], of_crack["fn_area"]) == (1, 1)
    # 2 of the 5 pixels that count are no crack, 3 are
    assert (of_crack["fp_rate"], of_crack["fn_rate"]) == pytest.approx((1 / 2, 1 / 3))
    assert of_crack["fn_rate"] == pytest.approx(1 - of_crack["recall"])
    assert all(np.isnan(values.by_class[k][2]) for k in ("fp_area", "fn_area", "fp_rate"))
    assert values.means["fp_area_foreground"] == 1
    assert values.means["fp_area"] == 1  # background: 1 pixel too


def test_a_folder_has_the_mean_over_the_images_that_have_the_class():
    images = [ImageFigures.from_json(f.to_json()) for f in figures(WRONG, INVENTED, CLEAN)]
    values = FolderFigures.of(images, (0, 1, 2), (1, 2)).values.by_class
    assert values["fp_area"][1] == pytest.approx((1 + 1) / 2)
    assert values["fn_area"][1] == pytest.approx((1 + 0) / 2)
    assert values["fp_rate"][1] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert values["fn_rate"][1] == pytest.approx(1 / 3)  # only one image has cracks to miss
    assert values["fp_rate"][0] == pytest.approx(1 / 3)  # only one has anything but background


def test_where_all_is_the_class_there_is_nothing_to_invent():
    (image,) = figures(([1, 1], [1, 0]))
    values = image.values((0, 1), (1,)).by_class
    assert np.isnan(values["fp_rate"][1])
    assert values["fn_rate"][1] == pytest.approx(1 / 2)
    assert values["fp_area"].tolist() == [1, 0]
