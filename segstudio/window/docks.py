"""The docks: empty frames with titles that are there before their contents."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QScrollArea, QWidget

from segstudio.window import panels
from segstudio.window.folds import Folds
from segstudio.window.panels import Area, Build, PanelSpec

if TYPE_CHECKING:
    from segstudio.jobs import Job
    from segstudio.studio import Studio
    from segstudio.window.main_window import MainWindow

_LOW_SHARE = 0.4
"""Of the window's height, for a panel below the canvas."""


class _Frame(QScrollArea):
    """Holds a panel and scrolls it where the window is too low, so that nothing is cut off."""

    def __init__(self, spec: PanelSpec, window: MainWindow) -> None:
        super().__init__()
        self._spec, self._window = spec, window
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setMinimumSize(200, 90)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        if self._spec.area == Area.BottomDockWidgetArea:
            return QSize(920, round(_LOW_SHARE * self._window.height()))
        return QSize(self._spec.width, self._spec.height)


class Docks:
    """The docks of a window by the name of their panel, and what builds the panels."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._specs = {spec.name: spec for spec in panels.PANELS}
        self._hidden: list[str] = []
        self._asked: set[str] = set()
        self.folds = Folds(window)
        # the panel below stands under the list and the canvas; the right column keeps its height
        window.setCorner(Qt.Corner.BottomRightCorner, Area.RightDockWidgetArea)
        window.setCorner(Qt.Corner.BottomLeftCorner, Area.BottomDockWidgetArea)
        self.by_name = {spec.name: self._make(spec) for spec in self._specs.values()}
        self.arrange()

    def arrange(self) -> None:
        """Put every dock where it stands at the first start."""
        window = self._window
        for name, dock in self.by_name.items():
            dock.setFloating(False)
            window.addDockWidget(self._specs[name].area, dock)
            dock.setVisible(not self._specs[name].on_demand)
        alone = [spec for spec in self._specs.values() if not spec.tabbed_with]
        left = [spec for spec in alone if spec.area == Area.LeftDockWidgetArea]
        right = [spec for spec in alone if spec.area == Area.RightDockWidgetArea]
        for column in (left, right):
            for upper, lower in pairwise(self.by_name[spec.name] for spec in column):
                window.splitDockWidget(upper, lower, Qt.Orientation.Vertical)
        for spec in self._specs.values():
            if spec.tabbed_with:
                host = self.by_name[spec.tabbed_with]
                window.tabifyDockWidget(host, self.by_name[spec.name])
                host.raise_()
        heads = [*left[:1], *right[:1]]
        docks = [self.by_name[spec.name] for spec in heads]
        window.resizeDocks(docks, [spec.width for spec in heads], Qt.Orientation.Horizontal)
        docks = [self.by_name[spec.name] for spec in right]
        window.resizeDocks(docks, [spec.height for spec in right], Qt.Orientation.Vertical)
        self.folds.fold_all()
        self._hidden = []

    def build(self, studio: Studio) -> None:
        """Build the panels that stand in the window, and follow which others are asked for."""
        for spec in self._specs.values():
            if not spec.on_demand:
                self._build(spec, studio, spec.load())
        for dock in self.by_name.values():
            dock.visibilityChanged.connect(lambda _shown: self.build_opened(studio))

    def build_opened(self, studio: Studio) -> None:
        """Build the panels that are open now and were not asked for before."""
        for spec in self._specs.values():
            if not spec.on_demand or spec.name in self._asked or not self.shown(spec.name):
                continue
            self._asked.add(spec.name)
            # its modules are imported beside the event loop, so that the window answers
            studio.jobs.submit(
                f"Opening the {spec.name.lower()} panel",
                "features",
                partial(_loaded, spec),
                partial(self._build, spec, studio),
                visible=False,
            )

    def _build(self, spec: PanelSpec, studio: Studio, build: Build) -> None:
        panel = build(self._window, studio)
        if panel is not None:
            self.fill(spec.name, panel)

    def fill(self, name: str, panel: QWidget) -> None:
        """Put the panel into its dock, and its header, if it has one, into the title bar."""
        from segstudio.kit.panel_header import PanelHeader

        dock = self.by_name[name]
        frame = dock.widget()
        assert isinstance(frame, QScrollArea)
        frame.setWidget(panel)
        if proxy := panel.focusProxy():
            dock.setFocusProxy(proxy)
        header = getattr(panel, "header", None)
        if not isinstance(header, PanelHeader):
            return
        header.menu.addSeparator()
        header.menu.addAction("Float", lambda: dock.setFloating(not dock.isFloating()))
        header.menu.addAction("Close", dock.close)
        dock.setTitleBarWidget(header)
        self.folds.take(name, dock, frame, panel, self._specs[name].height)

    def panels(self) -> list[QWidget]:
        """What the docks hold, in the order of their rows."""
        frames = (dock.widget() for dock in self.by_name.values())
        panels = [frame.widget() for frame in frames if isinstance(frame, QScrollArea)]
        return [panel for panel in panels if panel is not None]

    def regions(self) -> list[QWidget]:
        """Where the keys can go: the panels with their headers."""
        return list(self.by_name.values())

    def shown(self, name: str) -> bool:
        """Whether the dock is open (maybe behind a tab)."""
        return not self.by_name[name].isHidden()

    def opened(self, name: str) -> bool:
        """Whether the dock is open and shows more than its header."""
        return self.shown(name) and not self.folds.folded(name)

    def any_shown(self) -> bool:
        """Whether there is any panel to be seen."""
        return any(map(self.shown, self.by_name))

    def in_use(self, name: str) -> bool:
        """Whether the dock is open, or was when all were hidden and comes back with them."""
        return self.shown(name) or name in self._hidden

    def open(self, name: str) -> None:
        """Open the dock and bring it to the front."""
        self.folds.fold(name, folded=False)
        self.by_name[name].show()
        self.by_name[name].raise_()

    def toggle(self, name: str) -> None:
        """Open the dock and bring it to the front; where it is there already, fold or close it."""
        dock = self.by_name[name]
        self._hidden = []
        if dock.isHidden() or self._is_behind_a_tab(dock) or self.folds.folded(name):
            self.open(name)
        elif self.folds.folds(name):
            self.folds.fold(name, folded=True)
        else:
            dock.close()

    def _is_behind_a_tab(self, dock: QDockWidget) -> bool:
        """Such a dock is not hidden for Qt, but stands outside the window."""
        place = QRect(dock.mapTo(dock.window(), QPoint()), dock.size())
        return not place.intersects(dock.window().rect())

    def toggle_all(self) -> None:
        """Close all docks; the second time bring back those that were open."""
        open_now = [name for name in self.by_name if self.shown(name)]
        if open_now:
            self._hidden = open_now
            for name in open_now:
                self.by_name[name].hide()
            return
        for name in self._hidden or self._at_start():
            self.by_name[name].show()
        self._hidden = []

    def _at_start(self) -> list[str]:
        return [spec.name for spec in self._specs.values() if not spec.on_demand]

    def _make(self, spec: PanelSpec) -> QDockWidget:
        dock = QDockWidget(spec.name, self._window)
        dock.setObjectName(f"dock.{spec.name.lower()}")
        dock.setAccessibleName(f"{spec.name} panel")
        dock.setWidget(_Frame(spec, self._window))
        return dock


def _loaded(spec: PanelSpec, _job: Job) -> Build:
    return spec.load()
