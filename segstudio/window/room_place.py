"""Where the room stands: below the views, beside them, or over them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtWidgets import QDockWidget, QTabBar, QWidget

from segstudio.core.json_text import parse_json
from segstudio.kit.thawing import thaw

if TYPE_CHECKING:
    from segstudio.window.main_window import MainWindow
    from segstudio.window.room import RoomDock

Area = Qt.DockWidgetArea
BESIDE_FROM = 1600
"""Width of the window from which the room may stand beside the views."""
_BESIDE_SHARE = 0.58
_LINE = 1
"""Between the list and the room."""
_LOW, _LOW_SHARE, _MOST_SHARE = 326, 0.42, 0.45
"""Height below the views: so much, more in a high window, no more than a part of a low one."""


Folded = dict[QDockWidget, tuple[int, int]]
"""What is folded, with its width and height before; 0 of what was behind a tab."""


class RoomSide(StrEnum):
    """Where the room stands in the window."""

    BELOW = "below"
    BESIDE = "beside"


class RoomPlace(QObject):
    """Puts the room where it is wanted, and folds the right column where the room needs its width.

    Attributes:
        over: Whether the room is to cover the views.

    Signals:
        changed: The room stands elsewhere, or can stand elsewhere now.
    """

    changed = Signal()

    def __init__(
        self, window: MainWindow, room: RoomDock, column: Callable[[Area], Iterable[QDockWidget]]
    ) -> None:
        """Args:
        window: Whose dock the room is.
        room: The room.
        column: What stands in this column now besides the room, shown or not.
        """
        super().__init__(window)
        self._window, self._room, self._column = window, room, column
        self._wanted = RoomSide.BELOW
        self.over = False
        self._folded: Folded = {}
        self._list_width = 0
        self._height = self._width = 0
        """What the user gave it below and beside the views; 0 if it is as large as at first."""
        self._stood: RoomSide | None = None
        """Where it was put last, if it neither covers the views nor is closed."""
        self._given = 0
        """How high or wide it was made there: what differs later is the user's wish."""
        self._was_shown = self._is_busy = False
        self._before: Folded = {}
        """Sizes that were given a moment ago: Qt does not tell them yet."""
        self._told: tuple[bool, ...] = ()
        """What was said to have changed last."""
        self._steps: deque[Callable[[], object]] = deque()
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._step_if_any)
        room.visibilityChanged.connect(self._follow)
        room.topLevelChanged.connect(lambda _floats: self.apply())
        room.dockLocationChanged.connect(self._moved)

    @property
    def may_be_beside(self) -> bool:
        """Whether the window is wide enough for it."""
        return self._window.width() >= BESIDE_FROM

    @property
    def is_beside(self) -> bool:
        """Whether the room stands beside the views, or would if it were open."""
        return self._wanted is RoomSide.BESIDE and self.may_be_beside

    @property
    def covers(self) -> bool:
        """Whether the room covers the views now."""
        return self.over and self._in_window

    @property
    def _in_window(self) -> bool:
        return not self._room.isHidden() and not self._room.isFloating()

    def stand(self, place: RoomSide) -> None:
        """Let the room stand there."""
        self._wanted, self.over = place, False
        self.apply()

    def cover(self, over: bool) -> None:
        """Let the room cover the views, or bring them back."""
        self.over = over
        self.apply()

    def forget(self) -> None:
        """Stand below at its first height again; nothing is folded."""
        self.finish()
        self._wanted, self.over = RoomSide.BELOW, False
        self._height = self._width = 0
        self._stood = None
        self._folded = {}
        self._window.central.show()

    def apply(self) -> None:
        """Make the window as it is wanted."""
        if self._is_busy:
            return
        self.finish()
        self._note_size()
        if not self.covers and self._window.central.isHidden():
            self._window.setUpdatesEnabled(False)
            self._window.central.show()
            self._steps.append(self._arrange)  # the views take their time alone
            self._next.start()
        else:
            self._arrange()

    def _paint_apart(self) -> None:
        """The window is laid out in this turn; room, views and list are painted a turn each."""
        window = self._window
        if not window.isVisible() or self._steps:
            return
        left = self._in_column(Area.LeftDockWidgetArea)
        if not self._room.isHidden():
            self._hold_back(_parts_of(self._room))
        if not window.central.isHidden():
            window.central.setUpdatesEnabled(False)
            # not restacked: the window's grips lie over its rim
            self._steps.append(partial(window.central.setUpdatesEnabled, True))
        for dock in left:
            self._hold_back(_parts_of(dock))
        self._next.start()

    def _hold_back(self, parts: list[QWidget]) -> None:
        """Paint these together in a turn of their own."""
        for part in parts:
            part.setUpdatesEnabled(False)
        self._steps.append(partial(_thaw_all, parts))

    def _paint(self) -> None:
        """Paint the window, which was not painted while it was laid out."""
        self._window.setUpdatesEnabled(True)
        # a request to paint that came meanwhile is used up, and Qt sends no other one
        self._window.repaint()

    def _arrange(self) -> None:
        """Move the room, and fold the column or bring it back."""
        self._is_busy = True
        window, is_open = self._window, self._in_window
        aside = is_open and (self.over or self.is_beside)
        window.central.setVisible(not self.covers)
        if is_open:
            self._go(Area.RightDockWidgetArea if aside else Area.BottomDockWidgetArea)
        if aside:
            self._fold()
        else:
            self._unfold()
        self._stood = None
        if is_open:
            self._size()
        self._room.show_place(
            may_be_beside=self.may_be_beside, beside=self.is_beside, over=self.over
        )
        self._is_busy = False
        if not self._steps and not window.updatesEnabled():
            self._paint()
        told = (is_open, self.covers, self.is_beside, self.may_be_beside)
        if told != self._told:
            self._told = told
            self.changed.emit()

    def to_text(self) -> str:
        """What is to be remembered besides what Qt remembers of docks."""
        self._note_size()
        return json.dumps(
            {
                "panel": self._room.front,
                "place": str(self._wanted),
                "over": self.covers,
                "folded": {dock.objectName(): size for dock, size in self._folded.items()},
                "px": [self._height, self._width, self._list_width],
            }
        )

    def restore(self, text: str) -> None:
        """Go on as `to_text` told it; what is damaged is passed over."""
        try:
            kept = parse_json(text)
            place, over = RoomSide(kept["place"]), bool(kept["over"])
            panel = str(kept["panel"])
            folded = {str(k): (_px(w), _px(h)) for k, (w, h) in kept["folded"].items()}
            height, width, list_width = map(_px, kept["px"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        self._wanted, self.over = place, over
        self._height, self._width, self._list_width = height, width, list_width
        docks = {dock.objectName(): dock for dock in self._column(Area.RightDockWidgetArea)}
        self._folded = {docks[name]: size for name, size in folded.items() if name in docks}
        if panel in self._room.names:
            self._room.bring(panel)
        self._was_shown = not self._room.isHidden()
        self.apply()

    def finish(self) -> None:
        """Do now what is still to be done of the last change."""
        while self._steps:
            self._step()

    def _unfold(self) -> None:
        """Bring the right column back, as large as it was: a dock a turn, since each takes its time."""
        folded, self._folded = self._folded, {}
        if not folded:
            return
        self._window.setUpdatesEnabled(False)  # nobody sees the column half there
        self._before = folded
        self._steps.extend(dock.show for dock in folded)
        self._steps.append(lambda: self._share_out(folded))
        self._steps.append(self._paint)
        self._next.start()

    def _step_if_any(self) -> None:
        if self._steps:
            self._step()
        if not self._steps:
            self._before = {}

    def _step(self) -> None:
        self._steps.popleft()()
        if self._steps:
            self._next.start()

    def _share_out(self, folded: Folded) -> None:
        """Give the columns the sizes that they had."""
        window = self._window
        front = {dock: size for dock, size in folded.items() if size[1]}
        for dock in front:
            dock.raise_()
        self._lay_out()  # sizes are shared out among what is shown
        heights = [height for _width, height in front.values()]
        window.resizeDocks(list(front), heights, Qt.Orientation.Vertical)
        sizes = {dock: width for dock, (width, _height) in [*front.items()][:1]}
        for dock in self._in_column(Area.LeftDockWidgetArea)[:1]:
            sizes[dock] = self._list_width or dock.width()
        window.resizeDocks(list(sizes), list(sizes.values()), Qt.Orientation.Horizontal)

    def _lay_out(self) -> None:
        """Give the docks their sizes now; Qt would do it in the next turn."""
        layout = self._window.layout()
        if layout is not None:
            layout.activate()

    def take_folded(self) -> Folded:
        """What is folded now; whoever asks cares for it from now on."""
        self.finish()
        folded, self._folded = self._folded, {}
        return folded

    def put_folded(self, folded: Folded) -> None:
        """These are to come back when the room makes place."""
        self._folded = folded

    def _fold(self) -> None:
        column = self._in_column(Area.RightDockWidgetArea)
        left = self._in_column(Area.LeftDockWidgetArea)
        if self._folded or not column:
            return
        if not self._before:
            self._list_width = left[0].width() if left else 0
        self._folded = {dock: self._before.get(dock) or self._size_of(dock) for dock in column}
        self._before = {}
        for dock in column:
            dock.hide()

    def _size_of(self, dock: QDockWidget) -> tuple[int, int]:
        """Its width and its height with the tabs below it; 0 if it is behind one."""
        if is_behind_a_tab(dock):
            return 0, 0
        window, tabs = self._window, 0
        if window.tabifiedDockWidgets(dock):
            direct = Qt.FindChildOption.FindDirectChildrenOnly
            tabs = max(
                (bar.height() for bar in window.findChildren(QTabBar, options=direct)), default=0
            )
        return dock.width(), dock.height() + tabs

    def _in_column(self, area: Area) -> list[QDockWidget]:
        """What is seen there besides the room."""
        return [
            dock for dock in self._column(area) if not dock.isHidden() and not dock.isFloating()
        ]

    def _go(self, area: Area) -> None:
        window, room = self._window, self._room
        if window.dockWidgetArea(room) == area:
            return
        across = area == Area.RightDockWidgetArea
        window.addDockWidget(
            area, room, Qt.Orientation.Horizontal if across else Qt.Orientation.Vertical
        )
        room.show()

    def _note_size(self) -> None:
        """Remember how large the user made it, since Qt forgets it when it goes elsewhere."""
        if self._room.isFloating() or not self._window.isVisible():
            return
        if self._stood is RoomSide.BELOW and self._room.height() != self._given:
            self._height = self._room.height()
        elif (
            self._stood is RoomSide.BESIDE
            and self.may_be_beside  # else the window has just become too narrow for both
            and self._room.width() != self._given
        ):
            self._width = self._room.width()

    def _size(self) -> None:
        window, whole = self._window, self._window.size()
        if self.covers or self.is_beside:
            left = self._in_column(Area.LeftDockWidgetArea)[:1]
            list_width = (self._list_width or left[0].width()) if left else 0
            width = self._width or round(_BESIDE_SHARE * whole.width())
            width = whole.width() - list_width - _LINE if self.covers else width
            window.resizeDocks(
                [*left, self._room], [*[list_width][: len(left)], width], Qt.Orientation.Horizontal
            )
            self._lay_out()
            if not self.covers:
                self._stood, self._given = RoomSide.BESIDE, self._room.width()
        else:
            usual = max(min(_LOW, _MOST_SHARE * whole.height()), _LOW_SHARE * whole.height())
            height = self._height or round(usual)
            window.resizeDocks([self._room], [height], Qt.Orientation.Vertical)
            self._lay_out()
            self._stood, self._given = RoomSide.BELOW, self._room.height()

    def _follow(self) -> None:
        """The room was opened or closed, by whomever."""
        is_shown = not self._room.isHidden()
        if is_shown != self._was_shown:
            self._was_shown = is_shown
            if not is_shown:
                self.over = False
            self.apply()
            self._paint_apart()

    def _moved(self, area: Area) -> None:
        """The user dragged it to another side."""
        if not self._is_busy and self._in_window:
            self._wanted = RoomSide.BESIDE if area == Area.RightDockWidgetArea else RoomSide.BELOW
            self.apply()


def _parts_of(dock: QDockWidget) -> list[QWidget]:
    """Its title and what it holds."""
    parts = (dock.titleBarWidget(), dock.widget())
    return [part for part in parts if part is not None]


def _thaw_all(parts: Iterable[QWidget]) -> None:
    for part in parts:
        thaw(part)


def is_behind_a_tab(dock: QDockWidget) -> bool:
    """Such a dock is not hidden for Qt, but stands outside the window."""
    place = QRect(dock.mapTo(dock.window(), QPoint()), dock.size())
    return not place.intersects(dock.window().rect())


def _px(value: Any) -> int:
    """A length from a file."""
    return min(max(int(value), 0), 100_000)
