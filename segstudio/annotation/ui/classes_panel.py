"""The classes: colour, name, visibility, key, live IoU and Dice."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QSpinBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.class_removal import ClassRemoval, ClassUse
from segstudio.annotation.ui.class_list_rows import DICE, EYE, ID, IOU, KEY, NAME, ClassesModel
from segstudio.annotation.ui.remove_class_dialog import RemoveClassDialog
from segstudio.core.errors import SegstudioError
from segstudio.folder.class_list import ClassList
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import PlainLabel
from segstudio.runs.score_sides import image_sides
from segstudio.runs.scoring import Scoring
from segstudio.session.session import Change, Session, What

_NO_IGNORE = -1
_NAME_FILES = "Class names (*.txt *.names *.csv *.tsv *.yaml *.yml *.json);;All files (*)"
_SWATCH_WIDTH = 26


class ClassesPanel(QWidget):
    """Chooses the active class and edits the folder's classes."""

    def __init__(
        self, session: Session, class_list: ClassList, removal: ClassRemoval, scoring: Scoring
    ) -> None:
        super().__init__()
        self._removal = removal
        self._session, self._class_list, self._scoring = session, class_list, scoring
        self.model = ClassesModel(session, scoring, self)
        self.view = _ClassTable(self.model)
        self.ignore = QSpinBox()
        self.ignore.setRange(_NO_IGNORE, 255)
        self.ignore.setSpecialValueText("none")
        self.ignore.setKeyboardTracking(False)
        self.ignore.setAccessibleName("Ignore index")
        self.ignore.setToolTip("Pixels with this class id in the ground truth count in no score")
        self.whose = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.whose.setContentsMargins(8, 2, 8, 0)
        self.whose.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.whose.setAccessibleName("Whose scores these are")
        self.add = icon_button("plus", "Add a class")
        self.remove = icon_button("minus", "Remove the active class, or merge it into another one")
        self.names = icon_button("tags", "Read class names from a file…")
        self._lay_out()
        self.setFocusProxy(self.view)
        self._rescore = Coalescer(self, self._show_scores)
        self._connect()
        self._show_schema()

    def read_names(self) -> None:
        """Ask for a file and name the classes as it says."""
        project = self._session.project
        start = "" if project is None else str(project.root)
        path, _ = QFileDialog.getOpenFileName(self, "Read class names", start, _NAME_FILES)
        if path:
            self._class_list.read(Path(path))

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 4, 8, 6)
        foot.setSpacing(4)
        foot.addWidget(self.add)
        foot.addWidget(self.remove)
        foot.addWidget(self.names)
        foot.addStretch(1)
        label = PlainLabel("Ignore index")
        label.setBuddy(self.ignore)
        foot.addWidget(label)
        foot.addWidget(self.ignore)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.whose)
        column.addLayout(foot)

    def _connect(self) -> None:
        self.view.eye_clicked.connect(self._toggle_eye)
        self.view.color_clicked.connect(self._choose_color)
        self.view.selectionModel().currentRowChanged.connect(self._on_row)
        self.model.renamed.connect(self._rename)
        self.add.clicked.connect(self._add_class)
        self.remove.clicked.connect(self._remove_class)
        self.names.clicked.connect(self.read_names)
        self.ignore.valueChanged.connect(self._set_ignore)
        self._session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.what & (What.SCHEMA | What.PROJECT):
            self._show_schema()
        if change.what & (
            What.SCORES | What.VIEW | What.DOCUMENT | What.PREDICTIONS | What.HISTORY
        ):
            self._rescore.request()
        if change.what & What.VIEW:
            self._show_active()

    def _show_scores(self) -> None:
        self.model.rescore()
        sides = image_sides(self._session) if self._scoring.of_image() is not None else None
        if sides is not None:
            self.whose.show_text(f"IoU and Dice: {sides.text}", f"IoU and Dice: {sides.short}")
        self.whose.setVisible(sides is not None)

    def _show_schema(self) -> None:
        self.model.reload()
        self._show_scores()
        ignore = self._session.schema.ignore_index
        self.ignore.blockSignals(True)
        self.ignore.setValue(_NO_IGNORE if ignore is None else ignore)
        self.ignore.blockSignals(False)
        self._show_active()

    def _show_active(self) -> None:
        row = self.model.row_of(self._session.view.active_class)
        self.remove.setEnabled(row >= 0 and self._session.view.active_class != 0)
        if row >= 0 and row != self.view.currentIndex().row():
            self.view.setCurrentIndex(self.model.index(row, NAME))

    def _on_row(self, current: QModelIndex, _previous: QModelIndex) -> None:
        spec = self.model.class_at(current.row())
        view = self._session.view
        if spec is not None and spec.id != view.active_class:
            self._session.set_view(active_class=spec.id, previous_class=view.active_class)

    def _toggle_eye(self, row: int) -> None:
        spec = self.model.class_at(row)
        if spec is not None:
            hidden = self._session.view.hidden_classes
            self._session.set_view(hidden_classes=hidden ^ frozenset({spec.id}))

    def _choose_color(self, row: int) -> None:
        spec = self.model.class_at(row)
        if spec is None:
            return
        color = QColorDialog.getColor(QColor(*spec.color), self, f"Colour of {spec.name}")
        if color.isValid():
            self._class_list.recolor(spec.id, (color.red(), color.green(), color.blue()))

    def _rename(self, class_id: int, name: str) -> None:
        self._class_list.rename(class_id, name)

    def _add_class(self) -> None:
        number = self._session.schema.num_classes
        class_id = self._class_list.add(f"class {number}")
        row = self.model.row_of(class_id)
        if row >= 0:
            index = self.model.index(row, NAME)
            self.view.setCurrentIndex(index)
            self.view.edit(index)

    def _remove_class(self) -> None:
        """Find out where the active class is used; where it is, ask what its pixels become."""
        self._removal.count(self._session.view.active_class, self._ask_removal)

    def _ask_removal(self, use: ClassUse) -> None:
        if not use.pixels and not use.unread:
            self._removal.remove(use)
            return
        dialog = RemoveClassDialog(use, self._session.schema, self.window())
        dialog.confirmed.connect(lambda into: self._removal.remove(use, into))
        dialog.open()

    def _set_ignore(self, value: int) -> None:
        try:
            self._class_list.set_ignore_index(None if value == _NO_IGNORE else value)
        except SegstudioError:
            self._show_schema()
            raise


class _ClassTable(QTableView):
    """Tells clicks on the eye and on the colour from those that choose the class."""

    eye_clicked = Signal(int)
    color_clicked = Signal(int)

    def __init__(self, model: ClassesModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName("Classes")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(16, 16))
        self.setMinimumHeight(56)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(26)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(28)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in ((EYE, 30), (ID, 32), (KEY, 44), (IOU, 54), (DICE, 54)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell apart what was clicked."""
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            if index.column() == EYE:
                self.eye_clicked.emit(index.row())
                return
            left = self.visualRect(index).left()
            if index.column() == NAME and event.position().x() < left + _SWATCH_WIDTH:
                self.setCurrentIndex(index)
                self.color_clicked.emit(index.row())
                return
        super().mousePressEvent(event)
