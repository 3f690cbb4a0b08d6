"""The room: one dock for the panels that need much space, one of them in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFontMetrics, QIcon, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from segstudio.core.text import as_html
from segstudio.kit.plain import semibold_font
from segstudio.kit.thawing import thaw

if TYPE_CHECKING:
    from segstudio.kit.action_set import ActionSet
    from segstudio.window.panels import PanelSpec

BAR_HEIGHT = 36
_ICON = QSize(16, 16)
_TAB_RIM, _TAB_GAP = 10, 8
BESIDE, OVER, CLOSE = "room.beside", "room.over", "room.close"
"""Its buttons; the first two are commands of this id."""


class RoomDock(QDockWidget):
    """A bar with a tab for each panel and the line of the one in front; below it that panel.

    A panel whose `room_header` gives a widget has it stand in the bar while the panel is in front,
    or in a line of its own where the bar is too narrow. Its `page_tabs` get the focus first.

    Attributes:
        tabs: One tab a panel.
        buttons: Beside, over, close, by the ids of commands; none before `furnish`.

    Signals:
        turned: Another panel came to the front.
    """

    turned = Signal()

    def __init__(self, specs: Sequence[PanelSpec], frames: Sequence[QWidget]) -> None:
        """Take what stands in the room, and what holds each of them, in the order of the tabs."""
        super().__init__("Room")
        self.setObjectName("dock.room")
        self.setAccessibleName("Room")
        self._names = [spec.name for spec in specs]
        self._icons = [spec.icon for spec in specs]
        self._headers: dict[str, QWidget] = {}
        self._starts: dict[str, QWidget] = {}
        self._is_entering = False
        self._came_from: QWidget | None = None
        self._had_keys = False
        self.buttons: dict[str, QToolButton] = {}
        self._commands: ActionSet | None = None
        self.tabs = _RoomTabs(self._names)
        self._bar = _Bar(self.tabs)
        self.setTitleBarWidget(self._bar)
        self._stack = QStackedWidget()
        for frame in frames:
            self._stack.addWidget(frame)
        self.setWidget(self._stack)
        self._thaw = QTimer(self, singleShot=True, interval=0)
        self._thaw.timeout.connect(lambda: thaw(self._stack))
        self.tabs.currentChanged.connect(self._turn)
        self._bar.resized.connect(self._place_header)

    @property
    def names(self) -> tuple[str, ...]:
        """The panels, in the order of the tabs."""
        return tuple(self._names)

    @property
    def front(self) -> str:
        """The panel in front."""
        return self._names[self.tabs.currentIndex()]

    def bring(self, name: str) -> None:
        """Put a panel to the front."""
        self.tabs.setCurrentIndex(self._names.index(name))

    def furnish(self, commands: ActionSet) -> None:
        """Add icons and buttons, which cost too much before the window is painted."""
        from segstudio.kit.icons import icon

        self._commands = commands
        for at, picture in enumerate(self._icons):
            if picture:
                self.tabs.give_icon(at, icon(picture))
        closing = QAction(icon("x"), "Close", self)
        closing.triggered.connect(self.close)
        for action_id, action in (
            (BESIDE, commands[BESIDE]),
            (OVER, commands[OVER]),
            (CLOSE, closing),
        ):
            self.buttons[action_id] = self._bar.add(action)
        commands.keymap_changed.connect(self._show_keys)
        self._show_keys()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow_focus)

    def show_place(self, *, may_be_beside: bool, beside: bool, over: bool) -> None:
        """Say by the buttons where the room stands and where it can go."""
        from segstudio.kit.icons import icon

        if self._commands is None:
            return
        self.buttons[BESIDE].setVisible(may_be_beside and not over)
        self._commands[BESIDE].setIcon(icon("panel-bottom" if beside else "panel-right"))
        self._commands[OVER].setIcon(icon("minimize-2" if over else "maximize-2"))
        self._place_header()

    def take(self, name: str, panel: QWidget) -> None:
        """Put the panel's header into the bar, and go on to its tabs if it was waited for."""
        header = getattr(panel, "room_header", None)
        if header is not None:
            self._headers[name] = header()
            self._headers[name].installEventFilter(self)
            self._bar.put(self._headers[name], beside_tabs=True)
        tabs = getattr(panel, "page_tabs", None)
        if tabs is not None:
            self._starts[name] = tabs
            tabs.installEventFilter(self)
        self._place_header()
        self._enter_if_asked()

    def enter(self) -> None:
        """Give the keys to the page tabs, or to the room's own until those are there."""
        focused = QApplication.focusWidget()
        if focused is not None and not self.isAncestorOf(focused):
            self._came_from = focused
        self._is_entering = True
        self.tabs.setFocus(Qt.FocusReason.OtherFocusReason)
        self._enter_if_asked()

    def give_back_keys(self) -> bool:
        """The room was closed: give the keys, if it had them, to what had them before it.

        Returns:
            Whether something has them; else they are the views'.
        """
        came_from, self._came_from = self._came_from, None
        if not self._had_keys:
            focused = QApplication.focusWidget()
            return focused is not None and focused.isVisible()
        self._had_keys = False
        if came_from is None or not isValid(came_from):
            return False
        if not (came_from.isEnabled() and came_from.isVisible()):
            return False
        came_from.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _follow_focus(self, old: QWidget | None, now: QWidget | None) -> None:
        """Note whether the room has the keys; as it is hidden, Qt gives them to the next widget."""
        if now is None or self.isHidden():
            return
        is_inside = self.isAncestorOf(now)
        if self._had_keys and not is_inside and now.window() is self.window():
            self._came_from = None  # the user went elsewhere, and stays there
        self._had_keys = is_inside

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and watched in self._headers.values():
            self._place_header()
        elif event.type() == QEvent.Type.Show and watched in self._starts.values():
            self._enter_if_asked()
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_header()

    def _enter_if_asked(self) -> None:
        """The page tabs come a moment later than the room: they get what the room's tabs have."""
        if not self._is_entering:
            return
        start = self._starts.get(self.front)
        if not self.tabs.hasFocus():
            self._is_entering = False  # the user went elsewhere meanwhile
        elif start is not None and start.isVisible():
            self._is_entering = False
            start.setFocus(Qt.FocusReason.OtherFocusReason)

    def _turn(self, index: int) -> None:
        if self._stack.isVisible():  # it is laid out now and painted in the next turn
            self._stack.setUpdatesEnabled(False)
            self._thaw.start()
        self._stack.setCurrentIndex(index)
        self._place_header()
        self._show_keys()
        self.turned.emit()

    def _place_header(self) -> None:
        """The header of the panel in front goes beside the tabs, or below them where it is narrow."""
        for name, header in self._headers.items():
            if name != self.front:
                header.hide()
        front = self._headers.get(self.front)
        wanted = 0 if front is None else front.minimumSizeHint().width()
        spare = self._bar.room_beside(self.tabs.width_with(icons=False))
        # where it fits beside the words alone, the icons give way; they are in the status bar, too
        fits = wanted <= spare
        self.tabs.show_icons(
            wanted <= self._bar.room_beside(self.tabs.width_with(icons=True)) or not fits
        )
        if front is not None:
            self._bar.put(front, beside_tabs=fits)
            front.show()
        self._bar.show_line(shown=not fits)

    def _show_keys(self) -> None:
        """Tabs and buttons say the keys of the commands that do the same."""
        if self._commands is None:
            return
        for at, name in enumerate(self._names):
            self.tabs.setTabToolTip(at, self._commands[f"panel.{name.lower()}"].toolTip())
        key = self._commands[f"panel.{self.front.lower()}"].shortcut()
        shown = key.toString(key.SequenceFormat.NativeText)
        self.buttons[CLOSE].defaultAction().setToolTip(
            f"<b>Close</b> ({as_html(shown)})" if shown else "<b>Close</b>"
        )


class _RoomTabs(QTabBar):
    """The panels of the room, each an icon and a word; the one in front underlined."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._icons: dict[int, QIcon] = {}
        self._shows_icons = True
        self.setObjectName("roomTabs")
        self.setAccessibleName("Rooms")
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setIconSize(_ICON)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedHeight(BAR_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for name in names:
            self.addTab(name)

    def give_icon(self, index: int, picture: QIcon) -> None:
        """Let a tab have an icon where there is room for it."""
        self._icons[index] = picture
        self.setTabIcon(index, picture)

    def show_icons(self, shown: bool) -> None:
        """Show words with their icons, or the words alone."""
        if shown != self._shows_icons:
            self._shows_icons = shown
            for index, picture in self._icons.items():
                self.setTabIcon(index, picture if shown else QIcon())

    def width_with(self, *, icons: bool) -> int:
        """How wide all tabs are together."""
        return sum(self._width_of(index, icons=icons) for index in range(self.count()))

    def tabSizeHint(self, index: int) -> QSize:
        """As wide as icon and word: the style adds more, which it puts between them."""
        return QSize(self._width_of(index, icons=self._shows_icons), BAR_HEIGHT)

    def _width_of(self, index: int, *, icons: bool) -> int:
        font = semibold_font(self.font())  # in front
        word = QFontMetrics(font).horizontalAdvance(self.tabText(index))
        return 2 * _TAB_RIM + word + (_ICON.width() + _TAB_GAP if icons else 0)


class _Bar(QFrame):
    """The room's title bar: tabs, the header of the panel in front, buttons.

    Where it is narrow, the header has a line of its own below the tabs. It stays the bar's own
    widget then: another parent would have Qt work out the style of all that is in it anew.

    Signals:
        resized: It is wider or narrower now.
    """

    resized = Signal()

    def __init__(self, tabs: QTabBar) -> None:
        super().__init__()
        self.setObjectName("roomBar")
        self._tabs = tabs
        self._buttons = QHBoxLayout()
        self._buttons.setContentsMargins(0, 0, 0, 0)
        self._buttons.setSpacing(2)
        self._slot, self._line = QHBoxLayout(), QHBoxLayout()
        self._slot.setContentsMargins(0, 0, 0, 0)
        self._line.setContentsMargins(4, 0, 4, 0)
        self._row = QHBoxLayout()
        self._row.setContentsMargins(0, 0, 4, 0)
        self._row.setSpacing(4)
        self._row.addWidget(tabs)
        self._row.addLayout(self._slot, 1)
        self._row.addStretch(0)  # keeps tabs and buttons at the ends where the slot is empty
        self._row.addLayout(self._buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._row)
        column.addLayout(self._line)
        self.show_line(shown=False)

    def room_beside(self, tabs: int) -> int:
        """Width that is left for the header of the panel in front beside tabs so wide."""
        buttons = sum(
            widget.sizeHint().width() + 2
            for at in range(self._buttons.count())
            if (item := self._buttons.itemAt(at)) is not None
            and (widget := item.widget()) is not None
            and not widget.isHidden()
        )
        margins = self._row.contentsMargins()
        taken = tabs + buttons + margins.left() + margins.right()
        return self.width() - taken - 2 * self._row.spacing()

    def put(self, header: QWidget, *, beside_tabs: bool) -> None:
        """Let a header stand beside the tabs, or in the line below them."""
        wanted = self._slot if beside_tabs else self._line
        if wanted.indexOf(header) < 0:
            wanted.addWidget(header)

    def show_line(self, *, shown: bool) -> None:
        """Whether there is a line below the tabs."""
        self.setFixedHeight(BAR_HEIGHT * (2 if shown else 1))

    def minimumSizeHint(self) -> QSize:
        """The header goes below the tabs where it does not fit, so it does not count."""
        return QSize(self._tabs.sizeHint().width() + 3 * 32, self.minimumHeight())

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def add(self, action: QAction) -> QToolButton:
        """A button for this action, after those that are there."""
        button = QToolButton()
        button.setDefaultAction(action)
        button.setIconSize(_ICON)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.text())
        self._buttons.addWidget(button)
        return button
