"""The row on top of the network panel: what is traced, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QToolTip,
    QWidget,
)

from segstudio.core.colour_maps import colour_table
from segstudio.core.formatting import seconds_text, short_text
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.ui.sharing import Room
from segstudio.kit.elided import ElidedCombo, ElidedLabel
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.swatch import swatch
from segstudio.session.inspection import ColourMap, Inspection, MapPicture, TracedNetwork
from segstudio.session.session import Change, Session, What

HEADER_HEIGHT = 36
_LABELS_FROM = 1120
"""Narrower than this, the choosers do without words before them."""
_NAMES_FROM = 820
"""Narrower than this, the colour map is shown without its name."""
_PICTURE_ALONE = 62
_PICTURES = (
    ("Mean", MapPicture.MEAN, "Mean of the channels"),
    ("Maximum", MapPicture.MAXIMUM, "Largest value of the channels"),
    ("Components", MapPicture.COMPONENTS, "First three principal components as red, green, blue"),
    ("Channel", MapPicture.CHANNEL, "One channel, the same in every stage"),
)
_COLOURS = (
    ("Viridis", ColourMap.VIRIDIS),
    ("Magma", ColourMap.MAGMA),
    ("Grey", ColourMap.GREY),
    ("Diverging", ColourMap.DIVERGING),
)
_GRADIENT = QSize(28, 12)
_TITLE_LETTERS = 12


class NetworkHeader(QWidget):
    """Model summary, pictures, colours, class asked about, pinned pixel, export.

    Signals:
        table_chosen: The table (True) or the diagram (False) shall be shown.
        room_chosen: Who gets the room (a `Room`).
    """

    table_chosen = Signal(bool)
    room_chosen = Signal(object)

    def __init__(self, session: Session, inspecting: Inspecting, exports: QMenu) -> None:
        super().__init__()
        self._session, self._inspecting = session, inspecting
        self._classes_of: TracedNetwork | None = None
        self.setFixedHeight(HEADER_HEIGHT)
        self.diagram = icon_button("network", "Show the network as a diagram")
        self.table = icon_button("table", "Show the network as a table of shapes")
        self.alone = icon_button("panel-left", "Give the network all the room")
        self.pages_alone = icon_button("panel-right", "Give the pages all the room")
        self.summary = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.summary.setAccessibleName("Traced network")
        self.busy = QProgressBar()
        self.notes = icon_button("triangle-alert", "What could not be found")
        self.picture = _combo("Pictures of the stages")
        self.channel = QSpinBox()
        self.colours = _combo("Colour map of activations", ElidedCombo())
        self.class_ = ElidedCombo()
        self.pinned = icon_button("pin", "Unpin this pixel")
        self.again = icon_button("refresh-cw", "Trace again")
        self.export = icon_button("download", "Export")
        self._labels = [PlainLabel("Pictures"), PlainLabel("Colours"), PlainLabel("Class")]
        self._fill(exports)
        self._lay_out()
        self._connect()
        self._show()

    @property
    def notes_text(self) -> str:
        """What could not be found or is not the whole, "" if nothing."""
        traced = self._session.inspection.traced
        return "" if traced is None else "\n".join(_notes(traced))

    def _fill(self, exports: QMenu) -> None:
        for button in (self.diagram, self.table, self.alone, self.pages_alone):
            button.setCheckable(True)
        self._views = QButtonGroup(self)
        self._views.addButton(self.diagram)
        self._views.addButton(self.table)
        self.diagram.setChecked(True)
        self.busy.setRange(0, 0)
        self.busy.setFixedSize(48, 8)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName("Working")
        for row, (text, picture, tip) in enumerate(_PICTURES):
            self.picture.addItem(text, picture)
            self.picture.setItemData(row, plain(tip), Qt.ItemDataRole.ToolTipRole)
        for text, colours in _COLOURS:
            self.colours.addItem(_gradient(colours), text, colours)
        self.colours.setIconSize(_GRADIENT)
        self.channel.setAccessibleName("Channel in the pictures")
        self.channel.setToolTip("Channel in the pictures")
        self.channel.setKeyboardTracking(False)
        self.class_.setAccessibleName("Class asked about")
        self.class_.setToolTip("The class whose score is explained, compared and sorted by")
        self.class_.setMinimumContentsLength(_TITLE_LETTERS)
        self.class_.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.class_.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.pinned.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for label, buddy in zip(
            self._labels, (self.picture, self.colours, self.class_), strict=True
        ):
            label.setBuddy(buddy)
        self.export.setMenu(exports)
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export.setProperty("menuSign", "false")

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        row.setSpacing(4)
        row.addWidget(self.diagram)
        row.addWidget(self.table)
        row.addSpacing(6)
        row.addWidget(self.alone)
        row.addWidget(self.pages_alone)
        row.addSpacing(4)
        row.addWidget(self.summary, 1)
        row.addWidget(self.busy)
        row.addWidget(self.notes)
        row.addWidget(self.pinned)
        for label, *fields in zip(
            self._labels,
            (self.picture, self.colours, self.class_),
            strict=True,
        ):
            row.addSpacing(4)
            row.addWidget(label)
            for field in fields:
                row.addWidget(field)
            if self.picture in fields:
                row.addWidget(self.channel)
        row.addSpacing(4)
        row.addWidget(self.again)
        row.addWidget(self.export)

    def _connect(self) -> None:
        inspecting = self._inspecting
        self._views.idToggled.connect(lambda *_: self.table_chosen.emit(self.table.isChecked()))
        for button, room in ((self.alone, Room.NETWORK), (self.pages_alone, Room.PAGES)):
            button.clicked.connect(
                lambda checked, room=room: self.room_chosen.emit(room if checked else Room.BOTH)
            )
        for button in (self.diagram, self.table):
            button.clicked.connect(self._bring_network)
        self.picture.activated.connect(
            lambda: inspecting.choose_picture(MapPicture(self.picture.currentData()))
        )
        self.channel.valueChanged.connect(
            lambda value: inspecting.choose_picture(MapPicture.CHANNEL, value)
        )
        self.colours.activated.connect(
            lambda: inspecting.choose_look(colours=ColourMap(self.colours.currentData()))
        )
        self.class_.activated.connect(
            lambda: inspecting.choose_class(int(self.class_.currentData()))
        )
        self.pinned.clicked.connect(lambda: inspecting.pin(None))
        self.again.clicked.connect(inspecting.trace_again)
        self.notes.clicked.connect(self._tell_notes)
        self._session.changed.connect(self._on_change)

    def show_room(self, room: Room) -> None:
        """Show who has the room."""
        self.alone.setChecked(room is Room.NETWORK)
        self.pages_alone.setChecked(room is Room.PAGES)

    def _bring_network(self) -> None:
        """Diagram or table was asked for: it is not hidden any more."""
        if self.pages_alone.isChecked():
            self.room_chosen.emit(Room.BOTH)

    def _tell_notes(self) -> None:
        place = self.notes.mapToGlobal(self.notes.rect().bottomLeft())
        QToolTip.showText(place, self.notes.toolTip(), self.notes)

    # -- what it shows -------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & (What.TRACE | What.INSPECTION | What.SCHEMA):
            self._show()

    def _show(self) -> None:
        inspection = self._session.inspection
        traced = inspection.traced
        self.summary.show_text(*_summaries(inspection))
        self.busy.setVisible(bool(inspection.waiting))
        self.notes.setVisible(bool(self.notes_text))
        self.notes.setToolTip(_as_paragraphs(self.notes_text))
        for control in (
            self.picture, self.channel, self.colours, self.class_, self.table, self.alone,
            self.pages_alone,
        ):  # fmt: skip
            control.setEnabled(traced is not None)
        self.export.setEnabled(traced is not None)
        self.again.setEnabled(not inspection.waiting and self._session.document is not None)
        self._show_choices(inspection)
        self._show_classes(inspection)
        self.pinned.setVisible(traced is not None and inspection.point is not None)
        if inspection.point is not None:
            self.pinned.setText(f"{inspection.point[0]}, {inspection.point[1]}")

    def _show_choices(self, inspection: Inspection) -> None:
        self.picture.setCurrentIndex(self.picture.findData(inspection.picture))
        self.colours.setCurrentIndex(self.colours.findData(inspection.look.colours))
        self.channel.setVisible(inspection.picture is MapPicture.CHANNEL)
        self.channel.blockSignals(True)
        if inspection.traced is not None:
            layers = inspection.traced.trace.layers
            self.channel.setMaximum(max((layer.shape[0] for layer in layers), default=1) - 1)
        self.channel.setValue(inspection.picture_channel)
        self.channel.blockSignals(False)

    def _show_classes(self, inspection: Inspection) -> None:
        traced = inspection.traced
        if traced is not self._classes_of:
            self._classes_of = traced
            self.class_.clear()
            if traced is not None:
                color_of = self._class_color(traced)
                for class_id, name in traced.class_names.items():
                    self.class_.addItem(swatch(color_of(class_id)), name, class_id)
        self.class_.setCurrentIndex(self.class_.findData(inspection.class_id))

    def _class_color(self, traced: TracedNetwork) -> Callable[[int], QColor]:
        spec = self._session.models.get(traced.model)
        if spec is None:
            return lambda _class_id: QColor(Qt.GlobalColor.gray)
        palette = spec.schema.palette()
        return lambda class_id: QColor(*(int(value) for value in palette[class_id]))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say what the choosers are for where there is room."""
        super().resizeEvent(event)
        for label in self._labels:
            label.setVisible(self.width() >= _LABELS_FROM)
        is_narrow = self.width() < _NAMES_FROM
        self.colours.setFixedWidth(_PICTURE_ALONE if is_narrow else self.colours.sizeHint().width())

    def changeEvent(self, event: QEvent) -> None:
        """Ask for the height that the font needs."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.setFixedHeight(max(HEADER_HEIGHT, self.fontMetrics().height() + 16))


def _summaries(inspection: Inspection) -> tuple[str, ...]:
    """What was traced: all, what matters most of it, and the name alone where there is no room."""
    traced = inspection.traced
    if traced is None or inspection.waiting:
        return ("" if traced is None else f"{inspection.waiting}…",)
    trace = traced.trace
    height, width = trace.input_size
    parameters = f"{short_text(trace.parameters)} parameters"
    rest = (
        f"{short_text(trace.macs)} multiply-adds",
        seconds_text(trace.seconds),
        f"{width} \u00d7 {height} pixels",
    )
    between = "  \u00b7  "
    return (
        between.join((traced.title, parameters, *rest)),
        between.join((traced.title, parameters)),
        traced.title,
    )


def _notes(traced: TracedNetwork) -> list[str]:
    notes = list(traced.trace.notes)
    window, (height, width) = traced.input_geometry.window, traced.input_geometry.photo_hw
    if (window.height, window.width) != (height, width):
        # how large the part is stands in the trace's own note
        notes.append("Pin a pixel elsewhere and trace again to see another part of the photo.")
    return notes


def _as_paragraphs(text: str) -> str:
    """Rich text, so that Qt breaks long lines of a tool tip."""
    from segstudio.core.text import as_html

    return "".join(f"<p>{as_html(line)}</p>" for line in text.splitlines())


def _gradient(colours: ColourMap) -> QIcon:
    """A strip of the colour map."""
    import numpy as np

    strip = np.ascontiguousarray(
        np.broadcast_to(
            colour_table(colours)[None], (_GRADIENT.height(), 256, 3)
        )
    )  # fmt: skip
    image = QImage(strip.data, 256, _GRADIENT.height(), 3 * 256, QImage.Format.Format_RGB888)
    return QIcon(
        QPixmap.fromImage(image.copy()).scaled(_GRADIENT, Qt.AspectRatioMode.IgnoreAspectRatio)
    )


def _combo(name: str, combo: QComboBox | None = None) -> QComboBox:
    combo = combo or QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    combo.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return combo
