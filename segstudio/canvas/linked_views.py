"""Several views of one image that show the same place at the same zoom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from segstudio.canvas.photo import Photo
from segstudio.canvas.view import Size, View, fitted
from segstudio.core.labels import Image
from segstudio.session.document import Document

if TYPE_CHECKING:
    from segstudio.canvas.placed_image import PlacedImage


class LinkedViews:
    """Keeps zoom and place of all views alike; they also share the photo and its reduced copies.

    Views may differ in size: the same point of the image lies in the middle of each.
    """

    def __init__(self) -> None:
        self._views: list[PlacedImage] = []
        self._photo: tuple[Image, Photo] | None = None
        self._held = False
        self._still: tuple[PlacedImage, int, View] | None = None
        self._is_kept = False

    @property
    def views(self) -> tuple[PlacedImage, ...]:
        """The views that are shown, the first one first."""
        return tuple(self._views)

    @property
    def held(self) -> bool:
        """Whether views get their places just now: what is seen in them is found afterwards."""
        return self._held

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Give several views other sizes; the image goes to its place in them once, at the end."""
        if self._held:
            yield
            return
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self._settle()

    def set_views(self, views: list[PlacedImage]) -> None:
        """Show these views; those that are new go where the first one is."""
        with self.placing():
            for view in views:
                if view not in self._views:
                    view.follow(views[0].view, fits=views[0].fits)
            self._views = list(views)

    def fitted(self, image_wh: Size, viewport_wh: Size) -> View:
        """The whole image in the middle of one view, at a zoom at which it fits into each."""
        sizes = [v.clear_wh for v in self._views if min(v.clear_wh) > 0] or [viewport_wh]
        return min((fitted(image_wh, size) for size in sizes), key=lambda view: view.zoom)

    def moved(self, by: PlacedImage) -> None:
        """One view was moved by the user: the others follow."""
        for view in self._views:
            if view is not by:
                self._align(view, by)

    def resized(self, view: PlacedImage) -> None:
        """One view got another size."""
        if self._held or view not in self._views:
            return
        if view.fits:
            for other in self._views:
                other.refit()
        elif view is self._views[0]:
            self.moved(view)
        else:
            self._align(view, self._views[0])

    def keep_still(self, view: PlacedImage | None, way: int = 0) -> None:
        """A bar above the views comes or goes: no pixel moves on the screen under a pointer.

        Args:
            view: The view that was moved; None once all views have their new sizes.
            way: By how many logical pixels it was moved down.
        """
        self._still = None if view is None else (view, view.place_in_window - way, view.view)

    def left(self) -> None:
        """The pointer left the views: what was kept still is fitted again where it shall be."""
        if self._is_kept:
            self._is_kept = False
            for view in self._views:
                if view.fits:
                    view.refit(always=False)

    def photo_of(self, document: Document, make: Callable[[], Photo]) -> Photo:
        """The photo of a document as it is shown, made once."""
        shown = document.shown
        if self._photo is None or self._photo[0] is not shown:
            self._photo = (shown, make())
        return self._photo[1]

    def renew(self, photo: Photo) -> None:
        """The photo got its reduced copies."""
        for view in self._views:
            view.renew(photo)

    def forget(self) -> None:
        """Nothing is open any more."""
        self._photo = None

    def _settle(self) -> None:
        """Every view has its size: show the image where it belongs, in those where it moves."""
        stale = [view for view in self._views if view.take_size()]
        for view in self._views:
            if view.fits:
                view.refit(always=view in stale)
            else:
                if view in stale:
                    view.stay()
                self._align(view, self._views[0])
        if self._still is not None and self._still[0] in self._views:
            view, before, shown = self._still
            way = (view.place_in_window - before) * view.devicePixelRatioF()
            view.follow(shown.moved(0, -round(way)), fits=view.fits)
            self.moved(view)
            self._is_kept = True

    def _align(self, view: PlacedImage, to: PlacedImage) -> None:
        if min(view.device_wh) > 0 and min(to.device_wh) > 0:
            view.follow(to.view.resized(to.device_wh, view.device_wh), fits=to.fits)
