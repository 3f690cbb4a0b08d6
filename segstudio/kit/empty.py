"""What a panel says while it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from segstudio.kit.plain import FaintLabel


class EmptyState(QWidget):
    """One line that says what to do next, and buttons that do it."""

    def __init__(self, text: str, *buttons: QPushButton) -> None:
        super().__init__()
        self.label = FaintLabel(text)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        column.addStretch(1)
        column.addWidget(self.label)
        for button in buttons:
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(2)


class Stacked(QStackedLayout):
    """Shows one of several widgets; may be made before the widget that it lies in.

    The first one is styled at once, and Qt styles all in it anew below another parent: what has much
    in it is given the widget that it stays in.
    """

    def __init__(self, *widgets: QWidget, inside: QWidget | None = None) -> None:
        super().__init__()
        self._nursery = None
        if inside is not None:
            inside.setLayout(self)
        else:
            # without a parent, what is shown first would be a window for a moment
            self._nursery = QWidget()
        for widget in widgets:
            if self._nursery is not None and widget.parentWidget() is None:
                widget.setParent(self._nursery)
            self.addWidget(widget)


class Switch(Stacked):
    """Shows either the contents or the empty state of a panel."""

    def __init__(
        self, empty: EmptyState, contents: QWidget, *, inside: QWidget | None = None
    ) -> None:
        super().__init__(empty, contents, inside=inside)
        self.empty = empty

    @property
    def empty_text(self) -> str:
        """What stands in place of the contents, "" while they are shown."""
        return "" if self.currentIndex() else self.empty.label.text()

    def show_contents(self, shown: bool, text: str = "") -> None:
        """Show the contents, or else the empty state (with another text if given)."""
        if text:
            self.empty.label.setText(text)
        self.setCurrentIndex(int(shown))
