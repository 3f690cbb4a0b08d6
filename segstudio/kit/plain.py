"""Text that is shown as it is: names of files, classes and models are nobody's markup.

Qt takes any text that looks like HTML for HTML, in labels, message boxes and tool tips; a class
called "<img src=...>" would then load a file.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

from segstudio.core.text import as_html, printable
from segstudio.kit.focus_ring import FocusRing

TIP_CHARS: Final = 60
"""Where lines of tips end at the latest."""


class PlainLabel(QLabel):
    """A label that shows its text as it is."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(printable(text, lines=True), parent)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def setText(self, text: str) -> None:
        """Show another text; bytes of a name that are no text are shown as such."""
        super().setText(printable(text, lines=True))


class FaintLabel(PlainLabel):
    """Lines that say what is beside them: faint, and broken where there is no room."""

    def __init__(self, text: str = "", *, wraps: bool = True) -> None:
        super().__init__(text)
        self.setWordWrap(wraps)
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText)


class LinkLabel(QLabel):
    """Rich text with links for mouse and keyboard, in the colours of the theme."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        FocusRing(self)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme: Qt gives links their colour when it reads a text, and never again."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self.text():
            text = self.text()
            self.setText("")  # the same text would not be read again
            self.setText(text)


def wrapped(text: str, width: int = TIP_CHARS) -> str:
    """A text broken into lines that are read at a glance; Qt would let a tip run on in one line."""
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width))


def _broken(line: str, width: int) -> list[str]:
    """Break between words; a name longer than a line after `/`, `_`, `-` or `.` if it has one."""
    parts = [""]
    for word in line.split(" "):
        if len(parts[-1]) + 1 + len(word) <= width:
            parts[-1] += f" {word}" if parts[-1] else word
            continue
        while len(word) > width:
            cut = max(word.rfind(mark, 0, width) for mark in "/\\_-.") + 1
            parts.append(word[: cut or width])
            word = word[cut or width :]
        parts.append(word)
    return [part for part in parts if part] or [""]


def plain(text: str) -> str:
    """A text for a tool tip, wrapped; a tip has no other way to say that it is no HTML."""
    text = wrapped(printable(text, lines=True))
    if "<" not in text and "&" not in text:
        return text
    return f"<span>{as_html(text, quote=False)}</span>".replace("\n", "<br>")


def semibold(html: str) -> str:
    """Rich text whose strong words are semibold: a bolder font does not come along, and Qt would
    smear this one.
    """
    return html.replace("<b>", '<span style="font-weight:600">').replace("</b>", "</span>")


def semibold_font(font: QFont) -> QFont:
    found = QFont(font)
    found.setWeight(QFont.Weight.DemiBold)
    return found


def in_menu(text: str) -> str:
    """A name in an entry of a menu, where `&` marks a key and what follows a tab is one."""
    return printable(text).replace("&", "&&")


def plain_box(parent: QWidget) -> QMessageBox:
    """A message box that shows its texts as they are."""
    box = QMessageBox(parent)
    box.setWindowTitle("segstudio")
    box.setTextFormat(Qt.TextFormat.PlainText)
    return box
