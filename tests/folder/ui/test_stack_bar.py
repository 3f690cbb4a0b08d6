"""Pages and channels: the line below the canvas, by mouse and by keys; questions about all images."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from shared_window import as_at_first

from segstudio.annotation.ui.export_dialog import ExportDialog


@pytest.fixture
def stacks(tmp_path):
    """cells.tif: three planes of two channels; plain.png: one page of colours."""
    root = tmp_path / "stacks"
    root.mkdir()
    stored = np.zeros((3, 2, 32, 48), np.uint16)
    for plane in range(3):
        stored[plane, 0, :, :24] = 1000 * (plane + 1)
        stored[plane, 1, :16] = 50 + plane
    tifffile.imwrite(root / "cells.tif", stored, imagej=True, metadata={"axes": "ZCYX"})
    Image.new("RGB", (48, 32), (10, 20, 30)).save(root / "plain.png")
    return root


@pytest.fixture
def bench(kept, stacks):
    as_at_first(kept).open(stacks)
    return kept


def page(bench):
    """The page that is open; None while one is read."""
    document = bench.session.document
    return None if document is None else document.ref.page


def is_open(bench, name):
    document = bench.session.document
    return document is not None and document.ref.name == name


def test_it_is_there_only_where_there_is_something_to_choose(bench):
    bar = bench.window.stack
    assert bar.isVisible()
    assert (bar.slider.minimum(), bar.slider.maximum(), bar.number.value()) == (1, 3, 1)
    bench.studio.browsing.select(1)
    bench.until(lambda: is_open(bench, "plain.png"))
    assert not bar.isVisible()


def test_the_slider_the_number_and_the_keys_go_from_page_to_page(bench):
    bar = bench.window.stack
    bar.slider.setValue(3)
    bench.until(lambda: page(bench) == 2)
    assert bar.number.value() == 3
    bar.number.lineEdit().selectAll()
    QTest.keyClicks(bar.number, "1")
    QTest.keyClick(bar.number, Qt.Key.Key_Return)
    bench.until(lambda: page(bench) == 0)
    assert bar.slider.value() == 1
    bench.window.canvas.setFocus()
    QTest.keyClick(bench.window, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
    bench.until(lambda: page(bench) == 1)
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_Down)
    bench.until(lambda: page(bench) == 2)
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_Up)
    bench.until(lambda: page(bench) == 1)
    bench.until(lambda: bench.window.windowTitle().startswith("cells.tif · page 2"))
    # the list has the file once, and it stays the chosen one
    images = bench.window.images
    assert images.model.rowCount() == 2
    assert images.view.currentIndex().row() == 0


def test_zoom_and_place_stay_from_page_to_page(bench):
    bench.studio.preferences.update(keep_view=False)
    canvas = bench.window.canvas
    canvas.zoom_in()
    canvas.zoom_in()
    zoom = canvas.zoom
    bench.studio.browsing.step_page(1)
    bench.until(lambda: page(bench) == 1)
    assert canvas.zoom == zoom


def test_a_channel_alone_and_its_raw_values(bench):
    bar, status = bench.window.stack, bench.window.status
    assert [bar.channel.itemText(i) for i in range(3)] == ["Composite", "Channel 1", "Channel 2"]
    models_get = bench.session.document.pixels.copy()
    bar.channel.setCurrentIndex(2)
    bar.channel.activated.emit(2)
    bench.until(lambda: bench.session.document.channel == 1)
    document = bench.session.document
    assert document.shown[0, 0].tolist() == [255, 255, 255]  # 50 of 0..50
    assert document.shown[31, 0].tolist() == [0, 0, 0]
    assert np.array_equal(document.pixels, models_get)
    bench.window.signal_view.on_hover(3, 4)
    assert status.texts["Pixel values"] == "1000 50"
    # the next page shows the same channel, and the number is the file's, not 8 bits
    assert bench.studio.jobs.wait_idle()  # the page that was read ahead is made ready too
    QApplication.processEvents()
    bench.studio.browsing.step_page(1)
    bench.until(lambda: page(bench) == 1 and bench.session.document.channel == 1)
    bench.window.signal_view.on_hover(3, 4)
    assert status.texts["Pixel values"] == "2000 51"
    # an image without channels shows its colours
    bench.studio.browsing.select(1)
    bench.until(lambda: is_open(bench, "plain.png"))
    assert bench.session.document.shown[0, 0].tolist() == [10, 20, 30]


def test_what_is_painted_on_one_page_is_not_on_the_next(bench):
    bench.session.set_view(tool="brush", brush_size=4)
    viewport = bench.window.canvas.viewport
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=viewport.rect().center())
    bench.until(lambda: bench.session.document.annotation.labels.any())
    bench.studio.browsing.step_page(1)
    bench.until(lambda: page(bench) == 1)
    assert not bench.session.document.annotation.labels.any()
    assert not bench.window.commands["edit.undo"].isEnabled()


def question_of_a_run_on_all(bench) -> list[str]:
    """What is asked; the answer is no."""
    asked = []

    def look():
        box = QApplication.activeModalWidget()
        if box is None:
            QTimer.singleShot(20, look)
            return
        asked.append(box.text())
        box.button(QMessageBox.StandardButton.Cancel).click()

    QTimer.singleShot(0, look)
    bench.window.commands.run("model.run_all")
    bench.until(lambda: bool(asked))
    return asked


def test_what_goes_over_all_images_says_that_pages_are_among_them(make_window, stacks):
    for number in range(20):
        Image.new("RGB", (48, 32)).save(stacks / f"a{number}.png")
    bench = make_window()
    bench.open(stacks)
    model = bench.session.models[bench.session.model.chosen].title
    assert bench.session.document.pages == 1  # no stack is known yet
    assert question_of_a_run_on_all(bench) == [f"Run {model} on 22 images?"]
    bench.studio.browsing.select(20)
    bench.until(lambda: is_open(bench, "cells.tif"))
    assert question_of_a_run_on_all(bench) == [f"Run {model} on 22 images and all their pages?"]
    bench.until(bench.window.commands["file.export"].isEnabled)
    bench.window.commands.run("file.export")
    bench.until(lambda: bench.window.findChild(ExportDialog) is not None)
    dialog = bench.window.findChild(ExportDialog)
    place = dialog.images.findData("all")
    assert dialog.images.itemText(place) == "All images (22), all pages"
    dialog.reject()


def test_a_run_on_a_stack_of_many_pages_is_asked_for_too(make_window, tmp_path):
    pages = np.zeros((21, 32, 48), np.uint8)
    tifffile.imwrite(tmp_path / "cells.tif", pages, photometric="minisblack")
    bench = make_window()
    bench.open(tmp_path)
    model = bench.session.models[bench.session.model.chosen].title
    assert question_of_a_run_on_all(bench) == [f"Run {model} on 1 image and all its pages?"]
