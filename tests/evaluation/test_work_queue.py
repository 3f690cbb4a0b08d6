"""The work queue on real evaluations of fake models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import BLOBS, BRIGHT, FakeEngine, square, write_mask, write_photo

from segstudio.core.geometry import Rect
from segstudio.evaluation.work_queue import thickest_suspect
from segstudio.session.queue_state import QueueKind
from segstudio.session.session import Layer

LEFTS = (7, 5, 11, 9)
"""Where the truth's square of 10 x 10 begins; the model's begins at column 5 of 30."""


def iou(left: int) -> float:
    """By hand: the squares share 10 x (15 - left) of 600 pixels."""
    shared = 10 * (15 - left)
    return shared / (200 - shared)


def make_set(root, truth=True):
    for i, left in enumerate(LEFTS):
        photo = square()
        photo[0, i] = 1  # no two are the same
        photo[0, i] = 0 if truth else 1
        write_photo(root / f"a{i}.png", photo)
        if truth:
            write_mask(root / "masks" / f"a{i}.png", square(left=left))
    return root


def follow(desk) -> None:
    """Let what is delayed be done."""
    for _ in range(6):
        desk.clock.advance(1.0)
        desk.settle()


def evaluate(desk, *runs: str) -> None:
    desk.evaluating.start(runs or ("bright",))
    follow(desk)


@pytest.fixture
def queued(desk, tmp_path):
    desk.open(make_set(tmp_path / "nuclei"))
    evaluate(desk)
    return desk


def paint(desk, x: float, y: float) -> None:
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(x, y)
    desk.editing.end_stroke()
    desk.settle()


def go(desk, by: int) -> int:
    desk.work_queue.step(by)
    desk.settle()
    return desk.session.index


def test_the_lowest_iou_comes_first(queued):
    queue = queued.session.queue
    assert queue.kind is QueueKind.LOWEST_IOU
    assert queue.images == (2, 3, 0, 1)
    assert queue.values == pytest.approx([iou(LEFTS[i]) for i in (2, 3, 0, 1)])
    assert (queue.finished, queue.total) == ((), 4)


def test_the_keys_go_along_the_order(queued):
    assert queued.session.index == 0  # third in the queue
    assert go(queued, 1) == 1
    assert go(queued, 1) == 1  # the end
    assert "This is the end of the queue; 4 before it still wait." in queued.messages
    text, start_over = queued.studio.notices.recent[-1].action
    assert text == "Start over"
    start_over()
    queued.settle()
    assert queued.session.index == 2
    assert go(queued, -1) == 2
    assert [go(queued, 1) for _ in range(2)] == [3, 0]
    assert go(queued, -1) == 3


def test_a_corrected_image_leaves_and_its_figures_follow(queued):
    queued.browsing.select(2)
    queued.settle()
    queued.editing.use_prediction("bright")  # as the model says: all is right now
    queued.settle()
    assert queued.session.queue.images == (3, 0, 1)
    assert queued.session.queue.finished == (2,)
    follow(queued)
    assert queued.evaluating.table.value(2, "bright", "mean_iou") == pytest.approx(1.0)
    # Its new figure would make it the last; it keeps its place, so that the next one is 3.
    assert queued.session.queue.finished == (2,)
    assert go(queued, 1) == 3


def test_undoing_a_correction_brings_the_image_back(queued):
    paint(queued, 1.5, 1.5)
    assert queued.session.queue.images == (2, 3, 1)
    queued.editing.undo()
    queued.settle()
    assert queued.session.queue.images == (2, 3, 0, 1)
    queued.editing.redo()
    queued.settle()
    assert queued.session.queue.finished == (0,)


def test_only_new_corrections_count(queued):
    paint(queued, 1.5, 1.5)
    follow(queued)
    evaluate(queued)
    assert queued.session.queue.finished == (0,)  # evaluating again brings nothing back
    queued.work_queue.put_back()
    queued.browsing.step(1)
    queued.settle()
    queued.browsing.step(-1)  # an image that was painted earlier is looked at: no correction
    queued.settle()
    assert queued.session.queue.finished == ()
    paint(queued, 2.5, 2.5)
    assert queued.session.queue.finished == (0,)


def test_reading_the_folder_again_keeps_what_is_corrected(queued):
    queued.browsing.select(2)
    queued.settle()
    paint(queued, 1.5, 1.5)
    root = queued.session.project.root
    write_photo(root / "a0b.png", square())
    write_mask(root / "masks" / "a0b.png", square())
    queued.browsing.rescan()
    follow(queued)
    names = [ref.name for ref in queued.session.project.images]
    assert names == ["a0.png", "a0b.png", "a1.png", "a2.png", "a3.png"]
    assert queued.session.queue.finished == (3,)
    assert queued.session.queue.images[:2] == (4, 0)


def test_corrected_images_stay_away_when_the_folder_is_opened_again(new_desk, tmp_path):
    root = make_set(tmp_path / "nuclei")
    desk = new_desk()
    desk.open(root)
    evaluate(desk)
    for index in (0, 2):
        desk.browsing.select(index)
        desk.settle()
        paint(desk, 1.5, 1.5)
    desk.editing.undo()  # of the second
    follow(desk)
    desk.close()
    again = new_desk()
    again.open(root)
    evaluate(again)
    assert again.session.queue.finished == (0,)
    assert again.session.queue.images == (2, 3, 1)
    again.browsing.select(0)
    again.settle()
    paint(again, 2.5, 2.5)
    again.editing.undo()  # what was corrected the day before is not undone by that
    again.settle()
    assert again.session.queue.finished == (0,)
    again.work_queue.put_back()
    follow(again)
    assert again.session.queue.finished == ()
    again.close()
    once_more = new_desk()
    once_more.open(root)
    evaluate(once_more)
    assert once_more.session.queue.finished == ()


def test_reviewed_images_leave_and_done_goes_on(queued):
    queued.browsing.select(2)
    queued.settle()
    queued.work_queue.done()
    queued.settle()
    assert queued.session.state(2).reviewed
    assert queued.session.index == 3
    assert queued.session.queue.images == (3, 0, 1)
    for expected in (0, 1, 1):
        queued.work_queue.done()
        queued.settle()
        assert queued.session.index == expected
    assert queued.session.queue.images == ()
    assert queued.session.queue.finished == (2, 3, 0, 1)
    assert "There is nothing in the queue." in queued.messages
    queued.work_queue.done()  # still reviewed: it marks and never unmarks
    assert queued.session.state(1).reviewed
    queued.browsing.toggle_reviewed()
    assert queued.session.queue.images == (1,)


def test_corrected_images_can_be_put_back(queued):
    paint(queued, 1.5, 1.5)
    follow(queued)
    assert queued.session.queue.finished == (0,)
    queued.work_queue.put_back()
    queue = queued.session.queue
    assert queue.images == (2, 3, 0, 1)
    # One pixel more in the truth: 80 of 121 are right.
    assert queue.values[2] == pytest.approx(80 / 121)


def test_another_model_another_order(new_desk, tmp_path):
    desk = new_desk(FakeEngine(BRIGHT, BLOBS))
    root = make_set(tmp_path / "nuclei")
    desk.open(root)
    evaluate(desk, "bright", "blobs")
    desk.work_queue.choose_run("blobs")
    assert desk.session.queue.run == "blobs"
    assert go(desk, -1) == 3
    assert desk.session.view.run == "blobs"
    desk.work_queue.choose_run("")
    assert len(desk.session.queue.images) == 4
    # They differ alike on all images (at the blob's soft edge), so the order is the list's.
    desk.work_queue.choose(QueueKind.DISAGREEMENT)
    assert len(set(desk.session.queue.values)) == 1
    assert desk.session.queue.images == (0, 1, 2, 3)


def test_without_ground_truth_it_goes_by_doubt(desk, tmp_path):
    desk.open(make_set(tmp_path / "nuclei", truth=False))
    evaluate(desk)
    queue = desk.session.queue
    assert queue.kind is QueueKind.UNCERTAINTY
    assert queue.possible == {QueueKind.UNCERTAINTY}
    assert queue.images == (0, 1, 2, 3)
    # All pixels have the confidence 204 of 255: an entropy of 0.8 and 0.2, in bits.
    expected = -(0.8 * np.log2(0.8) + 0.2 * np.log2(0.2))
    assert queue.values == pytest.approx([expected] * 4, abs=0.002)
    paint(desk, 1.5, 1.5)  # annotated: this was all that was asked for
    follow(desk)
    assert desk.session.queue.images == (1, 2, 3)
    evaluate(desk)
    assert desk.session.queue.images == (1, 2, 3)
    assert QueueKind.LOWEST_IOU in desk.session.queue.possible


def test_two_models_without_ground_truth_go_by_disagreement(new_desk, tmp_path):
    desk = new_desk(FakeEngine(BRIGHT, BLOBS))
    desk.open(make_set(tmp_path / "nuclei", truth=False))
    evaluate(desk, "bright", "blobs")
    assert desk.session.queue.kind is QueueKind.DISAGREEMENT


def test_another_folder_another_queue(queued, tmp_path):
    paint(queued, 1.5, 1.5)
    queued.open(make_set(tmp_path / "other nuclei"))
    assert queued.session.queue.total == 0
    queued.work_queue.step(1)
    assert queued.studio.notices.recent[-1].hint == "Evaluate a model to fill it."
    evaluate(queued)
    assert queued.session.queue.images == (2, 3, 0, 1)


class _Certain(FakeEngine):
    """Its model is sure of what it says of the upper half of the image."""

    def predictor(self, spec, device, check):
        usual = super().predictor(spec, device, check)

        class Certain:
            def predict(self, pixels, options, check, report):
                answer = usual.predict(pixels, options, check, report)
                sure = np.array(answer.confidence)
                sure[:10] = 250
                return replace(answer, confidence=sure)

        return Certain()


def test_a_suspected_error_is_shown_where_it_is(new_desk, tmp_path):
    desk = new_desk(_Certain())
    desk.open(make_set(tmp_path / "nuclei"))
    evaluate(desk)
    desk.work_queue.choose(QueueKind.SUSPICION)
    queue = desk.session.queue
    # The squares differ by 2 columns for each that the truth is off, in rows 5 to 9 of the half.
    wrong = [2 * (LEFTS[i] - 5) * 5 / 600 for i in (2, 3, 0, 1)]
    assert queue.images == (2, 3, 0, 1)
    assert queue.values == pytest.approx(wrong)
    desk.work_queue.open(2)
    desk.settle()
    assert desk.session.view.layer is Layer.DIFFERENCE
    index, place = desk.session.queue.place
    # Two of the same size: where the model's square is not covered, and where the truth's is not.
    assert (index, place) in [(2, Rect(5, 5, 10, 11)), (2, Rect(5, 15, 10, 21))]


def test_the_thickest_suspect_is_found_and_what_is_ignored_is_not():
    annotation = np.zeros((8, 10), np.uint8)
    prediction = np.zeros((8, 10), np.uint8)
    confidence = np.full((8, 10), 255, np.uint8)
    assert thickest_suspect(annotation, prediction, confidence) is None
    prediction[1:3, 1:3] = 1
    prediction[4:7, 5:9] = 2
    assert thickest_suspect(annotation, prediction, confidence) == Rect(4, 5, 7, 9)
    assert thickest_suspect(annotation, prediction, confidence, (None, 2)) == Rect(1, 1, 3, 3)
    line = np.zeros((8, 10), np.uint8)
    line[0] = line[:, 0] = 3  # of 17 pixels, but one pixel thin
    line[4:7, 5:9] = 2
    assert thickest_suspect(annotation, line, confidence) == Rect(4, 5, 7, 9)
    confidence[4:7, 5:9] = 238  # the last level of the bin below
    assert thickest_suspect(annotation, prediction, confidence) == Rect(1, 1, 3, 3)
    annotation[:4] = 255
    assert thickest_suspect(annotation, prediction, confidence, (255, None)) is None
