"""Steps of tests that save, and what they look at."""

from __future__ import annotations

import numpy as np
from PIL import Image as pil


def told(desk) -> list[str]:
    """What the messages that are to be read are about."""
    return [entry.notice.about for entry in desk.notices.shown]


def errors(desk) -> list[str]:
    return [n.about for n in desk.notices.recent if n.level == "error"]


def later(desk, seconds=1.1) -> None:
    """Let the autosave come."""
    desk.clock.advance(seconds)
    desk.settle()


def journals(desk):
    return list(desk.preferences.folders.data.rglob("*.journal"))


def answer(desk, title) -> None:
    """Press a button of the latest message that has one of this name."""
    buttons = [a for n in desk.notices.recent for a in n.actions if a[0] == title]
    buttons[-1][1]()
    desk.settle()


def undo_button(desk):
    """Press the button of the latest message that has one."""
    notice = [n for n in desk.studio.notices.recent if n.action is not None][-1]
    notice.action[1]()
    desk.settle()


def saved_mask(desk):
    return np.array(pil.open(desk.root / "masks" / "a0.png"))
