"""The area on which the diagram is drawn: zoom, place, and what is kept of the drawing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QToolButton, QWidget

from segstudio.canvas.view import View
from segstudio.canvas.wheel import notches
from segstudio.kit.focus_ring import FocusRing
from segstudio.kit.icon_button import icon_button
from segstudio.kit.painting import paint, text_width
from segstudio.report.diagram import Box
from segstudio.report.diagram_drawing import DiagramPen, DiagramState, Tones

_STEP = 2**0.5
_MARGIN = 6
_MOST_ZOOM = 6.0
_FIT_AT_MOST = 1.6
_LEAST_OF_FIT = 0.5


class DiagramSurface(QWidget):
    """Draws what it is given; the wheel zooms at the pointer, dragging moves.

    Signals:
        clicked: The place (QPointF) of a click without dragging.
        hovered: The place (QPointF) of the pointer, or None when it left.
        moved: The view after the user zoomed or moved it.
        looked: Something else came in sight, or at another size.
    """

    clicked = Signal(object)
    hovered = Signal(object)
    moved = Signal(object)
    looked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shown: DiagramState | None = None
        self._room_wh: tuple[float, float] = (1.0, 1.0)
        self._marks: Callable[[], list[tuple[Box, Box]]] = list
        self._view = View()
        self._is_fitted = True
        self._kept: QPixmap | None = None
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        FocusRing(self)
        self.setMinimumSize(160, 100)
        self._buttons = ZoomButtons(self)
        self._buttons.zoomed.connect(self.zoom_by)
        self._buttons.fitted.connect(self.fit)

    @property
    def view(self) -> View:
        """Zoom and place: device-independent pixels of the widget by the diagram's units."""
        return self._view

    @property
    def shown(self) -> DiagramState | None:
        return self._shown

    def show_diagram(
        self,
        shown: DiagramState | None,
        room_wh: tuple[float, float] = (1.0, 1.0),
        marks: Callable[[], list[tuple[Box, Box]]] = list,
    ) -> None:
        """Draw something else.

        Args:
            shown: What.
            room_wh: Width and height that shall fit: of this diagram and the one beside it.
            marks: Gives the marked positions, each with the picture in which it lies.
        """
        before = self._shown
        self._shown, self._room_wh, self._marks = shown, room_wh, marks
        other = (before and before.diagram) is not (shown and shown.diagram)
        self._buttons.setVisible(shown is not None)
        if other and self._is_fitted:
            self._set_view(self._fitted())
        self._handles_anew()
        self.redraw()
        if other:
            self.looked.emit()

    def show_view(self, view: View) -> None:
        """Zoom and move as another diagram did; one that shows all stays so at any size."""
        fitted = self._fitted()
        self._is_fitted = math.isclose(view.zoom, fitted.zoom) and math.isclose(
            view.origin_xy[1], fitted.origin_xy[1]
        )
        self._set_view(fitted if self._is_fitted else view)

    def fit(self) -> None:
        """Show the whole diagram, from now on whatever the widget's size."""
        self._is_fitted = True
        self._set_view(self._fitted())
        self.moved.emit(self._view)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom around a place, or around the middle."""
        if self._shown is None:
            return
        place = at or QPointF(self.rect().center())
        least = self._fitted().zoom * _LEAST_OF_FIT
        zoom = min(_MOST_ZOOM, max(least, self._view.zoom * factor))
        x, y = self._view.to_image((place.x(), place.y()))
        self._is_fitted = False
        self._set_view(View(zoom, (place.x() - x * zoom, place.y() - y * zoom)))
        self.moved.emit(self._view)

    def redraw(self) -> None:
        self._kept = None
        self.update()

    def refit(self) -> None:
        """Fit again from the next diagram on."""
        self._is_fitted = True

    def area(self, box: Box) -> QRectF:
        """Where a box of the diagram is, in pixels of the widget."""
        x, y = self._view.to_device((box.left, box.top))
        return QRectF(x, y, box.width * self._view.zoom, box.height * self._view.zoom)

    def _fitted(self) -> View:
        """The view that shows everything; the same for two diagrams in equal widgets."""
        if self._shown is None:
            return self._view
        width, height = self._room_wh
        room = max(1, self.width() - 2 * _MARGIN), max(1, self.height() - 2 * _MARGIN)
        zoom = min(room[0] / width, room[1] / height, _FIT_AT_MOST)
        left = (self.width() - self._shown.diagram.width * zoom) / 2
        return View(zoom, (left, max(_MARGIN, (self.height() - height * zoom) / 2)))

    def _set_view(self, view: View) -> None:
        if self._shown is not None:
            diagram = self._shown.diagram
            size = round(diagram.width), round(diagram.height)
            view = view.clamped(size, (self.width(), self.height()))
        if view != self._view:
            self._view = view
            self._handles_anew()
            self.redraw()
            self.looked.emit()

    def _pen(self) -> DiagramPen:
        return DiagramPen(
            tones_of(self.palette()), text_width, self._view.zoom, self._view.origin_xy
        )

    def _handles_anew(self) -> None:
        if self._shown is not None:
            self._shown = replace(self._shown, handles=self._pen().handles(self._shown.diagram))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep showing everything, or what was in the middle."""
        self._buttons.place()
        if self._is_fitted:
            self._set_view(self._fitted())
        elif event.oldSize().isValid():
            old, new = event.oldSize(), event.size()
            self._set_view(
                self._view.resized((old.width(), old.height()), (new.width(), new.height()))
            )
        self.redraw()
        self.looked.emit()

    def changeEvent(self, event: QEvent) -> None:
        """Draw anew in the colours of another theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.redraw()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the diagram, which is kept until something changes, and the marks over it."""
        painter = QPainter(self)
        if self._shown is None:
            painter.fillRect(self.rect(), self.palette().base())
            return
        size = self.size() * self.devicePixelRatioF()
        if self._kept is None or self._kept.size() != size:
            self._kept = QPixmap(size)
            self._kept.setDevicePixelRatio(self.devicePixelRatioF())
            self._kept.fill(self.palette().color(QPalette.ColorRole.Base))
            inner = QPainter(self._kept)
            parts = self._pen().parts(self._shown, (0.0, self.width()))
            paint(inner, parts, self._shown.pictures)
            inner.end()
        painter.drawPixmap(0, 0, self._kept)
        for mark, picture in self._marks():
            paint_mark(painter, self.area(mark), self.area(picture))

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(2 ** (notches(event) / 3), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click, or to move the diagram."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the diagram, or say where the pointer is."""
        place = event.position()
        if self._pressed is None:
            self.hovered.emit(place)
            return
        if self._dragged is None:
            if (place - self._pressed).manhattanLength() < QApplication.startDragDistance():
                return
            self._dragged = self._pressed
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        step, self._dragged = place - self._dragged, place
        self._is_fitted = False
        self._set_view(self._view.moved(step.x(), step.y()))
        self.moved.emit(self._view)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a click or a movement."""
        is_click = self._pressed is not None and self._dragged is None
        self._pressed = self._dragged = None
        self.unsetCursor()
        if is_click and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position())
        self.hovered.emit(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer any more."""
        super().leaveEvent(event)
        self.hovered.emit(None)


def tones_of(palette: QPalette) -> Tones:
    """The colours of a theme."""
    role = QPalette.ColorRole
    roles = (
        role.Base, role.AlternateBase, role.Window, role.Button, role.Midlight, role.WindowText,
        role.PlaceholderText, role.Highlight,
    )  # fmt: skip
    return Tones(*(palette.color(one).name(QColor.NameFormat.HexArgb) for one in roles))


def paint_mark(painter: QPainter, area: QRectF, picture: QRectF) -> None:
    """Mark a position in a picture: its outline, or a cross where it is too small to be seen."""
    reach = min(6.0, max(3.0, 0.09 * picture.height()))
    for colour, width in ((QColor(0, 0, 0, 200), 3.0), (QColor(255, 255, 255), 1.2)):
        painter.setPen(QPen(colour, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if min(area.width(), area.height()) >= 5:
            painter.drawRect(area.intersected(picture))
            continue
        middle = area.center()
        for dx, dy in ((reach, 0.0), (0.0, reach)):
            far, near = QPointF(dx, dy), QPointF(dx, dy) * 0.35
            painter.drawLine(middle - far, middle - near)
            painter.drawLine(middle + near, middle + far)


class ZoomButtons(QWidget):
    """Lies over the lower right corner of the widget that it belongs to.

    Signals:
        zoomed: By which factor.
        fitted: Everything shall be seen.
    """

    zoomed = Signal(float)
    fitted = Signal()

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.smaller = self._button("zoom-out", "Zoom out (wheel)")
        self.all = self._button("maximize", "Show all (double click)")
        self.larger = self._button("zoom-in", "Zoom in (wheel)")
        for button in (self.smaller, self.all, self.larger):
            row.addWidget(button)
        self.smaller.clicked.connect(lambda: self.zoomed.emit(1 / _STEP))
        self.larger.clicked.connect(lambda: self.zoomed.emit(_STEP))
        self.all.clicked.connect(self.fitted)
        self._over = over
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.adjustSize()

    def place(self) -> None:
        """Move to the corner."""
        size = self.sizeHint()
        self.setGeometry(
            self._over.width() - size.width() - 4,
            self._over.height() - size.height() - 4,
            size.width(),
            size.height(),
        )

    @staticmethod
    def _button(name: str, tip: str) -> QToolButton:
        button = icon_button(name, tip, px=14)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setCursor(Qt.CursorShape.ArrowCursor)
        return button
