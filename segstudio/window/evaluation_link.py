"""Ties the evaluation panel to the window: it is built in two turns, and asked to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from segstudio.core.geometry import Rect
from segstudio.studio import Studio

if TYPE_CHECKING:
    from segstudio.evaluation.ui.panel import EvaluationPanel
    from segstudio.evaluation.ui.panel_pages import EvaluationPages
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

    def start(self) -> None:
        """Evaluate the models that are chosen in the panel, which is opened for it."""
        self._window.docks.open(DOCK)
        if self.panel is None:
            self._starts = True
        else:
            self.panel.start()

    def build(self) -> None:
        """Fill the dock with the panel in two turns of the event loop: one would take too long."""
        from segstudio.evaluation.ui.panel_pages import EvaluationPages, EvaluationServices

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
        pages = EvaluationPages(studio.session, services)
        QTimer.singleShot(0, self, lambda: self._build_around(pages))

    def _build_around(self, pages: EvaluationPages) -> None:
        from segstudio.evaluation.ui.panel import EvaluationPanel

        self.panel = EvaluationPanel(
            self._studio.session, self._studio.evaluating, self._window.commands, pages
        )
        self._window.docks.fill(DOCK, self.panel)
        self.panel.open_requested.connect(self._go)
        if self._starts:
            self.panel.start()

    def _go(self, index: int, rect: Rect | None) -> None:
        """Show an image, and the pixels in question if they are known."""
        if index != self._studio.browsing.place:
            self._studio.browsing.select(index)
        self._window.docks.uncover()
        if rect is not None:
            self._window.canvas.show_rect(rect)
