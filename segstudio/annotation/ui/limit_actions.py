"""Commands for the limits of painting; every tool that paints keeps to them."""

from __future__ import annotations

from functools import partial

from segstudio.kit.actions import ActionSpec, Context, flip_view, has_document, is_view
from segstudio.kit.frame_names import TOOLS


def _limits(c: Context) -> bool:
    from segstudio.session.session import NO_LIMITS

    return any(getattr(c.session.view, field) != off for field, off in NO_LIMITS.items())


def _reset(c: Context) -> None:
    from segstudio.session.session import NO_LIMITS

    c.session.set_view(**NO_LIMITS)


def _flip_lock(c: Context) -> None:
    view = c.session.view
    c.session.set_view(locked_classes=view.locked_classes ^ {view.active_class})


def _is_locked(c: Context) -> bool:
    return c.session.view.active_class in c.session.view.locked_classes


RESET = "limits.reset"
OPEN = "limits.open"
LIMIT_ACTIONS = (
    ActionSpec(
        "brush.only_unlabelled",
        TOOLS,
        "Paint only over unlabelled",
        partial(flip_view, "only_unlabelled"),
        "lock",
        ("L",),
        checked=partial(is_view, "only_unlabelled", True),
        tip="Leave pixels alone that already have a class",
        section=1,
    ),
    ActionSpec(
        "class.lock",
        TOOLS,
        "Lock the active class",
        _flip_lock,
        "lock",
        ("Alt+L",),
        enabled=has_document,
        checked=_is_locked,
        tip="Leave its pixels alone: nothing paints over them or erases them",
        section=1,
    ),
    ActionSpec(
        OPEN,
        TOOLS,
        "Limits of painting…",
        lambda c: c.window.options.limits.open_popover(),
        "lock",
        ("Ctrl+L",),
        enabled=has_document,
        tip="By class, by stored value, by the model's confidence, by the photo's edges",
        section=1,
    ),
    ActionSpec(
        RESET,
        TOOLS,
        "Reset the limits of painting",
        _reset,
        "x",
        ("Ctrl+Shift+L",),
        enabled=_limits,
        tip="Paint everywhere again",
        section=1,
    ),
)
