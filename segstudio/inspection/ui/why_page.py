"""Why this pixel got this class: scores, Grad-CAM at every stage, effective fields, logit lens."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.class_mapping import ClassMapping
from segstudio.core.formatting import percent_text, ratio_text
from segstudio.core.labels import Image
from segstudio.core.schema import LabelSchema
from segstudio.core.text import as_html
from segstudio.inspection.explaining import Explaining
from segstudio.inspection.explanations import LogitLensRow, PixelValues, class_name, error_text
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.photo_overlay import PhotoOverlay
from segstudio.inspection.ui.class_bars import ClassBars
from segstudio.inspection.ui.stage_strip import PICTURE_PX, StageStrip
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.plain import LinkLabel, PlainLabel, plain, semibold_font
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Emphasis, Side, TableModel
from segstudio.kit.turns import Parts
from segstudio.metrics.tally import lead_iou
from segstudio.report.shape_table import pixels_text
from segstudio.session.inspection import Inspection, Over, Overlay, TracedNetwork
from segstudio.session.session import Change, Session, What

_WIDE_FROM = 560
_PIXEL = "Click a pixel of the photo with the hand to ask why it got its class."
_OVER = (
    (Over.PIXEL, "the pinned pixel"),
    (Over.REGION, "the predicted region there"),
    (Over.ANNOTATED, "the annotated region there"),
    (Over.RECTANGLE, "a rectangle (Shift+drag)"),
    (Over.CLASS, "wherever it is predicted"),
    (Over.ALL, "the whole image"),
)
_OVERLAYS = (
    (Overlay.CAM, "Grad-CAM", "Where the opened stage speaks for the class, over the photo"),
    (Overlay.FIELD, "Pixel's field", "Which pixels of the photo the pinned pixel's score depends on"),
    (Overlay.STAGE_FIELD, "Stage's field",
     "Which pixels of the photo the opened stage depends on at the pinned pixel"),
    (Overlay.LOGIT_LENS, "Logit lens", "What the head would say if it read the opened stage"),
)  # fmt: skip
_NO_LENS = "This network's head can read no earlier stage."
_ON_CHANGE = What.TRACE | What.INSPECTION | What.OVER_PHOTO | What.SCHEMA


class WhyPage(QScrollArea):
    """The pinned pixel's classes on the left, what explains the class asked about on the right."""

    def __init__(
        self,
        session: Session,
        inspecting: Inspecting,
        explaining: Explaining,
        overlay: PhotoOverlay,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._inspecting = session, inspecting
        self._explaining, self._overlay = explaining, overlay
        self._wide: bool | None = None
        self._is_built = False
        self._strip_of: object = None
        self._lens_of: object = None
        self._lens_rows: tuple[LogitLensRow, ...] = ()
        self.pixel = _heading()
        self.classes = ClassBars()
        self.channels = LinkLabel()
        self.field = _text(faint=True)
        self.question = _heading(wraps=False)
        self.over = QComboBox()
        self.buttons = {overlay: QPushButton(text) for overlay, text, _ in _OVERLAYS}
        self.note = _text()
        self.strip_title = _text(faint=True)
        self.strip = StageStrip()
        self.logit_lens_title = _heading("What the head would say from each stage")
        self._lens = TableModel(
            _lens_columns(None, session.schema),
            lambda row: row.stage,
            is_enabled=lambda row: row.view is not None,
        )
        self.logit_lens = TableView(self._lens, "Logit lens by stage", row_height=22)
        self.logit_lens.keep_whole()
        self.logit_lens_note = _text(faint=True)
        self._contents = QWidget()
        self._grid = QGridLayout(self._contents)
        self._asked, self._button_grid = QHBoxLayout(), QGridLayout()
        self._refresh = Coalescer(self, self._show)
        self._lens_again = Coalescer(self, self._ask_lens, 1.0)

    def build(self) -> Parts[None]:
        """Make the rest of it."""
        self._fill()
        yield
        self._lay_out()
        yield
        self._session.changed.connect(self._on_change)
        self._is_built = True
        self._show()

    def _fill(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its controls scroll to themselves
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for over, text in _OVER:
            self.over.addItem(text, over)
        self.over.setAccessibleName("Over which pixels the class is explained")
        self.over.setToolTip("Over which pixels Grad-CAM explains the class")
        self.over.activated.connect(
            lambda: self._inspecting.choose_over(Over(self.over.currentData()))
        )
        for overlay, _, tip in _OVERLAYS:
            button = self.buttons[overlay]
            button.setCheckable(True)
            button.setToolTip(plain(tip))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(
                lambda checked, overlay=overlay: self._choose(overlay, on=checked)
            )
        self.classes.chosen.connect(self._inspecting.choose_class)
        self.channels.linkActivated.connect(self._open_channel)
        self.strip.chosen.connect(self._inspecting.open_stage)
        self.logit_lens.reached.connect(lambda row: self._open_lens(row.stage))
        self.logit_lens.verbs = lambda row: [
            ("blend", "Show in the photo", lambda: self._open_lens(row.stage))
        ]

    def _lay_out(self) -> None:
        self._button_grid.setSpacing(4)
        self._button_grid.setColumnStretch(len(self.buttons), 1)
        asked = self._asked
        asked.setSpacing(6)
        asked.addWidget(self.question)
        asked.addWidget(self.over, 1, Qt.AlignmentFlag.AlignLeft)
        # from the outside in: what gets another parent is styled anew with all that is in it
        self.setWidget(self._contents)
        pixel, why, lens = self._blocks = QWidget(), QWidget(), QWidget()
        self._grid.setContentsMargins(10, 8, 10, 8)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(12)
        self._place(wide=False)
        _stand(pixel, self.pixel, self.classes, self.channels, self.field)
        _stand(why, asked, self._button_grid, self.note, self.strip_title, self.strip)
        _stand(lens, self.logit_lens_title, self.logit_lens, self.logit_lens_note)

    def _place(self, *, wide: bool) -> None:
        """The explanation beside the rest, or between where two columns do not fit."""
        if wide == self._wide:
            return
        self._wide = wide
        self.question.setWordWrap(not wide)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._asked.setDirection(across if wide else down)
        for number, button in enumerate(self.buttons.values()):
            self._button_grid.removeWidget(button)
            self._button_grid.addWidget(button, *divmod(number, 4 if wide else 2))
        pixel, why, lens = self._blocks
        for block in self._blocks:
            self._grid.removeWidget(block)
        self._grid.addWidget(pixel, 0, 0)
        self._grid.addWidget(why, *((0, 1, 2, 1) if wide else (1, 0)))
        self._grid.addWidget(lens, 1 if wide else 2, 0)
        for column, share in enumerate((4, 5) if wide else (1, 0)):
            self._grid.setColumnStretch(column, share)
        for row in range(3):
            self._grid.setRowStretch(row, int(row == (1 if wide else 2)))

    def minimumSizeHint(self) -> QSize:
        """Small: it scrolls."""
        return QSize(240, 100)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """One column where two do not fit."""
        super().resizeEvent(event)
        self._place(wide=self.viewport().width() >= _WIDE_FROM)

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for what was not asked for while it was hidden."""
        super().showEvent(event)
        self._refresh.request()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._is_built:
            self._refresh.request()

    # -- what the user asks --------------------------------------------------------------------

    def _choose(self, overlay: Overlay, *, on: bool) -> None:
        self._overlay.show(overlay if on else Overlay.NOTHING)
        self._show_buttons(self._session.inspection)

    def _open_channel(self, channel: str) -> None:
        self._inspecting.open_stage(self._session.inspection.stage, int(channel))

    def _open_lens(self, stage: str) -> None:
        self._inspecting.open_stage(stage)
        self._overlay.show(Overlay.LOGIT_LENS)

    # -- what it shows -------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & _ON_CHANGE:
            self._refresh.request()
        if change.what & (What.LABELS | What.SCHEMA) and self.isVisible():
            self._lens_again.request()

    def _show(self) -> None:
        inspection = self._session.inspection
        traced = inspection.traced
        self._contents.setEnabled(traced is not None)
        if traced is None:
            self._forget()
            return
        name = class_name(traced, inspection.class_id)
        self.question.setText(f"Why {name}, over")
        self.over.setCurrentIndex(self.over.findData(inspection.over))
        self._show_buttons(inspection)
        self.note.setText(inspection.overlay_note)
        self.note.setVisible(bool(inspection.overlay_note))
        self._show_opened(inspection.stage)
        self._show_pixel(inspection)
        if self.isVisible():
            self._ask_strip(traced, inspection)
            self._ask_lens()

    def _forget(self) -> None:
        self._strip_of, self._lens_of, self._lens_rows = None, None, ()
        self.strip.show_pictures({})
        self._show_lens_rows((), None)

    def _show_buttons(self, inspection: Inspection) -> None:
        for overlay, button in self.buttons.items():
            button.setChecked(overlay is inspection.overlay)

    def _show_opened(self, stage: str) -> None:
        """Mark the opened stage in the strip; if keys led to it, scroll there."""
        self.strip.show_opened(stage)
        if self.strip.hasFocus() and stage in self.strip.stages:
            place = self.strip.place_of(stage)
            middle = self.strip.mapTo(self._contents, place.center())
            self.ensureVisible(middle.x(), middle.y(), place.width() // 2, place.height() // 2)

    def _show_pixel(self, inspection: Inspection) -> None:
        point = inspection.point
        for widget in (self.classes, self.channels, self.field):
            widget.setVisible(point is not None)
        self.pixel.setText(_PIXEL if point is None else f"At pixel {point[0]}, {point[1]}")
        if point is not None:
            self._explaining.values_at(point, self._show_values, key="why page")

    def _show_values(self, values: PixelValues) -> None:
        traced = self._session.inspection.traced
        if traced is None or values.pixel != self._session.inspection.point:
            return
        colours = self._colours(traced)
        self.classes.show_classes(values.classes, colours, self._session.inspection.class_id)
        self.classes.setVisible(bool(values.classes))
        self.channels.setText(_channels_text(values))
        self.channels.setVisible(bool(values.channels))
        self.field.setText(_field_text(traced, values))
        self.field.setVisible(bool(self.field.text()))

    def _colours(self, traced: TracedNetwork) -> dict[int, QColor]:
        """The folder's colours of the model's classes, as on the canvas."""
        schema = self._session.schema
        table = ClassMapping.between(traced.prediction.schema, schema).table
        own = {entry.id: entry.color for entry in traced.prediction.schema.classes}
        found = {}
        for class_id, color in own.items():
            entry = schema.get(int(table[class_id]))
            found[class_id] = QColor(*(color if entry is None else entry.color))
        return found

    # -- Grad-CAM of every stage ---------------------------------------------------------------

    def _ask_strip(self, traced: TracedNetwork, inspection: Inspection) -> None:
        asked = (traced, self._explaining.target(), inspection.look.colours)
        if asked == self._strip_of:
            return
        self._strip_of = asked
        if inspection.over is Over.PIXEL and inspection.point is None:
            self.strip_title.setText("Grad-CAM of every stage appears here when a pixel is pinned.")
            self.strip.show_pictures({})
            return
        self.strip_title.setText("Grad-CAM of every stage: computing …")

        def done(pictures: Mapping[str, Image]) -> None:
            if asked == self._strip_of:
                self.strip_title.setText("Grad-CAM of every stage; click one to open it")
                self.strip.show_pictures(pictures)

        def failed(error: Exception) -> None:
            if asked == self._strip_of:
                self.strip_title.setText(error_text(error))
                self.strip.show_pictures({})

        self._explaining.cam_pictures(PICTURE_PX, done, failed)

    # -- logit lens ----------------------------------------------------------------------------

    def _ask_lens(self) -> None:
        traced = self._session.inspection.traced
        if traced is None or not self.isVisible():
            return
        asked = (traced, self._session.schema, traced.document.annotation.revision)
        if asked == self._lens_of:
            self._show_lens(traced)
            return
        self._lens_of = asked

        def done(rows: tuple[LogitLensRow, ...]) -> None:
            if asked == self._lens_of:
                self._lens_rows = rows
                self._show_lens(traced)

        self._explaining.logit_lens_table(
            done, lambda error: self.logit_lens_note.setText(error_text(error))
        )

    def _show_lens_rows(self, rows: tuple[LogitLensRow, ...], class_id: int | None) -> None:
        """Show the stages; `class_id` is the folder's class whose IoU is shown, or None."""
        self._lens.show_rows(rows, _lens_columns(class_id, self._session.schema))
        self.logit_lens.clearSpans()
        for place, row in enumerate(rows):
            if row.view is None:  # a sentence in place of the figures
                self.logit_lens.setSpan(place, 1, 1, self._lens.columnCount() - 1)

    def _show_lens(self, traced: TracedNetwork) -> None:
        readable = any(row.view is not None for row in self._lens_rows)
        self.logit_lens.setVisible(readable)
        self.logit_lens_note.setText("" if readable else _NO_LENS)
        self.logit_lens_note.setVisible(not readable and bool(self._lens_rows))
        if readable:
            table = ClassMapping.between(traced.prediction.schema, self._session.schema).table
            self._show_lens_rows(self._lens_rows, int(table[self._session.inspection.class_id]))


def _channels_text(values: PixelValues) -> str:
    links = (
        f'<a href="{entry.channel}">{entry.channel}</a>&nbsp;({entry.value:.3g})'
        for entry in values.channels
    )
    return f"Strongest channels of {as_html(values.stage)} here: " + ", ".join(links)


def _field_text(traced: TracedNetwork, values: PixelValues) -> str:
    if values.field is None or not values.stage:
        return ""
    layer = traced.trace.layer(values.stage)
    height, width = layer.photo_field or (0, 0)
    text = (
        f"Theoretical receptive field of {values.stage}: {height} \u00d7 {width} px of the photo "
        f"(height \u00d7 width), one position every {pixels_text(layer.photo_stride)} px"
    )
    field = layer.receptive_field
    if field is not None and field.is_global:
        text += "; a global path sees the whole image besides"
    return text + "."


def _lens_columns(class_id: int | None, schema: LabelSchema) -> tuple[Column[LogitLensRow], ...]:
    """What the head says from a stage; `class_id` is the folder's class that is asked about."""
    of = "the foreground of " if schema.has_foreground else ""

    def agrees(row: LogitLensRow) -> float:
        return math.nan if row.view is None else row.view.agreement

    def mean(row: LogitLensRow) -> float:
        metrics = None if row.view is None else row.view.metrics
        return math.nan if metrics is None else lead_iou(metrics, schema)

    def own(row: LogitLensRow) -> float:
        metrics = None if row.view is None else row.view.metrics
        if metrics is None or class_id not in metrics.class_ids:
            return math.nan
        return float(metrics.iou[metrics.class_ids.index(class_id)])

    def agreement_text(row: LogitLensRow) -> str:
        if row.view is None:
            return f"{row.channels} channels: not the head's"
        return percent_text(agrees(row))

    def emphasis(row: LogitLensRow) -> Emphasis:
        return Emphasis.FAINT if row.view is None else Emphasis.NONE

    return (
        Column("Stage", lambda row: row.stage,
               "A stage that the head can read has as many channels as the head expects",
               emphasis=emphasis, stretch=60),
        Column("Agrees", agreement_text,
               "Share of the pixels on which the head says from this stage what the network says",
               agrees, emphasis=emphasis, side=Side.RIGHT, sample="100.0 %"),
        Column("Foreground IoU" if schema.has_foreground else "Mean IoU",
               lambda row: ratio_text(mean(row)),
               f"Of {of}what the head says from this stage, against the annotation", mean,
               side=Side.RIGHT),
        Column("Class IoU", lambda row: ratio_text(own(row)), "Of the class that is asked about",
               own, side=Side.RIGHT),
    )  # fmt: skip


def _heading(text: str = "", *, wraps: bool = True) -> QLabel:
    label = PlainLabel(text)
    label.setWordWrap(wraps)
    label.setFont(semibold_font(label.font()))
    return label


def _text(*, faint: bool = False) -> QLabel:
    label = PlainLabel()
    label.setWordWrap(True)
    if faint:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def _stand(block: QWidget, *parts: QWidget | QLayout) -> None:
    """Put the parts into a block, one below the other."""
    column = QVBoxLayout(block)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(6)
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
    column.addStretch(1)
