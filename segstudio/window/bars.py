"""Menus, tool bar and tool strip, made from the table of actions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt
from PySide6.QtGui import (
    QAction,
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygon,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QMainWindow,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyleOptionToolButton,
    QStylePainter,
    QToolBar,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.ui.tools.tool_table import TOOLS
from segstudio.canvas.tool import Tool
from segstudio.core.text import as_html
from segstudio.kit.action_set import ActionSet
from segstudio.kit.fitting_row import BUTTON_PX, WORD_ICON, GroupLine
from segstudio.kit.icons import icon
from segstudio.kit.layouts import laid_out_once
from segstudio.kit.plain import in_menu
from segstudio.kit.primary_button import PrimaryButton
from segstudio.kit.swatch import swatch
from segstudio.kit.theme import tokens_of
from segstudio.runs.ui.model_chooser import ModelChooser
from segstudio.window import panels
from segstudio.window.action_table import BAR_FILE, BAR_LAYOUT, BAR_PLACES, BAR_STRIP, tool_id
from segstudio.window.view_controls import ViewControls

if TYPE_CHECKING:
    from segstudio.session.session import Change, Session

_ICON, _STRIP_ICON = QSize(16, 16), QSize(18, 18)
_SEPARATOR_PX = 9
_STRIP_PX, _STRIP_GAP, _STRIP_RIM = 30, 2, 5
_CORNER_PX = 12
"""Side of the corner of a button that lists the other tools of its group."""
_SWATCH_PX, _SWATCH_INSET = 15, 5
_OF_PHOTO = ("view.contrast", "view.auto_contrast", "view.inverted", "view.as_it_is")
_OF_PANELS = (
    "view.panels", "view.room", "view.column", "view.next_panel", "view.previous_panel",
    "view.reset_layout",
)  # fmt: skip


def fill_menus(window: QMainWindow, menus: dict[str, QMenu], actions: ActionSet) -> QMenu:
    """Fill the menus; a line is drawn where the section changes.

    Returns:
        The sub-menu of recent folders.
    """
    recent = QMenu("Open recent", window)
    recent.setEnabled(False)
    sections: dict[str, int] = {}
    submenus = _submenus(menus)
    for spec in actions.rows:
        if not spec.in_menu:
            continue
        menu = menus[spec.menu]
        if sections.setdefault(spec.menu, spec.section) != spec.section:
            menu.addSeparator()
            sections[spec.menu] = spec.section
        _menu_for(spec.id, menu, submenus).addAction(actions[spec.id])
        if spec.id == "file.open":
            menu.addMenu(recent)
    for panel in panels.PANELS:
        if panel.name in menus and not menus[panel.name].isEmpty() and panel.on_demand:
            first = menus[panel.name].actions()[0]
            menus[panel.name].insertAction(first, actions[panel.action_id])
            menus[panel.name].insertSeparator(first)
    return recent


def _submenus(menus: dict[str, QMenu]) -> dict[str, QMenu]:
    """Sub-menus by the ids that go there, or their first part; added when first used.

    Without them a menu is higher than the screen of a laptop.
    """
    options = QMenu("Options of the tools", menus["Tools"])
    photo, panel = QMenu("Photo", menus["View"]), QMenu("Panels", menus["View"])
    return {
        **dict.fromkeys(("brush", "stroke", *(tool.name for tool in TOOLS)), options),
        "class": QMenu("Class", menus["Tools"]),
        **dict.fromkeys(_OF_PHOTO, photo),
        "layer": QMenu("Layer", menus["View"]),
        "flavour": QMenu("Colours", menus["View"]),
        "layout": QMenu("Views side by side", menus["View"]),
        "disagreement": QMenu("Disagreement", menus["View"]),
        **dict.fromkeys(("panel", "room", *_OF_PANELS), panel),
    }


def _menu_for(action_id: str, menu: QMenu, submenus: dict[str, QMenu]) -> QMenu:
    found = submenus.get(action_id) or submenus.get(action_id.partition(".")[0])
    if found is None or found.parent() is not menu:
        return menu
    if found.isEmpty():
        menu.addMenu(found)
    return found


class MainBar(QObject):
    """Fills the bar below the menus, and gives what lies over the photo the room that is left."""

    def __init__(
        self, bar: QToolBar, actions: ActionSet, chooser: ModelChooser, controls: ViewControls
    ) -> None:
        super().__init__(bar)
        self._bar, self._chooser, self._controls = bar, chooser, controls
        self._others: list[QWidget] = []
        bar.setIconSize(_ICON)
        self._add(actions, BAR_FILE)
        bar.addSeparator()
        bar.addWidget(chooser)
        run = PrimaryButton(actions["model.run"], "play")
        run.setFixedHeight(BUTTON_PX)
        bar.addWidget(run)
        self._others.append(run)
        (run_all,) = self._add(actions, ("model.run_all",))
        run_all.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        run_all.setIconSize(WORD_ICON)
        run_all.setMaximumWidth(run_all.sizeHint().width())
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        bar.addWidget(controls)
        bar.addSeparator()
        self._add(actions, BAR_LAYOUT)
        bar.addSeparator()
        self._add(actions, BAR_PLACES)
        bar.installEventFilter(self)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._fit()
        return False

    def _fit(self) -> None:
        """Share what the buttons leave; the chooser shows the chosen model's name at least."""
        layout, chooser = self._bar.layout(), self._chooser
        assert layout is not None
        margins, gap = layout.contentsMargins(), layout.spacing()
        taken = sum(
            max(w.minimumWidth(), min(w.sizeHint().width(), w.maximumWidth())) + gap
            for w in self._others
        )
        lines = sum(action.isSeparator() for action in self._bar.actions())
        taken += lines * (_SEPARATOR_PX + gap) + 2 * gap
        room = self._bar.width() - margins.left() - margins.right() - taken
        used = self._controls.fit(room - chooser.least_width)
        chooser.setFixedWidth(
            max(chooser.least_width, min(chooser.sizeHint().width(), room - used))
        )

    def _add(self, actions: ActionSet, ids: Iterable[str]) -> list[QToolButton]:
        added = []
        for action_id in ids:
            self._bar.addAction(actions[action_id])
            button = self._bar.widgetForAction(actions[action_id])
            assert isinstance(button, QToolButton)
            button.setFixedHeight(BUTTON_PX)
            button.setMinimumWidth(BUTTON_PX)
            button.setMaximumWidth(BUTTON_PX)
            button.setAccessibleName(actions[action_id].text().rstrip("…"))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            added.append(button)
        self._others += added
        return added


class ToolStrip(QWidget):
    """The tools beside the canvas, and the class that they paint at the bottom.

    Where the strip is too low, its last buttons go into a menu.

    Attributes:
        more: Opens that menu; hidden while all buttons fit.
        swatch: The active class, and the one that it is swapped with.
    """

    def __init__(self, actions: ActionSet, tools: Iterable[type[Tool]]) -> None:
        super().__init__()
        self.setAccessibleName("Tools")
        self._buttons: dict[str, QToolButton] = {}
        self._lines: dict[str, GroupLine] = {}
        self._members: dict[str, list[QAction]] = {}
        self._hidden: list[str] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(_STRIP_RIM, 4, _STRIP_RIM, 6)
        self._column.setSpacing(_STRIP_GAP)
        groups = _in_groups(tools)
        starts = {tool_id(b[0]) for a, b in pairwise(groups) if a[0].edits != b[0].edits}
        ids = [[tool_id(tool) for tool in group] for group in groups] + [[i] for i in BAR_STRIP]
        for members in ids:
            if members[0] in starts | {BAR_STRIP[0]}:
                self._lines[members[0]] = GroupLine(upright=False)
                self._column.addWidget(self._lines[members[0]])
            button = _strip_button(actions[members[0]].text())
            if len(members) > 1:
                button = GroupButton([actions[member] for member in members])
            else:
                button.setDefaultAction(actions[members[0]])
            self._buttons[members[0]] = button
            self._members[members[0]] = [actions[member] for member in members]
            self._column.addWidget(button)
        self.more = _strip_button("More tools")
        self.more.setIcon(icon("ellipsis"))
        self.more.setToolTip("More tools: the window is too low for all of them")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setProperty("plain", True)
        self.more.setMenu(QMenu("More tools", self))
        self.more.setCheckable(True)
        self.more.hide()
        self._column.addWidget(self.more)
        self._column.addStretch(1)
        self.swatch = ClassSwatch(actions)
        self._column.addWidget(self.swatch)
        for action in (action for members in self._members.values() for action in members):
            action.toggled.connect(self._mark_more)

    def button(self, action_id: str) -> QToolButton:
        """The button of a command; that of its group where it shares one."""
        for lead, members in self._members.items():
            if action_id in (action.objectName() for action in members):
                return self._buttons[lead]
        raise KeyError(action_id)

    def attach(self, session: Session) -> None:
        """Show the session's active class."""
        self.swatch.attach(session)

    def minimumSizeHint(self) -> QSize:
        """What does not fit goes into the menu."""
        return QSize(2 * _STRIP_RIM + _STRIP_PX, 3 * _STRIP_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit(event.size().height())

    def _fit(self, height: int) -> None:
        margins = self._column.contentsMargins()
        room = height - margins.top() - margins.bottom() - self.swatch.height() - 2 * _STRIP_GAP
        steps = {
            action_id: button.height()
            + _STRIP_GAP
            + (self._lines[action_id].height() + _STRIP_GAP if action_id in self._lines else 0)
            for action_id, button in self._buttons.items()
        }
        hidden: list[str] = []
        if sum(steps.values()) > room:
            room -= _STRIP_PX + _STRIP_GAP
            ids = list(steps)
            while ids and sum(steps[i] for i in ids) > room:
                hidden.insert(0, ids.pop())
        if hidden == self._hidden:
            return
        self._hidden = hidden
        with laid_out_once(self._column):
            for action_id, button in self._buttons.items():
                button.setVisible(action_id not in hidden)
                if action_id in self._lines:
                    self._lines[action_id].setVisible(action_id not in hidden)
            self.more.setVisible(bool(hidden))
        menu = self.more.menu()
        menu.clear()
        for action_id in hidden:
            menu.addActions(self._members[action_id])
        self._mark_more()

    def _mark_more(self) -> None:
        """The button shows as switched on where the tool in hand stands in its menu."""
        tools = [a for a in self.more.menu().actions() if a.objectName().startswith("tool.")]
        self.more.setChecked(any(action.isChecked() for action in tools))


class GroupButton(QToolButton):
    """The tool of a group that was in hand last; its corner, or a right click, lists the others."""

    def __init__(self, actions: list[QAction]) -> None:
        super().__init__()
        self.setFixedSize(_STRIP_PX, _STRIP_PX)
        self.setIconSize(_STRIP_ICON)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._actions = actions
        self.list = QMenu("Tools of this kind", self)
        self.list.addActions(actions)
        for action in actions:
            action.toggled.connect(self._show_checked)
        self._show(actions[0])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on the corner lists the tools."""
        is_left = event.button() == Qt.MouseButton.LeftButton
        if is_left and self._corner.contains(event.position().toPoint()):
            self._open()
            return
        super().mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._open()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        side, painter = _CORNER_PX // 2 - 1, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens_of(self.palette()).text_2))
        right, bottom = self.width() - 3, self.height() - 3
        corner = (QPoint(right, bottom), QPoint(right - side, bottom), QPoint(right, bottom - side))
        painter.drawPolygon(QPolygon(list(corner)))
        painter.end()

    @property
    def _corner(self) -> QRect:
        return QRect(self.width() - _CORNER_PX, self.height() - _CORNER_PX, _CORNER_PX, _CORNER_PX)

    def _open(self) -> None:
        self.list.popup(self.mapToGlobal(QPoint(self.width(), 0)))

    def _show_checked(self) -> None:
        """The tool in hand, if it is one of these; the last one stays otherwise."""
        for action in self._actions:
            if action.isChecked():
                self._show(action)

    def _show(self, action: QAction) -> None:
        self.setDefaultAction(action)
        self.setAccessibleName(action.text().rstrip("…"))


def _in_groups(tools: Iterable[type[Tool]]) -> list[list[type[Tool]]]:
    """Tools one after the other; those of a group together."""
    groups: list[list[type[Tool]]] = []
    for tool in tools:
        if groups and tool.group and groups[-1][0].group == tool.group:
            groups[-1].append(tool)
        else:
            groups.append([tool])
    return groups


class ClassSwatch(QToolButton):
    """The active class over the one that it is swapped with; a click lists all classes."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self._actions = actions
        self._session: Session | None = None
        self._shown: tuple[object, ...] = ()
        self.setFixedSize(_STRIP_PX, _STRIP_PX)
        self.setProperty("plain", True)
        self.setAccessibleName("Active class")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMenu(QMenu("Active class", self))
        self.menu().aboutToShow.connect(self._fill)
        self.setEnabled(False)

    def attach(self, session: Session) -> None:
        """Show and choose the class of this session."""
        self._session = session
        session.changed.connect(self._on_change)
        self.setEnabled(True)
        self._show()

    @property
    def colors(self) -> tuple[QColor, QColor]:
        """Of the active class, and of the one behind it."""
        return self._color(self._ids()[0]), self._color(self._ids()[1])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on the class behind swaps the two."""
        is_left = event.button() == Qt.MouseButton.LeftButton
        if is_left and self._is_behind(event.position().toPoint()):
            self._actions.run("class.swap")
            event.accept()
            return
        super().mousePressEvent(event)

    def event(self, event: QEvent) -> bool:
        """The two squares have tips of their own."""
        is_tip = event.type() == QEvent.Type.ToolTip
        if is_tip and isinstance(event, QHelpEvent) and self._is_behind(event.pos()):
            QToolTip.showText(event.globalPos(), self._actions["class.swap"].toolTip(), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.features &= ~QStyleOptionToolButton.ToolButtonFeature.HasMenu
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
        if self._session is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            tokens, (front, behind) = tokens_of(self.palette()), self.colors
            for square, color in ((self._behind, behind), (self._front, front)):
                painter.setPen(QPen(QColor(tokens.window), 2))
                painter.setBrush(QColor(tokens.window))
                painter.drawRoundedRect(square, 3, 3)
                painter.setPen(QPen(QColor(tokens.edge), 1))
                painter.setBrush(color)
                painter.drawRoundedRect(square, 3, 3)
        painter.end()

    @property
    def _front(self) -> QRect:
        return QRect(_SWATCH_INSET - 1, _SWATCH_INSET - 1, _SWATCH_PX, _SWATCH_PX)

    @property
    def _behind(self) -> QRect:
        far = _STRIP_PX - _SWATCH_INSET - _SWATCH_PX + 1
        return QRect(far, far, _SWATCH_PX, _SWATCH_PX)

    def _is_behind(self, at: QPoint) -> bool:
        return self._behind.contains(at) and not self._front.contains(at)

    def _ids(self) -> tuple[int, int]:
        assert self._session is not None
        view = self._session.view
        return view.active_class, view.previous_class if view.active_class == 0 else 0

    def _color(self, class_id: int) -> QColor:
        assert self._session is not None
        spec = self._session.schema.get(class_id)
        return QColor(*spec.color) if spec is not None else QColor(Qt.GlobalColor.transparent)

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if change.what & (What.VIEW | What.SCHEMA | What.PROJECT):
            self._show()

    def _show(self) -> None:
        assert self._session is not None
        active, _behind = self._ids()
        name = self._session.schema.name_of(active)
        shown = (name, *(color.rgba() for color in self.colors))
        if shown == self._shown:
            return
        self._shown = shown
        self.setAccessibleDescription(name)
        self.setToolTip(f"<b>Class: {as_html(name)}</b><br>Click to choose another one")
        self.update()

    def _fill(self) -> None:
        """List the classes with their keys, then what else can be done."""
        from segstudio.core.schema import class_keys

        assert self._session is not None
        session, menu = self._session, self.menu()
        menu.clear()
        keys = class_keys(session.schema)
        for spec in session.schema.classes:
            number = keys.get(spec.id)
            key = "" if number is None else self._actions.key(f"class.{number}")
            action = QAction(swatch(QColor(*spec.color)), _menu_text(spec.name, key), menu)
            action.setCheckable(True)
            action.setChecked(spec.id == session.view.active_class)
            action.triggered.connect(lambda _on=False, chosen=spec.id: self._choose(chosen))
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction(self._actions["class.swap"])
        menu.addAction(self._actions["panel.classes"])

    def _choose(self, class_id: int) -> None:
        assert self._session is not None
        now = self._session.view.active_class
        if class_id != now:
            self._session.set_view(active_class=class_id, previous_class=now)


def _menu_text(name: str, key: str) -> str:
    """A name of the user's in a menu, with the key at the right."""
    return in_menu(name) + (f"\t{key}" if key else "")


def _strip_button(name: str) -> QToolButton:
    button = QToolButton()
    button.setFixedSize(_STRIP_PX, _STRIP_PX)
    button.setIconSize(_STRIP_ICON)
    button.setAccessibleName(name.rstrip("…"))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
