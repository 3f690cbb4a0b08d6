"""The middle of the window: the column of tools, the header, the canvas."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from segstudio.ui.action_set import ActionSet
from segstudio.ui.bars import build_tool_column
from segstudio.ui.notices import NoticeStack

HEADER_HEIGHT = 34


class Centre(QWidget):
    """Shows an empty ground until `fill` brings the canvas and its header."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self.tools = build_tool_column(actions)
        self._header = QWidget()
        self._header.setFixedHeight(HEADER_HEIGHT)
        self._canvas: QWidget = QFrame()
        self._canvas.setBackgroundRole(QPalette.ColorRole.Base)
        self._canvas.setAutoFillBackground(True)
        self._canvas.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self._column.addWidget(self._header)
        self._column.addWidget(self._canvas, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.tools, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(self._column, 1)
        self.setMinimumWidth(320)
        self.notices = NoticeStack(self, HEADER_HEIGHT)

    def fill(self, header: QWidget, canvas: QWidget) -> None:
        """Put the real header and canvas where the empty ground was."""
        header.setFixedHeight(HEADER_HEIGHT)
        for old, new in ((self._header, header), (self._canvas, canvas)):
            self._column.replaceWidget(old, new)
            old.deleteLater()
        self._header, self._canvas = header, canvas
        self._column.setStretchFactor(canvas, 1)
        self.notices.raise_()
