"""Brightness and contrast in the window: by drag, slider, key and by itself."""

from __future__ import annotations

import numpy as np
import pytest
from image_files import save_image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.canvas.legend_bar import LegendBar
from segstudio.core.tones import AS_FOUND, PLAIN, Contrast
from segstudio.storage.states import load_contrast


@pytest.fixture
def photos(tmp_path):
    """A photo of two halves, 51 and 204; and a dark one, 10 and 20."""
    root = tmp_path / "photos"
    for name, (left, right) in {"a.png": (51, 204), "b.png": (10, 20)}.items():
        image = np.full((40, 60, 3), left, np.uint8)
        image[:, 30:] = right
        save_image(root / name, image)
    return root


def colours(bench):
    """What is seen in the middle of the left and of the right half."""
    viewport = bench.window.canvas.viewport
    image = viewport.grab().toImage()
    found = []
    for x in (15.5, 45.5):
        at = viewport.to_screen((x, 20.5))
        found.append(image.pixelColor(round(at[0]), round(at[1])).red())
    return found


def legend(bench):
    """What the legend says."""
    bench.settle()
    return [entry.text for entry in bench.window.findChild(LegendBar).legend.entries]


def drag(bench, dx, dy):
    viewport = bench.window.canvas.viewport
    start = QPoint(200, 200)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(viewport, start + QPoint(dx, dy))
    bench.settle()
    return lambda: QTest.mouseRelease(
        viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(dx, dy)
    )


def test_a_drag_up_shows_it_brighter_and_escape_takes_it_back(bench, photos):
    bench.open(photos)
    assert colours(bench) == [51, 204]
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    release = drag(bench, 0, -80)  # a fifth of the window: 51 brighter
    assert colours(bench) == [102, 255]
    QTest.keyClick(bench.window.canvas.viewport, Qt.Key.Key_Escape)
    bench.settle()
    assert colours(bench) == [51, 204]
    release()
    drag(bench, 0, 80)()
    assert colours(bench) == [0, 153]
    viewport = bench.window.canvas.viewport
    QTest.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    bench.settle()
    assert colours(bench) == [51, 204]
    assert bench.session.document.annotation.revision == 0


def test_a_dark_image_is_brighter_by_itself_and_a_click_shows_it_as_it_is(bench, photos):
    bench.open(photos)
    button = bench.window.view_controls.contrast
    assert not button.isChecked()
    bench.studio.browsing.step(1)
    bench.until(lambda: bench.session.document is not None and bench.session.index == 1)
    bench.settle()
    assert colours(bench) == [0, 255]
    assert button.isChecked()
    assert "photo brightened" in legend(bench)
    assert np.unique(bench.session.document.pixels).tolist() == [10, 20], "models get it as it is"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.popover.automatic.isChecked()
    assert "dark" in button.popover.note.text()
    QTest.mouseClick(button.popover.reset, Qt.MouseButton.LeftButton)
    bench.settle()
    assert colours(bench) == [10, 20]
    assert not button.isChecked()
    assert legend(bench) == []
    assert not button.popover.automatic.isChecked()
    button.popover.close()


def test_sliders_by_keys_and_the_menu(bench, photos):
    bench.open(photos)
    bench.window.commands["view.contrast"].trigger()
    popover = bench.window.view_controls.contrast.popover
    for _ in range(20):
        QTest.keyClick(popover.brightness, Qt.Key.Key_Right)
    bench.settle()
    assert bench.session.view.contrast.tones.brightness == pytest.approx(0.2)
    assert colours(bench) == [76, 230]  # the window begins a tenth lower: 25.5 more, to even
    popover.close()
    bench.window.commands["view.as_it_is"].trigger()
    bench.window.commands["view.inverted"].trigger()
    bench.settle()
    assert colours(bench) == [204, 51]
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_V, Qt.KeyboardModifier.ShiftModifier)
    bench.settle()
    assert bench.session.view.contrast == Contrast(PLAIN, automatic=True)
    assert colours(bench) == [0, 255]


def test_it_is_remembered_for_the_folder(bench, photos, folder):
    bench.open(photos)
    bench.window.commands["view.inverted"].trigger()
    project = bench.session.project
    bench.open(folder)
    assert bench.session.view.contrast == AS_FOUND
    bench.until(lambda: load_contrast(project.data_folder).inverted)
    bench.open(photos)
    assert bench.session.view.contrast.inverted
    assert colours(bench) == [204, 51]


def test_nonsense_in_the_file_shows_images_as_they_are(tmp_path):
    for text in ('{"low": 1e999}', "[]", '{"low": "x", "high": 1, "gamma": 1}', "{"):
        (tmp_path / "contrast.json").write_text(text)
        assert load_contrast(tmp_path) == AS_FOUND
