"""The limits of painting in the window: toggles, what the status bar says, locks, one click resets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import make_folder, write_mask, write_photo
from PySide6.QtCore import QPoint, Qt

from segstudio.annotation.ui.class_table import LOCK
from segstudio.core.prediction import Prediction
from segstudio.session.session import LIMITS_OF_A_FOLDER, NO_LIMITS, What

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def desk(bench, tmp_path):
    labels = np.zeros((60, 80), np.uint8)
    labels[:, 20:40], labels[:, 40:60] = 1, 2
    write_photo(tmp_path / "set" / "a.png", labels)
    write_mask(tmp_path / "set" / "masks" / "a.png", labels)
    bench.open(tmp_path / "set")
    bench.session.set_view(tool="brush", active_class=1)
    bench.settle()
    return bench


def said(desk) -> str:
    return desk.window.status.texts["Limits"]


def popover(desk, qtbot):
    options = desk.window.options
    if options.limits.parentWidget() is options.row.drawer:
        qtbot.mouseClick(options.row.more, LEFT)
    qtbot.mouseClick(options.limits, LEFT)
    return options.limits.popover


def click(qtbot, toggle) -> None:
    """Where its box is: beside its words there is nothing to click."""
    qtbot.mouseClick(toggle, LEFT, pos=QPoint(8, toggle.height() // 2))


def test_each_limit_is_a_toggle_and_is_said_while_it_is_on(desk, qtbot):
    session = desk.session
    name = session.schema.name_of
    found = popover(desk, qtbot)
    assert found.isVisible()
    assert said(desk) == ""
    click(qtbot, found.unlabelled)
    assert said(desk) == "Only over unlabelled"
    found.which.setCurrentIndex(found.which.findData(2))
    click(qtbot, found.over_class)
    assert session.view.only_class == 2
    assert said(desk) == f"Only over unlabelled and {name(2)}"
    click(qtbot, found.unlabelled)
    click(qtbot, found.values)
    assert session.view.value_range == (0.0, 255.0)
    found.highest.setValue(90)
    assert session.view.value_range == (0.0, 90.0)
    assert said(desk) == f"Only over {name(2)}; brightness 0 to 90"
    click(qtbot, found.over_class)
    click(qtbot, found.values)
    click(qtbot, found.unsure)
    assert session.view.below_confidence == 0.8
    assert said(desk) == "Confidence below 80 % (no model shown, so not limited)"
    click(qtbot, found.unsure)
    click(qtbot, found.snaps)
    found.tolerance.setValue(7)
    assert session.view.snap_tolerance == 7
    assert said(desk) == "Snap to edges (7)"
    assert desk.window.options.limits.text() == "Limits: 1"
    desk.until(desk.window.commands["limits.reset"].isEnabled)
    qtbot.mouseClick(found.reset, LEFT)
    assert {field: getattr(session.view, field) for field in NO_LIMITS} == dict(NO_LIMITS)
    assert said(desk) == ""
    assert desk.window.options.limits.text() == "Limits"
    found.close()


def test_one_click_in_the_status_bar_resets_all(desk, qtbot):
    desk.session.set_view(only_unlabelled=True, snap_tolerance=9, locked_classes=frozenset({2}))
    status = desk.window.status.limits
    assert desk.window.options.limits.text() == "Limits: 3"
    desk.until(desk.window.commands["limits.reset"].isEnabled)
    qtbot.mouseClick(status.button, LEFT)
    assert not desk.session.view.locked_classes
    assert not status.isVisible()


def test_the_title_of_the_model_is_said_whose_confidence_limits(desk):
    document = desk.session.document
    labels = document.annotation.labels
    document.predictions["m"] = Prediction(
        "m", "My model", desk.session.schema, labels.copy(), np.full(labels.shape, 200, np.uint8)
    )
    desk.session.notify(What.PREDICTIONS)
    desk.session.set_view(run="m", below_confidence=0.6)
    assert said(desk) == "Confidence below 60 % (My model)"


def test_a_click_on_the_lock_of_a_class_locks_it(desk, qtbot):
    table = desk.window.classes.view
    row = desk.window.classes.model.place_of(2)
    place = table.visualRect(table.model().index(row, LOCK)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)
    assert desk.session.view.locked_classes == {2}
    assert desk.session.view.active_class == 1
    assert said(desk) == f"Not over {desk.session.schema.name_of(2)}"
    desk.settle()
    spoken = table.model().index(row, LOCK).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "locked"
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)
    assert not desk.session.view.locked_classes


def test_keys_lock_reset_and_limit(desk, qtbot):
    qtbot.keyClick(desk.window, Qt.Key.Key_L)
    assert desk.session.view.only_unlabelled
    qtbot.keyClick(desk.window, Qt.Key.Key_L, Qt.KeyboardModifier.AltModifier)
    assert desk.session.view.locked_classes == {1}
    desk.until(desk.window.commands["limits.reset"].isEnabled)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(desk.window, Qt.Key.Key_L, both)
    assert desk.session.view == replace(desk.session.view, **NO_LIMITS)


def test_a_limit_that_leaves_nothing_is_told(desk):
    desk.session.set_view(locked_classes=frozenset({0}), active_class=2)
    desk.studio.editing.fill_at(5, 5)
    desk.settle()
    assert "The limits of painting leave nothing to change there." in [
        n.message for n in desk.studio.notices.recent
    ]
    assert not desk.session.document.history.can_undo


def test_what_is_about_a_folder_goes_with_it(desk, tmp_path):
    limits = {"only_class": 2, "locked_classes": frozenset({1}), "value_range": (1.0, 2.0)}
    desk.session.set_view(only_unlabelled=True, snap_tolerance=3, below_confidence=0.5, **limits)
    desk.open(make_folder(tmp_path / "other"))
    view = desk.session.view
    assert {field: getattr(view, field) for field in LIMITS_OF_A_FOLDER} == dict(LIMITS_OF_A_FOLDER)
    assert view.only_unlabelled
