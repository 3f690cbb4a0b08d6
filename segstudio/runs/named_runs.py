"""Named runs: a model with options of its own, or several models together, as a model like others."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from segstudio.core.class_mapping import class_difference, ids_by_name
from segstudio.core.errors import SegstudioError
from segstudio.core.ground import JoinedClasses
from segstudio.core.prediction import (
    Ensemble,
    EnsembleMethod,
    ModelSpec,
    Variant,
    parts_of,
    reads_stored,
)
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.batch import model_of
from segstudio.runs.engine import Engine
from segstudio.session.session import Change, Session, What
from segstudio.storage.damaged import Tell, not_told
from segstudio.storage.run_definitions import (
    RunDefinition,
    read_definitions,
    write_definitions,
)

VARIABLE: Final = ("score_threshold", "mask_threshold", "input_scale", "flips", "scales", "tile_px")
"""The options that a variant may set."""
_WORDS: Final = {
    "score_threshold": "score threshold {:g}",
    "mask_threshold": "mask threshold {:g}",
    "input_scale": "input {:g} x",
    "tile_px": "tiles of {} px",
}
_OF_NAMED: Final = "+"
"""Stands in the ids of named runs and in no others."""
_SCALES: Final = (0.1, 4.0)
_log = logging.getLogger(__name__)


class NamedRuns:
    """Makes, keeps and forgets named runs; they appear among `Session.models`."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        file: Path,
        engine: Engine,
        wanted: str = "",
    ) -> None:
        """Args (besides the parts it works with):
        file: Where the runs are kept.
        engine: Reads the files of weights that runs are made of.
        wanted: Id of the model chosen last time; chosen again if it is a named run.
        """
        self._session, self._jobs, self._notices, self._file = session, jobs, notices, file
        self._engine, self._wanted, self._stand_in = engine, wanted, ""
        self._definitions: list[RunDefinition] | None = None
        self._own: dict[str, ModelSpec] = {}
        session.follow(What.MODELS, self._on_models)

    def add_variant(self, title: str, base: str, **overrides: Any) -> str:
        """Add a model run with options of its own; returns its id.

        Args:
            title: Its name.
            base: Id of the model.
            overrides: Fields of `core.prediction.RunOptions` named in `VARIABLE`.

        Raises:
            SegstudioError: for an empty or taken name, or options that make no sense.
        """
        self._check_title(title)
        changes = _checked(overrides)
        digest = hashlib.blake2b(
            json.dumps(changes, sort_keys=True).encode(), digest_size=3
        ).hexdigest()
        run = f"{base}{_OF_NAMED}{_slug(title)}-{digest}"
        return self._add(RunDefinition(run, title.strip(), "variant", (base,), changes))

    def add_ensemble(
        self, title: str, members: Sequence[str], method: EnsembleMethod = "mean"
    ) -> str:
        """Add models that answer together; returns the id.

        Args:
            title: Its name.
            members: Ids of at least two models that tell the same classes apart; for "panoptic"
                of one that finds objects and one that labels pixels.
            method: "mean" of the probabilities, majority "vote" (a tie goes to the lower id), or
                "panoptic": objects over classes.

        Raises:
            SegstudioError: for an empty or taken name, or models that do not fit together.
        """
        self._check_title(title)
        if len(set(members)) < 2:
            raise SegstudioError("An ensemble needs two models or more.", "Choose another model.")
        digest = hashlib.blake2b("|".join(members).encode(), digest_size=3).hexdigest()
        run = f"{method}{_OF_NAMED}{_slug(title)}-{digest}"
        return self._add(
            RunDefinition(run, title.strip(), "ensemble", tuple(members), method=method)
        )

    def remove(self, run: str) -> Callable[[], None]:
        """Forget a named run; its predictions stay on disk.

        Returns:
            What brings it back.

        Raises:
            SegstudioError: if there is none of this id, or others are made of it.
        """
        definitions = self._definitions or []
        removed = next((entry for entry in definitions if entry.id == run), None)
        if removed is None:
            raise SegstudioError("Only named runs can be removed.", "Choose one of yours.")
        users = [entry.title for entry in definitions if run in entry.members]
        if users:
            raise SegstudioError(
                f"{removed.title} is part of {', '.join(users)}.", "Remove that run first."
            )
        definition = removed
        session = self._session
        self._definitions = [entry for entry in definitions if entry is not removed]
        session.models = {key: spec for key, spec in session.models.items() if key != run}
        chosen = session.model.chosen
        if chosen == run:
            # the model that it is a variant of, or else the first one
            chosen = next(
                iter([*(m for m in definition.members if m in session.models), *session.models]), ""
            )
        available = session.model.available - {run}
        session.model = replace(session.model, chosen=chosen, available=available)
        self._keep()
        session.notify(What.MODELS, by=self)
        self._note_choice()

        def bring_back() -> None:
            self._add(definition)

        return bring_back

    def is_named(self, run: str) -> bool:
        """Whether a model is a named run."""
        return any(entry.id == run for entry in self._definitions or [])

    def _add(self, definition: RunDefinition) -> str:
        definition = replace(definition, files=self._files(definition))
        spec = _spec_of(definition, self._session.models, self._own)
        if spec is None:
            raise SegstudioError(
                "One of the models is not there any more.", "Choose among those in the list."
            )
        self._definitions = [
            *(entry for entry in self._definitions or [] if entry.id != definition.id),
            definition,
        ]
        self._show([spec])
        self._keep()
        return definition.id

    def _check_title(self, title: str) -> None:
        name = title.strip()
        if not name:
            raise SegstudioError("The run needs a name.", "Give it one that tells it apart.")
        if any(spec.title.casefold() == name.casefold() for spec in self._session.models.values()):
            raise SegstudioError(f"There is a model called {name} already.", "Give another name.")

    def _show(self, specs: Sequence[ModelSpec]) -> None:
        session = self._session
        session.models = {**session.models, **{spec.id: spec for spec in specs}}
        available = session.model.available
        ready = {spec.id for spec in specs if self._is_ready(spec)}
        chosen = session.model.chosen
        if self._wanted in session.models and chosen in ("", self._stand_in):
            chosen, self._wanted = self._wanted, ""
        session.model = replace(
            session.model, chosen=chosen, available=available - {spec.id for spec in specs} | ready
        )
        session.notify(What.MODELS, by=self)

    def _is_ready(self, spec: ModelSpec) -> bool:
        """Whether all weights that a run is made of are on disk; files not listed were read."""
        session = self._session
        return all(
            part.id in session.model.available or (part.own_file and part.id not in session.models)
            for part in parts_of(spec)
        )

    def _files(self, definition: RunDefinition) -> dict[str, str]:
        """The weights of the members that are files of the user's own, by id."""
        members = (self._session.models.get(name) for name in definition.members)
        own = {spec.id: spec for spec in members if spec is not None and spec.own_file}
        self._own.update({spec.own_file: spec for spec in own.values()})
        return {**definition.files, **{name: spec.own_file for name, spec in own.items()}}

    def _note_choice(self) -> None:
        if self._definitions is not None and self._session.model.chosen != self._stand_in:
            self._wanted = ""  # the user has chosen since

    def _on_models(self, _change: Change) -> None:
        """Read the file once the models are known; later follow what models are made of."""
        self._note_choice()
        self._follow_parts()
        if self._definitions is None and self._session.models:
            self._definitions = []
            self._stand_in = self._session.model.chosen
            self._jobs.submit(
                "Reading the named runs",
                "files",
                self._read,
                self._arrived,
                visible=False,
            )

    def _follow_parts(self) -> None:
        """Make those anew whose model is described in another way now, or came or went."""
        models, available = self._session.models, self._session.model.available
        shown = [entry for entry in self._definitions or [] if entry.id in models]
        made = [_quiet_spec(entry, models, self._own) for entry in shown]
        changed = [
            spec
            for spec in made
            if spec is not None
            and (spec != models[spec.id] or self._is_ready(spec) != (spec.id in available))
        ]
        if changed:
            self._show(changed)

    def _read(self, _job: Job) -> tuple[list[RunDefinition], list[str]]:
        damaged: list[str] = []
        return read_definitions(self._file, damaged.append), damaged

    def _arrived(self, read: tuple[list[RunDefinition], list[str]]) -> None:
        found, damaged = read
        for text in damaged:
            self._notices.warning(text, scope="program")
        known = {entry.id for entry in self._definitions or []}
        self._definitions = [
            *(entry for entry in found if entry.id not in known),
            *(self._definitions or []),
        ]
        self._show_all(found)
        self._read_files(found)

    def _read_files(self, found: list[RunDefinition]) -> None:
        """Read the files of weights that runs are made of, then show those runs."""
        missing = [entry for entry in found if entry.id not in self._session.models]
        paths = {path for entry in missing for path in entry.files.values()} - self._own.keys()
        if not paths:
            return

        def work(job: Job) -> dict[str, ModelSpec]:
            return _specs_in(sorted(paths), self._engine, job.check)

        def done(own: dict[str, ModelSpec]) -> None:
            self._own.update(own)
            kept = {entry.id for entry in self._definitions or []}
            self._show_all([entry for entry in found if entry.id in kept])

        self._jobs.submit("Reading the named runs' weights", "model", work, done, visible=False)

    def _show_all(self, found: list[RunDefinition]) -> None:
        specs = _specs_of(found, self._session.models, self._own)
        if specs:
            self._show(specs)

    def _keep(self) -> None:
        definitions = list(self._definitions or [])

        def work(_job: Job) -> None:
            write_definitions(self._file, definitions)

        self._jobs.submit("Keeping the named runs", "save", work, visible=False)


def with_named_runs(
    models: Mapping[str, ModelSpec], file: Path, engine: Engine, tell: Tell = not_told
) -> dict[str, ModelSpec]:
    """The models and the named runs that are kept in a file, for programs without a window.

    Args:
        models: By id.
        file: Where the runs are kept; it may be missing.
        engine: Reads the files of weights that runs are made of.
        tell: Told if the file is damaged.
    """
    found = read_definitions(file, tell)
    paths = {path for definition in found for path in definition.files.values()}
    own = _specs_in(sorted(paths), engine, lambda: None)
    return {**models, **{spec.id: spec for spec in _specs_of(found, models, own)}}


def _specs_in(
    paths: Iterable[str], engine: Engine, check: Callable[[], None]
) -> dict[str, ModelSpec]:
    """The models in files of weights, by path; those that cannot be read are left out."""
    own = {}
    for path in paths:
        check()
        try:
            own[path] = engine.spec_from_weights(Path(path))
        except SegstudioError as error:
            _log.warning("%s: %s", path, error)
    return own


def _specs_of(
    found: Sequence[RunDefinition], models: Mapping[str, ModelSpec], own: Mapping[str, ModelSpec]
) -> list[ModelSpec]:
    """The models that definitions describe; those of which a model is not there are left out.

    Args:
        found: The definitions; one may be made of another that comes later.
        models: The models that there are, by id.
        own: Those from files of weights, by path.
    """
    known = dict(models)
    made: list[ModelSpec] = []
    waiting = [entry for entry in found if entry.id not in known]
    while True:
        specs = [_quiet_spec(entry, known, own) for entry in waiting]
        new = [spec for spec in specs if spec is not None]
        if not new:
            return made
        made += new
        known |= {spec.id: spec for spec in new}
        waiting = [entry for entry, spec in zip(waiting, specs, strict=True) if spec is None]


def _quiet_spec(
    definition: RunDefinition, models: Mapping[str, ModelSpec], own: Mapping[str, ModelSpec]
) -> ModelSpec | None:
    try:
        _checked(definition.overrides)
        return _spec_of(definition, models, own)
    except SegstudioError as error:
        _log.warning("The named run %s is passed over: %s", definition.title, error)
        return None


def _spec_of(
    definition: RunDefinition, models: Mapping[str, ModelSpec], own: Mapping[str, ModelSpec]
) -> ModelSpec | None:
    """The model that a definition describes; None if one of its models is not there.

    Raises:
        SegstudioError: if the models of an ensemble do not tell the same classes apart, or some read
            colours and others stored channels.
    """
    # what the list of models says of a file is newer than what was read for this run
    of_files = {
        name: own[path]
        for name, path in definition.files.items()
        if path in own and name not in models
    }
    known = {**models, **of_files}
    members = tuple(known[name] for name in definition.members if name in known)
    if len(members) < len(definition.members):
        return None
    first = members[0]
    if definition.kind == "variant":
        return replace(
            first,
            id=definition.id,
            title=definition.title,
            description=f"{first.title} with {described(definition.overrides)}.",
            embedded=False,
            metrics={},
            made_of=Variant(first, definition.overrides),
        )
    by_number = [member.title for member in members if reads_stored(member)]
    if by_number and len(by_number) < len(members):
        colours = next(member.title for member in members if not reads_stored(member))
        raise SegstudioError(
            f"{by_number[0]} reads channels by number, {colours} reads colours.",
            "Choose models that read the same of an image.",
        )
    if definition.method == "panoptic":
        return _panoptic(definition, members)
    for member in members:
        if ids_by_name(first.schema, member.schema) is None:
            titles = (first.title, member.title)
            difference = class_difference(first.schema, member.schema, titles)
            raise SegstudioError(
                f"These models do not tell the same classes apart: {difference}.",
                "Choose models with the same classes, or give classes that mean the same one name "
                "(Model > Name and describe weights…).",
            )
    how = "Mean of the probabilities" if definition.method == "mean" else "Majority vote"
    return ModelSpec(
        definition.id,
        definition.title,
        "ensemble",
        "semantic",
        first.schema,
        "",
        licence=first.licence,
        description=f"{how} of {', '.join(member.title for member in members)}.",
        made_of=Ensemble(members, definition.method),
    )


def _panoptic(definition: RunDefinition, members: Sequence[ModelSpec]) -> ModelSpec:
    """Objects of one model over the classes of another.

    Raises:
        SegstudioError: if it is not one model of each kind.
    """
    by_task = {member.task: member for member in members}
    if len(members) != 2 or by_task.keys() != {"instance", "semantic"}:
        raise SegstudioError(
            "Objects over classes need a model that finds objects and one that labels every pixel.",
            "Choose one of each.",
        )
    objects, pixels = by_task["instance"], by_task["semantic"]
    return ModelSpec(
        definition.id,
        definition.title,
        "ensemble",
        "panoptic",
        JoinedClasses.of(objects.schema, pixels.schema).schema,
        "",
        licence=objects.licence,
        description=f"Objects of {objects.title} over the classes of {pixels.title}.",
        made_of=Ensemble((objects, pixels), "panoptic"),
    )


def is_removed(run: str, models: Collection[str]) -> bool:
    """Whether a prediction was made by a named run that is not there any more.

    Args:
        run: Name of the prediction's run.
        models: Ids of the models that are there.
    """
    model = model_of(run)
    return _OF_NAMED in model and model not in models


def described(overrides: dict[str, Any]) -> str:
    """What a variant does in its own way, in words."""
    return ", ".join(_word(name, value) for name, value in overrides.items()) or "usual options"


def _word(name: str, value: Any) -> str:
    if name == "flips":
        return "mirror images averaged" if value else "no mirror images"
    if name == "scales":
        return "sizes " + ", ".join(f"{scale:g} x" for scale in value) + " averaged"
    return _WORDS[name].format(value)


def _checked(overrides: dict[str, Any]) -> dict[str, Any]:
    unknown = overrides.keys() - set(VARIABLE)
    if unknown:
        raise SegstudioError(f"A run cannot set {', '.join(sorted(unknown))}.")
    for name in ("score_threshold", "mask_threshold"):
        if not 0 <= overrides.get(name, 0) <= 1:
            raise SegstudioError("A threshold lies between 0 and 1.")
    scales = (*overrides.get("scales", (1.0,)), overrides.get("input_scale", 1.0))
    if not scales or not all(_SCALES[0] <= scale <= _SCALES[1] for scale in scales):
        raise SegstudioError(f"Sizes lie between {_SCALES[0]:g} and {_SCALES[1]:g}.")
    if "scales" in overrides and not overrides["scales"]:
        raise SegstudioError("Give at least one size to average over.")
    return dict(overrides)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-") or "run"
