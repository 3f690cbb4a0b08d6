"""A window with the folder worked out by hand and the evaluation panel open."""

from __future__ import annotations

import evaluated
from evaluated import BLIND, CAREFUL
from PySide6.QtCore import QPoint, Qt

from segstudio.evaluation.ui.panel_pages import MODELS

LEFT = Qt.MouseButton.LeftButton


def open_desk(make_window, tmp_path):
    """A window with the folder worked out by hand, the panel open, nothing evaluated yet."""
    bench = make_window(engine=evaluated.Engine())
    bench.window.resize(1280, 800)
    bench.open(evaluated.write_folder(tmp_path / "plates"))
    bench.qtbot.keyClick(bench.window, Qt.Key.Key_M)
    bench.until(lambda: bench.window.evaluation.panel is not None)
    bench.settle()
    yield bench
    bench.engine.gate.set()


def open_kept(keep_window, tmp_path):
    """The same with the two models compared, for tests that leave it as they find it."""
    for bench in open_desk(keep_window, tmp_path):
        evaluate(bench)
        compare(bench)
        bench.found = bench.session.view
        yield bench


def as_found(bench):
    """A window that tests share, before all others, as large as they, the first image open."""
    bench.window.raise_()
    bench.window.activateWindow()
    bench.window.resize(1280, 800)
    bench.studio.browsing.select(0)
    bench.until(lambda: bench.session.document is not None and bench.session.index == 0)
    bench.session.set_view(run=bench.found.run, layer=bench.found.layer)
    return bench


def panel(bench):
    return bench.window.evaluation.panel


def evaluate(bench) -> None:
    choose(bench, CAREFUL, BLIND)
    bench.qtbot.mouseClick(panel(bench).header.start, LEFT)
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
