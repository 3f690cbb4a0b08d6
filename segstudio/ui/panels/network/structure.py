"""The network as a diagram (two beside each other for two models) or as a table."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.feature_maps import FeatureMaps
from segstudio.app.inspecting import Inspecting
from segstudio.app.pairing import Pairing
from segstudio.session.session import Change, Session, What
from segstudio.ui.elided import ElidedLabel
from segstudio.ui.icon_button import icon_button
from segstudio.ui.panels.network.diagram import DiagramView
from segstudio.ui.panels.network.table import ShapeTable


class Structure(QWidget):
    """Shows the stages.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a stage's picture, or None.
        opened: A stage of the first network was clicked.
        skip_opened: A skip edge was.
        pages_wanted: A stage or a skip edge was double-clicked.
        skip_cut: A skip edge (its id) shall be cut, or joined again (bool).
        stage_cut: All channels of a stage (its id) shall be cut.
    """

    pointed = Signal(object)
    opened = Signal()
    skip_opened = Signal()
    pages_wanted = Signal()
    skip_cut = Signal(str, bool)
    stage_cut = Signal(str)

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
        self.diagram = DiagramView(session, inspecting, feature_maps)
        self.second: DiagramView | None = None
        self.table = ShapeTable(session, inspecting)
        self._diagrams = QSplitter(Qt.Orientation.Horizontal)
        self._diagrams.setChildrenCollapsible(False)
        self._titles: list[ElidedLabel] = []
        self._holders: list[QWidget] = []
        self._diagrams.addWidget(self._titled(self.diagram))
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._diagrams)
        self._stack.addWidget(self._with_buttons(self.table))
        self.diagram.pointed.connect(self.pointed)
        self.diagram.opened.connect(lambda _stage: self.opened.emit())
        self.diagram.skip_opened.connect(lambda _skip: self.skip_opened.emit())
        self.diagram.pages_wanted.connect(self.pages_wanted)
        self.diagram.skip_cut.connect(self.skip_cut)
        self.diagram.stage_cut.connect(self.stage_cut)
        self.table.doubleClicked.connect(lambda _index: self.pages_wanted.emit())
        self.table.clicked.connect(lambda _index: self.opened.emit())
        session.changed.connect(self._on_change)
        self._show_second()

    def show_table(self, shown: bool) -> None:
        self._stack.setCurrentIndex(int(shown))

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in every stage."""
        for view in (self.diagram, self.second):
            if view is not None and view.isVisible():
                view.show_point(pixel_xy)

    def _on_change(self, change: Change) -> None:
        if change.what & What.TRACE:
            self._show_second()
        if change.what & What.INSPECTION and self.second is not None:
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
            ("copy", "Copy the table", table.copy),
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
