"""The pages of two models and of upsampling, by clicks and keys."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
import tifffile
from network_desk import as_found, open_kept, traced
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from slow_cases import few
from tiny_networks import SHUFFLE, UNET

from segstudio.inspection.checkerboards import MeasuredStages, ModelSpectra, StageSpectrum
from segstudio.inspection.ui.network_pages import CUTS, TWO_MODELS, UPSAMPLING
from segstudio.inspection.ui.similarity_map import SimilarityMap
from segstudio.inspection.ui.spectra_view import ShownSpectrum, SpectraView
from segstudio.inspection.ui.upsampling_page import (
    CheckerboardFigure,
    excess_text,
    spectra_columns,
)
from segstudio.inspection.upsampling import UpsamplingState
from segstudio.kit.table_model import BAR, TableModel

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def kept(keep_window, tiny_specs, tmp_path_factory):
    """A window with tiny real networks whose network panel is open."""
    return open_kept(keep_window, tiny_specs, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def desk(kept):
    """The same without a second model."""
    kept.studio.pairing.choose_second("")
    return as_found(kept)


def page(bench, name):
    pages = bench.window.network.panel.pages
    pages.bring(name)
    found = pages.page(name)
    bench.until(found.isVisible)
    return found


def pick(combo, text, qtbot):
    """Choose an entry with the keyboard, as a user does."""
    combo.setFocus()
    combo.showPopup()
    row = combo.findText(text)
    assert row >= 0
    combo.view().setCurrentIndex(combo.model().index(row, 0))
    qtbot.keyClick(combo.view(), Qt.Key.Key_Return)


@pytest.fixture
def compared(desk, qtbot):
    """The page of two models with a second one chosen, and compared."""
    return compare(desk, qtbot)


def compare(desk, qtbot):
    """Choose a second model, and wait for the map of similarities."""
    found = page(desk, TWO_MODELS)
    found.controls.by_similarity.click()
    pick(found.controls.second, "Tiny Shuffle", qtbot)
    desk.until(lambda: desk.studio.pairing.state.similarity is not None)
    desk.settle()
    return found


def test_without_a_second_model_the_page_says_what_to_do(desk):
    found = page(desk, TWO_MODELS)
    desk.settle()
    assert "Choose a second model" in found._empty.label.text()
    assert not found.controls.images.isEnabled()
    assert not found.controls.copy.isEnabled()


def test_the_map_shows_the_similarities_and_a_click_opens_the_stages(desk, compared, qtbot):
    similarity = desk.studio.pairing.state.similarity
    cell = (similarity.first_stages.index("down1"), similarity.second_stages.index("up1"))
    middle = compared.map.rect_of(cell).center()
    qtbot.mouseMove(compared.map, middle)
    value = similarity.value("down1", "up1")
    assert compared.map.toolTip().startswith(f"down1 and up1: {value:.3f}")
    qtbot.mouseClick(compared.map, LEFT, pos=middle)
    assert desk.studio.pairing.state.pair == ("down1", "up1")
    assert desk.session.inspection.stage == "down1"
    compared.resize(700, 400)
    compared._show_detail()
    assert compared.detail.first.caption.whole == "down1"
    assert compared.detail.second.caption.whole == "up1"
    assert compared.detail.value.text() == f"CKA {value:.3f}"
    picture = compared.detail.second.picture
    empty = picture.palette().alternateBase().color()

    def is_drawn() -> bool:
        shown = picture.grab().toImage()
        return shown.pixelColor(shown.rect().center()) != empty

    desk.until(is_drawn)


def test_the_arrow_keys_go_from_cell_to_cell(desk, compared, qtbot):
    compared.map.choose((1, 1))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up):
        qtbot.keyClick(compared.map, key)
    assert desk.studio.pairing.state.pair == ("inc", "down2")


def test_stages_stand_beside_each_other_by_stride(desk, compared, qtbot):
    qtbot.mouseClick(compared.controls.by_stride, LEFT)
    assert compared.table.isVisible()
    model = compared.pairs
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == [
        "1 ↓", "1 ↓", "2 ↓", "4 ↓", "2 ↑", "1 ↑", "1 ↑",
    ]  # fmt: skip
    assert model.index(2, 1).data() == "down1\n8 \u00d7 16 \u00d7 24"
    similarity = desk.studio.pairing.state.similarity
    assert model.index(2, 3).data() == f"{similarity.value('down1', 'down1'):.2f}"
    partner = similarity.partner("down1")
    assert model.index(2, 4).data().split("\n")[0] == partner
    decoration = Qt.ItemDataRole.DecorationRole
    desk.until(lambda: model.index(2, 2).data(decoration) is not None)
    place = compared.table.visualRect(model.index(3, 1)).center()
    qtbot.mouseClick(compared.table.viewport(), LEFT, pos=place)
    assert desk.studio.pairing.state.pair == ("down2", "down2")


def test_a_set_is_compared_and_copied(desk, compared, qtbot):
    pick(compared.controls.images, "All 3 images", qtbot)
    desk.until(lambda: desk.studio.pairing.state.similarity.images == 3)
    desk.until(lambda: not desk.studio.pairing.state.running)
    desk.settle()
    assert compared.note.text() == "Linear CKA over 3 images."
    assert compared.controls.images.currentText() == "All 3 images"
    qtbot.mouseClick(compared.controls.copy, LEFT)
    rows = list(csv.reader(io.StringIO(QApplication.clipboard().text())))
    assert rows[0][1:] == list(desk.studio.pairing.state.similarity.second_stages)


@pytest.mark.parametrize(
    ("others", "entry"), few([(3, "All 4 images, all pages"), (0, "All pages")], 1)
)
def test_all_pages_of_a_stack_are_compared(desk, folder, qtbot, others, entry):
    for number in range(others, 3):
        (folder / f"field_{number}.png").unlink()
    pages = np.random.default_rng(0).integers(0, 256, (3, 32, 48), np.uint8)
    tifffile.imwrite(folder / "a_stack.tif", pages, photometric="minisblack")
    desk.open(folder)
    traced(desk)
    found = compare(desk, qtbot)
    pick(found.controls.images, entry, qtbot)
    desk.until(lambda: desk.studio.pairing.state.similarity.images == 3 + others)
    desk.until(lambda: not desk.studio.pairing.state.running)
    desk.settle()
    assert found.note.text() == f"Linear CKA over {3 + others} images."
    scope = page(desk, CUTS).ablation.scope
    assert scope.itemText(1) == ("All 4 images, all pages" if others else "All images, all pages")


def test_taking_the_second_model_away_empties_the_page(desk, compared, qtbot):
    pick(compared.controls.second, "No second model", qtbot)
    desk.until(lambda: desk.session.inspection.second is None)
    desk.settle()
    assert compared.pairs.rowCount() == 0
    assert "Choose a second model" in compared._empty.label.text()


def test_a_map_without_values_takes_keys_and_pointer(qtbot):
    empty = SimilarityMap()
    qtbot.addWidget(empty)
    empty.resize(200, 200)
    empty.show()
    qtbot.keyClick(empty, Qt.Key.Key_Down)
    qtbot.mouseClick(empty, LEFT, pos=QPoint(50, 50))
    assert empty.cell_at(QPoint(50, 50)) is None
    empty.show_values(np.array([[1.0, np.nan]]), ["a"], ["b", "c"])
    assert empty.text_of((0, 0)) == "a and b: 1.000, the most similar"
    assert empty.text_of((0, 1)) == "a and c: \u2013"
    assert empty.cell_at(empty.rect_of((0, 1)).center()) == (0, 1)
    assert not empty.grab().isNull()


# -- upsampling --------------------------------------------------------------------------------


def spectrum(stride, excess, share):
    plane = np.zeros((16, 16), np.float16)
    return StageSpectrum(
        f"up{stride}", stride, excess, share, 0, share, plane, plane, plane.astype(np.float32)
    )


def test_the_table_shows_numbers_and_bars(qtbot):
    state = UpsamplingState(
        results=(
            ModelSpectra("a", "Small net, one way", (spectrum(2, 1.0, 0.01), spectrum(1, 100.0, 0.2))),
            ModelSpectra("b", "Small net, other", (spectrum(1, 10.0, 0.1),)),
            ModelSpectra("c", "Small net, none", (), "its weights are not on disk"),
        )
    )  # fmt: skip
    model = TableModel((), lambda stride: stride)
    model.show_rows(state.strides, spectra_columns(state, CheckerboardFigure.EXCESS))
    titles = [
        model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())
    ]
    assert titles == ["Stride", "one way", "other", "none"]
    cells = [[model.index(row, column).data() for column in range(4)] for row in range(2)]
    assert cells == [["2", "1.00", "\u2013", "\u2013"], ["1", "100", "10.0", "\u2013"]]
    bars = [model.index(1, column).data(BAR) for column in (1, 2)]
    assert bars == pytest.approx([1.0, 0.5])
    model.show_rows(state.strides, spectra_columns(state, CheckerboardFigure.SHARE))
    assert model.index(1, 2).data() == "10.00 %"
    assert model.index(1, 2).data(BAR) == pytest.approx(0.5)


def test_numbers_are_short():
    assert [excess_text(v) for v in (0.5, 9.99, 12.34, 1234.5)] == ["0.50", "9.99", "12.3", "1234"]


def test_upsampling_is_measured_when_the_page_is_looked_at(desk, qtbot):
    assert desk.studio.upsampling.state.results == ()
    found = page(desk, UPSAMPLING)
    desk.until(lambda: len(desk.studio.upsampling.state.results) == 1)
    found._fill_menu()
    for action in found.menu.actions():
        action.setChecked(True)
    found.menu.triggered.emit(found.menu.actions()[0])
    desk.until(lambda: len(desk.studio.upsampling.state.results) == 2)
    desk.settle()
    assert found.models.text() == "2 models"
    assert [shown.title for shown in found.view.shown] == ["Unet", "Shuffle"]
    assert [shown.caption for shown in found.view.shown] == ["up2, mean", "up2, mean"]
    place = found.table.visualRect(found.strides.index(0, 1)).center()
    qtbot.mouseClick(found.table.viewport(), LEFT, pos=place)
    desk.settle()
    assert [shown.caption for shown in found.view.shown] == ["up1, mean", "up1, mean"]
    pick(found.pictures, "Worst channel", qtbot)
    assert found.view.shown[0].caption.startswith("up1, channel ")
    pick(found.measured, "After upsampling", qtbot)
    desk.until(lambda: desk.studio.upsampling.state.measured is MeasuredStages.UPSAMPLED)
    desk.until(lambda: len(desk.studio.upsampling.state.results) == 2)
    desk.settle()
    assert found.view.shown[0].caption.startswith("into up1, channel ")
    place = found.table.visualRect(found.strides.index(0, 1)).center()
    qtbot.mouseClick(found.table.viewport(), LEFT, pos=place)
    qtbot.mouseDClick(found.table.viewport(), LEFT, pos=place)
    assert desk.session.inspection.stage == "up1"
    assert {result.model for result in desk.studio.upsampling.state.results} == {UNET, SHUFFLE}


def test_maps_are_zoomed_and_moved_together(qtbot):
    view = SpectraView()
    qtbot.addWidget(view)
    plane = np.zeros((64, 64), np.float16)
    plane[:, 32:] = 1
    view.show_columns([ShownSpectrum(name, "up", plane, plane.astype(np.float32)) for name in "ab"])
    view.resize(420, 420)
    view.show()

    def colours(number):
        box = view.map_rect(number)
        image = view.grab().toImage()
        return [
            image.pixelColor(box.left() + x, box.center().y()).lightness()
            for x in (4, box.width() - 4)
        ]

    assert colours(0) == colours(1) == [0, 255]
    box = view.map_rect(0)
    start, end = box.center(), box.center() - QPoint(box.width() * 3 // 4, 0)
    qtbot.mousePress(view, LEFT, pos=start)
    qtbot.mouseMove(view, end)
    qtbot.mouseRelease(view, LEFT, pos=end)
    assert colours(0) == colours(1)
    assert colours(0)[0] == colours(0)[1]  # beyond the edge in the middle
    qtbot.mouseDClick(view, LEFT, pos=start)
    assert view.zoom == 1
    assert colours(0) == [0, 255]
    at = QPointF(start)
    QApplication.sendEvent(
        view,
        QWheelEvent(
            at, at, QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        ),
    )  # fmt: skip
    assert view.zoom == pytest.approx(1.25**2)
    QApplication.sendEvent(view, QEvent(QEvent.Type.PaletteChange))


def test_maps_are_zoomed_and_moved_by_keys(qtbot):
    view = SpectraView()
    qtbot.addWidget(view)
    plane = np.zeros((64, 64), np.float16)
    plane[:, 32:] = 1
    view.show_columns([ShownSpectrum("a", "up", plane, plane.astype(np.float32))])
    view.resize(220, 420)
    view.show()

    def colours():
        box, image = view.map_rect(0), view.grab().toImage()
        return [
            image.pixelColor(box.left() + x, box.center().y()).lightness()
            for x in (4, box.width() - 4)
        ]

    assert colours() == [0, 255]
    for _ in range(6):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    assert colours()[0] == colours()[1]  # the edge is left of what is seen
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.zoom == 1
    assert colours() == [0, 255]
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.zoom == pytest.approx(1.25)
    qtbot.keyClick(view, Qt.Key.Key_Minus)
    assert view.zoom == pytest.approx(1)
