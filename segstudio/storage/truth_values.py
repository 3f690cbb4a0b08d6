"""What the values of ground truth masks mean: class ids, black and white, colours, instances."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import InstanceIds, LabelMap, Labels
from segstudio.core.schema import ClassSpec, Color, LabelSchema, distinct_color
from segstudio.storage.mask_files import RawMask, read_mask_file
from segstudio.storage.orientation import read_orientation, upright

TruthKind = Literal["index", "binary", "colour", "instances"]

_SAMPLE_SECONDS = 0.5
_MIN_SAMPLE = 3
_MAX_COLORS = 64
_MAX_UNDECLARED = 128
_VOC_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip


@dataclass(frozen=True)
class Coding:
    """How mask values are read.

    Attributes:
        kind: "index": values are class ids; "binary": anything from 128 on is class 1;
            "colour": each colour is a class; "instances": values are instance ids.
        colors: Class ids by colour (r, g, b), for colour-coded masks.
    """

    kind: TruthKind
    colors: tuple[tuple[Color, int], ...] = field(default=())


def decide_coding(paths: Sequence[Path], schema: LabelSchema | None) -> tuple[Coding, LabelSchema]:
    """Decide from some masks what their values mean, and which classes they have.

    Reads masks for at most about half a second; ones that cannot be read are passed over (their
    image says so when it is opened).
    """
    masks: list[RawMask] = []
    deadline = time.monotonic() + _SAMPLE_SECONDS
    for path in paths:
        if len(masks) >= _MIN_SAMPLE and time.monotonic() > deadline:
            break
        try:
            masks.append(_single_channel(read_mask_file(path)))
        except SegstudioError:
            continue
    if any(m.pixels.ndim == 3 for m in masks):
        return _color_coding(masks, schema)
    return _index_coding(masks, schema)


def _index_coding(
    masks: Sequence[RawMask], schema: LabelSchema | None
) -> tuple[Coding, LabelSchema]:
    if any(m.lossy for m in masks):
        return Coding("binary"), _binary_schema()
    values: set[int] = set()
    for mask in masks:
        values |= _values_in(mask.pixels)
    wide = any(m.pixels.dtype.itemsize > 1 for m in masks)
    known = {*schema.ids, schema.ignore_index} if schema is not None else set()
    if wide and not (schema is not None and values <= known):
        return Coding("instances"), LabelSchema.from_names(("background", "object"))
    if values and values <= {0, 255} and 255 in values and not (schema and schema.get(255)):
        return Coding("binary"), _binary_schema()
    return Coding("index"), _schema_of_ids(values, masks)


def _binary_schema() -> LabelSchema:
    return LabelSchema.from_names(("background", "object"))


def _schema_of_ids(values: set[int], masks: Sequence[RawMask]) -> LabelSchema:
    """Classes for ids, with the colours (and for Pascal VOC the names) of the masks' palette."""
    if any(len(_values_in(m.pixels)) > _MAX_UNDECLARED for m in masks):
        return LabelSchema.from_ids(())  # a photograph: reading it says so
    schema = LabelSchema.from_ids(i for i in values if 0 <= i <= 255)
    palette = next((m.palette for m in masks if m.palette is not None), None)
    if palette is None or len({tuple(c) for c in palette[[s.id for s in schema.classes]]}) < len(
        schema.classes
    ):
        return schema
    is_voc = max(schema.ids) < len(_VOC_NAMES) and bool(
        (palette[: len(_VOC_NAMES)] == _voc_palette()).all()
    )
    if is_voc:
        schema = LabelSchema.from_names(_VOC_NAMES)
    colored = (ClassSpec(c.id, c.name, _as_color(palette[c.id]), c.thing) for c in schema.classes)
    return LabelSchema(tuple(colored), schema.ignore_index)


def _voc_palette() -> npt.NDArray[np.uint8]:
    """The first 21 colours of Pascal VOC: the bits of the id, spread over r, g, b from the top."""
    table = np.zeros((len(_VOC_NAMES), 3), np.uint8)
    for i in range(len(table)):
        for bit in range(8):
            table[i, bit % 3] |= ((i >> bit) & 1) << (7 - bit // 3)
    return table


def _color_coding(
    masks: Sequence[RawMask], schema: LabelSchema | None
) -> tuple[Coding, LabelSchema]:
    if schema is not None:
        colors = tuple((c.color, c.id) for c in schema.classes)
        if schema.ignore_index == 255 and schema.get(255) is None:
            colors = (*colors, ((255, 255, 255), 255))
        return Coding("colour", tuple(dict(reversed(colors)).items())), schema
    keys: set[int] = set()
    for mask in masks:
        if mask.pixels.ndim == 3:
            keys |= _values_in(_color_keys(mask.pixels))
    keys.discard(0)
    found = [((k >> 16) & 255, (k >> 8) & 255, k & 255) for k in sorted(keys)][:255]
    classes = [ClassSpec(0, "background", (0, 0, 0))]
    classes += [ClassSpec(i, f"class {i}", color) for i, color in enumerate(found, 1)]
    if len(classes) > _MAX_COLORS:
        classes = classes[:1]  # a photograph or soft edges: reading one says so
    pairs = tuple((c.color, c.id) for c in classes)
    return Coding("colour", pairs), LabelSchema(
        tuple(classes), None if len(classes) == 256 else 255
    )


def decode(
    image_path: Path,
    class_path: Path | None,
    instance_path: Path | None,
    coding: Coding,
    schema: LabelSchema,
    shape_hw: tuple[int, int] | None,
    *,
    strict: bool,
) -> LabelMap:
    """Read an image's masks into a label map; see `truth.read_truth`."""
    ids = None
    if instance_path is not None:
        raw = _sized(
            _single_channel(read_mask_file(instance_path)), instance_path, image_path, shape_hw
        )
        ids = _instance_ids(raw, instance_path, image_path)
    if class_path is None:
        assert ids is not None
        first = next((i for i in schema.ids if i not in (0, schema.ignore_index)), 1)
        return LabelMap(np.where(ids > 0, np.uint8(first), np.uint8(0)), ids)
    raw = _sized(_single_channel(read_mask_file(class_path)), class_path, image_path, shape_hw)
    labels = _class_ids(raw, coding, class_path, image_path)
    if ids is not None and ids.shape != labels.shape:
        raise _wrong_size(instance_path or class_path, ids.shape, image_path, labels.shape)
    if coding.kind == "index":
        _check_ids(labels, schema, class_path, image_path, strict=strict)
    return LabelMap(labels, ids)


def _class_ids(raw: RawMask, coding: Coding, path: Path, image_path: Path) -> Labels:
    pixels = raw.pixels
    if pixels.ndim == 3:
        return _ids_of_colors(pixels, coding, path, image_path)
    if coding.kind == "binary" and (raw.lossy or _values_in(pixels) <= {0, 255}):
        return (pixels >= 128).astype(np.uint8)
    if coding.kind == "colour" and raw.palette is not None:
        return _ids_of_colors(raw.palette[pixels], coding, path, image_path)
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > 255:
        raise SegstudioError(
            f"The mask {path} of {image_path} holds values from {low} to {high}.",
            "Class ids are 0 to 255; put instance ids into a folder named instances.",
        )
    return pixels.astype(np.uint8)


def _ids_of_colors(
    pixels: npt.NDArray[np.uint8], coding: Coding, path: Path, image_path: Path
) -> Labels:
    keys = _color_keys(pixels)
    found = _color_table(coding.colors)[keys]
    if (unknown := found < 0).any():
        values = np.unique(keys[unknown])
        shown = ", ".join(_color_text(int(k)) for k in values[:4])
        more = f" and {len(values) - 4} more" if len(values) > 4 else ""
        raise SegstudioError(
            f"The mask {path} of {image_path} has colours that are no class: {shown}{more}.",
            "Give each class its colour in segstudio.json, and save masks without soft edges.",
        )
    return found.astype(np.uint8)


@lru_cache(maxsize=2)
def _color_table(colors: tuple[tuple[Color, int], ...]) -> npt.NDArray[np.int16]:
    table = np.full(1 << 24, -1, np.int16)
    for (r, g, b), class_id in colors:
        table[(r << 16) | (g << 8) | b] = class_id
    return table


def _check_ids(
    labels: Labels, schema: LabelSchema, path: Path, image_path: Path, *, strict: bool
) -> None:
    unknown = sorted(_values_in(labels) - {*schema.ids, 0, schema.ignore_index or 0})
    if not unknown or (not strict and len(unknown) <= _MAX_UNDECLARED):
        return
    shown = ", ".join(map(str, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
    hint = (
        "Add them to the classes, or choose the right ignore index."
        if strict
        else "It looks like a photograph, not like a map of class ids."
    )
    raise SegstudioError(f"The mask {path} of {image_path} has unknown values: {shown}.", hint)


def _instance_ids(raw: RawMask, path: Path, image_path: Path) -> InstanceIds:
    pixels = raw.pixels
    if pixels.ndim == 3:
        pixels = _color_keys(pixels)  # one colour an instance
    low, high = int(pixels.min()), int(pixels.max())
    if low >= 0 and high <= 65535:
        return np.ascontiguousarray(pixels.astype(np.uint16, copy=False))
    values, positions = np.unique(pixels, return_inverse=True)
    if len(values) > 65535:
        raise SegstudioError(
            f"The mask {path} of {image_path} has {len(values)} instances.",
            "segstudio keeps up to 65535 instances an image.",
        )
    numbers = np.cumsum(values != 0).astype(np.uint16) * (values != 0)
    return np.asarray(numbers[positions].reshape(pixels.shape), np.uint16)


def _sized(raw: RawMask, path: Path, image_path: Path, shape_hw: tuple[int, int] | None) -> RawMask:
    """The mask at the image's size; one drawn on a photo before its EXIF rotation is turned too."""
    if shape_hw is None or raw.shape_hw == shape_hw:
        return raw
    if raw.shape_hw == shape_hw[::-1]:
        orientation = read_orientation(image_path)
        if orientation >= 5:
            return RawMask(upright(raw.pixels, orientation), raw.palette, raw.lossy)
    raise _wrong_size(path, raw.shape_hw, image_path, shape_hw)


def _wrong_size(
    path: Path, mask_hw: tuple[int, ...], image_path: Path, shape_hw: tuple[int, ...]
) -> SegstudioError:
    return SegstudioError(
        f"The mask {path} is {mask_hw[1]} x {mask_hw[0]} pixels, but its image {image_path} is "
        f"{shape_hw[1]} x {shape_hw[0]}.",
        "It is not used; the image opens without ground truth.",
    )


def _single_channel(raw: RawMask) -> RawMask:
    """Grey saved as RGB becomes one channel."""
    pixels = raw.pixels
    if pixels.ndim == 3:
        first = pixels[..., 0]
        if np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2]):
            return RawMask(np.ascontiguousarray(first), raw.palette, raw.lossy)
    return raw


def _values_in(pixels: npt.NDArray[Any]) -> set[int]:
    if pixels.dtype in (np.uint8, np.uint16):
        return {int(v) for v in np.flatnonzero(np.bincount(pixels.reshape(-1)))}
    return {int(v) for v in np.unique(pixels)}


def _color_keys(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    wide = pixels.astype(np.uint32)
    keys: npt.NDArray[np.uint32] = (
        wide[..., 0] << np.uint32(16) | wide[..., 1] << np.uint32(8) | wide[..., 2]
    )
    return keys


def _color_text(key: int) -> str:
    return f"#{key:06X}"


def _as_color(rgb: npt.NDArray[np.uint8]) -> Color:
    r, g, b = (int(v) for v in rgb)
    return (r, g, b)


__all__ = ["Coding", "TruthKind", "decide_coding", "decode", "distinct_color"]
