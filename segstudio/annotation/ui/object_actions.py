"""Commands for single objects, and what the menu of a view offers for the one under the pointer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import QMenu

from segstudio.annotation.ui.tools.merge_tool import MERGE
from segstudio.annotation.ui.tools.split_tool import SPLIT
from segstudio.kit.actions import ActionSpec, Context, Scope, has_project
from segstudio.kit.frame_names import EDIT, TOOLS
from segstudio.kit.icons import icon
from segstudio.kit.plain import in_menu
from segstudio.kit.swatch import swatch

if TYPE_CHECKING:
    from segstudio.annotation.objects import Objects
    from segstudio.session.session import Session

STROKE_MAKES = {"automatic": "Automatic", "new": "New", "this": "This"}
STROKE_TIPS = {
    "automatic": "What begins on an object extends it; on free ground it is a new one",
    "new": "Each stroke, fill or polygon is an object of its own",
    "this": "Each stroke, fill or polygon is a part of the selected object",
}


def _can_edit(c: Context) -> bool:
    return c.session.document is not None and not c.session.read_only


def _has_selection(c: Context) -> bool:
    return bool(c.session.selection) and _can_edit(c)


def _has_two(c: Context) -> bool:
    return len(c.session.selection.objects) > 1 and _can_edit(c)


def _keeps_ids(c: Context) -> bool:
    document = c.session.document
    return document is not None and document.annotation.instances is not None


def _next_rule(c: Context) -> None:
    from segstudio.session.session import StrokeMakes

    rules = list(StrokeMakes)
    now = rules.index(c.session.view.stroke_makes)
    c.session.set_view(stroke_makes=rules[(now + 1) % len(rules)])


def _which_rule(c: Context) -> str:
    now = c.session.view.stroke_makes.value
    return f"{STROKE_MAKES[now]} now: {STROKE_TIPS[now][0].lower()}{STROKE_TIPS[now][1:]}"


OBJECT_ACTIONS = (
    ActionSpec("objects.delete", EDIT, "Delete selected objects",
               lambda c: c.studio.objects.delete(), "trash-2", ("Del",), Scope.CANVAS,
               enabled=_has_selection, section=2,
               tip="Make what is selected background; can be undone"),
    ActionSpec("objects.merge", EDIT, "Merge selected objects",
               lambda c: c.studio.objects.merge(), "merge", ("Ctrl+G",),
               enabled=_has_two, section=2,
               tip="One object of them, of the first one's class and number"),
    ActionSpec("objects.select_all", EDIT, "Select all objects",
               lambda c: c.studio.objects.select_all(), keys=("Ctrl+A",), scope=Scope.CANVAS,
               enabled=_keeps_ids, section=2),
    ActionSpec("objects.renumber", EDIT, "Renumber objects",
               lambda c: c.studio.objects.renumber(),
               enabled=lambda c: _can_edit(c) and _keeps_ids(c), section=2,
               tip="Number them 1, 2, 3, … in the order of their numbers"),
    ActionSpec("objects.from_regions", EDIT, "Make objects of the regions",
               lambda c: c.studio.objects.from_regions(), enabled=_can_edit, section=2,
               tip="Each connected region that is no object yet becomes one"),
    ActionSpec("objects.csv", EDIT, "Save objects as CSV…",
               lambda c: c.window.object_list.save(every=False), "download",
               enabled=_keeps_ids, section=3,
               tip="Number, class, area, intensity and score of every object of this image"),
    ActionSpec("objects.csv_all", EDIT, "Save objects of all images as CSV…",
               lambda c: c.window.object_list.save(every=True), "download",
               enabled=has_project, section=3, tip="A line for each object of each image and page"),
)  # fmt: skip

STROKE_ACTION = ActionSpec(
    "stroke.next", TOOLS, "Stroke makes: automatic, new, this", _next_rule, "",
    ("Shift+O",), section=1, tip_now=_which_rule,
    tip="Which object a stroke, a fill or a polygon becomes; goes to the next rule",
)  # fmt: skip


def add_object_entries(
    menu: QMenu, session: Session, objects: Objects, pixel: tuple[int, int]
) -> None:
    """Put what can be done with the object or region at a pixel on top of a menu, if there is one.

    What is selected and holds the pixel is meant as a whole, else what lies at the pixel is
    selected first.
    """
    if session.read_only or not _choose_at(session, objects, pixel):
        return
    selection = session.selection
    several = len(selection.objects) + len(selection.regions) > 1
    first = objects.at(*pixel)
    named = f"object #{first}" if first else "this region"
    what = "what is selected" if several else named
    entries = [("trash-2", f"Delete {what}", objects.delete)]
    if len(selection.objects) > 1:
        entries.insert(0, ("merge", "Merge what is selected", objects.merge))
    if first:
        merge = partial(_merge_with, session, objects, first)
        entries.insert(0, ("merge", f"Merge {named} with…", merge))
        entries.insert(0, ("split", f"Split {named}…", partial(_take, session, SPLIT)))
    top = next(iter(menu.actions()), None)
    for entry in entries:
        _insert(menu, top, *entry)
    classes = _classes_menu(menu, f"Change class of {what}", session, objects)
    _place(menu, top, classes.menuAction())
    if first:
        _insert(menu, top, "", "Renumber objects", objects.renumber)
    else:
        _insert(menu, top, "", "Make objects of the regions", objects.from_regions)
    if top is not None:
        menu.insertSeparator(top)


def _classes_menu(menu: QMenu, title: str, session: Session, objects: Objects) -> QMenu:
    classes = QMenu(title, menu)
    for spec in session.schema.classes:
        if spec.id and spec.id != session.schema.ignore_index:
            chosen = classes.addAction(swatch(QColor(*spec.color)), in_menu(spec.name))
            chosen.triggered.connect(partial(_change_class, objects, spec.id))
    return classes


def _choose_at(session: Session, objects: Objects, pixel: tuple[int, int]) -> bool:
    """Select what lies at a pixel unless it is selected; whether there is something."""
    if (object_id := objects.at(*pixel)) in session.selection.objects and object_id:
        return True
    if any(objects.same_region(seed, pixel) for seed in session.selection.regions):
        return True
    before = session.selection
    if objects.select_at(*pixel):
        return True
    session.select(before)
    return False


def _insert(
    menu: QMenu, before: QAction | None, picture: str, text: str, run: Callable[[], object]
) -> None:
    action = QAction(icon(picture), text, menu) if picture else QAction(text, menu)
    action.triggered.connect(lambda: run())
    _place(menu, before, action)


def _place(menu: QMenu, before: QAction | None, action: QAction) -> None:
    if before is None:
        menu.addAction(action)
    else:
        menu.insertAction(before, action)


def _take(session: Session, tool: str) -> None:
    session.set_view(tool=tool)


def _merge_with(session: Session, objects: Objects, first: int) -> None:
    session.set_view(tool=MERGE)
    objects.begin_merge(first)


def _change_class(objects: Objects, class_id: int) -> None:
    objects.change_class(class_id)
