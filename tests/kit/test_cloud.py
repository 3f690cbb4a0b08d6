"""Charts of thousands of points: where they are drawn, how fast, and in files."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor

from segstudio.kit.charts.chart import Chart
from segstudio.kit.charts.chart_files import picture_of
from segstudio.kit.charts.cloud import MANY, Cloud
from segstudio.report.chart_data import Axis, ChartData, Lazy, Points, Rule

BLUE = "#0072b2"


def cloud_of(x, y, **details) -> ChartData:
    points = Points(
        "Images", BLUE, np.asarray(x, float), np.asarray(y, float), size=6, opacity=0.5,
        tips=Lazy(len(x), lambda n: f"image {n}"), keys=tuple(range(len(x))),
    )  # fmt: skip
    return ChartData("Many", Axis("a"), Axis("b"), (points,), **details)


def crowd(number: int) -> ChartData:
    """As many points, all over the chart."""
    rng = np.random.default_rng(3)
    return cloud_of(rng.random(number), rng.random(number))


def two_heaps() -> ChartData:
    """Points that all lie on two places, but for one beside them and one without a number."""
    x = np.array([0.25] * MANY + [0.75] * MANY + [0.5, np.nan])
    y = np.array([0.5] * MANY + [0.25] * MANY + [0.9, 0.5])
    return cloud_of(x, y)


@pytest.fixture
def shown(qtbot) -> Chart:
    chart = Chart()
    qtbot.addWidget(chart)
    chart.resize(600, 400)
    chart.show()
    qtbot.waitExposed(chart)
    return chart


def is_clouded(chart: Chart) -> bool:
    return any(isinstance(item, Cloud) for item in chart.surface.parent().scene().items())


def color_at(chart: Chart, x: float, y: float) -> QColor:
    at = chart.place_of(x, y)
    return chart.grab().toImage().pixelColor(at * round(chart.devicePixelRatioF()))


def is_blue(color: QColor) -> bool:
    return color.blue() > color.red() + 60


def test_points_are_drawn_where_they_are(shown):
    shown.show_data(two_heaps())
    assert is_clouded(shown)
    for x, y in ((0.25, 0.5), (0.75, 0.25), (0.5, 0.9)):
        assert is_blue(color_at(shown, x, y)), (x, y)
        for away in (8, -8):
            at = shown.place_of(x, y) + QPoint(away, away)
            assert not is_blue(shown.grab().toImage().pixelColor(at)), (x, y, away)
    assert not is_blue(color_at(shown, 0.5, 0.5))


def test_they_stay_at_their_places_when_the_chart_is_enlarged(shown, qtbot):
    shown.show_data(two_heaps())
    box = shown.surface.parent().getPlotItem().getViewBox()
    box.setRange(xRange=(0.2, 0.3), yRange=(0.4, 0.6), padding=0)
    qtbot.waitUntil(lambda: is_blue(color_at(shown, 0.25, 0.5)))
    assert not is_blue(color_at(shown, 0.28, 0.55))


def test_a_few_points_stay_sharp_shapes_of_their_own(shown):
    shown.show_data(crowd(MANY - 1))
    assert not is_clouded(shown)


def test_a_point_of_a_crowd_can_be_clicked(shown, qtbot):
    shown.show_data(two_heaps())
    at = shown.surface.mapFrom(shown, shown.place_of(0.5, 0.9))
    with qtbot.waitSignal(shown.clicked) as told:
        qtbot.mouseClick(shown.surface, Qt.MouseButton.LeftButton, pos=at)
    assert told.args == [2 * MANY]


def test_the_line_to_compare_with_is_seen_across_a_crowd(shown):
    everywhere = np.meshgrid(np.linspace(0, 1, 150), np.linspace(0, 1, 150))
    data = cloud_of(*(part.ravel() for part in everywhere), rules=(Rule((0, 0.5), (1, 0.5)),))
    shown.show_data(data)
    picture = shown.grab().toImage()
    row = shown.place_of(0.5, 0.5).y()
    columns = range(shown.place_of(0.2, 0.5).x(), shown.place_of(0.8, 0.5).x())
    ink = [x for x in columns if darkest(picture, x, row) < 0.8 * QColor(BLUE).lightness()]
    assert len(ink) > len(columns) / 3  # the dashes


def darkest(picture, x: int, middle: int) -> int:
    return min(picture.pixelColor(x, y).lightness() for y in range(middle - 2, middle + 3))


def test_a_file_has_each_point_as_a_shape(qapp):
    picture = picture_of(crowd(MANY))
    root = ET.fromstring(picture.svg())
    shapes = [e for e in root.iter() if e.tag.endswith(("circle", "ellipse"))]
    paths = [e for e in root.iter() if e.tag.endswith("path")]
    assert len(shapes) + len(paths) >= MANY
    assert not any(e.tag.endswith("image") for e in root.iter())


def test_fifty_thousand_points_take_hardly_longer_than_a_hundred(shown):
    """A point of its own look each took 60 ms for 50,000; the window has 16."""

    def seconds(data: ChartData) -> float:
        best = 1.0
        for _ in range(5):
            before = time.thread_time()
            shown.show_data(data)
            best = min(best, time.thread_time() - before)
        return best

    assert seconds(crowd(50_000)) < 8 * seconds(crowd(100))
