"""The evaluation of the open folder: which of several models is right, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from segstudio.clock import Cancel, Clock
from segstudio.evaluation.corrections import Corrections
from segstudio.evaluation.evaluation_inputs import Conditions, Contender
from segstudio.evaluation.evaluation_rows import pairs_of
from segstudio.evaluation.evaluation_table import EvaluationTable
from segstudio.evaluation.evaluation_trouble import tell_trouble
from segstudio.evaluation.evaluation_work import EvaluationWork, Results
from segstudio.evaluation.folder_sums import SumKeeper
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.metrics.bootstrap import PairedDifference, paired_difference
from segstudio.notices import Notices
from segstudio.runs.batch import run_key
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.figures import FigureStore
from segstudio.storage.image_ref import ImageList, ImageRef, image_of

_RECOUNT_AFTER_S = 0.4


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
        *,
        predicted: Callable[[Document], None] = lambda _document: None,
        finished: Callable[[], None] = lambda: None,
    ) -> None:
        """Args (besides the objects it works on):
        engine: The models.
        figures: Where figures are kept on disk.
        predicted: Told when the open image has predictions on disk that it does not hold.
        finished: Told when models have run: there are predictions that are not scored yet.
        """
        self._session, self._jobs, self._clock = session, jobs, clock
        self._notices, self._documents, self._folder = notices, documents, folder
        self._engine, self._figures = engine, figures
        self._predicted, self._told_finished = predicted, finished
        self.table = EvaluationTable()
        self._files: FolderFiles | None = None
        self._conditions: Conditions | None = None
        self._work: EvaluationWork | None = None
        self._job: Job | None = None
        self._recount_timer: Cancel | None = None
        self._sums = SumKeeper(jobs, clock, self.table, changed=self._changed)
        self._corrections = Corrections(
            session, jobs, clock, documents, figures, measured=self._corrected
        )
        session.changed.connect(self._on_change)

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
            self._begin(self._folder.files, self._conditions_of(chosen), again=again)

    def cancel(self) -> None:
        """Stop; what came so far stays."""
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
        """Evaluate the folder; without `models` only what was predicted is measured."""
        self.cancel()
        self._stop_timer()
        self._take_conditions(files, conditions)
        work = EvaluationWork(
            self._engine if models else None,
            conditions,
            conditions.references(files),
            self._figures,
            self._order(len(files.project.images)),
            deliver=lambda results: self._clock.post(lambda: self._arrived(work, results)),
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

    def _arrived(self, work: EvaluationWork, results: Results) -> None:
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
            self._predicted(document)

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
        tell_trouble(self._notices, work.trouble, work.total, self.table.title)
        if work.runs_models:
            self._told_finished()

    # -- following the session ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if What.PROJECT in change.what:
            self._on_project()
        elif change.what & (What.SCHEMA | What.MODELS) and self._conditions is not None:
            self._recount_later()

    def _on_project(self) -> None:
        """Another folder has no figures yet; the same one, scanned again, is measured again."""
        files, before = self._folder.files, self._files
        if before is None:
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


def _names(images: Sequence[ImageRef]) -> Sequence[str]:
    return images.names if isinstance(images, ImageList) else [ref.name for ref in images]
