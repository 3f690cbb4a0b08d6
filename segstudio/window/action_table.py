"""The table of all commands. Menus, tool bars, keys, palette and cheat sheet are made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from segstudio.annotation.ui.limit_actions import LIMIT_ACTIONS
from segstudio.annotation.ui.object_actions import OBJECT_ACTIONS, STROKE_ACTION
from segstudio.annotation.ui.region_actions import REGION_ACTIONS
from segstudio.annotation.ui.tools import tool_table
from segstudio.annotation.ui.tools.copy_tool import PIECE_ACTIONS
from segstudio.canvas.tool import Tool
from segstudio.canvas.wheel import faded, resized_brush
from segstudio.comparison.ui.compare_actions import (
    COMPARE_ACTIONS,
    FLAVOUR_ACTIONS,
    FLAVOUR_CHOICES,
    MARK_ACTIONS,
)
from segstudio.evaluation.ui.panel_actions import EVALUATION_ACTIONS
from segstudio.evaluation.ui.queue_actions import QUEUE_ACTIONS
from segstudio.folder.ui.image_actions import IMAGE_ACTIONS, SCALE_BAR_ACTION
from segstudio.inspection.ui.network_actions import NETWORK_ACTIONS
from segstudio.kit.actions import (
    ActionSpec,
    Condition,
    Context,
    Scope,
    always,
    flip_view,
    has_document,
    has_project,
    is_view,
)
from segstudio.kit.frame_names import (
    EDIT,
    EVALUATION,
    FILE,
    HELP,
    IMAGE,
    MODEL,
    NETWORK,
    TOOLS,
    VIEW,
)
from segstudio.kit.layer_names import LAYER_TEXTS, LAYER_TIPS, LAYERS, STYLES
from segstudio.runs.ui.run_actions import (
    DISAGREEMENT_ACTIONS,
    RUN_ACTIONS,
    TAKE_ACTIONS,
    WEIGHTS_ACTIONS,
)
from segstudio.training.ui.training_actions import TRAINING_ACTIONS
from segstudio.window import panels
from segstudio.window.contrast_popover import CONTRAST
from segstudio.window.panels import Area, PanelSpec
from segstudio.window.room import BESIDE, OVER
from segstudio.window.room_place import BESIDE_FROM


def _has_masks(c: Context) -> bool:
    return c.session.project is not None and c.session.project.truth is not None


def _can_edit(c: Context) -> bool:
    return c.session.document is not None and not c.session.read_only


def _flip_read_only(c: Context) -> None:
    c.studio.folder_claim.set_read_only(read_only=not c.session.read_only)


def _has_model(c: Context) -> bool:
    return bool(c.session.model.chosen)


def _can_run(c: Context) -> bool:
    return has_document(c) and _has_model(c)


def _can_run_all(c: Context) -> bool:
    project = c.session.project
    return project is not None and bool(project.images) and _has_model(c)


def _has_prediction(c: Context) -> bool:
    document = c.session.document
    return document is not None and bool(document.predictions)


def _can_use_prediction(c: Context) -> bool:
    return _has_prediction(c) and _can_edit(c)


def _has_truth(c: Context) -> bool:
    document = c.session.document
    return document is not None and document.truth is not None


def _can_use_truth(c: Context) -> bool:
    return _has_truth(c) and _can_edit(c)


def _can_undo(c: Context) -> bool:
    document = c.session.document
    return document is not None and document.history.can_undo and _can_edit(c)


def _can_redo(c: Context) -> bool:
    document = c.session.document
    return document is not None and document.history.can_redo and _can_edit(c)


def _is_dirty(c: Context) -> bool:
    document = c.session.document
    return document is not None and document.dirty


def _where_saved(c: Context) -> str:
    document = c.session.document
    if document is None or document.place is None:
        return "Write the mask of this image now"
    files = " and ".join(c.studio.place.shown(p) for p in document.place.files[:1])
    return f"To {files}"


def _is_running(c: Context) -> bool:
    return c.studio.segmenting.running


def _set_view(field: str, value: object, c: Context) -> None:
    c.session.set_view(**{field: value})


def _next_of(field: str, values: tuple[str, ...], c: Context) -> None:
    now = str(getattr(c.session.view, field))
    at = values.index(now) if now in values else -1
    kind = type(getattr(c.session.view, field))
    c.session.set_view(**{field: kind(values[(at + 1) % len(values)])})


def _resize_brush(steps: int, c: Context) -> None:
    c.session.set_view(brush_size=resized_brush(c.session.view.brush_size, steps))


def _fade(steps: int, c: Context) -> None:
    c.session.set_view(opacity=faded(c.session.view.opacity, steps))


def _choose_class(position: int, c: Context) -> None:
    """The class that a number key stands for, if there is one."""
    from segstudio.core.schema import class_keys  # numpy: not before the first paint

    keys = class_keys(c.session.schema)
    chosen = next((class_id for class_id, number in keys.items() if number == position), None)
    if position == 0 or chosen is not None:
        _activate(c, chosen or 0)


def _step_class(step: int, c: Context) -> None:
    ids = c.session.schema.ids
    if ids:
        now = c.session.view.active_class
        at = ids.index(now) if now in ids else 0
        _activate(c, ids[(at + step) % len(ids)])


def _activate(c: Context, class_id: int) -> None:
    view = c.session.view
    if class_id != view.active_class:
        c.session.set_view(active_class=class_id, previous_class=view.active_class)


def _swap_class(c: Context) -> None:
    view = c.session.view
    if view.active_class != 0:
        c.session.set_view(active_class=0, previous_class=view.active_class)
    elif view.previous_class != 0:
        c.session.set_view(active_class=view.previous_class, previous_class=0)


_NEXT_PART, _PREVIOUS_PART = "view.next_panel", "view.previous_panel"


def _toggle_panel(name: str, c: Context) -> None:
    c.window.docks.toggle(name)


def _panel_shown(name: str, c: Context) -> bool:
    return c.window.docks.opened(name)


def _toggle_scores(c: Context) -> None:
    """Open what says more of the scores, or close it where it is seen."""
    docks, classes = c.window.docks, c.window.classes
    was_seen = docks.shown("Classes")
    docks.open("Classes")
    classes.show_more(not (was_seen and classes.more.isChecked()))


def _toggle_area(area: Area, c: Context) -> None:
    c.window.docks.toggle_area(area)


def _area_shown(area: Area, c: Context) -> bool:
    return c.window.docks.area_shown(area)


def _pick(field: str, value: str, c: Context) -> None:
    kind = type(getattr(c.session.view, field))
    c.session.set_view(**{field: kind(value)})


def _pick_layer(name: str, c: Context) -> None:
    from segstudio.session.session import Layer

    c.studio.comparing.choose(c.canvas.pane_at_hand, layer=Layer(name))


def _is_layer(name: str, c: Context) -> bool:
    return str(c.canvas.shown_view.layer) == name


def _has_auto_contrast(c: Context) -> bool:
    from segstudio.core.tones import tones_for

    document = c.session.document
    return document is not None and tones_for(document.tones, c.session.view.contrast)[1]


def _flip_auto_contrast(c: Context) -> None:
    chosen = replace(c.session.view.contrast, automatic=not _has_auto_contrast(c))
    c.session.set_view(contrast=chosen)


def _invert(c: Context) -> None:
    chosen = c.session.view.contrast
    c.session.set_view(contrast=replace(chosen, inverted=not chosen.inverted))


def _show_as_it_is(c: Context) -> None:
    from segstudio.core.channel_looks import AS_IN_FILES
    from segstudio.core.tones import Contrast

    c.session.set_view(contrast=Contrast(automatic=False), channels=AS_IN_FILES)


def tool_id(tool: type[Tool]) -> str:
    """The id of the command that takes a tool."""
    return f"tool.{tool.name}"


def _of_tool(tool: type[Tool]) -> ActionSpec:
    return ActionSpec(
        tool_id(tool), TOOLS, tool.title, partial(_pick, "tool", tool.name), tool.icon,
        (tool.shortcut,) if tool.shortcut else (), enabled=_can_edit if tool.edits else has_document,
        checked=partial(is_view, "tool", tool.name), tip=tool.tip,
        tip_now=(lambda c: c.session.read_only or tool.tip) if tool.edits else None,
    )  # fmt: skip


def _of_panel(panel: PanelSpec) -> ActionSpec:
    return ActionSpec(
        panel.action_id, VIEW, f"{panel.name} panel", partial(_toggle_panel, panel.name),
        panel.icon, panel.keys, checked=partial(_panel_shown, panel.name), section=3, tip=panel.tip,
    )  # fmt: skip


def _has_room(c: Context) -> bool:
    return not c.window.docks.room.isHidden()


def _can_be_beside(c: Context) -> bool:
    return _has_room(c) and c.window.docks.place.may_be_beside


def _where_beside(c: Context) -> str:
    if not c.window.docks.place.may_be_beside:
        return f"The window has to be {BESIDE_FROM} pixels wide for it"
    return "In place of the right column, instead of below the views"


def _options(tools: Sequence[type[Tool]]) -> tuple[ActionSpec, ...]:
    """The options of all tools, each once."""
    return tuple({option.id: option for tool in tools for option in tool.options}.values())


_FILE = (
    ActionSpec("file.open", FILE, "Open folder…", lambda c: c.verbs.open_folder(), "folder-open",
               ("Ctrl+O", "Ctrl+U"), tip="Open a folder of images (or drop one on the window)"),
    ActionSpec("file.samples", FILE, "Open samples", lambda c: c.studio.browsing.open_samples(),
               "flask-conical", tip="Open the images that come with segstudio"),
    ActionSpec("file.lessons", FILE, "Open lessons", lambda c: c.studio.browsing.open_lessons(),
               "graduation-cap",
               tip="Open the membranes that the lesson networks (Small U-Net …) were trained for"),
    ActionSpec("file.rescan", FILE, "Read folder again", lambda c: c.studio.browsing.rescan(),
               "refresh-cw", ("Ctrl+R",), enabled=has_project,
               tip="Look for images that came or went"),
    ActionSpec("file.truth", FILE, "Choose ground truth…",
               lambda c: c.verbs.choose_truth(), "target", enabled=has_project,
               tip="Tell where the masks lie and how they are called, if not found", section=1),
    ActionSpec("file.masks", FILE, "Read masks as…", lambda c: c.verbs.read_masks(),
               "square-dashed", enabled=_has_masks, section=1,
               tip="Tell whether masks hold class ids, black and white, objects or colours"),
    ActionSpec("file.save", FILE, "Save annotation", lambda c: c.studio.autosave.save_now(),
               "save", ("Ctrl+S",), enabled=_is_dirty,
               tip="Write the mask of this image now", tip_now=_where_saved, section=1),
    ActionSpec("file.saving", FILE, "Where corrections are saved", lambda c: c.studio.place.question_again(),
               "folder-check", enabled=_can_use_truth, section=1,
               tip="In the ground truth's own files, or in annotations/; asked in a bar"),
    ActionSpec("file.read_only", FILE, "Read-only", _flip_read_only, "lock",
               enabled=has_project, checked=lambda c: bool(c.session.read_only),
               tip="Look at this folder without changing it", section=1),
    ActionSpec("file.export", FILE, "Export masks…", lambda c: c.verbs.export(), "file-output",
               ("Ctrl+E",), enabled=has_document,
               tip="Write annotations, ground truth or predictions as PNG", section=1),
    ActionSpec("file.settings", FILE, "Settings…", lambda c: c.verbs.settings(), "settings",
               ("Ctrl+,",), section=2),
    ActionSpec("file.shortcuts", FILE, "Keyboard shortcuts…", lambda c: c.verbs.shortcuts(),
               "keyboard", section=2),
    ActionSpec("file.quit", FILE, "Quit", lambda c: c.window.close(), "log-out", ("Ctrl+Q",),
               section=3),
)  # fmt: skip

_EDIT = (
    ActionSpec("edit.undo", EDIT, "Undo", lambda c: c.studio.editing.undo(), "undo-2",
               ("Ctrl+Z",), enabled=_can_undo, repeats=True),
    ActionSpec("edit.redo", EDIT, "Redo", lambda c: c.studio.editing.redo(), "redo-2",
               ("Ctrl+Y", "Ctrl+Shift+Z"), enabled=_can_redo, repeats=True),
    ActionSpec("edit.use_prediction", EDIT, "Use prediction as annotation",
               lambda c: c.studio.editing.use_prediction(c.canvas.shown_view.run), "clipboard-check",
               ("Ctrl+Shift+U",), enabled=_can_use_prediction, section=1,
               tip="Start from the shown prediction; can be undone"),
    *TAKE_ACTIONS,
    ActionSpec("edit.use_truth", EDIT, "Use ground truth as annotation",
               lambda c: c.studio.editing.use_truth(), "target", enabled=_can_use_truth, section=1,
               tip="Go back to the ground truth as loaded; can be undone"),
    ActionSpec("edit.revert", EDIT, "Revert to original", lambda c: c.studio.place.revert(),
               "history", enabled=_can_use_truth, section=1,
               tip="Take the mask as another program wrote it last; can be undone"),
    ActionSpec("edit.versions", EDIT, "Versions of the mask…", lambda c: c.verbs.show_versions(),
               "history", enabled=_has_truth, section=1,
               tip="Every version that another program wrote: look at it, restore it"),
    ActionSpec("edit.provenance", EDIT, "Keep who wrote each pixel",
               lambda c: c.studio.provenance.toggle(), enabled=has_project,
               checked=lambda c: c.session.view.provenance, section=1,
               tip="A person, an import or which model, in provenance/ beside the masks: what a "
               "model wrote is left out when that model is scored"),
    ActionSpec("edit.clear", EDIT, "Clear annotation", lambda c: c.studio.editing.clear(),
               "trash-2", enabled=_can_edit, section=1,
               tip="Make every pixel background; can be undone"),
    *PIECE_ACTIONS,
    *OBJECT_ACTIONS,
)  # fmt: skip

_BRUSH = (
    ActionSpec("brush.smaller", TOOLS, "Smaller brush", partial(_resize_brush, -1), "minus",
               ("[",), section=1, repeats=True, tip="Also Shift+wheel"),
    ActionSpec("brush.larger", TOOLS, "Larger brush", partial(_resize_brush, 1), "plus",
               ("]",), section=1, repeats=True, tip="Also Shift+wheel"),
    ActionSpec("brush.much_smaller", TOOLS, "Much smaller brush", partial(_resize_brush, -10),
               "minus", ("Shift+[", "{"), section=1, repeats=True),
    ActionSpec("brush.much_larger", TOOLS, "Much larger brush", partial(_resize_brush, 10),
               "plus", ("Shift+]", "}"), section=1, repeats=True),
    STROKE_ACTION,
)  # fmt: skip

_CLASSES = (
    ActionSpec("class.swap", TOOLS, "Swap class and background", _swap_class, "arrow-left-right",
               ("X",), section=2),
    ActionSpec("class.read_names", TOOLS, "Read class names from a file…",
               lambda c: c.window.classes.read_names(), "tags", enabled=has_project, section=2,
               tip="One name a line; also labels.txt of labelme and labelmap.txt of CVAT"),
    ActionSpec("class.model_names", TOOLS, "Name classes as the model does",
               lambda c: c.studio.schema_keeper.use_model_names(),
               enabled=lambda c: c.studio.schema_keeper.can_use_model_names(), section=2,
               tip="For classes that have no name yet, such as \u201cobject\u201d or \u201cclass 1\u201d"),
    ActionSpec("class.previous", TOOLS, "Previous class", partial(_step_class, -1),
               keys=(",",), section=2, repeats=True),
    ActionSpec("class.next", TOOLS, "Next class", partial(_step_class, 1), keys=(".",),
               section=2, repeats=True),
    *(
        ActionSpec(f"class.{n}", TOOLS, "Class: background" if n == 0 else f"Class {n}",
                   partial(_choose_class, n), keys=(str(n),), section=3)
        for n in range(10)
    ),
    *(
        ActionSpec(f"class.{n + 9}", TOOLS, f"Class {n + 9}", partial(_choose_class, n + 9),
                   keys=(f"Alt+{n}",), section=3)
        for n in range(1, 10)
    ),
)  # fmt: skip

_VIEW = (
    ActionSpec("view.fit", VIEW, "Fit image", lambda c: c.canvas.fit(), "maximize", ("F",),
               enabled=has_document),
    ActionSpec("view.actual", VIEW, "Actual size (100 %)", lambda c: c.canvas.actual_size(),
               "scan", ("Ctrl+0", "Ctrl+1"), enabled=has_document),
    ActionSpec("view.double", VIEW, "Twice the size (200 %)", lambda c: c.canvas.show_at(2),
               "zoom-in", ("Ctrl+2",), enabled=has_document),
    ActionSpec("view.zoom_in", VIEW, "Zoom in", lambda c: c.canvas.zoom_in(), "zoom-in",
               ("Ctrl++", "Ctrl+="), enabled=has_document, repeats=True, tip="Also the wheel"),
    ActionSpec("view.zoom_out", VIEW, "Zoom out", lambda c: c.canvas.zoom_out(), "zoom-out",
               ("Ctrl+-",), enabled=has_document, repeats=True, tip="Also the wheel"),
    ActionSpec("view.grid", VIEW, "Pixel grid", partial(flip_view, "pixel_grid"), "grid-3x3",
               checked=partial(is_view, "pixel_grid", True),
               tip="Shown when zoomed in far enough"),
    ActionSpec("view.navigator", VIEW, "Navigator", partial(flip_view, "navigator"), "picture-in-picture-2",
               ("F8",), checked=partial(is_view, "navigator", True),
               tip="The whole image in a corner, while a part of it is out of sight"),
    ActionSpec(CONTRAST, VIEW, "Brightness and contrast…",
               lambda c: c.window.open_contrast(), "contrast",
               ("Ctrl+Shift+C",), enabled=has_document, section=1,
               tip="Of the photo as it is shown; models get it as it is"),
    ActionSpec("view.auto_contrast", VIEW, "Automatic contrast", _flip_auto_contrast, "contrast",
               ("Shift+V",), enabled=has_document, checked=_has_auto_contrast, section=1,
               tip="Find brightness and contrast for each image of this folder"),
    ActionSpec("view.inverted", VIEW, "Inverted photo", _invert, "contrast", ("Ctrl+I",),
               enabled=has_document, checked=lambda c: c.session.view.contrast.inverted, section=1,
               tip="Show bright as dark and dark as bright"),
    ActionSpec("view.as_it_is", VIEW, "Photo as it is", _show_as_it_is, enabled=has_document,
               section=1, tip="Neither brighter nor inverted"),
    ActionSpec("view.overlay", VIEW, "Show overlay", partial(flip_view, "overlay_visible"), "eye", ("V",),
               checked=partial(is_view, "overlay_visible", True), section=1,
               tip="Press to switch, hold to peek at the photo"),
    ActionSpec("view.next_layer", VIEW, "Next layer",
               lambda c: c.studio.comparing.next_layer(c.canvas.pane_at_hand), "layers", ("T",),
               section=1, tip="Of the view under the pointer, or clicked on last"),
    ActionSpec("view.next_style", VIEW, "Fill, outline or both",
               partial(_next_of, "style", STYLES), "contrast", ("O",), section=1),
    *FLAVOUR_ACTIONS,
    ActionSpec("view.more_opaque", VIEW, "Overlay more opaque", partial(_fade, 2), "blend",
               ("Shift+.", ">"), section=1, repeats=True, tip="Also Alt+wheel"),
    ActionSpec("view.less_opaque", VIEW, "Overlay less opaque", partial(_fade, -2), "blend",
               ("Shift+,", "<"), section=1, repeats=True, tip="Also Alt+wheel"),
    *(
        ActionSpec(f"layer.{name}", VIEW, f"Layer: {LAYER_TEXTS[name].lower()}",
                   partial(_pick_layer, name), checked=partial(_is_layer, name), section=2,
                   tip=LAYER_TIPS[name])
        for name in LAYERS
    ),
    *FLAVOUR_CHOICES,
    *MARK_ACTIONS,
    SCALE_BAR_ACTION,
    *COMPARE_ACTIONS,
    *DISAGREEMENT_ACTIONS,
)  # fmt: skip

_SCORES = ActionSpec(
    "panel.metrics", VIEW, "More of the scores", _toggle_scores, "table",
    ("Shift+I",), checked=lambda c: c.window.classes.more.isChecked(), section=3,
    tip="Precision, recall, pixels and accuracy below the classes; of the image or the folder",
)  # fmt: skip

_LAYOUT = (
    ActionSpec("view.panels", VIEW, "Hide or show all panels",
               lambda c: c.window.docks.toggle_all(), "panels-top-left", ("Tab",), Scope.CANVAS,
               section=4),
    ActionSpec("view.room", VIEW, "Room below", partial(_toggle_area, Area.BottomDockWidgetArea),
               "panel-bottom", checked=partial(_area_shown, Area.BottomDockWidgetArea), section=4,
               tip="Close the panels below the canvas, or open the last one again"),
    ActionSpec("view.column", VIEW, "Right column",
               partial(_toggle_area, Area.RightDockWidgetArea), "panel-right",
               checked=partial(_area_shown, Area.RightDockWidgetArea), section=4,
               tip="Hide the panels right of the canvas, or show them again"),
    ActionSpec(OVER, VIEW, "Room over the views", lambda c: c.window.docks.switch_over(),
               "maximize-2", ("F11",), enabled=_has_room, section=4,
               checked=lambda c: c.window.docks.place.covers,
               tip="Network or Evaluation takes the place of the views; Esc brings them back"),
    ActionSpec(BESIDE, VIEW, "Room beside the views", lambda c: c.window.docks.switch_beside(),
               "panel-right", ("Shift+F11",), enabled=_can_be_beside, section=4,
               checked=lambda c: c.window.docks.place.is_beside,
               tip="In place of the right column, instead of below the views",
               tip_now=_where_beside),
    ActionSpec(_NEXT_PART, VIEW, "Go to the next part of the window",
               lambda c: c.verbs.go_to_part(1), keys=("F6", "Ctrl+Tab"), section=4,
               tip="Tool bar, images, options, views, panels, room, status bar; Esc goes back to "
               "the views"),
    ActionSpec(_PREVIOUS_PART, VIEW, "Go to the previous part of the window",
               lambda c: c.verbs.go_to_part(-1), keys=("Shift+F6", "Ctrl+Shift+Tab"), section=4),
    ActionSpec("view.menu", VIEW, "Menu of what is selected",
               lambda c: c.verbs.open_menu_of_focused(), keys=("Shift+F10",), section=4,
               tip="What a right click opens: of the image, class, view, stage or row that has the "
               "keys; also the menu key"),
    ActionSpec("view.reset_layout", VIEW, "Reset layout", lambda c: c.window.docks.arrange(),
               "layout-dashboard", section=4, tip="Put all panels back where they were at first"),
)  # fmt: skip

_MODEL = (
    ActionSpec("model.run", MODEL, "Run", lambda c: c.studio.segmenting.run_current(), "play",
               ("F5",), enabled=_can_run, tip="Run the chosen model on this image"),
    ActionSpec("model.run_selected", MODEL, "Run on selected images",
               lambda c: c.studio.segmenting.run_on(c.window.images.selected_images()),
               "images", ("Shift+F5",),
               enabled=lambda c: _can_run_all(c) and c.window.images.has_selection,
               tip="Run the chosen model on the images selected in the list"),
    ActionSpec("model.run_all", MODEL, "Run all", lambda c: c.verbs.run_all(), "fast-forward",
               ("Ctrl+B",), enabled=_can_run_all, tip="Run the chosen model on every image"),
    ActionSpec("model.cancel", MODEL, "Cancel run", lambda c: c.studio.segmenting.cancel(),
               "circle-stop", ("Ctrl+.",), enabled=_is_running),
    ActionSpec("model.start_now", MODEL, "Start now, the plain way",
               lambda c: c.studio.segmenting.routes.start_now(), "play",
               enabled=lambda c: c.studio.segmenting.routes.waits,
               tip="Run at once as the network is, without looking for a faster way first"),
    ActionSpec("model.remove_prediction", MODEL, "Remove shown prediction",
               lambda c: c.studio.segmenting.remove_prediction(c.canvas.shown_view.run), "trash-2",
               enabled=_has_prediction, tip="Remove it from this image, also from disk"),
    ActionSpec("model.download", MODEL, "Download weights",
               lambda c: c.studio.downloads.start(c.session.model.chosen), "download",
               enabled=lambda c: _has_model(c)
               and c.session.model.chosen not in c.session.model.available
               and c.studio.own_weights.entry(c.session.model.chosen) is None, section=1),
)  # fmt: skip

_HELP = (
    ActionSpec("help.help", HELP, "Help", lambda c: c.verbs.help(), "circle-question-mark",
               ("F1",), tip="All pages of the help in a window of their own, with a search"),
    ActionSpec("help.tour", HELP, "Tour", lambda c: c.verbs.help("tour"), "graduation-cap",
               tip="Ten short steps from the samples to a mask of your own"),
    ActionSpec("help.glossary", HELP, "Glossary", lambda c: c.verbs.help("glossary"),
               "book-open", tip="What the words in this window mean"),
    ActionSpec("help.metrics", HELP, "Metrics", lambda c: c.verbs.help("metrics"), "sigma",
               tip="How every figure is defined, and how it was checked"),
    ActionSpec("help.palette", HELP, "Command palette…", lambda c: c.verbs.command_palette(),
               "command", ("Ctrl+Shift+P",), section=1,
               tip="Find and do any command; find a word or heading of the help"),
    ActionSpec("help.keys", HELP, "Keys and mouse", lambda c: c.verbs.cheat_sheet(),
               "keyboard", ("?", "Shift+/"), section=1, tip="Every key and what the mouse does"),
    ActionSpec("help.dismiss", HELP, "Close all messages", lambda c: c.window.notices.dismiss_all(),
               "x", ("Shift+Esc",), section=1),
    ActionSpec("help.about", HELP, "About segstudio", lambda c: c.verbs.about(), "info",
               section=2),
)  # fmt: skip


def all_actions() -> tuple[ActionSpec, ...]:
    """Every command, in the order of the menus."""
    rows = (
        *_FILE, *_EDIT, *IMAGE_ACTIONS, *map(_of_tool, tool_table.TOOLS), *_BRUSH,
        *_options(tool_table.TOOLS), *LIMIT_ACTIONS, *REGION_ACTIONS, *_CLASSES, *_VIEW,
        *map(_of_panel, panels.PANELS), _SCORES, *_LAYOUT, *_MODEL, *WEIGHTS_ACTIONS, *RUN_ACTIONS,
        *TRAINING_ACTIONS,        *NETWORK_ACTIONS, *EVALUATION_ACTIONS, *QUEUE_ACTIONS, *_HELP,
    )  # fmt: skip
    return tuple(_of_folder(row) if _needs_folder(row) else row for row in rows)


_OF_FOLDER = (EDIT, IMAGE, TOOLS, VIEW, NETWORK, EVALUATION)
"""Menus of which nothing can be done, or seen, before a folder is open."""


def _needs_folder(row: ActionSpec) -> bool:
    """Whether it is of no use before a folder is open; the start page has parts of its own."""
    return row.menu in _OF_FOLDER and row.id not in (_NEXT_PART, _PREVIOUS_PART)


@lru_cache(256)
def _of_folder(row: ActionSpec) -> ActionSpec:
    """The command as one that needs a folder, whatever else it needs."""
    return replace(row, enabled=_in_folder(row.enabled))


@lru_cache(256)
def _in_folder(asked: Condition) -> Condition:
    """One for all rows that ask the same, so that it is worked out once for them all."""
    if asked in (always, has_project):
        return has_project
    return lambda c: has_project(c) and asked(c)


def gestures() -> tuple[tuple[str, str], ...]:
    """What the mouse and held keys do on the canvas, as (keys, text); for the cheat sheet."""
    of_tools = dict.fromkeys(gesture for tool in tool_table.TOOLS for gesture in tool.gestures)
    return (*_WHEEL, *of_tools, *_HELD)


_WHEEL = (
    ("Wheel, Ctrl+wheel", "Zoom at the pointer"),
    ("Shift+wheel", "Brush size"),
    ("Alt+wheel", "Overlay opacity"),
)
_HELD = (
    ("Click, with the hand", "Pin a pixel, while the network panel is open"),
    ("Shift+drag, with the hand", "Draw the region to explain, likewise"),
    ("Ctrl+Shift+click", "Take the view's model's answer for the region under the pointer"),
    ("V held", "Peek at the photo without the overlay"),
    ("Y held", "Blink: show the compared layer in the view under the pointer"),
    ("Esc", "Abort the stroke or the polygon"),
)

BAR_FILE = ("file.open", "file.save", "edit.undo", "edit.redo")
BAR_LAYOUT = ("layout.1", "layout.2", "layout.4", "compare.models", "compare.wipe")
BAR_PLACES = ("panel.images", "view.room", "view.column")
"""What the tool bar shows, by id; the model's commands stand between."""
BAR_STRIP = ("view.overlay", "view.fit")
"""What the strip beside the canvas shows below the tools."""
