"""The docks: empty frames with titles that are there before their contents."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QMainWindow, QScrollArea, QWidget

from segstudio.kit.frame_names import PANELS

_AREAS = dict.fromkeys(PANELS, Qt.DockWidgetArea.RightDockWidgetArea) | {
    "Images": Qt.DockWidgetArea.LeftDockWidgetArea,
    "Network": Qt.DockWidgetArea.BottomDockWidgetArea,
    "Evaluation": Qt.DockWidgetArea.BottomDockWidgetArea,
}
_ON_DEMAND = frozenset({"Network", "Evaluation"})
"""Hidden until asked for."""
_TABBED_WITH = {"Evaluation": "Network", "Disagreement": "Metrics"}
"""Docks that share the place of another one."""
_WIDTHS = {"Images": 232, "Classes": 360}
_HEIGHTS = {"Classes": 166, "Model": 260, "Metrics": 296}
_LOW_SHARE = 0.4
"""Of the window's height, for a panel below the canvas."""


class _Frame(QScrollArea):
    """Holds a panel and scrolls it where the window is too low, so that nothing is cut off."""

    def __init__(self, name: str, window: QMainWindow) -> None:
        super().__init__()
        self._name, self._window = name, window
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setMinimumSize(200, 90)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        if _AREAS[self._name] == Qt.DockWidgetArea.BottomDockWidgetArea:
            return QSize(920, round(_LOW_SHARE * self._window.height()))
        return QSize(_WIDTHS.get(self._name, _WIDTHS["Classes"]), _HEIGHTS.get(self._name, 400))


class Docks:
    """The docks of a window by the name of their panel."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._hidden: list[str] = []
        # the panel below stands under the list and the canvas; the right column keeps its height
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.by_name = {name: self._make(name) for name in PANELS}
        self.arrange()

    def arrange(self) -> None:
        """Put every dock where it stands at the first start."""
        window = self._window
        for name, dock in self.by_name.items():
            dock.setFloating(False)
            window.addDockWidget(_AREAS[name], dock)
            dock.setVisible(name not in _ON_DEMAND)
        right = [
            dock
            for name, dock in self.by_name.items()
            if _AREAS[name] == Qt.DockWidgetArea.RightDockWidgetArea and name not in _TABBED_WITH
        ]
        for upper, lower in pairwise(right):
            window.splitDockWidget(upper, lower, Qt.Orientation.Vertical)
        for name, host in _TABBED_WITH.items():
            window.tabifyDockWidget(self.by_name[host], self.by_name[name])
            self.by_name[host].raise_()
        docks = [self.by_name[name] for name in _WIDTHS]
        window.resizeDocks(docks, list(_WIDTHS.values()), Qt.Orientation.Horizontal)
        window.resizeDocks(
            [self.by_name[name] for name in _HEIGHTS],
            list(_HEIGHTS.values()),
            Qt.Orientation.Vertical,
        )
        self._hidden = []

    def fill(self, name: str, panel: QWidget) -> None:
        """Put the panel into its dock."""
        frame = self.by_name[name].widget()
        assert isinstance(frame, QScrollArea)
        frame.setWidget(panel)

    def panels(self) -> list[QWidget]:
        """What the docks hold, in the order of the titles."""
        frames = (dock.widget() for dock in self.by_name.values())
        panels = [frame.widget() for frame in frames if isinstance(frame, QScrollArea)]
        return [panel for panel in panels if panel is not None]

    def shown(self, name: str) -> bool:
        """Whether the dock is open (maybe behind a tab)."""
        return not self.by_name[name].isHidden()

    def any_shown(self) -> bool:
        """Whether there is any panel to be seen."""
        return any(map(self.shown, self.by_name))

    def in_use(self, name: str) -> bool:
        """Whether the dock is open, or was when all were hidden and comes back with them."""
        return self.shown(name) or name in self._hidden

    def open(self, name: str) -> None:
        """Open the dock and bring it to the front."""
        self.by_name[name].show()
        self.by_name[name].raise_()

    def toggle(self, name: str) -> None:
        """Open the dock and bring it to the front, or close it where it is there already."""
        dock = self.by_name[name]
        self._hidden = []
        is_behind_a_tab = dock.visibleRegion().isEmpty()
        if dock.isHidden() or is_behind_a_tab:
            self.open(name)
        else:
            dock.close()

    def toggle_all(self) -> None:
        """Close all docks; the second time bring back those that were open."""
        open_now = [name for name in self.by_name if self.shown(name)]
        if open_now:
            self._hidden = open_now
            for name in open_now:
                self.by_name[name].hide()
            return
        for name in self._hidden or [name for name in self.by_name if name not in _ON_DEMAND]:
            self.by_name[name].show()
        self._hidden = []

    def _make(self, name: str) -> QDockWidget:
        dock = QDockWidget(name, self._window)
        dock.setObjectName(f"dock.{name.lower()}")
        dock.setAccessibleName(f"{name} panel")
        dock.setWidget(_Frame(name, self._window))
        return dock
