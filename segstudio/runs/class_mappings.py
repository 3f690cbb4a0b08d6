"""Which class of the folder each class of a model counts as: choosing it, and following it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.class_mapping import (
    ClassMapping,
    asked_of,
    is_scored,
    is_unsaid,
    mapping_digest,
    targets_of,
)
from segstudio.core.class_names import guess, key_of
from segstudio.core.class_rules import ClassRule, Names, Unmapped
from segstudio.core.prediction import Prediction
from segstudio.core.schema import Color, LabelSchema
from segstudio.folder.documents import Documents
from segstudio.folder.files import OpenFolder
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.batch import drawn_in, model_of
from segstudio.runs.scoring import Scoring
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What

_ASKED = "what a model's only object is"


@dataclass(frozen=True)
class MappingRow:
    """One class of a model, and the folder's class that it counts as.

    Attributes:
        class_id: The model's class.
        name: Its name.
        color: Its colour.
        target: The folder's class id, or None without a counterpart.
        guessed: What the names say it should be.
    """

    class_id: int
    name: str
    color: Color
    target: int | None
    guessed: int | None


@dataclass(frozen=True)
class MappingTable:
    """How one model's classes are read in the folder.

    Attributes:
        rows: The model's classes, by id.
        unmapped: What becomes of those without a counterpart.
        chosen: Whether the user chose it; else it is guessed.
        is_scored: Whether figures are made of the model; else the user is to say what it finds.
    """

    rows: tuple[MappingRow, ...]
    unmapped: Unmapped
    chosen: bool
    is_scored: bool


@dataclass(frozen=True, eq=False)
class _Reread:
    """A held prediction, and what it is in the classes in force; None if it is not on disk."""

    document: Document
    old: Prediction
    mapped: Prediction | None


class ClassMappings:
    """Changes the folder's class rules, and keeps what is shown and counted true to them.

    Predictions are stored in their model's own classes, so no model runs again.

    Attributes:
        ask_mapping: Asks the user what a model's classes count as; gets its id.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
        schema: SchemaKeeper,
        scoring: Scoring,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._documents, self._folder = documents, folder
        self._schema, self._scoring = schema, scoring
        self.ask_mapping: Callable[[str], None] = lambda _model_id: None
        self._before = session.schema
        self._stale: dict[tuple[Document, str], Prediction] = {}
        self._warned: set[tuple[Path, Names]] = set()
        session.follow(What.SCHEMA, self._on_schema)
        session.follow(What.PREDICTIONS, self._on_predictions)

    def table(self, model_id: str) -> MappingTable | None:
        """How a model's classes are read now; None if there is no such model."""
        spec = self._session.models.get(model_id)
        return None if spec is None else self._table(spec.schema)

    def set(
        self, model_id: str, targets: Mapping[int, int | None], unmapped: Unmapped = "background"
    ) -> None:
        """Say what a model's classes count as; holds for all models with the same classes.

        Args:
            model_id: The model.
            targets: The folder's class id by the model's; None (or missing) without one.
            unmapped: What becomes of the classes without one.
        """
        spec = self._session.models.get(model_id)
        if spec is None:
            return
        folder, model = self._session.schema, spec.schema
        rule = ClassRule.of(model.names, targets, unmapped)
        usual = ClassRule.of(model.names, guess(model, folder), "background")
        if rule == usual and not is_unsaid(model, folder.without_rule(model)):
            self._apply(folder.without_rule(model))
        else:
            self._apply(folder.with_rule(rule))

    def confirm(self, model_id: str) -> None:
        """Say that a model's only object is the folder's only one, so that it is scored."""
        spec = self._session.models.get(model_id)
        if spec is not None:
            self.set(model_id, guess(spec.schema, self._session.schema))

    def deny(self, model_id: str) -> None:
        """Say that a model's only object is none of the folder's, so that it stays unscored."""
        spec = self._session.models.get(model_id)
        if spec is not None:
            self._deny(spec.schema)

    def reset(self, model_id: str) -> None:
        """Go back to what the names say."""
        spec = self._session.models.get(model_id)
        if spec is not None:
            self._apply(self._session.schema.without_rule(spec.schema))

    def _table(self, model: LabelSchema) -> MappingTable:
        folder = self._session.schema
        targets, unmapped = targets_of(model, folder)
        guesses, unsaid = guess(model, folder), is_unsaid(model, folder)
        rows = tuple(
            MappingRow(
                c.id,
                c.name,
                c.color,
                None if unsaid and key_of(c.name) != "background" else targets[c.id],
                guesses[c.id],
            )
            for c in model.classes
        )
        chosen = folder.rule_for(model) is not None
        return MappingTable(rows, unmapped, chosen, is_scored(model, folder))

    # -- what follows from a rule ------------------------------------------------------------

    def _apply(self, schema: LabelSchema) -> None:
        self._schema.set(schema, by=self)
        self._follow(self._take_note())

    def _on_schema(self, change: Change) -> None:
        before = self._take_note()
        if What.PROJECT not in change.what:
            self._follow(before)

    def _on_predictions(self, _change: Change) -> None:
        self._warn()

    def _take_note(self) -> LabelSchema:
        """Remember the classes in force; returns those before. A question is answered by a rule."""
        before, self._before = self._before, self._session.schema
        if before.rules != self._before.rules:
            self._notices.settle(_ASKED)
        return before

    def _warn(self) -> None:
        """Ask, once for each set of classes, what a model that is not scored counts as here."""
        session, document = self._session, self._session.document
        if document is None or session.project is None:
            return
        for prediction in document.predictions.values():
            model, folder = prediction.schema, session.schema
            key = (session.project.root, model.names)
            if key in self._warned or folder.rule_for(model) is not None:
                continue
            self._warned.add(key)
            asked = asked_of(model, folder)
            if asked is not None:
                self._ask(prediction, *asked)
            elif self._schema.is_adopted() and None in guess(model, folder).values():
                self._offer(prediction)
            elif not is_scored(model, folder):
                self._tell_foreign(prediction)

    def _tell_foreign(self, prediction: Prediction) -> None:
        run = prediction.run
        self._notices.warning(
            f"None of the classes of {prediction.title} is one of the folder's.",
            "Say what they count as in Evaluation > Class mapping; until then, it is not scored.",
            action=("Map its classes…", lambda: self.ask_mapping(model_of(run))),
        )

    def _offer(self, prediction: Prediction) -> None:
        """Offer a model's classes where the folder has only those of one that ran before."""
        model = prediction.schema
        self._notices.question(
            f"Not all classes of {prediction.title} are shown: the folder has those of another model.",
            "Nothing is annotated yet, so that they can be replaced.",
            (f"Use those of {prediction.title}", lambda: self._schema.adopt_instead(model)),
        )

    def _ask(self, prediction: Prediction, name: str, counterpart: str) -> None:
        """Ask whether a model's only object is the folder's only one, which has no name."""
        model = prediction.schema
        guesses = guess(model, self._session.schema)
        self._notices.question(
            f"Is \u201c{counterpart}\u201d of this folder a {name}?",
            f"Until you say so, {prediction.title} is shown but not scored.",
            (f"Yes, score {name} as {counterpart}", lambda: self._rule(model, guesses)),
            ("No", lambda: self._deny(model)),
            about=_ASKED,
        )

    def _deny(self, model: LabelSchema) -> None:
        guesses = guess(model, self._session.schema)
        self._rule(
            model, {c.id: guesses[c.id] for c in model.classes if key_of(c.name) == "background"}
        )

    def _rule(self, model: LabelSchema, targets: dict[int, int | None]) -> None:
        self._apply(self._session.schema.with_rule(ClassRule.of(model.names, targets)))

    def _follow(self, before: LabelSchema) -> None:
        """Go on after the classes changed.

        The order: which predictions are read in another way now -> their counts are forgotten ->
        those that are held are brought from disk, shown, and counted; meanwhile those that are not
        held are counted from the files.
        """
        now = self._session.schema
        if before == now:
            return

        def moved(model: LabelSchema) -> bool:
            return mapping_digest(model, before) != mapping_digest(model, now)

        session = self._session
        stale = {
            (document, run): prediction
            for document in sorted(self._documents, key=lambda d: d is not session.document)
            for run, prediction in document.predictions.items()
            if moved(prediction.schema)
        }
        self._stale.update(stale)
        runs = {run for state in session.states.values() for run in state.runs}
        models = {run: session.models.get(model_of(run)) for run in runs}
        changed = {run for run, spec in models.items() if spec is not None and moved(spec.schema)}
        changed |= {run for _, run in stale}
        counted = [(index, run) for index, run in session.counts if run in changed]
        for index, run in counted:
            self._scoring.forget(index, run)
        if changed:
            session.notify(What.SCORES)
        if stale:
            self._read_again()
        if changed:
            self._scoring.count_missing()

    def _read_again(self) -> None:
        """Bring what is stale from disk; a later change of the classes starts over."""
        session, files = self._session, self._folder.files
        if files is None:
            return
        at, options = drawn_in(session), session.model.options
        schema, stale = session.schema, dict(self._stale)

        def work(job: Job) -> list[_Reread]:
            found = []
            for (document, run), old in stale.items():
                job.check()
                raw = files.predictions.load(document.ref.path, run, document.ref.page)
                mapped = None
                if raw is not None and raw.shape_hw == document.shape_hw:
                    mapped = ClassMapping.between(raw.schema, schema).apply(at(raw))
                found.append(_Reread(document, old, mapped))
            return found

        def done(found: list[_Reread]) -> None:
            if options != session.model.options:
                self._read_again()  # other thresholds meanwhile
                return
            self._stale.clear()
            if files is self._folder.files:
                self._put(found)

        self._jobs.submit(
            "Applying the class mapping", "scores", work, done, key="class-mapping", front=True
        )

    def _put(self, found: list[_Reread]) -> None:
        lost = []
        for item in found:
            document, run = item.document, item.old.run
            if document.predictions.get(run) is not item.old:
                continue  # run again meanwhile, in the classes in force
            if item.mapped is None:
                lost.append(item.old.title)
                del document.predictions[run]
                continue
            document.predictions[run] = item.mapped
            self._scoring.count_document(document, [run])
        self._session.notify(What.PREDICTIONS, by=self)
        self._warn()
        if lost:
            self._notices.warning(
                f"{', '.join(dict.fromkeys(lost))} must be run again for the class mapping.",
                "The answer was not kept on disk.",
            )
