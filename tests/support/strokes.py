"""What tests of editing share."""

from __future__ import annotations

import numpy as np

from segstudio.core.history import History


def labels_of(desk) -> np.ndarray:
    return np.array(desk.document.annotation.labels)


def stroke(desk, *points, erase=False):
    desk.editing.begin_stroke(*points[0], erase)
    for point in points[1:]:
        desk.editing.extend_stroke(*point)
    desk.editing.end_stroke()


def dab(desk, x=3, y=3):
    stroke(desk, (x, y))


def undo_title(history: History) -> str:
    """Title of the edit that would be taken back next; "" if there is none."""
    step = history.next_undo()
    return "" if step is None else step.packed.title
