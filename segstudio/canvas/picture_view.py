"""A picture that can be zoomed and moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.canvas.frame import FramedWidget
from segstudio.canvas.photo import Photo
from segstudio.canvas.planes import LabelPlane, Plane, StillMap, premultiplied
from segstudio.canvas.sampling import Sampler
from segstudio.canvas.view import MAX_ZOOM, Point, View, wheel_zoom
from segstudio.canvas.wheel import notches
from segstudio.core.labels import Image, Labels
from segstudio.core.render import ColorTable

Pixel = tuple[int, int]
"""(x, y) of a picture."""

_CLICK_PX = 4
"""A press that moves no further is a click."""
_ARM = 9


@dataclass(frozen=True)
class Glance:
    """Which part of a picture is seen, whatever its size in pixels.

    Attributes:
        enlarged: Zoom relative to that at which the whole picture just fits.
        middle_xy: Place in the middle of the view, as shares of width and height.
    """

    enlarged: float = 1.0
    middle_xy: Point = (0.5, 0.5)


class PictureView(FramedWidget):
    """Shows an RGB picture, with class colours over it if given.

    The wheel zooms at the pointer, dragging moves, a double click shows the whole picture again.

    Signals:
        hovered: Pixel (x, y) under the pointer, or None when it left the picture.
        clicked: x, y of a pixel that was clicked without dragging.
        glanced: Another part is seen (`Glance`), by the user's doing.
    """

    hovered = Signal(object)
    clicked = Signal(int, int)
    glanced = Signal(object)

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        """Args:
        name: What it shows, for screen readers.
        parent: The widget around it.
        """
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        if name:
            self.setAccessibleName(name)
        self._photo: Photo | None = None
        self._shape_hw = (0, 0)
        self._labels: Labels | None = None
        self._colours: ColorTable | None = None
        self._outline_px = 0.0
        self._text = ""
        self._glance = Glance()
        self._view = View()
        self._marker: Point | None = None
        self._pressed: QPointF | None = None
        self._dragged = False

    # -- what is shown -------------------------------------------------------------------------

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(height, width) of the picture; (0, 0) without one."""
        return self._shape_hw

    @property
    def labels(self) -> Labels | None:
        """The class map over the picture."""
        return self._labels

    @property
    def text(self) -> str:
        """What stands there instead of a picture."""
        return self._text

    def show_picture(
        self,
        picture: Image | Photo,
        labels: Labels | None = None,
        colours: ColorTable | None = None,
        *,
        outline_px: float = 0.0,
    ) -> None:
        """Show a picture; one of the same shape (in proportion) keeps zoom and place.

        Args:
            picture: (H, W, 3) uint8 RGB, or one that several views share (a large photo).
            labels: (H, W) uint8 ids drawn over it, or None.
            colours: (256, 4) uint8 RGBA by id.
            outline_px: Width of opaque outlines of the regions in logical pixels; 0 for none.

        Raises:
            ValueError: if the labels are of another size.
        """
        photo = picture if isinstance(picture, Photo) else Photo(picture)
        shape = photo.shape_hw
        if labels is not None and labels.shape != shape:
            raise ValueError(f"a picture of {shape} and labels of {labels.shape}")
        self._photo = photo
        if _proportion(shape) != _proportion(self._shape_hw):
            self._glance = Glance()
        self._shape_hw, self._text = shape, ""
        self._labels, self._colours, self._outline_px = labels, colours, outline_px
        self._place()

    def renew(self) -> None:
        """The shared photo has got its reduced copies."""
        self._frame.renew()
        self.update()

    def show_text(self, text: str) -> None:
        self._photo, self._shape_hw, self._labels = None, (0, 0), None
        self._text = text
        self._place()

    def show_marker(self, place_xy: Point | None) -> None:
        """Mark a place, given as shares (x, y) of width and height, 0..1; None for none."""
        if place_xy != self._marker:
            self._marker = place_xy
            self.update()

    # -- the part that is seen -----------------------------------------------------------------

    @property
    def glance(self) -> Glance:
        return self._glance

    def set_glance(self, glance: Glance) -> None:
        """Show another part; says nothing."""
        if glance != self._glance:
            self._glance = glance
            self._place()

    def pixel_at(self, x: float, y: float) -> Pixel | None:
        """The pixel at logical pixels of the widget; None beside the picture."""
        if self._photo is None:
            return None
        ratio = self.devicePixelRatioF()
        u, v = self._view.to_image((x * ratio, y * ratio))
        height, width = self._shape_hw
        if not (0 <= u < width and 0 <= v < height):
            return None
        return int(u), int(v)

    def place_of(self, pixel_xy: Pixel) -> QPointF:
        """Logical pixels of the widget of the middle of a pixel."""
        ratio = self.devicePixelRatioF()
        x, y = self._view.to_device((pixel_xy[0] + 0.5, pixel_xy[1] + 0.5))
        return QPointF(x / ratio, y / ratio)

    def _fit_zoom(self) -> float:
        """Device pixels per pixel at which the whole picture just fits."""
        height, width = self._shape_hw
        return min(self._device_wh[0] / max(1, width), self._device_wh[1] / max(1, height))

    def _place(self) -> None:
        """Take picture and glance into the frame."""
        sampler = None
        if self._photo is not None and min(self._device_wh) > 0:
            self._view = self._view_of(self._glance)
            sampler = Sampler(self._view, self._shape_hw, self._device_wh)
        self._frame.show(self._photo, sampler)
        self._frame.set_planes(self._planes(), grid=False)
        self.update()

    def _view_of(self, glance: Glance) -> View:
        height, width = self._shape_hw
        zoom = self._fit_zoom() * glance.enlarged
        x = self._device_wh[0] / 2 - glance.middle_xy[0] * width * zoom
        y = self._device_wh[1] / 2 - glance.middle_xy[1] * height * zoom
        return View(zoom, (x, y)).clamped((width, height), self._device_wh)

    def _glance_of(self, view: View) -> Glance:
        height, width = self._shape_hw
        u, v = view.to_image((self._device_wh[0] / 2, self._device_wh[1] / 2))
        return Glance(view.zoom / self._fit_zoom(), (u / width, v / height))

    def _look(self, glance: Glance) -> None:
        """The user looks at another part."""
        if self._photo is not None and glance != self._glance:
            self._glance = glance
            self._place()
            self.glanced.emit(glance)

    def _planes(self) -> tuple[Plane, ...]:
        if self._labels is None or self._colours is None:
            return ()
        lines = self._colours.copy()
        lines[lines[:, 3] > 0, 3] = 255
        colours = premultiplied(np.concatenate((self._colours, lines)))
        width = round(self._outline_px * self.devicePixelRatioF())
        return (LabelPlane(StillMap(self._labels), colours, width),)

    # -- Qt ------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(220, 160)

    def minimumSizeHint(self) -> QSize:
        return QSize(56, 48)

    def _resized(self) -> None:
        """Show the same part in the new size."""
        if self.take_size():
            self._place()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer; never smaller than the whole picture."""
        event.accept()
        if self._photo is None:
            return
        ratio, at = self.devicePixelRatioF(), event.position()
        fit = self._fit_zoom()
        zoom = wheel_zoom(self._view.zoom, notches(event))
        if zoom <= fit:
            self._look(Glance())
            return
        view = self._view.zoomed(min(zoom, MAX_ZOOM), (at.x() * ratio, at.y() * ratio))
        self._look(self._glance_of(view))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed, self._dragged = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the picture with a held button; else say what is under the pointer."""
        at = event.position()
        if self._pressed is not None:
            moved = at - self._pressed
            if self._dragged or moved.manhattanLength() > _CLICK_PX:
                self._dragged, self._pressed = True, at
                self._drag(moved)
            return
        self.hovered.emit(self.pixel_at(at.x(), at.y()))

    def _drag(self, moved: QPointF) -> None:
        if self._photo is None or self._glance.enlarged <= 1:
            return
        ratio = self.devicePixelRatioF()
        view = self._view.moved(moved.x() * ratio, moved.y() * ratio)
        self._look(self._glance_of(view.clamped(self._shape_hw[::-1], self._device_wh)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press that did not move was a click."""
        pressed, self._pressed = self._pressed, None
        if pressed is None or self._dragged or event.button() != Qt.MouseButton.LeftButton:
            return
        pixel = self.pixel_at(pressed.x(), pressed.y())
        if pixel is not None:
            self.clicked.emit(*pixel)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._look(Glance())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hovered.emit(None)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._photo is None:
            painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Window))
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(6, 4, -6, -4), flags, self._text)
        else:
            self._frame.render()
            image = self._frame.image
            painter.drawImage(QRectF(self.rect()), image, QRectF(image.rect()))
            self._paint_marker(painter)
        painter.end()

    def _paint_marker(self, painter: QPainter) -> None:
        if self._marker is None:
            return
        ratio = self.devicePixelRatioF()
        height, width = self._shape_hw
        x, y = self._view.to_device((self._marker[0] * width, self._marker[1] * height))
        middle = QPointF(x / ratio, y / ratio)
        for colour, thick in ((QColor(0, 0, 0, 190), 3.0), (QColor(255, 255, 255), 1.0)):
            painter.setPen(QPen(colour, thick))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                step = QPointF(dx, dy)
                painter.drawLine(middle + step * 3, middle + step * _ARM)


def _proportion(shape_hw: tuple[int, int]) -> int:
    """Width by height in hundredths: pictures of one scene at other sizes keep zoom and place."""
    return round(100 * shape_hw[1] / shape_hw[0]) if shape_hw[0] else 0
