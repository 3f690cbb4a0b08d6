"""The classes: colour, name, visibility, key, live IoU and Dice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPalette
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.class_removal import ClassRemoval, ClassUse
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import count_text, ratio_text
from segstudio.core.schema import ClassSpec, LabelSchema, class_keys
from segstudio.folder.class_list import ClassList
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.dialog import Dialog
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.icon_button import icon_button
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel
from segstudio.kit.swatch import swatch
from segstudio.kit.table import Column, Emphasis, Side, TableModel, TableView
from segstudio.runs.score_sides import image_sides
from segstudio.runs.scoring import Scoring
from segstudio.session.session import Change, Session, What

EYE, NAME, ID, KEY, IOU, DICE = range(6)
"""The columns."""
_NO_IGNORE = -1
_NAME_FILES = "Class names (*.txt *.names *.csv *.tsv *.yaml *.yml *.json);;All files (*)"
_SWATCH_WIDTH = 26
_IOU_TIP = (
    "Intersection over union: what prediction and annotation have in common, as a share of what "
    "either has"
)
_DICE_TIP = "Twice what prediction and annotation have in common, as a share of both together"


class ClassesPanel(QWidget):
    """Chooses the active class and edits the folder's classes."""

    def __init__(
        self, session: Session, class_list: ClassList, removal: ClassRemoval, scoring: Scoring
    ) -> None:
        super().__init__()
        self._removal = removal
        self._session, self._class_list, self._scoring = session, class_list, scoring
        self._scores: dict[int, tuple[float, float]] = {}
        self.model = TableModel(self._columns(), lambda spec: spec.id, self)
        self.view = _ClassTable(self.model)
        self.ignore = QSpinBox()
        self.ignore.setRange(_NO_IGNORE, 255)
        self.ignore.setSpecialValueText("none")
        self.ignore.setKeyboardTracking(False)
        self.ignore.setAccessibleName("Ignore index")
        self.ignore.setToolTip("Pixels with this class id in the ground truth\ncount in no score")
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

    def _columns(self) -> tuple[Column[ClassSpec], ...]:
        session, scores = self._session, self._scores
        keys, ignored = class_keys(session.schema), session.schema.ignore_index

        def is_hidden(spec: ClassSpec) -> bool:
            return spec.id in session.view.hidden_classes

        def emphasis(spec: ClassSpec) -> Emphasis:
            is_active = spec.id == session.view.active_class
            return Emphasis.STRONG if is_active else Emphasis.NONE

        return (
            Column(
                "", lambda _spec: "", "Shown or hidden on the canvas", icon=lambda spec: icon("eye-off" if is_hidden(spec) else "eye"),
                spoken=lambda spec: "hidden" if is_hidden(spec) else "shown",
                cell_tip=lambda _spec: "Show or hide this class on the canvas",
            ),
            Column(
                "Class", lambda spec: f"{spec.name} (ignored)" if spec.id == ignored else spec.name,
                "Colour and name of each class", cell_tip=lambda spec: (
                    f"{spec.name}\nDouble-click to rename; click the colour to change it"
                ),
                icon=lambda spec: swatch(QColor(*spec.color)), emphasis=emphasis, stretch=60,
                entry=lambda spec: spec.name,
                entered=lambda spec, name: self._class_list.rename(spec.id, name),
            ),
            Column(
                "Id", lambda spec: str(spec.id), "Value of the class in mask files", side=Side.CENTRE, sample="255",
                cell_tip=lambda _: "Value of the class in mask files; it never changes by itself",
            ),
            Column(
                "Key", lambda spec: _key_text(keys.get(spec.id)), "Key that makes a class active",
                side=Side.CENTRE, sample="Alt+9",
                cell_tip=lambda _spec: "Key that makes this class active",
            ),
            _score_column("IoU", _IOU_TIP, scores, 0),
            _score_column("Dice", _DICE_TIP, scores, 1),
        )  # fmt: skip

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
        self.view.reached.connect(self._activate)
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
        metrics = self._scoring.of_image()
        self._scores = {}
        if metrics is not None:
            pairs = zip(metrics.iou.tolist(), metrics.dice.tolist(), strict=True)
            self._scores = dict(zip(metrics.class_ids, pairs, strict=True))
        self.model.show_rows(self._session.schema.classes, self._columns())
        sides = image_sides(self._session) if self._scoring.of_image() is not None else None
        if sides is not None:
            self.whose.show_text(f"IoU and Dice: {sides.text}", f"IoU and Dice: {sides.short}")
        self.whose.setVisible(sides is not None)

    def _show_schema(self) -> None:
        self._show_scores()
        ignore = self._session.schema.ignore_index
        self.ignore.blockSignals(True)
        self.ignore.setValue(_NO_IGNORE if ignore is None else ignore)
        self.ignore.blockSignals(False)
        self._show_active()

    def _show_active(self) -> None:
        active = self._session.view.active_class
        self.remove.setEnabled(self.model.place_of(active) >= 0 and active != 0)
        self.view.choose(active)

    def _activate(self, spec: ClassSpec) -> None:
        view = self._session.view
        if spec.id != view.active_class:
            self._session.set_view(active_class=spec.id, previous_class=view.active_class)

    def _toggle_eye(self, spec: ClassSpec) -> None:
        hidden = self._session.view.hidden_classes
        self._session.set_view(hidden_classes=hidden ^ frozenset({spec.id}))

    def _choose_color(self, spec: ClassSpec) -> None:
        color = QColorDialog.getColor(QColor(*spec.color), self, f"Colour of {spec.name}")
        if color.isValid():
            self._class_list.recolor(spec.id, (color.red(), color.green(), color.blue()))

    def _add_class(self) -> None:
        number = self._session.schema.num_classes
        class_id = self._class_list.add(f"class {number}")
        row = self.model.place_of(class_id)
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


def _key_text(number: int | None) -> str:
    """The digit that chooses a class: its id where that is one, else what is left."""
    if number is None:
        return ""
    return str(number) if number <= 9 else f"Alt+{number - 9}"


def _score_column(
    title: str, meaning: str, scores: Mapping[int, tuple[float, float]], place: int
) -> Column[ClassSpec]:
    def score(spec: ClassSpec) -> float:
        return scores.get(spec.id, (math.nan, math.nan))[place]

    def tip(spec: ClassSpec) -> str:
        is_missing = bool(scores) and math.isnan(score(spec))
        return "In neither map, so it has no score" if is_missing else ""

    return Column(
        title, lambda spec: ratio_text(score(spec)) if scores else "", meaning, score, cell_tip=tip,
        side=Side.CENTRE, sample="0.000",
    )  # fmt: skip


class _ClassTable(TableView[ClassSpec]):
    """Tells clicks on the eye and on the colour from those that choose the class."""

    eye_clicked = Signal(object)
    color_clicked = Signal(object)

    def __init__(self, model: TableModel[ClassSpec]) -> None:
        super().__init__(model, "Classes", row_height=26, icon_px=16)
        self.setMinimumHeight(56)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell apart what was clicked."""
        index = self.indexAt(event.position().toPoint())
        spec = self.row_at(index)
        if spec is not None and event.button() == Qt.MouseButton.LeftButton:
            if index.column() == EYE:
                self.eye_clicked.emit(spec)
                return
            left = self.visualRect(index).left()
            if index.column() == NAME and event.position().x() < left + _SWATCH_WIDTH:
                self.setCurrentIndex(index)
                self.reached.emit(spec)
                self.color_clicked.emit(spec)
                return
        super().mousePressEvent(event)


class RemoveClassDialog(Dialog):
    """Says where the class is used and asks which class its pixels become.

    Signals:
        confirmed: Id of that class.
    """

    confirmed = Signal(int)

    def __init__(self, use: ClassUse, schema: LabelSchema, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Remove class")
        self.text = PlainLabel(use_text(use))
        self.text.setWordWrap(True)
        self.into = QComboBox()
        self.into.setAccessibleName("Its pixels become")
        for spec in schema.classes:
            if spec.id != use.spec.id:
                self.into.addItem(
                    swatch(QColor(*spec.color)), f"{spec.name} (id {spec.id})", spec.id
                )
        self.into.setCurrentIndex(max(0, self.into.findData(0)))
        self.note = PlainLabel(
            "Ids of the other classes stay. Files are saved as corrections are; what another "
            "program wrote is kept. It can be undone."
        )
        self.note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.remove = QPushButton("Remove class")
        buttons.addButton(self.remove, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setDefault(True)
        buttons.accepted.connect(self._confirm)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Its pixels become", self.into)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self.text)
        if use.pixels or use.unread:
            column.addLayout(form)
            column.addWidget(self.note)
        column.addWidget(buttons)
        self.setMinimumWidth(420)

    def _confirm(self) -> None:
        self.confirmed.emit(int(self.into.currentData()))
        self.accept()


def use_text(use: ClassUse) -> str:
    """Where a class is used, in a sentence or two."""
    pixels = f"{count_text(use.pixels)} pixel{'s' * (use.pixels != 1)}"
    number = len({ref.name for ref in use.images})
    images = f"{count_text(number)} image{'s' * (number != 1)}"
    if any(ref.page for ref in use.images):
        images += f" ({count_text(len(use.images))} page{'s' * (len(use.images) != 1)})"
    text = f"“{use.spec.name}” (id {use.spec.id}) is on {pixels} of {images}."
    if use.unread:
        count = len(use.unread)
        named = f"{use.unread[0]}{', ...' if count > 1 else ''}"
        text += f" {count_text(count)} cannot be read, or the masks cannot ({named})."
    return text
