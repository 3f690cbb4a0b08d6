"""The list of images: order, filter, marks, many rows."""

from __future__ import annotations

import time

import numpy as np
import pytest

from segstudio.core.metrics import ConfusionMatrix
from segstudio.session.session import Session
from segstudio.storage.image_ref import ImageList
from segstudio.storage.project import Project
from segstudio.ui.panels.images import rows
from segstudio.ui.panels.images.rows import ImagesModel, Order, Show


@pytest.fixture
def session(tmp_path):
    made = Session()
    names = ["cell 1.png", "cell 2.png", "train/Road.jpg", "cell 10.png"]
    made.project = Project(tmp_path, tmp_path, ImageList(names, str(tmp_path)))
    made.set_view(run="m")
    return made


@pytest.fixture
def model(session, qapp):
    made = ImagesModel(session, qapp)
    made.rebuild()
    yield made
    made.deleteLater()


def test_the_filter_wants_all_words_in_any_case(model):
    model.text = "CELL 1"
    model.rebuild()
    assert model.stringList() == ["cell 1.png", "cell 10.png"]
    assert model.row_of(3) == 1
    assert model.row_of(2) == -1


def test_worst_scores_first_and_unscored_last(model, session):
    # IoU of class 1: 1/4 and 3/4; what is right of the background does not count
    for index, hits in ((0, 3), (3, 1)):
        counts = np.array([[6, 0], [4 - hits, hits]], np.int64)
        session.counts[index, "m"] = ConfusionMatrix(counts)
    model.order = Order.WORST
    model.rebuild()
    assert model.images == [3, 0, 1, 2]
    assert model.score_of(3) == pytest.approx(1 / 4)
    assert model.marks(3)[-1] == "mean IoU of the foreground 0.250"


def test_states_choose_rows_and_are_told_in_words(model, session):
    session.set_state(1, reviewed=True, has_truth=True)
    model.show = Show.UNREVIEWED
    model.rebuild()
    assert model.images == [0, 2, 3]
    model.show = Show.WITH_TRUTH
    model.rebuild()
    assert model.images == [1]
    assert model.marks(1) == ["ground truth", "reviewed"]


def test_a_hundred_thousand_rows_are_listed_quickly(qapp, tmp_path):
    session = Session()
    names = [f"image_{n}.png" for n in range(100_000)]
    session.project = Project(tmp_path, tmp_path, ImageList(names, str(tmp_path)))
    model = ImagesModel(session, qapp)
    began = time.thread_time()
    model.rebuild()
    assert model.rowCount() == 100_000
    assert time.thread_time() - began < 1.5
    model.deleteLater()


def test_each_score_is_worked_out_once_also_of_a_long_list(model, session, tmp_path, monkeypatch):
    names = [f"{number:03}.png" for number in range(100)]
    session.project = Project(tmp_path, tmp_path, ImageList(names, str(tmp_path)))
    for index in range(100):
        counts = np.array([[6, 0], [100 - index, index]], np.int64)
        session.counts[index, "m"] = ConfusionMatrix(counts)
    asked, lead = [], rows.lead_iou

    def counted(metrics, schema):
        asked.append(metrics)
        return lead(metrics, schema)

    monkeypatch.setattr(rows, "lead_iou", counted)
    model.order = Order.WORST
    for _ in range(3):
        model.rebuild()
    assert model.images == list(range(100))
    assert len(asked) == 100
    session.counts[0, "m"] = ConfusionMatrix(np.array([[6, 0], [0, 100]], np.int64))
    model.rebuild()
    assert model.images == [*range(1, 100), 0]
    assert len(asked) == 101
