"""The evaluation panel as a whole: its dock, its controls, its files."""

from __future__ import annotations

import html
import shutil
from dataclasses import replace

import evaluated
import pytest
from evaluated import BLIND, CAREFUL
from evaluation_desk import (
    LEFT,
    cells,
    choose,
    compare,
    evaluate,
    open_desk,
    open_kept,
    page,
    panel,
)
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog

from segstudio.core.geometry import Rect
from segstudio.evaluation.ui.panel_pages import (
    CHARTS,
    CLASSES,
    CONFUSION,
    IMAGES,
    MODELS,
    QUEUE,
)
from segstudio.metrics.image_figures import MEASURES
from segstudio.metrics.measure import Where
from segstudio.metrics.surface_distance import HAUSDORFF
from segstudio.session.session import What


@pytest.fixture
def desk(make_window, tmp_path):
    yield from open_desk(make_window, tmp_path)


@pytest.fixture
def done(desk):
    evaluate(desk)
    return desk


@pytest.fixture
def compared(done):
    compare(done)
    return done


@pytest.fixture(scope="module")
def kept(keep_window, tmp_path_factory):
    yield from open_kept(keep_window, tmp_path_factory.mktemp("kept"))


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
    assert mine.right() < docks["Classes"].geometry().left()
    qtbot.keyClick(desk.window, Qt.Key.Key_M)
    assert not desk.window.docks.shown("Evaluation")


def test_it_shares_its_place_with_the_network_panel(desk, qtbot):
    before = desk.window.docks.by_name["Evaluation"].geometry()
    qtbot.keyClick(desk.window, Qt.Key.Key_N)
    desk.settle()
    assert not panel(desk).isVisible()
    assert desk.window.docks.by_name["Network"].geometry() == before
    qtbot.keyClick(desk.window, Qt.Key.Key_M)
    desk.settle()
    assert panel(desk).isVisible()


def test_an_open_panel_comes_back_at_the_next_start(desk, make_window):
    desk.window.close()
    desk.studio.close()
    second = make_window(engine=evaluated.Engine())
    assert not second.window.docks.shown("Evaluation")  # there is nothing to evaluate yet
    second.open(desk.session.project.root)
    assert second.window.docks.shown("Evaluation")
    second.until(lambda: panel(second) is not None)


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


def test_models_that_can_be_chosen_come_first_and_the_chosen_ones_are_seen(desk):
    models = panel(desk).header.models
    more = {f"model {n}": replace(desk.session.models[BLIND], id=f"model {n}") for n in range(30)}
    desk.session.models = {"away": desk.session.models["away"], **more, **desk.session.models}
    available = desk.session.model.available | more.keys()
    desk.session.model = replace(desk.session.model, available=available)
    desk.session.notify(What.MODELS)
    desk.until(lambda: models.list.count() == 33)
    assert models.list.item(32).data(Qt.ItemDataRole.UserRole) == "away"
    choose(desk, BLIND)
    models.menu().popup(desk.window.mapToGlobal(QPoint(10, 10)))
    blind = next(
        item
        for row in range(33)
        if (item := models.list.item(row)).data(Qt.ItemDataRole.UserRole) == BLIND
    )
    box = models.list.visualItemRect(blind)
    models.menu().close()
    assert models.list.viewport().rect().contains(box)


def test_the_chosen_model_is_evaluated_at_first(desk):
    assert panel(desk).header.models.runs == (CAREFUL,)
    assert panel(desk).evaluate.text() == "Evaluate 1 model"
    desk.qtbot.mouseClick(panel(desk).evaluate, LEFT)
    desk.until(lambda: desk.session.evaluation.done == {CAREFUL: 4})
    desk.until(lambda: panel(desk).empty_text == "")


def test_ground_truth_is_not_missed_while_the_images_are_looked_through(desk):
    """Which images have a mask is found out after the folder was opened."""
    desk.session.states.clear()
    desk.session.notify(What.STATES)
    assert "Which model is right" in panel(desk).empty_text
    assert not panel(desk).truth.isVisibleTo(panel(desk))


def test_one_model_is_not_compared_with_itself(desk):
    desk.window.docks.by_name["Evaluation"].setFloating(True)
    desk.window.docks.by_name["Evaluation"].resize(1000, 800)
    desk.qtbot.mouseClick(panel(desk).evaluate, LEFT)
    desk.until(lambda: desk.session.evaluation.done == {CAREFUL: 4})
    shown = page(desk, MODELS)
    desk.until(shown.distribution.isVisible)
    assert not shown.differences.isVisible()
    evaluate(desk)
    desk.until(shown.differences.isVisible)


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


def test_f9_evaluates_from_anywhere(desk, qtbot):
    qtbot.keyClick(desk.window, Qt.Key.Key_M)
    choose(desk, BLIND)
    qtbot.keyClick(desk.window, Qt.Key.Key_F9)
    assert desk.window.docks.shown("Evaluation")
    desk.until(lambda: desk.session.evaluation.done == {BLIND: 4})


def ask_for(bench, measure):
    models = panel(bench).header.models
    models.menu().popup(bench.window.mapToGlobal(QPoint(10, 10)))
    bench.qtbot.mouseClick(models.measures[measure.key], LEFT, pos=QPoint(8, 8))
    models.menu().close()


def test_distances_of_outlines_are_measured_on_request(kept):
    model = page(kept, MODELS).model
    assert "HD95" not in cells(model, 0)
    ask_for(kept, HAUSDORFF)
    assert HAUSDORFF.key in kept.session.evaluation.asked
    kept.until(lambda: "HD95" in cells(model, 0))
    careful = next(row for row in range(2) if cells(model, row)["Model"].startswith("Careful"))
    # on image 3 the outlines of the cell lie a row apart: 0, 0, 0 and 1 pixel over the images,
    # and the same for the background; the column comes with the first image
    kept.until(lambda: cells(model, careful)["HD95"] == "0.2 px")
    ask_for(kept, HAUSDORFF)
    kept.until(lambda: "HD95" not in cells(model, 0))


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.choice], ids=lambda m: m.key)
def test_what_is_asked_for_comes_into_all_tables(kept, measure):
    def choices(tab):
        figure = page(kept, tab).figure
        return {figure.itemText(i) for i in range(figure.count())}

    names = {CLASSES: {f.name for f in measure.at(Where.CLASSES)}}
    names[IMAGES] = {f.title for f in measure.at(Where.IMAGES)}

    heads = {f.title for f in measure.at(Where.FOLDER)}
    assert not heads & cells(page(kept, MODELS).model, 0).keys()
    ask_for(kept, measure)
    kept.until(lambda: heads <= cells(page(kept, MODELS).model, 0).keys())
    for tab, wanted in names.items():
        kept.until(lambda tab=tab, wanted=wanted: wanted <= choices(tab))
    ask_for(kept, measure)
    kept.until(lambda: not heads & cells(page(kept, MODELS).model, 0).keys())


# -- the whole ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["report", "csv", "json"])
def test_figures_are_saved_from_the_menu(kept, monkeypatch, tmp_path, kind):
    asked = {}

    def ask(_parent, title, start, files):
        asked["start"] = start
        return str(tmp_path / "out"), files

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    menu = panel(kept).header.export.menu()
    next(a for a in menu.actions() if a.objectName() == f"evaluation.{kind}").trigger()
    extension = {"report": "html"}.get(kind, kind)
    assert asked["start"].endswith(f"plates-evaluation.{extension}")
    file = tmp_path / f"out.{extension}"
    kept.until(file.is_file)
    assert CAREFUL in file.read_text().lower()


def test_another_folder_empties_the_panel(done, folder):
    assert panel(done).empty_text == ""
    done.studio.browsing.open_path(folder)
    done.until(lambda: panel(done).empty_text != "")
    done.until(lambda: "Which model is right" in panel(done).empty_text)


def test_every_page_fits_where_the_panel_is_low(compared):
    assert_pages_fit(compared)


def test_the_models_page_never_scrolls_by_itself_and_says_the_rest_on_request(compared):
    shown, dock = page(compared, MODELS), compared.window.docks.by_name["Evaluation"]
    bar = shown._scroll.verticalScrollBar()
    frame = compared.window.docks.frame("Evaluation").verticalScrollBar()
    told = [w for w in (shown.verdict, shown.trap, shown.ranking, shown.notes) if w.text()]
    assert len(told) > 1
    dock.setFloating(True)
    dock.resize(700, 300)
    compared.until(lambda: not shown.rest.isHidden())
    assert shown.verdict.isVisible()
    assert not told[-1].isVisible()
    compared.until(lambda: bar.maximum() == 0)
    compared.qtbot.mouseClick(shown.rest, LEFT)
    compared.until(lambda: all(label.isVisible() for label in told) and bar.maximum() > 0)
    compared.qtbot.mouseClick(shown.rest, LEFT)
    compared.until(lambda: bar.maximum() == 0)
    for height in (420, 520, 560, 720):  # charts come only where all of them have room
        dock.resize(700, height)
        compared.until(lambda: bar.maximum() == frame.maximum() == 0)
    assert shown.overview.isVisible()
    assert all(label.isVisible() for label in told)
    assert shown.rest.isHidden()


def test_pages_without_figures_fit_too(make_window, tmp_path):
    bench = make_window(engine=evaluated.Engine())
    root = evaluated.write_folder(tmp_path / "plates")
    shutil.rmtree(root / "masks")
    bench.open(root)
    bench.window.docks.open("Evaluation")
    bench.until(lambda: panel(bench) is not None)
    bench.settle()
    bench.qtbot.mouseClick(panel(bench).evaluate, LEFT)
    bench.until(lambda: bench.session.evaluation.done == {CAREFUL: 4})
    assert_pages_fit(bench)


def assert_pages_fit(compared) -> None:
    dock = compared.window.docks.by_name["Evaluation"]
    dock.setFloating(True)
    dock.resize(920, 300)
    frame = compared.window.docks.frame("Evaluation")
    for name in (MODELS, CLASSES, IMAGES, CONFUSION, CHARTS, QUEUE):
        shown = page(compared, name)
        if name == CHARTS:
            compared.until(lambda shown=shown: shown.board is not None and 0 in shown.board.views)
        compared.settle()
        assert frame.verticalScrollBar().maximum() == 0, name
        assert frame.horizontalScrollBar().maximum() == 0, name


def test_what_a_page_asks_for_is_shown_on_the_canvas(done):
    done.window.resize(1400, 1000)
    panel(done).pages.open_requested.emit(2, Rect(2, 3, 5, 7))
    done.until(lambda: done.session.index == 2)
    canvas = done.window.canvas
    # a small rectangle is shown enlarged
    done.until(lambda: canvas.viewport.zoom > 30)


def test_a_model_without_figures_says_why(done):
    notes, trap = page(done, MODELS).notes, page(done, MODELS).trap
    done.studio.class_mappings.set(BLIND, {0: 0})
    said = (
        "Not scored: “Careful U-Net, cells” and “Blind U-Net, cells”, since by the class mapping, "
        "no class of the model is one of the folder's."
    )
    done.until(lambda: html.unescape(notes.text()).startswith(said))
    assert "There is no ground truth" not in trap.text()


# -- what says little --------------------------------------------------------------------------


def test_a_score_on_a_models_own_pixels_is_marked_wherever_it_is_shown(done):
    results = page(done, MODELS)
    assert not results.own.isVisible()
    run = done.studio.evaluating.prediction_key(CAREFUL)
    done.studio.browsing.select(3)  # the only image on which it is not right already

    def is_there() -> bool:
        document = done.session.document
        return (
            document is not None
            and document.ref.name == "plate_3.png"
            and run in document.predictions
        )

    done.until(is_there)
    done.studio.segmenting.show(run)
    done.studio.editing.use_prediction(run)
    done.until(results.own.isVisible)
    title = done.studio.evaluating.table.title(CAREFUL)
    assert results.own.text() == (
        f"“{title}” is partly measured on its own pixels, on 1 of 4 images: its figures there say "
        "little."
    )
    row = done.window.images.view.model().index(3, 0)
    said = f"({title}), partly on its own pixels"
    done.until(lambda: said in row.data(Qt.ItemDataRole.AccessibleTextRole))
    table = page(done, IMAGES).table.model()
    tips = [table.index(r, 0).data(Qt.ItemDataRole.ToolTipRole) for r in range(table.rowCount())]
    assert sum(f"started from {title}" in tip for tip in tips) == 1
    done.studio.evaluating.set_options(originals=True)
    page(done, MODELS)
    done.until(lambda: not results.own.isVisible())
