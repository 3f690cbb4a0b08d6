"""The slim line over the canvas: which image, how good, and the options of the tool in hand."""

from __future__ import annotations

import math
from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)

from segstudio.canvas.tool import Tool
from segstudio.core.formatting import ratio_text
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedCombo, ElidedLabel
from segstudio.kit.notes_mark import NotesMark
from segstudio.kit.plain import PlainLabel
from segstudio.metrics.tally import lead_iou, lead_short
from segstudio.runs.scoring import Scoring
from segstudio.runs.segmenting import Segmenting
from segstudio.session.session import MAX_BRUSH, MIN_BRUSH, Change, Session, What
from segstudio.storage.image_ref import image_of

_SHOWN = (
    What.PROJECT
    | What.DOCUMENT
    | What.PREDICTIONS
    | What.SCORES
    | What.VIEW
    | What.SAVED
    | What.HISTORY
)
_SLIDER_STEPS = 200
_RUN_LETTERS = 10
_NARROW = 560
"""Below this width the score has no words and the brush no slider, so that nothing is cut off."""


class CanvasHeader(QWidget):
    """Shows the open image's name, size and mean IoU; sets the options of the tool in hand."""

    def __init__(
        self,
        session: Session,
        scoring: Scoring,
        segmenting: Segmenting,
        actions: ActionSet,
        tools: Iterable[type[Tool]],
    ) -> None:
        super().__init__()
        self._tools = {tool.name: tool for tool in tools}
        self._session, self._scoring = session, scoring
        self.name = ElidedLabel()
        self.name.setAccessibleName("Open image")
        self.run = RunChooser(session, segmenting)
        self.notes = NotesMark()
        self.score = PlainLabel()
        self.score.setAccessibleName("Mean IoU of this image")
        self.brush = BrushSize(session)
        ids = dict.fromkeys(o.id for tool in self._tools.values() for o in tool.options)
        self._options = {option_id: _button(actions[option_id]) for option_id in ids}
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 8, 0)
        row.setSpacing(10)
        row.addWidget(self.name, 1)
        row.addWidget(self.run)
        row.addWidget(self.notes)
        row.addWidget(self.score)
        row.addWidget(self.brush)
        for option in self._options.values():
            row.addWidget(option)
        self._refresh = Coalescer(self, self._show)
        session.changed.connect(self._on_change)
        self._show()

    def add_right(self, widget: QWidget) -> None:
        """Put something at the right end."""
        self._row.addWidget(widget)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say less where there is little room."""
        super().resizeEvent(event)
        if (event.size().width() < _NARROW) != (event.oldSize().width() < _NARROW):
            self._refresh.request()

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._refresh.request()

    def _show(self) -> None:
        view = self._session.view
        self.name.show_text(self._name_text())
        narrow = self.width() < _NARROW
        score = self._score_text()
        self.score.setText(score.rpartition(" ")[2] if narrow else score)
        self.score.setToolTip(score)
        self.brush.slider.setVisible(not narrow)
        # views side by side have headers of their own
        self.score.setVisible(not view.panes)
        self.notes.show_notes(() if view.panes else self._notes())
        has_document = self._session.document is not None
        tool = self._tools[view.tool]
        self.brush.setVisible(has_document and tool.shows_brush)
        shown = {option.id for option in tool.options}
        for option_id, button in self._options.items():
            button.setVisible(has_document and option_id in shown)

    def _name_text(self) -> str:
        session = self._session
        document = session.document
        if session.loading:
            return f"Reading {session.loading}…"
        if session.unreadable is not None:
            return f"{session.unreadable.name}  \u00b7  cannot be shown"
        if document is None:
            return ""
        height, width = document.shape_hw
        position = (
            f"{image_of(session.index) + 1} of {len(session.project.images)}"
            if session.project
            else ""
        )
        edited = " (not saved yet)" if document.dirty else ""
        return f"{document.ref.title}{edited}  \u00b7  {width} x {height}  \u00b7  {position}"

    def _notes(self) -> tuple[str, ...]:
        """What is to be known of the shown prediction."""
        document = self._session.document
        shown = None if document is None else document.predictions.get(self._session.view.run)
        return () if shown is None else shown.notes

    def _score_text(self) -> str:
        document = self._session.document
        if document is None or self._session.view.run not in document.predictions:
            return ""
        metrics = self._scoring.of_image()
        if metrics is None:
            return ""
        schema = self._session.schema
        return f"{lead_short(schema)} {ratio_text(lead_iou(metrics, schema))}"


class RunChooser(ElidedCombo):
    """Which of the image's predictions is shown and scored; hidden while there is none."""

    def __init__(self, session: Session, segmenting: Segmenting) -> None:
        super().__init__()
        self._session = session
        self.setAccessibleName("Shown prediction")
        self.setToolTip("Which prediction is shown and scored")
        self.setMinimumContentsLength(_RUN_LETTERS)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.activated.connect(lambda: segmenting.show(str(self.currentData())))
        session.changed.connect(self._on_change)
        self._show()

    def _on_change(self, change: Change) -> None:
        if change.what & (What.DOCUMENT | What.PREDICTIONS | What.VIEW):
            self._show()

    def _show(self) -> None:
        document = self._session.document
        runs = {} if document is None else document.predictions
        if [self.itemData(i) for i in range(self.count())] != list(runs):
            self.clear()
            for run, prediction in runs.items():
                self.addItem(prediction.title, run)
            self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        self.setCurrentIndex(self.findData(self._session.view.run))
        self.setVisible(bool(runs) and not self._session.view.panes)


class BrushSize(QWidget):
    """Diameter of the brush in pixels: a slider that feels even from 1 to 500, and a number."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _SLIDER_STEPS)
        self.slider.setFixedWidth(84)
        self.slider.setAccessibleName("Brush size")
        self.slider.setToolTip("Brush size ([ and ], Shift+wheel)")
        self.number = QSpinBox()
        self.number.setRange(MIN_BRUSH, MAX_BRUSH)
        self.number.setSuffix(" px")
        self.number.setAccessibleName("Brush size in pixels")
        self.number.setToolTip("Brush size ([ and ], Shift+wheel)")
        self.number.setKeyboardTracking(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.slider)
        row.addWidget(self.number)
        self._show()
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(lambda size: session.set_view(brush_size=size))
        session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.what & What.VIEW:
            self._show()

    def _show(self) -> None:
        size = self._session.view.brush_size
        for widget, value in ((self.number, size), (self.slider, _to_slider(size))):
            if isinstance(widget, QSlider) and _from_slider(widget.value()) == size:
                continue
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)

    def _slid(self, value: int) -> None:
        self._session.set_view(brush_size=_from_slider(value))


def _to_slider(size: int) -> int:
    return round(_SLIDER_STEPS * math.log(size / MIN_BRUSH) / math.log(MAX_BRUSH / MIN_BRUSH))


def _from_slider(value: int) -> int:
    return round(MIN_BRUSH * math.pow(MAX_BRUSH / MIN_BRUSH, value / _SLIDER_STEPS))


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setIconSize(QSize(16, 16))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setAutoRaise(True)
    button.setForegroundRole(QPalette.ColorRole.WindowText)
    return button
