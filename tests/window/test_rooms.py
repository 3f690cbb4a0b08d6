"""The room: one place for the panels that need much space; and the columns beside the views."""

from __future__ import annotations

import json

import pytest
from network_desk import closed_desk, panel, traced
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shared_window import again, found, new_pictures
from slow_cases import few
from tiny_networks import TinyEngine
from windows import write_pictures

from segstudio.window.room import BESIDE, CLOSE, OVER

LEFT = Qt.MouseButton.LeftButton
KEYS = Qt.Key


@pytest.fixture(scope="module")
def kept(keep_window, tiny_specs, tmp_path_factory):
    """A window with tiny real networks that the tests share."""
    folder = write_pictures(tmp_path_factory.mktemp("rooms") / "pictures")
    bench = closed_desk(keep_window, TinyEngine(tiny_specs), folder)
    bench.window.resize(1280, 772)
    return found(bench)


@pytest.fixture
def desk(kept, tmp_path_factory):
    """A window in which an image is open and no room."""
    yield again(kept, lambda: new_pictures(tmp_path_factory))
    kept.window.docks.arrange()  # no test leaves a panel as a window of its own


@pytest.fixture
def fresh(make_window, tiny_engine, folder):
    """A window of the test's own in which an image is open, and no room was open yet."""
    bench = closed_desk(make_window, tiny_engine, folder)
    bench.window.resize(1280, 772)
    bench.window.docks.arrange()
    bench.settle()
    return bench


def press(bench, key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget() or bench.window, key, modifier)
    bench.settle()


def opened(bench, key):
    press(bench, key)
    docks = bench.window.docks
    bench.until(lambda: docks.frame(docks.room.front).widget() is not None)
    bench.settle()
    return bench


def click(bench, button_id) -> None:
    button = bench.window.docks.room.buttons[button_id]
    assert button.isVisible()
    bench.qtbot.mouseClick(button, LEFT)
    bench.settle()


def shown(bench) -> set[str]:
    return {name for name in bench.window.docks.by_name if bench.window.docks.shown(name)}


# -- sizes -------------------------------------------------------------------------------------


def test_the_first_start_leaves_768_pixels_to_the_views(desk):
    window, docks = desk.window, desk.window.docks.by_name
    # each column with the line beside it
    assert docks["Images"].width() + 1 == 172
    assert docks["Classes"].width() + 1 == 300
    assert window.central.width() == 1280 - 172 - 300


def test_the_list_gives_up_what_the_frame_of_the_window_takes(desk):
    from segstudio.kit.frame_names import TOOLS_WIDTH

    # the widths of the list (172) and of the tools leave the views less than 768 here
    desk.window.resize(1240 + TOOLS_WIDTH - 20, 772)
    desk.window.docks.arrange()
    desk.settle()
    assert desk.window.docks.by_name["Images"].width() + 1 == 172 - 20
    assert desk.window.central.width() - TOOLS_WIDTH == 768


@pytest.mark.parametrize(
    ("name", "asked", "width"),
    [("Images", 100, 140), ("Images", 500, 320), ("Classes", 100, 260), ("Classes", 700, 420)],
)
def test_a_column_has_a_least_and_a_largest_width(desk, name, asked, width):
    dock = desk.window.docks.by_name[name]
    desk.window.resizeDocks([dock], [asked], Qt.Orientation.Horizontal)
    desk.settle()
    assert dock.width() + 1 == width


def test_the_room_is_326_high_and_the_right_column_keeps_its_height(desk):
    docks = desk.window.docks.by_name
    bottom = docks["Model"].geometry().bottom()
    opened(desk, KEYS.Key_N)
    room = desk.window.docks.room.geometry()
    assert (room.left(), room.height()) == (0, 326)
    assert room.right() + 2 == docks["Classes"].geometry().left()
    assert docks["Model"].geometry().bottom() == bottom


@pytest.mark.parametrize("way", ["wider window", "closed", "covered", "beside"])
def test_the_room_keeps_the_height_that_the_user_gave_it(desk, way):
    opened(desk, KEYS.Key_M)
    window, room = desk.window, desk.window.docks.room
    window.resizeDocks([room], [420], Qt.Orientation.Vertical)
    desk.settle()
    assert room.height() == 420
    if way == "wider window":
        window.resize(1300, 772)
    elif way == "closed":
        press(desk, KEYS.Key_M)
        assert room.isHidden()
        opened(desk, KEYS.Key_M)
    elif way == "covered":
        press(desk, KEYS.Key_F11)
        assert room.height() > 420
        press(desk, KEYS.Key_F11)
    else:
        window.resize(1640, 772)
        desk.settle()
        click(desk, BESIDE)
        click(desk, BESIDE)
    desk.settle()
    assert room.height() == 420


def test_a_room_that_nobody_made_higher_follows_the_window(desk):
    opened(desk, KEYS.Key_M)
    desk.window.resize(1500, 1000)
    desk.settle()
    assert desk.window.docks.room.height() == 420  # 42 % of it
    desk.window.resize(1280, 772)
    desk.settle()
    assert desk.window.docks.room.height() == 326


# -- opening and closing -----------------------------------------------------------------------


def test_the_keys_go_into_the_room_and_back_to_the_views(fresh):
    opened(fresh, KEYS.Key_N)
    traced(fresh)
    fresh.until(lambda: panel(fresh).pages.tabBar().hasFocus())
    opened(fresh, KEYS.Key_M)
    fresh.until(lambda: fresh.window.evaluation.panel.header.tabs.hasFocus())
    press(fresh, KEYS.Key_Escape)
    assert fresh.window.canvas.viewport.hasFocus()
    assert shown(fresh) >= {"Evaluation"}
    press(fresh, KEYS.Key_M)
    assert fresh.window.docks.room.isHidden()
    assert fresh.window.canvas.viewport.hasFocus()


def test_tabs_and_buttons_of_the_room_say_their_keys(desk):
    opened(desk, KEYS.Key_N)
    room = desk.window.docks.room
    assert [room.tabs.tabText(i) for i in range(2)] == ["Network", "Evaluation"]
    assert [room.tabs.tabToolTip(i).partition("<br>")[0] for i in range(2)] == [
        "<b>Network panel</b> (N)",
        "<b>Evaluation panel</b> (M)",
    ]
    tips = {key: button.toolTip() for key, button in room.buttons.items()}
    assert "(F11)" in tips[OVER]
    assert tips[CLOSE] == "<b>Close</b> (N)"
    for button in room.buttons.values():
        assert button.accessibleName()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_a_click_on_a_tab_and_the_arrow_keys_turn_the_room(desk):
    opened(desk, KEYS.Key_N)
    tabs = desk.window.docks.room.tabs
    desk.qtbot.mouseClick(tabs, LEFT, pos=tabs.tabRect(1).center())
    desk.until(lambda: desk.window.evaluation.panel is not None)
    assert shown(desk) >= {"Evaluation"}
    assert "Network" not in shown(desk)
    tabs.setFocus()
    press(desk, KEYS.Key_Left)
    assert shown(desk) >= {"Network"}
    click(desk, CLOSE)
    assert desk.window.docks.room.isHidden()


def test_closing_the_room_ends_the_tracing_that_went_on_behind_the_evaluation(desk):
    opened(desk, KEYS.Key_N)
    traced(desk)
    opened(desk, KEYS.Key_M)
    assert desk.session.inspection.active
    press(desk, KEYS.Key_M)
    desk.until(lambda: not desk.session.inspection.active)


def test_a_header_that_does_not_fit_goes_into_a_line_below_the_tabs(desk):
    opened(desk, KEYS.Key_M)
    header, room = desk.window.evaluation.panel.header, desk.window.docks.room
    in_bar = header.mapTo(room, QPoint()).y()
    assert in_bar < 36
    desk.window.resize(1024, 772)
    desk.until(lambda: header.mapTo(room, QPoint()).y() >= 36)
    desk.settle()
    assert header.isVisible()
    assert header.geometry().right() <= room.width()
    close = room.buttons[CLOSE]
    assert room.tabs.mapTo(room, QPoint()).x() == 0
    assert room.width() - close.mapTo(room, QPoint(close.width(), 0)).x() <= 8
    desk.window.resize(1280, 772)
    desk.until(lambda: header.mapTo(room, QPoint()).y() == in_bar)


# -- places ------------------------------------------------------------------------------------


def test_the_room_covers_the_views_until_esc(desk):
    opened(desk, KEYS.Key_M)
    places = {name: dock.geometry() for name, dock in desk.window.docks.by_name.items()}
    click(desk, OVER)
    room, images = desk.window.docks.room, desk.window.docks.by_name["Images"]
    assert not desk.window.canvas.isVisible()
    assert images.geometry().left() == 0
    assert images.width() == places["Images"].width()
    assert room.geometry().left() == images.geometry().right() + 2
    assert room.geometry().right() == desk.window.width() - 1
    assert room.geometry().top() == images.geometry().top()
    images.widget().setFocus()
    desk.window.images.view.setFocus()
    press(desk, KEYS.Key_Escape)
    assert desk.window.canvas.viewport.hasFocus()
    assert {n: d.geometry() for n, d in desk.window.docks.by_name.items()} == places


def test_f11_covers_the_views_and_brings_them_back(desk):
    opened(desk, KEYS.Key_M)
    press(desk, KEYS.Key_F11)
    assert not desk.window.canvas.isVisible()
    assert desk.window.commands[OVER].isChecked()
    assert desk.window.docks.room.isAncestorOf(QApplication.focusWidget())
    press(desk, KEYS.Key_F11)
    assert desk.window.canvas.isVisible()
    assert not desk.window.commands[OVER].isChecked()


def test_a_room_that_is_closed_while_it_covers_the_views_leaves_them(desk):
    before = shown(desk)
    opened(desk, KEYS.Key_M)
    press(desk, KEYS.Key_F11)
    press(desk, KEYS.Key_M)
    assert desk.window.canvas.isVisible()
    assert shown(desk) == before
    opened(desk, KEYS.Key_M)
    assert desk.window.canvas.isVisible()


def test_beside_the_views_is_offered_from_1600_pixels_on(desk):
    opened(desk, KEYS.Key_N)
    button, command = desk.window.docks.room.buttons[BESIDE], desk.window.commands[BESIDE]
    assert not button.isVisible()
    assert not command.isEnabled()
    desk.window.resize(1900, 1000)
    desk.until(button.isVisible)
    desk.until(command.isEnabled)
    places = {name: dock.geometry() for name, dock in desk.window.docks.by_name.items()}
    click(desk, BESIDE)
    room, central = desk.window.docks.room, desk.window.central
    assert room.geometry().left() > central.geometry().right()
    assert room.geometry().right() == desk.window.width() - 1
    assert (room.geometry().top(), room.height()) == (central.geometry().top(), central.height())
    assert shown(desk) == {"Images", "Network"}
    desk.window.resize(1400, 1052)
    desk.until(lambda: room.geometry().top() > central.geometry().bottom())
    desk.settle()
    assert "Classes" in shown(desk)
    desk.window.resize(1900, 1000)
    desk.until(lambda: room.geometry().left() > central.geometry().right())
    desk.settle()
    click(desk, BESIDE)
    assert room.geometry().top() > central.geometry().bottom()
    after = {name: dock.geometry() for name, dock in desk.window.docks.by_name.items()}
    assert after["Images"].width() == places["Images"].width()
    assert after["Classes"] == places["Classes"]


def test_closing_a_room_beside_the_views_brings_the_right_column_back(desk):
    desk.window.resize(1900, 1000)
    before = shown(desk)
    opened(desk, KEYS.Key_N)
    press(desk, KEYS.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    assert "Classes" not in shown(desk)
    press(desk, KEYS.Key_N)
    assert shown(desk) == before
    press(desk, KEYS.Key_N)
    assert "Classes" not in shown(desk)


def test_tab_hides_a_room_beside_the_views_with_the_list_and_brings_both_back(desk):
    desk.window.resize(1900, 1000)
    opened(desk, KEYS.Key_N)
    press(desk, KEYS.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    desk.window.canvas.setFocus()
    press(desk, KEYS.Key_Tab)
    assert shown(desk) == set()
    press(desk, KEYS.Key_Tab)
    assert shown(desk) == {"Images", "Network"}
    press(desk, KEYS.Key_N)
    assert "Classes" in shown(desk)


def test_the_right_column_comes_back_with_a_room_that_tab_hid_and_one_panel_came_before(desk):
    window = desk.window
    window.resize(1920, 1052)
    before = shown(desk)
    opened(desk, KEYS.Key_N)
    click(desk, BESIDE)
    window.canvas.setFocus()
    press(desk, KEYS.Key_Tab)
    assert shown(desk) == set()
    window.docks.toggle("Images")
    desk.settle()
    opened(desk, KEYS.Key_N)
    assert shown(desk) == {"Images", "Network"}
    click(desk, CLOSE)
    assert shown(desk) == before
    window.docks.switch_beside()


def test_the_room_floats_by_a_double_click_on_its_bar_and_comes_back(desk):
    opened(desk, KEYS.Key_N)
    room = desk.window.docks.room
    bar = room.titleBarWidget()
    place = QPoint(room.buttons[OVER].x() - 1, 2)
    desk.qtbot.mouseDClick(bar, LEFT, pos=place)
    desk.until(room.isFloating)
    assert room.isVisible()
    desk.qtbot.mouseDClick(bar, LEFT, pos=place)
    desk.until(lambda: not room.isFloating())
    assert "Network" in shown(desk)


# -- the next start ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", few([None, KEYS.Key_F11], 1))
def test_the_room_comes_back_where_it_was(fresh, make_window, tiny_engine, folder, key):
    fresh.window.resize(1900, 1000)
    opened(fresh, KEYS.Key_N)
    if key is None:
        press(fresh, KEYS.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    else:
        opened(fresh, KEYS.Key_M)
        press(fresh, key)
    places = {n: d.geometry() for n, d in fresh.window.docks.by_name.items() if not d.isHidden()}
    front = fresh.window.docks.room.front
    fresh.window.close()
    fresh.studio.close()
    second = make_window(engine=tiny_engine)
    second.open(folder)
    second.settle()
    assert second.window.docks.room.front == front
    assert second.window.canvas.isVisible() == (key is None)
    now = {n: d.geometry() for n, d in second.window.docks.by_name.items() if not d.isHidden()}
    assert now == places
    press(second, KEYS.Key_N if key is None else KEYS.Key_M)
    assert shown(second) >= {"Images", "Classes", "Model"}


def test_damaged_words_on_the_room_are_passed_over(desk):
    place = desk.window.docks.place
    whole = json.loads(place.to_text())
    for text in (
        "",
        "{",
        "[]",
        '{"place": "above"}',
        place.to_text().replace("below", "left"),
        "[" * 100_000,
        json.dumps({**whole, "over": True, "px": ["?", 1, 1]}).replace('"?"', "1e999"),
    ):
        place.restore(text)
        assert not place.is_beside
        assert not place.covers


# -- titles of the columns ---------------------------------------------------------------------


def test_each_panel_has_a_title_of_32_pixels_whose_menu_lets_it_float_and_closes_it(desk):
    for name in ("Images", "Classes", "Objects", "Disagreement", "Model"):
        dock = desk.window.docks.by_name[name]
        title = dock.titleBarWidget()
        assert title.height() == 32
        assert dock.widget().y() >= 32, "the panel begins below its title"
        assert title.title.text() == name
        assert title.more.accessibleName()
        menu = title.more.menu()
        fold, floating, close = menu.actions()[-3:]
        menu.aboutToShow.emit()
        assert fold.isVisible() == (name in ("Objects", "Disagreement", "Model"))
        assert floating.text() == "Float"
        assert close.text().partition("\t")[0] == "Close"
        floating.trigger()
        assert dock.isFloating()
        menu.aboutToShow.emit()
        assert floating.text() == "Back into the window"
        floating.trigger()
        assert not dock.isFloating()
        close.trigger()
        assert not desk.window.docks.shown(name)


def test_a_double_click_on_a_title_lets_the_panel_float(desk):
    dock = desk.window.docks.by_name["Classes"]
    desk.qtbot.mouseDClick(dock.titleBarWidget(), LEFT, pos=QPoint(150, 16))
    desk.until(dock.isFloating)
    desk.settle()
    dock.resize(700, 300)
    desk.settle()
    assert dock.width() == 700, "what floats is as wide as it is wanted"


def test_a_panel_puts_its_note_beside_its_name_and_its_buttons_before_the_menu(desk):
    images = desk.window.images
    images.count.show_text("12")
    desk.settle()
    title, count, order = images.header.title, images.count, images.order
    assert title.geometry().right() < count.x() < title.geometry().right() + 20
    assert count.geometry().right() < order.x()
    assert order.geometry().right() < images.header.more.x()


def test_every_panel_says_in_its_menu_what_its_key_does_to_it(desk):
    def entries(name: str) -> list[str]:
        menu = desk.window.docks.by_name[name].titleBarWidget().menu
        menu.aboutToShow.emit()
        return [action.text() for action in menu.actions()[-3:] if action.isVisible()]

    def key(name: str) -> None:
        desk.window.commands.run(f"panel.{name.lower()}")
        desk.settle()

    assert entries("Disagreement") == ["Open\tShift+M", "Float", "Close"]
    key("Disagreement")
    assert entries("Disagreement") == ["Fold\tShift+M", "Float", "Close"]
    key("Disagreement")
    assert desk.window.docks.shown("Disagreement")
    assert entries("Classes") == ["Float", "Close"]
    desk.window.commands.set_keymap(
        {"panel.classes": ("Ctrl+J",), "panel.model": ("F7",), "panel.disagreement": ()}
    )
    assert entries("Classes") == ["Float", "Close\tCtrl+J"]
    assert entries("Model") == ["Open\tF7", "Float", "Close"]
    assert entries("Disagreement") == ["Open", "Float", "Close"]
    key("Classes")
    assert not desk.window.docks.shown("Classes")


def test_steps_of_a_resize_put_the_room_where_it_belongs_once(desk, monkeypatch):
    desk.window.resize(1700, 1000)
    opened(desk, KEYS.Key_N)
    click(desk, BESIDE)
    place, applied, told = desk.window.docks.place, [], []
    monkeypatch.setattr(place, "apply", lambda apply=place.apply: (applied.append(1), apply()))
    desk.window.docks.changed.connect(lambda: told.append(1))
    for width in range(1700, 1900, 20):
        desk.window.resize(width, 1000)
    desk.settle()
    assert len(applied) == 1
    assert not told, "it stands where it stood"
    assert desk.window.docks.room.width() == round(0.58 * 1880)
