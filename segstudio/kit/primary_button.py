"""The one button of a screen that is filled with the accent colour."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QPaintEvent
from PySide6.QtWidgets import QStyle, QStyleOptionToolButton, QStylePainter, QToolButton

from segstudio.kit.fitting_row import WORD_ICON
from segstudio.kit.icons import icon


class PrimaryButton(QToolButton):
    """A command with its icon and its word, both in the colour of text on the accent."""

    def __init__(self, action: QAction, picture: str) -> None:
        super().__init__()
        self._picture = icon(picture, on_accent=True)
        self.setProperty("primary", True)
        self.setDefaultAction(action)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(WORD_ICON)
        self.setAccessibleName(action.text().rstrip("…"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def paintEvent(self, event: QPaintEvent) -> None:
        """As other buttons are drawn; the action's own icon is for menus."""
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.icon = self._picture
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
        painter.end()
