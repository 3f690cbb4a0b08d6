"""The tables of the evaluation panel: models, classes, images; with figures worked out by hand."""

from __future__ import annotations

import dataclasses

import pytest
from evaluated import BLIND, CAREFUL
from evaluation_desk import (
    LEFT,
    cells,
    choose,
    click_cell,
    click_head,
    names,
    page,
    panel,
)
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

from segstudio.core.formatting import DASH
from segstudio.evaluation.ui.panel_pages import CLASSES, IMAGES, MODELS
from segstudio.evaluation.ui.results_page import figure_columns


@pytest.fixture
def by_image(seen):
    """Its page of images, the worst first, and as before afterwards."""
    images = page(seen, IMAGES)
    usual = images.figure.currentText()
    assert (usual, images.model.place_of(3)) == ("Foreground mean IoU", 0)
    yield images
    choose_figure(images, usual)


# -- which model is right ----------------------------------------------------------------------


def test_the_table_shows_the_figures_worked_out_by_hand(seen):
    model = page(seen, MODELS).model
    assert names(model) == [
        "Careful U-Net, cells",
        "Blind U-Net, cells",
        "“background” everywhere",
    ]
    careful, blind, guess = (cells(model, row) for row in range(3))
    assert (careful["mIoU"], careful["Accuracy"]) == ("0.922", "97.5 %")
    # Dice: 140 / 150 and 640 / 650, their mean; weighted IoU: 0.8 * 0.9697 + 0.2 * 0.875
    assert (careful["mDice"], careful["Weighted"]) == ("0.959", "0.951")
    # Of the foreground: 70 / 80 and 140 / 150; it comes first, and nothing is left of the guess.
    titles = [_head(model, c) for c in range(model.columnCount())]
    assert titles[1:5] == ["Foreground mIoU", "Foreground mDice", "Foreground PQ", "mIoU"]
    assert (careful["Foreground mIoU"], careful["Foreground mDice"]) == ("0.875", "0.933")
    assert (blind["Foreground mIoU"], guess["Foreground mIoU"]) == ("0.000", "0.000")
    # (1 + 1 + 1 + 0.5) / 4 and (1 + 1 + 1 + 0.6944) / 4
    for column, mean in ((1, "0.875"), (4, "0.924")):
        tip = model.index(0, column).data(Qt.ItemDataRole.ToolTipRole)
        assert f"Mean over images {mean}" in " ".join(tip.split())
    head = model.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert "mean over the classes but background" in " ".join(head.split())
    assert (blind["mIoU"], blind["Accuracy"]) == ("0.400", "80.0 %")
    assert (guess["mIoU"], guess["Accuracy"], guess["Boundary"]) == ("0.400", "80.0 %", DASH)


def test_the_best_figures_are_bold_and_the_guess_never_is(seen):
    model = page(seen, MODELS).model
    column = next(c for c in range(model.columnCount()) if _head(model, c) == "mIoU")
    fonts = [model.index(row, column).data(Qt.ItemDataRole.FontRole) for row in range(3)]
    assert fonts[0].bold()
    assert fonts[1] is None
    assert not fonts[2].bold()
    assert fonts[2].italic()
    assert QFontInfo(fonts[2]).italic()


def test_a_click_on_a_head_sorts_and_the_guess_stays_last(seen):
    results = page(seen, MODELS)
    click_head(seen, results.table, 1)
    assert names(results.model)[:2] == ["Blind U-Net, cells", "Careful U-Net, cells"]
    assert names(results.model)[2] == "“background” everywhere"
    click_head(seen, results.table, 0)
    assert names(results.model)[0] == "Blind U-Net, cells"


def test_the_accuracy_trap_is_told_in_words(seen):
    said = page(seen, MODELS).trap.text()
    assert "right on 80.0 % of the pixels" in said
    assert "read mean IoU of the foreground, not accuracy: there it gets 0.000" in said
    assert "“Blind U-Net, cells” is no better than that" in said


def test_the_two_best_models_are_compared_in_words(seen):
    results = page(seen, MODELS)
    said = results.verdict.text()
    # of the foreground: 0.875 - 0
    assert "mean IoU of the foreground over 4 images" in said
    assert "better by 0.875" in said
    assert "95 %" in said
    assert "4 images" in said
    assert "ahead on 4 of these images, behind on 0" in said
    seen.qtbot.mouseClick(results.pair_bar.swap, LEFT)
    seen.until(lambda: "worse by 0.875" in results.verdict.text())
    seen.qtbot.mouseClick(results.pair_bar.swap, LEFT)
    seen.until(lambda: "better by 0.875" in results.verdict.text())


def test_a_double_click_makes_a_model_the_chosen_one(seen):
    results = page(seen, MODELS)
    assert seen.session.model.chosen == CAREFUL
    box = results.table.visualRect(results.model.index(1, 0))
    seen.qtbot.mouseClick(results.table.viewport(), LEFT, pos=box.center())
    seen.qtbot.mouseDClick(results.table.viewport(), LEFT, pos=box.center())
    assert seen.session.model.chosen == BLIND
    seen.studio.segmenting.choose(CAREFUL)


def test_two_models_that_are_selected_are_compared(seen):
    results, pair = page(seen, MODELS), panel(seen).pages.pair
    usual = pair.first, pair.second
    pair.choose(CAREFUL, BLIND)
    click_cell(seen, results.table, 0, 0)
    click_cell(seen, results.table, 1, 0, Qt.KeyboardModifier.ControlModifier)
    assert (pair.first, pair.second) == (BLIND, CAREFUL)
    results.table.clearSelection()
    pair.choose(*usual)


def test_a_large_window_shows_charts_below_the_words(seen):
    results = page(seen, MODELS)
    assert not results.overview.isVisible()
    dock = seen.window.docks.by_name["Evaluation"]
    dock.setFloating(True)
    dock.resize(1400, 860)
    seen.until(results.overview.isVisible)
    view = results.distribution
    bar = next(i for i, count in enumerate(view.histograms[0].counts) if count == 1)
    seen.qtbot.mouseClick(view, LEFT, pos=view.bar(0, bar).center().toPoint())
    assert panel(seen).pages.shown == IMAGES
    assert names(panel(seen).pages.page(IMAGES).model) == ["plate_3.png"]


def test_the_table_goes_to_the_clipboard(seen):
    page(seen, MODELS)
    seen.qtbot.mouseClick(panel(seen).header.copy, LEFT)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("Model\tForeground mIoU\tForeground mDice\tForeground PQ\tmIoU\t")
    assert lines[1].split("\t")[0] == "Careful U-Net, cells"
    assert float(lines[1].split("\t")[1]) == pytest.approx(70 / 80, rel=1e-5)
    assert float(lines[1].split("\t")[4]) == pytest.approx((70 / 80 + 320 / 330) / 2, rel=1e-5)


def test_the_number_of_images_is_shown_where_models_differ_in_it(seen):
    model = page(seen, MODELS).model
    assert "Images" not in cells(model, 0)
    rows = list(model.rows)
    others = [dataclasses.replace(rows[0], images=3), *rows[1:]]
    model.show_rows(others, figure_columns(others))
    assert [cells(model, row)["Images"] for row in range(3)] == ["3", "4", "4"]
    model.show_rows(rows, figure_columns(rows, has_background=True))
    assert "Images" not in cells(model, 0)


# -- by class ----------------------------------------------------------------------------------


def test_classes_are_shown_by_model(seen):
    classes = page(seen, CLASSES)
    model = classes.model
    background, cell = cells(model, 0), cells(model, 1)
    assert background == {
        "Class": "background",
        "Pixels": "80.0 %",
        "Careful U-Net": "0.970",
        "Blind U-Net": "0.800",
    }
    assert (cell["Pixels"], cell["Careful U-Net"], cell["Blind U-Net"]) == (
        "20.0 %",
        "0.875",
        "0.000",
    )
    usual = classes.figure.currentText()
    choose_figure(classes, "Recall")
    assert cells(model, 1)["Careful U-Net"] == "0.875"
    assert cells(model, 0)["Careful U-Net"] == "1.000"
    choose_figure(classes, usual)


def test_the_differences_by_class_are_drawn_with_their_intervals(seen):
    rows = page(seen, CLASSES).differences.plot.rows
    assert [row.name for row in rows] == ["Foreground", "All classes", "background", "cell"]
    assert [round(row.interval.difference, 3) for row in rows] == [0.875, 0.522, 0.17, 0.875]
    assert all(row.interval.is_clear for row in rows)
    assert "better by 0.875" in rows[3].tip


def test_a_double_click_on_a_class_lists_its_images_worst_first(seen, by_image):
    classes, images = page(seen, CLASSES), by_image
    box = classes.table.visualRect(classes.model.index(1, 2))
    seen.qtbot.mouseClick(classes.table.viewport(), LEFT, pos=box.center())
    seen.qtbot.mouseDClick(classes.table.viewport(), LEFT, pos=box.center())
    assert panel(seen).pages.shown == IMAGES
    assert images.figure.currentText() == "IoU of cell"
    assert names(images.model)[0] == "plate_3.png"
    assert cells(images.model, 0)["Careful U-Net"] == "0.500"


# -- by image ----------------------------------------------------------------------------------


def test_the_worst_image_comes_first_and_opens_with_a_click(seen, by_image):
    images = by_image
    first = cells(images.model, 0)
    assert first == {
        "Image": "plate_3.png",
        "Careful U-Net": "0.500",
        "Blind U-Net": "0.000",
        "Spread": "0.500",
    }
    assert images.figure.currentText() == "Foreground mean IoU"
    assert seen.session.index == 0
    click_cell(seen, images.table, 0, 2)
    seen.until(lambda: seen.session.index == 3)
    seen.until(lambda: seen.session.view.run == seen.studio.evaluating.prediction_key(BLIND))
    assert images.table.currentIndex().row() == 0


def test_the_open_image_is_the_selected_row(seen, by_image):
    images = by_image
    seen.studio.browsing.select(2)
    seen.until(lambda: seen.session.index == 2)
    seen.until(lambda: images.model.image_at(images.table.currentIndex().row()) == 2)


def test_the_arrow_keys_go_from_image_to_image(seen, by_image, qtbot):
    images = by_image
    click_cell(seen, images.table, 0, 0)
    seen.until(lambda: seen.session.index == 3)
    qtbot.keyClick(images.table, Qt.Key.Key_Down)
    below = images.model.image_at(1)
    seen.until(lambda: seen.session.index == below)


def test_images_are_sorted_by_a_click_on_a_head(seen):
    images = page(seen, IMAGES)
    click_head(seen, images.table, 3)
    click_head(seen, images.table, 3)
    assert cells(images.model, 0)["Spread"] == "1.000"
    click_head(seen, images.table, 0)
    assert names(images.model) == [f"plate_{n}.png" for n in range(4)]
    click_head(seen, images.table, 0)
    assert names(images.model) == [f"plate_{n}.png" for n in reversed(range(4))]


def test_images_are_filtered_by_name_and_by_mark(seen, qtbot):
    images = page(seen, IMAGES)
    qtbot.keyClicks(images.name, "_2")
    assert names(images.model) == ["plate_2.png"]
    assert images.count.text() == "1 of 4 images"
    images.name.clear()
    seen.studio.browsing.toggle_reviewed()
    images.marks.setCurrentIndex(images.marks.findText("Not done"))
    images.marks.activated.emit(images.marks.currentIndex())
    assert sorted(names(images.model)) == ["plate_1.png", "plate_2.png", "plate_3.png"]


def test_the_distribution_is_counted_and_a_click_on_a_bar_lists_its_images(seen):
    images = page(seen, IMAGES)
    view = images.distribution
    careful = view.histograms[0]
    assert careful.counts.sum() == 4
    assert careful.counts[-1] == 3
    assert careful.median == 1
    bar = next(i for i, count in enumerate(careful.counts) if count == 1)
    assert view.edges[bar] <= 0.5 < view.edges[bar + 1]
    place = view.bar(0, bar).center().toPoint()
    seen.qtbot.mouseClick(view, LEFT, pos=place)
    assert names(images.model) == ["plate_3.png"]
    assert images.chip.isVisible()
    seen.qtbot.mouseClick(images.chip, LEFT)
    assert len(names(images.model)) == 4
    assert not images.chip.isVisible()


def test_a_drag_over_bars_lists_a_range(seen):
    images = page(seen, IMAGES)
    view = images.distribution
    last = len(view.edges) - 2
    seen.qtbot.mousePress(view, LEFT, pos=view.bar(0, last - 1).center().toPoint())
    seen.qtbot.mouseRelease(view, LEFT, pos=view.bar(0, last).center().toPoint())
    assert sorted(names(images.model)) == ["plate_0.png", "plate_1.png", "plate_2.png"]
    seen.qtbot.mouseClick(view, LEFT, pos=QPointF(view.bar(0, last).center()).toPoint())
    seen.qtbot.mouseClick(view, LEFT, pos=QPointF(view.bar(0, last).center()).toPoint())
    assert len(names(images.model)) == 4


def test_keys_go_over_the_bars_and_list_their_images(seen):
    images = page(seen, IMAGES)
    view = images.distribution
    view.setFocus(Qt.FocusReason.TabFocusReason)
    key = seen.qtbot.keyClick
    for _ in view.edges:
        key(view, Qt.Key.Key_Left)
    for _ in range(3):
        key(view, Qt.Key.Key_Up)
    low = view.bar(0, 0).toRect()
    outlined = view.grab().toImage().pixelColor(low.left() + 5, low.top())
    assert outlined == view.palette().color(QPalette.ColorRole.WindowText)
    assert len(names(images.model)) == 4  # going over bars lists nothing yet
    bar = next(i for i, count in enumerate(view.histograms[0].counts) if count == 1)
    for _ in range(bar):
        key(view, Qt.Key.Key_Right)
    key(view, Qt.Key.Key_Return)
    assert names(images.model) == ["plate_3.png"]
    for _ in range(len(view.edges) - 2 - bar):
        key(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    key(view, Qt.Key.Key_Space)
    assert len(names(images.model)) == 4
    assert images.chip.isVisible()
    key(view, Qt.Key.Key_Space)
    assert not images.chip.isVisible()
    key(view, Qt.Key.Key_Down)
    key(view, Qt.Key.Key_Return)
    assert len(names(images.model)) == view.histograms[1].counts[-1]
    key(view, Qt.Key.Key_Return)
    assert len(names(images.model)) == 4


def test_a_correction_changes_the_figures(corrected):
    images = page(corrected, IMAGES)
    corrected.studio.browsing.select(3)
    corrected.until(lambda: corrected.session.index == 3)
    corrected.until(lambda: bool(corrected.session.document.predictions))
    corrected.studio.segmenting.show(corrected.studio.evaluating.prediction_key(CAREFUL))
    corrected.studio.editing.use_prediction()
    # the annotation is now what the model says: nothing is wrong any more
    corrected.until(
        lambda: cells(images.model, images.model.place_of(3))["Careful U-Net"] == "1.000"
    )
    corrected.until(lambda: cells(page(corrected, MODELS).model, 0)["mIoU"] == "1.000")


def test_a_model_without_a_figure_comes_last_whichever_way_it_is_sorted(seen):
    model = page(seen, MODELS).model
    rows = [dataclasses.replace(row) for row in model.rows]
    unknown = dataclasses.replace(rows[0], run="new", title="New", values={})
    model.show_rows([unknown, *rows], figure_columns([unknown, *rows], has_background=True))
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        model.sort(1, order)
        assert names(model)[2:] == ["New", "“background” everywhere"]


def choose_figure(shown, name: str) -> None:
    shown.figure.setCurrentIndex(shown.figure.findText(name))
    shown.figure.activated.emit(shown.figure.currentIndex())


def _head(model, column: int) -> str:
    return model.headerData(column, Qt.Orientation.Horizontal)


@pytest.mark.parametrize("width", [1280, 1920, 900])
def test_nothing_covers_the_table_of_models(seen, width):
    """Words beside a row that is limited in width took room from the table where it is wide."""
    results = page(seen, MODELS)
    seen.window.resize(1000, 700)
    seen.settle()
    seen.window.resize(width, 800)
    table, bar = results.table, results.pair_bar

    def is_whole() -> bool:
        below = bar.mapTo(results, QPoint(0, 0)).y() - table.mapTo(results, QPoint(0, 0)).y()
        return below >= table.height() == table.whole_height()

    seen.until(is_whole)
    seen.settle()
    assert is_whole()


def test_figures_without_room_are_off_and_offered_under_more(anew):
    results = page(anew, MODELS)
    table, more = results.table, results.more
    assert table.horizontalScrollBar().maximum() == 0

    def offered() -> dict[str, bool]:
        more.menu().aboutToShow.emit()
        return {a.text(): a.isChecked() for a in more.menu().actions()}

    titles = [column.title for column in results.model.columns]
    seen = [title for place, title in enumerate(titles) if not table.isColumnHidden(place)]
    first = offered()
    assert list(first) == titles[2:], "the name and what the models are judged by always stay"
    assert seen == [*titles[:2], *(title for title, shown in first.items() if shown)]
    off = [title for title, shown in first.items() if not shown]
    assert off
    assert off == titles[-len(off) :], "the last ones go first"
    wanted = next(a for a in more.menu().actions() if a.text() == off[-1])
    wanted.trigger()
    assert offered()[off[-1]]
    assert table.horizontalScrollBar().maximum() == 0
    next(a for a in more.menu().actions() if a.text() == titles[2]).trigger()
    assert not offered()[titles[2]]
    assert len(results.copied().splitlines()[0].split("\t")) == len(titles)


# -- before anything is evaluated ----------------------------------------------------------------


def test_without_ground_truth_doubts_are_shown_instead_of_figures(fresh, tmp_path):
    folder = tmp_path / "bare"
    folder.mkdir()
    for file in fresh.session.project.root.glob("*.png"):
        (folder / file.name).write_bytes(file.read_bytes())
    fresh.open(folder)
    fresh.until(lambda: "no ground truth for this folder" in panel(fresh).empty_text)
    assert panel(fresh).truth.isVisible()
    choose(fresh, CAREFUL, BLIND)
    fresh.qtbot.mouseClick(panel(fresh).header.start, LEFT)
    fresh.until(lambda: fresh.session.evaluation.done == {CAREFUL: 4, BLIND: 4})
    results = page(fresh, MODELS)
    fresh.until(lambda: "no ground truth to measure against" in results.trap.text())
    assert cells(results.model, 0)["mIoU"] == DASH
    assert results.model.rowCount() == 2
    images = page(fresh, IMAGES)
    fresh.until(lambda: images.figure.findText("Mean IoU") < 0)
    choose_figure(images, "Disagreement")
    # the models agree on more pixels of the image on which one finds less
    assert names(images.model)[-1] == "plate_3.png"
