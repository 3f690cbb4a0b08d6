"""Working through a folder in the window: states, notes, the language of the filter, progress."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from shared_window import as_at_first
from windows import write_pictures

from segstudio.folder.ui.image_list_rows import ListRequest
from segstudio.session.session import WorkState

_NO_LIMIT = 16_777_215
"""Qt's."""
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def listed(kept, folder):
    """The window with the first of three images open; two new ones have no labels."""
    for number in (1, 2):
        cv2.imwrite(str(folder / f"new_{number}.png"), np.full((20, 30), 90 + number, np.uint8))
    bench = as_at_first(kept)
    bench.open(folder)
    bench.settle()
    yield bench
    bench.window.images.filter.clear()
    bench.settle()


def _press(bench, key: Qt.Key, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    bench.qtbot.keyClick(QApplication.focusWidget() or bench.window, key, modifiers)


def _type(bench, text: str) -> None:
    """Look for images as a person does: the key, what was there selected, the text."""
    bench.qtbot.keyClick(bench.window, Qt.Key.Key_F, CONTROL)
    bench.qtbot.keyClicks(bench.window.images.filter, text)


def _go_to(bench, index: int) -> None:
    bench.studio.browsing.select(index)
    bench.until(lambda: bench.session.index == index)
    bench.until(bench.window.commands["image.flagged"].isEnabled)


def _lists(bench, *images: int) -> None:
    bench.until(lambda: bench.window.images.model.images == list(images))


def test_a_key_gives_each_state_and_the_filter_finds_it(listed):
    canvas, session = listed.window.canvas, listed.session
    canvas.take_focus()
    _press(listed, Qt.Key.Key_K)
    _go_to(listed, 2)
    canvas.take_focus()
    _press(listed, Qt.Key.Key_K, CONTROL | SHIFT)
    assert [session.state(i).work for i in range(5)] == [
        WorkState.DONE, WorkState.IN_WORK, WorkState.FLAGGED,
        WorkState.UNLABELLED, WorkState.UNLABELLED,
    ]  # fmt: skip
    for text, images in (
        ("state:done", [0]),
        ("state:flagged", [2]),
        ("state:in-work", [1]),
        ("state:unlabelled new_2", [4]),
        ("-state:done -has:truth", [3, 4]),
    ):
        _type(listed, text)
        _lists(listed, *images)
        assert listed.window.images.filter_note.isHidden()
    _press(listed, Qt.Key.Key_Escape)
    _lists(listed, 0, 1, 2, 3, 4)
    _go_to(listed, 2)
    canvas.take_focus()
    _press(listed, Qt.Key.Key_K)
    assert session.state(2).work is WorkState.DONE, "it was come back to"


def test_next_and_previous_stay_within_what_was_found(listed):
    _type(listed, "/_[02]/ -state:done ")
    _lists(listed, 0, 2, 4)
    _press(listed, Qt.Key.Key_Return)
    listed.window.canvas.take_focus()
    for key, index in ((Qt.Key.Key_D, 2), (Qt.Key.Key_D, 4), (Qt.Key.Key_A, 2)):
        _press(listed, key)
        listed.until(lambda index=index: listed.session.index == index)
    # what is done leaves the list, and the next one is what came after it
    _press(listed, Qt.Key.Key_K)
    _lists(listed, 0, 4)
    _press(listed, Qt.Key.Key_D)
    listed.until(lambda: listed.session.index == 4)


def test_a_wrong_term_is_said_below_the_field_and_the_list_stays(listed):
    images = listed.window.images
    _type(listed, "new")
    _lists(listed, 3, 4)
    _type(listed, "stat:done")
    listed.until(images.filter_note.isVisible)
    assert images.filter_note.text().startswith("There is no key “stat”. Did you mean state:?")
    assert images.model.images == [3, 4]
    assert images.view.isVisible()
    _type(listed, "new_1")
    _lists(listed, 3)
    assert images.filter_note.isHidden()


def test_what_is_not_counted_yet_is_said_and_counted(listed):
    images, gate = listed.window.images, threading.Event()
    listed.studio.jobs.submit("hold", "contents", lambda _job: gate.wait(30))
    _type(listed, "objects:>=2 class:1")
    listed.until(images.filter_note.isVisible)
    assert images.filter_note.text() == "2 of 5 images counted."
    assert images._nothing.label.text() == "No image is known to be like that."
    assert images.model.images == []
    gate.set()
    _lists(listed, 0, 1, 2)
    listed.until(images.filter_note.isHidden)
    _type(listed, "class:2 -class:1")
    _lists(listed)
    assert images._nothing.label.text() == "No image is like that."
    assert images.filter_note.isHidden()
    _type(listed, "objects:0")
    _lists(listed, 3, 4)


def test_scores_are_compared_once_a_model_ran(listed):
    images = listed.window.images
    _type(listed, "iou:>=0")
    listed.until(images.filter_note.isVisible)
    assert images.filter_note.text() == "No model is shown, so no image has a score: run one."
    listed.window.canvas.take_focus()
    _press(listed, Qt.Key.Key_F5)
    _lists(listed, 0)
    note = f"1 of 5 images scored ({listed.session.models['fake-semantic'].title})."
    listed.until(lambda: images.filter_note.text() == note)


def test_keys_and_values_are_completed(listed):
    images = listed.window.images
    field = images.filter
    _type(listed, "new -sta")
    assert field.offered == ["state:"]
    _press(listed, Qt.Key.Key_Tab)
    assert field.text() == "new -state:"
    assert len(field.offered) == len(WorkState)
    listed.qtbot.keyClicks(field, "u")
    assert field.offered == ["state:unlabelled"]
    _press(listed, Qt.Key.Key_Tab)
    assert field.text() == "new -state:unlabelled "
    assert field.offered == []
    _lists(listed)
    # Enter is for the list unless something is chosen among what is offered
    _type(listed, "na")
    assert field.offered == ["name:"]
    _press(listed, Qt.Key.Key_Return)
    assert field.offered == []
    assert field.text() == "na"
    field.clear()
    _type(listed, "has:")
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return):
        _press(listed, key)
    assert field.text() == "has:edits "
    _press(listed, Qt.Key.Key_Tab)
    assert images.show_.hasFocus(), "nothing is offered: Tab leaves the field"


def test_a_note_is_typed_shown_and_found(listed):
    images, canvas = listed.window.images, listed.window.canvas
    canvas.take_focus()
    had = QApplication.focusWidget()
    _press(listed, Qt.Key.Key_N, CONTROL | SHIFT)
    field = QApplication.focusWidget()
    assert field is images.foot.note
    assert field.placeholderText() == "Note on field_0.png"
    listed.qtbot.keyClicks(field, "left side Blurred")
    _press(listed, Qt.Key.Key_Return)
    assert QApplication.focusWidget() is had
    assert not field.isVisible()
    tip = images.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.endswith("“left side Blurred”")
    _type(listed, "note:blurred")
    _lists(listed, 0)
    # Esc leaves it as it was, going elsewhere keeps it
    canvas.take_focus()
    _press(listed, Qt.Key.Key_N, CONTROL | SHIFT)
    assert field.selectedText() == "left side Blurred"
    listed.qtbot.keyClicks(field, "other")
    _press(listed, Qt.Key.Key_Escape)
    assert listed.session.state(0).note == "left side Blurred"
    _press(listed, Qt.Key.Key_N, CONTROL | SHIFT)
    listed.qtbot.keyClicks(field, "sharp")
    _go_to(listed, 1)
    canvas.take_focus()
    assert [listed.session.state(i).note for i in (0, 1)] == ["sharp", ""]
    _lists(listed)


def test_a_note_that_is_typed_while_another_folder_opens_is_kept(listed, folder, tmp_path):
    listed.window.canvas.take_focus()
    _press(listed, Qt.Key.Key_N, CONTROL | SHIFT)
    listed.qtbot.keyClicks(listed.window.images.foot.note, "cut off")
    other = tmp_path / "other"
    other.mkdir()
    (other / "field_0.png").write_bytes((folder / "field_1.png").read_bytes())
    listed.open(other)
    assert not listed.window.images.foot.note.isVisible()
    assert listed.session.state(0).note == ""
    listed.settle()
    listed.open(folder)
    listed.until(lambda: listed.session.state(0).note == "cut off")


def test_whose_scores_stand_behind_the_images_is_said_below_the_list(listed, tmp_path):
    scored = listed.window.images.foot.scored
    assert not scored.isVisible()
    listed.studio.segmenting.run_current()
    listed.until(lambda: scored.isVisible() and scored.whole == "Fake U-Net")
    said = "Behind each image: mean IoU of the foreground of Fake U-Net"
    assert scored.toolTip().replace("\n", " ") == said
    listed.until(lambda: scored.geometry().right() < scored.parentWidget().width())
    assert scored.text() == "Fake U-Net"
    assert scored.geometry().left() > listed.window.images.foot.progress.geometry().right()
    listed.open(write_pictures(tmp_path / "others", tint=77))
    listed.until(lambda: not scored.isVisible())


def test_how_much_is_done_stands_below_the_list(listed, monkeypatch):
    foot, progress = listed.window.images.foot, listed.studio.work_progress
    assert foot.progress.whole == "0 of 5 done"
    began = progress._since
    monkeypatch.setattr(progress, "_now", lambda: began + 1200.0)  # 20 minutes after it was opened
    canvas = listed.window.canvas
    for index in (0, 1):
        _go_to(listed, index)
        canvas.take_focus()
        _press(listed, Qt.Key.Key_K)
    listed.until(lambda: foot.progress.whole == "2 of 5 done, 6 an hour")
    tip = "3 images are not done. At the rate of the last hour they take 30 min."
    assert foot.progress.toolTip().replace("\n", " ") == f"2 of 5 done, 6 an hour. {tip}"
    foot.progress.setFixedWidth(foot.progress.fontMetrics().horizontalAdvance("2/5 done, 6/h") + 4)
    listed.until(lambda: foot.progress.text() == "2/5 done, 6/h")
    foot.progress.setMinimumWidth(0)
    foot.progress.setMaximumWidth(_NO_LIMIT)
    _press(listed, Qt.Key.Key_K, CONTROL | SHIFT)
    listed.until(lambda: foot.progress.whole == "1 of 5 done, 3 an hour")
    assert "4 images are not done, 1 of them flagged." in foot.progress.toolTip().replace("\n", " ")


def test_of_many_images_a_job_chooses(kept, folder, tmp_path, monkeypatch):
    """The window's thread would stand still while 100,000 names are looked through."""
    many = tmp_path / "many"
    many.mkdir()
    for number in range(60):
        (many / f"frame_{number:03d}.png").write_bytes((folder / "field_0.png").read_bytes())
    monkeypatch.setattr("segstudio.folder.ui.image_list_rows._AT_ONCE", 50)
    threads, rows = [], ListRequest.rows

    def noted(request, *given):
        threads.append((request.wish.query.text, threading.current_thread().name))
        return rows(request, *given)

    monkeypatch.setattr(ListRequest, "rows", noted)
    bench = as_at_first(kept)
    bench.open(many)
    bench.settle()
    threads.clear()
    _type(bench, "frame_01")
    _lists(bench, *range(10, 20))
    assert {name for text, name in threads if text} == {"segstudio-lists"}
    _type(bench, "frame_02")
    _press(bench, Qt.Key.Key_Return)  # at once, before it was looked for
    bench.until(lambda: bench.session.index == 20)
    assert bench.window.images.view.hasFocus()
    bench.window.images.filter.clear()
    _lists(bench, *range(60))
