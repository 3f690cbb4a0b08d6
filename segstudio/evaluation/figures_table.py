"""The figures of the folder's images and models, as panels read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.core.provenance import NOTHING_OWN, OwnPixels
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.rows import METRICS, ImageRow, entries_of, pairs_of
from segstudio.metrics.bootstrap import PairedDifference
from segstudio.metrics.class_sums import ClassPairs, Numbers
from segstudio.metrics.confusion import ConfusionMatrix, Metrics, mean_of
from segstudio.metrics.image_figures import TIME, FolderFigures, ImageFigures, lower_is_better
from segstudio.metrics.tally import lead_key
from segstudio.storage.image_ref import PAGE_STEP, PageTitles, place_of

Indices = npt.NDArray[np.intp]
_NOWHERE: Final[Indices] = np.zeros(0, np.intp)
_COLUMN: Final = {name: i for i, name in enumerate(METRICS)}
_BACKGROUND: Final = 0


@dataclass(eq=False)
class _Run:
    """One model's lines: (N, M) scores and (N, K) IoU of all images of the folder.

    The first pages of the images come first, then later pages as they were found. `counted` tells
    which of the M scores any image had: to look through all takes too long for the thread of the
    window.
    """

    title: str
    scores: npt.NDArray[np.float64]
    class_iou: npt.NDArray[np.float32]
    evaluated: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    rows: dict[int, ImageRow] = field(default_factory=dict)
    folder: FolderFigures | None = None
    changes: int = 0
    left_out: OwnPixels = NOTHING_OWN


class EvaluationTable:
    """Figures by image and model. Read and written on the thread that owns the session.

    A model is named by its id. Of an image it keeps some hundred bytes, whatever its size.

    Attributes:
        schema: The classes that the figures are about.
        names: Of the folder's images and of their pages, by position (`image_ref.PAGE_STEP`).
    """

    def __init__(self) -> None:
        self.schema = LabelSchema.from_names(("background", "object"))
        self.names = PageTitles()
        self._places: Indices = np.zeros(0, np.intp)
        self._order_of_rows: Indices | None = None
        self._later_rows: dict[int, int] = {}
        self._runs: dict[str, _Run] = {}
        self._order: tuple[str, ...] = ()
        self._paired: dict[tuple[str, str], tuple[object, PairedDifference]] = {}

    # -- reading -----------------------------------------------------------------------------

    @property
    def runs(self) -> tuple[str, ...]:
        """The models, in the order in which they were asked for."""
        return self._order

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The classes that are scored, K of them."""
        return self.schema.scored_ids

    @property
    def has_background(self) -> bool:
        """Whether one of the classes is background, so that the foreground is less than all."""
        return self.schema.has_foreground

    @property
    def lead(self) -> str:
        """The figure by which models and images are judged: of the foreground if there is one."""
        return lead_key(has_foreground=self.has_background)

    def title(self, run: str) -> str:
        """A model's name for people."""
        return self._runs[run].title if run in self._runs else run

    def indices(self, run: str, *, scored: bool = False) -> Indices:
        """(n,) positions of the images and pages that were evaluated, ascending.

        Args:
            run: The model.
            scored: Only those that have something to measure against.
        """
        found = self._runs.get(run)
        if found is None:
            return _NOWHERE
        known = found.evaluated
        if scored:
            known = known & ~np.isnan(found.scores[:, _COLUMN["pixel_accuracy"]])
        return self._places[self._rows(known)]

    def common(self, first: str, second: str) -> Indices:
        """(n,) the images on which both models are scored, ascending."""
        return np.intersect1d(
            self.indices(first, scored=True), self.indices(second, scored=True), True
        )

    def folder(self, run: str) -> FolderFigures | None:
        """The figures of the folder; they follow the images' with a short delay."""
        found = self._runs.get(run)
        return None if found is None else found.folder

    def figure(self, run: str, metric: str) -> float:
        """One figure of the folder, by its `Figure.key`; NaN if there is none.

        Without anything to measure against there are the seconds all the same.
        """
        found = self._runs.get(run)
        if found is not None and found.folder is None and metric == TIME.figures[0].key:
            return mean_of(self.column(run, metric))
        if found is None or found.folder is None:
            return float("nan")
        return float(found.folder.values.means.get(metric, np.nan))

    def class_figures(self, run: str) -> Mapping[str, Numbers]:
        """(K,) the folder's figures of each of `class_ids`, by their `Figure.key`.

        Figures that were not counted are missing; a class that has none is NaN.
        """
        folder = self.folder(run)
        return {} if folder is None else folder.values.by_class

    def image(self, index: int, run: str) -> ImageFigures | None:
        """All figures of an image, or None if it has none."""
        found = self._runs.get(run)
        row = None if found is None else found.rows.get(index)
        figures = None if row is None else row.figures
        return None if figures is None else replace(figures, name=self.names[index])

    def left_out(self, run: str) -> OwnPixels:
        """How much of all images a model is not measured on since it wrote it itself."""
        found = self._runs.get(run)
        return NOTHING_OWN if found is None else found.left_out

    def knows_own(self, index: int, run: str) -> bool:
        """Whether it is known which pixels of an image a model wrote, so that they are left out."""
        found = self._runs.get(run)
        row = None if found is None else found.rows.get(index)
        return row is not None and row.own is not None

    def column(self, run: str, metric: str) -> npt.NDArray[np.float64]:
        """(n,) one figure, by its name in `METRICS`, of each image of `indices(run)`.

        NaN where an image has none.
        """
        found = self._runs.get(run)
        if found is None:
            return np.zeros(0)
        values: npt.NDArray[np.float64] = found.scores[self._rows(found.evaluated), _COLUMN[metric]]
        return values

    def has_counted(self, run: str, metric: str) -> bool:
        """Whether some image had a figure, by its name in `METRICS`."""
        found = self._runs.get(run)
        return found is not None and bool(found.counted[_COLUMN[metric]])

    def value(self, index: int, run: str, metric: str) -> float:
        """One figure of one image; NaN if there is none."""
        found = self._runs.get(run)
        at = self._row_at(index)
        return float("nan") if found is None or at < 0 else float(found.scores[at, _COLUMN[metric]])

    def class_iou(self, run: str) -> npt.NDArray[np.float32]:
        """(n, K) IoU of each class on each image of `indices(run)`."""
        found = self._runs.get(run)
        if found is None:
            return np.zeros((0, len(self.class_ids)), np.float32)
        return found.class_iou[self._rows(found.evaluated)]

    def confusion(self, run: str) -> ConfusionMatrix | None:
        """The confusion matrix of the folder; rows are the ground truth."""
        folder = self.folder(run)
        return None if folder is None else folder.matrix

    def images_confusing(self, run: str, truth_id: int, predicted_id: int) -> list[tuple[int, int]]:
        """The images in which one class was predicted where another is.

        Returns:
            (index, pixels), most pixels first.
        """
        found = self._runs.get(run)
        if found is None:
            return []
        indices = list(found.rows)
        rows = found.rows.values()
        number, keys, pixels = entries_of([r.keys for r in rows], [r.pixels for r in rows])
        hit = keys == 256 * truth_id + predicted_id
        images = [(indices[i], int(n)) for i, n in zip(number[hit], pixels[hit], strict=True)]
        return sorted(images, key=lambda pair: (-pair[1], pair[0]))

    def paired(self, first: str, second: str) -> PairedDifference | None:
        """What separates two models, the second minus the first.

        None until it was asked for with `Evaluating.compare_pair`, which takes a while.
        """
        stamp, difference = self._paired.get((first, second), (None, None))
        return difference if stamp == self.stamp(first, second) else None

    def stamp(self, first: str, second: str) -> object:
        """Changes when the images of one of two models do."""
        runs = [self._runs.get(run) for run in (first, second)]
        return tuple((id(run), run.changes) for run in runs if run is not None)

    def as_if_all_background(self) -> Metrics | None:
        """What calling every pixel background would score on the same images."""
        folder = next((f for run in self.runs if (f := self.folder(run)) is not None), None)
        return None if folder is None else folder.as_if_all(_BACKGROUND)

    def best(self, metric: str) -> str:
        """The model with the best figure of the folder, by its name; "" if there is none."""
        values = {run: self.figure(run, metric) for run in self.runs}
        known = {run: value for run, value in values.items() if not np.isnan(value)}
        if not known:
            return ""
        pick = min if lower_is_better(metric) else max
        return pick(known, key=lambda run: known[run])

    def pairs(self, run: str, indices: Sequence[int] | Indices) -> list[ClassPairs]:
        """The confusion matrices' entries of some scored images, in that order."""
        rows = self._runs[run].rows
        return [pairs_of(rows[int(i)].keys, rows[int(i)].pixels) for i in indices]

    def row(self, index: int, run: str) -> ImageRow | None:
        """An image's line, or None."""
        found = self._runs.get(run)
        return None if found is None else found.rows.get(index)

    def _rows(self, known: npt.NDArray[np.bool_]) -> Indices:
        """Those of the rows that are known, in the order of their positions."""
        order = self._order_of_rows
        return np.flatnonzero(known) if order is None else order[known[order]]

    def _row_at(self, place: int) -> int:
        """The row of an image or page, -1 if there is none."""
        if 0 <= place < len(self.names):
            return place
        return self._later_rows.get(place, -1)

    # -- writing, by `Evaluating` alone ------------------------------------------------------

    def clear(self, names: Sequence[str] = (), schema: LabelSchema | None = None) -> None:
        """Forget all figures; what comes is about these images and classes."""
        self.names = PageTitles(names)
        self._places = np.arange(len(names), dtype=np.intp)
        self._order_of_rows = None
        self._later_rows = {}
        self.schema = schema or self.schema
        self._runs.clear()
        self._order = ()
        self._paired.clear()

    def set_runs(self, titles: Mapping[str, str]) -> None:
        """Keep the figures of these models only, in this order; their names by id."""
        images, classes = len(self._places), len(self.class_ids)
        for run, title in titles.items():
            if run in self._runs:
                self._runs[run].title = title
                continue
            self._runs[run] = _Run(
                title,
                np.full((images, len(METRICS)), np.nan),
                np.full((images, classes), np.nan, np.float32),
                np.zeros(images, np.bool_),
                np.zeros(len(METRICS), np.bool_),
            )
        self._order = tuple(titles)
        self._runs = {run: self._runs[run] for run in self._order}

    def looked_at(self, runs: Iterable[str] = ()) -> Indices:
        """(n,) positions of the images and pages that any of some models (all) was evaluated on."""
        asked = [self._runs[run] for run in (runs or self._runs) if run in self._runs]
        found = [run.evaluated[: len(self._places)] for run in asked]
        return self._places[np.logical_or.reduce(found)] if found else _NOWHERE

    def stacks(self, runs: Iterable[str] = ()) -> dict[str, tuple[int, int]]:
        """Of the stacks that `looked_at` tells of: pages evaluated, and pages in all, by name."""
        images = np.fromiter(self.names.pages, np.intp)
        if not images.size:
            return {}
        counts = np.bincount(self.looked_at(runs) % PAGE_STEP, minlength=len(self.names))[images]
        found = zip(self.names.stacks.items(), counts.tolist(), strict=True)
        return {name: (seen, pages) for (name, pages), seen in found if seen}

    def set_pages(self, pages: Mapping[int, int]) -> None:
        """Make room for the later pages of images: how many these have, by their position."""
        new = [place_of(i, page) for i, n in pages.items() for page in range(1, n)]
        new = [place for place in new if place not in self._later_rows]
        self.names.pages.update(pages)
        if not new:
            return
        first = len(self._places)
        self._later_rows.update(zip(new, range(first, first + len(new)), strict=True))
        self._places = np.concatenate([self._places, np.array(new, np.intp)])
        self._order_of_rows = np.argsort(self._places, kind="stable")
        for run in self._runs.values():
            missing = len(self._places) - len(run.evaluated)
            if missing > 0:
                more = max(missing, len(run.evaluated) // 2)  # room for those that follow
                below = ((0, more), (0, 0))
                run.scores = np.pad(run.scores, below, constant_values=np.nan)
                run.class_iou = np.pad(run.class_iou, below, constant_values=np.nan)
                run.evaluated = np.pad(run.evaluated, (0, more))

    def put(self, index: int, run: str, row: ImageRow) -> None:
        """Add or replace the line of an image or page."""
        found, at = self._runs.get(run), self._row_at(index)
        if found is None or at < 0:
            return
        before = found.rows.get(index)
        if before is not None and before.own is not None:
            found.left_out -= before.own
        if row.own is not None:
            found.left_out += row.own
        found.rows[index] = row
        found.scores[at] = row.scores
        found.class_iou[at] = row.class_iou
        found.evaluated[at] = True
        found.counted |= ~np.isnan(row.scores)
        found.changes += 1

    def publish(self, run: str, folder: FolderFigures | None) -> None:
        """Set the figures of the folder."""
        if run in self._runs:
            self._runs[run].folder = folder

    def set_paired(self, first: str, second: str, difference: PairedDifference) -> None:
        """Keep the comparison of two models."""
        self._paired[first, second] = (self.stamp(first, second), difference)
