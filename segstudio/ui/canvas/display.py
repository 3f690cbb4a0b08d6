"""The picture of the open image: zoom, place, repainting. No input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, Patch
from segstudio.jobs import JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Layer, Session, ViewState
from segstudio.ui.canvas.frame import Frame
from segstudio.ui.canvas.over_photo import over_photo_on, planes_with
from segstudio.ui.canvas.overlay import Look, planes_for, shown_layer
from segstudio.ui.canvas.photo import Photo
from segstudio.ui.canvas.planes import Plane
from segstudio.ui.canvas.sampling import Sampler
from segstudio.ui.canvas.view import GRID_FROM, Point, Size, View, fitted, next_step

_OUTLINE_PX = 1.5
_SLOW_MS = 400
"""After this time of reading, the old picture is dimmed and the new name is shown."""
_VEIL = QColor(0, 0, 0, 110)


class Display(QWidget):
    """Shows one document.

    Attributes:
        jobs: Makes the reduced copies of large photos; None to make them when painting.

    Signals:
        zoom_changed: Device pixels per image pixel.
    """

    zoom_changed = Signal(float)

    def __init__(
        self, session: Session, keep_view: Callable[[], bool], parent: QWidget | None = None
    ) -> None:
        """Args:
        session: What is shown and how.
        keep_view: Whether zoom and place stay from image to image.
        parent: The widget around it.
        """
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.jobs: JobRunner | None = None
        self._session = session
        self._keep_view = keep_view
        self._document: Document | None = None
        self._annotation: object = None
        self._layer: Layer | None = None
        self._photo: Photo | None = None
        self._view = View()
        self._fits = True
        self._sampler: Sampler | None = None
        self._frame = Frame()
        self._device_wh: Size = (0, 0)
        self._seen: object = None
        self._veil = QTimer(self, singleShot=True, interval=_SLOW_MS)
        self._veil.timeout.connect(self.update)

    # -- geometry ----------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """What is open."""
        return self._session

    @property
    def document(self) -> Document | None:
        """What is on the screen: the open image, or while the next one loads the last one."""
        return self._document

    @property
    def view(self) -> View:
        """Zoom and place."""
        return self._view

    @property
    def zoom(self) -> float:
        """Device pixels per image pixel."""
        return self._view.zoom

    @property
    def fits(self) -> bool:
        """Whether the image is kept fitted to the viewport."""
        return self._fits

    def to_image(self, screen_xy: Point) -> Point:
        """The image point at logical pixels of the viewport."""
        return self._view.to_image(self._to_device(screen_xy))

    def to_screen(self, image_xy: Point) -> Point:
        """Logical pixels of the viewport of an image point."""
        x, y = self._view.to_device(image_xy)
        ratio = self.devicePixelRatioF()
        return (x / ratio, y / ratio)

    def _to_device(self, screen_xy: Point) -> Point:
        ratio = self.devicePixelRatioF()
        return (screen_xy[0] * ratio, screen_xy[1] * ratio)

    def _image_wh(self) -> Size:
        height, width = self._document.shape_hw if self._document is not None else (1, 1)
        return (width, height)

    # -- zoom and place ------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole image; it stays fitted when the window changes its size."""
        self._fits = True
        self._set_view(fitted(self._image_wh(), self._device_wh))

    def actual_size(self) -> None:
        """One image pixel on one pixel of the screen, around the middle of what is seen."""
        self.zoom_to(1.0, self._middle())

    def zoom_in(self) -> None:
        """The next larger usual zoom."""
        self.zoom_to(next_step(self.zoom, 1), self._middle())

    def zoom_out(self) -> None:
        """The next smaller usual zoom."""
        self.zoom_to(next_step(self.zoom, -1), self._middle())

    def zoom_to(self, zoom: float, at_xy: Point) -> None:
        """Another zoom; the image point at logical pixels `at_xy` stays there."""
        if self._document is not None:
            self._fits = False
            self._set_view(self._view.zoomed(zoom, self._to_device(at_xy)))

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the image by logical pixels, to whole pixels of the screen."""
        ratio = self.devicePixelRatioF()
        step = round(dx * ratio), round(dy * ratio)
        # a click with the hand moves nothing, and what was fitted stays so
        if self._document is not None and step != (0, 0):
            self._fits = False
            self._set_view(self._view.moved(*step))

    def _middle(self) -> Point:
        return (self.width() / 2, self.height() / 2)

    def _set_view(self, view: View) -> None:
        view = view.clamped(self._image_wh(), self._device_wh)
        zoomed = view.zoom != self._view.zoom
        self._view = view
        self._place()
        if zoomed:
            self.zoom_changed.emit(view.zoom)

    def _place(self) -> None:
        """Take the present view into the picture."""
        self._sampler = None
        if self._document is not None and min(self._device_wh) > 0:
            self._sampler = Sampler(self._view, self._document.shape_hw, self._device_wh)
        self._frame.show(self._photo, self._sampler)
        self.refresh_overlay()

    # -- what is shown -------------------------------------------------------------------------

    def show_document(self) -> None:
        """Another image is open, is loading, or none is open any more."""
        document = self._session.document
        if document is None and self._session.loading:
            self._veil.start()
            return
        self._veil.stop()
        if document is self._document:
            self.update()
            return
        keep = self._document is not None and document is not None and self._keep_view()
        same_size = keep and document.shape_hw == self._document.shape_hw  # type: ignore[union-attr]
        self._document = document
        self._photo = None if document is None else self._photo_of(document)
        if document is None:
            self._view, self._fits = View(), True
            self._place()
        elif same_size and not self._fits:
            self._place()
        else:
            self.fit()

    def _photo_of(self, document: Document) -> Photo:
        if self.jobs is None:
            return Photo(document.pixels)
        return Photo(document.pixels, self._reduce)

    def _reduce(self, photo: Photo) -> None:
        """Have the reduced copies of a photo made."""

        def done(levels: list[Image]) -> None:
            photo.take_levels(levels)
            if photo is self._photo:
                self._frame.renew()
                self.update()

        if self.jobs is not None:
            self.jobs.submit(
                "Reducing the photo",
                "photos",
                lambda job: photo.reduced(job.check),
                done,
                key="reduced photo",
                visible=False,
            )

    def refresh_overlay(self) -> None:
        """Layers, colours, predictions or the whole annotation changed."""
        view = self._session.view
        planes: tuple[Plane, ...] = ()
        self._annotation = None
        self._layer = None
        if self._document is not None:
            self._annotation = self._document.annotation
            # the first thing painted or taken over makes a layer appear
            self._layer = shown_layer(self._document, view)
            planes = self._planes(self._document)
        self._frame.set_planes(planes, grid=view.pixel_grid and self.zoom >= GRID_FROM)
        self._seen = _visible_part(view)
        self.update()

    def _planes(self, document: Document) -> tuple[Plane, ...]:
        look = Look(self._session.schema, self._session.view, self._outline())
        inspection = self._session.inspection
        over = over_photo_on(document, inspection)
        if over is None or inspection.traced is None:
            return planes_for(document, look)
        return planes_with(over, document, look, inspection.traced.prediction)

    def refresh_view_state(self) -> None:
        """The session's view state changed; tool and brush do not touch the picture."""
        if _visible_part(self._session.view) != self._seen:
            self.refresh_overlay()

    def refresh_labels(self, patches: tuple[Patch, ...]) -> None:
        """The annotation changed in these patches; none means everywhere."""
        document = self._document
        if document is None or document is not self._session.document:
            return
        if (
            not patches
            or document.annotation is not self._annotation
            or shown_layer(document, self._session.view) is not self._layer
        ):
            self.refresh_overlay()
            return
        for patch in patches:
            concerned = self._frame.invalidate(patch.rect)
            if not concerned.is_empty:
                self.update(self._logical(concerned))

    def _outline(self) -> int:
        """Width of outlines in device pixels: thinner where objects are small."""
        width = _OUTLINE_PX if self.zoom >= 1 else _OUTLINE_PX / 2
        return max(1, round(width * self.devicePixelRatioF() + 0.01))

    def _logical(self, device: Rect) -> QRect:
        """The logical rectangle that covers device pixels."""
        ratio = self.devicePixelRatioF()
        return QRectF(
            device.left / ratio, device.top / ratio, device.width / ratio, device.height / ratio
        ).toAlignedRect()

    # -- Qt ------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """The size it would like."""
        return QSize(800, 600)

    def minimumSizeHint(self) -> QSize:
        """The least useful size."""
        return QSize(160, 120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Renew the picture in its new size."""
        super().resizeEvent(event)
        self._resize_frame()

    def event(self, event: QEvent) -> bool:
        """Follow the screen's pixel ratio."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._resize_frame()
        return super().event(event)

    def _resize_frame(self) -> None:
        ratio = self.devicePixelRatioF()
        before, after = (
            self._device_wh,
            (round(self.width() * ratio), round(self.height() * ratio)),
        )
        if before == after:
            return
        self._device_wh = after
        self._frame.resize(after)
        if self._document is None:
            self._place()
        elif self._fits:
            self.fit()
        else:
            self._set_view(self._view.resized(before, after))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is asked for."""
        self._frame.render()
        painter = QPainter(self)
        image = self._frame.image
        ratio = self.devicePixelRatioF()
        if ratio == 1.0:
            painter.drawImage(0, 0, image)
        else:
            target = QRectF(0, 0, image.width() / ratio, image.height() / ratio)
            painter.drawImage(target, image, QRectF(image.rect()))
        self.paint_marks(painter)
        if self._session.loading and self._session.document is None and not self._veil.isActive():
            self._paint_veil(painter)
        painter.end()

    def paint_marks(self, painter: QPainter) -> None:
        """Draw over the picture; for subclasses."""

    def _paint_veil(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), _VEIL)
        painter.setPen(Qt.GlobalColor.white)
        text = f"Reading {self._session.loading} …"
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)


def _visible_part(view: ViewState) -> ViewState:
    """The view state without what does not show in the picture."""
    plain = ViewState()
    return replace(
        view,
        tool=plain.tool,
        brush_size=plain.brush_size,
        active_class=plain.active_class,
        previous_class=plain.previous_class,
        only_unlabelled=plain.only_unlabelled,
        fill_contiguous=plain.fill_contiguous,
    )
