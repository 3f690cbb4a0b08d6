"""Changing shortcuts: one table, a warning where keys clash, sets of other tools."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.kit.action_set import native
from segstudio.kit.actions import ActionSpec, Keymap, clashes, keys_of
from segstudio.kit.dialog import Dialog
from segstudio.kit.physical_keys import as_us
from segstudio.kit.plain import PlainLabel
from segstudio.kit.table import TableView
from segstudio.kit.table_model import UNSORTED, Column, TableModel
from segstudio.window.keymaps import PRESETS

_CUSTOM = "Custom"


class ShortcutEditor(Dialog):
    """Edits a copy of the keymap; `keymap` is what the user wants when accepted."""

    def __init__(self, specs: Sequence[ActionSpec], keymap: Keymap, parent: QWidget) -> None:
        """Take every command, the keymap, and what the dialog stands over."""
        super().__init__(parent)
        self._specs = specs
        self.setWindowTitle("Keyboard shortcuts")
        self._keymap: dict[str, tuple[str, ...]] = dict(keymap)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Find a command or a key")
        self.filter.setAccessibleName("Find a command or a key")
        self.filter.setClearButtonEnabled(True)
        self.preset = QComboBox()
        self.preset.addItems([*PRESETS, _CUSTOM])
        self.preset.setAccessibleName("Preset")
        self.preset.setToolTip("Shortcuts of segstudio or of another tool")
        self._rows = TableModel(self._columns(), lambda spec: spec.id)
        self.table = TableView(
            self._rows, "Commands and their shortcuts", row_height=26, sorting=UNSORTED
        )
        self.table.setFrameShape(QFrame.Shape.StyledPanel)
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
        defaults = {spec.id: spec.keys for spec in self._specs}
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
        self.table.selectionModel().selectionChanged.connect(self._check)
        self.field.keySequenceChanged.connect(self._check)
        self.assign.clicked.connect(self._assign)
        self.clear.clicked.connect(lambda: self._set_keys(()))
        self.reset.clicked.connect(self._reset)

    def choose(self, action_id: str) -> None:
        """Select the row of a command."""
        self.table.choose(action_id)

    def _chosen(self) -> str:
        return next((spec.id for spec in self.table.chosen_rows()), "")

    def _key(self) -> str:
        return self.field.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _columns(self) -> tuple[Column[ActionSpec], ...]:
        return (
            Column("Command", _name, "What is done", stretch=120),
            Column(
                "Shortcuts", self._keys_text, "Keys that do it; the first one is shown in menus"
            ),
            Column(
                "Works in",
                lambda spec: str(spec.scope),
                "Where the focus has to be for the keys to count",
            ),
        )

    def _keys_text(self, spec: ActionSpec) -> str:
        return ", ".join(native(key) for key in keys_of(spec, self._keymap))

    def _fill(self) -> None:
        words = self.filter.text().lower().split()
        self._rows.show_rows(
            [
                spec
                for spec in self._specs
                if all(word in f"{_name(spec)} {self._keys_text(spec)}".lower() for word in words)
            ]
        )
        self._check()

    def _check(self) -> None:
        action_id, key = self._chosen(), self._key()
        for button in (self.clear, self.reset):
            button.setEnabled(bool(action_id))
        self.assign.setEnabled(bool(action_id and key))
        if not action_id:
            self.warning.setText("Choose a command, then press its new keys in the field.")
            return
        others = clashes(self._specs, self._keymap, action_id, key) if key else []
        names = ", ".join(f"“{spec.text.rstrip('…')}”" for spec in others)
        self.warning.setText(
            f"{native(key)} is now on {names}; Assign takes it from there." if others else ""
        )

    def _assign(self) -> None:
        action_id, key = self._chosen(), self._key()
        for other in clashes(self._specs, self._keymap, action_id, key):
            rest = tuple(k for k in keys_of(other, self._keymap) if k != key)
            self._keymap[other.id] = rest
        spec = next(s for s in self._specs if s.id == action_id)
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


def _name(spec: ActionSpec) -> str:
    return f"{spec.menu}: {spec.text.rstrip('…')}"
