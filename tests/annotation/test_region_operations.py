"""Operations on regions: values by hand, and by scipy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import ConvexHull
from skimage.morphology import disk

from segstudio.annotation.region_operations import OPERATIONS, Target, changed_pixels, operated
from segstudio.core.labels import LabelMap

BY_NAME = {operation.name: operation for operation in OPERATIONS}
ALL = Target()


def drawn(*rows: str) -> LabelMap:
    """A map of class ids from digits; a dot is background."""
    return LabelMap(np.array([[int(c) if c != "." else 0 for c in row] for row in rows], np.uint8))


def told(label_map: LabelMap) -> list[str]:
    return ["".join(str(v) if v else "." for v in row) for row in label_map.labels.tolist()]


def done(label_map, name, amount=0, target=ALL, **more) -> LabelMap:
    return operated(label_map, BY_NAME[name], target, amount, **more)


def blobs(seed=1, classes=1, shape=(60, 70)) -> LabelMap:
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.random((classes + 1, *shape)), (0, 3, 3))
    return LabelMap(noise.argmax(axis=0).astype(np.uint8))


def with_objects(label_map: LabelMap) -> LabelMap:
    """Every connected region is an object."""
    ids = np.zeros(label_map.shape_hw, np.uint16)
    for class_id in range(1, 10):
        numbers, _ = ndimage.label(label_map.labels == class_id)
        ids = np.where(numbers > 0, numbers + ids.max(), ids).astype(np.uint16)
    return LabelMap(label_map.labels.copy(), ids)


def test_holes_are_filled_up_to_a_size_and_what_lies_in_them_stays():
    before = drawn(
        "1111111...",
        "1.111.1...",
        "1111.21...",
        "1111111...",
        ".......11.",
    )
    assert told(done(before, "fill_holes")) == [
        "1111111...",
        "1111111...",
        "1111121...",
        "1111111...",
        ".......11.",
    ]
    small = done(before, "fill_holes", 1)
    assert told(small)[:3] == ["1111111...", "11111.1...", "1111.21..."]


def test_the_largest_part_of_each_class_stays():
    before = drawn("11.1.", "11...", "..222", "2..22")
    assert told(done(before, "keep_largest")) == ["11...", "11...", "..222", "...22"]


def test_the_largest_part_of_each_object_stays():
    labels = np.array([[1, 1, 0, 1, 0, 1, 1]], np.uint8)
    ids = np.array([[4, 4, 0, 4, 0, 5, 5]], np.uint16)
    found = done(LabelMap(labels, ids), "keep_largest")
    assert found.labels.tolist() == [[1, 1, 0, 0, 0, 1, 1]]
    assert found.instances.tolist() == [[4, 4, 0, 0, 0, 5, 5]]


def test_specks_become_what_is_around_them():
    before = drawn("22222.", "21222.", "22222.", "1.....", "....11", "....11")
    assert told(done(before, "remove_specks", 3)) == [
        "22222.", "22222.", "22222.", "......", "....11", "....11",
    ]  # fmt: skip


def test_a_small_object_becomes_background_and_is_not_its_neighbour_s():
    labels = np.ones((3, 5), np.uint8)
    ids = np.full((3, 5), 7, np.uint16)
    ids[1, 2] = 8
    found = done(LabelMap(labels, ids), "remove_specks", 3)
    assert found.labels[1].tolist() == [1, 1, 0, 1, 1]
    assert found.instances[1].tolist() == [7, 7, 0, 7, 7]


@pytest.mark.parametrize("amount", [1, 3, 6])
def test_growing_is_scipy_s_distance_and_leaves_neighbours_alone(amount):
    before = blobs(classes=1)
    far = ndimage.distance_transform_edt(before.labels == 0)
    found = done(before, "grow", amount)
    assert np.array_equal(found.labels == 1, far <= amount)
    two = drawn("1......2")
    assert told(done(two, "grow", 2)) == ["111..222"]
    assert told(done(two, "grow", 9, Target(frozenset({1})))) == ["11111112"]
    assert told(done(drawn("1....2"), "grow", 9)) == ["111222"]


def test_growing_objects_of_one_class_keeps_them_apart():
    labels = np.array([[1, 0, 0, 0, 0, 1]], np.uint8)
    ids = np.array([[3, 0, 0, 0, 0, 5]], np.uint16)
    found = done(LabelMap(labels, ids), "grow", 9)
    assert found.instances.tolist() == [[3, 3, 3, 5, 5, 5]]


@pytest.mark.parametrize("amount", [1, 2, 4])
def test_shrink_and_open_are_scipy_s_but_for_the_image_s_edge(amount):
    before = blobs(classes=1)
    mask = before.labels == 1
    eroded = ndimage.binary_erosion(mask, disk(amount), border_value=1)
    assert np.array_equal(done(before, "shrink", amount).labels == 1, eroded)
    opened = ndimage.binary_dilation(eroded, disk(amount)) & mask
    assert np.array_equal(done(before, "open", amount).labels == 1, opened)


@pytest.mark.parametrize("amount", [1, 2, 4])
def test_close_is_scipy_s(amount):
    before = blobs(classes=1)
    padded = np.pad(before.labels == 1, 10)
    closed = ndimage.binary_closing(padded, disk(amount))[10:-10, 10:-10]
    assert np.array_equal(done(before, "close", amount).labels == 1, closed)


def test_close_does_not_take_a_neighbour_s_pixels():
    before = drawn(*["11.2.11"] * 9)
    found = told(done(before, "close", 3, Target(frozenset({1}))))
    assert found[4] == "1112111"
    assert [row[3] for row in found] == ["2"] * 9


def test_a_hull_holds_the_centres_between_the_corners_of_its_pixels_and_is_of_each_part():
    mask = np.zeros((30, 40), np.uint8)
    mask[3:20, 3:6] = mask[17:20, 3:18] = 1
    found = done(LabelMap(mask.copy()), "hull")
    rows, columns = np.nonzero(mask)
    corners = [np.stack([columns + i, rows + j], 1) for i in (0, 1) for j in (0, 1)]
    sides = ConvexHull(np.concatenate(corners)).equations
    y, x = np.mgrid[:30, :40] + 0.5
    far = (sides[:, 0, None, None] * x + sides[:, 1, None, None] * y + sides[:, 2, None, None]).max(
        0
    )
    clear = np.abs(far) > 1e-9
    assert np.array_equal((found.labels > 0)[clear], (far < 0)[clear])
    assert (found.labels > 0).sum() > mask.sum()
    mask[25:28, 30:33] = 1
    assert (done(LabelMap(mask), "hull").labels[22:24] == 0).all()


def test_smoothing_leaves_no_gap_between_neighbours():
    before = blobs(classes=3)
    before = LabelMap(np.where(before.labels == 0, np.uint8(3), before.labels))
    found = done(before, "smooth", 2)
    assert (found.labels > 0).all()
    assert changed_pixels(before, found).any()
    weights = [ndimage.gaussian_filter((before.labels == c).astype(np.float64), 2, mode="nearest",
                                       truncate=3.0) for c in (1, 2, 3)]  # fmt: skip
    expected = 1 + np.argmax(weights, axis=0)
    assert (found.labels != expected).mean() < 0.002


def test_smoothing_of_one_class_leaves_the_others():
    before = blobs(classes=3)
    found = done(before, "smooth", 2, Target(frozenset({1})))
    others = before.labels > 1
    assert np.array_equal(found.labels[others], before.labels[others])
    assert not np.isin(found.labels[~others], (2, 3)).any()


def test_changing_the_class_keeps_objects_and_background_takes_them():
    before = with_objects(blobs(classes=2))
    found = done(before, "change_class", target=Target(frozenset({1})), into=2)
    assert not (found.labels == 1).any()
    assert np.array_equal(found.instances, before.instances)
    gone = done(before, "change_class", target=Target(frozenset({1})), into=0)
    assert not gone.instances[before.labels == 1].any()


def test_a_selection_and_what_counts_nowhere():
    before = with_objects(drawn("11..11", "11..11", "......", "22...."))
    number = int(before.instances[0, 4])
    found = done(before, "grow", 1, Target(objects=frozenset({number})))
    assert told(found) == ["11.111", "11.111", "....11", "22...."]
    plain = LabelMap(before.labels.copy())
    found = done(plain, "change_class", target=Target(places=((5, 0),)), into=2)
    assert told(found) == ["11..22", "11..22", "......", "22...."]
    found = done(plain, "grow", 9, ignored=(2,))
    assert np.array_equal(found.labels == 2, plain.labels == 2)
    assert (found.labels[3, 2:] == 1).all()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("objects", [False, True], ids=["classes", "objects"])
def test_every_operation_leaves_its_input_and_keeps_objects_of_one_class(operation, objects):
    before = blobs(classes=3)
    before = with_objects(before) if objects else before
    labels = before.labels.copy()
    amount = operation.amount.usual if operation.amount is not None else 0
    found = operated(before, operation, ALL, amount, 2)
    assert np.array_equal(before.labels, labels)
    assert (found.instances is None) == (not objects)
    if objects:
        assert np.array_equal(found.labels == 0, found.instances == 0)
        for number in np.unique(found.instances)[1:]:
            assert len(np.unique(found.labels[found.instances == number])) == 1


def test_what_changes_nothing_gives_the_same_map():
    before = drawn("11", "11")
    assert done(before, "fill_holes") is before
    assert not done(LabelMap.empty((4, 4)), "grow", 3).labels.any()
