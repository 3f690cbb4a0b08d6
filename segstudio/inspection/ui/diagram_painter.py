"""Paints the network's diagram at any zoom, groups' handles included: what is not legible is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
)

from segstudio.canvas.view import View
from segstudio.report.diagram import Band, Box, Diagram, Edge, Group, Node, Point
from segstudio.report.diagram_style import (
    CUT_COLOUR,
    KIND_COLOURS,
    KIND_DASHES,
    ROLE_COLOURS,
    TIMES,
    arrow_head,
    detail_text,
    fitted,
    halfway,
    role_mark,
    rounded,
    shape_text,
    stride_text,
)
from segstudio.report.shape_table import pixels_text

_ROLES = QPalette.ColorRole
_LEAST_WIDTH = 20.0
_MARK_FROM = 46.0
_CHIP_SIDE = 13.0
_TITLE_PX = 11
_TITLES_FROM = 0.62


@dataclass(frozen=True)
class Chip:
    """A group's handle.

    Attributes:
        group: What it folds.
        area: Where it is, in pixels of the widget.
        title: Whether the group's name is written.
    """

    group: Group
    area: QRectF
    title: bool


def chips_of(diagram: Diagram, view: View, font: QFont) -> tuple[Chip, ...]:
    """The handles of all groups, above what they fold."""
    sized = QFont(font)
    sized.setPixelSize(_TITLE_PX)
    metrics = QFontMetricsF(sized)
    titled = view.zoom >= _TITLES_FROM
    chips = []
    for group in diagram.groups:
        x, y = view.to_device(group.anchor)
        # lines run into parallel branches where a title would be
        named = titled and (group.folded or group.bracket is None)
        width = _CHIP_SIDE + (metrics.horizontalAdvance(group.title) + 6 if named else 0)
        chips.append(Chip(group, QRectF(x, y - _CHIP_SIDE - 2, width, _CHIP_SIDE), named))
    return tuple(chips)


def chip_at(chips: Iterable[Chip], place: QPointF) -> Chip | None:
    """The handle at a place; a little beside it counts too."""
    return next((c for c in chips if c.area.adjusted(-2, -2, 2, 2).contains(place)), None)


def paint_chip(painter: QPainter, palette: QPalette, chip: Chip) -> None:
    colour = QColor(ROLE_COLOURS[chip.group.role])
    square = QRectF(chip.area.left() + 0.5, chip.area.top() + 0.5, _CHIP_SIDE - 1, _CHIP_SIDE - 1)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(palette.color(_ROLES.Base))
    painter.drawRoundedRect(square, 2, 2)
    middle = square.center()
    painter.setPen(QPen(palette.color(_ROLES.WindowText), 1.4))
    painter.drawLine(middle - QPointF(3, 0), middle + QPointF(3, 0))
    if chip.group.folded:
        painter.drawLine(middle - QPointF(0, 3), middle + QPointF(0, 3))
    if chip.title:
        font = QFont(painter.font())
        font.setWeight(QFont.Weight.Normal)
        font.setPixelSize(_TITLE_PX)
        painter.setFont(font)
        painter.setPen(palette.color(_ROLES.PlaceholderText))
        line = chip.area.adjusted(_CHIP_SIDE + 3, -2, 0, 2)
        painter.fillRect(line.adjusted(-2, 3, 0, -3), palette.color(_ROLES.AlternateBase))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, chip.group.title)


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


def text_px(zoom: float) -> float:
    """Size of the font in pixels: never too small to read, growing slowly with the zoom."""
    return min(15.0, max(9.5, 8.0 + 3.4 * zoom))


def paint_texts(
    painter: QPainter, palette: QPalette, node: Node, area: QRectF, zoom: float
) -> None:
    """Name and mark of the role, shape, and below them what fits."""
    if area.width() < _LEAST_WIDTH:
        return
    font = QFont(painter.font())
    font.setPixelSize(round(text_px(zoom)))
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    metrics = QFontMetricsF(font)
    height = metrics.height() * 0.96
    lines = int((area.height() + 3) / height)
    painter.setFont(bold)
    painter.setPen(palette.color(_ROLES.WindowText))
    first = QRectF(area.left(), area.top(), area.width(), height)
    if lines < 1:
        return
    mark = metrics.ascent() * 0.8 + 3
    name_width = QFontMetricsF(bold).horizontalAdvance(node.label)
    # the name says more than the mark, whose colour the border has too
    if area.width() >= _MARK_FROM and name_width + mark <= area.width():
        _paint_mark(painter, node, first, metrics.ascent())
        first.setLeft(first.left() + mark)
        painter.setPen(palette.color(_ROLES.WindowText))
    _line(painter, first, _shortened(node.label, QFontMetricsF(bold), first.width()))
    painter.setFont(font)
    faint = palette.color(_ROLES.PlaceholderText)
    for index, (text, is_faint) in enumerate(_more(node, metrics, area.width()), 1):
        if index >= lines:
            return
        painter.setPen(faint if is_faint else palette.color(_ROLES.WindowText))
        place = QRectF(area.left(), area.top() + index * height, area.width(), height)
        _line(painter, place, text)


def _more(node: Node, metrics: QFontMetricsF, width: float) -> Iterator[tuple[str, bool]]:
    """The lines below the name, the most important first, and whether they are faint."""
    channels, height, across = node.layer.shape
    whole = shape_text(node.layer)
    lines = (
        [(whole, False)]
        if metrics.horizontalAdvance(whole) <= width
        else [(f"{channels} ch", False), (f"{height}{TIMES}{across}", False)]
    )
    for text, is_faint in (*lines, (detail_text(node), True), (str(node.role), True)):
        # a number that is cut off would say something else
        if metrics.horizontalAdvance(text) <= width + 1:
            yield text, is_faint


def _line(painter: QPainter, place: QRectF, text: str) -> None:
    # glyphs may reach a little over the width that the metrics say
    place = place.adjusted(0, 0, 3, 0)
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _shortened(name: str, metrics: QFontMetricsF, width: float) -> str:
    """A name that fits; the number at its end stays, for it tells the stages apart."""
    if metrics.horizontalAdvance(name) <= width:
        return name
    stem = name.rstrip("0123456789")
    number = name[len(stem) :]
    room = width - metrics.horizontalAdvance(number)
    return metrics.elidedText(stem, Qt.TextElideMode.ElideRight, room) + number


def _paint_mark(painter: QPainter, node: Node, line: QRectF, side: float) -> None:
    side *= 0.72
    box = Box(line.left(), line.center().y() - side / 2, side, side)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ROLE_COLOURS[node.role]))
    for polygon in role_mark(node.role, box):
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in polygon]))


def paint_stride(
    painter: QPainter, palette: QPalette, photo_stride: float, band: QRectF, zoom: float
) -> None:
    """The stride left of the nodes of its row, in `band`; short where there is little room."""
    font = QFont(painter.font())
    font.setPixelSize(round(text_px(zoom)))
    font.setWeight(QFont.Weight.Normal)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    room = 56 * zoom
    text = stride_text(photo_stride)
    # all rows alike
    if metrics.horizontalAdvance(stride_text(64)) > room:
        text = f"/{pixels_text(photo_stride)}"
    if metrics.horizontalAdvance(text) + 6 > band.width():
        return
    painter.setPen(palette.color(_ROLES.PlaceholderText))
    place = QRectF(4, band.top() + 2, max(room, metrics.horizontalAdvance(text)), metrics.height())
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, text)
