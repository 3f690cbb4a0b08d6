"""Writing COCO's panoptic annotations: PNGs whose colours are ids, and the JSON that explains them.

The PNGs lie in a folder, the JSON beside it is called like the folder; `panoptic_file` reads both.
A segment's id is 65536 times its class plus the number of its object; the background, which has
no number but is a class that predictions are held against, has the class's place 255. What is
ignored has the id 0, which is unlabelled. Scores, and what an object hides, have no place in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json_or
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8_json
from segstudio.storage.write_root import WriteRoot

PANOPTIC_NAME: Final = "panoptic"
"""The folder of the PNGs; with .json the file beside it."""
_CLASS: Final = 16
_NUMBER: Final = (1 << _CLASS) - 1
_BACKGROUND: Final = 255
"""The place of class 0, since the id 0 is unlabelled."""
_LINES: Final = ",\n"


@dataclass
class PanopticResults:
    """The JSON of a folder of PNGs, image by image.

    Attributes:
        folder: Where the PNGs lie.
        schema: The classes; a category's id is the class's.
        entries: By the name of the PNG from the folder on, (its image, its segments).
    """

    folder: Path
    schema: LabelSchema
    entries: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The JSON."""
        return self.folder.with_name(f"{self.folder.name}.json")

    @classmethod
    def at(cls, folder: Path, schema: LabelSchema) -> PanopticResults:
        """What the JSON holds that is there already; empty if it is none or has other classes."""
        found = cls(folder, schema)
        data = read_json_or(found.path, None)
        try:
            if any(schema.name_of(int(c["id"])) != c["name"] for c in data["categories"]):
                return found
            images = {image["id"]: image for image in data["images"]}
            for each in data["annotations"]:
                image = {k: v for k, v in images[each["image_id"]].items() if k != "id"}
                found.entries[str(each["file_name"])] = (image, list(each["segments_info"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            found.entries.clear()
        return found

    def put(
        self, name: str, image_file: str, labels: Labels, instances: InstanceIds | None
    ) -> Image:
        """Add or replace an image.

        Args:
            name: Of its PNG, from the folder on.
            image_file: Name of the image.
            labels: (H, W) uint8 class ids.
            instances: (H, W) uint16 numbers of the objects, or None.

        Returns:
            The pixels of the PNG.

        Raises:
            SegstudioError: if there is a class for which ids of segments have no room.
        """
        ids = segment_ids(labels, instances, self.schema)
        height, width = labels.shape
        image = {"file_name": image_file, "height": height, "width": width}
        self.entries[name] = (image, _segments(ids))
        return colours_of(ids)

    def write(self, root: WriteRoot) -> None:
        """Write the JSON, replaced as a whole.

        Args:
            root: The folder that is not left.

        Raises:
            SegstudioError: if it cannot be written.
        """
        segments = [each for _, found in self.entries.values() for each in found]
        things = {c.id for c in self.schema.classes if c.thing}
        things |= {each["category_id"] for each in segments if each["id"] & _NUMBER}
        used = {*self.schema.ids, *(each["category_id"] for each in segments)}
        images: list[str] = []
        annotations: list[str] = []
        for number, name in enumerate(sorted(self.entries), 1):
            image, found = self.entries[name]
            images.append(json.dumps({"id": number, **image}, ensure_ascii=False))
            # of a class with objects, what belongs to none of them is a crowd
            told = [
                {**s, "iscrowd": int(s["category_id"] in things and not s["id"] & _NUMBER)}
                for s in found
            ]
            entry = {"image_id": number, "file_name": name, "segments_info": told}
            annotations.append(json.dumps(entry, ensure_ascii=False))
        parts = (
            f'"categories": {json.dumps(self._categories(used, things), ensure_ascii=False)}',
            f'"images": [\n{_LINES.join(images)}\n]',
            f'"annotations": [\n{_LINES.join(annotations)}\n]',
        )
        root.write(self.path, utf8_json("{\n" + _LINES.join(parts) + "\n}\n"))

    def _categories(self, used: set[int], things: set[int]) -> list[dict[str, Any]]:
        palette = self.schema.palette()
        return [
            {
                "id": i,
                "name": self.schema.name_of(i),
                "supercategory": "",
                "isthing": int(i in things),
                "color": palette[i].tolist(),
            }
            for i in sorted(used - {self.schema.ignore_index})
        ]


def segment_ids(
    labels: Labels, instances: InstanceIds | None, schema: LabelSchema
) -> npt.NDArray[np.uint32]:
    """(H, W) the id of the segment at each pixel; 0 for what is ignored.

    Raises:
        SegstudioError: if there is a class for which ids of segments have no room.
    """
    ignore = schema.ignore_index
    if ignore != _BACKGROUND and ((labels == _BACKGROUND).any() or _BACKGROUND in schema.ids):
        raise SegstudioError(
            f"COCO panoptic has no room for the class {schema.name_of(_BACKGROUND)} with the "
            f"number {_BACKGROUND}.",
            "Give it a smaller number, or export class ids and instance ids.",
        )
    places: npt.NDArray[np.uint32] = (np.arange(256) << _CLASS).astype(np.uint32)
    places[0] = _BACKGROUND << _CLASS
    ids = places.take(labels)
    has_objects = np.ones(256, np.bool_)
    has_objects[0] = False
    if ignore is not None:
        ids[labels == ignore] = 0
        has_objects[ignore] = False
    if instances is not None:
        ids |= np.where(has_objects[labels], instances, 0).astype(np.uint32)
    return ids


def colours_of(ids: npt.NDArray[np.uint32]) -> Image:
    """(H, W, 3) uint8, R + 256 G + 65536 B, of ids of segments."""
    return np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=2).astype(np.uint8)


def _segments(ids: npt.NDArray[np.uint32]) -> list[dict[str, Any]]:
    """The segments of an image by rising id; counted over runs along the rows, which are few."""
    begins = np.ones(ids.shape, np.bool_)
    begins[:, 1:] = ids[:, 1:] != ids[:, :-1]
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=ids.size)
    rows, left = np.divmod(starts, ids.shape[1])
    keys = ids.reshape(-1)[starts]
    order = np.argsort(keys, kind="stable")
    found, firsts = np.unique(keys[order], return_index=True)
    areas = np.add.reduceat(lengths[order], firsts)
    top, bottom = (f.reduceat(rows[order], firsts) for f in (np.minimum, np.maximum))
    x0 = np.minimum.reduceat(left[order], firsts)
    x1 = np.maximum.reduceat((left + lengths)[order], firsts)
    columns = (found, areas, x0, top, x1 - x0, bottom - top + 1)
    return [
        {"id": key, "category_id": (key >> _CLASS) % _BACKGROUND, "area": area, "bbox": box}
        for key, area, *box in zip(*(column.tolist() for column in columns), strict=True)
        if key
    ]
