"""COCO's panoptic annotations as they are written: by hand, read again, and refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.storage.formats.png import encode_rgb_png
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.panoptic_results import PanopticResults
from segstudio.storage.truth import TruthIndex, read_truth
from segstudio.storage.write_root import WriteRoot

SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(2, "road", (10, 20, 30)),
        ClassSpec(7, "car", (200, 0, 0), thing=True),
    ),
    255,
)


def street():
    """6 x 8: road, two cars that touch (numbers 3 and 300), a car without a number, ignored."""
    labels, ids = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.uint16)
    labels[4:], labels[0, 0], labels[1:3, 1:7], labels[1, 7] = 2, 255, 7, 7
    ids[1:3, 1:4], ids[1:3, 4:7] = 3, 300
    return labels, ids


def write(root, images, schema=SCHEMA):
    """Write a folder of them; returns the JSON."""
    folder = root / "panoptic"
    results = PanopticResults.at(folder, schema)
    for name, (labels, ids) in images.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encode_rgb_png(results.put(name, name, labels, ids)))
    results.write(WriteRoot(root))
    return json.loads((root / "panoptic.json").read_text())


def test_segments_are_those_counted_by_hand(tmp_path):
    found = write(tmp_path, {"a.png": street()})
    (annotation,) = found["annotations"]
    car = 7 * 65536
    assert annotation["segments_info"] == [
        {"id": 2 * 65536, "category_id": 2, "area": 16, "bbox": [0, 4, 8, 2], "iscrowd": 0},
        {"id": car, "category_id": 7, "area": 1, "bbox": [7, 1, 1, 1], "iscrowd": 1},
        {"id": car + 3, "category_id": 7, "area": 6, "bbox": [1, 1, 3, 2], "iscrowd": 0},
        {"id": car + 300, "category_id": 7, "area": 6, "bbox": [4, 1, 3, 2], "iscrowd": 0},
        # 48 pixels less 16 of road, 13 of cars and one ignored
        {"id": 255 * 65536, "category_id": 0, "area": 18, "bbox": [0, 0, 8, 4], "iscrowd": 0},
    ]
    assert annotation["file_name"] == "a.png"
    assert found["images"] == [{"id": 1, "file_name": "a.png", "height": 6, "width": 8}]
    kinds = [(c["id"], c["name"], c["isthing"]) for c in found["categories"]]
    assert kinds == [(0, "background", 0), (2, "road", 0), (7, "car", 1)]


def test_colours_are_ids_red_first(tmp_path):
    write(tmp_path, {"a.png": street()})
    import cv2

    blue, green, red = cv2.imread(str(tmp_path / "panoptic" / "a.png"))[1, 5]
    assert (red, green, blue) == (300 - 256, 1, 7)


def read_back(root, names):
    refs = [ImageRef(name, str(root / "images")) for name in names]
    index = TruthIndex.at(root / "panoptic", refs, None, None).settled(refs)
    return index, [read_truth(ref, index) for ref in refs]


def test_reading_gives_the_same_classes_and_objects(tmp_path):
    labels, ids = street()
    write(tmp_path, {"a.png": (labels, ids)})
    index, (found,) = read_back(tmp_path, ["a.png"])
    assert np.array_equal(found.labels, labels)
    assert np.array_equal(found.instances > 0, ids > 0)
    assert len(np.unique(np.stack([found.instances, ids]).reshape(2, -1), axis=1).T) == 3
    assert [(c.id, c.name, c.thing) for c in index.schema.classes] == [
        (0, "background", False), (2, "road", False), (7, "car", True),
    ]  # fmt: skip
    assert index.schema.ignore_index == 255


def test_images_of_the_same_name_in_two_folders_stay_apart(tmp_path):
    labels, ids = street()
    other = np.full((6, 8), 2, np.uint8), np.zeros((6, 8), np.uint16)
    write(tmp_path, {"x/a.png": (labels, ids), "y/a.png": other})
    _, (first, second) = read_back(tmp_path, ["x/a.png", "y/a.png"])
    assert np.array_equal(first.labels, labels)
    assert (second.labels == 2).all()


def test_what_is_there_stays_unless_its_classes_are_others(tmp_path):
    write(tmp_path, {"a.png": street()})
    assert len(write(tmp_path, {"b.png": street()})["annotations"]) == 2
    others = LabelSchema.from_names(("background", "road", "cell"))
    nothing = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.uint16)
    found = write(tmp_path, {"c.png": nothing}, others)
    assert [each["file_name"] for each in found["annotations"]] == ["c.png"]


def test_a_class_that_has_objects_elsewhere_is_a_crowd_here(tmp_path):
    schema = LabelSchema.from_names(("background", "cell"))
    labels = np.ones((4, 4), np.uint8)
    numbered, bare = np.ones((4, 4), np.uint16), np.zeros((4, 4), np.uint16)
    found = write(tmp_path, {"a.png": (labels, bare), "b.png": (labels, numbered)}, schema)
    crowds = [each["segments_info"][0]["iscrowd"] for each in found["annotations"]]
    assert crowds == [1, 0]
    assert found["categories"][1]["isthing"] == 1


def test_a_class_without_room_is_refused(tmp_path):
    schema = LabelSchema((ClassSpec(0, "a", (0, 0, 0)), ClassSpec(255, "last", (9, 9, 9))), None)
    with pytest.raises(SegstudioError, match="no room for the class last with the number 255"):
        write(tmp_path, {"a.png": street()}, schema)
