"""Marks of the network inspector on the photo: linked and pinned pixel, fields, boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion

from segstudio.canvas.view import Point
from segstudio.core.colour_maps import colour_table
from segstudio.core.formatting import ratio_text
from segstudio.core.geometry import Rect
from segstudio.session.document import Document
from segstudio.session.inspection import BoxesOverPhoto, Over, Overlay, TracedNetwork
from segstudio.session.session import Session

ToScreen = Callable[[Point], Point]
PixelXY = tuple[int, int]
_DARK = QColor(0, 0, 0, 190)
_LINKED, _PINNED = QColor(255, 255, 255), QColor(255, 214, 0)
_SHADE = QColor(0, 0, 0, 150)
_LABELLED = 8
"""So many of the best boxes say their objectness; more would hide the photo."""
_LETTERS_PX = 11
_CROSS_GAP_PX, _CROSS_ARM_PX, _PEN_PX = 4.0, 7.0, 4
_PIXEL_FROM = 6.0
"""Logical pixels per image pixel from which on the pixel itself is framed."""


class MarkKind(Enum):
    """What a mark stands for."""

    LINKED = auto()
    PINNED = auto()
    FIELD = auto()
    TARGET = auto()


@dataclass(frozen=True)
class PixelMark:
    """A rectangle of the photo: (left, top, right, bottom) in image points.

    Attributes:
        kind: What it stands for.
        box: The rectangle; of one pixel for the linked and the pinned one.
        pinned: Whether it belongs to the pinned pixel.
    """

    kind: MarkKind
    box: tuple[float, float, float, float]
    pinned: bool = False


class InspectionMarks:
    """Which marks there are, and how they are drawn; nothing while the inspector is closed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._linked: PixelXY | None = None
        self._hovered: PixelXY | None = None
        self.drawn: Rect | None = None

    @property
    def active(self) -> bool:
        """Whether a network is traced."""
        return self._session.inspection.traced is not None

    def link(self, pixel: PixelXY | None) -> None:
        """The pixel that is pointed at in the inspector."""
        self._linked = pixel

    def hover(self, pixel: PixelXY | None) -> None:
        """The pixel under the pointer: it needs no mark, but its receptive field is shown."""
        self._hovered = pixel

    def marks(self, document: Document | None) -> tuple[PixelMark, ...]:
        """All marks on a document, the lowest first."""
        inspection = self._session.inspection
        traced = inspection.traced
        if traced is None or traced.document is not document:
            return ()
        found: list[PixelMark] = []
        rectangle = self.drawn
        if rectangle is None and inspection.over is Over.RECTANGLE:
            rectangle = inspection.rectangle
        if rectangle is not None:
            box = (rectangle.left, rectangle.top, rectangle.right, rectangle.bottom)
            found.append(PixelMark(MarkKind.TARGET, box, pinned=True))
        looked_at = self._linked or self._hovered
        stage = inspection.stage
        if looked_at is None and inspection.overlay is Overlay.FIELD:
            stage = traced.trace.layers[-1].id
        found += _field(traced, stage, looked_at or inspection.point, looked_at is None)
        if inspection.point is not None:
            found.append(PixelMark(MarkKind.PINNED, _pixel_box(inspection.point), pinned=True))
        if self._linked is not None:
            found.append(PixelMark(MarkKind.LINKED, _pixel_box(self._linked)))
        return tuple(found)


def region(marks: tuple[PixelMark, ...], to_screen: ToScreen) -> QRegion:
    """What has to be painted again when these marks come or go: lines, not whole rectangles."""
    whole = QRegion()
    for mark in marks:
        box = _on_screen(mark, to_screen)
        reach = _PEN_PX
        if mark.kind in (MarkKind.LINKED, MarkKind.PINNED):
            reach += int(_CROSS_GAP_PX + _CROSS_ARM_PX)
        outer = QRegion(box.toAlignedRect().adjusted(-reach, -reach, reach, reach))
        inner = box.toAlignedRect().adjusted(_PEN_PX, _PEN_PX, -_PEN_PX, -_PEN_PX)
        if mark.kind in (MarkKind.FIELD, MarkKind.TARGET) and inner.isValid():
            outer = outer.subtracted(QRegion(inner))
        whole = whole.united(outer)
    return whole


def paint(painter: QPainter, marks: tuple[PixelMark, ...], to_screen: ToScreen) -> None:
    """Draw marks in two tones, so that they show on any photo."""
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for mark in marks:
        box = _on_screen(mark, to_screen)
        colour = _PINNED if mark.pinned else _LINKED
        if mark.kind in (MarkKind.FIELD, MarkKind.TARGET):
            _paint_box(painter, box, colour, dashed=mark.kind is MarkKind.FIELD)
        else:
            _paint_cross(painter, box, colour)
    painter.restore()


def _field(
    traced: TracedNetwork, stage: str, pixel: PixelXY | None, pinned: bool
) -> tuple[PixelMark, ...]:
    """The theoretical receptive field of the opened stage's position at a pixel."""
    if not stage or pixel is None:
        return ()
    position = traced.input_geometry.position(traced.trace, stage, pixel)
    if position is None:
        return ()
    field = traced.input_geometry.field(traced.trace.layer(stage), *position)
    if field is None:
        return ()
    top, left, bottom, right = field
    return (PixelMark(MarkKind.FIELD, (left, top, right, bottom), pinned),)


def _pixel_box(pixel: PixelXY) -> tuple[float, float, float, float]:
    x, y = pixel
    return (x, y, x + 1, y + 1)


def _on_screen(mark: PixelMark, to_screen: ToScreen) -> QRectF:
    left, top, right, bottom = mark.box
    return QRectF(QPointF(*to_screen((left, top))), QPointF(*to_screen((right, bottom))))


def _paint_box(painter: QPainter, box: QRectF, colour: QColor, *, dashed: bool) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    light = QPen(colour, 1.0)
    if dashed:
        light.setDashPattern([5.0, 4.0])
    whole = QRectF(box.toAlignedRect())
    for pen in (QPen(_DARK, 3.0 if not dashed else 1.0), light):
        painter.setPen(pen)
        painter.drawRect(whole)


def _paint_cross(painter: QPainter, box: QRectF, colour: QColor) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    framed = box.width() >= _PIXEL_FROM
    centre = box.center()
    start = max(_CROSS_GAP_PX, box.width() / 2 + 2)
    for pen_colour, width in ((_DARK, 3.0), (colour, 1.4)):
        painter.setPen(QPen(pen_colour, width))
        if framed:
            painter.drawRect(box)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            direction = QPointF(dx, dy)
            painter.drawLine(
                centre + direction * start, centre + direction * (start + _CROSS_ARM_PX)
            )
        if not framed:
            painter.drawPoint(centre)


# -- boxes over the photo ------------------------------------------------------------------------


def paint_boxes(painter: QPainter, over: BoxesOverPhoto, to_screen: ToScreen) -> None:
    """Draw boxes, the best on top; the marked one stands out and the others step back."""
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    table = colour_table(over.colours.value)
    places = [_box_on_screen(box, to_screen) for box in over.boxes]
    painter.setOpacity(1.0 if over.marked is None else 0.35)
    for number in reversed(range(len(places))):
        colour = QColor(*map(int, table[round(255 * float(over.scores[number]))]))
        _outline(painter, places[number], colour, 1.0)
    painter.setOpacity(1.0)
    font = painter.font()
    font.setPixelSize(_LETTERS_PX)
    painter.setFont(font)
    if over.marked is not None and over.marked < len(places):
        _outline(painter, places[over.marked], _PINNED, 2.0)
        _label(painter, places[over.marked], over.scores[over.marked])
    elif over.marked is None:
        for number in reversed(range(min(_LABELLED, len(places)))):
            _label(painter, places[number], over.scores[number])
    painter.restore()


def _outline(painter: QPainter, box: QRectF, colour: QColor, width: float) -> None:
    for pen in (QPen(_SHADE, width + 2), QPen(colour, width)):
        painter.setPen(pen)
        painter.drawRect(box)


def _label(painter: QPainter, box: QRectF, score: float) -> None:
    text = ratio_text(float(score))
    metrics = painter.fontMetrics()
    area = QRectF(box.left(), box.top(), metrics.horizontalAdvance(text) + 6, metrics.height())
    painter.fillRect(area, _SHADE)
    painter.setPen(_LINKED)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)


def _box_on_screen(box: object, to_screen: ToScreen) -> QRectF:
    left, top, right, bottom = (float(value) for value in box)  # type: ignore[attr-defined]
    corners = to_screen((left, top)), to_screen((right, bottom))
    return QRectF(QRectF(QPointF(*corners[0]), QPointF(*corners[1])).toAlignedRect())
