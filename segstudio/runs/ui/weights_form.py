"""The form that describes a file of weights, with a preview on the open image beside it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import ModelSpec
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.kit.dialog import Dialog
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel
from segstudio.kit.swatch import swatch
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Side, TableModel
from segstudio.models.registry import RECOGNISED
from segstudio.runs.describing import (
    Previewing,
    class_lists,
    network_text,
    repeated_names,
    with_names,
    with_output,
)
from segstudio.runs.kept_weights import KeptWeights
from segstudio.runs.own_weights import OpenedWeights, OwnWeights
from segstudio.runs.ui.weights_fields import Answer, InputFields, OutputFields, labelled_row
from segstudio.runs.ui.weights_preview import PreviewPane
from segstudio.session.session import Change, Session, What

_CLASS_ROWS = (2.0, 6.0)
_FORM_PX, _PREVIEW_PX, _HEIGHT_PX = 500, 400, 690


class WeightsForm(Dialog):
    """Asks what a file of weights does not say itself; not modal, so that images can be changed.

    Signals:
        kept: (id of the model, whether it shall run on the open image at once).
    """

    kept = Signal(str, bool)

    def __init__(
        self,
        session: Session,
        own_weights: OwnWeights,
        previewing: Previewing,
        opened: OpenedWeights,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session, self._own_weights, self._opened = session, own_weights, opened
        self._base = opened.entry.spec
        self._shown_output = self._base.output
        self.setWindowTitle(f"Weights: {opened.entry.path.name}")
        self.found = _note("What was found in the file", network_text(opened.entry))
        self.found.setForegroundRole(QPalette.ColorRole.WindowText)
        self.trouble = _note("What does not fit", opened.problem)
        self.trouble.setVisible(bool(opened.problem))
        self.name = QLineEdit(self._base.title)
        self.classes = ClassNames(self._base.schema, session)
        self.input = InputFields(self._base)
        self.output = OutputFields(self._base)
        self.answers = [Answer(question, self._base) for question in opened.questions]
        # what was found in the file stands above; this is for what only its user knows
        self.about = QPlainTextEdit("" if self._found_text else self._base.description)
        self.about.setTabChangesFocus(True)
        self.about.setFixedHeight(3 * self.fontMetrics().lineSpacing() + 12)
        self.licence = QLineEdit(self._base.licence)
        self.preview = PreviewPane(session, previewing)
        self.buttons = _Buttons(session, is_new=opened.is_new)
        self._lay_out()
        self._connect()
        self._check()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        labelled_row(form, "Name", self.name, "What the list of models calls it")
        self.classes.add_to(form)
        self.input.add_to(form)
        self.output.add_to(form)
        for answer in self.answers:
            labelled_row(form, answer.question.text, answer.box, "What the file does not say")
        labelled_row(
            form, "Trained on", self.about, "Data, training, scores: shown in the Model panel"
        )
        labelled_row(form, "Licence", self.licence, "Of the weights")
        inside = QWidget()
        inside.setLayout(form)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(_FORM_PX)
        sides = QHBoxLayout()
        sides.setSpacing(16)
        sides.addWidget(scroll, 5)
        sides.addWidget(self.preview, 4)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addWidget(self.found)
        column.addWidget(self.trouble)
        column.addLayout(sides, 1)
        column.addWidget(self.buttons)
        self.resize(_FORM_PX + _PREVIEW_PX + 60, _HEIGHT_PX)

    def _connect(self) -> None:
        for changed in (
            self.name.textChanged, self.about.textChanged, self.licence.textChanged,
            self.classes.changed, self.input.changed,
            *(answer.box.currentIndexChanged for answer in self.answers),
        ):  # fmt: skip
            changed.connect(self._check)
        self.output.changed.connect(self._on_output)
        self.buttons.asked.connect(self._keep)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self.preview.stop)
        self.listen(self._session.changed, self._on_change)

    @property
    def entry(self) -> KeptWeights:
        """The file that the form describes, as it was read."""
        return self._opened.entry

    def note_touched(self) -> None:
        """The file has another time, and the content that the form describes."""
        entry = self._opened.entry
        self._opened = replace(self._opened, entry=entry.at(entry.path))

    @property
    def said(self) -> ModelSpec:
        """The model as the form describes it now.

        Raises:
            SegstudioError: if something typed makes no sense; in plain words.
        """
        title = self.name.text().strip()
        model_id = "" if self._opened.is_new else self._base.id
        problem = self._own_weights.title_problem(model_id, title)
        if problem:
            raise SegstudioError(problem, "Give another name.")
        answers = {answer.question.option: answer.box.currentData() for answer in self.answers}
        preprocess = {
            **{
                k: v
                for k, v in self._base.preprocess.items()
                if k in ("divisor", "max_side", "resample")
            },
            **self.input.preprocess,
        }
        if "short_side" not in preprocess:
            preprocess.pop("max_side", None)
        return replace(
            self._base,
            title=title,
            schema=self.classes.schema,
            preprocess=preprocess,
            options={**self._base.options, **answers},
            output=self.output.output,
            description=self.about.toPlainText().strip() or self._found_text,
            licence=self.licence.text().strip(),
        )

    @property
    def _found_text(self) -> str:
        found = self._base.description
        return found if found.startswith(RECOGNISED) else ""

    def _on_output(self) -> None:
        """Single classes with a threshold leave room for a background; others do not."""
        now = replace(self._base, schema=self.classes.schema, output=self._shown_output)
        wanted = with_output(now, self.output.output)
        self._shown_output = self.output.output
        if len(wanted.schema.classes) != len(now.schema.classes):
            self.classes.show_schema(wanted.schema)
        self._check()

    def _check(self) -> None:
        try:
            said = self.said
        except SegstudioError as error:
            self.preview.say(f"{error.message} {error.hint}".strip(), is_wrong=True)
            self.buttons.allow(False)
            return
        self.buttons.allow(True)
        self.preview.ask(said)

    def _on_change(self, change: Change) -> None:
        if change.what & What.DOCUMENT:
            self.preview.begin_anew()

    def changeEvent(self, event: QEvent) -> None:
        """Somebody who comes back from another program may have trained the weights further there."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._read_again()

    def _read_again(self) -> bool:
        """Whether the file was written anew; then a form of it takes over what is said here."""
        entry = self._opened.entry
        if entry.state != "changed":
            return False
        with contextlib.suppress(SegstudioError):  # what makes no sense is left behind
            entry = replace(entry, spec=self.said)
        self._own_weights.read_again(replace(self._opened, entry=entry))
        return True

    def _keep(self, run_now: bool) -> None:
        if self._read_again():
            return
        try:
            said = self.said
            if self._opened.is_new:
                entry = replace(self._opened.entry, spec=said)
                model_id = self._own_weights.take(replace(self._opened, entry=entry, problem=""))
            else:
                model_id = self._base.id
                self._own_weights.describe(model_id, said)
        except SegstudioError as error:
            self.preview.say(f"{error.message} {error.hint}".strip(), is_wrong=True)
            return
        self.kept.emit(model_id, run_now)
        self.accept()


class ClassNames(QWidget):
    """Names and colours of the classes; how many there are the file has fixed.

    Signals:
        changed: Another name or colour.
    """

    changed = Signal()

    def __init__(self, schema: LabelSchema, session: Session) -> None:
        super().__init__()
        self.schema = schema
        self._session = session
        self.lists = QComboBox()
        self.table = TableView(
            TableModel(_columns(self._rename), lambda c: c.id), "Classes", rows_seen=_CLASS_ROWS
        )
        self.alike = _note("Classes with the same name", "")
        self.color = QPushButton("Colour…")
        self.color.setToolTip("Choose the colour of the class that is selected in the table")
        self.paste = QPushButton("Paste names")
        self.paste.setToolTip(
            "Take the names from the clipboard, one a line, for the first classes on"
        )
        for button in (self.color, self.paste):
            button.setAutoDefault(False)
        self.table.verbs = lambda row: [("", "Colour…", partial(self._choose_color, row))]
        self.color.clicked.connect(self._color_selected)
        self.paste.clicked.connect(self._paste)
        self.lists.activated.connect(self._take_list)
        self.show_schema(schema)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.addWidget(self.color)
        buttons.addWidget(self.paste)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.table)
        column.addWidget(self.alike)
        column.addLayout(buttons)

    def add_to(self, form: QFormLayout) -> None:
        """Lay the rows out in a form."""
        labelled_row(
            form, "List of classes", self.lists, "Take names and colours from a known list"
        )
        form.addRow("Classes", self)

    def show_schema(self, schema: LabelSchema) -> None:
        """Show other classes without telling anyone."""
        self.schema = schema
        folder = self._session.schema if self._session.project is not None else None
        self._known = class_lists(len(schema.classes), folder)
        at = next(
            (title for title, known in self._known.items() if known.names == schema.names), ""
        )
        self.lists.clear()
        count = counted(len(schema.classes), "class", "classes")
        none = f"As below: no known list has {count}"
        self.lists.addItem("As below" if self._known else none, "")
        for title in self._known:
            self.lists.addItem(title, title)
        self.lists.setCurrentIndex(max(0, self.lists.findData(at)))
        self.lists.setEnabled(bool(self._known))
        self._model.show_rows(schema.classes)
        alike = repeated_names(schema)
        self.alike.setText(f"{alike} Double click a name to change it." if alike else "")
        self.alike.setVisible(bool(alike))
        if not self.table.currentIndex().isValid() and schema.classes:
            self.table.choose(schema.classes[0].id)

    @property
    def _model(self) -> TableModel[ClassSpec]:
        model = self.table.model()
        assert isinstance(model, TableModel)
        return model

    def _say(self, schema: LabelSchema) -> None:
        if schema != self.schema:
            self.show_schema(schema)
            self.changed.emit()

    def _rename(self, row: ClassSpec, name: str) -> None:
        name = " ".join(name.split())
        if name:  # a class without a name could not be told from its neighbours
            self._say(self.schema.with_class(replace(row, name=name)))

    def _take_list(self) -> None:
        known = self._known.get(str(self.lists.currentData()))
        if known is not None:
            self._say(replace(known, ignore_index=self.schema.ignore_index, rules=()))

    def _color_selected(self) -> None:
        row = self.table.row_at(self.table.currentIndex())
        if row is not None:
            self._choose_color(row)

    def _choose_color(self, row: ClassSpec) -> None:
        color = QColorDialog.getColor(QColor(*row.color), self, f"Colour of {row.name}")
        if color.isValid():
            self.recolor(row, color)

    def recolor(self, row: ClassSpec, color: QColor) -> None:
        """Show a class in another colour."""
        rgb = (color.red(), color.green(), color.blue())
        self._say(self.schema.with_class(replace(row, color=rgb)))

    def _paste(self) -> None:
        self._say(with_names(self.schema, QGuiApplication.clipboard().text().splitlines()))


def _columns(rename: Any) -> tuple[Column[ClassSpec], ...]:
    return (
        Column("Id", lambda c: str(c.id), "The number of the class in the output", side=Side.RIGHT),
        Column("", lambda _c: "", icon=lambda c: swatch(QColor(*c.color))),
        Column("Name", lambda c: c.name, "Double click or F2 to type another one",
               entry=lambda c: c.name, entered=rename, stretch=120),
    )  # fmt: skip


class _Buttons(QDialogButtonBox):
    """Use and run, Use, Cancel.

    Signals:
        asked: Use the weights; True to run them on the open image at once.
    """

    asked = Signal(bool)

    def __init__(self, session: Session, *, is_new: bool) -> None:
        super().__init__(QDialogButtonBox.StandardButton.Cancel)
        verb = "Use" if is_new else "Save"
        self.use = QPushButton(verb)
        self.run = QPushButton(icon("play"), f"{verb} and run")
        self.run.setToolTip("Run it on the open image at once")
        has_image = session.document is not None
        self.run.setVisible(has_image)
        self.run.setDefault(has_image)
        self.use.setDefault(not has_image)
        for button in (self.use, self.run):
            self.addButton(button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.use.clicked.connect(lambda: self.asked.emit(False))
        self.run.clicked.connect(lambda: self.asked.emit(True))

    def allow(self, allowed: bool) -> None:
        """Whether what is said can be kept."""
        for button in (self.use, self.run):
            button.setEnabled(allowed)


def _note(name: str, text: str) -> QLabel:
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setAccessibleName(name)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
