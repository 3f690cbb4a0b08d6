"""Messages that do not stop the work: cards over the canvas, newest on top."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from segstudio.ui.notice_card import NoticeCard

_MARGIN = 12
_MAX_WIDTH = 620
_MAX_CARDS = 3
_SECONDS = {"info": 8.0, "warning": 20.0}
"""How long a card stays by its level; errors stay until they are closed."""


class NoticeStack(QWidget):
    """The cards, laid over the top of a widget without moving it.

    It is exactly as large as its cards, so that the mouse reaches what lies beside them.
    """

    def __init__(self, over: QWidget, top: int = 0) -> None:
        """Args:
        over: The widget whose top it covers.
        top: Pixels to leave free above.
        """
        super().__init__(over)
        self._top = top + _MARGIN
        self._over = over
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        over.installEventFilter(self)
        self.hide()

    @property
    def cards(self) -> list[NoticeCard]:
        """The cards shown, newest first."""
        places = (self._column.itemAt(place) for place in range(self._column.count()))
        widgets = (place.widget() for place in places if place is not None)
        return [widget for widget in widgets if widget is not None]  # type: ignore[misc]

    def show_notice(
        self,
        level: str,
        message: str,
        hint: str = "",
        details: str = "",
        action: tuple[str, Callable[[], object]] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Add a card; the same message again is counted on the card that is there."""
        for card in self.cards:
            if (card.level, card.message, card.hint) == (level, message, hint) and action is None:
                card.again()
                return
        from segstudio.ui.notice_card import NoticeCard

        card = NoticeCard(level, message, hint, details, action, self)
        card.about = about
        card.installEventFilter(self)
        self._column.insertWidget(0, card)
        for old in self.cards[_MAX_CARDS:]:
            old.dismiss()
        if level in _SECONDS and action is None:
            QTimer.singleShot(round(_SECONDS[level] * 1000), card, card.dismiss)
        self._place()

    def settle(self, about: str) -> None:
        """Take the cards away that are about a trouble which is over."""
        for card in self.cards:
            if card.about == about:
                card.dismiss()

    def dismiss_all(self) -> None:
        """Take all cards away."""
        for card in self.cards:
            card.dismiss()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at an event of what is watched."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) or (
            watched is not self._over
            and event.type() in (QEvent.Type.Hide, QEvent.Type.ParentChange)
        ):
            QTimer.singleShot(0, self, self._place)
        return False

    def _place(self) -> None:
        if not self.cards:
            self.hide()
            return
        width = min(_MAX_WIDTH, self._over.width() - 2 * _MARGIN)
        self.setFixedWidth(max(width, 200))
        height = self._column.heightForWidth(self.width())
        if height <= 0:
            height = self._column.sizeHint().height()
        self.setGeometry((self._over.width() - self.width()) // 2, self._top, self.width(), height)
        self.show()
        self.raise_()
