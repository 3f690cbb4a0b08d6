"""What takes long on the GUI thread, in parts: a turn of the event loop for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

T = TypeVar("T")
Parts = Generator[None, None, T]
"""Yields after each part; returns what was made."""
_PART_SECONDS = 0.004


def at_once(parts: Parts[T]) -> T:
    """Do what is left of the parts now."""
    while True:
        try:
            next(parts)
        except StopIteration as end:
            made: T = end.value
            return made


def polished(widget: QWidget) -> Parts[None]:
    """Work out the style of a widget and of all in it, as many a turn as take 4 ms.

    Qt would do it for all of them when the widget is shown. It has to stand below its last parent
    already: another one has the style worked out anew.
    """
    began = time.monotonic()
    # the innermost first: with a widget Qt polishes all that is in it
    for each in (*reversed(widget.findChildren(QWidget)), widget):
        each.ensurePolished()
        if time.monotonic() - began > _PART_SECONDS:
            yield
            began = time.monotonic()


class Turns(QObject):
    """Does parts one after another, a turn each; none any more once its parent is gone."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._parts: Parts[Any] | None = None
        self._done: Callable[[Any], object] = _nothing
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._turn)

    @property
    def running(self) -> bool:
        """Whether there are parts left."""
        return self._parts is not None

    def begin(self, parts: Parts[T], done: Callable[[T], object]) -> None:
        """Do these parts from the next turn on, those before at once; then `done` with the result."""
        self.finish()
        self._parts, self._done = parts, done
        self._next.start()

    def finish(self) -> None:
        """Do now what is left."""
        while self._parts is not None:
            self._turn()

    def _turn(self) -> None:
        parts = self._parts
        if parts is None:
            return
        self._parts = None  # no part is begun again within itself, nor after it failed
        try:
            next(parts)
        except StopIteration as end:
            self._next.stop()
            self._done(end.value)
            return
        self._parts = parts
        self._next.start()


def _nothing(_made: object) -> None:
    """Nobody waits for it."""
