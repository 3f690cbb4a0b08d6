"""Closing the window waits for the save, and says truly what becomes of what cannot be saved."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as pil
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox


@pytest.fixture
def bench(make_window, folder):
    """A window of the test's own, which it closes."""
    made = make_window()
    made.open(folder)
    return made


@pytest.fixture
def painted(bench):
    """A window with a stroke that is not saved yet: the ground truth of `folder` is cleared."""
    bench.studio.editing.clear()
    assert bench.session.document.dirty
    return bench


@pytest.fixture
def blocked(painted, monkeypatch):
    """Saving fails: a folder stands where the mask belongs."""
    mask = painted.session.document.ref.path.parent / "masks" / "field_0.png"
    mask.unlink()
    mask.mkdir()
    (mask / "in the way").write_text("")
    painted.session.document.seen = None
    painted.mask = mask
    yield painted
    painted.window.verbs._leaving = True  # so that the fixture can close it


def free(bench) -> None:
    (bench.mask / "in the way").unlink()
    bench.mask.rmdir()


def question(bench) -> QMessageBox:
    """Close the window, and wait for what it asks."""
    bench.window.close()
    bench.until(lambda: isinstance(QApplication.activeModalWidget(), QMessageBox))
    return QApplication.activeModalWidget()


def press(bench, box: QMessageBox, text: str) -> None:
    (button,) = (b for b in box.buttons() if b.text().replace("&", "") == text)
    bench.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_closing_waits_for_the_save(painted, folder):
    painted.window.close()
    assert painted.window.isVisible()
    painted.until(lambda: not painted.window.isVisible())
    assert not painted.session.document.dirty
    assert np.array(pil.open(folder / "masks" / "field_0.png")).sum() == 0


def test_with_nothing_unsaved_it_closes_at_once(bench):
    bench.window.close()
    assert not bench.window.isVisible()


def test_what_cannot_be_saved_is_asked_about_before_the_autosave_has_failed(blocked):
    box = question(blocked)
    assert "field_0.png could not be saved" in box.text()
    assert str(blocked.mask) in box.informativeText()
    assert "offered at the next start" in box.informativeText()
    press(blocked, box, "Cancel")
    assert blocked.window.isVisible()
    press(blocked, question(blocked), "Quit")
    blocked.until(lambda: not blocked.window.isVisible())
    assert blocked.studio.autosave.is_kept(blocked.session.document)


def test_a_journal_that_cannot_be_written_is_not_promised(painted, folder, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("segstudio.storage.atomic.os.fsync", full)
        patched.setattr("segstudio.storage.journal.os.write", full)
        # Another change, since the journal has the first one.
        painted.studio.editing.begin_stroke(1, 1)
        painted.studio.editing.end_stroke()
        painted.until(lambda: painted.studio.jobs.wait_idle(0))
        box = question(painted)
        assert "disk is full" in box.informativeText()
        assert "quitting loses the strokes on field_0.png" in box.informativeText()
        assert "offered" not in box.informativeText()
        assert box.defaultButton().text().replace("&", "") == "Cancel"
        assert "Quit and lose them" in [b.text().replace("&", "") for b in box.buttons()]
        press(painted, box, "Cancel")
        assert painted.window.isVisible()
    painted.window.close()
    painted.until(lambda: not painted.window.isVisible())
    assert not painted.session.document.dirty


def test_trying_again_closes_once_it_works(blocked):
    box = question(blocked)
    free(blocked)
    press(blocked, box, "Try again")
    blocked.until(lambda: not blocked.window.isVisible())
    assert np.array(pil.open(blocked.mask)).sum() == 0


def test_trying_again_tries_also_where_it_was_asked_what_to_do(painted, folder):
    mask = folder / "masks" / "field_0.png"
    before = mask.read_bytes()
    pil.fromarray(np.full((32, 48), 1, np.uint8)).save(mask)  # another program
    changed = mask.read_bytes()
    box = question(painted)
    assert "was changed by another program" in box.informativeText()
    assert "Cancel to choose in the message" in box.informativeText()
    press(painted, box, "Try again")
    painted.until(lambda: QApplication.activeModalWidget() not in (None, box))
    assert painted.window.isVisible()
    assert mask.read_bytes() == changed
    mask.write_bytes(before)
    press(painted, QApplication.activeModalWidget(), "Try again")
    painted.until(lambda: not painted.window.isVisible())
    assert not np.array(pil.open(mask)).any()


def test_saving_elsewhere_closes(blocked, tmp_path, monkeypatch):
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_args: str(tmp_path / "rescue")
    )
    press(blocked, question(blocked), "Save elsewhere…")
    blocked.until(lambda: not blocked.window.isVisible())
    saved = np.array(pil.open(tmp_path / "rescue" / "masks" / "field_0.png"))
    assert saved.shape == (32, 48)
    assert not saved.any()


@pytest.fixture
def exits(monkeypatch):
    """Exit codes that Qt's loop was given; it is not ended, since other tests need it."""
    codes: list[int] = []
    monkeypatch.setattr("segstudio.window.window_commands.QCoreApplication.exit", codes.append)
    return codes


def test_the_system_ends_it_without_a_question(blocked, exits):
    blocked.window.end()
    blocked.until(lambda: not blocked.window.isVisible())
    assert exits == [0]
    assert QApplication.activeModalWidget() is None
    assert not blocked.studio.close()
    (why, kept) = blocked.studio.last_words
    assert "field_0.png was not saved" in why
    assert "offered at the next start" in kept


def test_a_question_that_is_open_does_not_keep_the_program(blocked, exits):
    box = question(blocked)
    blocked.window.end()
    blocked.until(lambda: not blocked.window.isVisible())
    assert exits == [0]
    box.close()


def test_a_polygon_that_is_begun_is_asked_about(bench):
    bench.session.set_view(tool="polygon")
    viewport = bench.window.canvas.viewport
    middle = viewport.rect().center()
    bench.qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=middle)
    assert bench.window.canvas.begun == ()  # a corner is no line yet
    bench.qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=middle + QPoint(20, 5))
    begun_on = bench.session.document.ref
    bench.studio.browsing.select(1)
    bench.until(lambda: bench.session.index == 1 and bench.session.document is not None)
    assert bench.window.canvas.begun == (begun_on,)
    box = question(bench)
    assert box.text() == "A polygon is begun on field_0.png. Quit all the same?"
    press(bench, box, "Cancel")
    assert bench.window.isVisible()
    box = question(bench)
    press(bench, box, "Quit")
    assert not bench.window.isVisible()
