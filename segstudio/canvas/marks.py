"""Marks over the picture: what other views point at, a region, the wipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
    QRegion,
    QTransform,
)

from segstudio.canvas.view import Point
from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask
from segstudio.core.outline import outline_segments
from segstudio.core.pixel_size import PixelSize, scale_bar
from segstudio.core.series_colors import SKY, VERMILION
from segstudio.metrics.object_errors import ErrorKey, ObjectError
from segstudio.session.disputes import Disputes
from segstudio.session.document import Document
from segstudio.session.error_state import AnnotationErrors
from segstudio.session.session import Session


def square(centre: QPointF, half: float) -> QRectF:
    """The square around a point; `half` is half of its side."""
    return QRectF(centre.x() - half, centre.y() - half, 2 * half, 2 * half)


_GHOST_DARK, _GHOST_LIGHT = QColor(0, 0, 0, 170), QColor(255, 255, 255, 225)
_GAP_PX, _GHOST_ARM_PX = 4.0, 9.0
_FRAME_PX = 3.0
"""How far outside of the pixels their frame is drawn, so that it hides none."""


def ghost_region(centre: QPointF) -> QRegion:
    """What has to be painted again when the ghost pointer comes or goes."""
    half = _GAP_PX + _GHOST_ARM_PX + 2
    return QRegion(square(centre, half).toAlignedRect())


def paint_ghost(painter: QPainter, centre: QPointF) -> None:
    """A cross that leaves the pixel free, in two tones."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for color, width in ((_GHOST_DARK, 3.0), (_GHOST_LIGHT, 1.2)):
        painter.setPen(QPen(color, width))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            way = QPointF(dx, dy)
            painter.drawLine(centre + way * _GAP_PX, centre + way * (_GAP_PX + _GHOST_ARM_PX))
    painter.restore()


def paint_frame(painter: QPainter, box: QRectF) -> None:
    """The frame around a part of the image, in two tones, dashed."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    around = QRectF(box.toAlignedRect()).adjusted(-_FRAME_PX, -_FRAME_PX, _FRAME_PX, _FRAME_PX)
    light = QPen(_GHOST_LIGHT, 1.0)
    light.setDashPattern([6.0, 4.0])
    for pen in (QPen(_GHOST_DARK, 1.0), light):
        painter.setPen(pen)
        painter.drawRect(around)
    painter.restore()


_REGION_MARK_DARK, _REGION_MARK_LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255)
_MOST_PIXELS, _MOST_LINES = 1 << 20, 10_000
"""A larger region, or one with a longer outline, is only framed: it would cost a frame's time."""


_MOST_OUTLINED = 40
"""So many objects of one side of an error have an outline."""


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
            self._of, self._path = (
                (disputes, opened),
                outline_path(region.rect, partial(disputes.mask, region)),
            )
        pens = (QPen(_REGION_MARK_DARK, 3.0), QPen(_REGION_MARK_LIGHT, 1.0))
        _draw_path(painter, self._path, pens, to_screen)


class ErrorMark:
    """Draws what is mine and what is theirs in the opened error along the edges of their pixels.

    Mine is a line in the colour of what only the annotation has, theirs is dashed in that of what
    only the model has.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths: tuple[QPainterPath, QPainterPath] = (QPainterPath(), QPainterPath())
        self._of: tuple[AnnotationErrors, ErrorKey] | None = None

    def paint(
        self, painter: QPainter, document: Document | None, to_screen: Callable[[Point], Point]
    ) -> None:
        """Draw it over a picture of the document, if one is open and the overlay is shown."""
        session = self._session
        found, opened = session.errors, session.correcting.opened
        if found is None or opened is None or found.document is not document:
            return
        error = found.error(opened)
        if error is None or not session.view.overlay_visible or not session.errors_in_front:
            return
        if self._of is None or self._of != (found, opened):
            self._of = (found, opened)
            self._paths = _outlines(found, error, mine=True), _outlines(found, error, mine=False)
        dashed = QPen(QColor(VERMILION), 2.0)
        dashed.setDashPattern([3.0, 2.0])
        mine, theirs = self._paths
        # both casings first: where the two lie on each other, both colours are seen
        for path in self._paths:
            _draw_path(painter, path, (QPen(_REGION_MARK_DARK, 4.0),), to_screen)
        _draw_path(painter, mine, (QPen(QColor(SKY), 2.0),), to_screen)
        _draw_path(painter, theirs, (dashed,), to_screen)


def _outlines(found: AnnotationErrors, error: ObjectError, *, mine: bool) -> QPainterPath:
    """The outline of each object of one side, so that it is seen where they meet."""
    path = QPainterPath()
    for mask in islice(found.masks_of(error, mine=mine), _MOST_OUTLINED):
        path.addPath(outline_path(error.rect, partial(_same, mask)))
    return path


def _same(mask: Mask) -> Mask:
    return mask


def _draw_path(
    painter: QPainter,
    path: QPainterPath,
    pens: Iterable[QPen],
    to_screen: Callable[[Point], Point],
) -> None:
    """Draw a path in pixels of the image with pens whose width is in logical pixels."""
    origin, unit = QPointF(*to_screen((0.0, 0.0))), QPointF(*to_screen((1.0, 1.0)))
    scale = unit.x() - origin.x()
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    place = QTransform.fromTranslate(origin.x(), origin.y()).scale(scale, scale)
    painter.setTransform(place, combine=True)
    for pen in pens:
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawPath(path)
    painter.restore()


def outline_path(
    rect: Rect,
    find: Callable[[], Mask],
    most_pixels: int = _MOST_PIXELS,
    most_lines: int = _MOST_LINES,
) -> QPainterPath:
    """The outline of what lies in a rectangle, in pixels of the image; of too much the rectangle.

    Args:
        rect: Where.
        find: Gives its pixels, (h, w) bool of the rectangle's shape; not asked for a larger one.
        most_pixels: A larger rectangle is drawn as such.
        most_lines: Likewise one whose outline has more lines.
    """
    path = QPainterPath()
    small = rect.height * rect.width <= most_pixels
    lines = outline_segments(find()) if small else None
    if lines is None or len(lines) > most_lines:
        path.addRect(rect.left, rect.top, rect.width, rect.height)
        return path
    for x0, y0, x1, y1 in lines.tolist():
        path.moveTo(rect.left + x0, rect.top + y0)
        path.lineTo(rect.left + x1, rect.top + y1)
    return path


_BAR_RIM, _BAR_FOOT, _BAR_PX, _BAR_TEXT_PX = 12, 14, 3, 13
_BAR_SHARE, _BAR_MOST, _BAR_LEAST = 0.25, 180.0, 24.0
_BAR_CASING, _BAR_LIGHT = QColor(0, 0, 0, 210), QColor(255, 255, 255)


def paint_scale_bar(
    painter: QPainter, size: PixelSize, zoom: float, width: int, height: int
) -> None:
    """Draw a bar of a round length at the lower left edge, with its length; readable on any photo.

    Args:
        painter: Of the view.
        size: Of a pixel of the image.
        zoom: Logical pixels of the view for a pixel of the image.
        width: Of the view, in logical pixels.
        height: Of the view.
    """
    most = min(_BAR_MOST, _BAR_SHARE * width)
    if most < _BAR_LEAST:
        return
    bar = scale_bar(size.across / zoom, most)
    font = QFont(painter.font())
    font.setPixelSize(_BAR_TEXT_PX)
    font.setWeight(QFont.Weight.DemiBold)
    long = round(bar.length)
    line = QRectF(_BAR_RIM, height - _BAR_FOOT, long, _BAR_PX)
    words = QPainterPath()
    advance = QFontMetricsF(font).horizontalAdvance(bar.text)
    words.addText(
        QPointF(_BAR_RIM + max(0.0, (long - advance) / 2), line.top() - 6), font, bar.text
    )
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(line.adjusted(-2, -2, 2, 2), _BAR_CASING)
    painter.fillRect(line, _BAR_LIGHT)
    casing = QPen(_BAR_CASING, 3.0)
    casing.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(words, casing)
    painter.fillPath(words, _BAR_LIGHT)
    painter.restore()


_WIPE_DARK, _WIPE_LIGHT = QColor(0, 0, 0, 170), QColor(255, 255, 255)
_NEAR_PX = 6.0
_GRIP_WIDTH, _GRIP_HEIGHT = 14.0, 26.0
_AT_EDGE_PX = 1.0


def near_line(x: float, at: float, width: int) -> bool:
    """Whether a logical column of a view is that of its line.

    Args:
        x: The column.
        at: Where the line stands, as a share of the width.
        width: Of the view, in logical pixels.
    """
    return abs(x - at * width) <= _NEAR_PX


def line_at(x: float, width: int) -> float:
    """The line's place, as a share of the width, when it is dragged to a column; never lost."""
    room = max(1, width)
    return min(max(x, _AT_EDGE_PX), room - _AT_EDGE_PX) / room


def paint_line(painter: QPainter, at: float, width: int, height: int) -> None:
    """Draw the line in two tones with a grip in its middle."""
    x = round(at * width) + 0.5
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    for color, pen_width in ((_WIPE_DARK, 3.0), (_WIPE_LIGHT, 1.0)):
        painter.setPen(QPen(color, pen_width))
        painter.drawLine(QPointF(x, 0), QPointF(x, height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = height / 2
    painter.setPen(QPen(_WIPE_DARK, 1.0))
    painter.setBrush(_WIPE_LIGHT)
    painter.drawRoundedRect(
        QRectF(x - _GRIP_WIDTH / 2, middle - _GRIP_HEIGHT / 2, _GRIP_WIDTH, _GRIP_HEIGHT), 4, 4
    )
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_WIPE_DARK)
    for way in (-1, 1):
        tip, base = x + way * 5, x + way * 1.5
        painter.drawPolygon(
            QPolygonF([QPointF(tip, middle), QPointF(base, middle - 4), QPointF(base, middle + 4)])
        )
    painter.restore()
