"""The rows and columns of a table: columns are data, one model shows them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QGuiApplication,
    QIcon,
    QPalette,
)

from segstudio.core.text import safe_cells
from segstudio.kit.plain import plain

if TYPE_CHECKING:
    import numpy.typing as npt

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex
Sorting = tuple[int, Qt.SortOrder]
UNSORTED: Final[Sorting] = (-1, Qt.SortOrder.AscendingOrder)
BAR: Final = Qt.ItemDataRole.UserRole + 1
"""The part 0..1 that a cell's bar fills, or None."""
BAR_COLOR: Final = Qt.ItemDataRole.UserRole + 2
SWATCHES: Final = Qt.ItemDataRole.UserRole + 3
"""The colours of a cell's squares, or None."""


class Side(Enum):
    """Where texts and their heading stand."""

    LEFT = Qt.AlignmentFlag.AlignLeft
    CENTRE = Qt.AlignmentFlag.AlignHCenter
    RIGHT = Qt.AlignmentFlag.AlignRight


class Emphasis(Enum):
    """How a text stands out."""

    NONE = 0
    STRONG = 1
    """Semibold: the best, or what is done."""
    FAINT = 2
    """In the colour of hints."""
    ASIDE = 3
    """Faint and slanted: what is only there to compare with."""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column.

    Attributes:
        title: Its heading.
        text: What a row shows.
        tip: What the column means.
        value: The number behind the text: sorted by and copied; NaN where it is not known.
        key: What it is sorted by, if not by the value or the text; None comes last.
        keys: The same as numbers of all rows at once, as they were given; NaN comes last. For
            tables of thousands of rows.
        cell_tip: What a pointer on a row's cell is told, if not its text.
        side: Of texts and heading.
        emphasis: How a row's text stands out.
        color: Of a row's text.
        icon: Before a row's text: a class's colour, a mark, a picture.
        bar: The part 0..1 of a bar below a row's text, or in its place; NaN for none.
        bar_color: Of the bar; else the theme's.
        swatches: Squares of colours in place of the text.
        spoken: What screen readers are told, and what is copied, if not the text.
        entry: What is typed over where a row's cell is edited; None: it cannot be.
        entered: Takes what was typed.
        most: If not 0, texts make the column no wider than so many pixels.
        stretch: If not 0, the column takes what room is left, and no less than so many pixels.
        sample: The text that decides the width, if not those of the rows.
        spare: Left out where the columns do not fit, the last one first.
    """

    title: str
    text: Callable[[Row], str]
    tip: str = ""
    value: Callable[[Row], float] | None = None
    key: Callable[[Row], Any] | None = None
    keys: Callable[[], npt.NDArray[Any]] | None = None
    cell_tip: Callable[[Row], str] | None = None
    side: Side = Side.LEFT
    emphasis: Callable[[Row], Emphasis] | None = None
    color: Callable[[Row], QColor | None] | None = None
    icon: Callable[[Row], QIcon | None] | None = None
    bar: Callable[[Row], float] | None = None
    bar_color: Callable[[Row], QColor | None] | None = None
    swatches: Callable[[Row], Sequence[QColor]] | None = None
    spoken: Callable[[Row], str] | None = None
    entry: Callable[[Row], str] | None = None
    entered: Callable[[Row, str], None] | None = None
    most: int = 0
    stretch: int = 0
    sample: str = ""
    spare: bool = False

    def sort_key(self, row: Row) -> Any:
        """What a row is sorted by; None comes last."""
        if self.key is not None:
            return self.key(row)
        if self.value is not None:
            return _known(self.value(row))
        return self.text(row).casefold()

    def copied(self, row: Row) -> str:
        """A row's cell for spreadsheets."""
        if self.value is None:
            return _spoken(self, row)
        value = _known(self.value(row))
        return "" if value is None else f"{value:.6g}"


def share_of_largest(column: Column[Row], rows: Sequence[Row]) -> Column[Row]:
    """A column of values from 0 on with bars: each row's part of the largest value."""
    value = column.value
    assert value is not None
    largest = max(map(value, rows), default=0.0)
    return replace(column, bar=lambda row: value(row) / largest if largest else math.nan)


class TableModel(Generic[Row], QAbstractTableModel):
    """Rows in the order that was asked for; those without a value come last either way."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        identity: Callable[[Row], Hashable],
        parent: QObject | None = None,
        *,
        is_enabled: Callable[[Row], bool] = lambda _row: True,
    ) -> None:
        """Take the columns, what tells rows apart, and which rows can be chosen."""
        super().__init__(parent)
        self.columns = tuple(columns)
        self.rows: list[Row] = []
        self._identity, self._is_enabled = identity, is_enabled
        self._given: list[Row] = []
        self._identities: list[Hashable] = []
        self._known: tuple[list[Row], dict[Hashable, int]] = ([], {})
        self._sorting = UNSORTED

    def show_rows(self, rows: Sequence[Row], columns: Sequence[Column[Row]] | None = None) -> None:
        """Show other rows, or other values of the same; in other columns too if given."""
        columns = self.columns if columns is None else tuple(columns)
        titles, identities = [c.title for c in columns], list(map(self._identity, rows))
        same = titles == [c.title for c in self.columns] and identities == self._identities
        if not same:
            self.beginResetModel()
        self.columns, self._given, self._identities = columns, list(rows), identities
        if not same:
            self.rows = self._ordered()
            self.endResetModel()
        elif rows:
            self._put_in_order()
            self.repaint()

    def identity_at(self, row: int) -> Hashable:
        """What tells a row of the table from the others."""
        return self._identity(self.rows[row])

    def place_of(self, identity: Hashable) -> int:
        """The place of a row, -1 if it is not shown."""
        return self._known_places().get(identity, -1)

    def places_of(self, identities: Sequence[Hashable]) -> list[int]:
        """The places of rows, ascending, of those that are shown."""
        if not identities:
            return []
        places = self._known_places()
        return sorted(places[identity] for identity in identities if identity in places)

    def _known_places(self) -> dict[Hashable, int]:
        """The place of each row, made once for each list of rows."""
        if self._known[0] is not self.rows:
            found = {self._identity(row): place for place, row in enumerate(self.rows)}
            self._known = self.rows, found
        return self._known[1]

    def repaint(self) -> None:
        """Ask for what the rows look like again."""
        if len(self.rows):
            last = self.index(len(self.rows) - 1, len(self.columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column; as they were given for -1."""
        if self._sorting != (column, order):  # Qt asks twice
            self._sorting = (column, order)
            self._put_in_order()

    def _put_in_order(self) -> None:
        ordered = self._ordered()
        if self._are_the_same(ordered):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [self.identity_at(index.row()) for index in before]
        self.rows = ordered
        places = self._known_places()
        self.changePersistentIndexList(
            before,
            [self.index(places[i], old.column()) for i, old in zip(kept, before, strict=True)],
        )
        self.layoutChanged.emit()

    def _are_the_same(self, ordered: list[Row]) -> bool:
        """Take rows that are those of before in the same order, maybe with other values."""
        if list(map(id, ordered)) == list(map(id, self.rows)):
            return True  # and what is known of their places stays
        same = list(map(self._identity, ordered)) == list(map(self._identity, self.rows))
        if same:
            self.rows = ordered
        return same

    def _ordered(self) -> list[Row]:
        column, order = self._sorting
        if not 0 <= column < len(self.columns):
            return list(self._given)
        falling = order == Qt.SortOrder.DescendingOrder
        keys = self.columns[column].keys
        if keys is not None:
            return _in_order(self._given, keys(), falling=falling)
        keyed = [(self.columns[column].sort_key(row), row) for row in self._given]
        known = [pair for pair in keyed if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=falling)
        return [row for _, row in known] + [row for key, row in keyed if key is None]

    def text(self, rows: Sequence[Row]) -> str:
        """Some rows below the headings, cells parted by tabs, for spreadsheets.

        Columns without a heading hold signs that say nothing there.
        """
        return "".join("\t".join(line) + "\n" for line in self._cells(rows))

    def csv(self, rows: Sequence[Row]) -> str:
        """The same parted by commas, as files have it."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(self._cells(rows))
        return buffer.getvalue()

    def _cells(self, rows: Sequence[Row]) -> list[list[str]]:
        columns = [column for column in self.columns if column.title]
        lines = [[column.title for column in columns]]
        lines += [[column.copied(row) for column in columns] for row in rows]
        return [safe_cells(line) for line in lines]

    # -- for the view --------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rows that cannot be chosen are passed over."""
        if index.isValid() and not self._is_enabled(self.rows[index.row()]):
            return Qt.ItemFlag.NoItemFlags
        if not index.isValid():
            return super().flags(index)
        return _CELL if self.columns[index.column()].entry is None else _EDITABLE_CELL

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take what was typed, if it is something else."""
        column, row = self.columns[index.column()], self.rows[index.row()]
        text = str(value).strip()
        if column.entry is None or column.entered is None or text in ("", column.entry(row)):
            return False
        column.entered(row, text)
        return True

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(column.tip)
        return _alignment(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        # for each cell that is drawn Qt asks for eight roles: none may take long
        found = _DATA.get(role)
        if found is None:
            return None
        place = index.row()
        if not 0 <= place < len(self.rows):
            return None
        return found(self.columns[index.column()], self.rows[place])


def _in_order(rows: Sequence[Row], keys: npt.NDArray[Any], *, falling: bool) -> list[Row]:
    """Rows by their keys, equal ones as they were given; those without one last."""
    import numpy as np

    order = np.argsort(-keys.astype(np.float64) if falling else keys, kind="stable")
    return [rows[place] for place in order.tolist()]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


_CELL: Final = (
    Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemNeverHasChildren
)
_EDITABLE_CELL: Final = _CELL | Qt.ItemFlag.ItemIsEditable
_ALIGNMENTS: Final = {side: side.value | Qt.AlignmentFlag.AlignVCenter for side in Side}


def _alignment(column: Column[Any], _row: Any = None) -> Qt.AlignmentFlag:
    return _ALIGNMENTS[column.side]


def _spoken(column: Column[Any], row: Any) -> str:
    return (column.spoken or column.text)(row)


def _cell_tip(column: Column[Any], row: Any) -> str:
    return plain((column.cell_tip or column.text)(row))


def _font(column: Column[Any], row: Any) -> QFont | None:
    emphasis = Emphasis.NONE if column.emphasis is None else column.emphasis(row)
    if emphasis in (Emphasis.NONE, Emphasis.FAINT):
        return None
    font = QFont()
    if emphasis is Emphasis.STRONG:
        font.setWeight(QFont.Weight.DemiBold)
    font.setItalic(emphasis is Emphasis.ASIDE)
    return font


def _foreground(column: Column[Any], row: Any) -> QColor | None:
    color = None if column.color is None else column.color(row)
    emphasis = None if column.emphasis is None else column.emphasis(row)
    if color is None and emphasis in (Emphasis.FAINT, Emphasis.ASIDE):
        return QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText)
    return color


_DATA: Final[dict[int, Callable[[Column[Any], Any], Any]]] = {
    Qt.ItemDataRole.DisplayRole: lambda column, row: column.text(row),
    Qt.ItemDataRole.EditRole: lambda c, row: None if c.entry is None else c.entry(row),
    Qt.ItemDataRole.AccessibleTextRole: _spoken,
    Qt.ItemDataRole.ToolTipRole: _cell_tip,
    Qt.ItemDataRole.TextAlignmentRole: _alignment,
    Qt.ItemDataRole.FontRole: _font,
    Qt.ItemDataRole.ForegroundRole: _foreground,
    Qt.ItemDataRole.DecorationRole: lambda c, row: None if c.icon is None else c.icon(row),
    BAR: lambda c, row: None if c.bar is None else _known(c.bar(row)),
    BAR_COLOR: lambda c, row: None if c.bar_color is None else c.bar_color(row),
    SWATCHES: lambda c, row: None if c.swatches is None else c.swatches(row),
}
