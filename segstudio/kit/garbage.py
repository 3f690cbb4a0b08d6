"""Python's garbage collection in the GUI thread alone, and never for long.

Python collects in whichever thread happens to allocate. Widgets that are only held by a cycle
would be deleted in a worker's thread then, which Qt does not allow, and a full collection holds
up all threads: with PyTorch loaded for 100 to 300 ms. Here a timer of the GUI thread collects, and
what is loaded at the start and stays is taken out of the collector's sight (`gc.freeze`): a full
collection takes 1 ms afterwards.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_TURN_MS = 100


class GuiGarbage(QObject):
    """Collects garbage by a timer, instead of Python by itself."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=_TURN_MS)
        self._timer.timeout.connect(self._turn)

    def hold(self) -> None:
        """Collect nothing until `start`: while modules are loaded there is hardly any garbage."""
        gc.disable()

    def start(self) -> None:
        """Look no more at what there is now, and collect what comes from now on."""
        gc.disable()
        gc.freeze()
        self._timer.start()

    def stop(self) -> None:
        """Leave the collection to Python again."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def _turn(self) -> None:
        """Collect the oldest generation that is due, by Python's own limits."""
        counts = zip(gc.get_count(), gc.get_threshold(), strict=True)
        due = [generation for generation, (count, limit) in enumerate(counts) if count > limit]
        if due:
            gc.collect(due[-1])
