"""Many overlapping patches of a label map as a few that do the same."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Final

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch

_FEW: Final = 8
"""Up to as many patches are left as they are."""
_TILE: Final = 256
_SMALL_AREA: Final = 1 << 16
_MOST_TILED: Final = 1 << 22
"""Pixels of tiles up to which they are better than one rectangle."""
_PART_PIXELS: Final = 1 << 18
_PART_PATCHES: Final = 12


def merged(annotation: LabelMap, patches: tuple[Patch, ...]) -> tuple[Patch, ...]:
    """Few patches that change a map as the given ones do in their order; it is only read.

    A stroke is hundreds of patches. Who listens to changes (scores, journal, canvas) has far less
    to do with the rectangle around them, or, where a long thin stroke fills little of it, with
    square tiles along the stroke.

    Args:
        annotation: The map that they will be applied to, as it is before them.
        patches: Changes, each on top of those before it.
    """
    if len(patches) < _FEW:
        return patches
    rects = [patch.rect for patch in patches]
    whole = functools.reduce(Rect.union, rects)
    if _area((whole,)) <= max(_area(rects), _SMALL_AREA):
        return (_joined(annotation, whole, patches),)
    tiles = _by_tile(patches)
    covered = {tile: functools.reduce(Rect.union, places) for tile, (places, _) in tiles.items()}
    if _area(covered.values()) > min(_area((whole,)) // 2, _MOST_TILED):
        return (_joined(annotation, whole, patches),)
    if len(tiles) >= len(patches):
        return patches
    return tuple(_joined(annotation, covered[tile], within) for tile, (_, within) in tiles.items())


def in_parts(patches: Sequence[Patch]) -> list[tuple[Patch, ...]]:
    """Patches in parts that are each quickly followed by all listeners, in the same order.

    Very large changes stay in one part: listeners count and write these in the background.
    """
    if _area(patch.rect for patch in patches) > _MOST_TILED:
        return [tuple(patches)]
    parts: list[list[Patch]] = []
    pixels = 0
    for patch in patches:
        size = patch.before.size
        if not parts or len(parts[-1]) == _PART_PATCHES or pixels + size > _PART_PIXELS:
            parts.append([])
            pixels = 0
        parts[-1].append(patch)
        pixels += size
    return [tuple(part) for part in parts]


def _area(rects: Iterable[Rect]) -> int:
    return sum(rect.height * rect.width for rect in rects)


def _by_tile(patches: Sequence[Patch]) -> dict[tuple[int, int], tuple[list[Rect], list[Patch]]]:
    """By tile, the places in it that are changed, and the patches that do so."""
    found: dict[tuple[int, int], tuple[list[Rect], list[Patch]]] = {}
    for patch in patches:
        rect = patch.rect
        for row in range(rect.top // _TILE, (rect.bottom - 1) // _TILE + 1):
            for column in range(rect.left // _TILE, (rect.right - 1) // _TILE + 1):
                top, left = row * _TILE, column * _TILE
                places, within = found.setdefault((row, column), ([], []))
                places.append(rect.intersect(Rect(top, left, top + _TILE, left + _TILE)))
                within.append(patch)
    return found


def _joined(annotation: LabelMap, rect: Rect, patches: Sequence[Patch]) -> Patch:
    """What all patches together do to a rectangle."""
    before = annotation.labels[rect.slices].copy()
    after = before.copy()
    ids = annotation.instances
    ids_before = None if ids is None else ids[rect.slices].copy()
    ids_after = None if ids_before is None else ids_before.copy()
    for patch in patches:
        common = rect.intersect(patch.rect)
        to, of = _within(common, rect), _within(common, patch.rect)
        after[to] = patch.after[of]
        if ids_after is not None and patch.instances_after is not None:
            ids_after[to] = patch.instances_after[of]
    return Patch(rect, before, after, ids_before, ids_after)


def _within(part: Rect, whole: Rect) -> tuple[slice, slice]:
    """Index of a rectangle into an array that covers another one."""
    top, left = whole.top, whole.left
    return Rect(part.top - top, part.left - left, part.bottom - top, part.right - left).slices
