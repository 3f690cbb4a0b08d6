"""The command palette: type a few letters, press Enter."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
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

from segstudio.kit.action_set import ActionSet, native
from segstudio.kit.actions import ActionSpec

_WIDTH, _HEIGHT = 560, 420
_ROW = 30
_KEY_ROLE = Qt.ItemDataRole.UserRole + 1
_ID_ROLE = Qt.ItemDataRole.UserRole + 2
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}


class CommandPalette(QFrame):
    """A field and the commands that match it; what cannot be done now is grey."""

    def __init__(self, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName("Command palette")
        self._actions = actions
        self._items = QStandardItemModel(self)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a command")
        self.field.setAccessibleName("Find a command")
        self.field.setClearButtonEnabled(True)
        self.list = QListView()
        self.list.setModel(self._items)
        self.list.setItemDelegate(_KeyDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setIconSize(QSize(18, 18))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setAccessibleName("Commands")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        self.setFocusProxy(self.field)
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list.clicked.connect(self._run)
        self._fill("")

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
        texts = [f"{spec.text} {spec.menu}" for spec in self._actions.rows]
        found = [self._actions.rows[i] for i in fuzzy_sorted(query, texts)]
        if not query.strip():
            found.sort(key=lambda spec: not self._actions[spec.id].isEnabled())
        for spec in found:
            self._items.appendRow(self._item(spec))
        if found:
            self.list.setCurrentIndex(self._items.index(0, 0))

    def _item(self, spec: ActionSpec) -> QStandardItem:
        action = self._actions[spec.id]
        item = QStandardItem(action.icon(), f"{spec.menu}: {spec.text}")
        keys = self._actions.keys(spec)
        item.setData(native(keys[0]) if keys else "", _KEY_ROLE)
        item.setData(spec.id, _ID_ROLE)
        item.setToolTip(spec.tip)
        item.setEnabled(action.isEnabled())
        return item

    def _step(self, by: int) -> None:
        row = min(max(self.list.currentIndex().row() + by, 0), self._items.rowCount() - 1)
        self.list.setCurrentIndex(self._items.index(row, 0))

    def _run(self, index: QModelIndex) -> None:
        item = self._items.itemFromIndex(index) if index.isValid() else None
        if item is None or not item.isEnabled():
            return
        action_id = str(index.data(_ID_ROLE))
        self.close()
        self._actions.run(action_id)


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


def fuzzy_sorted(query: str, texts: list[str]) -> list[int]:
    """Positions of the texts that match, the best first; all, in their order, for no query."""
    scored = [(fuzzy_score(query, text), i) for i, text in enumerate(texts)]
    found = [(score, i) for score, i in scored if score is not None]
    return [i for _, i in sorted(found, key=lambda pair: (-pair[0], pair[1]))]
