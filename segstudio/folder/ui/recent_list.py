"""The list of folders that were open before, as the start page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QContextMenuEvent, QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from segstudio.core.text import printable
from segstudio.kit.elided import fitting
from segstudio.kit.icons import icon, tinted
from segstudio.kit.plain import plain, semibold_font
from segstudio.kit.theme import tokens_of
from segstudio.storage.recent_folders import RecentFolder

ROW_HEIGHT: Final = 32
_RIM, _GAP, _ICON = 12, 16, 16
_NAME_WIDTHS: Final = (92, 240)
"""The least and the most that names take; what is longer loses its middle."""
_PLACE_WIDTH: Final = 120
"""What a path is left with at least."""
_Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()


class RecentModel(QAbstractListModel):
    """The folders, and why some of them can't be opened now."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[RecentFolder] = []
        self.today = date.today()
        self._gone: dict[Path, str] = {}

    def show_rows(self, rows: Iterable[RecentFolder]) -> None:
        """List these."""
        self.beginResetModel()
        self.rows, self.today = list(rows), date.today()
        self.endResetModel()

    def show_gone(self, folder: Path, reason: str) -> None:
        """Say of a folder why it can't be opened."""
        self._gone[folder] = reason
        for place, row in enumerate(self.rows):
            if row.path == folder:
                self.dataChanged.emit(self.index(place), self.index(place))

    def reason(self, row: RecentFolder) -> str:
        """Why it can't be opened now; "" if it can, as far as is known."""
        return self._gone.get(row.path, "")

    def counts(self, row: RecentFolder) -> str:
        """What stands behind the path."""
        return self.reason(row) or row.counts

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return printable(row.name)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._tip(row))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (row.name, row.place, self.counts(row), row.last_opened(self.today))
            return printable(", ".join(part for part in parts if part))
        return None

    def _tip(self, row: RecentFolder) -> str:
        reason = self.reason(row)
        if not reason:
            return f"{row.path}\nEnter or a click opens it, Del takes it out of the list."
        return (
            f"{row.path} is {reason}.\n"
            "Connect its drive or put it back and press Enter, or take it out of the list with Del."
        )


class _RecentDelegate(QStyledItemDelegate):
    """Draws a row: icon, name, path, counts, when it was open."""

    def __init__(self, model: RecentModel, view: QListView) -> None:
        super().__init__(view)
        self._model, self._view = model, view
        self._widths: tuple[int, int, int] = (0, 0, 0)

    def measure(self) -> None:
        """Work out the columns: they are the same in all rows."""
        plain_font, bold = (
            QFontMetrics(self._view.font()),
            QFontMetrics(semibold_font(self._view.font())),
        )
        model, rows = self._model, self._model.rows
        # one pixel more: widths are rounded, and a text that is elided for nothing reads badly
        names = [1 + bold.horizontalAdvance(printable(row.name)) for row in rows]
        counts = [1 + plain_font.horizontalAdvance(model.counts(row)) for row in rows]
        days = [1 + plain_font.horizontalAdvance(row.last_opened(model.today)) for row in rows]
        least, most = _NAME_WIDTHS
        self._widths = (
            min(max([least, *names]), most),
            max(counts, default=0),
            max(days, default=0),
        )

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(_PLACE_WIDTH, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row = self._model.rows[index.row()]
        box: QRect = option.rect
        tokens = tokens_of(option.palette)
        gone = bool(self._model.reason(row))
        has_focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if has_focus or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.hover))
            painter.drawRoundedRect(box, 4, 4)
        if has_focus:
            painter.setPen(QPen(QColor(tokens.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        grey = QColor(tokens.disabled if gone else tokens.text_2)
        top = box.top() + (box.height() - _ICON) // 2
        painter.drawPixmap(box.left() + _RIM, top, tinted("folder", grey, _ICON, ratio))
        self._paint_texts(painter, box, row, QColor(tokens.disabled if gone else tokens.text), grey)
        painter.restore()

    def _paint_texts(
        self, painter: QPainter, box: QRect, row: RecentFolder, ink: QColor, grey: QColor
    ) -> None:
        name_width, counts_width, day_width = self._widths
        left, right = box.left() + _RIM + _ICON + 12, box.right() + 1 - _RIM
        font = painter.font()
        painter.setFont(semibold_font(font))
        painter.setPen(ink)
        _draw(painter, left, box, name_width, row.name)
        painter.setFont(font)
        painter.setPen(grey)
        day_left = right - day_width
        counts_left = day_left - (3 * _GAP if day_width else 0) - counts_width
        place_left = left + name_width + _GAP
        _draw(painter, place_left, box, counts_left - _GAP - place_left, row.place)
        _draw(painter, counts_left, box, counts_width, self._model.counts(row))
        _draw(painter, day_left, box, day_width, row.last_opened(self._model.today), to_right=True)


def _draw(
    painter: QPainter, left: int, row: QRect, width: int, text: str, *, to_right: bool = False
) -> None:
    """Draw a text in one line, without its middle if it is too long."""
    if width <= 0 or not text:
        return
    metrics = painter.fontMetrics()
    shown = fitting(metrics, printable(text), width)
    side = Qt.AlignmentFlag.AlignRight if to_right else Qt.AlignmentFlag.AlignLeft
    place = QRect(left, row.top(), width, row.height())
    painter.drawText(place, side | Qt.AlignmentFlag.AlignVCenter, shown)


class RecentList(QListView):
    """Opens a folder by click or Enter, takes it out of the list with Del or its menu.

    Signals:
        opened: A folder (a Path) shall be opened.
        forgotten: A folder shall be taken out of the list.
    """

    opened = Signal(object)
    forgotten = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._model = RecentModel(self)
        self._delegate = _RecentDelegate(self._model, self)
        self.setObjectName("recent")
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Recent folders")
        self.clicked.connect(self._open)
        self._model.dataChanged.connect(self._delegate.measure)
        self.setFixedHeight(0)

    @property
    def folders(self) -> list[Path]:
        """Those that are listed."""
        return [row.path for row in self._model.rows]

    @property
    def current(self) -> Path | None:
        """The folder of the current row."""
        row = self.currentIndex().row()
        return self._model.rows[row].path if 0 <= row < len(self._model.rows) else None

    def show_rows(self, rows: Sequence[RecentFolder]) -> None:
        """List these; the list is as high as they are."""
        if list(rows) == self._model.rows:
            return
        place = max(0, self.currentIndex().row())
        self._model.show_rows(rows)
        self._delegate.measure()
        self.setFixedHeight(ROW_HEIGHT * len(rows))
        self.setCurrentIndex(self._model.index(min(place, len(rows) - 1), 0))

    def show_gone(self, folder: Path, reason: str) -> None:
        """Grey a folder that can't be opened now, and say why."""
        self._model.show_gone(folder, reason)

    def text_of(self, row: int) -> str:
        """What a row says, as screen readers say it."""
        return str(self._model.index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Del forgets; arrows, Home and End as in any list."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open(index)
        elif event.key() == Qt.Key.Key_Delete:
            self._forget(index)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with a folder; the menu key offers it of the current one."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if not index.isValid():
            return
        self.setCurrentIndex(index)
        row = self.visualRect(index)
        place = QPoint(row.left() + _RIM, row.bottom()) if by_key else event.pos()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        folder = self._model.rows[index.row()].path
        menu.addAction(icon("folder-open"), "Open", lambda: self.opened.emit(folder))
        taken = menu.addAction(
            icon("x"), "Remove from this list", lambda: self.forgotten.emit(folder)
        )
        taken.setShortcut(Qt.Key.Key_Delete)
        taken.setToolTip("The folder itself stays as it is")
        menu.popup(self.viewport().mapToGlobal(place))

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(self._model.rows[index.row()].path)

    def _forget(self, index: QModelIndex) -> None:
        if index.isValid():
            self.forgotten.emit(self._model.rows[index.row()].path)
