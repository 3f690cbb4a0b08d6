"""The outline of the region of disagreement that is looked at."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from segstudio.canvas.view import Point
from segstudio.core.outline import outline_segments
from segstudio.session.disagreement import DisputedRegion, Disputes
from segstudio.session.document import Document
from segstudio.session.session import Session

_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255)
_MOST_PIXELS, _MOST_LINES = 1 << 20, 10_000
"""A larger region, or one with a longer outline, is only framed: it would cost a frame's time."""


class RegionMark:
    """Draws along the edges of the opened region's pixels, in two tones that show on any photo."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path = QPainterPath()
        self._of: tuple[Disputes, int] | None = None

    def paint(
        self, painter: QPainter, document: Document | None, to_screen: Callable[[Point], Point]
    ) -> None:
        """Draw it over a picture of the document, if one is open and the overlay is shown."""
        disputes, opened = self._session.disagreement, self._session.disagreeing.opened
        if disputes is None or disputes.document is not document or not opened:
            return
        region = disputes.region(opened)
        if region is None or not self._session.view.overlay_visible:
            return
        if self._of is None or self._of != (disputes, opened):
            self._of, self._path = (disputes, opened), _path(disputes, region)
        origin, unit = QPointF(*to_screen((0.0, 0.0))), QPointF(*to_screen((1.0, 1.0)))
        scale = unit.x() - origin.x()
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        place = QTransform.fromTranslate(origin.x(), origin.y()).scale(scale, scale)
        painter.setTransform(place, combine=True)
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.0)):
            pen = QPen(color, width)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(self._path)
        painter.restore()


def _path(disputes: Disputes, region: DisputedRegion) -> QPainterPath:
    """The outline in pixels of the image."""
    path = QPainterPath()
    rect = region.rect
    small = rect.height * rect.width <= _MOST_PIXELS
    lines = outline_segments(disputes.mask(region)) if small else None
    if lines is None or len(lines) > _MOST_LINES:
        path.addRect(rect.left, rect.top, rect.width, rect.height)
        return path
    for x0, y0, x1, y1 in lines.tolist():
        path.moveTo(rect.left + x0, rect.top + y0)
        path.lineTo(rect.left + x1, rect.top + y1)
    return path
