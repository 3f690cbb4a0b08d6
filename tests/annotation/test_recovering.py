"""Strokes that an ended program left behind come back, however hastily they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder
from strokes import dab


@pytest.fixture
def left_behind(desk, new_desk, tmp_path):
    """A new program, and strokes on two images that one before it had not saved when it ended."""
    root = make_folder(tmp_path / "set", truth=False)
    (root / "masks").write_text("a file where the folder should be")
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    dab(desk, 3, 4)
    desk.browsing.step(1)
    desk.settle()
    dab(desk, 5, 6)
    desk.studio._journal.close()  # as if it had been killed: its lock is let go
    (root / "masks").unlink()
    other = new_desk()
    other.root = root
    other.items = {item.title: item for item in other.recovering.pending()}
    assert other.items.keys() == {"a0.png", "a1.png"}
    return other


def painted(desk, name):
    """Where the image is annotated, as (row, column)."""
    found = []
    desk.browsing.open_image(desk.root / name, found.append)
    desk.settle()
    (document,) = found
    return np.argwhere(document.annotation.labels).tolist()


def test_several_images_are_restored_one_after_the_other(left_behind):
    for item in left_behind.items.values():
        left_behind.recovering.restore(item)
    left_behind.settle()
    assert painted(left_behind, "a0.png") == [[4, 3]]
    assert painted(left_behind, "a1.png") == [[6, 5]]
    assert left_behind.recovering.pending() == []


def test_an_image_that_is_gone_does_not_hold_up_the_others(left_behind):
    (left_behind.root / "a0.png").unlink()
    left_behind.recovering.restore(left_behind.items["a0.png"])
    left_behind.recovering.restore(left_behind.items["a1.png"])
    left_behind.settle()
    assert painted(left_behind, "a1.png") == [[6, 5]]
    said = [m for m in left_behind.messages if "a0.png were not restored" in m]
    assert len(said) == 1
    assert [item.title for item in left_behind.recovering.pending()] == ["a0.png"]


def test_an_image_that_is_left_meanwhile_keeps_its_strokes(left_behind):
    left_behind.open(left_behind.root)
    left_behind.recovering.restore(left_behind.items["a1.png"])
    left_behind.browsing.select(2)
    left_behind.settle()
    assert [m for m in left_behind.messages if "a1.png were not restored" in m]
    assert {item.title for item in left_behind.recovering.pending()} == {"a0.png", "a1.png"}
    assert painted(left_behind, "a1.png") == []


def test_objects_begun_after_regions_come_back_with_their_numbers(desk, new_desk, tmp_path):
    root = make_folder(tmp_path / "set", truth=False)
    (root / "masks").write_text("a file where the folder should be")
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    dab(desk, 3, 4)  # no numbers are kept yet
    desk.objects.set_of_objects({1}, on=True)
    dab(desk, 8, 4)
    dab(desk, 12, 4)
    desk.objects.merge((2, 1))
    labels = np.array(desk.document.annotation.labels)
    ids = np.array(desk.document.annotation.instances)
    assert (ids[4, 3], ids[4, 8], ids[4, 12]) == (0, 2, 2)
    desk.studio._journal.close()
    (root / "masks").unlink()
    other = new_desk()
    (item,) = other.recovering.pending()
    other.recovering.restore(item)
    other.settle()
    assert np.array_equal(other.document.annotation.labels, labels)
    assert np.array_equal(other.document.annotation.instances, ids)
