"""The list of images in the window: filter, steps along the list, its menu; as a user does it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QDesktopServices, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QMenu, QToolButton
from shared_window import as_at_first

from segstudio.folder.ui.image_list_rows import SIGNS, Order, Show
from segstudio.kit.theme import tokens_of

_NO_LIMIT = 16_777_215
"""Qt's."""


@pytest.fixture
def shared(kept):
    """The window as it is at first, whatever folder is open."""
    yield as_at_first(kept)
    kept.window.commands.set_keymap({})
    kept.window.docks.by_name["Evaluation"].close()
    kept.window.images.setMinimumWidth(0)
    kept.window.images.setMaximumWidth(_NO_LIMIT)


@pytest.fixture
def listed(shared, folder):
    """The window with the first of three images open."""
    shared.open(folder)
    shared.settle()
    return shared


def _type(bench, text: str) -> None:
    bench.qtbot.keyClick(bench.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    bench.qtbot.keyClicks(QApplication.focusWidget(), text)


def _press(bench, key: Qt.Key) -> None:
    bench.qtbot.keyClick(QApplication.focusWidget(), key)


def _choose(bench, button, choice: str) -> None:
    """Click on a button and then on an entry of its menu."""
    bench.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    menu = QApplication.activePopupWidget()
    (action,) = [a for a in menu.actions() if a.text() == choice]
    place = menu.actionGeometry(action).center()
    bench.qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)


def _row_image(images, row: int) -> QImage:
    """What the list draws for a row."""
    return images.view.viewport().grab(images.view.visualRect(images.model.index(row, 0))).toImage()


def _greenest(picture: QImage) -> int:
    """By how much the greenest pixel of a picture is greener than red."""
    colors = (
        picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())
    )
    return max(color.green() - color.red() for color in colors)


def _reddest(picture: QImage) -> int:
    """By how much the reddest pixel of a picture is redder than blue."""
    colors = (
        picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())
    )
    return max(color.red() - color.blue() for color in colors)


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
    images.show_.choose(Show.PREDICTED.value)
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
    _choose(listed, images.show_, Show.NOT_DONE)
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
    _choose(listed, images.order, Order.WORST)
    worst = list(images.model.images)
    listed.studio.browsing.select(worst[0])
    listed.until(lambda: listed.session.index == worst[0])
    for image in worst[1:]:
        listed.window.commands.run("image.next")
        listed.until(lambda image=image: listed.session.index == image)


def test_the_open_image_stays_in_sight_and_a_new_filter_shows_its_first_images(
    shared, tmp_path, folder
):
    pixels = (folder / "field_0.png").read_bytes()
    many = tmp_path / "many"
    many.mkdir()
    for number in range(120):
        (many / f"frame_{number:03d}.png").write_bytes(pixels)
    shared.open(many)
    images = shared.window.images
    shared.studio.browsing.select(100)
    shared.until(lambda: shared.session.index == 100)
    assert images.view.verticalScrollBar().value() > 0
    dock = shared.window.docks.by_name["Evaluation"]
    shared.window.docks.open("Evaluation")
    shared.until(dock.isVisible)
    shared.settle()
    place = images.view.visualRect(images.view.currentIndex())
    assert images.view.viewport().rect().contains(place), "the open image stays in sight"
    dock.close()
    images.filter.setText("frame_0")
    shared.until(lambda: images.model.rowCount() == 100)
    assert images.view.verticalScrollBar().value() == 0


def test_the_menu_of_a_row_runs_marks_and_copies(listed, monkeypatch):
    images = listed.window.images
    place = images.view.visualRect(images.model.index(0, 0)).center()
    images.view.customContextMenuRequested.emit(place)
    menu = images.findChild(QMenu)
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts == [
        "Run", "Run on selected images", "Export masks…", "Done", "Flagged", "Note on the image", "Revert to original",
        "Versions of the mask…", "Copy name of the image", "Copy path of the image",
        "Show in file manager",
    ]  # fmt: skip
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


def test_the_number_of_images_is_told_beside_the_panel_name(listed, folder):
    images = listed.window.images
    assert (images.count.text(), images.count.accessibleName()) == ("3", "3 images")
    assert images.listed.isHidden()
    images.filter.setText("_1")
    listed.until(images.listed.isVisible)
    assert (images.count.text(), images.listed.text()) == ("3", "1 of 3")
    images.filter.setText("nothing")
    listed.until(lambda: images.listed.text() == "0 of 3")
    assert images.shared.whole == ""
    images.filter.clear()
    for number in (1, 2):
        (folder / f"field_{number}.png").unlink()
    listed.studio.browsing.rescan()
    listed.until(lambda: images.count.accessibleName() == "1 image")
    assert images.listed.isHidden()


def test_images_with_the_most_errors_come_first_and_say_how_many(listed):
    images = listed.window.images
    _choose(listed, images.order, Order.ERRORS)
    listed.session.set_correcting(of_images={0: 1, 2: 7})
    listed.until(lambda: images.model.images == [2, 0, 1])
    assert "7 errors" in images.model.marks(2)
    assert "1 error" in images.model.marks(0)
    before = _row_image(images, 0)
    listed.session.set_correcting(of_images={0: 1, 2: 3})
    listed.until(lambda: _row_image(images, 0) != before)
    listed.session.set_correcting(of_images={0: 4, 2: 3})
    listed.until(lambda: images.model.images == [0, 2, 1])


def test_choosing_the_order_of_errors_counts_those_that_are_not_known(listed):
    images, session = listed.window.images, listed.session
    listed.studio.segmenting.run_all()
    listed.until(lambda: all(session.state(i).runs for i in range(3)))
    run = next(iter(session.state(0).runs))
    session.set_view(run=run)
    listed.settle()
    _choose(listed, images.order, Order.ERRORS)
    listed.until(lambda: set(session.correcting.of_images) == {0, 1, 2})
    found = session.correcting.of_images
    assert [found[i] for i in images.model.images] == sorted(found.values(), reverse=True)


def test_the_title_bar_has_the_count_and_the_order(listed):
    images = listed.window.images
    title = listed.window.docks.by_name["Images"].titleBarWidget()
    assert title.isAncestorOf(images.count)
    assert title.isAncestorOf(images.order)
    assert images.count.isVisible()
    assert images.order.isVisible()
    assert images.filter.mapTo(images, QPoint()).y() == 0, "no empty line stays"
    images.count.show_text("123,456", "123 k")
    shown = {}
    for width in range(400, 60, -1):
        title.resize(width, title.height())
        shown.setdefault(images.count.text(), width)
        assert images.order.width() == 28
        if images.count.text():
            assert title.title.width() >= title.title.sizeHint().width()
    assert list(shown) == ["123,456", "123 k", ""]


def test_the_filter_goes_with_the_folder_and_stays_when_it_is_read_again(listed, folder, tmp_path):
    panel = listed.window.images
    panel.filter.setText("field_1")
    panel.show_.choose("Not done")
    listed.studio.browsing.rescan()
    listed.settle()
    assert (panel.filter.text(), panel.show_.choice) == ("field_1", "Not done")
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.png").write_bytes((folder / "field_0.png").read_bytes())
    listed.studio.browsing.open_path(other)
    listed.until(lambda: panel.model.images == [0])
    assert panel.filter.text() == ""
    assert panel.show_.choice == "All images"


def _folder_of(tmp_path, *names: str):
    """A folder of small images."""
    root = tmp_path / "named"
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / name), np.full((20, 30), 60 * number % 256, np.uint8))
    return root


def _own_names(images) -> list[str]:
    return [images.model.shared.own(name) for name in images.model.stringList()]


NAMES = ("nuclei-01-even.png", "nuclei-04-clusters.png", "nuclei-04-dense.png", "nuclei-04-x.png")


def test_what_all_listed_names_share_is_said_once_below_the_list(shared, tmp_path):
    shared.open(_folder_of(tmp_path, *NAMES))
    images = shared.window.images
    assert _own_names(images) == ["01-even", "04-clusters", "04-dense", "04-x"]
    assert images.shared.isVisible()
    assert images.shared.whole == "nuclei-*.png"
    tip = "The listed names begin with “nuclei-” and end with “.png”."
    assert images.shared.toolTip().replace("\n", "") == tip
    # the filter lists others, which share more
    _type(shared, "04")
    shared.until(lambda: images.model.rowCount() == 3)
    assert _own_names(images) == ["clusters", "dense", "x"]
    assert images.shared.whole == "nuclei-04-*.png"
    # of one or two, what they are called must not nearly vanish
    shared.qtbot.keyClicks(images.filter, "-x")
    shared.until(lambda: images.model.rowCount() == 1)
    assert _own_names(images) == ["04-x"]
    assert images.shared.whole == "nuclei-*.png"
    _press(shared, Qt.Key.Key_Escape)
    shared.until(lambda: images.model.rowCount() == 4)
    assert _own_names(images) == ["01-even", "04-clusters", "04-dense", "04-x"]


def test_one_other_name_and_the_names_of_all_rows_are_whole(shared, tmp_path):
    shared.open(_folder_of(tmp_path, *NAMES, "overview.tif"))
    images = shared.window.images
    assert _own_names(images) == [*NAMES, "overview.tif"]
    assert not images.shared.isVisible()
    assert images.model.index(0, 0).data() == NAMES[0], "screen readers get the whole name"


def test_the_rows_of_long_names_look_different(shared, tmp_path):
    long = "experiment of the third of March_well {}_section under the microscope.png"
    shared.open(_folder_of(tmp_path, *(long.format(f"{n:02d}") for n in range(3))))
    images = shared.window.images
    assert _own_names(images) == ["00", "01", "02"]
    shared.settle()
    drawn = [_row_image(images, row).copy(56, 0, 80, 26) for row in (1, 2)]
    assert drawn[0] != drawn[1]
    tip = images.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert max(map(len, tip.split("\n"))) <= 60
    assert tip.replace("\n", " ").startswith(long.format("00"))


def test_a_row_has_the_sign_of_its_state_and_its_tip_says_all(shared, folder):
    for number in (0, 3):
        cv2.imwrite(str(folder / f"new_{number}.png"), np.full((20, 30), 90 + number, np.uint8))
    shared.open(folder)
    shared.settle()
    images, session = shared.window.images, shared.session
    session.set_state(1, edited=True, annotated=True)
    session.set_state(2, edited=True, annotated=True, reviewed=True)
    session.set_state(4, flagged=True, note="blurred")
    shared.settle()
    sign = QRect(56, 28, 14, 14)
    drawn = [_row_image(images, row).copy(sign) for row in range(5)]
    green = [_greenest(picture) for picture in drawn]
    assert max(green[0], green[1], green[3]) < 20, "grey"
    assert green[2] > 60, "green"
    assert _reddest(drawn[4]) > 60, "the colour of warnings"
    assert drawn[1] != drawn[3], "a pencil, and a dashed circle"
    beside = [_row_image(images, row).copy(QRect(74, 28, 14, 14)) for row in (3, 4)]
    assert beside[0] != beside[1], "a sign of the note"
    tips = [images.model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole) for row in range(5)]
    assert tips == [
        "field_0.png\nground truth, read as class ids\nin work",
        "field_1.png\nground truth, read as class ids\nedited\nin work",
        "field_2.png\nground truth, read as class ids\nedited\ndone",
        "new_0.png\nunlabelled",
        "new_3.png\nflagged\n“blurred”",
    ]
    assert [SIGNS[session.state(image).work].icon for image in range(5)] == [
        "pencil", "pencil", "circle-check", "circle-dashed", "flag",
    ]  # fmt: skip


def test_a_score_on_the_models_own_pixels_has_a_warning_before_it(listed):
    listed.studio.segmenting.run_all()
    listed.until(lambda: len(listed.session.counts) == 3)
    images, session = listed.window.images, listed.session
    session.set_state(2, edited=True, taken=frozenset({session.view.scored_run}))
    listed.settle()
    place = images.view.visualRect(images.model.index(1, 0))
    before_score = QRect(place.width() - 70, 28, 62, 16)
    reddest = [_reddest(_row_image(images, row).copy(before_score)) for row in (1, 2)]
    assert reddest[0] < 20, "grey figures"
    assert reddest[1] > 60, "a sign in the colour of warnings"
    tip = images.model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "partly on its own pixels" in tip.replace("\n", " ")


def test_the_open_row_is_tinted_and_has_an_accent_at_its_edge(listed):
    images = listed.window.images
    tokens = tokens_of(images.palette())
    row = _row_image(images, 0)
    assert row.height() == 52
    assert [QColor(row.pixel(x, 2)).name() for x in (0, 2, 3)] == [
        tokens.accent, tokens.accent, tokens.selected,
    ]  # fmt: skip
    assert QColor(_row_image(images, 1).pixel(0, 2)).name() == tokens.panel
    # several are selected: the accent tells which one is open
    place = images.view.visualRect(images.model.index(2, 0)).center()
    control = Qt.KeyboardModifier.ControlModifier
    listed.qtbot.mouseClick(images.view.viewport(), Qt.MouseButton.LeftButton, control, place)
    listed.until(lambda: listed.session.index == 2)
    listed.settle()
    edges = [QColor(_row_image(images, row).pixel(0, 2)).name() for row in (0, 2)]
    assert edges == [tokens.selected, tokens.accent]


def test_the_row_has_a_ring_while_the_keyboard_is_used(listed):
    images = listed.window.images
    accent = tokens_of(images.palette()).accent

    def ring(row: int) -> bool:
        picture = _row_image(images, row)
        right, low = picture.width() - 1, picture.height() - 1
        places = [(right - 1, 26), (100, 0), (100, 1), (100, low)]
        return all(QColor(picture.pixel(x, y)).name() == accent for x, y in places)

    _type(listed, "field")
    assert not ring(0)
    _press(listed, Qt.Key.Key_Return)
    assert images.view.hasFocus()
    assert ring(0)
    _press(listed, Qt.Key.Key_Down)
    listed.until(lambda: listed.session.index == 1)
    assert (ring(0), ring(1)) == (False, True)
    place = images.view.visualRect(images.model.index(1, 0)).center()
    listed.qtbot.mouseClick(images.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert not ring(1), "the mouse needs none"


def test_tab_goes_from_the_header_to_the_filter_its_funnel_and_the_list(listed):
    images = listed.window.images
    images.order.setFocus(Qt.FocusReason.TabFocusReason)
    order = [images.header.more, images.filter, images.show_, images.view]
    for widget in order:
        _press(listed, Qt.Key.Key_Tab)
        assert widget.hasFocus(), widget
    for widget in (images.show_, images.filter, images.header.more, images.order):
        listed.qtbot.keyClick(
            QApplication.focusWidget(), Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier
        )
        assert widget.hasFocus(), widget


def test_the_tip_of_the_filter_has_the_key_in_force(listed):
    field = listed.window.images.filter
    assert "(Ctrl+F)" in field.toolTip()
    listed.window.commands.set_keymap({"image.find": ("Ctrl+J",)})
    assert "(Ctrl+J)" in field.toolTip()
    listed.window.commands.set_keymap({"image.find": ()})
    assert "Words that the name or the note must hold, and terms; a" in field.toolTip()


def test_a_broken_image_has_a_warning_for_a_picture_and_its_row_is_the_open_one(listed, folder):
    (folder / "field_1.png").write_bytes(b"no image")
    listed.studio.browsing.rescan()
    listed.settle()
    images = listed.window.images
    place = images.view.visualRect(images.model.index(1, 0)).center()
    listed.qtbot.mouseClick(images.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    listed.until(lambda: listed.session.unreadable is not None)
    tokens = tokens_of(images.palette())
    listed.until(lambda: QColor(_row_image(images, 1).pixel(0, 2)).name() == tokens.accent)
    assert QColor(_row_image(images, 0).pixel(0, 2)).name() == tokens.panel
    picture = QRect(8, 6, 40, 40)
    listed.until(lambda: _reddest(_row_image(images, 1).copy(picture)) > 60)


def test_a_thumbnail_is_the_middle_square_of_the_image(shared, tmp_path):
    root = tmp_path / "wide"
    root.mkdir()
    pixels = np.zeros((30, 90, 3), np.uint8)
    pixels[:, 30:60] = (0, 200, 0)  # black, green, black
    cv2.imwrite(str(root / "a.png"), pixels)
    shared.open(root)
    images = shared.window.images

    def is_green(x: int, y: int) -> bool:
        color = QColor(_row_image(images, 0).pixel(x, y))
        return color.green() > 150 and color.red() < 60

    shared.until(lambda: is_green(28, 26))
    assert all(is_green(x, y) for x in (12, 43) for y in (9, 43))
    assert not is_green(28, 3)
    assert not is_green(50, 26)


def test_the_list_is_as_wide_as_the_window_says_and_nothing_is_cut(listed):
    images = listed.window.images
    assert images.minimumSizeHint().width() == 139
    for width in (139, 172, 320):
        images.setFixedWidth(width)
        listed.until(lambda width=width: images.filter.width() == width - 16)
        inner = images.filter.rect()
        assert inner.contains(images.filter.funnel.geometry())
        assert images.filter.fontMetrics().horizontalAdvance("Filter") < width - 16 - 22 - 30


def test_the_filter_is_chosen_with_the_keyboard_alone(listed):
    images = listed.window.images
    listed.studio.browsing.toggle_reviewed()
    _type(listed, "field")
    _press(listed, Qt.Key.Key_Tab)
    assert images.show_.hasFocus()
    assert not images.show_.isChecked()
    _press(listed, Qt.Key.Key_Space)
    menu = QApplication.activePopupWidget()
    assert menu.activeAction().text() == Show.ALL
    listed.qtbot.keyClick(menu, Qt.Key.Key_Down)
    listed.qtbot.keyClick(menu, Qt.Key.Key_Return)
    listed.until(lambda: images.model.images == [1, 2])
    assert images.show_.isChecked(), "lit up: not all are listed"
    assert images.show_.toolTip() == "Which images are listed: Not done"


def test_a_click_on_the_cross_empties_the_filter(listed):
    images = listed.window.images
    _type(listed, "_1")
    listed.until(lambda: images.model.rowCount() == 1)
    (cross,) = [b for b in images.filter.findChildren(QToolButton) if b is not images.show_]
    assert cross.isVisible()
    listed.qtbot.mouseClick(cross, Qt.MouseButton.LeftButton)
    listed.until(lambda: images.model.rowCount() == 3)
    assert not cross.isVisible()
