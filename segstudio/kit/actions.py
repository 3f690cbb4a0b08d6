"""What an action is: one row of the table from which every menu, key and button is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.canvas.canvas import Canvas
    from segstudio.session.session import Session
    from segstudio.studio import Studio
    from segstudio.window.main_window import MainWindow
    from segstudio.window.window_commands import WindowCommands


class Scope(StrEnum):
    """Where an action's keys count."""

    WINDOW = "window"
    """Everywhere in the window, except that plain keys go to a text field that has the focus."""
    CANVAS = "canvas"
    """While the canvas has the focus."""
    LIST = "list"
    """While the list of images has the focus."""


@dataclass(frozen=True)
class Context:
    """What an action may use."""

    studio: Studio
    canvas: Canvas
    window: MainWindow
    verbs: WindowCommands

    @property
    def session(self) -> Session:
        return self.studio.session


Run = Callable[[Context], object]
Condition = Callable[[Context], bool]
TextOf = Callable[[Context], str]


def always(context: Context) -> bool:
    """Enabled whenever the window is ready."""
    return True


def has_project(context: Context) -> bool:
    """Whether a folder is open."""
    return context.session.project is not None


def has_document(context: Context) -> bool:
    """Whether an image is open."""
    return context.session.document is not None


def flip_view(field: str, context: Context) -> None:
    """Switch a yes-or-no field of the session's view."""
    view = context.session.view
    context.session.set_view(**{field: not getattr(view, field)})


def is_view(field: str, value: object, context: Context) -> bool:
    """Whether a field of the session's view has a value."""
    return bool(getattr(context.session.view, field) == value)


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One command.

    Attributes:
        id: Stable name, "group.verb"; key of the shortcut settings.
        menu: Title of the menu it stands in.
        text: What menus, palette and cheat sheet show.
        run: Does it.
        icon: Name of a file in resources/icons, or "".
        keys: Shortcuts in Qt's portable form, the first is the one shown.
        scope: Where the shortcuts count.
        enabled: Whether it can be done now.
        checked: For a checkable action: whether it is on.
        tip: One sentence more than `text`, for the tool tip; may be empty.
        tip_now: Gives a sentence that depends on what is open, instead of `tip`.
        section: Within a menu, a line is drawn where the section changes.
        repeats: Whether holding the key repeats it.
        in_menu: Whether the menu shows it; further keys of another row stand in no menu.
    """

    id: str
    menu: str
    text: str
    run: Run
    icon: str = ""
    keys: tuple[str, ...] = ()
    scope: Scope = Scope.WINDOW
    enabled: Condition = always
    checked: Condition | None = None
    tip: str = ""
    tip_now: TextOf | None = None
    section: int = 0
    repeats: bool = False
    in_menu: bool = True


Keymap = Mapping[str, tuple[str, ...]]
"""Shortcuts by action id, for the actions that differ from the table."""


def keys_of(spec: ActionSpec, overrides: Keymap) -> tuple[str, ...]:
    """The shortcuts in force."""
    return overrides.get(spec.id, spec.keys)


def clashes(
    specs: Iterable[ActionSpec], overrides: Keymap, action_id: str, key: str
) -> list[ActionSpec]:
    """The other actions on which `key` already lies where `action_id` would use it."""
    rows = {spec.id: spec for spec in specs}
    mine = rows[action_id].scope
    return [
        spec
        for spec in rows.values()
        if spec.id != action_id
        and key in keys_of(spec, overrides)
        and (spec.scope == mine or Scope.WINDOW in (spec.scope, mine))
    ]
