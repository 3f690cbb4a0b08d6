"""Many patches of a stroke as a few that do the same."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.merging import in_bands, in_parts, merged


def a_map(shape_hw: tuple[int, int], with_instances: bool = False) -> LabelMap:
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 9, shape_hw).astype(np.uint16) if with_instances else None
    return LabelMap(rng.integers(0, 4, shape_hw).astype(np.uint8), ids)


def a_stroke(annotation: LabelMap, places: list[Rect]) -> tuple[tuple[Patch, ...], LabelMap]:
    """Patches painted one on another, and the map after them; the given map stays as it is."""
    rng = np.random.default_rng(4)
    painted = annotation.copy()
    patches = []
    for number, rect in enumerate(places):
        patch = painted.paint(
            rect, rng.random(rect.shape_hw) < 0.6, 5 + number % 3, instance_id=20 + number
        )
        assert patch is not None
        painted.apply(patch)
        patches.append(patch)
    return tuple(patches), painted


def diagonal(count: int, step: int, side: int = 12) -> list[Rect]:
    tops = [number * step for number in range(count)]
    return [Rect(top, top // 2, top + side, top // 2 + side) for top in tops]


@pytest.mark.parametrize("with_instances", [False, True])
@pytest.mark.parametrize(
    "places",
    [diagonal(200, 8), diagonal(30, 2), diagonal(9, 190, 300), diagonal(5, 50)],
    ids=["long and thin", "short", "thick", "few"],
)
def test_they_do_the_same_and_can_be_taken_back(places, with_instances) -> None:
    annotation = a_map((2000, 1900), with_instances)
    patches, painted = a_stroke(annotation, places)
    first = annotation.copy()

    few = merged(annotation, patches)

    assert len(few) <= len(patches)
    assert annotation.revision == first.revision
    for patch in few:
        annotation.apply(patch)
    assert np.array_equal(annotation.labels, painted.labels)
    for patch in reversed(few):
        annotation.apply(patch.inverse())
    assert np.array_equal(annotation.labels, first.labels)
    if with_instances:
        assert np.array_equal(annotation.instances, first.instances)
        for patch in few:
            annotation.apply(patch)
        assert np.array_equal(annotation.instances, painted.instances)


def test_a_long_thin_stroke_becomes_tiles_along_it() -> None:
    annotation = a_map((2000, 1900))
    patches, _ = a_stroke(annotation, diagonal(240, 8))

    few = merged(annotation, patches)

    touched = np.zeros((2048, 2048), bool)
    for patch in patches:
        touched[patch.rect.slices] = True
    assert len(few) == touched.reshape(8, 256, 8, 256).any(axis=(1, 3)).sum() == 14
    assert sum(patch.before.size for patch in few) < 1924 * 968 / 4
    covered = np.zeros((2000, 1900), int)
    for patch in few:
        covered[patch.rect.slices] += 1
    assert covered.max() == 1


def test_a_dense_stroke_becomes_one_rectangle() -> None:
    annotation = a_map((400, 400))
    patches, _ = a_stroke(annotation, [Rect(10, x, 40, x + 30) for x in range(20, 120, 5)])

    (one,) = merged(annotation, patches)

    assert one.rect == Rect(10, 20, 40, 145)


def test_parts_are_small_and_keep_the_order() -> None:
    annotation = a_map((2000, 1900))
    patches, _ = a_stroke(annotation, diagonal(240, 8))
    few = merged(annotation, patches)

    parts = in_parts(few)

    assert len(parts) > 1
    assert tuple(patch for part in parts for patch in part) == few
    assert max(sum(patch.before.size for patch in part) for part in parts) <= 512 * 512


def test_nothing_has_no_parts() -> None:
    assert in_parts(merged(a_map((8, 8)), ())) == []


def test_a_very_large_change_stays_whole() -> None:
    big = np.zeros((2100, 2100), np.uint8)
    patches = [Patch(Rect(0, 0, 2100, 2100), big, big)] * 2

    assert in_parts(patches) == [tuple(patches)]


@pytest.mark.parametrize("with_instances", [False, True])
def test_a_thin_change_of_a_large_rectangle_becomes_bands_around_it(with_instances) -> None:
    ids = np.zeros((1400, 1400), np.uint16) if with_instances else None
    annotation = LabelMap(np.zeros((1400, 1400), np.uint8), ids)
    mask = np.zeros((1300, 1200), np.bool_)
    mask[np.arange(1300), np.arange(1300) * 1199 // 1299] = True
    patch = annotation.paint(Rect(20, 30, 1320, 1230), mask, 3, instance_id=7)
    assert patch is not None
    wanted = annotation.copy()
    wanted.apply(patch)

    bands = in_bands(patch)

    # seven bands of 186 rows at most, each as wide as the diagonal in it
    assert len(bands) == 7
    assert all(band.rect.height <= 186 and band.rect.width <= 173 for band in bands)
    for band in bands:
        annotation.apply(band)
    assert np.array_equal(annotation.labels, wanted.labels)
    assert np.count_nonzero(annotation.labels == 3) == 1300
    if with_instances:
        assert np.array_equal(annotation.instances, wanted.instances)
    for band in bands:
        annotation.apply(band.inverse())
    assert not annotation.labels.any()


@pytest.mark.parametrize("side", [100, 1200], ids=["small", "full"])
def test_what_is_small_or_full_stays_one_patch(side) -> None:
    annotation = LabelMap(np.zeros((1400, 1400), np.uint8))
    patch = annotation.paint(Rect(20, 30, 20 + side, 30 + side), np.ones((side, side), np.bool_), 3)
    assert patch is not None
    assert in_bands(patch) == (patch,)
