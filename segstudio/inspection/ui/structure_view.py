"""The network as a diagram (two beside each other for two models) or as a table."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.features import LayerInfo
from segstudio.core.formatting import (
    DASH,
    bytes_text,
    count_text,
    short_text,
)
from segstudio.core.operators import operators_text
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.pairing import Pairing
from segstudio.inspection.ui.diagram_view import DiagramView
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.file_dialogs import ask_csv
from segstudio.kit.icon_button import icon_button
from segstudio.kit.table import TableView
from segstudio.kit.table_model import UNSORTED, Column, Side, TableModel, share_of_largest
from segstudio.kit.turns import Parts
from segstudio.report.shape_table import field_text, pixels_text, shape_csv
from segstudio.session.inspection import TracedNetwork
from segstudio.session.session import Change, Session, What

_Stage = Column[LayerInfo]
COLUMNS: Final = (
    _Stage("Stage", lambda s: s.id, "Name of the module whose result this is"),
    _Stage("Role", lambda s: s.role.value, "What the stage does"),
    _Stage("H \u00d7 W", lambda s: f"{s.shape[1]} \u00d7 {s.shape[2]}",
           "Height and width of the result", key=lambda s: s.shape[1] * s.shape[2],
           side=Side.RIGHT),
    _Stage("Channels", lambda s: count_text(s.shape[0]), "Channels of the result",
           lambda s: s.shape[0], side=Side.RIGHT),
    _Stage("Stride", lambda s: pixels_text(s.photo_stride) if s.photo_stride else DASH,
           "Photo pixels per position", lambda s: s.photo_stride, side=Side.RIGHT),
    _Stage("Parameters", lambda s: count_text(s.parameters) if s.parameters else DASH,
           "Weights between the stages before and this one", lambda s: s.parameters,
           side=Side.RIGHT),
    _Stage("Multiply-adds", lambda s: short_text(s.macs) if s.macs else DASH, "For this image",
           lambda s: s.macs, side=Side.RIGHT),
    _Stage("Receptive field", lambda s: field_text(s).replace(" x ", " \u00d7 "),
           "Height and width of the part of the photo, in its pixels, that a position can depend on; "
           "+ means that some path reads the whole image besides", key=lambda s: _field_area(s), side=Side.RIGHT),
    _Stage("Memory", lambda s: bytes_text(s.nbytes),
           "The activations as kept here (16 bits a value)", lambda s: s.nbytes, side=Side.RIGHT),
    _Stage("Time", lambda s: f"{1000 * s.seconds:.1f} ms", "In the traced forward pass",
           lambda s: s.seconds, side=Side.RIGHT),
    _Stage("Operations", lambda s: operators_text(s.operators) or DASH,
           "What the stage is made of: kernels, strides, dilation rates and groups where they are "
           "not 1, and how maps are made larger", stretch=170),
)  # fmt: skip
_COMPARED: Final = ("Parameters", "Multiply-adds", "Memory", "Time")
"""Columns with bars: the part of the column's largest."""


def _field_area(layer: LayerInfo) -> int | None:
    field = layer.photo_field
    return None if field is None else field[0] * field[1]


def _with_bars(layers: tuple[LayerInfo, ...]) -> list[_Stage]:
    return [
        share_of_largest(column, layers) if column.title in _COMPARED else column
        for column in COLUMNS
    ]


class ShapeTable(TableView[LayerInfo]):
    """A row for every stage of the traced network; a click or an arrow key opens the stage."""

    def __init__(self, session: Session, inspecting: Inspecting) -> None:
        self.stages = TableModel(COLUMNS, lambda layer: layer.id)
        super().__init__(
            self.stages, "Shape trace", sorting=UNSORTED,
            choosing=QAbstractItemView.SelectionMode.ExtendedSelection,
        )  # fmt: skip
        self._session, self._inspecting = session, inspecting
        self._traced: TracedNetwork | None = None
        self.setAlternatingRowColors(True)
        self.horizontalHeader().setSectionsMovable(True)
        self.reached.connect(lambda layer: inspecting.open_stage(layer.id))
        self.verbs = lambda layer: [
            ("layers", "Open the stage", lambda: inspecting.open_stage(layer.id))
        ]
        session.changed.connect(self._on_change)
        self._show()

    def _on_change(self, change: Change) -> None:
        if change.what & (What.TRACE | What.INSPECTION):
            self._show()

    def _show(self) -> None:
        inspection = self._session.inspection
        if inspection.traced is not self._traced:
            self._traced = inspection.traced
            layers = () if self._traced is None else self._traced.trace.layers
            self.stages.show_rows(layers, _with_bars(layers))
        self.choose(inspection.stage)

    def copy(self) -> None:
        """Put the chosen stages on the clipboard, in the order shown."""
        if self.chosen_rows():
            QApplication.clipboard().setText(shape_csv(self.chosen_rows(), "\t"))

    def copy_all(self) -> None:
        """Put all stages on the clipboard, in the order shown; last what no stage counts."""
        if self._traced is not None:
            rest = self._traced.trace.remainder
            QApplication.clipboard().setText(shape_csv(self.stages.rows, "\t", rest))

    def save(self) -> None:
        """Ask for a file and write the table as CSV, in the order shown."""
        path = ask_csv(self, "Save the shape trace", self._session, "shape-trace.csv")
        if path is not None:
            self._inspecting.save_table(path, self.stages.rows)


class StructureView(QWidget):
    """Shows the stages.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a stage's picture, or None.
        opened: A stage of the first network was clicked.
        skip_opened: A skip edge was.
        pages_wanted: A stage or a skip edge was double-clicked.
        skip_cut: A skip edge (its id) shall be cut, or joined again (bool).
        stage_cut: All channels of a stage (its id) shall be cut.
        photo_wanted: A stage's (its id) channel (its number) shall lie over the photo.
    """

    diagram: DiagramView
    table: ShapeTable

    pointed = Signal(object)
    opened = Signal()
    skip_opened = Signal()
    pages_wanted = Signal()
    skip_cut = Signal(str, bool)
    stage_cut = Signal(str)
    photo_wanted = Signal(str, int)

    def __init__(
        self,
        session: Session,
        inspecting: Inspecting,
        feature_maps: FeatureMaps,
        pairing: Pairing,
    ) -> None:
        super().__init__()
        self._session, self._inspecting = session, inspecting
        self._feature_maps, self._pairing = feature_maps, pairing
        self.second: DiagramView | None = None
        self._diagrams = QSplitter(Qt.Orientation.Horizontal)
        self._diagrams.setChildrenCollapsible(False)
        self._titles: list[ElidedLabel] = []
        self._holders: list[QWidget] = []
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._diagrams)

    def build(self) -> Parts[None]:
        """Make what it holds."""
        self.diagram = DiagramView(self._session, self._inspecting, self._feature_maps)
        self._diagrams.addWidget(self._titled(self.diagram))
        yield
        self.table = ShapeTable(self._session, self._inspecting)
        yield
        self._stack.addWidget(self._with_buttons(self.table))
        yield
        self._connect()
        self._show_second()

    def _connect(self) -> None:
        self.diagram.pointed.connect(self.pointed)
        self.diagram.opened.connect(lambda _stage: self.opened.emit())
        self.diagram.skip_opened.connect(lambda _skip: self.skip_opened.emit())
        self.diagram.pages_wanted.connect(self.pages_wanted)
        self.diagram.skip_cut.connect(self.skip_cut)
        self.diagram.stage_cut.connect(self.stage_cut)
        self.diagram.photo_wanted.connect(self.photo_wanted)
        self.table.doubleClicked.connect(lambda _index: self.pages_wanted.emit())
        self.table.clicked.connect(lambda _index: self.opened.emit())
        self._session.changed.connect(self._on_change)

    def show_table(self, shown: bool) -> None:
        self._stack.setCurrentIndex(int(shown))

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in every stage."""
        for view in (self.diagram, self.second):
            if view is not None and view.isVisible():
                view.show_point(pixel_xy)

    def _on_change(self, change: Change) -> None:
        if change.what & (What.TRACE | What.PAIR):
            self._show_second()
        if change.what & What.PAIR and self.second is not None:
            pair = self._pairing.state.pair
            self.second.show_stage(pair[1] if pair is not None else "")

    def _show_second(self) -> None:
        wanted = self._session.inspection.second is not None
        if wanted and self.second is None:
            self.second = DiagramView(
                self._session, self._inspecting, self._feature_maps, which="second"
            )
            self.second.pointed.connect(self.pointed)
            self.second.opened.connect(self._open_second)
            self.second.moved.connect(self.diagram.show_view)
            self.diagram.moved.connect(self.second.show_view)
            self._diagrams.addWidget(self._titled(self.second))
            half = max(1, self._diagrams.width() // 2)
            self._diagrams.setSizes([half, half])
        if self.second is not None:
            self._holders[1].setVisible(wanted)
        self._show_titles()

    def _show_titles(self) -> None:
        """Name the networks where there are two."""
        inspection = self._session.inspection
        both = (inspection.traced, inspection.second)
        for label, traced in zip(self._titles, both, strict=False):
            label.setVisible(inspection.second is not None)
            label.show_text("" if traced is None else traced.title)

    def _titled(self, view: DiagramView) -> QWidget:
        """A diagram below the name of its network."""
        label = ElidedLabel()
        label.setContentsMargins(8, 3, 8, 3)
        self._titles.append(label)
        holder = QWidget()
        self._holders.append(holder)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(label)
        column.addWidget(view, 1)
        return holder

    def _open_second(self, stage: str) -> None:
        """A stage of the second network was clicked: look at it beside the opened one."""
        opened = self._session.inspection.stage
        if opened:
            self._pairing.open_pair(opened, stage)

    def _with_buttons(self, table: ShapeTable) -> QWidget:
        """The table below a line that says how to use it."""
        line = ElidedLabel(Qt.TextElideMode.ElideRight)
        line.show_text("Click a heading to sort, a row to open the stage.")
        line.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        row = QHBoxLayout()
        row.setContentsMargins(8, 2, 4, 0)
        row.setSpacing(2)
        row.addWidget(line, 1)
        for name, tip, run in (
            ("copy", "Copy the table", table.copy_all),
            ("download", "Save the table as CSV…", table.save),
        ):
            button = icon_button(name, tip)
            button.clicked.connect(lambda _checked=False, run=run: run())
            row.addWidget(button)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(table, 1)
        return page
