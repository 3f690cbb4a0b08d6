"""The work queue's page and keys in the real window."""

from __future__ import annotations

import pytest
from evaluated import BLIND, CAREFUL, Engine, write_folder
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.evaluation.ui.panel_pages import QUEUE
from segstudio.evaluation.ui.queue_tiles import VALUE_ROLE
from segstudio.session.queue_state import QueueKind

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def desk(make_window, tmp_path):
    """Two models evaluated on four images, the queue in front."""
    engine = Engine()
    bench = make_window(engine=engine)
    bench.window.resize(1280, 900)
    bench.open(write_folder(tmp_path / "plates"))
    bench.studio.evaluating.start([CAREFUL, BLIND])
    bench.until(lambda: not bench.session.evaluation.running and bench.session.queue.total == 4)
    bench.window.commands.run("panel.evaluation")
    bench.until(lambda: bench.window.evaluation.panel is not None)
    pages = bench.window.evaluation.panel.pages
    pages.bring(QUEUE)
    bench.page = pages.page(QUEUE)
    bench.until(lambda: bench.page.model.rowCount() == 4)
    return bench


def listed(desk) -> list[tuple[str, str]]:
    model = desk.page.model
    rows = [model.index(row) for row in range(model.rowCount())]
    return [(index.data(), index.data(VALUE_ROLE)) for index in rows]


def click(desk, row: int) -> None:
    view = desk.page.view
    QTest.mouseClick(
        view.viewport(), LEFT, pos=view.visualRect(desk.page.model.index(row)).center()
    )


def take(combo, data) -> None:
    combo.setCurrentIndex(combo.findData(data))
    combo.activated.emit(combo.currentIndex())


def test_it_lists_the_worst_first_and_a_click_opens(desk):
    # Mean of both models, of the foreground: careful 1 (0.5 on image 3), blind 0.
    assert listed(desk) == [
        ("plate_3.png", "0.250"),
        ("plate_0.png", "0.500"),
        ("plate_1.png", "0.500"),
        ("plate_2.png", "0.500"),
    ]
    assert desk.page.count.whole == "4 of 4 wait"
    click(desk, 0)
    desk.until(lambda: desk.session.index == 3)
    click(desk, 2)
    desk.until(lambda: desk.session.index == 1)


def test_the_order_can_be_chosen(desk):
    take(desk.page.run, BLIND)
    desk.until(lambda: listed(desk)[0] == ("plate_0.png", "0.000"))
    take(desk.page.run, CAREFUL)
    desk.until(lambda: listed(desk)[0] == ("plate_3.png", "0.500"))
    click(desk, 0)
    desk.until(lambda: desk.session.view.run == CAREFUL)
    take(desk.page.kind, QueueKind.DISAGREEMENT.value)
    # They differ on 20 pixels of 100, on image 3 on 10.
    desk.until(lambda: listed(desk)[-1] == ("plate_3.png", "10.0 %"))
    assert listed(desk)[0] == ("plate_0.png", "20.0 %")
    assert not desk.page.run.isEnabled()


def test_keys_go_along_it_and_done_takes_away(desk):
    desk.window.canvas.setFocus()
    QTest.keyClick(desk.window, Qt.Key.Key_A, SHIFT)
    desk.until(lambda: desk.session.index == 3)
    QTest.keyClick(desk.window, Qt.Key.Key_K, SHIFT)
    desk.until(lambda: desk.session.index == 0)
    desk.until(lambda: [name for name, _ in listed(desk)] == [f"plate_{i}.png" for i in range(3)])
    QTest.keyClick(desk.window, Qt.Key.Key_D, SHIFT)
    desk.until(lambda: desk.session.index == 1)
    assert desk.page.count.whole == "3 of 4 wait"


def test_a_corrected_image_leaves_and_can_be_put_back(desk):
    click(desk, 0)
    desk.until(lambda: desk.session.index == 3)
    assert not desk.page.back.isVisible()
    desk.until(lambda: CAREFUL in desk.session.document.predictions)
    desk.studio.editing.use_prediction(CAREFUL)
    desk.until(lambda: len(listed(desk)) == 3)
    table = desk.studio.evaluating.table
    desk.until(lambda: table.value(3, CAREFUL, "mean_iou") == 1.0)
    assert len(listed(desk)) == 3
    QTest.mouseClick(desk.page.next, LEFT)
    desk.until(lambda: desk.session.index == 0)
    QTest.mouseClick(desk.page.back, LEFT)
    desk.until(lambda: len(listed(desk)) == 4)
    # The annotation is what careful says: 1; blind has 90 / 100 of class 0 and nothing of 1.
    assert listed(desk)[-1] == ("plate_3.png", "0.500")


def test_when_all_are_done_it_says_so(desk):
    for expected in (0, 1, 2, 2):
        if desk.session.index != 3 and expected == 0:
            click(desk, 0)
            desk.until(lambda: desk.session.index == 3)
        QTest.mouseClick(desk.page.done, LEFT)
        desk.until(lambda index=expected: desk.session.index == index)
    desk.until(lambda: desk.page.empty_text.startswith("Nothing waits: all 4 images"))
    assert not desk.page.next.isEnabled()


def test_kinds_without_figures_say_what_they_need(make_window, tmp_path):
    bench = make_window(engine=Engine())
    root = write_folder(tmp_path / "plates")
    for mask in (root / "masks").iterdir():
        mask.unlink()
    bench.open(root)
    bench.studio.evaluating.start([CAREFUL])
    bench.until(lambda: not bench.session.evaluation.running and bench.session.queue.total == 4)
    bench.window.commands.run("panel.evaluation")
    bench.until(lambda: bench.window.evaluation.panel is not None)
    page = bench.window.evaluation.panel.pages.page(QUEUE)
    bench.until(lambda: page.kind.currentData() == QueueKind.UNCERTAINTY.value)
    bench.settle()
    items = page.kind.model()
    assert [items.item(row).isEnabled() for row in range(4)] == [False, False, True, False]
    needs = page.kind.itemData(0, Qt.ItemDataRole.ToolTipRole)
    assert needs == "Needs ground truth or annotations"
