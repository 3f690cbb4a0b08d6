"""Which classes of the usual data sets are things, whose objects are counted; others are stuff."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from segstudio.core.schema import BACKGROUND_NAMES
from segstudio.models.published import COCO_CATEGORIES

_STREET: Final = frozenset(
    ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle", "caravan", "trailer")
)  # fmt: skip
"""Things of Cityscapes."""
_COCO: Final = frozenset(COCO_CATEGORIES) - {"N/A", *BACKGROUND_NAMES}
_ADE_BEGIN: Final = ("wall", "building", "sky", "floor", "tree")
_ADE_CLASSES: Final = 150
_ADE_STUFF: Final = frozenset(
    (0, 1, 2, 3, 4, 5, 6, 9, 11, 13, 16, 17, 21, 25, 26, 28, 29, 34, 40, 46, 48, 51, 52, 54, 59, 60,
     61, 63, 68, 77, 79, 84, 91, 94, 96, 99, 100, 101, 105, 106, 109, 113, 114, 117, 122, 128, 131,
     140, 141, 145)
)  # fmt: skip
"""Stuff among the 150 classes of ADE20K, by place."""


def things_among(names: Sequence[str]) -> frozenset[int]:
    """Places of the things in a list of classes.

    Lists of ADE20K are told by their begin. Elsewhere the things of COCO and Cityscapes are known
    by name; where none of these is among them, all but a background are things.
    """
    plain = [_plain(name) for name in names]
    if len(plain) == _ADE_CLASSES and tuple(plain[: len(_ADE_BEGIN)]) == _ADE_BEGIN:
        return frozenset(range(_ADE_CLASSES)) - _ADE_STUFF
    known = _places(plain, _COCO | _STREET)
    return known or frozenset(range(len(plain))) - _places(plain, BACKGROUND_NAMES)


def _plain(name: str) -> str:
    return name.partition(",")[0].strip().casefold()


def _places(names: Sequence[str], wanted: Collection[str]) -> frozenset[int]:
    return frozenset(place for place, name in enumerate(names) if name in wanted)
