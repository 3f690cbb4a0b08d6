"""Tips and texts of the window name the keys that are in force."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from segstudio.kit.action_set import native

_BRACKETED = re.compile(r"\(([^()]+)\)")


def _texts(window) -> list[str]:
    """All tips of the window's widgets and commands, and what its labels say."""
    widgets = [w for w in window.findChildren(QWidget) if w.window() is window]
    labels = [w.text() for w in widgets if isinstance(w, QLabel)]
    actions = [window.commands[spec.id].toolTip() for spec in window.commands.rows]
    return [*(w.toolTip() for w in widgets), *labels, *actions]


def _cells(window) -> list[str]:
    """The tips of the table of classes."""
    model = window.classes.model
    return [
        str(model.index(row, column).data(Qt.ItemDataRole.ToolTipRole))
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    ]


def _named(texts: list[str]) -> set[str]:
    """What stands in brackets, part by part: "(T: next)" is "T"."""
    plain = (re.sub(r"<[^>]+>", "", text) for text in texts)
    notes = [note for text in plain for note in _BRACKETED.findall(text)]
    return {part for note in notes for part in re.split(r", | and |: | closes", note)}


@pytest.fixture
def desk(bench):
    docks = bench.window.docks
    for name in ("Network", "Evaluation"):
        docks.open(name)
        bench.until(lambda: docks.frame(docks.room.front).widget() is not None)
    bench.settle()
    return bench


def test_no_tip_names_a_key_that_is_not_in_force(desk):
    window, rows = desk.window, desk.window.commands.rows
    keys = {native(key) for spec in rows for key in spec.keys}
    named = _named(_texts(window))
    assert {"T", "O", "[", "]", "Ctrl+.", "F5", "Ctrl+PgUp", "Shift+Esc"} <= named & keys
    assert any("Key 2 makes it" in text for text in _cells(window))
    window.commands.set_keymap({spec.id: () for spec in rows})
    desk.settle()
    left = _named(_texts(window)) & keys
    assert left == {"Esc"}, (
        "which empties the filter of the list, whatever the keys of commands are"
    )
    assert not any(re.search(r"Key \S+ makes it", text) for text in _cells(window))


def test_tips_name_the_keys_that_were_chosen(desk):
    window = desk.window
    assert window.view_controls.layer.toolTip() == "What lies over the photo (T: next)"
    window.commands.set_keymap(
        {
            "view.next_layer": ("Ctrl+Alt+L",), "brush.smaller": ("F7",), "brush.larger": ("F8",),
            "class.2": ("Ctrl+Alt+2",), "model.run": ("F9",), "model.cancel": (),
            "compare.wipe": ("Ctrl+Alt+W",), "help.dismiss": ("F12",),
        }
    )  # fmt: skip
    desk.settle()
    assert window.view_controls.layer.toolTip() == "What lies over the photo (Ctrl+Alt+L: next)"
    assert window.options.brush.number.toolTip() == "Brush size (F7 and F8, Shift+wheel)"
    assert window.status.jobs.button.toolTip() == "Cancel"
    assert window.notices.closer.toolTip() == "Close this message (F12 closes all)"
    assert window.classes.missing.text() == "Run a model (F9) to see its scores."
    assert any("Key Ctrl+Alt+2 makes it the active class" in text for text in _cells(window))
    QTest.mouseClick(window.canvas.panes[0].header.name, Qt.MouseButton.LeftButton)
    menu = QApplication.activePopupWidget()
    texts = [action.text() for action in menu.actions()]
    menu.close()
    assert "Wipe: two layers beside a line (Ctrl+Alt+W)" in texts
