"""Panels that fold to their header: how high their docks are, and which ones are folded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QDockWidget, QScrollArea, QSizePolicy, QWidget

if TYPE_CHECKING:
    from segstudio.kit.panel_header import PanelHeader
    from segstudio.window.main_window import MainWindow

_KEPT = "folded"
_NONE = "-"
"""What is kept while none is folded: nothing kept at all means the first start."""
_NO_LIMIT = 16_777_215
_LEAST_PX = 120


class _Folding(Protocol):
    """A panel that folds."""

    header: PanelHeader

    def fold(self, folded: bool) -> None:
        """Show the header's line and what has to be seen always, or all."""


@dataclass
class _Place:
    dock: QDockWidget
    frame: QScrollArea
    panel: QWidget
    height: int

    @property
    def folding(self) -> _Folding:
        return cast("_Folding", self.panel)


class Folds(QObject):
    """Folds panels and opens them again; what is folded is kept.

    A panel that asks for no more room than it needs (`QSizePolicy.Maximum`) gets just that, folded
    or not; another one that is folded gets none.

    Signals:
        changed: A panel was folded or opened.
    """

    changed = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._places: dict[str, _Place] = {}

    def take(
        self, name: str, dock: QDockWidget, frame: QScrollArea, panel: QWidget, height: int
    ) -> None:
        """Fold a panel as it was at the last start, and follow its header; folded at the first."""
        place = self._places[name] = _Place(dock, frame, panel, height)
        place.folding.header.fold_asked.connect(partial(self._turn, name))
        kept = self._window.layout_store.kept(_KEPT)
        place.folding.fold(not kept or name in kept.split(","))
        for widget in (panel, frame):
            widget.installEventFilter(self)
        self._fit(place)

    def folds(self, name: str) -> bool:
        """Whether a panel is one that folds."""
        return name in self._places

    def folded(self, name: str) -> bool:
        """Whether a panel shows its header only."""
        return name in self._places and self._places[name].folding.header.folded

    def fold(self, name: str, folded: bool) -> None:
        """Fold a panel or open it; other panels stay as they are."""
        if name not in self._places or self.folded(name) == folded:
            return
        place = self._places[name]
        place.folding.fold(folded)
        self._fit(place)
        if not folded and place.panel.sizePolicy().verticalPolicy() != QSizePolicy.Policy.Maximum:
            self._window.resizeDocks([place.dock], [place.height], Qt.Orientation.Vertical)
        shut = [name for name in self._places if self.folded(name)]
        self._window.layout_store.keep(_KEPT, ",".join(shut) or _NONE)
        self.changed.emit()

    def fold_all(self) -> None:
        """As at the first start."""
        for name in self._places:
            self.fold(name, folded=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow what a panel says and how wide it is: both decide how high it has to be."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            for place in self._places.values():
                if watched in (place.panel, place.frame):
                    self._fit(place)
        return super().eventFilter(watched, event)

    def _turn(self, name: str) -> None:
        self.fold(name, not self.folded(name))

    def _fit(self, place: _Place) -> None:
        panel, frame = place.panel, place.frame
        if panel.sizePolicy().verticalPolicy() == QSizePolicy.Policy.Maximum:
            layout = panel.layout()
            room = frame.viewport().width()
            wanted = panel.sizeHint().height()
            if layout is not None and layout.hasHeightForWidth():
                wanted = layout.totalHeightForWidth(room)
            least, most = wanted, wanted
        elif place.folding.header.folded:
            least, most = 0, 0
        else:
            least, most = _LEAST_PX, _NO_LIMIT
        if (frame.minimumHeight(), frame.maximumHeight()) != (least, most):
            frame.setMinimumHeight(least)
            frame.setMaximumHeight(most)
