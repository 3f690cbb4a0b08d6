"""How high the docks of the right column are, and which of them are folded to their header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QDockWidget, QScrollArea, QSizePolicy, QWidget

from segstudio.kit.frame_names import TITLE_HEIGHT as HEIGHT

if TYPE_CHECKING:
    from segstudio.kit.panel_header import PanelHeader
    from segstudio.window.main_window import MainWindow

_KEPT = "folded"
_NONE = "-"
"""What is kept while none is folded: nothing kept at all means the first start."""
_NO_LIMIT = 16_777_215
_LEAST_PX, _LINE_PX = 120, 1
_SETTLED_MS = 20
"""A dock hears a moment later that its panel may be higher."""
_MOST_SHARE = 0.6
"""So much of the column's height a panel that does not fold may ask for; then it scrolls."""


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
    def folding(self) -> _Folding | None:
        """The panel, if it is one that folds."""
        return cast("_Folding", self.panel) if hasattr(self.panel, "fold") else None

    @property
    def is_folded(self) -> bool:
        return self.folding is not None and self.folding.header.folded

    @property
    def takes_what_it_needs(self) -> bool:
        return self.panel.sizePolicy().verticalPolicy() == QSizePolicy.Policy.Maximum

    @property
    def in_column(self) -> bool:
        return not (self.dock.isHidden() or self.dock.isFloating())

    def needed(self, *, least: bool) -> int:
        """How high the panel is at the width it has: at least, or as it would be."""
        layout, width = self.panel.layout(), self.frame.viewport().width()
        if layout is None or not layout.hasHeightForWidth():
            hint = self.panel.minimumSizeHint() if least else self.panel.sizeHint()
            return hint.height()
        if least:
            return layout.totalMinimumHeightForWidth(width)
        return layout.totalHeightForWidth(width)


class Folds(QObject):
    """Folds panels and opens them again; what is folded is kept.

    A panel that asks for no more room than it needs (`QSizePolicy.Maximum`) gets just that, folded
    or not, and scrolls where the others leave it less. Another one that is folded gets none; one
    that does not fold gets what it cannot do without first.

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
        """Look after a dock; what folds is as it was at the last start, folded at the first."""
        place = self._places[name] = _Place(dock, frame, panel, height)
        if place.folding is not None:
            place.folding.header.fold_asked.connect(partial(self._turn, name))
            kept = self._window.layout_store.kept(_KEPT)
            place.folding.fold(not kept or name in kept.split(","))
        for widget in (panel, frame):
            widget.installEventFilter(self)
        self._fit()

    def folds(self, name: str) -> bool:
        """Whether a panel is one that folds."""
        return name in self._places and self._places[name].folding is not None

    def folded(self, name: str) -> bool:
        """Whether a panel shows its header only."""
        return name in self._places and self._places[name].is_folded

    def fold(self, name: str, folded: bool) -> None:
        """Fold a panel or open it; other panels stay as they are."""
        place = self._places.get(name)
        if place is None or place.folding is None or place.is_folded == folded:
            return
        self._turn_to(place, folded=folded)
        shut = [name for name in self._places if self.folded(name)]
        self._window.layout_store.keep(_KEPT, ",".join(shut) or _NONE)
        self.changed.emit()

    def open_at_first(self, name: str) -> None:
        """Open a panel that has something to show, unless the user ever folded or opened one."""
        if self.folded(name) and not self._window.layout_store.kept(_KEPT):
            self._turn_to(self._places[name], folded=False)
            self.changed.emit()

    def fold_all(self) -> None:
        """As at the first start."""
        for name in [*self._places]:
            self.fold(name, folded=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow what a panel says and how wide it is: both decide how high it has to be."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            self._fit()
        return super().eventFilter(watched, event)

    def _enlarge(self, place: _Place) -> None:
        """Give a panel the height that it has at first; what does not fold gives way."""
        steady = next((p for p in self._places.values() if p.folding is None and p.in_column), None)
        if steady is None:
            return
        for widget in (place.dock, steady.dock, self._window):
            layout = widget.layout()
            if layout is not None:
                layout.activate()  # or it goes by the limits from before
        both = place.dock.height() + steady.dock.height()
        heights = [place.height, max(_LEAST_PX, both - place.height)]
        self._window.resizeDocks([place.dock, steady.dock], heights, Qt.Orientation.Vertical)

    def _turn_to(self, place: _Place, *, folded: bool) -> None:
        if place.folding is None:
            return
        place.folding.fold(folded)
        self._fit()
        if not folded and not place.takes_what_it_needs:
            # the dock must be let grow before it can be told how much
            QTimer.singleShot(_SETTLED_MS, place.dock, partial(self._enlarge, place))

    def _turn(self, name: str) -> None:
        self.fold(name, not self.folded(name))

    def _fit(self) -> None:
        """Tell every frame how low and how high it may be."""
        column, places = self._column_height(), self._places.values()
        free = column - (HEIGHT + _LINE_PX) * sum(place.in_column for place in places)
        modest = [place for place in places if place.takes_what_it_needs]
        limits: dict[int, tuple[int, int]] = {}
        for place in places:
            if place not in modest:
                limits[id(place)] = least, _most = self._limits(place, column)
                free -= least if place.in_column else 0
        for place in modest:
            wanted = place.needed(least=False)
            least = min(wanted, max(_LEAST_PX, free))
            _limit(place.frame, least, wanted)
            free -= least if place.in_column else 0
        for place in places:
            if place not in modest:
                least, most = limits[id(place)]
                if place.folding is not None and not place.is_folded and place.in_column:
                    # no button is out of sight while others have more room than they need
                    more = place.needed(least=True) - least
                    if 0 < more <= free:
                        least, free = least + more, free - more
                _limit(place.frame, least, most)

    def _limits(self, place: _Place, column: int) -> tuple[int, int]:
        """Of a panel that takes what room there is."""
        if place.is_folded:
            return 0, 0
        if place.folding is not None:
            return _LEAST_PX, _NO_LIMIT
        most = max(_LEAST_PX, round(_MOST_SHARE * column))
        return min(place.needed(least=True), most), _NO_LIMIT

    def _column_height(self) -> int:
        window = self._window
        bars = (window.menuBar(), window.bar, window.statusBar())
        return window.height() - sum(bar.height() for bar in bars if bar.isVisible())


def _limit(frame: QScrollArea, least: int, most: int) -> None:
    if (frame.minimumHeight(), frame.maximumHeight()) != (least, most):
        frame.setMinimumHeight(least)
        frame.setMaximumHeight(most)
