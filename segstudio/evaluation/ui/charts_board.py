"""The list of charts and models at the left, the chosen chart or all of them at the right."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.series_colors import run_color
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.chart_view import ChartView, looks_of
from segstudio.evaluation.ui.chart_views import chart_views
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.folder.picture_files import PictureFiles
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.plain import plain
from segstudio.kit.swatch import swatch
from segstudio.session.session import Change, Session, What

_EVERY_S: Final = 0.5
_LEAST_LIST: Final = 24
_LEFT: Final = 196
_LINE: Final = 22
_EACH: Final = QSize(430, 270)
"""Room that a chart wants where all are shown."""
_MOST_COLUMNS: Final = 3
_ALL: Final = "All charts"


class ChartsBoard(QWidget):
    """Each chart is built when it is first looked at, one in a turn of the event loop.

    Attributes:
        views: The charts that were looked at, by their row in the list.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits) that was clicked.
    """

    open_requested = Signal(object)

    def __init__(
        self, session: Session, evaluating: Evaluating, files: PictureFiles, pair: PairChoice
    ) -> None:
        super().__init__()
        self._session, self._table = session, evaluating.table
        self._hidden: set[str] = set()
        self._columns = 0
        self.views: dict[int, ChartView] = {}
        self._made: dict[int, ChartView] = {}
        """Charts that nobody has seen yet, by their row."""
        makers = chart_views(session, evaluating, files, pair)
        self._makers, self._looks = list(makers.values()), looks_of(self._table)
        self.names = _list("Charts")
        self.names.addItems([*makers, _ALL])
        for row in range(self.names.count()):
            self.names.item(row).setSizeHint(QSize(0, _LINE))
        self.names.setFixedHeight(_LINE * self.names.count() + 4)
        self.models = _list("Models in the charts")
        self.models.setToolTip("Models in the charts: remove a tick to leave one out")
        self._one, self._grid = QStackedWidget(), QWidget()
        self._lay_out()
        self._refresh = Coalescer(self, self._show, _EVERY_S)
        self.names.setCurrentRow(0)
        self.names.currentRowChanged.connect(self._choose)
        self.models.itemChanged.connect(self._on_ticked)
        session.changed.connect(self._on_change)
        self._show()
        QTimer.singleShot(0, self, lambda: self._choose(self.names.currentRow()))

    def copied(self) -> str:
        """The values of the charts that are shown, as tables with tabs."""
        row = self.names.currentRow()
        rows = range(len(self._makers)) if row == len(self._makers) else [row]
        shown = [self.views[row] for row in rows if row in self.views]
        tables = [f"{v.chart.data.title}\n{v.chart.data.table}" for v in shown if not v.empty_text]
        return "\n".join(tables)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(4)
        left.addWidget(self.names)
        left.addWidget(self.models, 1)
        side = QWidget()
        side.setLayout(left)
        side.setFixedWidth(_LEFT)
        QGridLayout(self._grid).setSpacing(6)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._grid)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._one)
        self._pages.addWidget(self._scroll)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 0, 0)
        row.setSpacing(4)
        row.addWidget(side)
        row.addWidget(self._pages, 1)

    # -- which charts --------------------------------------------------------------------------

    def _choose(self, row: int) -> None:
        """Show one chart, or all of them."""
        if row == len(self._makers):
            self._arrange()
            self._pages.setCurrentWidget(self._scroll)
        elif row in self.views or row in self._made:
            self._show_one(row)
        elif row >= 0:
            self._build(row)
            QTimer.singleShot(0, self, lambda: self._choose(self.names.currentRow()))

    def _build(self, row: int) -> None:
        """Make a chart; that it is shown, and drawn, is for another turn."""
        self._made[row] = self._makers[row]()
        self._made[row].open_requested.connect(self.open_requested)

    def _view(self, row: int) -> ChartView:
        """A chart that was made, looked at from now on."""
        if row not in self.views:
            self.views[row] = self._made.pop(row)
            self.views[row].show_looks(self._looks)
        return self.views[row]

    def _show_one(self, row: int) -> None:
        view = self._view(row)
        if self._one.indexOf(view) < 0:
            self._one.addWidget(view)
        view.setMinimumHeight(0)
        self._one.setCurrentWidget(view)
        view.show()
        self._pages.setCurrentWidget(self._one)
        self._columns = 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give each chart its place where all are shown."""
        super().resizeEvent(event)
        if self.names.currentRow() == len(self._makers):
            self._arrange()

    def _arrange(self) -> None:
        """As many charts beside each other as there is room for."""
        room = self.width() - _LEFT - 24
        columns = max(1, min(_MOST_COLUMNS, room // _EACH.width()))
        if columns == self._columns:
            return
        self._columns = columns
        grid = self._grid.layout()
        assert isinstance(grid, QGridLayout)
        for column in range(_MOST_COLUMNS):
            grid.setColumnStretch(column, int(column < columns))
        for row in self.views:
            self._place(row)
        self._build_next()

    def _place(self, row: int) -> None:
        view, grid = self._view(row), self._grid.layout()
        assert isinstance(grid, QGridLayout)
        view.setMinimumHeight(_EACH.height())
        grid.addWidget(view, row // self._columns, row % self._columns)
        view.show()

    def _build_next(self) -> None:
        """Build the first chart that is missing where all are shown, and then the next."""
        row = next((row for row in range(len(self._makers)) if row not in self.views), None)
        if row is None or self.names.currentRow() != len(self._makers):
            return
        if row in self._made:
            self._place(row)
        else:
            self._build(row)
        QTimer.singleShot(0, self, self._build_next)

    # -- which models --------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        kinds = What.EVALUATION | What.SCHEMA | What.MODELS | What.PROJECT
        if change.what & kinds:
            self._refresh.request()
        elif change.what & What.DOCUMENT:
            for view in self.views.values():
                view.follow_image()

    def _show(self) -> None:
        self._list_models()
        self._tell()

    def _tell(self) -> None:
        self._looks = looks_of(self._table, self._hidden)
        for view in self.views.values():
            view.show_looks(self._looks)

    def _list_models(self) -> None:
        """List the evaluated models with their colours; keep the ticks."""
        runs = self._table.runs
        wanted = [(run, self._table.title(run)) for run in runs]
        items = [self.models.item(n) for n in range(self.models.count())]
        if [(i.data(Qt.ItemDataRole.UserRole), i.text()) for i in items] == wanted:
            return
        self._hidden &= set(runs)
        self.models.blockSignals(True)
        self.models.clear()
        for run, title in wanted:
            item = QListWidgetItem(swatch(QColor(run_color(runs, run))), title)
            item.setData(Qt.ItemDataRole.UserRole, run)
            item.setToolTip(plain(title))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            shown = run not in self._hidden
            item.setCheckState(Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
            self.models.addItem(item)
        self.models.blockSignals(False)

    def _on_ticked(self, item: QListWidgetItem) -> None:
        run = str(item.data(Qt.ItemDataRole.UserRole))
        if item.checkState() == Qt.CheckState.Checked:
            self._hidden.discard(run)
        else:
            self._hidden.add(run)
        self._tell()


def _list(name: str) -> QListWidget:
    found = QListWidget()
    found.setAccessibleName(name)
    found.setFrameShape(QFrame.Shape.NoFrame)
    found.setUniformItemSizes(True)
    found.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    found.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
    # a row at least: with 0 the list would ask for more, and a low panel be scrolled as a whole
    found.setMinimumHeight(_LEAST_LIST)
    return found
