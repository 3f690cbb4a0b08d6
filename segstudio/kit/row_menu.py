"""The menu of a row: what can be done with it, then copying and saving as all tables have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QWidget

from segstudio.folder.picture_files import PictureFiles
from segstudio.kit.file_dialogs import CSV, ask_file_to_write
from segstudio.kit.icons import icon

Verb = tuple[str, str, Callable[[], object]]
"""An icon, or "", a text, and what is done."""

_FILES = "table_files"
"""What a window is asked for: its `PictureFiles`."""


def keep_files(window: QWidget, files: PictureFiles) -> None:
    """Tables in this window, and in windows of it, are saved by these."""
    setattr(window, _FILES, files)


def files_of(widget: QWidget) -> PictureFiles | None:
    """What saves the tables of the window that the widget stands in; None in one without any."""
    above: QWidget | None = widget
    while above is not None:
        found = getattr(above, _FILES, None)
        if isinstance(found, PictureFiles):
            return found
        above = above.parentWidget()
    return None


def menu_place(view: QAbstractItemView, event: QContextMenuEvent) -> QPoint | None:
    """Where a view's menu opens on the screen; None where the pointer is on no row.

    By the menu key that is below the current row, wherever the pointer is; it becomes the one
    that the menu is about.
    """
    if event.reason() != QContextMenuEvent.Reason.Keyboard:
        index = view.indexAt(view.viewport().mapFromGlobal(event.globalPos()))
        return event.globalPos() if index.isValid() else None
    index = view.currentIndex()
    if not index.isValid():
        return None
    view.scrollTo(index)
    return view.viewport().mapToGlobal(view.visualRect(index).bottomLeft())


def new_menu(parent: QWidget) -> QMenu:
    """A menu that is deleted when it closes."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setToolTipsVisible(True)
    return menu


def add_verbs(menu: QMenu, verbs: list[Verb]) -> None:
    """Add entries, and a line below them."""
    for picture, text, run in verbs:
        action = menu.addAction(text, run)
        if picture:
            action.setIcon(icon(picture))
    if verbs:
        menu.addSeparator()


def save_csv(parent: QWidget, name: str, text: Callable[[], str]) -> None:
    """Ask for a file and write a table to it.

    Args:
        parent: The table.
        name: What it is called; the file that is suggested is called like it.
        text: Gives the table as CSV.
    """
    files = files_of(parent)
    if files is None:
        return
    plain = "-".join("".join(c if c.isalnum() else " " for c in name.casefold()).split())
    start = Path(files.folder or Path.home()) / f"{plain}.csv"
    path = ask_file_to_write(parent, f"Save {name}", start, CSV)
    if path is None:
        return
    content = text()
    files.save(path, lambda: content.encode("utf-8", "surrogatepass"), "The table")
