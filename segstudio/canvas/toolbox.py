"""All tools of one viewport, and which of them has the pointer."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QPainter

from segstudio.canvas.tool import PAN, PICK, Pointer, Tool, ToolHost


class Toolbox:
    """The chosen tool, and the tool that has the pointer while a button is down.

    The two differ while a tool is borrowed: the hand by Space or the middle button, picking by
    Alt. A press decides; the tool keeps the pointer until the release.
    """

    def __init__(self, host: ToolHost, kinds: Iterable[type[Tool]]) -> None:
        self._tools: dict[str, Tool] = {kind.name: kind(host) for kind in kinds}
        self._chosen = self._tools[PAN]
        self._holding: Tool | None = None

    @property
    def chosen(self) -> Tool:
        """The tool in hand."""
        return self._chosen

    @property
    def holding(self) -> Tool | None:
        """The tool that a button is held down for, or None."""
        return self._holding

    @property
    def panning(self) -> bool:
        return self._holding is self._tools[PAN]

    def choose(self, name: str) -> bool:
        """Take another tool; what the old one has begun is kept or forgotten by its own rule."""
        if self._chosen is self._tools[name]:
            return False
        self.finish()
        self._chosen = self._tools[name]
        return True

    def tell(self, name: str, what: str, pixel: tuple[int, int] | None) -> None:
        """Give a tool one of its own commands."""
        self._tools[name].do(what, pixel)

    def aim(self, pointer: Pointer, *, pan: bool) -> Tool:
        """The tool that a press would go to."""
        if pan:
            return self._tools[PAN]
        if pointer.alt and self._chosen.name != PAN and not self._chosen.busy:
            return self._tools[PICK]
        return self._chosen

    def press(self, pointer: Pointer, *, pan: bool) -> None:
        """Give the pointer to a tool."""
        self._holding = self.aim(pointer, pan=pan)
        if self._holding is not self._chosen:
            self._holding.lent(self._chosen)
        self._holding.press(pointer)

    def double_click(self, pointer: Pointer) -> None:
        """The second press of a double click."""
        self._holding = self.aim(pointer, pan=False)
        self._holding.double_click(pointer)

    def drag(self, pointers: list[Pointer]) -> None:
        """Every point since the last call."""
        if self._holding is not None:
            self._holding.drag(pointers)

    def release(self, pointer: Pointer) -> None:
        """Take the pointer back."""
        holding, self._holding = self._holding, None
        if holding is not None:
            holding.release(pointer)

    def abort(self) -> bool:
        """Undo what is begun; returns whether anything was."""
        if not self._chosen.busy:
            return False
        self._chosen.abort()
        self._holding = None
        return True

    def finish(self) -> None:
        """Keep what is begun and let go of the pointer."""
        if self._holding is not None:
            self._holding.finish()
        self._chosen.finish()
        self._holding = None

    def drop(self) -> None:
        """The image is gone."""
        for tool in self._tools.values():
            tool.drop()
        self._holding = None

    @property
    def begun(self) -> tuple[object, ...]:
        """Images on which something is begun that would be lost with the program."""
        return tuple(image for tool in self._tools.values() for image in tool.begun)

    def take_up(self, image: object) -> None:
        """An image is open: go on with what was begun on it."""
        for tool in self._tools.values():
            tool.take_up(image)

    def paint(self, painter: QPainter) -> None:
        """Draw the marks of the chosen tool, and of those that have something begun."""
        for tool in self._tools.values():
            if tool is self._chosen or tool.busy:
                painter.save()
                tool.paint(painter)
                painter.restore()
