"""The views of the canvas, made a part at a time so that the window always answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from segstudio.canvas.pane_header import PaneHeader
from segstudio.canvas.pane_view import PaneView
from segstudio.session.session import MAX_PANES

_REST_MS = 700
"""After this time without hurry the views that may be wanted later are begun."""
_PAUSE_MS = 40
"""So much time lies between the parts of views that nobody waits for."""


class PaneStock(QObject):
    """Makes views with their headers: ahead of time, or when they are wanted.

    A view with its header takes some 20 ms. None is made with the first image; once that is shown
    and nothing happens, all are made in the background of the event loop.

    Attributes:
        panes: The views made so far, the first one first; all but the last ones have a header.

    Signals:
        grown: One of the views that were wanted is complete.
    """

    grown = Signal()

    def __init__(
        self,
        parent: QObject,
        make_pane: Callable[[int], PaneView],
        make_header: Callable[[int], PaneHeader],
    ) -> None:
        """Args:
        parent: What it lives as long as.
        make_pane: Makes the view of a number.
        make_header: Makes the header of a view.
        """
        super().__init__(parent)
        self._make_pane, self._make_header = make_pane, make_header
        self._wanted = 0
        self.panes: list[PaneView] = [make_pane(0)]
        self._steps = self._all_steps()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._step)

    @property
    def complete(self) -> int:
        """How many views have a header."""
        return sum(pane.header is not None for pane in self.panes)

    @property
    def is_waited_for(self) -> bool:
        """Whether a view that is wanted is not complete."""
        return self.complete < self._wanted

    def want(self, count: int, now: int) -> bool:
        """Have so many views made in the next turns.

        Args:
            count: How many are wanted.
            now: How many of them are needed at once.

        Returns:
            Whether those are complete.
        """
        if self.complete < count:
            self._wanted = max(self._wanted, count)
            self._timer.start(0)
        return self.complete >= now

    def make_ahead(self) -> None:
        """Make all views when there is nothing else to do."""
        if self.complete < MAX_PANES and not self._timer.isActive():
            self._timer.start(_REST_MS)

    def _step(self) -> None:
        """Do one part of the work."""
        waited, before = self.is_waited_for, self.complete
        if next(self._steps, None) is None:
            return
        if waited and self.complete > before:
            self.grown.emit()
        if self.complete < MAX_PANES and not self._timer.isActive():
            self._timer.start(0 if self.is_waited_for else _PAUSE_MS)

    def _all_steps(self) -> Iterator[bool]:
        """Parts of the work, none of which takes long."""
        for number in range(MAX_PANES):
            if number == len(self.panes):
                self.panes.append(self._make_pane(number))
                yield True
            header = self._make_header(number)
            # without a parent it would outlive a window that is closed before the next part, and
            # Python might then delete it in any thread
            header.setParent(self.panes[number])
            yield True
            # styles and sizes are worked out once: better now than when the view is shown
            for widget in (header, *header.findChildren(QWidget)):
                widget.ensurePolished()
                widget.sizeHint()
            yield True
            self.panes[number].put_header(header)
            yield True
