"""Figures of every object of a map: class, area, place, mean intensity, the score of its model.

They are worked out in one pass over the map, and after an edit of its rectangle's objects alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.instances import Instances
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask
from segstudio.core.object_index import HIGHEST_ID, ObjectIndex, tight
from segstudio.core.progress import Check, no_check

_STRIP_ROWS: Final = 256
_FEW: Final = 64
"""So many objects are looked at one by one after an edit; of more, the whole map is."""
_SAME: Final = 0.5
"""An object that shares more of the union with a model's has that one's score."""
_Numbers = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


class ObjectRow(NamedTuple):
    """One object.

    Attributes:
        id: Its number in the map, from 1.
        class_id: The class of most of its pixels.
        area: How many pixels it has.
        rect: The smallest rectangle around it.
        mean: Of the stored values of its pixels; NaN where none is a number.
        score: How sure the model is that found it, 0..1; NaN where none did.
    """

    id: int
    class_id: int
    area: int
    rect: Rect
    mean: float
    score: float


@dataclass(frozen=True, eq=False)
class Brightness:
    """The stored values of which means are taken.

    Attributes:
        values: (H, W, C) of any number type.
        channels: Which of them are meant; of several the mean counts.
    """

    values: npt.NDArray[Any]
    channels: tuple[int, ...]

    def sums(self, ids: InstanceIds, check: Check) -> tuple[_Floats, _Floats]:
        """(65536,) sums and numbers of values by object, over the whole map."""
        sums, counts = np.zeros(HIGHEST_ID + 1), np.zeros(HIGHEST_ID + 1)
        for top in range(0, ids.shape[0], _STRIP_ROWS):
            check()
            strip = slice(top, top + _STRIP_ROWS)
            inside = ids[strip] > 0
            numbers = ids[strip][inside]
            for channel in self.channels:
                values = self.values[strip][..., channel][inside].astype(np.float64)
                known = np.isfinite(values)
                if known.all():
                    sums += np.bincount(numbers, values, HIGHEST_ID + 1)
                    counts += np.bincount(numbers, minlength=HIGHEST_ID + 1)
                else:
                    sums += np.bincount(numbers[known], values[known], HIGHEST_ID + 1)
                    counts += np.bincount(numbers[known], minlength=HIGHEST_ID + 1)
        return sums, counts

    def mean(self, rect: Rect, mask: Mask) -> float:
        """The mean of the values under a mask that lies at a rectangle; NaN if there is none."""
        part = self.values[rect.slices]
        values = np.concatenate([part[..., c][mask] for c in self.channels]).astype(np.float64)
        values = values[np.isfinite(values)]
        return float(values.mean()) if values.size else float("nan")


class ScoredObjects:
    """The objects that a model found, with their scores."""

    def __init__(self, ids: InstanceIds, instances: Instances) -> None:
        """Args:
        ids: (H, W) uint16 of the objects that are shown; number n is detection n - 1.
        instances: The detections.
        """
        self.ids = ids
        self._scores = np.full(HIGHEST_ID + 1, np.nan)
        count = min(len(instances), HIGHEST_ID)
        self._scores[1 : count + 1] = instances.scores[:count]
        self._areas: _Numbers | None = None

    @property
    def areas(self) -> _Numbers:
        """(65536,) pixels by number; counted when first asked for."""
        if self._areas is None:
            self._areas = np.bincount(self.ids.reshape(-1), minlength=HIGHEST_ID + 1)
        return self._areas

    def own(self, numbers: _Numbers) -> _Floats:
        """The scores of some of them."""
        found: _Floats = self._scores[numbers]
        return found

    def of(self, ids: InstanceIds, numbers: _Numbers, areas: _Numbers) -> _Floats:
        """The scores of another map's objects, of those that are mostly the same as one of these."""
        found = np.full(len(numbers), np.nan)
        firsts, seconds, shared = _shared(ids, self.ids)
        of_first = np.zeros(HIGHEST_ID + 1, np.int64)
        of_first[numbers] = areas
        union = of_first[firsts] + self.areas[seconds] - shared
        same = shared > _SAME * union
        places = np.searchsorted(numbers, firsts[same])
        found[places] = self._scores[seconds[same]]
        return found

    def of_one(self, rect: Rect, mask: Mask, area: int) -> float:
        """The same of one object, whose mask lies at a rectangle."""
        seconds, shared = np.unique(self.ids[rect.slices][mask], return_counts=True)
        real = seconds > 0
        seconds, shared = seconds[real], shared[real]
        same = shared > _SAME * (area + self.areas[seconds] - shared)
        return float(self._scores[seconds[same][0]]) if same.any() else float("nan")


@dataclass(frozen=True, eq=False)
class Looked:
    """What figures are worked out of.

    Attributes:
        labels: (H, W) uint8 class ids.
        ids: (H, W) uint16 numbers.
        brightness: The image.
        found: What models found of what the map may be taken from.
        is_found: Whether the map itself is the first of these.
    """

    labels: Labels
    ids: InstanceIds
    brightness: Brightness
    found: tuple[ScoredObjects, ...] = ()
    is_found: bool = False


@dataclass(frozen=True, eq=False)
class ObjectFigures:
    """The figures of all objects of a map, in columns and in rows, by number.

    Attributes:
        ids: (N,) numbers, ascending.
        classes: (N,) class ids.
        areas: (N,) pixels.
        bounds: (N, 4): top, left, bottom, right.
        means: (N,) mean intensities.
        scores: (N,) scores of the model.
        rows: The same, one object each.
    """

    ids: _Numbers
    classes: npt.NDArray[np.uint8]
    areas: _Numbers
    bounds: npt.NDArray[np.int32]
    means: _Floats
    scores: _Floats
    rows: tuple[ObjectRow, ...] = field(default=())

    @classmethod
    def of(cls, looked: Looked, check: Check = no_check) -> ObjectFigures:
        """The figures of every object of a map."""
        ids = looked.ids
        table = ObjectIndex.of(LabelMap(looked.labels, ids)).table()
        check()
        sums, counts = looked.brightness.sums(ids, check)
        means = sums[table.ids] / np.where(counts[table.ids] > 0, counts[table.ids], np.nan)
        scores = np.full(len(table.ids), np.nan)
        if looked.is_found and looked.found:
            scores = looked.found[0].own(table.ids)
        else:
            for found in looked.found:
                check()
                of_this = found.of(ids, table.ids, table.areas)
                scores = np.where(np.isnan(scores), of_this, scores)
        return _with_rows(cls(*table, means, scores))

    def after(
        self, looked: Looked, rects: Sequence[Rect], check: Check = no_check
    ) -> ObjectFigures:
        """The figures after the map was changed in some rectangles, and nowhere else."""
        rects = [rect for rect in rects if not rect.is_empty]
        windows = self._concerned(looked.ids, rects)
        if windows is None or looked.is_found:
            return ObjectFigures.of(looked, check)
        kept = ~np.isin(self.ids, list(windows))
        new = [row for number, rect in windows.items() if (row := _row(looked, number, rect))]
        figures = ObjectFigures(
            np.append(self.ids[kept], [row.id for row in new]).astype(np.int64),
            np.append(self.classes[kept], [row.class_id for row in new]).astype(np.uint8),
            np.append(self.areas[kept], [row.area for row in new]).astype(np.int64),
            np.concatenate((self.bounds[kept], _bounds(new))),
            np.append(self.means[kept], [row.mean for row in new]),
            np.append(self.scores[kept], [row.score for row in new]),
        )
        rows = [row for row, stays in zip(self.rows, kept.tolist(), strict=True) if stays]
        return figures._in_order([*rows, *new])

    def row(self, object_id: int) -> ObjectRow | None:
        """One object; None if there is none of this number."""
        place = int(np.searchsorted(self.ids, object_id))
        is_there = place < len(self.ids) and self.ids[place] == object_id
        return self.rows[place] if is_there else None

    def some(self, kept: npt.NDArray[np.bool_]) -> ObjectFigures:
        """Those of some objects only, (N,) True for each that is meant."""
        return ObjectFigures(
            self.ids[kept],
            self.classes[kept],
            self.areas[kept],
            self.bounds[kept],
            self.means[kept],
            self.scores[kept],
            tuple(itertools.compress(self.rows, kept.tolist())),
        )

    def seen_in(self, rect: Rect) -> npt.NDArray[np.intp]:
        """The places of the objects whose rectangles have a pixel in one, ascending."""
        inside = (self.bounds[:, 0] < rect.bottom) & (self.bounds[:, 2] > rect.top)
        inside &= (self.bounds[:, 1] < rect.right) & (self.bounds[:, 3] > rect.left)
        return np.flatnonzero(inside)

    def _concerned(self, ids: InstanceIds, rects: Iterable[Rect]) -> dict[int, Rect] | None:
        """Where the objects lie that an edit may have changed; None for too many."""
        windows: dict[int, Rect] = {}
        for rect in rects:
            present = np.unique(ids[rect.slices])
            for number in present[present > 0].tolist():
                windows[number] = windows[number].union(rect) if number in windows else rect
            for place in self.seen_in(rect).tolist():
                windows.setdefault(int(self.ids[place]), rect)
            if len(windows) > _FEW:
                return None
        for number, rect in windows.items():
            row = self.row(number)
            windows[number] = rect if row is None else rect.union(row.rect)
        return windows

    def _in_order(self, rows: Sequence[ObjectRow]) -> ObjectFigures:
        order = np.argsort(self.ids, kind="stable")
        return ObjectFigures(
            self.ids[order],
            self.classes[order],
            self.areas[order],
            self.bounds[order],
            self.means[order],
            self.scores[order],
            tuple(rows[place] for place in order.tolist()),
        )


def no_figures() -> ObjectFigures:
    """Of a map without objects."""
    none = np.zeros(0, np.int64)
    return ObjectFigures(
        none, none.astype(np.uint8), none, np.zeros((0, 4), np.int32), np.zeros(0), np.zeros(0)
    )


def _with_rows(figures: ObjectFigures) -> ObjectFigures:
    columns = (figures.ids, figures.classes, figures.areas, figures.bounds, figures.means)
    rows = tuple(
        ObjectRow(number, class_id, area, Rect(*bounds), mean, score)
        for number, class_id, area, bounds, mean, score in zip(
            *(column.tolist() for column in (*columns, figures.scores)), strict=True
        )
    )
    return ObjectFigures(*columns, figures.scores, rows)


def _row(looked: Looked, number: int, window: Rect) -> ObjectRow | None:
    """One object, all of whose pixels lie in a rectangle; None if it has none."""
    rect, mask = tight(window, looked.ids[window.slices] == number)
    if rect.is_empty:
        return None
    area = int(np.count_nonzero(mask))
    # of several classes with as many pixels the last, as in an `ObjectIndex`
    by_class = np.bincount(looked.labels[rect.slices][mask], minlength=256)
    class_id = 255 - int(np.argmax(by_class[::-1]))
    scores = [found.of_one(rect, mask, area) for found in looked.found]
    score = next((value for value in scores if not np.isnan(value)), float("nan"))
    return ObjectRow(number, class_id, area, rect, looked.brightness.mean(rect, mask), score)


def _bounds(rows: Sequence[ObjectRow]) -> npt.NDArray[np.int32]:
    sides = [(r.rect.top, r.rect.left, r.rect.bottom, r.rect.right) for r in rows]
    return np.array(sides, np.int32).reshape(len(rows), 4)


def _shared(first: InstanceIds, second: InstanceIds) -> tuple[_Numbers, _Numbers, _Numbers]:
    """The pairs of objects of two maps that share pixels: their numbers, and how many."""
    keys: list[_Numbers] = []
    lengths: list[_Numbers] = []
    for top in range(0, first.shape[0], _STRIP_ROWS):
        strip = slice(top, top + _STRIP_ROWS)
        of_both = (first[strip].astype(np.uint32) << np.uint32(16) | second[strip]).reshape(-1)
        starts = np.flatnonzero(np.append(True, of_both[1:] != of_both[:-1]))
        keys.append(of_both[starts].astype(np.int64))
        lengths.append(np.diff(np.append(starts, of_both.size)))
    pairs, places = np.unique(np.concatenate(keys), return_inverse=True)
    shared = np.bincount(places, np.concatenate(lengths), len(pairs)).astype(np.int64)
    firsts, seconds = pairs >> 16, pairs & HIGHEST_ID
    real = (firsts > 0) & (seconds > 0)
    return firsts[real], seconds[real], shared[real]
