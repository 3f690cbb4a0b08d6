"""The picture with tools and a pointer; where events come from is not known here."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QRegion
from PySide6.QtWidgets import QWidget

from segstudio.annotation.limits import limits_of
from segstudio.canvas.brush_mark import BrushMark, shows_pixels
from segstudio.canvas.inspection_marks import InspectionMarks, paint, paint_boxes, region
from segstudio.canvas.linked_views import LinkedViews
from segstudio.canvas.marks import (
    ErrorMark,
    RegionMark,
    ghost_region,
    line_at,
    near_line,
    paint_frame,
    paint_ghost,
    paint_line,
    paint_scale_bar,
)
from segstudio.canvas.mask_mark import MaskMark, fill_color
from segstudio.canvas.object_marks import MOST_TAGS, REACH_PX
from segstudio.canvas.object_tags import ObjectTags
from segstudio.canvas.over_photo import over_photo_on
from segstudio.canvas.overlay import shows_annotation
from segstudio.canvas.picture_display import Display
from segstudio.canvas.shared_tools import SharedTools
from segstudio.canvas.tool import PAN, Pointer, Tool
from segstudio.canvas.toolbox import Toolbox
from segstudio.canvas.view import Point
from segstudio.core.brush import segment_mask, stamp_centre
from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask, Patch
from segstudio.core.mask_preview import MaskPreview
from segstudio.session.inspection import BoxesOverPhoto
from segstudio.session.session import Layer, Session

_CHANGED = QColor(255, 0, 170, 230)
"""Of pixels that would change: seldom the colour of a class or of a photo."""
_FRAMED_MS = 4000
"""How long the frame around a part to look at stays, unless a button goes down before."""


class WorkArea(Display):
    """A display whose tools work on the open image.

    Points of a drag are collected and given to the tool in one go when no event waits any more, so
    none is lost and a slow frame does not make the pointer lag behind.

    Attributes:
        tags: Draws numbers, boxes and scores of objects; None for none.

    Signals:
        hovered: (x, y) of the image pixel under the pointer.
        left: The pointer is on no image pixel any more.
        pixel_clicked: (x, y): the hand clicked on a pixel while the network inspector is open.
        rectangle_drawn: It drew a `Rect` with Shift held, or None by a click.
        pointed: The image point (x, y) under the pointer, or None.
        used: A button went down here.
        take_requested: (x, y): a click with Ctrl and Shift asked for what the model says there.
    """

    hovered = Signal(int, int)
    left = Signal()
    pixel_clicked = Signal(int, int)
    rectangle_drawn = Signal(object)
    pointed = Signal(object)
    used = Signal()
    take_requested = Signal(int, int)

    def __init__(
        self,
        session: Session,
        tools: SharedTools,
        keep_view: Callable[[], bool],
        parent: QWidget | None = None,
        *,
        number: int = 0,
        linked: LinkedViews | None = None,
    ) -> None:
        super().__init__(session, keep_view, parent, number=number, linked=linked)
        self._tools = tools
        self._held = tools.held
        self._wiping = False
        self._ghost: Point | None = None
        self._ghost_drawn = QRegion()
        self._framed: Rect | None = None
        self._frame_ends = QTimer(self, singleShot=True, interval=_FRAMED_MS)
        self._frame_ends.timeout.connect(self._forget_frame)
        self._button = Qt.MouseButton.NoButton
        self._waiting: list[Pointer] = []
        self._flush = QTimer(self, singleShot=True, interval=0)
        self._flush.timeout.connect(self._drag_waiting)
        self._pointer: Pointer | None = None
        self._ring: BrushMark | None = None
        self._limited: tuple[object, Rect, Mask] | None = None
        self._hovered: tuple[int, int] | None = None
        self._marks = InspectionMarks(session)
        self._marked = QRegion()
        self._region, self._error = RegionMark(session), ErrorMark(session)
        self._selection = tools.selection
        self._questions = Questions()
        self._change = MaskMark(self)
        self.tags: ObjectTags | None = None
        tools.join(self)

    @property
    def has_pointer(self) -> bool:
        return self._pointer is not None

    def tell_tool(self, name: str, what: str) -> None:
        """Take a tool and give it one of its own commands, about the pixel under the pointer."""
        if self.session.view.tool != name:
            self.session.set_view(tool=name)
        self._toolbox.tell(name, what, self.pixel_at_pointer)

    @property
    def run_at_pointer(self) -> str:
        """Key of the prediction that is shown under the pointer; "" for none."""
        view, pointer = self.session.view, self._pointer
        against = view.against if view.wiped == self.number else None
        if against is None or pointer is None:
            return self.shown.run
        right = pointer.screen_xy[0] > view.wipe_at * self.width()
        return against.run if right else self.shown.run

    @property
    def pixel_at_pointer(self) -> tuple[int, int] | None:
        """The image's pixel (x, y) under the pointer; None beside the image."""
        pixel = None if self._pointer is None else self._pointer.pixel
        return pixel if pixel is not None and self._is_pixel(pixel) else None

    # -- for tools -----------------------------------------------------------------------------

    @property
    def _toolbox(self) -> Toolbox:
        """The tools, at work in this view."""
        return self._tools.at(self)

    def repaint_marks(self) -> None:
        """Draw the tool's marks again."""
        if self.isVisible():
            self.update()

    def show_pointer(self) -> None:
        """A held key changed what the pointer does."""
        self._show_pointer()

    # -- the session changed -------------------------------------------------------------------

    def show_document(self) -> None:
        """Another image is open, is loading, or none is open any more."""
        self._let_go_of_image()
        self._selection.forget()
        super().show_document()
        document = self.session.document
        if document is not None:
            self._toolbox.take_up(document.ref)
        self._show_pointer()

    def let_go(self) -> None:
        """Keep what is begun and hold no image any more: this view is hidden."""
        self.finish()
        super().let_go()

    def refresh_view_state(self) -> None:
        """The tool, the brush or the look changed."""
        if self._toolbox.choose(self.session.view.tool):
            self._stop_waiting()
            self._tools.tell()
        self._show_pointer()
        super().refresh_view_state()

    def refresh_labels(self, patches: tuple[Patch, ...]) -> None:
        """The annotation changed in these patches: also the outlines of what is selected there."""
        self._selection.forget(patches)
        super().refresh_labels(patches)
        if self._ring is not None and self._ring.tint is not None:
            self._show_pointer()
        if self.session.selection:
            for patch in patches:
                left, top = self.to_screen((patch.rect.left, patch.rect.top))
                right, bottom = self.to_screen((patch.rect.right, patch.rect.bottom))
                box = QRectF(QPointF(left, top), QPointF(right, bottom)).toAlignedRect()
                self.update(box.adjusted(-REACH_PX, -REACH_PX, REACH_PX, REACH_PX))

    def image_pixel(self, screen_xy: Point) -> tuple[int, int] | None:
        """The image's pixel (x, y) at logical pixels of the widget; None beside the image."""
        if self.document is None:
            return None
        x, y = (math.floor(value) for value in self.to_image(screen_xy))
        height, width = self.document.shape_hw
        return (x, y) if 0 <= x < width and 0 <= y < height else None

    def pixel_without_pointer(self) -> tuple[int, int] | None:
        """The image's pixel (x, y) that keys mean: the pinned one, else that in the middle."""
        inspection, document = self.session.inspection, self.document
        if inspection.point is not None and self._marks.marks(document):
            return inspection.point
        middle = self.rect().center()
        return self.image_pixel((middle.x(), middle.y()))

    def show_point(self, pixel: tuple[int, int] | None) -> None:
        """Mark the image pixel (x, y) that is pointed at in the inspector, or none."""
        self._marks.link(pixel)
        self.refresh_marks()

    def refresh_marks(self) -> None:
        """The inspector's marks differ: repaint them where they were and where they are."""
        marks = self._marks.marks(self.document)
        if marks or not self._marked.isEmpty():
            self.update(self._marked.united(region(marks, self.to_screen)))

    def show_ghost(self, image_xy: Point | None) -> None:
        """Mark the image point that the pointer is on in another view, or none."""
        self._ghost = image_xy
        centre = self._ghost_centre()
        region = QRegion() if centre is None else ghost_region(centre)
        if region != self._ghost_drawn:
            self.update(self._ghost_drawn.united(region))
            self._ghost_drawn = region

    def frame_rect(self, rect: Rect) -> None:
        """Draw a frame around a part of the image for a moment."""
        self._framed = rect
        self._frame_ends.start()
        self.update()

    def show_change(self, pixels: MaskPreview | None) -> None:
        """Mark pixels that would change, or none."""
        self._change.show(pixels)

    def abort(self) -> bool:
        """Undo the stroke or polygon that is begun; returns whether there was one."""
        self._stop_waiting()
        aborted = self._toolbox.abort()
        if aborted:
            self._button = Qt.MouseButton.NoButton
            self._show_pointer()
        return aborted

    def finish(self) -> None:
        """Keep what is begun and hold nothing: the keyboard or the pointer went elsewhere."""
        self._drag_waiting()
        self._toolbox.finish()
        self._held.let_go()
        self._button = Qt.MouseButton.NoButton
        self._show_pointer()

    def _let_go_of_image(self) -> None:
        self._stop_waiting()
        self._wiping = False
        self._forget_frame()
        self._toolbox.drop()
        self._questions.drop()
        self._button = Qt.MouseButton.NoButton

    def _forget_frame(self) -> None:
        if self._framed is not None:
            self._framed = None
            self._frame_ends.stop()
            self.update()

    # -- the pointer's way ---------------------------------------------------------------------

    def _press(self, pointer: Pointer, button: Qt.MouseButton) -> bool:
        """Begin with a tool; returns whether the button means anything here."""
        middle = button == Qt.MouseButton.MiddleButton
        if not middle and button != Qt.MouseButton.LeftButton:
            return False
        self.used.emit()
        self._forget_frame()
        pan = middle or self._held.space
        if not pan and self._button == Qt.MouseButton.NoButton and self._on_line(pointer):
            self._button, self._wiping = button, True
        elif not pan and pointer.ctrl and pointer.shift:
            self._pointer = pointer
            self._ask_answer(pointer)
        elif self._button == Qt.MouseButton.NoButton and self._can_work(pan=pan):
            self._button = button
            if pan or not self._may_ask() or not self._questions.press(pointer):
                if self._toolbox.aim(pointer, pan=pan).edits:
                    self._bring_annotation()
                self._toolbox.press(pointer, pan=pan)
        self._pointer = pointer
        self._show_pointer()
        return True

    def _bring_annotation(self) -> None:
        """Let nothing be painted unseen: in another layer, or while the overlay is hidden."""
        view, document = self.session.view, self.session.document
        if document is None or shows_annotation(document, view):
            return
        if not view.overlay_visible:
            self.session.set_view(overlay_visible=True)
        if not shows_annotation(document, self.session.view):
            self.session.set_pane(self.number, layer=Layer.BOTH)

    def _move(self, pointer: Pointer) -> None:
        self._pointer = pointer
        self._questions.move(pointer)
        if self._wiping:
            self._drag_line(pointer)
        elif self._questions.drawing:
            self._marks.drawn = self._questions.rectangle(pointer)
            self.refresh_marks()
        elif self._toolbox.holding is not None:
            self._waiting.append(pointer)
            if not self._flush.isActive():
                self._flush.start()
        elif self._can_work():
            self._toolbox.chosen.hover(pointer)
        self._show_pointer()
        self._tell_hovered()

    def _release(self, pointer: Pointer, button: Qt.MouseButton) -> bool:
        if button == Qt.MouseButton.NoButton or button != self._button:
            return button in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton)
        self._button = Qt.MouseButton.NoButton
        if self._wiping:
            self._wiping = False
            self._pointer = pointer
            self._show_pointer()
            return True
        if self._pointer is None or pointer.screen_xy != self._pointer.screen_xy:
            self._waiting.append(pointer)
        self._pointer = pointer
        self._drag_waiting()
        self._toolbox.release(pointer)
        self._show_pointer()
        self._ask(pointer)
        return True

    def _ask_answer(self, pointer: Pointer) -> None:
        idle = self._button == Qt.MouseButton.NoButton and not self._toolbox.chosen.busy
        if idle and self._can_work() and self._is_pixel(pointer.pixel):
            self.take_requested.emit(*pointer.pixel)

    def _on_line(self, pointer: Pointer) -> bool:
        """Whether the pointer is on the line between the layers of a wiped view."""
        view = self.session.view
        wiped = view.wiped == self.number and view.against is not None
        return wiped and near_line(pointer.screen_xy[0], view.wipe_at, self.width())

    def _aims_at_line(self, pointer: Pointer) -> bool:
        """Whether a press would take hold of that line, or it is held."""
        return self._wiping or (self._toolbox.holding is None and self._on_line(pointer))

    def _drag_line(self, pointer: Pointer) -> None:
        self.session.set_view(wipe_at=line_at(pointer.screen_xy[0], self.width()))

    def _may_ask(self) -> bool:
        """Whether the hand's clicks go to the network inspector."""
        return self._marks.active and self.session.view.tool == PAN

    def _ask(self, pointer: Pointer) -> None:
        """The button went up: it may have been a question to the inspector."""
        drawing = self._questions.drawing
        asked = self._questions.release(pointer)
        if drawing:
            self._marks.drawn = None
            self.refresh_marks()
            self.rectangle_drawn.emit(asked)
        elif isinstance(asked, tuple) and self._is_pixel(asked):
            self.pixel_clicked.emit(*asked)

    def _is_pixel(self, pixel: tuple[int, int]) -> bool:
        return self.document is not None and Rect.of_shape(self.document.shape_hw).contains(*pixel)

    def _follow_image(self, pointer: Pointer) -> None:
        """The image moved under the pointer."""
        self._pointer = pointer
        self._show_pointer()
        self._tell_hovered()

    def _can_work(self, *, pan: bool = False) -> bool:
        """Tools need the open image; moving is possible while the next one loads."""
        return (self.document if pan else self.session.document) is not None

    def _drag_waiting(self) -> None:
        self._flush.stop()
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._toolbox.drag(waiting)

    def _stop_waiting(self) -> None:
        self._flush.stop()
        self._waiting = []

    # -- the pointer --------------------------------------------------------------------------

    def _show_pointer(self) -> None:
        """Set the pointer's shape and repaint the ring where it was and where it is."""
        shape = self._cursor_shape()
        if shape != self.cursor().shape():
            self.setCursor(shape)
        ring, shown = self._brush_mark(), self._ring
        if ring != shown:
            for mark in (ring, shown):
                if mark is not None:
                    self.update(mark.region)
            self._ring = ring

    def _cursor_shape(self) -> Qt.CursorShape:
        if self._toolbox.panning:
            return Qt.CursorShape.ClosedHandCursor
        if self._held.space and self._toolbox.holding is None and self.document is not None:
            return Qt.CursorShape.OpenHandCursor
        if not self._can_work():
            reading = bool(self.session.loading)
            return Qt.CursorShape.BusyCursor if reading else Qt.CursorShape.ArrowCursor
        if self._pointer is None:
            return self._toolbox.chosen.shape
        if self._aims_at_line(self._pointer):
            return Qt.CursorShape.SplitHCursor
        if self._may_ask() and not self._held.space:
            return Qt.CursorShape.CrossCursor
        tool = self._tool_at(self._pointer)
        if self.session.read_only and tool.edits:
            return Qt.CursorShape.ForbiddenCursor
        return tool.shape

    def _tool_at(self, pointer: Pointer) -> Tool:
        return self._toolbox.holding or self._toolbox.aim(pointer, pan=self._held.space)

    def _brush_mark(self) -> BrushMark | None:
        """The brush's outline under the pointer, if the tool there has one."""
        if self._pointer is None or not self._can_work():
            return None
        tool = self._tool_at(self._pointer)
        if not tool.shows_brush or self._aims_at_line(self._pointer):
            return None
        view, at = self.session.view, tool.brush_xy or self._pointer.image_xy
        scale = self.zoom / self.devicePixelRatioF()
        centre = stamp_centre(at, view.brush_size)
        shape_hw = self.session.document.shape_hw if self.session.document is not None else (0, 0)
        mark = BrushMark(
            QPointF(*self.to_screen(centre)),
            view.brush_size * scale,
            view.brush_square,
            self._erases(),
        )
        is_sharp = shows_pixels(view.brush_size, scale)
        limited = self._limited_at(at) if tool.paints and not tool.busy else None
        if limited is not None:
            fill = fill_color(self, erases=self._erases())
            mark = mark.limited(*limited, fill, self.to_screen)
        if not is_sharp:
            return mark
        plain = segment_mask(at, at, view.brush_size, shape_hw, square=view.brush_square)
        return mark.around(*(limited or plain), self.to_screen)

    def _limited_at(self, at: Point) -> tuple[Rect, Mask] | None:
        """What the limits leave of a click of the brush; None if there are none. Found once."""
        document, view, erases = self.session.document, self.session.view, self._erases()
        if document is None:
            return None
        limits = limits_of(self.session, document, at)
        if not limits.apply:
            return None
        said, revision = document.predictions.get(view.scored_run), document.annotation.revision
        key = (id(document), revision, id(said), view, at, erases)
        if self._limited is None or self._limited[0] != key:
            shape_hw, size = document.shape_hw, view.brush_size
            rect, mask = segment_mask(at, at, size, shape_hw, square=view.brush_square)
            erase = erases or view.active_class == 0
            left = limits.within(rect, mask, erase=erase, way=(at, at))
            self._limited = (key, rect, left)
        return self._limited[1:]

    def _erases(self) -> bool:
        held = self._pointer is not None and self._pointer.ctrl
        return held or self._toolbox.chosen.erases

    def _tell_hovered(self) -> None:
        pixel = None
        if self._pointer is not None and self.document is not None:
            pixel = self._pointer.pixel if self._is_pixel(self._pointer.pixel) else None
        self.pointed.emit(
            None if pixel is None or self._pointer is None else self._pointer.image_xy
        )
        if pixel == self._hovered:
            return
        self._hovered = pixel
        self._marks.hover(pixel)
        if self._marks.active:
            self.refresh_marks()
        if pixel is None:
            self.left.emit()
        else:
            self.hovered.emit(*pixel)

    def paint_marks(self, painter: QPainter) -> None:
        """Draw the opened region, the inspector's and the tool's marks, and the ring."""
        if self.session.errors_in_front:
            self._error.paint(painter, self.document, self.to_screen)
        else:
            self._region.paint(painter, self.document, self.to_screen)
        if self.tags is not None and self.document is not None:
            chosen = self.session.selection.objects[:MOST_TAGS]
            place = (self.to_screen, chosen, self.covered_px)
            self.tags.paint(painter, self.document, self.shown, *place)
        self._selection.paint(painter, self.document, self.to_screen)
        document = self.document
        if self.number == 0 and document is not None and self.session.view.overlay_visible:
            over = over_photo_on(document, self.session.inspection)
            if isinstance(over, BoxesOverPhoto):
                paint_boxes(painter, over, self.to_screen)
        marks = self._marks.marks(self.document)
        self._marked = region(marks, self.to_screen)
        paint(painter, marks, self.to_screen)
        if self._can_work():
            self._change.paint(painter, _CHANGED)
            self._toolbox.paint(painter)
        self._paint_scale(painter)
        self._paint_pointed(painter)
        ring = self._brush_mark()
        if ring is not None:
            ring.paint(painter)

    def _paint_scale(self, painter: QPainter) -> None:
        """Draw the scale bar, where it is wanted and the size of a pixel is known."""
        view, document = self.session.view, self.document
        size = None if document is None else document.pixel_size(view.pixel_sizes)
        if view.scale_bar and size is not None:
            zoom = self.zoom / self.devicePixelRatioF()
            paint_scale_bar(painter, size, zoom, self.width(), self.height())

    def _paint_pointed(self, painter: QPainter) -> None:
        """Draw the wipe's line, the frame of a part to look at, and the ghost pointer."""
        view = self.session.view
        if view.wiped == self.number and view.against is not None:
            paint_line(painter, view.wipe_at, self.width(), self.height())
        if self._framed is not None:
            rect = self._framed
            corners = (self.to_screen((rect.left, rect.top)), (rect.right, rect.bottom))
            paint_frame(painter, QRectF(QPointF(*corners[0]), QPointF(*self.to_screen(corners[1]))))
        ghost = self._ghost_centre()
        if ghost is not None:
            self._ghost_drawn = ghost_region(ghost)
            paint_ghost(painter, ghost)

    def _ghost_centre(self) -> QPointF | None:
        return None if self._ghost is None else QPointF(*self.to_screen(self._ghost))


_CLICK_PX = 4.0
"""A pointer that moved less between press and release has clicked."""


class Questions:
    """Follows one press of the left button to its release."""

    def __init__(self) -> None:
        self._pressed_xy: Point | None = None
        self._corner: Point | None = None
        self._moved = False

    @property
    def drawing(self) -> bool:
        return self._corner is not None

    def press(self, pointer: Pointer) -> bool:
        """The button went down; returns whether the hand does not get it."""
        self._pressed_xy, self._moved = pointer.screen_xy, False
        self._corner = pointer.image_xy if pointer.shift else None
        return self.drawing

    def move(self, pointer: Pointer) -> None:
        if self._pressed_xy is not None:
            self._moved |= math.dist(pointer.screen_xy, self._pressed_xy) >= _CLICK_PX

    def rectangle(self, pointer: Pointer) -> Rect | None:
        """The pixels between where Shift+drag began and the pointer; None while that is a click."""
        if self._corner is None or not self._moved:
            return None
        (x0, x1), (y0, y1) = (
            sorted((self._corner[axis], pointer.image_xy[axis])) for axis in (0, 1)
        )
        return Rect(math.floor(y0), math.floor(x0), math.ceil(y1), math.ceil(x1))

    def release(self, pointer: Pointer) -> tuple[int, int] | Rect | None:
        """The button went up; returns the pixel clicked on, the rectangle drawn, or None."""
        self.move(pointer)
        pressed, drawn = self._pressed_xy, self.rectangle(pointer)
        drawing, moved = self.drawing, self._moved
        self.drop()
        if drawn is not None or pressed is None or moved or drawing:
            return drawn
        return pointer.pixel

    def drop(self) -> None:
        """Forget the press."""
        self._pressed_xy, self._corner, self._moved = None, None, False
