"""Charts as widgets and as pictures: what is hit, zoomed, clicked and saved."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
import pytest
from pauses import let_pass
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip

from segstudio.kit.charts.chart import Chart, has_items
from segstudio.kit.charts.chart_files import picture_of, png_of
from segstudio.kit.charts.look import ON_PAPER
from segstudio.kit.theme import palette_of
from segstudio.report.chart_data import Axis, Bars, ChartData, Hit, Points, hit

LEFT = Qt.MouseButton.LeftButton
PIXEL = (0.01, 0.02)
"""A chart 100 pixels wide and 50 high."""


def points(**details) -> Points:
    return Points(
        "A model",
        "#0072b2",
        np.array([0.2, 0.5, np.nan]),
        np.array([0.4, 0.6, 0.5]),
        tips=("first", "second", "third"),
        keys=(7, 8, 9),
        **details,
    )


def bars(**details) -> Bars:
    return Bars(
        "Shares",
        "#e69f00",
        np.array([0.25, 0.75]),
        np.array([0.5, 0.02]),
        0.2,
        upright=True,
        tips=("tall", "short"),
        **details,
    )


def chart(*layers, **details) -> ChartData:
    return ChartData(
        "A <title>", Axis("Right"), Axis("Up"), layers, header=("x", "y"),
        rows=[["0.2", "0.4"], ["0.5", "0.6"]], **details,
    )  # fmt: skip


def test_a_bar_that_begins_where_another_ends_is_hit_and_drawn_from_there(qtbot):
    stacked = replace(bars(), starts=np.array([0.3, 0.0]))
    assert hit(chart(stacked), (0.25, 0.4), PIXEL) == Hit(0, 0, (0.25, 0.5))
    assert hit(chart(stacked), (0.25, 0.02), PIXEL) is None
    widget = Chart()
    qtbot.addWidget(widget)
    widget.show_data(chart(stacked))
    (drawn,) = (item for item in widget._plot.items if isinstance(item, pg.BarGraphItem))
    assert drawn.opts["y0"].tolist() == [0.3, 0.0]
    assert drawn.opts["height"].tolist() == pytest.approx([0.2, 0.02])


def test_the_nearest_point_within_reach_is_hit():
    data = chart(points())
    assert hit(data, (0.24, 0.44), PIXEL) == Hit(0, 0, (0.2, 0.4))  # 4 and 2 pixels away
    assert hit(data, (0.46, 0.6), PIXEL) == Hit(0, 1, (0.5, 0.6))
    assert hit(data, (0.33, 0.6), PIXEL) is None  # 17 pixels from the second point


def test_a_point_that_is_no_number_is_never_hit():
    assert hit(chart(points()), (0.9, 0.5), (1.0, 1.0), reach_px=0.2) is None


def test_bars_are_hit_from_their_foot_to_a_little_above_their_end():
    data = chart(bars())
    assert hit(data, (0.3, 0.4), PIXEL) == Hit(0, 0, (0.25, 0.5))
    assert hit(data, (0.75, 0.2), PIXEL) == Hit(0, 1, (0.75, 0.02))  # 9 pixels above its end
    assert hit(data, (0.75, 0.5), PIXEL) is None
    assert hit(data, (0.4, 0.1), PIXEL) is None  # between two bars


def test_points_come_before_bars():
    data = chart(points(), bars())
    assert hit(data, (0.2, 0.4), PIXEL) == Hit(0, 0, (0.2, 0.4))


def test_layers_without_tips_are_not_pointed_at():
    plain = Points("A model", "#0072b2", np.array([0.5]), np.array([0.5]))
    assert hit(chart(plain), (0.5, 0.5), PIXEL) is None


def test_only_numbers_count_as_something_to_see():
    nothing = np.array([np.nan])
    assert has_items(chart(points()))
    assert not has_items(chart(Points("A model", "#0072b2", nothing, nothing)))
    assert not has_items(chart())


def test_the_table_is_ready_for_a_spreadsheet():
    assert chart(points()).table == "x\ty\n0.2\t0.4\n0.5\t0.6\n"


# -- on the screen -----------------------------------------------------------------------------


@pytest.fixture
def shown(qtbot) -> Chart:
    """A chart of 480 x 280 pixels on the screen."""
    widget = Chart()
    qtbot.addWidget(widget)
    widget.resize(480, 280)
    widget.show_data(chart(bars(), points()))
    with qtbot.waitExposed(widget):
        widget.show()
    let_pass(qtbot, widget)
    return widget


def at(shown: Chart, x: float, y: float) -> QPoint:
    return shown.surface.mapFrom(shown, shown.place_of(x, y))


def color_at(shown: Chart, x: float, y: float) -> QColor:
    place = shown.place_of(x, y)
    return shown.grab().toImage().pixelColor(place)


def test_bars_and_points_are_drawn_where_their_values_are(shown):
    assert color_at(shown, 0.25, 0.25).name() == "#e69f00"
    assert color_at(shown, 0.5, 0.6).name() == "#0072b2"
    assert color_at(shown, 0.55, 0.9) == shown.palette().base().color()


def test_pointing_at_something_says_what_it_is(shown, qtbot):
    qtbot.mouseMove(shown.surface, QPoint(1, 1))  # a pointer that is there already does not move
    qtbot.mouseMove(shown.surface, at(shown, 0.25, 0.3))
    qtbot.waitUntil(lambda: QToolTip.text() == "tall")
    assert shown.surface.cursor().shape() == Qt.CursorShape.ArrowCursor  # nothing comes of a click
    qtbot.mouseMove(shown.surface, at(shown, 0.5, 0.6))
    qtbot.waitUntil(lambda: QToolTip.text() == "second")
    assert shown.surface.cursor().shape() == Qt.CursorShape.PointingHandCursor
    QToolTip.hideText()


def test_a_click_on_a_point_tells_its_key(shown, qtbot):
    with qtbot.waitSignal(shown.clicked) as told:
        qtbot.mouseClick(shown.surface, LEFT, pos=at(shown, 0.2, 0.4))
    assert told.args == [7]
    with qtbot.assertNotEmitted(shown.clicked, wait=50):
        qtbot.mouseClick(shown.surface, LEFT, pos=at(shown, 0.9, 0.9))


def turn_wheel(widget, where: QPoint) -> bool:
    event = QWheelEvent(
        QPointF(where), QPointF(widget.mapToGlobal(where)), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_the_wheel_enlarges_and_new_values_leave_the_view_where_it_is(shown, qtbot):
    before = shown.place_of(0.2, 0.4)
    assert not shown.is_enlarged
    turn_wheel(shown.surface, at(shown, 0.5, 0.6))
    assert shown.is_enlarged
    enlarged = shown.place_of(0.2, 0.4)
    assert enlarged != before
    shown.show_data(chart(points()))
    assert shown.place_of(0.2, 0.4) == enlarged
    qtbot.mouseDClick(shown.surface, LEFT, pos=shown.rect().center())
    assert not shown.is_enlarged
    assert shown.place_of(0.2, 0.4) == before


def test_where_nothing_can_be_enlarged_the_wheel_is_left_to_others(shown):
    shown.show_data(chart(bars(), can_zoom=False))
    before = shown.place_of(0.25, 0.5)
    assert not turn_wheel(shown.surface, at(shown, 0.25, 0.5))
    assert shown.place_of(0.25, 0.5) == before


def test_paper_and_ink_follow_the_theme_and_data_does_not(shown, qtbot):
    for dark in (True, False):
        shown.setPalette(palette_of(dark))
        let_pass(qtbot, shown)
        assert color_at(shown, 0.55, 0.9) == palette_of(dark).base().color()
        assert color_at(shown, 0.25, 0.25).name() == "#e69f00"


# -- as pictures -------------------------------------------------------------------------------

LEGEND = (("#0072b2", "o", "A model"),)


def test_a_png_is_on_white_paper_at_twice_the_size(qapp):
    image = picture_of(chart(bars(), points(), legend=LEGEND)).image()
    assert (image.width(), image.height()) == (1760, 1040)
    assert image.pixelColor(3, 3) == ON_PAPER.paper
    found = {image.pixelColor(x, y).name() for x in range(0, 1760, 5) for y in range(0, 1040, 5)}
    assert {"#e69f00", "#0072b2"} <= found
    assert png_of(image).startswith(b"\x89PNG")


def test_an_svg_has_letters_and_lines_and_no_pixels(qapp):
    content = picture_of(chart(bars(), points(), legend=LEGEND, notes=(("", "B & C"),))).svg()
    root = ET.fromstring(content)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "image" not in tags
    texts = " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("text"))
    for word in ("A <title>", "A model", "Right", "Up", "0.2", "B & C"):
        assert word in texts


def test_axes_of_an_svg_reach_as_far_as_its_data(qapp):
    root = ET.fromstring(picture_of(chart(bars(), points())).svg())
    places = list(texts_of(root, 1.0, 0.0))
    assert 800 < max(x for text, x in places if text == "1") < 880  # of 880 pixels
    assert max(x for text, x in places if text == "0") < 100


def test_names_of_an_axis_are_written_in_pictures_too(qapp):
    names = Axis("", -0.5, 1.5, ((0.0, "background"), (1.0, "a longer name")))
    flat = Bars("A model", "#0072b2", np.array([0.0, 1.0]), np.array([0.5, 0.7]), 0.8)
    content = picture_of(ChartData("Classes", Axis(""), names, (flat,), from_top=True)).svg()
    texts = {text for text, _ in texts_of(ET.fromstring(content), 1.0, 0.0)}
    assert {"background", "a longer name"} <= texts


def texts_of(element, scale: float, shift: float):
    """Each text of an SVG with the x it is drawn at."""
    matrix = element.get("transform", "")
    if matrix.startswith("matrix("):
        a, _, _, _, e, _ = (float(v) for v in matrix[7:-1].split(","))
        scale, shift = scale * a, shift + scale * e
    if element.tag.endswith("text"):
        yield "".join(element.itertext()).strip(), shift + scale * float(element.get("x", 0))
    for child in element:
        yield from texts_of(child, scale, shift)
