"""Tables: one delegate and one view show them all alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionHeader,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from segstudio.kit.focus_ring import KeyUse, draw_ring
from segstudio.kit.icons import icon
from segstudio.kit.row_menu import Verb, add_verbs, files_of, menu_place, new_menu, save_csv
from segstudio.kit.swatch import swatch
from segstudio.kit.table_model import (
    BAR,
    BAR_COLOR,
    SWATCHES,
    Column,
    Emphasis,
    Index,
    Row,
    Sorting,
    TableModel,
)
from segstudio.kit.theme import tokens_of

_SWATCH, _GAP = 14, 4
_BAR_PX, _BAR_ALONE_PX, _ACCENT_PX = 3, 4, 3
_PADDING, _MARGINS = 2, 8
_ROWS_MEASURED = 40
"""So many rows decide how wide a column is; all of them would take long."""
_MOST_SPREAD, _ARROW_PX = 40, 26
_ARROW_ROOM = "\u2003"
"""As wide as the arrow of the order."""
_FILLED = "filled"
"""Property of an editor that has got its text."""


class TableDelegate(QStyledItemDelegate):
    """Draws a text with its bar, or squares of colours; chosen rows are tinted.

    The tint leaves the colours in a row as they are, which the system's highlight would not.
    """

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Fill it once: rows that are shown anew must not take away what is being typed."""
        if not editor.property(_FILLED):
            editor.setProperty(_FILLED, True)
            super().setEditorData(editor, index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        palette: QPalette = option.palette
        if option.state & QStyle.StateFlag.State_Selected:
            self._tint(painter, option, index)
            option.state &= ~(QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus)
        view = self.parent()
        box: QRect = option.rect
        column: Column[Any] | None = None
        if isinstance(view, TableView):
            at = index.column()
            box = option.rect = view.inside_rims(box, at)
            column = view.columns[at]
        super().paint(painter, option, index)
        if column is not None and column.bar is None and column.swatches is None:
            return
        part, colors = index.data(BAR), index.data(SWATCHES)
        if part is not None:
            track = box.adjusted(_GAP, 0, -_GAP, -1)
            if index.data():
                track.setTop(track.bottom() - _BAR_PX + 1)
            else:
                track = QRect(track.left(), box.center().y() - 1, track.width(), _BAR_ALONE_PX)
            painter.fillRect(track, QColor(tokens_of(palette).track))
            track.setWidth(round(track.width() * min(1.0, max(0.0, part))))
            painter.fillRect(track, _visible(index.data(BAR_COLOR), palette))
        top = box.top() + (box.height() - _SWATCH) // 2
        for number, color in enumerate(colors or ()):
            x = box.left() + _GAP + number * (_SWATCH + _GAP)
            if x + _SWATCH <= box.right():
                swatch(color).paint(painter, x, top, _SWATCH, _SWATCH)

    def _tint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box: QRect = option.rect
        palette: QPalette = option.palette
        painter.fillRect(box, palette.color(QPalette.ColorRole.Highlight))
        view = self.parent()
        if (
            isinstance(view, QTableView)
            and view.horizontalHeader().visualIndex(index.column()) == 0
        ):
            edge = QRect(box.left(), box.top(), _ACCENT_PX, box.height())
            painter.fillRect(edge, palette.color(QPalette.ColorRole.Accent))


def _visible(color: QColor | None, palette: QPalette) -> QColor:
    """A bar's colour, or a grey where it would vanish (a black class on dark ground)."""
    if color is None:
        return QColor(tokens_of(palette).bar)
    near = abs(color.lightness() - palette.color(QPalette.ColorRole.Base).lightness()) < 30
    return palette.color(QPalette.ColorRole.PlaceholderText) if near else color


class _Head(QHeaderView):
    """Keeps the arrow of the order clear of the text; Fusion draws it over the end of one."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(24)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        """Let headings stand over their cells: those at the rims a little further inside."""
        view = self.parent()
        inside = view.inside_rims(rect, logicalIndex) if isinstance(view, TableView) else rect
        if inside != rect:
            tokens = tokens_of(self.palette())
            painter.fillRect(rect, QColor(tokens.panel))
            painter.fillRect(rect.adjusted(0, rect.height() - 1, 0, 0), QColor(tokens.line))
        super().paintSection(painter, inside, logicalIndex)

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, logicalIndex: int) -> None:
        """Leave room for the arrow where there is one."""
        super().initStyleOptionForIndex(option, logicalIndex)
        if self.isSortIndicatorShown() and self.sortIndicatorSection() == logicalIndex:
            option.text += _ARROW_ROOM


class TableView(Generic[Row], QTableView):
    """A table: Ctrl+C copies the chosen rows, a click on a heading sorts.

    Where the rows have an order of their own, a third click on a heading brings it back.

    Signals:
        reached: A row (itself) was clicked, activated, or reached by a key.

    Attributes:
        verbs: Gives what can be done with a row besides copying, for its menu.
    """

    reached = Signal(object)
    rim = 8
    """Beside the first and the last column, besides the margin that every cell has."""

    def __init__(
        self,
        model: TableModel[Row],
        name: str,
        *,
        row_height: int = 24,
        sorting: Sorting | None = None,
        icon_px: int = 14,
        rows_seen: tuple[float, float] | None = None,
        choosing: QAbstractItemView.SelectionMode = QAbstractItemView.SelectionMode.SingleSelection,
    ) -> None:
        """Show a model.

        Args:
            model: The rows.
            name: What screen readers are told.
            row_height: In logical pixels.
            sorting: Column and order at first (`UNSORTED` for none); None if it is not sortable.
            icon_px: Size of icons and pictures.
            rows_seen: How many rows there is room for at least, and how many it asks for.
            choosing: How many rows can be selected.
        """
        super().__init__()
        self._rows, self._row_height, self._rows_seen = model, row_height, rows_seen
        self._selected: list[Hashable] = []
        self._current: tuple[Hashable, int] = (None, 0)
        self._by_hand: dict[tuple[str, int], int] = {}
        """Widths that the user gave to columns."""
        self._is_fitting = False
        self._last = -1
        """The last column that is shown."""
        self.verbs: Callable[[Row], list[Verb]] = lambda _row: []
        self._asked: dict[str, bool] = {}
        """Spare columns that the user wants to see, or not to see, by their titles."""
        if model.parent() is None:
            model.setParent(self)
        self.setModel(model)
        self.setItemDelegate(TableDelegate(self))
        self.setAccessibleName(name)
        self._set_manners(icon_px, choosing)
        self._use = KeyUse(self)
        header = _Head(self)
        self.setHorizontalHeader(header)
        # headings do not show what is selected; Qt would ask all rows for each of them
        header.setSelectionModel(QItemSelectionModel(model, header))
        header.setSectionsClickable(sorting is not None)
        if sorting is not None:
            header.setSortIndicatorClearable(sorting[0] < 0)
            header.setSortIndicator(*sorting)
            self.setSortingEnabled(True)
        header.sectionResized.connect(self._resized)
        header.sortIndicatorChanged.connect(lambda: self.fit_columns())
        self.clicked.connect(self._reach)
        self.activated.connect(self._reach)
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._restore)
        model.dataChanged.connect(lambda: self.fit_columns())

    def _set_manners(self, icon_px: int, choosing: QAbstractItemView.SelectionMode) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(choosing)
        if choosing is QAbstractItemView.SelectionMode.NoSelection:
            self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setEditTriggers(  # of cells that can be edited
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(icon_px, icon_px))
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self._row_height)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    # -- rows ----------------------------------------------------------------------------------

    @property
    def columns(self) -> Sequence[Column[Row]]:
        """The columns, in the order of the model."""
        return self._rows.columns

    def row_at(self, index: Index) -> Row | None:
        """The row of a cell."""
        return self._rows.rows[index.row()] if index.isValid() else None

    def chosen_rows(self) -> list[Row]:
        """The selected rows in the order shown."""
        places = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._rows.rows[place] for place in places]

    def chosen_places(self) -> list[int]:
        """The places of the selected rows, ascending; quick also for ten thousand."""
        selection = self.selectionModel().selection()
        ranges = [selection.at(number) for number in range(selection.count())]
        return sorted({p for r in ranges for p in range(r.top(), r.bottom() + 1)})

    def choose_places(self, places: Sequence[int]) -> None:
        """Select the rows at these places, ascending, and no others; the current one stays."""
        model, chosen = self.selectionModel(), QItemSelection()
        last, first = len(self._rows.columns) - 1, 0
        for at, place in enumerate(places):
            if at + 1 == len(places) or places[at + 1] != place + 1:
                chosen.select(self._rows.index(places[first], 0), self._rows.index(place, last))
                first = at + 1
        # from nothing: else Qt compares each range with each that was selected before
        model.clearSelection()
        model.select(chosen, QItemSelectionModel.SelectionFlag.Select)

    def choose(self, identity: Hashable) -> None:
        """Select a row and bring it into view; none if it is not shown. `reached` is not sent."""
        place = self._rows.place_of(identity)
        if place < 0:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != place or not self.selectionModel().hasSelection():
            self.selectionModel().setCurrentIndex(
                self._rows.index(place, max(0, self.currentIndex().column())),
                QItemSelectionModel.SelectionFlag.ClearAndSelect
                | QItemSelectionModel.SelectionFlag.Rows,
            )

    def inside_rims(self, box: QRect, column: int) -> QRect:
        """What a cell or heading may draw in: less at the rims of the table."""
        left = self.rim if column == 0 else 0
        right = self.rim if column == self._last else 0
        return box.adjusted(left, 0, -right, 0)

    def copy(self) -> None:
        """Put the chosen rows, or all if none is, on the clipboard, in the order shown."""
        QGuiApplication.clipboard().setText(self._rows.text(self.chosen_rows() or self._rows.rows))

    def copy_all(self) -> None:
        """Put all rows on the clipboard, in the order shown."""
        QGuiApplication.clipboard().setText(self._rows.text(self._rows.rows))

    def save(self) -> None:
        """Ask for a file and write all rows to it as CSV, in the order shown."""
        save_csv(self, self.accessibleName(), lambda: self._rows.csv(self._rows.rows))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of the row under the pointer, or of the current one by the menu key."""
        place, row = menu_place(self, event), self.row_at(self.currentIndex())
        if place is None or not any(column.title for column in self._rows.columns):
            return
        menu = new_menu(self)
        if row is not None:
            add_verbs(menu, self.verbs(row))
        chosen = len(self.chosen_rows())
        if chosen:
            menu.addAction(
                icon("copy"), "Copy the row" if chosen == 1 else f"Copy {chosen} rows", self.copy
            ).setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        menu.addAction("Copy the table", self.copy_all)
        if files_of(self) is not None:
            menu.addAction(icon("download"), "Save the table as CSV…", self.save)
        menu.popup(place)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ring the row that the keys go to, where someone works with keys."""
        super().paintEvent(event)
        if self._use.is_seen:
            row, whole = self.visualRect(self.currentIndex()), self.viewport().rect()
            top, height = (row.top(), row.height()) if row.isValid() else (0, whole.height())
            painter = QPainter(self.viewport())
            draw_ring(painter, QRect(0, top, whole.width(), height), self.palette())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+C copies; the arrows tell which row they reach."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        before = self.currentIndex().row()
        super().keyPressEvent(event)
        if self.currentIndex().row() != before:
            self._reach(self.currentIndex())

    def _reach(self, index: Index) -> None:
        if index.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.reached.emit(self.row_at(index))

    def _remember(self) -> None:
        self._selected = [self._rows.identity_at(place) for place in self.chosen_places()]
        current = self.currentIndex()
        identity = self._rows.identity_at(current.row()) if current.isValid() else None
        self._current = identity, max(0, current.column())

    def _restore(self) -> None:
        """Select what was selected, where it is still there; fit the columns."""
        rows, (identity, column) = self._rows, self._current
        current = rows.index(rows.place_of(identity), min(column, len(rows.columns) - 1))
        if identity is not None and current.isValid():
            self.selectionModel().setCurrentIndex(
                current, QItemSelectionModel.SelectionFlag.NoUpdate
            )
        self.choose_places(rows.places_of(self._selected))
        self.fit_columns()

    # -- sizes ---------------------------------------------------------------------------------

    def height_of(self, rows: float) -> int:
        """How high it is with so many rows."""
        header = self.horizontalHeader().sizeHint().height()
        return header + round(rows * self._row_height) + 2 * self.frameWidth()

    def whole_height(self) -> int:
        """How high it is with all its rows."""
        bar = self.horizontalScrollBar()
        extra = bar.sizeHint().height() if bar.maximum() > 0 else 0
        return self.height_of(len(self._rows.rows)) + extra + 2

    def keep_whole(self) -> None:
        """Be as high as all rows from now on, also while columns that don't fit are scrolled."""
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        again = QTimer(self, singleShot=True, interval=0)  # never while it is being laid out
        again.timeout.connect(lambda: self.setFixedHeight(self.whole_height()))
        self.horizontalScrollBar().rangeChanged.connect(lambda: again.start())
        self._rows.modelReset.connect(lambda: self.setFixedHeight(self.whole_height()))

    def show_more_or_less(self, rows_seen: tuple[float, float]) -> None:
        """Ask for room for other numbers of rows: at least, and wanted."""
        self._rows_seen = rows_seen
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """Room for the heading and the rows that must be seen."""
        least = super().minimumSizeHint()
        if self._rows_seen is not None:
            least.setHeight(self.height_of(self._rows_seen[0]))
        return least

    def sizeHint(self) -> QSize:
        """Room for the heading and the rows that are wanted."""
        wanted = super().sizeHint()
        if self._rows_seen is not None:
            wanted.setHeight(self.height_of(self._rows_seen[1]))
        return wanted

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit_columns()

    def fit_columns(self) -> None:
        """Give every column the room that its text needs, and share out what is left."""
        widths, left_out = self._planned()
        self._is_fitting = True
        for place, width in enumerate(widths):
            self.setColumnHidden(place, place in left_out)
            if place not in left_out and self.columnWidth(place) != width:
                self.setColumnWidth(place, width)
        self._is_fitting = False

    def _planned(self) -> tuple[list[int], list[int]]:
        """The width of each column, and the places of those that are not shown."""
        columns = self._rows.columns
        widths = [self._wanted(place) for place in range(len(columns))]
        room = self.viewport().width() - sum(widths) - self.rim
        left_out = self._left_out(widths, room)
        room += sum(widths[place] for place in left_out)
        self._last = max((p for p in range(len(columns)) if p not in left_out), default=-1)
        if self._last >= 0 and self._key(self._last) not in self._by_hand:
            widths[self._last] += self.rim
        free = [place for place in range(len(columns)) if self._key(place) not in self._by_hand]
        wide = [place for place in free if columns[place].stretch]
        for number, place in enumerate(wide):
            widths[place] += max(0, room) // len(wide) + (number < max(0, room) % len(wide))
        if not any(column.stretch for column in columns):
            more = min(_MOST_SPREAD, max(0, room) // max(1, len(columns)))
            widths = [width + more * (place in free) for place, width in enumerate(widths)]
        return widths, left_out

    def show_column(self, place: int, shown: bool) -> None:
        """Show a spare column before all others that may be left out, or leave it out."""
        self._asked.pop(title := self._rows.columns[place].title, None)
        self._asked[title] = shown
        self.fit_columns()

    def _left_out(self, widths: Sequence[int], room: int) -> list[int]:
        """Which columns are not shown: what the user does not want, and what there is no room for.

        What the user asked for goes last, the latest wish last of all.
        """
        columns = self._rows.columns
        spare = [place for place, column in enumerate(columns) if column.spare]
        asked = {title: at for at, title in enumerate(self._asked) if self._asked[title]}
        spare.sort(key=lambda place: (asked.get(columns[place].title, -1), -place))
        left_out = [p for p in spare if not self._asked.get(columns[p].title, True)]
        room += sum(widths[place] for place in left_out)
        for place in spare:
            if room >= 0:
                break
            if place not in left_out:
                left_out.append(place)
                room += widths[place]
        return left_out

    def _wanted(self, place: int) -> int:
        column = self._rows.columns[place]
        if (key := self._key(place)) in self._by_hand:
            return self._by_hand[key]
        if column.stretch:
            return column.stretch
        needed = self._cell_width(column)
        if column.most:
            needed = min(needed, column.most)
        rim = self.rim if place == 0 else 0
        return max(self._head_width(place), needed) + rim + _PADDING

    def _cell_width(self, column: Column[Row]) -> int:
        """Of the widest of the first rows in view; asking the delegate takes thirty times as long."""
        first = max(0, self.rowAt(0))
        rows = self._rows.rows[first : first + _ROWS_MEASURED]
        if column.swatches is not None:
            most = max((len(column.swatches(row)) for row in rows), default=0)
            return most * (_SWATCH + _GAP) + _GAP
        emphasis, font = column.emphasis, QFont(self.font())
        if emphasis is not None and any(emphasis(row) is Emphasis.STRONG for row in rows):
            font.setWeight(QFont.Weight.DemiBold)
        advance = QFontMetrics(font).horizontalAdvance
        texts = [column.sample] if column.sample else [column.text(row) for row in rows]
        lines = [line for text in texts for line in text.split("\n")]
        icon = self.iconSize().width() + 2 * _GAP if column.icon is not None else 0
        return max(map(advance, lines), default=0) + icon + _MARGINS

    def _head_width(self, place: int) -> int:
        header = self.horizontalHeader()
        title = self._rows.columns[place].title
        text = header.fontMetrics().horizontalAdvance(title) + _MARGINS
        is_sorted = self.isSortingEnabled() and header.sortIndicatorSection() == place
        return text + (_ARROW_PX if is_sorted else 0)

    def _resized(self, place: int, _before: int, width: int) -> None:
        if not self._is_fitting and place < len(self._rows.columns):
            self._by_hand[self._key(place)] = width

    def _key(self, place: int) -> tuple[str, int]:
        """What a column is known by where others come and go: its title, and the how-manieth it is.

        Several columns of signs have no title.
        """
        titles = [column.title for column in self._rows.columns[: place + 1]]
        return titles[-1], titles.count(titles[-1])
