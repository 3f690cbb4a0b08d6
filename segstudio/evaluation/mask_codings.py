"""What the values of predicted masks mean, so that they mean the same as in the ground truth.

Two folders are looked at one by one; without classes given, the colours of masks get their ids in
the order of the colours that turn up, which may be others in the predictions, and what are objects
in the one may look like classes in the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, Color, LabelSchema
from segstudio.storage.truth import ReadAs, TruthIndex
from segstudio.storage.truth_kinds import KINDS, TruthKind


@dataclass(frozen=True)
class Masks:
    """Where masks lie, and how their values are read."""

    folder: Path
    index: TruthIndex


@dataclass(frozen=True)
class Alike:
    """Both folders with values that have the same meaning, and what was decided for that."""

    truth: TruthIndex
    predictions: TruthIndex
    notes: tuple[str, ...] = field(default=())


def read_alike(truth: Masks, predictions: Masks) -> Alike:
    """Both folders with values that have the same meaning.

    Args:
        truth: The ground truth.
        predictions: The predictions.

    Raises:
        SegstudioError: if the one has something that cannot be held against the other: colours
            and numbers without classes, objects and classes.
    """
    wanted, found = _with_classes_of_the_other(truth.index, predictions.index)
    both = {_kind_of_classes(wanted), _kind_of_classes(found)}
    if wanted.only_shades or found.only_shades or wanted.undecided or found.undecided:
        return Alike(wanted, found)  # reading one says it
    if both == {"colour"}:
        return _with_all_colours(wanted, found)
    if both == {"index", "instances"} and (wanted.coding.segments or found.coding.segments):
        return Alike(wanted, found)  # the file beside them says the classes of the objects
    if "instances" in both and len(both) > 1:
        return _as_objects(truth, predictions, wanted, found)
    if "binary" in both and both <= {"index", "binary", "colour"} and len(both) > 1:
        return _as_one_object(truth, predictions, wanted, found)
    if "colour" in both and not (wanted.declared or found.declared):
        is_one = wanted.one_class and found.one_class
        raise _unlike(truth, predictions, _OBJECT_HINT if is_one else _COLOUR_HINT)
    if both == {"index"} and not (wanted.declared or found.declared):
        return Alike(wanted, found, _ids_that_agree(truth, predictions, wanted, found))
    return Alike(wanted, found)


def _kind_of_classes(index: TruthIndex) -> TruthKind:
    """How the classes are said: numbers of class and object are ids too."""
    return "index" if index.coding.unit else index.kind


def _ids_that_agree(
    truth: Masks, predictions: Masks, wanted: TruthIndex, found: TruthIndex
) -> tuple[str, ...]:
    """What to say of class ids of which nobody told what they are.

    Raises:
        SegstudioError: if palettes say that the ids of the one are not those of the other.
    """
    said = wanted.said.kind is not None and found.said.kind is not None
    moved = () if said else _other_numbers(wanted, found)
    if moved:
        color, first, second = moved
        raise SegstudioError(
            f"By their palettes, the masks in {truth.folder} and in "
            f"{predictions.folder} have other numbers for the same colours: "
            f"#{bytes(color).hex().upper()} is {first} and {second}.",
            "Say what is the class: the numbers with --truth-kind ids --pred-kind ids, or the "
            "colours with --truth-kind colours --pred-kind colours.",
        )
    sides = sorted(wanted.class_numbers), sorted(found.class_numbers)
    if not all(sides) or set(sides[0]) & set(sides[1]):
        return ()
    shown = [", ".join(map(str, ids[:8])) + (", ..." if len(ids) > 8 else "") for ids in sides]
    note = (
        f"Besides 0 no class is in both: the ground truth holds {shown[0]}, the predictions "
        f"{shown[1]}. If each is one object, say --truth-kind binary --pred-kind binary."
    )
    return (note,)


def _other_numbers(wanted: TruthIndex, found: TruthIndex) -> tuple[Color, int, int] | tuple[()]:
    """A colour that two palettes of the same colours give to different numbers."""
    palettes = wanted.palette, found.palette
    colors = [{palette[i] for i in side.class_numbers} for palette, side in
              zip(palettes, (wanted, found), strict=True) if palette]  # fmt: skip
    if len(colors) < 2 or not (colors[0] <= colors[1] or colors[1] <= colors[0]):
        return ()
    numbers = {palettes[0][i]: i for i in sorted(wanted.class_numbers)}
    for second in sorted(found.class_numbers):
        color = palettes[1][second]
        if numbers.get(color, second) != second and color not in (
            palettes[0].get(second), palettes[1].get(numbers[color]),
        ):  # fmt: skip
            return color, numbers[color], second
    return ()


def _with_classes_of_the_other(
    wanted: TruthIndex, found: TruthIndex
) -> tuple[TruthIndex, TruthIndex]:
    """Classes that were given tell colours apart, and class ids from objects, on both sides."""
    if wanted.declared and not found.declared and found.said.kind is None:
        is_index = _kind_of_classes(wanted) == "index"
        if found.kind == "colour" or (found.kind == "instances" and is_index):
            found = found.with_classes(wanted.schema)
        elif found.kind == "binary" and found.numbers_are_in(wanted.schema):
            found = found.with_classes(wanted.schema)  # white is one of the classes
    elif found.declared and not wanted.declared and wanted.kind == "colour":
        wanted = wanted.with_classes(found.schema)
    return wanted, found


def _with_all_colours(wanted: TruthIndex, found: TruthIndex) -> Alike:
    if wanted.declared or found.declared:
        return Alike(wanted, found)
    schema = _with_colours_of(wanted.schema, found.schema)
    # The names are the ground truth's; with classes there is nothing to be asked of them.
    notes = (f"{d.message} {d.option}" for d in wanted.doubts if d.about == "names")
    return Alike(wanted.with_classes(schema), found.with_classes(schema), tuple(notes))


def _with_colours_of(schema: LabelSchema, other: LabelSchema) -> LabelSchema:
    """The classes and further ones for the colours that only the other has."""
    known = {c.color_in_masks for c in schema.classes}
    new = [c.color_in_masks for c in other.classes if c.color_in_masks not in known]
    free = sorted({*range(255)} - {*schema.ids})
    further = (ClassSpec(i, f"class {i}", c) for i, c in zip(free, new, strict=False))
    return LabelSchema((*schema.classes, *further), schema.ignore_index)


def _as_objects(truth: Masks, predictions: Masks, wanted: TruthIndex, found: TruthIndex) -> Alike:
    """One side has objects: the other is read so too, unless it has no more than one class."""
    is_truth = wanted.kind == "instances"
    other = found if is_truth else wanted
    if other.one_class or other.declared or other.kind == "binary":
        return Alike(wanted, found)
    if other.said.kind is not None or not other.can_be_objects:
        raise _unlike(truth, predictions, _KINDS)
    read = other.read_as(ReadAs("instances", other.said.zero))
    sides = ("predictions", "ground truth") if is_truth else ("ground truth", "predictions")
    note = f"The {sides[0]} can be classes or objects; they are read as objects, as the {sides[1]}."
    return Alike(wanted, read, (note,)) if is_truth else Alike(read, found, (note,))


def _as_one_object(
    truth: Masks, predictions: Masks, wanted: TruthIndex, found: TruthIndex
) -> Alike:
    """One side is black and white: the other may have one class, whatever its number or colour."""
    is_truth = wanted.kind == "binary"
    other = found if is_truth else wanted
    is_object = other.one_class and other.schema.ids == (0, 1)
    if other.declared or (is_object and (other.kind != "colour" or other.said.kind)):
        return Alike(wanted, found)
    if not other.one_class or other.said.kind is not None:
        ways = (d.option for d in other.doubts if d.about == "codings" and d.answers)
        raise _unlike(truth, predictions, next(ways, _KINDS))
    read = other.read_as(ReadAs("binary", other.said.zero))
    return Alike(wanted, read) if is_truth else Alike(read, found)


_COLOUR_HINT = "Say which colour is which class: give a segstudio.json with --schema."
_OBJECT_HINT = "If it is one object on both sides, say --truth-kind binary --pred-kind binary."
_KINDS = (
    "Say how they are to be read with --pred-kind and --truth-kind, or give the classes with "
    "--schema."
)


def _unlike(truth: Masks, predictions: Masks, hint: str) -> SegstudioError:
    kinds = {truth.index.kind, predictions.index.kind}
    numbers = "colour" in kinds and "instances" not in kinds

    def words(masks: Masks) -> str:
        kind = masks.index.kind
        if masks.index.said.kind is not None:
            return f"are read as {KINDS[kind].name}"
        if numbers:
            return "have colours" if kind == "colour" else "hold numbers"
        return f"hold {'numbers of classes' if kind == 'index' else KINDS[kind].name}"

    first, second = (f"{m.folder} {words(m)}" for m in (truth, predictions))
    return SegstudioError(f"The masks in {first}, those in {second}.", hint)
