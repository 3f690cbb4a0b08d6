"""Taking objects and regions from the shown predictions, by a click, in a box, and by score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.core.instances import Instances
from segstudio.session.session import Layer, Pane

NONE = Qt.KeyboardModifier.NoModifier
CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def said() -> np.ndarray:
    """Regions of class 1 at columns 2 to 7 and 12 to 17, of class 2 at 22 to 33."""
    labels = np.zeros((20, 40), np.uint8)
    labels[5:15, 2:8], labels[5:15, 12:18], labels[5:15, 22:34] = 1, 1, 2
    return labels


def only(*columns: tuple[int, int]) -> np.ndarray:
    """What is said, in some columns alone."""
    kept = np.zeros((20, 40), np.uint8)
    for first, last in columns:
        kept[:, first:last] = said()[:, first:last]
    return kept


@pytest.fixture
def desk_with(desk):
    """A desk on which a model said that, with the tool in hand."""
    confidence = np.full((20, 40), 255, np.uint8)
    confidence[:, 10:20] = 102  # 0.4
    document = desk.open(desk.flat(20, 40), prediction=said())
    document.predictions["m"] = replace(document.predictions["m"], confidence=confidence)
    desk.place(4.0, (40.0, 80.0))
    desk.take("take", active_class=3)
    return desk


def shown(desk) -> np.ndarray:
    """Which pixels the tool shows as those that it would take."""
    found = desk.canvas._tools.at(desk.viewport).chosen._mark.found
    pixels = np.zeros((20, 40), np.bool_)
    if found is not None:
        pixels[found.rect.slices] = found.shown[:, : found.rect.width]
    return pixels


def test_a_click_takes_the_region_that_is_shown_under_the_pointer(desk_with):
    desk_with.move(5.5, 10.5)
    assert (shown(desk_with) == (only((2, 8)) > 0)).all()
    desk_with.click(5.5, 10.5)
    assert (desk_with.labels == only((2, 8))).all()
    desk_with.move(30.5, 10.5)
    desk_with.click(30.5, 10.5)
    assert (desk_with.labels == only((2, 8), (22, 34))).all()
    desk_with.editing.undo()
    assert (desk_with.labels == only((2, 8))).all()
    assert desk_with.session.document.runs_taken == {"m"}


def test_a_box_takes_what_lies_in_it_by_more_than_half(desk_with):
    desk_with.press(10.5, 2.5)
    desk_with.move(20.5, 10.5)
    desk_with.move(27.9, 17.5)  # six columns of twelve of the last one: half is not enough
    desk_with.settle()
    assert (shown(desk_with) == (only((12, 18)) > 0)).all()
    desk_with.move(28.9, 17.5)
    desk_with.settle()
    assert (shown(desk_with) == (only((12, 18), (22, 34)) > 0)).all()
    said_of_it = desk_with.canvas._tools.at(desk_with.viewport).chosen.says
    assert said_of_it == "Release takes 2 objects or regions, Esc gives up"
    assert not desk_with.labels.any()
    desk_with.release(28.9, 17.5)
    assert (desk_with.labels == only((12, 18), (22, 34))).all()
    desk_with.editing.undo()
    assert not desk_with.labels.any()


def test_escape_gives_a_box_up(desk_with):
    desk_with.press(0.5, 2.5)
    desk_with.move(20.5, 10.5)
    desk_with.move(39.5, 17.5)
    desk_with.settle()
    QTest.keyClick(desk_with.viewport, Qt.Key.Key_Escape)
    desk_with.release(39.5, 17.5)
    assert not desk_with.labels.any()
    assert not shown(desk_with).any()


def test_regions_of_which_the_model_is_not_sure_enough_stay_out(desk_with):
    desk_with.session.set_view(take_score=0.41)
    desk_with.stroke((0.5, 2.5), (20.5, 10.5), (39.5, 17.5))
    assert (desk_with.labels == only((2, 8), (22, 34))).all()
    desk_with.session.set_view(take_score=0.4)
    desk_with.canvas._tools.taking.take_all("m")
    assert (desk_with.labels == said()).all()


def test_only_where_nothing_is_labelled(desk_with):
    document = desk_with.session.document
    rect_labels = np.zeros((20, 40), np.uint8)
    rect_labels[:, 4:30] = 3
    document.annotation.apply(document.annotation.paint(_whole(), rect_labels > 0, 3))
    desk_with.session.set_view(only_unlabelled=True)
    desk_with.canvas._tools.taking.take_all("m")
    assert (desk_with.labels == np.where(rect_labels > 0, 3, said())).all()


def _whole():
    from segstudio.core.geometry import Rect

    return Rect(0, 0, 20, 40)


def test_objects_that_touch_are_taken_one_by_one_and_keep_apart(desk):
    labels = np.zeros((20, 40), np.uint8)
    labels[5:15, 2:14] = 1
    ids = np.zeros((20, 40), np.uint16)
    ids[5:15, 2:8], ids[5:15, 8:14] = 1, 2
    document = desk.open(
        desk.flat(20, 40), np.zeros((20, 40), np.uint8), prediction=labels,
        instances=np.zeros((20, 40), np.uint16),
    )  # fmt: skip
    found = Instances(
        np.array([[2, 5, 8, 15], [8, 5, 14, 15]], np.float32), np.array([0.9, 0.6], np.float32),
        np.ones(2, np.uint8), np.ones((2, 28, 28), np.float16),
    )  # fmt: skip
    document.predictions["m"] = replace(
        document.predictions["m"], instance_ids=ids, instances=found
    )
    desk.place(4.0, (40.0, 80.0))
    desk.take("take")
    desk.click(10.5, 10.5)
    assert (desk.labels == (ids == 2)).all()
    assert (document.annotation.instances == (ids == 2)).all()
    desk.editing.undo()
    desk.session.set_view(take_score=0.7)
    desk.canvas._tools.taking.take_all("m")
    assert (desk.labels == (ids == 1)).all()
    desk.session.set_view(take_score=0.0)
    desk.canvas._tools.taking.take_all("m")
    taken = document.annotation.instances
    assert len({taken[10, 5], taken[10, 10], 0}) == 3


def two_models(desk):
    """Model m says the regions, model n says class 3 everywhere."""
    document = desk.open(desk.flat(20, 40), prediction=said())
    other = np.full((20, 40), 3, np.uint8)
    document.predictions["n"] = replace(
        document.predictions["m"], run="n", title="Other", labels=other
    )
    return document


def test_in_each_view_what_its_model_says_is_taken(desk):
    two_models(desk)
    desk.session.set_view(panes=(Pane(Layer.PREDICTION, "n"),), tool="take")
    desk.settle()
    second = desk.canvas.panes[1].viewport
    x, y = second.to_screen((5.5, 10.5))
    place = desk.at(0, 0)
    place.setX(round(x))
    place.setY(round(y))
    QTest.mouseMove(second, place)
    QTest.mouseClick(second, Qt.MouseButton.LeftButton, NONE, place)
    assert (desk.labels == 3).all()
    desk.editing.undo()
    QTest.mouseClick(second, Qt.MouseButton.LeftButton, CTRL_SHIFT, place)
    asked = []
    desk.canvas.take_requested.connect(lambda *what: asked.append(what))
    QTest.mouseClick(second, Qt.MouseButton.LeftButton, CTRL_SHIFT, place)
    assert asked == [(5, 10, "n")]


def test_right_of_the_line_of_a_wiped_view_the_other_model_is_meant(desk):
    two_models(desk)
    desk.place(4.0, (40.0, 80.0))
    desk.session.set_view(
        against=Pane(Layer.PREDICTION, "n"), wiped=0, wipe_at=0.3, tool="take"
    )  # the line is at pixel 120 of the view, column 20 of the image
    asked = []
    desk.canvas.take_requested.connect(lambda *what: asked.append(what[2]))
    for x in (5.5, 30.5):
        desk.move(x, 10.5)
        desk.click(x, 10.5, keys=CTRL_SHIFT)
    assert asked == ["m", "n"]


def test_what_is_shown_follows_another_answer_of_the_model(desk_with):
    desk_with.move(5.5, 10.5)
    document = desk_with.session.document
    other = np.zeros((20, 40), np.uint8)
    other[8:12, 4:7] = 2
    document.predictions["m"] = replace(document.predictions["m"], labels=other)
    desk_with.move(5.6, 10.0)
    desk_with.move(5.5, 9.5)
    assert (shown(desk_with) == (other > 0)).all()
    desk_with.click(5.5, 9.5)
    assert (desk_with.labels == other).all()
