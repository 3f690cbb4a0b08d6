"""A stage opened: grid, sorting, figures, range, the channel over the photo, cuts."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu

from segstudio.core.geometry import Rect
from segstudio.session.inspection import ColourMap, ValueRange
from segstudio.ui.panels.network.channel_grid import ChannelGrid
from segstudio.ui.panels.network.channel_layout import ChannelLayout
from segstudio.ui.panels.network.channel_mark import PhotoPlace
from segstudio.ui.panels.network.channel_order import ChannelOrder, ordered
from segstudio.ui.panels.network.histogram import HistogramView
from segstudio.ui.panels.network.stage_page import StagePage

LEFT = Qt.MouseButton.LeftButton
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


# -- the order ---------------------------------------------------------------------------------


def test_dead_channels_and_those_without_a_value_come_last():
    values = np.array([0.5, np.nan, 0.9, 0.1, 7.0, 0.9], np.float32)
    dead = np.array([0, 0, 0, 0, 1, 0], bool)
    assert ordered(values, 6, dead, falling=True).tolist() == [2, 5, 0, 3, 1, 4]
    assert ordered(values, 6, dead, falling=False).tolist() == [3, 0, 2, 5, 1, 4]
    assert ordered(None, 3, None, falling=True).tolist() == [2, 1, 0]


# -- the grid alone ----------------------------------------------------------------------------


def feed(grid: ChannelGrid, asked: list) -> None:
    """Answer every wish for pictures."""

    def give(channels, px):
        asked.extend(channels)
        grid.add({channel: np.full((px, px, 3), 90, np.uint8) for channel in channels})

    grid.wanted.connect(give)


def whole(pixel):
    """A stage whose positions are 8 x 8 pixels of the photo."""
    x, y = pixel[0] // 8 * 8, pixel[1] // 8 * 8
    return (x, y, x + 8, y + 8)


@pytest.fixture
def grid(qtbot):
    made = ChannelGrid()
    qtbot.addWidget(made)
    made.resize(400, 260)
    made.asked = []
    feed(made, made.asked)
    made.show_stage(np.arange(2048), (64, 64), PhotoPlace(Rect(0, 0, 64, 64), whole))
    made.show()
    qtbot.waitUntil(lambda: len(made.asked) >= 16)
    return made


def middle(grid, place) -> QPoint:
    return grid.layout_of().picture_rect(place, grid.verticalScrollBar().value()).center()


def click(qtbot, grid, place, modifiers=Qt.KeyboardModifier.NoModifier):
    qtbot.mouseClick(grid.viewport(), LEFT, modifiers, middle(grid, place))


def test_cells_lie_row_by_row_and_are_found_again():
    layout = ChannelLayout(10, (50, 100), 100, 340)
    assert (layout.columns, layout.rows) == (3, 4)
    # 340 less the margin of 4 on three columns: 112 each, of which 4 are a gap
    assert layout.picture.toTuple() == (108, 54)
    assert ChannelLayout(2, (50, 100), 100, 340).picture.toTuple() == (100, 50)
    for place in range(10):
        assert layout.at(layout.rect(place, 37).center(), 37) == place
    assert layout.at(QPoint(1, 1), 0) is None
    assert list(layout.visible(0, layout.pitch - 1)) == [0, 1, 2]


def test_only_what_is_seen_is_asked_for(qtbot, grid):
    qtbot.wait(150)
    seen = len(grid.layout_of().visible(0, 260))
    assert set(range(seen)) <= set(grid.asked)
    # what is seen, and the page after it
    assert max(grid.asked) < 3 * seen
    grid.asked.clear()
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    qtbot.waitUntil(lambda: 2047 in grid.asked)
    assert min(grid.asked) > 1900


def test_two_thousand_channels_are_drawn_within_a_frame(grid):
    grid.resize(900, 600)
    grid.show_point((20, 30))
    QApplication.processEvents()
    times = []
    for step in range(40):
        grid.verticalScrollBar().setValue(step * 40)
        begin = time.perf_counter()
        grid.viewport().repaint()
        times.append(time.perf_counter() - begin)
    assert len(grid.layout_of().visible(grid.verticalScrollBar().value(), 600)) > 50
    assert np.median(times) < 0.016


def test_clicks_select_as_in_lists_of_files(qtbot, grid):
    focused = []
    grid.focused.connect(focused.append)
    click(qtbot, grid, 1)
    assert grid.selection.channels == (1,)
    click(qtbot, grid, 6, SHIFT)
    assert grid.selection.channels == (1, 2, 3, 4, 5, 6)
    click(qtbot, grid, 3, CTRL)
    assert grid.selection.channels == (1, 2, 4, 5, 6)
    click(qtbot, grid, 0)
    assert grid.selection.channels == (0,)
    assert focused == [1, 6, 3, 0]


def test_keys_move_the_focus_and_scroll_to_it(qtbot, grid):
    columns = grid.layout_of().columns
    activated = []
    grid.activated.connect(activated.append)
    click(qtbot, grid, 0)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        qtbot.keyClick(grid, key)
    assert grid.selection.focus == columns
    qtbot.keyClick(grid, Qt.Key.Key_Up, SHIFT)
    assert grid.selection.channels == tuple(range(columns + 1))
    qtbot.keyClick(grid, Qt.Key.Key_Up)
    assert grid.selection.focus == 0
    qtbot.keyClick(grid, Qt.Key.Key_End)
    assert grid.selection.focus == 2047
    assert grid.viewport().rect().contains(middle(grid, 2047))
    qtbot.keyClick(grid, Qt.Key.Key_Home)
    assert grid.verticalScrollBar().value() == 0
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert activated == [0]
    qtbot.keyClick(grid, Qt.Key.Key_A, CTRL)
    assert len(grid.selection.selected) == 2048


def test_hovering_a_cell_points_at_the_photos_pixel(qtbot, grid):
    pointed = []
    grid.pointed.connect(pointed.append)
    box = grid.layout_of().picture_rect(5, 0)
    side = box.width()
    qtbot.mouseMove(grid.viewport(), QPoint(box.left() + 11, box.top() + 44))
    assert pointed[-1] == (int(11.5 * 64 / side), int(44.5 * 64 / side))
    QApplication.sendEvent(grid.viewport(), QEvent(QEvent.Type.Leave))
    assert pointed[-1] is None


def test_a_pixel_is_marked_in_every_cell(qtbot, grid):
    qtbot.wait(60)
    before = grid.viewport().grab().toImage()
    grid.show_point((32, 32))
    after = grid.viewport().grab().toImage()
    scroll = grid.verticalScrollBar().value()
    for place in (0, 3, 6):
        box = grid.layout_of().picture_rect(place, scroll)
        x = box.left() + round(32.5 * box.width() / 64)
        y = box.top() + round(32.5 * box.height() / 64)
        cells = [(x + dx, y + dy) for dx in range(-6, 7) for dy in range(-6, 7)]
        changed = sum(before.pixel(*c) != after.pixel(*c) for c in cells)
        assert changed > 10
        assert before.pixel(box.left() + 2, box.top() + 2) == after.pixel(
            box.left() + 2, box.top() + 2
        )


def test_dead_and_cut_channels_look_different(qtbot, grid):
    dead = np.zeros(2048, bool)
    dead[1] = True
    grid.show_dead(dead)
    grid.show_cut({2})
    image = grid.viewport().grab().toImage()

    def colours(place):
        box = grid.layout_of().picture_rect(place, 0)
        return {image.pixel(box.left() + i, box.top() + j) for i in range(80) for j in range(80)}

    assert len(colours(0)) == 1
    assert len(colours(1)) > 1
    assert len(colours(2)) > 1
    assert colours(1) != colours(2)


def test_ctrl_and_wheel_make_the_pictures_larger(qtbot, grid):
    place = QPointF(middle(grid, 0))
    event = QWheelEvent(
        place, QPointF(grid.mapToGlobal(place.toPoint())), QPoint(), QPoint(0, 240),
        Qt.MouseButton.NoButton, CTRL, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    qtbot.wait(100)
    grid.asked.clear()
    QApplication.sendEvent(grid.viewport(), event)
    assert grid.cell == round(88 * 1.15**2)
    qtbot.waitUntil(lambda: 0 in grid.asked)


def test_the_tool_tip_tells_of_the_channel(qtbot, grid, monkeypatch):
    told = []
    monkeypatch.setattr(
        "segstudio.ui.panels.network.channel_grid.QToolTip.showText",
        lambda place, text: told.append(text),
    )
    grid.tip = lambda channel: f"number {channel}"
    place = middle(grid, 2)
    QApplication.sendEvent(
        grid.viewport(), QHelpEvent(QEvent.Type.ToolTip, place, grid.mapToGlobal(place))
    )
    assert told == ["number 2"]


# -- the histogram -----------------------------------------------------------------------------


def drag(widget, start: QPointF, end: QPointF) -> None:
    for kind, place, button in (
        (QEvent.Type.MouseButtonPress, start, LEFT),
        (QEvent.Type.MouseMove, end, Qt.MouseButton.NoButton),
        (QEvent.Type.MouseButtonRelease, end, LEFT),
    ):
        held = LEFT if kind != QEvent.Type.MouseButtonRelease else Qt.MouseButton.NoButton
        event = QMouseEvent(
            kind, place, QPointF(widget.mapToGlobal(place.toPoint())), button, held,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)


def test_the_ends_of_the_colours_are_dragged_in_the_histogram(qtbot):
    view = HistogramView()
    qtbot.addWidget(view)
    view.resize(214, 100)
    view.show_counts(np.ones(64, np.int64), 0.0, 10.0)
    view.show_colours("viridis", (0.0, 10.0))
    view.show()
    dragged = []
    view.range_dragged.connect(lambda low, high: dragged.append((low, high)))
    # the plot is 200 pixels wide: the right handle at 207 goes to the middle
    drag(view, QPointF(206, 40), QPointF(107, 40))
    assert dragged == [(0.0, pytest.approx(5.0))]
    drag(view, QPointF(7, 40), QPointF(57, 40))
    assert dragged[1] == (pytest.approx(2.5), 10.0)
    drag(view, QPointF(100, 40), QPointF(60, 40))
    assert len(dragged) == 2


def test_dragging_keeps_zero_in_the_middle_of_the_diverging_map(qtbot):
    view = HistogramView()
    qtbot.addWidget(view)
    view.resize(214, 100)
    view.show_counts(np.ones(64, np.int64), -10.0, 10.0)
    view.show_colours("diverging", (-10.0, 10.0))
    view.show()
    dragged = []
    view.range_dragged.connect(lambda low, high: dragged.append((low, high)))
    drag(view, QPointF(7, 40), QPointF(57, 40))
    assert dragged == [(pytest.approx(-5.0), pytest.approx(5.0))]


# -- the page on a real network ----------------------------------------------------------------


@pytest.fixture
def page(qtbot, make_window, folder, tiny_engine):
    """The page of a studio that has traced the tiny U-Net on the first image (32 x 48)."""
    bench = make_window(engine=tiny_engine)
    bench.studio.browsing.open_path(folder)
    bench.until(lambda: bench.session.document is not None)
    bench.studio.inspecting.open()
    # the first network that is traced brings torch along
    bench.until(lambda: bench.session.inspection.traced is not None, 60000)
    made = StagePage(
        bench.session, bench.studio.inspecting, bench.studio.feature_maps, bench.studio.explaining
    )
    made.bench = bench
    qtbot.addWidget(made)
    made.resize(640, 300)
    made.show()
    return made


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


def test_a_class_that_is_not_there_is_told(page):
    opened(page, "outc")
    page.bench.session.document.annotation._labels[:] = 0
    page.bar.choose(ChannelOrder.ANNOTATION)
    page.bench.until(lambda: page.bar.note.whole == "No bright in the annotation")


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
    click(qtbot, page.grid, 2, SHIFT)
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
