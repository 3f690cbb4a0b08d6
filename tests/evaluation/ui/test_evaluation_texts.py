"""Texts of the evaluation panel: names on heads, figures, durations, progress."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segstudio.core.formatting import DASH
from segstudio.evaluation.ui.figure_text import figure_text, marked_best
from segstudio.evaluation.ui.panel import EvaluationProgress
from segstudio.kit.model_titles import column_titles
from segstudio.metrics.image_figures import figures_at
from segstudio.metrics.measure import Where
from segstudio.session.evaluation_state import Evaluation

FIGURES = {figure.key: figure for figure in figures_at(Where.FOLDER)}


def test_what_all_names_end_with_and_brackets_are_left_out():
    titles = ["U-Net, nuclei", "DeepLabV3 (MobileNetV3), nuclei", "Mask R-CNN (small), nuclei"]
    assert column_titles(titles) == ["U-Net", "DeepLabV3", "Mask R-CNN"]


def test_what_tells_names_apart_stays():
    assert column_titles(["Net (a), x", "Net (b), x"]) == ["Net (a)", "Net (b)"]
    assert column_titles(["Small U-Net, bilinear", "Small U-Net, shuffle"]) == [
        "Small U-Net, bilinear",
        "Small U-Net, shuffle",
    ]
    assert column_titles(["U-Net, nuclei"]) == ["U-Net, nuclei"]


def test_of_names_that_are_too_long_for_a_head_the_end_stays_alike_for_all_of_a_kind():
    titles = ["U-Net, nuclei", "Small U-Net, transposed", "Small U-Net, bilinear"]
    assert column_titles(titles) == ["U-Net, nuclei", "transposed", "bilinear"]
    doubled = ["Small U-Net, transposed", "Another U-Net, transposed"]
    assert len({*column_titles(doubled)}) == 2


def test_a_long_name_is_cut():
    (short,) = column_titles(["A network with a very long name of its own"])
    assert len(short) <= 22
    assert short.endswith("…")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("mean_iou", 0.8764, "0.876"),
        ("pixel_accuracy", 0.9876, "98.8 %"),
        ("hausdorff95", 12.345, "12.3 px"),
        ("seconds", 0.042, "42 ms"),
        ("ece", 0.0123, "1.2 %"),
        ("ap", math.nan, DASH),
    ],
)
def test_figures_are_written_in_their_unit(key, value, text):
    assert figure_text(FIGURES[key], value) == text


def test_the_time_left_is_told_from_the_speed_so_far(qtbot):
    now = [100.0]
    progress = EvaluationProgress(lambda: now[0])
    qtbot.addWidget(progress)

    def show(a: int, b: int, running: bool = True, stopped: bool = False) -> str:
        done = {"a": a, "b": b}
        progress.show_state(Evaluation(("a", "b"), running, done, 20, stopped=stopped))
        return progress.label.text()

    assert show(5, 5) == "5 of 20 images"
    now[0] += 1
    assert show(6, 5) == "5 of 20 images"
    now[0] += 9
    # 10 of the 30 that were left at the start took 10 s
    assert show(10, 10) == "10 of 20 images, 20 s left"
    assert (progress.bar.value(), progress.bar.maximum()) == (20, 40)
    said = "Stopped at 10 of 20 images; Evaluate goes on from there"
    assert show(10, 10, running=False, stopped=True) == said
    # through, but for an image that cannot be read: there is nothing to go on with
    assert show(19, 19, running=False) == "19 of 20 images evaluated"
    assert show(20, 20, running=False) == "20 images evaluated"
    progress.show_state(Evaluation(("a",), False, {"a": 20}, 20, originals=True))
    assert progress.label.text() == "20 images evaluated, against the originals"
    progress.show_state(Evaluation(originals=True))
    assert progress.label.text() == ""


def test_the_time_left_forgets_how_fast_the_disk_was(qtbot):
    now = [0.0]
    progress = EvaluationProgress(lambda: now[0])
    qtbot.addWidget(progress)

    def show(done: int) -> str:
        progress.show_state(Evaluation(("a",), True, {"a": done}, 100))
        return progress.label.text()

    for second in range(4):  # 60 images from the disk, 20 a second
        now[0] = second
        show(20 * second)
    for image in range(61, 66):  # the others take the model 10 s each
        now[0] += 10
        said = show(image)
    # 35 are left: 10 s each, not the 0.8 s that they took on the average
    assert said == "65 of 100 images, 6 min left"


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ((0.5, 0.7), 0.7),
        ((0.5, np.nan), 0.5),
        ((0.7, 0.7004, 0.2), 0.7004),  # two are written alike, the third is worse
        ((0.0, 0.0), np.nan),
        ((0.7, 0.7004), np.nan),
        ((0.7,), np.nan),
        ((np.nan, np.nan), np.nan),
    ],
)
def test_a_figure_is_marked_as_the_best_only_if_another_is_worse(values, best):
    assert marked_best(FIGURES["mean_iou"], np.array(values)) == pytest.approx(best, nan_ok=True)
