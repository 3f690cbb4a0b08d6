"""The order of the Tab key, walked without harm.

PySide takes what `nextInFocusChain` returns for a child of the widget that was asked. When that one
goes, Python's hold on the other is cut ("already deleted") if Qt made it, as it makes tool bars,
although it is there still.
"""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def next_in_chain(widget: QWidget) -> QWidget | None:
    """The widget that comes after it."""
    return _of_its_parent(widget.nextInFocusChain())


def before_in_chain(widget: QWidget) -> QWidget | None:
    """The widget that comes before it."""
    return _of_its_parent(widget.previousInFocusChain())


def _of_its_parent(widget: QWidget | None) -> QWidget | None:
    parent = None if widget is None else widget.parentWidget()
    if widget is not None and parent is not None:
        widget.setParent(parent)  # to Qt it is there already; PySide gives it back
    return widget
