"""The magic wand with a real mouse; pixels worked out by hand and by scikit-image's own flood."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from skimage.segmentation import flood

from segstudio.annotation.photo_regions import ShownPhoto, like, roughly_like
from segstudio.core.channel_looks import AS_IN_FILES

CTRL = Qt.KeyboardModifier.ControlModifier


def stripes():
    """Grey columns of 10 pixels: 100, 110, 130, 100, 180, 100; the last is not connected."""
    pixels = np.zeros((50, 60, 3), np.uint8)
    for number, grey in enumerate((100, 110, 130, 100, 180, 100)):
        pixels[:, 10 * number : 10 * number + 10] = grey
    return pixels


def opened(desk, pixels=None, labels=None, **view):
    document = desk.open(stripes() if pixels is None else pixels, labels)
    desk.place(5.0)
    desk.take("wand", active_class=2, **{"wand_tolerance": 12, **view})
    return document


def columns(desk, class_id=2):
    rows = desk.labels == class_id
    assert (rows == rows[:1]).all()
    return (np.flatnonzero(rows[0]) // 10).tolist()[::10]


def test_a_click_takes_what_looks_alike_and_is_connected(desk):
    opened(desk)
    desk.click(5, 5)
    assert columns(desk) == [0, 1]
    desk.editing.undo()
    assert not desk.labels.any()


def test_a_drag_changes_the_tolerance_and_shows_it_before_the_release(desk):
    opened(desk)
    desk.press(5, 5)
    at = desk.at(5, 5)
    QTest.mouseMove(desk.viewport, at + QPoint(40, 0))  # 20 levels more: 32
    desk.settle()
    assert not desk.labels.any()
    image = desk.viewport.grab().toImage()
    greens = [image.pixelColor(desk.at(10 * n + 5, 45)) for n in range(6)]
    assert [c.green() > c.red() + 20 for c in greens] == [True] * 4 + [False] * 2
    QTest.mouseMove(desk.viewport, at + QPoint(-12, 0))  # 6 less than at first: 6
    desk.settle()
    QTest.mouseRelease(desk.viewport, Qt.MouseButton.LeftButton, pos=at + QPoint(-12, 0))
    assert columns(desk) == [0]
    assert desk.session.view.wand_tolerance == 6


def test_not_contiguous_takes_it_everywhere(desk):
    opened(desk, wand_contiguous=False)
    desk.click(5, 5)
    assert columns(desk) == [0, 1, 3, 5]


def test_escape_paints_nothing_and_leaves_the_tolerance(desk):
    document = opened(desk)
    desk.press(5, 5)
    QTest.mouseMove(desk.viewport, desk.at(5, 5) + QPoint(60, 0))
    desk.settle()
    QTest.keyClick(desk.viewport, Qt.Key.Key_Escape)
    desk.release(30, 5)
    assert not document.history.can_undo
    assert desk.session.view.wand_tolerance == 12


def test_ctrl_erases(desk):
    opened(desk, labels=np.full((50, 60), 3, np.uint8))
    desk.press(5, 5, keys=CTRL)
    desk.release(5, 5)
    assert columns(desk, 0) == [0, 1]


def test_a_press_beside_the_image_is_nothing(desk):
    document = opened(desk)
    desk.click(70, 5)
    assert not document.history.can_undo


def test_the_channel_that_is_shown_counts(desk):
    """Two colours of the same red: alike in the red channel alone."""
    pixels = np.zeros((50, 60, 3), np.uint8)
    pixels[..., 0] = 90
    pixels[:, 30:, 1] = 200
    document = opened(desk, pixels)
    desk.click(5, 5)
    assert columns(desk) == [0, 1, 2]
    document.show((0, AS_IN_FILES), np.repeat(pixels[..., :1], 3, axis=2))
    desk.click(5, 5)
    assert columns(desk) == [0, 1, 2, 3, 4, 5]


# -- the region itself -----------------------------------------------------------------------------


def whole(preview, shape):
    found = np.zeros(shape, np.bool_)
    found[preview.rect.slices] = preview.mask
    return found


@pytest.mark.parametrize("point", [(0, 0), (70, 90), (199, 149)])
@pytest.mark.parametrize("tolerance", [0, 9, 25, 60, 255])
def test_a_region_is_that_of_scikit_image(point, tolerance):
    rng = np.random.default_rng(tolerance)
    pixels = np.kron(rng.integers(0, 90, (15, 20, 1), np.uint8), np.ones((10, 10, 3), np.uint8))
    found = whole(like(ShownPhoto(pixels), point, tolerance, contiguous=True), (150, 200))
    grey = pixels[..., 0].astype(np.int16)
    expected = flood(grey, point[::-1], tolerance=tolerance, connectivity=1)
    np.testing.assert_array_equal(found, expected)


def test_a_region_that_leaves_the_surroundings_is_followed_and_a_large_one_is_rough_at_first():
    pixels = np.full((1500, 2000, 3), 40, np.uint8)
    pixels[:, 1800:] = 200
    pixels[700:760, 300:360] = 90
    photo = ShownPhoto(pixels)
    assert photo.step == 3
    expected = np.zeros((1500, 2000), np.bool_)
    expected[:, :1800] = True
    expected[700:760, 300:360] = False
    exact = like(photo, (10, 10), 20, contiguous=True)
    assert exact.is_exact
    np.testing.assert_array_equal(whole(exact, (1500, 2000)), expected)
    rough = roughly_like(photo, (10, 10), 20, contiguous=True)
    assert not rough.is_exact
    np.testing.assert_array_equal(rough.mask, expected[::3, ::3][:, :600])
    assert (rough.rect.height, rough.rect.width) == (1500, 1800)
    small = roughly_like(photo, (310, 710), 20, contiguous=True)
    assert small.is_exact
    assert (small.rect.top, small.rect.left, small.rect.bottom, small.rect.right) == (
        700,
        300,
        760,
        360,
    )


def test_of_a_large_region_every_pixel_is_painted(desk):
    pixels = np.full((900, 1000, 3), 40, np.uint8)
    pixels[:, 801:] = 200
    pixels[101:104, 201:206] = 90  # between the pixels that are looked at first
    document = desk.open(pixels)
    desk.place(0.25)
    desk.take("wand", active_class=2, wand_tolerance=20)
    desk.press(400, 400)
    assert not desk.labels.any()
    desk.release(400, 400)
    expected = np.zeros((900, 1000), np.uint8)
    expected[:, :801] = 2
    expected[101:104, 201:206] = 0
    assert np.array_equal(desk.labels, expected)
    assert not desk.canvas.abort()
    desk.editing.undo()
    assert not document.history.can_undo
