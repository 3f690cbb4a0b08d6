"""The line on the upper edge of each view: words, figures, menu, keyboard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QFont, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from views_desk import LEFT, NONE, open_views, predict, square, viewport

from segstudio.canvas.picture_words import header_font
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.kit.theme import ON_PICTURE
from segstudio.metrics.confusion import ConfusionMatrix
from segstudio.session.session import Layer, OverlayStyle, Pane, What

SHIFT = Qt.KeyboardModifier.ShiftModifier
SMALL = {
    "a": "Small U-Net, transposed",
    "b": "Small U-Net, bilinear",
    "c": "Small U-Net, pixel shuffle",
    "d": "Small U-Net, no skips",
}


@pytest.fixture
def views(desk):
    return open_views(desk)


def header(desk, number: int = 0):
    return desk.canvas.panes[number].header


def name_all(desk, titles: dict[str, str]) -> None:
    """Predictions of these names, the last one with the highest score, each in a view."""
    for number, (run, title) in enumerate(titles.items()):
        predict(desk, run, square(1, 5, 5))
        found = desk.session.document.predictions
        found[run] = replace(found[run], title=title)
        # of 100 pixels of class 1 so many are found, and nothing is wrong besides
        hit = 70 + number
        counts = np.array([[1900, 0, 0, 0], [100 - hit, hit, 0, 0], [0] * 4, [0] * 4])
        desk.session.counts[(desk.session.index, run)] = ConfusionMatrix(counts)
    runs = list(titles)
    desk.session.set_view(
        layer=Layer.DIFFERENCE, run=runs[0],
        panes=tuple(Pane(Layer.DIFFERENCE, run) for run in runs[1:]),
    )  # fmt: skip
    desk.session.notify(What.PREDICTIONS | What.SCORES)
    desk.settle()
    desk.canvas._fill_headers()


def menu_of(desk, number: int = 0, **keys):
    """The menu that a click on the name opens."""
    QTest.mouseClick(header(desk, number).name, LEFT)
    return QApplication.activePopupWidget()


def entry(menu, text: str):
    found = [action for action in menu.actions() if action.text() == text]
    assert found, [action.text() for action in menu.actions()]
    return found[0]


def click_entry(menu, text: str, keys=NONE) -> None:
    QTest.mouseClick(menu, LEFT, keys, menu.actionGeometry(entry(menu, text)).center())


# -- where it lies -------------------------------------------------------------------------------


def test_each_view_has_a_header_on_the_upper_edge_of_its_picture(views):
    for number, pane in enumerate(views.canvas.shown_panes):
        assert pane.header.isVisible()
        assert pane.header.geometry().getRect() == (0, 0, pane.width(), 24)
        assert pane.viewport.geometry() == pane.rect(), number
    views.session.set_view(panes=())
    views.settle()
    assert header(views).isVisible()


def test_the_picture_is_seen_through_it_and_white_shines_but_little(desk):
    desk.open(desk.flat(40, 50, 255))
    desk.place(20.0)
    desk.session.set_view(layer=Layer.NONE)
    desk.settle()
    seen = desk.canvas.panes[0].grab().toImage().pixelColor(200, 12).red()
    ground = int(ON_PICTURE.ground[1:3], 16)
    assert seen == pytest.approx(0.78 * ground + 0.22 * 255, abs=1)


def test_what_is_fitted_lies_clear_of_the_header(desk):
    desk.canvas.resize(300, 300)
    desk.open(desk.flat(50, 50))
    desk.canvas.fit()
    assert desk.viewport.zoom == 5  # 300 - 24 - 2 * 8 = 260
    assert desk.viewport.to_screen((0, 0))[1] == 24 + (276 - 250) / 2
    assert desk.viewport.to_screen((50, 50))[1] <= 300


def test_the_ring_of_the_brush_goes_when_the_pointer_is_on_the_header(desk, qtbot):
    desk.open(desk.flat(40, 50))
    desk.take("brush", brush_size=9)
    QTest.mouseMove(desk.viewport, QPoint(120, 90))
    QTest.mouseMove(desk.viewport, QPoint(120, 80))
    assert desk.viewport.has_pointer
    QTest.mouseMove(header(desk), QPoint(120, 10))
    QTest.mouseMove(header(desk), QPoint(121, 11))
    assert not desk.viewport.has_pointer


# -- what it says --------------------------------------------------------------------------------


def test_what_the_names_have_in_common_is_said_once(views):
    views.canvas.resize(900, 600)
    name_all(views, SMALL)
    assert [views.said(number) for number in range(4)] == [
        "transposed", "bilinear", "pixel shuffle", "no skips",
    ]  # fmt: skip
    assert views.explained()[0] == "Small U-Net"
    assert header(views, 1).name.said.whole == "Small U-Net, bilinear"
    assert "Small U-Net, bilinear" in header(views, 1).name.toolTip()
    assert "Small U-Net, bilinear" in header(views, 1).name.accessibleName()
    markers = {header(views, number).name.said.marker for number in range(4)}
    assert len(markers) == 4


def test_views_of_different_layers_say_the_layer_too(views):
    name_all(views, dict(list(SMALL.items())[:2]))
    views.session.set_pane(1, layer=Layer.ENTROPY)
    assert [views.said(0), views.said(1)] == ["transposed difference", "bilinear entropy"]
    views.session.set_view(active_pane=1)
    assert views.explained() == ["Small U-Net", "Entropy", "0.25", "0.5", "undecided"]
    views.session.set_view(active_pane=0)
    assert "only the annotation" in views.explained()


def test_which_is_filled_and_which_is_dashed_is_said_once_for_several_views(views):
    name_all(views, SMALL)
    views.session.set_view(
        layer=Layer.BOTH,
        panes=tuple(replace(p, layer=Layer.BOTH) for p in views.session.view.panes),
    )
    assert views.said(1) == "bilinear"
    assert views.explained() == ["Small U-Net", "annotation filled", "model dashed"]


def test_with_one_view_the_score_says_of_what_it_is_and_against_what(views):
    name_all(views, SMALL)
    views.session.schema = LabelSchema(
        (ClassSpec(0, "background", (0, 0, 0)), ClassSpec(1, "nucleus", views.RED))
    )
    views.session.set_view(panes=(), layer=Layer.BOTH, run="c")
    views.session.notify(What.SCHEMA)
    views.canvas.resize(900, 400)
    views.canvas._fill_headers()
    assert header(views).score.shown == "nucleus IoU 0.720 against ground truth"
    views.session.document.edited_at = 0.0
    views.canvas._fill_headers()
    assert header(views).score.shown == "nucleus IoU 0.720 against your annotation"
    views.session.document.runs_before = frozenset({"c@0.5"})
    views.canvas._fill_headers()
    assert header(views).score.shown == "nucleus IoU 0.720 partly against its own pixels"
    assert "partly against its own pixels" in header(views).score.toolTip().replace("\n", " ")
    views.session.document.runs_before = frozenset({"a"})
    views.canvas._fill_headers()
    assert header(views).score.shown == "nucleus IoU 0.720 against your annotation"
    views.canvas.resize(520, 400)
    assert header(views).score.shown == "nucleus IoU 0.720"
    views.canvas.resize(250, 400)
    assert header(views).score.shown == "0.720"
    assert header(views).name.shown.startswith("Annotation")


def test_several_views_have_the_figure_alone_and_the_best_a_star(views):
    views.canvas.resize(560, 480)
    name_all(views, SMALL)
    scores = [header(views, number).score for number in range(4)]
    assert [score.shown for score in scores] == ["0.700", "0.710", "0.720", "0.730"]
    assert [score.words.best for score in scores] == [False, False, False, True]
    assert "foreground mIoU" in scores[3].toolTip()
    assert "best" in scores[3].accessibleDescription()
    star = _star_pixels(header(views, 3))
    assert star > 25
    assert _star_pixels(header(views, 2)) == 0
    views.session.set_view(layer=Layer.MODELS)  # of which the figure of one model says nothing
    views.canvas._fill_headers()
    assert header(views, 0).score.isHidden()


def _star_pixels(widget) -> int:
    image = widget.grab().toImage()
    return sum(
        image.pixelColor(x, y).name() == ON_PICTURE.best
        for x in range(image.width())
        for y in range(image.height())
    )


@pytest.mark.parametrize("width", [150, 190, 230])
def test_a_narrow_header_keeps_the_figure_and_the_end_of_the_name(views, width):
    name_all(
        views, {"a": "DeepLabV3 in the dark of the night", "b": "Mask R-CNN tuned for a half day"}
    )
    views.canvas.resize(2 * width + 1, 200)
    views.settle()
    views.canvas._fill_headers()
    for number, end in ((0, " night"), (1, "lf day")):
        found = header(views, number)
        assert found.width() in range(width, 2 * width + 2)
        assert found.score.shown in ("0.700", "0.710")
        assert found.score.geometry().right() <= found.width()
        assert found.name.geometry().right() < found.score.geometry().left()
        assert found.name.shown.endswith(end)
        drawn = found.name._width_of(found.name._fitted())
        assert drawn <= found.name.width() + 6


def test_the_active_view_has_an_accent_on_its_top_and_a_single_view_none(views):
    views.session.set_view(active_pane=2)
    views.canvas._fill_headers()

    def tops() -> list[bool]:
        return [
            pane.header.grab().toImage().pixelColor(60, 0).name() == ON_PICTURE.accent
            for pane in views.canvas.shown_panes
        ]

    assert tops() == [False, False, True, False]
    QTest.mouseClick(header(views, 1), LEFT, NONE, QPoint(header(views, 1).width() // 2, 12))
    views.canvas._fill_headers()
    assert tops() == [False, True, False, False]
    views.session.set_view(panes=())
    views.settle()
    views.canvas._fill_headers()
    assert tops() == [False]


def test_a_first_stroke_makes_the_annotation_a_layer(desk, qtbot):
    desk.open(desk.flat(40, 50), prediction=square(1, 5, 5))
    assert desk.said() == "Model filled"
    desk.place(8.0)
    desk.take("brush", active_class=2)
    desk.click(20, 20)

    def said() -> list[str]:
        return [part.text for part in header(desk).name.said.parts]

    qtbot.waitUntil(lambda: said() == ["Annotation", "filled", "", "Model", "dashed"])


def test_the_names_are_worked_out_once_for_headers_and_legend(views, monkeypatch):
    from segstudio.canvas import view_words

    worked, names_in_views = [], view_words.names_in_views
    monkeypatch.setattr(
        view_words, "names_in_views", lambda *a: (worked.append(1), names_in_views(*a))[1]
    )
    views.session.notify(What.PREDICTIONS)
    views.canvas._fill_headers()
    views.legend._show()
    assert len(worked) == 1


def test_the_header_follows_the_size_of_the_text(desk):
    desk.open(desk.flat(40, 50), prediction=square(1, 5, 5))
    desk.canvas.fit()
    desk.settle()
    pane, before = desk.canvas.panes[0], desk.canvas.font()
    width, top = pane.header.name.width(), desk.viewport.to_screen((0, 0))[1]
    assert pane.header.height() == 24
    larger = QFont(before)
    larger.setPixelSize(26)
    try:
        for widget in (pane.header, pane.header.name):
            widget.setFont(larger)
        desk.settle()
        height = QFontMetrics(header_font(larger)).height() + 6
        assert height > 24
        assert pane.header.height() == desk.viewport.covered_px == height
        assert pane.header.name.height() == height
        assert pane.header.name.width() > 1.5 * width
        assert desk.viewport.to_screen((0, 0))[1] > top
    finally:
        for widget in (pane.header, pane.header.name):
            widget.setFont(before)
        desk.settle()
    assert pane.header.height() == 24
    assert pane.header.name.width() == width


# -- the menu ------------------------------------------------------------------------------------


def test_a_click_on_the_name_chooses_layer_prediction_and_style_of_that_view(views):
    menu = menu_of(views, 1)
    assert views.session.view.active_pane == 1
    assert entry(menu, "Prediction").isChecked()
    assert entry(menu, "Model a").isChecked()
    click_entry(menu, "Model b")
    assert views.session.view.panes[0] == Pane(Layer.PREDICTION, "b")
    click_entry(menu_of(views, 1), "Confidence")
    assert views.session.view.panes[0] == Pane(Layer.CONFIDENCE, "b")
    assert views.session.view.layer is Layer.ANNOTATION
    menu = menu_of(views, 1)
    style = entry(menu, "Style").menu()
    entry(style, "Outline").trigger()
    menu.close()
    assert views.session.view.style is OverlayStyle.OUTLINE


def test_with_shift_it_is_chosen_for_all_views(views):
    click_entry(menu_of(views, 2), "Difference", SHIFT)
    assert {pane.layer for pane in views.session.view.all_panes} == {Layer.DIFFERENCE}
    assert [pane.run for pane in views.session.view.all_panes] == ["a", "a", "b", "a"]
    menu = menu_of(views, 0)
    assert not entry(menu, "With Shift: for all views").isEnabled()
    click_entry(menu, "Model b", SHIFT)
    assert {pane.run for pane in views.session.view.all_panes} == {"b"}


def test_the_keyboard_opens_the_menu_and_chooses(views, qtbot):
    name = header(views, 1).name
    name.setFocus(Qt.FocusReason.TabFocusReason)
    assert name.hasFocus()
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Down):
        QTest.keyClick(name, key)
        menu = QApplication.activePopupWidget()
        assert menu is not None
        QTest.keyClick(menu, Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)
    QTest.keyClick(name, Qt.Key.Key_Space)
    menu = QApplication.activePopupWidget()
    menu.setActiveAction(entry(menu, "Photo only"))
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert views.session.view.panes[0].layer is Layer.NONE


def test_tab_goes_from_a_name_to_its_picture_and_back_and_the_ring_is_seen(views):
    for number in (0, 2):
        header(views, number).name.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(header(views, number).name, Qt.Key.Key_Tab)
        assert viewport(views, number).hasFocus()
        QTest.keyClick(viewport(views, number), Qt.Key.Key_Backtab, SHIFT)
        assert header(views, number).name.hasFocus()
    viewport(views, 1).setFocus()
    name = header(views, 0).name
    views.canvas._fill_headers()
    plain = name.grab().toImage().pixelColor(0, 12).name()
    name.setFocus(Qt.FocusReason.TabFocusReason)
    ring = name.grab().toImage().pixelColor(0, 12).name()
    assert plain != ring == ON_PICTURE.accent


def test_a_right_click_on_picture_or_header_and_the_menu_key_open_it_too(views):
    mouse, key = QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard
    for target, reason in (
        (viewport(views, 3), mouse), (header(views, 3), mouse), (viewport(views, 3), key),
    ):  # fmt: skip
        views.session.set_view(active_pane=0)
        place = QPoint(80, 12)
        event = QContextMenuEvent(reason, place, target.mapToGlobal(place))
        QApplication.sendEvent(target, event)
        menu = QApplication.activePopupWidget()
        assert menu is not None
        assert views.session.view.active_pane == 3
        menu.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_both_sides_of_a_wiped_view_are_named_and_chosen(views):
    views.canvas.resize(700, 400)
    views.session.set_view(panes=(), layer=Layer.PREDICTION, run="a")
    views.settle()
    click_entry(menu_of(views), "Wipe: two layers beside a line (Shift+C)")
    views.canvas._fill_headers()
    found = header(views)
    assert found.name.shown == "a filled"
    assert found.other.shown == "b filled"
    assert found.name.geometry().right() < 350 <= found.other.geometry().left()
    QTest.mouseClick(found.other, LEFT)
    click_entry(QApplication.activePopupWidget(), "Photo only")
    assert views.session.view.against.layer is Layer.NONE
    assert views.session.view.layer is Layer.PREDICTION
    click_entry(menu_of(views), "Wipe: two layers beside a line (Shift+C)")
    views.canvas._fill_headers()
    assert found.other.isHidden()


def test_the_second_of_two_models_is_chosen_in_the_menu(views):
    predict(views, "c", square(2, 5, 5))
    views.session.set_pane(1, layer=Layer.MODELS)
    menu = menu_of(views, 1)
    against = entry(menu, "Against").menu()
    assert [a.text() for a in against.actions() if a.isChecked()] == ["Model b"]
    entry(against, "Model c").trigger()
    menu.close()
    assert views.session.view.panes[0] == Pane(Layer.MODELS, "a", "c")
    assert views.said(1) == "a against c"


def test_the_wheel_over_a_header_zooms(views):
    before = views.viewport.zoom
    place = header(views).mapTo(views.canvas.window(), QPoint(150, 10))
    QTest.wheelEvent(views.canvas.window().windowHandle(), QPointF(place), QPoint(0, 360))
    views.settle()
    assert views.viewport.zoom == pytest.approx(2 * before)


# -- the legend ----------------------------------------------------------------------------------


def test_the_legend_leaves_out_whole_entries_where_there_is_little_room(views):
    name_all(views, SMALL)
    views.explained()
    bar = views.legend
    bar.resize(bar.sizeHint())
    assert bar.shown == "Small U-Net agree only the model only the annotation wrong class"
    bar.resize(bar.sizeHint().width() - 1, 28)
    assert bar.shown == "agree only the model only the annotation wrong class"
    bar.resize(150, 28)
    assert bar.shown == "agree"
    assert "only the annotation" in bar.toolTip()
    bar.resize(bar.sizeHint())
    image = bar.grab().toImage()
    seen = {image.pixelColor(x, 14).name() for x in range(image.width())}
    assert {"#009e73", "#d55e00", "#56b4e9", "#cc79a7"} <= seen


def test_the_tip_of_a_name_that_stays_says_what_shift_does_now(views):
    desk = views
    desk.session.set_view(layer=Layer.DISAGREEMENT, panes=())
    desk.settle()
    desk.canvas._fill_headers()
    name = header(desk).name
    said = name.said
    assert "Shift" not in name.toolTip()
    desk.session.set_view(panes=(Pane(Layer.DISAGREEMENT, ""),))
    desk.settle()
    desk.canvas._fill_headers()
    assert name.said == said
    assert "with Shift" in name.toolTip()
