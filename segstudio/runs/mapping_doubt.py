"""Whether a model fits a folder, and which ones would: said before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from segstudio.core.class_mapping import asked_of, is_scored, targets_of
from segstudio.core.class_names import guess, is_in_words, is_made_up, key_of, only_object
from segstudio.core.prediction import ModelSpec
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.core.text import listed
from segstudio.session.session import SchemaOrigin, Session

_SHOWN = 3
_NONE = "This folder has none of the model's classes, so it is not scored."


@dataclass(frozen=True)
class Suggestion:
    """Another model that may fit.

    Attributes:
        model_id: Which.
        title: Its name.
        purpose: What it was trained for, as its card says.
        size: Bytes to download, 0 if its weights are here.
        trained_on: That purpose in few words; empty for a file of the user's own.
    """

    model_id: str
    title: str
    purpose: str
    size: int
    trained_on: str = ""


@dataclass(frozen=True)
class Fit:
    """How a model fits the open folder.

    Attributes:
        doubt: A sentence if its figures may mean nothing here, else "".
        fitting: Models that know the folder's classes by name.
        others: Without any: models that were trained for something else than this one.
        asked: The model's only object and the folder's that it may be, where the user is to say so.
    """

    doubt: str = ""
    fitting: tuple[Suggestion, ...] = ()
    others: tuple[Suggestion, ...] = ()
    asked: tuple[str, str] | None = None


def fit_of(spec: ModelSpec, session: Session) -> Fit:
    """How a model fits the open folder, and what else there is if it may not."""
    doubt, is_foreign = _doubt(spec.schema, session)
    if not doubt:
        return Fit()
    if not is_foreign:
        return Fit(doubt)
    known, asked = _matching(session), asked_of(spec.schema, session.schema)
    return Fit(doubt, known, () if known else _others(spec, session), asked)


def _doubt(model: LabelSchema, session: Session) -> tuple[str, bool]:
    """A sentence if figures of this model in this folder may mean nothing, and whether the model
    may be one for something else altogether.

    What the user chose is not doubted, nor a folder whose classes are still to come from the model.
    """
    folder = session.schema
    open_to_all = session.project is None or session.schema_origin is SchemaOrigin.DEFAULT
    if open_to_all or (folder.rule_for(model) is not None and is_scored(model, folder)):
        return "", False
    targets, _unmapped = targets_of(model, folder)
    objects = _objects(model)
    pairs = [(c.name, folder.name_of(t)) for c in objects if (t := targets[c.id]) is not None]
    if not pairs:
        return (_NONE if objects else ""), True
    if asked := asked_of(model, folder):
        return f"\u201c{asked[1]}\u201d may be anything: {asked[0]} is not scored.", True
    if not is_scored(model, folder):
        return _NONE, True
    named = any(_is_named(name, counterpart, folder) for name, counterpart in pairs)
    if named or only_object(model) is not None:
        return "", False
    if len(objects) == len(_objects(folder)):
        return "", False
    shown = listed([f"{name} counts as {counterpart}" for name, counterpart in pairs], _SHOWN)
    return f"By number: {shown}.", False


def _is_named(name: str, counterpart: str, folder: LabelSchema) -> bool:
    """Whether names say that a model's class is one of the folder's, its own or its files'."""
    same = key_of(name) == key_of(counterpart)
    return same or (is_made_up(counterpart) and is_in_words(name, folder))


def _objects(schema: LabelSchema) -> list[ClassSpec]:
    """The classes that stand for something and are scored."""
    scored = set(schema.scored_ids)
    return [c for c in schema.classes if c.id in scored and key_of(c.name) != "background"]


def _matching(session: Session) -> tuple[Suggestion, ...]:
    """Models that know classes of the folder by a name, its own or its files': those that know most first, then small."""
    folder = session.schema
    found = []
    for spec in _plain(session):
        targets = guess(spec.schema, folder)
        known = sum(
            1
            for c in _objects(spec.schema)
            if not is_made_up(c.name)
            and (t := targets[c.id]) is not None
            and _is_named(c.name, folder.name_of(t), folder)
        )
        if known:
            found.append((-known, _to_fetch(spec, session), _suggestion(spec, session)))
    return _one_a_purpose(suggestion for *_, suggestion in sorted(found, key=lambda f: f[:2]))


def _others(spec: ModelSpec, session: Session) -> tuple[Suggestion, ...]:
    """The smallest model for each other set of classes than this one's."""
    other = [s for s in _plain(session) if s.schema.names != spec.schema.names]
    other.sort(key=lambda s: _to_fetch(s, session))
    return _one_a_purpose(_suggestion(s, session) for s in other)


def _plain(session: Session) -> Iterator[ModelSpec]:
    return (spec for spec in session.models.values() if spec.made_of is None)


def _one_a_purpose(found: Iterator[Suggestion]) -> tuple[Suggestion, ...]:
    first: dict[str, Suggestion] = {}
    for suggestion in found:
        first.setdefault(suggestion.purpose, suggestion)
    return tuple(first.values())[:_SHOWN]


def _suggestion(spec: ModelSpec, session: Session) -> Suggestion:
    purpose = spec.description.partition(". ")[0].partition(";")[0].rstrip(".")
    is_own = not spec.embedded and (spec.weights is None or not spec.weights.url)
    trained_on = "" if is_own else purpose.partition(":")[0]
    return Suggestion(spec.id, spec.title, purpose, _to_fetch(spec, session), trained_on)


def _to_fetch(spec: ModelSpec, session: Session) -> int:
    here = spec.embedded or spec.id in session.model.available or spec.weights is None
    return 0 if here or spec.weights is None else spec.weights.size
