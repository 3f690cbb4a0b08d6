"""The polygon tool: clicks add corners, a drag draws freehand; regions open as polygons again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF

from segstudio.canvas.box_drag import DRAG_PX
from segstudio.canvas.mask_mark import draw_path, fill_color, path_of
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point
from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import TOOLS

if TYPE_CHECKING:
    from segstudio.annotation.region_outline import RegionOutline

_CLOSE_PX = 8.0
"""How near to the first corner a click closes, in logical pixels."""
_GRAB_PX, _LINE_PX = 6.0, 4.0
"""How near to a corner, or a line, a press takes hold of it."""
_FREEHAND_PX = 2.0
"""Least distance of freehand points, in logical pixels."""
_DARK, _LIGHT = QColor(0, 0, 0, 190), QColor(255, 255, 255)
_HANDLE_PX = 3.0
_MOST_HANDLES = 1000
_SIMPLIFY = frozenset((Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Equal))
_EDIT = "drag a corner, click a line, Delete"


@dataclass
class _Rings:
    """A polygon that is begun on an image, or a region of it that is open.

    Attributes:
        rings: Corners (x, y). Of a polygon that is drawn one ring, to which clicks add.
        erases: Whether it will be made background.
        opened: The region; None while a polygon is drawn.
        steps: The rings before each change, for Backspace.
    """

    rings: list[list[Point]] = field(default_factory=list)
    erases: bool = False
    opened: RegionOutline | None = None
    steps: list[list[list[Point]]] = field(default_factory=list)

    @property
    def drawn(self) -> list[Point]:
        """The corners of the polygon that is drawn; none where a region is open."""
        return self.rings[0] if self.rings and self.opened is None else []

    def remember(self) -> None:
        """Let Backspace come back to here."""
        self.steps.append([list(ring) for ring in self.rings])


@dataclass
class _Grabbed:
    """A corner that the pointer holds.

    Attributes:
        ring: Which ring.
        corner: Which corner of it.
        origin: Where it was.
        screen_xy: Where the pointer took hold of it.
        moved: Whether it was moved.
        inserted: Whether the press made it.
    """

    ring: int
    corner: int
    origin: Point
    screen_xy: Point
    moved: bool = False
    inserted: bool = False


def _open_region(context: Context) -> None:
    context.canvas.tell_tool(PolygonTool.name, "open")


OPEN_REGION = ActionSpec(
    "polygon.open",
    TOOLS,
    "Region as polygon",
    _open_region,
    "square-dashed",
    ("Shift+E",),
    enabled=lambda c: c.session.document is not None and not c.session.read_only,
    tip="Move the corners of the painted region under the pointer; a double click opens it, too",
    section=1,
)


class PolygonTool(Tool):
    """Corners as float image points; nothing is painted before the polygon is closed.

    Corners are moved, added and removed before that. What is begun waits while another tool is
    taken, and with its image while another image is shown. Ctrl with the first corner subtracts.
    """

    name, title, icon, shortcut = "polygon", "Polygon", "pentagon", "P"
    tip = "Click the corners; Enter or a click on the first one closes it"
    options = (OPEN_REGION,)
    makes_objects = continues_objects = True
    gestures = (
        ("Enter, or click the first corner", "Close the polygon"),
        ("Backspace", "Take back the polygon's last corner"),
        ("Drag a corner, click a line, Delete", "Polygon: move, add, remove a corner"),
        ("Ctrl+click the first corner", "Polygon: erase"),
        ("Double click, with the polygon", "Open a painted region as a polygon"),
        ("+ and −", "Polygon of a region: more or fewer corners"),  # noqa: RUF001 - the minus
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._begun = _Rings()
        self._image: object = None
        self._waiting: dict[object, _Rings] = {}
        self._tip: Point | None = None
        self._pressed_at: Point | None = None
        self._freehand = False
        self._grabbed: _Grabbed | None = None
        self._awaits = False
        self._note = ""

    @property
    def busy(self) -> bool:
        return bool(self._begun.rings) or self._awaits

    @property
    def begun(self) -> tuple[object, ...]:
        """Images with a line at least; one corner is soon clicked again."""
        every = {**self._waiting, self._image: self._begun}
        return tuple(i for i, one in every.items() if any(len(r) > 1 for r in one.rings))

    @property
    def points(self) -> tuple[Point, ...]:
        """The corners so far, (x, y) in the image, of all rings in their order."""
        return tuple(point for ring in self._begun.rings for point in ring)

    @property
    def keys(self) -> frozenset[Qt.Key]:
        """While a region is open: fewer corners, more corners."""
        return _SIMPLIFY if self._begun.opened is not None else frozenset()

    @property
    def says(self) -> str:
        if self._awaits:
            return "Click the painted region whose corners you want to move, Esc gives up"
        if self._note or not self._begun.rings:
            return self._note
        if self._begun.opened is not None:
            return f"Enter paints the change; {_EDIT}; + and − for more or fewer; Esc leaves it"  # noqa: RUF001
        if len(self._begun.drawn) < 3:
            return "Click the next corner; Backspace takes the last one back, Esc gives up"
        verb = "erases" if self._begun.erases else "paints"
        return f"Enter, double click or the first corner {verb}; {_EDIT}; Esc gives up"

    # -- the pointer -----------------------------------------------------------------------------

    def press(self, pointer: Pointer) -> None:
        """Take hold of a corner or a line, or add a corner."""
        self._note = ""
        if self._awaits:
            self._awaits = False
            self._open(pointer.pixel)
            return
        begun = self._begun
        self._tip = pointer.image_xy
        if self._grab(pointer) or begun.opened is not None:
            self.host.repaint_marks()
            return
        if not begun.rings:
            begun.rings.append([])
            begun.erases = pointer.ctrl
        begun.remember()
        begun.drawn.append(pointer.image_xy)
        self._pressed_at = pointer.screen_xy
        self._freehand = False
        self.host.repaint_marks()

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Move the corner that is held, or draw freehand once the pointer left the click."""
        self._tip = pointers[-1].image_xy
        if self._grabbed is not None:
            self._move(self._grabbed, pointers[-1])
        elif self._pressed_at is not None:
            for pointer in pointers:
                self._draw(pointer, self._pressed_at)
        self.host.repaint_marks()

    def hover(self, pointer: Pointer) -> None:
        """Move the rubber band, and show what a press would take hold of."""
        if self._begun.rings:
            self._tip = pointer.image_xy
            self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """A click on the first corner closes, and a freehand line that ends where it began."""
        grabbed, self._grabbed = self._grabbed, None
        freehand, self._freehand, self._pressed_at = self._freehand, False, None
        if grabbed is not None:
            clicked = not (grabbed.moved or grabbed.inserted)
            if clicked and grabbed.corner == 0 and len(self._begun.drawn) >= 3:
                self._close()
        elif freehand and self._near_first(pointer.screen_xy):
            self._close()

    def double_click(self, pointer: Pointer) -> None:
        """Close; its first click has added the last corner. On a painted region: open that."""
        drawn = self._begun.drawn
        if self._begun.opened is not None or len(drawn) >= 3:
            self._close()
        elif len(drawn) <= 1 and self._is_painted(pointer.pixel):
            self._forget()
            self._open(pointer.pixel)
        else:
            self.press(pointer)

    def key(self, event: QKeyEvent) -> bool:
        """Enter closes, Backspace takes back, Delete removes, plus and minus simplify."""
        if not self._begun.rings:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._begun.opened is not None or len(self._begun.drawn) >= 3:
                self._close()
        elif event.key() == Qt.Key.Key_Backspace:
            self._take_back()
        elif event.key() == Qt.Key.Key_Delete:
            self._remove_corner()
        elif event.text() in ("+", "-", "="):
            return self._simplify(-1 if event.text() != "-" else 1)
        else:
            return False
        return True

    def do(self, what: str, pixel: tuple[int, int] | None) -> None:
        """Open the region under the pointer, or the one that is clicked on next."""
        if self._begun.rings:
            self._note = "Finish the polygon first: Enter paints it, Esc gives it up"
        elif pixel is not None and self._is_painted(pixel):
            self._open(pixel)
        else:
            self._awaits = True
        self.host.repaint_marks()

    # -- coming and going ------------------------------------------------------------------------

    def abort(self) -> None:
        """Put the held corner back; without one forget the polygon."""
        grabbed = self._grabbed
        if grabbed is not None and grabbed.moved:
            self._grabbed = None
            self._take_back()
        else:
            self._forget()

    def finish(self) -> None:
        """The corners stay while the focus is elsewhere; a drag ends."""
        self._pressed_at, self._freehand, self._grabbed = None, False, None
        self._awaits = False

    def drop(self) -> None:
        """The polygon waits for its image."""
        if self._begun.rings:
            self._waiting[self._image] = self._begun
        self._image = None
        self._forget()

    def take_up(self, image: object) -> None:
        """Go on with the polygon of an image."""
        self._image = image
        self._begun = self._waiting.pop(image, _Rings())
        self.host.repaint_marks()

    # -- drawing ---------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Draw the area, the lines, the corners and the rubber band, readable on any photo."""
        begun = self._begun
        if not begun.rings:
            return
        path = path_of(self.host, begun.rings[0], closed=begun.opened is not None)
        for ring in begun.rings[1:]:
            path.addPath(path_of(self.host, ring, closed=True))
        fill = fill_color(self.host, erases=begun.erases)
        if begun.opened is not None:
            spec = self.host.session.schema.get(begun.opened.class_id)
            fill = QColor(*(spec.color if spec is not None else (255, 255, 255)), fill.alpha() // 2)
        draw_path(painter, path, fill, erases=begun.erases)
        if begun.drawn and self._tip is not None and self._grabbed is None:
            self._paint_band(painter, begun.drawn)
        self._paint_corners(painter)

    def _paint_band(self, painter: QPainter, corners: list[Point]) -> None:
        """The line to the pointer, and the one that would close the polygon."""
        assert self._tip is not None
        ends = (corners[-1], self._tip, corners[0])
        last, tip, first = (QPointF(*self.host.to_screen(point)) for point in ends)
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.25)):
            painter.setPen(QPen(color, width))
            painter.drawPolyline(QPolygonF([last, tip]))
            if len(corners) > 1:
                painter.setPen(QPen(color, width, Qt.PenStyle.DotLine))
                painter.drawLine(tip, first)

    def _paint_corners(self, painter: QPainter) -> None:
        from segstudio.canvas.marks import square

        painter.setPen(QPen(_DARK, 1.0))
        painter.setBrush(_LIGHT)
        points = self.points
        for corner in points if len(points) <= _MOST_HANDLES else points[:1]:
            painter.drawRect(square(QPointF(*self.host.to_screen(corner)), _HANDLE_PX))
        if self._tip is None:
            return
        held = self._grabbed
        at = (held.ring, held.corner) if held is not None else self._corner_at(self._tip)
        if at is not None:
            point = self._begun.rings[at[0]][at[1]]
            painter.drawRect(square(QPointF(*self.host.to_screen(point)), _HANDLE_PX + 2))
        elif (line := self._line_at(self._tip)) is not None:
            painter.drawEllipse(square(QPointF(*self.host.to_screen(line[2])), _HANDLE_PX))

    # -- corners ---------------------------------------------------------------------------------

    def _grab(self, pointer: Pointer) -> bool:
        """Take hold of the corner under the pointer, or of a new one on the line under it."""
        begun = self._begun
        at = self._corner_at(pointer.image_xy)
        if at is not None:
            origin = begun.rings[at[0]][at[1]]
            self._grabbed = _Grabbed(*at, origin, pointer.screen_xy)
            return True
        line = self._line_at(pointer.image_xy)
        if line is None:
            return False
        ring, corner, point = line
        begun.remember()
        begun.rings[ring].insert(corner, point)
        self._grabbed = _Grabbed(ring, corner, point, pointer.screen_xy, inserted=True)
        return True

    def _move(self, held: _Grabbed, pointer: Pointer) -> None:
        if not held.moved:
            if math.dist(pointer.screen_xy, held.screen_xy) < DRAG_PX:
                return
            held.moved = True
            if not held.inserted:
                self._begun.remember()
        self._begun.rings[held.ring][held.corner] = pointer.image_xy

    def _draw(self, pointer: Pointer, pressed_at: Point) -> None:
        drawn = self._begun.drawn
        if not self._freehand:
            self._freehand = math.dist(pointer.screen_xy, pressed_at) >= DRAG_PX
        last = self.host.to_screen(drawn[-1])
        if self._freehand and math.dist(pointer.screen_xy, last) >= _FREEHAND_PX:
            drawn.append(pointer.image_xy)

    def _take_back(self) -> None:
        begun = self._begun
        if begun.opened is None and self._grabbed is None and begun.drawn:
            before = list(begun.drawn)
            begun.rings = begun.steps.pop() if begun.steps else [before[:-1]]
            if len(before) - len(begun.drawn) > 1:  # of a freehand line the last point alone
                begun.rings = [before[:-1]]
        elif begun.steps:
            begun.rings = begun.steps.pop()
        if not any(begun.rings):
            self._begun = _Rings()
        self._grabbed = None
        self.host.repaint_marks()

    def _remove_corner(self) -> None:
        """Remove the corner under the pointer; of a ring with three the whole ring."""
        begun = self._begun
        at = None if self._tip is None else self._corner_at(self._tip)
        if at is None:
            self._note = "Point at a corner to remove it"
            self.host.repaint_marks()
            return
        begun.remember()
        ring = begun.rings[at[0]]
        if begun.opened is not None and len(ring) <= 3:
            del begun.rings[at[0]]
        else:
            del ring[at[1]]
        if begun.opened is None and not ring:
            self._begun = _Rings()
        self._note, self._grabbed = "", None
        self.host.repaint_marks()

    def _simplify(self, step: int) -> bool:
        """Open the region with more or fewer corners, as long as none was moved."""
        from segstudio.annotation.region_outline import TOLERANCES

        opened = self._begun.opened
        if opened is None:
            return False
        if self._begun.steps:
            self._note = "Corners were moved: Backspace takes that back, Enter paints it"
        else:
            at = TOLERANCES.index(opened.tolerance) + step
            if 0 <= at < len(TOLERANCES):
                self._show(opened.with_tolerance(TOLERANCES[at]))
            self._note = f"{len(self.points):,} corners"
        self.host.repaint_marks()
        return True

    def _near_first(self, screen_xy: Point) -> bool:
        drawn = self._begun.drawn
        if len(drawn) < 3:
            return False
        return math.dist(screen_xy, self.host.to_screen(drawn[0])) <= _CLOSE_PX

    def _corner_at(self, image_xy: Point) -> tuple[int, int] | None:
        """Ring and number of the corner that is near enough; the first one from farther away."""
        if self._near_first(self.host.to_screen(image_xy)):
            return 0, 0
        best, found = _GRAB_PX / self._scale(), None
        for ring, corners in enumerate(self._begun.rings):
            for number, corner in enumerate(corners):
                distance = math.dist(corner, image_xy)
                if distance <= best:
                    best, found = distance, (ring, number)
        return found

    def _line_at(self, image_xy: Point) -> tuple[int, int, Point] | None:
        """Ring, number that a corner there would get, and its place, if a line is near enough."""
        best, found = _LINE_PX / self._scale(), None
        is_open = self._begun.opened is None
        for ring, corners in enumerate(self._begun.rings):
            for number, end in enumerate(corners):
                if number == 0 and (is_open or len(corners) < 3):
                    continue
                point = _nearest(corners[number - 1], end, image_xy)
                distance = math.dist(point, image_xy)
                if distance < best:
                    best, found = distance, (ring, number or len(corners), point)
        return found

    def _scale(self) -> float:
        """Logical pixels of the screen for a pixel of the image."""
        return max(self.host.to_screen((1, 0))[0] - self.host.to_screen((0, 0))[0], 1e-6)

    # -- regions ---------------------------------------------------------------------------------

    def _is_painted(self, pixel: tuple[int, int]) -> bool:
        document = self.host.session.document
        if document is None:
            return False
        (x, y), (height, width) = pixel, document.shape_hw
        return 0 <= x < width and 0 <= y < height and bool(document.annotation.labels[y, x])

    def _open(self, pixel: tuple[int, int]) -> None:
        from segstudio.annotation.region_outline import outline_at

        document = self.host.session.document
        if document is None or self.host.session.read_only:
            return
        annotation = document.annotation

        def opened(found: RegionOutline | None) -> None:
            if self.host.session.view.tool != self.name or self._begun.rings:
                return
            if found is None:
                self._note = "Nothing is painted there"
            else:
                self._show(found)
            self.host.repaint_marks()

        self.host.assistant.ask(
            "Opening the region", lambda _job: outline_at(annotation, pixel), opened
        )

    def _show(self, found: RegionOutline) -> None:
        rings = [[(float(x), float(y)) for x, y in ring.tolist()] for ring in found.rings]
        self._begun = _Rings(rings, opened=found)

    def _close(self) -> None:
        begun = self._begun
        self._forget()
        if begun.opened is None:
            self.host.editing.paint_polygon(begun.drawn, begun.erases)
            return
        from functools import partial

        from segstudio.annotation.region_outline import reshaped

        session = self.host.session
        change = partial(reshaped, outline=begun.opened, rings=begun.rings)
        title = f"Reshape: {session.schema.name_of(begun.opened.class_id)}"
        rect = begun.opened.rect
        self.host.editing.change_by(title, change, rect.height * rect.width)

    def _forget(self) -> None:
        self._begun = _Rings()
        self._tip = self._pressed_at = self._grabbed = None
        self._freehand = self._awaits = False
        self._note = ""
        self.host.repaint_marks()


def _nearest(start: Point, end: Point, point: Point) -> Point:
    """The point of a line that is nearest to a point."""
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    if not length:
        return start
    way = (point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]
    share = min(1.0, max(0.0, way / length))
    return start[0] + share * along[0], start[1] + share * along[1]
