"""Detections with scores as COCO's JSON: what `segstudio predict --save png,coco` writes.

One object of "images", "categories" and "annotations", the latter with a "score" each: what COCO
calls results, together with the names and sizes of the images, so that the file explains itself.
Masks are run lengths over the whole image, column by column, compressed as COCO compresses them;
they may overlap, and none is left out for its score.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text
from segstudio.core.found_objects import FoundObjects
from segstudio.core.geometry import Rect
from segstudio.core.instances import Instances
from segstudio.core.json_text import json_fault
from segstudio.core.labels import Mask
from segstudio.core.regular_file import check_regular
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8_json
from segstudio.storage.write_root import WriteRoot

COCO_NAME: Final = "coco.json"
"""The file in the folder of predictions."""
_MASK_FILE: Final = "mask_file"
_MOST_BYTES: Final = 2 << 30
_MOST_RUNS: Final = 1 << 24
_DAMAGED: Final = (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError)


@dataclass
class CocoFile:
    """Detections by image, each image as the JSON text of its entries: little memory, no copies.

    Attributes:
        path: Where it is written.
        schema: The classes; a category's id is the class's.
        entries: By the name of the mask file, (its entry of "images", its annotations), without
            the ids that depend on the others.
    """

    path: Path
    schema: LabelSchema
    entries: dict[str, tuple[dict[str, Any], list[str]]] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path, schema: LabelSchema) -> CocoFile:
        """What the file holds that is there already; empty if there is none.

        Raises:
            SegstudioError: if it is there and cannot be read.
        """
        found = cls(path, schema)
        if not path.exists():
            return found
        content = _Content.of(path)
        for image_id, image in content.images.items():
            own = [
                {k: v for k, v in a.items() if k not in ("id", "image_id")}
                for a in content.annotations.get(image_id, ())
            ]
            key = str(image.get(_MASK_FILE, image["file_name"]))
            plain = {k: v for k, v in image.items() if k != "id"}
            found.entries[key] = (plain, [json.dumps(a, allow_nan=False) for a in own])
        return found

    def put(
        self,
        mask_file: str,
        image_file: str,
        shape_hw: tuple[int, int],
        instances: Instances,
        mask_threshold: float,
    ) -> None:
        """Add or replace the detections of an image.

        Args:
            mask_file: Name of its class map among the predictions.
            image_file: Name of the image.
            shape_hw: Its (H, W).
            instances: All detections, whatever their score, in order of falling score.
            mask_threshold: A pixel belongs to a detection above this probability.
        """
        image = {
            "file_name": image_file,
            "height": shape_hw[0],
            "width": shape_hw[1],
            _MASK_FILE: mask_file,
        }
        self.entries[mask_file] = (image, [*_annotations(instances, shape_hw, mask_threshold)])

    def write(self, root: WriteRoot) -> None:
        """Write the file, replaced as a whole.

        Args:
            root: The folder of the predictions, which is not left.

        Raises:
            SegstudioError: if it cannot be written.
        """
        categories = [
            {"id": c.id, "name": c.name, "supercategory": ""}
            for c in self.schema.classes
            if c.id != self.schema.background_id
        ]
        images: list[str] = []
        annotations: list[str] = []
        for image_id, key in enumerate(sorted(self.entries), start=1):
            image, texts = self.entries[key]
            images.append(json.dumps({"id": image_id, **image}))
            for text in texts:
                head = f'{{"id": {len(annotations) + 1}, "image_id": {image_id}, '
                annotations.append(head + text.removeprefix("{"))
        parts = (
            f'"categories": {json.dumps(categories, ensure_ascii=False)}',
            f'"images": [\n{_LINES.join(images)}\n]',
            f'"annotations": [\n{_LINES.join(annotations)}\n]',
        )
        root.write(self.path, utf8_json("{\n" + _LINES.join(parts) + "\n}\n"))


_LINES: Final = ",\n"


def _annotations(
    instances: Instances, shape_hw: tuple[int, int], mask_threshold: float
) -> Iterator[str]:
    from pycocotools import mask as coco_mask

    for index in range(len(instances)):
        rect, part = instances.mask(index, shape_hw, mask_threshold)
        whole = np.zeros(shape_hw, np.uint8, order="F")
        whole[rect.slices] = part
        x0, y0, x1, y1 = (float(v) for v in instances.boxes[index])
        yield json.dumps(
            {
                "category_id": int(instances.classes[index]),
                "score": float(f"{instances.scores[index]:.9g}"),  # the same float32 comes back
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": int(part.sum()),
                "iscrowd": 0,
                "segmentation": {
                    "size": list(shape_hw),
                    "counts": coco_mask.encode(whole)["counts"].decode("ascii"),
                },
            },
            allow_nan=False,
        )


class CocoResults:
    """Detections from a file, by image; masks are unpacked when an image is asked for."""

    def __init__(self, path: Path, schema: LabelSchema) -> None:
        """Read the file.

        Args:
            path: A file as `CocoFile` writes it, or another program's of the same form.
            schema: The classes; categories are theirs by name, or else by id.

        Raises:
            SegstudioError: if it cannot be read, or has categories that are no class.
        """
        self.path = path
        content = _Content.of(path)
        self._annotations = content.annotations
        self._by_name: dict[str, int] = {}
        for image_id, image in content.images.items():
            for name in (image.get(_MASK_FILE), image.get("file_name")):
                if isinstance(name, str):
                    self._by_name.setdefault(_key(name), image_id)
        self._classes = _classes_of(content, schema, path)

    def of(self, mask_file: str, shape_hw: tuple[int, int]) -> FoundObjects:
        """The detections of an image, the best first.

        Args:
            mask_file: Name of its class map; the image's name but for the ending.
            shape_hw: Its (H, W).

        Raises:
            SegstudioError: if the file does not know the image, or an entry cannot be used.
        """
        image_id = self._by_name.get(_key(mask_file))
        if image_id is None:
            raise SegstudioError(
                f"{self.path} has no image called like the mask {mask_file}.",
                "Write both in one run: segstudio predict --save png,coco.",
            )
        entries = self._annotations.get(image_id, [])
        try:
            scores = [_number(entry["score"]) for entry in entries]
            order = np.argsort(-np.array(scores, np.float64), kind="stable").tolist()
            masks = [_mask_of(entries[i]["segmentation"], shape_hw) for i in order]
            boxes = [
                _box_of(entries[i].get("bbox"), mask) for i, mask in zip(order, masks, strict=True)
            ]
            classes = [self._classes[int(entries[i]["category_id"])] for i in order]
        except _DAMAGED as error:
            raise SegstudioError(
                f"{self.path}: a detection of {mask_file} cannot be read ({_said(error)}).",
                "Each needs category_id, a score, and a segmentation of run lengths of the "
                "image's size.",
            ) from error
        return FoundObjects(
            np.array(classes, np.uint8),
            np.array([scores[i] for i in order], np.float32),
            np.array(boxes, np.float64).reshape(-1, 4),
            tuple(masks),
        )


@dataclass(frozen=True)
class _Content:
    """What a file holds, its parts found and its ids understood."""

    images: Mapping[int, Mapping[str, Any]]
    categories: Sequence[Mapping[str, Any]]
    annotations: Mapping[int, list[Mapping[str, Any]]]

    @classmethod
    def of(cls, path: Path) -> _Content:
        """Read a file.

        Raises:
            SegstudioError: if it is missing, too large, no JSON, or of another form.
        """
        data = _parsed(path)
        try:
            if not isinstance(data, dict):
                raise TypeError("it is no object")
            images = {int(entry["id"]): entry for entry in data["images"]}
            for entry in images.values():
                if not isinstance(entry["file_name"], str):
                    raise TypeError("a file_name is no text")
            annotations: dict[int, list[Mapping[str, Any]]] = {}
            for entry in data["annotations"]:
                annotations.setdefault(int(entry["image_id"]), []).append(entry)
            return cls(images, [dict(entry) for entry in data.get("categories", [])], annotations)
        except _DAMAGED as error:
            raise SegstudioError(
                f"{path} cannot be read as detections in COCO's form ({_said(error)}).",
                'It needs lists under "images", "categories" and "annotations".',
            ) from error


def _parsed(path: Path) -> Any:
    check_regular(path)
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise SegstudioError(
                f"{path} has {bytes_text(size)}; up to {bytes_text(_MOST_BYTES)} of detections "
                "are read.",
                "Write the detections of fewer images into a file.",
            )
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror or error}).", "Check that you may read it."
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SegstudioError(
            f"{path} is damaged ({_said(error)}).", "Write it again, or move it away."
        ) from error


def _said(error: BaseException) -> str:
    """What an error says, on one short line."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return json_fault(error)
    kind = "missing " if isinstance(error, KeyError) else ""
    return " ".join(f"{kind}{error}".split())[:120] or type(error).__name__


def _classes_of(content: _Content, schema: LabelSchema, path: Path) -> dict[int, int]:
    """The class of each category: that of its name, or else of its id."""
    by_name = {c.name.strip().casefold(): c.id for c in schema.classes}
    used = {
        category
        for entries in content.annotations.values()
        for entry in entries
        if isinstance(category := entry.get("category_id"), int)
    }
    try:
        names = {int(c["id"]): str(c.get("name", "")) for c in content.categories}
    except _DAMAGED as error:
        raise SegstudioError(f"{path} has a category without a number as id.") from error
    found = {}
    for category in used:
        name = names.get(category, "").strip()
        class_id = by_name.get(name.casefold(), category)
        if not 0 <= class_id <= 255:
            raise SegstudioError(
                f"{path} has a category {category} ({name or 'without a name'}), which is none of "
                "the classes.",
                "Categories are matched by name, or else by id.",
            )
        found[category] = class_id
    return found


def _key(name: str) -> str:
    """A name without its ending."""
    folder, slash, last = name.replace("\\", "/").rpartition("/")
    stem = last.rpartition(".")[0] or last
    return f"{folder}{slash}{stem}"


def _number(value: Any) -> float:
    found = float(value)
    if isinstance(value, bool | str) or not math.isfinite(found):
        raise ValueError(f"{str(value)[:20]!r} is no score")
    return found


def _box_of(bbox: Any, mask: tuple[Rect, Mask]) -> tuple[float, float, float, float]:
    """The box x0, y0, x1, y1 of an entry, or the one around its mask."""
    if bbox is None:
        rect = mask[0]
        return (float(rect.left), float(rect.top), float(rect.right), float(rect.bottom))
    x, y, w, h = (float(v) for v in bbox)
    if not all(map(math.isfinite, (x, y, w, h))):
        raise ValueError("a box that is not finite")
    return (x, y, x + w, y + h)


def _mask_of(segmentation: Any, shape_hw: tuple[int, int]) -> tuple[Rect, Mask]:
    """The pixels of run lengths: their rectangle, and the mask inside it."""
    size = tuple(int(v) for v in segmentation["size"])
    if size != shape_hw:
        raise ValueError(f"of {size[1]} x {size[0]} pixels, not {shape_hw[1]} x {shape_hw[0]}")
    counts = segmentation["counts"]
    runs = _uncompressed(counts) if isinstance(counts, str) else np.array(counts, np.int64)
    if runs.ndim != 1 or _outside(runs, shape_hw) or int(runs.sum()) != shape_hw[0] * shape_hw[1]:
        raise ValueError("run lengths that do not fill the image")
    ends = np.cumsum(runs)
    starts = ends - runs
    starts, ends = starts[1::2], ends[1::2]
    starts, ends = starts[ends > starts], ends[ends > starts]
    if not starts.size:
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    # Column by column: only the columns from the first to the last are unpacked.
    height = shape_hw[0]
    left, right = int(starts[0]) // height, (int(ends[-1]) - 1) // height + 1
    steps = np.zeros((right - left) * height + 1, np.int8)
    np.add.at(steps, starts - left * height, 1)
    np.add.at(steps, ends - left * height, -1)
    columns = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_).reshape(right - left, height)
    rows = np.flatnonzero(columns.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return Rect(top, left, bottom, right), np.ascontiguousarray(columns[:, top:bottom].T)


def _outside(runs: npt.NDArray[np.int64], shape_hw: tuple[int, int]) -> bool:
    return bool(((runs < 0) | (runs > shape_hw[0] * shape_hw[1])).any())


def _uncompressed(text: str) -> npt.NDArray[np.int64]:
    """Run lengths from COCO's text: numbers of 5 bits a letter, from the third on as differences.

    As rleFrString of pycocotools, which trusts its input; this does not.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text.encode("ascii"):
        bits = letter - 48
        if not 0 <= bits < 64 or shift > 40 or len(runs) > _MOST_RUNS:
            raise ValueError("run lengths that are none")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("run lengths that are cut off")
    return np.array(runs, np.int64)
