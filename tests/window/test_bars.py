"""Tool bar, options bar, tool strip and status bar, with real clicks and keys."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QHBoxLayout,
    QSlider,
    QSpinBox,
    QWidget,
)

from segstudio.annotation.ui.tools.tool_table import TOOLS
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel
from segstudio.kit.theme import DARK, LIGHT
from segstudio.session.session import Layer
from segstudio.window.bars import ToolStrip
from segstudio.window.signal_view import number_of, saving_texts

LEFT = Qt.MouseButton.LeftButton
SEMANTIC, INSTANCE = "fake-semantic", "fake-instance"


@pytest.fixture
def desk(bench):
    """A window of the usual size."""
    bench.window.resize(1280, 772)
    bench.settle()
    return bench


@pytest.fixture
def text_font():
    """Sets the application's font for a test."""
    app = QApplication.instance()
    before = app.font()

    def use(family: str) -> None:
        font = QFont(before)
        font.setFamilies([family])
        app.setFont(font)

    yield use
    app.setFont(before)


def shown(parent: QWidget, *kinds: type) -> list[QWidget]:
    return [w for kind in kinds for w in parent.findChildren(kind) if w.isVisible()]


def bars(window) -> tuple[QWidget, ...]:
    return (window.bar, window.options, window.tools, window.status)


def whole(widget: QWidget) -> bool:
    """Whether the text of a button or chooser fits between its rims."""
    text = widget.currentText() if isinstance(widget, QComboBox) else widget.text()
    rims = 34 if isinstance(widget, QComboBox) else 16
    return widget.fontMetrics().horizontalAdvance(text) + rims <= widget.width()


def has_words(button: QAbstractButton) -> bool:
    return button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon


# -- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["DejaVu Sans", "Inter"])
def test_the_bars_have_their_sizes_and_cut_no_text(desk, text_font, family):
    text_font(family)
    window, session = desk.window, desk.session
    models = session.models
    models[SEMANTIC] = replace(models[SEMANTIC], title="Mask R-CNN (small ResNet), nuclei")
    desk.studio.segmenting.choose(SEMANTIC)
    session.set_view(tool="brush")
    for width in (1280, 1920):
        window.resize(width, 772)
        desk.settle()
        heights = (window.menuBar(), window.bar, window.options, window.status)
        assert [bar.height() for bar in heights] == [28, 40, 36, 26]
        assert window.tools.width() == 40
        assert window.tools.button("tool.brush").size().toTuple() == (30, 30)
        assert window.view_controls.row.in_drawer == ()
        assert window.options.row.in_drawer == ()
        for bar in bars(window):
            for widget in shown(bar, QComboBox):
                assert whole(widget), (width, widget.accessibleName())
            for button in shown(bar, QAbstractButton):
                assert not has_words(button) or whole(button), (width, button.text())
        assert window.bar.findChild(QAbstractButton, "qt_toolbar_ext_button").isHidden()


def test_every_control_of_the_bars_has_a_name_a_tip_and_takes_the_keys(desk):
    desk.session.set_view(tool="fill")
    desk.settle()
    for bar in bars(desk.window):
        found = shown(bar, QAbstractButton, QComboBox, QSlider, QSpinBox)
        assert found
        for control in found:
            named = control.accessibleName(), control.toolTip()
            assert all(named), (bar.accessibleName(), *named)
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, named


# -- tool bar --------------------------------------------------------------------------------------


def buttons_named(bar: QWidget, word: str) -> list[QAbstractButton]:
    return [b for b in shown(bar, QAbstractButton) if word in b.accessibleName()]


def test_one_run_is_filled_with_the_accent_and_runs(desk, qtbot):
    window = desk.window
    (run, _run_all, _side_by_side) = buttons_named(window.bar, "Run")
    assert not buttons_named(window.bar, "Cancel")
    for theme, tokens in (("dark", DARK), ("light", LIGHT)):
        window.theme.choose(theme)
        desk.settle()
        seen = run.grab().toImage()
        assert seen.pixelColor(5, seen.height() // 2).name() == tokens.accent
        drawn = icon("play", on_accent=True).pixmap(64, 64).toImage()
        inks = [drawn.pixelColor(x, y) for x in range(64) for y in range(64)]
        assert {c.name() for c in inks if c.alpha() == 255} == {tokens.on_accent}
        ink = QColor(tokens.on_accent)
        area = [seen.pixelColor(x, y) for x in range(8, 26) for y in range(6, 22)]
        assert min(abs(c.lightness() - ink.lightness()) for c in area) < 40
    window.theme.choose("system")
    qtbot.mouseClick(run, LEFT)
    desk.until(lambda: SEMANTIC in desk.session.document.predictions)


def test_the_smallest_window_puts_what_has_no_room_into_a_drawer_that_works(desk, qtbot):
    window, row = desk.window, desk.window.view_controls.row
    window.resize(1024, 640)
    desk.settle()
    assert window.view_controls.colours in row.in_drawer
    assert whole(window.model_chooser)
    right = max(
        b.mapTo(window, b.rect().topRight()).x() for b in shown(window.bar, QAbstractButton)
    )
    assert right < 1024
    row.more.setFocus()
    qtbot.keyClick(row.more, Qt.Key.Key_Space)
    assert row.drawer.isVisible()
    assert row.drawer.isAncestorOf(QApplication.focusWidget())
    opacity = window.view_controls.opacity
    before = desk.session.view.opacity
    opacity.setFocus()
    qtbot.keyClick(opacity, Qt.Key.Key_Right)
    assert desk.session.view.opacity > before
    qtbot.keyClick(row.drawer, Qt.Key.Key_Escape)
    assert not row.drawer.isVisible()
    window.resize(1280, 640)
    desk.until(lambda: row.in_drawer == ())
    assert opacity.isVisible()


def test_the_right_column_closes_and_comes_back_as_it_was(desk, qtbot):
    docks = desk.window.docks
    docks.by_name["Disagreement"].close()
    right = [name for name in docks.by_name if docks.shown(name) and name != "Images"]
    (button,) = buttons_named(desk.window.bar, "Right column")
    desk.until(button.isChecked)
    qtbot.mouseClick(button, LEFT)
    assert [name for name in right if docks.shown(name)] == []
    assert not button.isChecked()
    qtbot.mouseClick(button, LEFT)
    assert [name for name in docks.by_name if docks.shown(name) and name != "Images"] == right
    assert button.isChecked()


# -- options bar -----------------------------------------------------------------------------------


def test_the_options_follow_the_tool_in_hand(desk, qtbot):
    options, session = desk.window.options, desk.session
    assert options.name.text() == "Hand"
    assert options.hint.isVisible()
    assert options.hint.text().startswith("Drag to move the image")
    qtbot.keyClick(desk.window, Qt.Key.Key_B)
    desk.until(lambda: options.name.text() == "Brush")
    words = [label.text() for label in shown(options.brush, PlainLabel)]
    assert words == ["Size"]
    options.brush.slider.setFocus()
    qtbot.keyClick(options.brush.slider, Qt.Key.Key_End)
    assert session.view.brush_size == 2000
    assert options.brush.number.text() == "2000 px"
    (square,) = [b for b in shown(options, QAbstractButton) if b.text() == "Square brush"]
    qtbot.mouseClick(square, LEFT)
    assert session.view.brush_square
    assert square.isChecked()
    assert options.limits.isVisible()
    qtbot.keyClick(desk.window, Qt.Key.Key_E)
    desk.until(lambda: options.name.text() == "Eraser")
    assert options.brush.isVisible()
    assert square.isVisible()
    qtbot.keyClick(desk.window, Qt.Key.Key_G)
    desk.until(lambda: options.name.text() == "Fill")
    assert not square.isVisible()


def test_no_menu_is_higher_than_the_screen_of_a_laptop(desk):
    """It would be laid out in two columns, over the menus themselves."""
    for title, menu in desk.window.menus.items():
        assert menu.sizeHint().height() < 700, title


def test_every_command_of_disagreement_stands_in_its_own_menu(desk):
    menus = desk.window.menus
    (below,) = [a.menu() for a in menus["View"].actions() if a.text() == "Disagreement"]
    assert [a.objectName() for a in below.actions()] == [
        f"disagreement.{what}" for what in ("show", "next", "previous", "leave")
    ]
    assert "disagreement.take" in [a.objectName() for a in menus["Edit"].actions()]


def test_options_without_room_go_into_the_drawer_and_a_hint_goes(desk, qtbot):
    options = desk.window.options
    desk.window.resize(1600, 772)
    desk.session.set_view(tool="fill")
    desk.settle()
    assert options.row.in_drawer == ()
    assert options.hint.isVisible()
    legend = PlainLabel("a legend that is common to all views")
    legend.setFixedWidth(options.row.width() - 120)
    options.add_right(legend)
    desk.until(lambda: len(options.row.in_drawer) == 2)
    assert legend.isVisible()
    assert legend.geometry().right() <= options.width() - 8
    assert not options.hint.isVisible()
    qtbot.mouseClick(options.row.more, LEFT)
    (connected,) = [
        b for b in shown(options.row.drawer, QAbstractButton) if "connected" in b.text()
    ]
    qtbot.mouseClick(connected, LEFT)
    assert not desk.session.view.fill_contiguous
    options.row.drawer.close()
    legend.hide()
    desk.until(lambda: options.row.in_drawer == ())
    legend.deleteLater()


def test_options_fit_whichever_tool_was_in_hand_before(desk):
    """The row grows and shrinks with the tool's name, while its options are being placed."""
    desk.studio.schema_keeper.set(desk.session.schema.with_objects({1}, keeps_ids=False))
    desk.session.set_view(active_class=1)
    row = desk.window.options.row
    for before, tool in (("pan", "superpixel"), ("contrast", "brush"), ("brush", "prompt")):
        for name in (before, tool):
            desk.session.set_view(tool=name)
            desk.settle()
        placed = row.in_drawer
        row.fit(row.width())
        assert row.in_drawer == placed, (before, tool)


def test_views_side_by_side_are_named_and_lead_to_the_choice_of_models(desk, qtbot):
    options = desk.window.options
    desk.studio.comparing.set_layout(4)
    desk.until(lambda: options.name.text() == "Compare")
    assert options.views.text() == "4 views"
    (choose,) = [b for b in shown(options, QAbstractButton) if "side by side" in b.text()]
    qtbot.mouseClick(choose, LEFT)
    dialog = QApplication.activeModalWidget()
    assert "side by side" in dialog.windowTitle().lower()
    dialog.close()
    qtbot.keyClick(desk.window, Qt.Key.Key_B)
    desk.until(lambda: options.name.text() == "Brush")


def test_a_pinned_pixel_is_told_beside_the_hand_and_freed_by_a_click(desk, qtbot):
    options, session = desk.window.options, desk.session
    session.set_inspection(point=(17, 9))
    desk.until(options.pinned.isVisible)
    desk.settle()
    assert options.pinned.text() == "17, 9"
    assert options.pinned.isEnabled()
    qtbot.keyClick(desk.window, Qt.Key.Key_B)
    desk.until(lambda: not options.pinned.isVisible())
    qtbot.keyClick(desk.window, Qt.Key.Key_H)
    desk.until(options.pinned.isVisible)
    qtbot.mouseClick(options.pinned, LEFT)
    assert session.inspection.point is None
    desk.until(lambda: not options.pinned.isVisible())


# -- tool strip ------------------------------------------------------------------------------------


def test_tools_without_room_go_into_a_menu_that_shows_the_one_in_hand(desk, qtbot):
    strip = desk.window.tools
    assert not strip.more.isVisible()
    desk.window.docks.toggle_area(Qt.DockWidgetArea.LeftDockWidgetArea)
    strip.setFixedHeight(220)  # as beside a room below, in a low window
    desk.until(strip.more.isVisible)
    titles = [action.text() for action in strip.more.menu().actions()]
    assert titles[-2:] == ["Show overlay", "Fit image"]
    assert "Pick class" in titles
    assert strip.button("tool.brush").isVisible()
    last = [w for w in shown(strip, QAbstractButton) if w is not strip.swatch][-1]
    assert strip.swatch.geometry().top() > last.geometry().bottom()
    assert strip.swatch.geometry().bottom() <= 220
    assert not strip.more.isChecked()
    strip.more.menu().actions()[titles.index("Pick class")].trigger()
    assert desk.session.view.tool == "pick"
    desk.until(strip.more.isChecked)
    qtbot.mouseClick(strip.button("tool.brush"), LEFT)
    desk.until(lambda: not strip.more.isChecked())
    strip.setMinimumHeight(0)
    strip.setMaximumHeight(10_000)
    desk.until(lambda: not strip.more.isVisible())
    assert strip.button("view.fit").isVisible()


def test_the_strip_lays_its_window_out_a_few_times_whatever_goes_into_its_menu(desk, qtbot):
    class Counting(QHBoxLayout):
        count = 0

        def setGeometry(self, rect: QRect) -> None:
            self.count += 1
            super().setGeometry(rect)

    host = QWidget()
    qtbot.addWidget(host)
    row = Counting(host)
    strip = ToolStrip(desk.window.commands, TOOLS)
    row.addWidget(strip)
    host.resize(60, 900)
    host.show()
    desk.until(strip.isVisible)
    QApplication.processEvents()
    for height in (220, 900):
        row.count = 0
        host.resize(60, height)
        QApplication.processEvents()
        assert strip.more.isVisible() == (height == 220)
        assert row.count <= 4


def test_the_swatch_shows_chooses_and_swaps_the_class(desk, qtbot):
    swatch, session = desk.window.tools.swatch, desk.session

    def color_of(class_id: int) -> tuple[int, int, int]:
        return tuple(session.schema.get(class_id).color)

    def seen(x: int, y: int) -> tuple[int, int, int]:
        return swatch.grab().toImage().pixelColor(x, y).getRgb()[:3]

    session.set_view(active_class=2, previous_class=1)
    desk.settle()
    assert (seen(10, 10), seen(23, 23)) == (color_of(2), color_of(0))
    qtbot.mouseClick(swatch, LEFT, pos=QPoint(23, 23))
    assert session.view.active_class == 0
    desk.settle()
    assert (seen(10, 10), seen(23, 23)) == (color_of(0), color_of(2))
    qtbot.mouseClick(swatch, Qt.MouseButton.RightButton, pos=QPoint(23, 23))
    assert session.view.active_class == 0, "another button swaps nothing"
    menu = swatch.menu()
    menu.aboutToShow.emit()
    rows = [action.text() for action in menu.actions()]
    assert rows[:3] == ["background\t0", "class 1\t1", "class 2\t2"]
    assert [action.isChecked() for action in menu.actions()[:3]] == [True, False, False]
    menu.actions()[1].trigger()
    assert session.view.active_class == 1
    assert swatch.accessibleDescription() == "class 1"


def test_the_menu_of_classes_shows_names_as_they_are(desk):
    desk.studio.schema_keeper.rename_class(1, "salt & <b>pepper</b>")
    menu = desk.window.tools.swatch.menu()
    menu.aboutToShow.emit()
    assert menu.actions()[1].text() == "salt && <b>pepper</b>\t1"
    desk.session.set_view(active_class=1)
    assert "salt &amp; &lt;b&gt;pepper" in desk.window.tools.swatch.toolTip()


# -- status bar ------------------------------------------------------------------------------------


def test_rooms_open_and_close_from_the_status_bar(desk, qtbot):
    status, docks = desk.window.status, desk.window.docks
    assert list(status.rooms) == ["Network", "Evaluation", "Training"]
    button = status.rooms["Evaluation"]
    assert button.text() == "Evaluation"
    qtbot.mouseClick(button, LEFT)
    assert docks.shown("Evaluation")
    assert button.isChecked()
    desk.settle()
    qtbot.mouseClick(button, LEFT)
    assert not docks.shown("Evaluation")
    assert not button.isChecked()
    desk.settle()


def test_the_pixel_is_told_with_words_and_nothing_jumps(desk):
    window, status = desk.window, desk.window.status
    desk.studio.segmenting.run_models([SEMANTIC])
    desk.until(lambda: SEMANTIC in desk.session.document.predictions)
    desk.settle()
    window.signal_view.on_hover(5, 6)  # red is 5 times the column, green 7 times the row
    assert status.texts["Pointer"] == "5, 6"
    assert status.texts["Pixel values"] == "25 42 0"
    assert status.texts["Annotation class"] == "class 1"
    assert status.texts["Predicted class"] == "background 78 %"
    desk.settle()
    captions = [w.text() for w in shown(status, PlainLabel) if w.text()]
    assert captions[:3] == ["RGB", "annotation", "Fake U-Net"]
    window.signal_view.on_hover(40, 31)  # background, longer than "class 1", with longer numbers
    desk.settle()
    lefts = [w.mapTo(status, QPoint()).x() for w in shown(status, QWidget)]
    window.signal_view.on_hover(5, 6)
    desk.settle()
    assert [w.mapTo(status, QPoint()).x() for w in shown(status, QWidget)] == lefts
    window.signal_view.on_left()
    assert status.texts["Pointer"] == ""
    desk.settle()
    assert not any(w.text() == "annotation" for w in shown(status, PlainLabel))


def test_what_the_network_says_stands_apart_from_what_the_model_says(desk):
    status = desk.window.status
    desk.window.resize(1920, 772)
    status.show_pixel("1, 2", "8", "class 1", "class 2 97 %", model="U-Net")
    status.show_network("class 2 97.1 % (4.34)")
    desk.settle()
    before, after = status._prediction, status._network
    end = before.mapTo(status, QPoint(before.width(), 0)).x()
    assert after.mapTo(status, QPoint()).x() - end >= 8
    status.show_network("")
    assert not status._network_line.isVisible()


def test_the_zoom_is_chosen_in_the_status_bar_and_by_a_key(desk, qtbot):
    window = desk.window
    texts = [action.text() for action in window.status.zoom.menu().actions()]
    assert texts == ["Fit image", "Actual size (100 %)", "Twice the size (200 %)"]
    window.status.zoom.menu().actions()[2].trigger()
    assert window.canvas.zoom == 2
    assert window.status.zoom.text() == "200 %"
    window.status.zoom.menu().actions()[1].trigger()
    assert window.status.texts["Zoom"] == "100 %"
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.canvas.zoom == 2


def test_saving_is_told_while_one_paints(desk):
    status = desk.window.status
    assert status.texts["Saving"] == ""
    desk.session.set_view(tool="brush", active_class=1)
    desk.studio.editing.begin_stroke(30, 5)
    desk.studio.editing.end_stroke()
    desk.until(lambda: status.texts["Saving"] == "not saved yet")
    assert desk.window.isWindowModified()
    assert desk.window.windowTitle() == "field_0.png[*] - pictures - segstudio"
    desk.studio.autosave.save_all()
    now = time.strftime("Saved %H:%M", time.localtime(desk.session.document.edited_at))
    desk.until(lambda: status.texts["Saving"] == now)


def test_what_is_not_saved_says_why(desk):
    document = desk.session.document
    at_once = {"after_s": 1.0, "key": "Ctrl+S"}
    assert saving_texts(document, "", "", **at_once) == ("", "")
    locked = saving_texts(document, "Another segstudio has it open.", "", **at_once)
    assert locked == ("read-only", "Another segstudio has it open.")
    desk.studio.editing.begin_stroke(30, 5)
    desk.studio.editing.end_stroke()
    text, tip = saving_texts(document, "", "The disk is full.", **at_once)
    assert (text, tip) == ("not saved", "The disk is full.")
    name = "field_0.png is saved"

    def tip_of(after_s, key) -> str:
        return saving_texts(document, "", "", after_s=after_s, key=key)[1]

    assert tip_of(None, "F2") == f"{name} with F2."
    assert tip_of(None, "") == f"{name} by File > Save."
    assert tip_of(1.0, "F2") == f"{name} a second after the last stroke, or now with F2."
    assert tip_of(0.2, "") == f"{name} 0.2 seconds after the last stroke, or now by File > Save."
    desk.studio.autosave.save_all()
    desk.settle()
    document.edited_at = 1_000_000_000.0  # in September 2001
    assert saving_texts(document, "", "", **at_once)[0] == "Saved 2001-09-09"


def test_the_tip_on_saving_follows_the_settings(desk):
    place = desk.window.status._saved
    desk.window.verbs._change_setting("autosave_seconds", 60.0)
    desk.studio.editing.begin_stroke(30, 5)
    desk.studio.editing.end_stroke()

    def says(words: str) -> bool:
        return words in place.toolTip().replace("\n", " ")

    desk.until(lambda: says("60 seconds after the last stroke"))
    desk.window.verbs._change_setting("autosave_seconds", 30.0)
    desk.until(lambda: says("30 seconds after the last stroke"))
    desk.window.commands.set_keymap({"file.save": ("F2",)})
    desk.until(lambda: says("or now with F2"))


def test_a_long_job_leaves_room_for_the_rest_at_the_smallest_width(desk):
    window, status = desk.window, desk.window.status
    desk.session.set_view(active_class=1)
    window.resize(1024, 640)
    window.signal_view.on_hover(5, 6)
    title = "Evaluating Small U-Net, pixel shuffle on nuclei-10-noisy.png of a long folder"
    status.jobs.show_job(title, 3, 12, 4, lambda: None, "job")
    desk.settle()
    assert status.jobs.text == f"{title} (+4 waiting)"
    for control in (status.jobs.button, status.zoom, *status.rooms.values()):
        at = control.mapTo(window, QPoint())
        assert at.x() >= 0
        assert at.x() + control.width() <= 1024
    ends = sorted(
        (w.mapTo(status, QPoint()).x(), w.width()) for w in shown(status, QAbstractButton)
    )
    assert all(x + width <= nxt for (x, width), (nxt, _) in pairwise(ends))


@pytest.mark.parametrize(("width", "whole"), [(1440, True), (1100, False)])
def test_what_lies_under_the_pointer_comes_before_the_title_of_a_job(desk, width, whole):
    window, status = desk.window, desk.window.status
    window.resize(1440, 720)
    title = "Looking for a faster way to run U-Net, nuclei: float32 in rows"
    status.jobs.show_job(title, 3, 12, 0, lambda: None, "job")
    desk.settle()
    wide = status.jobs._text.width()
    window.resize(width, 720)
    annotated = "nucleus #33, stroke extends it"
    status.show_pixel("220, 338", "155", annotated, "nucleus 100 %", color_kind="grey", model="Net")
    desk.settle()
    for place in (status._annotation, status._prediction):
        assert place.value.width() >= place.value.sizeHint().width(), place.name
    # it is cut where there is no room beside it, and only there
    assert (status.jobs._text.width() == wide) is whole
    status.clear_pixel()
    window.resize(1280, 720)
    desk.settle()
    assert status.jobs._text.width() == wide


# -- objects ---------------------------------------------------------------------------------------


def test_objects_are_counted_where_they_are_told_apart(desk):
    status, session = desk.window.status, desk.session
    assert status.texts["Objects"] == ""
    desk.studio.segmenting.run_models([INSTANCE])
    desk.until(lambda: INSTANCE in session.document.predictions)
    desk.until(lambda: status.texts["Objects"] == "2")  # boxes at 0.9 and 0.6
    desk.studio.segmenting.set_options(score_threshold=0.8)
    desk.until(lambda: status.texts["Objects"] == "1")
    session.set_view(layer=Layer.NONE)
    desk.until(lambda: status.texts["Objects"] == "")
    session.set_view(layer=Layer.PREDICTION)
    desk.until(lambda: status.texts["Objects"] == "1")
    desk.studio.segmenting.run_models([SEMANTIC])
    desk.until(lambda: session.view.run == SEMANTIC)
    desk.until(lambda: status.texts["Objects"] == "")


def test_a_count_that_comes_too_late_is_not_told(desk):
    status, session, jobs = desk.window.status, desk.session, desk.studio.jobs
    desk.studio.segmenting.run_models([INSTANCE])
    desk.until(lambda: status.texts["Objects"] == "2")
    session.set_view(layer=Layer.NONE)
    desk.until(lambda: status.texts["Objects"] == "")
    desk.engine.gate.clear()
    jobs.submit("Other work", "scores", lambda _job: desk.engine.gate.wait(30))
    session.set_view(layer=Layer.PREDICTION)
    desk.until(lambda: any(job.title == "Counting objects" for job in jobs.jobs()))
    session.set_view(layer=Layer.NONE)
    desk.qtbot.wait(400)  # it is looked at three times a second
    desk.engine.gate.set()
    desk.until(lambda: not any(job.lane == "scores" for job in jobs.jobs()))
    desk.settle()
    assert status.texts["Objects"] == ""


def test_zero_is_no_object():
    ids = np.array([[0, 3, 3], [65535, 0, 7]], np.uint16)
    assert number_of(ids) == 3
    assert number_of(np.zeros((2, 2), np.uint16)) == 0


def test_tools_of_a_group_share_a_button_whose_corner_lists_them(desk, qtbot):
    strip, session = desk.window.tools, desk.session
    button = strip.button("tool.rectangle")
    assert button is strip.button("tool.lasso") is strip.button("tool.ellipse")
    qtbot.mouseClick(button, LEFT)
    assert session.view.tool == "lasso"
    qtbot.keyClick(desk.window, Qt.Key.Key_R)
    assert session.view.tool == "rectangle"
    assert button.isChecked()
    assert button.defaultAction().text() == "Rectangle"
    qtbot.keyClick(desk.window, Qt.Key.Key_B)
    qtbot.waitUntil(lambda: not button.isChecked())
    qtbot.mouseClick(button, LEFT)  # the one that was in hand last
    assert session.view.tool == "rectangle"
    corner = QPoint(button.width() - 4, button.height() - 4)
    qtbot.mouseClick(button, LEFT, pos=corner)
    assert button.list.isVisible()
    assert [action.text() for action in button.list.actions()] == ["Lasso", "Rectangle", "Ellipse"]
    button.list.actions()[2].trigger()
    button.list.close()
    assert session.view.tool == "ellipse"
    assert button.accessibleName() == "Ellipse"
    session.set_view(tool="brush")


def test_how_a_polygon_ends_is_told_in_the_status_bar_while_it_is_drawn(desk, qtbot):
    window, viewport = desk.window, desk.window.canvas.viewport
    qtbot.keyClick(window, Qt.Key.Key_P)
    middle = viewport.rect().center()
    for way in (QPoint(0, 0), QPoint(40, 0), QPoint(40, 40)):
        qtbot.mouseClick(viewport, LEFT, pos=middle + way)
    assert window.status.texts["Tool"].startswith("Enter, double click or the first corner paints")
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert window.status.texts["Tool"] == ""
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert window.status.texts["Tool"]
    qtbot.keyClick(viewport, Qt.Key.Key_Escape)
    assert window.status.texts["Tool"] == ""
    qtbot.keyClick(window, Qt.Key.Key_H)
