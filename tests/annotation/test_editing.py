"""Strokes, polygons, fills and what is taken over, with undo and redo."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder, square, write_mask, write_photo
from PIL import Image as pil
from strokes import labels_of, stroke, undo_title

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.schema import ClassSpec
from segstudio.session.session import StrokeMakes, What


def test_a_stroke_has_no_gaps_and_is_one_edit(empty):
    stroke(empty, (2, 4), (12, 4), (12, 9))
    expected = np.zeros((20, 30), np.uint8)
    expected[4, 2:13] = 1
    expected[4:10, 12] = 1
    assert np.array_equal(labels_of(empty), expected)
    empty.editing.undo()
    assert not labels_of(empty).any()
    assert not empty.document.history.can_undo
    empty.editing.redo()
    assert np.array_equal(labels_of(empty), expected)


def test_every_event_is_announced_with_its_patches(empty):
    empty.changes.clear()
    empty.editing.begin_stroke(2, 4)
    empty.editing.extend_stroke(5, 4)
    labels = [c for c in empty.changes if What.LABELS in c.what]
    assert [len(c.patches) for c in labels] == [1, 1]
    assert What.HISTORY not in labels[0].what
    empty.editing.end_stroke()
    assert What.HISTORY in empty.changes[-1].what
    # Replaying the patches elsewhere gives the same map.
    copy = LabelMap.empty((20, 30))
    for change in labels:
        for patch in change.patches:
            copy.apply(patch)
    assert np.array_equal(copy.labels, labels_of(empty))


def test_a_stroke_that_changes_nothing_is_no_edit(empty):
    stroke(empty, (2, 4), erase=True)
    assert not empty.document.history.can_undo
    assert not empty.document.dirty


def test_strokes_outside_the_image_are_clipped(empty):
    stroke(empty, (-50, -50), (-3, 5), (1, 5))
    assert labels_of(empty).sum() == 2


def test_abort_restores_the_bytes(empty):
    stroke(empty, (2, 4), (9, 4))
    before = labels_of(empty)
    empty.editing.begin_stroke(2, 10)
    empty.editing.extend_stroke(20, 4)
    empty.editing.abort_stroke()
    assert np.array_equal(labels_of(empty), before)
    assert not empty.editing.stroking
    empty.editing.undo()  # the stroke before it
    assert not labels_of(empty).any()


def test_undo_while_a_stroke_is_drawn_takes_back_that_stroke_only(empty):
    stroke(empty, (2, 4), (9, 4))
    before = labels_of(empty)
    empty.editing.begin_stroke(2, 10)
    empty.editing.extend_stroke(20, 10)
    empty.editing.undo()
    assert np.array_equal(labels_of(empty), before)
    empty.editing.extend_stroke(25, 15)  # the mouse is still down: nothing more is drawn
    empty.editing.end_stroke()
    assert np.array_equal(labels_of(empty), before)


def test_random_edits_undone_are_the_original(empty):
    rng = np.random.default_rng(5)
    states = [labels_of(empty)]
    for number in range(25):
        empty.session.set_view(active_class=int(rng.integers(0, 2)), brush_size=number + 1)
        points = rng.uniform(-5, 35, (4, 2))
        if number % 3 == 2:
            empty.editing.paint_polygon([tuple(p) for p in points])
        else:
            stroke(empty, *(tuple(p) for p in points))
        if not np.array_equal(states[-1], labels_of(empty)):
            states.append(labels_of(empty))
    final = states[-1]
    for state in reversed(states[:-1]):
        empty.editing.undo()
        assert np.array_equal(labels_of(empty), state)
    for state in states[1:]:
        empty.editing.redo()
        assert np.array_equal(labels_of(empty), state)
    assert np.array_equal(labels_of(empty), final)


def test_only_unlabelled_paints_background_and_erases_the_active_class(empty):
    empty.schema_keeper.add_class("other")
    stroke(empty, (5, 4), (9, 4))
    empty.session.set_view(active_class=2, only_unlabelled=True)
    stroke(empty, (0, 4), (12, 4))
    assert labels_of(empty)[4, :14].tolist() == [2] * 5 + [1] * 5 + [2] * 3 + [0]
    stroke(empty, (0, 4), (12, 4), erase=True)
    assert labels_of(empty)[4, :14].tolist() == [0] * 5 + [1] * 5 + [0] * 4


def test_polygon_takes_pixels_whose_centres_are_inside(empty):
    # Centres 2.5 .. 5.5 lie between 2.4 and 5.6, in both directions.
    empty.editing.paint_polygon([(2.4, 2.4), (5.6, 2.4), (5.6, 5.6), (2.4, 5.6)])
    expected = np.zeros((20, 30), np.uint8)
    expected[2:6, 2:6] = 1
    assert np.array_equal(labels_of(empty), expected)
    assert undo_title(empty.document.history) == "Polygon: object"
    empty.editing.paint_polygon([(2.4, 2.4), (5.6, 2.4), (5.6, 5.6)][:2])
    assert np.array_equal(labels_of(empty), expected)


def test_fill_contiguous_and_everywhere(desk, tmp_path):
    root = tmp_path / "nuclei"
    truth = np.zeros((20, 30), np.uint8)
    truth[2:5, 2:5] = 1
    truth[10:14, 20:25] = 1
    write_photo(root / "a.png", truth)
    write_mask(root / "masks" / "a.png", truth)
    desk.open(root)
    desk.schema_keeper.add_class("other")
    desk.session.set_view(active_class=2)
    desk.editing.fill_at(3.7, 3.2)
    assert (labels_of(desk) == 2).sum() == 9
    desk.editing.undo()
    desk.session.set_view(fill_contiguous=False)
    desk.editing.fill_at(3, 3)
    assert (labels_of(desk) == 2).sum() == 9 + 20
    before = labels_of(desk)
    desk.editing.fill_at(-1, 3)
    desk.editing.fill_at(30, 3)
    assert np.array_equal(labels_of(desk), before)


def test_pick_class(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.session.set_view(active_class=1)
    desk.editing.pick_class(0, 0)
    assert (desk.session.view.active_class, desk.session.view.previous_class) == (0, 1)
    desk.editing.pick_class(7.9, 5.1)
    assert desk.session.view.active_class == 1
    desk.editing.pick_class(500, 5)
    assert desk.session.view.active_class == 1


def test_use_prediction_is_one_undoable_edit(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.run_current()
    desk.settle()
    desk.editing.use_prediction()
    assert np.array_equal(labels_of(desk), square())
    assert desk.scoring.of_image().iou[1] == 1.0
    assert undo_title(desk.document.history) == "Use as annotation: Bright"
    desk.editing.undo()
    assert np.array_equal(labels_of(desk), square(left=7))
    assert desk.scoring.of_image().iou[1] == pytest.approx(80 / 120)


@pytest.fixture
def two_objects(desk, tmp_path):
    """A desk with two objects of a model as its annotation."""
    bright = np.zeros((20, 30), np.uint8)
    bright[2:8, 2:8] = 1
    bright[12:16, 15:25] = 1
    write_photo(tmp_path / "nuclei" / "a.png", bright)
    desk.open(tmp_path / "nuclei")
    desk.segmenting.choose("blobs")
    desk.segmenting.run_current()
    desk.settle()
    desk.editing.use_prediction()
    return desk


def test_use_prediction_takes_instance_ids_along(two_objects, tmp_path):
    desk, root = two_objects, tmp_path / "nuclei"
    ids = desk.document.annotation.instances
    assert ids[4, 4] == 1
    assert ids[13, 20] == 2
    desk.clock.advance(1.1)
    desk.settle()
    assert not desk.document.dirty
    saved = np.array(pil.open(root / "instances" / "a.png"))
    assert np.array_equal(saved, ids)
    desk.editing.undo()
    assert not desk.document.annotation.labels.any()
    assert not desk.document.annotation.instances.any()
    desk.editing.redo()
    assert ids[13, 20] == 2


def test_strokes_extend_the_instance_they_begin_on(two_objects):
    desk = two_objects
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (20, 13), (28, 13))
    assert desk.document.annotation.instances[13, 28] == 2
    stroke(desk, (28, 1))
    assert desk.document.annotation.instances[1, 28] == 3
    stroke(desk, (28, 4))
    assert desk.document.annotation.instances[4, 28] == 4
    stroke(desk, (20, 13), erase=True)
    assert desk.document.annotation.labels[13, 20] == 0
    assert desk.document.annotation.instances[13, 20] == 0


def test_clear_and_use_truth(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.editing.clear()
    assert not labels_of(desk).any()
    desk.editing.use_truth()
    assert np.array_equal(labels_of(desk), square(left=7))
    desk.editing.undo()
    assert not labels_of(desk).any()


def test_what_is_locked_stays_when_the_whole_annotation_is_replaced(two_objects):
    """Objects 1 and 2 of the model; one of class 2 is painted into the second, and locked."""
    desk, schema = two_objects, two_objects.session.schema
    schema = schema.with_class(ClassSpec(2, "mitosis", (9, 9, 9)))
    desk.studio.schema_keeper.set(schema.with_objects({1, 2}, keeps_ids=True))
    desk.session.set_view(active_class=2, stroke_makes=StrokeMakes.NEW)
    locked = np.zeros((20, 30), bool)
    locked[13:15, 16:18] = True
    desk.editing.paint_mask(Rect(13, 16, 15, 18), np.ones((2, 2), bool), "Test")
    desk.session.set_view(locked_classes=frozenset({2}))
    number = int(desk.document.annotation.instances[13, 16])
    assert number not in (0, 1, 2)
    for replace_all in (desk.editing.use_prediction, desk.editing.clear):
        replace_all()
        annotation = desk.document.annotation
        assert np.array_equal(annotation.labels == 2, locked)
        assert np.array_equal(annotation.instances == number, locked)
    assert np.array_equal(annotation.labels > 0, locked)
    assert np.array_equal(annotation.instances > 0, locked)
    desk.session.set_view(locked_classes=frozenset())
    desk.editing.clear()
    assert not labels_of(desk).any()


def test_verbs_without_an_image_do_nothing(desk):
    desk.editing.begin_stroke(1, 1)
    desk.editing.extend_stroke(2, 2)
    desk.editing.end_stroke()
    desk.editing.fill_at(1, 1)
    desk.editing.paint_polygon([(0, 0), (4, 0), (4, 4)])
    desk.editing.use_prediction()
    desk.editing.use_truth()
    desk.editing.clear()
    desk.editing.undo()
    desk.editing.redo()
    desk.editing.pick_class(1, 1)
    assert desk.messages == []


def test_history_stays_with_its_image(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (0, 0))
    desk.browsing.step(1)
    desk.settle()
    assert not desk.document.history.can_undo
    desk.editing.undo()
    stroke(desk, (1, 1))
    desk.browsing.step(-1)
    desk.settle()
    desk.editing.undo()
    assert np.array_equal(labels_of(desk), square(left=7))


def test_a_stroke_under_way_is_finished_when_the_image_is_left(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", truth=False)
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(3, 3)
    desk.browsing.step(1)
    desk.settle()
    assert not desk.editing.stroking
    assert np.array(pil.open(root / "masks" / "a0.png"))[3, 3] == 1


def test_many_patches_are_undone_as_one(empty):
    empty.session.set_view(brush_size=5)
    stroke(empty, *((5 + i * 0.5, 8 + (i % 3)) for i in range(30)))
    empty.changes.clear()
    empty.editing.undo()
    (change,) = [c for c in empty.changes if What.LABELS in c.what]
    assert len(change.patches) == 1
    assert not labels_of(empty).any()
    assert change.patches[0].before.any()
