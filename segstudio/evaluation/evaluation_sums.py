"""The figures of a folder while images come and change: sums of sums.

Images are added up in groups; when one changes, its group is summed anew, not the folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from segstudio.evaluation.evaluation_rows import METRICS, ImageRow
from segstudio.metrics.class_sums import mean_of
from segstudio.metrics.confusion import FOREGROUND_MEANS, IMAGE_MEANS
from segstudio.metrics.image_figures import TIME, FolderFigures, ImageFigures

_GROUP: Final = 64
_MEANS: Final = IMAGE_MEANS | FOREGROUND_MEANS
_SECONDS: Final = TIME.figures[0].key
_COLUMNS: Final = {name: METRICS.index(name) for name in (_SECONDS, *_MEANS.values())}


class RunSums:
    """Adds up one model's images. Used by one thread at a time."""

    def __init__(
        self, class_ids: Sequence[int], foreground_ids: Sequence[int] | None = None
    ) -> None:
        """Take the classes to score, and those of them that are not background (None: all)."""
        self._class_ids = tuple(class_ids)
        self._foreground_ids = self._class_ids if foreground_ids is None else tuple(foreground_ids)
        self._rows: dict[int, ImageRow] = {}
        self._groups: dict[int, ImageFigures] = {}
        self._regions: dict[int, int] = {}

    def put(self, rows: Mapping[int, ImageRow | None]) -> None:
        """Add or replace images by their index, or remove them (None)."""
        for index, row in rows.items():
            if row is None or not row.keys:
                self._rows.pop(index, None)
            else:
                self._rows[index] = row
        for group in {index // _GROUP for index in rows}:
            self._sum(group)

    def total(self) -> FolderFigures | None:
        """The figures of all images, with their values; None if there is none."""
        if not self._groups:
            return None
        order = sorted(self._groups)
        folder = FolderFigures.of(
            [self._groups[g] for g in order], self._class_ids, self._foreground_ids
        )
        scores = {
            name: np.array([row.scores[i] for row in self._rows.values()])
            for name, i in _COLUMNS.items()
        }
        total = replace(
            folder,
            images=len(self._rows),
            image_means={name: mean_of(scores[source]) for name, source in _MEANS.items()},
            seconds_per_image=mean_of(scores[_SECONDS]),
            regions_as_objects=sum(self._regions.values()),
        )
        # Worked out here and not where they are read, which is on the thread of the window.
        _ = total.values
        return total

    def _sum(self, group: int) -> None:
        indices = range(group * _GROUP, (group + 1) * _GROUP)
        found = [self._rows[i].figures for i in indices if i in self._rows]
        images = [figures for figures in found if figures is not None]
        if not images:
            self._groups.pop(group, None)
            self._regions.pop(group, None)
            return
        folder = FolderFigures.of(images, self._class_ids)
        self._groups[group] = ImageFigures("", folder.parts)
        self._regions[group] = folder.regions_as_objects
