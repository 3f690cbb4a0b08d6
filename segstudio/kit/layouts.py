"""Many widgets of a layout shown and hidden at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtWidgets import QLayout


@contextmanager
def laid_out_once(layout: QLayout) -> Iterator[None]:
    """Lay out what is shown and hidden within once, at the end.

    As each widget is shown, Qt lays out its parent, and with it all parents up to the window.
    """
    was_enabled = layout.isEnabled()
    layout.setEnabled(False)
    try:
        yield
    finally:
        layout.setEnabled(was_enabled)
        layout.activate()
