"""The disagreement panel: regions by size, a click goes there, a button takes an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from strokes import undo_title

from segstudio.comparison.ui.disagreement_panel import ANNOTATION, PIXELS, VOTES
from segstudio.core.geometry import Rect
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.kit.model_titles import short_model_titles, telling_title
from segstudio.kit.table_model import SWATCHES
from segstudio.session.session import Layer, What

SCHEMA = LabelSchema.from_names(("background", "class 1", "class 2"))
SHAPE = (32, 48)
LARGE, SMALL = Rect(20, 4, 28, 12), Rect(2, 30, 6, 36)
LEFT = Qt.MouseButton.LeftButton
TAKING = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def labels_of(*rects: Rect) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    for rect in rects:
        labels[rect.slices] = 1
    return labels


MAPS = {"a": labels_of(LARGE), "b": labels_of(LARGE), "c": labels_of(SMALL)}
TITLES = {"a": "U-Net, nuclei", "b": "DeepLab (small)", "c": "Mask R-CNN"}


def predict(bench, **maps: np.ndarray) -> None:
    for run, labels in maps.items():
        confidence = np.full(SHAPE, 200, np.uint8)
        bench.session.document.predictions[run] = Prediction(
            run, TITLES[run], SCHEMA, labels, confidence
        )
    bench.session.notify(What.PREDICTIONS)


@pytest.fixture
def three(bench):
    """A window with the panel in front and three predictions that differ in two regions."""
    bench.window.docks.open("Disagreement")
    panel(bench).table.sortByColumn(PIXELS, Qt.SortOrder.DescendingOrder)  # as it is at first
    predict(bench, **MAPS)
    bench.until(lambda: panel(bench).model.rowCount() == 2)
    bench.until(lambda: bool(bench.session.disagreeing.agreement))
    bench.settle()
    return bench


def panel(bench):
    return bench.window.disagreement


def click_row(bench, row: int) -> None:
    table = panel(bench).table
    place = table.visualRect(table.model().index(row, PIXELS)).center()
    QTest.mouseClick(table.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, place)
    bench.settle()


def test_it_says_what_to_do_until_two_models_ran(bench):
    bench.window.docks.open("Disagreement")
    bench.settle()
    assert panel(bench).empty_text.startswith("Run two models or more")
    assert panel(bench).run_models.isVisible()
    predict(bench, a=MAPS["a"], b=MAPS["b"])
    bench.until(lambda: panel(bench).empty_text == "The 2 models agree on every pixel.")
    assert not panel(bench).run_models.isVisible()


def test_models_of_other_classes_do_not_agree_with_anything(bench):
    bench.window.docks.open("Disagreement")
    predict(bench, a=MAPS["a"], b=MAPS["b"], c=MAPS["c"])
    predictions = bench.session.document.predictions
    none = np.zeros(SHAPE, np.uint8)  # the folder's classes have no place for what these found
    for run in "ac":
        predictions[run] = replace(predictions[run], labels=none, own=MAPS[run])
    bench.session.notify(What.PREDICTIONS)
    bench.until(lambda: panel(bench).empty_text.startswith("None of the classes of"))
    assert panel(bench).empty_text.split(" is one of")[0].endswith("Mask R-CNN and U-Net, nuclei")
    assert "Class mapping" in panel(bench).empty_text
    assert bench.session.disagreement is None
    choices = panel(bench).choices
    choices.fill()
    by_text = {action.text(): action for action in choices.choices.actions()}
    assert by_text["DeepLab (small)"].isChecked()
    assert not by_text["Mask R-CNN"].isChecked()
    assert not by_text["Mask R-CNN"].isEnabled()
    predict(bench, a=MAPS["a"])  # its classes were mapped
    bench.until(lambda: panel(bench).empty_text == "The 2 models agree on every pixel.")
    assert by_text["DeepLab (small)"].isChecked()


def test_regions_are_listed_by_size_with_a_square_for_each_model(three):
    model = panel(three).model
    assert [model.index(row, PIXELS).data() for row in range(2)] == ["64", "24"]
    colors = {spec.id: spec.color for spec in three.session.schema.classes}
    assert [c.getRgb()[:3] for c in model.index(0, VOTES).data(SWATCHES)] == [
        colors[1], colors[1], colors[0],
    ]  # fmt: skip
    assert panel(three).summary.whole == "3 models differ on 5.7 % of the pixels"
    tip = model.index(1, VOTES).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines()[1:] == [
        "background: U-Net, nuclei, DeepLab (small)",
        "class 1: Mask R-CNN",
    ]


def test_a_click_opens_the_region_and_brings_it_into_view(three):
    canvas = three.window.canvas
    for _ in range(2):  # a second click on the same row goes there again
        canvas.actual_size()
        canvas.viewport.pan_by(-4000, 0)
        click_row(three, 1)
        opened = three.session.disagreement.region(three.session.disagreeing.opened)
        assert opened.rect == SMALL
        assert canvas.zoom > 1
        corners = ((SMALL.left, SMALL.top), (SMALL.right, SMALL.bottom))
        places = [QPoint(*map(int, canvas.viewport.to_screen(corner))) for corner in corners]
        assert all(canvas.viewport.rect().contains(place) for place in places)


def test_arrow_keys_and_j_go_from_region_to_region(three):
    click_row(three, 0)
    first = three.session.disagreeing.opened
    QTest.keyClick(panel(three).table, Qt.Key.Key_Down)
    assert three.session.disagreeing.opened != first
    three.window.canvas.setFocus()
    QTest.keyClick(three.window, Qt.Key.Key_J)
    assert three.session.disagreeing.opened == first
    three.settle()
    assert panel(three).table.currentIndex().row() == 0
    QTest.keyClick(three.window.canvas.viewport, Qt.Key.Key_Escape)
    assert three.session.disagreeing.opened == 0


def test_take_makes_a_models_answer_the_annotation_of_the_region(three):
    before = three.session.document.annotation.labels.copy()
    click_row(three, 0)
    lines = panel(three).answers.answers
    assert [line.name.whole for line in lines.values()] == ["U-Net", "DeepLab", "Mask R-CNN"]
    assert [line.classes.whole for line in lines.values()] == ["class 1", "class 1", "background"]
    QTest.mouseClick(lines["a"].take, LEFT)
    expected = before.copy()
    expected[LARGE.slices] = 1
    assert np.array_equal(three.session.document.annotation.labels, expected)
    three.until(lambda: not lines["a"].take.isEnabled())
    assert lines["a"].share.text() == "100 %"
    assert lines["c"].take.isEnabled()
    assert panel(three).model.index(0, ANNOTATION).data() == "100 % U-Net"
    three.window.commands.run("edit.undo")
    assert np.array_equal(three.session.document.annotation.labels, before)


def test_each_answer_can_be_read_beside_its_button(three):
    """The column is as narrow as it is at first; names tell who says it, so they come before."""
    click_row(three, 0)
    answers = panel(three).answers
    assert answers.width() < 320
    for line in answers.answers.values():
        assert line.name.text() == line.name.whole
        assert line.take.height() <= line.name.height()
        bottom = line.take.mapTo(answers, line.take.rect().bottomLeft()).y()
        assert bottom < answers.height() - 3


def test_a_mixed_answer_shows_its_class_and_share_where_there_is_little_room(three):
    mixed = labels_of(Rect(20, 4, 26, 12))  # six of the eight rows
    predict(three, b=mixed)
    three.until(lambda: panel(three).model.rowCount() == 2)
    three.settle()
    click_row(three, 0)
    shown = panel(three).answers.answers["b"].classes
    assert shown.whole == "class 1 75 %"
    assert shown.text().endswith("75 %")


def test_u_takes_the_shown_models_answer(three):
    click_row(three, 1)
    three.studio.segmenting.show("c")
    three.window.canvas.setFocus()
    three.until(three.window.commands["disagreement.take"].isEnabled)
    QTest.keyClick(three.window, Qt.Key.Key_U)
    assert (three.session.document.annotation.labels[SMALL.slices] == 1).all()


def test_a_click_with_ctrl_and_shift_takes_what_is_under_it(three):
    three.studio.segmenting.show("a")
    viewport = three.window.canvas.viewport
    x, y = viewport.to_screen((LARGE.left + 2.5, LARGE.top + 2.5))
    QTest.mouseClick(viewport, LEFT, TAKING, QPoint(round(x), round(y)))
    labels = three.session.document.annotation.labels
    assert (labels[LARGE.slices] == 1).all()
    assert undo_title(three.session.document.history) == "Take from U-Net, nuclei"


def test_in_several_views_each_takes_from_its_own_model(three):
    three.studio.comparing.set_layout(2)
    three.studio.comparing.choose(1, layer=Layer.PREDICTION, run="c")
    three.settle()
    viewport = three.window.canvas.panes[1].viewport
    x, y = viewport.to_screen((SMALL.left + 1.5, SMALL.top + 1.5))
    QTest.mouseClick(viewport, LEFT, TAKING, QPoint(round(x), round(y)))
    assert undo_title(three.session.document.history) == "Take from Mask R-CNN"
    assert (three.session.document.annotation.labels[SMALL.slices] == 1).all()


def test_the_opened_region_is_outlined_on_the_photo(three):
    viewport = three.window.canvas.viewport
    three.session.set_view(layer=Layer.NONE)
    three.settle()
    before = viewport.grab().toImage()
    three.studio.disagreement.open(three.session.disagreement.regions[0].number)
    viewport._forget_frame()  # the frame that shows where one was brought
    three.settle()
    after = viewport.grab().toImage()
    on_edge, inside = (
        QPoint(*(round(v) for v in viewport.to_screen(point)))
        for point in ((LARGE.left, LARGE.top + 4.5), (LARGE.left + 4.5, LARGE.top + 4.5))
    )
    assert before.size() == after.size()
    assert after.pixelColor(on_edge).lightness() > 200
    assert after.pixelColor(inside).lightness() < 200


def test_the_photo_shows_where_models_differ(three):
    shown = three.window.commands["disagreement.show"]
    three.until(shown.isEnabled)
    QTest.mouseClick(panel(three).show_layer, LEFT)
    assert three.session.view.layer is Layer.DISAGREEMENT
    three.settle()
    assert shown.isChecked()
    QTest.mouseClick(panel(three).show_layer, LEFT)
    assert three.session.view.layer is Layer.BOTH


def test_models_are_left_out_and_small_regions_listed_in_the_menu(three):
    choices = panel(three).choices
    choices.fill()
    by_text = {action.text(): action for action in choices.choices.actions() if action.text()}
    by_text["from 50 pixels on"].trigger()
    three.until(lambda: panel(three).model.rowCount() == 1)
    by_text["Mask R-CNN"].trigger()
    three.until(lambda: panel(three).empty_text == "The 2 models agree on every pixel.")
    choices.fill()
    by_text = {action.text(): action for action in choices.choices.actions() if action.text()}
    assert not by_text["Mask R-CNN"].isChecked()
    by_text["U-Net, nuclei"].trigger()
    three.until(lambda: panel(three).empty_text == "Choose two models or more to compare.")


def test_the_menu_says_which_run_was_removed_and_lets_it_vote(three):
    removed = "c+mirrored-123456"
    three.session.document.predictions[removed] = replace(
        three.session.document.predictions["c"], run=removed, title="Mirrored"
    )
    three.session.notify(What.PREDICTIONS)
    three.settle()
    assert removed not in three.session.disagreement.runs
    choices = panel(three).choices
    choices.fill()
    (action,) = [a for a in choices.choices.actions() if a.text().startswith("Mirrored")]
    assert action.text() == "Mirrored  (removed)"
    assert not action.isChecked()
    action.trigger()
    three.until(lambda: removed in three.session.disagreement.runs)


def test_columns_sort(three):
    table = panel(three).table
    click_row(three, 0)
    table.sortByColumn(PIXELS, Qt.SortOrder.AscendingOrder)
    assert [table.model().index(row, PIXELS).data() for row in range(2)] == ["24", "64"]
    assert table.currentIndex().row() == 1


def test_short_titles_still_tell_models_apart():
    assert short_model_titles(["U-Net, nuclei", "Mask R-CNN (small)"]) == ["U-Net", "Mask R-CNN"]
    assert short_model_titles(["A (1)", "A (2)", "B, c"]) == ["A (1)", "A (2)", "B"]
    assert short_model_titles(["A (1)"], ["A (2)"]) == ["A (1)"]
    assert short_model_titles(["(x)"]) == ["(x)"]
    assert telling_title("U-Net, nuclei", ["Small U-Net, bilinear"]) == "U-Net"
    assert telling_title("S, bilinear", ["S, shuffle", "U-Net, nuclei"]) == "bilinear"
    assert telling_title("S, nuclei", ["S, shuffle", "U-Net, nuclei"]) == "S, nuclei"
