"""The evaluation of the open folder: which of several models is right, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from segstudio.clock import Cancel, Clock
from segstudio.core.labels import LabelMap
from segstudio.core.text import listed
from segstudio.evaluation.conditions import Conditions, Contender
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.rows import pairs_of
from segstudio.evaluation.sums import SumKeeper
from segstudio.evaluation.work import EvaluationWork, Results, Trouble
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.metrics.bootstrap import PairedDifference, paired_difference
from segstudio.notices import Notices
from segstudio.runs.batch import run_key
from segstudio.runs.engine import Engine
from segstudio.runs.fast_routes import Waiting
from segstudio.runs.scoring import Scoring
from segstudio.runs.segmenting import Segmenting
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.figures import FigureStore
from segstudio.storage.image_ref import ImageList, ImageRef, image_of

_RECOUNT_AFTER_S = 0.4
_SHOWN: Final = 3


class Evaluating:
    """Runs models over the folder and keeps their figures true while it is corrected.

    Attributes:
        table: The figures.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
        engine: Engine,
        figures: FigureStore,
        scoring: Scoring,
        segmenting: Segmenting,
    ) -> None:
        """Args (besides the objects it works on):
        engine: The models.
        figures: Where figures are kept on disk.
        scoring: Takes over what is counted here.
        segmenting: Brings predictions into the open image.
        """
        self._session, self._jobs, self._clock = session, jobs, clock
        self._notices, self._documents, self._folder = notices, documents, folder
        self._engine, self._figures = engine, figures
        self._scoring, self._segmenting = scoring, segmenting
        self.table = EvaluationTable()
        self._files: FolderFiles | None = None
        self._conditions: Conditions | None = None
        self._work: EvaluationWork | None = None
        self._job: Job | None = None
        self._waiting: Waiting | None = None
        self._recount_timer: Cancel | None = None
        self._sums = SumKeeper(jobs, clock, self.table, changed=self._changed)
        self._corrections = _Corrections(
            session, jobs, clock, documents, figures, self._deliver, self._corrected
        )
        session.follow(What.PROJECT, self._on_project)
        session.follow(What.SCHEMA | What.MODELS, self._on_conditions)

    # -- verbs -------------------------------------------------------------------------------

    def start(self, runs: Sequence[str], *, again: bool = False) -> None:
        """Evaluate models on all images of the folder; what is on disk is not computed again.

        Annotated images come first. Images without anything to measure against are predicted too:
        they have an uncertainty and a disagreement.

        Args:
            runs: Ids of the models.
            again: Run the models also where a stored prediction would do.
        """
        models = self._session.models
        chosen = [run for run in dict.fromkeys(runs) if run in models]
        if self._folder.files is None:
            self._notices.info("Open a folder first.")
        elif not chosen:
            self._notices.info("Choose a model first.")
        else:
            self._settle_and_begin(self._folder.files, chosen, again=again)

    def _settle_and_begin(self, files: FolderFiles, chosen: Sequence[str], *, again: bool) -> None:
        """Begin at once, or when it is known by which routes the models run."""

        def begin() -> None:
            dropped()
            if files is self._folder.files:
                self._begin(files, self._conditions_of(chosen), again=again)

        def dropped() -> None:
            if self._waiting is waiting:
                self._set_waiting(None)

        before, waiting = self._waiting, None
        specs = [self._session.models[run] for run in chosen]
        waiting = self._segmenting.settle_routes(
            specs, range(len(files.project.images)), begin, dropped
        )
        if waiting is not None:
            self._set_waiting(waiting)
        if before is not None:
            self._segmenting.routes.withdraw(before)
            if self._waiting is before:
                self._set_waiting(None)

    def _set_waiting(self, waiting: Waiting | None) -> None:
        self._waiting = waiting
        if self._session.evaluation.waiting != (waiting is not None):
            self._set(waiting=waiting is not None)

    def cancel(self) -> None:
        """Stop, or do not begin; what came so far stays."""
        if self._waiting is not None:
            waiting = self._waiting
            self._set_waiting(None)
            self._segmenting.routes.withdraw(waiting)
        self._stop()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def set_options(
        self, *, asked: frozenset[str] | None = None, originals: bool | None = None
    ) -> None:
        """Choose what is measured; the figures follow. None leaves a choice as it is.

        Args:
            asked: Keys of the measures that are counted besides those that always are.
            originals: Whether the reference is the ground truth as other programs wrote it.
        """
        wanted: dict[str, Any] = {"asked": asked, "originals": originals}
        evaluation = self._session.evaluation
        new = {name: value for name, value in wanted.items() if value is not None}
        if any(getattr(evaluation, name) != value for name, value in new.items()):
            self._set(**new)
            self._recount()

    def refresh(self, indices: Iterable[int]) -> None:
        """Measure images again whose annotation changed; their predictions stay."""
        self._corrections.add(indices)

    def compare_pair(
        self, first: str, second: str, done: Callable[[PairedDifference | None], None]
    ) -> None:
        """Find out what separates two models, by a paired bootstrap over the images of both.

        Args:
            first: A model.
            second: Another one; differences are the second minus the first.
            done: Gets the result, which is in `table.paired` then; None if they share no image.
        """
        table = self.table
        known, indices = table.paired(first, second), table.common(first, second)
        if known is not None or not len(indices):
            done(known)
            return
        rows = [[table.row(int(i), run) for i in indices] for run in (first, second)]
        class_ids, stamp = table.class_ids, table.stamp(first, second)
        foreground = table.schema.foreground_ids

        def work(_job: Job) -> PairedDifference:
            before, after = ([pairs_of(r.keys, r.pixels) for r in part if r] for part in rows)
            return paired_difference(before, after, class_ids, foreground_ids=foreground)

        def arrived(difference: PairedDifference) -> None:
            if table.stamp(first, second) == stamp:
                table.set_paired(first, second, difference)
            done(difference)

        self._jobs.submit(
            "Comparing two models",
            "evaluation",
            work,
            arrived,
            key=f"paired:{first}:{second}",
            front=True,
            visible=False,
        )

    def prediction_key(self, run: str) -> str:
        """Under which key a model's predictions are in `Document.predictions`; "" if unknown."""
        taking_part = self._conditions.contenders if self._conditions is not None else ()
        found = next((c.run for c in taking_part if c.id == run), "")
        spec = self._session.models.get(run)
        if found or spec is None:
            return found
        return run_key(spec, self._session.model.options)

    # -- running -----------------------------------------------------------------------------

    def _conditions_of(self, runs: Iterable[str]) -> Conditions:
        session = self._session
        options = session.model.options
        contenders = (Contender.of(session.models[r], options) for r in runs if r in session.models)
        evaluation = session.evaluation
        return Conditions(tuple(contenders), session.schema, evaluation.asked, evaluation.originals)

    def _begin(
        self,
        files: FolderFiles,
        conditions: Conditions,
        *,
        again: bool = False,
        models: bool = True,
    ) -> None:
        """Evaluate the folder; without `models` only what was predicted is measured.

        The order: an evaluation that runs is stopped -> what is not true under the new conditions
        is forgotten -> a job does image by image, gives way to others, and is taken up again ->
        what comes of it is taken over up to ten times a second (`_arrived`), the counts by the
        scores too -> at the end the last sums are made, and trouble is told (`_finished`).
        """
        self._stop()
        self._stop_timer()
        self._take_conditions(files, conditions)
        work = EvaluationWork(
            self._engine if models else None,
            conditions,
            conditions.references(files),
            self._figures,
            self._order(len(files.project.images)),
            deliver=lambda results: self._deliver(
                files, conditions, results, lambda: self._arrived(work, results)
            ),
            again=again,
            give_way=lambda job: any(
                other.lane == job.lane and other is not job for other in self._jobs.jobs()
            ),
        )
        self._work = work
        self._changed(
            runs=tuple(c.id for c in conditions.contenders),
            running=True,
            stopped=False,
            done=self._done(work, {}),
            total=work.total,
        )
        self._submit(work)

    def _order(self, images: int) -> list[int]:
        """The images with something to measure against come first."""
        known = self._session.states
        annotated = [
            i for i in range(images) if (s := known.get(i)) and (s.has_truth or s.annotated)
        ]
        first = set(annotated)
        return [*annotated, *(i for i in range(images) if i not in first)]

    def _take_conditions(self, files: FolderFiles, conditions: Conditions) -> None:
        """Keep the lines that are true under the new conditions, forget the others."""
        before, table = self._conditions, self.table
        kept: set[str] = set()
        if before is not None and files is self._files and before.counts_like(conditions):
            keys = {c.id: c.key(before.schema) for c in before.contenders}
            kept = {
                c.id for c in conditions.contenders if keys.get(c.id) == c.key(conditions.schema)
            }
        titles = {c.id: c.spec.title for c in conditions.contenders}
        if kept:
            table.schema = conditions.schema
            table.set_runs({run: title for run, title in titles.items() if run in kept})
        else:
            table.clear(_names(files.project.images), conditions.schema)
        table.set_runs(titles)
        self._sums.keep(kept)
        self._files, self._conditions = files, conditions
        self._corrections.follow(files, conditions)

    def _submit(self, work: EvaluationWork) -> None:
        number = len(work.conditions.contenders)
        finished: list[bool] = []

        def ended() -> None:
            if work is not self._work:
                return  # another one was started instead
            if finished == [False] and not job.cancelled:
                self._submit(work)  # it gave way, or needs models from now on
            else:
                self._finished(work, cancelled=job.cancelled)

        self._job = job = self._jobs.submit(
            f"Evaluating {number} models" if number > 1 else "Evaluating a model",
            "model" if work.needs_models else "evaluation",
            work.work,
            finished.append,
            ended=ended,
        )

    def _deliver(
        self,
        files: FolderFiles,
        conditions: Conditions,
        results: Results,
        arrived: Callable[[], None],
    ) -> None:
        """Bring results from their job's thread to the session's."""
        self._clock.post(arrived)
        if not conditions.originals:  # scores are against what is corrected
            self._scoring.take_over(files, conditions.schema, results.counts)

    def _arrived(self, work: EvaluationWork, results: Results) -> None:
        """The order: table, sums -> what was corrected meanwhile -> marks -> open image -> state."""
        if work is not self._work:
            return
        self.table.set_pages(results.pages)
        self._put(results)
        newer = {index for index, _, _ in results.rows if self._is_newer_here(index)}
        if newer:
            self.refresh(newer)
        self._tell_predictions(results.predicted)
        self._changed(done=self._done(work, results.done), total=work.total)

    def _done(self, work: EvaluationWork, through: Mapping[str, int]) -> dict[str, int]:
        """How many images have figures by model; those that had them before count too."""
        runs = [c.id for c in work.conditions.contenders]
        if work.again:
            return {run: through.get(run, 0) for run in runs}
        return {run: len(self.table.indices(run)) for run in runs}

    def _put(self, results: Results) -> None:
        for index, run, row in results.rows:
            self.table.put(index, run, row)
            self._sums.put(index, run, row)
        self._sums.soon(hurry=self._job is None)

    def _is_newer_here(self, index: int) -> bool:
        """Whether an image was perhaps read before it was corrected."""
        document = self._held(index)
        return index in self._corrections or (document is not None and document.dirty)

    def _held(self, index: int) -> Document | None:
        project = self._session.project
        if project is None or image_of(index) >= len(project.images):
            return None
        return self._documents.get(project.images[index])

    def _tell_predictions(self, predicted: dict[int, set[str]]) -> None:
        session = self._session
        changed = []
        for index, runs in predicted.items():
            state = session.state(index)
            if not runs <= state.runs:
                session.states[index] = replace(state, runs=state.runs | runs)
                changed.append(index)
        if changed:
            session.notify(What.STATES, images=tuple(changed))
        document, here = session.document, predicted.get(session.index, set())
        if document is not None and not here <= document.predictions.keys():
            self._segmenting.load_stored(document)

    def _finished(self, work: EvaluationWork, *, cancelled: bool) -> None:
        self._work = self._job = None
        self._changed(running=False, stopped=cancelled)
        self._sums.soon(hurry=True)
        least = min(self._session.evaluation.done.values(), default=0)
        if cancelled and work.runs_models:
            self._notices.info(
                f"The evaluation was stopped after {least} of {work.total} images.",
                "It goes on from there when it is started again.",
            )
        if work.runs_models and not cancelled:
            self._notices.settle(_FAILED)  # what was said of an earlier evaluation
        _tell_trouble(self._notices, work.trouble, work.total, self.table.title)
        if work.runs_models:
            self._scoring.count_missing()

    # -- following the session ---------------------------------------------------------------

    def _on_conditions(self, change: Change) -> None:
        if What.PROJECT not in change.what and self._conditions is not None:
            self._recount_later()

    def _on_project(self, _change: Change) -> None:
        """Another folder has no figures yet; the same one, scanned again, is measured again."""
        files, before = self._folder.files, self._files
        if before is None:
            self.cancel()
            return
        runs, models = self._session.evaluation.runs, self._runs_models
        self.cancel()
        self._stop_timer()
        self._work = self._job = self._conditions = self._files = None
        self._sums.keep(())
        self._corrections.follow(None, None)
        self.table.clear()
        self._changed(runs=(), running=False, stopped=False, done={}, total=0)
        if files is not None and files.project.root == before.project.root:
            self._begin(files, self._conditions_of(runs), models=models)

    def _recount_later(self) -> None:
        """Wait for the end of a series of changes: a threshold that is dragged."""
        self._stop_timer()
        self._recount_timer = self._clock.call_later(_RECOUNT_AFTER_S, self._recount)

    def _stop_timer(self) -> None:
        if self._recount_timer is not None:
            self._recount_timer()
            self._recount_timer = None

    def _recount(self) -> None:
        """Measure the folder anew if its figures depend on what has changed; no model runs.

        An evaluation that runs starts over; what it has predicted is on disk.
        """
        self._stop_timer()
        before, files = self._conditions, self._files
        if before is None or files is None:
            return
        options = self._session.model.options
        now = replace(
            before,
            contenders=tuple(
                c.at(options) for c in before.contenders if c.id in self._session.models
            ),
            schema=self._session.schema,
            asked=self._session.evaluation.asked,
            originals=self._session.evaluation.originals,
        )
        if now.key == before.key:
            if self.table.schema != now.schema:  # other names or colours
                self.table.schema = now.schema
                self._changed()
            return
        self._begin(files, now, models=self._runs_models)

    @property
    def _runs_models(self) -> bool:
        return self._work is not None and self._work.runs_models

    def _corrected(self, results: Results) -> None:
        self._put(results)
        self._changed()

    def _changed(self, **values: Any) -> None:
        """Say that the figures changed, and replace fields of `session.evaluation`."""
        self._set(version=self._session.evaluation.version + 1, **values)

    def _set(self, **values: Any) -> None:
        self._session.evaluation = replace(self._session.evaluation, **values)
        self._session.notify(What.EVALUATION)


class _Corrections:
    """Measures the stored predictions of images whose annotation changed, in a job.

    The order: an image was painted on, or saved, or `Evaluating.refresh` names it -> a pause passes
    -> a job measures unsaved work as it is on the screen -> its lines are in the table -> once that
    work is saved it is measured from its files, which is kept on disk.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        documents: Documents,
        figures: FigureStore,
        deliver: Callable[[FolderFiles, Conditions, Results, Callable[[], None]], None],
        measured: Callable[[Results], None],
    ) -> None:
        """Args (besides the objects it works on):
        deliver: Brings results from the job's thread to the session's.
        measured: Gets the new lines there.
        """
        self._session, self._jobs, self._clock = session, jobs, clock
        self._documents, self._figures = documents, figures
        self._deliver, self._measured = deliver, measured
        self._files: FolderFiles | None = None
        self._conditions: Conditions | None = None
        self._stale: set[int] = set()
        self._touched: set[int] = set()
        self._unsaved: set[int] = set()
        self._under_way: set[int] = set()
        self._timer: Cancel | None = None
        session.follow(What.LABELS, self._on_labels)
        session.follow(What.SAVED | What.DOCUMENT, self._on_saved)

    def __contains__(self, index: object) -> bool:
        """Whether an image was corrected since `follow` was called."""
        return index in self._touched

    def follow(self, files: FolderFiles | None, conditions: Conditions | None) -> None:
        """Measure with these models and classes from now on; None: measure nothing."""
        if files is not self._files:
            self._stale.clear()
            self._unsaved.clear()
        self._files, self._conditions = files, conditions
        self._touched = set(self._stale)
        # What is measured under other conditions is dropped, so it has to be done again.
        self.add(self._under_way)

    def add(self, indices: Iterable[int]) -> None:
        """Measure images again after a pause."""
        if self._conditions is None or self._conditions.originals:
            return
        self._stale.update(indices)
        self._touched |= self._stale
        if self._stale:
            self._stop_timer()
            self._timer = self._clock.call_later(_RECOUNT_AFTER_S, self._submit)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer()
            self._timer = None

    def _submit(self) -> None:
        self._stop_timer()
        files, conditions = self._files, self._conditions
        if files is None or conditions is None or self._under_way or not self._stale:
            return
        images = files.project.images
        indices = sorted(i for i in self._stale if image_of(i) < len(images))
        held: dict[ImageRef, LabelMap] = {}
        for index in indices:
            document = self._dirty(index)
            if document is not None:
                held[document.ref] = document.annotation
        self._unsaved = (self._unsaved - self._stale) | {i for i in indices if images[i] in held}
        self._stale, self._under_way = set(), set(indices)

        def arrived(results: Results) -> None:
            if conditions is self._conditions and results.rows:
                self._measured(results)

        def ended() -> None:
            self._under_way = set()
            if self._stale and self._timer is None:
                self._submit()

        work = EvaluationWork(
            None,
            conditions,
            conditions.references(files, held),
            self._figures,
            indices,
            every_page=False,
            deliver=lambda results: self._deliver(
                files, conditions, results, lambda: arrived(results)
            ),
        )
        self._jobs.submit(
            "Measuring corrections",
            "evaluation",
            work.work,
            ended=ended,
            front=True,
            visible=False,
        )

    def _dirty(self, index: int) -> Document | None:
        """The held image of an index, if it has unsaved work."""
        assert self._files is not None
        document = self._documents.get(self._files.project.images[index])
        return document if document is not None and document.dirty else None

    def _on_labels(self, change: Change) -> None:
        index = self._session.index_of(change.document)
        if self._files is not None and index is not None:
            self.add([index])

    def _on_saved(self, _change: Change) -> None:
        saved = {i for i in self._unsaved if self._dirty(i) is None} if self._files else ()
        if saved:
            self.add(saved)


_FAILED: Final = "images on which the evaluation failed"
"""What the notice of them is about."""


def _tell_trouble(
    notices: Notices, trouble: Trouble, total: int, title: Callable[[str], str]
) -> None:
    """Tell the user, each kind once.

    Args:
        notices: Where to.
        trouble: What went wrong.
        total: How many images there were to do.
        title: A model's name for people, by its id.
    """
    for run, error in trouble.broken.items():
        notices.failure(f"Loading {title(run)}", error)
    if trouble.failures:
        notices.error(
            f"{len(trouble.failures)} of {total} images failed: {_some(trouble.failures)}.",
            "The others are done.",
            _lines(trouble.failures),
            about=_FAILED,
        )
    if trouble.unmeasured:
        number = len(trouble.unmeasured)
        notices.warning(
            f"The masks of {number} images cannot be used: {_some(trouble.unmeasured)}."
            if number > 1
            else f"The mask of {_some(trouble.unmeasured)} cannot be used.",
            "Images without a mask are not scored.",
            _lines(trouble.unmeasured),
        )
    if trouble.unsaved:
        notices.warning(
            f"{len(trouble.unsaved)} predictions could not be kept on disk.",
            str(trouble.unsaved[0]),
        )


def _some(troubles: Sequence[tuple[str, object]]) -> str:
    return listed([name for name, _ in troubles], _SHOWN)


def _lines(troubles: Sequence[tuple[str, object]]) -> str:
    return "\n".join(f"{name}: {why}" for name, why in troubles)


def _names(images: Sequence[ImageRef]) -> Sequence[str]:
    return images.names if isinstance(images, ImageList) else [ref.name for ref in images]
