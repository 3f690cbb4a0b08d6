"""Points and a box show a network which object is meant; its answer is previewed, then painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from segstudio.canvas.box_drag import BoxDrag, draw_box
from segstudio.canvas.mask_mark import MaskMark
from segstudio.canvas.tool import Pointer, Tool, ToolHost
from segstudio.canvas.view import Point
from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import TOOLS

if TYPE_CHECKING:
    from segstudio.annotation.prompting import FoundObject, Prompt
    from segstudio.session.session import PromptState

PROMPT = "prompt"
_POINT_PX = 5.0
_DARK, _LIGHT = QColor(0, 0, 0, 200), QColor(255, 255, 255)
_ON, _OFF = QColor("#009E73"), QColor("#D55E00")
_WORDS = {
    "absent": "Needs weights of SAM or SAM 2.1",
    "waiting": "Click an object or drag a box",
    "preparing": "Preparing this image…",
    "ready": "Click, Shift+click, drag a box; Enter paints",
    "stopped": "Not prepared: see the menu of weights",
}


_SIZES = {2: ("Smaller", "Larger"), 3: ("Smallest", "Middle", "Largest")}
_KEYS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}


def prompt_words(state: PromptState) -> str:
    """What the bar over the views says of the tool."""
    if state.progress == "ready" and state.answers > 1:
        sizes = _SIZES[state.answers]
        return f"{sizes[state.shown]} of {state.answers}: Up and Down change it, Enter paints"
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


_Given = tuple[Point, bool] | QRectF
"""A point and whether it is on the object, or a box."""
PROMPT_STEP = ActionSpec(
    "prompt.step",
    TOOLS,
    "Part or whole",
    lambda context: context.studio.prompting.step(1),
    "layers",
    enabled=lambda context: context.session.prompting.answers > 1,
    tip="A click may mean a part or the whole: show the next larger object, after the largest the "
    "smallest; also Up and Down, or Shift+wheel",
    section=1,
)


class PromptTool(Tool):
    """Asks the network after each point, and while the pointer rests on an image without any.

    Nothing is painted before Enter. The points wait while another tool is taken, and with their
    image while another image is shown.
    """

    name, title, icon, shortcut = PROMPT, "Point and box", "sparkles", "Q"
    tip = "Click an object or drag a box around it; a network finds its outline"
    group = "model"
    options = (PROMPT_WEIGHTS, PROMPT_STEP)
    makes_objects = True
    gestures = (
        ("Click, drag", "Point and box: a point on the object, a box around it"),
        ("Shift+click", "Point and box: a point that is not on the object"),
        ("Up, Down, Shift+wheel", "A larger or smaller object that the click may mean"),
        ("Enter", "Paint the object that Point and box found"),
        ("Backspace", "Take back the last point or box"),
    )

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._asked: list[_Given] = []
        self._image: object = None
        self._waiting: dict[object, list[_Given]] = {}
        self._drag = BoxDrag(host)
        self._hovered: Point | None = None
        self._found: FoundObject | None = None
        self._mark = MaskMark(host)
        self._is_committing = False

    @property
    def busy(self) -> bool:
        return bool(self._asked) or self._drag.pressed is not None

    @property
    def keys(self) -> frozenset[Qt.Key]:
        return frozenset(_KEYS) if self.busy else frozenset()

    @property
    def found(self) -> FoundObject | None:
        """What is previewed."""
        return self._found

    def press(self, pointer: Pointer) -> None:
        """Begin a point, or a box."""
        self._is_committing = False
        self._drag.press(pointer)

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """Draw a box once the pointer has left the place of the click."""
        self._drag.drag(pointers)

    def release(self, pointer: Pointer) -> None:
        """The point or the box is there: ask."""
        pressed, ends = self._drag.pressed, self._drag.ends
        self._drag.forget()
        if pressed is None:
            return
        if ends is not None:
            box = self._inside(QRectF(*(QPointF(*end) for end in ends)).normalized())
            if not box.isEmpty():
                self._asked = [each for each in self._asked if not isinstance(each, QRectF)]
                self._asked.append(box)
        elif self._is_inside(pressed.image_xy):
            self._asked.append((pressed.image_xy, not pressed.shift))
        self._ask()
        if self.host.prompting is not None:
            self.host.prompting.say_if_absent()

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
        return event.key() in _KEYS and self.turn(_KEYS[Qt.Key(event.key())])

    def turn(self, steps: int) -> bool:
        """Preview another object that the click may mean."""
        prompting = self.host.prompting
        if not self._asked or prompting is None:
            return False
        prompting.step(steps)
        return True

    def abort(self) -> None:
        """Forget the points."""
        self._forget()

    def finish(self) -> None:
        """The points stay while the focus is elsewhere; a drag ends."""
        self._drag.forget()

    def drop(self) -> None:
        """The points wait for their image."""
        if self._asked:
            self._waiting[self._image] = self._asked
        self._image = None
        self._forget()

    def take_up(self, image: object) -> None:
        """Ask again what was asked about an image."""
        self._image = image
        self._asked = self._waiting.pop(image, [])
        if self._asked:
            self._ask()

    def paint(self, painter: QPainter) -> None:
        """Draw the object, the points and the box, readable on any photo."""
        from segstudio.canvas.marks import square

        self._mark.paint(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._drag.paint(painter)
        for each in self._asked:
            if isinstance(each, QRectF):
                draw_box(painter, self.host, *_ends(each))
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
                prompting.ask(prompt, self._arrived, all_meant=bool(self._asked))
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
        self._found = found
        self._mark.show(None if found is None else found.preview)

    def _commit_if_found(self) -> None:
        found = self._found
        if not self._is_committing or found is None or found.prompt != self._prompt():
            return
        self._forget()
        if not found.preview.rect.is_empty:
            self.host.editing.paint_mask(found.preview.rect, found.preview.mask, self.title)

    def _forget(self) -> None:
        self._asked, self._hovered, self._is_committing = [], None, False
        self._drag.forget()
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


def _ends(box: QRectF) -> tuple[Point, Point]:
    return (box.left(), box.top()), (box.right(), box.bottom())


def _corners(box: QRectF) -> tuple[float, float, float, float]:
    """As the network counts: from the middle of the first pixel."""
    return box.left() - 0.5, box.top() - 0.5, box.right() - 0.5, box.bottom() - 0.5
