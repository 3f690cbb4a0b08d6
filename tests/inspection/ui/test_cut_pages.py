"""The pages of skips and cuts, with real networks and real clicks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pauses import let_pass
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from traced_desk import for_a_test, kept_desk
from windows import write_pictures

from segstudio.core.features import CutHow
from segstudio.inspection.ui.cuts_page import CutsPage
from segstudio.inspection.ui.skip_page import SkipPage
from segstudio.kit.turns import at_once


class Desk:
    """A studio with a traced tiny U-Net and the two pages."""

    def __init__(self, qtbot, traced) -> None:
        self.qtbot, self.studio, self.until = qtbot, traced.studio, traced.until
        self.session = self.studio.session
        self.cutting = self.studio.cutting
        self.skip = SkipPage(self.session, self.studio.inspecting, self.cutting)
        self.cuts = CutsPage(self.session, self.cutting, self.studio.photo_overlay)
        at_once(self.cuts.build())
        for page in (self.skip, self.cuts):
            page.resize(640, 320)
            traced.put(page)

    def computed(self) -> None:
        """Wait for the result of the cuts, and for the pages to show it."""
        self.until(lambda: not self.cutting.waiting)
        self.settle()

    def settle(self) -> None:
        let_pass(self.qtbot, self.skip, self.cuts)

    def click(self, widget, pos=None) -> None:
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=pos or widget.rect().center())


@pytest.fixture(scope="module")
def traced_studio(qapp, tiny_specs, tmp_path_factory):
    home = tmp_path_factory.mktemp("kept")
    folder = write_pictures(home / "pictures")
    noise = np.random.default_rng(1).integers(0, 256, (32, 48, 3), np.uint8)
    cv2.imwrite(str(folder / "field_0.png"), noise)
    with kept_desk(home, tiny_specs, folder) as desk:
        yield desk


@pytest.fixture
def desk(qtbot, traced_studio):
    with for_a_test(traced_studio) as traced:
        yield Desk(qtbot, traced)


def test_a_skip_is_looked_at_and_cut_by_a_click(desk):
    desk.skip.show()
    desk.until(lambda: desk.skip.view is not None)
    assert desk.session.inspection.skip == "inc -> up2"  # the finest, unless one is chosen
    assert [cell.title.whole for cell in desk.skip.pictures.cells] == [
        "From inc", "From below: up1", "Joined", "After up2",
    ]  # fmt: skip
    assert [share.name for share in desk.skip.bar.shares] == ["inc", "from below"]
    assert sum(share.share for share in desk.skip.bar.shares) == pytest.approx(1)
    assert "up2.conv.double_conv.0's response" in desk.skip.line.text()
    desk.click(desk.skip.cut)
    desk.computed()
    assert [c.cut.edge.id for c in desk.cutting.cuts] == ["inc -> up2"]
    assert desk.session.inspection.cut_result.changed_share > 0
    assert desk.skip.cut.text() == "Undo the cut"
    desk.skip.how.setCurrentIndex(desk.skip.how.findData(CutHow.MEAN))
    desk.skip.how.activated.emit(desk.skip.how.currentIndex())
    assert desk.cutting.cuts[0].cut.how is CutHow.MEAN
    desk.click(desk.skip.cut)
    assert desk.cutting.cuts == ()


def test_another_skip_is_chosen_from_the_list(desk):
    desk.skip.show()
    desk.until(lambda: desk.skip.view is not None)
    desk.skip.chooser.setFocus()
    desk.qtbot.keyClick(desk.skip.chooser, Qt.Key.Key_Up)
    desk.until(lambda: desk.skip.view.edge.id == "down1 -> up1")
    assert desk.skip.pictures.cells[0].title.whole == "From down1"


def test_the_pointer_in_a_picture_tells_the_photos_pixel(desk):
    desk.skip.show()
    desk.until(lambda: desk.skip.view is not None)
    desk.settle()
    told = []
    desk.skip.pointed.connect(told.append)
    view = desk.skip.pictures.cells[0].view
    middle = QPoint(view.width() // 2, view.height() // 2)
    desk.qtbot.mouseMove(view, middle)
    x, y = told[-1]
    assert abs(x - 24) <= 1
    assert abs(y - 16) <= 1
    desk.click(view, middle)
    assert desk.session.inspection.point == (x, y)


def test_the_masks_and_scores_stand_beside_each_other(desk):
    desk.cuts.show()
    desk.settle()
    assert desk.cuts.masks.cut.view.text == "Nothing is cut"
    desk.cutting.cut_skip("inc")
    desk.computed()
    result = desk.session.inspection.cut_result
    masks = desk.cuts.masks
    desk.until(lambda: masks.cut.view.labels is not None)
    np.testing.assert_array_equal(masks.whole.view.labels, result.whole.labels)
    np.testing.assert_array_equal(masks.cut.view.labels, result.cut.labels)
    differs = result.whole.labels != result.cut.labels
    np.testing.assert_array_equal(masks.difference.view.labels >= 2, differs)
    assert f"{100 * differs.mean():.1f} % of the pixels changed" in masks.line.text()
    scores = masks.scores.model()
    assert [scores.index(i, 0).data() for i in range(scores.rowCount())] == [
        "Foreground",
        "background",
        "class 1",
        "class 2",
        "Mean",
    ]
    change = np.mean(result.after.metrics.iou[1:]) - np.mean(result.before.metrics.iou[1:])
    assert float(scores.index(0, 2).data().replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        change, abs=5e-4
    )
    change = result.after.metrics.iou[1] - result.before.metrics.iou[1]
    assert float(scores.index(2, 2).data().replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        change, abs=5e-4
    )


def test_cuts_are_toggled_changed_and_removed_in_the_list(desk):
    desk.cuts.show()
    desk.cutting.cut_skip("inc")
    desk.cutting.cut_channel("down1", (2,))
    desk.computed()
    cut_list = desk.cuts.masks.list
    assert [cut_list.topLevelItem(i).text(0) for i in range(2)] == [
        "inc → up2", "channel 2 of down1",
    ]  # fmt: skip
    box = cut_list.visualItemRect(cut_list.topLevelItem(1))
    desk.click(cut_list.viewport(), QPoint(box.left() + 10, box.center().y()))
    assert [c.enabled for c in desk.cutting.cuts] == [True, False]
    combo = cut_list.how_of(0)
    combo.setFocus()
    desk.qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert desk.cutting.cuts[0].cut.how is CutHow.MEAN
    desk.qtbot.mouseDClick(
        cut_list.viewport(),
        Qt.MouseButton.LeftButton,
        pos=QPoint(box.left() + 60, box.center().y()),
    )
    assert [c.enabled for c in desk.cutting.cuts] == [False, True]
    desk.click(cut_list.itemWidget(cut_list.topLevelItem(0), 3))
    desk.until(lambda: len(desk.cutting.cuts) == 1)
    desk.computed()
    cut_list.setCurrentItem(cut_list.topLevelItem(0))
    desk.qtbot.keyClick(cut_list, Qt.Key.Key_Delete)
    assert desk.cutting.cuts == ()


def test_a_shuffled_cut_has_a_button_that_draws_again(desk):
    desk.cuts.show()
    desk.cutting.cut_skip("inc")
    desk.cutting.cut_skip("down1", CutHow.SHUFFLE)
    desk.computed()
    cut_list = desk.cuts.masks.list
    again_column = 2
    assert cut_list.itemWidget(cut_list.topLevelItem(0), again_column) is None
    button = cut_list.again_button(1)
    assert "draw 1" in button.toolTip()

    desk.click(button)

    assert [listed.cut.seed for listed in desk.cutting.cuts] == [0, 1]
    desk.computed()
    assert desk.session.inspection.cut_result.cuts[1].seed == 1
    assert "draw 2" in cut_list.again_button(1).toolTip()
    desk.cutting.choose_how(1, CutHow.ZERO)
    desk.cutting.choose_how(0, CutHow.SHUFFLE)
    desk.computed()
    assert cut_list.itemWidget(cut_list.topLevelItem(1), again_column) is None
    assert cut_list.again_button(0).isVisible()


def test_a_cut_is_chosen_from_the_menu_and_laid_over_the_photo(desk):
    desk.cuts.show()
    menu = desk.cuts.add.menu()
    menu.aboutToShow.emit()
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts[:3] == ["down1 → up1", "inc → up2", "All skips"]
    menu.actions()[1].trigger()
    desk.computed()
    desk.click(desk.cuts.on_photo)
    desk.until(lambda: desk.session.inspection.over_photo is not None)
    over = desk.session.inspection.over_photo
    np.testing.assert_array_equal(over.labels, desk.session.inspection.cut_result.cut.labels)
    desk.click(desk.cuts.on_photo)
    assert desk.session.inspection.over_photo is None
    desk.click(desk.cuts.reset)
    assert desk.cutting.cuts == ()


def test_the_table_of_each_skip_is_filled_copied_and_opened(desk):
    desk.cuts.show()
    desk.click(desk.cuts.each_skip)
    table = desk.cuts.ablation
    table.scope.setCurrentIndex(1)
    assert table.scope.currentText() == "All 3 images"
    desk.click(table.start)
    desk.until(lambda: not desk.cutting.ablating.running)
    desk.settle()
    ablation = desk.session.inspection.ablation
    assert ablation.images == 3
    model = table.table.model()
    assert [model.index(i, 0).data() for i in range(3)] == [
        "down1 → up1", "inc → up2", "all skips",
    ]  # fmt: skip
    drop = float(model.index(1, 2).data().replace("\N{MINUS SIGN}", "-"))
    row = ablation.rows[1]
    without, whole = (np.nanmean(s.metrics.iou[1:]) for s in (row.after, row.before))
    assert drop == pytest.approx(without - whole, abs=6e-4)
    header = model.headerData(2, Qt.Orientation.Horizontal)
    assert header == "Δ foreground IoU"
    assert f"foreground IoU {whole:.3f}" in table.line.text()
    lines = [line.split(",") for line in ablation.csv().splitlines()]
    (lead,) = [line for line in lines if line[1] == row.name and line[6] == "(foreground mean)"]
    assert float(lead[9]) == pytest.approx(whole - without, abs=1e-5)
    desk.click(table.copy)
    assert QApplication.clipboard().text() == ablation.csv()
    at = table.table.visualRect(model.index(0, 0)).center()
    desk.click(table.table.viewport(), at)
    desk.qtbot.mouseDClick(table.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    desk.computed()
    assert [c.cut.edge.id for c in desk.cutting.cuts] == ["down1 -> up1"]
    assert desk.cuts.by_hand.isChecked()
