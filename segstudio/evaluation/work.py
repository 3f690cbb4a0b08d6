"""The work of an evaluation: every image is read once, and all models answer it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from segstudio.core.candidate import Candidate
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.labels import LabelMap, Labels
from segstudio.core.prediction import Prediction
from segstudio.core.progress import no_report
from segstudio.core.provenance import OwnPixels, own_pixels
from segstudio.evaluation.conditions import NO_REFERENCE, Conditions, Contender, References
from segstudio.evaluation.rows import Counted, ImageRow
from segstudio.folder.files import READ_ATTEMPTS, changing
from segstudio.jobs import Job
from segstudio.metrics.class_sums import ClassPairs
from segstudio.metrics.image_figures import ImageFigures, figures_of
from segstudio.metrics.votes import vote_entropy
from segstudio.runs.engine import Engine, Predictor, loaded
from segstudio.storage.decode import LoadedImage, pages_in_image, read_image
from segstudio.storage.figures import FigureStore, packed, unpacked
from segstudio.storage.image_ref import ImageRef, image_of, page_title, place_of
from segstudio.storage.predictions import PredictionStore

_DELIVER_AFTER_S = 0.1
_MOST_FRUITLESS = 100
"""So many images of which nothing is on disk are looked at before the models are asked."""
_NONE = float("nan")


class _Replaced(Exception):
    """A file was another one after it was read: what is counted would be filed under the wrong."""


class ModelNeeded(Exception):
    """An answer is not on disk, and models may not run yet."""


@dataclass(eq=False)
class Trouble:
    """What went wrong: nothing of it ends an evaluation.

    Attributes:
        failures: Images that failed, and why.
        unmeasured: Images whose reference cannot be used, and why.
        unsaved: Why predictions could not be stored, one entry an image and model.
        broken: Models that could not be loaded, and why.
    """

    failures: list[tuple[str, SegstudioError]] = field(default_factory=list)
    unmeasured: list[tuple[str, SegstudioError]] = field(default_factory=list)
    unsaved: list[SegstudioError] = field(default_factory=list)
    broken: dict[str, SegstudioError] = field(default_factory=dict)


@dataclass(eq=False)
class Results:
    """What came since the last delivery.

    Attributes:
        rows: (index of the image, model, line).
        counts: (index of the image, key of the prediction, its pixels by classes, what was left out
            of them since the model wrote it) of what was measured now; not of lines that were on
            disk.
        done: How many images are through, by model.
        predicted: Keys of runs that are on disk now, by image.
        pages: How many pages images have, where these are several, by image.
    """

    rows: list[tuple[int, str, ImageRow]] = field(default_factory=list)
    counts: list[tuple[int, str, ClassPairs, OwnPixels | None]] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    predicted: dict[int, set[str]] = field(default_factory=dict)
    pages: dict[int, int] = field(default_factory=dict)


class EvaluationWork:
    """Evaluates images one after the other; may be interrupted between two and taken up again.

    Attributes:
        conditions: The models, the classes, what is counted.
        models: The models' answers.
        total: How many images there are to do; it grows when one is found to have several pages.
        again: Whether the models run also where a stored prediction would do.
        runs_models: Whether models are run where a stored prediction does not do.
        needs_models: Whether the next image needs one to run, or may need one.
    """

    def __init__(
        self,
        engine: Engine | None,
        conditions: Conditions,
        references: References,
        figures: FigureStore,
        indices: Sequence[int],
        *,
        deliver: Callable[[Results], None],
        again: bool = False,
        every_page: bool = True,
        limit: int = 0,
        give_way: Callable[[Job], bool] = lambda _job: False,
    ) -> None:
        """Args (besides the attributes):
        engine: Gives the loaded models; without it only what is on disk is measured.
        references: What is measured against.
        figures: Where figures are kept.
        indices: The images, in the order to do them.
        every_page: Whether all pages of the images are done, behind the first.
        limit: So many images and pages are done; 0 for all.
        deliver: Gets results at most ten times a second, on the job's thread.
        again: Run the models also where a stored prediction would do.
        give_way: Asked between images; if true, `work` returns before the end.
        """
        self.conditions = conditions
        self.models = EvaluatedModels(engine, references.files.predictions, again=again)
        self.total = len(indices)
        self._references = references
        self._figures = figures
        self._left = deque(indices)
        self._every_page, self._limit = every_page, limit
        self._pages: dict[int, int] = {}
        self._later: deque[int] = deque()
        self._fruitless = 0
        self._deliver_to = deliver
        self.again = again
        self.runs_models = engine is not None
        self.needs_models = again and self.runs_models
        self._give_way = give_way
        self._done = dict.fromkeys((c.id for c in conditions.contenders), 0)
        self._results = Results()
        self._delivered_at = 0.0

    @property
    def done(self) -> int:
        """How many images are through."""
        return self.total - len(self._left) - len(self._later)

    @property
    def trouble(self) -> Trouble:
        """What went wrong."""
        return self.models.trouble

    def work(self, job: Job) -> bool:
        """Do images until none is left (True) or it shall be taken up again later (False).

        The latter because another job shall go first, or because models are needed from now on:
        until then none is loaded, so that what is on disk has not to wait for models.
        """
        if not self._masks_known(job):
            return False
        self.models.may_run = self.needs_models
        images = self._references.files.project.images
        try:
            while self._left:
                index = self._left[0]
                ref = images[index]
                self._add_pages(index, ref)
                job.report(self.done, self.total, self._title(index, ref))
                self._evaluate(job, index, ref)
                if self._has_seen_enough():
                    self._left.extendleft(reversed(self._later))
                    self._later.clear()
                    self.needs_models = True
                    return False
                if self._left and self._give_way(job):
                    return False
        finally:
            self._deliver(now=True)
            self._figures.flush()
            self._references.files.predictions.digests.flush()
        return True

    def _add_pages(self, index: int, ref: ImageRef) -> None:
        """Put the later pages of an image behind its first."""
        if not self._every_page or ref.page or index in self._pages:
            return
        pages = self._pages[index] = pages_in_image(ref.path)
        if pages > 1:
            self._results.pages[index] = pages
            self._left.rotate(-1)
            self._left.extendleft(place_of(index, page) for page in range(pages - 1, 0, -1))
            self._left.rotate(1)
            self.total += pages - 1
        while 0 < self._limit < self.total:
            self._left.pop()
            self.total -= 1

    def _title(self, index: int, ref: ImageRef) -> str:
        return page_title(ref.name, ref.page, self._pages.get(image_of(index), 1))

    def _masks_known(self, job: Job) -> bool:
        """Wait until it is decided what masks mean; False if another job shall go first."""
        masks = self._references.files.masks
        while not masks.known:
            job.report(self.done, self.total, "Looking at the masks")
            masks.wait_a_moment()
            if self._give_way(job):
                return False
        return True

    def _has_seen_enough(self) -> bool:
        """Whether it is time for the models: what is on disk is told, or there is hardly any."""
        return bool(self._later) and (not self._left or self._fruitless >= _MOST_FRUITLESS)

    def _evaluate(self, job: Job, index: int, ref: ImageRef) -> None:
        """Do one image; if that needs a model that may not run yet, what is on disk of it."""
        image = _ImageWork(self.conditions, self._references, self._figures, self.models, ref, job)
        complete = True
        try:
            image.run(again=self.again)
        except ModelNeeded:
            complete = False
        except SegstudioError as error:
            self.trouble.failures.append((self._title(index, ref), without_traceback(error)))
        self._left.popleft()
        # What a model answered before another one failed is good all the same.
        for model, row in image.rows.items():
            self._results.rows.append((index, model, row))
            self._done[model] += complete
        self._results.counts += ((index, run, *counted) for run, counted in image.counts.items())
        if image.predicted:
            self._results.predicted[index] = image.predicted
        if not complete:
            self._later.append(index)
            self._fruitless += not image.rows
        elif image.unmeasured is not None:
            self.trouble.unmeasured.append((self._title(index, ref), image.unmeasured))
        self._deliver()

    def _deliver(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if now or moment - self._delivered_at >= _DELIVER_AFTER_S:
            self._delivered_at = moment
            self._results.done = dict(self._done)
            results, self._results = self._results, Results()
            self._deliver_to(results)


class _ImageWork:
    """One image: what is known of it, what is missing, and its lines.

    Attributes:
        rows: The lines by model.
        counts: Pixels by classes of what was measured now, by the keys of the predictions, and what
            was left out of them since the model wrote it.
        predicted: Keys of runs that are on disk.
        unmeasured: Why its reference cannot be used, or None.
    """

    def __init__(
        self,
        conditions: Conditions,
        references: References,
        figures: FigureStore,
        models: EvaluatedModels,
        ref: ImageRef,
        job: Job,
    ) -> None:
        self._conditions, self._references, self._figures = conditions, references, figures
        self._models, self._ref, self._job = models, ref, job
        self._digest = ""
        self._reference_key: str | None = None
        self._image: LoadedImage | None = None
        self._reference: tuple[LabelMap | None] | None = None
        self._maps: dict[str, Labels] = {}
        self.rows: dict[str, ImageRow] = {}
        self.counts: dict[str, tuple[ClassPairs, OwnPixels | None]] = {}
        self.predicted: set[str] = set()
        self.unmeasured: SegstudioError | None = None

    def run(self, *, again: bool) -> None:
        """Bring all models' lines together.

        Figures are kept by what they were counted from: files that are saved while they are read
        are read again.

        Raises:
            ModelNeeded: if a model has to run and may not yet; the lines of the others are there.
            SegstudioError: if the image cannot be read or a model fails on it; the lines that
                came before stay.
        """
        for _ in range(READ_ATTEMPTS):
            try:
                self._run(again=again)
                return
            except _Replaced:
                self._image = self._reference = self.unmeasured = None
                self._maps, self.rows, self.counts = {}, {}, {}
        raise changing(self._ref)

    def _run(self, *, again: bool) -> None:
        ref, conditions = self._ref, self._conditions
        digest = self._references.files.predictions.digests.of(ref.path)
        if digest is None:
            raise SegstudioError(
                f"{ref.path} cannot be read.", "Read the folder again (File menu)."
            )
        self._digest = digest
        reference = self._reference_key = self._references.key(ref)
        keys: dict[str, bytes] = {}
        content = f"{digest}#page={ref.page + 1}" if ref.page else digest
        if reference is not None:
            keys = {
                c.id: conditions.figure_key(c, content, reference) for c in conditions.contenders
            }
        vote_key = conditions.vote_key(content)
        known = {} if again else self._figures.get([*keys.values(), vote_key])
        self._find_stored(known)
        entries: dict[str, tuple[Counted, bytes]] = {}
        entropy, missing = _NONE, False
        try:
            for contender in conditions.contenders:
                self._job.check()
                key = keys.get(contender.id)
                stored = None if key is None else known.get(key)
                entry, before = self._known(stored)
                try:
                    measured = reference != NO_REFERENCE and contender.is_scored(conditions.schema)
                    entry = entry or self._count(contender, key, measured, before)
                except ModelNeeded:
                    missing = True
                if entry is not None:
                    entries[contender.id] = entry
            if missing:
                raise ModelNeeded
            if len(entries) == len(conditions.contenders):
                entropy = self._vote(known.get(vote_key), vote_key)
        finally:
            self._put(entries, entropy)

    def _find_stored(self, known: Mapping[bytes, bytes]) -> None:
        """Tell which predictions are there of an image whose figures are: none of them is read.

        A copy of another image has its figures and its predictions from the start.
        """
        if not known:
            return
        ref, store = self._ref, self._references.files.predictions
        runs = store.runs_of_page(ref.path, ref.page, self._job.check)
        self.predicted |= runs & {c.run for c in self._conditions.contenders}

    def _put(self, entries: dict[str, tuple[Counted, bytes]], disagreement: float) -> None:
        for model, (counted, content) in entries.items():
            self.rows[model] = ImageRow.of(
                counted,
                self._conditions.schema.scored_ids,
                foreground_ids=self._conditions.schema.foreground_ids,
                disagreement=disagreement,
                hidden=self._conditions.hidden,
                content=content,
            )

    def _known(
        self, content: bytes | None
    ) -> tuple[tuple[Counted, bytes] | None, ImageFigures | None]:
        """What is on disk if nothing is missing; else the figures that need not be counted again."""
        counted = None if content is None else Counted.unpacked(content)
        if counted is None or content is None:
            return None, None
        figures = counted.figures
        if figures is not None and not figures.has(self._conditions.wanted):
            return None, figures
        return (counted, content), None

    def _count(
        self,
        contender: Contender,
        key: bytes | None,
        has_reference: bool,
        before: ImageFigures | None,
    ) -> tuple[Counted, bytes] | None:
        """Measure a model's answer and keep the figures under a key; None without an answer."""
        found = self._answer(contender)
        if found is None:
            return None
        answer, uncertainty = found
        figures, own = None, None
        if has_reference:
            figures, own = self._measured(contender, answer, before)
        if figures is not None:
            self.counts[contender.run] = figures.pairs, own
        counted = Counted(figures, answer.seconds, uncertainty, own)
        content = counted.packed()
        # What could not be measured is tried again next time, and told again.
        if key is not None and (figures is not None or not has_reference):
            self._figures.put({key: content})
        return counted, content

    def _answer(self, contender: Contender) -> tuple[Candidate, float] | None:
        """A model's answer in the folder's classes, and its mean uncertainty, 0..1."""
        drawn = self._models.prediction(
            contender, self._ref, self._digest, self._read_image, self._job
        )
        if drawn is None:
            return None
        self.predicted.add(contender.run)
        uncertainty = float(drawn.uncertainty.mean(dtype=np.float64)) / 255
        answer = contender.candidate(drawn, self._conditions.schema)
        self._maps[contender.id] = answer.labels
        return answer, uncertainty

    def _read_image(self) -> LoadedImage:
        if self._image is None:
            self._image = read_image(self._ref.path, self._ref.page, self._job.check)
            if self._references.files.predictions.digests.of(self._ref.path) != self._digest:
                raise _Replaced
        return self._image

    def _measured(
        self, contender: Contender, answer: Candidate, before: ImageFigures | None
    ) -> tuple[ImageFigures | None, OwnPixels | None]:
        """The figures of an answer, and what was left out of them since the model wrote it."""
        shape = (answer.labels.shape[0], answer.labels.shape[1])
        if self._reference is None:
            self._reference = (self._read_reference(shape),)
        reference = self._reference[0]
        if reference is None:
            return None, None
        answer, own = self._without_own(contender, answer, reference)
        conditions = self._conditions
        schema, wanted = conditions.schema, conditions.wanted
        if before is None:
            return figures_of(reference, answer, schema, wanted), own
        missing = [m for m in wanted if m.is_of_any_map and before.part(m) is None]
        return before.with_parts_of(figures_of(reference, answer, schema, missing)), own

    def _without_own(
        self, contender: Contender, answer: Candidate, reference: LabelMap
    ) -> tuple[Candidate, OwnPixels | None]:
        """An answer of which the pixels are left out that the reference has from its model."""
        writers = reference.writers
        if writers is None:
            return answer, None
        table = self._references.files.writers.table
        own = own_pixels(writers, table.of_run(contender.run))
        if own is None:
            return answer, OwnPixels(0, writers.size)
        left_out = own if answer.left_out is None else own | answer.left_out
        found = OwnPixels(int(np.count_nonzero(own)), writers.size)
        return replace(answer, left_out=left_out), found

    def _read_reference(self, shape_hw: tuple[int, int]) -> LabelMap | None:
        read = None
        try:
            read = self._references.read(self._ref, shape_hw)
        except SegstudioError as error:
            # One bad mask must not end an evaluation of thousands.
            self.unmeasured = without_traceback(error)
        if self._references.key(self._ref) != self._reference_key:
            raise _Replaced
        return read

    def _vote(self, known: bytes | None, key: bytes) -> float:
        """Mean vote entropy of all models; NaN if there is only one or an answer is missing."""
        contenders = self._conditions.contenders
        if len(contenders) < 2:
            return _NONE
        data = None if known is None else unpacked(known)
        if data is not None and "entropy" in data:
            return float(data["entropy"])
        for contender in contenders:
            if contender.id not in self._maps and self._answer(contender) is None:
                return _NONE
        maps = [self._maps[contender.id] for contender in contenders]
        entropy = float(vote_entropy(maps).mean(dtype=np.float64))
        self._figures.put({key: packed({"entropy": entropy})})
        return entropy


class EvaluatedModels:
    """Answers of several models, each loaded when it is first needed and kept until the end.

    Attributes:
        trouble: What went wrong.
        seconds: Time spent in the models.
        may_run: Whether models may be loaded and run now; else `ModelNeeded` says that one is
            needed.
    """

    def __init__(self, engine: Engine | None, store: PredictionStore, *, again: bool) -> None:
        """Args:
        engine: Gives the models; without it only what is on disk is answered.
        store: Predictions on disk.
        again: Run the models also where a stored prediction would do.
        """
        self.trouble = Trouble()
        self.seconds = 0.0
        self.may_run = False
        self._engine = engine
        self._store = store
        self._again = again
        self._loaded: dict[str, Predictor] = {}

    def prediction(
        self,
        contender: Contender,
        ref: ImageRef,
        digest: str,
        image: Callable[[], LoadedImage],
        job: Job,
    ) -> Prediction | None:
        """A model's answer for an image at the thresholds in force; None if it cannot be had.

        Args:
            contender: The model.
            ref: The image.
            digest: Of its file, when the image is or was read.
            image: Reads it; called only if the model runs.
            job: Checked while the model runs.

        Raises:
            ModelNeeded: if the model has to run and `may_run` is not set.
            SegstudioError: if the image cannot be read or the model fails on it.
        """
        raw = None if self._again else self._stored(contender, ref, digest)
        if raw is None:
            predictor = self._predictor(contender, job)
            if predictor is None:
                return None
            raw = self._predict(predictor, contender, image(), job)
            self._keep(ref, digest, raw)
        return contender.drawn(raw)

    def _stored(self, contender: Contender, ref: ImageRef, digest: str) -> Prediction | None:
        raw = self._store.load(ref.path, contender.run, ref.page, digest=digest)
        if raw is None and contender.run_of_same_prediction:
            raw = self._store.load(
                ref.path, contender.run_of_same_prediction, ref.page, digest=digest
            )
            if raw is not None:
                raw = replace(raw, run=contender.run, title=contender.spec.title)
                self._keep(ref, digest, raw)
        return raw

    def _predict(
        self, predictor: Predictor, contender: Contender, image: LoadedImage, job: Job
    ) -> Prediction:
        start = time.perf_counter()
        pixels = image.given_to(contender.spec)
        answer = predictor.predict(pixels, contender.options, job.check, no_report)
        self.seconds += time.perf_counter() - start
        return replace(answer, run=contender.run)

    def _keep(self, ref: ImageRef, digest: str, prediction: Prediction) -> None:
        try:
            self._store.save(ref.path, prediction, ref.page, digest=digest)
        except SegstudioError as error:
            self.trouble.unsaved.append(without_traceback(error))

    def _predictor(self, contender: Contender, job: Job) -> Predictor | None:
        """The loaded model; None if it cannot be had, which is told once in `trouble`."""
        if self._engine is None or contender.id in self.trouble.broken:
            return None
        if not self.may_run:
            raise ModelNeeded
        if contender.id not in self._loaded:
            try:
                self._loaded[contender.id] = loaded(
                    self._engine, contender.spec, contender.options.device, job
                )
            except SegstudioError as error:
                self.trouble.broken[contender.id] = without_traceback(error)
        return self._loaded.get(contender.id)
