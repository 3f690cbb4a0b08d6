"""A chart as a picture, with title and legend, at a size of its own."""

from __future__ import annotations

from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QApplication

from segstudio.kit.charts.drawing import draw, dress, show_all
from segstudio.kit.charts.look import ON_PAPER
from segstudio.kit.charts.picture import LETTERS_PX, MARGIN, Picture
from segstudio.report.chart_data import ChartData

_SIZE: Final = QSize(880, 520)
_SWATCH: Final = 11


def picture_of(data: ChartData) -> Picture:
    """The chart with everything in view, whatever is enlarged on the screen."""
    header = 2 * MARGIN + 4 * LETTERS_PX
    size = QSize(_SIZE.width(), max(_SIZE.height(), data.least_height + header))

    def paint(painter: QPainter, top: float) -> None:
        top = _paint_legend(painter, data, top)
        box = QRectF(MARGIN, top, size.width() - 2 * MARGIN, size.height() - top - MARGIN)
        _render(data, painter, box)

    return Picture(data.title, size, paint, data.table)


def _paint_legend(painter: QPainter, data: ChartData, top: float) -> float:
    """Draw the names of the series in lines; returns where the rest begins."""
    if not data.legend:
        return top
    metrics, x = QFontMetricsF(painter.font()), float(MARGIN)
    for color, _symbol, name in data.legend:
        width = _SWATCH + 6 + metrics.horizontalAdvance(name) + 20
        if x + width > _SIZE.width() - MARGIN and x > MARGIN:
            x, top = float(MARGIN), top + metrics.height() + 4
        painter.fillRect(QRectF(x, top + 2, _SWATCH, _SWATCH), ON_PAPER.color(color))
        painter.setPen(QPen(ON_PAPER.ink))
        painter.drawText(QPointF(x + _SWATCH + 6, top + _SWATCH + 2), name)
        x += width
    return top + metrics.height() + 8


def _render(data: ChartData, painter: QPainter, box: QRectF) -> None:
    """Draw the chart by means of a view that is never seen."""
    view = pg.PlotWidget(background=ON_PAPER.paper)
    density = painter.device().devicePixelRatioF()
    try:
        view.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        view.setFrameShape(view.Shape.NoFrame)
        view.resize(box.size().toSize())
        plot = view.getPlotItem()
        dress(plot, data, ON_PAPER, painter.font())
        draw(plot, data, ON_PAPER, painter.font(), density)
        view.show()
        QApplication.sendPostedEvents(view)
        show_all(plot, data)
        for item in plot.items:
            if hasattr(item, "setExportMode"):
                item.setExportMode(True, {"antialias": True, "resolutionScale": 1.0})
        view.render(painter, box)
    finally:
        view.close()
        view.deleteLater()
