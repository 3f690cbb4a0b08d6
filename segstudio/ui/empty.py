"""What a panel says while it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget


class EmptyState(QWidget):
    """One line that says what to do next, and buttons that do it."""

    def __init__(self, text: str, *buttons: QPushButton) -> None:
        super().__init__()
        self.label = QLabel(text)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
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


class Switch(QStackedLayout):
    """Shows either the contents or the empty state of a panel."""

    def __init__(self, empty: EmptyState, contents: QWidget) -> None:
        super().__init__()
        self.empty = empty
        self.addWidget(empty)
        self.addWidget(contents)

    def show_contents(self, shown: bool, text: str = "") -> None:
        """Show the contents, or else the empty state (with another text if given)."""
        if text:
            self.empty.label.setText(text)
        self.setCurrentIndex(int(shown))
