"""What a tool is and what it may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QPainter

from segstudio.canvas.view import Point
from segstudio.kit.actions import ActionSpec

if TYPE_CHECKING:
    from segstudio.annotation.assistant import Assistant
    from segstudio.annotation.clipboard import Clipboard
    from segstudio.annotation.editing import Editing
    from segstudio.annotation.objects import Objects
    from segstudio.annotation.prompting import Prompting
    from segstudio.annotation.taking import Taking
    from segstudio.session.session import Session

PAN, PICK = "pan", "pick"
"""Names of the tools that the canvas lends to others: by Space or the middle button, and by Alt."""


@dataclass(frozen=True)
class Pointer:
    """One event of mouse or pen.

    Attributes:
        image_xy: Point in the image; may lie outside of it.
        screen_xy: Point in the viewport, logical pixels.
        ctrl: Whether Ctrl is held, or the pen's eraser end is used.
        alt: Whether Alt is held.
        shift: Whether Shift is held.
        pressure: How hard the pen is pressed, 0..1; 1 of what tells no pressure.
    """

    image_xy: Point
    screen_xy: Point
    ctrl: bool = False
    alt: bool = False
    shift: bool = False
    pressure: float = 1.0

    @property
    def pixel(self) -> tuple[int, int]:
        """(x, y) of the image pixel."""
        return (int(self.image_xy[0] // 1), int(self.image_xy[1] // 1))


class ToolHost(Protocol):
    """What the viewport gives to its tools."""

    @property
    def session(self) -> Session:
        """What is open."""

    @property
    def editing(self) -> Editing:
        """The verbs that change labels."""

    @property
    def objects(self) -> Objects | None:
        """The verbs for single objects, where there are any."""

    @property
    def prompting(self) -> Prompting | None:
        """The network that answers points and boxes, where there is one."""

    @property
    def clipboard(self) -> Clipboard | None:
        """What was copied, where that can be."""

    @property
    def taking(self) -> Taking | None:
        """Takes objects and regions from predictions, where that can be."""

    @property
    def run_here(self) -> str:
        """Key of the prediction that the view shows in which the pointer is."""
        ...

    @property
    def assistant(self) -> Assistant:
        """Works on the photo beside the GUI's thread."""

    def to_screen(self, image_xy: Point) -> Point:
        """Logical pixels in the viewport of an image point."""
        ...

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the image by logical pixels."""

    def repaint_marks(self) -> None:
        """Draw the tool's marks again."""


class Tool:
    """The base of all tools: does nothing.

    A tool's module is imported before the window is filled, so what takes long to import (NumPy,
    OpenCV, torch) is imported in the methods that use it.

    Attributes:
        name: The tool's name in the session; its command is called `tool.<name>`.
        title: What menus and the palette call it.
        icon: Name of a file in resources/icons.
        shortcut: The key that takes it, in Qt's portable form.
        tip: One sentence more than the title, for the tool tip.
        options: Commands that the line over the canvas shows while the tool is in hand. Tools may
            share one.
        gestures: What the mouse and held keys do with it, for the cheat sheet: (keys, text).
        edits: Whether it changes labels, so that it rests where nothing may be changed.
        erases: Whether it paints background.
        makes_objects: Whether it paints the active class, so that it is asked which object that is.
        continues_objects: Whether what it paints belongs to the object on which it begins, if that
            is the rule; what is found as a whole does not.
        shows_brush: Whether the pointer is a circle of the brush's size, which can be set then.
        group: Tools of the same group, one after the other in their table, share a button.
        has_size: Whether the brush's size counts for it in another way.
        shape: The mouse pointer otherwise.
    """

    name: str
    title: str
    icon: str
    shortcut: str
    tip: str
    options: tuple[ActionSpec, ...] = ()
    gestures: tuple[tuple[str, str], ...] = ()
    edits = True
    erases = False
    makes_objects = False
    continues_objects = False
    shows_brush = False
    has_size = False
    group = ""
    shape = Qt.CursorShape.CrossCursor

    def __init__(self, host: ToolHost) -> None:
        self.host = host

    @property
    def paints(self) -> bool:
        """Whether it paints or erases, so that the limits of painting hold for it."""
        return self.makes_objects or self.erases

    @property
    def brush_xy(self) -> Point | None:
        """The image point at which the brush's outline stays; None where it follows the pointer."""
        return None

    @property
    def busy(self) -> bool:
        """Whether something is begun that Escape would abort."""
        return False

    @property
    def keys(self) -> frozenset[Qt.Key]:
        """Keys that it takes now although a shortcut may lie on them.

        Escape, Enter, Backspace and Delete belong to whatever tool is busy.
        """
        return frozenset()

    @property
    def says(self) -> str:
        """How what is begun goes on or ends, for the status bar; "" where nothing is."""
        return ""

    def lent(self, to: Tool) -> None:
        """Another tool borrows it for the next press."""

    def press(self, pointer: Pointer) -> None:
        """The left button or the pen went down."""

    def drag(self, pointers: Sequence[Pointer]) -> None:
        """It moved while down; every point on the way."""

    def modifiers(self, pointer: Pointer) -> None:
        """Ctrl, Alt or Shift went down or up while the pointer rests."""

    def hover(self, pointer: Pointer) -> None:
        """It moved while up."""

    def leave(self) -> None:
        """It is over the picture no more."""

    def release(self, pointer: Pointer) -> None:
        """It went up."""

    def double_click(self, pointer: Pointer) -> None:
        """The second press of a double click."""
        self.press(pointer)

    def key(self, event: QKeyEvent) -> bool:
        """A key that is not a held key; returns whether the tool took it."""
        return False

    def turn(self, steps: int) -> bool:
        """The wheel was turned with Shift; returns whether the tool took it."""
        return False

    def do(self, what: str, pixel: tuple[int, int] | None) -> None:
        """One of the tool's own commands was given.

        Args:
            what: Which.
            pixel: (x, y) of the image's pixel under the pointer, or None.
        """

    def abort(self) -> None:
        """Undo what is begun."""

    def finish(self) -> None:
        """Keep what is begun and come to rest: the focus went, or another tool is taken."""

    def drop(self) -> None:
        """Let go of what is begun: its image is gone."""

    @property
    def begun(self) -> tuple[object, ...]:
        """Images on which something is begun that would be lost with the program."""
        return ()

    def take_up(self, image: object) -> None:
        """Go on with what was begun on an image, which is open now.

        Args:
            image: What tells images apart: the same object, or an equal one, each time.
        """

    def paint(self, painter: QPainter) -> None:
        """Draw the tool's marks, in logical pixels of the viewport."""
