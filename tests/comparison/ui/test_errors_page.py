"""Errors of the annotation in the disagreement panel: counts, filter, keys, buttons, outlines."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from strokes import undo_title

from segstudio.comparison.ui import errors_page
from segstudio.comparison.ui.disagreement_panel import ERRORS, MODELS
from segstudio.comparison.ui.errors_page import CLASS, KIND, KIND_ICONS, PIXELS
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.prediction import Prediction
from segstudio.metrics.object_errors import ErrorKind
from segstudio.resources import resource_path
from segstudio.session.session import Layer, What

SHAPE = (32, 48)
WIDE, ALONE, NEW = Rect(2, 2, 8, 14), Rect(20, 4, 28, 12), Rect(20, 30, 26, 38)
HALVES = Rect(2, 2, 8, 8), Rect(2, 8, 8, 14)
LEFT = Qt.MouseButton.LeftButton


def maps_of(*rects: Rect) -> tuple[np.ndarray, np.ndarray]:
    labels, ids = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    for number, rect in enumerate(rects, start=1):
        labels[rect.slices], ids[rect.slices] = 1, number
    return labels, ids


@pytest.fixture
def page(bench):
    """A window whose annotation has one object that is two, one that is none, and lacks one."""
    bench.window.docks.open("Disagreement")
    document = bench.session.document
    document.annotation = LabelMap(*maps_of(WIDE, ALONE))
    labels, ids = maps_of(*HALVES, NEW)
    document.predictions.clear()
    document.predictions["unet"] = Prediction(
        "unet", "U-Net, nuclei", bench.session.schema, labels,
        np.full(SHAPE, 200, np.uint8), instance_ids=ids,
    )  # fmt: skip
    bench.session.set_view(run="unet")
    bench.session.notify(What.DOCUMENT | What.PREDICTIONS | What.LABELS)
    bench.until(lambda: errors_of(bench).model.rowCount() == 3)
    bench.settle()
    return bench


def errors_of(bench):
    return bench.window.disagreement.errors


def click_row(bench, row: int) -> None:
    table = errors_of(bench).table
    place = table.visualRect(table.model().index(row, KIND)).center()
    QTest.mouseClick(table.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, place)
    bench.settle()


def texts(bench, column: int) -> list[str]:
    model = errors_of(bench).model
    return [model.index(row, column).data() for row in range(model.rowCount())]


def visible_chips(bench) -> list[str]:
    chips = errors_of(bench).chips.buttons.values()
    return [chip.text() for chip in chips if not chip.isHidden()]


def test_with_one_model_the_errors_of_the_annotation_are_in_front(page):
    assert page.window.disagreement.tabs.text == ERRORS
    assert texts(page, KIND) == ["Merged 2", "Missed", "Invented"]
    assert texts(page, PIXELS) == ["72", "48", "64"]
    assert set(texts(page, CLASS)) == {page.session.schema.name_of(1)}
    assert visible_chips(page) == ["All 3", "Merged 1", "Missed 1", "Invented 1"]
    assert errors_of(page).legend.title.whole == "U-Net, nuclei"
    assert errors_of(page).legend.toolTip() == "3 errors, against U-Net, nuclei"


def test_a_chip_lists_one_kind(page):
    chips = errors_of(page).chips.buttons
    QTest.mouseClick(chips[ErrorKind.MISSED], LEFT)
    page.until(lambda: texts(page, KIND) == ["Missed"])
    assert visible_chips(page) == ["All 3", "Merged 1", "Missed 1", "Invented 1"]
    QTest.mouseClick(chips[ErrorKind.MISSED], LEFT)
    page.until(lambda: errors_of(page).model.rowCount() == 3)
    assert chips[None].isChecked()


def test_a_click_goes_there_and_says_what_can_be_done(page):
    canvas = page.window.canvas
    canvas.actual_size()
    canvas.viewport.pan_by(-4000, 0)
    click_row(page, 0)
    assert canvas.zoom > 1
    corners = ((WIDE.left, WIDE.top), (WIDE.right, WIDE.bottom))
    places = [QPoint(*map(int, canvas.viewport.to_screen(corner))) for corner in corners]
    assert all(canvas.viewport.rect().contains(place) for place in places)
    decision = errors_of(page).decision
    assert decision.words.text() == "Your object #1 is 2 for U-Net, nuclei."
    assert decision.repair.text() == "Split in 2"
    for row, act in ((1, "Take"), (2, "Delete")):
        click_row(page, row)
        assert decision.repair.text() == act


def test_keys_go_from_error_to_error_and_repair_them(page):
    window = page.window
    window.canvas.setFocus()
    QTest.keyClick(window, Qt.Key.Key_J)
    page.until(window.commands["disagreement.take"].isEnabled)
    QTest.keyClick(window, Qt.Key.Key_U)
    page.until(lambda: errors_of(page).model.rowCount() == 2)
    ids = page.session.document.annotation.instances
    assert {ids[HALVES[0].slices].min(), ids[HALVES[1].slices].min()} == {1, 3}
    assert undo_title(page.session.document.history) == "Split in 2"
    assert page.session.correcting.opened[0] == "missed"  # it went on
    page.settle()
    QTest.keyClick(window, Qt.Key.Key_U)
    page.until(lambda: errors_of(page).model.rowCount() == 1)
    page.settle()
    QTest.keyClick(window, Qt.Key.Key_U)
    page.until(lambda: errors_of(page).empty_text == "Your annotation agrees with U-Net, nuclei.")
    expected = maps_of(*HALVES, NEW)[0]
    assert np.array_equal(page.session.document.annotation.labels, expected)
    for left in (1, 2, 3):
        window.commands.run("edit.undo")
        page.until(lambda left=left: errors_of(page).model.rowCount() == left)
    assert np.array_equal(page.session.document.annotation.labels, maps_of(WIDE, ALONE)[0])


def test_the_list_is_not_asked_again_from_error_to_error(page):
    told: list[str] = []
    model = errors_of(page).model
    model.dataChanged.connect(lambda *_: told.append("values"))
    model.modelReset.connect(lambda: told.append("rows"))
    page.window.canvas.setFocus()
    for kind in ("merged", "missed", "invented"):
        QTest.keyClick(page.window, Qt.Key.Key_J)
        page.until(lambda kind=kind: (page.session.correcting.opened or ("",))[0] == kind)
        row = ("merged", "missed", "invented").index(kind)
        page.until(lambda row=row: errors_of(page).table.chosen_places() == [row])
        page.settle()
    assert told == []
    QTest.keyClick(page.window, Qt.Key.Key_U)
    page.until(lambda: model.rowCount() == 2)
    assert told[0] == "rows"


def test_of_very_many_errors_the_first_are_listed_and_keys_go_on(page, monkeypatch):
    monkeypatch.setattr(errors_page, "_MOST_LISTED", 2)
    errors = errors_of(page)
    for kind, listed in ((ErrorKind.MISSED, ["Missed"]), (None, ["Merged 2", "Missed"])):
        page.studio.error_targets.list_only(kind)
        page.until(lambda listed=listed: texts(page, KIND) == listed)
    assert errors.left_out.isVisible()
    assert errors.left_out.text() == "The first 2 of 3; keys go on to the others."
    page.window.canvas.setFocus()
    for kind in ("merged", "missed", "invented", "merged"):
        QTest.keyClick(page.window, Qt.Key.Key_J)
        page.until(lambda kind=kind: (page.session.correcting.opened or ("",))[0] == kind)
        page.settle()
    QTest.mouseClick(errors.chips.buttons[ErrorKind.INVENTED], LEFT)
    page.until(lambda: texts(page, KIND) == ["Invented"])
    assert not errors.left_out.isVisible()
    QTest.keyClick(page.window, Qt.Key.Key_J)
    page.until(lambda: page.session.correcting.opened[0] == "invented")


def test_mine_is_right_takes_it_off_the_list(page):
    click_row(page, 2)
    QTest.mouseClick(errors_of(page).decision.keep, LEFT)
    page.until(lambda: texts(page, KIND) == ["Merged 2", "Missed"])
    assert np.array_equal(page.session.document.annotation.labels, maps_of(WIDE, ALONE)[0])
    choices = page.window.disagreement.choices
    choices.fill()
    again = choices.choices.actions()[-1]
    assert again.text() == "List again what I kept (1)"
    again.trigger()
    page.until(lambda: errors_of(page).model.rowCount() == 3)


def test_the_menu_of_a_row_does_the_same(page):
    table = errors_of(page).table
    verbs = table.verbs(page.session.errors.errors[2])
    assert [text for _, text, _ in verbs] == ["Show the error", "Delete", "Mine is right"]
    verbs[1][2]()
    page.until(lambda: texts(page, KIND) == ["Merged 2", "Missed"])
    assert not page.session.document.annotation.labels[ALONE.slices].any()


def test_folded_the_title_bar_says_how_many_errors_there_are(page):
    folds = page.window.docks.folds
    folds.fold("Disagreement", folded=True)
    note = page.window.disagreement.header.note
    page.until(lambda: note.whole == "3 errors, against U-Net, nuclei")
    folds.fold("Disagreement", folded=False)
    page.until(lambda: not note.whole)


def test_nothing_is_repaired_where_nothing_may_be_edited(page):
    click_row(page, 0)
    assert errors_of(page).decision.repair.isEnabled()
    page.session.read_only = "This folder is only looked at."
    page.session.notify(What.ERRORS)
    page.until(lambda: not errors_of(page).decision.repair.isEnabled())
    page.window.commands.refresh()
    assert not page.window.commands["disagreement.take"].isEnabled()
    assert page.window.commands["errors.keep"].isEnabled()
    page.session.read_only = ""
    page.session.notify(What.ERRORS)


def test_esc_leaves_the_error(page):
    click_row(page, 0)
    page.window.canvas.setFocus()
    page.until(page.window.commands["disagreement.leave"].isEnabled)
    QTest.keyClick(page.window.canvas.viewport, Qt.Key.Key_Escape)
    assert page.session.correcting.opened is None
    words = errors_of(page).decision.words
    page.until(lambda: words.text().startswith("Click an error"))


def test_both_outlines_are_drawn(page):
    viewport = page.window.canvas.viewport
    page.session.set_view(layer=Layer.NONE)  # objects have these colours too
    click_row(page, 2)
    page.settle()
    mine, theirs = (86, 180, 233), (213, 94, 0)

    def has(color) -> bool:
        image = viewport.grab().toImage()
        return any(
            image.pixelColor(x, y).getRgb()[:3] == color
            for x in range(0, image.width(), 1)
            for y in range(0, image.height(), 7)
        )

    assert has(mine)
    assert not has(theirs)
    click_row(page, 1)
    page.until(lambda: has(theirs))
    assert not has(mine)


def test_it_is_seen_where_an_object_would_be_split(page):
    viewport = page.window.canvas.viewport
    page.session.set_view(layer=Layer.NONE)
    click_row(page, 0)
    page.settle()
    image = viewport.grab().toImage()
    # along the border between the two halves, away from the outer edges
    x, top = viewport.to_screen((HALVES[0].right, WIDE.top + 1))
    bottom = viewport.to_screen((HALVES[0].right, WIDE.bottom - 1))[1]
    ratio = image.devicePixelRatio()
    column = {
        image.pixelColor(int((x + off) * ratio), int(y * ratio)).getRgb()[:3]
        for y in range(int(top), int(bottom))
        for off in (-1, 0, 1)
    }
    assert (213, 94, 0) in column


def test_the_other_page_is_a_click_away_and_stays(page):
    panel = page.window.disagreement
    QTest.mouseClick(panel.tabs.button(MODELS), LEFT)
    page.settle()
    assert panel.empty_text.startswith("Run two models or more")
    assert not page.session.errors_in_front
    QTest.mouseClick(panel.tabs.button(ERRORS), LEFT)
    page.until(lambda: errors_of(page).model.rowCount() == 3)


def test_what_counts_as_right_and_what_a_bad_shape_is_stand_in_the_menu(page):
    choices = page.window.disagreement.choices
    choices.fill()
    words = [action.text() for action in choices.choices.actions()]
    assert "The shown prediction" in words
    assert "U-Net, nuclei" in words
    assert "Ground truth as it was loaded" in words
    wanted = next(a for a in choices.choices.actions() if a.text() == "below an IoU of 0.90")
    wanted.trigger()
    page.until(lambda: page.session.correcting.good_shape == 0.9)


def test_each_kind_has_an_icon():
    assert set(KIND_ICONS) == set(ErrorKind)
    assert all(resource_path("icons", f"{name}.svg").exists() for name in KIND_ICONS.values())
