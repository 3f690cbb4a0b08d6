"""Parts of the window as they were when someone looked at them last, pixel by pixel.

A picture is made anew with `SEGSTUDIO_SNAPSHOTS=write`; then it has to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QImage
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.kit.theme import TEXT_PX, Theme
from segstudio.resources import resource_path

_FOLDER = Path(__file__).with_name("snapshots")
_BLOCK = 4
"""Blocks of so many pixels are compared: how an edge is smoothed is no difference."""
_SAME, _FEW = 24, 0.002
"""Levels by which the mean of a block may differ, and the part of the blocks that may do more."""

Pixels = npt.NDArray[np.uint8]


def pixels_of(picture: QImage) -> Pixels:
    """(H, W, 3) uint8."""
    rgb = picture.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()


def differs(one: Pixels, other: Pixels) -> bool:
    """Whether two pictures are seen as different."""
    if one.shape != other.shape:
        return True
    means = [_means(picture) for picture in (one, other)]
    return float((np.abs(means[0] - means[1]).max(axis=-1) > _SAME).mean()) > _FEW


def _means(picture: Pixels) -> npt.NDArray[np.float64]:
    height, width = (side // _BLOCK * _BLOCK for side in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3)
    return blocks.mean(axis=(1, 3))


@pytest.fixture
def shipped_font(qapp):
    """Text in the font that comes with the program, whatever the computer has."""
    before = qapp.font()
    for weight in ("Regular", "SemiBold"):
        file = str(resource_path("fonts", f"Inter-{weight}.otf"))
        assert QFontDatabase.addApplicationFont(file) >= 0
    font = QFont("Inter")
    font.setPixelSize(TEXT_PX)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setFeature(QFont.Tag("tnum"), 1)
    qapp.setFont(font)
    yield
    qapp.setFont(before)


@pytest.fixture
def window(shipped_font, bench):
    """A window at its first size with scores and an open room; the pointer is elsewhere."""
    bench.studio.segmenting.run_current()
    bench.until(lambda: bench.studio.scoring.of_image() is not None)
    bench.window.resize(1280, 772)
    docks = bench.window.docks
    bench.window.resizeDocks([docks.by_name["Classes"]], [300], Qt.Orientation.Horizontal)
    docks.open("Evaluation")
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.settle()
    bench.window.canvas.setFocus()
    bench.settle()
    yield bench.window
    theme = QApplication.instance().findChild(Theme)
    theme.choose("system")


def parts(window) -> dict[str, QWidget]:
    return {
        "bar": window.bar,
        "classes": window.classes.view,
        "room": window.docks.room.titleBarWidget(),
    }


def test_the_window_looks_as_it_was_looked_at(window, qtbot):
    theme = QApplication.instance().findChild(Theme)
    changed = []
    for shade, names in (("light", ("bar", "classes", "room")), ("dark", ("classes",))):
        theme.choose(shade)
        QApplication.processEvents()
        for name in names:
            file = _FOLDER / f"{name}-{shade}.png"
            seen = parts(window)[name].grab().toImage()
            if os.environ.get("SEGSTUDIO_SNAPSHOTS") == "write":
                assert seen.save(str(file))
            if differs(pixels_of(seen), pixels_of(QImage(str(file)))):
                changed.append(name)
    assert changed == []


def test_a_wrong_colour_a_shifted_column_and_a_missing_word_are_seen():
    table = pixels_of(QImage(str(_FOLDER / "classes-light.png")))
    bar = pixels_of(QImage(str(_FOLDER / "bar-light.png")))
    assert not differs(table, table)
    recoloured = table.copy()
    swatch = (table.astype(int).max(axis=-1) - table.min(axis=-1) > 60).nonzero()
    recoloured[swatch] = recoloured[swatch][:, [2, 0, 1]]
    shifted = table.copy()
    shifted[:, -60:] = np.roll(table[:, -60:], 4, axis=1)
    wordless = bar.copy()
    run_all = slice(408, 452)
    assert bar[:, run_all].min() < 100  # there is a word
    wordless[:, run_all] = bar[2, 600]
    tinted = np.clip(bar.astype(int) - [0, 0, 30], 0, 255).astype(np.uint8)
    for before, after in ((table, recoloured), (table, shifted), (bar, wordless), (bar, tinted)):
        assert differs(before, after)
    left, right = (np.roll(bar.astype(int), by, axis=1) for by in (-1, 1))
    soft = (left + 2 * bar.astype(int) + right) // 4  # the same, its edges smoothed more
    assert not differs(bar, soft.astype(np.uint8))
