"""The cheat sheet: every key and mouse habit, searchable, over the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.text import as_html
from segstudio.kit.action_set import ActionSet, native
from segstudio.kit.dialog import Dialog
from segstudio.kit.focus_ring import FocusRing
from segstudio.kit.frame_names import MENUS
from segstudio.kit.plain import semibold
from segstudio.window.action_table import gestures

_COLUMNS = 2
_KEY_WIDTH = 175
"""One width for the keys of all sections, so that the texts stand under each other."""
_MOUSE = "Mouse and held keys"
_CLASS_KEYS = "1 to 9, Alt+1 to Alt+9"
"""In one line, as long as they are those."""


class CheatSheet(Dialog):
    """Keys by menu; typing keeps the lines that have the words."""

    def __init__(self, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self._sections = _sections(actions)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a key or a command")
        self.field.setAccessibleName("Find a key or a command")
        self.field.setClearButtonEnabled(True)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setAccessibleName("Keys")
        FocusRing(self._scroll)
        self.customize = QPushButton("Change shortcuts…")
        self.customize.setAutoDefault(False)
        self.customize.clicked.connect(self.accept)
        self.customize.clicked.connect(lambda: actions.run("file.shortcuts"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.customize, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.field)
        column.addWidget(self._scroll, 1)
        column.addWidget(buttons)
        self.resize(min(880, parent.width() - 40), min(640, parent.height() - 60))
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.field.setFocus()
        self._fill("")

    @property
    def lines(self) -> list[tuple[str, str]]:
        """(keys, text) of the lines that are shown."""
        words = self.field.text().lower().split()
        return [
            line
            for title, lines in self._sections.items()
            for line in lines
            if _matches(words, title, line)
        ]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            bar = self._scroll.verticalScrollBar()
            if event.key() in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
                step = bar.pageStep() if event.key() == Qt.Key.Key_PageDown else -bar.pageStep()
                bar.setValue(bar.value() + step)
                return True
        return False

    def _fill(self, query: str) -> None:
        words = query.lower().split()
        page = QWidget()
        grid = QGridLayout(page)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(16)
        shown = 0
        heights = [0] * _COLUMNS
        columns = [QVBoxLayout() for _ in range(_COLUMNS)]
        for title, lines in self._sections.items():
            found = [line for line in lines if _matches(words, title, line)]
            if found:
                at = heights.index(min(heights))
                heights[at] += len(found) + 2
                columns[at].addWidget(_section(title, found))
                shown += 1
        for number, column in enumerate(columns):
            column.setSpacing(14)
            column.addStretch(1)
            grid.addLayout(column, 0, number)
            grid.setColumnStretch(number, 1)
        if not shown:
            grid.addWidget(QLabel("No key or command has these words."), 0, 0)
        self._scroll.setWidget(page)


def _sections(actions: ActionSet) -> dict[str, list[tuple[str, str]]]:
    sections: dict[str, list[tuple[str, str]]] = {menu: [] for menu in MENUS}
    in_one_line = all(actions.keys(s) == s.keys for s in actions.rows if _is_class(s.id))
    for spec in actions.rows:
        keys = actions.keys(spec)
        if keys and not (in_one_line and _is_later_class(spec.id)):
            shown = ", ".join(native(key) for key in keys)
            text = spec.text.rstrip("…")
            if in_one_line and spec.id == "class.1":
                shown, text = _CLASS_KEYS, "Class 1 to 9, 10 to 18"
            sections[spec.menu].append((shown, text))
    return {_MOUSE: list(gestures())} | {title: lines for title, lines in sections.items() if lines}


def _is_class(action_id: str) -> bool:
    """Whether it chooses a class."""
    return action_id.removeprefix("class.").isdigit()


def _is_later_class(action_id: str) -> bool:
    """Whether it is one of the class keys that the line of the first one speaks for."""
    return _is_class(action_id) and int(action_id.removeprefix("class.")) > 1


def _matches(words: list[str], title: str, line: tuple[str, str]) -> bool:
    text = f"{title} {line[0]} {line[1]}".lower()
    return all(word in text for word in words)


def _section(title: str, lines: list[tuple[str, str]]) -> QLabel:
    rows = "".join(
        f"<tr><td width='{_KEY_WIDTH}' style='padding-right:12px'><b>{as_html(keys)}</b></td>"
        f"<td>{as_html(text)}</td></tr>"
        for keys, text in lines
    )
    label = QLabel(
        semibold(f"<p style='margin-bottom:4px'><b>{as_html(title)}</b></p><table>{rows}</table>")
    )
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setWordWrap(True)
    label.setForegroundRole(QPalette.ColorRole.WindowText)
    label.setAccessibleName(title)
    return label
