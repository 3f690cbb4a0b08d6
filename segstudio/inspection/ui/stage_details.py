"""Beside the channel grid: histogram, range of the colours, the channel over the photo, figures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.inspection.ui.histogram import HistogramView
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.icon_button import text_switch
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain, semibold_font
from segstudio.session.inspection import StageLook, ValueRange

LEAST_WIDTH, USUAL_WIDTH = 212, 232
_RANGES = (
    (ValueRange.CHANNEL, "Each channel's own range", "From its lowest to its highest value"),
    (ValueRange.STAGE, "Range of the whole stage", "Channels can be compared by their colours"),
    (ValueRange.FIXED, "Fixed range", "The same values in all stages and images"),
)
_LIMIT = 1e6


class StageDetails(QScrollArea):
    """What is said of the stage and of the channel in focus, and how its colours are set.

    Signals:
        channel_wanted: The histogram of the channel (True) or of the stage (False).
        range_chosen: A `ValueRange`.
        fixed: The ends (low, high) of the fixed range.
        over_photo: The channel shall lie over the photo, or not.
        blended: How strongly it covers the photo, 0..1.
    """

    channel_wanted = Signal(bool)
    range_chosen = Signal(object)
    fixed = Signal(float, float)
    over_photo = Signal(bool)
    blended = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.title = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        self.shape = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.shape.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.stage = text_switch("Stage", "Values of all channels")
        self.channel = text_switch("Channel", "Values of the channel in focus")
        self.histogram = HistogramView()
        self.range = QComboBox()
        self.low, self.high = _spin("Lowest value of the colours"), _spin("Highest value of them")
        self.over = QToolButton()
        self.blend = QSlider(Qt.Orientation.Horizontal)
        self.figures = FiguresTable()
        self._fill()
        self._lay_out()
        self._connect()

    def _fill(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its controls scroll to themselves
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.title.setFont(semibold_font(self.title.font()))
        self._choices = QButtonGroup(self)
        for button in (self.stage, self.channel):
            self._choices.addButton(button)
        self.stage.setChecked(True)
        for row, (value, text, tip) in enumerate(_RANGES):
            self.range.addItem(text, value)
            self.range.setItemData(row, plain(tip), Qt.ItemDataRole.ToolTipRole)
        self.range.setAccessibleName("Range of the colours")
        self.range.setToolTip("Which values the first and the last colour stand for")
        self.range.setMinimumContentsLength(8)
        self.range.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.over.setCheckable(True)
        self.over.setIcon(icon("blend"))
        self.over.setIconSize(QSize(16, 16))
        self.over.setText("Over photo")
        self.over.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.over.setToolTip("Lay the channel in focus over the photo (Enter, double click)")
        self.over.setAccessibleName("Channel over the photo")
        self.blend.setRange(0, 100)
        self.blend.setAccessibleName("Blend of channel and photo")
        self.blend.setToolTip("Blend of channel and photo")

    def _lay_out(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(8, 4, 8, 6)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(self.title, 1)
        head.addSpacing(6)
        head.addWidget(self.stage)
        head.addWidget(self.channel)
        column.addLayout(head)
        column.addWidget(self.shape)
        column.addWidget(self.histogram)
        column.addWidget(self.range)
        self._ends = QWidget()
        row = QHBoxLayout(self._ends)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.low, 1)
        row.addWidget(PlainLabel("to"))
        row.addWidget(self.high, 1)
        column.addWidget(self._ends)
        photo = QHBoxLayout()
        photo.addWidget(self.over)
        photo.addWidget(self.blend, 1)
        column.addLayout(photo)
        column.addWidget(self.figures)
        column.addStretch(1)
        self.setWidget(body)

    def _connect(self) -> None:
        self.channel.toggled.connect(self.channel_wanted)
        self.range.activated.connect(
            lambda: self.range_chosen.emit(ValueRange(self.range.currentData()))
        )
        for spin in (self.low, self.high):
            spin.valueChanged.connect(lambda _: self._say_fixed())
        self.histogram.range_dragged.connect(self.fixed)
        self.over.clicked.connect(self.over_photo)
        self.blend.valueChanged.connect(lambda value: self.blended.emit(value / 100))

    def sizeHint(self) -> QSize:
        """As wide as the figures need."""
        return QSize(USUAL_WIDTH, 300)

    def minimumSizeHint(self) -> QSize:
        """Wide enough for its contents beside the scroll bar: it scrolls up and down only."""
        body = self.widget()
        needed = body.minimumSizeHint().width() if body is not None else 0
        return QSize(max(LEAST_WIDTH, needed + self.verticalScrollBar().sizeHint().width()), 90)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask for another width when the contents need it."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    # -- what is shown -----------------------------------------------------------------------

    def show_look(self, look: StageLook) -> None:
        """Show how the range is chosen."""
        self.range.setCurrentIndex(self.range.findData(look.value_range))
        self._ends.setVisible(look.value_range is ValueRange.FIXED)
        for spin, value in zip((self.low, self.high), look.fixed, strict=True):
            spin.blockSignals(True)
            spin.setValue(value)
            spin.blockSignals(False)

    def show_channel(self, channel: int | None, *, has_place: bool) -> None:
        """Show which channel is in focus; whether the stage has a place on the photo."""
        self.channel.setText("Channel" if channel is None else f"Channel {channel}")
        self.channel.setEnabled(channel is not None)
        self.over.setEnabled(channel is not None and has_place)

    def show_over(self, shown: bool, opacity: float) -> None:
        """Show whether the channel lies over the photo, and how strongly."""
        self.over.setChecked(shown)
        self.blend.setEnabled(shown)
        self.blend.blockSignals(True)
        self.blend.setValue(round(100 * opacity))
        self.blend.blockSignals(False)

    def _say_fixed(self) -> None:
        low, high = self.low.value(), self.high.value()
        if low < high:
            self.fixed.emit(low, high)


class FiguresTable(QWidget):
    """Names, and one or two columns of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 2, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(0, 1)
        self._labels: list[tuple[QLabel, ...]] = []

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """What is shown, row by row."""
        return [tuple(label.text() for label in row) for row in self._labels if _seen(row)]

    def show_rows(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Show rows of name, number of the stage, number of the channel, tool tip."""
        while len(self._labels) < len(rows):
            self._add_row()
        for place, labels in enumerate(self._labels):
            shown = place < len(rows)
            for label in labels:
                label.setVisible(shown)
            if not shown:
                continue
            *texts, tip = rows[place]
            for label, text in zip(labels, texts, strict=True):
                label.setText(text)
                label.setToolTip(plain(tip))

    def _add_row(self) -> None:
        row = len(self._labels)
        labels = (PlainLabel(), PlainLabel(), PlainLabel())
        labels[0].setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for column, label in enumerate(labels):
            side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            if column:
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                label.setMinimumWidth(56)
            label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(label, row, column)
        self._labels.append(labels)


def _seen(row: tuple[QLabel, ...]) -> bool:
    return not row[0].isHidden()


def _spin(name: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(-_LIMIT, _LIMIT)
    spin.setDecimals(4)
    spin.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    spin.setKeyboardTracking(False)
    spin.setAccessibleName(name)
    spin.setToolTip(name)
    spin.setMinimumWidth(70)
    return spin
