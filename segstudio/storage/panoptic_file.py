"""COCO's panoptic annotations: which colour of a mask is which object of which class.

A PNG's colours are ids, R + 256 G + 65536 B; a JSON beside the folder of the PNGs says for each
image which id is of which category, and which regions are crowds
(https://cocodataset.org/#format-data).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.class_names import key_of
from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json_or
from segstudio.core.labels import LabelMap
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color

_VOID = 255
_MAX_DEPTH = 4


@dataclass(frozen=True)
class Segment:
    """A region: its class, and whether it is one object (no stuff and no crowd)."""

    class_id: int
    is_object: bool


@dataclass(frozen=True, eq=False)
class PanopticFile:
    """The content of the JSON.

    Attributes:
        stamp: Changes with the file.
        folder: The folder of the PNGs.
        schema: Its categories, under their own ids where these are 0 to 254, else numbered from 1;
            0 is background unless it is one of them, and 255 what is unlabelled.
        segments: By name of the PNG from the folder on, then by id.
        renamed: The class in force by a class of `schema`, where it has another id.
    """

    stamp: str
    folder: Path
    schema: LabelSchema
    segments: Mapping[str, Mapping[int, Segment]]
    renamed: Mapping[int, int] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.stamp.rpartition("|")[0])

    def segments_of(self, path: Path) -> Mapping[int, Segment]:
        """The regions of a PNG.

        Raises:
            SegstudioError: if the JSON does not have it.
        """
        inside = path.is_relative_to(self.folder)
        name = path.relative_to(self.folder).as_posix() if inside else path.name
        found = self.segments.get(name, self.segments.get(path.name))
        if found is None:
            raise SegstudioError(
                f"The mask {path} is not in {self.path}.",
                "It is not used: its colours are ids that this file would have to explain.",
            )
        if not self.renamed:
            return found
        return {
            i: replace(segment, class_id=self.renamed.get(segment.class_id, segment.class_id))
            for i, segment in found.items()
        }

    def in_classes(self, schema: LabelSchema) -> PanopticFile:
        """The same in classes that were given: categories are theirs by name, or else by id."""
        by_name = {key_of(c.name): c.id for c in schema.classes}
        ids = {c.id: by_name.get(key_of(c.name), c.id) for c in self.schema.classes}
        return replace(self, renamed={old: new for old, new in ids.items() if new != old})

    @classmethod
    def beside(cls, folders: Iterable[Path]) -> PanopticFile | None:
        """The one of the first folder of PNGs that has one: `panoptic_val.json` beside it.

        Of a folder in the folder of PNGs it is that one's.
        """
        around = (place for f in folders for place in (f, *f.parents[:_MAX_DEPTH]))
        for folder in dict.fromkeys(around):
            path = folder.parent / f"{folder.name}.json"
            found = cls._read(path, folder) if path.is_file() else None
            if found is not None:
                return found
        return None

    @classmethod
    def _read(cls, path: Path, folder: Path) -> PanopticFile | None:
        data = read_json_or(path, None)
        try:
            return cls._of(data, f"{path}|{path.stat().st_mtime_ns}", folder)
        except (KeyError, TypeError, ValueError, AttributeError, OSError):
            return None  # some other JSON

    @classmethod
    def _of(cls, data: Any, stamp: str, folder: Path) -> PanopticFile:
        categories = {int(c["id"]): c for c in data["categories"]}
        own = all(0 <= i < _VOID for i in categories)
        numbers = {i: i if own else n for n, i in enumerate(sorted(categories), 1)}
        if len(numbers) >= _VOID:
            raise ValueError("more classes than there are numbers")
        is_there = 0 in numbers.values()
        classes = [] if is_there else [ClassSpec(0, "background", (0, 0, 0))]
        for i, category in categories.items():
            r, g, b = category.get("color", distinct_color(numbers[i]))
            thing = bool(category.get("isthing", 1))
            spec = ClassSpec(numbers[i], str(category["name"]), (int(r), int(g), int(b)), thing)
            classes.append(spec)
        things = {c.id for c in classes if c.thing}

        def segment(info: Mapping[str, Any]) -> Segment:
            class_id = numbers[int(info["category_id"])]
            return Segment(class_id, class_id in things and not info.get("iscrowd", 0))

        segments = {
            str(image["file_name"]): {int(s["id"]): segment(s) for s in image["segments_info"]}
            for image in data["annotations"]
        }
        return cls(stamp, folder, LabelSchema(tuple(classes), _VOID), segments)


def label_map_of(keys: npt.NDArray[np.uint32], segments: Mapping[int, Segment]) -> LabelMap:
    """Classes and objects of an image.

    Args:
        keys: (H, W) colours, r << 16 | g << 8 | b.
        segments: The image's regions by id. A colour that is none of them counts nowhere.
    """
    colors, places = np.unique(keys, return_inverse=True)
    labels = np.full(len(colors), _VOID, np.uint8)
    ids = np.zeros(len(colors), np.uint16)
    number = 0
    for place, color in enumerate(colors.tolist()):
        found = segments.get((color >> 16) | (color & 0xFF00) | ((color & 0xFF) << 16))
        if found is None:
            continue
        labels[place] = found.class_id
        if found.is_object:
            number += 1
            ids[place] = number
    return LabelMap(
        np.ascontiguousarray(labels[places].reshape(keys.shape)),
        np.ascontiguousarray(ids[places].reshape(keys.shape)),
    )
