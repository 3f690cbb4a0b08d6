"""Lists of classes that a folder can be given: those of the usual data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from segstudio.core.schema import LabelSchema
from segstudio.models.published import COCO_CATEGORIES, categories_schema
from segstudio.storage.published_classes import cityscapes_schema, listed_schema, voc_schema


@dataclass(frozen=True)
class ClassPreset:
    """A published list of classes.

    Attributes:
        key: Short name, for commands.
        title: Name of the data set and number of its classes.
        tip: How its masks count.
        schema: Makes the classes, with the numbers and colours of the data set.
    """

    key: str
    title: str
    tip: str
    schema: Callable[[], LabelSchema]


PRESETS: tuple[ClassPreset, ...] = (
    ClassPreset(
        "voc", "Pascal VOC, 21 classes",
        "0 is background, 255 counts nowhere", voc_schema,
    ),
    ClassPreset(
        "cityscapes", "Cityscapes, 19 classes",
        "By the ids in its files; 0 is unlabelled and counts nowhere", cityscapes_schema,
    ),
    ClassPreset(
        "ade20k", "ADE20K, 150 classes",
        "1 to 150; 0 is everything else and counts nowhere", partial(listed_schema, "ade20k"),
    ),
    ClassPreset(
        "camvid11", "CamVid, 11 classes",
        "0 is the sky; 11 is unlabelled and counts nowhere", partial(listed_schema, "camvid11"),
    ),
    ClassPreset(
        "camvid32", "CamVid, 32 classes",
        "In the order of their names; 0 is void and counts nowhere",
        partial(listed_schema, "camvid32"),
    ),
    ClassPreset(
        "coco", "COCO, 80 things",
        "By the ids in its files, 1 to 90; 0 is background",
        partial(categories_schema, COCO_CATEGORIES, things=True),
    ),
)  # fmt: skip
