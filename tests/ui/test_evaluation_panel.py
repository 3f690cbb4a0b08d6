"""The evaluation panel: its dock, its controls, and its pages, with figures worked out by hand."""

from __future__ import annotations

import dataclasses

import evaluated
import pytest
from evaluated import BLIND, CAREFUL
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontInfo
from PySide6.QtWidgets import QApplication, QFileDialog

from segstudio.core.geometry import Rect
from segstudio.ui.numbers import DASH
from segstudio.ui.panels.evaluation.pages import CHARTS, CLASSES, CONFUSION, IMAGES, MODELS, QUEUE

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def desk(make_window, tmp_path, qtbot):
    """A window with the folder worked out by hand, the panel open, nothing evaluated yet."""
    bench = make_window(engine=evaluated.Engine())
    bench.window.resize(1280, 800)
    bench.open(evaluated.write_folder(tmp_path / "plates"))
    qtbot.keyClick(bench.window, Qt.Key.Key_M)
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.settle()
    yield bench
    bench.engine.gate.set()


@pytest.fixture
def done(desk):
    """The same with both models evaluated."""
    evaluate(desk)
    return desk


def panel(bench):
    return bench.window.evaluation.panel


def evaluate(bench) -> None:
    choose(bench, CAREFUL, BLIND)
    bench.qtbot.mouseClick(panel(bench).header.start, LEFT)
    bench.until(lambda: bench.session.evaluation.done == {CAREFUL: 4, BLIND: 4})
    bench.until(lambda: not bench.session.evaluation.running)
    results = panel(bench).pages.page(MODELS)
    bench.until(lambda: " by 0." in results.verdict.text())


def choose(bench, *runs: str) -> None:
    """Check models in the list by clicks on their names."""
    models = panel(bench).header.models
    models.menu().popup(bench.window.mapToGlobal(QPoint(10, 10)))
    for row in range(models.list.count()):
        item = models.list.item(row)
        is_checked = item.checkState() == Qt.CheckState.Checked
        if (item.data(Qt.ItemDataRole.UserRole) in runs) != is_checked:
            box = models.list.visualItemRect(item)
            place = QPoint(box.left() + 60, box.center().y())
            bench.qtbot.mouseClick(models.list.viewport(), LEFT, pos=place)
    models.menu().close()
    assert set(models.runs) == set(runs)


def page(bench, name):
    panel(bench).pages.bring(name)
    shown = panel(bench).pages.page(name)
    bench.until(shown.isVisible)
    return shown


def cells(model, row: int) -> dict[str, str]:
    """What a row shows, by the head of the column."""
    return {
        model.headerData(c, Qt.Orientation.Horizontal): model.index(row, c).data()
        for c in range(model.columnCount())
    }


def names(model) -> list[str]:
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def click_cell(bench, table, row: int, column: int, modifier=Qt.KeyboardModifier.NoModifier):
    box = table.visualRect(table.model().index(row, column))
    bench.qtbot.mouseClick(table.viewport(), LEFT, modifier, box.center())


def click_head(bench, table, column: int) -> None:
    header = table.horizontalHeader()
    x = header.sectionViewportPosition(column) + 12
    bench.qtbot.mouseClick(header.viewport(), LEFT, pos=QPoint(x, header.height() // 2))


# -- the dock ----------------------------------------------------------------------------------


def test_nothing_is_built_before_the_panel_is_asked_for(make_window, folder):
    bench = make_window()
    bench.open(folder)
    assert bench.window.evaluation.panel is None
    assert not bench.window.docks.shown("Evaluation")


def test_m_opens_the_panel_below_list_and_canvas_and_m_closes_it(desk, qtbot):
    docks = desk.window.docks.by_name
    mine = docks["Evaluation"].geometry()
    assert mine.top() > docks["Images"].geometry().bottom()
    assert mine.right() < docks["Metrics"].geometry().left()
    qtbot.keyClick(desk.window, Qt.Key.Key_M)
    assert not desk.window.docks.shown("Evaluation")


def test_it_shares_its_place_with_the_network_panel(desk, qtbot):
    docks = desk.window.docks.by_name
    qtbot.keyClick(desk.window, Qt.Key.Key_N)
    assert docks["Network"] in desk.window.tabifiedDockWidgets(docks["Evaluation"])
    desk.settle()
    assert docks["Evaluation"].visibleRegion().isEmpty()
    qtbot.keyClick(desk.window, Qt.Key.Key_M)
    desk.settle()
    assert not docks["Evaluation"].visibleRegion().isEmpty()


def test_an_open_panel_comes_back_at_the_next_start(desk, make_window):
    desk.window.close()
    desk.studio.close()
    second = make_window(engine=evaluated.Engine())
    assert second.window.docks.shown("Evaluation")
    second.until(lambda: panel(second) is not None)
    assert "Open a folder" in panel(second).empty_text
    assert panel(second).samples.isVisibleTo(panel(second))


# -- controls ----------------------------------------------------------------------------------


def test_the_models_that_are_not_on_disk_cannot_be_chosen(desk):
    models = panel(desk).header.models
    away = models.list.item(2)
    assert "not on disk" in away.text()
    desk.qtbot.mouseClick(models.every, LEFT)
    assert models.runs == (CAREFUL, BLIND)
    assert models.text() == "2 models"
    desk.qtbot.mouseClick(models.none, LEFT)
    assert models.runs == ()
    assert not panel(desk).header.start.isEnabled()
    assert not panel(desk).evaluate.isEnabled()


def test_the_chosen_model_is_evaluated_at_first(desk):
    assert panel(desk).header.models.runs == (CAREFUL,)
    assert panel(desk).evaluate.text() == "Evaluate 1 model"
    desk.qtbot.mouseClick(panel(desk).evaluate, LEFT)
    desk.until(lambda: desk.session.evaluation.done == {CAREFUL: 4})
    desk.until(lambda: panel(desk).empty_text == "")


def test_models_that_were_run_in_the_folder_are_chosen_at_first(desk):
    desk.studio.segmenting.choose(BLIND)
    desk.studio.segmenting.run_current()
    desk.until(lambda: bool(desk.session.state(0).runs))
    desk.studio.segmenting.choose(CAREFUL)
    desk.until(lambda: panel(desk).header.models.runs == (CAREFUL, BLIND))
    desk.until(lambda: panel(desk).evaluate.text() == "Evaluate 2 models")


def test_stopping_keeps_what_came_and_goes_on_from_there(desk):
    desk.engine.gate.clear()
    choose(desk, CAREFUL, BLIND)
    header = panel(desk).header
    desk.qtbot.mouseClick(header.start, LEFT)
    desk.until(lambda: header.stop.isVisible())
    assert not header.start.isVisible()
    assert header.progress.bar.isVisible()
    desk.engine.gate.set()
    desk.until(lambda: sum(desk.session.evaluation.done.values()) > 0)
    desk.qtbot.mouseClick(header.stop, LEFT)
    desk.until(lambda: not desk.session.evaluation.running)
    desk.until(lambda: header.start.isVisible())
    desk.qtbot.mouseClick(header.start, LEFT)
    desk.until(lambda: desk.session.evaluation.done == {CAREFUL: 4, BLIND: 4})
    desk.until(lambda: header.progress.label.text() == "4 images evaluated")


def test_f6_evaluates_from_anywhere(desk, qtbot):
    qtbot.keyClick(desk.window, Qt.Key.Key_M)
    choose(desk, BLIND)
    qtbot.keyClick(desk.window, Qt.Key.Key_F6)
    assert desk.window.docks.shown("Evaluation")
    desk.until(lambda: desk.session.evaluation.done == {BLIND: 4})


def test_distances_of_outlines_are_measured_on_request(done):
    model = page(done, MODELS).model
    assert "HD95" not in cells(model, 0)
    header = panel(done).header
    header.models.menu().popup(done.window.mapToGlobal(QPoint(10, 10)))
    done.qtbot.mouseClick(header.models.hausdorff, LEFT, pos=QPoint(8, 8))
    header.models.menu().close()
    assert done.session.evaluation.hausdorff
    done.until(lambda: "HD95" in cells(model, 0))
    careful = next(row for row in range(2) if cells(model, row)["Model"].startswith("Careful"))
    # on image 3 the outlines of the cell lie a row apart: 0, 0, 0 and 1 pixel over the images,
    # and the same for the background
    assert cells(model, careful)["HD95"] == "0.2 px"


# -- which model is right ----------------------------------------------------------------------


def test_the_table_shows_the_figures_worked_out_by_hand(done):
    model = page(done, MODELS).model
    assert names(model) == [
        "Careful U-Net, cells",
        "Blind U-Net, cells",
        "“background” everywhere",
    ]
    careful, blind, guess = (cells(model, row) for row in range(3))
    assert (careful["mIoU"], careful["Accuracy"]) == ("0.922", "97.5 %")
    # Dice: 140 / 150 and 640 / 650, their mean; weighted IoU: 0.8 * 0.9697 + 0.2 * 0.875
    assert (careful["mDice"], careful["fwIoU"]) == ("0.959", "0.951")
    # (1 + 1 + 1 + 0.6944) / 4
    assert "Mean over images 0.924" in model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert (blind["mIoU"], blind["Accuracy"]) == ("0.400", "80.0 %")
    assert (guess["mIoU"], guess["Accuracy"], guess["Boundary"]) == ("0.400", "80.0 %", DASH)


def test_the_best_figures_are_bold_and_the_guess_never_is(done):
    model = page(done, MODELS).model
    column = next(c for c in range(model.columnCount()) if _head(model, c) == "mIoU")
    fonts = [model.index(row, column).data(Qt.ItemDataRole.FontRole) for row in range(3)]
    assert fonts[0].bold()
    assert fonts[1] is None
    assert not fonts[2].bold()
    assert fonts[2].italic()
    assert QFontInfo(fonts[2]).italic()


def test_a_click_on_a_head_sorts_and_the_guess_stays_last(done):
    results = page(done, MODELS)
    click_head(done, results.table, 1)
    assert names(results.model)[:2] == ["Blind U-Net, cells", "Careful U-Net, cells"]
    assert names(results.model)[2] == "“background” everywhere"
    click_head(done, results.table, 0)
    assert names(results.model)[0] == "Blind U-Net, cells"


def test_the_accuracy_trap_is_told_in_words(done):
    said = page(done, MODELS).trap.text()
    assert "right on 80.0 % of the pixels" in said
    assert "0.400" in said
    assert "“Blind U-Net, cells” is no better than that" in said


def test_the_two_best_models_are_compared_in_words(done):
    results = page(done, MODELS)
    said = results.verdict.text()
    # 0.9223 - 0.4
    assert "better by 0.522" in said
    assert "95 %" in said
    assert "4 images" in said
    assert "ahead on 4 of these images, behind on 0" in said
    done.qtbot.mouseClick(results.pair_bar.swap, LEFT)
    done.until(lambda: "worse by 0.522" in results.verdict.text())


def test_a_double_click_makes_a_model_the_chosen_one(done):
    results = page(done, MODELS)
    box = results.table.visualRect(results.model.index(1, 0))
    done.qtbot.mouseClick(results.table.viewport(), LEFT, pos=box.center())
    done.qtbot.mouseDClick(results.table.viewport(), LEFT, pos=box.center())
    assert done.session.model.chosen == BLIND


def test_two_models_that_are_selected_are_compared(done):
    results = page(done, MODELS)
    panel(done).pages.pair.choose(CAREFUL, BLIND)
    click_cell(done, results.table, 0, 0)
    click_cell(done, results.table, 1, 0, Qt.KeyboardModifier.ControlModifier)
    assert (panel(done).pages.pair.first, panel(done).pages.pair.second) == (BLIND, CAREFUL)


def test_a_large_window_shows_charts_below_the_words(done):
    results = page(done, MODELS)
    assert not results.overview.isVisible()
    dock = done.window.docks.by_name["Evaluation"]
    dock.setFloating(True)
    dock.resize(1400, 860)
    done.until(results.overview.isVisible)
    view = results.distribution
    bar = next(i for i, count in enumerate(view.histograms[0].counts) if count == 1)
    done.qtbot.mouseClick(view, LEFT, pos=view.bar(0, bar).center().toPoint())
    assert panel(done).pages.shown == IMAGES
    assert names(panel(done).pages.page(IMAGES).model) == ["plate_3.png"]


def test_the_table_goes_to_the_clipboard(done):
    page(done, MODELS)
    done.qtbot.mouseClick(panel(done).header.copy, LEFT)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("Model\tmIoU\t")
    assert lines[1].split("\t")[0] == "Careful U-Net, cells"
    assert float(lines[1].split("\t")[1]) == pytest.approx((70 / 80 + 320 / 330) / 2, rel=1e-5)


def test_without_ground_truth_doubts_are_shown_instead_of_figures(desk, tmp_path):
    folder = tmp_path / "bare"
    folder.mkdir()
    for file in (tmp_path / "plates").glob("*.png"):
        (folder / file.name).write_bytes(file.read_bytes())
    desk.open(folder)
    desk.until(lambda: "no ground truth for this folder" in panel(desk).empty_text)
    assert panel(desk).truth.isVisible()
    choose(desk, CAREFUL, BLIND)
    desk.qtbot.mouseClick(panel(desk).header.start, LEFT)
    desk.until(lambda: desk.session.evaluation.done == {CAREFUL: 4, BLIND: 4})
    results = page(desk, MODELS)
    desk.until(lambda: "no ground truth to measure against" in results.trap.text())
    assert cells(results.model, 0)["mIoU"] == DASH
    assert results.model.rowCount() == 2
    images = page(desk, IMAGES)
    desk.until(lambda: images.figure.findText("Mean IoU") < 0)
    images.figure.setCurrentIndex(images.figure.findText("Disagreement"))
    images.figure.activated.emit(images.figure.currentIndex())
    # the models agree on more pixels of the image on which one finds less
    assert names(images.model)[-1] == "plate_3.png"


def test_the_number_of_images_is_shown_where_models_differ_in_it(done):
    model = page(done, MODELS).model
    assert "Images" not in cells(model, 0)
    rows = list(model.rows)
    model.show_rows([dataclasses.replace(rows[0], images=3), *rows[1:]])
    assert [cells(model, row)["Images"] for row in range(3)] == ["3", "4", "4"]


# -- by class ----------------------------------------------------------------------------------


def test_classes_are_shown_by_model(done):
    classes = page(done, CLASSES)
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
    classes.figure.setCurrentIndex(classes.figure.findText("Recall"))
    classes.figure.activated.emit(classes.figure.currentIndex())
    assert cells(model, 1)["Careful U-Net"] == "0.875"
    assert cells(model, 0)["Careful U-Net"] == "1.000"


def test_the_differences_by_class_are_drawn_with_their_intervals(done):
    rows = page(done, CLASSES).differences.plot.rows
    assert [row.name for row in rows] == ["Mean IoU", "background", "cell"]
    assert [round(row.interval.difference, 3) for row in rows] == [0.522, 0.17, 0.875]
    assert all(row.interval.is_clear for row in rows)
    assert "better by 0.875" in rows[2].tip


def test_a_double_click_on_a_class_lists_its_images_worst_first(done):
    classes = page(done, CLASSES)
    box = classes.table.visualRect(classes.model.index(1, 2))
    done.qtbot.mouseClick(classes.table.viewport(), LEFT, pos=box.center())
    done.qtbot.mouseDClick(classes.table.viewport(), LEFT, pos=box.center())
    assert panel(done).pages.shown == IMAGES
    images = panel(done).pages.page(IMAGES)
    assert images.figure.currentText() == "IoU of cell"
    assert names(images.model)[0] == "plate_3.png"
    assert cells(images.model, 0)["Careful U-Net"] == "0.500"


# -- by image ----------------------------------------------------------------------------------


def test_the_worst_image_comes_first_and_opens_with_a_click(done):
    images = page(done, IMAGES)
    first = cells(images.model, 0)
    assert first == {
        "Image": "plate_3.png",
        "Careful U-Net": "0.694",
        "Blind U-Net": "0.400",
        "Spread": "0.294",
    }
    assert done.session.index == 0
    click_cell(done, images.table, 0, 2)
    done.until(lambda: done.session.index == 3)
    done.until(lambda: done.session.view.run == done.studio.evaluating.prediction_key(BLIND))
    assert images.table.currentIndex().row() == 0


def test_the_open_image_is_the_selected_row(done):
    images = page(done, IMAGES)
    done.studio.browsing.select(2)
    done.until(lambda: done.session.index == 2)
    done.until(lambda: images.model.image_at(images.table.currentIndex().row()) == 2)


def test_the_arrow_keys_go_from_image_to_image(done, qtbot):
    images = page(done, IMAGES)
    click_cell(done, images.table, 0, 0)
    done.until(lambda: done.session.index == 3)
    qtbot.keyClick(images.table, Qt.Key.Key_Down)
    below = images.model.image_at(1)
    done.until(lambda: done.session.index == below)


def test_images_are_sorted_by_a_click_on_a_head(done):
    images = page(done, IMAGES)
    click_head(done, images.table, 3)
    click_head(done, images.table, 3)
    assert cells(images.model, 0)["Spread"] == "0.600"
    click_head(done, images.table, 0)
    assert names(images.model) == [f"plate_{n}.png" for n in range(4)]
    click_head(done, images.table, 0)
    assert names(images.model) == [f"plate_{n}.png" for n in reversed(range(4))]


def test_images_are_filtered_by_name_and_by_mark(done, qtbot):
    images = page(done, IMAGES)
    qtbot.keyClicks(images.name, "_2")
    assert names(images.model) == ["plate_2.png"]
    assert images.count.text() == "1 of 4 images"
    images.name.clear()
    done.studio.browsing.toggle_reviewed()
    images.marks.setCurrentIndex(images.marks.findText("Not reviewed"))
    images.marks.activated.emit(images.marks.currentIndex())
    assert sorted(names(images.model)) == ["plate_1.png", "plate_2.png", "plate_3.png"]


def test_the_distribution_is_counted_and_a_click_on_a_bar_lists_its_images(done):
    images = page(done, IMAGES)
    view = images.distribution
    careful = view.histograms[0]
    assert careful.counts.sum() == 4
    assert careful.counts[-1] == 3
    assert careful.median == 1
    bar = next(i for i, count in enumerate(careful.counts) if count == 1)
    assert view.edges[bar] <= 0.694 < view.edges[bar + 1]
    place = view.bar(0, bar).center().toPoint()
    done.qtbot.mouseClick(view, LEFT, pos=place)
    assert names(images.model) == ["plate_3.png"]
    assert images.chip.isVisible()
    done.qtbot.mouseClick(images.chip, LEFT)
    assert len(names(images.model)) == 4
    assert not images.chip.isVisible()


def test_a_drag_over_bars_lists_a_range(done):
    images = page(done, IMAGES)
    view = images.distribution
    last = len(view.edges) - 2
    done.qtbot.mousePress(view, LEFT, pos=view.bar(0, last - 1).center().toPoint())
    done.qtbot.mouseRelease(view, LEFT, pos=view.bar(0, last).center().toPoint())
    assert sorted(names(images.model)) == ["plate_0.png", "plate_1.png", "plate_2.png"]
    done.qtbot.mouseClick(view, LEFT, pos=QPointF(view.bar(0, last).center()).toPoint())
    done.qtbot.mouseClick(view, LEFT, pos=QPointF(view.bar(0, last).center()).toPoint())
    assert len(names(images.model)) == 4


def test_a_correction_changes_the_figures(done):
    images = page(done, IMAGES)
    done.studio.browsing.select(3)
    done.until(lambda: done.session.index == 3)
    done.until(lambda: bool(done.session.document.predictions))
    done.studio.segmenting.show(done.studio.evaluating.prediction_key(CAREFUL))
    done.studio.editing.use_prediction()
    # the annotation is now what the model says: nothing is wrong any more
    done.until(lambda: cells(images.model, images.model.row_of(3))["Careful U-Net"] == "1.000")
    done.until(lambda: cells(page(done, MODELS).model, 0)["mIoU"] == "1.000")


# -- the whole ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["report", "csv", "json"])
def test_figures_are_saved_from_the_menu(done, monkeypatch, tmp_path, kind):
    asked = {}

    def ask(_parent, title, start, files):
        asked["start"] = start
        return str(tmp_path / "out"), files

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    menu = panel(done).header.export.menu()
    next(a for a in menu.actions() if a.objectName() == f"evaluation.{kind}").trigger()
    extension = {"report": "html"}.get(kind, kind)
    assert asked["start"].endswith(f"plates-evaluation.{extension}")
    file = tmp_path / f"out.{extension}"
    done.until(file.is_file)
    assert CAREFUL in file.read_text().lower()


def test_another_folder_empties_the_panel(done, folder):
    assert panel(done).empty_text == ""
    done.studio.browsing.open_path(folder)
    done.until(lambda: panel(done).empty_text != "")
    done.until(lambda: "Which model is right" in panel(done).empty_text)


def test_every_page_fits_where_the_panel_is_low(done):
    dock = done.window.docks.by_name["Evaluation"]
    dock.setFloating(True)
    dock.resize(920, 300)
    frame = dock.widget()
    for name in (MODELS, CLASSES, IMAGES, CONFUSION, CHARTS, QUEUE):
        shown = page(done, name)
        if name == CHARTS:
            done.until(lambda shown=shown: shown.board is not None)
        done.settle()
        assert frame.verticalScrollBar().maximum() == 0, name
        assert frame.horizontalScrollBar().maximum() == 0, name


def test_what_a_page_asks_for_is_shown_on_the_canvas(done):
    done.window.resize(1400, 1000)
    panel(done).pages.open_requested.emit(2, Rect(2, 3, 5, 7))
    done.until(lambda: done.session.index == 2)
    canvas = done.window.canvas
    # a small rectangle is shown enlarged
    done.until(lambda: canvas.viewport.zoom > 30)


def test_a_model_without_a_figure_comes_last_whichever_way_it_is_sorted(done):
    model = page(done, MODELS).model
    rows = [dataclasses.replace(row) for row in model.rows]
    unknown = dataclasses.replace(rows[0], run="new", title="New", values={})
    model.show_rows([unknown, *rows])
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        model.sort(1, order)
        assert names(model)[2:] == ["New", "“background” everywhere"]


def _head(model, column: int) -> str:
    return model.headerData(column, Qt.Orientation.Horizontal)
