"""One message: icon, text, hint, details, what can be done."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QFontDatabase, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.ui.icons import icon, tinted
from segstudio.ui.theme import is_dark

_ICONS = {"info": "info", "warning": "triangle-alert", "error": "circle-x"}
_COLORS = {
    "info": ("#2563c9", "#7fb0ff"),
    "warning": ("#9a6700", "#e3b341"),
    "error": ("#c62828", "#ff7b72"),
}


class NoticeCard(QFrame):
    """One message with its hint, its details and what can be done about it."""

    def __init__(
        self,
        level: str,
        message: str,
        hint: str,
        details: str,
        action: tuple[str, Callable[[], object]] | None,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.level, self.message, self.hint = level, message, hint
        self.about = ""
        self.count = 1
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAccessibleName(f"{level}: {message}")
        self._message = _text(message)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._sign(), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(self._texts(), 1)
        if action is not None:
            row.addWidget(self._button(action), 0, Qt.AlignmentFlag.AlignTop)
        self._details = _details(details)
        if details:
            row.addWidget(self._details_button(), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._close_button(), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(self._details)
        self._paint_ground()

    def again(self) -> None:
        """Say that the same message came once more."""
        self.count += 1
        self._message.setText(f"{self.message} ({self.count} times)")

    def dismiss(self) -> None:
        """Take the card away."""
        self.hide()
        self.setParent(None)
        self.deleteLater()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._paint_ground()

    def _paint_ground(self) -> None:
        app_palette = self.palette()
        ground = app_palette.color(QPalette.ColorRole.ToolTipBase)
        app_palette.setColor(QPalette.ColorRole.Window, ground)
        self.setPalette(app_palette)

    def _sign(self) -> QLabel:
        sign = QLabel()
        color = QColor(_COLORS[self.level][int(is_dark(self.palette()))])
        sign.setPixmap(tinted(_ICONS[self.level], color, 18, self.devicePixelRatioF()))
        sign.setAccessibleName(self.level)
        return sign

    def _texts(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(self._message)
        if self.hint:
            hint = _text(self.hint)
            hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            column.addWidget(hint)
        return column

    def _button(self, action: tuple[str, Callable[[], object]]) -> QPushButton:
        title, function = action
        button = QPushButton(title)

        def act() -> None:
            self.dismiss()
            function()

        button.clicked.connect(act)
        return button

    def _details_button(self) -> QToolButton:
        button = QToolButton()
        button.setText("Details")
        button.setCheckable(True)
        button.setAutoRaise(True)
        button.toggled.connect(self._details.setVisible)
        return button

    def _close_button(self) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon("x"))
        button.setIconSize(QSize(14, 14))
        button.setAutoRaise(True)
        button.setToolTip("Close this message")
        button.setAccessibleName("Close this message")
        button.clicked.connect(self.dismiss)
        return button


def _text(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _details(details: str) -> QPlainTextEdit:
    box = QPlainTextEdit(details)
    box.setReadOnly(True)
    box.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    box.setFixedHeight(160)
    box.setAccessibleName("Details")
    box.hide()
    return box
