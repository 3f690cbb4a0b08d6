"""Shortcuts on keyboards that have other letters, or digits only with Shift."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QWidget
from shiboken6 import delete, isValid

from segstudio.kit.physical_keys import PhysicalKeys, us_key
from segstudio.kit.text_focus import TextFocusGuard
from segstudio.window.shortcut_editor import ShortcutEditor

NONE = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
PRESS, RELEASE = QEvent.Type.KeyPress, QEvent.Type.KeyRelease

# The keycodes of X11 are those of `xmodmap -pke` on a PC keyboard.
KEY_1, KEY_2, KEY_0, KEY_MINUS = 10, 11, 19, 20
KEY_Q, KEY_A, KEY_Z, KEY_B, KEY_D, KEY_V, KEY_M = 24, 38, 52, 56, 40, 55, 58
KEY_BRACKET, KEY_PERIOD = 34, 60


def key(
    character: str, code: int, held=NONE, *, kind=PRESS, text: str = "", repeats: bool = False
) -> QKeyEvent:
    """What X11 sends for a key: the upper case of what the layout types, and the key's place."""
    upper = character.upper() if len(character.upper()) == 1 else character
    return QKeyEvent(kind, ord(upper), held, code, 0, 0, text or character, repeats)


@pytest.mark.parametrize(
    ("character", "code", "held", "meant"),
    [
        ("и", KEY_B, NONE, "B"),  # Russian
        ("я", KEY_Z, CTRL, "Z"),
        ("\u0445", KEY_BRACKET, NONE, "["),
        ("ю", KEY_PERIOD, SHIFT, "."),
        ("β", KEY_B, NONE, "B"),  # Greek
        ("&", KEY_1, NONE, "1"),  # French
        ("é", KEY_2, NONE, "2"),
        ("à", KEY_0, NONE, "0"),
        ("à", KEY_0, CTRL, "0"),
        ("ě", KEY_2, NONE, "2"),  # Czech
        ("a", KEY_Q, NONE, None),  # French: A is where it says A
        (",", KEY_M, NONE, None),
        ("1", KEY_1, SHIFT, None),
        ("1", KEY_1, NONE, None),
        ("-", KEY_MINUS, NONE, None),
        ("ß", KEY_MINUS, NONE, None),  # German
        ("b", KEY_B, NONE, None),
        ("и", 0, NONE, None),  # the place is not known
    ],
)
def test_the_place_counts_where_the_layout_has_no_letter_or_digit_of_ours(
    character, code, held, meant
):
    found = us_key(key(character, code, held), "linux")
    assert found == (None if meant is None else Qt.Key(ord(meant)))


def test_windows_and_mac_number_their_keys_otherwise():
    windows = QKeyEvent(PRESS, ord("И"), NONE, 48, 0, 0, "и")
    assert us_key(windows, "win32") == Qt.Key.Key_B
    mac = QKeyEvent(PRESS, ord("И"), NONE, 1, 11, 0, "и")
    assert us_key(mac, "darwin") == Qt.Key.Key_B


def _type(bench, *events) -> None:
    viewport = bench.window.canvas.viewport
    viewport.setFocus()
    bench.until(viewport.hasFocus)
    for event in events:
        QCoreApplication.sendEvent(QApplication.focusWidget(), event)


def test_tools_classes_and_images_are_chosen_by_place(bench):
    _type(bench, key("и", KEY_B))
    assert bench.session.view.tool == "brush"
    _type(bench, key("é", KEY_2))
    assert bench.session.view.active_class == 2
    _type(bench, key("в", KEY_D))
    bench.until(lambda: bench.session.index == 1)


def test_a_key_that_is_held_acts_by_place_too(bench):
    assert bench.session.view.overlay_visible
    _type(bench, key("м", KEY_V))
    assert not bench.session.view.overlay_visible
    bench.window.canvas.viewport._held._peek_since -= 1
    _type(bench, key("м", KEY_V, kind=RELEASE))
    assert bench.session.view.overlay_visible


def test_only_what_repeats_is_repeated(bench):
    size = bench.session.view.brush_size
    _type(bench, *(key("\u0445", KEY_BRACKET, repeats=r) for r in (False, True)))
    assert bench.session.view.brush_size == size - 2
    shown = bench.session.view.only_unlabelled
    _type(bench, *(key("д", 46, repeats=r) for r in (False, True)))  # L
    assert bench.session.view.only_unlabelled != shown


def test_text_fields_keep_the_letters_of_the_layout(bench):
    field = bench.window.images.filter
    field.setFocus()
    bench.until(field.hasFocus)
    QCoreApplication.sendEvent(field, key("и", KEY_B))
    assert field.text() == "и"
    assert bench.session.view.tool == "pan"


def test_the_shortcut_editor_takes_keys_by_place(qtbot, bench):
    editor = ShortcutEditor(bench.window.commands.rows, {}, bench.window)
    qtbot.addWidget(editor)
    editor.choose("tool.pan")
    for event, taken in (
        (key("ж", 47), ";"),
        (key("&", KEY_1), "1"),
        (key("я", KEY_Z, CTRL), "Ctrl+Z"),
    ):
        editor.field.clear()
        QCoreApplication.sendEvent(editor.field, event)
        assert editor._key() == taken


def test_a_widget_that_went_with_the_focus_is_no_fault(qtbot):
    """Where the window is not the active one Qt tells of no change of the focus."""
    window = QWidget()
    qtbot.addWidget(window)
    guard = TextFocusGuard(window, PhysicalKeys(window, lambda _keys: None))
    field, button, other = QLineEdit(window), QPushButton(window), QPushButton(window)
    for gone in (button, field):
        QApplication.instance().focusChanged.emit(None, gone)
        delete(gone)
    QApplication.instance().focusChanged.emit(None, other)
    assert not any((isValid(field), isValid(button)))
    assert guard._field is None
    assert guard._physical._watched is other
