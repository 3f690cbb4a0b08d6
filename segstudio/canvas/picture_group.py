"""Pictures of one scene that are zoomed and moved together."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from segstudio.canvas.picture_view import Glance, PictureView, Pixel
from segstudio.canvas.view import Point


class PictureGroup(QObject):
    """Pictures of the same scene that show the same part and mark the same place.

    Signals:
        hovered: Place under the pointer as shares (x, y) of width and height, or None.
        clicked: Place that was clicked, likewise.
    """

    hovered = Signal(object)
    clicked = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._views: list[PictureView] = []

    @property
    def views(self) -> tuple[PictureView, ...]:
        return tuple(self._views)

    def add(self, view: PictureView) -> None:
        """Let another picture take part."""
        if self._views:
            view.set_glance(self._views[0].glance)
        self._views.append(view)
        view.glanced.connect(self._glanced)
        view.hovered.connect(lambda pixel: self._hovered(view, pixel))
        view.clicked.connect(lambda x, y: self.clicked.emit(_share(view, (x, y))))

    def show_marker(self, place_xy: Point | None) -> None:
        """Mark a place in all pictures."""
        for view in self._views:
            view.show_marker(place_xy)

    def _glanced(self, glance: Glance) -> None:
        for view in self._views:
            view.set_glance(glance)

    def _hovered(self, view: PictureView, pixel: Pixel | None) -> None:
        place = None if pixel is None else _share(view, pixel)
        for other in self._views:
            other.show_marker(None if other is view else place)
        self.hovered.emit(place)


def _share(view: PictureView, pixel_xy: Pixel) -> Point:
    """The middle of a pixel as shares of width and height."""
    height, width = view.shape_hw
    return (pixel_xy[0] + 0.5) / width, (pixel_xy[1] + 0.5) / height
