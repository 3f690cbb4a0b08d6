"""Which class names of different data sets mean the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from segstudio.core.schema import BACKGROUND_NAMES, ClassSpec, LabelSchema

_SAME: Final = (
    # of PASCAL VOC, COCO, Cityscapes, CamVid and ADE20K
    ("aeroplane", "airplane"),
    ("bicycle", "bike"),
    ("motorbike", "motorcycle"),
    ("sofa", "couch"),
    ("tvmonitor", "tv", "television", "monitor"),
    ("diningtable", "table"),
    ("pottedplant", "plant"),
    ("person", "people", "pedestrian", "human"),
    ("car", "auto", "automobile"),
    ("vegetation", "tree"),
    ("pavement", "sidewalk"),
    ("trafficsign", "signsymbol", "sign"),
    ("pole", "columnpole"),
    ("nucleus", "nuclei", "nuclear"),
)
"""Names for the same thing."""
_KIND_OF: Final = {word: words[0] for words in _SAME for word in words}
_STAINED: Final = {"dapi": "nucleus", "hoechst": "nucleus"}
"""What images show that are named after a stain."""
_PHOTOGRAPHED: Final = frozenset(
    ("aeroplane", "bicycle", "bird", "boat", "building", "bus", "car", "cat", "cow", "dog", "horse",
     "motorbike", "person", "road", "sheep", "truck")
)  # fmt: skip
"""What photographs are called after, as `key_of` has it."""
_SHORT: Final = {"ped": "person", "peds": "person"}
_OF_OTHER_THINGS: Final = frozenset(("auto", "human", "monitor"))
"""Words that say something else in a name of files: human cells are no persons."""
_MADE_UP: Final = re.compile(
    r"(class|label|category|id|object|foreground|instance|region|mask|roi|thing)s?\W*\d*|\d+"
)


def key_of(name: str) -> str:
    """What names of the same thing have in common: case, blanks, plural do not matter."""
    if name.strip().casefold() in BACKGROUND_NAMES:
        return "background"
    plain = re.sub(r"[\W_]+", "", name.casefold())
    if plain in _KIND_OF:
        return _KIND_OF[plain]
    singular = plain[:-1] if len(plain) > 3 and plain.endswith("s") and plain[-2] != "s" else plain
    return _KIND_OF.get(singular, singular)


def is_made_up(name: str) -> bool:
    """Whether a name says nothing of the class: "class 3", "object"."""
    return _MADE_UP.fullmatch(name.strip().casefold()) is not None


def guess(model: LabelSchema, folder: LabelSchema) -> dict[int, int | None]:
    """The folder's class for each of the model's, by id; None where there is none.

    By name, if any name besides the background's agrees. Else a model's only object, or the one
    after which the folder or its files are called, is the folder's only one without a name: a
    nucleus is no pedestrian, but may be what black and white masks call "object" (`is_known` tells
    whether it is). Else by number if that is all that the model says of
    its classes; a class with a name is never matched by number. Else only the background is known.
    """
    exact = _by(folder, lambda name: name.strip().casefold())
    alike = _by(folder, key_of)
    named = {
        c.id: exact.get(c.name.strip().casefold(), alike.get(key_of(c.name))) for c in model.classes
    }
    if any(named[c.id] is not None and key_of(c.name) != "background" for c in model.classes):
        return named
    single = only_object(model) or _spoken_of(model, folder)
    if single is not None and (counterpart := _counterpart(single, folder)) is not None:
        named[single.id] = counterpart.id
        return named
    if _nameless(model):
        ids = set(folder.ids)
        return {c.id: c.id if c.id in ids else None for c in model.classes}
    return named


def is_known(model: LabelSchema, folder: LabelSchema) -> bool:
    """Whether more than their number says that one of a model's objects is what `guess` takes it for.

    A name does, also one in the names of the folder or of its files; and so does a model that says
    nothing of its classes, since it was made for those of its user. Where the folder has nothing but
    background, there is nothing to take it for.
    """
    objects = [c for c in model.classes if key_of(c.name) != "background"]
    targets = guess(model, folder)
    pairs = ((c.name, target) for c in objects if (target := targets[c.id]) is not None)
    return not (objects and _objects(folder)) or any(
        is_made_up(name)
        or key_of(name) == key_of(folder.name_of(target))
        or is_in_words(name, folder)
        for name, target in pairs
    )


def is_in_words(name: str, folder: LabelSchema) -> bool:
    """Whether the names of a folder or of its files have the name of a class, or of its stain."""
    called = {_STAINED.get(word) or _SHORT.get(word) or key_of(word) for word in folder.words}
    return key_of(name) in called


def is_something_else(name: str, folder: LabelSchema) -> bool:
    """Whether the names of a folder or of its files say that it shows something else than a class."""
    return bool(_photographed(folder)) and not is_in_words(name, folder)


def _photographed(folder: LabelSchema) -> set[str]:
    """What a folder's photographs show by its name or those of its files, as `key_of` has it."""
    words = folder.words - _OF_OTHER_THINGS
    return {_SHORT.get(word) or key_of(word) for word in words} & _PHOTOGRAPHED


def _spoken_of(model: LabelSchema, folder: LabelSchema) -> ClassSpec | None:
    """The one of a model's objects after which a folder or its files are called, if it is one."""
    things = _photographed(folder)
    found = [c for c in _objects(model) if key_of(c.name) in things]
    return found[0] if len(found) == 1 else None


def _counterpart(single: ClassSpec, folder: LabelSchema) -> ClassSpec | None:
    """The folder's class that a model's only object is, though their names differ."""
    if is_made_up(single.name):
        return only_object(folder)
    if folder.background_id is None:
        return None
    unnamed = [c for c in _objects(folder) if is_made_up(c.name)]
    return unnamed[0] if len(unnamed) == 1 else None


def only_object(schema: LabelSchema) -> ClassSpec | None:
    """The class besides the background, if there is exactly one."""
    found = _objects(schema)
    return found[0] if len(found) == 1 and schema.background_id is not None else None


def _objects(schema: LabelSchema) -> list[ClassSpec]:
    """The classes besides the background that are scored; if none is, those that are ignored."""
    others = [c for c in schema.classes if c.id != schema.background_id]
    return [c for c in others if c.id != schema.ignore_index] or others


def _by(folder: LabelSchema, key: Callable[[str], str]) -> dict[str, int]:
    """Class ids by what names have in common; the first of several."""
    return {key(c.name): c.id for c in reversed(folder.classes)}


def _nameless(schema: LabelSchema) -> bool:
    return all(is_made_up(c.name) or key_of(c.name) == "background" for c in schema.classes)
