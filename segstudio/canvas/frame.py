"""The picture on the screen: the visible part of photo and overlay, kept and renewed in parts."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QWidget

from segstudio.canvas.photo import Photo, Pixels
from segstudio.canvas.planes import Plane
from segstudio.canvas.sampling import Sampler
from segstudio.canvas.view import Size
from segstudio.core.geometry import Rect
from segstudio.kit.theme import canvas_ground

_GROUND = 0xFF3B3E43
"""Grey around the image until `set_ground` says which."""
_MANY = 16
_STRIP_PIXELS = 1 << 15


class FramedWidget(QWidget):
    """A widget that paints a `Frame`, which follows its theme, its size and its screen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._frame = Frame()
        self._frame.set_ground(canvas_ground(self.palette()))
        self._device_wh: Size = (0, 0)

    def take_size(self) -> bool:
        """Take the size that the widget has now; returns whether it had another before."""
        ratio = self.devicePixelRatioF()
        after = (round(self.width() * ratio), round(self.height() * ratio))
        if after == self._device_wh:
            return False
        self._device_wh = after
        self._frame.resize(after)
        return True

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self._frame.set_ground(canvas_ground(self.palette()))
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._resized()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._resized()
        return super().event(event)

    def _resized(self) -> None:
        """The size in pixels of the screen may be another."""


class Frame:
    """Photo and overlay at screen resolution.

    Two pictures of the viewport's size are kept: the photo alone, renewed when zoom or place
    change, and the photo with the overlay, renewed where something was painted. What is asked for
    is noted first and done in one go by `render`.

    Attributes:
        image: The finished picture.
    """

    def __init__(self) -> None:
        self.image = QImage()
        self._ground = _GROUND
        self._pixels: Pixels = np.zeros((0, 0), np.uint32)
        self._photo_pixels: Pixels = np.zeros((0, 0), np.uint32)
        self._photo: Photo | None = None
        self._sampler: Sampler | None = None
        self._planes: tuple[Plane, ...] = ()
        self._beside: tuple[Plane, ...] = ()
        self._split: int | None = None
        self._grid = False
        self._tones: npt.NDArray[np.uint8] | None = None
        self._photo_stale: list[Rect] = []
        self._stale: list[Rect] = []

    def set_ground(self, argb: int) -> None:
        """The colour around the photo, 0xAARRGGBB."""
        if argb != self._ground:
            self._ground = argb
            self._everything()

    def set_tones(self, table: npt.NDArray[np.uint8] | None) -> None:
        """Show each value of the photo as a table (256,) uint8 says; None: as it is."""
        if table is None:
            self._tones = None
        else:
            opaque = np.arange(256, dtype=np.uint8)
            self._tones = np.stack((table, table, table, opaque), axis=1)[None]
        self._stale = [Rect.of_shape((self._pixels.shape[0], self._pixels.shape[1]))]

    def toned(self, photo: Pixels) -> QImage:
        """Pixels of a photo (h, w) as bright as the photo is shown."""
        if self._tones is not None:
            seen = cv2.LUT(_bytes_of(np.ascontiguousarray(photo)), self._tones)
            photo = np.asarray(seen).view(np.uint32)[..., 0]
        return _as_image(photo).copy()

    def resize(self, size_wh: Size) -> None:
        """Another size in device pixels; all is to be drawn again."""
        width, height = size_wh
        # The image owns the memory and the array looks into it: an image over foreign memory would
        # be copied when painted on.
        self.image = QImage(width, height, QImage.Format.Format_RGB32)
        self._pixels = np.frombuffer(self.image.bits(), np.uint32).reshape(height, width)
        self._photo_pixels = np.empty((height, width), np.uint32)
        self._everything()

    def show(self, photo: Photo | None, sampler: Sampler | None) -> None:
        """Another photo, zoom or place."""
        moved = self._whole_pixel_move(photo, sampler)
        self._photo, self._sampler = photo, sampler
        if moved is None:
            self._everything()
        elif moved != (0, 0):
            self._scroll(*moved)

    def renew(self) -> None:
        """The photo has other copies: all is to be drawn again."""
        self._everything()

    def set_planes(
        self,
        planes: tuple[Plane, ...],
        *,
        grid: bool,
        beside: tuple[Plane, ...] = (),
        split: int | None = None,
    ) -> None:
        """Other layers, colours or opacity over the same photo.

        Args:
            planes: From the photo upwards.
            grid: Whether the pixel grid is drawn.
            beside: What is drawn instead from the device column `split` on.
            split: Where that begins; None for nowhere.
        """
        self._planes, self._grid = planes, grid
        self._beside, self._split = beside, split
        self._stale = [Rect.of_shape((self._pixels.shape[0], self._pixels.shape[1]))]

    def move_split(self, split: int) -> Rect:
        """Begin the other planes at another device column; returns the device pixels concerned."""
        height, width = self._pixels.shape
        old = split if self._split is None else self._split
        self._split = split
        left, right = sorted((old, split))
        strip = Rect(0, left, height, right).intersect(Rect(0, 0, height, width))
        if not strip.is_empty:
            self._note(strip)
        return strip

    def invalidate(self, rect: Rect) -> Rect:
        """Labels changed in a rectangle of the image; returns the device pixels concerned."""
        if self._sampler is None:
            return Rect(0, 0, 0, 0)
        found = self._sampler.device_rect(rect)
        if found.is_empty:
            return found
        reach = max((plane.reach for plane in (*self._planes, *self._beside)), default=0)
        found = found.expand(reach).intersect(self._sampler.visible)
        self._note(found)
        return found

    def _note(self, rect: Rect) -> None:
        self._stale.append(rect)
        if len(self._stale) > _MANY:
            self._stale = [_union(self._stale)]

    def render(self) -> None:
        for rect in self._photo_stale:
            self._draw_photo(rect)
        self._photo_stale = []
        stale, self._stale = self._stale, []
        for rect in stale:
            self._compose(rect)

    def _everything(self) -> None:
        whole = Rect.of_shape((self._pixels.shape[0], self._pixels.shape[1]))
        self._photo_stale, self._stale = [whole], [whole]

    def _whole_pixel_move(
        self, photo: Photo | None, sampler: Sampler | None
    ) -> tuple[int, int] | None:
        """(dx, dy) if only the place differs, by whole device pixels; else None."""
        old = self._sampler
        if old is None or sampler is None or photo is not self._photo or self._photo_stale:
            return None
        if old.view.zoom != sampler.view.zoom or old.viewport != sampler.viewport:
            return None
        dx = sampler.view.origin_xy[0] - old.view.origin_xy[0]
        dy = sampler.view.origin_xy[1] - old.view.origin_xy[1]
        height, width = self._pixels.shape
        if dx != int(dx) or dy != int(dy) or abs(dx) >= width or abs(dy) >= height:
            return None
        return int(dx), int(dy)

    def _scroll(self, dx: int, dy: int) -> None:
        """Move the photo that is there; only the strips that come into sight are to be drawn."""
        pixels = self._photo_pixels
        height, width = pixels.shape
        to_rows, from_rows = _overlap(dy, height)
        to_columns, from_columns = _overlap(dx, width)
        pixels[to_rows, to_columns] = pixels[from_rows, from_columns].copy()
        if dx:
            left = 0 if dx > 0 else width + dx
            self._photo_stale.append(Rect(0, left, height, left + abs(dx)))
        if dy:
            top = 0 if dy > 0 else height + dy
            self._photo_stale.append(Rect(top, 0, top + abs(dy), width))
        self._stale = [Rect(0, 0, height, width)]

    def _draw_photo(self, rect: Rect) -> None:
        self._photo_pixels[rect.slices] = self._ground
        if self._photo is None or self._sampler is None:
            return
        for part in _strips(rect.intersect(self._sampler.visible)):
            self._photo_pixels[part.slices] = self._photo.take(self._sampler, part)

    def _compose(self, rect: Rect) -> None:
        self._pixels[rect.slices] = self._photo_pixels[rect.slices]
        if self._sampler is None:
            return
        part = rect.intersect(self._sampler.visible)
        if part.is_empty:
            return
        if self._tones is not None:
            self._tone(part, self._tones)
        if self._planes or self._beside:
            self._lay_planes(part, self._sampler)
        if self._grid:
            _draw_grid(self._pixels[part.slices], *self._sampler.pixel_starts(part))

    def _tone(self, part: Rect, table: npt.NDArray[np.uint8]) -> None:
        for strip in _strips(part):
            photo = np.ascontiguousarray(self._photo_pixels[strip.slices])
            seen = cv2.LUT(_bytes_of(photo), table)
            self._pixels[strip.slices] = np.asarray(seen).view(np.uint32)[..., 0]

    def _lay_planes(self, part: Rect, sampler: Sampler) -> None:
        painter = QPainter(self.image)
        for planes, half in self._halves(part):
            for strip in _strips(half):
                for plane in planes:
                    colours = np.ascontiguousarray(plane.take(sampler, strip))
                    painter.drawImage(strip.left, strip.top, _as_image(colours))
        painter.end()

    def _halves(self, part: Rect) -> list[tuple[tuple[Plane, ...], Rect]]:
        """What is drawn where."""
        if self._split is None:
            return [(self._planes, part)]
        at = min(max(self._split, part.left), part.right)
        halves = (
            (self._planes, Rect(part.top, part.left, part.bottom, at)),
            (self._beside, Rect(part.top, at, part.bottom, part.right)),
        )
        return [(planes, half) for planes, half in halves if not half.is_empty]


def _bytes_of(colours: Pixels) -> npt.NDArray[np.uint8]:
    """(h, w, 4) blue, green, red, alpha."""
    return colours.view(np.uint8).reshape(*colours.shape, 4)


def _strips(rect: Rect) -> list[Rect]:
    """Whole rows of a rectangle, few enough that what is worked out for them stays in the cache."""
    rows = max(1, _STRIP_PIXELS // max(1, rect.width))
    tops = range(rect.top, rect.bottom, rows) if rect.width > 0 else ()
    return [Rect(top, rect.left, min(top + rows, rect.bottom), rect.right) for top in tops]


def _overlap(shift: int, length: int) -> tuple[slice, slice]:
    """Where the kept part goes to and comes from."""
    if shift >= 0:
        return slice(shift, length), slice(0, length - shift)
    return slice(0, length + shift), slice(-shift, length)


def _union(rects: list[Rect]) -> Rect:
    whole = rects[0]
    for rect in rects[1:]:
        whole = whole.union(rect)
    return whole


def _as_image(colours: Pixels) -> QImage:
    height, width = colours.shape
    return QImage(colours.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied)


def _draw_grid(pixels: Pixels, columns: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> None:
    """Lines halfway to grey along the borders of image pixels, each crossing drawn once."""
    half, grey = np.uint32(0x7F7F7F), np.uint32(0xFF404040)
    kept = pixels[:, columns]
    pixels[rows] = ((pixels[rows] >> 1) & half) + grey
    pixels[:, columns] = ((kept >> 1) & half) + grey
