"""The picture of the open image: layers and repainting. No input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from segstudio.annotation.object_colouring import ObjectTones
from segstudio.canvas.linked_views import LinkedViews
from segstudio.canvas.over_photo import over_photo_on, planes_with
from segstudio.canvas.overlay import (
    OverlayLook,
    model_filled,
    planes_for,
    shown_layer,
    shown_maps,
)
from segstudio.canvas.photo import Photo
from segstudio.canvas.placed_image import PlacedImage
from segstudio.canvas.planes import Plane
from segstudio.canvas.sampling import Sampler
from segstudio.canvas.view import GRID_FROM, Size, View
from segstudio.comparison.disagreement import silent_runs
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, Patch
from segstudio.core.tones import PLAIN, tones_for
from segstudio.jobs import JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Pane, Session, ViewState

_OUTLINE_PX = 1.5
_VEIL = QColor(70, 73, 78, 190)
"""Over the last picture while the selected image is read."""
LINE_REACH_PX = 20
"""How far from the wipe's line something is drawn with it, in device pixels."""


class Display(PlacedImage):
    """Shows one document, as one of several views of it; the first shows the inspector's values.

    Attributes:
        jobs: Makes the reduced copies of large photos; None to make them when painting.
        tones: In which colour each object is drawn; None: by its number.
    """

    def __init__(
        self,
        session: Session,
        keep_view: Callable[[], bool],
        parent: QWidget | None = None,
        *,
        number: int = 0,
        linked: LinkedViews | None = None,
    ) -> None:
        """Args:
        session: What is shown and how.
        keep_view: Whether zoom and place stay from image to image.
        parent: The widget around it.
        number: Which of the session's panes it shows.
        linked: The views that it moves with.
        """
        super().__init__(session, number, linked or LinkedViews(), parent)
        self.jobs: JobRunner | None = None
        self.tones: ObjectTones | None = None
        self._recoloured = 0
        self._keep_view = keep_view
        self._annotation: object = None
        self._layers: tuple[object, ...] = ()
        self._maps: tuple[object, ...] = ()
        self._photo: Photo | None = None
        self._sampler: Sampler | None = None
        self._seen: object = None
        self._tones: object = None
        self._model_filled = False
        self._veiled = False

    def _place(self) -> None:
        """Take the present view into the picture."""
        self._sampler = None
        self._show_tones()
        if self._document is not None and min(self._device_wh) > 0:
            self._sampler = Sampler(self._view, self._document.shape_hw, self._device_wh)
        self._frame.show(self._photo, self._sampler)
        self.refresh_overlay()

    # -- what is shown -------------------------------------------------------------------------

    def show_document(self) -> None:
        """Another image is open, is loading, or none is open any more."""
        document = self._session.document
        self._veiled = document is None and bool(self._session.loading)
        if self._veiled:
            self.update()
            return
        if document is self._document:
            self.refresh_overlay()  # its masks may have been read anew
            return
        keep = self._keeps_view(document)
        same_size = keep and document.shape_hw == self._document.shape_hw  # type: ignore[union-attr]
        self._document = document
        self._photo = None if document is None else self._photo_of(document)
        if document is None:
            self._linked.forget()
            self._view, self._fits = View(), True
            self._place()
        elif same_size and not self._fits:
            self._place()
        else:
            self.refit()

    def _keeps_view(self, document: Document | None) -> bool:
        """Whether zoom and place stay: from page to page of a stack they always do."""
        before = self._document
        if before is None or document is None:
            return False
        is_of_file = before.ref.at_page(document.ref.page) == document.ref
        return self._keep_view() or (is_of_file and before.ref.page != document.ref.page)

    def refresh_photo(self) -> None:
        """The image is shown in other channels."""
        if self._document is not None:
            self._photo = self._photo_of(self._document)
            self._place()

    def _show_tones(self) -> None:
        """Show the photo as bright as the user wants it, or as suits it."""
        document, chosen = self._document, self._session.view.contrast
        if document is None:
            return
        tones, _found = tones_for(document.tones, chosen)
        wanted = tones, chosen.inverted
        if wanted != self._tones:
            self._tones = wanted
            plain = wanted == (PLAIN, False)
            self._frame.set_tones(None if plain else tones.table(inverted=chosen.inverted))
            self.update()

    def let_go(self) -> None:
        """Hold no image any more: this view is hidden until `show_document` is called again."""
        self._document, self._photo = None, None
        self._place()

    def renew(self, photo: Photo) -> None:
        """A photo got its reduced copies."""
        if photo is self._photo:
            self._frame.renew()
            self.update()

    @property
    def photo_looks(self) -> tuple[object, ...]:
        """What `small_photo` depends on: equal while it would give the same."""
        return (self._photo, None if self._photo is None else self._photo.is_reduced, self._tones)

    def small_photo(self, size_wh: Size) -> QImage:
        """The whole photo, as bright as it is shown, in a size in device pixels."""
        if self._photo is None:
            return QImage()
        return self._frame.toned(self._photo.small(size_wh))

    def _photo_of(self, document: Document) -> Photo:
        background = None if self.jobs is None else self._reduce
        return self._linked.photo_of(document, lambda: Photo(document.shown, background))

    def _reduce(self, photo: Photo) -> None:
        """Have the reduced copies of a photo made."""

        def done(levels: list[Image]) -> None:
            photo.take_levels(levels)
            self._linked.renew(photo)

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
        view = self.shown
        planes: tuple[Plane, ...] = ()
        beside: tuple[Plane, ...] = ()
        self._annotation = None
        self._layers = ()
        self._model_filled = model_filled(self._session)
        self._maps = self._shown_maps()
        if self._document is not None:
            self._annotation = self._document.annotation
            # the first thing painted or taken over makes a layer appear
            self._layers = _layers(self._document, view)
            planes = self._planes(self._document, view)
            if view.against is not None:
                beside = planes_for(self._document, self._look(right_of_line(view)))
        self._frame.set_planes(
            planes,
            grid=view.pixel_grid and self.zoom >= GRID_FROM,
            beside=beside,
            split=None if view.against is None else self._split(view),
        )
        self._seen = _visible_part(view)
        self._recoloured = 0 if self.tones is None else len(self.tones.recoloured)
        self.update()

    def refresh_filling(self) -> None:
        """The network panel was opened or closed, or another tool is in hand."""
        if model_filled(self._session) != self._model_filled:
            self.refresh_overlay()

    def refresh_predictions(self) -> None:
        """Predictions came or went; most views show the same as before."""
        now = self._shown_maps()
        same = len(now) == len(self._maps)
        if not same or any(a is not b for a, b in zip(now, self._maps, strict=True)):
            self.refresh_overlay()

    def _shown_maps(self) -> tuple[object, ...]:
        """What of the predictions is seen; see `shown_maps`."""
        document, view = self._document, self.shown
        if document is None:
            return ()
        sides = (view,) if view.against is None else (view, right_of_line(view))
        return tuple(part for side in sides for part in shown_maps(document, self._look(side)))

    def _planes(self, document: Document, view: ViewState) -> tuple[Plane, ...]:
        look = self._look(view)
        inspection = self._session.inspection
        over = over_photo_on(document, inspection) if self.number == 0 else None
        if over is None or inspection.traced is None:
            return planes_for(document, look)
        return planes_with(over, document, look, inspection.traced.prediction)

    def _look(self, view: ViewState) -> OverlayLook:
        session = self._session
        silent = silent_runs(session)
        return OverlayLook(
            session.schema, view, self._outline(), session.disagreement, silent,
            self._model_filled, None if self.tones is None else self.tones.of,
        )  # fmt: skip

    def _split(self, view: ViewState) -> int:
        """The device column of the wipe's line."""
        return round(view.wipe_at * self._device_wh[0])

    def refresh_view_state(self) -> None:
        """The session's view state changed; tool and brush do not touch the picture."""
        view = self.shown
        self._show_tones()
        filling = model_filled(self._session)
        if (_visible_part(view), filling) != (self._seen, self._model_filled):
            self.refresh_overlay()
        elif view.against is not None:
            strip = self._frame.move_split(self._split(view))
            if not strip.is_empty:
                self.update(self._logical(strip.expand(LINE_REACH_PX)))

    def refresh_labels(self, patches: tuple[Patch, ...]) -> None:
        """The annotation changed in these patches; none means everywhere."""
        document = self._document
        if document is None or document is not self._session.document:
            return
        if (
            not patches
            or document.annotation is not self._annotation
            or _layers(document, self.shown) != self._layers
        ):
            self.refresh_overlay()
            return
        for patch in patches:
            self._refresh(patch.rect)
        self.refresh_tones()

    def refresh_tones(self) -> None:
        """Objects may have got another colour."""
        if self.tones is not None:
            new = self.tones.recoloured[self._recoloured :]
            self._recoloured = len(self.tones.recoloured)
            for rect in new:
                self._refresh(rect)

    def _refresh(self, rect: Rect) -> None:
        concerned = self._frame.invalidate(rect)
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
        return QSize(800, 600)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    def _resized(self) -> None:
        if self._linked.held or not self.take_size():
            return
        if self._document is None:
            self._place()
        elif self._fits:
            self.refit()
        else:
            self.stay()
        self._linked.resized(self)

    def paintEvent(self, event: QPaintEvent) -> None:
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
        if self._veiled:
            self._paint_veil(painter)
        painter.end()

    def paint_marks(self, painter: QPainter) -> None:
        """Draw over the picture; for subclasses."""

    def _paint_veil(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), _VEIL)
        painter.setPen(Qt.GlobalColor.white)
        text = f"Reading {self._session.loading}…\nThe tools wait until it is shown."
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)


def right_of_line(view: ViewState) -> ViewState:
    """What a wiped view shows right of the line."""
    against = view.against or Pane(view.layer, view.run, view.second, view.flavour)
    return replace(
        view,
        layer=against.layer,
        run=against.run,
        second=against.second,
        flavour=against.flavour,
    )


def _layers(document: Document, view: ViewState) -> tuple[object, ...]:
    """The layers that can be shown of those asked for, and whether what is painted has objects."""
    has_objects = document.annotation.instances is not None
    if view.against is None:
        return (has_objects, shown_layer(document, view))
    other = shown_layer(document, right_of_line(view))
    return (has_objects, shown_layer(document, view), other)


def _visible_part(view: ViewState) -> ViewState:
    """The view state without what does not show in the picture, or is renewed by parts."""
    plain = ViewState()
    return replace(
        view,
        tool=plain.tool,
        brush_size=plain.brush_size,
        brush_square=plain.brush_square,
        brush_pressure=plain.brush_pressure,
        active_class=plain.active_class,
        previous_class=plain.previous_class,
        only_unlabelled=plain.only_unlabelled,
        fill_contiguous=plain.fill_contiguous,
        stroke_makes=plain.stroke_makes,
        split_by_photo=plain.split_by_photo,
        wipe_at=plain.wipe_at,
        contrast=plain.contrast,
        channel=plain.channel,
        channels=plain.channels,
    )
