"""The scale bar on the picture: how long it is, on dark and light photos, and its switch."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter

from segstudio.canvas.marks import paint_scale_bar
from segstudio.core.pixel_size import PixelSize


def drawn(ground: int, size: PixelSize, zoom: float, wh=(600, 400)) -> np.ndarray:
    """The bar on a photo of one grey, (H, W, 3)."""
    image = QImage(*wh, QImage.Format.Format_RGB32)
    image.fill(ground * 0x010101)
    painter = QPainter(image)
    paint_scale_bar(painter, size, zoom, *wh)
    painter.end()
    pixels = np.frombuffer(image.constBits(), np.uint8).copy()
    return pixels.reshape(wh[1], wh[0], 4)[..., :3]


@pytest.mark.parametrize("ground", [0, 128, 255])
@pytest.mark.parametrize(
    ("across", "zoom", "length"),
    [(0.5, 2, 80), (0.5, 1, 100), (1, 1, 100), (0.3, 1, 67), (1000, 4, 80)],
)
def test_the_bar_is_as_long_as_what_it_says(qapp, ground, across, zoom, length):
    # at 2 pixels of the screen for one of 0.5, 150 are 37.5 micrometres: 20 have 80
    pixels = drawn(ground, PixelSize(across, 99), zoom)
    row = pixels[400 - 13, :, 0]
    white = np.flatnonzero(row == 255) if ground < 255 else np.flatnonzero(row[12:300] == 255) + 12
    bar = white[:length]
    assert bar.tolist() == list(range(12, 12 + length))
    assert row[10] < 120  # a dark rim on every side, also on a white photo
    assert row[12 + length] < 120


@pytest.mark.parametrize("ground", [0, 255])
def test_its_words_are_white_with_a_dark_rim(qapp, ground):
    words = drawn(ground, PixelSize(0.5, 0.5), 2)[400 - 34 : 400 - 19, 12:92]
    assert (words == 255).all(axis=2).any()
    assert (words < 60).all(axis=2).any()


def test_a_view_that_is_too_narrow_has_none(qapp):
    assert (drawn(90, PixelSize(0.5, 0.5), 2, (60, 60)) == 90).all()


@pytest.fixture
def cells(kept, tmp_path):
    """A window with a grey image of 0.5 micrometres a pixel."""
    root = tmp_path / "cells"
    root.mkdir()
    data = np.full((40, 60), 90, np.uint8)
    tifffile.imwrite(
        root / "a.tif", data, imagej=True, resolution=(2, 2), metadata={"unit": "um", "axes": "YX"}
    )
    kept.open(root)
    return kept


def has_bar(bench) -> bool:
    """Whether there is white in the lower left corner of the first view."""
    view = bench.window.canvas.viewport
    corner = view.grab().toImage().copy(0, view.height() - 20, 60, 20)
    return any(
        corner.pixelColor(x, y).lightness() > 250
        for x in range(corner.width()) for y in range(corner.height())
    )  # fmt: skip


def test_a_file_that_tells_its_size_has_a_bar_which_a_switch_hides(cells):
    assert cells.session.view.scale_bar
    assert has_bar(cells)
    command = cells.window.commands["view.scale_bar"]
    cells.until(lambda: command.isEnabled() and command.isChecked())
    command.trigger()
    assert not has_bar(cells)
    command.trigger()
    assert has_bar(cells)
    assert cells.window.grab().toImage().format() != QImage.Format.Format_Invalid


def test_where_nobody_knows_the_size_the_switch_asks_for_it(bench):
    assert not has_bar(bench)
    command = bench.window.commands["view.scale_bar"]
    bench.until(command.isEnabled)
    assert not command.isChecked()
    command.trigger()
    dialog = next(w for w in bench.window.children() if type(w).__name__ == "PixelSizeDialog")
    bench.qtbot.keyClicks(dialog.across, "0,25")
    bench.qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    assert has_bar(bench)
    bench.until(command.isChecked)
