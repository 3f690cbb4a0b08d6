"""Where the models are wrong: every image with its figures, and how these are distributed."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.distribution import DistributionView
from segstudio.evaluation.ui.figure_text import figure_text
from segstudio.evaluation.ui.image_gathering import class_key, gathered, known_figures
from segstudio.evaluation.ui.image_rows import FigureRange, ImageModel
from segstudio.folder.browsing import Browsing
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.table import TableView
from segstudio.metrics.measure import AnyFigure
from segstudio.runs.segmenting import Segmenting
from segstudio.session.session import Change, Session, What

_EVERY_S = 0.5
_SHARES = (66, 34)
_MARKS = (
    ("All images", ()),
    ("Not done", ("reviewed",)),
    ("Not edited", ("edited",)),
    ("Neither done nor edited", ("reviewed", "edited")),
)
_ASCENDING, _DESCENDING = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


class ImagesPage(QWidget):
    """A table of images beside histograms; a click opens the image with that model's answer."""

    def __init__(
        self,
        session: Session,
        evaluating: Evaluating,
        browsing: Browsing,
        segmenting: Segmenting,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._evaluating = session, evaluating
        self._browsing, self._segmenting = browsing, segmenting
        self._table = evaluating.table
        self._range: FigureRange | None = None
        self.model = ImageModel(session, self)
        self.table = TableView(self.model, "Images and their figures", sorting=(1, _ASCENDING))
        self.figure = QComboBox()
        self.name = QLineEdit()
        self.marks = QComboBox()
        self.chip = QPushButton()
        self.count = PlainLabel()
        self.distribution = DistributionView()
        self._lay_out()
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self._connect()
        self._show()
        self._sort_worst_first()

    def copied(self) -> str:
        """What is listed, for the clipboard."""
        return self.model.text(self.model.rows)

    def show_class(self, run: str, class_id: int) -> None:
        """List the images by a model's IoU of a class, the worst first."""
        self._fill_figures()
        self.figure.setCurrentIndex(max(0, self.figure.findData(class_key(class_id))))
        self._choose_range(None)
        self._show()
        runs = [head.run for head in self.model.table.heads]
        column = 1 + runs.index(run) if run in runs else 1
        self.table.sortByColumn(column, _ASCENDING)

    def show_range(self, chosen: FigureRange | None) -> None:
        """List the images in a range of the figure that images are judged by."""
        self._fill_figures()
        self.figure.setCurrentIndex(max(0, self.figure.findData(self._table.lead)))
        self._show()
        self._choose_range(chosen)

    # -- building ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.figure.setAccessibleName("Figure by image")
        self.figure.setToolTip("Which figure is shown")
        self.name.setPlaceholderText("Filter by name")
        self.name.setClearButtonEnabled(True)
        self.name.setAccessibleName("Filter images by name")
        self.name.setMaximumWidth(180)
        self.marks.setAccessibleName("Which images are listed")
        self.marks.setToolTip("List all images, or those that were not looked through or edited")
        for text, marks in _MARKS:
            self.marks.addItem(text, marks)
        self.chip.setIcon(icon("x"))
        self.chip.setToolTip("List all images again")
        self.chip.setAccessibleName("Remove the range")
        self.count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        top = QHBoxLayout()
        top.setContentsMargins(8, 6, 8, 0)
        top.setSpacing(6)
        for widget in (PlainLabel("Show"), self.figure, self.name, self.marks, self.chip):
            top.addWidget(widget)
        top.addStretch(1)
        top.addWidget(self.count)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        for part, share in zip((left, self.distribution), _SHARES, strict=True):
            self.splitter.addWidget(part)
            self.splitter.setStretchFactor(self.splitter.count() - 1, share)
        self.splitter.setSizes([10 * share for share in _SHARES])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(top)
        whole.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.figure.activated.connect(self._on_figure)
        self.name.textChanged.connect(self._filter)
        self.marks.activated.connect(self._filter)
        self.chip.clicked.connect(lambda: self._choose_range(None))
        self.distribution.range_chosen.connect(self._choose_range)
        self.table.reached.connect(lambda _place: self._open(self.table.currentIndex()))
        self.table.verbs = lambda _row: [
            ("image", "Show the image", lambda: self._open(self.table.currentIndex()))
        ]
        self.model.modelReset.connect(lambda: self._mark_open(scroll=False))
        self._session.changed.connect(self._on_change)

    # -- showing -------------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & (What.EVALUATION | What.SCHEMA):
            self._refresh.request()
        if change.what & What.STATES:
            if self.marks.currentData():
                self._refresh.request()
            else:
                self.table.viewport().update()
        if change.what & What.DOCUMENT:
            self._mark_open()

    def _show(self) -> None:
        figure = self._fill_figures()
        table = gathered(self._table, figure)
        is_other = figure.key != self.model.table.figure.key
        self.model.show_table(table)
        if is_other:
            self._sort_worst_first()
        self.distribution.show_values(figure, table.heads, table.values)
        self._show_count()

    def _fill_figures(self) -> AnyFigure:
        """Offer the figures and the classes; returns the chosen one."""
        figures = {figure.key: figure for figure in known_figures(self._table)}
        keys = [self.figure.itemData(i) for i in range(self.figure.count())]
        texts = [self.figure.itemText(i) for i in range(self.figure.count())]
        if keys != list(figures) or texts != [f.title for f in figures.values()]:
            chosen = self.figure.currentData()
            self.figure.clear()
            for row, figure in enumerate(figures.values()):
                self.figure.addItem(figure.title, figure.key)
                self.figure.setItemData(row, plain(figure.tip), Qt.ItemDataRole.ToolTipRole)
            self.figure.setCurrentIndex(max(0, self.figure.findData(chosen)))
        return figures[str(self.figure.currentData())]

    def _show_count(self) -> None:
        listed, whole = self.model.rowCount(), len(self.model.table.indices)
        noun = "image" if whole == 1 else "images"
        of = "" if listed == whole else f"{count_text(listed)} of "
        self.count.setText(f"{of}{count_text(whole)} {noun}")
        self.chip.setVisible(self._range is not None)
        if self._range is not None:
            figure = self.model.table.figure
            low, high = (figure_text(figure, v) for v in (self._range.low, self._range.high))
            heads = {head.run: head.short for head in self.model.table.heads}
            self.chip.setText(f"{heads.get(self._range.run, '')}: {low} to {high}")

    # -- choosing ------------------------------------------------------------------------------

    def _on_figure(self) -> None:
        self._choose_range(None)
        self._show()

    def _sort_worst_first(self) -> None:
        header = self.table.horizontalHeader()
        column = header.sortIndicatorSection()
        count = len(self.model.table.heads)
        column = column if 0 < column <= count else 1
        lower = self.model.table.figure.lower_is_better
        self.table.sortByColumn(column, _DESCENDING if lower else _ASCENDING)

    def _filter(self) -> None:
        self.model.filter(self.name.text(), self.marks.currentData() or (), self._range)
        self._show_count()

    def _choose_range(self, chosen: FigureRange | None) -> None:
        self._range = chosen
        self.distribution.mark(chosen)
        self._filter()

    def _mark_open(self, *, scroll: bool = True) -> None:
        """Select the row of the image on the screen."""
        self.table.setAutoScroll(scroll)
        self.table.choose(self._session.index)
        self.table.setAutoScroll(True)

    def _open(self, index: QModelIndex) -> None:
        """Show the image, and what the model of the column says of it."""
        image, run = self.model.image_at(index.row()), self.model.run_at(index.column())
        if image < 0:
            return
        if run:
            self._segmenting.show(self._evaluating.prediction_key(run))
        if image != self._browsing.place:
            self._browsing.select(image)
