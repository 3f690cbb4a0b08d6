"""Ties the evaluation panel to the window: it is built in turns, and asked to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from segstudio.core.geometry import Rect
from segstudio.kit.turns import Parts, Turns, polished
from segstudio.studio import Studio

if TYPE_CHECKING:
    from segstudio.evaluation.ui.panel import EvaluationPanel
    from segstudio.window.main_window import MainWindow

DOCK = "Evaluation"


class EvaluationLink(QObject):
    """Builds the panel, and starts an evaluation from anywhere.

    Attributes:
        panel: The panel once it was opened, else None.
    """

    def __init__(self, window: MainWindow, studio: Studio) -> None:
        super().__init__(window)
        self._window, self._studio = window, studio
        self.panel: EvaluationPanel | None = None
        self._starts = False
        self._turns = Turns(self)

    @property
    def building(self) -> bool:
        """Whether the panel is being built."""
        return self._turns.running

    def start(self) -> None:
        """Evaluate the models that are chosen in the panel, which is opened for it."""
        self._window.docks.open(DOCK)
        if self.panel is None:
            self._starts = True
        else:
            self.panel.start()

    def build(self) -> None:
        """Fill the dock with the panel, in as many turns of the event loop as it takes."""
        from segstudio.evaluation.ui.panel import EvaluationPanel

        frame = self._window.docks.frame(DOCK)
        panel = EvaluationPanel(self._studio.session, self._window.commands, frame.viewport())
        self._turns.begin(self._parts(panel), lambda _nothing: self._take(panel))

    def _parts(self, panel: EvaluationPanel) -> Parts[None]:
        from segstudio.evaluation.ui.panel_pages import EvaluationServices

        studio = self._studio
        services = EvaluationServices(
            studio.evaluating,
            studio.segmenting,
            studio.browsing,
            studio.confused_places,
            studio.picture_files,
            studio.work_queue,
            studio.jobs,
        )
        yield from panel.build(studio.evaluating, services)
        yield from polished(panel)

    def _take(self, panel: EvaluationPanel) -> None:
        self.panel = panel
        self._window.docks.fill(DOCK, panel)
        panel.open_requested.connect(self._go)
        if self._starts:
            panel.start()

    def _go(self, index: int, rect: Rect | None) -> None:
        """Show an image, and the pixels in question if they are known."""
        if index != self._studio.browsing.place:
            self._studio.browsing.select(index)
        self._window.docks.uncover()
        if rect is not None:
            self._window.canvas.show_rect(rect)
