"""Changes of large maps, which are made in a job."""

from __future__ import annotations

import threading
import tracemalloc
import zlib

import numpy as np
import pytest
from fakes import make_folder, wait_for, write_photo
from strokes import labels_of, stroke, undo_title

from segstudio.annotation.patching import keep_instances
from segstudio.session.session import What


@pytest.fixture
def large(empty, monkeypatch):
    """Every change of a whole map counts as too large to be made at once."""
    monkeypatch.setattr("segstudio.annotation.editing.AT_ONCE_PIXELS", 10)
    monkeypatch.setattr("segstudio.annotation.stepping.AT_ONCE_PIXELS", 10)
    return empty


def test_large_changes_are_made_in_a_job(large):
    large.editing.fill_at(3, 3)
    assert not labels_of(large).any()
    large.settle()
    assert labels_of(large).all()
    large.editing.undo()
    assert labels_of(large).all()
    large.settle()
    assert not labels_of(large).any()
    large.editing.redo()
    assert not labels_of(large).any()
    large.settle()
    assert labels_of(large).all()


def test_a_large_polygon_is_made_in_a_job_and_a_small_one_at_once(large):
    large.editing.paint_polygon([(2, 2), (12, 2), (12, 8), (2, 8)])
    assert not labels_of(large).any()
    large.settle()
    assert labels_of(large).sum() == 60
    large.editing.paint_polygon([(20, 2), (23, 2), (23, 5), (20, 5)])
    assert labels_of(large).sum() == 69


def test_large_steps_follow_each_other_in_the_order_asked_for(large):
    for left in (0, 10, 20):
        large.editing.paint_polygon([(left, 0), (left + 8, 0), (left + 8, 5), (left, 5)])
        large.settle()
    whole = labels_of(large)
    for _ in range(5):
        large.editing.undo()
    large.settle()
    assert not labels_of(large).any()
    for _ in range(2):
        large.editing.redo()
    large.editing.undo()
    large.editing.redo()
    large.settle()
    assert labels_of(large).sum() == 80
    large.editing.redo()
    large.settle()
    assert np.array_equal(labels_of(large), whole)


def test_a_stroke_waits_for_the_undo_that_was_asked_for_before_it(large):
    large.editing.fill_at(3, 3)
    large.settle()
    large.editing.undo()
    stroke(large, (7, 7))
    assert labels_of(large).sum() == 1
    large.settle()
    assert labels_of(large).sum() == 1
    large.editing.undo()
    large.settle()
    assert not labels_of(large).any()
    assert not large.document.history.can_undo


def test_a_large_undo_is_done_before_its_image_is_left(large):
    large.editing.fill_at(3, 3)
    large.settle()
    document = large.document
    large.editing.undo()
    large.browsing.step(1)
    large.settle()
    assert not document.annotation.labels.any()
    assert not document.dirty
    assert not document.history.can_undo


def test_a_stroke_painted_meanwhile_is_not_overwritten(large):
    large.editing.fill_at(3, 3)
    assert large.jobs.wait_idle()
    large.schema_keeper.add_class("other")
    large.session.set_view(active_class=2)
    stroke(large, (7, 7))
    large.settle()
    assert labels_of(large)[7, 7] == 2
    assert (labels_of(large) == 1).sum() == 599
    large.editing.undo()
    large.settle()
    assert labels_of(large).sum() == 2


def test_a_change_that_is_made_during_a_stroke_is_undone_in_its_order(large):
    large.schema_keeper.add_class("other")
    large.editing.fill_at(3, 3)
    large.session.set_view(active_class=2, brush_size=3)
    large.editing.begin_stroke(10, 10)
    large.settle()
    assert labels_of(large)[0, 0] == 1
    large.editing.extend_stroke(14, 10)
    large.editing.end_stroke()
    end = labels_of(large)
    steps = 0
    while large.document.history.can_undo:
        large.editing.undo()
        large.settle()
        steps += 1
    assert not labels_of(large).any()
    for _ in range(steps):
        large.editing.redo()
        large.settle()
    assert np.array_equal(labels_of(large), end)


def test_a_stroke_that_is_given_up_is_not_kept_by_what_comes_after_it(large):
    large.editing.begin_stroke(3, 3)
    large.editing.abort_stroke()
    stroke(large, (7, 7))
    large.settle()
    large.editing.undo()
    large.settle()
    assert not labels_of(large).any()
    assert not large.document.history.can_undo


def test_undo_gives_up_a_change_that_is_being_made(large):
    stroke(large, (3, 3))
    large.editing.clear()
    large.editing.undo()
    large.settle()
    assert labels_of(large).sum() == 1
    assert undo_title(large.document.history).startswith("Brush")


def test_two_quick_large_changes_are_both_made_in_their_order(large):
    stroke(large, (15, 0), (15, 19))  # parts the image in two
    large.editing.fill_at(3, 3)
    large.editing.fill_at(25, 3)
    large.settle()
    assert labels_of(large).all()
    large.editing.undo()
    large.settle()
    assert labels_of(large)[:, :16].all()
    assert not labels_of(large)[:, 16:].any()


def test_a_small_change_waits_for_a_large_one_that_was_asked_for_before(large):
    large.editing.clear()
    large.editing.paint_polygon([(20, 2), (23, 2), (23, 5), (20, 5)])
    large.settle()
    assert labels_of(large).sum() == 9


def test_undo_gives_up_the_last_of_several_changes_that_are_being_made(large):
    stroke(large, (15, 0), (15, 19))
    large.editing.fill_at(3, 3)
    large.editing.fill_at(25, 3)
    large.editing.undo()
    large.settle()
    assert labels_of(large)[:, :16].all()
    assert not labels_of(large)[:, 16:].any()


def test_changes_go_on_after_one_that_failed(large):
    def fail(_annotation):
        raise MemoryError("no room")

    large.editing.change_by("Broken", fail)
    large.editing.fill_at(3, 3)
    large.settle()
    assert labels_of(large).all()
    assert any("Broken" in message for message in large.messages)


def test_changes_that_wait_are_not_made_in_the_next_image(large):
    large.editing.fill_at(3, 3)
    large.editing.paint_polygon([(20, 2), (23, 2), (23, 5), (20, 5)])
    document = large.document
    large.browsing.step(1)
    large.settle()
    assert not document.annotation.labels.any()
    assert not labels_of(large).any()
    assert [m for m in large.messages if "Polygon" in m and "was not done" in m]


def test_a_large_change_of_an_image_that_was_left_is_said(large):
    large.editing.fill_at(3, 3)
    document = large.document
    large.browsing.step(1)
    large.settle()
    assert not document.annotation.labels.any()
    assert "a0.png was left" in large.messages[-1]


@pytest.fixture
def long_stroke(desk, tmp_path, monkeypatch):
    """A desk with a thin stroke from corner to corner of an image of 1200 x 900 pixels."""
    monkeypatch.setattr("segstudio.core.merging._PART_PATCHES", 3)
    folder = tmp_path / "wide"
    write_photo(folder / "a.png", np.zeros((900, 1200), np.uint8))
    desk.open(folder)
    desk.session.set_view(active_class=1, brush_size=3)
    stroke(desk, *((4 * n + 0.5, 3 * n + 0.5) for n in range(300)))
    desk.settle()
    return desk


def test_a_long_stroke_is_given_back_in_parts(long_stroke):
    painted = labels_of(long_stroke)
    long_stroke.changes.clear()

    long_stroke.editing.undo()

    assert np.array_equal(labels_of(long_stroke), painted)
    long_stroke.settle()
    assert not labels_of(long_stroke).any()
    told = [change for change in long_stroke.changes if What.LABELS in change.what]
    assert len(told) > 1
    assert max(sum(p.before.size for p in change.patches) for change in told) <= 1 << 18
    assert [What.HISTORY in change.what for change in told] == [True] + [False] * (len(told) - 1)
    long_stroke.editing.redo()
    long_stroke.settle()
    assert np.array_equal(labels_of(long_stroke), painted)


def test_what_is_given_back_in_part_is_finished_before_the_next_stroke(long_stroke):
    long_stroke.editing.undo()
    wait_for(long_stroke.clock, lambda: long_stroke.document.history.can_redo)

    stroke(long_stroke, (1000, 5), (1003, 5))

    assert (labels_of(long_stroke) > 0).sum() == (labels_of(long_stroke)[:10, 990:1010] > 0).sum()
    long_stroke.settle()
    assert not long_stroke.document.history.can_redo
    long_stroke.editing.undo()
    long_stroke.settle()
    assert not labels_of(long_stroke).any()


def test_leaving_the_image_finishes_what_is_given_back_in_part(long_stroke, tmp_path):
    document = long_stroke.document
    long_stroke.editing.undo()
    wait_for(long_stroke.clock, lambda: document.history.can_redo)

    long_stroke.open(make_folder(tmp_path / "other"))

    assert not document.annotation.labels.any()


def test_undo_pressed_twice_goes_two_steps_back(long_stroke):
    stroke(long_stroke, (1000, 5), (1003, 5))
    for _ in range(2):
        long_stroke.editing.undo()
    long_stroke.settle()
    assert not labels_of(long_stroke).any()
    assert not long_stroke.document.history.can_undo


def test_a_long_stroke_that_is_given_up_goes_in_parts_and_leaves_no_trace(long_stroke):
    painted = labels_of(long_stroke)
    long_stroke.editing.begin_stroke(1000.5, 5.5)
    for n in range(200):
        long_stroke.editing.extend_stroke(1000.5 - 4 * n, 5.5 + 4 * n)
    long_stroke.changes.clear()

    long_stroke.editing.abort_stroke()

    long_stroke.settle()
    assert np.array_equal(labels_of(long_stroke), painted)
    assert len([c for c in long_stroke.changes if What.LABELS in c.what]) > 1
    assert not long_stroke.document.history.can_redo
    long_stroke.editing.undo()
    long_stroke.settle()
    assert not labels_of(long_stroke).any()


def test_painting_on_at_once_after_giving_up_a_long_stroke(long_stroke):
    painted = labels_of(long_stroke)
    long_stroke.editing.begin_stroke(1000.5, 5.5)
    for n in range(200):
        long_stroke.editing.extend_stroke(1000.5 - 4 * n, 5.5 + 4 * n)
    long_stroke.editing.abort_stroke()

    stroke(long_stroke, (20, 800))
    long_stroke.settle()

    long_stroke.editing.undo()
    long_stroke.settle()
    assert np.array_equal(labels_of(long_stroke), painted)


@pytest.fixture
def whole_maps_here(monkeypatch) -> list[int]:
    """Sizes in bytes of whole maps (600 pixels) whose checksum the GUI's thread worked out."""
    sizes, crc32 = [], zlib.crc32

    def noted(data, *rest):
        if threading.current_thread() is threading.main_thread() and len(memoryview(data)) == 20:
            sizes.append(memoryview(data).nbytes)
        return crc32(data, *rest)

    monkeypatch.setattr(zlib, "crc32", noted)
    return sizes


def test_what_can_be_undone_comes_back_without_a_look_at_whole_maps(
    desk, tmp_path, whole_maps_here
):
    desk.open(make_folder(tmp_path / "set"))
    desk.session.set_view(active_class=2, brush_size=3)
    truth = labels_of(desk)
    stroke(desk, (3, 3), (9, 3))
    desk.autosave.save_now()
    desk.settle()
    painted = labels_of(desk)
    for again in (desk.browsing.rescan, lambda: desk.browsing.select(0)):
        desk.browsing.select(2)
        desk.settle()
        again()
        desk.settle()
    assert np.array_equal(labels_of(desk), painted)
    desk.editing.undo()
    assert np.array_equal(labels_of(desk), truth)
    assert whole_maps_here == []


def test_a_count_copies_no_map_before_its_job_and_knows_what_was_painted_since(desk, tmp_path):
    root = tmp_path / "set"
    write_photo(root / "a.png", np.zeros((1000, 1000), np.uint8))
    desk.open(root)
    desk.segmenting.run_all()
    desk.settle()
    desk.session.set_view(active_class=1, brush_size=40)
    stroke(desk, (100, 100), (300, 100))
    desk.settle()
    gate = threading.Event()
    desk.jobs.submit("Busy", "scores", lambda _job: gate.wait(10))
    tracemalloc.start()
    try:
        desk.scoring.count_document(desk.document)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1_000_000  # bytes of the map
    stroke(desk, (200, 110), (200, 300))  # before the copy
    stroke(desk, (200, 120), (400, 120), erase=True)
    gate.set()
    assert desk.jobs.wait_idle(10)
    stroke(desk, (200, 110), (210, 110))  # after it
    stroke(desk, (150, 100), (250, 130), erase=True)
    desk.settle()
    labels = labels_of(desk)
    counts = desk.session.counts[0, "bright"].counts
    assert counts[1].sum() == np.count_nonzero(labels == 1)
    assert counts[0].sum() == np.count_nonzero(labels == 0)


def test_instance_ids_are_kept_from_now_on_without_a_copy_of_the_classes(empty):
    before = empty.document.annotation
    keep_instances(empty.document)
    after = empty.document.annotation
    assert np.shares_memory(after.labels, before.labels)
    assert after.instances is not None
    assert empty.document.dirty
    stroke(empty, (3, 3))
    assert labels_of(empty)[3, 3] == 1
