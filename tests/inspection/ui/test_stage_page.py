"""A stage opened: sorting, figures, range, the channel over the photo, cuts."""

from __future__ import annotations

import numpy as np
import pytest
from grid_clicks import LEFT, click
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu
from traced_desk import for_a_test

from segstudio.inspection.ui.channel_order import ChannelOrder
from segstudio.inspection.ui.stage_page import StagePage
from segstudio.inspection.ui.stage_scores import StageScores
from segstudio.kit.turns import at_once
from segstudio.session.inspection import ColourMap, ValueRange


@pytest.fixture
def page(traced_studio):
    """The page of a studio that has traced the tiny U-Net on the first image (32 x 48)."""
    with for_a_test(traced_studio) as desk:
        studio = desk.studio
        made = StagePage(
            desk.session,
            studio.inspecting,
            StageScores(studio.feature_maps, studio.explaining),
            studio.photo_overlay,
        )
        at_once(made.build())
        made.bench = desk
        desk.put(made)
        made.resize(640, 300)
        made.show()
        yield made


def opened(page, stage, channel=None):
    page.bench.studio.inspecting.open_stage(stage, channel)
    page.bench.until(lambda: page.details.title.whole == stage and bool(figures(page)))


def figures(page) -> dict[str, tuple[str, ...]]:
    return {name: rest for name, *rest in page.details.figures.rows}


def activation(page, stage) -> np.ndarray:
    return page.bench.session.inspection.traced.trace.activation(stage).astype(float)


def shown(page) -> list[int]:
    return page.grid.selection.order.tolist()


def test_without_a_stage_the_page_says_what_to_do(page):
    page.bench.session.set_inspection(stage="")
    page.bench.until(lambda: not page.grid.isVisible())
    opened(page, "down1")
    assert page.grid.isVisible()
    assert page.details.shape.whole == "8 \u00d7 16 \u00d7 24, stride 2, encoder"


def test_the_figures_are_those_of_stage_and_channel(qtbot, page):
    opened(page, "outc")
    click(qtbot, page.grid, 1)
    page.bench.until(lambda: figures(page)["Mean"][1] != "")
    values = activation(page, "outc")
    stage, channel = figures(page)["Highest"]
    assert float(stage) == pytest.approx(values.max(), rel=0.01)
    assert float(channel) == pytest.approx(values[1].max(), rel=0.01)
    assert page.bench.session.inspection.channel == 1


def test_channels_are_sorted_by_what_is_chosen(qtbot, page):
    opened(page, "down1")
    values = activation(page, "down1").reshape(8, -1)
    alive = values.min(1) < values.max(1)
    mean = values.mean(1)
    page.bar.choose(ChannelOrder.MEAN)
    page.bench.until(lambda: shown(page) != list(range(8)))
    order = [c for c in shown(page) if alive[c]]
    assert order == sorted(order, key=lambda c: -mean[c])
    assert all(not alive[c] for c in shown(page)[len(order) :])
    qtbot.mouseClick(page.bar.direction, LEFT)
    assert [c for c in shown(page) if alive[c]] == order[::-1]
    page.bar.choose(ChannelOrder.INDEX)
    assert shown(page) == list(range(8))


def test_channels_are_sorted_by_agreement_with_the_class(page):
    opened(page, "outc")
    page.bar.choose(ChannelOrder.PREDICTION)
    page.bench.until(lambda: shown(page)[0] == 1)
    agreed = float(page._said_of(1))
    assert agreed > 0.8
    page.bar.choose(ChannelOrder.ANNOTATION)
    page.bench.until(lambda: "Computing" not in page.bar.note.whole)
    assert float(page._said_of(1)) < agreed


@pytest.fixture
def nothing_annotated(page):
    """Nothing is annotated on the open image."""
    labels = page.bench.session.document.annotation._labels
    before = labels.copy()
    labels[:] = 0
    yield
    labels[:] = before


def test_a_class_that_is_not_there_is_told(page, nothing_annotated):
    opened(page, "outc")
    page.bar.choose(ChannelOrder.ANNOTATION)
    page.bench.until(lambda: page.bar.note.whole == "No class 1 in the annotation")


def test_channels_are_sorted_by_their_influence(page):
    opened(page, "outc")
    page.bar.choose(ChannelOrder.INFLUENCE)
    page.bench.until(lambda: shown(page) != [0, 1] or page._said_of(1) != "")
    # the score of class 1 is the logit of class 1 itself: channel 0 has nothing to say
    assert shown(page)[0] == (1 if float(page._said_of(1)) > 0 else 0)
    assert float(page._said_of(0)) == 0.0


def test_enter_lays_the_channel_over_the_photo_and_the_slider_blends_it(qtbot, page):
    opened(page, "inc")
    inspection = lambda: page.bench.session.inspection  # noqa: E731
    click(qtbot, page.grid, 2)
    qtbot.keyClick(page.grid, Qt.Key.Key_Return)
    page.bench.until(lambda: inspection().over_photo is not None)
    assert inspection().over_photo.caption == "inc, channel 2"
    page.bench.until(page.details.over.isChecked)
    qtbot.keyClick(page.grid, Qt.Key.Key_Left)
    page.bench.until(lambda: inspection().over_photo.caption == "inc, channel 1")
    page.details.blend.setValue(25)
    assert inspection().over_photo.opacity == 0.25
    page.bench.until(page.details.over.isChecked)
    qtbot.mouseClick(page.details.over, LEFT)
    assert inspection().over_photo is None
    page.bench.until(lambda: not page.details.over.isChecked())


def test_a_fixed_range_begins_with_the_one_in_force(qtbot, page):
    opened(page, "inc", 1)
    look = lambda: page.bench.session.inspection.look  # noqa: E731
    values = activation(page, "inc")
    page.bench.studio.inspecting.choose_look(value_range=ValueRange.STAGE)
    page.bench.until(lambda: page.details.range.currentText() == "Range of the whole stage")
    assert not page.details.low.isVisible()
    page.details.range.setCurrentIndex(2)
    page.details.range.activated.emit(2)
    assert look().value_range is ValueRange.FIXED
    assert look().fixed == (pytest.approx(values.min()), pytest.approx(values.max()))
    page.bench.until(page.details.low.isVisible)
    page.details.high.setValue(0.5)
    assert look().fixed[1] == 0.5
    page.details.low.setValue(0.7)  # not below the highest: refused
    assert look().fixed[0] != 0.7


def test_dragging_in_the_histogram_fixes_the_range(page):
    opened(page, "inc", 1)
    page.details.histogram.range_dragged.emit(0.1, 0.2)
    look = page.bench.session.inspection.look
    assert (look.value_range, look.fixed) == (ValueRange.FIXED, (0.1, 0.2))


def test_other_colours_are_shown_at_once_they_are_made(page):
    opened(page, "inc")
    page.bench.until(lambda: page.grid._pictures.get(0) is not None)
    before = page.grid._pictures.get(0).toImage()
    page.bench.studio.inspecting.choose_look(colours=ColourMap.GREY)

    def grey():
        image = page.grid._pictures.get(0).toImage()
        colour = image.pixelColor(40, 20)
        return image != before and colour.red() == colour.green() == colour.blue()

    page.bench.until(grey)


def test_the_value_at_the_marked_pixel_is_shown(page):
    opened(page, "outc", 1)
    page.show_point((10, 5))
    value = activation(page, "outc")[1, 5, 10]
    assert float(figures(page)["At the pixel"][1]) == pytest.approx(value, rel=0.01)
    assert float(page._said_of(1)) == pytest.approx(value, rel=0.01)
    page.show_point(None)
    assert page._said_of(1) == ""
    page.bench.studio.inspecting.pin((10, 5))
    page.bench.until(lambda: page._said_of(1) != "")


def test_the_menu_and_delete_ask_for_a_cut(qtbot, page):
    opened(page, "down1")
    asked = []
    page.cut_requested.connect(lambda stage, channels: asked.append((stage, channels)))
    click(qtbot, page.grid, 0)
    click(qtbot, page.grid, 2, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
    assert asked == [("down1", (0, 1, 2))]
    page.grid.menu_wanted.emit(page.mapToGlobal(QPoint(20, 60)))
    menu = page.findChild(QMenu)
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts == ["Lay channel 2 over the photo", "Cut 3 channels", "Copy the numbers"]
    menu.actions()[-1].trigger()
    assert QApplication.clipboard().text() == "0, 1, 2"
    menu.close()


def test_cut_channels_are_marked(page):
    opened(page, "down1")
    page.bench.studio.cutting.cut_channel("down1", (3, 5))
    page.bench.until(lambda: page.grid._cut == {3, 5})


def test_another_image_keeps_stage_and_order(page):
    opened(page, "down1")
    page.bar.choose(ChannelOrder.VARIANCE)
    before = page.bench.session.inspection.traced
    page.bench.studio.browsing.select(1)
    page.bench.until(lambda: page.bench.session.inspection.traced is not before)
    page.bench.until(lambda: page.bench.session.inspection.traced is not None)
    page.bench.until(lambda: page._traced is page.bench.session.inspection.traced)
    var = activation(page, "down1").var((1, 2))
    page.bench.until(lambda: shown(page)[0] == int(var.argmax()))
