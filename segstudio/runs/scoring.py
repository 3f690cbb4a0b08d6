"""Scores: of the open image while it is painted, and of the folder."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from segstudio.clock import Clock
from segstudio.core.class_mapping import is_scored, same_classes
from segstudio.core.formatting import cell_text
from segstudio.core.labels import LabelMap, Labels, Patch, Writers
from segstudio.core.prediction import Prediction
from segstudio.core.provenance import NOTHING_OWN, OwnPixels, ScoredAgainst, ignoring, seen_change
from segstudio.core.schema import Color, LabelSchema
from segstudio.core.text import safe_cells, utf8
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.metrics.calibration import CalibrationBins
from segstudio.metrics.class_sums import ClassPairs
from segstudio.metrics.confusion import ConfusionMatrix, Metrics
from segstudio.metrics.tally import FolderTally, Leads, ModelCount, matrix_size, metrics_of, padded
from segstudio.notices import Notices
from segstudio.runs.batch import drawn_in, model_of
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.atomic import write_atomically

_CSV_HEADER = (
    "scope", "image", "class", "iou", "dice", "precision", "recall",
    "reference_pixels", "predicted_pixels", "started_from_model",
)  # fmt: skip
_DELIVERY_INTERVAL_S = 0.2
_MOST_AT_ONCE = 16
"""Taking the counts of an image takes up to 0.4 ms (150 classes)."""
_IN_A_JOB_PIXELS = 1 << 20


_Counted = tuple[int, str, ModelCount, Metrics]
"""An image, a run, and what was counted."""


class _Writer(Protocol):
    def writerow(self, row: Iterable[Any], /) -> Any: ...


@dataclass(eq=False)
class _Count:
    """A count under way, and the patches that came since it was asked for."""

    prediction: Prediction
    patches: list[Patch] = field(default_factory=list)


@dataclass(frozen=True)
class ScoreRow:
    """One class's line of the table of classes; scores 0..1, NaN where undefined."""

    class_id: int
    name: str
    color: Color
    iou: float
    dice: float
    precision: float
    recall: float
    truth_pixels: int
    predicted_pixels: int


@dataclass(frozen=True, eq=False)
class FolderScores:
    """Scores of all predicted images that have a reference.

    Attributes:
        summed: Scores of the summed counts.
        image_means: Means over images, by the names of `metrics.confusion.IMAGE_MEANS` and
            `FOREGROUND_MEANS`.
        images: How many images.
        own: What was left out of them since the model wrote it.
    """

    summed: Metrics
    image_means: dict[str, float]
    images: int
    own: OwnPixels = NOTHING_OWN


class Scoring:
    """Keeps `session.counts` true.

    Painting changes the counts by the patches alone. Whatever needs whole maps is counted in a
    job of the "scores" lane.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._clock = clock
        self._notices = notices
        self._documents = documents
        self._folder = folder
        self._waiting: dict[tuple[Document, str], _Count] = {}
        self._recounting: set[tuple[int, str]] = set()
        self._classes = _classes_of(session.schema)
        self._tallies: dict[str, FolderTally] = {}
        self._own: dict[str, OwnPixels] = {}
        self._cached: tuple[ConfusionMatrix, object, Metrics] | None = None
        session.follow(What.PROJECT | What.SCHEMA, self._on_other_classes)
        session.follow(What.LABELS, self._on_labels)

    # -- reading -----------------------------------------------------------------------------

    @property
    def schema(self) -> LabelSchema:
        """The classes that scores are about."""
        return self._session.schema

    def of_image(self, run: str = "") -> Metrics | None:
        """Scores of a run (the shown one if not named) on the open image; None if unscored."""
        session = self._session
        matrix = session.counts.get((session.index, run or session.view.scored_run))
        if matrix is None:
            return None
        if (
            self._cached is None
            or self._cached[0] is not matrix
            or (self._cached[1] is not session.schema)
        ):
            self._cached = (matrix, session.schema, metrics_of(matrix, session.schema))
        return self._cached[2]

    def lead_of(self, index: int) -> float:
        """What `tally.lead_iou` tells of the shown run on an image; NaN if it was not scored."""
        tally = self._tallies.get(self._session.view.scored_run)
        return math.nan if tally is None else tally.lead_of(index)

    @property
    def leads(self) -> Leads:
        """`lead_of` of all images as it is now; for any thread."""
        tally = self._tallies.get(self._session.view.scored_run)
        return Leads() if tally is None else tally.leads

    @property
    def has_scores(self) -> bool:
        """Whether any image of the folder is scored for the shown run."""
        return bool(self._tallies.get(self._session.view.scored_run))

    def of_folder(self, run: str = "") -> FolderScores | None:
        """Scores of a run over the folder; None if no image is scored."""
        tally = self._tallies.get(run or self._session.view.scored_run)
        if not tally:
            return None
        own = self._own.get(run or self._session.view.scored_run, NOTHING_OWN)
        return FolderScores(tally.summed, tally.image_means, len(tally), own)

    def rows(self, metrics: Metrics) -> list[ScoreRow]:
        """The lines of a table of classes."""
        schema = self._session.schema
        palette = schema.palette()
        return [
            ScoreRow(
                class_id,
                schema.name_of(class_id),
                (int(palette[class_id, 0]), int(palette[class_id, 1]), int(palette[class_id, 2])),
                float(metrics.iou[i]),
                float(metrics.dice[i]),
                float(metrics.precision[i]),
                float(metrics.recall[i]),
                int(metrics.truth_pixels[i]),
                int(metrics.predicted_pixels[i]),
            )
            for i, class_id in enumerate(metrics.class_ids)
        ]

    def calibrate(self, done: Callable[[float], None]) -> None:
        """Count in a job how far the shown prediction is from being as right as it says.

        Args:
            done: Gets the expected calibration error (0..1) on the open image; not called if it is
                not scored, or if another image or run is asked about first.
        """
        document, run, schema = (
            self._session.document,
            self._session.view.scored_run,
            self._session.schema,
        )
        prediction = None if document is None else document.predictions.get(run)
        if document is None or prediction is None or self.of_image(run) is None:
            return
        annotation, number = document.annotation, self._session.writers.of_run(run)

        def work(_job: Job) -> float:
            reference = np.array(annotation.labels)  # the user paints on
            against = ScoredAgainst.of(reference, annotation.writers, number, schema)
            ignored = against.schema.ignore_index
            return CalibrationBins.of(
                against.labels, prediction.labels, prediction.confidence, ignored
            ).ece

        self._jobs.submit(
            f"How sure it is of {document.ref.title}", "scores", work, done,
            key="certainty", visible=False,
        )  # fmt: skip

    def csv(self, run: str = "") -> str:
        """A table of the open image, the folder, and every scored image; "" if there is none.

        Columns: scope, image, class, iou, dice, precision, recall, pixels of the reference and of
        the prediction, and "yes" where the image's annotation was started from the very model, so
        that its scores say little. Undefined scores are empty.
        """
        session = self._session
        run = run or session.view.scored_run
        folder = self.of_folder(run)
        if folder is None or session.project is None:
            return ""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_CSV_HEADER)
        self._write_rows(writer, "folder", "", folder.summed)
        for name, value in folder.image_means.items():
            writer.writerow(["folder", "", name, cell_text(value), *[""] * 6])
        for index in sorted(i for i, r in session.counts if r == run):
            metrics = metrics_of(session.counts[index, run], session.schema)
            own = model_of(run) in map(model_of, session.state(index).taken)
            own &= (index, run) not in session.own_pixels
            title = session.project.images[index].title
            self._write_rows(writer, "image", title, metrics, "yes" if own else "")
        return out.getvalue()

    def save_csv(self, path: Path, run: str = "") -> None:
        """Write the table of `csv` to a file."""
        text = self.csv(run)

        def done(_result: None) -> None:
            self._notices.info(f"The scores are in {path}.")

        self._jobs.submit(
            f"Writing {path.name}",
            "save",
            lambda _job: write_atomically(path, utf8(text)),
            done,
            visible=False,
        )

    def _write_rows(
        self, writer: _Writer, scope: str, image: str, metrics: Metrics, own: str = ""
    ) -> None:
        for row in self.rows(metrics):
            scores = (row.iou, row.dice, row.precision, row.recall)
            pixels = (row.truth_pixels, row.predicted_pixels)
            cells = [scope, image, row.name, *map(cell_text, scores), *pixels, own]
            writer.writerow(safe_cells(cells))
        names = ("mean_iou", "mean_dice", "pixel_accuracy", "frequency_weighted_iou")
        means = {name: getattr(metrics, name) for name in names}
        iou, dice = metrics.mean_over(self._session.schema.foreground_ids)
        means |= {"mean_iou_foreground": iou, "mean_dice_foreground": dice}
        for name, value in means.items():
            writer.writerow(safe_cells([scope, image, name, cell_text(value), *[""] * 5, own]))

    # -- writing -----------------------------------------------------------------------------

    def record(
        self,
        index: int,
        run: str,
        found: ModelCount | ConfusionMatrix,
        metrics: Metrics | None = None,
    ) -> None:
        """Set the counts of an image; the caller says SCORES when it is done.

        Args:
            index: Which image.
            run: Key of the prediction.
            found: The counts.
            metrics: What `tally.metrics_of` gives of them, where that is worked out already.
        """
        session = self._session
        if isinstance(found, ConfusionMatrix):
            found = ModelCount(found)
        matrix = session.counts[index, run] = found.matrix
        self._forget_own(index, run)
        if found.own >= 0:
            own = session.own_pixels[index, run] = OwnPixels(found.own, found.size)
            self._own[run] = self._own.get(run, NOTHING_OWN) + own
        self._tallies.setdefault(run, FolderTally(session.schema)).put(index, matrix, metrics)

    def forget(self, index: int, run: str) -> None:
        """Remove the counts of an image; the caller says SCORES."""
        self._session.counts.pop((index, run), None)
        self._forget_own(index, run)
        if run in self._tallies:
            self._tallies[run].remove(index)

    def _forget_own(self, index: int, run: str) -> None:
        before = self._session.own_pixels.pop((index, run), None)
        if before is not None:
            self._own[run] -= before

    def count_document(self, document: Document, runs: Iterable[str] = ()) -> None:
        """Count a held document's predictions (all if none is named) in a job."""
        session = self._session
        for run in tuple(runs) or tuple(document.predictions):
            prediction = document.predictions.get(run)
            index = self._session.index_of(document)
            if prediction is None or index is None:
                continue
            if not document.has_reference or not is_scored(prediction.schema, session.schema):
                self.forget(index, run)
                session.notify(What.SCORES)
                continue
            self._submit_count(document, run, prediction)

    def _submit_count(self, document: Document, run: str, prediction: Prediction) -> None:
        schema, annotation = self._session.schema, document.annotation
        number = self._session.writers.of_run(run)
        pending = _Count(prediction)
        self._waiting[document, run] = pending

        def work(_job: Job) -> tuple[_Painted, ModelCount]:
            painted = _Painted.of(annotation)  # the user paints on
            against = ScoredAgainst.of(painted.labels, painted.writers, number, schema)
            return painted, ModelCount.of(against, prediction.labels)

        def done(counted: tuple[_Painted, ModelCount]) -> None:
            painted, found = counted
            index = self._session.index_of(document)
            if self._waiting.get((document, run)) is not pending or index is None:
                return
            if _classes_of(schema) != _classes_of(self._session.schema):
                return
            patches = _on_top_of(painted, pending.patches)
            self.record(index, run, self._patched(found, patches, run, prediction))
            self._session.notify(What.SCORES)

        def ended() -> None:
            if self._waiting.get((document, run)) is pending:
                del self._waiting[document, run]

        self._jobs.submit(
            f"Scoring {document.ref.title}",
            "scores",
            work,
            done,
            ended=ended,
            key=f"count:{document.ref.root}/{document.ref.key}:{run}",
            front=True,
            visible=False,
        )

    def recount(self) -> None:
        """Count every predicted image anew: the reference or the meaning of its ids changed."""
        self._session.counts.clear()
        self._clear()
        self._waiting.clear()
        self._session.notify(What.SCORES)
        for document in self._documents:
            self.count_document(document)
        self.count_missing()

    def _clear(self) -> None:
        self._session.own_pixels.clear()
        self._own.clear()
        self._tallies.clear()

    def count_missing(self) -> None:
        """Count what has a reference, is predicted, and not counted yet, from the files."""
        self._count_stored(lambda index, run: (index, run) not in self._session.counts)

    def count_stored(self, index: int, run: str) -> None:
        """Count a stored prediction of an image that is not held, from the files of the folder."""
        self._count_stored(lambda *key: key == (index, run))

    def recount_runs(self, runs: Collection[str]) -> None:
        """Count runs of images that are not held anew: their predictions are drawn differently."""
        self._count_stored(lambda _index, run: run in runs)

    def take_over(
        self,
        files: FolderFiles,
        schema: LabelSchema,
        found: Iterable[tuple[int, str, ClassPairs, OwnPixels | None]],
    ) -> None:
        """Record what was counted elsewhere, so that it is counted once; called on any thread.

        Of images that are held what is on the screen is counted, so nothing is taken over.

        Args:
            files: The folder.
            schema: The classes in which it was counted.
            found: (index of the image, key of the prediction, counts, what was left out of them
                since the model wrote it).
        """
        batch: list[_Counted] = []
        for index, run, pairs, own in found:
            matrix = pairs.matrix(schema.num_classes)
            count = ModelCount(matrix) if own is None else ModelCount(matrix, own.own, own.size)
            batch.append((index, run, count, metrics_of(matrix, schema)))
        for start in range(0, len(batch), _MOST_AT_ONCE):
            self._deliver(
                files,
                batch[start : start + _MOST_AT_ONCE],
                lambda key: key not in self._held() and same_classes(schema, self._session.schema),
            )

    def _held(self) -> set[tuple[int | None, str]]:
        """The predictions that are held, by image and run."""
        return {(self._session.index_of(d), run) for d in self._documents for run in d.predictions}

    def _count_stored(self, wanted: Callable[[int, str], bool]) -> None:
        files = self._folder.files
        if files is None:
            return
        held = self._held()
        states = self._session.states.items()
        predicted = ((i, run) for i, s in states if s.has_truth or s.annotated for run in s.runs)
        # what a job that is replaced now had still to count is not forgotten
        uncounted = [
            key
            for key in predicted
            if key not in held and (wanted(*key) or key in self._recounting)
        ]
        self._submit_recount(files, sorted(uncounted))

    def _submit_recount(self, files: FolderFiles, uncounted: list[tuple[int, str]]) -> None:
        if not uncounted:
            self._jobs.cancel_key("recount")
            return
        schema, draw = self._session.schema, drawn_in(self._session)
        self._recounting = set(uncounted)

        def work(job: Job) -> None:
            batch: list[_Counted] = []
            sent = time.monotonic()
            for number, (index, run) in enumerate(uncounted):
                job.report(number, len(uncounted), f"Scoring {files.project.images[index].name}")
                count = files.count(files.project.images[index], run, schema, draw)
                if count is not None:
                    batch.append((index, run, count, metrics_of(count.matrix, schema)))
                late = time.monotonic() - sent > _DELIVERY_INTERVAL_S
                if late or len(batch) == _MOST_AT_ONCE:
                    self._deliver(files, batch, lambda _key: not job.cancelled)
                    batch, sent = [], time.monotonic()
            self._deliver(files, batch, lambda _key: not job.cancelled)

        self._jobs.submit("Scoring the folder", "scores", work, key="recount")

    def _deliver(
        self,
        files: FolderFiles,
        batch: list[_Counted],
        is_true: Callable[[tuple[int, str]], bool],
    ) -> None:
        """Record counts of a folder, if they are still true, on the session's thread."""

        def arrive() -> None:
            true = [c for c in batch if is_true(c[:2])] if files is self._folder.files else []
            for index, run, count, metrics in true:
                self.record(index, run, count, metrics)
                self._recounting.discard((index, run))
            if true:
                self._session.notify(What.SCORES)

        self._clock.post(arrive)

    # -- following the session ---------------------------------------------------------------

    def _on_other_classes(self, change: Change) -> None:
        classes = _classes_of(self._session.schema)
        if What.PROJECT in change.what:
            # images may have other numbers now, and none is counted any more
            self._recounting.clear()
            self._clear()
            self._waiting.clear()
        elif classes != self._classes:
            self.recount()
        self._classes = classes

    def _on_labels(self, change: Change) -> None:
        session, document, patches = self._session, change.document, change.patches
        index = session.index_of(document)
        if document is None or index is None or not document.predictions:
            return
        if not patches or sum(p.before.size for p in patches) > _IN_A_JOB_PIXELS:
            self.count_document(document)
            return
        for run, prediction in document.predictions.items():
            if not is_scored(prediction.schema, session.schema):
                continue
            pending = self._waiting.get((document, run))
            known = self._known(index, run)
            if pending is not None:
                # What is counted so far may be of an older prediction.
                pending.patches.extend(patches)
            elif known is None:
                self._submit_count(document, run, prediction)
            else:
                self.record(index, run, self._patched(known, patches, run, prediction))
        session.notify(What.SCORES)

    def _known(self, index: int, run: str) -> ModelCount | None:
        """What was counted of an image."""
        matrix = self._session.counts.get((index, run))
        own = self._session.own_pixels.get((index, run))
        if matrix is None or own is None:
            return None if matrix is None else ModelCount(matrix)
        return ModelCount(matrix, own.own, own.size)

    def _patched(
        self, found: ModelCount, patches: Iterable[Patch], run: str, prediction: Prediction
    ) -> ModelCount:
        """The counts after the annotation was changed; only what was painted is counted."""
        schema, number = self._session.schema, None
        if found.own >= 0:  # else nobody knows what it wrote, or there is no id to leave it out by
            number = self._session.writers.of_run(run)
        matrix, own = found.matrix, found.own
        if number is not None:
            schema = ignoring(schema)
        for patch in patches:
            seen, more = seen_change(patch, number, schema)
            predicted = prediction.labels[patch.rect.slices]
            size = matrix_size(schema, predicted, seen.before, seen.after)
            matrix = padded(matrix, size).after(seen, predicted, schema.ignore_index)
            own += more
        return ModelCount(matrix, own, found.size)


@dataclass(frozen=True, eq=False)
class _Painted:
    """A copy of an annotation's classes, and of who wrote them where that is kept."""

    labels: Labels
    writers: Writers | None

    @classmethod
    def of(cls, annotation: LabelMap) -> _Painted:
        writers = annotation.writers
        return cls(np.array(annotation.labels), None if writers is None else np.array(writers))


def _on_top_of(counted: _Painted, patches: Iterable[Patch]) -> Iterator[Patch]:
    """Patches as changes of a copy of the map, which may have any of them already, also in part.

    The copy is changed as they are given.
    """
    for patch in patches:
        place = counted.labels[patch.rect.slices]
        signed = None if counted.writers is None else counted.writers[patch.rect.slices]
        yield Patch(
            patch.rect, place, patch.after, writers_before=signed, writers_after=patch.writers_after
        )
        place[...] = patch.after
        if signed is not None and patch.writers_after is not None:
            signed[...] = patch.writers_after


def _classes_of(schema: LabelSchema) -> tuple[object, ...]:
    """What of the schema scores depend on: no names, but of the background, and no colours."""
    return (schema.ids, schema.ignore_index, schema.foreground_ids)
