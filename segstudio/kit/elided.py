"""Text in one line or two that shows both its ends where it does not fit."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

from segstudio.core.text import printable
from segstudio.kit.plain import plain

_POPUP_PADDING = 24


class ElidedLabel(QLabel):
    """Takes what room there is; the whole text is the tool tip."""

    def __init__(
        self, mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle, *, two_lines: bool = False
    ) -> None:
        """Args:
        mode: Where the gap is; `ElideNone`: what does not fit is left out.
        two_lines: Whether it may be two lines high.
        """
        super().__init__()
        self._mode, self._two_lines = mode, two_lines
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""
        self._shorter: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        """The text without gaps."""
        return self._whole

    def show_text(self, text: str, *shorter: str) -> None:
        """Show another text, or the first of its shorter forms that fits; cut is the last one."""
        text = printable(text, lines=True)
        self._whole = text
        self._shorter = tuple(printable(one, lines=True) for one in shorter if one)
        self.setToolTip(plain(text))
        self.setAccessibleDescription(text)
        self._elide()

    def minimumSizeHint(self) -> QSize:
        """It may become as narrow as the layout wants."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics, width = self.fontMetrics(), self.contentsRect().width()
        forms = (self._whole, *self._shorter)
        text = next((form for form in forms if metrics.horizontalAdvance(form) <= width), forms[-1])
        if self._two_lines:
            self.setText(in_two_lines(text, "", metrics, width)[0])
            return
        if self._mode == Qt.TextElideMode.ElideNone:
            self.setText(text if metrics.horizontalAdvance(text) <= width else "")
            return
        self.setText(metrics.elidedText(text, self._mode, width))


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
        option.currentIcon = self.shown_icon()
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

    def shown_icon(self) -> QIcon:
        """What stands before the chosen entry while the list is closed."""
        return self.itemIcon(self.currentIndex())

    def shown_text(self, width: int) -> str:
        """The chosen entry in so many pixels; nothing where only a dot or two would fit."""
        if width < self.fontMetrics().horizontalAdvance("\u2026") * 2:
            return ""
        return self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideMiddle, width
        )


def fitting(metrics: QFontMetrics, text: str, width: int) -> str:
    """A text in so many pixels; both its ends are shown where it does not fit."""
    return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)


def in_two_lines(message: str, hint: str, metrics: QFontMetrics, width: int) -> tuple[str, bool]:
    """Set a message in one line or two.

    Args:
        message: What happened.
        hint: What to do about it; may be empty.
        metrics: Of the font.
        width: Of a line, in pixels.

    Returns:
        The text, with a line break or without, and whether nothing is left out.
    """
    whole = " ".join(f"{message} {hint}".split())
    if metrics.horizontalAdvance(whole) <= width:
        return whole, True
    if hint and max(map(metrics.horizontalAdvance, (message, hint))) <= width:
        return f"{message}\n{hint}", True
    words = whole.split(" ")
    first = words.pop(0)
    while words and metrics.horizontalAdvance(f"{first} {words[0]}") <= width:
        first = f"{first} {words.pop(0)}"
    rest = " ".join(words)
    second = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
    head = fitting(metrics, first, width)
    return f"{head}\n{second}", (head, second) == (first, rest)
