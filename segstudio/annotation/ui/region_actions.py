"""Commands about regions; what they open is imported when they are given."""

from __future__ import annotations

from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import TOOLS


def _can_edit(c: Context) -> bool:
    return c.session.document is not None and not c.session.read_only


def _tidy(c: Context) -> None:
    from segstudio.annotation.ui.tidy_dialog import show_tidy_dialog

    show_tidy_dialog(c)


_TIP = "Fill holes, remove specks, grow, smooth and others; in this image or in many"
REGION_ACTIONS = (
    ActionSpec(
        "regions.tidy",
        TOOLS,
        "Region operations…",
        _tidy,
        "",
        ("Ctrl+T",),
        enabled=_can_edit,
        tip=_TIP,
        tip_now=lambda c: c.session.read_only or _TIP,
        section=1,
    ),
)
