"""Read the values of a mask by the coding of its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import InstanceIds, LabelMap, Labels
from segstudio.core.schema import Color, LabelSchema
from segstudio.core.text import listed
from segstudio.storage.formats.mask_format import RawMask
from segstudio.storage.mask_evidence import IGNORED_16_BIT, is_white
from segstudio.storage.mask_facts import (
    MaskLook,
    PlainMask,
    color_keys,
    look_at,
    look_at_colours,
    values_in,
)
from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.mask_meaning import WAY_TO_SAY, Coding
from segstudio.storage.orientation import read_orientation, upright
from segstudio.storage.panoptic_file import Segment, label_map_of
from segstudio.storage.truth_kinds import KINDS, recognised_codes

_MAX_UNDECLARED = 128


@dataclass(frozen=True)
class TruthReading:
    """An image's ground truth as it was read.

    Attributes:
        label_map: Class ids and, where known, instance ids.
        cannot_hold_edits: Why an edit cannot be saved in the form of the file ("its edges are
            soft"), or "" if it can.
        remarks: Sentences worth showing: that all of it counts nowhere, or has no class.
    """

    label_map: LabelMap
    cannot_hold_edits: str = ""
    remarks: tuple[str, ...] = ()


def decode(
    image_path: Path,
    class_path: Path | None,
    instance_path: Path | None,
    coding: Coding,
    schema: LabelSchema,
    shape_hw: tuple[int, int] | None,
    *,
    strict: bool,
    pages: tuple[int, int] = (0, 0),
    segments: Mapping[int, Segment] | None = None,
) -> TruthReading:
    """Read an image's masks; see `truth.read_truth`.

    `pages`: of the two files, from 0. `segments`: what the colours of the instance mask are.
    """
    _require_decided(class_path or instance_path, image_path, coding)
    ids, obstacle = None, ""
    if instance_path is not None:
        file = _MaskFile(instance_path, image_path, shape_hw, pages[1])
        raw = file.read()
        if segments is not None and class_path is None:
            return _panoptic(raw, segments)
        objects = PlainMask.of(raw, by_opacity=coding.opacity)
        ids, void = file.instance_ids(objects, coding, beside=class_path is not None)
        obstacle = _obstacle(objects, None)
    if class_path is None:
        assert ids is not None
        labels = np.where(ids > 0, np.uint8(object_id(schema)), np.uint8(0))
        if void is not None and schema.ignore_index is not None:
            labels[void] = schema.ignore_index
        return TruthReading(LabelMap(labels, ids), obstacle)
    file = _MaskFile(class_path, image_path, shape_hw, pages[0])
    raw = file.read()
    by_color = coding.kind == "colour"
    plain = PlainMask.shown(raw) if by_color else PlainMask.of(raw, by_opacity=coding.opacity)
    look = None if plain.is_colour else look_at(plain)
    labels = file.class_ids(plain, look, coding, schema)
    if ids is not None and ids.shape != labels.shape:
        raise _wrong_size(instance_path or class_path, ids.shape, image_path, labels.shape)
    if coding.kind == "index" or coding.unit:
        file.check_ids(labels, schema, strict=strict)
    obstacle = _obstacle(plain, look) or obstacle
    if coding.unit:
        obstacle = "its numbers are class and object in one"
    ids = _objects_beside(plain, labels != schema.ignore_index, coding, ids)
    return TruthReading(LabelMap(labels, ids), obstacle, _remarks(class_path, labels, schema))


def _require_decided(path: Path | None, image_path: Path, coding: Coding) -> None:
    if coding.undecided and path is not None:
        name = _MaskFile(path, image_path, None).name
        raise SegstudioError(f"{coding.undecided} Not used: {name}.", WAY_TO_SAY)


def _objects_beside(
    plain: PlainMask, counted: npt.NDArray[np.bool_], coding: Coding, ids: InstanceIds | None
) -> InstanceIds | None:
    """The objects of a mask of classes: those in its own numbers, or in a mask beside it."""
    if ids is None:
        return _numbered(plain.pixels, counted, coding) if coding.unit else None
    return ids if coding.unit or plain.is_colour else _without_classes(ids, plain.pixels)


def _numbered(
    pixels: npt.NDArray[Any], counted: npt.NDArray[np.bool_], coding: Coding
) -> InstanceIds:
    """Objects, numbered from 1 on, of numbers that are class and object in one."""
    wide = pixels.astype(np.int64)
    inside = counted & (wide >= coding.unit) & (wide != IGNORED_16_BIT)
    if not KINDS[coding.kind].below:
        inside &= wide % coding.unit > 0
    codes, places = np.unique(np.where(inside, wide, 0), return_inverse=True)
    numbers = np.cumsum(codes > 0) * (codes > 0)
    return np.ascontiguousarray(numbers[places].reshape(pixels.shape), np.uint16)


def _without_classes(ids: InstanceIds, classes: npt.NDArray[Any]) -> InstanceIds:
    """Object ids without those that are a class alone, beside a mask of these classes.

    Only where every id has the class in it: as class x 256 + object, or class x 1000 + object.
    """
    inside = ids > 0
    for kind in recognised_codes():
        coded = ids >= kind.unit
        plain = np.where(coded, ids // kind.unit, ids if kind.below else 0)
        if coded.any() and (plain == classes)[inside].all():
            objects = coded if kind.below else ids % kind.unit > 0
            return np.where(objects, ids, np.uint16(0))
    return ids


def object_id(schema: LabelSchema) -> int:
    """The class of an object where the masks know only one: the first that is no background."""
    return next((i for i in schema.ids if i not in (0, schema.ignore_index)), 1)


def _panoptic(raw: RawMask, segments: Mapping[int, Segment]) -> TruthReading:
    pixels = raw.pixels
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    found = label_map_of(color_keys(pixels.astype(np.uint8)), segments)
    return TruthReading(found, "its colours are ids that a JSON file explains")


def _obstacle(plain: PlainMask, look: tuple[MaskLook, tuple[int, ...]] | None) -> str:
    if plain.lossy:
        return "its format (JPEG or lossy WebP) changes values"
    if plain.opacity:
        return "its shape is in the opacity"
    return "its edges are soft" if look is not None and look[0] is MaskLook.SOFT else ""


def _remarks(path: Path, labels: Labels, schema: LabelSchema) -> tuple[str, ...]:
    counts = np.bincount(labels.reshape(-1), minlength=256)
    found = [int(i) for i in np.flatnonzero(counts) if i != 0]
    if not found:
        return ()
    if found == [schema.ignore_index]:
        return (f"Every labelled pixel of the mask is read as ignored: {path}.",)
    if not set(found) & {*schema.ids, schema.ignore_index}:
        return (f"No labelled pixel of the mask has a class that is in the list: {path}.",)
    return ()


@dataclass(frozen=True)
class _MaskFile:
    """A mask, and what is said of it if it cannot be used."""

    path: Path
    image_path: Path
    shape_hw: tuple[int, int] | None
    page: int = 0

    @property
    def name(self) -> str:
        """Its path, and that of its image if that is another file."""
        same = self.path == self.image_path
        return str(self.path) if same else f"{self.path} of {self.image_path}"

    def read(self) -> RawMask:
        """The mask at the image's size, upright."""
        raw = read_mask_file(self.path, self.page)
        turned = _turned(raw, raw.orientation)
        if self.shape_hw is None or turned.shape_hw == self.shape_hw:
            return turned
        if raw.shape_hw == self.shape_hw:  # a tag that was copied from the photo
            return raw
        if raw.shape_hw == self.shape_hw[::-1]:
            orientation = read_orientation(self.image_path)
            if orientation >= 5:  # drawn on the photo as it is stored
                return _turned(raw, orientation)
        raise _wrong_size(self.path, raw.shape_hw, self.image_path, self.shape_hw)

    def class_ids(
        self,
        plain: PlainMask,
        look: tuple[MaskLook, tuple[int, ...]] | None,
        coding: Coding,
        schema: LabelSchema,
    ) -> Labels:
        """Class ids (H, W) by the folder's coding.

        Raises:
            SegstudioError: if the file holds something else.
        """
        if coding.kind == "colour":
            return self._ids_of_colors(plain, coding)
        if look is None:
            return self._object_in_colours(plain, coding, schema)
        kind, values = look
        self._require_levels(plain, kind, coding)
        if coding.kind == "binary":
            return self._object_of(plain, kind, values, coding, schema)
        if kind is MaskLook.SOFT:
            raise self._odd("black and white with soft edges", coding)
        pixels = plain.pixels
        if coding.unit:
            below = [v for v in values if 0 < v < coding.unit]
            if below and not KINDS[coding.kind].below:
                raise self._odd(f"the number {below[0]}", coding)
            values = tuple(sorted({coding.class_of(v) for v in values}))
            pixels = _classes_in(pixels, coding)
        return self._numbers(pixels, values, coding, schema)

    def _object_in_colours(self, plain: PlainMask, coding: Coding, schema: LabelSchema) -> Labels:
        """The object is what is not black; where nothing is, one of several colours could be."""
        if coding.kind != "binary" or not coding.said:
            raise self._odd("colours", coding)
        if plain.lossy:
            raise self._shades(MaskLook.BLURRED_COLOURS)
        keys = color_keys(plain.pixels)
        if keys.all() and (keys != keys[0, 0]).any():
            raise self._odd("several colours and no black", coding)
        inside = keys != 0
        return np.where(inside != coding.inverted, np.uint8(object_id(schema)), np.uint8(0))

    def _object_of(
        self,
        plain: PlainMask,
        look: MaskLook,
        values: tuple[int, ...],
        coding: Coding,
        schema: LabelSchema,
    ) -> Labels:
        pixels = plain.pixels
        if look is MaskLook.NUMBERS and not coding.said:
            raise self._odd(f"the numbers {_shown(values)}", coding)
        if values and 0 not in values and coding.pairs:
            inside = self._above_ground(pixels, values, coding)
            return np.where(inside != coding.inverted, np.uint8(object_id(schema)), np.uint8(0))
        top = 255 if pixels.dtype == np.uint8 else IGNORED_16_BIT
        if look is MaskLook.ONE and not coding.said and not plain.opacity:
            single = max(values)
            if 1 < single < 128:
                raise self._odd(f"the number {single}", coding)
        inside = pixels > top // 2 if look is MaskLook.SOFT else pixels != 0
        return np.where(inside != coding.inverted, np.uint8(object_id(schema)), np.uint8(0))

    def _above_ground(
        self, pixels: npt.NDArray[Any], values: tuple[int, ...], coding: Coding
    ) -> npt.NDArray[np.bool_]:
        """Where the object is in a mask without 0: above the lowest number, which is the ground.

        A number that is alone is what it is in the other masks.
        """
        lowest = values[0]
        if len(values) > 1:
            return np.asarray(pixels != lowest)
        is_ground = any(lowest == low for low, _ in coding.pairs)
        if is_ground and any(lowest == high for _, high in coding.pairs):
            raise SegstudioError(
                f"The mask holds nothing but {lowest}, which is the background in some masks of "
                f"this folder and the object in others: {self.name}.",
                "Save all masks with the same numbers.",
            )
        return np.full(pixels.shape, not is_ground)

    def _numbers(
        self,
        pixels: npt.NDArray[Any],
        values: tuple[int, ...],
        coding: Coding,
        schema: LabelSchema,
    ) -> Labels:
        ignored = [v for v in values if v in coding.ignored]
        rest = [v for v in values if v not in coding.ignored]
        if 255 in rest and schema.get(255) is None and schema.ignore_index == 255:
            found = "255 alone, which may be an object or may count nowhere"
            raise self._odd(found, coding, " If 255 counts nowhere: --ignore 255.")
        if rest and (rest[0] < 0 or rest[-1] > 255):
            raise SegstudioError(
                f"The mask holds values from {rest[0]} to {rest[-1]}: {self.name}.",
                f"Class ids are 0 to 255. If each value is an object: {WAY_TO_SAY}",
            )
        if not ignored or (ignored == [255] and 0 not in coding.ignored):
            return np.ascontiguousarray(pixels.astype(np.uint8, copy=False))
        void = np.isin(pixels, ignored)
        to = 255 if schema.ignore_index is None else schema.ignore_index
        return np.where(void, np.uint8(to), np.where(void, 0, pixels).astype(np.uint8))

    def _ids_of_colors(self, plain: PlainMask, coding: Coding) -> Labels:
        pixels = plain.pixels
        if plain.palette is not None and coding.palettes:
            pixels = plain.palette[pixels]
        elif not plain.is_colour:
            if pixels.dtype != np.uint8:
                raise self._odd("numbers", coding)
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        keys = color_keys(pixels)
        found = _color_table(coding.colors)[keys]
        if (unknown := found < 0).any():
            values = np.unique(keys[unknown])
            if not plain.is_colour and plain.palette is None:
                raise self._odd(f"the numbers {_shown(values_in(plain.pixels))}", coding)
            if plain.lossy:
                raise self._shades(MaskLook.BLURRED_COLOURS)
            shown = listed([f"#{int(k):06X}" for k in values], 4)
            raise SegstudioError(
                f"The mask has colours that are no class: {shown} ({self.name}).",
                "Give each class its colour in segstudio.json, and save masks without soft edges "
                "(as PNG, not JPEG).",
            )
        return found.astype(np.uint8)

    def instance_ids(
        self, plain: PlainMask, coding: Coding, *, beside: bool
    ) -> tuple[InstanceIds, npt.NDArray[np.bool_] | None]:
        """Instance ids (H, W), and where the mask counts nowhere.

        Args:
            plain: The file.
            coding: How the folder is read.
            beside: Whether it lies beside a class mask, which tells what is ignored.
        """
        pixels: npt.NDArray[Any] = plain.pixels
        void = None
        if plain.is_colour:
            if not beside and not coding.coloured and not coding.said:
                raise self._odd("colours", coding)
            blurred = look_at_colours(plain) is MaskLook.BLURRED_COLOURS
            if blurred and (plain.lossy or not coding.said):
                raise self._blurred(plain)
            pixels = color_keys(pixels)  # one colour an object
        else:
            self._check_objects(plain, replace(coding, kind="instances"), beside=beside)
            if coding.ignored and not beside:
                void = np.isin(pixels, coding.ignored)
                pixels = np.where(void, 0, pixels)
        low, high = int(pixels.min()), int(pixels.max())
        if low >= 0 and high <= 65535:
            return np.ascontiguousarray(pixels.astype(np.uint16, copy=False)), void
        values, positions = np.unique(pixels, return_inverse=True)
        if len(values) > 65535:
            raise SegstudioError(
                f"The mask has {len(values)} instances: {self.name}.",
                "segstudio keeps up to 65535 instances an image.",
            )
        numbers = np.cumsum(values != 0).astype(np.uint16) * (values != 0)
        return np.asarray(numbers[positions].reshape(pixels.shape), np.uint16), void

    def _require_levels(self, plain: PlainMask, look: MaskLook, coding: Coding) -> None:
        """Raise if the levels are not what was saved once; a person's word is taken for it."""
        if look is MaskLook.SHADES and not plain.lossy:
            if not coding.said:
                raise SegstudioError(
                    "The mask has several grey levels and stray ones along its edges, as after "
                    f"JPEG or scaling: {self.name}.",
                    f"Save the mask as PNG from its source. {WAY_TO_SAY}",
                )
        elif look in (MaskLook.SHADES, MaskLook.PHOTO):
            raise self._shades(look)

    def _check_objects(self, plain: PlainMask, coding: Coding, *, beside: bool) -> None:
        look, values = look_at(plain)
        self._require_levels(plain, look, coding)
        if look is MaskLook.SOFT:
            raise self._odd("black and white with soft edges", coding)
        white = look is MaskLook.ONE and is_white(max(values))
        if white and not beside and not coding.white and not coding.said:
            raise self._odd("black and white", coding)

    def check_ids(self, labels: Labels, schema: LabelSchema, *, strict: bool) -> None:
        """Raise if the mask has ids that the given classes have not."""
        unknown = sorted({*values_in(labels)} - {*schema.ids, 0, schema.ignore_index or 0})
        if not unknown or (not strict and len(unknown) <= _MAX_UNDECLARED):
            return
        raise SegstudioError(
            f"The mask has unknown values: {_shown(unknown)} ({self.name}).",
            "Add them to the classes, or choose the right ignore index.",
        )

    def _odd(self, found: str, coding: Coding, way: str = "") -> SegstudioError:
        return SegstudioError(
            f"The mask holds {found}; the masks of this folder are read as "
            f"{KINDS[coding.kind].name}: {self.name}.",
            WAY_TO_SAY + way,
        )

    def _blurred(self, plain: PlainMask) -> SegstudioError:
        if plain.lossy:
            return self._shades(MaskLook.BLURRED_COLOURS)
        return SegstudioError(
            "The mask has hundreds of stray colours along its edges, as after JPEG or scaling: "
            f"{self.name}.",
            f"Save the mask as PNG from its source. {WAY_TO_SAY}",
        )

    def _shades(self, look: MaskLook) -> SegstudioError:
        if look is MaskLook.PHOTO:
            text = "unknown values, as a photograph or a map of probabilities"
            hint = "It is not used."
        else:
            several = "colours" if look is MaskLook.BLURRED_COLOURS else "several grey levels"
            text = f"{several} in a format that changes them (JPEG or lossy WebP)"
            hint = "Which class a pixel had cannot be told any more. Save the mask as PNG."
        return SegstudioError(f"The mask has {text}: {self.name}.", hint)


def _classes_in(pixels: npt.NDArray[Any], coding: Coding) -> npt.NDArray[Any]:
    """The classes of numbers that are class and object, (H, W): `Coding.class_of` of each."""
    wide = pixels.astype(np.int64)
    coded = (wide >= coding.unit) & (wide != IGNORED_16_BIT)
    return np.where(coded, wide // coding.unit, wide)


def _shown(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")


@lru_cache(maxsize=2)
def _color_table(colors: tuple[tuple[Color, int], ...]) -> npt.NDArray[np.int16]:
    table = np.full(1 << 24, -1, np.int16)
    for (r, g, b), class_id in colors:
        table[(r << 16) | (g << 8) | b] = class_id
    return table


def _turned(raw: RawMask, orientation: int) -> RawMask:
    if not 2 <= orientation <= 8:
        return raw
    alpha = None if raw.alpha is None else upright(raw.alpha, orientation)
    return RawMask(upright(raw.pixels, orientation), raw.palette, raw.lossy, alpha)


def _wrong_size(
    path: Path, mask_hw: tuple[int, ...], image_path: Path, shape_hw: tuple[int, ...]
) -> SegstudioError:
    return SegstudioError(
        f"The mask is {mask_hw[1]} x {mask_hw[0]} pixels, but its image is "
        f"{shape_hw[1]} x {shape_hw[0]}: {path} of {image_path}.",
        "It is not used; the image opens without ground truth.",
    )
