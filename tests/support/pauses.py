"""Time that passes at once: what was put off for a moment is done now, nobody sleeps."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from segstudio.canvas.canvas import Canvas, PaneStock
from segstudio.kit.coalesce import Coalescer, due_is_waiting

_ROUNDS = 8
"""How often what follows from one pause may wait for the next."""


def let_pass(
    qtbot, *owners: QObject, ms: int = 80, before_each: Callable[[], None] = lambda: None
) -> None:
    """Let pauses that would end within `ms` end at once, and updates that are due, however far.

    Args:
        owners: Whose timers, with those of all that belongs to them.
        before_each: Called before each round: pauses begin after it.
    """
    for _ in range(_ROUNDS):
        before_each()
        qtbot.wait(1)
        if not _end_pauses(owners, ms):
            break
    qtbot.wait(1)


def _end_pauses(owners: tuple[QObject, ...], ms: int) -> int:
    timers = [timer for owner in owners for timer in owner.findChildren(QTimer)]
    due = sorted((t for t in timers if _ends_within(t, ms)), key=QTimer.remainingTime)
    pauses = [(timer, timer.interval()) for timer in due]
    for timer in due:
        timer.start(0)
    QApplication.processEvents()
    while due_is_waiting():  # for a turn in which there is time for it
        QApplication.processEvents()
    for timer, pause in pauses:
        if isValid(timer) and timer.interval() == 0:
            timer.setInterval(pause)
    return len(due)


def _ends_within(timer: QTimer, ms: int) -> bool:
    """Whether it puts something off: drawing anew for however long, or anything for a moment."""
    if not (timer.isActive() and timer.isSingleShot()) or isinstance(timer.parent(), PaneStock):
        return False
    return isinstance(timer.parent(), Coalescer) or timer.remainingTime() <= ms


def views_are_awaited(canvas: Canvas) -> bool:
    """Whether views that are wanted are not shown yet."""
    return len(canvas.shown_panes) < canvas._count or canvas._stock.is_waited_for
