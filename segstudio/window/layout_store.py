"""Where the window and its panels stood last time."""

from __future__ import annotations

import zlib
from pathlib import Path

from PySide6.QtCore import QByteArray, QMargins, QRect, QSettings
from PySide6.QtWidgets import QMainWindow

_VERSION = 3
"""Raised when docks or bars get other names, so that an old state is not applied."""


_USUAL_FRAME = QMargins(1, 30, 1, 1)
"""What a window manager puts around a window; how much it really is, is known once it is shown."""


def fitted(client: QRect, frame: QMargins, available: QRect) -> QRect:
    """Where a window has to be so that it can be seen whole with its frame.

    Args:
        client: The window without its frame.
        frame: What the window manager puts around it.
        available: The part of the screen that no task bar covers.

    Returns:
        The window without its frame; the same if it fits.
    """
    outer = client.marginsAdded(frame)
    outer.setSize(outer.size().boundedTo(available.size()))
    outer.moveLeft(max(available.left(), min(outer.left(), available.right() + 1 - outer.width())))
    outer.moveTop(max(available.top(), min(outer.top(), available.bottom() + 1 - outer.height())))
    return outer.marginsRemoved(frame)


def keep_on_screen(window: QMainWindow) -> None:
    """Make a window smaller or move it, if it does not fit into its screen with its frame."""
    if window.isMaximized() or window.isFullScreen():
        return
    client, outer = window.geometry(), window.frameGeometry()
    frame = QMargins(
        client.left() - outer.left(),
        client.top() - outer.top(),
        outer.right() - client.right(),
        outer.bottom() - client.bottom(),
    )
    if not window.isVisible() and frame.isNull():
        frame = _USUAL_FRAME
    available = window.screen().availableGeometry()
    least = window.minimumSize().boundedTo(available.marginsRemoved(frame).size())
    window.setMinimumSize(least)
    wanted = fitted(client, frame, available)
    if wanted.size() != client.size():
        window.resize(wanted.size())
    if window.isVisible() and wanted.topLeft() != client.topLeft():
        window.move(wanted.marginsAdded(frame).topLeft())


class LayoutStore:
    """A small file with the window's geometry and the places of its docks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def restore(self, window: QMainWindow) -> bool:
        """Put the window as it was; False if nothing (usable) was stored.

        Qt ends the program over some damaged states, so what is not whole is not given to it.
        """
        if not self._path.is_file():
            return False
        store = self._open()
        geometry, state = store.value("geometry"), store.value("state")
        if not (isinstance(geometry, QByteArray) and isinstance(state, QByteArray)):
            return False
        if store.value("check") != _check(geometry, state):
            return False
        return window.restoreGeometry(geometry) and window.restoreState(state, _VERSION)

    def save(self, window: QMainWindow) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        store = self._open()
        geometry, state = window.saveGeometry(), window.saveState(_VERSION)
        store.setValue("geometry", geometry)
        store.setValue("state", state)
        store.setValue("check", _check(geometry, state))
        store.sync()

    def keep(self, name: str, text: str) -> None:
        """Remember how a panel is arranged."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._open().setValue(f"panels/{name}", text)

    def kept(self, name: str) -> str:
        """How a panel was arranged, as `keep` was told; "" if it was not."""
        if not self._path.is_file():
            return ""
        text = self._open().value(f"panels/{name}")
        return text if isinstance(text, str) else ""

    def _open(self) -> QSettings:
        return QSettings(str(self._path), QSettings.Format.IniFormat)


def _check(*parts: QByteArray) -> str:
    """Tells whether a file still holds what was written."""
    return f"crc {zlib.crc32(b''.join(bytes(part.data()) for part in parts)):08x}"
