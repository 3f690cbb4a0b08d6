"""Small buttons in the diagram's corner: zoom out, show all, zoom in."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from segstudio.ui.icon_button import icon_button

_STEP = 2**0.5


class ZoomButtons(QWidget):
    """Lies over the lower right corner of the widget that it belongs to.

    Signals:
        zoomed: By which factor.
        fitted: Everything shall be seen.
    """

    zoomed = Signal(float)
    fitted = Signal()

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.smaller = self._button("zoom-out", "Zoom out (wheel)")
        self.all = self._button("maximize", "Show all (double click)")
        self.larger = self._button("zoom-in", "Zoom in (wheel)")
        for button in (self.smaller, self.all, self.larger):
            row.addWidget(button)
        self.smaller.clicked.connect(lambda: self.zoomed.emit(1 / _STEP))
        self.larger.clicked.connect(lambda: self.zoomed.emit(_STEP))
        self.all.clicked.connect(self.fitted)
        self._over = over
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.adjustSize()

    def place(self) -> None:
        """Move to the corner."""
        size = self.sizeHint()
        self.setGeometry(
            self._over.width() - size.width() - 4,
            self._over.height() - size.height() - 4,
            size.width(),
            size.height(),
        )

    @staticmethod
    def _button(name: str, tip: str) -> QToolButton:
        button = icon_button(name, tip, px=14)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setCursor(Qt.CursorShape.ArrowCursor)
        return button
