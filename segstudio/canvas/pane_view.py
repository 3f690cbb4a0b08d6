"""One view of the canvas: its picture, and its header on the picture's upper edge."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QMoveEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.canvas.navigator import Navigator
from segstudio.canvas.view import wheel_zoom
from segstudio.canvas.view_header import ViewHeader
from segstudio.canvas.viewport import Viewport
from segstudio.canvas.wheel import notches
from segstudio.comparison.comparing import Comparing
from segstudio.session.session import Session


class PaneView(QWidget):
    """A picture under a header; a right click anywhere opens the header's menu.

    The header lies beside the picture's widget, over it, so that the pointer leaves the one when it
    enters the other.

    Attributes:
        viewport: The picture.
        header: Says what is shown, lets one choose it, and tells the score.
        navigator: Shows the whole image small while a part of it is out of sight.
    """

    def __init__(
        self,
        session: Session,
        comparing: Comparing,
        viewport: Viewport,
        parent: QWidget,
        key_of: Callable[[str], str],
    ) -> None:
        super().__init__(parent)
        self.viewport = viewport
        viewport.setParent(self)
        self.header = ViewHeader(session, comparing, viewport.number, self, key_of)
        self.navigator = Navigator(viewport, self)
        self._give_header_its_height()
        self.header.height_changed.connect(self._give_header_its_height)
        # Tab on the picture hides the panels, so what comes after it would never be reached
        for control, following in itertools.pairwise((*self.header.controls, viewport)):
            self.setTabOrder(control, following)
        self.hide()  # or it would come with its parent, where that is shown later

    @property
    def header_has_pointer(self) -> bool:
        return self.header.underMouse()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture has its new size at once."""
        super().resizeEvent(event)
        self._give_header_its_height()
        self.viewport.setGeometry(self.rect())

    def _give_header_its_height(self) -> None:
        self.viewport.cover(self.header.height_px)
        self.header.setGeometry(0, 0, self.width(), self.header.height_px)

    def moveEvent(self, event: QMoveEvent) -> None:
        """The picture moves along, under a resting pointer."""
        super().moveEvent(event)
        self.viewport.moved_by(event.pos() - event.oldPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """What the picture did not take was turned over the header: it zooms there, too."""
        at = event.position()
        zoom = wheel_zoom(self.viewport.zoom, notches(event))
        self.viewport.zoom_to(zoom, (at.x(), at.y()))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Right click or the menu key on the picture."""
        event.accept()
        if QApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            return  # something is being drawn
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        if by_key:
            self.header.open_menu(pixel=self.viewport.pixel_without_pointer())
            return
        at = self.viewport.mapFromGlobal(event.globalPos())
        pixel = self.viewport.image_pixel((at.x(), at.y()))
        self.header.open_menu(event.globalPos(), pixel=pixel)
