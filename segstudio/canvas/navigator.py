"""The whole photo, small, in a corner of a view that shows a part of it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.canvas.view import Point, wheel_zoom
from segstudio.canvas.viewport import Viewport
from segstudio.canvas.wheel import notches

_LONG_PX: Final = 112
"""The longer side of the photo in it, in logical pixels."""
_SHORT_PX: Final = 16
"""The shorter side at least: a strip is still a thing to click on."""
_GAP_PX: Final = 10
_RIM_PX: Final = 1
_ROOM: Final = 3
"""In a view that is not so many times as wide and as high there is none."""
_NEAR_PX: Final = 24
_ALL: Final = 0.98
"""With such a share of the image in sight nothing has to be found."""
_DIM, _LINE, _RIM = QColor(0, 0, 0, 110), QColor(255, 255, 255), QColor(128, 132, 138)


class Navigator(QWidget):
    """Frames what a view shows of the image; a click or a drag brings another part into sight.

    It is there while a part of the image is out of sight, in the view that was clicked on last,
    lower right; a stroke that comes near sends it to the upper right, and back.
    """

    def __init__(self, viewport: Viewport, parent: QWidget) -> None:
        """Args:
        viewport: The view.
        parent: The widget that the view fills.
        """
        super().__init__(parent)
        self._viewport = viewport
        self._image = QImage()
        self._made_of: tuple[object, ...] = ()
        self._is_high = False
        self.setAccessibleName("Navigator")
        self.setToolTip("The whole image: click or drag to see another part")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.hide()
        viewport.placed.connect(self.follow)
        viewport.pointed.connect(self._make_way)

    def follow(self) -> None:
        """The view shows another part or another image, or it has another size."""
        wanted = self._is_wanted()
        if wanted:
            self._put()
            self.update()
        if wanted == self.isHidden():
            self.setVisible(wanted)

    @property
    def seen(self) -> QRectF:
        """The part of it that the view shows, in its logical pixels."""
        height, width = self._shape_hw
        inner = self._inner
        across, down = inner.width() / width, inner.height() / height
        part = self._part()
        return QRectF(
            inner.left() + part.left() * across,
            inner.top() + part.top() * down,
            part.width() * across,
            part.height() * down,
        )

    # -- where it lies -------------------------------------------------------------------------

    @property
    def _shape_hw(self) -> tuple[int, int]:
        document = self._viewport.document
        return (1, 1) if document is None else document.shape_hw

    @property
    def _inner(self) -> QRectF:
        """The photo in it."""
        return QRectF(self.rect().adjusted(_RIM_PX, _RIM_PX, -_RIM_PX, -_RIM_PX))

    def _part(self) -> QRectF:
        """What the view shows of the image, in image points."""
        view = self._viewport
        left, top = view.to_image((0, view.covered_px))
        right, bottom = view.to_image((view.width(), view.height()))
        height, width = self._shape_hw
        return QRectF(left, top, right - left, bottom - top) & QRectF(0, 0, width, height)

    def _size(self) -> QSize:
        height, width = self._shape_hw
        scale = _LONG_PX / max(height, width)
        sides = (max(_SHORT_PX, round(side * scale)) + 2 * _RIM_PX for side in (width, height))
        return QSize(*sides)

    def _is_wanted(self) -> bool:
        view, chosen = self._viewport, self._viewport.session.view
        active = min(chosen.active_pane, len(chosen.panes))
        if not chosen.navigator or active != view.number or view.document is None or view.fits:
            return False
        size = self._size()
        if view.width() < _ROOM * size.width() or view.height() < _ROOM * size.height():
            return False
        part, (height, width) = self._part(), self._shape_hw
        return part.width() * part.height() < _ALL * width * height

    def _put(self) -> None:
        size, view = self._size(), self._viewport
        y = view.covered_px + _GAP_PX if self._is_high else view.height() - size.height() - _GAP_PX
        self.setGeometry(view.width() - size.width() - _GAP_PX, y, size.width(), size.height())

    def _make_way(self, image_xy: Point | None) -> None:
        """Go to the other corner before what is being drawn gets there."""
        if image_xy is None or self.isHidden():
            return
        if QApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            x, y = self._viewport.to_screen(image_xy)
            near = self.geometry().adjusted(-_NEAR_PX, -_NEAR_PX, _NEAR_PX, _NEAR_PX)
            if near.contains(round(x), round(y)):
                self._is_high = not self._is_high
                self._put()

    # -- the pointer ---------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Left: go there. Others do nothing to the picture that lies under it either."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._go_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def _go_to(self, event: QMouseEvent) -> None:
        height, width = self._shape_hw
        inner, at = self._inner, event.position()
        across = (at.x() - inner.left()) / inner.width()
        down = (at.y() - inner.top()) / inner.height()
        self._viewport.center_on(
            (min(1.0, max(0.0, across)) * width, min(1.0, max(0.0, down)) * height)
        )

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the middle of what is seen."""
        zoom = wheel_zoom(self._viewport.zoom, notches(event))
        self._viewport.show_at(zoom)
        event.accept()

    # -- painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        inner = self._inner
        ratio = self.devicePixelRatioF()
        size_wh = (round(inner.width() * ratio), round(inner.height() * ratio))
        made_of = (*self._viewport.photo_looks, size_wh)
        if made_of != self._made_of:
            self._image = self._viewport.small_photo(size_wh)
            self._made_of = made_of
        painter.fillRect(self.rect(), _RIM)
        painter.drawImage(inner, self._image)
        seen = self.seen
        for dark in (
            QRectF(inner.left(), inner.top(), inner.width(), seen.top() - inner.top()),
            QRectF(inner.left(), seen.bottom(), inner.width(), inner.bottom() - seen.bottom()),
            QRectF(inner.left(), seen.top(), seen.left() - inner.left(), seen.height()),
            QRectF(seen.right(), seen.top(), inner.right() - seen.right(), seen.height()),
        ):
            painter.fillRect(dark, _DIM)
        painter.setPen(QPen(_LINE, 1))
        painter.drawRect(seen.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()
