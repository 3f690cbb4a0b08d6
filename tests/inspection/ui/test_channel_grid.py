"""Channels in order, in their grid, and their values in the histogram."""

from __future__ import annotations

import time

import numpy as np
import pytest
from grid_clicks import LEFT, click, middle
from pauses import let_pass
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.core.geometry import Rect
from segstudio.inspection.ui.channel_grid import ChannelGrid, PhotoPlace
from segstudio.inspection.ui.channel_layout import ChannelLayout
from segstudio.inspection.ui.channel_order import ordered
from segstudio.inspection.ui.histogram import HistogramView

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
    let_pass(qtbot, grid)
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
        begin = time.thread_time()
        grid.viewport().repaint()
        times.append(time.thread_time() - begin)
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
    let_pass(qtbot, grid)
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
    let_pass(qtbot, grid)
    grid.asked.clear()
    QApplication.sendEvent(grid.viewport(), event)
    assert grid.cell == round(88 * 1.15**2)
    qtbot.waitUntil(lambda: 0 in grid.asked)


def test_the_tool_tip_tells_of_the_channel(qtbot, grid, monkeypatch):
    told = []
    monkeypatch.setattr(
        "segstudio.inspection.ui.channel_grid.QToolTip.showText",
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


def test_keys_move_one_end_of_the_colours_and_take_the_other(qtbot):
    view = HistogramView()
    qtbot.addWidget(view)
    view.resize(200, 100)
    view.show_counts(np.array([4, 2, 1]), 0.0, 10.0)
    view.show_colours("viridis", (2.0, 8.0))
    ranges = []
    view.range_dragged.connect(lambda low, high: ranges.append((low, high)))
    QTest.keyClick(view, Qt.Key.Key_Left)
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Right)
    # a twentieth of the axis, which is 10 long; with Shift a two hundredth
    assert ranges == [(2.0, 7.5), (2.0, 8.05), (2.5, 8.0)]
    assert view.focusPolicy() & Qt.FocusPolicy.TabFocus
