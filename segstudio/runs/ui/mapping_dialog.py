"""What a model's classes count as in the open folder: a table of two columns."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPalette, QStandardItem, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QComboBox,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QRadioButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.class_names import key_of
from segstudio.core.class_rules import Unmapped
from segstudio.kit.dialog import Dialog
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, in_menu
from segstudio.kit.swatch import swatch
from segstudio.runs.class_mappings import ClassMappings, MappingRow, MappingTable
from segstudio.runs.ui.model_chooser import ModelItems
from segstudio.session.session import Change, Session, What

_MODEL_CLASS, _TARGET = 0, 1
_FEWEST_ROWS, _MOST_ROWS = 3, 11
_NONE_TEXT = "no counterpart"
_GUESSED = "Guessed by name, else by number"
_NOT_SCORED = "Not scored until you choose"
_CHOSEN = "Chosen by you, in segstudio.json"
_HINT = (
    "Counts for every model with these classes. What is shown, the scores and the evaluation "
    "follow at once; no model runs again."
)


class MappingDialog(Dialog):
    """Edits the class mapping of one model after another; every change counts at once."""

    def __init__(
        self, session: Session, mappings: ClassMappings, model_id: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Class mapping")
        self._session, self._mappings = session, mappings
        self._folder = self._folder_of(session)
        self.model = QComboBox()
        self.model.setAccessibleName("Model")
        self.table = QTableWidget(0, 2)
        self.background = QRadioButton()
        self.ignored = QRadioButton("are ignored: these pixels count nowhere")
        self.origin = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.origin.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.reset = QPushButton(icon("undo-2"), "Guess again")
        self.reset.setAutoDefault(False)
        self.every = QPushButton("All to")
        self.every.setToolTip("Let all classes but the background count as the same")
        self.every.setAutoDefault(False)
        self.every.setMenu(QMenu(self.every))
        self._targets = QStandardItemModel(self)
        self._rows: tuple[MappingRow, ...] = ()
        self._combos: list[_TargetCombo] = []
        self._lay_out()
        self._fill_models(model_id)
        self._show(anew=True)
        self._connect()

    def _connect(self) -> None:
        self.model.activated.connect(lambda: self._show(anew=True))
        self.background.clicked.connect(self._apply)
        self.ignored.clicked.connect(self._apply)
        self.every.menu().aboutToShow.connect(self._fill_every)
        self.reset.clicked.connect(lambda: self._mappings.reset(self.model.currentData()))
        self.listen(self._session.changed, self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.what & What.PROJECT and self._folder_of(self._session) != self._folder:
            self.reject()  # what was edited is not open any more
        elif change.what & What.SCHEMA:
            self._show(anew=False)

    @staticmethod
    def _folder_of(session: Session) -> Path | None:
        return None if session.project is None else session.project.root

    def _apply(self) -> None:
        targets = {
            row.class_id: combo.target for row, combo in zip(self._rows, self._combos, strict=True)
        }
        unmapped: Unmapped = "ignored" if self.ignored.isChecked() else "background"
        self._mappings.set(self.model.currentData(), targets, unmapped)

    def _fill_every(self) -> None:
        menu = self.every.menu()
        menu.clear()
        for row in range(self._targets.rowCount()):
            item = self._targets.item(row)
            target = item.data(Qt.ItemDataRole.UserRole)
            menu.addAction(item.icon(), in_menu(item.text()), partial(self._all_to, target))

    def _all_to(self, target: int | None) -> None:
        targets = {
            row.class_id: row.target if key_of(row.name) == "background" else target
            for row in self._rows
        }
        unmapped: Unmapped = "ignored" if self.ignored.isChecked() else "background"
        self._mappings.set(self.model.currentData(), targets, unmapped)

    def _show(self, *, anew: bool) -> None:
        """Show the mapping in force; `anew` where the model may be another one."""
        table = self._mappings.table(self.model.currentData())
        if table is None:
            return
        self._fill_targets()
        ids = [row.class_id for row in table.rows]
        if anew or ids != [row.class_id for row in self._rows]:
            self._fill_table(table)
        self._rows = table.rows
        for row, combo in zip(table.rows, self._combos, strict=True):
            combo.show_target(row)
        ground = self._session.schema.background_id
        name = self._session.schema.name_of(0)
        self.background.setText(
            f"count as {name}" if ground is not None else "count as none of the folder's classes"
        )
        self.background.setChecked(table.unmapped == "background")
        self.ignored.setChecked(table.unmapped == "ignored")
        guessed = _GUESSED if table.is_scored else _NOT_SCORED
        self.origin.show_text(_CHOSEN if table.chosen else guessed)
        self.reset.setEnabled(table.chosen)

    def _fill_models(self, model_id: str) -> None:
        session = self._session
        self.model.setModel(ModelItems(session.models, session.model.available, self))
        self.model.setCurrentIndex(self.model.findData(model_id))

    def _fill_targets(self) -> None:
        schema = self._session.schema
        entries = [(_NONE_TEXT, None, None)] + [
            (f"{c.id}  {c.name}", c.id, QColor(*c.color)) for c in schema.classes
        ]
        # rows stay the same objects, so that the boxes keep what they show
        missing = len(entries) - self._targets.rowCount()
        for _ in range(missing):
            self._targets.appendRow(QStandardItem())
        self._targets.setRowCount(len(entries))
        for row, (text, class_id, color) in enumerate(entries):
            item = self._targets.item(row)
            item.setText(text)
            item.setData(class_id, Qt.ItemDataRole.UserRole)
            if color is not None:
                item.setIcon(swatch(color))

    def _fill_table(self, mapping: MappingTable) -> None:
        self.table.setRowCount(0)
        self.table.setRowCount(len(mapping.rows))
        self._combos = []
        for number, row in enumerate(mapping.rows):
            item = QTableWidgetItem(swatch(QColor(*row.color)), f"{row.class_id}  {row.name}")
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(number, _MODEL_CLASS, item)
            combo = _TargetCombo(self._targets, row.name)
            combo.activated.connect(self._apply)
            self._combos.append(combo)
            self.table.setCellWidget(number, _TARGET, combo)
        shown = min(max(len(mapping.rows), _FEWEST_ROWS), _MOST_ROWS)
        self.table.setMinimumHeight(
            self.table.horizontalHeader().sizeHint().height()
            + shown * self.table.verticalHeader().defaultSectionSize()
            + 2 * self.table.frameWidth()
        )
        self._fit()

    def _fit(self) -> None:
        """As high as the table wants, the wrapped lines included."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        width = max(self.width(), self.minimumWidth()) if self.isVisible() else self.minimumWidth()
        height = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        self.resize(width, height)

    def _lay_out(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(["Class of the model", "Counts in this folder as"])
        table.verticalHeader().hide()
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setShowGrid(False)
        table.setIconSize(QSize(16, 16))
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setAccessibleName("Class mapping")
        choices = QButtonGroup(self)
        for button in (self.background, self.ignored):
            choices.addButton(button)
        top = QHBoxLayout()
        label = PlainLabel("Model")
        label.setBuddy(self.model)
        top.addWidget(label)
        top.addWidget(self.model, 1)
        hint = PlainLabel(_HINT)
        hint.setWordWrap(True)
        hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        foot = QHBoxLayout()
        foot.addWidget(self.reset)
        foot.addWidget(self.every)
        foot.addWidget(self.origin, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        foot.addWidget(buttons)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(hint)
        column.addWidget(table, 1)
        column.addWidget(PlainLabel("Classes without a counterpart"))
        column.addWidget(self.background)
        column.addWidget(self.ignored)
        column.addLayout(foot)
        self.setMinimumWidth(560)


class _TargetCombo(QComboBox):
    """Chooses one of the folder's classes, or none; the wheel scrolls the table instead."""

    def __init__(self, targets: QStandardItemModel, name: str) -> None:
        super().__init__()
        self.setModel(targets)
        self.setAccessibleName(f"What {name} counts as")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def target(self) -> int | None:
        """The folder's class id, or None."""
        found = self.currentData()
        return None if found is None else int(found)

    def show_target(self, row: MappingRow) -> None:
        """Show what is in force, and what the names say."""
        index = next((i for i in range(self.count()) if self.itemData(i) == row.target), 0)
        self.setCurrentIndex(index)
        same = row.target == row.guessed
        guess = next(
            (self.itemText(i) for i in range(self.count()) if self.itemData(i) == row.guessed),
            _NONE_TEXT,
        )
        self.setToolTip("As guessed" if same else f"Guessed: {guess.strip()}")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the table, so that scrolling changes no class."""
        event.ignore()
