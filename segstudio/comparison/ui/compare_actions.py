"""The commands of views side by side and of two layers in one view."""

from __future__ import annotations

from functools import partial

from segstudio.kit.actions import ActionSpec, Context, has_document
from segstudio.kit.frame_names import VIEW

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
