"""Paints the network's diagram at any zoom: what does not fit legibly is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen, QPixmap, QPolygonF

from segstudio.core.diagram import Band, Box, Diagram, Edge, Node, Point
from segstudio.core.diagram_style import (
    CUT_COLOUR,
    KIND_COLOURS,
    KIND_DASHES,
    ROLE_COLOURS,
    arrow_head,
    fitted,
    halfway,
    rounded,
)
from segstudio.ui.canvas.view import View
from segstudio.ui.panels.network.diagram_chips import Chip, paint_chip
from segstudio.ui.panels.network.diagram_texts import paint_stride, paint_texts, text_px

_ROLES = QPalette.ColorRole


@dataclass(frozen=True)
class Shown:
    """What a diagram looks like now.

    Attributes:
        diagram: What is drawn.
        pictures: Of nodes, by id.
        stage: Id of the opened stage.
        skip: Id of the opened skip edge.
        hovered: Id of the node under the pointer.
        hovered_skip: Id of the skip edge under the pointer.
        cut_skips: Ids of skip edges that are cut.
        cut_channels: How many channels are cut, by stage id; 0 for all.
        chips: Handles of the groups.
    """

    diagram: Diagram
    pictures: Mapping[str, QPixmap] = field(default_factory=dict)
    stage: str = ""
    skip: str = ""
    hovered: str = ""
    hovered_skip: str = ""
    cut_skips: frozenset[str] = frozenset()
    cut_channels: Mapping[str, int] = field(default_factory=dict)
    chips: tuple[Chip, ...] = ()


class DiagramPainter:
    """Paints with the colours of a palette; pictures and roles keep their own."""

    def __init__(self, painter: QPainter, palette: QPalette, view: View) -> None:
        self._painter, self._palette, self._view = painter, palette, view
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)

    def paint(self, shown: Shown, width: float, height: float) -> None:
        """Paint everything onto an area of this size."""
        diagram = shown.diagram
        self._painter.fillRect(QRectF(0, 0, width, height), self._palette.color(_ROLES.Base))
        first, _ = self._view.to_device((diagram.sizes.gutter, 0.0))
        for band in diagram.bands:
            self._band(band, width, first)
        self._frames(diagram)
        for edge in sorted(diagram.edges, key=lambda e: self._rank(e, shown)):
            self._edge(edge, shown)
        for node in diagram.nodes:
            self._node(node, shown)
        for chip in shown.chips:
            paint_chip(self._painter, self._palette, chip)

    def rect(self, box: Box) -> QRectF:
        """A box of the diagram in device-independent pixels."""
        x, y = self._view.to_device((box.left, box.top))
        return QRectF(x, y, box.width * self._view.zoom, box.height * self._view.zoom)

    def _point(self, point: Point) -> QPointF:
        return QPointF(*self._view.to_device(point))

    def _band(self, band: Band, width: float, first_left: float) -> None:
        area = self.rect(Box(0, band.top - 7, 1, band.height + 14))
        area.setLeft(0)
        area.setWidth(width)
        self._painter.fillRect(area, self._palette.color(_ROLES.AlternateBase))
        area.setWidth(min(width, first_left))
        paint_stride(self._painter, self._palette, band.photo_stride, area, self._view.zoom)

    def _frames(self, diagram: Diagram) -> None:
        painter = self._painter
        painter.setBrush(Qt.BrushStyle.NoBrush)
        faint = self._palette.color(_ROLES.PlaceholderText)
        for title, box in diagram.frames:
            area = self.rect(box)
            painter.setPen(QPen(faint, 1, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(area, 5, 5)
            font = painter.font()
            font.setPixelSize(round(text_px(self._view.zoom)))
            painter.setFont(font)
            height = painter.fontMetrics().height()
            line = QRectF(area.left() + 4, area.top() - height, area.width() - 8, height)
            if title and height <= 24 * self._view.zoom + 4:
                painter.drawText(line, Qt.AlignmentFlag.AlignRight, title)
        painter.setPen(QPen(faint, 1))
        for group in diagram.groups:
            if group.bracket is not None:
                painter.drawRoundedRect(self.rect(group.bracket), 4, 4)

    # -- edges -------------------------------------------------------------------------------

    @staticmethod
    def _rank(edge: Edge, shown: Shown) -> int:
        """Skips lie over the path, the opened one over the others."""
        if edge.kind is None:
            return 0
        return 2 if shown.skip in edge.skips or shown.hovered_skip in edge.skips else 1

    def _edge(self, edge: Edge, shown: Shown) -> None:
        painter, zoom = self._painter, self._view.zoom
        scale = min(1.4, max(0.75, zoom))
        is_cut = not shown.cut_skips.isdisjoint(edge.skips)
        pen = QPen(self._edge_colour(edge, is_cut), (2.0 if edge.kind else 1.3) * scale)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        path = self._path(edge)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if shown.skip and shown.skip in edge.skips:
            painter.setPen(self._halo(0.55, 7 * scale))
            painter.drawPath(path)
        elif shown.hovered_skip and shown.hovered_skip in edge.skips:
            painter.setPen(self._halo(0.3, 7 * scale))
            painter.drawPath(path)
        dashes = KIND_DASHES[edge.kind] if edge.kind else ()
        if dashes:
            pen.setDashPattern([d / 2 for d in dashes])
        painter.setPen(pen)
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(pen.color())
        size = min(11.0, max(5.0, 7.0 * zoom)) / zoom
        painter.drawPolygon(QPolygonF([self._point(p) for p in arrow_head(edge.points, size)]))
        if is_cut:
            self._cross(self._point(halfway(edge)), 5 * scale)

    def _edge_colour(self, edge: Edge, is_cut: bool) -> QColor:
        if is_cut:
            return QColor(CUT_COLOUR)
        if edge.kind is None:
            return self._palette.color(_ROLES.PlaceholderText)
        return QColor(KIND_COLOURS[edge.kind])

    def _halo(self, strength: float, width: float) -> QPen:
        colour = QColor(self._palette.color(_ROLES.Highlight))
        colour.setAlphaF(strength)
        return QPen(colour, width)

    def _cross(self, middle: QPointF, reach: float) -> None:
        """A saltire on a ground of its own, so that it is seen on any line."""
        painter = self._painter
        for colour, width in ((self._palette.color(_ROLES.Base), 5.0), (QColor(CUT_COLOUR), 2.4)):
            painter.setPen(QPen(colour, width))
            for side in (-1, 1):
                offset = QPointF(reach, reach * side)
                painter.drawLine(middle - offset, middle + offset)

    def _path(self, edge: Edge) -> QPainterPath:
        path = QPainterPath(self._point(edge.points[0]))
        for start, corner, end in rounded(edge.points):
            path.lineTo(self._point(start))
            path.quadTo(self._point(corner), self._point(end))
        path.lineTo(self._point(edge.points[-1]))
        return path

    # -- nodes -------------------------------------------------------------------------------

    def _node(self, node: Node, shown: Shown) -> None:
        painter = self._painter
        area = self.rect(node.box)
        opened = bool(shown.stage) and shown.stage in node.members
        if opened:
            painter.setPen(self._halo(0.45, 7))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, 4, 4)
        ground = self._palette.color(_ROLES.Button if node.id == shown.hovered else _ROLES.Window)
        colour = QColor(ROLE_COLOURS[node.role])
        edge = self._palette.color(_ROLES.Highlight) if opened else colour
        painter.setBrush(ground)
        painter.setPen(QPen(edge, 2.4 if opened else 1.3))
        step = max(2.0, 3 * self._view.zoom)
        for shift in (2 * step, step, 0.0) if node.folded else (0.0,):
            painter.drawRoundedRect(area.translated(shift, shift), 3, 3)
        self._picture(node, shown)
        paint_texts(painter, self._palette, node, self.rect(node.text), self._view.zoom)
        if node.id in shown.cut_channels:
            self._cut_sign(node, shown.cut_channels[node.id])

    def _picture(self, node: Node, shown: Shown) -> None:
        pixmap = shown.pictures.get(node.id)
        room = self.rect(node.picture)
        if pixmap is None:
            self._painter.fillRect(room, self._palette.color(_ROLES.Midlight))
            return
        place = fitted(node.picture, pixmap.width() / max(1, pixmap.height()))
        self._painter.drawPixmap(self.rect(place), pixmap, QRectF(pixmap.rect()))

    def _cut_sign(self, node: Node, count: int) -> None:
        """A cross in the picture's corner, with the number of channels if not all are cut."""
        painter, room = self._painter, self.rect(node.picture)
        self._cross(QPointF(room.right() - 8, room.top() + 8), 4)
        if count and room.width() > 34:
            font = painter.font()
            font.setPixelSize(10)
            painter.setFont(font)
            tag = QRectF(room.right() - 34, room.top() + 1, 20, 13)
            painter.fillRect(tag, self._palette.color(_ROLES.Base))
            painter.setPen(QColor(CUT_COLOUR))
            painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, str(count))


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
