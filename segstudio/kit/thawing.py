"""Painting that was held back for a turn, done once."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def thaw(widget: QWidget) -> None:
    """Let a widget be painted again, and all that is in it once.

    Qt would note each widget inside by itself: what lies below one that can be seen through is
    painted alone first and then with it again. Where the order of the siblings changed, it paints
    the whole place in one go. The widget may not overlap its siblings.
    """
    widget.setUpdatesEnabled(True)
    parent = widget.parentWidget()
    if parent is None or widget.isWindow():
        return
    siblings = [child for child in parent.children() if isinstance(child, QWidget)]
    if siblings[-1] is widget:
        widget.lower()
    else:
        widget.raise_()
