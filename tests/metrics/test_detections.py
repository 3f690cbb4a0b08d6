"""Average precision of masks and boxes against pycocotools, and worked out by hand."""

import contextlib
import io
import json
import math

import numpy as np
import pytest
from boxes import box_instances

from segstudio.core.instances import Instances
from segstudio.metrics.detection_curves import average_precision, score_curve
from segstudio.metrics.detections import THRESHOLDS, DetectionMatches
from segstudio.metrics.segments import SegmentMaps


def maps_of(ids, classes=None, *, void=None, predicted=None):
    """Segments of objects; `classes` tells the class of each id, 1 if not given."""
    table = np.ones(int(ids.max()) + 1, np.uint8) if classes is None else np.array(classes)
    labels = np.where(ids > 0, table.astype(np.uint8)[ids], 0).astype(np.uint8)
    if void is not None:
        labels[void], ids = 255, np.where(void, 0, ids).astype(np.uint16)
    found = np.zeros_like(ids) if predicted is None else predicted
    return SegmentMaps.of(labels, ids, (found > 0).astype(np.uint8), found, 255)


def scene(rng, shape):
    """Objects of two classes, and detections that are shifted, doubled, missing or wrong."""
    h, w = shape
    truth = np.zeros(shape, np.uint16)
    classes = [0]
    boxes, scores, labels = [], [], []
    for number, (top, left) in enumerate(np.ndindex(h // 16, w // 16), start=1):
        y, x = top * 16 + 2, left * 16 + 2
        side = int(rng.integers(6, 12))
        truth[y : y + side, x : x + side] = number
        classes.append(int(rng.integers(1, 3)))
        for _ in range(int(rng.integers(0, 3))):
            dx, dy, grow = rng.integers(-2, 3, 3)
            boxes.append([x + dx, y + dy, x + dx + side - 1 + grow, y + dy + side - 1])
            scores.append(rng.choice([rng.uniform(0.05, 1), 0.5]))  # some are equal
            labels.append(classes[-1] if rng.random() < 0.9 else 3 - classes[-1])
    order = np.argsort(-np.array(scores), kind="stable")
    found = box_instances(
        [boxes[i] for i in order], [scores[i] for i in order], [labels[i] for i in order], 0.9
    )
    return truth, classes, found


def coco_precision(scenes, kind, crowds=None):
    """(classes, thresholds) AP by pycocotools; `crowds` are masks by class of each image."""
    from pycocotools import mask as coco_mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def encode(mask):
        return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))

    annotations, results = [], []
    for image, (truth, classes, found) in enumerate(scenes):
        for number in range(1, int(truth.max()) + 1):
            mask = truth == number
            y, x = np.nonzero(mask)
            box = [x.min(), y.min(), x.max() + 1 - x.min(), y.max() + 1 - y.min()]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": classes[number],
                 "iscrowd": 0, "segmentation": encode(mask), "area": float(mask.sum()),
                 "bbox": [float(v) for v in box]}
            )  # fmt: skip
        for class_id, mask in (crowds[image] if crowds else {}).items():
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": class_id,
                 "iscrowd": 1, "segmentation": encode(mask), "area": float(mask.sum()),
                 "bbox": [0.0, 0.0, 1.0, 1.0]}
            )  # fmt: skip
        for index in range(len(found)):
            mask = np.zeros(truth.shape, np.bool_)
            rect, part = found.mask(index, truth.shape)
            mask[rect.slices] = part
            x0, y0, x1, y1 = (float(v) for v in found.boxes[index])
            shape = {"segmentation": encode(mask)} if kind == "mask" else {}
            results.append(
                {"image_id": image, "category_id": int(found.classes[index]),
                 "bbox": [x0, y0, x1 - x0, y1 - y0], "score": float(found.scores[index]), **shape}
            )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        height, width = scenes[0][0].shape
        coco.dataset = {
            "images": [{"id": i, "height": height, "width": width} for i in range(len(scenes))],
            "annotations": annotations,
            "categories": [{"id": 1}, {"id": 2}],
        }
        coco.createIndex()
        how = {"mask": "segm", "box": "bbox"}[kind]
        evaluation = COCOeval(coco, coco.loadRes(results), how)
        evaluation.params.maxDets = [1000]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, 0].mean(axis=1).T


@pytest.mark.parametrize("kind", ["mask", "box"])
@pytest.mark.parametrize("seed", range(3))
def test_it_equals_pycocotools(seed, kind):
    rng = np.random.default_rng(seed)
    scenes = [scene(rng, (64, 96)) for _ in range(6)]
    expected = coco_precision(scenes, kind)
    images = [
        DetectionMatches.of_instances(maps_of(truth, classes), found)
        for truth, classes, found in scenes
    ]
    found = average_precision(DetectionMatches.total(images), [1, 2], kind)
    np.testing.assert_allclose(found.table, expected, atol=1e-9)
    assert 0.02 < expected.mean() < 0.9
    assert found.ap == pytest.approx(expected.mean())
    assert found.at(0.5) == pytest.approx(expected[:, 0].mean())
    assert found.at(0.75) == pytest.approx(expected[:, 5].mean())
    np.testing.assert_allclose(found.by_class, expected.mean(axis=1))


@pytest.mark.parametrize("kind", ["mask", "box"])
def test_many_objects_equal_scores_and_images_without_any(kind):
    rng = np.random.default_rng(11)
    many = scene(rng, (192, 192))
    many[2].scores[:] = np.round(many[2].scores, 1)[np.argsort(-np.round(many[2].scores, 1))]
    assert len(many[1]) > 140
    assert len(many[2]) > 100
    nothing_there = (np.zeros((192, 192), np.uint16), [0], many[2])
    nothing_found = (many[0], many[1], box_instances([], []))
    nothing = (np.zeros((192, 192), np.uint16), [0], box_instances([], []))
    scenes = [many, nothing_found, nothing, scene(rng, (192, 192)), nothing_there]
    images = [DetectionMatches.of_instances(maps_of(t, c), found) for t, c, found in scenes]
    found = average_precision(DetectionMatches.total(images), [1, 2], kind)
    np.testing.assert_allclose(found.table, coco_precision(scenes, kind), atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_boxes_that_overlap_several_objects_equal_pycocotools(seed):
    """Scattered objects: their boxes overlap, some are the same, though no pixel is shared."""
    rng = np.random.default_rng(seed)
    scenes = []
    for _ in range(4):
        truth = np.zeros((40, 60), np.uint16)
        boxes, scores = [], []
        for number in range(1, 9):
            y, x = rng.integers(0, 4, 2) * (4, 8)
            part = truth[y : y + 20, x : x + 24]
            part[(rng.random(part.shape) < 0.2) & (part == 0)] = number
        for number in np.unique(truth[truth > 0]).tolist():
            ys, xs = np.nonzero(truth == number)
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            boxes += [box, (np.array(box) + rng.integers(-2, 3, 4)).tolist()]
            scores += rng.choice([0.5, 0.7, 0.9], 2).tolist()
        order = np.argsort(-np.array(scores), kind="stable")
        found = box_instances([boxes[i] for i in order], [scores[i] for i in order])
        scenes.append((truth, [0] + [1] * 8, found))
    images = [DetectionMatches.of_instances(maps_of(t, c), found) for t, c, found in scenes]
    found = average_precision(DetectionMatches.total(images), [1], "box")
    np.testing.assert_allclose(found.table[0], coco_precision(scenes, "box")[0], atol=1e-9)


def test_of_several_objects_a_detection_takes_the_one_it_overlaps_most():
    # Two objects whose boxes overlap: 10 x 10 and 10 x 8, in the same place.
    truth = np.zeros((12, 12), np.uint16)
    truth[0, :10] = truth[9, :10] = 1
    truth[1, :10] = truth[8, :10] = 2
    found = box_instances([[0, 0, 10, 10], [0, 1, 10, 9]], [0.9, 0.8])
    matches = DetectionMatches.of_instances(maps_of(truth), found)
    assert matches.hits["box"].tolist() == [1023, 1023]


def test_of_objects_that_overlap_a_detection_alike_the_last_is_taken_as_pycocotools_does():
    truth = np.zeros((10, 14), np.uint16)
    truth[0::2, :10] = 1
    truth[1::2, 4:] = 2
    for second in ([0, 0, 10, 9], [4, 1, 14, 10]):  # on the one object, or on the other
        found = box_instances([[2, 0, 12, 10], second], [0.9, 0.8])
        matches = DetectionMatches.of_instances(maps_of(truth), found)
        scenes = [(truth, [0, 1, 1], found)]
        table = average_precision(matches, [1], "box").table
        np.testing.assert_allclose(table[0], coco_precision(scenes, "box")[0], atol=1e-9)
        assert bool(matches.hits["box"][1] & 1) == (second[0] == 0)


@pytest.mark.parametrize("seed", range(3))
def test_crowds_equal_pycocotools(seed):
    """Pixels of a class without an object's number are a crowd of that class."""
    rng = np.random.default_rng(seed)
    scenes, crowds, images = [], [], []
    for _ in range(4):
        truth, classes, found = scene(rng, (64, 96))
        table = np.array(classes, np.uint8)
        labels = table[truth]
        ids = truth.copy()
        # A third of the objects is not told apart, and a region of class 1 that has none.
        hidden = np.isin(truth, np.flatnonzero(rng.random(len(classes)) < 0.3))
        ids[hidden] = 0
        labels[(truth == 0) & (np.arange(96) < 20)] = 1
        order = {n: i for i, n in enumerate(np.unique(ids[ids > 0]).tolist(), start=1)}
        renumbered = np.vectorize(lambda n, to=order: to.get(n, 0))(ids).astype(np.uint16)
        scenes.append((renumbered, [0, *(classes[n] for n in order)], found))
        crowds.append({c: (labels == c) & (ids == 0) for c in (1, 2)})
        maps = SegmentMaps.of(labels, ids, np.zeros_like(labels), np.zeros_like(ids), 255, [1, 2])
        images.append(DetectionMatches.of_instances(maps, found))
    total = DetectionMatches.total(images)
    expected = coco_precision(scenes, "mask", crowds)
    np.testing.assert_allclose(average_precision(total, [1, 2]).table, expected, atol=1e-9)
    assert (total.left_out["mask"] > 0).any()
    assert np.abs(expected - coco_precision(scenes, "mask")).max() > 0.01


def test_the_thresholds_are_coco_s():
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def three_detections():
    truth = np.zeros((10, 40), np.uint16)
    truth[2:9, 2:9], truth[2:9, 20:27] = 1, 2
    # Two on the objects, one on nothing; a full mask covers its box and a margin of one half.
    boxes = [[2, 2, 9, 9], [30, 2, 37, 9], [20, 2, 27, 9]]
    return truth, box_instances(boxes, [0.9, 0.8, 0.5])


def test_average_precision_by_hand():
    truth, found = three_detections()
    matches = DetectionMatches.of_instances(maps_of(truth), found)
    result = average_precision(matches, [0, 1, 2])
    # The best is right, the second wrong, the third right: precision 1 up to a recall of 0.5,
    # which are 51 of 101 points, then 2/3.
    assert result.at(0.5) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert np.isnan(result.table[[0, 2]]).all()


def test_precision_and_recall_against_the_score():
    truth, found = three_detections()
    curve = score_curve(DetectionMatches.of_instances(maps_of(truth), found))
    assert curve.thresholds[[0, 50, 80, 100]].tolist() == [0, 0.5, 0.8, 1]
    at = [0, 50, 51, 80, 81, 90]
    assert curve.precision[at].tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 2, 1 / 2, 1, 1])
    assert curve.recall[at].tolist() == [1, 1, 0.5, 0.5, 0.5, 0.5]
    assert math.isnan(curve.precision[91])
    assert curve.recall[91] == 0
    assert curve.f1[at].tolist() == pytest.approx([4 / 5, 4 / 5, 1 / 2, 1 / 2, 2 / 3, 2 / 3])
    assert curve.best == 0
    nothing = score_curve(DetectionMatches.total([]))
    assert np.isnan(nothing.f1).all()
    assert math.isnan(nothing.best)


def test_the_curve_counts_what_a_run_at_that_threshold_would():
    rng = np.random.default_rng(5)
    scenes = [scene(rng, (64, 96)) for _ in range(3)]
    total = DetectionMatches.total(
        DetectionMatches.of_instances(maps_of(t, c), found) for t, c, found in scenes
    )
    curve = score_curve(total, [1], iou=0.75)
    for percent in (0, 20, 50, 73, 99):
        right = said = objects = 0
        for truth, classes, found in scenes:
            kept = found.scores >= np.float32(percent / 100)
            part = Instances(*(a[kept] for a in (
                found.boxes, found.scores, found.classes, found.masks
            )))  # fmt: skip
            matches = DetectionMatches.of_instances(maps_of(truth, classes), part)
            mine = matches.classes == 1
            said += int(mine.sum())
            right += int((matches.hits["mask"][mine] >> 5 & 1).sum())
            objects += classes.count(1)
        assert curve.recall[percent] == pytest.approx(right / objects)
        assert curve.precision[percent] == pytest.approx(right / said)


def test_objects_without_scores_are_one_point():
    truth = np.zeros((10, 40), np.uint16)
    truth[2:9, 2:9], truth[2:9, 20:27], truth[2:9, 30:37] = 1, 2, 3
    predicted = np.zeros_like(truth)
    predicted[2:9, 2:9], predicted[2:9, 12:18], predicted[2:9, 20:26] = 7, 5, 9
    matches = DetectionMatches.of_segments(maps_of(truth, predicted=predicted))
    assert not matches.scored
    result = average_precision(matches, [1])
    # Two of three are right, two of three are found: 2/3 up to a recall of 2/3, which are 67
    # points. At 0.9 only the first is: IoU 42 / 49 of the other.
    assert result.at(0.5) == result.at(0.85) == pytest.approx(67 / 101 * 2 / 3)
    assert result.at(0.9) == pytest.approx(34 / 101 / 3)
    boxes = average_precision(matches, [1], "box")
    assert boxes.at(0.85) == pytest.approx(67 / 101 * 2 / 3)


def test_nothing_found_and_nothing_to_find():
    nothing = np.zeros((4, 4), np.uint16)
    empty = box_instances([], [])
    matches = DetectionMatches.of_instances(maps_of(nothing), empty)
    assert math.isnan(average_precision(matches, [1]).ap)
    one = maps_of(np.ones((4, 4), np.uint16))
    assert average_precision(DetectionMatches.of_instances(one, empty), [1]).ap == 0
    assert average_precision(DetectionMatches.of_segments(one), [1]).ap == 0


def test_detections_on_ignored_pixels_count_neither_way():
    truth = np.zeros((10, 60), np.uint16)
    truth[1:9, 1:9] = 1
    truth[1:9, 30:38] = 2
    void = np.zeros(truth.shape, bool)
    void[:, 34:] = True  # hides half of the second object
    boxes = [[1, 1, 9, 9], [30, 1, 38, 9], [44, 1, 52, 9], [18, 1, 26, 9]]
    found = box_instances(boxes, [0.6, 0.7, 0.9, 0.8])
    matches = DetectionMatches.of_instances(maps_of(truth, void=void), found)
    # The second fits what is left of its object, the third is on ignored pixels alone.
    assert (matches.hits["mask"] & 1).tolist() == [1, 1, 0, 0]
    assert (matches.left_out["mask"] & 1).tolist() == [0, 0, 1, 0]
    # In order of score: wrong, right, right.
    assert average_precision(matches, [1]).at(0.5) == pytest.approx(2 / 3)
    without = DetectionMatches.of_instances(maps_of(truth), found)
    assert (without.left_out["mask"] == 0).all()


def test_half_of_it_on_ignored_pixels_is_an_error_and_more_is_not():
    truth = np.zeros((1, 40), np.uint16)
    truth[0, 30:] = 1
    void = np.zeros(truth.shape, bool)
    void[0, :10] = True
    for end, left_out in ((20, 0), (19, 1023)):
        predicted = np.zeros_like(truth)
        predicted[0, :end] = 1
        matches = DetectionMatches.of_segments(maps_of(truth, void=void, predicted=predicted))
        assert [matches.left_out[k].tolist() for k in ("mask", "box")] == [[left_out]] * 2


def test_a_detection_on_a_crowd_counts_neither_way_up_to_its_share():
    truth = np.zeros((1, 40), np.uint16)
    truth[0, 30:] = 1
    labels = (truth > 0).astype(np.uint8)
    labels[0, :10] = 1  # of no object
    predicted = np.zeros_like(truth)
    predicted[0, 2:12] = 1
    maps = SegmentMaps.of(labels, truth, (predicted > 0).astype(np.uint8), predicted, 255)
    # 8 of 10 pixels: up to 0.8, the seventh of the thresholds.
    assert DetectionMatches.of_segments(maps).left_out["mask"].tolist() == [2**7 - 1]
    labels[0, 10:16] = 255
    maps = SegmentMaps.of(labels, truth, (predicted > 0).astype(np.uint8), predicted, 255)
    # Without the two ignored pixels it is 8 of 8.
    assert DetectionMatches.of_segments(maps).left_out["mask"].tolist() == [1023]
    other = SegmentMaps.of(labels, truth, 2 * (predicted > 0).astype(np.uint8), predicted, 255)
    assert DetectionMatches.of_segments(other).left_out["mask"].tolist() == [0]


def test_detections_of_background_are_dropped():
    truth, found = three_detections()
    mapped = Instances(found.boxes, found.scores, np.array([1, 0, 1], np.uint8), found.masks)
    matches = DetectionMatches.of_instances(maps_of(truth), mapped)
    assert len(matches) == 2
    assert average_precision(matches, [1]).at(0.5) == 1


def test_as_json_and_back():
    rng = np.random.default_rng(2)
    truth, classes, found = scene(rng, (64, 96))
    matches = DetectionMatches.of_instances(maps_of(truth, classes), found)
    back = DetectionMatches.from_json(json.loads(json.dumps(matches.to_json())))
    assert back.scores.tolist() == matches.scores.tolist()
    first, second = (average_precision(m, [1, 2]).table for m in (matches, back))
    assert first.tolist() == second.tolist()
    assert back.scored


def test_objects_in_a_file_may_have_scores():
    truth = np.zeros((10, 40), np.uint16)
    truth[2:9, 2:9], truth[2:9, 20:27] = 1, 2
    predicted = np.zeros_like(truth)
    predicted[2:9, 2:9], predicted[2:9, 32:38], predicted[2:9, 20:27] = 1, 2, 3
    maps = maps_of(truth, predicted=predicted)
    matches = DetectionMatches.of_segments(maps, np.array([0.9, 0.8, 0.5, 0.1], np.float32))
    assert matches.scored
    assert average_precision(matches, [1]).at(0.5) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert DetectionMatches.of_segments(maps, np.array([0.9, 0.8, 0.5], np.float32)).scored
    assert not DetectionMatches.of_segments(maps, np.array([0.9, 0.8], np.float32)).scored
    # An image in which nothing is found says nothing against the scores of the others.
    nothing = DetectionMatches.of_segments(maps_of(truth))
    assert DetectionMatches.total([matches, nothing]).scored
