"""The tools and held keys of all views: what is begun in one goes on in another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from segstudio.annotation.assistant import Assistant
from segstudio.annotation.clipboard import Clipboard
from segstudio.annotation.editing import Editing
from segstudio.annotation.objects import Objects
from segstudio.annotation.prompting import Prompting
from segstudio.annotation.taking import Taking
from segstudio.canvas.object_marks import SelectionMark
from segstudio.canvas.tool import Tool
from segstudio.canvas.toolbox import Toolbox
from segstudio.canvas.view import Point
from segstudio.session.session import Session


class ToolPlace(Protocol):
    """A view in which tools work."""

    @property
    def run_at_pointer(self) -> str:
        """Key of the prediction that is shown under the pointer; "" for none."""
        ...

    def to_screen(self, image_xy: Point) -> Point:
        """Logical pixels in the view of an image point."""
        ...

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the image by logical pixels."""

    def repaint_marks(self) -> None:
        """Draw the tool's marks again."""

    def show_pointer(self) -> None:
        """A held key changed what the pointer does."""


class SharedTools:
    """One set of tools for several views; the host of those tools.

    Attributes:
        held: Keys that act while they are held.
        selection: Draws what is selected.
    """

    def __init__(
        self,
        session: Session,
        editing: Editing,
        tools: Iterable[type[Tool]],
        flip_overlay: Callable[[], None],
        blink: Callable[[bool], None],
        prompting: Prompting | None = None,
        objects: Objects | None = None,
        assistant: Assistant | None = None,
        tell: Callable[[str], None] = lambda _text: None,
        clipboard: Clipboard | None = None,
        taking: Taking | None = None,
    ) -> None:
        """Args:
        session: What is open.
        editing: The verbs that change labels.
        tools: Every tool there is.
        flip_overlay: Shows the overlay if it is hidden, hides it if it is shown.
        blink: Told when the key goes down and up that shows the compared layer while it is held.
        prompting: The network that answers points and boxes.
        objects: The verbs for single objects.
        assistant: Works on the photo; at once if not given.
        tell: Told what the tool in hand says of what is begun.
        clipboard: What was copied.
        taking: Takes objects and regions from predictions; made if not given.
        """
        self._objects = objects
        self.selection = SelectionMark(session, objects, self._repaint_places)
        self._prompting = prompting
        self._clipboard = clipboard
        self._taking = taking or Taking(session, None, None, editing)
        self._assistant = assistant or Assistant(session, None)
        self._tell, self._said = tell, ""
        self._session, self._editing = session, editing
        self._places: list[ToolPlace] = []
        self._current: ToolPlace | None = None
        self._toolbox = Toolbox(self, tools)
        self._toolbox.choose(session.view.tool)
        self.held = HeldKeys(self._show_pointers, flip_overlay, blink)

    @property
    def session(self) -> Session:
        return self._session

    @property
    def editing(self) -> Editing:
        """The verbs that change labels."""
        return self._editing

    @property
    def objects(self) -> Objects | None:
        """The verbs for single objects, where there are any."""
        return self._objects

    @property
    def prompting(self) -> Prompting | None:
        """The network that answers points and boxes, where there is one."""
        return self._prompting

    @property
    def clipboard(self) -> Clipboard | None:
        """What was copied, where that can be."""
        return self._clipboard

    @property
    def taking(self) -> Taking | None:
        """Takes objects and regions from predictions."""
        return self._taking

    @property
    def run_here(self) -> str:
        """Key of the prediction that the view shows in which the pointer is."""
        view = self._session.view
        here = "" if self._current is None else self._current.run_at_pointer
        return here or view.scored_run

    @property
    def assistant(self) -> Assistant:
        """Works on the photo beside the GUI's thread."""
        return self._assistant

    @property
    def begun(self) -> tuple[object, ...]:
        """Images on which something is begun that would be lost with the program."""
        return self._toolbox.begun

    def join(self, place: ToolPlace) -> None:
        """Work in one view more."""
        self._places.append(place)
        self._current = self._current or place

    def at(self, place: ToolPlace) -> Toolbox:
        """The tools, in one view's coordinates from now on."""
        self._current = place
        return self._toolbox

    def to_screen(self, image_xy: Point) -> Point:
        """Logical pixels, in the view that is worked in, of an image point."""
        return image_xy if self._current is None else self._current.to_screen(image_xy)

    def pan_by(self, dx: float, dy: float) -> None:
        if self._current is not None:
            self._current.pan_by(dx, dy)

    def repaint_marks(self) -> None:
        """Draw the tool's marks again, in every view, and tell what the tool says."""
        self._repaint_places()
        self.tell()

    def _repaint_places(self) -> None:
        for place in self._places:
            place.repaint_marks()

    def tell(self) -> None:
        """Tell what the tool in hand says, if that is something else than before."""
        said = self._toolbox.chosen.says
        if said != self._said:
            self._said = said
            self._tell(said)

    def _show_pointers(self) -> None:
        for place in self._places:
            place.show_pointer()


TAP_SECONDS = 0.3
"""A key that is up again within this time was pressed shortly, not held."""
_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
    | Qt.KeyboardModifier.ShiftModifier
)


class HeldKeys:
    """Follows Space, the peek key and the blink key from press to release; repeats count once.

    Peeking flips the overlay at the press; a release soon after leaves it so (a switch), a later
    one flips it back (a peek). Blinking lasts as long as its key is held.
    """

    def __init__(
        self,
        on_space: Callable[[], None],
        flip_overlay: Callable[[], None],
        blink: Callable[[bool], None],
    ) -> None:
        """Args:
        on_space: Told when Space goes down or up.
        flip_overlay: Shows the overlay if it is hidden, hides it if it is shown.
        blink: Told when the blink key goes down (True) and up (False).
        """
        self.space = False
        self.peek_key = Qt.Key.Key_V
        self.blink_key = Qt.Key.Key_Y
        self._peek_since: float | None = None
        self._blinking = False
        self._on_space = on_space
        self._flip_overlay = flip_overlay
        self._blink = blink

    def wants(self, event: QKeyEvent) -> bool:
        """Whether a key is one of these and no shortcut shall have it."""
        if event.modifiers() & _MODIFIERS & ~Qt.KeyboardModifier.ControlModifier:
            return False
        ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.key() in (self.peek_key, self.blink_key):
            return not ctrl
        return event.key() == Qt.Key.Key_Space

    def press(self, event: QKeyEvent) -> bool:
        """A key went down; returns whether it is one of these."""
        if not self.wants(event):
            return False
        if event.isAutoRepeat():
            return True
        if event.key() == Qt.Key.Key_Space:
            self._set_space(held=True)
        elif event.key() == self.blink_key:
            self._set_blinking(on=True)
        elif self._peek_since is None:
            self._peek_since = time.monotonic()
            self._flip_overlay()
        return True

    def release(self, event: QKeyEvent) -> bool:
        """A key went up; returns whether it is one of these."""
        if event.isAutoRepeat():
            return event.key() in (Qt.Key.Key_Space, self.peek_key, self.blink_key)
        if event.key() == Qt.Key.Key_Space and self.space:
            self._set_space(held=False)
            return True
        if event.key() == self.peek_key and self._peek_since is not None:
            self._end_peek()
            return True
        if event.key() == self.blink_key and self._blinking:
            self._set_blinking(on=False)
            return True
        return False

    def let_go(self) -> None:
        """The keyboard went elsewhere: nothing is held any more."""
        if self.space:
            self._set_space(held=False)
        if self._peek_since is not None:
            self._end_peek()
        self._set_blinking(on=False)

    def _set_blinking(self, *, on: bool) -> None:
        if on != self._blinking:
            self._blinking = on
            self._blink(on)

    def _end_peek(self) -> None:
        since, self._peek_since = self._peek_since, None
        if since is not None and time.monotonic() - since > TAP_SECONDS:
            self._flip_overlay()

    def _set_space(self, *, held: bool) -> None:
        self.space = held
        self._on_space()
