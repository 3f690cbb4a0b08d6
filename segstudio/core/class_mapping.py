"""How a model's classes become the folder's classes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from segstudio.core.class_names import guess, is_known, is_something_else, key_of
from segstudio.core.class_rules import Unmapped
from segstudio.core.labels import Mask
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.core.text import listed

_SHOWN = 5


@dataclass(frozen=True)
class ClassMapping:
    """Which class of the folder each class of a model is shown and measured as.

    Attributes:
        table: (256,) uint8, model class id -> what the prediction holds instead.
        note: What the user should know of it; empty if every class has a counterpart.
        left_out: What the prediction holds where it counts nowhere, or None.
        is_scored: Whether figures may be made of it: the user or a name says that one of the
            model's objects is one of the folder's.
        is_foreign: Whether none of the model's objects is one of the folder's: then a prediction
            is shown in the model's own classes.
    """

    table: npt.NDArray[np.uint8]
    note: str = ""
    left_out: int | None = None
    is_scored: bool = True
    is_foreign: bool = False

    @property
    def is_identity(self) -> bool:
        """Whether every id stays as it is."""
        return bool(np.array_equal(self.table, np.arange(256)))

    @property
    def digest(self) -> str:
        """What mappings that give the same figures have in common: 16 hexadecimal digits."""
        unscored = "" if self.is_scored else " unscored"
        text = self.table.tobytes() + f"{self.left_out}{unscored}".encode()
        return hashlib.blake2b(text, digest_size=8).hexdigest()

    def left_out_of(self, adapted: Prediction) -> Mask | None:
        """Which pixels of a prediction in the folder's classes count nowhere: (H, W) bool."""
        return None if self.left_out is None else np.asarray(adapted.labels == self.left_out)

    @classmethod
    def between(cls, model: LabelSchema, folder: LabelSchema) -> ClassMapping:
        """The user's mapping for this model in the folder, else the guess by name.

        Classes without a counterpart become the folder's background, or, if its class 0 is
        something else (CamVid's sky), a number past its classes, so that they count as wrong
        everywhere and never as something they are not. Where the user had them ignored, they
        become `left_out`. If by the user's mapping the model has none of the folder's classes, its
        objects are shown all the same, as a number of their own: it is not scored.
        """
        targets, unmapped = targets_of(model, folder)
        left_out = folder.left_out_id if unmapped == "ignored" else None
        other = folder.elsewhere_id if left_out is None else left_out
        table = np.arange(256, dtype=np.uint8)
        rule, scored = folder.rule_for(model), is_scored(model, folder)
        none_chosen = rule is not None and {*rule.targets} <= {None, folder.background_id}
        shown = folder.unscored_id if none_chosen and not scored else None
        for class_id, target in targets.items():
            table[class_id] = other if target is None else target
        lost = {
            c.id: c.name
            for c in model.classes
            if targets[c.id] is None and key_of(c.name) != "background"
        }
        if shown is not None:
            table[[*lost]] = shown
            fate = "they are not scored"
        elif left_out is not None:
            fate = "they count nowhere"
        elif other == folder.background_id:
            fate = "they count as background"
        else:
            fate = "they count as none of its classes"
        note = _note([*lost.values()], fate)
        if asked := asked_of(model, folder):
            note = f"Nobody has said that {asked[0]} is “{asked[1]}” here, so it is not scored."
        elif is_unsaid(model, folder):
            note = "None of the model's classes is one of the folder's, so it is not scored."
        return cls(table, note, left_out, scored, bool(lost) and is_foreign(model, folder))

    def apply(self, prediction: Prediction) -> Prediction:
        """The prediction in the folder's classes; the note is added to its notes."""
        notes = prediction.notes
        if self.note and self.note not in notes:
            notes = (*notes, self.note)
        if self.is_identity and not self.is_foreign:
            return prediction if notes == prediction.notes else replace(prediction, notes=notes)
        instances = prediction.instances
        if instances is not None:
            instances = replace(instances, classes=self.table[instances.classes])
        panoptic = prediction.panoptic
        return replace(
            prediction,
            labels=self.table[prediction.labels],
            instances=instances,
            notes=notes,
            panoptic=None if panoptic is None else panoptic.mapped(self.table),
            own=prediction.labels if self.is_foreign else None,
        )


def is_scored(model: LabelSchema, folder: LabelSchema) -> bool:
    """Whether figures of a model may be made in a folder.

    The user or a name must say that one of its objects is one of the folder's. What the user has
    ignored counts nowhere, which is an answer too.
    """
    rule = folder.rule_for(model)
    if rule is None:
        return is_known(model, folder)
    return rule.unmapped == "ignored" or bool(_pairs(model, folder))


def is_foreign(model: LabelSchema, folder: LabelSchema) -> bool:
    """Whether none of a model's objects is one of the folder's, and no figures are made of it."""
    return not is_scored(model, folder) and not _pairs(model, folder)


def asked_of(model: LabelSchema, folder: LabelSchema) -> tuple[str, str] | None:
    """A model's only object and the folder's that it may be, where the user is to say so; or None.

    It is not asked where the names of the folder or its files say that it is something else.
    """
    unsaid = _unsaid(model, folder)
    return None if unsaid is None or is_something_else(unsaid[0], folder) else unsaid


def is_unsaid(model: LabelSchema, folder: LabelSchema) -> bool:
    """Whether a model's only object is shown as the folder's though nothing says that it is it."""
    return _unsaid(model, folder) is not None


def _unsaid(model: LabelSchema, folder: LabelSchema) -> tuple[str, str] | None:
    if folder.rule_for(model) is not None or is_known(model, folder):
        return None
    return next(iter(_pairs(model, folder)), None)


def why_unscored(model: LabelSchema, folder: LabelSchema) -> str:
    """Why no figures of a model are made in a folder, in the words after a colon; "" if they are."""
    if is_scored(model, folder):
        return ""
    if folder.rule_for(model) is not None:
        return "by the class mapping, no class of the model is one of the folder's."
    asked = asked_of(model, folder)
    if asked is None:
        return "no class of the model is one of the ground truth's."
    return f"nothing says that {asked[0]} is what the ground truth calls \u201c{asked[1]}\u201d."


def _pairs(model: LabelSchema, folder: LabelSchema) -> list[tuple[str, str]]:
    """Names of the model's objects that have a counterpart, each with its counterpart's."""
    targets, _ = targets_of(model, folder)
    return [
        (c.name, folder.name_of(target))
        for c in model.classes
        if key_of(c.name) != "background" and (target := targets[c.id]) is not None
    ]


def targets_of(model: LabelSchema, folder: LabelSchema) -> tuple[dict[int, int | None], Unmapped]:
    """The folder's class by the model's class id, and what becomes of those without one.

    A class that the folder does not have any more counts as none.
    """
    rule = folder.rule_for(model)
    if rule is None:
        return guess(model, folder), "background"
    ids = set(folder.ids)
    return {i: t if t in ids else None for i, t in rule.by_id.items()}, rule.unmapped


def adapt(prediction: Prediction, folder: LabelSchema) -> Prediction:
    """A prediction as its model gave it, in the classes of the folder."""
    return ClassMapping.between(prediction.schema, folder).apply(prediction)


def mapping_digest(model: LabelSchema, folder: LabelSchema) -> str:
    """What to keep figures by: equal if the model's classes are read alike in both cases."""
    return ClassMapping.between(model, folder).digest


def same_classes(a: LabelSchema, b: LabelSchema) -> bool:
    """Whether predictions are mapped and counted alike in both: colours do not matter."""

    def meaning(schema: LabelSchema) -> tuple[object, ...]:
        names = ((c.id, _key(c.name)) for c in schema.classes)
        return (schema.ignore_index, schema.rules, *names)

    return meaning(a) == meaning(b)


def ids_by_name(first: LabelSchema, other: LabelSchema) -> dict[int, int] | None:
    """Each class id of one list for that of the same name in another; None if the names differ.

    Equal lists are one to one whatever their names.
    """
    if same_classes(first, other):
        return {c.id: c.id for c in first.classes}
    own, theirs = _by_name(first), _by_name(other)
    unique = len(own) == len(first.classes) and len(theirs) == len(other.classes)
    if not unique or own.keys() != theirs.keys():
        return None
    return {own[name]: theirs[name] for name in own}


def class_difference(first: LabelSchema, other: LabelSchema, names: tuple[str, str]) -> str:
    """What two lists of classes do not share, in words: "A alone knows cell; B alone knows dirt"."""
    own, theirs = _by_name(first), _by_name(other)
    told = []
    for title, here, there, schema in (
        (names[0], own, theirs, first),
        (names[1], theirs, own, other),
    ):
        alone = [c.name for c in schema.classes if _key(c.name) in here.keys() - there.keys()]
        if alone:
            told.append(f"{title} alone knows {listed(alone, _SHOWN)}")
    return "; ".join(told) or f"{names[0]} and {names[1]} have classes of the same name"


def _by_name(schema: LabelSchema) -> dict[str, int]:
    return {_key(c.name): c.id for c in schema.classes}


def _key(name: str) -> str:
    return name.strip().casefold()


def _note(lost: list[str], fate: str) -> str:
    if not lost:
        return ""
    return f"The folder has no class for the model's {listed(lost, _SHOWN)}; {fate}."
