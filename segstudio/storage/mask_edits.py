"""Which values a mask file has to store so that it is read as an edited annotation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import LabelMap, Labels
from segstudio.core.schema import LabelSchema
from segstudio.storage.mask_files import native_mask
from segstudio.storage.mask_forms import CannotHold, NativeMask, Values
from segstudio.storage.mask_meaning import Coding
from segstudio.storage.orientation import upright
from segstudio.storage.truth_values import object_id

_MAX_ID = 65535
_VOID = 1 << 20


def edited_classes(
    content: bytes,
    before: Labels,
    wanted: Labels,
    coding: Coding,
    schema: LabelSchema,
    turn: int,
) -> bytes:
    """A mask of class ids in which the pixels that differ have the values of other classes.

    Args:
        content: The file.
        before: (H, W) uint8: the classes that it is read as.
        wanted: (H, W) uint8: the classes that it shall be read as.
        coding: How its values are read.
        schema: The classes.
        turn: How it lies against the upright picture, as an EXIF orientation.

    Raises:
        CannotHold: if its form has no room for the edit.
    """
    native = native_mask(content)

    def guess(class_id: int, known: dict[int, Any]) -> Any:
        return _class_value(native, class_id, known, coding, schema)

    return _edited(content, native, before, wanted, guess, schema, turn)


def edited_instances(
    content: bytes,
    before: LabelMap,
    wanted: LabelMap,
    coding: Coding | None,
    schema: LabelSchema,
    turn: int,
) -> bytes:
    """A mask of object ids, likewise.

    Ids that were too high to be kept as 16 bits, and colours, are those of the file as before; an
    object that is new has one that no other has.

    Args:
        content: The file.
        before: The ids that it is read as; where it is alone, also what is ignored.
        wanted: What it shall be read as.
        coding: How its values are read; None beside a mask of classes.
        schema: The classes.
        turn: How it lies against the upright picture, as an EXIF orientation.

    Raises:
        CannotHold: if its form has no room for the edit.
    """
    native = native_mask(content)
    stored = _keys(native.values)
    renumbered = int(stored.max()) > _MAX_ID
    used = set(np.unique(stored).tolist()) if renumbered else set()
    ignored = schema.ignore_index if coding is not None and coding.ignored else None

    def guess(instance: int, _known: dict[int, Any]) -> Any:
        if instance == _VOID:
            return coding.ignored[-1] if coding is not None else 0
        key = instance
        while renumbered and key in used:
            key += 1
        used.add(key)
        if native.values.ndim == 3:
            channels = [(key >> 16) & 255, (key >> 8) & 255, key & 255, 255]
            return channels[: native.values.shape[2]]
        return key

    keys, wanted_keys = _object_keys(before, ignored), _object_keys(wanted, ignored)
    return _edited(content, native, keys, wanted_keys, guess, schema, turn)


def _object_keys(label_map: LabelMap, ignored: int | None) -> npt.NDArray[Any]:
    """Object ids, and a number of their own for pixels that count nowhere."""
    ids = label_map.instances
    assert ids is not None
    if ignored is None:
        return ids
    keys = ids.astype(np.int32)
    keys[label_map.labels == ignored] = _VOID
    return keys


def _edited(
    content: bytes,
    native: NativeMask,
    before: npt.NDArray[Any],
    wanted: npt.NDArray[Any],
    guess: Callable[[int, dict[int, Any]], Any],
    schema: LabelSchema,
    turn: int,
) -> bytes:
    """A mask file in which the pixels that differ have other values, and nothing else differs."""
    changed = before != wanted
    if not changed.any():
        return content
    values = upright(native.values, turn) if turn != 1 else native.values.copy()
    if values.shape[:2] != before.shape:
        raise CannotHold("it has another size")
    flat = values.reshape(before.size, *values.shape[2:])
    new, old = wanted[changed], before.reshape(-1)
    highest = max(int(new.max()), int(before.max()))
    table = np.zeros((highest + 1, *values.shape[2:]), values.dtype)
    present = np.zeros(highest + 1, np.bool_)
    table[old], present[old] = flat, True
    known = {int(n): table[n].copy() for n in np.flatnonzero(present[:256])}
    for number in np.flatnonzero((np.bincount(new, minlength=highest + 1) > 0) & ~present):
        value = guess(int(number), known)
        _check_range(native, value)
        table[number] = value
    values[changed] = table[new]
    if turn != 1:
        values = upright(values, {6: 8, 8: 6}.get(turn, turn))
    return native.with_values(values, schema.palette())


def _check_range(native: NativeMask, value: Any) -> None:
    if native.values.ndim == 2 and not 0 <= int(value) <= native.highest:
        raise CannotHold(f"its values end at {native.highest}")


def _class_value(
    native: NativeMask,
    class_id: int,
    known: dict[int, Any],
    coding: Coding,
    schema: LabelSchema,
) -> Any:
    """The stored value for a class that no pixel of the file has."""
    if coding.kind == "binary" and coding.colors and native.values.ndim == 3:
        return _color_value(native, int(class_id == object_id(schema)), coding)
    if coding.kind == "colour":
        return _color_value(native, class_id, coding)
    value = class_id
    if coding.kind == "binary":
        value = _two_valued(native, class_id, known, coding, schema)
    elif class_id == schema.ignore_index and coding.ignored and 255 not in coding.ignored:
        value = coding.ignored[-1]
    return value if native.values.ndim == 2 else _grey(value, native.values)


def _two_valued(
    native: NativeMask, class_id: int, known: dict[int, Any], coding: Coding, schema: LabelSchema
) -> int:
    """The other of two values."""
    only = object_id(schema)
    if class_id not in (0, only):
        name = schema.name_of(class_id)
        raise CannotHold(f"a black-and-white mask has no room for {name}")
    top = min(native.highest, 255 if native.values.dtype.itemsize == 1 else _MAX_ID)
    other = known.get(0 if class_id else only)
    if other is None:
        return top if class_id else 0
    number = int(np.ravel(other)[0])
    pairs = [(low, high) for low, high in coding.pairs if number == (low if class_id else high)]
    if pairs:
        return pairs[0][1 if class_id else 0]
    return 0 if number else top


def _color_value(native: NativeMask, class_id: int, coding: Coding) -> Any:
    color = next((color for color, number in coding.colors if number == class_id), None)
    if color is None:
        raise CannotHold(f"class {class_id} has no colour in it")
    if native.values.ndim == 3:
        return [*color, 255][: native.values.shape[2]]
    if native.palette is None or not coding.palettes:
        if len(set(color)) > 1:
            raise CannotHold(f"a grey mask has no room for the colour of class {class_id}")
        return color[0]
    found = np.flatnonzero((native.palette == color).all(axis=1))
    if not found.size:
        raise CannotHold(f"its palette has no entry for class {class_id}")
    return int(found[0])


def _grey(value: int, values: Values) -> list[int]:
    if values.shape[2] < 3:
        return [value, 255][: values.shape[2]]
    return [value, value, value, 255][: values.shape[2]]


def _keys(values: Values) -> npt.NDArray[Any]:
    if values.ndim == 2:
        return values
    wide = values.astype(np.int64)
    keys: npt.NDArray[np.int64] = wide[..., 0]
    for channel in range(1, min(3, values.shape[2])):
        keys = keys << 8 | wide[..., channel]
    return keys
