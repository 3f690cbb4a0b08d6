"""The size of a pixel is typed for the folder or an image, and kept for the folder."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from shared_window import as_at_first

from segstudio.core.pixel_size import PixelSize, PixelSizes
from segstudio.folder.ui.pixel_size_dialog import FOLDER, IMAGE, PixelSizeDialog
from segstudio.storage.states import load_pixel_sizes

LEFT = Qt.MouseButton.LeftButton
MICRON = "\N{MICRO SIGN}m"


@pytest.fixture
def folder(tmp_path):
    """Two images; the file of the first tells 0.5 micrometres."""
    root = tmp_path / "cells"
    root.mkdir()
    data = np.full((40, 60), 90, np.uint8)
    tifffile.imwrite(
        root / "a.tif", data, imagej=True, resolution=(2, 2), metadata={"unit": "um", "axes": "YX"}
    )
    tifffile.imwrite(root / "b.tif", data)
    return root


@pytest.fixture
def cells(kept, folder):
    """A window with them."""
    as_at_first(kept).open(folder)
    return kept


def ask(bench) -> PixelSizeDialog:
    bench.until(bench.window.commands["image.pixel_size"].isEnabled)
    bench.window.commands.run("image.pixel_size")
    found = [w for w in bench.window.children() if isinstance(w, PixelSizeDialog)]
    return found[-1]


def size_now(bench) -> PixelSize | None:
    return bench.session.document.pixel_size(bench.session.view.pixel_sizes)


def go_to(bench, index: int) -> None:
    bench.studio.browsing.select(index)
    bench.until(lambda: bench.session.index == index and bench.session.document is not None)


def test_it_begins_with_what_the_file_tells_and_takes_what_is_typed(cells):
    dialog = ask(cells)
    assert (dialog.across.text(), dialog.down.text()) == ("0.5", "")
    assert dialog.told.text() == f"a.tif tells 0.5 {MICRON}."
    assert not dialog.forget.isEnabled()
    dialog.across.clear()
    assert not dialog.use.isEnabled()
    cells.qtbot.keyClicks(dialog.across, "65")
    dialog.unit.setCurrentText("nm")
    cells.qtbot.keyClick(dialog.across, Qt.Key.Key_Return)
    assert cells.session.view.pixel_sizes == PixelSizes(
        PixelSize(pytest.approx(0.065), pytest.approx(0.065))
    )
    go_to(cells, 1)
    assert size_now(cells).across == pytest.approx(0.065)


def test_what_is_no_number_is_told_and_not_taken(cells):
    go_to(cells, 1)
    dialog = ask(cells)
    assert dialog.told.text() == "b.tif does not tell how large its pixels are."
    for text in ("x", "0", "-1", "nan", "inf"):
        dialog.across.setText(text)
        assert not dialog.use.isEnabled()
        assert dialog.told.text() == "Write a number above 0, as 0.5."
    dialog.across.setText("0,5")
    dialog.down.setText("2")
    assert dialog.use.isEnabled()
    dialog.reject()
    assert cells.session.view.pixel_sizes == PixelSizes()


def test_an_image_of_its_own_and_forgetting_it_again(cells):
    dialog = ask(cells)
    dialog.across.setText("2")
    dialog.down.setText("1")
    dialog.scope.setCurrentIndex(IMAGE)
    cells.qtbot.mouseClick(dialog.use, LEFT)
    assert size_now(cells) == PixelSize(2, 1)
    go_to(cells, 1)
    assert size_now(cells) is None
    go_to(cells, 0)
    dialog = ask(cells)
    assert (dialog.across.text(), dialog.down.text()) == ("2", "1")
    assert dialog.scope.currentIndex() == IMAGE
    cells.qtbot.mouseClick(dialog.forget, LEFT)
    assert size_now(cells).across == pytest.approx(0.5)
    assert FOLDER != IMAGE


def test_it_is_kept_for_the_folder(make_window, folder):
    cells = make_window()
    cells.open(folder)
    data_folder, root = cells.session.project.data_folder, cells.session.project.root
    said = PixelSizes(PixelSize(0.25, 0.5), {"b.tif": PixelSize(3, 3)})
    cells.session.set_view(pixel_sizes=said)
    cells.window.close()
    cells.studio.close()
    assert load_pixel_sizes(data_folder) == said
    again = make_window()
    again.open(root)
    assert again.session.view.pixel_sizes == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"all": 3, "images": 7}',
        '{"all": [0, 1], "images": {"a.tif": ["x", 1]}}',
        '{"all"',
    ],
)
def test_a_damaged_file_says_nothing(tmp_path, text):
    (tmp_path / "pixel-size.json").write_text(text)
    assert load_pixel_sizes(tmp_path) == PixelSizes()
