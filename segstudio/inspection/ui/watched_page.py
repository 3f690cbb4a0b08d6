"""A page whose service works while it is looked at."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from segstudio.kit.coalesce import Coalescer
from segstudio.session.session import Change, Session, What


class WatchedPage(QWidget):
    """Shows its contents anew when something changes that they tell of, while it is seen."""

    kinds: What
    """The changes that they tell of."""

    def __init__(
        self, session: Session, watch: Callable[[bool], None], parent: QWidget | None = None
    ) -> None:
        """Args:
        session: What is open; subclasses connect `_on_change` when their contents are there.
        watch: Told whether someone looks.
        parent: The widget around it.
        """
        super().__init__(parent)
        self._session, self._watch = session, watch
        self._refresh = Coalescer(self, self._show_if_seen)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._watch(True)
        self._refresh.request()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._watch(False)

    def _on_change(self, change: Change) -> None:
        if change.what & self.kinds and self.isVisible():
            self._refresh.request()

    def _show_if_seen(self) -> None:
        if self.isVisible():
            self._show()

    def _show(self) -> None:
        raise NotImplementedError
