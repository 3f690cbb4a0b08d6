"""Ties the work queue to the canvas: it goes to the place that an image is in the queue for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from segstudio.session.session import Change, Session, What

if TYPE_CHECKING:
    from segstudio.canvas.canvas import Canvas
    from segstudio.core.geometry import Rect


class QueueLink(QObject):
    """Shows each new place once."""

    def __init__(self, session: Session, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._session, self._canvas = session, canvas
        self._shown: tuple[int, Rect] | None = None
        session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        place = self._session.queue.place
        if not change.what & What.QUEUE or place is self._shown:
            return
        self._shown = place
        if place is not None and place[0] == self._session.index:
            self._canvas.show_rect(place[1])
