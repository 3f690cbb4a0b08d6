"""What the values of predicted masks mean, so that they mean the same as in the ground truth.

Two folders are looked at one by one; without classes given, the colours of masks get their ids in
the order of the colours that turn up, which may be others in the predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segstudio.cli.mask_layout import MaskPlace
from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.truth import TruthIndex


@dataclass(frozen=True)
class Masks:
    """Where masks lie, the images that they are of, and how their values are read."""

    place: MaskPlace
    refs: Sequence[ImageRef]
    index: TruthIndex

    @classmethod
    def of(
        cls, place: MaskPlace, refs: Sequence[ImageRef], schema: LabelSchema | None = None
    ) -> Masks:
        """Look at the masks.

        Raises:
            SegstudioError: if no mask belongs to any of the images.
        """
        return cls(place, refs, place.index(refs, schema))

    def read_as(self, schema: LabelSchema) -> TruthIndex:
        """How the values are read if the classes are these."""
        return self.place.index(self.refs, schema)


def read_alike(truth: Masks, predictions: Masks) -> tuple[TruthIndex, TruthIndex]:
    """Both folders with values that have the same meaning, the ground truth first.

    Args:
        truth: The ground truth.
        predictions: The predictions.

    Raises:
        SegstudioError: if one has colours, the other numbers, and no classes are given.
    """
    wanted, found = truth.index, predictions.index
    if wanted.declared:
        # The classes tell colours apart, and class ids of 16 bits from instances.
        unclear = found.kind == "colour" or (found.kind, wanted.kind) == ("instances", "index")
        again = unclear and not found.declared
        return wanted, predictions.read_as(wanted.schema) if again else found
    colours = [index.kind == "colour" for index in (wanted, found)]
    if not any(colours):
        return wanted, found
    if found.declared:
        return truth.read_as(found.schema), found
    if not all(colours):
        raise _unlike(truth, predictions)
    both = _with_colours_of(wanted.schema, found.schema)
    return truth.read_as(both), predictions.read_as(both)


def _with_colours_of(schema: LabelSchema, other: LabelSchema) -> LabelSchema:
    """The classes and further ones for the colours that only the other has."""
    known = {c.color for c in schema.classes}
    new = [c.color for c in other.classes if c.color not in known]
    free = sorted({*range(255)} - {*schema.ids})
    further = (ClassSpec(i, f"class {i}", c) for i, c in zip(free, new, strict=False))
    return LabelSchema((*schema.classes, *further), schema.ignore_index)


def _unlike(truth: Masks, predictions: Masks) -> SegstudioError:
    first, second = (
        f"{masks.place.classes} {'have colours' if masks.index.kind == 'colour' else 'hold numbers'}"
        for masks in (truth, predictions)
    )
    return SegstudioError(
        f"The masks in {first}, those in {second}.",
        "Say which colour is which class: give a segstudio.json with --schema.",
    )
