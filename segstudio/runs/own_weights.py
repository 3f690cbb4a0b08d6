"""The user's own weights in the window: opened, described, kept, found again, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Question, WeightsFile, parts_of
from segstudio.jobs import Job, JobRunner
from segstudio.models.hub_folder import NetworkFolderError
from segstudio.notices import Notices
from segstudio.runs.describing import channels_of
from segstudio.runs.engine import Engine
from segstudio.runs.kept_weights import (
    KeptWeights,
    free_id,
    free_title,
    kept_as,
    read_kept,
    same_content,
    write_kept,
)
from segstudio.session.session import Change, Session, What

_LANE: Final = "digests"
"""Files of weights are long; folders and images do not wait for them."""


@dataclass(frozen=True)
class ReadList:
    """The list as it was read.

    Attributes:
        entries: What is in it.
        here: Paths of the files that are there.
        damaged: What to say if it was damaged.
    """

    entries: tuple[KeptWeights, ...]
    here: frozenset[Path]
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class OpenedWeights:
    """A file of weights that was looked at.

    Attributes:
        entry: What is known of it, with the usual answers where nothing says otherwise.
        questions: What neither the file nor the shapes of its tensors tell.
        is_new: Whether it is not in the list yet.
        is_told: Whether the file itself or the user has said what it is.
        problem: Why it cannot run as it is described, "" if it can.
    """

    entry: KeptWeights
    questions: tuple[Question, ...] = ()
    is_new: bool = True
    is_told: bool = False
    problem: str = ""


class OwnWeights:
    """Files of weights that the user opened; they stay among `Session.models`.

    Attributes:
        ask: Shows the form that describes a file; without one the usual answers are taken.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, notices: Notices, file: Path, engine: Engine
    ) -> None:
        """Args (besides the parts it works with):
        file: Where the list is kept.
        engine: Looks at files.
        """
        self._session, self._jobs, self._notices = session, jobs, notices
        self._file, self._engine = file, engine
        self._kept: dict[str, KeptWeights] = {}
        self._here: set[Path] = set()
        self._was_read = False
        self.ask: Callable[[OpenedWeights], None] | None = None
        session.follow(What.PROJECT, self._on_project)

    # -- the list ----------------------------------------------------------------------------

    def read(self) -> ReadList:
        """The list on disk; may be called on any thread."""
        damaged: list[str] = []
        entries = tuple(read_kept(self._file, damaged.append))
        here = frozenset(e.path for e in entries if e.state != "missing")
        return ReadList(entries, here, tuple(damaged))

    def arrived(self, read: ReadList, models: dict[str, ModelSpec]) -> dict[str, ModelSpec]:
        """Take the list that was read, once; the models with those of the list.

        What was opened meanwhile comes after what is in the list.
        """
        if not self._was_read:
            self._was_read = True
            for text in read.damaged:
                self._notices.warning(text, scope="program")
            opened = self.entries()
            digests = {entry.file.sha256 for entry in opened}
            older = [entry for entry in read.entries if entry.file.sha256 not in digests]
            self._here |= {*read.here}
            self._kept = {}
            for entry in (*older, *opened):
                name = free_id(entry.spec.id, {*models, *self._kept})
                self._kept[name] = replace(entry, spec=replace(entry.spec, id=name))
        prompters = {i: e.spec for i, e in self._kept.items() if e.spec.task == "promptable"}
        self._session.prompters = {**self._session.prompters, **prompters}
        return {**models, **{i: e.spec for i, e in self._kept.items() if i not in prompters}}

    @property
    def here(self) -> frozenset[str]:
        """Ids of the models whose files were there when they were looked for last."""
        return frozenset(name for name, entry in self._kept.items() if entry.path in self._here)

    def entry(self, model_id: str) -> KeptWeights | None:
        """What is known of a file of the user's own; None for other models."""
        return self._kept.get(model_id)

    def entries(self) -> tuple[KeptWeights, ...]:
        """The whole list, in the order in which the files were opened."""
        return (*self._kept.values(),)

    def is_missing(self, model_id: str) -> bool:
        """Whether the model is a file of the user's own that is not where it was."""
        return model_id in self._kept and model_id not in self._session.model.available

    # -- opening -----------------------------------------------------------------------------

    def open(self, path: Path | str) -> None:
        """Look at a file; a known one is chosen, an unknown one described and kept."""
        file = Path(path)
        kept = self.entries()

        def done(opened: OpenedWeights) -> None:
            if opened.is_told or self.ask is None:
                self.take(opened)
            else:
                self.ask(opened)

        self._jobs.submit(
            f"Reading {file.name}",
            _LANE,
            lambda job: _opened(file, kept, self._engine, job),
            done,
            key=f"open-weights:{file}",
            front=True,
        )

    def open_instead(self, error: Exception) -> bool:
        """Open the network of a folder that was opened for its images; False for other errors."""
        if not isinstance(error, NetworkFolderError):
            return False
        self.open(error.folder)
        return True

    def _on_project(self, _change: Change) -> None:
        """Offer the network that lies beside the images of a folder."""
        project = self._session.project
        network = None if project is None else project.network
        if project is None or network is None:
            return
        self._notices.info(
            f"{project.name} has a network besides its images.",
            action=("Open the network", lambda: self.open(network)),
        )

    def take(self, opened: OpenedWeights) -> str:
        """Keep a file as it is described, and choose its model; returns the model's id."""
        entry = opened.entry
        old = same_content(self.entries(), entry.file.sha256)
        if old is None and opened.is_new:
            models = {**self._session.models, **self._session.prompters}
            name = free_id(entry.spec.id, models)
            title = free_title(entry.spec.title, [spec.title for spec in models.values()])
            entry = replace(entry, spec=replace(entry.spec, id=name, title=title))
        elif old is not None:
            entry = replace(entry, spec=replace(entry.spec, id=old.spec.id))
        self._put([entry], chosen=entry.spec.id)
        said = f"{entry.spec.title} is ready to run."
        if entry.spec.task == "promptable":
            said = f"{entry.spec.title} is ready for the tool Point and box."
            self._notices.info(said, scope="program")
        elif opened.problem:
            self._notices.warning(opened.problem, scope="program")
        elif self.ask is None or not opened.is_told:
            self._notices.info(said, scope="program")
        else:
            change = ("Change…", lambda: self.describe_again(entry.spec.id))
            self._notices.info(said, scope="program", action=change)
        return entry.spec.id

    def describe_again(self, model_id: str) -> None:
        """Show the form of a file that is in the list."""
        entry, ask = self._kept.get(model_id), self.ask
        if entry is None or ask is None:
            return

        def work(job: Job) -> OpenedWeights:
            if entry.state == "missing":
                problem = f"{entry.path} is not there any more."
                return OpenedWeights(entry, is_new=False, is_told=True, problem=problem)
            found = self._engine.examine(entry.path, job.check)
            fresh = replace(entry, tensors=found.tensors or entry.tensors)
            return OpenedWeights(fresh, found.spec.questions, False, True, found.problem)

        def done(opened: OpenedWeights) -> None:
            ask(opened)

        self._jobs.submit(
            f"Reading {entry.path.name}", _LANE, work, done, key=f"describe:{model_id}", front=True
        )

    def read_again(self, opened: OpenedWeights) -> None:
        """Show the form of a file that was written anew while it was described.

        What was said holds as far as it fits the new tensors.
        """
        entry, ask = opened.entry, self.ask

        def work(job: Job) -> OpenedWeights:
            found = self._engine.examine(entry.path, job.check)
            fresh = kept_as(found.spec, job.check, found.tensors)
            now = _renewed(entry, fresh, found.spec.questions)
            told = f"{entry.path.name} was written anew meanwhile; look whether all still holds."
            problem = " ".join(filter(None, (told, found.problem)))
            return replace(opened, entry=now, questions=found.spec.questions, problem=problem)

        def done(now: OpenedWeights) -> None:
            if ask is not None:
                ask(now)

        self._jobs.submit(
            f"Reading {entry.path.name}",
            _LANE,
            work,
            done,
            key=f"open-weights:{entry.path}",
            front=True,
        )

    # -- managing ----------------------------------------------------------------------------

    def describe(self, model_id: str, spec: ModelSpec) -> None:
        """Say anew what a file in the list is; what was predicted before stays as it was.

        Raises:
            SegstudioError: for an empty or taken name.
        """
        title = spec.title.strip()
        problem = self.title_problem(model_id, title)
        if problem:
            raise SegstudioError(problem, "Give another name.")
        entry = self._kept[model_id]
        said = replace(spec, id=model_id, title=title, weights=entry.spec.weights)
        if said != entry.spec:
            self._put([replace(entry, spec=said)])

    def rename(self, model_id: str, title: str) -> None:
        """Give a model another name.

        Raises:
            SegstudioError: for an empty or taken name.
        """
        self.describe(model_id, replace(self._kept[model_id].spec, title=title))

    def title_problem(self, model_id: str, title: str) -> str:
        """Why a model cannot have a name, "" if it can."""
        if not title.strip():
            return "The model needs a name."
        known = {**self._session.models, **self._session.prompters}
        others = (spec for i, spec in known.items() if i != model_id)
        if any(spec.title.casefold() == title.strip().casefold() for spec in others):
            return f"There is a model called {title.strip()} already."
        return ""

    def remove(self, model_id: str) -> Callable[[], None]:
        """Take a model off the list; its file and its predictions stay on disk.

        Returns:
            What brings it back.

        Raises:
            SegstudioError: if it is none of the user's own, or named runs are made of it.
        """
        entry, session = self._kept.get(model_id), self._session
        if entry is None:
            raise SegstudioError(
                "Only weights of your own can be taken off the list.", "Choose one of yours."
            )
        users = [
            spec.title
            for spec in session.models.values()
            if spec.made_of is not None and any(part.id == model_id for part in parts_of(spec))
        ]
        if users:
            raise SegstudioError(
                f"{entry.spec.title} is part of {', '.join(users)}.", "Remove that run first."
            )
        del self._kept[model_id]
        session.models = {i: spec for i, spec in session.models.items() if i != model_id}
        session.prompters = {i: spec for i, spec in session.prompters.items() if i != model_id}
        model = session.model
        chosen = model.chosen
        if chosen == model_id:
            first = (i for i in session.models if i in model.available)
            chosen = next(first, next(iter(session.models), ""))
        session.model = replace(model, chosen=chosen, available=model.available - {model_id})
        self._save()
        session.notify(What.MODELS)

        def bring_back() -> None:
            self._kept[model_id] = entry
            self._save()
            self._show(model_id)

        return bring_back

    def find(self, model_id: str, path: Path) -> None:
        """Take the place where the file of a missing model lies now.

        Another file is refused: what was said of the one need not hold for the other.
        """
        entry = self._kept[model_id]

        def work(job: Job) -> KeptWeights:
            resolved = path.expanduser().resolve()
            found = kept_as(_at(entry.spec, resolved), job.check)
            if found.file.sha256 != entry.file.sha256:
                raise SegstudioError(
                    f"{path.name} is not the file that {entry.spec.title} was: its content differs.",
                    "Choose another file, or open this one as a model of its own (Model menu).",
                )
            return entry.at(resolved)

        def done(found: KeptWeights) -> None:
            self._put([found], chosen=model_id)
            self._notices.info(f"{found.spec.title} is ready to run.", scope="program")

        self._jobs.submit(f"Reading {path.name}", _LANE, work, done, front=True)

    # -- files that change ---------------------------------------------------------------------

    def look_again(self, then: Callable[[], None] | None = None) -> None:
        """Read files that were written anew, and note those that went or came back.

        Args:
            then: Called when that is done.
        """
        kept = self.entries()
        if not kept:
            if then is not None:
                then()
            return

        def done(found: _Looked) -> None:
            self._take_looked(found, kept)
            if then is not None:
                then()

        def work(job: Job) -> _Looked:
            return _looked_at(kept, self._engine, job)

        self._jobs.submit(
            "Looking for changed weights", _LANE, work, done, key="look-at-weights", visible=False
        )

    def _take_looked(self, found: _Looked, kept: Sequence[KeptWeights]) -> None:
        # only of those that were looked for: others may have been opened or found meanwhile
        here = self._here - {entry.path for entry in kept} | found.here
        if self._here != here:
            self._here = here
            self._show()
        changed = [e for e in found.changed if self._kept.get(e.spec.id) in kept]
        if changed:
            self._put(changed)
        for text in found.told:
            self._notices.info(text, scope="program")

    def has_changed(self, model: ModelSpec) -> bool:
        """Whether one of the files that a model is made of was written anew since it was read."""
        entries = (self._kept.get(part.id) for part in parts_of(model))
        return any(entry is not None and entry.state == "changed" for entry in entries)

    def _put(self, entries: Sequence[KeptWeights], chosen: str = "") -> None:
        """Keep entries whose files are there, and show their models."""
        for entry in entries:
            self._kept[entry.spec.id] = entry
            if entry.state != "missing":
                self._here.add(entry.path)
        self._save()
        self._show(chosen)

    def _show(self, chosen: str = "") -> None:
        session, here = self._session, self.here
        kept = {i: entry.spec for i, entry in self._kept.items()}
        prompters = {i: spec for i, spec in kept.items() if spec.task == "promptable"}
        models = {i: spec for i, spec in kept.items() if i not in prompters}
        session.models = {**session.models, **models}
        session.prompters = {**session.prompters, **prompters}
        if chosen in prompters:
            session.prompting, chosen = replace(session.prompting, chosen=chosen), ""
        model = session.model
        available = (model.available - self._kept.keys()) | here
        session.model = replace(model, chosen=chosen or model.chosen, available=available)
        session.notify(What.MODELS)

    def _save(self) -> None:
        kept, is_whole = self.entries(), self._was_read

        def work(_job: Job) -> list[str]:
            damaged: list[str] = []
            older = [] if is_whole else read_kept(self._file, damaged.append)
            digests = {entry.file.sha256 for entry in kept}
            write_kept(self._file, [*(e for e in older if e.file.sha256 not in digests), *kept])
            return damaged

        def done(damaged: list[str]) -> None:
            for text in damaged:
                self._notices.warning(text, scope="program")

        self._jobs.submit("Keeping the list of weights", "save", work, done, visible=False)


def _opened(path: Path, kept: Iterable[KeptWeights], engine: Engine, job: Job) -> OpenedWeights:
    """Look at a file: known by its content, or examined."""
    path = path.expanduser().resolve()
    entries = [*kept]
    here = next((e for e in entries if e.path == path and e.state == "here"), None)
    if here is not None:
        return OpenedWeights(here, is_new=False, is_told=True)
    if path.is_file() and entries:  # a folder's weights are found when it is examined
        digest = kept_as(_at(entries[0].spec, path), job.check).file.sha256
        known = same_content(entries, digest)
        if known is not None:
            return OpenedWeights(known.at(path), is_new=False, is_told=True)
    found = engine.examine(path, job.check)
    entry = kept_as(found.spec, job.check, found.tensors)
    before = next((e for e in entries if e.path == path), None)
    if before is not None:
        entry = _renewed(before, entry, found.spec.questions)
        return OpenedWeights(entry, found.spec.questions, False, True, found.problem)
    return OpenedWeights(entry, found.spec.questions, True, found.is_told, found.problem)


@dataclass(frozen=True)
class _Looked:
    """Files that were looked for: those that changed, where files are, what to say."""

    changed: tuple[KeptWeights, ...]
    here: frozenset[Path]
    told: tuple[str, ...]


def _looked_at(kept: Iterable[KeptWeights], engine: Engine, job: Job) -> _Looked:
    changed, here, told = [], set(), []
    for entry in kept:
        job.check()
        state = entry.state
        if state != "missing":
            here.add(entry.path)
        if state == "changed":
            try:
                found = engine.examine(entry.path, job.check)
                new = kept_as(found.spec, job.check, found.tensors)
            except SegstudioError:
                continue  # it is being written, or holds weights no more: running it says so
            changed.append(_renewed(entry, new, found.spec.questions))
            if new.file.sha256 != entry.file.sha256:
                told.append(f"{entry.path.name} was written anew; {entry.spec.title} runs it now.")
    return _Looked(tuple(changed), frozenset(here), tuple(told))


def _renewed(before: KeptWeights, now: KeptWeights, questions: Sequence[Question]) -> KeptWeights:
    """A file that was written anew: what was said of it holds as far as it fits the new tensors."""
    if now.file.sha256 == before.file.sha256:
        return replace(before.at(now.path), tensors=now.tensors)
    old, new = before.spec, now.spec
    spec = replace(new, id=old.id, title=old.title, description=old.description)
    if (old.builder, old.task) == (new.builder, new.task):
        answers = {q.option: old.options[q.option] for q in questions if q.option in old.options}
        spec = replace(spec, options={**new.options, **answers})
        if channels_of(old.preprocess) == channels_of(new.preprocess):
            divisor = {"divisor": new.preprocess["divisor"]} if "divisor" in new.preprocess else {}
            spec = replace(spec, preprocess={**old.preprocess, **divisor})
        if len(old.schema.classes) == len(new.schema.classes):
            spec = replace(spec, schema=old.schema, output=old.output)
    return replace(now, spec=spec)


def _at(spec: ModelSpec, path: Path) -> ModelSpec:
    """A model whose file is another one, of which nothing is known yet."""
    return replace(spec, weights=WeightsFile(str(path)))
