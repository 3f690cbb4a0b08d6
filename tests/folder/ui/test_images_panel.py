"""The list of images: order, filter, marks, many rows."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from PIL import Image
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QLabel, QWidget

from segstudio.core.schema import LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import OpenFolder
from segstudio.folder.image_query import parse_query
from segstudio.folder.label_contents import LabelContents
from segstudio.folder.ui.image_list_rows import ImagesModel, ListWish, Order, Show
from segstudio.jobs import JobRunner
from segstudio.metrics.confusion import ConfusionMatrix, Metrics
from segstudio.notices import Notices
from segstudio.runs.scoring import Scoring
from segstudio.session.session import Session
from segstudio.storage.figures import FigureStore
from segstudio.storage.image_ref import ImageList
from segstudio.storage.project import Project


@pytest.fixture
def session(tmp_path):
    made = Session()
    names = ["cell 1.png", "cell 2.png", "train/Road.jpg", "cell 10.png"]
    made.project = Project(tmp_path, tmp_path, ImageList(names, str(tmp_path)))
    made.set_view(run="m")
    return made


@pytest.fixture
def scoring(session, clock):
    notices = Notices()
    jobs = JobRunner(clock.post, notices.failure, notices.job_done)
    return Scoring(session, jobs, clock, notices, Documents(), OpenFolder())


@pytest.fixture
def contents(session, clock, tmp_path):
    notices = Notices()
    jobs = JobRunner(clock.post, notices.failure, notices.job_done)
    store = FigureStore(tmp_path / "figures.sqlite")
    return LabelContents(session, jobs, clock, Documents(), OpenFolder(), store)


@pytest.fixture
def model(session, scoring, contents, qapp):
    made = ImagesModel(session, scoring, contents, qapp)
    made.rebuild()
    yield made
    made.deleteLater()


def _list(model, text: str = "", **wanted) -> None:
    """List the images that a text finds."""
    model.wish = ListWish(parse_query(text, LabelSchema.from_names(("background",))), **wanted)
    model.rebuild()


def test_the_filter_wants_all_words_in_any_case(model):
    _list(model, "CELL 1")
    assert model.stringList() == ["cell 1.png", "cell 10.png"]
    assert model.row_of(3) == 1
    assert model.row_of(2) == -1


def test_worst_scores_first_and_unscored_last(model, scoring):
    # IoU of class 1: 1/4 and 3/4; what is right of the background does not count
    for index, hits in ((0, 3), (3, 1)):
        counts = np.array([[6, 0], [4 - hits, hits]], np.int64)
        scoring.record(index, "m", ConfusionMatrix(counts))
    _list(model, order=Order.WORST)
    assert model.images == [3, 0, 1, 2]
    assert model.score_of(3) == pytest.approx(1 / 4)
    assert model.marks(3)[-1] == "mean IoU of the foreground 0.250"


def test_states_choose_rows_and_are_told_in_words(model, session):
    session.set_state(1, reviewed=True, has_truth=True)
    _list(model, show=Show.NOT_DONE)
    assert model.images == [0, 2, 3]
    _list(model, show=Show.WITH_TRUTH)
    assert model.images == [1]
    assert model.marks(1) == ["ground truth", "done"]


def test_a_hundred_thousand_rows_are_listed_quickly(model, session, tmp_path):
    names = [f"image_{n}.png" for n in range(100_000)]
    session.project = Project(tmp_path, tmp_path, ImageList(names, str(tmp_path)))
    began = time.thread_time()
    model.rebuild()
    assert model.rowCount() == 100_000
    assert time.thread_time() - began < 1.5


@pytest.fixture
def hundred(session, scoring, tmp_path):
    """A hundred images, each scored better than the one before it."""
    names = [f"{number:03}.png" for number in range(100)]
    session.project = Project(tmp_path, tmp_path, ImageList(names, str(tmp_path)))
    for index in range(100):
        counts = np.array([[6, 0], [100 - index, index]], np.int64)
        scoring.record(index, "m", ConfusionMatrix(counts))


@pytest.mark.usefixtures("hundred")
def test_sorting_by_score_works_out_no_score(model, scoring, monkeypatch):
    """Of 10,000 images that takes seconds."""
    worked_out = []
    monkeypatch.setattr(Metrics, "from_counts", lambda *given: worked_out.append(given))
    _list(model, order=Order.WORST)
    assert model.images == list(range(100))
    assert model.score_of(25) == pytest.approx(1 / 4)
    assert worked_out == []
    monkeypatch.undo()
    scoring.record(0, "m", ConfusionMatrix(np.array([[6, 0], [0, 100]], np.int64)))
    model.rebuild()
    assert model.images == [*range(1, 100), 0]


@pytest.mark.usefixtures("hundred")
def test_rows_that_stay_as_they_are_are_not_made_again(model, scoring):
    """The list would forget what is selected and lay all of its rows out, after each stroke."""
    _list(model, order=Order.WORST)
    made = QSignalSpy(model.modelReset)
    scoring.record(50, "m", ConfusionMatrix(np.array([[6, 0], [495, 505]], np.int64)))
    model.rebuild()
    assert made.count() == 0
    assert model.score_of(50) == pytest.approx(0.505)


@pytest.mark.usefixtures("hundred")
def test_marks_of_many_images_are_one_change_of_the_rows(model):
    model.rebuild()
    changed = QSignalSpy(model.dataChanged)
    model.repaint_images(range(20, 70))
    assert changed.count() == 1
    assert [changed.at(0)[n].row() for n in (0, 1)] == [20, 69]
    model.repaint_images([])
    model.repaint_images([200])
    assert changed.count() == 1


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
def test_a_name_that_is_not_utf8_is_shown_by_its_bytes(make_window, tmp_path):
    r"""In the list, the header, the window's title, messages and the menu: `\xe9`, nothing else."""
    folder = tmp_path / os.fsdecode(b"gr\xfcn")
    folder.mkdir()
    name = os.fsdecode(b"caf\xe9\x1b\n.png")
    for each in (name, "b.png"):
        with (folder / each).open("wb") as file:
            Image.fromarray(np.zeros((20, 30), np.uint8)).save(file, "PNG")
    bench = make_window()
    bench.open(folder)
    window, shown = bench.window, r"caf\xe9\x1b\n.png"
    model = window.findChild(ImagesModel)
    assert model.stringList() == ["b.png", shown]
    _list(model, r"\xe9")
    assert model.stringList() == [shown]
    _list(model)
    bench.studio.browsing.select(1)
    bench.until(lambda: getattr(bench.session.document, "ref", None) is not None)
    bench.until(lambda: bench.session.index == 1)
    bench.settle()
    window.verbs.fill_recent()
    said = [w.text() for w in window.findChildren(QLabel)] + [window.windowTitle()]
    said += [w.toolTip() for w in window.findChildren(QWidget)]
    said += [action.text() for action in window.recent_menu.actions()]
    assert any(shown in text for text in said)
    assert r"gr\xfcn" in window.windowTitle()
    assert any(r"gr\xfcn" in action.text() for action in window.recent_menu.actions())
    assert [text for text in said if "\udce9" in text or "\udcfc" in text or "\x1b" in text] == []
    (folder / name).write_bytes(b"no image")
    bench.studio.browsing.select(0)
    bench.settle()
    bench.studio.browsing.rescan()
    bench.settle()
    bench.studio.browsing.select(1)
    bench.until(lambda: bench.session.unreadable is not None)
    bench.settle()
    said = [w.text() for w in window.findChildren(QLabel)]
    assert any(shown in text for text in said)
    assert [text for text in said if "\udce9" in text or "\x1b" in text] == []
