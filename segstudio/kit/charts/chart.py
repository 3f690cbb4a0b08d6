"""A chart as a widget: tool tips, clicks and zoom."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QVBoxLayout, QWidget

from segstudio.kit.charts.chart_drawing import draw, dress, marks, place_notes, ring, show_all
from segstudio.kit.charts.look import ChartColors
from segstudio.kit.plain import plain
from segstudio.report.chart_data import Axis, Bars, ChartData, Hit, Points, hit

_READ_OUT = 60
"""Longer tables are not given to screen readers as a description."""
_NOTHING = ChartData("", Axis(""), Axis(""))


class Chart(QWidget):
    """Draws a `ChartData`; the look follows the theme.

    The wheel enlarges at the pointer, dragging moves, a double click shows everything again.

    Signals:
        clicked: The key of an item that was clicked.
    """

    clicked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._data = _NOTHING
        self._under: Hit | None = None
        self._ring: Any = None
        self._marks: list[Any] = []
        self._moved = False
        self._view: Any = pg.PlotWidget(enableMenu=False)
        self._view.setFrameShape(self._view.Shape.NoFrame)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.viewport().installEventFilter(self)
        self._view.viewport().setMouseTracking(True)
        self._plot: Any = self._view.getPlotItem()
        self._plot.getViewBox().sigRangeChangedManually.connect(self._note_moved)
        self._plot.getViewBox().sigResized.connect(self._on_resized)
        self._view.scene().sigMouseClicked.connect(self._on_click)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._view)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._view.setBackground(ChartColors.of(self.palette()).paper)

    # -- what is shown -------------------------------------------------------------------------

    @property
    def data(self) -> ChartData:
        return self._data

    def show_data(self, data: ChartData) -> None:
        """Show another chart; an enlarged part stays so while the axes stay the same."""
        same_axes = (data.x, data.y, data.title) == (self._data.x, self._data.y, self._data.title)
        self._data = data
        self._moved = self._moved and same_axes
        self.setMinimumHeight(data.least_height)
        self.setAccessibleName(data.title)
        self.setAccessibleDescription(data.table if len(data.rows) <= _READ_OUT else "")
        self._draw()

    def mark(self, keys: frozenset[Hashable]) -> None:
        """Put rings around the items of these keys alone."""
        self._data = replace(self._data, marked=keys)
        for item in self._marks:
            self._plot.removeItem(item)
        self._marks = marks(self._data, ChartColors.of(self.palette()))
        for item in self._marks:
            self._plot.addItem(item, ignoreBounds=True)

    def show_all(self) -> None:
        """Bring everything into view."""
        self._moved = False
        show_all(self._plot, self._data)

    @property
    def is_enlarged(self) -> bool:
        """Whether the user looks at a part of it."""
        return self._moved

    def place_of(self, x: float, y: float) -> QPoint:
        """Where a place on the axes is drawn in this widget."""
        scene = self._plot.getViewBox().mapViewToScene(QPointF(x, y))
        inside: QPoint = self._view.mapFromScene(scene)
        return self._view.viewport().mapTo(self, inside)  # type: ignore[no-any-return]

    @property
    def surface(self) -> QWidget:
        """The widget that gets the events of the mouse."""
        surface: QWidget = self._view.viewport()
        return surface

    def sizeHint(self) -> QSize:
        return QSize(420, max(240, self._data.least_height))

    def _dress(self) -> None:
        look = ChartColors.of(self.palette())
        self._view.setBackground(look.paper)
        dress(self._plot, self._data, look, self.font())

    def _draw(self) -> None:
        self._ring, self._under = None, None
        self._dress()
        look, density = ChartColors.of(self.palette()), self.devicePixelRatioF()
        draw(self._plot, self._data, look, self.font(), density)
        self._marks = []
        self.mark(self._data.marked)
        if not self._moved:
            show_all(self._plot, self._data)

    # -- the pointer ---------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._draw()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the pointer; leave the wheel to a scroll area where nothing can be enlarged."""
        kind = event.type()
        if kind == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._point(event)
        elif kind == QEvent.Type.MouseButtonDblClick and isinstance(event, QMouseEvent):
            if self._hit_at(event.position().toPoint()) is None:
                self.show_all()
        elif kind == QEvent.Type.Leave:
            self._mark(None)
        elif kind == QEvent.Type.Wheel and not self._data.can_zoom:
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _point(self, event: QMouseEvent) -> None:
        found = None if event.buttons() else self._hit_at(event.position().toPoint())
        self._mark(found)
        tip = "" if found is None else self._data.layers[found.layer].tips[found.item]
        if tip:
            QToolTip.showText(event.globalPosition().toPoint(), plain(tip), self.surface)
        else:
            QToolTip.hideText()
        hand = found is not None and self._key_of(found) is not None
        shape = Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor
        self.surface.setCursor(shape)

    def _hit_at(self, at: QPoint) -> Hit | None:
        box = self._plot.getViewBox()
        scene = self._view.mapToScene(at)
        if not box.sceneBoundingRect().contains(scene):
            return None
        place = box.mapSceneToView(scene)
        width, height = box.viewPixelSize()
        return hit(self._data, (place.x(), place.y()), (abs(width), abs(height)))

    def _key_of(self, found: Hit) -> Hashable:
        keys = self._data.layers[found.layer].keys
        return keys[found.item] if found.item < len(keys) else None

    def _mark(self, found: Hit | None) -> None:
        """Put a ring around the point under the pointer."""
        if found == self._under:
            return
        self._under = found
        if self._ring is not None:
            self._plot.removeItem(self._ring)
            self._ring = None
        layer = None if found is None else self._data.layers[found.layer]
        if found is not None and isinstance(layer, Points):
            self._ring = ring(ChartColors.of(self.palette()), [found.place], layer.size)
            self._plot.addItem(self._ring, ignoreBounds=True)

    def _on_click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton or event.double():
            return
        found = self._hit_at(self._view.mapFromScene(event.scenePos()))
        key = None if found is None else self._key_of(found)
        if key is not None:
            event.accept()
            self.clicked.emit(key)

    def _on_resized(self, *_: object) -> None:
        """Texts keep their room."""
        if self._moved:
            place_notes(self._plot, self._data)
        else:
            show_all(self._plot, self._data)

    def _note_moved(self, *_: object) -> None:
        self._moved = True


def has_items(data: ChartData) -> bool:
    """Whether there is anything to see in a chart."""
    return any(_is_filled(layer) for layer in data.layers)


def _is_filled(layer: Bars | Points) -> bool:
    values = layer.values if isinstance(layer, Bars) else layer.y
    return not bool(np.isnan(values).all())
