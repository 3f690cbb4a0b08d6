"""Draws what a tool would paint: its pixels in the colour of the class, and lines for any photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from segstudio.canvas.view import Point

if TYPE_CHECKING:
    from segstudio.core.mask_preview import MaskPreview
    from segstudio.session.session import Session

FILL_ALPHA = 120
_MOST_LINES = 8_000
"""A longer outline would cost a frame's time; the pixels are filled all the same."""
_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255)
_DASHES = [4.0, 3.0]


class MarkPlace(Protocol):
    """A view of the open image."""

    @property
    def session(self) -> Session:
        """What is open."""

    def to_screen(self, image_xy: Point) -> Point:
        """Logical pixels in the view of an image point."""
        ...

    def repaint_marks(self) -> None:
        """Draw the marks again."""


class MaskMark:
    """The preview of a mask, ready to be drawn at any zoom."""

    def __init__(self, host: MarkPlace) -> None:
        self._host = host
        self._found: MaskPreview | None = None
        self._fill: QImage | None = None
        self._lines: list[QLineF] = []

    @property
    def found(self) -> MaskPreview | None:
        """What is previewed."""
        return self._found

    def show(self, found: MaskPreview | None) -> None:
        """Preview another mask, or none, and draw the marks again."""
        self.take(found)
        self._host.repaint_marks()

    def take(self, found: MaskPreview | None) -> None:
        """Preview another mask, or none, from the next time on that the marks are drawn."""
        self._found, self._fill, self._lines = found, None, []
        if found is not None and not found.rect.is_empty:
            height, stride = found.shown.shape
            width = -(-found.rect.width // found.step)
            self._fill = QImage(
                found.shown.data, width, height, stride, QImage.Format.Format_Indexed8
            )
            if len(found.outline) <= _MOST_LINES:
                self._lines = [QLineF(*line) for line in found.outline.tolist()]

    def paint(
        self,
        painter: QPainter,
        color: QColor | None = None,
        *,
        erases: bool = False,
        lines: bool = False,
    ) -> None:
        """Draw it: in the colour of the active class with an outline, dashed if it erases.

        In a colour that is given it has an outline with `lines` only: of single pixels nothing else
        would be seen.
        """
        found = self._found
        if found is None or self._fill is None:
            return
        origin = QPointF(*self._host.to_screen((found.rect.left, found.rect.top)))
        unit = self._host.to_screen((found.rect.left + 1.0, found.rect.top + 1.0))
        scale = (unit[0] - origin.x()) * found.step
        painter.save()
        painter.translate(origin)
        painter.scale(scale, scale)
        fill = color or fill_color(self._host, erases=erases)
        self._fill.setColorTable([0, fill.rgba()])
        painter.drawImage(QPointF(0, 0), self._fill)
        for pen in _pens(erases=erases, thin=True) if color is None or lines else ():
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawLines(self._lines)
        painter.restore()


def fill_color(host: MarkPlace, *, erases: bool = False) -> QColor:
    """The active class, or what erases, as it is laid over the photo before it is painted."""
    session = host.session
    painted = session.schema.get(0 if erases else session.view.active_class)
    fill = QColor(*(painted.color if painted is not None else (255, 255, 255)))
    fill.setAlpha(FILL_ALPHA)
    return fill


def draw_path(
    painter: QPainter, path: QPainterPath, fill: QColor | None = None, *, erases: bool = False
) -> None:
    """Draw a line, or an area, in two tones, so that it shows on any photo; dashed if it erases."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if fill is not None:
        painter.fillPath(path, fill)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in _pens(erases=erases):
        painter.setPen(pen)
        painter.drawPath(path)


def draw_plate(painter: QPainter, at: QPointF, text: str) -> None:
    """Write a few words beside a point, on a dark plate."""
    metrics = painter.fontMetrics()
    box = metrics.boundingRect(text).adjusted(-5, -2, 5, 2)
    box.moveTopLeft((at + QPointF(12, 10)).toPoint())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_DARK)
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(_LIGHT)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def path_of(host: MarkPlace, points: list[Point], *, closed: bool = False) -> QPainterPath:
    """The line through image points, in logical pixels of the view that is worked in."""
    (left, top), (right, bottom) = host.to_screen((0, 0)), host.to_screen((1, 1))
    wide, high = right - left, bottom - top
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(left + x * wide, top + y * high) for x, y in points]))
    if closed and points:
        path.closeSubpath()
    return path


def _pens(*, erases: bool, thin: bool = False) -> tuple[QPen, QPen]:
    light = QPen(_LIGHT, 1.0 if thin else 1.25)
    if erases:
        light.setDashPattern(_DASHES)
    return QPen(_DARK, 3.0), light
