"""Marks over the picture for objects: outlines of those that are chosen, and how one would be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QTransform,
)

from segstudio.canvas.marks import outline_path
from segstudio.canvas.view import Point
from segstudio.core.geometry import Rect
from segstudio.session.document import Document
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.annotation.objects import Objects
    from segstudio.core.labels import Mask, Patch
    from segstudio.core.object_cuts import Cut
    from segstudio.core.pixel_size import PixelSize

_DARK, _LIGHT = QColor(0, 0, 0), QColor(255, 255, 255)
_LINE_PX, _CASING_PX = 2.0, 4.0
T = TypeVar("T")
_MOST_PIXELS, _MOST_LINES = 1 << 19, 6_000
"""A larger object, or one with a longer outline, is only framed: it would cost a frame's time."""
_FOLLOWED_PIXELS = 1 << 15
"""The outline of a larger object does not follow a stroke while it is drawn."""
_MOST_OUTLINED, _MOST_FRAMED, MOST_TAGS = 80, 500, 20
"""Of more chosen ones the others are framed, or not marked, and none has a tag."""
_PLATE, _WORDS = QColor(243, 244, 246), QColor(27, 31, 36)
_TAG_PX, _TAG_RIM, _TAG_GAP = 11, 4, 6
_PIECES = (QColor("#56B4E9"), QColor("#D55E00"), QColor("#CC79A7"), QColor("#009E73"))
_PIECE_ALPHA = 120
ToScreen = Callable[[Point], Point]
REACH_PX = 6
"""How far around its pixels an outline is drawn, in logical pixels."""


class SelectionMark:
    """Draws a white line between black ones along the edges of what is chosen, and its number.

    All views share one, so that an outline is made once.
    """

    def __init__(self, session: Session, objects: Objects | None) -> None:
        self._session, self._objects = session, objects
        self._paths: dict[object, tuple[Rect, QPainterPath]] = {}
        self._late: set[object] = set()

    def forget(self, patches: Iterable[Patch] = ()) -> None:
        """The annotation changed in these patches (none: everywhere).

        The outline of a large object waits for the end of the stroke.
        """
        changed = [patch.rect for patch in patches]
        if not changed:
            self._paths = {}
        is_drawn = self._objects is not None and self._objects.stroking
        for key, (rect, _path) in list(self._paths.items()):
            if any(not rect.expand(1).intersect(other).is_empty for other in changed):
                if is_drawn and rect.height * rect.width > _FOLLOWED_PIXELS:
                    self._late.add(key)
                else:
                    del self._paths[key]

    def paint(self, painter: QPainter, document: Document | None, to_screen: ToScreen) -> None:
        """Draw it over a picture of the document, if that is the open one and it is shown."""
        session, objects = self._session, self._objects
        shown = session.view.overlay_visible and document is session.document
        if objects is None or document is None or not shown or not session.selection:
            return
        if self._late and not objects.stroking:
            self._paths = {key: p for key, p in self._paths.items() if key not in self._late}
            self._late = set()
        size = document.pixel_size(session.view.pixel_sizes)
        path, tags = QPainterPath(), []
        for rect, outline, name, area in (*self._objects_of(objects), *self._regions_of(objects)):
            path.addPath(outline)
            tags.append((rect, f"{name}{_area_text(area, size)}"))
        draw_over(painter, path, to_screen)
        if len(tags) <= MOST_TAGS:
            _paint_tags(painter, tags, to_screen)

    def _objects_of(self, objects: Objects) -> Iterator[tuple[Rect, QPainterPath, str, int]]:
        """Place, outline, name and area of each chosen object."""
        for number, object_id in enumerate(self._session.selection.objects[:_MOST_FRAMED]):
            info = objects.info(object_id)
            if info is None:
                continue
            rect, outline = info.rect, QPainterPath()
            if number < _MOST_OUTLINED and rect.height * rect.width <= _MOST_PIXELS:
                rect, outline = self._outline(info.id, partial(objects.mask_of, info.id))
            else:
                outline.addRect(rect.left, rect.top, rect.width, rect.height)
            yield rect, outline, f"#{info.id}  ", info.area

    def _regions_of(self, objects: Objects) -> Iterator[tuple[Rect, QPainterPath, str, int]]:
        """The same of each chosen region, which has no name."""
        for seed in self._session.selection.regions[:_MOST_OUTLINED]:
            region = objects.region_at(seed)
            if region is not None:
                rect, outline = self._outline(seed, partial(_same, region))
                yield rect, outline, "", int(np.count_nonzero(region[1]))

    def _outline(
        self, key: object, region: Callable[[], tuple[Rect, Mask]]
    ) -> tuple[Rect, QPainterPath]:
        known = self._paths.get(key)
        if known is None:
            rect, mask = region()
            known = self._paths[key] = (
                rect,
                outline_path(rect, partial(_same, mask), _MOST_PIXELS, _MOST_LINES),
            )
        return known


def _area_text(pixels: int, size: PixelSize | None) -> str:
    if size is None:
        return f"{pixels:,} px"
    return f"{size.area_text(pixels)} {size.area_unit}"


def _same(known: T) -> T:
    return known


def draw_over(painter: QPainter, path: QPainterPath, to_screen: ToScreen) -> None:
    """Draw a path in pixels of the image as a white line between black ones."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setTransform(_place(to_screen), combine=True)
    for color, width in ((_DARK, _CASING_PX), (_LIGHT, _LINE_PX)):
        pen = QPen(color, width)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.SquareCap)
        painter.setPen(pen)
        painter.drawPath(path)
    painter.restore()


def paint_cut(painter: QPainter, cut: Cut, to_screen: ToScreen) -> None:
    """Tint the pieces that an object would have, each in another colour, and line them."""
    pieces = np.ascontiguousarray(np.minimum(cut.pieces, len(_PIECES)), np.uint8)
    height, width = pieces.shape
    image = QImage(pieces.data, width, height, width, QImage.Format.Format_Indexed8)
    table = [0]
    for color in _PIECES:
        tint = QColor(color)
        tint.setAlpha(_PIECE_ALPHA)
        table.append(tint.rgba())
    image.setColorTable(table)
    painter.save()
    painter.setTransform(_place(to_screen), combine=True)
    painter.drawImage(QPointF(cut.rect.left, cut.rect.top), image)
    painter.restore()
    path = QPainterPath()
    for number in range(2, int(cut.pieces.max(initial=0)) + 1):
        half = cut.pieces == number
        path.addPath(outline_path(cut.rect, partial(_same, half), _MOST_PIXELS, _MOST_LINES))
    draw_over(painter, path, to_screen)


def _place(to_screen: ToScreen) -> QTransform:
    """From pixels of the image to logical pixels of the view."""
    origin, unit = QPointF(*to_screen((0.0, 0.0))), QPointF(*to_screen((1.0, 1.0)))
    scale = unit.x() - origin.x()
    return QTransform.fromTranslate(origin.x(), origin.y()).scale(scale, scale)


def _paint_tags(painter: QPainter, tags: Sequence[tuple[Rect, str]], to_screen: ToScreen) -> None:
    """Write on opaque plates beside the objects, where none covers another one."""
    painter.save()
    font = QFont(painter.font())
    font.setPixelSize(_TAG_PX)
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    metrics, placed = QFontMetrics(font), list[QRectF]()
    for rect, text in tags:
        size = QSizeF(metrics.horizontalAdvance(text) + 2 * _TAG_RIM, metrics.height() + 2)
        plate = _plate(rect, size, placed, to_screen)
        placed.append(plate)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(plate, 3, 3)
        painter.setPen(_WORDS)
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def _plate(rect: Rect, size: QSizeF, placed: Sequence[QRectF], to_screen: ToScreen) -> QRectF:
    """Where a tag lies: left of its object, else right, over or under it, where it is free."""
    box = QRectF(
        QPointF(*to_screen((rect.left, rect.top))), QPointF(*to_screen((rect.right, rect.bottom)))
    )
    y = box.top() + box.height() / 3 - size.height() / 2
    x = box.center().x() - size.width() / 2
    places = (
        QPointF(box.left() - _TAG_GAP - size.width(), y),
        QPointF(box.right() + _TAG_GAP, y),
        QPointF(x, box.top() - _TAG_GAP - size.height()),
        QPointF(x, box.bottom() + _TAG_GAP),
    )
    plates = [QRectF(QPointF(round(p.x()), round(p.y())), size) for p in places]
    free = (p for p in plates if p.left() >= 0 and not any(p.intersects(q) for q in placed))
    return next(free, plates[0])
