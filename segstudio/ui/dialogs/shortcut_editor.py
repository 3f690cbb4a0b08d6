"""Changing shortcuts: one table, a warning where keys clash, sets of other tools."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.ui.action_set import native
from segstudio.ui.action_table import ACTIONS
from segstudio.ui.actions import Keymap, clashes, keys_of
from segstudio.ui.dialogs.dialog import Dialog
from segstudio.ui.keymaps import PRESETS
from segstudio.ui.physical_keys import as_us
from segstudio.ui.plain import PlainLabel

_COMMAND, _KEYS, _SCOPE = range(3)
_CUSTOM = "Custom"
_TITLES = ("Command", "Shortcuts", "Works in")


class ShortcutEditor(Dialog):
    """Edits a copy of the keymap; `keymap` is what the user wants when accepted."""

    def __init__(self, keymap: Keymap, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self._keymap: dict[str, tuple[str, ...]] = dict(keymap)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Find a command or a key")
        self.filter.setClearButtonEnabled(True)
        self.preset = QComboBox()
        self.preset.addItems([*PRESETS, _CUSTOM])
        self.preset.setAccessibleName("Preset")
        self.preset.setToolTip("Shortcuts of segstudio or of another tool")
        self.table = _table()
        self.field = _KeyField()
        self.field.setMaximumSequenceLength(1)
        self.field.setClearButtonEnabled(True)
        self.field.setAccessibleName("New shortcut")
        self.assign = QPushButton("Assign")
        self.clear = QPushButton("Remove all")
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("Give the command its shortcuts of the segstudio preset")
        self.warning = PlainLabel()
        self.warning.setWordWrap(True)
        self.warning.setAccessibleName("Conflict")
        self.warning.setForegroundRole(QPalette.ColorRole.WindowText)
        self._lay_out()
        self._connect()
        self._show_preset()
        self._fill()

    @property
    def keymap(self) -> Keymap:
        """The shortcuts that differ from the table's."""
        defaults = {spec.id: spec.keys for spec in ACTIONS}
        return {i: keys for i, keys in self._keymap.items() if defaults.get(i) != keys}

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.filter, 1)
        top.addWidget(PlainLabel("Preset"))
        top.addWidget(self.preset)
        edit = QHBoxLayout()
        edit.addWidget(PlainLabel("New shortcut"))
        edit.addWidget(self.field, 1)
        for button in (self.assign, self.clear, self.reset):
            button.setAutoDefault(False)
            edit.addWidget(button)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addLayout(edit)
        column.addWidget(self.warning)
        column.addWidget(self.buttons)
        self.resize(680, 560)

    def _connect(self) -> None:
        self.filter.textChanged.connect(self._fill)
        self.preset.activated.connect(self._use_preset)
        self.table.currentItemChanged.connect(self._check)
        self.field.keySequenceChanged.connect(self._check)
        self.assign.clicked.connect(self._assign)
        self.clear.clicked.connect(lambda: self._set_keys(()))
        self.reset.clicked.connect(self._reset)

    def choose(self, action_id: str) -> None:
        """Select the row of a command."""
        for row in range(self.table.rowCount()):
            item = self.table.item(row, _COMMAND)
            if item is not None and item.data(Qt.ItemDataRole.UserRole) == action_id:
                self.table.setCurrentCell(row, _COMMAND)

    def _chosen(self) -> str:
        row = self.table.currentRow()
        item = self.table.item(row, _COMMAND) if row >= 0 else None
        return "" if item is None else str(item.data(Qt.ItemDataRole.UserRole))

    def _key(self) -> str:
        return self.field.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _fill(self) -> None:
        words, chosen = self.filter.text().lower().split(), self._chosen()
        self.table.setRowCount(0)
        for spec in ACTIONS:
            keys = ", ".join(native(key) for key in keys_of(spec, self._keymap))
            text = f"{spec.menu}: {spec.text.rstrip('…')}"
            if not all(word in f"{text} {keys}".lower() for word in words):
                continue
            row = self.table.rowCount()
            self.table.insertRow(row)
            for column, value in ((_COMMAND, text), (_KEYS, keys), (_SCOPE, str(spec.scope))):
                item = QTableWidgetItem(value)
                item.setData(Qt.ItemDataRole.UserRole, spec.id)
                self.table.setItem(row, column, item)
        self.choose(chosen)
        self._check()

    def _check(self) -> None:
        action_id, key = self._chosen(), self._key()
        for button in (self.clear, self.reset):
            button.setEnabled(bool(action_id))
        self.assign.setEnabled(bool(action_id and key))
        if not action_id:
            self.warning.setText("Choose a command, then press its new keys in the field.")
            return
        others = clashes(ACTIONS, self._keymap, action_id, key) if key else []
        names = ", ".join(f"“{spec.text.rstrip('…')}”" for spec in others)
        self.warning.setText(
            f"{native(key)} is now on {names}; Assign takes it from there." if others else ""
        )

    def _assign(self) -> None:
        action_id, key = self._chosen(), self._key()
        for other in clashes(ACTIONS, self._keymap, action_id, key):
            rest = tuple(k for k in keys_of(other, self._keymap) if k != key)
            self._keymap[other.id] = rest
        spec = next(s for s in ACTIONS if s.id == action_id)
        rest = tuple(k for k in keys_of(spec, self._keymap) if k != key)
        self._set_keys((key, *rest))
        self.field.clear()

    def _set_keys(self, keys: tuple[str, ...]) -> None:
        self._keymap[self._chosen()] = keys
        self._show_preset()
        self._fill()

    def _reset(self) -> None:
        self._keymap.pop(self._chosen(), None)
        self._show_preset()
        self._fill()

    def _use_preset(self) -> None:
        preset = PRESETS.get(self.preset.currentText())
        if preset is not None:
            self._keymap = dict(preset)
            self._fill()

    def _show_preset(self) -> None:
        mine = dict(self.keymap)
        name = next((n for n, preset in PRESETS.items() if dict(preset) == mine), _CUSTOM)
        self.preset.setCurrentText(name)


class _KeyField(QKeySequenceEdit):
    """Takes a key by its place where the layout has none of our letters and digits there."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(as_us(event) or event)


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_TITLES))
    table.setHorizontalHeaderLabels(_TITLES)
    table.setAccessibleName("Commands and their shortcuts")
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(_COMMAND, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(_KEYS, QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(_SCOPE, QHeaderView.ResizeMode.ResizeToContents)
    return table
