"""Marks over the picture for objects: outlines of those that are chosen, and how one would be cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
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
Bounds = npt.NDArray[np.int32]
"""(N, 4): top, left, bottom, right."""
_MOST_PIXELS, _MOST_LINES = 1 << 19, 6_000
"""A larger object, or one with a longer outline, is only framed: it would cost a frame's time."""
_FOLLOWED_PIXELS = 1 << 15
"""The outline of a larger object does not follow a stroke while it is drawn."""
_MOST_OUTLINED, MOST_TAGS = 80, 20
"""Where more chosen ones are in sight all are framed instead, and of more none has a tag."""
_MOST_NEW = 10
"""So many outlines are made for a paint event; the others follow with the next ones."""
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

    def __init__(
        self,
        session: Session,
        objects: Objects | None,
        repaint: Callable[[], object] = lambda: None,
    ) -> None:
        """Args:
        session: What is open.
        objects: The objects of the open image.
        repaint: Has the marks drawn again a moment later: some outlines were left out.
        """
        self._session, self._objects, self._repaint = session, objects, repaint
        self._new = 0
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
        in_sight, bounds = self._in_sight(objects, _visible(painter, to_screen))
        if len(in_sight) > _MOST_OUTLINED:
            _paint_frames(painter, bounds, to_screen)
            in_sight = []
        path, tags, self._new = QPainterPath(), [], 0
        for rect, outline, name, area in (
            *self._objects_of(objects, in_sight),
            *self._regions_of(objects),
        ):
            path.addPath(outline)
            tags.append((rect, f"{name}{_area_text(area, size)}"))
        draw_over(painter, path, to_screen)
        if len(session.selection.objects) + len(session.selection.regions) <= MOST_TAGS:
            _paint_tags(painter, tags, to_screen)
        if self._new > _MOST_NEW:
            self._repaint()

    def _in_sight(self, objects: Objects, visible: Rect) -> tuple[list[int], Bounds]:
        """The chosen objects that may be seen, in the order in which they were chosen, and where."""
        index, chosen = objects.index, self._session.selection.objects
        if index is None or not chosen:
            return [], np.zeros((0, 4), np.int32)
        bounds = index.bounds_of(chosen)
        seen = (bounds[:, 0] < visible.bottom) & (bounds[:, 2] > visible.top)
        seen &= (bounds[:, 1] < visible.right) & (bounds[:, 3] > visible.left)
        return np.asarray(chosen)[seen].tolist(), bounds[seen]

    def _objects_of(
        self, objects: Objects, in_sight: Iterable[int]
    ) -> Iterator[tuple[Rect, QPainterPath, str, int]]:
        """Place, outline, name and area of each."""
        for object_id in in_sight:
            info = objects.info(object_id)
            if info is None:
                continue
            rect, is_new = info.rect, object_id not in self._paths
            self._new += is_new
            waits = is_new and self._new > _MOST_NEW
            if waits or rect.height * rect.width > _MOST_PIXELS:
                outline = QPainterPath()
                outline.addRect(rect.left, rect.top, rect.width, rect.height)
            else:
                rect, outline = self._outline(object_id, partial(objects.mask_of, object_id))
            yield rect, outline, f"#{object_id}  ", info.area

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


def _visible(painter: QPainter, to_screen: ToScreen) -> Rect:
    """The pixels of the image that lie in what is painted on."""
    back, _ = _place(to_screen).inverted()
    seen = back.mapRect(QRectF(painter.viewport()))
    reach = REACH_PX * seen.width() / max(1, painter.viewport().width())
    seen.adjust(-reach, -reach, reach, reach)
    return Rect(
        math.floor(seen.top()),
        math.floor(seen.left()),
        math.ceil(seen.bottom()),
        math.ceil(seen.right()),
    )


def _paint_frames(painter: QPainter, bounds: Bounds, to_screen: ToScreen) -> None:
    """Frame many objects at once, as a picture of the view: a list of shapes would take too long."""
    device = painter.device()
    ratio, size = device.devicePixelRatio(), painter.viewport().size()
    height, width = math.ceil(size.height() * ratio), math.ceil(size.width() * ratio)
    place = _place(to_screen)
    scale, moved = place.m11() * ratio, (place.dy() * ratio, place.dx() * ratio) * 2
    corners = np.rint(bounds * scale + np.array(moved)).astype(np.int64)
    top, left, bottom, right = corners.T
    lines = _filled(top, left, right, height, width) | _filled(bottom, left, right, height, width)
    lines |= _filled(left, top, bottom, width, height).T
    lines |= _filled(right, top, bottom, width, height).T
    thick = max(1, round(ratio))
    around = np.ones((2 * thick + 1, 2 * thick + 1), np.uint8)
    shown = np.zeros((height, -(-width // 4) * 4), np.uint8)  # rows of whole words, as Qt has them
    shown[:, :width] = cv2.dilate(lines.view(np.uint8), around) + lines
    image = QImage(shown.data, width, height, shown.shape[1], QImage.Format.Format_Indexed8)
    image.setColorTable([0, _DARK.rgba(), _LIGHT.rgba()])
    image.setDevicePixelRatio(ratio)
    painter.drawImage(QPointF(0, 0), image)


def _filled(
    row: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    height: int,
    width: int,
) -> Mask:
    """(height, width) bool: pixels first..last of rows, as far as they lie inside."""
    inside = (row >= 0) & (row < height) & (last >= 0) & (first < width)
    row, first, last = row[inside], np.clip(first[inside], 0, width), last[inside]
    steps = np.zeros((height, width + 1), np.int16)
    np.add.at(steps, (row, first), 1)
    np.add.at(steps, (row, np.minimum(last + 1, width)), -1)
    filled: Mask = np.cumsum(steps, axis=1, dtype=np.int16)[:, :width] > 0
    return filled


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
