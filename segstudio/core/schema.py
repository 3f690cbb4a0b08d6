"""Classes of a label map: ids, names, colours, and the ignore index."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.core.class_rules import ClassRule
from segstudio.core.errors import SegstudioError
from segstudio.core.series_colors import BLUE, GREEN, ORANGE, PINK, SKY, VERMILION, YELLOW, rgb_of

Color = tuple[int, int, int]

BACKGROUND_NAMES = frozenset({"background", "unlabelled", "unlabeled", "__background__"})
"""What a class is called, in small letters, that stands for no object."""

# safe for colour-blind users, then golden-ratio hues
_FIRST_COLORS: tuple[Color, ...] = tuple(
    rgb_of(color) for color in (GREEN, ORANGE, SKY, PINK, YELLOW, VERMILION, BLUE)
)
_SHOWN_VALUE = 24
_Found = TypeVar("_Found")
_NO_CLASS_COLOR: Color = (140, 140, 140)


def distinct_color(class_id: int) -> Color:
    """A colour (r, g, b), 0..255, that differs from those of near class ids; 0 is black."""
    if class_id == 0:
        return (0, 0, 0)
    if class_id <= len(_FIRST_COLORS):
        return _FIRST_COLORS[class_id - 1]
    hue = (class_id * 0.6180339887498949) % 1.0
    value = (1.0, 0.8, 0.6)[class_id % 3]
    r, g, b = colorsys.hsv_to_rgb(hue, 0.75, value)
    return (round(r * 255), round(g * 255), round(b * 255))


@cache
def _distinct_colors() -> npt.NDArray[np.uint8]:
    """(256, 3) uint8: `distinct_color` by class id; tables are made at every zoom."""
    return np.array([distinct_color(i) for i in range(256)], np.uint8)


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """One class.

    Attributes:
        id: 0..255.
        name: For people.
        color: (r, g, b), 0..255, in which it is shown.
        thing: Whether its objects are counted.
        mask_color: Its colour in masks whose colours are classes, where that is another one.
    """

    id: int
    name: str
    color: Color
    thing: bool = False
    mask_color: Color | None = None

    @property
    def color_in_masks(self) -> Color:
        """Its colour in masks whose colours are classes."""
        return self.color if self.mask_color is None else self.mask_color


@dataclass(frozen=True)
class LabelSchema:
    """The classes of a folder or a model, ordered by id, and the ignore index.

    Pixels of the ignore index in the ground truth count in no metric. It may also be one of the
    classes' ids (CamVid's void is class 11): that class is then shown but not scored.

    Attributes:
        classes: The classes, by id.
        ignore_index: Counts nowhere in the ground truth; None if everything counts.
        rules: How the user wants the classes of models to be read as these (of a folder only).
        words: Words in the names of the folder and of its files, in small letters: they may say
            what a class without a name is. Not kept in files (of a folder only).
    """

    classes: tuple[ClassSpec, ...]
    ignore_index: int | None = 255
    rules: tuple[ClassRule, ...] = ()
    words: frozenset[str] = field(default=frozenset(), compare=False)
    objects_chosen: bool = False

    def __post_init__(self) -> None:
        ids = [c.id for c in self.classes]
        if len(set(ids)) != len(ids):
            raise SegstudioError("Two classes have the same id.", "Give every class its own id.")
        if any(not 0 <= i <= 255 for i in ids):
            raise SegstudioError("A class id lies outside 0..255.", "Use ids from 0 to 255.")
        object.__setattr__(self, "classes", tuple(sorted(self.classes, key=lambda c: c.id)))

    @classmethod
    def from_ids(cls, ids: Iterable[int], ignore_index: int | None = 255) -> LabelSchema:
        """A schema for class ids found in masks: 0 is background, others are "class N"."""
        wanted = sorted({0, *(int(i) for i in ids)} - ({255} if ignore_index == 255 else set()))
        return cls(
            tuple(
                ClassSpec(i, "background" if i == 0 else f"class {i}", distinct_color(i))
                for i in wanted
            ),
            ignore_index,
        )

    @classmethod
    def from_names(cls, names: Iterable[str], ignore_index: int | None = 255) -> LabelSchema:
        """A schema whose ids are the positions of the names."""
        return cls(
            tuple(ClassSpec(i, name, distinct_color(i)) for i, name in enumerate(names)),
            ignore_index,
        )

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Class ids, ascending."""
        return tuple(c.id for c in self.classes)

    @cached_property
    def num_classes(self) -> int:
        """One more than the highest class id: the side of a confusion matrix."""
        return max((c.id for c in self.classes), default=0) + 1

    @cached_property
    def scored_ids(self) -> tuple[int, ...]:
        """Class ids that take part in metrics (all but the ignore index)."""
        return tuple(c.id for c in self.classes if c.id != self.ignore_index)

    @property
    def names(self) -> tuple[tuple[int, str], ...]:
        """Ids and names of the classes, by id: what rules are chosen by."""
        return tuple((c.id, c.name) for c in self.classes)

    @cached_property
    def background_id(self) -> int | None:
        """0 if class 0 stands for no object (or is not named), else None (CamVid's is the sky)."""
        zero = self.get(0)
        is_ground = zero is None or zero.name.strip().casefold() in BACKGROUND_NAMES
        return 0 if is_ground else None

    @cached_property
    def foreground_ids(self) -> tuple[int, ...]:
        """Class ids that take part in metrics and are not the background."""
        return self.foreground_among(self.scored_ids)

    def foreground_among(self, class_ids: Iterable[int]) -> tuple[int, ...]:
        """Those of some scored classes that are not the background; all if there is none."""
        background = self.background_id
        return tuple(i for i in class_ids if i != background)

    @property
    def has_foreground(self) -> bool:
        """Whether one of the scored classes is background and others are not.

        Then scores are told of the others first: the background is found almost whole by anything.
        """
        return 0 < len(self.foreground_ids) < len(self.scored_ids)

    def object_ids(self, *, keeps_ids: bool) -> frozenset[int]:
        """Ids of the classes that are single objects, each with a number of its own.

        These are the things. Where none is named and nobody chose, ids in the files tell that the
        folder is of objects, whatever their class.

        Args:
            keeps_ids: Whether ids of objects are kept.
        """
        possible = frozenset(self.scored_ids) - {0}
        things = frozenset(c.id for c in self.classes if c.thing) & possible
        if things or self.objects_chosen or not keeps_ids:
            return things
        return possible

    def with_objects(self, class_ids: Iterable[int], *, keeps_ids: bool) -> LabelSchema:
        """A schema in which these classes are single objects and the others are regions."""
        wanted = frozenset(class_ids)
        classes = tuple(replace(c, thing=c.id in wanted) for c in self.classes)
        same = self.object_ids(keeps_ids=keeps_ids) == wanted
        if same and classes == self.classes:
            return self
        return replace(self, classes=classes, objects_chosen=True)

    @property
    def elsewhere_id(self) -> int:
        """What a prediction holds where it is none of these classes.

        The background, or without one the first number past the classes: wrong everywhere.
        """
        return 0 if self.background_id is not None else next(iter(self._free_ids), 0)

    @property
    def left_out_id(self) -> int | None:
        """What a prediction holds where it counts nowhere: a number that is no class.

        None if all numbers are taken.
        """
        return next((i for i in self._free_ids if i != self.elsewhere_id), None)

    @property
    def unscored_id(self) -> int | None:
        """What a prediction holds of objects that, as the user says, are none of these classes.

        A number that is no class; None if there is no such rule, or all numbers are taken.
        """
        if all(rule.unmapped == "ignored" for rule in self.rules):
            return None
        taken = {self.elsewhere_id, self.left_out_id}
        return next((i for i in self._free_ids if i not in taken), None)

    @property
    def _free_ids(self) -> list[int]:
        return [i for i in range(self.num_classes, 256) if i != self.ignore_index]

    @property
    def leaves_out(self) -> bool:
        """Whether a rule says that some of a model's classes count nowhere."""
        chosen = any(rule.unmapped == "ignored" for rule in self.rules)
        return chosen and self.left_out_id is not None

    def rule_for(self, model: LabelSchema) -> ClassRule | None:
        """The user's rule for models with these classes, or None."""
        return next((rule for rule in self.rules if rule.is_for(model.names)), None)

    def with_rule(self, rule: ClassRule) -> LabelSchema:
        """A schema with that rule, in place of an earlier one for the same classes."""
        rest = tuple(known for known in self.rules if not known.is_for(rule.model))
        return replace(self, rules=(*rest, rule))

    def without_rule(self, model: LabelSchema) -> LabelSchema:
        """A schema without a rule for models with these classes."""
        return replace(self, rules=tuple(r for r in self.rules if not r.is_for(model.names)))

    def get(self, class_id: int) -> ClassSpec | None:
        """The class of this id, or None."""
        return self._by_id.get(class_id)

    @cached_property
    def _by_id(self) -> dict[int, ClassSpec]:
        return {c.id: c for c in self.classes}

    def name_of(self, class_id: int) -> str:
        """The name of a class id, "ignore" for the ignore index, else "class N".

        What a prediction holds where it is none of these classes, or where it counts nowhere, is
        called so.
        """
        spec = self.get(class_id)
        if spec is not None:
            return spec.name
        if class_id == self.ignore_index:
            return "ignore"
        if self.leaves_out and class_id == self.left_out_id:
            return "left out"
        if class_id == (self.unscored_id if self.background_id == 0 else self.elsewhere_id):
            return "none of the classes"
        return f"class {class_id}"

    def with_class(self, spec: ClassSpec) -> LabelSchema:
        """A schema in which the class of spec.id is `spec` (added or replaced)."""
        rest = tuple(c for c in self.classes if c.id != spec.id)
        return replace(self, classes=(*rest, spec))

    def without_class(self, class_id: int) -> LabelSchema:
        """A schema without that class."""
        return replace(self, classes=tuple(c for c in self.classes if c.id != class_id))

    def palette(self) -> npt.NDArray[np.uint8]:
        """Colours by class id, (256, 3) uint8; ids outside the schema get a distinct colour.

        What is none of the classes is grey, so that it is not taken for one of them.
        """
        table = _distinct_colors().copy()
        table[255] = (255, 255, 255)
        if self.background_id is None:
            table[self.elsewhere_id] = _NO_CLASS_COLOR
        for spec in self.classes:
            table[spec.id] = spec.color
        return table

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary for `segstudio.json` and for weights' metadata."""
        return {
            "classes": [
                {
                    "id": c.id,
                    "name": c.name,
                    "color": list(c.color),
                    "thing": c.thing,
                    **({} if c.mask_color is None else {"mask_color": list(c.mask_color)}),
                }
                for c in self.classes
            ],
            "ignore_index": self.ignore_index,
            **({"objects_chosen": True} if self.objects_chosen else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabelSchema:
        """The inverse of `to_json`; colours and `thing` may be left out.

        Raises:
            SegstudioError: if an entry has the wrong form.
        """
        try:
            classes = tuple(_class_from_json(entry) for entry in data["classes"])
            ignore = data.get("ignore_index", 255)
            number = None if ignore is None else _value("ignore_index", ignore, _whole)
            return cls(classes, number, objects_chosen=data.get("objects_chosen") is True)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            why = "an entry has another form"
            if isinstance(error, KeyError):
                why = f'"{error.args[0]}" is missing'
            elif isinstance(error, _UnusableValueError):
                why = str(error)
            raise SegstudioError(
                f"The class list cannot be read ({why}).",
                'Each class needs "id" and "name"; "color" is three numbers 0..255.',
            ) from error


class _UnusableValueError(ValueError):
    """A value of a class list that means nothing, with its key."""


def _class_from_json(entry: Mapping[str, Any]) -> ClassSpec:
    class_id = _value("id", entry["id"], _whole)
    of = f" of class {class_id}"
    in_masks = entry.get("mask_color")
    return ClassSpec(
        class_id,
        _value("name", entry["name"], _name, of),
        _value("color", entry.get("color", distinct_color(class_id)), _color, of),
        _value("thing", entry.get("thing", False), _yes_or_no, of),
        None if in_masks is None else _value("mask_color", in_masks, _color, of),
    )


def _value(key: str, raw: object, read: Callable[[Any], _Found], of: str = "") -> _Found:
    """A value by its reader; one that means nothing is named."""
    try:
        return read(raw)
    except (TypeError, ValueError, OverflowError) as error:
        text = repr(raw)
        shown = (
            text if len(text) <= _SHOWN_VALUE else f"{text[:_SHOWN_VALUE]}\N{HORIZONTAL ELLIPSIS}"
        )
        raise _UnusableValueError(f'"{key}"{of} is {shown}') from error


def _whole(raw: Any) -> int:
    if isinstance(raw, bool) or (isinstance(raw, float) and raw != int(raw)):
        raise ValueError("no whole number")
    return int(raw)


def _name(raw: Any) -> str:
    if isinstance(raw, (list, dict)) or raw is None:
        raise TypeError("no name")
    return str(raw)


def _yes_or_no(raw: Any) -> bool:
    if raw not in (True, False):
        raise ValueError("neither true nor false")
    return bool(raw)


def _color(raw: Any) -> Color:
    r, g, b = (_whole(v) for v in raw)
    if not all(0 <= v <= 255 for v in (r, g, b)):
        raise ValueError("a colour value lies outside 0..255")
    return r, g, b


def merged_schemas(
    before: LabelSchema, mine: LabelSchema, theirs: LabelSchema, *, prefer_theirs: bool = False
) -> tuple[LabelSchema, tuple[str, ...]]:
    """Two edits of the same classes as one.

    Args:
        before: The classes that both began with.
        mine: One edit of them.
        theirs: The other edit.
        prefer_theirs: Whose entry is taken where both changed the same one differently.

    Returns:
        The classes with both edits, and what both changed differently, in words.
    """
    clashes = []

    def one_of(what: str, old: Any, my: Any, their: Any) -> Any:
        if my == their or their == old:
            return my
        if my == old:
            return their
        clashes.append(what)
        return their if prefer_theirs else my

    classes = []
    for class_id in sorted({*mine.ids, *theirs.ids}):
        mine_now, theirs_now = mine.get(class_id), theirs.get(class_id)
        words = f"class {class_id} is {_quoted(mine_now)} here and {_quoted(theirs_now)} there"
        classes.append(one_of(words, before.get(class_id), mine_now, theirs_now))
    ignored = (mine.ignore_index, theirs.ignore_index)
    here, there = ("none" if index is None else index for index in ignored)
    words = f"the ignore index is {here} here and {there} there"
    ignore = one_of(words, before.ignore_index, *ignored)
    rules = []
    for model in dict.fromkeys(rule.model for rule in (*theirs.rules, *mine.rules)):
        old, my, their = (
            next((rule for rule in schema.rules if rule.is_for(model)), None)
            for schema in (before, mine, theirs)
        )
        rules.append(one_of("what a model's classes count as", old, my, their))
    kept = tuple(dict.fromkeys(rule for rule in rules if rule is not None))
    chosen = mine.objects_chosen or theirs.objects_chosen
    shared = tuple(c for c in classes if c is not None)
    return LabelSchema(shared, ignore, kept, objects_chosen=chosen), tuple(clashes)


def _quoted(spec: ClassSpec | None) -> str:
    return "removed" if spec is None else f"\u201c{spec.name}\u201d"


def class_keys(schema: LabelSchema) -> dict[int, int]:
    """Which number key stands for each class, by id: 0 to 9, and 10 to 18 with Alt.

    A class has the key of its id, so that removing another one changes no key; classes with larger
    ids get what is left, in order.
    """
    keys = {spec.id: spec.id for spec in schema.classes if spec.id <= _MOST_KEYS}
    free = iter(number for number in range(1, _MOST_KEYS + 1) if number not in keys)
    for spec in schema.classes:
        if spec.id not in keys and (number := next(free, None)) is not None:
            keys[spec.id] = number
    return keys


_MOST_KEYS = 18
