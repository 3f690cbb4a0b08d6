"""One view of the canvas: its header and its picture."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QMoveEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.canvas.layer_chip import LayerChip, legend
from segstudio.canvas.over_photo import over_photo_on
from segstudio.canvas.overlay import shown_layer
from segstudio.canvas.pane_header import PaneHeader
from segstudio.canvas.viewport import Viewport
from segstudio.comparison.disagreement import silent_runs
from segstudio.core.geometry import Rect
from segstudio.session.session import Layer, Session


class PaneView(QWidget):
    """A picture with a legend in one of its corners, and above it a header where there is one.

    Attributes:
        viewport: The picture.
        chip: Says which layer is shown and what its colours mean.
        header: Chooses the layer and shows the score; None while it is not needed.
    """

    def __init__(self, session: Session, viewport: Viewport, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.viewport = viewport
        self.chip = LayerChip(viewport)
        self.header: PaneHeader | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(viewport, 1)
        self.hide()  # or it would come with its parent, where that is shown later

    @property
    def header_has_pointer(self) -> bool:
        return self.header is not None and self.header.underMouse()

    @property
    def has_header(self) -> bool:
        return self.header is not None and not self.header.isHidden()

    def put_header(self, header: PaneHeader) -> None:
        header.hide()
        self.header = header
        self._column.insertWidget(0, header)

    def show_header(self, *, shown: bool) -> None:
        """Show or hide the header; the picture has its new size at once."""
        if self.header is not None and shown == self.header.isHidden():
            self.header.setVisible(shown)
            self._column.activate()

    def moveEvent(self, event: QMoveEvent) -> None:
        """The picture moves along, under a resting pointer."""
        super().moveEvent(event)
        self.viewport.moved_by(event.pos() - event.oldPos())

    def show_legend(self, explained: tuple[Rect, ...], *, alone: bool) -> None:
        """Say what is shown; where the header says the layer, only what its colours mean.

        Args:
            explained: The parts of the image that the legend must not cover.
            alone: Whether there is no header.
        """
        document = self.viewport.document
        if document is None:
            self.chip.setVisible(False)
            return
        inspection = self._session.inspection
        over = over_photo_on(document, inspection) if self.viewport.number == 0 else None
        shown = legend(document, self.viewport.shown, over, silent_runs(self._session))
        # which of the two is filled is said in every view
        two = shown_layer(document, self.viewport.shown) is Layer.BOTH
        if not alone and over is None and not shown.missing and not two:
            shown = replace(shown, text="")
        self.chip.show_legend(shown)
        self.chip.explain(explained)
        self.chip.setVisible(bool(shown.text or shown.entries))
