"""What masks show by themselves: the classes of numbers, and what they can be read as."""

from __future__ import annotations

from collections.abc import Sequence

from segstudio.core.schema import ClassSpec, Color, LabelSchema, distinct_color
from segstudio.storage.mask_evidence import IGNORED_16_BIT, Evidence
from segstudio.storage.published_classes import voc_colors, voc_schema
from segstudio.storage.truth_kinds import KINDS, TruthKind


def object_schema(*, zero_is_class: bool) -> LabelSchema:
    """Background and one object; or, of black and white, two classes."""
    schema = LabelSchema.from_names(("background", "object"))
    if not zero_is_class:
        return schema
    return schema.with_class(ClassSpec(0, "class 0", distinct_color(2)))


def schema_of_ids(
    evidence: Evidence, ignored: Sequence[int], *, zero_is_class: bool, by_number: bool
) -> LabelSchema:
    """Classes for ids, with the colours (and for Pascal VOC the names) of the masks' palette.

    Args:
        evidence: What the masks hold.
        ignored: Numbers that count nowhere.
        zero_is_class: Whether 0 is a class like the others.
        by_number: Whether a person said that numbers are classes: also 255, and stray levels.
    """
    numbers = evidence.numbers | (evidence.smeared if by_number else set())
    ids = {v for v in numbers if 0 <= v <= 255} - set(ignored)
    is_class = 255 in ids and (by_number or 255 in evidence.values)
    schema = LabelSchema.from_ids(ids, None if is_class else 255)
    palette = evidence.palette
    if {*schema.ids} - {0} <= palette.keys() and not evidence.palettes_differ:
        used = [palette.get(i, (0, 0, 0)) for i in schema.ids]
        if palette and len(set(used)) == len(used):
            schema = _coloured(schema, palette)
    zero = schema.get(0)
    if zero_is_class and zero is not None:
        free = distinct_color(schema.num_classes)
        schema = schema.with_class(ClassSpec(0, "class 0", palette.get(0, free)))
    return schema


def _coloured(schema: LabelSchema, palette: dict[int, Color]) -> LabelSchema:
    voc = voc_colors()
    inside = max(schema.ids) < len(voc)
    if inside and len(schema.ids) > 1 and all(palette.get(i, voc[i]) == voc[i] for i in schema.ids):
        return voc_schema(schema.ignore_index)
    colored = (ClassSpec(c.id, c.name, palette.get(c.id, c.color), c.thing) for c in schema.classes)
    return LabelSchema(tuple(colored), schema.ignore_index)


def can_be(kind: TruthKind, evidence: Evidence, schema: LabelSchema | None) -> bool:
    """Whether any of the masks could be read so, if a person says it."""
    if not evidence.groups:
        return True
    numbers = evidence.numbers - {-1, 0, 255, IGNORED_16_BIT}
    in_colours = evidence.groups.keys() == {"colours"}
    if kind == "colour":
        given = () if schema is None else (c.color_in_masks for c in schema.classes)
        greys = {r for r, g, b in given if r == g == b}
        shown = evidence.colors or evidence.palette or evidence.opacity_colors
        return bool(shown or greys & evidence.numbers - {0})
    row = KINDS[kind]
    if row.unit:
        return any(n >= row.unit for n in numbers) or (row.below and not in_colours)
    return kind != "index" or not in_colours
