"""Keeps the folder's figures up to date while images come, without holding the window up."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from segstudio.clock import Cancel, Clock
from segstudio.evaluation.evaluation_rows import ImageRow
from segstudio.evaluation.evaluation_sums import RunSums
from segstudio.evaluation.evaluation_table import EvaluationTable
from segstudio.jobs import JobRunner
from segstudio.metrics.image_figures import FolderFigures

_AFTER_S = 0.5
_COST_SHARE = 4.0


class SumKeeper:
    """Adds images up in jobs, one at a time, and puts the sums into the table."""

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
