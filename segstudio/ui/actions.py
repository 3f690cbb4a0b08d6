"""What an action is: one row of the table from which every menu, key and button is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from segstudio.app.studio import Studio
    from segstudio.session.session import Session
    from segstudio.ui.canvas.canvas import Canvas


class Scope(StrEnum):
    """Where an action's keys count."""

    WINDOW = "window"
    """Everywhere in the window, except that plain keys go to a text field that has the focus."""
    CANVAS = "canvas"
    """While the canvas has the focus."""
    LIST = "list"
    """While the list of images has the focus."""


class WindowVerbs(Protocol):
    """What actions ask of the window itself."""

    def open_folder(self) -> None:
        """Ask for a folder and open it."""
        ...

    def choose_truth(self) -> None:
        """Ask where the ground truth lies."""
        ...

    def read_masks(self) -> None:
        """Ask what the values of the masks are."""
        ...

    def export(self) -> None:
        """Ask what to export and where."""
        ...

    def load_weights(self) -> None:
        """Ask for a weights file."""
        ...

    def settings(self) -> None:
        """Show the settings."""
        ...

    def shortcuts(self) -> None:
        """Edit the shortcuts."""
        ...

    def command_palette(self) -> None:
        """Find a command by its name."""
        ...

    def cheat_sheet(self) -> None:
        """Show all keys."""
        ...

    def about(self) -> None:
        """Show the version."""
        ...

    def export_network(self, kind: str) -> None:
        """Ask for a file and write what the network panel shows: "report", "svg", ..."""
        ...

    def evaluate(self) -> None:
        """Hold the models chosen in the evaluation panel against the ground truth."""
        ...

    def export_evaluation(self, kind: str) -> None:
        """Ask for a file and write the evaluation's figures: "report", "csv" or "json"."""
        ...

    def map_classes(self) -> None:
        """Say what a model's classes count as."""
        ...

    def manage_runs(self, what: str) -> None:
        """Ask for a "new" named run or an "ensemble", or "remove" the chosen one."""
        ...

    def show_versions(self) -> None:
        """Show the versions of the open image's masks that other programs wrote."""
        ...

    def clear_annotation(self) -> None:
        """Make everything background."""
        ...

    def run_selected(self) -> None:
        """Run the model on the selected images."""
        ...

    def run_all(self) -> None:
        """Run the model on every image."""
        ...

    def run_side_by_side(self) -> None:
        """Ask for models, run them on the open image and give each a view."""
        ...

    def toggle_panels(self) -> None:
        """Hide all panels, or bring them back."""
        ...

    def toggle_panel(self, name: str) -> None:
        """Open or close one panel."""
        ...

    def panel_shown(self, name: str) -> bool:
        """Whether a panel is open."""
        ...

    def go_to_panel(self, by: int) -> None:
        """Give the keys to the next (1) or previous (-1) panel, or to the canvas."""
        ...

    def read_class_names(self) -> None:
        """Ask for a file of class names."""
        ...

    def dismiss_notices(self) -> None:
        """Take all messages away."""
        ...

    def find_image(self) -> None:
        """Let the user type a part of an image's name."""
        ...

    def copy_path(self) -> None:
        """Put the path of the open image on the clipboard."""
        ...

    def show_file(self) -> None:
        """Open the folder of the open image in the file manager."""
        ...

    def reset_layout(self) -> None:
        """Put the panels where they were at first."""
        ...

    def quit(self) -> None:
        """Close the window."""
        ...

    def selected_images(self) -> list[int]:
        """Images selected in the list."""
        ...


@dataclass(frozen=True)
class Context:
    """What an action may use."""

    studio: Studio
    canvas: Canvas
    window: WindowVerbs

    @property
    def session(self) -> Session:
        """What is open."""
        return self.studio.session


Run = Callable[[Context], None]
Ask = Callable[[Context], bool]
Tell = Callable[[Context], str]


def always(context: Context) -> bool:
    """Enabled whenever the window is ready."""
    return True


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
    enabled: Ask = always
    checked: Ask | None = None
    tip: str = ""
    tip_now: Tell | None = None
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
