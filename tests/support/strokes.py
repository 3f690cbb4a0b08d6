"""What tests of editing share."""

from __future__ import annotations

import numpy as np


def labels_of(desk) -> np.ndarray:
    return np.array(desk.document.annotation.labels)


def stroke(desk, *points, erase=False):
    desk.editing.begin_stroke(*points[0], erase)
    for point in points[1:]:
        desk.editing.extend_stroke(*point)
    desk.editing.end_stroke()
