"""A small window below a button, closed with Esc or by a click beside it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

_GAP_PX, _EDGE_PX, _UNDER_BARS_PX = 2, 12, 96


class Popover(QFrame):
    """What stands in it is added to `column`."""

    def __init__(self, parent: QWidget, what: str) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("drawer", True)
        self.setAccessibleName(what)
        # else the click that closes it would reach the button, which opens it again
        self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(_EDGE_PX, _EDGE_PX, _EDGE_PX, _EDGE_PX)
        self.column.setSpacing(8)

    def open_below(self, button: QWidget, first: QWidget | None, *, at_left: bool = False) -> None:
        """Show it and give the keys to its first control.

        Args:
            button: What it hangs on; where that is hidden, it lies below the bars of its window.
            first: The control that gets the keys.
            at_left: Whether their left edges are at one line, else their right ones.
        """
        self.adjustSize()
        window = button.window()
        if (bar := window.parentWidget()) is not None:  # it is in the drawer of a narrow bar
            window = bar.window()
        first_x = window.mapToGlobal(QPoint(0, 0)).x()
        last_x = first_x + window.width() - _EDGE_PX
        if button.isVisible():
            corner = button.mapToGlobal(QPoint(0, button.height() + _GAP_PX))
            left, right = corner.x(), corner.x() + button.width()
        else:
            corner = window.mapToGlobal(QPoint(0, _UNDER_BARS_PX))
            left, right = first_x + window.width() // 3, last_x
        x = min(left, last_x - self.width()) if at_left else right - self.width()
        self.move(max(first_x, x), corner.y())
        self.show()
        if first is not None:
            first.setFocus(Qt.FocusReason.TabFocusReason)
