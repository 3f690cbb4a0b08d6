"""Detections as COCO's JSON: what pycocotools reads of it, and what is refused."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from segstudio.core.errors import SegstudioError
from segstudio.core.instances import Instances
from segstudio.core.schema import LabelSchema
from segstudio.storage.coco_results import CocoFile, CocoResults
from segstudio.storage.write_root import WriteRoot

SCHEMA = LabelSchema.from_names(["background", "cell", "fibre"])
SHAPE = (30, 40)


def detections(seed=0, number=6):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-4, 30, (number, 2))
    boxes = np.concatenate([low, low + rng.uniform(3, 20, (number, 2))], axis=1)
    scores = np.sort(rng.random(number).astype(np.float32))[::-1]
    masks = rng.random((number, 28, 28)).astype(np.float16)
    return Instances(boxes.astype(np.float32), scores, rng.integers(1, 3, number, np.uint8), masks)


def whole(rect, mask, shape=SHAPE):
    found = np.zeros(shape, np.bool_)
    found[rect.slices] = mask
    return found


def written(tmp_path, images):
    file = CocoFile(tmp_path / "coco.json", SCHEMA)
    for name, found in images.items():
        file.put(f"{name}.png", f"{name}.jpg", SHAPE, found, 0.5)
    file.write(WriteRoot(tmp_path))
    return tmp_path / "coco.json"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_reads_the_same_masks_scores_and_boxes(tmp_path, capsys):
    images = {"a": detections(0), "b": detections(1, 0), "c": detections(2)}
    coco = COCO(str(written(tmp_path, images)))
    assert {c["id"]: c["name"] for c in coco.cats.values()} == {1: "cell", 2: "fibre"}
    for entry in coco.imgs.values():
        found = images[entry["file_name"][0]]
        assert (entry["height"], entry["width"]) == SHAPE
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[entry["id"]]))
        assert len(annotations) == len(found)
        for index, one in enumerate(annotations):
            expected = whole(*found.mask(index, SHAPE, 0.5))
            np.testing.assert_array_equal(coco.annToMask(one), expected)
            assert one["area"] == expected.sum()
            assert np.float32(one["score"]) == found.scores[index]
            assert one["category_id"] == found.classes[index]
            x0, y0, x1, y1 = found.boxes[index].astype(float)
            assert one["bbox"] == [x0, y0, x1 - x0, y1 - y0]


def test_it_is_read_back_as_it_was(tmp_path):
    path = written(tmp_path, {"a": detections(0), "b": detections(1)})
    found, expected = CocoResults(path, SCHEMA).of("b.png", SHAPE), detections(1)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_array_equal(found.boxes, expected.boxes.astype(np.float64))
    for index, (rect, mask) in enumerate(found.masks):
        np.testing.assert_array_equal(whole(rect, mask), whole(*expected.mask(index, SHAPE, 0.5)))


def test_images_are_added_to_a_file_that_is_there(tmp_path):
    path = written(tmp_path, {"a": detections(0), "b": detections(1)})
    before = json.loads(path.read_text())
    file = CocoFile.at(path, SCHEMA)
    assert set(file.entries) == {"a.png", "b.png"}
    file.put("c.png", "c.jpg", SHAPE, detections(2), 0.5)
    file.put("a.png", "a.jpg", SHAPE, detections(3), 0.5)
    file.write(WriteRoot(tmp_path))
    results = CocoResults(path, SCHEMA)
    for name, seed in (("a", 3), ("b", 1), ("c", 2)):
        np.testing.assert_array_equal(
            results.of(f"{name}.png", SHAPE).scores, detections(seed).scores
        )
    after = json.loads(path.read_text())
    assert [i["id"] for i in after["images"]] == [1, 2, 3]
    assert [a["id"] for a in after["annotations"]] == list(range(1, 19))
    kept = [a["segmentation"] for a in before["annotations"] if a["image_id"] == 2]
    assert [a["segmentation"] for a in after["annotations"] if a["image_id"] == 2] == kept


def foreign(tmp_path, entries, **more):
    """A file of another program with an image of 3 x 2 pixels."""
    data = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": 2, "width": 3}],
        "categories": [{"id": 44, "name": "Cell"}, {"id": 2, "name": "other"}],
        "annotations": [{"image_id": 7, "category_id": 44, **entry} for entry in entries],
        **more,
    }
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(data))
    return path


RUNS = {"size": [2, 3], "counts": [1, 2, 3]}  # column by column: x = 0, y = 1 and x = 1, y = 0


def test_files_of_other_programs(tmp_path):
    path = foreign(
        tmp_path,
        [
            {"score": 0.25, "segmentation": RUNS, "category_id": 2},
            {"score": 1, "segmentation": {"size": [2, 3], "counts": [6]}, "bbox": [0, 0, 3, 2]},
            {"score": 0.5, "segmentation": RUNS},
        ],
    )
    found = CocoResults(path, SCHEMA).of("a.png", (2, 3))
    assert found.scores.tolist() == [1, 0.5, 0.25]  # the best first
    assert found.classes.tolist() == [1, 1, 2]  # by name, and by id where no class is called so
    assert found.boxes.tolist() == [[0, 0, 3, 2], [0, 0, 2, 2], [0, 0, 2, 2]]
    assert whole(*found.masks[1], shape=(2, 3)).tolist() == [
        [False, True, False],
        [True, False, False],
    ]
    assert not found.masks[0][1].any()


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_are_those_of_pycocotools(tmp_path, seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 70)), int(rng.integers(1, 90)))
    masks = [rng.random(shape) < share for share in (0, 0.001, 0.1, 0.5, 0.9, 1)]
    masks.append(np.kron(masks[2], np.ones((5, 5)))[: shape[0], : shape[1]] > 0)
    entries = []
    for mask in masks:
        packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        runs = {"size": packed["size"], "counts": packed["counts"].decode()}
        entries.append({"score": 0.5, "segmentation": runs})
    found = CocoResults(foreign(tmp_path, entries), SCHEMA).of("a.png", shape)
    for mask, (rect, part) in zip(masks, found.masks, strict=True):
        np.testing.assert_array_equal(whole(rect, part, shape), mask)


def damaged(**change):
    return [{"score": 0.5, "segmentation": RUNS} | change]


@pytest.mark.parametrize(
    "entries",
    [
        damaged(score=None),
        damaged(score="high"),
        damaged(score=float("nan")),
        damaged(score=float("inf")),
        [{"segmentation": RUNS}],
        [{"score": 0.5}],
        damaged(segmentation=[[0, 0, 1, 0, 1, 1]]),
        damaged(segmentation={"size": [2, 3], "counts": [1, 2]}),
        damaged(segmentation={"size": [2, 3], "counts": [-1, 7]}),
        damaged(segmentation={"size": [2, 3], "counts": [2**62, 2**62, 2**62, 2**62, 6]}),
        damaged(segmentation={"size": [2, 3], "counts": [10**30]}),
        damaged(segmentation={"size": [2, 3], "counts": "oooooooooooooooooooo"}),
        damaged(segmentation={"size": [2, 3], "counts": "\u00ff"}),
        damaged(segmentation={"size": [2, 3], "counts": {"a": 1}}),
        damaged(segmentation={"size": [90000, 90000], "counts": [8100000000]}),
        damaged(segmentation={"size": 5, "counts": [6]}),
        damaged(bbox=[0, 0, float("nan"), 1]),
        damaged(bbox="box"),
        damaged(category_id=[1]),
        damaged(category_id=None),
    ],
)  # fmt: skip
def test_a_detection_that_cannot_be_used_is_one_message(tmp_path, entries):
    path = foreign(tmp_path, entries)
    with pytest.raises(SegstudioError, match=r"foreign\.json.*a\.png") as caught:
        CocoResults(path, SCHEMA).of("a.png", (2, 3))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"images": ' + "[" * 100_000,
        '{"images": []}',
        '{"annotations": []}',
        '{"images": [{"id": 1}], "annotations": []}',
        '{"images": [{"id": 1e999, "file_name": "a"}], "annotations": []}',
        '{"images": [{"id": 1, "file_name": 5}], "annotations": []}',
        '{"images": [3], "annotations": []}',
        '{"images": [], "annotations": [{"image_id": "x"}]}',
        '{"images": [], "annotations": [3]}',
        '{"images": [], "annotations": {"a": 1}}',
        '{"images": [], "annotations": [], "categories": [3]}',
        '{"images": [], "annotations": [], "categories": [{"name": "x"}]}',
        '{"images": [], "annotations": [{"image_id": 1, "category_id": 900}]}',
    ],
)
def test_a_file_of_another_form_is_one_message(tmp_path, text):
    path = tmp_path / "coco.json"
    path.write_text(text)
    with pytest.raises(SegstudioError, match=r"coco\.json") as caught:
        CocoResults(path, SCHEMA)
    assert len(str(caught.value)) < 400


def test_images_that_the_file_does_not_know(tmp_path):
    results = CocoResults(written(tmp_path, {"a": detections(0)}), SCHEMA)
    with pytest.raises(SegstudioError, match=r"no image called like the mask b\.png"):
        results.of("b.png", SHAPE)
    with pytest.raises(SegstudioError, match="40 x 30 pixels, not 8 x 9"):
        results.of("a.png", (9, 8))
