"""Channels in the contrast window: switched, coloured, spread, kept for the folder."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from image_files import save_image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.core.channel_looks import AS_IN_FILES, ChannelLook
from segstudio.session.session import What
from segstudio.storage.picture import COMPOSITE
from segstudio.storage.states import load_channels

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def stack(tmp_path):
    """Two images of four channels of 16 bits, 40 x 60; and a photo.

    Left half: 0, 100, 0, 0; right half: 1000, 100, 500, 0 (in "b" all are doubled). Each channel has
    a row of zeros and one of its highest value, so that its own range is known.
    """
    root = tmp_path / "stack"
    root.mkdir()
    for name, factor in (("a.tif", 1), ("b.tif", 2)):
        raw = np.zeros((4, 40, 60), np.uint16)
        raw[1] = 100
        raw[0, :, 30:], raw[2, :, 30:] = 1000, 500
        raw[:, 0], raw[:, 1] = 0, 1000
        tifffile.imwrite(
            root / name, raw * factor, metadata={"axes": "CYX"}, photometric="minisblack"
        )
    save_image(root / "c.png", np.full((40, 60, 3), 90, np.uint8))
    return root


@pytest.fixture
def opened(bench, stack):
    bench.open(stack)
    bench.settle()  # the next image is read ahead
    bench.window.open_contrast()
    bench.popover = bench.window.view_controls.contrast.popover
    bench.rows = bench.popover.channels.rows
    bench.until(bench.popover.isVisible)
    yield bench
    bench.popover.close()


def shown(bench, left=(20, 10), right=(20, 50)):
    bench.settle()
    pixels = bench.session.document.shown
    return pixels[left].tolist(), pixels[right].tolist()


def on_screen(bench, x, y):
    viewport = bench.window.canvas.viewport
    across, down = viewport.to_screen((x + 0.5, y + 0.5))
    return viewport.grab().toImage().pixelColor(round(across), round(down)).getRgb()[:3]


def tick(box):
    QTest.mouseClick(box, LEFT, NONE, QPoint(8, box.height() // 2))


def type_in(box, text):
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)


def test_a_channel_is_switched_off_and_on_again(opened):
    # red 1000, green 100 -> 25.5, to the even 26, blue 500 -> 127.5, to the even 128, grey 0
    assert shown(opened) == ([0, 26, 0], [255, 26, 128])
    assert [row.on.isChecked() for row in opened.rows] == [True] * 4
    tick(opened.rows[0].on)
    assert shown(opened) == ([0, 26, 0], [0, 26, 128])
    assert on_screen(opened, 50, 20) == (0, 26, 128)
    tick(opened.rows[0].on)
    assert shown(opened) == ([0, 26, 0], [255, 26, 128])


def test_a_colour_is_chosen_from_the_menu_and_added_to_the_others(opened):
    menu = opened.rows[2].colors()
    next(a for a in menu.actions() if a.text() == "Yellow").trigger()
    # 128 of yellow is (128, 128, 0): 255 + 128 is held at 255
    assert shown(opened) == ([0, 26, 0], [255, 154, 0])
    assert opened.session.view.channels.of(2).color == (255, 255, 0)


def test_a_range_is_typed_in_stored_values_and_found_again_by_auto(opened):
    row = opened.rows[1]
    assert (row.low.value(), row.high.value()) == (0, 1000)
    assert not row.auto.isEnabled()
    type_in(row.high, "200")
    # 100 of 200 is half
    assert shown(opened) == ([0, 128, 0], [255, 128, 128])
    type_in(row.low, "100")
    assert shown(opened) == ([0, 0, 0], [255, 0, 128])
    type_in(row.low, "300")  # the other end makes room
    assert row.low.value() == 300
    assert row.high.value() > 300
    QTest.mouseClick(row.auto, LEFT)
    assert shown(opened) == ([0, 26, 0], [255, 26, 128])
    assert opened.session.view.channels == AS_IN_FILES


def test_the_next_image_is_shown_so_from_the_start_and_a_photo_is_not(opened):
    tick(opened.rows[2].on)
    type_in(opened.rows[1].high, "200")
    opened.settle()
    heard = []
    opened.session.changed.connect(lambda change: heard.append(change.what))
    opened.studio.browsing.step(1)
    opened.until(lambda: opened.session.document is not None)
    assert opened.session.document.ref.name == "b.tif"
    # doubled: 200 of 200; red 2000 of its own range
    assert shown(opened) == ([0, 255, 0], [255, 255, 0])
    assert not [what for what in heard if What.PHOTO in what]
    opened.studio.browsing.step(1)
    opened.until(lambda: opened.session.document is not None)
    assert shown(opened) == ([90] * 3, [90] * 3)
    opened.popover.show_now()
    assert not opened.popover.channels.isVisible()


def test_models_get_what_they_got(opened):
    document = opened.session.document
    before = document.pixels.copy()
    tick(opened.rows[0].on)
    opened.settle()
    assert np.array_equal(document.pixels, before)
    spec = next(iter(opened.session.models.values()))
    assert document.given_to(spec) is document.pixels


def test_while_one_is_shown_alone_its_range_holds_and_switching_shows_the_composite(opened):
    opened.studio.browsing.show_channel(1)
    assert shown(opened) == ([26] * 3, [26] * 3)
    assert opened.popover.channels.note.text().endswith("is shown alone.")
    type_in(opened.rows[1].high, "200")
    assert shown(opened) == ([128] * 3, [128] * 3)
    tick(opened.rows[0].on)
    assert opened.session.view.channel == COMPOSITE
    assert shown(opened) == ([0, 128, 0], [0, 128, 128])


def test_it_is_kept_for_the_folder_and_as_it_is_takes_it_back(opened):
    folder = opened.session.project.data_folder
    tick(opened.rows[3].on)
    opened.until(lambda: load_channels(folder).of(3) == ChannelLook(on=False))
    assert opened.window.view_controls.contrast.isChecked()
    QTest.mouseClick(opened.popover.reset, LEFT)
    assert opened.session.view.channels == AS_IN_FILES
    opened.until(lambda: load_channels(folder) == AS_IN_FILES)


def test_turning_a_value_quickly_shows_the_last(opened):
    box = opened.rows[1].high
    box.setFocus()
    for _ in range(30):
        QTest.keyClick(box, Qt.Key.Key_Down)
    high = box.value()
    assert high == 1000 - 30 * 10
    assert shown(opened)[0] == [0, int(np.rint(255 * 100 / high)), 0]


def test_of_many_channels_all_are_listed_when_the_window_is_seen(bench, tmp_path):
    root = tmp_path / "spectral"
    root.mkdir()
    raw = np.random.default_rng(1).integers(0, 1000, (60, 20, 30)).astype(np.uint16)
    tifffile.imwrite(root / "s.tif", raw, metadata={"axes": "CYX"}, photometric="minisblack")
    bench.open(root)
    bench.settle()
    bench.window.open_contrast()
    popover = bench.window.view_controls.contrast.popover
    rows = popover.channels.rows
    bench.until(popover.isVisible)
    assert len(rows) == 60
    assert [row.on.isChecked() for row in rows] == [True] * 3 + [False] * 57
    bench.settle()
    assert popover.channels.height() < 300
    tick(rows[50].on)
    assert bench.session.view.channels.of(50) == ChannelLook(on=True)
    popover.close()
