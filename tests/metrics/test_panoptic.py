"""Panoptic quality by hand and against the definition of panopticapi, segment by segment."""

import math
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.metrics.panoptic import PanopticSums
from segstudio.metrics.segments import (
    SegmentMaps,
    boxes_of,
    connected_regions,
    overlaps,
    used_classes,
)

NUCLEI = Path(__file__).resolve().parents[3] / "shared" / "data" / "nuclei" / "instances"


def by_definition(truth, truth_ids, prediction, predicted_ids, void, crowds=()):
    """Kirillov et al., with the rules for void and crowds of panopticapi, in plain Python.

    Segments are (class, instance); those of the ground truth in `crowds` are crowds. Returns
    class -> [tp, fp, fn, sum of IoU].
    """
    maps = (truth, truth_ids, prediction, predicted_ids)
    pixels = list(zip(*(m.ravel().tolist() for m in maps), strict=True))
    wanted = Counter((t, i) for t, i, _, _ in pixels if t != void)
    found = Counter((p, j) for _, _, p, j in pixels if p != void)
    in_void = Counter((p, j) for t, _, p, j in pixels if t == void != p)
    both = Counter(((t, i), (p, j)) for t, i, p, j in pixels if t == p != void)
    result = {}
    matched_truths, matched_found = set(), set()
    for (a, b), shared in both.items():
        if a in crowds:
            continue
        iou = shared / (wanted[a] + found[b] - shared - in_void[b])
        if iou > 0.5:
            row = result.setdefault(a[0], [0, 0, 0, 0.0])
            row[0] += 1
            row[3] += iou
            matched_truths.add(a)
            matched_found.add(b)
    for a in wanted.keys() - matched_truths - set(crowds):
        result.setdefault(a[0], [0, 0, 0, 0.0])[2] += 1
    for b in found.keys() - matched_found:
        crowd = (b[0], 0)
        in_crowd = both[crowd, b] if crowd in crowds else 0
        if (in_void[b] + in_crowd) / found[b] <= 0.5:
            result.setdefault(b[0], [0, 0, 0, 0.0])[1] += 1
    return result


def as_rows(sums):
    names = ("tp", "fp", "fn", "iou")
    return {i: [sums.column(n, [i])[0] for n in names] for i in sums.ids.tolist()}


def random_scene(rng, shape, *, void):
    """Class 0 stuff, class 1 stuff, classes 2 and 3 with boxes as objects; and a distorted copy."""
    h, w = shape
    labels = (np.arange(w) > w * rng.uniform(0.3, 0.7)).astype(np.uint8) * np.ones((h, 1), np.uint8)
    other = np.roll(labels, int(rng.integers(-4, 5)), 1)
    ids, other_ids = np.zeros((2, h, w), np.uint16)
    for number in range(1, 16):
        class_id = int(rng.integers(2, 4))
        y, x = int(rng.integers(0, h - 4)), int(rng.integers(0, w - 4))
        part = (slice(y, y + int(rng.integers(3, 12))), slice(x, x + int(rng.integers(3, 12))))
        labels[part], ids[part] = class_id, number
        if rng.random() < 0.8:
            dy, dx = rng.integers(-1, 2, 2)
            part = tuple(
                slice(max(0, s.start + d), max(0, s.stop + d))
                for s, d in zip(part, (dy, dx), strict=True)
            )
            other[part], other_ids[part] = class_id, 100 + number
    if void:
        hole = rng.random((h // 8, w // 8)) < 0.2
        hole = np.kron(hole, np.ones((8, 8))).astype(bool)
        labels[hole], ids[hole] = 255, 0
        other[rng.random((h, w)) < 0.03] = 255
        other_ids[other == 255] = 0
    return labels, ids, other, other_ids


@pytest.mark.parametrize("void", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_it_equals_the_definition_on_random_scenes(seed, void):
    scene = random_scene(np.random.default_rng(seed), (48, 64), void=void)
    sums = PanopticSums.of(SegmentMaps.of(*scene, 255))
    expected = by_definition(*scene, 255)
    found = as_rows(sums)
    assert found.keys() == expected.keys()
    for class_id, row in expected.items():
        assert found[class_id] == pytest.approx(row), class_id
    assert {2, 3} <= sums.things | {2, 3} - set(expected)
    assert not sums.things & {0, 1}


@pytest.mark.parametrize("seed", range(6))
def test_it_equals_the_definition_with_crowds(seed):
    rng = np.random.default_rng(seed)
    scene = random_scene(rng, (48, 64), void=True)
    truth, truth_ids, _, _ = scene
    truth_ids[np.isin(truth_ids, rng.integers(1, 16, 5))] = 0
    truth[5:20, 5:30], truth_ids[5:20, 5:30] = 2, 0
    expected = by_definition(*scene, 255, {(2, 0), (3, 0)})
    assert expected != by_definition(*scene, 255)
    found = as_rows(PanopticSums.of(SegmentMaps.of(*scene, 255)))
    assert found == {i: pytest.approx(row) for i, row in expected.items()}


@pytest.mark.parametrize("void", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_it_equals_torchmetrics(seed, void):
    torch = pytest.importorskip("torch")
    detection = pytest.importorskip("torchmetrics.functional.detection")
    scene = random_scene(np.random.default_rng(seed), (48, 64), void=void)
    # It has no void in the prediction.
    prediction = np.where(scene[2] == 255, np.uint8(1), scene[2])
    scene = (scene[0], scene[1], prediction, scene[3])
    truth, found = (
        torch.from_numpy(np.stack(scene[i : i + 2], axis=-1).astype(np.int64))[None] for i in (0, 2)
    )
    quality = PanopticSums.of(SegmentMaps.of(*scene, 255)).quality([2, 3, 0, 1])
    expected = detection.panoptic_quality(
        found, truth, things={2, 3}, stuffs={0, 1}, allow_unknown_preds_category=True,
        return_sq_and_rq=True, return_per_class=True,
    )  # fmt: skip
    np.testing.assert_allclose(np.stack([quality.pq, quality.sq, quality.rq], 1), expected)


@pytest.mark.data
def test_it_equals_the_definition_on_real_masks():
    files = sorted(NUCLEI.glob("*.png"))[::130] if NUCLEI.is_dir() else []
    if not files:
        pytest.skip("needs the nuclei data")
    for file in files:
        ids = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[:256, :256].astype(np.uint16)
        truth = (ids > 0).astype(np.uint8)
        moved = np.roll(ids, (2, 1), (0, 1))
        moved[moved % 7 == 3] = 0
        scene = (truth, ids, (moved > 0).astype(np.uint8), moved)
        expected = by_definition(*scene, None)
        found = as_rows(PanopticSums.of(SegmentMaps.of(*scene, None)))
        assert found == {i: pytest.approx(row) for i, row in expected.items()}


def two_objects():
    """Objects of 20 and 10 pixels on stuff of class 0; the second is predicted two short."""
    truth = np.zeros((10, 10), np.uint8)
    ids = np.zeros((10, 10), np.uint16)
    truth[0:2, :], ids[0:2, :] = 1, 1
    truth[5, :], ids[5, :] = 1, 2
    prediction, found = truth.copy(), ids.copy()
    prediction[5, 8:], found[5, 8:] = 0, 0
    return truth, ids, prediction, found


def test_quality_by_hand():
    truth, ids, prediction, found = two_objects()
    prediction[9, :3], found[9, :3] = 1, 7  # an object that is none
    quality = PanopticSums.of(SegmentMaps.of(truth, ids, prediction, found, 255)).quality([0, 1, 2])
    # Class 1: IoU 1 and 8 / 10, one invented. Class 0: 70 pixels, predicted 69, both 67.
    assert quality.sq[1] == pytest.approx(0.9)
    assert quality.rq[1] == pytest.approx(2 / 2.5)
    assert quality.pq[1] == pytest.approx(1.8 / 2.5)
    stuff = 67 / (70 + 69 - 67)
    assert quality.pq[0] == pytest.approx(stuff)
    assert all(math.isnan(v[2]) for v in (quality.pq, quality.sq, quality.rq))
    assert quality.mean() == pytest.approx(((0.72 + stuff) / 2, (0.9 + stuff) / 2, (0.8 + 1) / 2))
    assert quality.mean({1}) == pytest.approx((0.72, 0.9, 0.8))
    assert all(math.isnan(v) for v in quality.mean({2}))


def test_an_iou_of_one_half_is_no_match():
    truth = np.array([[1, 1, 0, 0]], np.uint8)
    ids = np.array([[4, 4, 0, 0]], np.uint16)
    found = np.array([[6, 0, 0, 0]], np.uint16)
    sums = PanopticSums.of(SegmentMaps.of(truth, ids, (found > 0).astype(np.uint8), found, None))
    assert as_rows(sums)[1] == [0, 1, 1, 0]
    quality = sums.quality([1])
    assert (quality.pq[0], quality.sq[0], quality.rq[0]) == (0, 0, 0)


def test_a_segment_mostly_on_ignored_pixels_is_no_error():
    truth = np.array([[255, 255, 255, 0, 0, 0]], np.uint8)
    ids = np.zeros((1, 6), np.uint16)
    for end, invented in ((5, 0), (6, 0), (3, 0)):
        found = np.zeros((1, 6), np.uint16)
        found[0, :end] = 3  # 3 of `end` pixels are ignored: more than half of 5, half of 6
        invented = int(3 / end <= 0.5)
        maps = SegmentMaps.of(truth, ids, (found > 0).astype(np.uint8), found, 255)
        assert PanopticSums.of(maps).column("fp", [1])[0] == invented


def test_a_crowd_is_neither_missed_nor_are_objects_on_it_invented():
    truth = np.array([[1, 1, 1, 1, 1, 0, 2, 2]], np.uint8)
    ids = np.array([[7, 7, 0, 0, 0, 0, 0, 0]], np.uint16)
    found = np.array([[1, 1, 2, 2, 2, 2, 3, 3]], np.uint16)
    maps = SegmentMaps.of(truth, ids, np.ones((1, 8), np.uint8), found, 255)
    # The first is found, the second lies on the crowd with 3 of 4 pixels, the third on class 2.
    assert as_rows(PanopticSums.of(maps)) == {
        0: [0, 0, 1, 0],
        1: [1, 1, 0, 1.0],
        2: [0, 0, 1, 0],
    }
    maps = SegmentMaps.of(truth, ids, np.ones((1, 8), np.uint8), np.minimum(found, 2), 255)
    # With half of its pixels on the crowd it is an error.
    assert as_rows(PanopticSums.of(maps))[1] == [1, 1, 0, 1.0]


def test_ignored_pixels_are_left_out_of_unions():
    truth = np.array([[1, 1, 255, 255, 255]], np.uint8)
    ids = np.array([[1, 1, 0, 0, 0]], np.uint16)
    found = np.array([[9, 9, 9, 9, 9]], np.uint16)
    maps = SegmentMaps.of(truth, ids, (found > 0).astype(np.uint8), found, 255)
    assert as_rows(PanopticSums.of(maps)) == {1: [1, 0, 0, 1.0]}


def test_sums_add_up():
    rng = np.random.default_rng(9)
    scenes = [random_scene(rng, (40, 40), void=True) for _ in range(3)]
    parts = [PanopticSums.of(SegmentMaps.of(*s, 255)) for s in scenes]
    expected = Counter()
    for scene in scenes:
        for class_id, row in by_definition(*scene, 255).items():
            for name, value in zip(("tp", "fp", "fn", "iou"), row, strict=True):
                expected[class_id, name] += value
    total = PanopticSums.total(parts)
    for (class_id, name), value in expected.items():
        assert total.column(name, [class_id])[0] == pytest.approx(value)
    assert PanopticSums.total([]).quality([1]).pq.tolist() == [pytest.approx(math.nan, nan_ok=True)]
    back = PanopticSums.from_json(total.to_json())
    assert back.values.tolist() == total.values.tolist()


class TestSegments:
    def test_regions_stand_for_objects_where_the_prediction_has_none(self):
        truth, ids, prediction, _ = two_objects()
        prediction[3, 3] = 1
        prediction[4, 4] = 1  # touches corners: one region
        maps = SegmentMaps.of(truth, ids, prediction, None, 255)
        assert maps.from_regions
        assert maps.things == {1}
        # The third region reaches the second object by a corner, and makes it 10 pixels of 10.
        assert as_rows(PanopticSums.of(maps))[1][:3] == [2, 0, 0]
        prediction[4, 4] = 0
        maps = SegmentMaps.of(truth, ids, prediction, None, 255)
        assert as_rows(PanopticSums.of(maps))[1][:3] == [2, 1, 0]

    def test_without_objects_in_the_truth_every_class_is_one_segment(self):
        truth, _, prediction, found = two_objects()
        maps = SegmentMaps.of(truth, None, prediction, found, 255)
        assert as_rows(PanopticSums.of(maps))[1] == [1, 0, 0, 28 / 30]
        assert not maps.things
        assert not maps.from_regions

    def test_objects_of_background_are_none(self):
        truth, ids, prediction, found = two_objects()
        found[9, 9] = 40  # its class was mapped to background
        maps = SegmentMaps.of(truth, ids, prediction, found, 255)
        assert maps.things == {1}
        assert as_rows(PanopticSums.of(maps))[1][:3] == [2, 0, 0]

    def test_overlaps_count_every_pair_once(self):
        rng = np.random.default_rng(0)
        a, b = rng.integers(0, 4, (2, 13, 17)).astype(np.uint32)
        expected = Counter(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
        first, second, pixels = overlaps(a, b)
        found = dict(zip(zip(first.tolist(), second.tolist(), strict=True), pixels, strict=True))
        assert found == expected

    def test_boxes_are_those_of_the_pixels(self):
        rng = np.random.default_rng(1)
        keys = rng.choice(np.array([0, 5, 9, 11], np.uint32), (12, 9), p=[0.9, 0.04, 0.03, 0.03])
        keys[3, 7:], keys[4, :2] = 20, 20  # goes on at the start of the next row
        wanted = np.unique(keys)
        boxes = boxes_of(keys, wanted)
        for key, box in zip(wanted, boxes, strict=True):
            y, x = np.nonzero(keys == key)
            assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]

    def test_regions_are_numbered_class_by_class(self):
        labels = np.array([[1, 0, 1, 2], [0, 1, 0, 2], [3, 0, 0, 2]], np.uint8)
        numbers = connected_regions(labels, [1, 2])
        assert numbers.tolist() == [[1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 1]]

    def test_the_classes_that_maps_have(self):
        wide = np.full((3, 40), 7, np.uint8)
        wide[1, 5] = 255
        assert used_classes(wide[:, ::3], np.zeros((2, 2), np.uint8)) == [0, 7]
        assert used_classes(wide, np.zeros((0, 2), np.uint8)) == [7, 255]

    def test_maps_of_different_sizes_are_refused(self):
        with pytest.raises(SegstudioError):
            SegmentMaps.of(np.zeros((2, 2), np.uint8), None, np.zeros((2, 3), np.uint8), None, 0)
