"""The figures of a folder while images come and change: sums of sums.

Images are added up in groups; when one changes, its group is summed anew, not the folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from segstudio.clock import Cancel, Clock
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.rows import METRICS, ImageRow
from segstudio.jobs import JobRunner
from segstudio.metrics.confusion import FOREGROUND_MEANS, IMAGE_MEANS, mean_of
from segstudio.metrics.image_figures import TIME, FolderFigures, ImageFigures

_AFTER_S: Final = 0.5
_COST_SHARE: Final = 4.0
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


class SumKeeper:
    """Adds images up in jobs, one at a time, without holding the window up.

    The order: a line waits (`put`) -> a moment passes (`soon`) -> a job adds up what waits -> the
    sums are in the table, and `changed` is called -> what came meanwhile is next.
    """

    def __init__(
        self,
        jobs: JobRunner,
        clock: Clock,
        table: EvaluationTable,
        *,
        changed: Callable[[], None],
    ) -> None:
        """Args (besides the objects it works on):
        changed: Called after sums were put into the table.
        """
        self._jobs, self._clock, self._table, self._changed = jobs, clock, table, changed
        self._sums: dict[str, RunSums] = {}
        self._waiting: dict[str, dict[int, ImageRow]] = {}
        self._timer: Cancel | None = None
        self._running = False
        self._hurry = False
        self._cost_s = 0.0

    def keep(self, runs: Collection[str]) -> None:
        """Forget the sums of all models but these."""
        self._sums = {run: sums for run, sums in self._sums.items() if run in runs}
        self._waiting = {run: rows for run, rows in self._waiting.items() if run in runs}

    def put(self, index: int, run: str, row: ImageRow) -> None:
        """Add or replace an image's line; `soon` brings it into the table."""
        self._waiting.setdefault(run, {})[index] = row

    def soon(self, *, hurry: bool) -> None:
        """Add up what waits: in a moment, or at once if there is no more to come."""
        self._hurry = hurry
        if not self._waiting or self._running:
            return
        if hurry:
            self._submit()
        elif self._timer is None:
            # The more images there are the longer it takes, and the less often it is done.
            delay = max(_AFTER_S, _COST_SHARE * self._cost_s)
            self._timer = self._clock.call_later(delay, self._submit)

    def _submit(self) -> None:
        if self._timer is not None:
            self._timer()
            self._timer = None
        if self._running or not self._waiting:
            return
        schema = self._table.schema
        classes = (schema.scored_ids, schema.foreground_ids)
        changed, self._waiting = self._waiting, {}
        sums = {run: self._sums.setdefault(run, RunSums(*classes)) for run in changed}
        self._running = True

        def done(found: dict[str, FolderFigures | None]) -> None:
            self._publish(sums, found)

        def ended() -> None:
            self._running = False
            self.soon(hurry=self._hurry)

        self._jobs.submit(
            "Adding up figures",
            "evaluation",
            lambda _job: self._added(sums, changed),
            done,
            ended=ended,
            front=True,
            visible=False,
        )

    def _added(
        self, sums: dict[str, RunSums], changed: dict[str, dict[int, ImageRow]]
    ) -> dict[str, FolderFigures | None]:
        """The work of the job; only one runs at a time."""
        start = time.perf_counter()
        for run, rows in changed.items():
            sums[run].put(rows)
        found = {run: sums[run].total() for run in changed}
        self._cost_s = time.perf_counter() - start
        return found

    def _publish(self, sums: dict[str, RunSums], found: dict[str, FolderFigures | None]) -> None:
        for run, total in found.items():
            # Of a model that was forgotten meanwhile the sums are no longer true.
            if self._sums.get(run) is sums[run]:
                self._table.publish(run, total)
        self._changed()
