"""The published classes of the usual data sets, and how their masks say them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from segstudio.core.schema import ClassSpec, Color, LabelSchema
from segstudio.resources import resource_path

VOC_NAMES: Final = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip
_VOC_VOID: Final = (224, 224, 192)

_CITYSCAPES: Final[tuple[tuple[str, int, int, Color], ...]] = (
    ("unlabeled", 0, -1, (0, 0, 0)),
    ("dynamic", 5, -1, (111, 74, 0)),
    ("ground", 6, -1, (81, 0, 81)),
    ("road", 7, 0, (128, 64, 128)),
    ("sidewalk", 8, 1, (244, 35, 232)),
    ("parking", 9, -1, (250, 170, 160)),
    ("rail track", 10, -1, (230, 150, 140)),
    ("building", 11, 2, (70, 70, 70)),
    ("wall", 12, 3, (102, 102, 156)),
    ("fence", 13, 4, (190, 153, 153)),
    ("guard rail", 14, -1, (180, 165, 180)),
    ("bridge", 15, -1, (150, 100, 100)),
    ("tunnel", 16, -1, (150, 120, 90)),
    ("pole", 17, 5, (153, 153, 153)),
    ("traffic light", 19, 6, (250, 170, 30)),
    ("traffic sign", 20, 7, (220, 220, 0)),
    ("vegetation", 21, 8, (107, 142, 35)),
    ("terrain", 22, 9, (152, 251, 152)),
    ("sky", 23, 10, (70, 130, 180)),
    ("person", 24, 11, (220, 20, 60)),
    ("rider", 25, 12, (255, 0, 0)),
    ("car", 26, 13, (0, 0, 142)),
    ("truck", 27, 14, (0, 0, 70)),
    ("bus", 28, 15, (0, 60, 100)),
    ("caravan", 29, -1, (0, 0, 90)),
    ("trailer", 30, -1, (0, 0, 110)),
    ("train", 31, 16, (0, 80, 100)),
    ("motorcycle", 32, 17, (0, 0, 230)),
    ("bicycle", 33, 18, (119, 11, 32)),
)
"""Name, id, number for training (-1: not scored) and colour, from the data set's own scripts.

Left out is what has the id or the colour of another one: 1 to 4 are black as 0 is, pole groups (18)
are coloured as poles, and license plates (-1) as cars.
"""
FIRST_THING: Final = 24
LAST_ID: Final = 33
LAST_TRAIN_ID: Final = 18

Numbering = Literal["ids", "train"]
"""Which numbers masks of Cityscapes have: the ids, or those for training."""

CITYSCAPES_VOID: Final[dict[Numbering, frozenset[int]]] = {
    "ids": frozenset({*range(-1, LAST_ID + 1), 255})
    - {i for _, i, train, _ in _CITYSCAPES if train >= 0},
    "train": frozenset({-1, 255}),
}
"""The numbers that are not scored."""


def voc_colors() -> list[Color]:
    """The colours of the 21 classes: the bits of the id, spread over r, g, b from the top."""
    return [
        tuple(  # type: ignore[misc]
            sum(((i >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3))
            for channel in range(3)
        )
        for i in range(len(VOC_NAMES))
    ]


def voc_schema(ignore_index: int | None = 255) -> LabelSchema:
    """The 21 classes of Pascal VOC with its colours."""
    named = zip(VOC_NAMES, voc_colors(), strict=True)
    classes = (ClassSpec(i, name, color) for i, (name, color) in enumerate(named))
    return LabelSchema(tuple(classes), ignore_index)


def cityscapes_schema(numbering: Numbering = "ids") -> LabelSchema:
    """The 19 classes of Cityscapes that are scored, with its colours.

    By their ids, then 0 is what counts nowhere; or by their numbers for training, then 255 is.
    """
    by_id = numbering == "ids"
    classes = [
        ClassSpec(i if by_id else train, name, color, i >= FIRST_THING)
        for name, i, train, color in _CITYSCAPES
        if train >= 0
    ]
    if not by_id:
        return LabelSchema(tuple(classes), 255)
    return LabelSchema((ClassSpec(0, "unlabeled", (0, 0, 0)), *classes), 0)


@cache
def listed_schema(name: str) -> LabelSchema:
    """The classes of a list that ships with the program: "ade20k", "camvid11" or "camvid32".

    Numbers, names and colours are those of the data set; what it does not score counts nowhere.
    CamVid's 32 classes have no numbers of their own: void is 0 here, the others follow by name.
    """
    classes, void = [], None
    text = resource_path("classes", f"{name}.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        number, red, green, blue, kind, called = line.split(" ", 5)
        color = (int(red), int(green), int(blue))
        classes.append(ClassSpec(int(number), called, color, kind == "thing"))
        if kind == "void":
            void = int(number)
    return LabelSchema(tuple(classes), void)


@dataclass(frozen=True)
class PublishedColors:
    """What the colours of masks are in a data set.

    Attributes:
        title: Of the data set.
        schema: Its classes.
        ids: The class, or the ignore index, of each of its colours.
    """

    title: str
    schema: LabelSchema
    ids: dict[Color, int]

    @property
    def void(self) -> list[Color]:
        """The colours of what counts nowhere."""
        return [color for color, i in self.ids.items() if i == self.schema.ignore_index]


def published_colors(colors: Collection[Color]) -> PublishedColors | None:
    """The data set that has all of some colours, or None if there is none.

    Args:
        colors: Without black, which is in all of them.
    """
    voc = {color: i for i, color in enumerate(voc_colors())}
    city = {color: i if train >= 0 else 0 for _, i, train, color in _CITYSCAPES}
    camvid = listed_schema("camvid32")
    tables = (
        PublishedColors("Pascal VOC", voc_schema(), {**voc, _VOC_VOID: 255}),
        PublishedColors("Cityscapes", cityscapes_schema(), city),
        PublishedColors("CamVid", camvid, {spec.color: spec.id for spec in camvid.classes}),
    )
    return next((table for table in tables if colors and table.ids.keys() >= {*colors}), None)
