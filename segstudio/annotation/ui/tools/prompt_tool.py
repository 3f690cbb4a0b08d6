"""Points and a box show a network which object is meant; its answer is previewed, then painted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPen

from segstudio.annotation.ui.tools.brush_tool import ONLY_UNLABELLED
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point
from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import TOOLS

if TYPE_CHECKING:
    from segstudio.annotation.prompting import FoundObject, Prompt
    from segstudio.session.session import PromptState

PROMPT = "prompt"
_DRAG_PX = 4.0
"""How far the pointer moves before a click becomes a box."""
_POINT_PX = 5.0
_FILL_ALPHA = 120
_MOST_LINES = 8_000
"""A longer outline would cost a frame's time; the object is filled all the same."""
_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255)
_ON, _OFF = QColor("#009E73"), QColor("#D55E00")
_WORDS = {
    "absent": "Needs weights of SAM or SAM 2.1",
    "waiting": "Click an object or drag a box",
    "preparing": "Preparing this image…",
    "ready": "Click, Shift+click, drag a box; Enter paints",
    "stopped": "Not prepared: see the menu of weights",
}


def prompt_words(state: PromptState) -> str:
    """What the bar over the views says of the tool."""
    return _WORDS[state.progress]


def _choose_weights(context: Context) -> None:
    from segstudio.annotation.ui.prompt_menu import show_prompt_menu

    show_prompt_menu(context)


PROMPT_WEIGHTS = ActionSpec(
    "prompt.weights",
    TOOLS,
    "Weights of Point and box…",
    _choose_weights,
    "sparkles",
    tip="Which network answers points and boxes: weights of your own, or published ones",
    section=1,
)


class PromptTool(Tool):
    """Asks the network after each point, and while the pointer rests on an image without any.

    Nothing is painted before Enter. The points are forgotten with their image.
    """

    name, title, icon, shortcut = PROMPT, "Point and box", "sparkles", "Q"
    tip = "Click an object or drag a box around it; a network finds its outline"
    options = (PROMPT_WEIGHTS, ONLY_UNLABELLED)
    makes_objects = True
    gestures = (
        ("Click, drag", "Point and box: a point on the object, a box around it"),
        ("Shift+click", "Point and box: a point that is not on the object"),
        ("Enter", "Paint the object that Point and box found"),
        ("Backspace", "Take back the last point or box"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._asked: list[tuple[Point, bool] | QRectF] = []
        self._pressed: Pointer | None = None
        self._corner: Point | None = None
        self._hovered: Point | None = None
        self._found: FoundObject | None = None
        self._fill: QImage | None = None
        self._lines: list[QLineF] = []
        self._is_committing = False

    @property
    def busy(self) -> bool:
        return bool(self._asked) or self._pressed is not None

    @property
    def found(self) -> FoundObject | None:
        """What is previewed."""
        return self._found

    def press(self, pointer: Pointer) -> None:
        """Begin a point, or a box."""
        self._is_committing = False
        self._pressed = pointer

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Draw a box once the pointer has left the place of the click."""
        pressed, last = self._pressed, pointers[-1]
        if pressed is None:
            return
        if self._corner is None and math.dist(pressed.screen_xy, last.screen_xy) < _DRAG_PX:
            return
        self._corner = last.image_xy
        self.host.repaint_marks()

    def release(self, pointer: Pointer) -> None:
        """The point or the box is there: ask."""
        pressed, corner = self._pressed, self._corner
        self._pressed = self._corner = None
        if pressed is None:
            return
        if corner is not None:
            box = self._inside(QRectF(QPointF(*pressed.image_xy), QPointF(*corner)).normalized())
            if not box.isEmpty():
                self._asked = [each for each in self._asked if not isinstance(each, QRectF)]
                self._asked.append(box)
        elif self._is_inside(pressed.image_xy):
            self._asked.append((pressed.image_xy, not pressed.shift))
        self._ask()

    def double_click(self, pointer: Pointer) -> None:
        """No second point on the first."""

    def hover(self, pointer: Pointer) -> None:
        """Preview what a click here would find, as long as there is no point."""
        if not self._asked and pointer.image_xy != self._hovered:
            self._hovered = pointer.image_xy
            self._ask()

    def leave(self) -> None:
        """Preview nothing where the pointer is not."""
        if not self._asked and self._hovered is not None:
            self._hovered = None
            self._ask()

    def key(self, event: QKeyEvent) -> bool:
        """Enter paints, Backspace takes the last point or box back."""
        if not self._asked:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._is_committing = True
            self._commit_if_found()
            return True
        if event.key() == Qt.Key.Key_Backspace:
            self._asked.pop()
            self._ask()
            return True
        return False

    def abort(self) -> None:
        """Forget the points."""
        self._forget()

    def finish(self) -> None:
        """The points stay while the focus is elsewhere; a drag ends."""
        self._pressed = self._corner = None

    def drop(self) -> None:
        """The image is gone, and its points with it."""
        self._forget()

    def paint(self, painter: QPainter) -> None:
        """Draw the object, the points and the box, readable on any photo."""
        from segstudio.canvas.marks import square

        if self._found is not None:
            self._paint_found(painter, self._found)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for each in (*self._asked, *self._drawn_box()):
            if isinstance(each, QRectF):
                self._paint_box(painter, each)
            else:
                centre = QPointF(*self.host.to_screen(each[0]))
                painter.setPen(QPen(_DARK, 3.0))
                painter.setBrush(_ON if each[1] else _OFF)
                painter.drawEllipse(square(centre, _POINT_PX))
                painter.setPen(QPen(_LIGHT, 1.5))
                painter.drawEllipse(square(centre, _POINT_PX))
                painter.drawLine(centre - QPointF(2.5, 0), centre + QPointF(2.5, 0))
                if each[1]:
                    painter.drawLine(centre - QPointF(0, 2.5), centre + QPointF(0, 2.5))

    # -- asking ------------------------------------------------------------------------------

    def _prompt(self) -> Prompt:
        from segstudio.annotation.prompting import Prompt

        points = [each for each in self._asked if not isinstance(each, QRectF)]
        boxes = [each for each in self._asked if isinstance(each, QRectF)]
        if not self._asked and self._hovered is not None and self._is_inside(self._hovered):
            points = [(self._hovered, True)]
        # the network counts from the middle of the first pixel, the image from its edge
        return Prompt(
            tuple((point[0] - 0.5, point[1] - 0.5) for point, _ in points),
            tuple(int(is_on) for _, is_on in points),
            _corners(boxes[0]) if boxes else None,
        )

    def _ask(self) -> None:
        prompting, prompt = self.host.prompting, self._prompt()
        if prompting is not None:
            if prompt.is_empty:
                prompting.forget()
                self._show(None)
            elif self._asked or prompting.is_ready:
                prompting.ask(prompt, self._arrived)
        self.host.repaint_marks()

    def _arrived(self, found: FoundObject) -> None:
        """An answer; a later one may be on its way, whose prompt the points are now."""
        if self.host.session.view.tool != self.name or self._prompt().is_empty:
            return
        is_hovered = len(found.prompt.points) == 1 and not self._asked
        if is_hovered or found.prompt == self._prompt():
            self._show(found)
            self._commit_if_found()

    def _show(self, found: FoundObject | None) -> None:
        self._found, self._fill, self._lines = found, None, []
        if found is not None and not found.rect.is_empty:
            height, stride = found.shown.shape
            width = -(-found.rect.width // found.step)
            self._fill = QImage(
                found.shown.data, width, height, stride, QImage.Format.Format_Indexed8
            )
            if len(found.outline) <= _MOST_LINES:
                self._lines = [QLineF(*line) for line in found.outline.tolist()]
        self.host.repaint_marks()

    def _commit_if_found(self) -> None:
        found = self._found
        if not self._is_committing or found is None or found.prompt != self._prompt():
            return
        self._forget()
        if not found.rect.is_empty:
            self.host.editing.paint_mask(found.rect, found.mask, self.title)

    def _forget(self) -> None:
        self._asked, self._pressed, self._corner, self._hovered = [], None, None, None
        self._is_committing = False
        if self.host.prompting is not None:
            self.host.prompting.forget()
        self._show(None)

    # -- places ------------------------------------------------------------------------------

    def _is_inside(self, image_xy: Point) -> bool:
        document = self.host.session.document
        if document is None:
            return False
        height, width = document.shape_hw
        return 0 <= image_xy[0] < width and 0 <= image_xy[1] < height

    def _inside(self, box: QRectF) -> QRectF:
        document = self.host.session.document
        if document is None:
            return QRectF()
        height, width = document.shape_hw
        return box.intersected(QRectF(0, 0, width, height))

    def _drawn_box(self) -> list[QRectF]:
        if self._pressed is None or self._corner is None:
            return []
        return [QRectF(QPointF(*self._pressed.image_xy), QPointF(*self._corner)).normalized()]

    # -- drawing -----------------------------------------------------------------------------

    def _paint_found(self, painter: QPainter, found: FoundObject) -> None:
        origin = QPointF(*self.host.to_screen((found.rect.left, found.rect.top)))
        unit = self.host.to_screen((found.rect.left + 1.0, found.rect.top + 1.0))
        scale = (unit[0] - origin.x()) * found.step
        painter.save()
        painter.translate(origin)
        painter.scale(scale, scale)
        if self._fill is not None:
            session = self.host.session
            painted = session.schema.get(session.view.active_class)
            fill = QColor(*(painted.color if painted is not None else (255, 255, 255)))
            fill.setAlpha(_FILL_ALPHA)
            self._fill.setColorTable([0, fill.rgba()])
            painter.drawImage(QPointF(0, 0), self._fill)
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.0)):
            pen = QPen(color, width)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawLines(self._lines)
        painter.restore()

    def _paint_box(self, painter: QPainter, box: QRectF) -> None:
        first, second = (QPointF(*self.host.to_screen(xy)) for xy in _ends(box))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.25)):
            painter.setPen(QPen(color, width))
            painter.drawRect(QRectF(first, second))


def _ends(box: QRectF) -> tuple[Point, Point]:
    return (box.left(), box.top()), (box.right(), box.bottom())


def _corners(box: QRectF) -> tuple[float, float, float, float]:
    """As the network counts: from the middle of the first pixel."""
    return box.left() - 0.5, box.top() - 0.5, box.right() - 0.5, box.bottom() - 0.5
