"""The field in which images are looked for: it completes its terms and tells what it understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, QStringListModel, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QListView, QVBoxLayout, QWidget

from segstudio.core.errors import SegstudioError, told
from segstudio.core.formatting import count_text
from segstudio.core.schema import LabelSchema
from segstudio.folder.image_query import KEYS, Found, Query, completions, parse_query
from segstudio.folder.ui.image_list_rows import Show
from segstudio.kit.icon_button import ChoiceButton, icon_button
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain

_GLASS, _BUTTON = 14, 24
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_MOST_OFFERED, _OFFER_MARGIN = 8, 16
_TIP: Final = "\n".join(
    (
        "Words that the name or the note must hold{key}, and terms; a minus before one denies it.",
        *(f"{row.example} ({row.meaning})" for row in KEYS),
        "Quotes keep blanks, /…/ is a regular expression.",
        "Enter goes to the list, Esc empties the field.",
    )
)


class ImageFilter(QWidget):
    """The field, and below it what is to be said of what was typed.

    Attributes:
        field: Where it is typed.
        note: What means nothing, or how much is known; hidden where nothing is to be said.
        query: What was understood last.

    Signals:
        changed: Something else was typed.
    """

    changed = Signal()

    def __init__(self, schema: Callable[[], LabelSchema]) -> None:
        super().__init__()
        self._schema = schema
        self.query = Query()
        self.field = FilterField(schema)
        self.note = PlainLabel()
        self.note.setObjectName("filterNote")
        self.note.setWordWrap(True)
        self.note.setAccessibleName("What the filter found")
        self.note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 5)
        column.setSpacing(3)
        column.addWidget(self.field)
        column.addWidget(self.note)
        self.field.textChanged.connect(self.changed)

    def understand(self) -> bool:
        """Make `query` what is typed; False, and a note why, if that means nothing."""
        try:
            self.query = parse_query(self.field.text(), self._schema())
        except SegstudioError as error:
            self._say(told(error), wrong=True)
            return False
        return True

    def tell(self, found: Found, unreadable: int, model: str) -> None:
        """Say what of the images is not known.

        Args:
            found: What the query found.
            unreadable: How many of the uncounted ones cannot be counted.
            model: Name of the model whose scores are meant; "" if none is shown.
        """
        said = []
        waiting = len(found.uncounted) - unreadable
        if waiting:
            said.append(f"{_share(found.asked - len(found.uncounted), found.asked)} counted.")
        if unreadable:
            masks = "mask" if unreadable == 1 else "masks"
            said.append(f"{count_text(unreadable)} {masks} cannot be read.")
        if found.unscored and not model:
            said.append("No model is shown, so no image has a score: run one.")
        elif found.unscored:
            known = found.asked - len(found.uncounted)
            said.append(f"{_share(known - found.unscored, known)} scored ({model}).")
        self._say(" ".join(said))

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))
        if self.note.property("wrong") != wrong:
            self.note.setProperty("wrong", wrong)
            self.note.style().unpolish(self.note)
            self.note.style().polish(self.note)


def _share(number: int, total: int) -> str:
    return f"{count_text(number)} of {count_text(total)} images"


class _Offers(QListView):
    """Terms to choose from, below the field in which they are typed, which keeps the keys.

    No window of its own: such a one would take the keys from the others where no window manager is.

    Attributes:
        terms: The terms.
    """

    def __init__(self, field: QLineEdit) -> None:
        super().__init__(field.window())
        self._field = field
        self.terms = QStringListModel(self)
        self.setModel(self.terms)
        self.setObjectName("filterOffers")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Terms that can be typed")

    def show_terms(self, terms: list[str]) -> None:
        """Offer other terms; none of them is chosen yet."""
        self.terms.setStringList(terms)
        window = self._field.window()
        if self.parentWidget() is not window:  # the panel floats now, or does no more
            self.setParent(window)
        below = self._field.mapTo(window, QPoint(0, self._field.height()))
        wide = self.sizeHintForColumn(0) + _OFFER_MARGIN
        if len(terms) > _MOST_OFFERED:
            wide += self.verticalScrollBar().sizeHint().width()
        high = self.sizeHintForRow(0) * min(len(terms), _MOST_OFFERED) + 2 * self.frameWidth() + 2
        place = QRect(below, QSize(max(wide, self._field.width()), high))
        self.setGeometry(place.intersected(window.rect()))
        self.show()
        self.raise_()

    def step(self, by: int) -> None:
        """Choose the next or the previous term."""
        row = self.currentIndex().row() + by
        self.setCurrentIndex(self.terms.index(max(0, min(row, self.terms.rowCount() - 1)), 0))

    @property
    def chosen(self) -> str:
        """The term that is chosen; "" if none is."""
        return str(self.currentIndex().data() or "")


class FilterField(QLineEdit):
    """Enter and the arrow down go to the list, Esc empties the field or, empty, leaves it too.

    Attributes:
        funnel: Chooses which images are listed; stands in the field.

    Signals:
        list_wanted: The user is done with typing.
    """

    list_wanted = Signal()

    def __init__(self, schema: Callable[[], LabelSchema]) -> None:
        super().__init__()
        self._schema, self._begin = schema, 0
        self.setPlaceholderText("Filter")
        self.show_key("")
        self.setAccessibleName("Filter images by name")
        self._glass = PlainLabel("", self)
        self._glass.setPixmap(icon("search").pixmap(QSize(_GLASS, _GLASS)))
        self.funnel = ChoiceButton("funnel", "Which images are listed", [s.value for s in Show])
        self._clear = icon_button("x", "Empty the filter (Esc)", px=14)
        for button in (self.funnel, self._clear):
            button.setParent(self)
            button.setCursor(Qt.CursorShape.ArrowCursor)
            button.setFixedSize(_BUTTON, _BUTTON)
        self._clear.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the field has a key for it
        self._clear.clicked.connect(self.clear)
        self.textChanged.connect(self._make_room)
        self._offers: _Offers | None = None
        self.textEdited.connect(self._offer)
        self._make_room()

    def show_key(self, key: str) -> None:
        """Tell the key that leads to the field."""
        self.setToolTip(plain(_TIP.format(key=f" ({key})" if key else "")))

    # -- completing ----------------------------------------------------------------------------

    def _offer(self) -> None:
        before = self.text()[: self.cursorPosition()]
        self._begin, offered = completions(before, self._schema())
        if not offered or not self.hasFocus():
            self.hide_offers()
            return
        if self._offers is None:
            self._offers = _Offers(self)
            self._offers.clicked.connect(lambda index: self._complete(str(index.data())))
        self._offers.show_terms(offered)

    @property
    def offered(self) -> list[str]:
        """The terms that are offered now."""
        offers = self._offers
        return offers.terms.stringList() if offers is not None and offers.isVisible() else []

    def hide_offers(self) -> None:
        """Offer nothing."""
        if self._offers is not None:
            self._offers.hide()

    def _complete(self, term: str) -> None:
        """Put a term in place of what was typed of it, and offer its values."""
        behind = self.text()[self.cursorPosition() :]
        blank = "" if term.endswith(":") or behind.startswith(" ") else " "
        self.setText(self.text()[: self._begin] + term + blank + behind)
        self.setCursorPosition(self._begin + len(term) + len(blank))
        self._offer()

    # -- keys ------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Tab completes while something is offered, and else leaves the field."""
        is_tab = (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Tab
        )
        if is_tab and self._offers is not None and (offered := self.offered):
            self._complete(self._offers.chosen or offered[0])
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, offers = event.key(), self._offers
        if offers is not None and offers.isVisible():
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                offers.step(1 if key == Qt.Key.Key_Down else -1)
                return
            if key in _ENTER and offers.chosen:
                self._complete(offers.chosen)
                return
            if key in (*_ENTER, Qt.Key.Key_Escape):
                offers.hide()
            if key == Qt.Key.Key_Escape:
                return
        is_escape = key == Qt.Key.Key_Escape
        if is_escape and self.text():
            self.clear()
        elif is_escape or key in (*_ENTER, Qt.Key.Key_Down):
            self.list_wanted.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.hide_offers()

    def clear(self) -> None:
        """Have nothing typed, and offer nothing."""
        super().clear()
        self.hide_offers()

    # -- look ------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        top = (self.height() - _BUTTON) // 2
        self._glass.setGeometry(6, 0, _GLASS + 4, self.height())
        self.funnel.move(self.width() - _BUTTON - 2, top)
        self._clear.move(self.width() - 2 * _BUTTON - 2, top)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme: a pixmap keeps its colour."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_glass"):
            self._glass.setPixmap(icon("search").pixmap(QSize(_GLASS, _GLASS)))

    def _make_room(self) -> None:
        self._clear.setVisible(bool(self.text()))
        self.setTextMargins(_GLASS + 3, 0, _BUTTON * (2 if self.text() else 1), 0)
