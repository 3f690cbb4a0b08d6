"""The pages "Confusion" and "Charts" of the evaluation panel, by clicks, with figures by hand."""

from __future__ import annotations

import json

import evaluated
import numpy as np
import pyqtgraph  # noqa: F401 - not within the time that jobs are waited for
import pytest
import tifffile
from evaluated import BLIND, CAREFUL
from evaluation_desk import bring, cells, put_back
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog

from segstudio.core.geometry import Rect
from segstudio.evaluation.ui.panel_pages import CHARTS, CONFUSION, IMAGES, MODELS, QUEUE
from segstudio.session.session import Layer
from segstudio.storage.image_ref import PAGE_STEP

LEFT = Qt.MouseButton.LeftButton


def page(bench, name):
    pages = bench.window.evaluation.panel.pages
    pages.bring(name)
    shown = pages.page(name)
    bench.until(shown.isVisible)
    return shown


def board(bench):
    shown = page(bench, CHARTS)
    bench.until(lambda: shown.board is not None)
    bench.settle()
    return shown.board


def show(bench, name: str):
    """Choose a chart in the list."""
    charts = board(bench)
    row = next(r for r in range(charts.names.count()) if charts.names.item(r).text() == name)
    box = charts.names.visualItemRect(charts.names.item(row))
    bench.qtbot.mouseClick(charts.names.viewport(), LEFT, pos=box.center())
    bench.until(lambda: row in charts.views and charts.views[row].isVisible())
    view = charts.views[row]
    bench.settle()
    return view


def click_cell(bench, confusion, cell) -> None:
    where = confusion.map.rect_of(cell).center()
    bench.qtbot.mouseClick(confusion.map, LEFT, pos=where)


def click_row(bench, view, row: int) -> None:
    where = view.visualRect(view.model().index(row, 0)).center()
    bench.qtbot.mouseClick(view.viewport(), LEFT, pos=where)


def pick(bench, combo, text: str) -> None:
    """Choose an entry with the keyboard."""
    row = combo.findText(text)
    assert row >= 0, text
    combo.setFocus()
    combo.showPopup()
    combo.view().setCurrentIndex(combo.model().index(row, 0))
    bench.qtbot.keyClick(combo.view(), Qt.Key.Key_Return)


# -- the confusion matrix ----------------------------------------------------------------------


def test_the_matrix_shows_a_model_and_lists_its_worst_confusion(seen):
    confusion = page(seen, CONFUSION)
    assert confusion.model.currentText() == "Careful U-Net, cells"
    assert confusion.map.values.counts.tolist() == [[320, 0], [10, 70]]
    assert confusion.images.title.whole == "cell taken for background: 1 image"
    assert confusion.images.model.rows == [(3, 10)]
    assert confusion.copied().splitlines()[2] == "cell\t0.125000\t0.875000"


def test_a_click_on_a_cell_lists_its_images(seen):
    confusion = page(seen, CONFUSION)
    seen.qtbot.mouseMove(confusion.map, confusion.map.rect_of((1, 0)).center())
    assert confusion.map.toolTip().startswith(
        "cell taken for background\n10 pixels, 12.5 % of cell"
    )
    click_cell(seen, confusion, (1, 1))
    assert confusion.images.title.whole == "cell found: 4 images"
    assert confusion.images.model.rows == [(0, 20), (1, 20), (2, 20), (3, 10)]
    click_cell(seen, confusion, (0, 1))
    assert confusion.images.model.rows == []
    assert confusion.images.title.whole == "background taken for cell: 0 images"
    seen.qtbot.keyClick(confusion.map, Qt.Key.Key_Down)
    assert len(confusion.images.model.rows) == 4
    click_cell(seen, confusion, (1, 1))
    pick(seen, confusion.model, "Blind U-Net, cells")
    assert confusion.images.title.whole == "cell found: 0 images"


def test_a_click_on_an_image_opens_it_at_the_pixels_in_question(seen):
    confusion = page(seen, CONFUSION)
    with seen.qtbot.waitSignal(confusion.open_requested) as told:
        click_row(seen, confusion.images.view, 0)
    assert told.args == [3, Rect(1, 0, 2, 10)]  # the second row, which the model misses
    session = seen.session
    assert session.document.ref.name == "plate_3.png"
    assert session.view.layer == Layer.DIFFERENCE
    assert session.view.run == seen.studio.evaluating.prediction_key(CAREFUL)
    assert confusion.images.where.text() == "Place 1 of 1: 10 pixels"
    images = confusion.images
    role = Qt.ItemDataRole.DecorationRole
    seen.until(lambda: images.model.index(0, 0).data(role) is not None)
    picture = images.model.index(0, 0).data(role).pixmap(36, 36).toImage()
    # careful's answer is red in the photo of plate 3: the first of ten rows
    colors = {picture.pixelColor(x, 1).red() for x in range(4, picture.width() - 4)}
    assert np.mean([*colors]) > 100


def test_the_next_clicks_go_from_place_to_place(corrected):
    """Blind misses the cells of all images; a stroke of background makes two places of one."""
    confusion = page(corrected, CONFUSION)
    pick(corrected, confusion.model, "Blind U-Net, cells")
    assert confusion.map.values.counts.tolist() == [[320, 0], [80, 0]]
    column = [(4, 0), (5, 0), (5, 2), (4, 2)]
    corrected.studio.editing.paint_polygon(column, erase=True)  # columns 0 to 3 and 5 to 9 are left
    corrected.until(lambda: confusion.images.model.rows[-1] == (0, 18))
    with corrected.qtbot.waitSignal(confusion.open_requested) as told:
        click_row(corrected, confusion.images.view, 3)
    assert told.args == [0, Rect(0, 5, 2, 10)]
    assert confusion.images.where.text() == "Place 1 of 2: 10 pixels"
    with corrected.qtbot.waitSignal(confusion.open_requested) as told:
        click_row(corrected, confusion.images.view, 3)
    assert told.args == [0, Rect(0, 0, 2, 4)]
    with corrected.qtbot.waitSignal(confusion.open_requested) as told:
        corrected.qtbot.mouseClick(confusion.images.next, LEFT)
    assert told.args == [0, Rect(0, 5, 2, 10)]


def test_pixels_or_shares_with_or_without_what_is_right(seen):
    confusion = page(seen, CONFUSION)
    usual = confusion.unit.currentText()
    assert confusion.map.values.text((1, 0)) == "12.5"
    pick(seen, confusion.unit, "Pixels")
    assert confusion.map.values.text((1, 0)) == "10"
    seen.qtbot.mouseClick(confusion.errors, LEFT, pos=QPoint(8, confusion.errors.height() // 2))
    assert not confusion.map.values.is_shown((1, 1))
    assert confusion.map.values.highest == 10
    seen.qtbot.mouseClick(confusion.errors, LEFT, pos=QPoint(8, confusion.errors.height() // 2))
    assert confusion.map.values.is_shown((1, 1))
    pick(seen, confusion.unit, usual)


# -- the charts --------------------------------------------------------------------------------


def test_charts_of_classes_sizes_scores_and_reliability(seen):
    view = show(seen, "Classes")
    careful, blind = view.chart.data.layers
    assert careful.values == pytest.approx([0.9223, 0.9697, 0.875], abs=1e-4)
    assert blind.values == pytest.approx([0.4, 0.8, 0])
    offered = {view.score.itemText(row) for row in range(view.score.count())}
    assert {"IoU", "Boundary IoU", "Panoptic quality"} <= offered
    assert "clDice of centre lines" not in offered  # nobody asked for it
    usual = view.score.currentText()
    pick(seen, view.score, "Recall")
    assert view.chart.data.layers[0].values[1:] == pytest.approx([1, 0.875])
    pick(seen, view.score, usual)
    sizes = show(seen, "Object size").chart.data
    assert [text for _, text in sizes.x.ticks] == ["4 to 8\nn = 4"]  # 20 pixels: 4.5 wide
    assert [line.y.tolist() for line in sizes.layers] == [[0.875], [0]]
    assert "score" in show(seen, "Score threshold").empty_text
    reliability = show(seen, "Reliability").chart.data
    notes = [text for _, text in reliability.notes]
    # sure of 230 / 255 everywhere; right on 390 and on 320 of 400 pixels
    assert notes[0] == f"Careful U-Net, cells: ECE {100 * (390 / 400 - 230 / 255):.1f} %"
    assert notes[1] == f"Blind U-Net, cells: ECE {100 * (230 / 255 - 320 / 400):.1f} %"


def test_a_click_on_a_point_opens_its_image(seen):
    view = show(seen, "Images")
    seen.until(lambda: bool(view.chart.data.layers))
    pick(seen, view.first, "Blind U-Net, cells")
    (points,) = view.chart.data.layers
    assert points.keys == (0, 1, 2, 3)
    assert points.y == pytest.approx([1, 1, 1, 10 / 20])
    assert points.x == pytest.approx([0] * 4)
    chart = view.chart
    where = chart.surface.mapFrom(chart, chart.place_of(points.x[3], points.y[3]))
    seen.qtbot.mouseClick(chart.surface, LEFT, pos=where)
    seen.until(lambda: seen.session.document is not None and seen.session.index == 3)
    seen.until(lambda: view.chart.data.marked == {3})


def test_models_are_left_out_and_charts_shown_beside_each_other(anew):
    view = show(anew, "Classes")
    models = board(anew).models
    assert [models.item(n).text() for n in range(2)] == [
        "Careful U-Net, cells", "Blind U-Net, cells",
    ]  # fmt: skip
    models.setFocus()
    models.setCurrentRow(0)
    anew.qtbot.keyClick(models, Qt.Key.Key_Space)
    assert [bars.name for bars in view.chart.data.layers] == ["Blind U-Net, cells"]
    charts = board(anew)
    assert list(charts.views) == [0]  # the others were not looked at yet
    charts.names.setCurrentRow(5)
    anew.until(lambda: len(charts.views) == 5)
    assert all(not v.isHidden() for v in charts.views.values())
    show(anew, "Reliability")
    assert [row for row, view in charts.views.items() if view.isVisible()] == [4]
    assert page(anew, CHARTS).copied().startswith("Reliability: accuracy against confidence\nmodel")


def test_a_corrected_image_moves_its_bars(corrected):
    view = show(corrected, "Classes")
    corrected.studio.browsing.select(3)
    corrected.until(lambda: corrected.session.index == 3)
    corrected.session.set_view(active_class=0)
    corrected.studio.editing.fill_at(
        0.5, 0.5
    )  # there is no cell: what careful found there is wrong
    # 60 pixels of the other images are right, 10 too many: 60 / 70
    corrected.until(lambda: view.chart.data.layers[0].values[2] == pytest.approx(6 / 7))


# -- taking it away ----------------------------------------------------------------------------


def test_a_chart_is_saved(seen, tmp_path, monkeypatch):
    view = show(seen, "Classes")
    for name, begins in (("a.png", b"\x89PNG"), ("b.svg", b"<?xml"), ("c", b"\x89PNG")):
        answer = str(tmp_path / name), "PNG picture (*.png)"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, a=answer: a)
        action(view.menu(), "Save picture\u2026").trigger()
        path = tmp_path / (name if "." in name else f"{name}.png")
        seen.until(path.exists)
        assert path.read_bytes().startswith(begins)


def test_the_matrix_is_saved_and_copied(seen, tmp_path, monkeypatch):
    confusion = page(seen, CONFUSION)
    path = tmp_path / "matrix.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    action(confusion.menu(), "Save picture\u2026").trigger()
    seen.until(lambda: path.exists())
    assert not QImage(str(path)).isNull()
    action(confusion.menu(), "Copy values").trigger()
    assert QApplication.clipboard().text() == confusion.map.values.table
    action(confusion.menu(), "Copy picture").trigger()
    assert not QApplication.clipboard().image().isNull()


def action(menu, text: str):
    found = next(a for a in menu.actions() if a.text() == text)
    assert found.isEnabled()
    return found


# -- stacks ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages_folder(tmp_path_factory):
    """A stack of three pages; of 20 pixels of truth the careful model finds 20, 10 and none."""
    root = tmp_path_factory.mktemp("stack") / "measured"
    (root / "masks").mkdir(parents=True)
    (root / "segstudio.json").write_text(json.dumps(evaluated.SCHEMA.to_json()))
    photos, truth = np.zeros((3, 10, 10, 3), np.uint8), np.zeros((3, 10, 10), np.uint8)
    truth[:, :2] = 1
    for number, rows in enumerate((2, 1, 0)):
        photos[number, :rows, :, 0] = 200
    tifffile.imwrite(root / "cells.tif", photos, photometric="rgb")
    tifffile.imwrite(root / "masks" / "cells.tif", truth, photometric="minisblack")
    return root


@pytest.fixture
def measured(kept, pages_folder):
    """The window with the stack evaluated, its first page open."""
    bring(kept)
    if kept.session.project.root != pages_folder:
        kept.open(pages_folder)
        kept.studio.evaluating.start([CAREFUL, BLIND])
        kept.until(lambda: not kept.session.evaluation.running and kept.session.queue.total == 3)
        table = kept.studio.evaluating.table
        kept.until(lambda: [f and f.images for f in map(table.folder, (CAREFUL, BLIND))] == [3, 3])
    kept.studio.browsing.select(0)
    kept.until(lambda: opened(kept) == 0)
    put_back(kept)
    return kept


def opened(bench):
    """The page of the stack that is open; None while one is read."""
    document = bench.session.document
    return None if document is None else document.ref.page


def test_each_page_is_listed_with_its_figures_and_a_click_opens_it(measured):
    images = page(measured, IMAGES)
    measured.until(lambda: images.model.rowCount() == 3)
    found = [
        (cells(images.model, row)["Image"], images.model.index(row, 1).data()) for row in range(3)
    ]
    assert found == [
        ("cells.tif · page 3/3", "0.000"),
        ("cells.tif · page 2/3", "0.500"),
        ("cells.tif · page 1/3", "1.000"),
    ]
    box = images.table.visualRect(images.model.index(0, 1))
    measured.qtbot.mouseClick(images.table.viewport(), LEFT, pos=box.center())
    measured.until(lambda: opened(measured) == 2)
    assert images.table.currentIndex().row() == 0
    results = page(measured, MODELS)
    measured.until(lambda: "cells.tif (3)" in results.notes.text())
    files = measured.window.images.model
    assert files.index(0, 0).data(Qt.ItemDataRole.ToolTipRole).splitlines()[:2] == [
        "cells.tif",
        "Of page 1 alone:",
    ]


def test_the_queue_shows_each_page_and_a_click_opens_it(measured):
    queue = page(measured, QUEUE)
    model = queue.model
    measured.until(lambda: model.rowCount() == 3)
    names = [model.index(row).data() for row in range(3)]
    assert names == [f"cells.tif · page {number}/3" for number in (3, 2, 1)]
    for row, shown in ((1, 1), (2, 0), (0, 2)):
        place = queue.view.visualRect(model.index(row)).center()
        measured.qtbot.mouseClick(queue.view.viewport(), LEFT, pos=place)
        measured.until(lambda: opened(measured) == shown)  # noqa: B023 - used at once
    # the tile shows its own page: nothing of it is bright
    measured.until(lambda: all(queue._thumbnails.get(model.image_at(row)) for row in range(3)))
    bright = [
        queue._thumbnails.get(model.image_at(row)).toImage().pixelColor(0, 0).red() > 100
        for row in range(3)
    ]
    assert bright == [False, True, True]


def test_a_click_on_the_point_of_a_page_opens_it(measured):
    view = show(measured, "Images")
    measured.until(lambda: bool(view.chart.data.layers))
    pick(measured, view.first, "Blind U-Net, cells")
    (points,) = view.chart.data.layers
    assert points.keys == tuple(page * PAGE_STEP for page in range(3))
    assert points.y == pytest.approx([1, 0.5, 0])
    assert points.x == pytest.approx([0, 0, 0])
    assert points.tips[1].startswith("cells.tif · page 2/3")
    chart = view.chart
    where = chart.surface.mapFrom(chart, chart.place_of(points.x[1], points.y[1]))
    measured.qtbot.mouseClick(chart.surface, LEFT, pos=where)
    measured.until(lambda: opened(measured) == 1)


def test_a_page_in_the_list_of_confusions_is_opened_at_its_pixels(measured):
    confusion = page(measured, CONFUSION)
    measured.until(lambda: len(confusion.images.model.rows) == 2)
    assert confusion.images.model.rows == [(2 * PAGE_STEP, 20), (PAGE_STEP, 10)]
    with measured.qtbot.waitSignal(confusion.open_requested) as told:
        click_row(measured, confusion.images.view, 1)
    assert told.args == [PAGE_STEP, Rect(1, 0, 2, 10)]  # the row that the model misses
    assert opened(measured) == 1


# -- before anything is evaluated ----------------------------------------------------------------


def test_before_figures_there_is_a_line(first):
    first.engine.gate.clear()
    first.studio.evaluating.start([CAREFUL])
    first.settle()
    assert page(first, CONFUSION).empty_text == "The first images are being evaluated\u2026"
    charts = board(first)
    first.until(lambda: 0 in charts.views and bool(charts.views[0].empty_text))
