"""The work queue's page and keys in the real window."""

from __future__ import annotations

import pytest
from evaluated import BLIND, CAREFUL
from evaluation_desk import bring, new_folder, page
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.evaluation.ui.panel_pages import QUEUE
from segstudio.evaluation.ui.queue_tiles import VALUE_ROLE
from segstudio.session.queue_state import QueueKind

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def desk(seen):
    """Two models evaluated on four images, the queue in front and nothing of it done."""
    seen.window.resize(1280, 900)
    seen.studio.work_queue.choose(QueueKind.LOWEST_IOU)
    seen.studio.work_queue.choose_run("")
    seen.page = page(seen, QUEUE)
    seen.until(lambda: seen.page.model.rowCount() == 4)
    seen.settle()
    return seen


@pytest.fixture
def worked(spoilt, desk):
    """The same for tests that work through the queue."""
    return desk


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


def test_keys_go_along_it_and_done_takes_away(worked):
    worked.window.canvas.setFocus()
    QTest.keyClick(worked.window, Qt.Key.Key_A, SHIFT)
    worked.until(lambda: worked.session.index == 3)
    QTest.keyClick(worked.window, Qt.Key.Key_K, SHIFT)
    worked.until(lambda: worked.session.index == 0)
    worked.until(
        lambda: [name for name, _ in listed(worked)] == [f"plate_{i}.png" for i in range(3)]
    )
    QTest.keyClick(worked.window, Qt.Key.Key_D, SHIFT)
    worked.until(lambda: worked.session.index == 1)
    assert worked.page.count.whole == "3 of 4 wait"


def test_a_corrected_image_leaves_and_can_be_put_back(worked):
    click(worked, 0)
    worked.until(lambda: worked.session.index == 3)
    assert not worked.page.back.isVisible()
    worked.until(lambda: CAREFUL in worked.session.document.predictions)
    worked.studio.editing.use_prediction(CAREFUL)
    worked.until(lambda: len(listed(worked)) == 3)
    table = worked.studio.evaluating.table
    worked.until(lambda: table.value(3, CAREFUL, "mean_iou") == 1.0)
    assert len(listed(worked)) == 3
    QTest.mouseClick(worked.page.next, LEFT)
    worked.until(lambda: worked.session.index == 0)
    QTest.mouseClick(worked.page.back, LEFT)
    worked.until(lambda: len(listed(worked)) == 4)
    # The annotation is what careful says: 1; blind has 90 / 100 of class 0 and nothing of 1.
    assert listed(worked)[-1] == ("plate_3.png", "0.500")


def test_when_all_are_done_it_says_so(worked):
    for expected in (0, 1, 2, 2):
        if worked.session.index != 3 and expected == 0:
            click(worked, 0)
            worked.until(lambda: worked.session.index == 3)
        QTest.mouseClick(worked.page.done, LEFT)
        worked.until(lambda index=expected: worked.session.index == index)
    worked.until(lambda: worked.page.empty_text.startswith("Nothing waits: all 4 images"))
    assert not worked.page.next.isEnabled()


def test_kinds_without_figures_say_what_they_need(kept):
    bring(kept)
    new_folder(kept, masks=False)
    kept.studio.evaluating.start([CAREFUL])
    kept.until(lambda: not kept.session.evaluation.running and kept.session.queue.total == 4)
    shown = page(kept, QUEUE)
    kept.until(lambda: shown.kind.currentData() == QueueKind.UNCERTAINTY.value)
    kept.settle()
    items = shown.kind.model()
    assert [items.item(row).isEnabled() for row in range(4)] == [False, False, True, False]
    needs = shown.kind.itemData(0, Qt.ItemDataRole.ToolTipRole)
    assert needs == "Needs ground truth or annotations"
