"""One line of text that shows both its ends where it does not fit."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

from segstudio.ui.plain import plain

_POPUP_PADDING = 24


class ElidedLabel(QLabel):
    """Takes what room there is; the whole text is the tool tip."""

    def __init__(self, mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        """Take where the gap is: in the middle unless told otherwise."""
        super().__init__()
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = self._short = ""

    @property
    def whole(self) -> str:
        """The text without gaps."""
        return self._whole

    def show_text(self, text: str, short: str = "") -> None:
        """Show another text, or its short form where it does not fit."""
        self._whole, self._short = text, short
        self.setToolTip(plain(text))
        self.setAccessibleDescription(text)
        self._elide()

    def minimumSizeHint(self) -> QSize:
        """It may become as narrow as the layout wants."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much as fits now."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics = self.fontMetrics()
        is_long = bool(self._short) and metrics.horizontalAdvance(self._whole) > self.width()
        text = self._short if is_long else self._whole
        self.setText(metrics.elidedText(text, self._mode, self.width()))


class ElidedCombo(QComboBox):
    """A list to choose from whose chosen entry may be longer than it is wide."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it, the text cut in its middle."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        field = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        icon = 0 if option.currentIcon.isNull() else option.iconSize.width() + 4
        option.currentText = self.shown_text(field.width() - icon - 4)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def showPopup(self) -> None:
        """Open the list, as wide as its entries are."""
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + _POPUP_PADDING)
        super().showPopup()

    def shown_text(self, width: int) -> str:
        """The chosen entry in so many pixels."""
        return self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideMiddle, width
        )
