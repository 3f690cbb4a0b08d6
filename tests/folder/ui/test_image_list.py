"""The list of images in the window: filter, steps along the list, its menu; as a user does it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices, QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu

from segstudio.folder.ui.image_delegate import fitted_name
from segstudio.folder.ui.image_list_rows import Order, Show, common_ends


@pytest.fixture
def listed(bench):
    """A window in which the first of three images is open."""
    bench.settle()
    return bench


def _type(bench, text: str) -> None:
    bench.qtbot.keyClick(bench.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    bench.qtbot.keyClicks(QApplication.focusWidget(), text)


def _press(bench, key: Qt.Key) -> None:
    bench.qtbot.keyClick(QApplication.focusWidget(), key)


def test_ctrl_f_then_enter_opens_the_first_image_with_that_name(listed):
    images = listed.window.images
    _type(listed, "_2")
    assert images.filter.hasFocus()
    _press(listed, Qt.Key.Key_Return)
    listed.until(lambda: listed.session.index == 2)
    assert images.view.hasFocus()
    assert images.model.stringList() == ["field_2.png"]


def test_enter_in_the_filter_keeps_an_open_image_that_is_listed(listed):
    _type(listed, "field")
    _press(listed, Qt.Key.Key_Down)
    listed.settle()
    assert listed.session.index == 0
    assert listed.window.images.view.hasFocus()


def test_esc_empties_the_filter_and_then_leaves_it(listed):
    images = listed.window.images
    _type(listed, "_1")
    _press(listed, Qt.Key.Key_Escape)
    assert images.filter.text() == ""
    assert images.filter.hasFocus()
    _press(listed, Qt.Key.Key_Escape)
    assert images.view.hasFocus()


def test_a_filter_that_nothing_passes_says_so_and_a_button_lists_all(listed):
    images = listed.window.images
    images.show_.setCurrentText(Show.PREDICTED.value)
    _type(listed, "nothing")
    listed.until(lambda: not images.model.images)
    listed.until(images.show_all.isVisible)
    assert not images.view.isVisible()
    listed.qtbot.mouseClick(images.show_all, Qt.MouseButton.LeftButton)
    assert images.view.isVisible()
    assert images.model.rowCount() == 3


def test_next_and_previous_go_along_the_filtered_list(listed):
    listed.studio.browsing.toggle_reviewed()
    images = listed.window.images
    images.show_.setCurrentText(Show.UNREVIEWED.value)
    images.show_.activated.emit(0)
    assert images.model.images == [1, 2]
    listed.window.commands.run("image.next")
    listed.until(lambda: listed.session.index == 1)
    listed.window.commands.run("image.previous")
    listed.settle()
    assert listed.session.index == 1


def test_next_goes_from_the_worst_image_to_the_second_worst(listed):
    listed.studio.segmenting.run_all()
    listed.until(lambda: len(listed.session.counts) == 3)
    images = listed.window.images
    images.order.setCurrentText(Order.WORST.value)
    images.order.activated.emit(0)
    worst = list(images.model.images)
    listed.studio.browsing.select(worst[0])
    listed.until(lambda: listed.session.index == worst[0])
    for image in worst[1:]:
        listed.window.commands.run("image.next")
        listed.until(lambda image=image: listed.session.index == image)


def test_the_open_image_stays_in_sight_and_a_new_filter_shows_its_first_images(
    make_window, tmp_path, folder
):
    pixels = (folder / "field_0.png").read_bytes()
    many = tmp_path / "many"
    many.mkdir()
    for number in range(120):
        (many / f"frame_{number:03d}.png").write_bytes(pixels)
    bench = make_window()
    bench.open(many)
    images = bench.window.images
    bench.studio.browsing.select(100)
    bench.until(lambda: bench.session.index == 100)
    assert images.view.verticalScrollBar().value() > 0
    dock = bench.window.docks.by_name["Evaluation"]
    bench.window.docks.open("Evaluation")
    bench.until(dock.isVisible)
    bench.settle()
    place = images.view.visualRect(images.view.currentIndex())
    assert images.view.viewport().rect().contains(place), "the open image stays in sight"
    dock.close()
    images.filter.setText("frame_0")
    bench.until(lambda: images.model.rowCount() == 100)
    assert images.view.verticalScrollBar().value() == 0


def test_the_menu_of_a_row_runs_marks_and_copies(listed, monkeypatch):
    images = listed.window.images
    place = images.view.visualRect(images.model.index(0, 0)).center()
    images.view.customContextMenuRequested.emit(place)
    menu = images.findChild(QMenu)
    texts = [action.text() for action in menu.actions()]
    assert texts == ["Run", "Run on selected images", "Reviewed", "Copy path of the image",
                     "Show in file manager"]  # fmt: skip
    actions = {action.text(): action for action in menu.actions()}
    actions["Copy path of the image"].trigger()
    path = listed.session.document.ref.path
    assert QGuiApplication.clipboard().text() == str(path)
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    actions["Show in file manager"].trigger()
    assert opened == [str(path.parent)]
    assert listed.studio.notices.recent[-1].level == "warning"
    menu.close()
    images.view.customContextMenuRequested.emit(QPoint(5, images.view.height() - 2))
    assert not [m for m in images.findChildren(QMenu) if m.isVisible()]


def test_the_number_of_images_is_told_below_the_list(listed, folder):
    images = listed.window.images
    assert images.count.text() == "3 images"
    images.filter.setText("_1")
    listed.until(lambda: images.count.text() == "1 of 3 images")
    images.filter.clear()
    for number in (1, 2):
        (folder / f"field_{number}.png").unlink()
    listed.studio.browsing.rescan()
    listed.until(lambda: images.count.text() == "1 image")


def test_the_filter_goes_with_the_folder_and_stays_when_it_is_read_again(bench, folder, tmp_path):
    panel = bench.window.images
    panel.filter.setText("field_1")
    panel.show_.setCurrentText("Not reviewed")
    bench.studio.browsing.rescan()
    bench.settle()
    assert (panel.filter.text(), panel.show_.currentText()) == ("field_1", "Not reviewed")
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.png").write_bytes((folder / "field_0.png").read_bytes())
    bench.studio.browsing.open_path(other)
    bench.until(lambda: panel.model.images == [0])
    assert panel.filter.text() == ""
    assert panel.show_.currentText() == "All images"


def test_what_all_names_have_in_common_gives_way_to_what_tells_them_apart(qtbot):
    metrics = QFontMetrics(QApplication.font())
    names = [
        f"experiment-2026-03_well {n:02d}_{kind}_section.png" for n in (1, 10) for kind in "ab"
    ]
    ends = common_ends(names)
    assert ends == ("experiment-2026-03_well ", "_section.png")
    widths = [metrics.horizontalAdvance(text) for text in (names[0], "…01_a_section.png", "…01_a…")]
    for width, told in zip(
        widths, ("experiment-2026-03_well 01", "…01_a_s", "…01_a…"), strict=True
    ):
        shown = [fitted_name(name, ends, metrics, width + 4) for name in names]
        assert shown[0].startswith(told)
        assert len({*shown}) == 4
        assert all(metrics.horizontalAdvance(text) <= width + 4 for text in shown)
    # Names that fit are whole, and one that does not begin or end like the others stays as it is.
    assert fitted_name("b.tif", ends, metrics, widths[1]) == "b.tif"
    assert common_ends(["a_1.png"]) == ("", "")
    assert common_ends(["x.png", "y.tif"]) == ("", "")
    assert common_ends(["ab_ab", "ab_ab_ab"]) == ("ab_", "_ab")
    assert fitted_name("ab_ab", ("ab_", "_ab"), metrics, metrics.horizontalAdvance("…ab")) == "…ab"
    many = [f"plate_{n:06d}_x.png" for n in range(100_000)]
    assert common_ends(many) == ("plate_", "_x.png")


def test_the_list_draws_them_so(make_window, tmp_path):
    root = tmp_path / "long"
    root.mkdir()
    for n in range(3):
        name = f"experiment of the third of March_well {n:02d}_section under the microscope.png"
        cv2.imwrite(str(root / name), np.zeros((20, 30), np.uint8))
    bench = make_window()
    bench.open(root)
    model = bench.window.images.model
    assert model.ends == (
        "experiment of the third of March_well ", "_section under the microscope.png",
    )  # fmt: skip
    view = bench.window.images.view
    pixels = [
        view.grab(view.visualRect(model.index(row, 0)).adjusted(70, 0, 0, -30)).toImage()
        for row in (1, 2)
    ]
    assert pixels[0] != pixels[1]
    assert model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole).startswith("experiment of the third")
