"""The docks: empty frames with titles that are there before their contents."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QShortcut
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QMenu,
    QScrollArea,
    QWidget,
)

from segstudio.kit.frame_names import TOOLS_WIDTH
from segstudio.kit.panel_header import PanelHeader
from segstudio.window import panels
from segstudio.window.folds import Folds
from segstudio.window.panels import Area, Build, PanelSpec
from segstudio.window.room import RoomDock
from segstudio.window.room_place import Folded, RoomPlace, RoomSide, is_behind_a_tab

if TYPE_CHECKING:
    from segstudio.jobs import Job
    from segstudio.studio import Studio
    from segstudio.window.main_window import MainWindow

_WIDTHS = {Area.LeftDockWidgetArea: (140, 320), Area.RightDockWidgetArea: (260, 420)}
"""How narrow and how wide the columns may be; a panel that floats is as wide as it is wanted."""
_VIEWS_WIDTH = 768
"""What the list leaves to the views at the first start, in windows of usual width."""
_RESIZED_MS = 60
"""So long after the last step of a resize the room is put where it belongs."""
_LINE = 1
"""The line between two regions counts as the column's."""


def _add_verbs(menu: QMenu, dock: QDockWidget, key: Callable[[], str], folds: Folds) -> None:
    """Add what can be done with any dock; the panel's key folds it where it folds, else closes it."""
    name = dock.windowTitle()
    folding = menu.addAction("Fold", lambda: folds.fold(name, not folds.folded(name)))
    floating = menu.addAction("Float", lambda: dock.setFloating(not dock.isFloating()))
    closing = menu.addAction("Close", dock.close)

    def name_them() -> None:
        shown = f"\t{key()}" if key() else ""
        does_fold = folds.folds(name)
        folding.setVisible(does_fold)
        folding.setText(("Open" if folds.folded(name) else "Fold") + shown)
        floating.setText("Back into the window" if dock.isFloating() else "Float")
        closing.setText("Close" if does_fold else f"Close{shown}")

    menu.aboutToShow.connect(name_them)


class _Frame(QScrollArea):
    """Holds a panel and scrolls it where the window is too low, so that nothing is cut off."""

    def __init__(self, spec: PanelSpec) -> None:
        super().__init__()
        self._size = QSize(spec.width, spec.height)
        self._widths = _WIDTHS.get(spec.area, (200, 0)) if not spec.in_room else (200, 0)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setMinimumSize(self._widths[0] - _LINE, 90)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.limit(True)

    def sizeHint(self) -> QSize:
        return self._size

    def limit(self, limited: bool) -> None:
        """Whether it can only be as wide as its column."""
        most = self._widths[1]
        self.setMaximumWidth(most - _LINE if limited and most else 16_777_215)


class _Dock(QDockWidget):
    """A panel's place in the window, or its window where it floats.

    Signals:
        left: Esc was pressed, and nothing in the panel had a use for it.
    """

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class Docks(QObject):
    """The docks of a window, and what builds the panels.

    Attributes:
        by_name: The dock in which a panel stands; those in the room share one.
        room: That dock.
        place: Where it stands.

    Signals:
        changed: A panel was opened, closed, or brought to the front of the room.
        views_wanted: The keys belong to the views again.
    """

    changed = Signal()
    views_wanted = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._specs = {spec.name: spec for spec in panels.PANELS}
        self._hidden_at: dict[Area, list[str]] = {}
        self._frames = {spec.name: _Frame(spec) for spec in self._specs.values()}
        self._hidden: list[QDockWidget] = []
        self._hidden_folded: Folded = {}
        self._asked: set[str] = set()
        self._used: set[str] = set()
        self.folds = Folds(window)
        # the room below stands under the list and the canvas; the right column keeps its height
        window.setCorner(Qt.Corner.BottomRightCorner, Area.RightDockWidgetArea)
        window.setCorner(Qt.Corner.BottomLeftCorner, Area.BottomDockWidgetArea)
        self.by_name: dict[str, QDockWidget] = {}
        self._docks: list[QDockWidget] = []
        self._closing = QTimer(self, singleShot=True, interval=0)
        self._closing.timeout.connect(self._room_closed)
        self._fitting = QTimer(self, singleShot=True, interval=_RESIZED_MS)
        self._fitting.timeout.connect(lambda: self.place.apply())

    def make_room(self) -> None:
        """Make the room; then come the columns, then all are put up: a turn of the event loop each."""
        in_room = [spec for spec in self._specs.values() if spec.in_room]
        self.room = RoomDock(in_room, [self._frames[spec.name] for spec in in_room])
        self.room.setAllowedAreas(Area.BottomDockWidgetArea | Area.RightDockWidgetArea)

    def make_columns(self) -> None:
        """Make the docks beside the views."""
        self.by_name = {
            spec.name: self.room if spec.in_room else self._make(spec)
            for spec in self._specs.values()
        }
        self._docks = list(dict.fromkeys(self.by_name.values()))

    def put_up(self, *, shown: bool) -> None:
        """Put all docks where they stand at the first start, if not shown, then hidden there."""
        self.place: RoomPlace = RoomPlace(self._window, self.room, self._column)
        self.arrange(shown=shown)
        for dock in self._docks:
            dock.visibilityChanged.connect(self._note_use)
        self.room.turned.connect(self._note_use)

    # -- the first arrangement -----------------------------------------------------------------

    def arrange(self, *, shown: bool = True) -> None:
        """Put every dock where it stands at the first start; unless shown, none is seen there."""
        window = self._window
        self.place.forget()
        for dock in self._docks:
            _bring_in(dock)
            if not shown:
                dock.hide()
        columns = [spec for spec in self._specs.values() if not spec.in_room]
        for spec in columns:
            window.addDockWidget(spec.area, self.by_name[spec.name])
            self.by_name[spec.name].setVisible(shown and not spec.on_demand)
        window.addDockWidget(Area.BottomDockWidgetArea, self.room)
        self.room.hide()
        alone = [spec for spec in columns if not spec.tabbed_with]
        left = [spec for spec in alone if spec.area == Area.LeftDockWidgetArea]
        right = [spec for spec in alone if spec.area == Area.RightDockWidgetArea]
        for column in (left, right):
            for upper, lower in pairwise(self.by_name[spec.name] for spec in column):
                window.splitDockWidget(upper, lower, Qt.Orientation.Vertical)
        for spec in columns:
            if spec.tabbed_with:
                host = self.by_name[spec.tabbed_with]
                window.tabifyDockWidget(host, self.by_name[spec.name])
                host.raise_()
        self.share_width()
        docks = [self.by_name[spec.name] for spec in right]
        window.resizeDocks(docks, [spec.height for spec in right], Qt.Orientation.Vertical)
        self.folds.fold_all()
        self._hidden, self._hidden_folded = [], {}

    def share_width(self) -> None:
        """Give the columns their first widths; the list takes less where the views had too little."""
        first = {spec.area: spec for spec in reversed(self._specs.values()) if not spec.in_room}
        left = [spec for area, spec in first.items() if area == Area.LeftDockWidgetArea]
        right = [spec for area, spec in first.items() if area == Area.RightDockWidgetArea]
        right_width = sum(spec.width for spec in right)
        free = self._window.width() - TOOLS_WIDTH - _VIEWS_WIDTH - right_width
        least = _WIDTHS[Area.LeftDockWidgetArea][0]
        widths = [max(least, min(spec.width, free)) for spec in left]
        self._window.resizeDocks(
            [self.by_name[spec.name] for spec in (*left, *right)],
            [width - _LINE for width in (*widths, *(spec.width for spec in right))],
            Qt.Orientation.Horizontal,
        )

    # -- what stands in the docks --------------------------------------------------------------

    def furnish(self) -> None:
        """Give the room its buttons and the docks their keys."""
        self.room.furnish(self._window.commands)
        escape = QShortcut(Qt.Key.Key_Escape, self.room, self.views_wanted.emit)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        back = QShortcut(Qt.Key.Key_Escape, self._window, self.uncover)
        self.place.changed.connect(lambda: escape.setEnabled(not self.place.covers))
        self.place.changed.connect(lambda: back.setEnabled(self.place.covers))
        self.place.changed.connect(self.changed)
        self.place.apply()

    def build(self, spec: PanelSpec, studio: Studio) -> None:
        """Build a panel that stands in the window from the start."""
        self._build(spec, studio, spec.load())

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
        frame, dock, spec = self._frames[name], self.by_name[name], self._specs[name]
        if spec.in_room:
            frame.setWidget(panel)
            self.room.take(name, panel)
            return
        header = getattr(panel, "header", None) or dock.titleBarWidget()
        if isinstance(header, PanelHeader):
            if header.more is None:
                header.add_menu(f"More of the {name.lower()} panel")
            header.menu.addSeparator()
            key = partial(self._window.commands.key, spec.action_id)
            _add_verbs(header.menu, dock, key, self.folds)
            empty = dock.titleBarWidget()
            if header is not empty:
                dock.setTitleBarWidget(header)
                empty.deleteLater()
        frame.setWidget(panel)  # after its header, in whose order Tab goes
        if proxy := panel.focusProxy():
            dock.setFocusProxy(proxy)
            # or Tab would go from the header to it at once
            panel.setFocusProxy(None)  # type: ignore[arg-type]
        if spec.area == Area.RightDockWidgetArea:
            self.folds.take(name, dock, frame, panel, spec.height)

    def frame(self, name: str) -> QScrollArea:
        """What holds a panel, and scrolls it where it has too little room."""
        return self._frames[name]

    def panels(self) -> list[QWidget]:
        """What the docks hold, in the order of the titles."""
        panels = [frame.widget() for frame in self._frames.values()]
        return [panel for panel in panels if panel is not None]

    def columns(self) -> tuple[list[QDockWidget], list[QDockWidget]]:
        """What stands left of the views, and what right of them, in the order of the panels."""
        left = self._column(Area.LeftDockWidgetArea)
        others = [dock for dock in self._docks if dock is not self.room and dock not in left]
        return left, others

    # -- open and closed -----------------------------------------------------------------------

    def shown(self, name: str) -> bool:
        """Whether the panel is open (maybe behind a tab), in the room: whether it is in front."""
        dock = self.by_name[name]
        return not dock.isHidden() and (dock is not self.room or self.room.front == name)

    def opened(self, name: str) -> bool:
        """Whether the dock is open and shows more than its header."""
        return self.shown(name) and not self.folds.folded(name)

    def any_shown(self) -> bool:
        """Whether there is any panel to be seen."""
        return any(not dock.isHidden() for dock in self._docks)

    def in_use(self, name: str) -> bool:
        """Whether the panel is open, or was when all were hidden and comes back with them.

        In the room one that gave way to another goes on until the room is closed.
        """
        dock = self.by_name[name]
        is_there = not dock.isHidden() or dock in self._hidden
        return is_there and (dock is not self.room or name in self._used)

    def open(self, name: str) -> None:
        """Open the dock and bring it to the front."""
        dock = self.by_name[name]
        self.folds.fold(name, folded=False)
        if dock is self.room:
            self.room.bring(name)
            self._await_folded()
        dock.show()
        dock.raise_()

    def toggle(self, name: str) -> None:
        """Open the panel and bring it to the front; where it is there already, fold or close it.

        The keys go into the room that is opened, and back to the views when it is closed.
        """
        dock = self.by_name[name]
        self._hidden = []
        is_behind = dock is not self.room and is_behind_a_tab(dock)
        if self.opened(name) and not is_behind:
            if self.folds.folds(name):
                self.folds.fold(name, folded=True)
                return
            dock.close()
            return
        self.open(name)
        if dock is self.room:
            self.room.enter()

    def area_shown(self, area: Area) -> bool:
        """Whether a panel of this side of the window is open; below stands the room."""
        if area == Area.BottomDockWidgetArea:
            return not self.room.isHidden()
        return any(self.shown(name) for name in self._of_area(area))

    def toggle_area(self, area: Area) -> None:
        """Close the panels of a side; the second time bring back those that were open."""
        if area == Area.BottomDockWidgetArea:
            self.toggle(self.room.front)
            return
        names = self._of_area(area)
        open_now = [name for name in names if self.shown(name)]
        if open_now:
            self._hidden_at[area] = open_now
            for name in open_now:
                self.by_name[name].hide()
            return
        at_start = [name for name in names if not self._specs[name].on_demand]
        for name in self._hidden_at.pop(area, at_start or names[:1]):
            self.by_name[name].show()

    def _of_area(self, area: Area) -> list[str]:
        return [n for n, s in self._specs.items() if s.area == area and not s.in_room]

    def toggle_all(self) -> None:
        """Close all docks; the second time bring back those that were open."""
        self.place.finish()
        open_now = [dock for dock in self._docks if not dock.isHidden()]
        if open_now:
            self.place.cover(False)
            self.place.finish()
            self._hidden = [dock for dock in self._docks if not dock.isHidden()]
            self._hidden_folded = self.place.take_folded() or self._hidden_folded
            for dock in self._hidden:
                dock.hide()
            return
        if self.room in self._hidden:
            self._await_folded()
        for dock in self._hidden or self._at_start():
            dock.show()
        self._hidden = []

    def _await_folded(self) -> None:
        """What a room that was hidden had folded comes back when that room makes place.

        Unless it was opened meanwhile without the room, which folds it as any other column then.
        """
        if self._hidden_folded and not self.area_shown(Area.RightDockWidgetArea):
            self.place.put_folded(self._hidden_folded)
        self._hidden_folded = {}

    def uncover(self) -> bool:
        """Bring the views back if the room covers them; whether it did."""
        covered = self.place.covers
        if covered:
            self.place.cover(False)
            self.views_wanted.emit()
        return covered

    def switch_beside(self) -> None:
        """Put the room beside the views, or below them again."""
        self.place.stand(RoomSide.BELOW if self.place.is_beside else RoomSide.BESIDE)

    def switch_over(self) -> None:
        """Let the room cover the views, or bring them back."""
        if not self.uncover():
            self.place.cover(True)
            self.room.enter()

    def fit(self) -> None:
        """The window is wider or narrower now: beside the views there may be room, or no more.

        While it is being resized this waits for a pause: Qt shares the width out meanwhile.
        """
        self._fitting.start()

    def _note_use(self) -> None:
        if not self.room.isHidden():
            self._used.add(self.room.front)
        elif self._used:
            self._closing.start()  # later: a dock that begins to float is hidden for a moment
        self.changed.emit()

    def _room_closed(self) -> None:
        if self.room.isHidden() and self.room not in self._hidden:
            self._used.clear()
            if not self.room.give_back_keys():
                self.views_wanted.emit()
            self.changed.emit()

    def _at_start(self) -> list[QDockWidget]:
        names = [spec.name for spec in self._specs.values() if not spec.on_demand]
        return [self.by_name[name] for name in names]

    def _column(self, area: Area) -> list[QDockWidget]:
        return [
            dock
            for dock in self._docks
            if dock is not self.room and self._window.dockWidgetArea(dock) == area
        ]

    def _make(self, spec: PanelSpec) -> QDockWidget:
        dock = _Dock(spec.name, self._window)
        dock.left.connect(self.views_wanted)
        dock.setObjectName(f"dock.{spec.name.lower()}")
        dock.setAccessibleName(f"{spec.name} panel")
        dock.setTitleBarWidget(PanelHeader(spec.name))
        frame = self._frames[spec.name]
        dock.setWidget(frame)
        dock.topLevelChanged.connect(lambda floats: frame.limit(not floats))
        return dock


def _loaded(spec: PanelSpec, _job: Job) -> Build:
    return spec.load()


def _bring_in(dock: QDockWidget) -> None:
    if dock.isFloating():
        dock.setFloating(False)  # takes 2 ms where it stands already
