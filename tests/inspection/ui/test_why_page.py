"""The page that explains a pixel's class, with a real tiny network behind it."""

from __future__ import annotations

import numpy as np
import pytest
from pauses import let_pass
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from traced_desk import for_a_test

from segstudio.core.features import LayerInfo
from segstudio.inspection.ui.why_page import WhyPage
from segstudio.kit.theme import Theme
from segstudio.kit.turns import at_once
from segstudio.session.inspection import Over, Overlay, OverPhotoHeat

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def desk(traced_studio):
    """A studio with a traced tiny network, and the page in view."""
    with for_a_test(traced_studio) as traced:
        studio = traced.studio
        page = WhyPage(studio.session, studio.inspecting, studio.explaining, studio.photo_overlay)
        at_once(page.build())
        traced.put(page)
        page.resize(700, 320)
        page.show()
        yield studio, page, traced.until


def test_without_a_pin_the_page_says_what_to_do(desk):
    _, page, until = desk
    until(lambda: page.strip_title.text().endswith("when a pixel is pinned."))
    assert page.pixel.text().startswith("Click a pixel of the photo")
    assert not page.classes.isVisible()


def test_the_receptive_field_is_said_as_height_and_width(desk, monkeypatch):
    monkeypatch.setattr(LayerInfo, "photo_field", property(lambda _: (14, 18)))
    studio, page, until = desk
    studio.inspecting.open_stage("down2")
    studio.inspecting.pin((20, 10))
    until(lambda: "down2" in page.field.text())
    assert page.field.text() == (
        "Theoretical receptive field of down2: 14 \u00d7 18 px of the photo (height \u00d7 width), "
        "one position every 4 px."
    )


def test_a_pinned_pixel_shows_its_classes_and_every_stage(desk):
    studio, page, until = desk
    studio.inspecting.pin((20, 10))
    until(lambda: len(page.classes.rows) == 2)
    assert page.pixel.text() == "At pixel 20, 10"
    assert sum(row.probability for row in page.classes.rows) == pytest.approx(1)
    until(lambda: bool(page.strip.stages))
    assert page.strip.stages == ("input", "inc", "down1", "down2", "up1", "up2", "outc")


def test_clicking_a_class_asks_about_it(desk):
    studio, page, until = desk
    studio.inspecting.pin((20, 10))
    until(lambda: len(page.classes.rows) == 2)
    other = next(i for i, row in enumerate(page.classes.rows) if row.id == 0)
    QTest.mouseClick(page.classes, LEFT, pos=QPoint(40, 22 * other + 10))
    assert studio.session.inspection.class_id == 0
    until(lambda: page.question.text() == "Why background, over")


def test_a_stage_of_the_strip_is_opened_and_its_cam_shown(desk):
    studio, page, until = desk
    studio.inspecting.pin((20, 10))
    until(lambda: bool(page.strip.stages))
    QTest.mouseClick(page.buttons[Overlay.CAM], LEFT)
    until(lambda: isinstance(studio.session.inspection.over_photo, OverPhotoHeat))
    QTest.mouseClick(page.strip, LEFT, pos=page.strip.place_of("up1").center())
    assert studio.session.inspection.stage == "up1"
    until(lambda: "up1" in studio.session.inspection.over_photo.caption)
    QTest.mouseClick(page.buttons[Overlay.FIELD], LEFT)
    until(lambda: "95 %" in page.note.text())
    assert page.buttons[Overlay.FIELD].isChecked()
    assert not page.buttons[Overlay.CAM].isChecked()
    QTest.mouseClick(page.buttons[Overlay.FIELD], LEFT)
    assert studio.session.inspection.over_photo is None
    until(lambda: not page.note.isVisible())


def test_the_strip_is_reached_and_read_by_keys(desk):
    studio, page, until = desk
    until(lambda: page.strip_title.text().endswith("when a pixel is pinned."))
    assert not page.strip.focusPolicy() & Qt.FocusPolicy.TabFocus  # nothing there to open
    studio.inspecting.pin((20, 10))
    until(lambda: bool(page.strip.stages))
    assert page.strip.focusPolicy() & Qt.FocusPolicy.TabFocus
    page.strip.setFocus(Qt.FocusReason.TabFocusReason)
    page.resize(300, 200)  # less beside each other than there are
    studio.inspecting.open_stage("inc")
    until(lambda: page.strip.opened == "inc")

    QTest.keyClick(page.strip, Qt.Key.Key_Right)
    assert studio.session.inspection.stage == "down1"
    until(lambda: page.strip.opened == "down1")
    QTest.keyClick(page.strip, Qt.Key.Key_Left)
    assert studio.session.inspection.stage == "inc"
    until(lambda: page.strip.opened == "inc")
    below = next(
        stage
        for stage in page.strip.stages
        if page.strip.place_of(stage).left() == page.strip.place_of("inc").left()
        and page.strip.place_of(stage).top() > page.strip.place_of("inc").top()
    )
    QTest.keyClick(page.strip, Qt.Key.Key_Down)
    assert studio.session.inspection.stage == below
    until(lambda: page.strip.opened == below)
    seen = page.strip.mapTo(page, page.strip.place_of(below).topLeft())
    assert 0 <= seen.y() < page.height()


def test_over_which_pixels_is_chosen(desk):
    studio, page, until = desk
    page.over.setCurrentIndex(page.over.findData(Over.ALL))
    page.over.activated.emit(page.over.currentIndex())
    assert studio.session.inspection.over is Over.ALL
    until(lambda: bool(page.strip.stages))


def test_the_lens_lists_the_stages_that_the_head_can_read(desk):
    studio, page, until = desk
    until(lambda: page.logit_lens.model().rowCount() == 4)
    model = page.logit_lens.model()
    texts = [model.index(row, 0).data() for row in range(4)]
    assert texts == ["inc", "down2", "up1", "up2"]
    assert model.index(2, 1).data() == "8 channels: not the head's"
    assert model.index(0, 1).data().endswith("%")
    assert model.headerData(2, Qt.Orientation.Horizontal) == "Foreground IoU"
    view = next(row.view for row in page._lens_rows if row.stage == "inc")
    ious = view.metrics.iou[1:]
    assert view.metrics.class_ids[0] == 0
    assert model.index(0, 2).data() == f"{np.nanmean(ious):.3f}"
    place = page.logit_lens.visualRect(model.index(3, 0)).center()
    QTest.mouseClick(page.logit_lens.viewport(), LEFT, pos=place)
    until(lambda: studio.session.inspection.over_photo is not None)
    assert studio.session.inspection.overlay is Overlay.LOGIT_LENS


def test_one_column_where_two_do_not_fit(desk, qtbot):
    _, page, _ = desk
    app = QApplication.instance()
    app.findChild(Theme) or Theme(app)  # its buttons are wider than the style's own
    let_pass(qtbot, page)
    wide = page.buttons[Overlay.CAM].mapTo(page, QPoint(0, 0))
    assert wide.x() > page.pixel.mapTo(page, QPoint(0, 0)).x()
    for width in (500, 380, 280):
        page.resize(width, 320)
        let_pass(qtbot, page)
        narrow = page.buttons[Overlay.CAM].mapTo(page, QPoint(0, 0))
        assert narrow.x() == page.pixel.mapTo(page, QPoint(0, 0)).x()
        assert page.horizontalScrollBar().maximum() == 0, width
