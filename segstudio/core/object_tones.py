"""Colours of objects: ten that colour-blind people tell apart, and none beside itself.

An object gets the colour of its number, and another one where an object within 12 pixels has that
already, so that touching objects are told apart without reading a number.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segstudio.core.object_index import HIGHEST_ID, ObjectIndex

Tones = npt.NDArray[np.uint16]
"""(65536,) by object id: 0 for what is no object, else 1 and so on."""
Boxes = npt.NDArray[np.int32]
"""(N, 4): top, left, bottom, right."""
OBJECT_COLORS: tuple[tuple[int, int, int], ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (122, 147, 245),
    (213, 94, 0),
    (166, 219, 123),
    (177, 140, 245),
    (250, 148, 144),
)
"""The seven colours of Okabe and Ito, and three more between them."""
NEAR_PX = 12
"""Objects with a gap of fewer pixels between their boxes have different colours."""


@functools.cache
def plain_tones(count: int = len(OBJECT_COLORS)) -> Tones:
    """By number alone: 1, 2, ... `count`, 1, 2, ..."""
    found = (1 + (np.arange(HIGHEST_ID + 1) - 1) % count).astype(np.uint16)
    found[0] = 0
    found.setflags(write=False)
    return found


def tone_color(tone: int) -> tuple[int, int, int]:
    """The colour (r, g, b) of a tone from 1 on."""
    return OBJECT_COLORS[(tone - 1) % len(OBJECT_COLORS)]


def told_apart(boxes: Boxes, before: Tones) -> Tones:
    """The tones of objects, so that near ones differ.

    An object keeps its tone unless one before it that is near has that already; then it gets the
    next one that none near it has, or where all are taken the one that the fewest have.

    Args:
        boxes: Where they lie, in the order in which they are looked at.
        before: (N,) their tones as they are, from 1 on.

    Returns:
        (N,) their tones.
    """
    near = _near(boxes)
    tones = before.copy()
    for number, others in enumerate(near):
        earlier = [other for other in others if other < number]
        tones[number] = free_tone(int(before[number]), tones[earlier])
    return tones


def free_tone(own: int, taken: npt.NDArray[np.uint16]) -> int:
    """The tone of an object: its own if none near has that, else the next free or rarest one."""
    count = len(OBJECT_COLORS)
    used = np.bincount(taken, minlength=count + 1)
    if not used[own]:
        return own
    order = [1 + (own - 1 + step) % count for step in range(count)]
    return min(order, key=lambda tone: used[tone])


def retoned(tones: Tones, index: ObjectIndex, touched: Sequence[int]) -> list[int]:
    """Change the tones of objects that were painted on, in place, where a near one has the same.

    Returns:
        Those whose tone is another one now.
    """
    changed = []
    for object_id in touched:
        info = index.info(object_id)
        if info is None:
            continue
        others = index.boxes_touching(info.rect.expand(NEAR_PX - 1))
        tone = free_tone(int(tones[object_id]), tones[others[others != object_id]])
        if tone != tones[object_id]:
            tones[object_id] = tone
            changed.append(object_id)
    return changed


def _near(boxes: Boxes) -> list[list[int]]:
    """Which objects are near each one."""
    found: list[list[int]] = [[] for _ in range(len(boxes))]
    order = np.argsort(boxes[:, 0], kind="stable")
    tops, lefts, bottoms, rights = (boxes[order, side] for side in range(4))
    ends = np.searchsorted(tops, bottoms + NEAR_PX, side="left")
    for place, end in enumerate(ends.tolist()):
        rest = slice(place + 1, end)
        beside = (lefts[rest] < rights[place] + NEAR_PX) & (lefts[place] < rights[rest] + NEAR_PX)
        one = int(order[place])
        for other in order[place + 1 + np.flatnonzero(beside)].tolist():
            found[one].append(other)
            found[other].append(one)
    return found
