"""Errors of the annotation as targets: found, gone to, repaired, kept; worked out by hand."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fakes import make_folder
from PIL import Image as pil
from strokes import undo_title

from segstudio.comparison import error_finding
from segstudio.core.geometry import Rect
from segstudio.core.prediction import Prediction
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.metrics.object_errors import ErrorKind
from segstudio.session.error_state import TRUTH
from segstudio.session.session import StrokeMakes, What

SCHEMA = LabelSchema.from_names(("background", "nucleus"))
SHAPE = (20, 30)
WIDE = Rect(2, 2, 6, 12)
LEFT, RIGHT = Rect(2, 2, 6, 6), Rect(2, 6, 6, 12)
LOW, ALONE = Rect(10, 2, 14, 8), Rect(10, 20, 14, 26)


def maps_of(*rects: Rect, class_id: int = 1) -> tuple[np.ndarray, np.ndarray]:
    labels, ids = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    for number, rect in enumerate(rects, start=1):
        labels[rect.slices], ids[rect.slices] = class_id, number
    return labels, ids


def predict(desk, labels: np.ndarray, ids: np.ndarray | None, run: str = "blobs") -> None:
    document = desk.document
    document.predictions[run] = Prediction(
        run, run.title(), desk.session.schema, labels, np.full(SHAPE, 200, np.uint8),
        instance_ids=ids,
    )  # fmt: skip
    desk.session.set_view(run=run)
    desk.session.notify(What.PREDICTIONS)
    rest(desk)


def rest(desk) -> None:
    for _ in range(3):
        desk.settle()
        desk.clock.advance(0.3)
    desk.settle()


def paint(desk, rect: Rect, class_id: int = 1) -> None:
    desk.session.set_view(active_class=class_id, stroke_makes=StrokeMakes.NEW)
    desk.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")
    rest(desk)


def listed(desk) -> list[tuple[ErrorKind, tuple[int, ...], tuple[int, ...]]]:
    return [(e.kind, e.mine, e.theirs) for e in desk.session.errors.errors]


def ids_of(desk) -> np.ndarray:
    return np.array(desk.document.annotation.instances)


def repair_first(desk) -> None:
    desk.error_targets.step(1)
    desk.error_targets.repair()
    rest(desk)


@pytest.fixture
def objects(empty):
    """30 x 20 pixels with nothing painted; classes 1 and 2 are of objects, 3 is of regions."""
    schema = empty.session.schema
    for class_id, name in ((2, "mitosis"), (3, "stroma")):
        schema = schema.with_class(ClassSpec(class_id, name, (9, 9, class_id)))
    empty.studio.schema_keeper.set(schema.with_objects({1, 2}, keeps_ids=False))
    rest(empty)
    return empty


def test_nothing_is_looked_for_without_a_model(objects):
    rest(objects)
    assert objects.session.errors is None
    assert not objects.session.errors_in_front


def test_objects_of_a_model_that_are_not_painted_yet_are_missed_and_taken_one_by_one(objects):
    predict(objects, *maps_of(LOW, ALONE))
    assert listed(objects) == [
        (ErrorKind.MISSED, (), (1,)),
        (ErrorKind.MISSED, (), (2,)),
    ]
    repair_first(objects)
    expected = np.zeros(SHAPE, np.uint16)
    expected[LOW.slices] = 1
    assert np.array_equal(ids_of(objects), expected)
    # it goes on to the next one
    assert objects.session.correcting.opened == (ErrorKind.MISSED.value, (), (2,), 0)
    objects.error_targets.repair()
    rest(objects)
    expected[ALONE.slices] = 2
    assert np.array_equal(ids_of(objects), expected)
    assert np.array_equal(objects.document.annotation.labels, (expected > 0).astype(np.uint8))
    assert listed(objects) == []
    assert objects.session.errors.matched == 2
    assert objects.document.runs_taken == {"blobs"}


def test_one_object_that_is_two_is_split_in_one_step(objects):
    paint(objects, WIDE)
    predict(objects, *maps_of(LEFT, RIGHT))
    assert listed(objects) == [(ErrorKind.MERGED, (1,), (2, 1))]
    before = ids_of(objects)
    repair_first(objects)
    expected = np.zeros(SHAPE, np.uint16)
    expected[RIGHT.slices], expected[LEFT.slices] = 1, 2  # the larger piece keeps the number
    assert np.array_equal(ids_of(objects), expected)
    assert undo_title(objects.document.history) == "Split in 2"
    assert listed(objects) == []
    objects.editing.undo()
    rest(objects)
    assert np.array_equal(ids_of(objects), before)
    assert listed(objects) == [(ErrorKind.MERGED, (1,), (2, 1))]


def test_pixels_between_the_pieces_go_to_the_nearest(objects):
    paint(objects, WIDE)
    predict(objects, *maps_of(Rect(2, 2, 6, 5), Rect(2, 8, 6, 12)))
    repair_first(objects)
    ids = ids_of(objects)
    assert (ids[2:6, 2:12] > 0).all()
    assert ids[3, 5] == ids[3, 2]
    assert ids[3, 7] == ids[3, 11]
    assert ids[3, 2] != ids[3, 11]


def test_pieces_of_one_object_are_merged(objects):
    paint(objects, LEFT)
    paint(objects, RIGHT)
    predict(objects, *maps_of(WIDE))
    assert listed(objects) == [(ErrorKind.SPLIT, (2, 1), (1,))]
    assert objects.session.errors.words_of_objects == {1: "Split 2", 2: "Split 2"}
    repair_first(objects)
    expected = np.zeros(SHAPE, np.uint16)
    expected[WIDE.slices] = 2
    assert np.array_equal(ids_of(objects), expected)
    assert undo_title(objects.document.history) == "Merge 2"
    assert objects.session.errors.words_of_objects == {}


def test_lists_of_objects_are_told_what_is_wrong_with_each_when_that_changes(objects):
    told = []
    objects.error_targets.tell_objects = told.append
    paint(objects, LOW)
    predict(objects, *maps_of(ALONE))
    assert told == [{1: "Invented"}]
    paint(objects, ALONE)
    assert told == [{1: "Invented"}]
    repair_first(objects)
    assert told == [{1: "Invented"}, {}]


def test_the_table_of_objects_says_it(objects):
    paint(objects, LOW)
    predict(objects, *maps_of(ALONE))
    assert objects.object_table.errors == {1: "Invented"}
    paint(objects, ALONE)
    repair_first(objects)
    assert objects.object_table.errors == {}


def test_what_nobody_else_has_is_deleted(objects):
    paint(objects, LOW)
    predict(objects, *maps_of())
    assert listed(objects) == [(ErrorKind.INVENTED, (1,), ())]
    repair_first(objects)
    assert not ids_of(objects).any()
    assert not objects.document.annotation.labels.any()
    assert undo_title(objects.document.history) == "Delete"


def test_what_is_deleted_becomes_the_region_that_the_other_side_sees_there(objects):
    paint(objects, LOW)
    predict(objects, np.full(SHAPE, 3, np.uint8), np.zeros(SHAPE, np.uint16))
    assert listed(objects)[0][0] is ErrorKind.INVENTED
    repair_first(objects)
    assert (objects.document.annotation.labels[LOW.slices] == 3).all()


def test_a_bad_shape_becomes_that_of_the_other_side_but_leaves_other_objects_alone(objects):
    paint(objects, LEFT)  # 16 pixels
    paint(objects, Rect(2, 8, 6, 12))  # object 2, which is right
    # of 24 pixels of theirs 12 are under mine, 8 are free, 4 are object 2's
    labels, ids = maps_of(Rect(2, 3, 6, 9))
    labels[2:6, 9:12] = 1
    ids[2:6, 9:12] = 2
    predict(objects, labels, ids)
    assert listed(objects) == [(ErrorKind.BAD_SHAPE, (1,), (1,))]
    repair_first(objects)
    expected = np.zeros(SHAPE, np.uint16)
    expected[2:6, 3:8] = 1
    expected[2:6, 8:12] = 2
    assert np.array_equal(ids_of(objects), expected)
    assert undo_title(objects.document.history) == "Take its shape"


def test_another_class_is_taken(objects):
    paint(objects, LOW, class_id=1)
    predict(objects, *maps_of(LOW, class_id=2))
    assert listed(objects) == [(ErrorKind.WRONG_CLASS, (1,), (1,))]
    repair_first(objects)
    assert (objects.document.annotation.labels[LOW.slices] == 2).all()
    assert (ids_of(objects)[LOW.slices] == 1).all()
    assert undo_title(objects.document.history) == "Take its class"


def test_a_model_without_objects_has_its_connected_regions(objects):
    paint(objects, LEFT)
    paint(objects, RIGHT)
    labels, _ids = maps_of(LEFT, RIGHT)
    predict(objects, labels, None)
    assert listed(objects) == [(ErrorKind.SPLIT, (2, 1), (1,))]


def test_painting_is_followed_by_the_edited_pixels_alone(objects):
    paint(objects, LOW)
    predict(objects, *maps_of(LOW, ALONE))
    assert listed(objects) == [(ErrorKind.MISSED, (), (2,))]
    paint(objects, ALONE)
    assert listed(objects) == []
    objects.editing.undo()
    rest(objects)
    assert listed(objects) == [(ErrorKind.MISSED, (), (2,))]


def test_two_routes_of_one_model_are_one_model_and_two_models_are_compared(objects):
    predict(objects, *maps_of(LOW))
    predict(objects, *maps_of(LOW), run="blobs@1f-2d@onnx")
    assert objects.session.errors_in_front
    predict(objects, *maps_of(LOW), run="bright")
    assert not objects.session.errors_in_front
    assert objects.session.errors is None


def test_who_is_at_an_error_stays_there_when_another_model_has_run(objects):
    predict(objects, *maps_of(LOW))
    objects.error_targets.step(1)
    predict(objects, *maps_of(LOW, ALONE), run="bright")
    objects.session.set_view(run="blobs")
    rest(objects)
    assert objects.session.errors_in_front
    assert objects.session.correcting.opened == (ErrorKind.MISSED.value, (), (1,), 0)


def test_the_wanted_iou_decides_what_a_bad_shape_is(objects):
    paint(objects, Rect(10, 2, 14, 10))
    predict(objects, *maps_of(Rect(10, 4, 14, 12)))  # 24 of 40 pixels
    assert [kind for kind, *_ in listed(objects)] == [ErrorKind.BAD_SHAPE]
    objects.error_targets.set_good_shape(0.6)
    rest(objects)
    assert listed(objects) == []


def test_steps_go_round_within_the_kind_that_is_listed(objects):
    paint(objects, WIDE)
    predict(objects, *maps_of(LEFT, RIGHT, LOW, ALONE))
    targets = objects.error_targets
    kinds = []
    for _ in range(4):
        targets.step(1)
        kinds.append(targets.opened.kind)
    assert kinds == [ErrorKind.MERGED, ErrorKind.MISSED, ErrorKind.MISSED, ErrorKind.MERGED]
    assert dict(objects.session.errors.counts) == {ErrorKind.MERGED: 1, ErrorKind.MISSED: 2}
    targets.list_only(ErrorKind.MISSED)
    assert targets.opened is None
    for _ in range(3):
        targets.step(1)
        assert targets.opened.kind is ErrorKind.MISSED
    targets.step(-1)
    assert targets.opened.theirs == (4,)


def test_mine_is_right_does_not_come_again_until_it_is_changed(objects):
    paint(objects, LOW)
    paint(objects, ALONE)
    predict(objects, *maps_of())
    targets = objects.error_targets
    targets.step(1)
    targets.keep()
    rest(objects)
    assert listed(objects) == [(ErrorKind.INVENTED, (2,), ())]
    assert targets.opened.mine == (2,)  # the next one
    assert objects.session.errors.settled == 1
    assert undo_title(objects.document.history) != "Delete"
    # another model says the same: it is still right
    predict(objects, *maps_of(), run="bright")
    objects.error_targets.bring(True)
    rest(objects)
    assert listed(objects) == [(ErrorKind.INVENTED, (2,), ())]
    objects.session.set_view(active_class=1, stroke_makes=StrokeMakes.AUTOMATIC, brush_size=1)
    objects.editing.begin_stroke(2.5, 10.5, erase=True)
    objects.editing.end_stroke()
    rest(objects)
    assert [mine for _, mine, _ in listed(objects)] == [(2,), (1,)]


def test_what_is_kept_is_looked_for_among_the_others_in_a_job(objects, monkeypatch):
    """Of thousands of errors that takes a tenth of a second."""
    paint(objects, LOW)
    paint(objects, ALONE)
    predict(objects, *maps_of())
    threads = []
    known = error_finding.is_settled
    monkeypatch.setattr(
        error_finding,
        "is_settled",
        lambda *asked: threads.append(threading.current_thread()) or known(*asked),
    )
    objects.error_targets.step(1)
    objects.error_targets.keep()
    rest(objects)
    assert [mine for _, mine, _ in listed(objects)] == [(2,)]
    assert threads
    assert threading.main_thread() not in threads


def test_what_was_kept_is_known_when_the_folder_is_opened_again(new_desk, tmp_path):
    folder, home = make_folder(tmp_path / "images"), tmp_path / "home"
    first = new_desk(home=home)
    for desk in (first, None):
        desk = desk or new_desk(home=home)
        desk.open(folder)
        truth = desk.document.annotation.labels.copy()
        assert truth.any()
        predict(desk, np.zeros_like(truth), None)
        if desk is first:
            assert [kind for kind, *_ in listed(desk)] == [ErrorKind.REGION]
            desk.error_targets.step(1)
            desk.error_targets.keep()
            rest(desk)
            desk.close()
        assert listed(desk) == []
        assert desk.session.errors.settled == 1
    desk.error_targets.list_kept_again()
    rest(desk)
    assert [kind for kind, *_ in listed(desk)] == [ErrorKind.REGION]


def test_regions_of_class_maps_are_taken_or_kept(desk, tmp_path):
    desk.open(make_folder(tmp_path / "images"))
    truth = desk.document.annotation.labels.copy()
    said = truth.copy()
    said[0:3, 0:6] = 1  # 18 pixels that the model alone calls nucleus
    predict(desk, said, None)
    (error,) = desk.session.errors.errors
    assert (error.kind, error.class_id, error.their_class) == (ErrorKind.REGION, 0, 1)
    assert (error.rect, error.pixels) == (Rect(0, 0, 3, 6), 18)
    repair_first(desk)
    assert np.array_equal(desk.document.annotation.labels, said)
    assert desk.document.annotation.instances is None
    assert undo_title(desk.document.history) == "Model is right"
    assert listed(desk) == []


def test_the_ground_truth_can_count_as_right(desk, tmp_path):
    desk.open(make_folder(tmp_path / "images"))
    desk.error_targets.choose_against(TRUTH)
    desk.error_targets.bring(True)
    rest(desk)
    assert listed(desk) == []
    desk.session.set_view(active_class=0)
    paint(desk, Rect(0, 0, 20, 30), class_id=0)
    assert [kind for kind, *_ in listed(desk)] == [ErrorKind.REGION]
    repair_first(desk)
    assert np.array_equal(desk.document.annotation.labels, desk.document.truth.labels)
    assert desk.document.runs_taken == frozenset()


def test_it_says_why_there_is_nothing_to_compare_with(desk, tmp_path):
    desk.open(make_folder(tmp_path / "images", truth=False))
    desk.error_targets.bring(True)
    assert desk.session.correcting.problem.startswith("Run a model on this image")
    desk.error_targets.choose_against(TRUTH)
    assert desk.session.correcting.problem == "a0.png has no ground truth to compare with."


def test_another_image_has_errors_of_its_own(objects, tmp_path):
    predict(objects, *maps_of(LOW))
    objects.error_targets.step(1)
    objects.studio.browsing.select(1)
    rest(objects)
    assert objects.session.errors is None
    assert objects.session.correcting.opened is None
    objects.studio.browsing.select(0)
    rest(objects)
    assert listed(objects) == [(ErrorKind.MISSED, (), (1,))]


def test_a_large_object_is_split_in_a_job(desk, tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    pil.fromarray(np.zeros((300, 400, 3), np.uint8)).save(folder / "a.png")
    desk.open(folder)
    desk.studio.schema_keeper.set(SCHEMA.with_objects({1}, keeps_ids=False))
    paint(desk, Rect(0, 0, 300, 400))
    labels, ids = np.zeros((300, 400), np.uint8), np.zeros((300, 400), np.uint16)
    for number, left in enumerate((100, 300), start=1):
        labels[100:110, left : left + 10], ids[100:110, left : left + 10] = 1, number
    desk.document.predictions["blobs"] = Prediction(
        "blobs", "Blobs", desk.session.schema, labels, np.full((300, 400), 200, np.uint8),
        instance_ids=ids,
    )  # fmt: skip
    desk.session.set_view(run="blobs")
    desk.session.notify(What.PREDICTIONS)
    rest(desk)
    desk.error_targets.step(1)
    desk.error_targets.repair()
    assert np.unique(ids_of(desk)).tolist() == [1]  # not in the turn of the key
    rest(desk)
    ids = ids_of(desk)
    assert set(np.unique(ids).tolist()) == {1, 2}
    assert ids[105, 105] != ids[105, 305]


@pytest.mark.parametrize("kind", ["split", "merge", "delete", "take", "shape", "class"])
def test_a_repair_leaves_locked_classes_alone_and_says_which(objects, kind):
    mine, theirs, their_class = {
        "split": ((WIDE,), (LEFT, RIGHT), 1),
        "merge": ((LEFT, RIGHT), (WIDE,), 1),
        "delete": ((ALONE,), (), 1),
        "take": ((), (ALONE,), 1),
        "shape": ((WIDE,), (Rect(2, 2, 6, 8),), 1),
        "class": ((ALONE,), (ALONE,), 2),
    }[kind]
    if kind == "take":
        paint(objects, ALONE, class_id=3)  # a locked region lies where the model has an object
    for rect in mine:
        paint(objects, rect)
    predict(objects, *maps_of(*theirs, class_id=their_class))
    locked = 3 if kind == "take" else 1
    objects.session.set_view(locked_classes=frozenset({locked}))
    before = np.array(objects.document.annotation.labels), objects.document.annotation.instances
    before_ids = None if before[1] is None else np.array(before[1])
    edits = undo_title(objects.document.history)
    repair_first(objects)
    assert np.array_equal(objects.document.annotation.labels, before[0])
    if before_ids is not None:
        assert np.array_equal(ids_of(objects), before_ids)
    assert undo_title(objects.document.history) == edits
    name = objects.session.schema.name_of(locked)
    assert f"{name} is locked." in objects.messages
    objects.session.set_view(locked_classes=frozenset())
    objects.error_targets.repair()
    rest(objects)
    assert undo_title(objects.document.history) != edits
    assert listed(objects) == []
