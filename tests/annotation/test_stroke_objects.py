"""Strokes, fills and polygons make and extend objects; pixels and numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder, write_photo
from PIL import Image as pil
from strokes import labels_of, stroke

from segstudio.core.geometry import Rect
from segstudio.core.schema import ClassSpec
from segstudio.session.session import Selection, StrokeMakes


@pytest.fixture
def objects(empty):
    """30 x 20 pixels with nothing painted; class 1 is of objects, class 2 of regions."""
    schema = empty.session.schema.with_class(ClassSpec(2, "stroma", (9, 9, 9)))
    empty.studio.schema_keeper.set(schema.with_objects({1}, keeps_ids=False))
    empty.session.set_view(active_class=1, brush_size=1)
    return empty


def ids_of(desk) -> np.ndarray:
    ids = desk.document.annotation.instances
    return np.zeros((20, 30), np.uint16) if ids is None else np.array(ids)


def paint(desk, rect: Rect, object_id: int, class_id: int = 1) -> None:
    """An object where nothing is, by way of the verbs."""
    view = desk.session.view
    desk.session.set_view(stroke_makes=StrokeMakes.NEW, active_class=class_id)
    desk.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")
    assert ids_of(desk)[rect.top, rect.left] == object_id
    desk.session.set_view(stroke_makes=view.stroke_makes, active_class=view.active_class)


def test_painting_from_nothing_makes_objects(objects):
    stroke(objects, (2, 4), (5, 4))
    stroke(objects, (2, 9), (5, 9))
    expected = np.zeros((20, 30), np.uint16)
    expected[4, 2:6], expected[9, 2:6] = 1, 2
    assert np.array_equal(ids_of(objects), expected)
    assert np.array_equal(labels_of(objects), expected > 0)
    objects.editing.undo()
    objects.editing.undo()
    assert not ids_of(objects).any()
    objects.editing.redo()
    objects.editing.redo()
    assert np.array_equal(ids_of(objects), expected)


def test_a_class_of_regions_gets_no_number_and_keeps_none(objects):
    objects.session.set_view(active_class=2)
    stroke(objects, (2, 4), (5, 4))
    assert objects.document.annotation.instances is None
    objects.session.set_view(active_class=1)
    stroke(objects, (2, 9))
    objects.session.set_view(active_class=2)
    stroke(objects, (2, 9))
    assert labels_of(objects)[9, 2] == 2
    assert ids_of(objects)[9, 2] == 0


def test_a_stroke_that_changes_nothing_keeps_no_ids(objects):
    objects.session.set_view(active_class=2)
    stroke(objects, (2, 4), (5, 4))
    objects.session.set_view(active_class=1, only_unlabelled=True)
    stroke(objects, (3, 4))
    assert objects.document.annotation.instances is None


def test_automatic_extends_the_object_on_which_it_begins(objects):
    paint(objects, Rect(2, 2, 5, 5), 1)
    stroke(objects, (4, 4), (8, 4))
    assert (ids_of(objects)[4, 2:9] == 1).all()
    assert objects.session.selection == Selection((1,))


def test_new_is_always_a_new_one(objects):
    paint(objects, Rect(2, 2, 5, 5), 1)
    objects.session.set_view(stroke_makes=StrokeMakes.NEW)
    stroke(objects, (4, 4), (6, 4))
    assert ids_of(objects)[4].tolist()[:8] == [0, 0, 1, 1, 2, 2, 2, 0]


def test_this_extends_the_selected_object_with_its_class(objects):
    paint(objects, Rect(2, 2, 5, 5), 1)
    paint(objects, Rect(10, 2, 13, 5), 2)
    schema = objects.session.schema.with_class(ClassSpec(3, "mitosis", (9, 9, 3)))
    objects.studio.schema_keeper.set(schema.with_objects({1, 3}, keeps_ids=True))
    objects.session.set_view(stroke_makes=StrokeMakes.THIS, active_class=3)
    objects.session.select(Selection((1,)))
    stroke(objects, (20, 15), (22, 15))
    assert ids_of(objects)[15, 20:23].tolist() == [1, 1, 1]
    assert labels_of(objects)[15, 20:23].tolist() == [1, 1, 1]
    objects.session.set_view(active_class=2)  # of regions
    stroke(objects, (20, 17))
    assert (labels_of(objects)[17, 20], ids_of(objects)[17, 20]) == (2, 0)


def test_what_a_stroke_would_make_is_known_before(objects):
    paint(objects, Rect(2, 2, 5, 5), 1)
    inside, outside = objects.editing.target_at(3, 3), objects.editing.target_at(20, 3)
    assert (inside.object_id, inside.is_new) == (1, False)
    assert (outside.object_id, outside.is_new) == (0, True)
    objects.session.set_view(active_class=2)
    assert not objects.editing.target_at(3, 3).of_object
    assert objects.editing.target_at(30, 3) is None


def test_filling_an_outline_joins_its_object(objects):
    stroke(objects, (2, 2), (8, 2), (8, 8), (2, 8), (2, 2))
    objects.editing.fill_at(5, 5)
    assert (ids_of(objects)[2:9, 2:9] == 1).all()
    assert np.count_nonzero(ids_of(objects)) == 49


def test_filling_free_ground_beside_objects_makes_a_new_one(objects):
    paint(objects, Rect(2, 2, 5, 5), 1)
    objects.editing.fill_at(20, 15)
    assert np.count_nonzero(ids_of(objects) == 2) == 600 - 9


def test_filling_takes_one_of_two_objects_that_touch(objects):
    paint(objects, Rect(2, 2, 5, 5), 1)
    paint(objects, Rect(2, 5, 5, 9), 2)
    objects.session.set_view(active_class=2)
    objects.editing.fill_at(6, 3)
    assert np.count_nonzero(labels_of(objects) == 2) == 12
    assert np.count_nonzero(ids_of(objects) == 1) == 9
    assert not (ids_of(objects) == 2).any()


def test_a_polygon_belongs_to_the_object_of_its_first_corner(objects):
    paint(objects, Rect(2, 2, 5, 5), 1)
    objects.editing.paint_polygon([(4, 3), (8, 3), (8, 5), (4, 5)])
    assert (ids_of(objects)[3:5, 4:8] == 1).all()
    objects.editing.paint_polygon([(10, 3), (14, 3), (14, 5), (10, 5)])
    assert (ids_of(objects)[3:5, 10:14] == 2).all()


def test_erasing_an_object_in_two_makes_two_in_the_same_step(objects):
    paint(objects, Rect(2, 2, 6, 12), 1)
    before = ids_of(objects)
    stroke(objects, (5, 1), (5, 7), erase=True)
    expected = before.copy()
    expected[2:6, 5] = 0
    expected[2:6, 2:5] = 2  # 12 pixels; the larger one, of 24, keeps its number
    assert np.array_equal(ids_of(objects), expected)
    objects.editing.undo()
    assert np.array_equal(ids_of(objects), before)
    assert objects.editing.known.of(objects.document).info(1).area == 40
    objects.editing.redo()
    assert np.array_equal(ids_of(objects), expected)


def test_crumbs_that_erasing_leaves_stay_with_their_object(objects):
    paint(objects, Rect(2, 2, 4, 12), 1)
    stroke(objects, (3, 1), (3, 5), erase=True)  # 2 pixels are left of it
    assert set(np.unique(ids_of(objects))) == {0, 1}


def test_erasing_a_polygon_cuts_too(objects):
    paint(objects, Rect(2, 2, 6, 12), 1)
    objects.editing.paint_polygon([(5, 0), (7, 0), (7, 8), (5, 8)], erase=True)
    expected = np.zeros((20, 30), np.uint16)
    expected[2:6, 2:5], expected[2:6, 7:12] = 2, 1
    assert np.array_equal(ids_of(objects), expected)
    objects.editing.undo()
    assert np.count_nonzero(ids_of(objects) == 1) == 40


def test_one_stroke_may_cut_two_objects_whose_rectangles_overlap(objects):
    paint(objects, Rect(2, 2, 4, 14), 1)
    paint(objects, Rect(4, 2, 6, 14), 2)
    stroke(objects, (7, 1), (7, 8), erase=True)
    expected = np.zeros((20, 30), np.uint16)
    expected[2:4, 2:7], expected[4:6, 2:7] = 1, 2
    expected[2:4, 8:14], expected[4:6, 8:14] = 1, 2
    found = ids_of(objects)
    assert [len(np.unique(found[rows, 2:7])) for rows in (slice(2, 4), slice(4, 6))] == [1, 1]
    pieces = {int(found[r, c]) for r in (2, 4) for c in (2, 8)}
    assert pieces == {1, 2, 3, 4}
    assert found[2, 8] == 1  # 12 pixels on the right, 10 on the left
    assert found[4, 8] == 2
    assert np.array_equal(found > 0, expected > 0)


def test_what_is_painted_is_saved_and_found_again(objects, tmp_path):
    stroke(objects, (2, 4), (5, 4))
    stroke(objects, (2, 9), (5, 9))
    objects.clock.advance(1.1)
    objects.settle()
    assert not objects.document.dirty
    root = tmp_path / "nuclei"
    files = list((root / "instances").iterdir())
    assert len(files) == 1
    with pil.open(files[0]) as saved:
        assert np.array_equal(np.array(saved), ids_of(objects))
    wanted = ids_of(objects)
    objects.open(write_other(tmp_path / "other"))
    objects.open(root)
    assert objects.session.schema.object_ids(keeps_ids=True) == {1}
    assert np.array_equal(ids_of(objects), wanted)
    stroke(objects, (2, 15))
    assert ids_of(objects)[15, 2] == 3


def write_other(root):
    write_photo(root / "z.png", np.zeros((20, 30), np.uint8))
    return root


def test_a_folder_with_files_of_objects_makes_objects_although_no_class_says_so(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", truth=False)
    ids = np.zeros((20, 30), np.uint16)
    ids[2:6, 2:6] = 4
    (root / "instances").mkdir()
    for photo in root.glob("*.png"):
        pil.fromarray(ids).save(root / "instances" / photo.name)
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (10, 10))
    assert ids_of(desk)[10, 10] == 5


def test_undo_of_strokes_before_the_first_object(objects):
    objects.session.set_view(active_class=2)
    stroke(objects, (2, 4), (5, 4))
    objects.session.set_view(active_class=1)
    stroke(objects, (2, 9))
    for _ in range(2):
        objects.editing.undo()
    assert not labels_of(objects).any()
    assert not ids_of(objects).any()
    for _ in range(2):
        objects.editing.redo()
    assert labels_of(objects)[4, 2] == 2
    assert ids_of(objects)[9, 2] == 1


def test_all_numbers_taken_is_said_and_nothing_is_painted(objects, monkeypatch):
    stroke(objects, (0, 0))
    monkeypatch.setattr("segstudio.core.object_index.HIGHEST_ID", 1)
    stroke(objects, (5, 5))
    assert "has no number left for another object" in objects.messages[-1]
    objects.editing.fill_at(20, 15)
    assert labels_of(objects).sum() == 1
    stroke(objects, (0, 0), (0, 3))
    assert ids_of(objects)[:4, 0].tolist() == [1, 1, 1, 1]
