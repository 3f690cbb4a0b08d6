"""Going through the parts of the window without the mouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.kit.focus_chain import next_in_chain

if TYPE_CHECKING:
    from segstudio.window.main_window import MainWindow

Stop = Sequence[QWidget]
"""What is one stop on the way round: the first of these widgets that takes keys gets them."""
_REASON = Qt.FocusReason.TabFocusReason


def stops_of(window: MainWindow) -> list[Stop]:
    """The parts of the window in the order in which they are read; the room before the status bar.

    What comes and goes stands where it is seen: messages above the views, pages below them, and
    before a folder is open the parts of the start page in the place of all that.
    """
    left, right = window.docks.columns()
    page = window.start.page
    return [
        [window.bar],
        *([dock] for dock in left),
        [window.options, window.tools],
        [window.notices, window.corrections],
        *([] if page is None else page.parts),
        [window.canvas],
        [window.stack],
        *([dock] for dock in right),
        [window.docks.room],
        [window.status],
    ]


def go_to_next(stops: Iterable[Stop], by: int) -> None:
    """Give the focus to the next (1) or previous (-1) of these, round and round.

    Those that are not seen, and those in which nothing takes keys, are passed by.
    """
    all_stops = list(stops)
    focused = QApplication.focusWidget()
    before_all = -1 if by > 0 else 0
    now = next((i for i, stop in enumerate(all_stops) if _holds(stop, focused)), before_all)
    for step in range(1, len(all_stops) + 1):
        at = (now + by * step) % len(all_stops)
        target = None if at == now else _entry(all_stops[at], focused)
        if target is not None:
            if not target.isActiveWindow():
                target.activateWindow()  # of a panel that floats
            target.setFocus(_REASON)
            return


def can_take_keys(widget: QWidget) -> bool:
    """Whether the widget is seen and gets the keys when it is asked to."""
    return widget.isEnabled() and _is_seen(widget)


def _holds(stop: Stop, focused: QWidget | None) -> bool:
    return focused is not None and any(p is focused or p.isAncestorOf(focused) for p in stop)


def _entry(stop: Stop, focused: QWidget | None) -> QWidget | None:
    """What takes the keys: its focus proxy, what had the focus there last, or the first of all."""
    for place in stop:
        # a window of its own tells what has the focus in it, whether it is the active one or not
        before = place.focusWidget() if not _holds([place], focused) else None
        wanted = (place.focusProxy(), before, place, *_chain(place))
        found = next((w for w in wanted if w is not None and _takes_keys(w, place)), None)
        if found is not None:
            return found
    return None


def _takes_keys(widget: QWidget, place: QWidget) -> bool:
    by_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    inside = widget is place or place.isAncestorOf(widget) or widget is place.focusProxy()
    return by_tab and inside and can_take_keys(widget)


def _is_seen(widget: QWidget) -> bool:
    """Docks behind a tab are not hidden for Qt, but stand outside the window."""
    window = widget.window()
    inside = QRect(widget.mapTo(window, QPoint()), widget.size()).intersects(window.rect())
    return widget.isVisible() and inside


def _chain(place: QWidget) -> Iterator[QWidget]:
    """The widgets inside, in the order of the Tab key."""
    widget = next_in_chain(place)
    while widget is not None and widget is not place:
        if place.isAncestorOf(widget):
            yield widget
        widget = next_in_chain(widget)
