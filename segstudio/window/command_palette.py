"""The command palette: type a few letters, press Enter.

Commands are found by any of their letters in order; headings and words of the help by beginnings of
words, also of short forms such as mIoU, so that they do not crowd out what can be done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPalette, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from segstudio.kit.action_set import ActionSet, native
from segstudio.kit.actions import ActionSpec
from segstudio.kit.icons import icon
from segstudio.kit.plain import plain
from segstudio.window.help_pages import HelpPlace

_WIDTH, _HEIGHT = 560, 420
_ROW = 30
_MOST_TIP = 300
_KEY_ROLE = Qt.ItemDataRole.UserRole + 1
_ID_ROLE = Qt.ItemDataRole.UserRole + 2
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}


class CommandPalette(QFrame):
    """A field and what matches it: commands, those that cannot be done now in grey, and help.

    Signals:
        help_chosen: A heading or word of the help: (page, anchor).
    """

    help_chosen = Signal(str, str)

    def __init__(self, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName("Command palette")
        self._actions = actions
        self._places: Sequence[HelpPlace] = ()
        self._items = QStandardItemModel(self)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a command, or a word of the help")
        self.field.setAccessibleName("Find a command or a word of the help")
        self.field.setClearButtonEnabled(True)
        self.list = QListView()
        self.list.setModel(self._items)
        self.list.setItemDelegate(_KeyDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setIconSize(QSize(18, 18))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setAccessibleName("Commands and help")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        self.setFocusProxy(self.field)
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list.clicked.connect(self._run)
        self._fill("")

    def add_help(self, places: Sequence[HelpPlace]) -> None:
        """Find headings and words of the help too from now on."""
        if isValid(self):
            self._places = places
            if self.field.text().strip():
                self._fill(self.field.text())

    def open_over(self, window: QWidget) -> None:
        """Show it at the top of a window."""
        self.resize(min(_WIDTH, window.width() - 40), min(_HEIGHT, window.height() - 80))
        self.move(window.mapToGlobal(QPoint((window.width() - self.width()) // 2, 48)))
        self.show()
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in _STEPS:
                self._step(_STEPS[Qt.Key(event.key())])
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self.list.currentIndex())
                return True
        return False

    def _fill(self, query: str) -> None:
        self._items.clear()
        for _, item in ranked(query, self._actions.rows, self._places, self._is_enabled):
            self._items.appendRow(
                self._item(item) if isinstance(item, ActionSpec) else self._help_item(item)
            )
        if self._items.rowCount():
            self.list.setCurrentIndex(self._items.index(0, 0))

    def _is_enabled(self, spec: ActionSpec) -> bool:
        return self._actions[spec.id].isEnabled()

    def _help_item(self, place: HelpPlace) -> QStandardItem:
        also = f" ({', '.join(place.names[:2])})" if place.names else ""
        item = QStandardItem(icon("book-open"), f"{place.whole_title}{also}")
        item.setData("Help", _KEY_ROLE)
        item.setData((place.page, place.anchor), _ID_ROLE)
        item.setToolTip(plain(place.text[:_MOST_TIP]))
        return item

    def _item(self, spec: ActionSpec) -> QStandardItem:
        action = self._actions[spec.id]
        item = QStandardItem(action.icon(), f"{spec.menu}: {spec.text}")
        keys = self._actions.keys(spec)
        item.setData(native(keys[0]) if keys else "", _KEY_ROLE)
        item.setData(spec.id, _ID_ROLE)
        item.setToolTip(plain(spec.tip))
        item.setEnabled(action.isEnabled())
        return item

    def _step(self, by: int) -> None:
        row = min(max(self.list.currentIndex().row() + by, 0), self._items.rowCount() - 1)
        self.list.setCurrentIndex(self._items.index(row, 0))

    def _run(self, index: QModelIndex) -> None:
        item = self._items.itemFromIndex(index) if index.isValid() else None
        if item is None or not item.isEnabled():
            return
        chosen = item.data(_ID_ROLE)
        self.close()
        if isinstance(chosen, str):
            self._actions.run(chosen)
        else:
            self.help_chosen.emit(*chosen)


def ranked(
    query: str,
    commands: Sequence[ActionSpec],
    places: Sequence[HelpPlace],
    is_enabled: Callable[[ActionSpec], bool],
) -> list[tuple[int, ActionSpec | HelpPlace]]:
    """What matches a query with its score, the best first; a command before help of equal score.

    For no query all commands, those that can be done now first.
    """
    words = query.lower().split()
    if not words:
        usable = sorted(commands, key=lambda spec: not is_enabled(spec))
        return [(0, spec) for spec in usable]
    exact = " ".join(words)
    found: list[tuple[int, ActionSpec | HelpPlace]] = []
    for spec in commands:
        score = fuzzy_score(query, f"{spec.text} {spec.menu}")
        if score is not None:
            is_whole = spec.text.rstrip("…").lower() == exact
            found.append((score + _WHOLE * is_whole, spec))
    if len(exact) >= _LEAST_LETTERS:
        for place in places:
            if place.is_called(words):
                score = fuzzy_score(query, " ".join((place.whole_title, *place.names))) or 0
                found.append((score + _WHOLE * place.is_just(exact), place))
    return sorted(found, key=lambda pair: -pair[0])


class _KeyDelegate(QStyledItemDelegate):
    """Draws a command with its shortcut on the right."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(super().sizeHint(option, index).width(), _ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        palette: QPalette = option.palette
        painter.save()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = (
            QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.PlaceholderText
        )
        painter.setPen(palette.color(role))
        box = option.rect.adjusted(0, 0, -8, 0)
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, flags, str(index.data(_KEY_ROLE)))
        painter.restore()


_WORD_START = 10
_IN_A_ROW = 6
_GAP = -1
_WHOLE = 15
"""More for what is called just so."""
_LEAST_LETTERS = 2
"""Of a query for which the help is searched."""


def fuzzy_score(query: str, text: str) -> int | None:
    """How well `text` has the letters of `query` in order; None if it has not all of them.

    Letters at the start of a word and letters in a row count more, and gaps count against. Spaces
    in the query only separate words, which may be found in any order.
    """
    total = 0
    for word in query.lower().split():
        score = _word_score(word, text.lower())
        if score is None:
            return None
        total += score
    return total


def _word_score(word: str, text: str) -> int | None:
    """The best score over all places where the word's first letter stands."""
    best: int | None = None
    start = text.find(word[0])
    while start >= 0:
        score = _score_from(word, text, start)
        if score is not None and (best is None or score > best):
            best = score
        start = text.find(word[0], start + 1)
    return best


def _score_from(word: str, text: str, start: int) -> int | None:
    score, last = 0, start - 1
    for number, letter in enumerate(word):
        place = text.find(letter, last + 1)
        if place < 0:
            return None
        if place == 0 or not text[place - 1].isalnum():
            score += _WORD_START
        if number and place == last + 1:
            score += _IN_A_ROW
        elif number:
            score += max(_GAP * (place - last - 1), -8)
        last = place
    return score
