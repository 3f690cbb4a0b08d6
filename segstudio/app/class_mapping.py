"""How a model's classes become the folder's classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema

_BACKGROUND_NAMES = frozenset({"background", "unlabelled", "unlabeled", "__background__"})


@dataclass(frozen=True)
class ClassMapping:
    """Which class of the folder each class of a model is shown and measured as.

    Attributes:
        table: (256,) uint8, model class id -> folder class id.
        note: What the user should know of it; empty if every class keeps its id.
    """

    table: npt.NDArray[np.uint8]
    note: str = ""

    @property
    def is_identity(self) -> bool:
        """Whether every id stays as it is."""
        return bool(np.array_equal(self.table, np.arange(256)))

    @classmethod
    def between(cls, model: LabelSchema, folder: LabelSchema) -> ClassMapping:
        """Match by name if any name (but background) agrees, else keep the numbers.

        Of classes matched by name, those the folder does not have become its background, or, if
        its class 0 is something else (CamVid's sky), a number past its classes, so that they
        count as wrong everywhere and never as something they are not.
        """
        known = {c.name.strip().casefold(): c.id for c in folder.classes}
        pairs = {c.id: known.get(c.name.strip().casefold()) for c in model.classes}
        agreeing = any(
            pairs[c.id] is not None and c.name.strip().casefold() not in _BACKGROUND_NAMES
            for c in model.classes
        )
        if not agreeing:
            return cls(_identity(), _number_note(model, folder))
        other = _other_id(folder)
        table = _identity()
        for class_id, target in pairs.items():
            table[class_id] = other if target is None else target
        lost = [c.name for c in model.classes if pairs[c.id] is None and c.id != 0]
        mapping = cls(table, _name_note(lost))
        return cls(table) if mapping.is_identity else mapping

    def apply(self, prediction: Prediction) -> Prediction:
        """The prediction in the folder's classes; the note is added to its notes."""
        notes = prediction.notes
        if self.note and self.note not in notes:
            notes = (*notes, self.note)
        if self.is_identity:
            return prediction if notes == prediction.notes else replace(prediction, notes=notes)
        instances = prediction.instances
        if instances is not None:
            instances = replace(instances, classes=self.table[instances.classes])
        return replace(
            prediction, labels=self.table[prediction.labels], instances=instances, notes=notes
        )


def adapt(prediction: Prediction, folder: LabelSchema) -> Prediction:
    """A prediction as its model gave it, in the classes of the folder."""
    return ClassMapping.between(prediction.schema, folder).apply(prediction)


def same_classes(a: LabelSchema, b: LabelSchema) -> bool:
    """Whether predictions are mapped and counted alike in both: colours do not matter."""

    def meaning(schema: LabelSchema) -> tuple[object, ...]:
        return (schema.ignore_index, *((c.id, c.name.strip().casefold()) for c in schema.classes))

    return meaning(a) == meaning(b)


def _identity() -> npt.NDArray[np.uint8]:
    return np.arange(256, dtype=np.uint8)


def _other_id(folder: LabelSchema) -> int:
    zero = folder.get(0)
    if zero is None or zero.name.strip().casefold() in _BACKGROUND_NAMES:
        return 0
    taken = {*folder.ids, folder.ignore_index}
    return next((i for i in range(folder.num_classes, 256) if i not in taken), 0)


def _number_note(model: LabelSchema, folder: LabelSchema) -> str:
    if set(model.ids) <= set(folder.ids):
        return ""
    return (
        "The model's classes and the folder's have no names in common, so they are compared by "
        "number; numbers that the folder does not have count as wrong."
    )


def _name_note(lost: list[str]) -> str:
    if not lost:
        return ""
    shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return f"The folder has no class for the model's {shown}; they count as none of its classes."
