"""Models: choosing, running, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from segstudio.clock import Cancel, Clock
from segstudio.core.class_mapping import adapt, same_classes
from segstudio.core.prediction import (
    ModelSpec,
    Prediction,
    effective_options,
    exact,
    route_names,
)
from segstudio.core.route_answer import RouteAnswer
from segstudio.core.text import listed
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.jobs import Job, JobRunner
from segstudio.models.published import published_prompters
from segstudio.models.weights import is_available
from segstudio.notices import Notices
from segstudio.runs.batch import (
    Batch,
    BatchImage,
    BatchResult,
    drawn_in,
    model_of,
    run_key,
    same_thresholds,
)
from segstudio.runs.engine import Engine
from segstudio.runs.fast_routes import FastRoutes, Waiting
from segstudio.runs.own_weights import OwnWeights, ReadList
from segstudio.runs.route_memory import WORTH_TESTING
from segstudio.runs.scoring import Scoring
from segstudio.session.document import Document
from segstudio.session.session import Session, What
from segstudio.storage.image_ref import ImageRef

_RECOUNT_AFTER_S = 0.5


class Segmenting:
    """Runs models. A result goes to the image it was made from, wherever the user is by then."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
        schema: SchemaKeeper,
        scoring: Scoring,
        engine: Engine,
        own_weights: OwnWeights,
        routes: FastRoutes,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._clock = clock
        self._notices = notices
        self._documents = documents
        self._folder = folder
        self._schema = schema
        self._scoring = scoring
        self._engine = engine
        self._own_weights = own_weights
        self.routes = routes
        self._provisional: dict[str, set[int]] = {}
        """Images that models were run on exactly while their routes were not known, by model."""
        self._batches: list[Batch] = []
        self._waiting: list[Waiting] = []
        self._preferred = ""
        self._thresholds = _Thresholds(session, jobs, clock, documents, scoring)

    # -- choosing ----------------------------------------------------------------------------

    def refresh_models(self) -> None:
        """Read the list of models and which weights are on disk; keeps the chosen one."""
        own_weights = self._own_weights
        device, held = self._session.model.options.device, tuple(self._session.models.values())

        def work(_job: Job) -> _Models:
            specs, read = self._engine.specs(), own_weights.read()
            here = frozenset(i for i, s in specs.items() if self._engine.is_available(s))
            here |= {i for i, s in published_prompters().items() if is_available(s)}
            kept = [entry.spec for entry in read.entries]
            return _Models(
                specs, here, self.routes.find((*specs.values(), *held, *kept), device), read
            )

        def done(result: _Models) -> None:
            specs, available, routes, read = result
            session = self._session
            self.routes.learn(routes, device)
            session.prompters = {**published_prompters(), **session.prompters}
            known = own_weights.arrived(read, specs)
            named = {i: s for i, s in session.models.items() if i not in known and s.made_of}
            session.models = self.routes.dressed({**known, **named})
            model = session.model
            chosen = model.chosen if model.chosen in session.models else ""
            first = next((i for i in specs if i in available), next(iter(specs), ""))
            here = available | own_weights.here | (model.available & named.keys())
            session.model = replace(model, chosen=chosen or first, available=here)
            session.notify(What.MODELS)

        self._jobs.submit("Looking for models", "model", work, done, key="models", visible=False)

    def choose(self, model_id: str) -> None:
        """Make a model the one that is run."""
        session = self._session
        if model_id not in session.models or model_id == session.model.chosen:
            return
        session.model = replace(session.model, chosen=model_id)
        session.notify(What.MODELS)
        document = session.document
        run = run_key(session.models[model_id], session.model.options)
        if document is not None and run in document.predictions:
            self.show(run)

    def show(self, run: str) -> None:
        """Show and score another prediction of the open image."""
        self._preferred = run
        if self._session.view.run != run:
            self._session.set_view(run=run)

    def _choose_run(self, document: Document) -> None:
        """Keep showing the same run from image to image."""
        session = self._session
        if document is not session.document:
            return
        run = run_to_show(session, document, self._preferred)
        session.set_view(run=run)

    def set_options(self, **values: Any) -> None:
        """Change fields of `RunOptions`; thresholds apply to what is shown without a run."""
        session = self._session
        options = replace(session.model.options, **values)
        if options == session.model.options:
            return
        old, session.model = session.model.options, replace(session.model, options=options)
        if old.device != options.device and self.routes.enabled:
            self.refresh_models()  # on another device other routes are the fastest
        session.notify(What.MODELS)
        if not same_thresholds(old, options):
            self._thresholds.apply()

    def mark_available(self, spec: ModelSpec) -> None:
        """Note that a model's weights are on disk now."""
        model = self._session.model
        if spec.id not in model.available:
            self._session.model = replace(model, available=model.available | {spec.id})
            self._session.notify(What.MODELS)

    # -- running -----------------------------------------------------------------------------

    def run_current(self) -> None:
        """Run the chosen model on the open image, also if it was run before."""
        if self._session.index >= 0:
            self._run([self._session.index], again=True)

    def run_on(self, indices: Sequence[int]) -> None:
        """Run the chosen model on all pages of some images; what was predicted before is taken from disk."""
        self._run(indices, every_page=True)

    def run_all(self) -> None:
        """Run the chosen model on all images; what was predicted before is taken from disk."""
        if self._session.project is not None:
            self._run(range(len(self._session.project.images)), every_page=True)

    def run_models(self, model_ids: Sequence[str], *, again: bool = True) -> tuple[str, ...]:
        """Run several models on the open image, one after the other.

        Args:
            model_ids: The models; unknown ones are passed over.
            again: Also where there is a prediction already.

        Returns:
            The names of their runs.
        """
        session = self._session
        specs = [session.models[name] for name in model_ids if name in session.models]
        if session.index >= 0:
            for spec in specs:
                self._run([session.index], again=again, model=spec)
        return tuple(run_key(spec, session.model.options) for spec in specs)

    @property
    def running(self) -> bool:
        """Whether runs are at work or wait, and were not told to stop."""
        at_work = any(b.job is not None and not b.job.cancelled for b in self._batches)
        return at_work or bool(self._waiting)

    @property
    def pending(self) -> frozenset[str]:
        """Runs that are at work on the open image or wait for it."""
        index, files = self._session.index, self._folder.files
        return frozenset(b.run for b in self._batches if b.files is files and index in b.waiting)

    def cancel(self) -> None:
        """Stop the runs, and nothing else that models do; results that came so far stay."""
        for batch in self._batches:
            if batch.job is not None:
                batch.job.cancel()
        for waiting in self._waiting:
            self.routes.withdraw(waiting)
        self._waiting.clear()
        self.routes.cancel()

    def settle_routes(
        self,
        specs: Sequence[ModelSpec],
        indices: Sequence[int],
        then: Callable[[], None],
        dropped: Callable[[], None] = lambda: None,
    ) -> Waiting | None:
        """Do something on many images when it is known by which routes models run them all.

        Where that is known, or there are few images, it is done at once. Else a test on the first
        of them comes before, which the user may cut short (`FastRoutes.start_now`).

        Args:
            specs: The models.
            indices: The images.
            then: Does it.
            dropped: Called instead if the user stopped the test.

        Returns:
            What waits for the test, for `FastRoutes.withdraw`; None if it is done.
        """
        files = self._folder.files
        if files is not None and len(indices) >= WORTH_TESTING:
            waiting = self._wait_for(
                files, files.project.images[indices[0]], specs, then, dropped, urgent=True
            )
            if waiting is not None:
                return waiting
        then()
        return None

    def _wait_for(
        self,
        files: FolderFiles,
        ref: ImageRef,
        specs: Sequence[ModelSpec],
        then: Callable[[], None] = lambda: None,
        dropped: Callable[[], None] = lambda: None,
        *,
        urgent: bool,
    ) -> Waiting | None:
        def known() -> None:
            self._run_provisional_again(files)
            then()

        return self.routes.wait_for(
            specs,
            lambda job: files.image(ref, job.check)[0].given_to,
            known,
            dropped,
            urgent=urgent,
        )

    def _test_after(self, batch: Batch) -> None:
        """Look for faster ways to run what was run exactly, on the image it was run on."""
        stopped = batch.job is None or batch.job.cancelled
        if stopped or batch.failures or self._batches or batch.files is not self._folder.files:
            return
        ran = [self._session.models.get(name) for name in self._provisional]
        specs = [spec for spec in ran if spec is not None]
        self._wait_for(batch.files, batch.images[0].ref, specs, urgent=False)

    def _run_provisional_again(self, files: FolderFiles) -> None:
        """Run again what was run exactly a moment ago by a model that has another route now."""
        for name, indices in list(self._provisional.items()):
            spec = self._session.models.get(name)
            if spec is None or self.routes.untested([spec]):
                continue
            del self._provisional[name]
            if route_names(spec) and files is self._folder.files:
                self._run(sorted(indices), again=True, model=spec, replacing=True)

    def _replace(self, index: int, ref: ImageRef, old: str, new: str) -> None:
        """Forget a run of an image for another one of the same model, also where it is shown."""
        session, files = self._session, self._folder.files
        document = self._documents.get(ref)
        if document is not None:
            document.predictions.pop(old, None)
        self._scoring.forget(index, old)
        session.set_state(index, runs=session.state(index).runs - {old})
        view = session.view
        moved = [pane if pane.run != old else replace(pane, run=new) for pane in view.panes]
        against = view.against
        if against is not None:
            first = new if against.run == old else against.run
            second = new if against.second == old else against.second
            against = replace(against, run=first, second=second)
        if self._preferred == old:
            self._preferred = new
        shown = new if view.run == old else view.run
        session.set_view(run=shown, panes=tuple(moved), against=against)
        if files is not None:
            self._jobs.submit(
                "Removing a prediction",
                "save",
                lambda _job: files.predictions.remove(ref.path, old, ref.page),
                visible=False,
            )
        session.notify(What.PREDICTIONS | What.SCORES)

    def _run(
        self,
        indices: Sequence[int],
        *,
        again: bool = False,
        every_page: bool = False,
        model: ModelSpec | None = None,
        looked: bool = False,
        replacing: bool = False,
    ) -> None:
        session, files = self._session, self._folder.files
        spec = model or session.models.get(session.model.chosen)
        if files is None or not indices:
            self._notices.info("Open a folder first.")
            return
        if spec is None:
            self._notices.info("Choose a model first.")
            return
        asked = partial(self._run, indices, again=again, every_page=every_page, replacing=replacing)
        if not looked and self._own_weights.has_changed(spec):
            name, chosen = spec.id, model is None
            self._own_weights.look_again(
                lambda: asked(model=None if chosen else session.models.get(name), looked=True)
            )
            return
        if model is None and len(indices) >= WORTH_TESTING and self.routes.untested([spec]):
            self._run_when_settled(files, spec.id, indices, asked)
            return
        options = session.model.options
        run = run_key(spec, options)
        for batch in self._batches:
            # One image asked for while the same model runs on many: it is done next.
            if again and batch.run == run and batch.hurry(indices[0]):
                return
            if not again and batch.run == run and batch.files is files and _covers(batch, indices):
                self._notices.info(f"{spec.title} is running on these images already.")
                return
        batch = Batch(
            self._engine,
            spec,
            effective_options(spec, options),
            files,
            self._schema.adopted(spec.schema),
            [self._batch_image(files, spec, i) for i in indices],
            again=again,
            every_page=every_page,
            replaces=run_key(exact(spec), options) if replacing else "",
            deliver=lambda result: self._clock.post(lambda: self._arrived(batch, result)),
        )
        self._submit(batch)

    def _run_when_settled(
        self, files: FolderFiles, name: str, indices: Sequence[int], run: Callable[..., None]
    ) -> None:
        """Run a model on many images when its route is known, unless that is called off before."""

        def begin() -> None:
            dropped()
            if files is self._folder.files:
                run(model=self._session.models.get(name))

        def dropped() -> None:
            self._waiting = [one for one in self._waiting if one is not waiting]

        waiting = self.settle_routes([self._session.models[name]], indices, begin, dropped)
        if waiting is not None:
            self._waiting.append(waiting)

    def _batch_image(self, files: FolderFiles, spec: ModelSpec, index: int) -> BatchImage:
        ref = files.project.images[index]
        document = self._documents.get(ref)
        if document is None or not document.digest:
            return BatchImage(index, ref)
        return BatchImage(index, ref, document.given_to(spec), document.digest)

    def _submit(self, batch: Batch) -> None:
        self._batches.append(batch)

        def ended() -> None:
            self._batches.remove(batch)
            self._finished(batch)

        batch.job = self._jobs.submit(batch.title, "model", batch.work, ended=ended)

    def _arrived(self, batch: Batch, result: BatchResult) -> None:
        """Take one image's result: into its document if that is held, else only its counts.

        The order: the folder's classes -> the image's marks -> the prediction is shown -> it is
        counted, unless the run has done that.
        """
        session = self._session
        self.mark_available(batch.spec)
        project = session.project
        if project is None or project.root != batch.files.project.root:
            return  # another folder is open; the result waits in its folder's store
        index = project.index_of(result.ref.path, result.ref.page)
        if index is None:
            return
        batch.waiting.discard(index)
        self._schema.adopt(batch.spec.schema)
        run = batch.run
        if self.routes.untested([batch.spec]):
            self._provisional.setdefault(batch.spec.id, set()).add(index)
        session.set_state(index, runs=session.state(index).runs | {run})
        document = self._documents.get(result.ref)
        if document is not None and document.shape_hw == result.raw.shape_hw:
            # what another view shows already need not come into the first one
            beside = any(pane.run == run for pane in session.view.panes)
            shown = session.view.run in (run, batch.replaces)
            self._put(document, result.raw, show=shown or not (beside or batch.replaces))
        elif result.found is not None and same_classes(result.schema, session.schema):
            self._scoring.record(index, run, result.found)
            session.notify(What.SCORES)
        elif result.found is not None or result.in_memory:  # in other classes, or let go since
            self._scoring.count_stored(index, run)
        batch.schema = session.schema
        if batch.replaces:
            self._replace(index, result.ref, batch.replaces, run)

    def _put(self, document: Document, raw: Prediction, *, show: bool) -> None:
        """Keep a prediction, as its model gave it, in its document."""
        session = self._session
        document.predictions[raw.run] = adapt(raw, session.schema)
        self._documents.trim()
        if document is session.document:
            if show:
                self.show(raw.run)
            session.notify(What.PREDICTIONS)
        self._scoring.count_document(document, [raw.run])

    def _finished(self, batch: Batch) -> None:
        project = self._session.project
        if project is not None and project.root == batch.files.project.root:
            self._tell_outcome(batch)
        in_force = effective_options(batch.spec, self._session.model.options)
        changed = not same_thresholds(batch.options, in_force)
        if changed and batch.spec.finds_objects:
            self._thresholds.apply()
        self._test_after(batch)

    def _tell_outcome(self, batch: Batch) -> None:
        if batch.job is not None and batch.job.cancelled and len(batch.images) > 1:
            self._notices.info(
                f"{batch.spec.title} was stopped after {batch.done} of {len(batch.images)} images."
            )
        about = f"images on which {batch.run} failed"
        if len(batch.images) > 1 and batch.done == len(batch.images):
            self._notices.settle(about)  # what was said of an earlier run
        if batch.failures:
            names = [f"{ref.title}: {why}" for ref, why in batch.failures]
            failed = [ref.title for ref, _ in batch.failures]
            total = len(batch.images)
            if total == 1:
                self._notices.failure(
                    batch.title, batch.failures[0][1], scope="image", image=batch.images[0].ref.path
                )
            else:
                self._notices.error(
                    f"{len(names)} of {total} images failed: {listed(failed)}.",
                    "The others are done.",
                    "\n".join(names),
                    about=about,
                )
        if batch.unsaved:
            self._notices.warning(
                f"{len(batch.unsaved)} predictions could not be kept on disk.",
                str(batch.unsaved[0]),
            )

    # -- what is there already ---------------------------------------------------------------

    def load_stored(self, document: Document) -> None:
        """Bring the predictions of a shown image that are on disk into its document."""
        files = self._folder.files
        if files is None:
            return
        self._choose_run(document)
        at, held = drawn_in(self._session), frozenset(document.predictions)
        ref, shape = document.ref, document.shape_hw

        def work(job: Job) -> list[Prediction]:
            found = []
            for run in files.predictions.runs_of_page(ref.path, ref.page, job.check) - held:
                job.check()
                found.append(files.predictions.load(ref.path, run, ref.page))
            return [at(p) for p in found if p is not None and p.shape_hw == shape]

        def done(found: list[Prediction]) -> None:
            if self._documents.get(document.ref) is not document:
                return
            for raw in found:
                if raw.run not in document.predictions:
                    self._schema.adopt(raw.schema)
                    self._put(document, raw, show=False)
            self._choose_run(document)

        self._jobs.submit(
            f"Reading predictions of {document.ref.title}",
            # without a digest all of a large file is read, which its next page need not wait for
            "files" if document.digest else "digests",
            work,
            done,
            key=f"stored:{document.ref.key}",
            visible=False,
        )

    def remove_prediction(self, run: str = "") -> None:
        """Remove a prediction of the open image, also from disk.

        Args:
            run: Its key; that of the view clicked on last if not named.
        """
        session, files = self._session, self._folder.files
        document = session.document
        run = run or session.view.scored_run
        if document is None or files is None or run not in document.predictions:
            return
        del document.predictions[run]
        self._scoring.forget(session.index, run)
        session.set_state(session.index, runs=session.state(session.index).runs - {run})
        if session.view.run == run:
            session.set_view(run=first_run(session, document))
            self._preferred = session.view.run
        ref = document.ref
        self._jobs.submit(
            "Removing a prediction",
            "save",
            lambda _job: files.predictions.remove(ref.path, run, ref.page),
            visible=False,
        )
        session.notify(What.PREDICTIONS | What.SCORES)


class _Models(NamedTuple):
    """Models as a job found them: by id, whose weights are on disk, what is known of routes."""

    specs: dict[str, ModelSpec]
    available: frozenset[str]
    routes: dict[str, RouteAnswer]
    own: ReadList


class _Thresholds:
    """Draws held predictions at the thresholds in force, or at those of their own run."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        documents: Documents,
        scoring: Scoring,
    ) -> None:
        self._session, self._jobs, self._clock = session, jobs, clock
        self._documents, self._scoring = documents, scoring
        self._cancel_recount: Cancel | None = None

    def apply(self) -> None:
        """Draw the instances of held predictions at the thresholds in force, the open image first.

        The folder's other images are counted again a moment after the last change.
        """
        at = drawn_in(self._session)
        current = self._session.document
        held = sorted(self._documents, key=lambda d: d is not current)
        pending = [(d, p) for d in held for p in d.predictions.values() if p.instances is not None]

        def work(job: Job) -> None:
            for document, old in pending:
                job.check()
                new = at(old)
                self._clock.post(lambda d=document, o=old, n=new: self._rethresholded(job, d, o, n))  # type: ignore[misc]

        self._jobs.submit("Applying thresholds", "scores", work, key="thresholds", front=True)
        if self._cancel_recount is not None:
            self._cancel_recount()
        self._cancel_recount = self._clock.call_later(_RECOUNT_AFTER_S, self._recount_instances)

    def _rethresholded(
        self, job: Job, document: Document, old: Prediction, new: Prediction
    ) -> None:
        if job.cancelled or document.predictions.get(old.run) is not old:
            return
        document.predictions[old.run] = new
        if document is self._session.document:
            self._session.notify(What.PREDICTIONS)
        self._scoring.count_document(document, [old.run])

    def _recount_instances(self) -> None:
        self._cancel_recount = None
        instance_runs = {
            run
            for state in self._session.states.values()
            for run in state.runs
            if self._is_instance_run(run)
        }
        if instance_runs:
            self._scoring.recount_runs(instance_runs)

    def _is_instance_run(self, run: str) -> bool:
        spec = self._session.models.get(model_of(run))
        return spec is not None and spec.finds_objects


def run_to_show(session: Session, document: Document, preferred: str) -> str:
    """What the user chose last; where it is missing a single view shows what there is.

    Of several views the first one stays with its model, so that each can be found again on the
    next image.

    Args:
        session: Tells what is shown, and which models there are.
        document: The open image.
        preferred: Key of the run that the user chose last, "" for none.
    """
    held, shown = document.predictions, session.view.run
    wanted = preferred or shown
    if wanted in held:
        return wanted
    known = model_of(wanted) in session.models
    if not held:
        chosen = session.models.get(session.model.chosen)
        if chosen is None or known or not shown:
            return wanted
        return run_key(chosen, session.model.options)  # the run that was shown is no more
    if known and session.view.panes:
        return wanted
    return shown if shown in held else first_run(session, document)


def first_run(session: Session, document: Document) -> str:
    """The chosen model's run, else the first one in the order of the models; "" for none."""
    order = [session.model.chosen, *session.models]

    def place(run: str) -> int:
        model = model_of(run)
        return order.index(model) if model in order else len(order)

    return min(document.predictions, key=place, default="")


def _covers(batch: Batch, indices: Sequence[int]) -> bool:
    """Whether a batch that goes on has all of some images among its own."""
    goes_on = batch.job is not None and not batch.job.cancelled
    return goes_on and {*indices} <= {image.index for image in batch.images}
