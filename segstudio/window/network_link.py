"""The network panel in the window: built when first opened; the linked pixel.

The pixel under the pointer on the photo is marked in all stages, and that of a stage on the photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from segstudio.inspection.ui.network_texts import values_text
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.turns import Parts, Turns, polished
from segstudio.session.session import Change, What
from segstudio.studio import Studio

if TYPE_CHECKING:
    from segstudio.inspection.explanations import PixelValues
    from segstudio.inspection.ui.network_panel import NetworkPanel
    from segstudio.window.main_window import MainWindow

DOCK = "Network"
_LEAVES_AFTER_MS = 100
_Pixel = tuple[int, int]


class NetworkLink(QObject):
    """Opens and closes the inspector with its dock, and carries the linked pixel to and fro.

    Attributes:
        panel: The panel once it was opened, else None.
    """

    def __init__(self, window: MainWindow, studio: Studio) -> None:
        super().__init__(window)
        self._window, self._studio = window, studio
        self.panel: NetworkPanel | None = None
        self._pixel: _Pixel | None = None
        self._turns = Turns(self)
        self._explained: _Pixel | None = None
        """The pixel that is to be explained once the network is there."""
        self._values = Coalescer(self, self._ask_values, 0.04)
        self._leaving = QTimer(self, singleShot=True, interval=_LEAVES_AFTER_MS)
        self._leaving.timeout.connect(self._leave)
        studio.session.changed.connect(self._on_change)

    @property
    def building(self) -> bool:
        """Whether the panel is being built."""
        return self._turns.running

    # -- open and closed -----------------------------------------------------------------------

    def follow(self) -> None:
        """The dock was opened or closed."""
        docks = self._window.docks
        active = self._studio.session.inspection.active
        if docks.in_use(DOCK) and not active:
            self._studio.inspecting.open()
        elif active and not docks.in_use(DOCK):
            # later: a dock that begins to float, or docks again, is hidden for a moment
            self._leaving.start()

    def _leave(self) -> None:
        """Stop tracing unless the panel came back."""
        if not self._window.docks.in_use(DOCK):
            self._studio.inspecting.close()
            self._window.status.show_network("")

    def build(self) -> None:
        """Fill the dock with the panel, arranged as last time, in as many turns as it takes."""
        from segstudio.inspection.ui.network_panel import NetworkPanel

        store, frame = self._window.layout_store, self._window.docks.frame(DOCK)
        panel = NetworkPanel(
            self._studio.session, self._window.commands, frame.viewport(), store.kept(DOCK)
        )
        self._turns.begin(self._parts(panel), lambda _nothing: self._take(panel))

    def _parts(self, panel: NetworkPanel) -> Parts[None]:
        from segstudio.inspection.ui.network_pages import Services

        studio = self._studio
        yield from panel.build(
            Services(
                studio.inspecting,
                studio.feature_maps,
                studio.explaining,
                studio.photo_overlay,
                studio.cutting,
                studio.pairing,
                studio.upsampling,
                studio.attending,
                studio.proposing,
            )
        )
        yield from polished(panel)

    def _take(self, panel: NetworkPanel) -> None:
        self.panel = panel
        store = self._window.layout_store
        panel.shared.connect(lambda text: store.keep(DOCK, text))
        panel.pointed.connect(self._on_pointed)
        self._window.docks.fill(DOCK, panel)
        self._explain_if_asked()

    def explain(self, pixel_xy: _Pixel) -> None:
        """Open the panel, and tell there why a pixel (x, y) of the photo got its class."""
        self._explained = pixel_xy
        self._window.docks.open(DOCK)
        self._window.docks.room.enter()
        self._explain_if_asked()

    def toggle_skip(self) -> None:
        """Cut the skip that the panel looks at, or undo its cut."""
        if self.panel is not None:
            self.panel.toggle_skip()

    def _explain_if_asked(self) -> None:
        """The panel comes a moment after it was asked for, and the network after that."""
        from segstudio.inspection.ui.network_pages import WHY

        traced = self._studio.session.inspection.traced
        if self._explained is None or self.panel is None or traced is None:
            return
        self._studio.inspecting.pin(self._explained)
        self._explained = None
        self.panel.pages.bring(WHY)

    # -- the linked pixel ----------------------------------------------------------------------

    def on_hover(self, x: int, y: int) -> None:
        """The pointer is over pixel (x, y) of the photo."""
        self._point((x, y))

    def on_left(self) -> None:
        self._point(None)

    def _on_pointed(self, pixel_xy: _Pixel | None) -> None:
        """The pointer is over a stage's picture, at this pixel of the photo; or left it."""
        self._window.canvas.show_point(pixel_xy)
        if pixel_xy is None:
            self._window.signal_view.on_left()
        else:
            self._window.signal_view.on_hover(*pixel_xy)
        self._point(pixel_xy)

    def _point(self, pixel_xy: _Pixel | None) -> None:
        if self.panel is None or self._studio.session.inspection.traced is None:
            return
        self._pixel = pixel_xy
        self.panel.show_point(pixel_xy)
        self._values.request()

    def _on_change(self, change: Change) -> None:
        if change.what & What.TRACE:
            self._explain_if_asked()
        if change.what & (What.TRACE | What.INSPECTION) and self._studio.session.inspection.active:
            self._values.request()

    def _ask_values(self) -> None:
        """Ask for what the network says at the pixel under the pointer, or at the pinned one."""
        inspection = self._studio.session.inspection
        pixel = self._pixel or inspection.point
        if pixel is None or inspection.traced is None:
            self._window.status.show_network("")
            return
        self._studio.explaining.values_at(pixel, self._show_values)

    def _show_values(self, values: PixelValues) -> None:
        if values.pixel == (self._pixel or self._studio.session.inspection.point):
            self._window.status.show_network(values_text(values))
