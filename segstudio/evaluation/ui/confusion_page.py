"""The confusion matrix of a model over the folder, and the images behind each of its cells."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.series_colors import run_color
from segstudio.evaluation.confused_places import ConfusedPlaces
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.confused_list import ConfusedList
from segstudio.evaluation.ui.confusion_painter import LEAST_CELL, MatrixGrid, paint_matrix
from segstudio.evaluation.ui.confusion_values import ConfusionValues
from segstudio.evaluation.ui.words import NO_TRUTH
from segstudio.folder.browsing import Browsing
from segstudio.folder.picture_files import PictureFiles
from segstudio.kit.charts.chart_files import LETTERS_PX, MARGIN, ChartPicture, fill_menu
from segstudio.kit.charts.look import ON_PAPER, ChartColors
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.heat_map import Cell, HeatMap
from segstudio.kit.icon_button import icon_button
from segstudio.kit.swatch import swatch
from segstudio.session.session import Change, Session, What

_EVERY_S: Final = 0.5
_SHARES: Final = (64, 36)
_WAITING: Final = "The first images are being evaluated…"
_PICTURE: Final = QSize(76, 40)
"""A cell of a picture, and at least so many of them are left for names."""


class ConfusionPage(QWidget):
    """Heat map at the left; a click on a cell lists its images, another opens one there.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits), and the `Rect` of the pixels in question or None;
            the image, the model's prediction and the difference layer are on the screen by then.
    """

    open_requested = Signal(object, object)

    def __init__(
        self,
        session: Session,
        evaluating: Evaluating,
        browsing: Browsing,
        places: ConfusedPlaces,
        files: PictureFiles,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._table, self._files = session, evaluating.table, files
        self._classes: tuple[int, int] | None = None
        self.model = ElidedCombo()
        self.model.setAccessibleName("Model")
        self.model.setToolTip("Whose confusions are shown")
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.model.setMaximumWidth(260)
        self.unit = ElidedCombo()
        self.unit.addItem("% of each row", True)
        self.unit.addItem("Pixels", False)
        self.unit.setAccessibleName("Numbers")
        self.unit.setToolTip("Shares of the pixels of the row's class, or pixels")
        self.errors = QCheckBox("Errors only")
        self.errors.setToolTip("Leave out the diagonal, so that the colours show the errors")
        self.more = icon_button("download", "Save or copy the matrix")
        self.map = ConfusionMap()
        self.images = ConfusedList(session, evaluating.table, browsing, places)
        self._lay_out()
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        # from the outside in: what gets another parent is styled anew with all that is in it
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._empty = EmptyState("")
        self._switch = Switch(self._empty, self._splitter)
        whole.addLayout(self._switch)
        left = QWidget()
        for place, (widget, share) in enumerate(zip((left, self.images), _SHARES, strict=True)):
            self._splitter.addWidget(widget)
            self._splitter.setStretchFactor(place, share)
        self._splitter.setSizes([1000 * share for share in _SHARES])
        column = QVBoxLayout(left)
        column.setContentsMargins(8, 4, 6, 4)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(6)
        column.addLayout(row)
        row.addWidget(self.model)
        row.addWidget(self.unit)
        row.addWidget(self.errors)
        row.addStretch(1)
        row.addWidget(self.more)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setBackgroundRole(QPalette.ColorRole.Base)
        column.addWidget(scroll, 1)
        scroll.setWidget(self.map)

    def _connect(self) -> None:
        self.model.activated.connect(self._show)
        self.unit.activated.connect(self._show)
        self.errors.toggled.connect(self._show)
        self.map.chosen.connect(self._choose)
        self.images.open_requested.connect(self.open_requested)
        self.more.clicked.connect(
            lambda: self.menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))
        )
        self.map.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.map.customContextMenuRequested.connect(
            lambda at: self.menu().popup(self.map.mapToGlobal(at))
        )
        self._session.changed.connect(self._on_change)

    # -- what it shows -------------------------------------------------------------------------

    @property
    def empty_text(self) -> str:
        """The line that is shown instead of the matrix, "" while it is shown."""
        return self._switch.empty_text

    def copied(self) -> str:
        """The numbers, for the clipboard."""
        return self.map.values.table if not self.empty_text else ""

    def _on_change(self, change: Change) -> None:
        if change.what & (What.EVALUATION | What.SCHEMA | What.MODELS | What.PROJECT):
            self._refresh.request()

    def _show(self) -> None:
        self._fill_models()
        run = str(self.model.currentData() or "")
        matrix = self._table.confusion(run)
        filled = matrix is not None and matrix.total > 0
        running = self._session.evaluation.running
        self._switch.show_contents(filled, _WAITING if running else NO_TRUTH)
        if matrix is None or not filled:
            return
        values = ConfusionValues.of(
            matrix,
            self._table.schema,
            as_shares=bool(self.unit.currentData()),
            errors_only=self.errors.isChecked(),
        )
        self.map.show_values(values)
        if self._classes is None or not set(self._classes) <= set(values.ids):
            self._classes = _worst(values)
        self.map.choose(self._cell(values))
        self._list()

    def _fill_models(self) -> None:
        runs = self._table.runs
        wanted = [(self._table.title(run), run) for run in runs]
        if [
            (self.model.itemText(n), self.model.itemData(n)) for n in range(self.model.count())
        ] != wanted:
            chosen = self.model.currentData()
            self.model.clear()
            for title, run in wanted:
                self.model.addItem(swatch(QColor(run_color(runs, run))), title, run)
            self.model.setCurrentIndex(max(0, self.model.findData(chosen)))

    def _cell(self, values: ConfusionValues) -> Cell | None:
        if self._classes is None:
            return None
        return values.ids.index(self._classes[0]), values.ids.index(self._classes[1])

    def _choose(self, cell: Cell) -> None:
        ids = self.map.values.ids
        self._classes = ids[cell[0]], ids[cell[1]]
        self._list()

    def _list(self) -> None:
        values, run = self.map.values, str(self.model.currentData() or "")
        cell = self._cell(values)
        if cell is not None and self._classes is not None:
            self.images.show_cell(run, self._classes, values.sentence(cell))

    # -- taking it away ------------------------------------------------------------------------

    def menu(self) -> QMenu:
        """What can be done with the matrix."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, self._files, self.picture, "confusion matrix", self)
        return menu

    def picture(self) -> ChartPicture:
        """The matrix as it is saved and copied."""
        values, title = self.map.values, self.model.currentText()
        room = _PICTURE * (values.size + 4)
        font = QFont(QApplication.font())
        font.setPixelSize(LETTERS_PX)
        grid = MatrixGrid.of(values, QFontMetrics(font), room)

        def paint(painter: QPainter, top: float) -> None:
            painter.translate(QPointF(MARGIN, top))
            paint_matrix(painter, values, grid, ON_PAPER)

        size = grid.whole + QSize(4 * MARGIN, 5 * MARGIN)
        unit = "% of each row" if values.as_shares else "pixels"
        return ChartPicture(f"{title}: confusion matrix, {unit}", size, paint, values.table)


def _worst(values: ConfusionValues) -> tuple[int, int] | None:
    """The classes of the most pixels that are wrong; of the only class where there is one."""
    if not values.size:
        return None
    errors = values.counts.copy()
    np.fill_diagonal(errors, 0)
    row, column = divmod(int(errors.argmax()), values.size)
    return values.ids[row], values.ids[column]


_CONFUSION_MAP_NOTHING: Final = ConfusionValues(
    (), (), np.zeros((0, 0), np.int64), np.zeros((0, 0))
)


class ConfusionMap(HeatMap):
    """Rows are the annotation, columns the prediction."""

    def __init__(self) -> None:
        super().__init__("Confusion matrix")
        self._values = _CONFUSION_MAP_NOTHING

    @property
    def values(self) -> ConfusionValues:
        """What the cells say."""
        return self._values

    def show_values(self, values: ConfusionValues) -> None:
        self._values = values
        self._under = None
        if self._chosen is not None and max(self._chosen) >= values.size:
            self._chosen = None
        self.setMinimumSize(self._least())
        self.setAccessibleDescription(values.table)
        self.update()

    @property
    def shape(self) -> tuple[int, int]:
        """Classes, and classes."""
        return self._values.size, self._values.size

    def rect_of(self, cell: Cell) -> QRect:
        return self._grid().rect_of(cell)

    def cell_at(self, point: QPoint) -> Cell | None:
        """The cell at a place of the widget, or None."""
        return self._grid().cell_at(point.x(), point.y())

    def text_of(self, cell: Cell) -> str:
        return self._values.tip(cell)

    def sizeHint(self) -> QSize:
        return self._least() + QSize(30, 14) * self._values.size

    def _grid(self) -> MatrixGrid:
        return MatrixGrid.of(self._values, self.fontMetrics(), self.size())

    def _least(self) -> QSize:
        return MatrixGrid.of(self._values, self.fontMetrics(), LEAST_CELL).whole

    # -- drawing -------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        look, grid = ChartColors.of(self.palette()), self._grid()
        painter.fillRect(self.rect(), look.paper)
        paint_matrix(painter, self._values, grid, look, self._under or self._chosen)
        light = QColor("#ffffff")  # seen on every colour of the cells but the brightest
        marks = ((self._under, light, 1), (self._chosen, look.accent, 4), (self._chosen, light, 1))
        for cell, color, width in marks:
            if cell is not None:
                painter.setPen(QPen(color, width))
                inside = 3 if color is light else 0
                painter.drawRect(
                    grid.rect_of(cell).adjusted(inside, inside, -1 - inside, -1 - inside)
                )
        painter.end()
