"""Cards over the picture: each lies in the corner farthest from what it explains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from segstudio.core.geometry import Rect
from segstudio.session.disputes import Disputes
from segstudio.session.document import Document
from segstudio.session.inspection import Inspection, Over

if TYPE_CHECKING:
    from segstudio.canvas.viewport import Viewport

MARGIN = 8
_NEAR = 24
"""Pixels that stay free around what is explained; the usual corner is left for more than that."""

Corner = tuple[str, str]
"""("top" or "bottom", "left" or "right")."""
_MOVES = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class CornerCard(QWidget):
    """A dark card in a corner of a picture.

    It changes its corner when something else is explained, when the picture gets another size, and
    when what is explained comes under it; never for where the mouse is.
    """

    def __init__(
        self,
        picture: Viewport,
        corners: tuple[Corner, ...],
        ground: QColor,
        beside: CornerCard | None = None,
    ) -> None:
        """Args:
        picture: What it lies on.
        corners: All four; the first one is taken while no place is more than another.
        ground: Its colour.
        beside: Another card, whose corner it shares without covering it.
        """
        super().__init__(picture)
        self._picture, self._corners, self._ground, self._beside = picture, corners, ground, beside
        self._corner, self._explained = corners[0], tuple[Rect, ...]()
        self._chosen_for = QSize()
        picture.installEventFilter(self)
        picture.placed.connect(self._keep_clear)
        if beside is not None:
            beside.installEventFilter(self)

    @property
    def room(self) -> int:
        """How wide it may be."""
        return self._picture.width() - 2 * MARGIN

    def explain(self, rects: tuple[Rect, ...]) -> None:
        """Go out of the way of parts of the image, or to the usual corner if there are none.

        Args:
            rects: What is explained, what counts most first: a part that leaves no corner clear
                together with those before it, is covered.
        """
        if rects != self._explained:
            self._explained = rects
            self._choose_corner()

    def fit(self) -> None:
        """Take the size that its content asks for, in the same corner."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
        self.resize(self.sizeHint())
        self.move(self._place_in(self._corner).topLeft())
        if self._chosen_for == self._picture.size():  # else the image gets its new place first
            self._keep_clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner of the picture, beside the other card."""
        if event.type() == QEvent.Type.Resize or (
            watched is self._beside and event.type() in _MOVES
        ):
            self.fit()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._ground)
        painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        painter.end()

    def _keep_clear(self) -> None:
        """The image lies elsewhere: go away from what is explained if it lies under the card now,
        or if the corners are others.
        """
        resized = self._chosen_for != self._picture.size()
        if self._explained and (resized or _nearest(self.geometry(), self._avoided()) < _NEAR):
            self._choose_corner()

    def _choose_corner(self) -> None:
        parts = self._avoided()
        distances = {c: _nearest(self._place_in(c), parts) for c in self._corners}
        usual, farthest = self._corners[0], max(distances, key=distances.__getitem__)
        clearly = distances[farthest] - distances[usual] > _NEAR
        self._corner = farthest if clearly else usual
        self._chosen_for = self._picture.size()
        self.move(self._place_in(self._corner).topLeft())

    def _place_in(self, corner: Corner) -> QRect:
        """Where it would lie in a corner."""
        picture, size = self._picture.size(), self.size()
        right = picture.width() - size.width() - MARGIN
        bottom = picture.height() - size.height() - MARGIN
        x = MARGIN if corner[1] == "left" else right
        place = QRect(QPoint(x, MARGIN if corner[0] == "top" else bottom), size)
        if self._beside is not None and self._beside.isVisible():
            taken = self._beside.geometry()
            if place.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN).intersects(taken):
                if corner[0] == "top":
                    place.moveTop(taken.bottom() + 1 + MARGIN)
                else:
                    place.moveBottom(taken.top() - 1 - MARGIN)
        return place

    def _avoided(self) -> list[QRectF]:
        """The explained parts that can be left in sight, on the screen."""
        places = [self._place_in(corner) for corner in self._corners]
        found: list[QRectF] = []
        for rect in self._explained:
            more = [*found, _on_screen(rect, self._picture.to_screen)]
            if not found or any(_nearest(place, more) > _NEAR for place in places):
                found = more
        return found


def explained(
    document: Document | None, inspection: Inspection, disputes: Disputes | None, opened: int
) -> tuple[Rect, ...]:
    """The parts of an image that cards over it are about, a pinned pixel first.

    Args:
        document: The image.
        inspection: Its pinned pixel, or the drawn rectangle if that is what is asked about.
        disputes: Where models differ on it.
        opened: The region of them that is looked at, 0 for none.
    """
    found = []
    if inspection.traced is not None and inspection.traced.document is document:
        if inspection.point is not None:
            x, y = inspection.point
            found.append(Rect(y, x, y + 1, x + 1))
        if inspection.over is Over.RECTANGLE and inspection.rectangle is not None:
            found.append(inspection.rectangle)
    if disputes is not None and disputes.document is document:
        region = disputes.region(opened)
        if region is not None:
            found.append(region.rect)
    return tuple(found)


def _on_screen(
    rect: Rect, to_screen: Callable[[tuple[float, float]], tuple[float, float]]
) -> QRectF:
    corners = to_screen((rect.left, rect.top)), to_screen((rect.right, rect.bottom))
    return QRectF(QPointF(*corners[0]), QPointF(*corners[1]))


def _nearest(box: QRect, rects: list[QRectF]) -> float:
    """From a place to the nearest of some parts; 0 if one lies there, or there are none."""
    return min((_between(box, rect) for rect in rects), default=0.0)


def _between(box: QRect, rect: QRectF) -> float:
    """From one rectangle to another; 0 where they touch."""
    dx = max(box.left() - rect.right(), 0.0, rect.left() - box.right())
    dy = max(box.top() - rect.bottom(), 0.0, rect.top() - box.bottom())
    return math.hypot(dx, dy)
