"""What is done in the window is done to the image that is selected, or not at all."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.folder.files import FolderFiles

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def reading(monkeypatch) -> threading.Event:
    """Images after the first are read only while this is set."""
    gate, load = threading.Event(), FolderFiles.load_document

    def held(self, ref, *more):
        assert ref.name == "field_0.png" or gate.wait(30)
        return load(self, ref, *more)

    monkeypatch.setattr(FolderFiles, "load_document", held)
    return gate


def _masks(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "masks").glob("*.png")}


def _stroke(bench) -> None:
    """Press, drag and lift in the middle of the picture."""
    viewport = bench.window.canvas.viewport
    middle = viewport.rect().center()
    QTest.mousePress(viewport, LEFT, pos=middle)
    QTest.mouseMove(viewport, middle + QPoint(25, 0))
    QTest.mouseRelease(viewport, LEFT, pos=middle + QPoint(25, 0))
    QApplication.processEvents()


def _key(bench, key) -> None:
    bench.window.canvas.setFocus()
    bench.qtbot.keyClick(bench.window.canvas.viewport, key)


def test_a_slow_image_locks_tools_and_run_until_it_is_there(bench, folder, reading):
    reading.set()
    bench.settle()
    reading.clear()
    bench.studio.browsing.rescan()  # the images that were read ahead are read again
    bench.until(lambda: any("no change" in n.message for n in bench.studio.notices.recent))
    bench.session.set_view(tool="brush", active_class=1)
    first, before = bench.session.document, _masks(folder)
    labels = first.annotation.labels.copy()
    _key(bench, Qt.Key.Key_D)
    _stroke(bench)
    _key(bench, Qt.Key.Key_F5)
    _key(bench, Qt.Key.Key_K)
    for locked in ("model.run", "tool.brush", "edit.clear"):
        bench.until(lambda name=locked: not bench.window.commands[name].isEnabled())
    for free in ("model.run_all", "image.next", "image.previous", "file.open"):
        assert bench.window.commands[free].isEnabled(), free
    bench.until(lambda: bench.window.options.hint.text() == "Reading field_1.png…")
    _stroke(bench)
    assert (first.annotation.labels == labels).all()
    assert first.predictions == {}
    reading.set()
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.document.ref.name == "field_1.png"
    bench.until(bench.window.commands["model.run"].isEnabled)
    _stroke(bench)
    assert (first.annotation.labels == labels).all()
    assert bench.session.document.dirty
    bench.studio.autosave.save_all()
    bench.settle()
    after = _masks(folder)
    assert [name for name in before if before[name] != after[name]] == ["field_1.png"]
    assert not any(state.reviewed for state in bench.session.states.values())


def test_a_broken_image_shows_its_message_and_the_last_one_is_left_alone(bench, folder):
    broken = folder / "field_1.png"
    broken.write_bytes(broken.read_bytes()[:70])
    bench.studio.browsing.rescan()
    bench.settle()
    bench.session.set_view(tool="brush", active_class=1)
    before = _masks(folder)
    view = bench.window.images.view
    row = view.visualRect(view.model().index(1, 0)).center()
    bench.qtbot.mouseClick(view.viewport(), LEFT, pos=row)
    line = bench.window.canvas.empty.line
    bench.until(line.isVisible)
    assert "field_1.png" in line.text()
    assert not bench.window.canvas.viewport.isVisible()
    bench.until(lambda: not bench.window.commands["model.run"].isEnabled())
    bench.until(lambda: bench.window.options.hint.text() == "field_1.png cannot be shown")
    _key(bench, Qt.Key.Key_F5)
    bench.settle()
    assert _masks(folder) == before
    _key(bench, Qt.Key.Key_D)
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.document.ref.name == "field_2.png"
    bench.until(bench.window.canvas.viewport.isVisible)
