"""Where the window stands: whole on its screen, and where it was."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMargins, QPoint, QRect, QSize
from PySide6.QtWidgets import QApplication, QMainWindow

from segstudio.kit.theme import Theme
from segstudio.window import main_window
from segstudio.window.main_window import LayoutStore, fitted, keep_on_screen

SCREEN = QRect(0, 0, 1280, 800)
FRAME = QMargins(1, 20, 1, 5)


def _theme() -> Theme:
    """One for all windows: each sets the styles of all there are."""
    app = QApplication.instance()
    return app.findChild(Theme) or Theme(app)


@pytest.mark.parametrize(
    ("client", "frame", "screen", "expected"),
    [
        # as large as the screen: the frame comes on top
        (QRect(1, 20, 1280, 800), FRAME, SCREEN, QRect(1, 20, 1278, 775)),
        # a task bar of 40 below
        (QRect(1, 20, 1280, 800), FRAME, QRect(0, 0, 1280, 760), QRect(1, 20, 1278, 735)),
        # out to the right, as after a change of screens
        (QRect(1500, 100, 1100, 700), FRAME, SCREEN, QRect(179, 75, 1100, 700).translated(0, 20)),
        # on a second screen, left of the first
        (QRect(-1000, 50, 900, 700), FRAME, QRect(-1280, 0, 1280, 800), QRect(-1000, 50, 900, 700)),
        # no window manager
        (QRect(0, 0, 1280, 800), QMargins(), SCREEN, QRect(0, 0, 1280, 800)),
        (QRect(60, 40, 1100, 700), FRAME, SCREEN, QRect(60, 40, 1100, 700)),
    ],
)
def test_a_window_is_seen_whole_with_its_frame(client, frame, screen, expected):
    assert fitted(client, frame, screen) == expected
    assert screen.contains(fitted(client, frame, screen).marginsAdded(frame))


def test_the_first_start_leaves_room_for_the_frame(qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr("PySide6.QtGui.QScreen.availableGeometry", lambda _self: SCREEN)
    window = main_window.MainWindow(tmp_path / "window.ini", _theme())
    qtbot.addWidget(window)
    assert window.size() == QSize(1278, 769)  # before it is known how thick the frame is
    window.show()
    qtbot.waitUntil(lambda: SCREEN.contains(window.frameGeometry()))
    window.close()


def test_a_window_comes_back_where_it_was_and_onto_the_screen_if_that_is_smaller(qtbot, tmp_path):
    store = LayoutStore(tmp_path / "window.ini")
    before, after, far = QMainWindow(), QMainWindow(), QMainWindow()
    for window in (before, after, far):
        qtbot.addWidget(window)
    before.setGeometry(60, 40, 500, 400)
    before.show()
    store.save(before)
    assert store.restore(after)
    keep_on_screen(after)
    after.show()
    assert after.geometry() == QRect(60, 40, 500, 400)
    far.setGeometry(QRect(QPoint(5000, 5000), QSize(3000, 2000)))
    far.show()
    keep_on_screen(far)
    assert far.screen().availableGeometry().contains(far.frameGeometry())


def test_a_picture_of_the_window_has_its_whole_size_on_any_screen(qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(main_window, "keep_on_screen", lambda window: window.resize(1024, 640))
    for fits, size in ((False, QSize(1280, 800)), (True, QSize(1024, 640))):
        window = main_window.MainWindow(tmp_path / "window.ini", _theme(), fits_screen=fits)
        qtbot.addWidget(window)
        window.show()
        assert window.size() == size
        assert any(timer.isActive() for timer in window._framed) == fits
        window.close()


def test_where_nothing_can_be_kept_the_window_closes_all_the_same(qtbot, tmp_path):
    (tmp_path / "file").touch()
    store, window = LayoutStore(tmp_path / "file" / "window.ini"), QMainWindow()
    qtbot.addWidget(window)
    store.keep("folded", "-")
    store.save(window)
    assert not store.restore(window)
    assert store.kept("folded") == ""
