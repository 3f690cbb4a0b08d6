"""Above the channel grid: how the channels are sorted, how many there are, how large."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QToolButton, QWidget

from segstudio.ui.elided import ElidedCombo, ElidedLabel
from segstudio.ui.icons import icon
from segstudio.ui.panels.network.channel_layout import LARGEST_CELL, SMALLEST_CELL, USUAL_CELL
from segstudio.ui.panels.network.channel_order import EXPLAINED, ChannelOrder
from segstudio.ui.plain import PlainLabel

_LABEL_FROM, _SLIDER_FROM = 340, 380
"""Pixels of width from which there is room for them."""


class StageBar(QWidget):
    """Order, direction, a note, and the size of the pictures.

    Signals:
        order_changed: Another order or direction was chosen.
        cells_resized: Another size of the pictures was chosen (int, the longer side).
    """

    order_changed = Signal()
    cells_resized = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.order = ElidedCombo()
        self.direction = QToolButton()
        self.note = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.cells = QSlider(Qt.Orientation.Horizontal)
        self._label = PlainLabel("Sort")
        self._fill()
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 3, 6, 3)
        row.setSpacing(4)
        row.addWidget(self._label)
        row.addWidget(self.order)
        row.addWidget(self.direction)
        row.addSpacing(4)
        row.addWidget(self.note, 1)
        row.addWidget(self.cells)
        self.order.activated.connect(self._chosen)
        self.direction.clicked.connect(self._turned)
        self.cells.valueChanged.connect(self.cells_resized)
        self._show_direction()

    @property
    def chosen(self) -> ChannelOrder:
        """What the channels are sorted by."""
        return ChannelOrder(self.order.currentData())

    @property
    def falling(self) -> bool:
        """Whether the largest come first."""
        return self.direction.isChecked()

    def choose(self, order: ChannelOrder) -> None:
        """Sort by something, the largest first but for the index."""
        self.order.setCurrentIndex(self.order.findData(order))
        self._chosen()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for the note where there is little: the wheel resizes pictures, too."""
        super().resizeEvent(event)
        self._label.setVisible(self.width() >= _LABEL_FROM)
        self.cells.setVisible(self.width() >= _SLIDER_FROM)

    def minimumSizeHint(self) -> QSize:
        """Order and direction; the rest gives way."""
        return QSize(220, super().minimumSizeHint().height())

    def _fill(self) -> None:
        for row, order in enumerate(ChannelOrder):
            self.order.addItem(order.value, order)
            self.order.setItemData(row, EXPLAINED[order], Qt.ItemDataRole.ToolTipRole)
        self.order.setAccessibleName("Order of the channels")
        self.order.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.order.setMinimumContentsLength(12)
        self.order.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.order.view().setMinimumWidth(160)
        self.direction.setCheckable(True)
        self.direction.setAutoRaise(True)
        self.direction.setIconSize(QSize(16, 16))
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.cells.setRange(SMALLEST_CELL, LARGEST_CELL)
        self.cells.setValue(USUAL_CELL)
        self.cells.setFixedWidth(60)
        self.cells.setAccessibleName("Size of the pictures")
        self.cells.setToolTip("Size of the pictures (Ctrl+wheel)")

    def _chosen(self) -> None:
        self.direction.setChecked(self.chosen is not ChannelOrder.INDEX)
        self._turned()

    def _turned(self) -> None:
        self._show_direction()
        self.order_changed.emit()

    def _show_direction(self) -> None:
        name = "arrow-down-wide-narrow" if self.falling else "arrow-down-narrow-wide"
        self.direction.setIcon(icon(name))
        text = "Largest first" if self.falling else "Smallest first"
        self.direction.setToolTip(text)
        self.direction.setAccessibleName(text)
        self.order.setToolTip(EXPLAINED[self.chosen])
