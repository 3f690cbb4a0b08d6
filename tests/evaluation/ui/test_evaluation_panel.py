"""The evaluation panel as a whole: its dock, its controls, its files."""

from __future__ import annotations

import html
import time
from dataclasses import replace

import evaluated
import pytest
from evaluated import BLIND, CAREFUL
from evaluation_desk import (
    LEFT,
    cells,
    choose,
    evaluate,
    new_folder,
    open_desk,
    page,
    panel,
    wait_for_figures,
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


# -- the dock ----------------------------------------------------------------------------------


def test_nothing_is_built_before_the_panel_is_asked_for(kept):
    assert not kept.was_built


def test_m_opens_the_panel_below_list_and_canvas_and_m_closes_it(seen, qtbot):
    seen.window.docks.by_name["Evaluation"].close()
    qtbot.keyClick(seen.window, Qt.Key.Key_M)
    assert seen.window.docks.shown("Evaluation")
    docks = seen.window.docks.by_name
    mine = docks["Evaluation"].geometry()
    assert mine.top() > docks["Images"].geometry().bottom()
    assert mine.right() < docks["Classes"].geometry().left()
    qtbot.keyClick(seen.window, Qt.Key.Key_M)
    assert not seen.window.docks.shown("Evaluation")


def test_it_shares_its_place_with_the_network_panel(seen, qtbot):
    before = seen.window.docks.by_name["Evaluation"].geometry()
    qtbot.keyClick(seen.window, Qt.Key.Key_N)
    seen.settle()
    assert not panel(seen).isVisible()
    assert seen.window.docks.by_name["Network"].geometry() == before
    qtbot.keyClick(seen.window, Qt.Key.Key_M)
    seen.settle()
    assert panel(seen).isVisible()


def test_an_open_panel_comes_back_at_the_next_start(desk, make_window):
    desk.window.close()
    desk.studio.close()
    second = make_window(engine=evaluated.Engine(), opens=False)
    assert not second.window.docks.shown("Evaluation")  # there is nothing to evaluate yet
    second.open(desk.session.project.root)
    assert second.window.docks.shown("Evaluation")
    second.until(lambda: panel(second) is not None)


# -- controls ----------------------------------------------------------------------------------


def test_the_models_that_are_not_on_disk_cannot_be_chosen(seen):
    models = panel(seen).header.models
    away = models.list.item(2)
    assert "not on disk" in away.text()
    seen.qtbot.mouseClick(models.every, LEFT)
    assert models.runs == (CAREFUL, BLIND)
    assert models.text() == "2 models"
    seen.qtbot.mouseClick(models.none, LEFT)
    assert models.runs == ()
    assert not panel(seen).header.start.isEnabled()
    assert not panel(seen).evaluate.isEnabled()


def test_models_that_can_be_chosen_come_first_and_the_chosen_ones_are_seen(seen):
    models = panel(seen).header.models
    usual = seen.session.models, seen.session.model
    more = {f"model {n}": replace(seen.session.models[BLIND], id=f"model {n}") for n in range(30)}
    seen.session.models = {"away": seen.session.models["away"], **more, **seen.session.models}
    available = seen.session.model.available | more.keys()
    seen.session.model = replace(seen.session.model, available=available)
    seen.session.notify(What.MODELS)
    seen.until(lambda: models.list.count() == 33)
    assert models.list.item(32).data(Qt.ItemDataRole.UserRole) == "away"
    choose(seen, BLIND)
    models.menu().popup(seen.window.mapToGlobal(QPoint(10, 10)))
    blind = next(
        item
        for row in range(33)
        if (item := models.list.item(row)).data(Qt.ItemDataRole.UserRole) == BLIND
    )
    box = models.list.visualItemRect(blind)
    models.menu().close()
    assert models.list.viewport().rect().contains(box)
    seen.session.models, seen.session.model = usual
    seen.session.notify(What.MODELS)
    seen.until(lambda: models.list.count() == 3)


def test_a_panel_that_is_made_lower_shows_words_and_no_charts(seen):
    results = page(seen, MODELS)
    dock, frame = seen.window.docks.by_name["Evaluation"], seen.window.docks.frame("Evaluation")
    dock.setFloating(True)
    dock.resize(1000, 860)
    seen.until(results.overview.isVisible)
    dock.resize(920, 300)
    seen.until(lambda: not results.overview.isVisible())
    seen.settle()
    assert frame.verticalScrollBar().maximum() == 0


def ask_for(bench, measure):
    models = panel(bench).header.models
    models.menu().popup(bench.window.mapToGlobal(QPoint(10, 10)))
    bench.qtbot.mouseClick(models.measures[measure.key], LEFT, pos=QPoint(8, 8))
    models.menu().close()


def wait_for_route(bench, monkeypatch):
    """F9, while a test of faster ways that never answers is at work."""

    def test(_spec, _pixels, _options, check, _report, _halted):
        while True:
            check()
            time.sleep(0.005)

    monkeypatch.setattr("segstudio.runs.segmenting.WORTH_TESTING", 1)
    routes = bench.studio.segmenting.routes
    monkeypatch.setattr(routes, "_test", test)
    bench.qtbot.keyClick(bench.window, Qt.Key.Key_F9)
    bench.until(lambda: bench.session.evaluation.waiting and routes.testing)
    header = panel(bench).header
    bench.until(header.stop.isVisible)
    bench.until(bench.window.status.jobs.isVisible)
    return header


def test_what_waits_for_a_faster_way_says_so_and_can_start_at_once(desk, monkeypatch):
    header, strip = wait_for_route(desk, monkeypatch), desk.window.status.jobs
    assert header.progress.label.text() == "Looking for a faster way first…"
    assert header.progress.isVisible()
    assert panel(desk).empty_text.startswith("Looking for a faster way first")
    assert not panel(desk).evaluate.isVisible()
    assert not header.start.isVisible()
    assert strip.text.startswith("Looking for a faster way first: Careful")
    assert strip.now.isVisible()
    desk.qtbot.mouseClick(header.now, LEFT)
    desk.until(lambda: desk.session.evaluation.done == {CAREFUL: 4})
    desk.until(header.start.isVisible)
    assert not header.now.isVisible()
    desk.until(lambda: not strip.now.isVisible())
    assert desk.studio.evaluating.prediction_key(CAREFUL) == CAREFUL


def test_what_waits_for_a_faster_way_can_be_stopped_or_hurried_in_the_status_bar(desk, monkeypatch):
    header, strip = wait_for_route(desk, monkeypatch), desk.window.status.jobs
    desk.qtbot.mouseClick(header.stop, LEFT)
    desk.until(header.start.isVisible)
    desk.until(lambda: not strip.isVisible())
    assert header.progress.label.text() == ""
    assert not desk.session.evaluation.runs
    wait_for_route(desk, monkeypatch)
    desk.until(strip.now.isVisible)
    desk.qtbot.mouseClick(strip.now, LEFT)
    desk.until(lambda: desk.session.evaluation.done == {CAREFUL: 4})
    desk.until(header.start.isVisible)


def test_distances_of_outlines_are_measured_on_request(seen):
    model = page(seen, MODELS).model
    assert "HD95" not in cells(model, 0)
    ask_for(seen, HAUSDORFF)
    assert HAUSDORFF.key in seen.session.evaluation.asked
    seen.until(lambda: "HD95" in cells(model, 0))
    careful = next(row for row in range(2) if cells(model, row)["Model"].startswith("Careful"))
    # on image 3 the outlines of the cell lie a row apart: 0, 0, 0 and 1 pixel over the images,
    # and the same for the background; the column comes with the first image
    seen.until(lambda: cells(model, careful)["HD95"] == "0.2 px")
    ask_for(seen, HAUSDORFF)
    seen.until(lambda: "HD95" not in cells(model, 0))


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.choice], ids=lambda m: m.key)
def test_what_is_asked_for_comes_into_all_tables(seen, measure):
    def choices(tab):
        figure = page(seen, tab).figure
        return {figure.itemText(i) for i in range(figure.count())}

    names = {CLASSES: {f.name for f in measure.at(Where.CLASSES)}}
    names[IMAGES] = {f.title for f in measure.at(Where.IMAGES)}

    heads = {f.title for f in measure.at(Where.FOLDER)}
    assert not heads & cells(page(seen, MODELS).model, 0).keys()
    ask_for(seen, measure)
    seen.until(lambda: heads <= cells(page(seen, MODELS).model, 0).keys())
    for tab, wanted in names.items():
        seen.until(lambda tab=tab, wanted=wanted: wanted <= choices(tab))
    ask_for(seen, measure)
    seen.until(lambda: not heads & cells(page(seen, MODELS).model, 0).keys())


# -- the whole ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["report", "csv", "json"])
def test_figures_are_saved_from_the_menu(seen, monkeypatch, tmp_path, kind):
    asked = {}

    def ask(_parent, title, start, files):
        asked["start"] = start
        return str(tmp_path / "out"), files

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    menu = panel(seen).header.export.menu()
    next(a for a in menu.actions() if a.objectName() == f"evaluation.{kind}").trigger()
    extension = {"report": "html"}.get(kind, kind)
    assert asked["start"].endswith(f"plates-evaluation.{extension}")
    file = tmp_path / f"out.{extension}"
    seen.until(file.is_file)
    assert CAREFUL in file.read_text().lower()


def test_every_page_fits_where_the_panel_is_low(seen):
    assert_pages_fit(seen)


def test_the_models_page_never_scrolls_by_itself_and_says_the_rest_on_request(seen):
    shown, dock = page(seen, MODELS), seen.window.docks.by_name["Evaluation"]
    bar = shown._scroll.verticalScrollBar()
    frame = seen.window.docks.frame("Evaluation").verticalScrollBar()
    told = [w for w in (shown.verdict, shown.trap, shown.ranking, shown.notes) if w.text()]
    assert len(told) > 1
    dock.setFloating(True)
    dock.resize(700, 300)
    seen.until(lambda: not shown.rest.isHidden())
    assert shown.verdict.isVisible()
    assert not told[-1].isVisible()
    seen.until(lambda: bar.maximum() == 0)
    seen.qtbot.mouseClick(shown.rest, LEFT)
    seen.until(lambda: all(label.isVisible() for label in told) and bar.maximum() > 0)
    seen.qtbot.mouseClick(shown.rest, LEFT)
    seen.until(lambda: bar.maximum() == 0)
    for height in (420, 520, 560, 720):  # charts come only where all of them have room
        dock.resize(700, height)
        seen.until(lambda: bar.maximum() == frame.maximum() == 0)
    assert shown.overview.isVisible()
    assert all(label.isVisible() for label in told)
    assert shown.rest.isHidden()


def assert_pages_fit(bench) -> None:
    dock = bench.window.docks.by_name["Evaluation"]
    dock.setFloating(True)
    dock.resize(920, 300)
    frame = bench.window.docks.frame("Evaluation")
    for name in (MODELS, CLASSES, IMAGES, CONFUSION, CHARTS, QUEUE):
        shown = page(bench, name)
        if name == CHARTS:
            bench.until(lambda shown=shown: shown.board is not None and 0 in shown.board.views)
        bench.settle()
        assert frame.verticalScrollBar().maximum() == 0, name
        assert frame.horizontalScrollBar().maximum() == 0, name


def test_what_a_page_asks_for_is_shown_on_the_canvas(seen):
    seen.window.resize(1400, 1000)
    panel(seen).pages.open_requested.emit(2, Rect(2, 3, 5, 7))
    seen.until(lambda: seen.session.index == 2)
    canvas = seen.window.canvas
    # a small rectangle is shown enlarged
    seen.until(lambda: canvas.viewport.zoom > 30)


def test_a_model_without_figures_says_why(seen):
    notes, trap = page(seen, MODELS).notes, page(seen, MODELS).trap
    seen.studio.class_mappings.set(BLIND, {0: 0})
    said = (
        "Not scored: “Careful U-Net, cells” and “Blind U-Net, cells”, since by the class mapping, "
        "no class of the model is one of the folder's."
    )
    seen.until(lambda: html.unescape(notes.text()).startswith(said))
    assert "There is no ground truth" not in trap.text()
    seen.studio.class_mappings.reset(BLIND)
    wait_for_figures(seen)


# -- what says little --------------------------------------------------------------------------


def test_a_score_on_a_models_own_pixels_is_marked_wherever_it_is_shown(spoilt):
    results = page(spoilt, MODELS)
    assert not results.own.isVisible()
    run = spoilt.studio.evaluating.prediction_key(CAREFUL)
    spoilt.studio.browsing.select(3)  # the only image on which it is not right already

    def is_there() -> bool:
        document = spoilt.session.document
        return (
            document is not None
            and document.ref.name == "plate_3.png"
            and run in document.predictions
        )

    spoilt.until(is_there)
    spoilt.studio.segmenting.show(run)
    spoilt.studio.editing.use_prediction(run)
    spoilt.until(results.own.isVisible)
    title = spoilt.studio.evaluating.table.title(CAREFUL)
    assert results.own.text() == (
        f"“{title}” is partly measured on its own pixels, on 1 of 4 images: its figures there say "
        "little."
    )
    row = spoilt.window.images.view.model().index(3, 0)
    said = f"({title}), partly on its own pixels"
    spoilt.until(lambda: said in row.data(Qt.ItemDataRole.AccessibleTextRole))
    table = page(spoilt, IMAGES).table.model()
    tips = [table.index(r, 0).data(Qt.ItemDataRole.ToolTipRole) for r in range(table.rowCount())]
    assert sum(f"started from {title}" in tip for tip in tips) == 1

    def marked() -> list[tuple[str, str]]:
        """The image and the tip of each score that has a sign."""
        cells = [table.index(r, c) for r in range(table.rowCount()) for c in (1, 2)]
        return [
            (
                cell.siblingAtColumn(0).data(),
                " ".join(cell.data(Qt.ItemDataRole.ToolTipRole).split()),
            )
            for cell in cells
            if cell.data(Qt.ItemDataRole.DecorationRole) is not None
        ]

    tip = "1.000. Partly this model's own pixels: the score says little."
    spoilt.until(lambda: marked() == [("plate_3.png", tip)])
    spoilt.studio.evaluating.set_options(originals=True)
    spoilt.until(lambda: marked() == [])
    page(spoilt, MODELS)
    spoilt.until(lambda: not results.own.isVisible())


def test_another_folder_empties_the_panel(seen, folder):
    assert panel(seen).empty_text == ""
    seen.studio.browsing.open_path(folder)
    seen.until(lambda: panel(seen).empty_text != "")
    seen.until(lambda: "Which model is right" in panel(seen).empty_text)


# -- before anything is evaluated ----------------------------------------------------------------


def test_ground_truth_is_not_missed_while_the_images_are_looked_through(fresh):
    """Which images have a mask is found out after the folder was opened."""
    fresh.session.states.clear()
    fresh.session.notify(What.STATES)
    assert "Which model is right" in panel(fresh).empty_text
    assert not panel(fresh).truth.isVisibleTo(panel(fresh))


def test_the_chosen_model_is_evaluated_at_first(first):
    assert panel(first).header.models.runs == (CAREFUL,)
    assert panel(first).evaluate.text() == "Evaluate 1 model"
    first.qtbot.mouseClick(panel(first).evaluate, LEFT)
    first.until(lambda: first.session.evaluation.done == {CAREFUL: 4})
    first.until(lambda: panel(first).empty_text == "")


def test_one_model_is_not_compared_with_itself(fresh):
    choose(fresh, CAREFUL)
    fresh.window.docks.by_name["Evaluation"].setFloating(True)
    fresh.window.docks.by_name["Evaluation"].resize(1000, 800)
    fresh.qtbot.mouseClick(panel(fresh).evaluate, LEFT)
    fresh.until(lambda: fresh.session.evaluation.done == {CAREFUL: 4})
    shown = page(fresh, MODELS)
    fresh.until(shown.distribution.isVisible)
    assert not shown.differences.isVisible()
    evaluate(fresh)
    fresh.until(shown.differences.isVisible)


def test_models_that_were_run_in_the_folder_are_chosen_at_first(first):
    first.studio.segmenting.choose(BLIND)
    first.studio.segmenting.run_current()
    first.until(lambda: bool(first.session.state(0).runs))
    first.studio.segmenting.choose(CAREFUL)
    first.until(lambda: panel(first).header.models.runs == (CAREFUL, BLIND))
    first.until(lambda: panel(first).evaluate.text() == "Evaluate 2 models")


def test_stopping_keeps_what_came_and_goes_on_from_there(fresh):
    fresh.engine.gate.clear()
    choose(fresh, CAREFUL, BLIND)
    header = panel(fresh).header
    fresh.qtbot.mouseClick(header.start, LEFT)
    fresh.until(lambda: header.stop.isVisible())
    assert not header.start.isVisible()
    assert header.progress.bar.isVisible()
    fresh.engine.gate.set()
    fresh.until(lambda: sum(fresh.session.evaluation.done.values()) > 0)
    fresh.qtbot.mouseClick(header.stop, LEFT)
    fresh.until(lambda: not fresh.session.evaluation.running)
    fresh.until(lambda: header.start.isVisible())
    fresh.settle()  # the button is where it stays
    fresh.qtbot.mouseClick(header.start, LEFT)
    fresh.until(lambda: fresh.session.evaluation.done == {CAREFUL: 4, BLIND: 4})
    fresh.until(lambda: header.progress.label.text() == "4 images evaluated")


def test_f9_evaluates_from_anywhere(fresh, qtbot):
    qtbot.keyClick(fresh.window, Qt.Key.Key_M)
    choose(fresh, BLIND)
    qtbot.keyClick(fresh.window, Qt.Key.Key_F9)
    assert fresh.window.docks.shown("Evaluation")
    fresh.until(lambda: fresh.session.evaluation.done == {BLIND: 4})


def test_pages_without_figures_fit_too(fresh):
    new_folder(fresh, masks=False)
    choose(fresh, CAREFUL)
    fresh.qtbot.mouseClick(panel(fresh).evaluate, LEFT)
    fresh.until(lambda: fresh.session.evaluation.done == {CAREFUL: 4})
    assert_pages_fit(fresh)
