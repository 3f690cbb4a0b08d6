"""Tips and texts that name the keys of commands as they are now."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from segstudio.core.text import with_notes
from segstudio.kit.action_set import ActionSet
from segstudio.kit.plain import plain

_COMMAND: Final = re.compile(r"\{([\w.]+)\}")


def with_keys(actions: ActionSet, words: str, *notes: str) -> str:
    """Words with notes in brackets, in which a command's id in braces stands for its key.

    "Brush size", "{brush.smaller} and {brush.larger}" is "Brush size ([ and ])". A note about a
    command that has no key is left out.
    """
    told = []
    for note in notes:
        keys = [actions.key(action_id) for action_id in _COMMAND.findall(note)]
        if all(keys):
            told.append(_COMMAND.sub(lambda found: actions.key(found[1]), note))
    return with_notes(words, *told)


class KeyTip(QObject):
    """Gives a widget a tip that names keys, and gives it anew when the keys are changed."""

    def __init__(self, actions: ActionSet, widget: QWidget, words: str, *notes: str) -> None:
        """Take what `with_keys` takes, and the widget, with which it goes."""
        super().__init__(widget)
        self._actions, self._widget = actions, widget
        self._words, self._notes = words, notes
        actions.keymap_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        self._widget.setToolTip(plain(with_keys(self._actions, self._words, *self._notes)))


class CommandTip(QObject):
    """Gives a widget that does what a command does the command's tip, as it is now."""

    def __init__(self, action: QAction, widget: QWidget) -> None:
        super().__init__(widget)
        self._action, self._widget = action, widget
        action.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        if self._widget.toolTip() != self._action.toolTip():
            self._widget.setToolTip(self._action.toolTip())
