"""Going through the window with the keyboard alone."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from segstudio.storage.recent_folders import FolderFacts

KEY = Qt.Key


def _place(bench) -> str:
    """The part of the window that has the focus."""
    window, focused = bench.window, QApplication.focusWidget()
    parts = {
        "tool bar": window.bar,
        "options": window.options,
        "tools": window.tools,
        "notices": window.notices,
        "canvas": window.canvas,
        "pages": window.stack,
        **window.docks.by_name,
        "status": window.status,
    }
    return next((name for name, part in parts.items() if part.isAncestorOf(focused)), "elsewhere")


def _press(bench, key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget() or bench.window, key, modifier)
    bench.settle()


def _go(bench, *, back: bool = False) -> str:
    shift = Qt.KeyboardModifier.ShiftModifier if back else Qt.KeyboardModifier.NoModifier
    _press(bench, KEY.Key_F6, shift)
    return _place(bench)


# -- round and round -----------------------------------------------------------------------------

ROUND = [
    "Classes",
    "Objects",
    "Disagreement",
    "Model",
    "status",
    "tool bar",
    "Images",
    "options",
    "canvas",
]


def test_f6_goes_round_the_parts_of_the_window_and_shift_f6_goes_back(bench):
    assert _place(bench) == "canvas"  # where the keys are at first
    bench.session.set_view(tool="brush")
    bench.settle()
    assert [_go(bench) for _ in ROUND] == ROUND
    assert [_go(bench, back=True) for _ in ROUND] == [*ROUND[-2::-1], "canvas"]


def test_the_keys_that_went_from_panel_to_panel_before_still_do(bench):
    _press(bench, KEY.Key_Tab, Qt.KeyboardModifier.ControlModifier)
    assert _place(bench) == "Classes"
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    _press(bench, KEY.Key_Backtab, both)
    assert _place(bench) == "canvas"


def test_where_the_options_are_empty_the_tools_have_the_keys(bench):
    """The hand has no options; the strip beside the views goes with the bar."""
    assert not bench.window.options.row.in_drawer
    assert _go(bench, back=True) == "tools"
    assert _go(bench, back=True) == "Images"


def test_from_the_options_the_tab_key_goes_to_the_tools(bench):
    bench.session.set_view(tool="brush")
    bench.settle()
    assert _go(bench, back=True) == "options"
    while _place(bench) == "options":
        _press(bench, KEY.Key_Tab)
    assert _place(bench) == "tools"


def test_lists_take_the_keys_and_a_panel_remembers_what_had_them(bench):
    _go(bench)
    assert bench.window.classes.view.hasFocus()
    bench.window.docks.open("Model")
    bench.settle()
    bench.window.model.device.setFocus()
    _go(bench, back=True)
    _go(bench)
    assert bench.window.model.device.hasFocus()
    while _go(bench) != "Images":
        pass
    assert bench.window.images.view.hasFocus()


def test_what_is_hidden_or_can_take_no_keys_is_passed_by(bench):
    bench.window.docks.by_name["Classes"].close()
    bench.window.central._tools.setEnabled(False)
    assert _go(bench) == "Objects"
    while (place := _go(bench)) != "Images":
        assert place != "Classes"
    assert _go(bench) == "canvas"  # the hand has no options, and the tools can't be used


def test_a_notice_is_a_stop_before_the_views(bench):
    bench.studio.notices.warning("Something is odd.", "Look at it.", scope="program")
    bench.settle()
    assert _go(bench, back=True) == "notices"
    assert _go(bench) == "canvas"


def test_the_room_is_a_stop_before_the_status_bar(bench):
    bench.window.docks.open("Disagreement")
    bench.window.docks.open("Evaluation")
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.settle()
    bench.window.canvas.setFocus()
    for stop in ("Classes", "Objects", "Disagreement", "Model"):
        assert _go(bench) == stop
    _go(bench)
    assert bench.window.docks.room.isAncestorOf(QApplication.focusWidget())
    assert _go(bench) == "status"


def test_a_panel_that_floats_is_a_stop_too(bench):
    dock = bench.window.docks.by_name["Classes"]
    dock.setFloating(True)
    bench.settle()
    bench.window.activateWindow()
    bench.window.canvas.setFocus()
    bench.until(bench.window.canvas.viewport.hasFocus)
    assert _go(bench) == "Classes"
    assert dock.isActiveWindow()
    assert _go(bench) == "Objects"
    _go(bench, back=True)
    _press(bench, KEY.Key_Escape)
    assert _place(bench) == "canvas"
    dock.setFloating(False)


# -- back to the views ---------------------------------------------------------------------------


def test_esc_goes_back_to_the_views_from_everywhere(bench):
    bench.session.set_view(tool="brush")
    bench.settle()
    for steps in range(1, len(ROUND)):
        assert [_go(bench) for _ in range(steps)] == ROUND[:steps]
        _press(bench, KEY.Key_Escape)
        assert bench.window.canvas.viewport.hasFocus(), ROUND[steps - 1]


def test_esc_stays_in_the_view_that_has_the_keys(bench):
    bench.studio.comparing.set_layout(2)
    bench.until(lambda: len(bench.window.canvas.shown_panes) == 2)
    bench.settle()
    second = bench.window.canvas.shown_panes[1].viewport
    second.setFocus()
    _press(bench, KEY.Key_Escape)
    assert second.hasFocus()


def test_esc_closes_a_name_that_is_typed_before_it_leaves_the_table(bench):
    bench.session.set_view(active_class=1)
    _go(bench)
    _press(bench, KEY.Key_F2)
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    _press(bench, KEY.Key_Escape)
    assert bench.window.classes.view.hasFocus()
    _press(bench, KEY.Key_Escape)
    assert _place(bench) == "canvas"


# -- the room ------------------------------------------------------------------------------------


def test_closing_a_room_gives_the_keys_back_to_where_they_were(bench):
    bench.window.images.view.setFocus()
    _press(bench, KEY.Key_M)
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.until(lambda: bench.window.evaluation.panel.header.tabs.hasFocus())
    _press(bench, KEY.Key_M)
    assert bench.window.docks.room.isHidden()
    assert bench.window.images.view.hasFocus()


def test_a_room_that_is_closed_from_elsewhere_leaves_the_keys_there(bench):
    bench.window.images.view.setFocus()
    _press(bench, KEY.Key_M)
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.until(lambda: bench.window.evaluation.panel.header.tabs.hasFocus())
    bench.window.classes.view.setFocus()
    _press(bench, KEY.Key_M)
    assert bench.window.docks.room.isHidden()
    assert bench.window.classes.view.hasFocus()


def test_where_the_keys_came_from_is_gone_the_views_get_them(bench):
    bench.window.images.view.setFocus()
    _press(bench, KEY.Key_M)
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.until(lambda: bench.window.evaluation.panel.header.tabs.hasFocus())
    bench.window.docks.by_name["Images"].hide()
    _press(bench, KEY.Key_M)
    assert _place(bench) == "canvas"


# -- the start page ------------------------------------------------------------------------------


def test_on_the_start_page_f6_goes_round_its_own_parts(make_window, folder):
    bench = make_window(opens=False)
    page = bench.window.start.page
    bench.until(page.open_button.hasFocus)
    bench.studio.preferences.remember_folder(folder, FolderFacts(3, 0, "2020-02-03T12:00:00+00:00"))
    bench.window.start._show_rows()
    stops = []
    for _ in range(3):
        _press(bench, KEY.Key_F6)
        stops.append(QApplication.focusWidget())
    assert stops == [page.recent, page.open_button, page.recent]
    _press(bench, KEY.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert page.open_button.hasFocus()


# -- text fields ---------------------------------------------------------------------------------


def test_export_is_asked_for_while_a_name_is_typed_too(bench, monkeypatch):
    asked = []
    action = bench.window.commands["file.export"]
    action.triggered.disconnect()
    action.triggered.connect(lambda: asked.append("export"))
    field = bench.window.images.filter
    field.setFocus()
    bench.until(field.hasFocus)
    bench.qtbot.keyClick(field, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert asked == ["export"]


def test_after_a_number_was_typed_the_keys_belong_to_the_image_again(bench):
    bench.session.set_view(tool="brush")
    size = bench.window.options.brush.number
    bench.until(size.isVisible)
    size.setFocus()
    size.selectAll()
    bench.qtbot.keyClicks(size, "7")
    bench.qtbot.keyClick(size, Qt.Key.Key_Return)
    bench.until(lambda: _place(bench) == "canvas")
    assert bench.session.view.brush_size == 7
    bench.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_D)
    bench.until(lambda: bench.session.index == 1)


def test_a_text_field_that_is_gone_before_the_focus_is_let_go(bench, capfd):
    """A window that closes takes its field along before Qt tells where the focus went."""
    app, field = QApplication.instance(), QLineEdit()
    app.focusChanged.emit(None, field)
    shiboken6.delete(field)
    app.focusChanged.emit(None, bench.window.canvas)
    assert "RuntimeError" not in capfd.readouterr().err
