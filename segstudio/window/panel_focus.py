"""Going from panel to panel without the mouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QWidget

_REASON = Qt.FocusReason.TabFocusReason


def go_to_next(places: Iterable[QWidget], by: int) -> None:
    """Give the focus to the next (1) or previous (-1) of these widgets, round and round.

    Those that are not seen, and those in which nothing takes keys, are passed by.
    """
    seen = [place for place in places if _is_seen(place)]
    now = next((i for i, place in enumerate(seen) if _has_focus(place)), 0)
    for step in range(1, len(seen)):
        target = _entry(seen[(now + by * step) % len(seen)])
        if target is not None:
            target.setFocus(_REASON)
            return


def _has_focus(place: QWidget) -> bool:
    focused = place.window().focusWidget()
    return focused is not None and (focused is place or place.isAncestorOf(focused))


def _entry(place: QWidget) -> QWidget | None:
    """What takes the keys: its focus proxy, what had the focus there last, or the first of all."""
    before = place.focusWidget()
    wanted = (place.focusProxy(), before, place, *_chain(place))
    return next((w for w in wanted if w is not None and _takes_keys(w)), None)


def _takes_keys(widget: QWidget) -> bool:
    by_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return by_tab and widget.isEnabled() and _is_seen(widget)


def _is_seen(widget: QWidget) -> bool:
    """Docks behind a tab are not hidden for Qt, but stand outside the window."""
    window = widget.window()
    inside = QRect(widget.mapTo(window, QPoint()), widget.size()).intersects(window.rect())
    return widget.isVisible() and inside


def _chain(place: QWidget) -> Iterator[QWidget]:
    """The widgets inside, in the order of the Tab key."""
    widget = place.nextInFocusChain()
    while widget is not None and widget is not place:
        if place.isAncestorOf(widget):
            yield widget
        widget = widget.nextInFocusChain()
