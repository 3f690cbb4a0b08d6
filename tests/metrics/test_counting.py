"""The compiled loop counts to the bit as NumPy does, and is loaded only where that is worth it."""

import subprocess
import sys

import numpy as np
import pytest

from segstudio.core.errors import SegstudioError
from segstudio.metrics import counting
from segstudio.metrics.counting import count_pairs
from segstudio.metrics.run_counting import count_runs


@pytest.fixture
def always(monkeypatch):
    """The loop is loaded at once and for the smallest maps."""
    monkeypatch.setattr(counting, "_WORTH_LOADING", 0)
    monkeypatch.setattr(counting, "_WORTH_A_TABLE", 0)


def by_numpy(*args):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting._LOADING, "_is_there", False)
        return count_pairs(*args)


def patches(rng, shape, classes, side):
    """A map of squares, as masks are."""
    small = rng.integers(0, classes, (-(-shape[0] // side), -(-shape[1] // side)), dtype=np.uint8)
    return np.ascontiguousarray(
        np.kron(small, np.ones((side, side), np.uint8))[: shape[0], : shape[1]]
    )


@pytest.mark.parametrize("ignore", [None, 0, 3, 255])
@pytest.mark.parametrize("side", [1, 3, 20])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 8), (17, 23), (128, 200)])
def test_the_loop_counts_as_numpy_does(always, shape, side, ignore):
    rng = np.random.default_rng(side)
    truth, prediction = (patches(rng, shape, 5, side) for _ in range(2))
    if ignore == 255:
        truth[rng.random(shape) < 0.1] = 255
    expected = by_numpy(truth, prediction, 5, ignore)
    found = count_pairs(truth, prediction, 5, ignore)
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]
    assert counting._compiled() is not None
    assert counting._compiled().signatures


def test_the_loop_by_hand():
    truth = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2], np.uint8)
    prediction = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], np.uint8)
    words = [part[:16].view(np.uint64) for part in (truth, prediction)]
    table = np.zeros((256, 256), np.int64)
    count_runs(truth, prediction, *words, table)
    assert {(int(a), int(b)): int(table[a, b]) for a, b in zip(*table.nonzero(), strict=True)} == {
        (0, 0): 2,
        (0, 1): 1,
        (1, 1): 13,
        (2, 1): 1,
    }


@pytest.mark.parametrize("side", [1, 7])
def test_two_threads_count_as_one(always, monkeypatch, side):
    rng = np.random.default_rng(side)
    truth, prediction = (patches(rng, (101, 203), 5, side) for _ in range(2))
    monkeypatch.setattr(counting, "_WORTH_A_THREAD", 1)
    found = count_pairs(truth, prediction, 5, 3)
    expected = by_numpy(truth, prediction, 5, 3)
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]


def test_views_that_are_no_words_are_counted_all_the_same(always):
    rng = np.random.default_rng(0)
    both = rng.integers(0, 3, (2, 1025), dtype=np.uint8)
    truth, prediction = both[0, 1:], both[1, 1:]
    np.testing.assert_array_equal(
        count_pairs(truth, prediction, 3, None)[0], by_numpy(truth, prediction, 3, None)[0]
    )


def test_unknown_ids_are_refused_in_the_same_words(always):
    truth, prediction = np.full((2, 40), 7, np.uint8), np.zeros((2, 40), np.uint8)
    with pytest.raises(SegstudioError, match="The reference has class id 7"):
        count_pairs(truth, prediction, 3, 255)
    # where the reference is ignored nothing else matters
    assert count_pairs(truth, np.full((2, 40), 9, np.uint8), 3, 7)[1] == 80


@pytest.mark.parametrize("classes", [1, 2, 12, 256])
def test_noise_is_counted_exactly(classes):
    rng = np.random.default_rng(1)
    truth, prediction = rng.integers(0, classes, (2, 90, 110), dtype=np.uint8)
    keys = truth.astype(int) * classes + prediction
    expected = np.bincount(keys.ravel(), minlength=classes**2).reshape(classes, classes)
    np.testing.assert_array_equal(by_numpy(truth, prediction, classes, None)[0], expected)


def test_noise_with_unknown_ids_is_refused():
    rng = np.random.default_rng(2)
    truth, prediction = rng.integers(0, 12, (2, 90, 110), dtype=np.uint8)
    with pytest.raises(SegstudioError, match="class ids 10, 11"):
        by_numpy(truth, prediction, 10, None)


def test_little_counting_loads_nothing():
    code = (
        "import sys, numpy as np\n"
        "from segstudio.metrics.counting import count_pairs\n"
        "a = np.zeros((512, 512), np.uint8)\n"
        "for _ in range(20): count_pairs(a, a, 12, None)\n"
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_window_does_not_wait_for_it(always, monkeypatch):
    monkeypatch.setattr(counting, "_in_window", lambda: True)
    counting._compiled.cache_clear()
    maps = np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)
    count_pairs(*maps, 3, None)
    assert counting._compiled.cache_info().currsize == 0
    monkeypatch.setattr(counting, "_in_window", lambda: False)
    count_pairs(*maps, 3, None)
    assert counting._compiled.cache_info().currsize == 1
