"""The menu of the selected channels."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from segstudio.ui.icons import icon


def channel_menu(
    parent: QWidget,
    channels: tuple[int, ...],
    focus: int | None,
    lay_over: Callable[[int], None] | None,
    cut: Callable[[tuple[int, ...]], None],
) -> QMenu:
    """What can be done with channels.

    Args:
        parent: Of the menu, which deletes itself when it closes.
        channels: The selected ones.
        focus: The one in focus.
        lay_over: Lays a channel over the photo; None where the stage has no place there.
        cut: Cuts channels.
    """
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if focus is not None and lay_over is not None:
        show = lay_over
        menu.addAction(icon("blend"), f"Lay channel {focus} over the photo", lambda: show(focus))
    single = len(channels) == 1
    what = f"channel {channels[0]}" if single else f"{len(channels)} channels"
    menu.addAction(icon("scissors"), f"Cut {what}", lambda: cut(channels))
    menu.addSeparator()
    text = ", ".join(str(channel) for channel in channels)
    menu.addAction(
        icon("copy"),
        "Copy the number" if single else "Copy the numbers",
        lambda: QApplication.clipboard().setText(text),
    )
    return menu
