"""The middle of the window: the column of tools, the header, bars above the views, the canvas."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from segstudio.kit.frame_names import HEADER_HEIGHT, TOOLS_WIDTH


class Centre(QWidget):
    """Shows an empty ground until `fill` brings the tools, the header and the canvas."""

    def __init__(self) -> None:
        super().__init__()
        self._tools, self._header, self._canvas = QWidget(), QWidget(), QWidget()
        self._tools.setFixedWidth(TOOLS_WIDTH)
        self._header.setFixedHeight(HEADER_HEIGHT)
        self._canvas.setBackgroundRole(QPalette.ColorRole.Base)
        self._canvas.setAutoFillBackground(True)
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self._column.addWidget(self._header)
        self._column.addWidget(self._canvas, 1)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(self._tools, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(self._column, 1)
        self.setMinimumWidth(320)

    def set_tools(self, tools: QWidget) -> None:
        """Put the column of tools where room was left for it."""
        tools.setFixedWidth(TOOLS_WIDTH)
        self._row.replaceWidget(self._tools, tools)
        self._tools.deleteLater()
        self._tools = tools

    def add_bar(self, bar: QWidget) -> None:
        """Put a bar between the header and the canvas; it takes no room while it is hidden."""
        self._column.insertWidget(self._column.indexOf(self._canvas), bar)

    def add_foot(self, bar: QWidget) -> None:
        """Put a bar below the canvas; it takes no room while it is hidden."""
        self._column.addWidget(bar)

    def fill(self, header: QWidget, canvas: QWidget) -> None:
        """Put the real header and canvas where the empty ground was."""
        header.setFixedHeight(HEADER_HEIGHT)
        for old, new in ((self._header, header), (self._canvas, canvas)):
            self._column.replaceWidget(old, new)
            old.deleteLater()
        self._header, self._canvas = header, canvas
        self._column.setStretchFactor(canvas, 1)
