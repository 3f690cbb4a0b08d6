"""All channels of a stage as a grid of pictures; only what is seen is made and drawn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from segstudio.core.features import LayerInfo
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image
from segstudio.inspection.ui.channel_layout import (
    LARGEST_CELL,
    SMALLEST_CELL,
    USUAL_CELL,
    ChannelLayout,
)
from segstudio.inspection.ui.channel_painter import ChannelCell, ChannelPainter
from segstudio.inspection.ui.channel_selection import ChannelSelection, is_moving_key
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.plain import plain
from segstudio.kit.theme import is_dark
from segstudio.session.inspection import TracedNetwork

PixelXY = tuple[int, int]
PlaceLTRB = tuple[float, float, float, float]
_SEEN = 5.0
"""Positions drawn smaller than this get no frame of their own."""


@dataclass(frozen=True)
class PhotoPlace:
    """How a stage's pictures lie on the photo.

    Attributes:
        window: The part of the photo that they show.
        position: The position of the map over a photo pixel, as (left, top, right, bottom) in
            pixels of the photo; None if there is none.
    """

    window: Rect
    position: Callable[[PixelXY], PlaceLTRB | None]

    def pixel(self, point: QPoint, box: QRect) -> PixelXY | None:
        """The photo's pixel at a point of a picture drawn in `box`; None beside it."""
        if not box.contains(point):
            return None
        x = (point.x() - box.left() + 0.5) / box.width()
        y = (point.y() - box.top() + 0.5) / box.height()
        window = self.window
        return window.left + int(x * window.width), window.top + int(y * window.height)

    def shows(self, pixel_xy: PixelXY) -> bool:
        """Whether a photo pixel lies in the pictures."""
        x, y = pixel_xy
        window = self.window
        return window.left <= x < window.right and window.top <= y < window.bottom

    def marks(
        self, pixel_xy: PixelXY, position: PlaceLTRB | None, box: QRect
    ) -> tuple[QPointF, QRectF | None]:
        """The middle of a pixel in a picture drawn in `box`, and its position if that is seen."""
        window = self.window
        x, y = pixel_xy
        across, down = box.width() / window.width, box.height() / window.height
        centre = QPointF(
            box.left() + (x + 0.5 - window.left) * across,
            box.top() + (y + 0.5 - window.top) * down,
        )
        if position is None or (position[2] - position[0]) * across < _SEEN:
            return centre, None
        left, top, right, bottom = position
        frame = QRectF(
            box.left() + (left - window.left) * across,
            box.top() + (top - window.top) * down,
            (right - left) * across,
            (bottom - top) * down,
        )
        return centre, frame.intersected(QRectF(box).adjusted(0, 0, -1, -1))


def photo_place(traced: TracedNetwork, layer: LayerInfo) -> PhotoPlace | None:
    """How a stage's pictures lie on the photo; None if the stage has no place there."""
    field = layer.receptive_field
    if field is None:
        return None

    def position(pixel_xy: PixelXY) -> PlaceLTRB | None:
        input_geometry = traced.input_geometry
        found = input_geometry.position(traced.trace, layer.id, pixel_xy)
        if found is None:
            return None
        y, x = field.centre(*found)
        half_h, half_w = field.jump[0] / 2, field.jump[1] / 2
        top, left = input_geometry.to_photo((y - half_h, x - half_w))
        bottom, right = input_geometry.to_photo((y + half_h, x + half_w))
        return left, top, right, bottom

    return PhotoPlace(traced.input_geometry.window, position)


_KEPT_BYTES = 96 * 1024 * 1024
_FEWEST = 128
_BATCH = 32


class ChannelGrid(QAbstractScrollArea):
    """Shows channels in an order; one is in focus, several may be selected.

    Signals:
        focused: Another channel is in focus (int).
        activated: Enter, or a double click, on a channel (int).
        pointed: The photo pixel (x, y) under the pointer, or None.
        wanted: Pictures are missing: channels, those in sight first, and the longer side in pixels.
        menu_wanted: A menu for the selected channels is asked for, at a global place.
        cut_wanted: Delete was pressed: the selected channels.
        cell_changed: Cells became larger or smaller (int, the longer side).
    """

    focused = Signal(int)
    activated = Signal(int)
    pointed = Signal(object)
    wanted = Signal(object, int)
    menu_wanted = Signal(QPoint)
    cut_wanted = Signal(object)
    cell_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.selection = ChannelSelection()
        self.tip: Callable[[int], str] = lambda channel: f"Channel {channel}"
        self.value: Callable[[int], str] = lambda _channel: ""
        self._aspect = (1, 1)
        self._place: PhotoPlace | None = None
        self._pictures = ChannelPictures()
        self._dead: NDArray[np.bool_] | None = None
        self._cut: frozenset[int] = frozenset()
        self._cell, self._made_for = USUAL_CELL, 0
        self._point: PixelXY | None = None
        self._hovered: int | None = None
        self.setAccessibleName("Channels")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self._ask = Coalescer(self, self._ask_for_missing)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    # -- what is shown -----------------------------------------------------------------------

    def show_stage(
        self,
        order: NDArray[np.intp],
        aspect_hw: tuple[int, int],
        place: PhotoPlace | None,
    ) -> None:
        """Show another stage's channels.

        Args:
            order: The channels in order.
            aspect_hw: Height and width of what the pictures show.
            place: Where the pictures lie on the photo; None if nowhere.
        """
        self._aspect, self._place = aspect_hw, place
        self._pictures.clear()
        self._dead, self._hovered = None, None
        self.selection.start(order)
        self._lay_out()
        self.verticalScrollBar().setValue(0)

    def show_order(self, order: NDArray[np.intp]) -> None:
        """Show the same channels in another order, from its top."""
        self.selection.reorder(order)
        self.verticalScrollBar().setValue(0)
        self.refresh()

    def show_dead(self, dead: NDArray[np.bool_]) -> None:
        """Mark channels that are the same everywhere."""
        self._dead = dead
        self.viewport().update()

    def show_cut(self, channels: Collection[int]) -> None:
        """Mark channels that are cut."""
        if self._cut != frozenset(channels):
            self._cut = frozenset(channels)
            self.viewport().update()

    def show_point(self, pixel_xy: PixelXY | None) -> None:
        """Mark a photo pixel in every cell."""
        if pixel_xy != self._point:
            self._point = pixel_xy
            self.viewport().update()

    def show_focus(self, channel: int | None) -> None:
        """Put a channel in focus, and make sure that it is seen."""
        if channel != self.selection.focus:
            self.selection.focus_on(channel)
            self._see_focus()
            self.viewport().update()

    def forget_pictures(self) -> None:
        """Have all pictures made anew; the old ones stay in sight until then."""
        self._pictures.outdate()
        self._ask.request()

    def add(self, pictures: Mapping[int, Image]) -> None:
        """Show pictures of channels, RGB (h, w, 3) uint8."""
        self._pictures.add(pictures, self.devicePixelRatioF())
        self.viewport().update()
        self._ask.request()

    def refresh(self) -> None:
        """Draw anew, and ask for what is missing."""
        self.viewport().update()
        self._ask.request()

    # -- cells -------------------------------------------------------------------------------

    @property
    def cell(self) -> int:
        """Pixels of the longer side of a picture."""
        return self._cell

    def resize_cells(self, longest: int) -> None:
        """Make the pictures larger or smaller; what is in the middle stays in sight."""
        longest = min(max(longest, SMALLEST_CELL), LARGEST_CELL)
        if longest == self._cell:
            return
        seen = self.layout_of().visible(self._scroll(), self.viewport().height())
        self._cell = longest
        self._lay_out()
        if seen.start:
            layout = self.layout_of()
            self.verticalScrollBar().setValue(seen.start // layout.columns * layout.pitch)
        self.cell_changed.emit(longest)

    def layout_of(self) -> ChannelLayout:
        """Where the cells lie now."""
        return ChannelLayout(
            len(self.selection.order),
            self._aspect,
            self._cell,
            self.viewport().width(),
        )

    def sizeHint(self) -> QSize:
        """Room for two rows of four cells."""
        return QSize(4 * USUAL_CELL, 2 * USUAL_CELL)

    def _scroll(self) -> int:
        return self.verticalScrollBar().value()

    def _pixels(self, layout: ChannelLayout) -> int:
        """Device pixels of the longer side of a picture."""
        size = layout.picture
        return round(max(size.width(), size.height()) * self.devicePixelRatioF())

    def _lay_out(self) -> None:
        layout = self.layout_of()
        if self._pixels(layout) != self._made_for:
            self._made_for = self._pixels(layout)
            self._pictures.outdate()
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, layout.height - height))
        bar.setPageStep(max(layout.pitch, height - layout.pitch))
        bar.setSingleStep(max(12, layout.pitch // 3))
        self.refresh()

    def _scrolled(self) -> None:
        self.refresh()
        place = self.viewport().mapFromGlobal(self.cursor().pos())
        if self.viewport().underMouse():
            self._hover(place)

    def _see_focus(self) -> None:
        place = self.selection.place_of_focus
        if place is None:
            return
        bar, height = self.verticalScrollBar(), self.viewport().height()
        rect = self.layout_of().rect(place, bar.value())
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top() - 4)
        elif rect.bottom() > height:
            bar.setValue(bar.value() + min(rect.bottom() - height + 4, rect.top() - 4))

    # -- pictures ----------------------------------------------------------------------------

    def _ask_for_missing(self) -> None:
        """Ask for what is in sight and missing, else for the page after it."""
        layout, height = self.layout_of(), self.viewport().height()
        if not self.isVisible() or not layout.count:
            return
        order = self.selection.order
        for ahead in (0, height):
            places = layout.visible(self._scroll() + ahead, height)
            missing = [int(c) for c in order[places.start : places.stop] if self._lacks(int(c))]
            if missing:
                self.wanted.emit(tuple(missing[:_BATCH]), self._pixels(layout))
                return

    def _lacks(self, channel: int) -> bool:
        if self._dead is not None and self._dead[channel]:
            return False
        return self._pictures.lacks(channel)

    # -- events ------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        palette = self.palette()
        painter.fillRect(self.viewport().rect(), palette.base())
        layout, scroll = self.layout_of(), self._scroll()
        pen = ChannelPainter(painter, palette, self.font(), dark=is_dark(palette))
        chosen, order = self.selection, self.selection.order
        point = self._point
        where = self._place if self._place and point and self._place.shows(point) else None
        position = where.position(point) if where and point else None
        for place in layout.visible(scroll, self.viewport().height()):
            channel = int(order[place])
            picture = layout.picture_rect(place, scroll)
            pen.draw(
                ChannelCell(
                    channel,
                    self._pictures.get(channel),
                    self.value(channel),
                    self._dead is not None and bool(self._dead[channel]),
                    channel in self._cut,
                    channel == chosen.focus,
                    channel in chosen.selected and len(chosen.selected) > 1,
                    channel == self._hovered,
                ),
                layout.rect(place, scroll),
                picture,
            )
            if where is not None and point is not None:
                pen.mark(*where.marks(point, position, picture))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.viewport().update()

    def event(self, event: QEvent) -> bool:
        """Keep the keys that move the focus from being shortcuts of the window."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            own = event.key() in _OWN_KEYS
            all_ = event.key() == Qt.Key.Key_A and bool(event.modifiers() & _CTRL)
            if is_moving_key(event) or own or all_:
                event.accept()
                return True
        return super().event(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Say more of the channel under the pointer; forget it when the pointer leaves."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self.layout_of().at(event.pos(), self._scroll())
            if place is not None:
                QToolTip.showText(
                    event.globalPos(), plain(self.tip(int(self.selection.order[place])))
                )
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at the photo's pixel under the pointer."""
        self._hover(event.position().toPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Focus and select."""
        place = self.layout_of().at(event.position().toPoint(), self._scroll())
        right = event.button() == Qt.MouseButton.RightButton
        if place is None or event.button() not in (Qt.MouseButton.LeftButton, _RIGHT):
            return
        if right and int(self.selection.order[place]) in self.selection.selected:
            return
        self._focused(self.selection.click(place, event.modifiers()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The press did it all."""
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Lay the channel over the photo."""
        place = self.layout_of().at(event.position().toPoint(), self._scroll())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.activated.emit(int(self.selection.order[place]))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with the selected channels."""
        if self.selection.selected:
            self.menu_wanted.emit(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl, make the pictures larger or smaller."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            steps = event.angleDelta().y() / 120
            self.resize_cells(round(self._cell * 1.15**steps))
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the focus, select, lay over the photo, cut."""
        layout = self.layout_of()
        chosen = self.selection
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if chosen.focus is not None:
                self.activated.emit(chosen.focus)
        elif event.key() == Qt.Key.Key_A and event.modifiers() & _CTRL:
            chosen.select_all()
            self.viewport().update()
        elif event.key() == Qt.Key.Key_Delete:
            if chosen.selected:
                self.cut_wanted.emit(chosen.channels)
        elif is_moving_key(event):
            page = max(1, self.viewport().height() // layout.pitch)
            self._focused(chosen.move(event, layout.columns, page))
            self._see_focus()
        else:
            super().keyPressEvent(event)

    def _focused(self, changed: bool) -> None:
        self.viewport().update()
        if changed and self.selection.focus is not None:
            self.focused.emit(self.selection.focus)

    def _hover(self, point: QPoint | None) -> None:
        layout, scroll = self.layout_of(), self._scroll()
        place = None if point is None else layout.at(point, scroll)
        hovered = None if place is None else int(self.selection.order[place])
        if hovered != self._hovered:
            self._hovered = hovered
            self.viewport().update()
        pixel: PixelXY | None = None
        if point is not None and place is not None and self._place is not None:
            pixel = self._place.pixel(point, layout.picture_rect(place, scroll))
        self.pointed.emit(pixel)


_RIGHT = Qt.MouseButton.RightButton
_CTRL = Qt.KeyboardModifier.ControlModifier
_OWN_KEYS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Delete})


class ChannelPictures:
    """Pixmaps by channel within a byte budget; outdated ones serve until new ones have come."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, QPixmap] = OrderedDict()
        self._outdated: set[int] = set()

    def get(self, channel: int) -> QPixmap | None:
        """The picture of a channel, perhaps an outdated one."""
        return self._kept.get(channel)

    def lacks(self, channel: int) -> bool:
        """Whether there is none, or an outdated one."""
        return channel not in self._kept or channel in self._outdated

    def clear(self) -> None:
        self._kept.clear()
        self._outdated.clear()

    def outdate(self) -> None:
        """All shall be made anew."""
        self._outdated = set(self._kept)

    def add(self, pictures: Mapping[int, Image], ratio: float) -> None:
        """Take pictures, RGB (h, w, 3) uint8, of so many pixels per logical pixel."""
        for channel, picture in pictures.items():
            height, width, depth = picture.shape
            image = QImage(picture.data, width, height, depth * width, QImage.Format.Format_RGB888)
            pixmap = QPixmap.fromImage(image)
            pixmap.setDevicePixelRatio(ratio)
            self._kept[channel] = pixmap
            self._kept.move_to_end(channel)
            self._outdated.discard(channel)
            most = max(_FEWEST, _KEPT_BYTES // (4 * height * width))
            while len(self._kept) > most:
                self._outdated.discard(self._kept.popitem(last=False)[0])
