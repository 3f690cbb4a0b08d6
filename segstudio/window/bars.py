"""Menus and tool bars, made from the table of actions."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar, QToolButton

from segstudio.canvas.tool import Tool
from segstudio.kit.action_set import ActionSet
from segstudio.window import panels
from segstudio.window.action_table import BAR_FILE, BAR_LAYOUT, BAR_MODEL, tool_id

ICON_SIZE = QSize(20, 20)


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
    """Sub-menus by the first part of the ids that go there, added when first used."""
    return {
        "class": QMenu("Class", menus["Tools"]),
        "layer": QMenu("Layer", menus["View"]),
        "layout": QMenu("Views side by side", menus["View"]),
        "panel": QMenu("Panels", menus["View"]),
    }


def _menu_for(action_id: str, menu: QMenu, submenus: dict[str, QMenu]) -> QMenu:
    group = action_id.partition(".")[0]
    if group not in submenus:
        return menu
    if submenus[group].isEmpty():
        menu.addMenu(submenus[group])
    return submenus[group]


def fill_main_bar(bar: QToolBar, actions: ActionSet) -> None:
    """Put files, undo and the model's commands into the bar below the menus."""
    bar.setIconSize(ICON_SIZE)
    _add(bar, actions, BAR_FILE)
    bar.addSeparator()
    _add(bar, actions, BAR_MODEL)
    for name in ("model.run", "model.run_all"):
        button = bar.widgetForAction(actions[name])
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    bar.addSeparator()


def add_layouts(bar: QToolBar, actions: ActionSet) -> None:
    """Add the views side by side to the end of the bar."""
    bar.addSeparator()
    _add(bar, actions, BAR_LAYOUT)


def build_tool_column(actions: ActionSet, tools: Iterable[type[Tool]]) -> QToolBar:
    """The column of tools beside the canvas."""
    bar = QToolBar("Tools")
    bar.setObjectName("bar.tools")
    bar.setAccessibleName("Tools")
    bar.setIconSize(ICON_SIZE)
    bar.setMovable(False)
    bar.setOrientation(Qt.Orientation.Vertical)
    _add(bar, actions, map(tool_id, tools))
    bar.addSeparator()
    _add(bar, actions, ("class.swap", "brush.only_unlabelled"))
    bar.addSeparator()
    _add(bar, actions, ("view.overlay", "view.fit"))
    return bar


def _add(bar: QToolBar, actions: ActionSet, ids: Iterable[str]) -> None:
    for action_id in ids:
        bar.addAction(actions[action_id])
        button = bar.widgetForAction(actions[action_id])
        button.setAccessibleName(actions[action_id].text().rstrip("…"))
