"""The title bar of a panel beside the views: its name, what the panel adds, and its menu."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)

HEIGHT = 32
_MARGIN = 12
"""From the rim to the name, as within the panels."""


class DockTitle(QFrame):
    """Name at the left, the panel's own buttons and a menu with Float and Close at the right.

    What lies between them moves the dock when it is dragged and lets it float when it is double
    clicked, as Qt has it.
    """

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__()
        self._dock = dock
        self.setFixedHeight(HEIGHT)
        self.name = QLabel(dock.windowTitle())
        font = self.name.font()
        font.setWeight(font.Weight.DemiBold)
        self.name.setFont(font)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(_MARGIN, 0, 4, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self.name)
        self._row.addStretch(1)
        self.more: QToolButton | None = None

    def minimumSizeHint(self) -> QSize:
        """No panel is kept wide by its title."""
        return QSize(0, HEIGHT)

    def add_menu(self, close_key: str) -> None:
        """Add the menu; not before the window is painted, since its icon costs time."""
        from segstudio.kit.icon_button import icon_button

        title = self._dock.windowTitle()
        menu = QMenu(f"{title} panel", self)
        self._float = menu.addAction("Float", self._switch_floating)
        close = menu.addAction("Close", self._dock.close)
        close.setText(f"Close\t{close_key}" if close_key else "Close")
        menu.aboutToShow.connect(self._show_state)
        self.more = icon_button("ellipsis", f"More of the {title.lower()} panel")
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.more.setMenu(menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setProperty("arrowless", True)
        self._row.addWidget(self.more)

    def take(self, widgets: Sequence[QWidget]) -> None:
        """Put a panel's own parts here: texts beside the name, buttons before the menu."""
        after_name = 1
        for widget in widgets:
            if isinstance(widget, QLabel):
                self._row.insertWidget(after_name, widget)
                after_name += 1
            else:
                at = self._row.count() - (0 if self.more is None else 1)
                self._row.insertWidget(at, widget)
                policy = widget.sizePolicy().horizontalPolicy()
                if policy == QSizePolicy.Policy.Preferred:
                    widget.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def _switch_floating(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())

    def _show_state(self) -> None:
        self._float.setText("Back into the window" if self._dock.isFloating() else "Float")
