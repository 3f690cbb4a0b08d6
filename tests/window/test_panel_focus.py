"""Going through the window with the keyboard alone."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit


def _place(bench) -> str:
    """The panel that has the focus, or "canvas"."""
    focused = QApplication.focusWidget()
    if bench.window.canvas.isAncestorOf(focused):
        return "canvas"
    docks = bench.window.docks.by_name.items()
    return next((name for name, dock in docks if dock.isAncestorOf(focused)), "elsewhere")


def _go(bench, *, back: bool = False) -> str:
    key = Qt.Key.Key_Backtab if back else Qt.Key.Key_Tab
    shift = Qt.KeyboardModifier.ShiftModifier if back else Qt.KeyboardModifier.NoModifier
    bench.qtbot.keyClick(
        QApplication.focusWidget(), key, shift | Qt.KeyboardModifier.ControlModifier
    )
    return _place(bench)


def test_ctrl_tab_goes_through_all_panels_that_are_seen_and_back_to_the_image(bench):
    bench.window.canvas.setFocus()
    assert [_go(bench) for _ in range(5)] == [
        "Images",
        "Classes",
        "Disagreement",
        "Model",
        "canvas",
    ]
    assert _go(bench, back=True) == "Model"


def test_lists_take_the_keys_and_a_panel_remembers_what_had_them(bench):
    bench.window.canvas.setFocus()
    _go(bench)
    assert bench.window.images.view.hasFocus()
    _go(bench)
    assert bench.window.classes.view.hasFocus()
    bench.window.docks.open("Model")
    bench.settle()
    bench.window.model.device.setFocus()
    _go(bench, back=True)
    _go(bench)
    assert bench.window.model.device.hasFocus()


def test_a_panel_that_is_hidden_is_passed_by(bench):
    bench.window.docks.by_name["Classes"].close()
    bench.window.canvas.setFocus()
    _go(bench)
    assert _go(bench) == "Disagreement"


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
