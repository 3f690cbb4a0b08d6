"""The commands of views side by side, of two layers in one view, and of ways to see objects."""

from __future__ import annotations

from functools import partial

from segstudio.kit.actions import ActionSpec, Context, flip_view, has_document, is_view
from segstudio.kit.frame_names import VIEW
from segstudio.kit.layer_names import FLAVOUR_TEXTS, FLAVOUR_TIPS, FLAVOURS, MARK_TIPS, MARKS

_MARK_KEYS = {"object_ids": ("Ctrl+Shift+I",), "object_boxes": ("Ctrl+Shift+X",)}
LAYOUT_TEXTS = {
    1: "One view",
    2: "Two views",
    3: "Three views",
    4: "Four views",
    6: "Six views",
}
LAYOUT_ICONS = {1: "square", 2: "columns-2", 4: "grid-2x2", 6: "grid-3x2"}


def _set_layout(count: int, c: Context) -> None:
    c.studio.comparing.set_layout(count)


def _is_layout(count: int, c: Context) -> bool:
    return len(c.session.view.all_panes) == count


def _wipe(c: Context) -> None:
    c.studio.comparing.toggle_wipe(c.canvas.pane_at_hand)


def _is_wiped(c: Context) -> bool:
    return c.session.view.wiped >= 0


def _next_flavour(c: Context) -> None:
    at = FLAVOURS.index(c.canvas.shown_view.flavour.value)
    _show_flavour(FLAVOURS[(at + 1) % len(FLAVOURS)], c)


def _show_flavour(name: str, c: Context) -> None:
    """Let the view at hand show objects in this way; where it shows none, it is said."""
    from segstudio.canvas.overlay import why_no_flavour
    from segstudio.session.session import Flavour

    number = c.canvas.pane_at_hand
    c.studio.comparing.choose(number, flavour=Flavour(name))
    document = c.session.document
    why = "" if document is None else why_no_flavour(document, c.session.view.of_pane(number))
    if why:
        c.studio.notices.info(why)


def _is_flavour(name: str, c: Context) -> bool:
    return c.canvas.shown_view.flavour.value == name


COMPARE_ACTIONS = (
    ActionSpec("compare.layout", VIEW, "One, two or four views",
               lambda c: c.studio.comparing.cycle_layout(), "columns-2", ("C",), section=5,
               tip="Views side by side move together; each shows a layer of its own"),
    *(
        ActionSpec(f"layout.{count}", VIEW, text, partial(_set_layout, count),
                   LAYOUT_ICONS.get(count, ""), checked=partial(_is_layout, count), section=5)
        for count, text in LAYOUT_TEXTS.items()
    ),
    ActionSpec("compare.models", VIEW, "Run models side by side…",
               lambda c: c.verbs.run_side_by_side(), "gallery-horizontal-end", ("Ctrl+F5",),
               enabled=has_document, section=5,
               tip="Run up to six models on this image, one view for each"),
    ActionSpec("compare.wipe", VIEW, "Wipe", _wipe, "flip-horizontal-2", ("Shift+C",),
               enabled=has_document, checked=_is_wiped, section=5,
               tip="Two layers in one view, left and right of a line that you drag"),
    ActionSpec("compare.swap", VIEW, "Swap compared layers",
               lambda c: c.studio.comparing.swap(c.canvas.pane_at_hand), "arrow-left-right",
               ("Y",), enabled=has_document, section=5,
               tip="Hold the key on the canvas to blink between the two"),
)  # fmt: skip

FLAVOUR_ACTIONS = (
    ActionSpec("view.next_flavour", VIEW, "Colour by object, class or both", _next_flavour, "layers-2",
               ("S",), enabled=has_document, section=1,
               tip="How objects are coloured in this view"),
)  # fmt: skip
MARK_ACTIONS = tuple(
    ActionSpec(f"view.{field}", VIEW, text, partial(flip_view, field), keys=_MARK_KEYS.get(field, ()),
               enabled=has_document, checked=partial(is_view, field, True), section=2,
               tip=MARK_TIPS[field])
    for field, text in MARKS.items()
)  # fmt: skip
FLAVOUR_CHOICES = (
    *(
        ActionSpec(f"flavour.{name}", VIEW, f"Colour {FLAVOUR_TEXTS[name].lower()}",
                   partial(_show_flavour, name), enabled=has_document, section=2,
                   checked=partial(_is_flavour, name), tip=FLAVOUR_TIPS[name])
        for name in FLAVOURS
    ),
)  # fmt: skip
