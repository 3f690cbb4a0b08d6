"""Small flat buttons as panels have them."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QToolButton

from segstudio.kit.icons import icon
from segstudio.kit.plain import plain


def icon_button(picture: str, tip: str, *, name: str = "", px: int = 16) -> QToolButton:
    """A button with an icon only.

    Args:
        picture: Name of the icon.
        tip: Its tool tip; a key may follow in parentheses.
        name: What screen readers say; the tip without its key if not given.
        px: Side of the icon.
    """
    button = QToolButton()
    button.setIcon(icon(picture))
    button.setIconSize(QSize(px, px))
    button.setAutoRaise(True)
    button.setToolTip(plain(tip))
    button.setAccessibleName(name or tip.partition(" (")[0].rstrip("…"))
    return button


def text_switch(text: str, tip: str) -> QToolButton:
    """A button with a word that stays pressed."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(plain(tip))
    button.setCheckable(True)
    button.setAutoRaise(True)
    return button
