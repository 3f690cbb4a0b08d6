"""A window with the folder worked out by hand and the evaluation panel open."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import evaluated
from evaluated import BLIND, CAREFUL
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtWidgets import QApplication, QComboBox
from shiboken6 import isValid

from segstudio.evaluation.ui import chart_view, confusion_page
from segstudio.evaluation.ui.panel_pages import MODELS

LEFT = Qt.MouseButton.LeftButton


def open_desk(make_window, tmp_path):
    """A window with the folder worked out by hand, the panel open, nothing evaluated yet."""
    bench = make_window(engine=evaluated.Engine())
    bench.window.resize(1280, 800)
    bench.open(evaluated.write_folder(tmp_path / "plates"))
    docks = bench.window.docks
    bench.was_built = bench.window.evaluation.panel is not None or docks.shown("Evaluation")
    bench.qtbot.keyClick(bench.window, Qt.Key.Key_M)
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.settle()
    yield bench
    bench.engine.gate.set()


def open_kept(keep_window, tmp_path):
    """The same with the two models compared, for tests that share it."""
    for bench in open_desk(keep_window, tmp_path):
        evaluate(bench)
        compare(bench)
        bench.found, bench.figures = bench.session.view, figures(bench)
        bench.copies = ((tmp_path / str(number), number) for number in itertools.count(1))
        bench.plates = bench.session.project.root
        yield bench


def as_found(bench):
    """The window that tests share as the first of them found it.

    It is before all others and as large as they, the panel is below the views, its pages show what
    they show at first, the first image is open, both models are evaluated. Where a test opened or
    corrected another folder (`new_folder`) or it said that its own is not what it was (`plates` is
    None), another one is opened and evaluated.
    """
    bring(bench)
    if bench.session.project.root != bench.plates:
        bench.plates = new_folder(bench)
        bench.studio.evaluating.start([CAREFUL, BLIND])
        wait_for_figures(bench)
    bench.studio.browsing.select(0)
    bench.until(lambda: bench.session.document is not None and bench.session.index == 0)
    if bench.session.state(0).reviewed:
        bench.studio.browsing.toggle_reviewed()
    bench.session.set_view(run=bench.found.run, layer=bench.found.layer)
    panel(bench).header.models.choose((CAREFUL, BLIND))
    put_back(bench)
    return bench


def bring(bench) -> None:
    """Before all other windows, of the usual size, with the panel below the views."""
    bench.window.raise_()
    bench.window.activateWindow()
    bench.window.resize(1280, 800)
    docks = bench.window.docks
    if docks.in_use("Network"):
        docks.by_name["Network"].close()
        bench.settle(1000)  # it goes a moment later
    docks.open("Evaluation")


def undo_all(bench) -> None:
    """Take back what was changed in the open image, and wait for its figures of before."""
    while bench.session.document.history.can_undo:
        bench.studio.editing.undo()
    bench.until(lambda: figures(bench) == bench.figures)
    bench.settle()


def figures(bench) -> list[float]:
    """The figure that each model is judged by."""
    table = bench.studio.evaluating.table
    return [table.figure(run, table.lead) for run in (CAREFUL, BLIND)]


def dock(bench) -> None:
    """Put the panel back into the window if it floats: a test leaves no window behind."""
    bench.window.docks.by_name["Evaluation"].setFloating(False)


def new_folder(bench, *, masks: bool = True) -> Path:
    """Open another folder with the same figures, in which nothing was evaluated yet."""
    place, number = next(bench.copies)
    root = evaluated.write_folder(place / "plates", number)
    if not masks:
        shutil.rmtree(root / "masks")
    bench.studio.evaluating.set_options(originals=False)
    bench.open(root)
    bench.settle()
    return root


def new_panel(bench) -> None:
    """Put a new panel into the window, as if it had just been asked for; the old one is gone."""
    link, header = bench.window.evaluation, panel(bench).header
    link.panel = None
    link.build()
    bench.until(lambda: link.panel is not None)
    # not before: the old panel, which speaks to it, stays while the new one is built
    header.setParent(None)
    header.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    changed = bench.session.changed
    for slot in list(changed._slots):
        owner = getattr(slot.dereference(), "__self__", None)
        if isinstance(owner, QObject) and not isValid(owner):
            changed.disconnect(slot.dereference())


def put_back(bench) -> None:
    """What tests chose on the pages is chosen no longer; what is as at first is left alone."""
    pages = panel(bench).pages
    if pages.pair._chosen is not None:
        pages.pair._chosen = None
        pages.pair._look()
    for shown in pages.built:
        back = _BACK.get(type(shown).__name__)
        if back is not None:
            back(shown)


def _models_back(results) -> None:
    results.table.clearSelection()
    results.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)


def _classes_back(classes) -> None:
    _take_first(classes.figure)


def _images_back(images) -> None:
    images.name.clear()
    _take_first(images.marks)
    _take_first(images.figure)
    if images._range is not None:
        images.chip.click()
    images.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)


def _confusion_back(confusion) -> None:
    confusion.errors.setChecked(False)
    _take_first(confusion.unit)
    _take_first(confusion.model)
    worst = confusion_page._worst(confusion.map.values)
    if confusion._classes != worst:
        confusion._classes = worst
        confusion._show()


def _charts_back(charts) -> None:
    if charts.board is None:
        return
    charts.board.names.setCurrentRow(0)
    for row in range(charts.board.models.count()):
        charts.board.models.item(row).setCheckState(Qt.CheckState.Checked)
    for view in charts.board.views.values():
        for combo in view.findChildren(QComboBox):
            if combo.property(chart_view._CHOSEN):
                combo.setProperty(chart_view._CHOSEN, None)
                view.refresh()


_BACK = {
    "ResultsPage": _models_back,
    "ClassesPage": _classes_back,
    "ImagesPage": _images_back,
    "ConfusionPage": _confusion_back,
    "ChartsPage": _charts_back,
}


def _take_first(combo) -> None:
    if combo.currentIndex():
        combo.setCurrentIndex(0)
        combo.activated.emit(0)


def panel(bench):
    return bench.window.evaluation.panel


def evaluate(bench) -> None:
    choose(bench, CAREFUL, BLIND)
    bench.qtbot.mouseClick(panel(bench).header.start, LEFT)
    wait_for_figures(bench)


def wait_for_figures(bench) -> None:
    """Wait until both models were run on all images, and their figures are shown."""
    bench.until(lambda: bench.session.evaluation.done == {CAREFUL: 4, BLIND: 4})
    bench.until(lambda: not bench.session.evaluation.running)
    table = bench.studio.evaluating.table
    bench.until(lambda: [f and f.images for f in map(table.folder, (CAREFUL, BLIND))] == [4, 4])
    bench.settle()


def compare(bench) -> None:
    """Wait until the two models are compared, which begins after a pause."""
    results = panel(bench).pages.page(MODELS)
    bench.until(lambda: " by 0." in results.verdict.text())


def choose(bench, *runs: str) -> None:
    """Check models in the list by clicks on their names."""
    models = panel(bench).header.models
    models.menu().popup(bench.window.mapToGlobal(QPoint(10, 10)))

    def chosen() -> bool:
        """The list may be filled anew when a model has run."""
        for row in range(models.list.count()):
            item = models.list.item(row)
            is_checked = item.checkState() == Qt.CheckState.Checked
            if (item.data(Qt.ItemDataRole.UserRole) in runs) != is_checked:
                box = models.list.visualItemRect(item)
                place = QPoint(box.left() + 60, box.center().y())
                bench.qtbot.mouseClick(models.list.viewport(), LEFT, pos=place)
        return set(models.runs) == set(runs)

    bench.until(chosen)
    models.menu().close()


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
