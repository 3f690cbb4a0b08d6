"""Zoom and place of the open image in one view."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QWidget

from segstudio.canvas.frame import FramedWidget
from segstudio.canvas.linked_views import LinkedViews
from segstudio.canvas.photo import Photo
from segstudio.canvas.view import Point, Size, View, centered, framed, next_step
from segstudio.core.geometry import Rect
from segstudio.session.document import Document
from segstudio.session.session import Session, ViewState


class PlacedImage(FramedWidget):
    """Where the image lies; what is seen of it is up to subclasses.

    Attributes:
        number: Which of the session's panes it shows.
        covered_px: Logical pixels at the upper edge where something lies on the picture: what is
            fitted or brought into sight stays clear of them.

    Signals:
        zoom_changed: Device pixels per image pixel.
    """

    zoom_changed = Signal(float)

    def __init__(
        self, session: Session, number: int, linked: LinkedViews, parent: QWidget | None = None
    ) -> None:
        """Args:
        session: What is shown and how.
        number: Which of the session's panes it shows.
        linked: The views that it moves with.
        parent: The widget around it.
        """
        super().__init__(parent)
        self.number = number
        self.covered_px = 0
        self._session = session
        self._linked = linked
        self._document: Document | None = None
        self._view = View()
        self._fits = True

    # -- geometry ----------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        return self._session

    @property
    def document(self) -> Document | None:
        """What is on the screen: the open image, or while the next one loads the last one."""
        return self._document

    @property
    def shown(self) -> ViewState:
        """What this view shows, as if it were the only one."""
        return self._session.view.of_pane(self.number)

    @property
    def view(self) -> View:
        return self._view

    @property
    def device_wh(self) -> Size:
        return self._device_wh

    @property
    def clear_wh(self) -> Size:
        """The part of the size, in device pixels, where nothing lies on the picture."""
        width, height = self._device_wh
        return (width, max(0, height - self._covered()))

    @property
    def place_in_window(self) -> int:
        """How far below the window's upper edge it begins, in logical pixels."""
        return self.mapTo(self.window(), QPoint(0, 0)).y()

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

    def _covered(self) -> int:
        return round(self.covered_px * self.devicePixelRatioF())

    def _image_wh(self) -> Size:
        height, width = self._document.shape_hw if self._document is not None else (1, 1)
        return (width, height)

    def take_size(self) -> bool:
        """What was in the middle stays there, but nothing is renewed yet."""
        before = self._device_wh
        differs = super().take_size()
        if differs and not self._fits:
            self._view = self._view.resized(before, self._device_wh)
        return differs

    def cover(self, px: int) -> None:
        """So much of the upper edge lies under something; a fitted image keeps clear of it."""
        if px != self.covered_px:
            self.covered_px = px
            if self._fits and self._document is not None:
                self.refit()

    # -- zoom and place ------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole image; it stays fitted when the window changes its size."""
        self.refit()
        self._linked.moved(self)

    def refit(self, *, always: bool = True) -> None:
        """As `fit`, for this view alone; if not `always`, only where the image moves by it."""
        self._fits = True
        whole = self._linked.fitted(self._image_wh(), self.clear_wh)
        view = centered(whole.zoom, self._image_wh(), self.clear_wh).moved(0, self._covered())
        if always or view != self._view:
            self._set_view(view)

    def stay(self) -> None:
        """Renew what is seen at the same place, for this view alone."""
        self._set_view(self._view)

    def show_rect(self, rect: Rect) -> None:
        """Bring a part of the image to the middle, large enough to be worked on."""
        if self._document is None or rect.is_empty:
            return
        box = (rect.left, rect.top, rect.width, rect.height)
        view = framed(box, self._image_wh(), self.clear_wh).moved(0, self._covered())
        self._move_to(view)

    def follow(self, view: View, *, fits: bool) -> None:
        """Go where another view went."""
        if self._document is None:
            return
        self._fits = fits
        if view != self._view:
            zoomed, self._view = view.zoom != self._view.zoom, view
            self._place()
            if zoomed:
                self.zoom_changed.emit(view.zoom)

    def actual_size(self) -> None:
        """One image pixel on one pixel of the screen, around the middle of what is seen."""
        self.show_at(1.0)

    def show_at(self, zoom: float) -> None:
        """So many pixels of the screen for an image pixel, around the middle of what is seen."""
        self.zoom_to(zoom, self._middle())

    def zoom_in(self) -> None:
        """The next larger usual zoom."""
        self.zoom_to(next_step(self.zoom, 1), self._middle())

    def zoom_out(self) -> None:
        """The next smaller usual zoom."""
        self.zoom_to(next_step(self.zoom, -1), self._middle())

    def zoom_to(self, zoom: float, at_xy: Point) -> None:
        """Another zoom; the image point at logical pixels `at_xy` stays there."""
        if self._document is not None:
            self._move_to(self._view.zoomed(zoom, self._to_device(at_xy)))

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the image by logical pixels, to whole pixels of the screen."""
        ratio = self.devicePixelRatioF()
        step = round(dx * ratio), round(dy * ratio)
        # a click with the hand moves nothing, and what was fitted stays so
        if self._document is not None and step != (0, 0):
            self._move_to(self._view.moved(*step))

    def center_on(self, image_xy: Point) -> None:
        """Bring an image point to the middle."""
        (x, y), (across, down) = self.to_screen(image_xy), self._middle()
        self.pan_by(across - x, down - y)

    def _move_to(self, view: View) -> None:
        """Go there, and all linked views too."""
        self._fits = False
        self._set_view(view)
        self._linked.moved(self)

    def _middle(self) -> Point:
        return (self.width() / 2, self.height() / 2)

    def _set_view(self, view: View) -> None:
        view = view.clamped(self._image_wh(), self._device_wh)
        zoomed = view.zoom != self._view.zoom
        self._view = view
        self._place()
        if zoomed:
            self.zoom_changed.emit(view.zoom)

    def renew(self, photo: Photo) -> None:
        """A photo got its reduced copies."""

    def _place(self) -> None:
        """The image lies elsewhere: renew what is seen."""
