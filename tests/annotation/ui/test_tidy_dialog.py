"""The dialog of region operations in a whole window: its preview, one image, many images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from shared_window import as_at_first

from segstudio.annotation.ui.tidy_dialog import TidyDialog
from segstudio.session.session import Selection


@pytest.fixture
def images(tmp_path):
    """Three photos, each with a square of class 1 that has a hole of one pixel and of 2 x 2."""
    folder = tmp_path / "photos"
    (folder / "masks").mkdir(parents=True)
    mask = np.zeros((32, 48), np.uint8)
    mask[5:20, 6:30] = 1
    mask[8, 9] = 0
    mask[12:14, 12:14] = 0
    mask[28, 40] = 2
    for number in range(3):
        photo = np.full((32, 48, 3), 60 + number, np.uint8)
        cv2.imwrite(str(folder / f"p{number}.png"), photo)
        cv2.imwrite(str(folder / "masks" / f"p{number}.png"), mask)
    return folder


@pytest.fixture
def bench(kept, images):
    bench = as_at_first(kept)
    bench.open(images)
    bench.session.set_view(active_class=1)
    return bench


def opened(bench) -> TidyDialog:
    bench.window.commands.refresh()
    bench.window.commands.run("regions.tidy")
    (dialog,) = [d for d in bench.window.findChildren(TidyDialog) if d.isVisible()]
    bench.until(lambda: bool(dialog.told.text()))
    return dialog


def labels(bench):
    return bench.session.document.annotation.labels


def choose(box, text):
    (index,) = [i for i in range(box.count()) if box.itemText(i).startswith(text)]
    box.setCurrentIndex(index)


def pinks(bench) -> int:
    picture = (
        bench.window.canvas.viewport.grab()
        .toImage()
        .convertToFormat(bench.window.canvas.viewport.grab().toImage().Format.Format_RGB888)
    )
    rows = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), -1)
    pixels = rows[:, : 3 * picture.width()].reshape(picture.height(), picture.width(), 3)
    wide = pixels.astype(np.int32)
    return int(((wide[..., 0] > wide[..., 1] + 60) & (wide[..., 2] > wide[..., 1] + 30)).sum())


def test_what_would_change_is_told_and_marked_and_apply_is_one_edit(bench):
    before = np.array(labels(bench))
    plain = pinks(bench)
    dialog = opened(bench)
    assert dialog.operation.currentText() == "Fill holes"
    assert dialog.regions.currentText() == "class 1 (id 1)"
    assert dialog.told.text() == "5 pixels would change in this image: 5 added."
    bench.until(lambda: pinks(bench) > plain + 20)
    assert np.array_equal(labels(bench), before)
    dialog.amount.setValue(1)
    bench.until(lambda: dialog.told.text() == "1 pixel would change in this image: 1 added.")
    QTest.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    assert np.array_equal(np.argwhere(labels(bench) != before), [[8, 9]])
    bench.until(lambda: dialog.told.text() == "Nothing would change in this image.")
    bench.until(lambda: pinks(bench) <= plain)
    bench.window.commands.run("edit.undo")
    assert np.array_equal(labels(bench), before)
    dialog.close()
    bench.until(lambda: not bench.window.findChildren(TidyDialog))


def test_each_operation_asks_for_what_it_needs(bench):
    dialog = opened(bench)
    choose(dialog.operation, "Keep the largest")
    assert not dialog.amount.isVisible()
    choose(dialog.operation, "Change class")
    assert dialog.into.isVisible()
    choose(dialog.into, bench.session.schema.name_of(2))
    assert dialog.request.into == 2
    choose(dialog.operation, "Grow")
    assert (dialog.amount.isVisible(), dialog.amount.value()) == (True, 2)
    assert dialog.form.labelForField(dialog.amount).text() == "By"
    choose(dialog.regions, "All classes")
    assert dialog.request.target.classes is None
    dialog.close()


def test_all_images_are_changed_and_told(bench, images):
    dialog = opened(bench)
    choose(dialog.images, "All images (3)")
    assert dialog.button.text() == "Apply to 3 images"
    QTest.mouseClick(dialog.button, Qt.MouseButton.LeftButton)

    def holes():
        masks = [cv2.imread(str(images / "masks" / f"p{n}.png"), -1) for n in range(3)]
        return [None if m is None else int((m[5:20, 6:30] == 0).sum()) for m in masks]

    bench.until(lambda: holes() == [0, 0, 0])
    told = bench.studio.notices.recent
    bench.until(lambda: any("15 pixels in 3 of 3 images" in notice.message for notice in told))
    dialog.close()


def test_closing_and_another_image_take_the_marks_away(bench):
    plain = pinks(bench)
    dialog = opened(bench)
    bench.until(lambda: pinks(bench) > plain + 20)
    bench.studio.browsing.select(1)
    bench.until(lambda: bench.session.index == 1 and bench.session.document is not None)
    bench.until(lambda: pinks(bench) > plain + 20)  # of that image now
    dialog.close()
    bench.until(lambda: pinks(bench) <= plain)


def test_what_is_selected_is_worked_on_alone_and_in_this_image_alone(bench):
    """The one pixel of class 2 grows to a cross of five; the square stays."""
    before = np.array(labels(bench))
    bench.studio.objects.select_at(40, 28)
    dialog = opened(bench)
    choose(dialog.regions, "Selection")
    assert not dialog.images.isEnabled()
    choose(dialog.operation, "Grow")
    dialog.amount.setValue(1)
    bench.until(lambda: dialog.told.text() == "4 pixels would change in this image: 4 added.")
    QTest.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    changed = np.argwhere(labels(bench) != before).tolist()
    assert sorted(changed) == [[27, 40], [28, 39], [28, 41], [29, 40]]
    bench.session.select(Selection())
    bench.settle()
    assert dialog.regions.findText("Selection") < 0
    assert dialog.images.isEnabled()
    dialog.close()
