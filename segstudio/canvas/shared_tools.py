"""The tools and held keys of all views: what is begun in one goes on in another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from segstudio.annotation.editing import Editing
from segstudio.canvas.held_keys import HeldKeys
from segstudio.canvas.tool import Tool
from segstudio.canvas.toolbox import Toolbox
from segstudio.canvas.view import Point
from segstudio.session.session import Session


class ToolPlace(Protocol):
    """A view in which tools work."""

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
    """

    def __init__(
        self,
        session: Session,
        editing: Editing,
        tools: Iterable[type[Tool]],
        flip_overlay: Callable[[], None],
        blink: Callable[[bool], None],
    ) -> None:
        """Args:
        session: What is open.
        editing: The verbs that change labels.
        tools: Every tool there is.
        flip_overlay: Shows the overlay if it is hidden, hides it if it is shown.
        blink: Told when the key goes down and up that shows the compared layer while it is held.
        """
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
        """Draw the tool's marks again, in every view."""
        for place in self._places:
            place.repaint_marks()

    def _show_pointers(self) -> None:
        for place in self._places:
            place.show_pointer()
