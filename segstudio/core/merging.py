"""Many overlapping patches of a label map as a few that do the same."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch, Writers, bounds_of

_FEW: Final = 8
"""Up to as many patches are left as they are."""
_TILE: Final = 256
_SMALL_AREA: Final = 1 << 16
_MOST_TILED: Final = 1 << 22
"""Pixels of tiles up to which they are better than one rectangle."""
_PART_PIXELS: Final = 1 << 18
_PART_PATCHES: Final = 4
_MOST_APART: Final = 64
"""More changes side by side become one: comparing all their rectangles would take longer."""


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


def in_bands(patch: Patch) -> tuple[Patch, ...]:
    """A patch as bands of rows, each around what it changes, where that is little of a large one.

    A wide brush that moves on changes a thin crescent: the rectangle around it is thirty times as
    large, and all that follows from a patch would be done for that. There are fewer bands than
    `merged` takes together.

    Args:
        patch: A change.
    """
    height, size = patch.rect.height, patch.before.size
    if size <= _PART_PIXELS or np.count_nonzero(changed := patch.changed) > size // 2:
        return (patch,)
    step = -(-height // (_FEW - 1))
    bands = (
        Rect(top, 0, min(top + step, height), patch.rect.width) for top in range(0, height, step)
    )
    inner = (band.part(bounds_of(changed[band.slices])) for band in bands)
    return tuple(_part(patch, place) for place in inner if not place.is_empty)


def _part(patch: Patch, inner: Rect) -> Patch:
    """What a patch does to a part of its rectangle, which is given from its own corner on."""
    arrays = (
        patch.before, patch.after, patch.instances_before, patch.instances_after,
        patch.writers_before, patch.writers_after,
    )  # fmt: skip
    cut = (None if whole is None else whole[inner.slices].copy() for whole in arrays)
    return Patch(patch.rect.part(inner), *cut)  # type: ignore[arg-type]


def side_by_side(annotation: LabelMap, patches: Sequence[Patch]) -> tuple[Patch, ...]:
    """Patches that were each made of the same map, as patches that can be applied in order.

    They change different pixels, but their rectangles may overlap: one applied after another would
    put back what that changed. Those that overlap become one.

    Args:
        annotation: The map, as it is before them.
        patches: Changes of different pixels of it.
    """
    if len(patches) > _MOST_APART:
        whole = functools.reduce(Rect.union, (patch.rect for patch in patches))
        return (_overlaid(annotation, whole, patches),)
    groups: list[tuple[Rect, list[Patch]]] = []
    for patch in patches:
        rect, together = patch.rect, [patch]
        while touching := [g for g in groups if not g[0].intersect(rect).is_empty]:
            groups = [g for g in groups if g not in touching]
            for other, members in touching:
                rect, together = rect.union(other), members + together
        groups.append((rect, together))
    return tuple(
        members[0] if len(members) == 1 else _overlaid(annotation, rect, members)
        for rect, members in groups
    )


def _overlaid(annotation: LabelMap, rect: Rect, patches: Sequence[Patch]) -> Patch:
    """One patch with the pixels that each of some changes."""
    before = annotation.labels[rect.slices].copy()
    after = before.copy()
    ids = annotation.instances
    ids_before = None if ids is None else ids[rect.slices].copy()
    ids_after = None if ids_before is None else ids_before.copy()
    writers, writers_before = _writers_in(annotation, rect)
    for patch in patches:
        to = patch.rect.within(rect)
        np.copyto(after[to], patch.after, where=patch.after != patch.before)
        if ids_after is not None and patch.instances_after is not None:
            differs = patch.instances_after != patch.instances_before
            np.copyto(ids_after[to], patch.instances_after, where=differs)
        if writers is not None:
            np.copyto(writers[to], patch.writers_on(writers[to]), where=patch.changed)
    return Patch(rect, before, after, ids_before, ids_after, writers_before, writers)


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
    writers, writers_before = _writers_in(annotation, rect)
    for patch in patches:
        common = rect.intersect(patch.rect)
        to, of = common.within(rect), common.within(patch.rect)
        after[to] = patch.after[of]
        if ids_after is not None and patch.instances_after is not None:
            ids_after[to] = patch.instances_after[of]
        if writers is not None:
            writers[to] = patch.writers_on(writers[to], of)
    return Patch(rect, before, after, ids_before, ids_after, writers_before, writers)


def _writers_in(annotation: LabelMap, rect: Rect) -> tuple[Writers | None, Writers | None]:
    """Who wrote the pixels of a rectangle, to be changed, and once more as it was; or no one."""
    kept = annotation.writers
    return (None, None) if kept is None else (kept[rect.slices].copy(), kept[rect.slices].copy())
