"""The network panel as a whole: its dock, who has the room, and what it says while it is empty."""

from __future__ import annotations

import pytest
from network_desk import LEFT, closed_desk, open_desk, panel, traced
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtWidgets import QApplication
from tiny_networks import SHUFFLE, UNET

from segstudio.inspection.ui.sharing import Room, Sharing

PAGES = ("Stage", "Skip", "Cuts", "Why", "Two models", "Upsampling")


@pytest.fixture
def closed(make_window, tiny_engine, folder):
    return closed_desk(make_window, tiny_engine, folder)


@pytest.fixture
def desk(closed, qtbot):
    return open_desk(closed, qtbot)


def open_docks(bench) -> set[str]:
    return {name for name in bench.window.docks.by_name if bench.window.docks.shown(name)}


# -- the dock ----------------------------------------------------------------------------------


def test_nothing_is_built_or_traced_before_the_panel_is_asked_for(closed):
    assert panel(closed) is None
    assert not closed.window.docks.shown("Network")
    assert not closed.session.inspection.active


def test_n_opens_the_panel_below_list_and_canvas_and_n_closes_it(desk, qtbot):
    docks = desk.window.docks.by_name
    network = docks["Network"].geometry()
    assert network.left() <= docks["Images"].geometry().left()
    assert network.top() > docks["Images"].geometry().bottom()
    assert network.right() < docks["Model"].geometry().left()
    # the right column keeps its height, whatever tabs stand below its last panel
    assert network.bottom() - docks["Model"].geometry().bottom() < 0.2 * network.height()
    assert network.height() == pytest.approx(0.4 * 800, abs=40)
    assert panel(desk).empty_text == ""
    qtbot.keyClick(desk.window, Qt.Key.Key_N)
    assert not desk.window.docks.shown("Network")
    desk.until(lambda: not desk.session.inspection.active)
    assert desk.session.inspection.traced is None
    qtbot.keyClick(desk.window, Qt.Key.Key_N)
    traced(desk)
    assert panel(desk).empty_text == ""


def test_tab_hides_the_panel_with_the_others_and_keeps_what_is_traced(desk, qtbot):
    kept = desk.session.inspection.traced
    before = open_docks(desk)
    assert "Network" in before
    desk.window.canvas.setFocus()
    qtbot.keyClick(desk.window.canvas.viewport, Qt.Key.Key_Tab)
    assert open_docks(desk) == set()
    assert desk.session.inspection.traced is kept
    qtbot.keyClick(desk.window.canvas.viewport, Qt.Key.Key_Tab)
    assert open_docks(desk) == before
    assert desk.session.inspection.traced is kept


def test_n_brings_the_panel_to_the_front_of_the_room_before_it_closes_it(desk, qtbot):
    docks = desk.window.docks
    kept = desk.session.inspection.traced
    qtbot.keyClick(desk.window, Qt.Key.Key_M)
    desk.settle()
    assert not panel(desk).isVisible()
    assert not desk.window.commands["panel.network"].isChecked()
    assert desk.session.inspection.traced is kept
    qtbot.keyClick(desk.window, Qt.Key.Key_N)
    desk.settle()
    assert panel(desk).isVisible()
    assert desk.window.commands["panel.network"].isChecked()
    qtbot.keyClick(desk.window, Qt.Key.Key_N)
    assert not docks.shown("Network")


def test_tab_does_not_bring_a_panel_that_was_closed(closed, qtbot):
    closed.window.canvas.setFocus()
    for _ in range(2):
        qtbot.keyClick(closed.window.canvas.viewport, Qt.Key.Key_Tab)
    assert closed.window.docks.shown("Images")
    assert not closed.window.docks.shown("Network")


def test_resetting_the_layout_puts_the_panel_away(desk):
    desk.window.commands.run("view.reset_layout")
    assert not desk.window.docks.shown("Network")
    desk.until(lambda: not desk.session.inspection.active)


def test_a_panel_that_floats_and_docks_again_keeps_what_is_traced(desk):
    kept = desk.session.inspection.traced
    for floating in (True, False):
        desk.window.docks.by_name["Network"].setFloating(floating)
        desk.settle(200)
        assert desk.window.docks.shown("Network")
        assert desk.session.inspection.traced is kept


def test_an_open_panel_comes_back_at_the_next_start(desk, make_window, tiny_engine, folder):
    desk.window.close()
    desk.studio.close()
    second = make_window(engine=tiny_engine)
    assert not second.window.docks.shown("Network")  # there is no image to look at yet
    second.open(folder)
    assert second.window.docks.shown("Network")
    assert second.window.dockWidgetArea(second.window.docks.by_name["Network"]) == (
        Qt.DockWidgetArea.BottomDockWidgetArea
    )
    second.until(lambda: panel(second) is not None)
    traced(second)
    assert panel(second).empty_text == ""


def test_opening_the_panel_shows_no_other_window_not_even_for_a_moment(closed, qtbot):
    shown = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Show and watched.isWidgetType() and watched.isWindow():
                shown.append(f"{type(watched).__name__} {watched.accessibleName()}")
            return False

    watch = Watch()
    QApplication.instance().installEventFilter(watch)
    qtbot.keyClick(closed.window, Qt.Key.Key_N)
    traced(closed)
    for page in PAGES:
        panel(closed).pages.bring(page)
        closed.settle(20)
    QApplication.instance().removeEventFilter(watch)
    assert shown == []


# -- who has the room ----------------------------------------------------------------------------


def shares(bench) -> float:
    """The network's share of the room."""
    first, second = panel(bench).splitter.sizes()
    return first / (first + second)


def test_the_border_stays_where_it_was_put_also_at_the_next_start(
    desk, make_window, tiny_engine, folder, qtbot
):
    whole = sum(panel(desk).splitter.sizes())
    handle = panel(desk).splitter.handle(1)
    middle = handle.rect().center()
    moved = QPoint(round(0.3 * whole) - panel(desk).splitter.sizes()[0], 0)
    qtbot.mousePress(handle, LEFT, pos=middle)
    qtbot.mouseMove(handle, middle + moved)
    qtbot.mouseRelease(handle, LEFT, pos=middle)
    assert shares(desk) == pytest.approx(0.3, abs=0.05)
    put = shares(desk)
    desk.window.close()
    desk.studio.close()
    second = make_window(engine=tiny_engine)
    second.window.resize(1280, 800)
    second.open(folder)
    second.studio.segmenting.choose(UNET)
    traced(second)
    assert shares(second) == pytest.approx(put, abs=0.03)


def test_network_or_pages_get_all_the_room_and_give_it_back(desk, qtbot):
    header, structure, pages = panel(desk).header, panel(desk).structure, panel(desk).pages
    before = structure.width()
    qtbot.mouseClick(header.alone, LEFT)
    assert not pages.isVisible()
    desk.until(lambda: structure.width() > 1.5 * before)
    qtbot.mouseClick(header.pages_alone, LEFT)
    assert pages.isVisible()
    assert not structure.isVisible()
    assert not header.alone.isChecked()
    # who asks for the table wants to see it
    qtbot.mouseClick(header.table, LEFT)
    assert structure.table.isVisible()
    assert pages.isVisible()
    qtbot.mouseClick(header.alone, LEFT)
    qtbot.mouseClick(header.alone, LEFT)
    assert structure.isVisible()
    assert pages.isVisible()


def test_a_double_click_on_a_stage_brings_the_pages_back(desk, qtbot):
    qtbot.mouseClick(panel(desk).header.alone, LEFT)
    desk.settle()
    diagram = panel(desk).structure.diagram
    place = diagram.area(diagram.diagram.node("down2").box).center().toPoint()
    qtbot.mouseDClick(diagram, LEFT, pos=place)
    assert panel(desk).pages.isVisible()
    assert not panel(desk).header.alone.isChecked()


def test_how_the_room_is_shared_is_kept_as_text():
    for sharing in (Sharing(), Sharing(Room.PAGES, 0.25, None), Sharing(Room.BOTH, 0.5, 0.125)):
        assert Sharing.from_text(sharing.to_text()) == sharing
    for text in ("", "both", "both 0.5 7", "nobody - -", "both nan -"):
        assert Sharing.from_text(text) == Sharing()


# -- what is said while there is nothing -------------------------------------------------------


def test_missing_weights_are_named_and_can_be_downloaded(closed, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(closed.studio.segmenting, "download", asked.append)
    monkeypatch.setattr(closed.engine, "is_available", lambda spec: spec.id != SHUFFLE)
    closed.studio.segmenting.refresh_models()
    closed.until(lambda: SHUFFLE not in closed.session.model.available)
    closed.studio.segmenting.choose(SHUFFLE)
    qtbot.keyClick(closed.window, Qt.Key.Key_N)
    closed.until(lambda: panel(closed) is not None)
    closed.until(lambda: "are not on disk" in panel(closed).empty_text)
    closed.until(closed.window.commands["model.download"].isEnabled)
    assert not panel(closed).retry.isVisible()
    qtbot.mouseClick(panel(closed).download, LEFT)
    assert asked == [SHUFFLE]


def test_a_failed_trace_says_why_and_can_be_tried_again(closed, qtbot, monkeypatch):
    def fail(*_args):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(closed.engine, "traced_model", fail)
        qtbot.keyClick(closed.window, Qt.Key.Key_N)
        closed.until(lambda: panel(closed) is not None)
        closed.until(lambda: "out of memory" in panel(closed).empty_text)
    qtbot.mouseClick(panel(closed).retry, LEFT)
    traced(closed)
    assert panel(closed).empty_text == ""


def test_the_opened_skip_is_cut_by_a_key_and_the_key_undoes_it(desk, qtbot):
    cutting, commands = desk.studio.cutting, desk.window.commands
    assert desk.session.inspection.skip == "inc -> up2"  # the finest, unless one is chosen
    assert not commands["network.cut_skip"].isChecked()
    qtbot.keyClick(desk.window, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert [str(listed.cut.edge.id) for listed in cutting.cuts] == ["inc -> up2"]
    assert panel(desk).pages.tabText(panel(desk).pages.currentIndex()) == "Cuts"
    desk.until(commands["network.cut_skip"].isChecked)
    qtbot.keyClick(desk.window, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert cutting.cuts == ()
    desk.studio.inspecting.open_skip("down1 -> up1")
    qtbot.keyClick(desk.window, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert [str(listed.cut.edge.id) for listed in cutting.cuts] == ["down1 -> up1"]


def test_no_skip_is_cut_while_no_network_is_looked_at(closed, qtbot):
    assert not closed.window.commands["network.cut_skip"].isEnabled()
    qtbot.keyClick(closed.window, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert closed.studio.cutting.cuts == ()
