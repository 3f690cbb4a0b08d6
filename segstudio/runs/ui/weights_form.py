"""The form that describes a file of weights, with a preview on the open image beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import ModelSpec, Output, OutputKind, Question
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.kit.dialog import Dialog
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.swatch import swatch
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Side, TableModel
from segstudio.models.registry import RECOGNISED
from segstudio.runs.describing import (
    BY_NUMBER,
    CHANNEL_TITLES,
    OUTPUT_TITLES,
    OWN,
    SIZE_TITLES,
    VALUE_PRESETS,
    Previewing,
    channels_of,
    class_lists,
    network_text,
    numbers_text,
    only_size,
    parse_channels,
    parse_numbers,
    possible_outputs,
    preset_of,
    repeated_names,
    with_names,
    with_output,
)
from segstudio.runs.kept_weights import KeptWeights
from segstudio.runs.own_weights import OpenedWeights, OwnWeights
from segstudio.runs.ui.weights_preview import PreviewPane
from segstudio.session.session import Change, Session, What

_SCALING_TITLES = {
    "unit": "Divide by 255",
    "none": "Leave as they are",
    "percentile": "Percentiles 1 % and 99.8 % to 0 and 1",
    "standard": "Own mean and deviation",
}
_CLASS_ROWS = (2.0, 6.0)
_SHORT_LABEL, _WIDEST_LABEL = 20, 30  # letters
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
        _row(form, "Name", self.name, "What the list of models calls it")
        self.classes.add_to(form)
        self.input.add_to(form)
        self.output.add_to(form)
        for answer in self.answers:
            _row(form, answer.question.text, answer.box, "What the file does not say")
        _row(form, "Trained on", self.about, "Data, training, scores: shown in the Model panel")
        _row(form, "Licence", self.licence, "Of the weights")
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
        _row(form, "List of classes", self.lists, "Take names and colours from a known list")
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


class InputFields(QWidget):
    """How an image becomes numbers for the network.

    Signals:
        changed: Something else.
    """

    changed = Signal()

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.hide()  # its fields stand in the form
        preprocess = spec.preprocess
        self._count = channels_of(preprocess)
        self.channels = QComboBox()
        for key, title in CHANNEL_TITLES.items():
            if channels_of({"channels": key}) == self._count:
                self.channels.addItem(title, key)
        self.channels.addItem("By number", BY_NUMBER)
        chosen = preprocess.get("channels", "rgb")
        numbers = [*range(1, self._count + 1)] if isinstance(chosen, str) else chosen
        self.numbers = QLineEdit(" ".join(map(str, numbers)))
        _choose(self.channels, chosen if isinstance(chosen, str) else BY_NUMBER)
        self._show_numbers()
        self.preset = QComboBox()
        for preset in VALUE_PRESETS:
            self.preset.addItem(preset.title, preset.key)
        self.preset.addItem("Own numbers", OWN)
        self.scaling = QComboBox()
        for key, title in _SCALING_TITLES.items():
            self.scaling.addItem(title, key)
        _choose(self.scaling, preprocess.get("scaling", "unit"))
        self.mean = QLineEdit(numbers_text(preprocess.get("mean", [0.0])))
        self.std = QLineEdit(numbers_text(preprocess.get("std", [1.0])))
        self.sizes = SizeFields(preprocess)
        if only_size(spec) is not None:
            self.sizes.setEnabled(False)
            self.sizes.setToolTip("The network takes images of this size only")
        self._show_preset()
        self.preset.activated.connect(self._take_preset)
        self.channels.currentIndexChanged.connect(self._show_numbers)
        for changed in (
            self.channels.currentIndexChanged, self.numbers.textChanged, self.scaling.currentIndexChanged,
            self.mean.textChanged, self.std.textChanged,
        ):  # fmt: skip
            changed.connect(self._on_change)
        self.sizes.changed.connect(self.changed)

    def add_to(self, form: QFormLayout) -> None:
        """Lay the rows out in a form."""
        tip = "What the network's input holds, in its order"
        _named(self.channels, "Channels", tip)
        numbers = "Numbers of the image's stored channels, from 1, in the network's order"
        _named(self.numbers, "Numbers of channels", numbers)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.channels, 1)
        row.addWidget(self.numbers, 1)
        form.addRow("Channels", row)
        _row(
            form,
            "Values",
            self.preset,
            "How pixels become numbers: the usual ways; channels by number "
            "are divided by the largest that their type holds: 255, 65,535",
        )
        _row(form, "Scaling", self.scaling, "What is done with the values 0 to 255 first")
        numbers = "One number, or one for each channel: "
        _row(form, "Mean", self.mean, f"{numbers}it is subtracted after the scaling")
        _row(form, "Deviation", self.std, f"{numbers}the values are divided by it then")
        form.addRow("Size", self.sizes)

    @property
    def preprocess(self) -> dict[str, Any]:
        """What the fields say, as `models.preprocess.Preprocess` has it.

        Raises:
            SegstudioError: if a number is none; in plain words.
        """
        return {**self._values, "channels": self._chosen_channels, **self.sizes.preprocess}

    @property
    def _values(self) -> dict[str, Any]:
        return {
            "scaling": self.scaling.currentData(),
            "mean": parse_numbers(self.mean.text(), self._count, "Mean"),
            "std": parse_numbers(self.std.text(), self._count, "Deviation"),
        }

    @property
    def _chosen_channels(self) -> str | list[int]:
        chosen: str = self.channels.currentData()
        return chosen if chosen != BY_NUMBER else parse_channels(self.numbers.text(), self._count)

    def _show_numbers(self) -> None:
        self.numbers.setVisible(self.channels.currentData() == BY_NUMBER)

    def _take_preset(self) -> None:
        preset = next((p for p in VALUE_PRESETS if p.key == self.preset.currentData()), None)
        if preset is None:
            return
        mean, std = preset.numbers(self._count)
        for field in (self.scaling, self.mean, self.std):
            field.blockSignals(True)
        _choose(self.scaling, preset.scaling)
        self.mean.setText(numbers_text(mean))
        self.std.setText(numbers_text(std))
        for field in (self.scaling, self.mean, self.std):
            field.blockSignals(False)
        self.changed.emit()

    def _on_change(self) -> None:
        self._show_preset()
        self.changed.emit()

    def _show_preset(self) -> None:
        try:
            key = preset_of({**self._values, "channels": [*range(1, self._count + 1)]})
        except SegstudioError:
            key = OWN
        _choose(self.preset, key)


class SizeFields(QWidget):
    """The size of the network's input: as it is, times a factor, by its shorter side, or exact.

    Signals:
        changed: Another size.
    """

    changed = Signal()

    def __init__(self, preprocess: Any) -> None:
        super().__init__()
        self.kind = QComboBox()
        for key, title in SIZE_TITLES.items():
            self.kind.addItem(title, key)
        self.kind.setAccessibleName("Size")
        self.kind.setToolTip("What becomes of an image's size before the network sees it")
        self.factor = QDoubleSpinBox()
        self.factor.setRange(0.05, 16.0)
        self.factor.setSingleStep(0.25)
        self.factor.setValue(preprocess.get("factor") or 1.0)
        _named(self.factor, "Factor", "So many times as large as the image")
        size = preprocess.get("size") or (512, 512)
        self.short_side = _pixels(preprocess.get("short_side") or 512, "Shorter side")
        self.height_ = _pixels(size[0], "Height")
        self.width_ = _pixels(size[1], "Width")
        self.times = PlainLabel("x")
        kind = next((k for k in ("factor", "short_side", "size") if preprocess.get(k)), "")
        _choose(self.kind, kind)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (
            self.kind, self.factor, self.short_side, self.width_, self.times, self.height_
        ):  # fmt: skip
            row.addWidget(widget)
        row.addStretch(1)
        self._show()
        self.kind.currentIndexChanged.connect(self._show)
        self.kind.currentIndexChanged.connect(self.changed)
        for spin in (self.factor, self.short_side, self.height_, self.width_):
            spin.valueChanged.connect(self.changed)

    @property
    def preprocess(self) -> dict[str, Any]:
        """The size as `models.preprocess.Preprocess` has it."""
        kind = self.kind.currentData()
        if kind == "factor":
            return {"factor": round(self.factor.value(), 2)}
        if kind == "short_side":
            return {"short_side": self.short_side.value()}
        return {"size": [self.height_.value(), self.width_.value()]} if kind == "size" else {}

    def _show(self) -> None:
        kind = self.kind.currentData()
        self.factor.setVisible(kind == "factor")
        self.short_side.setVisible(kind == "short_side")
        for widget in (self.width_, self.times, self.height_):
            widget.setVisible(kind == "size")


class OutputFields(QWidget):
    """What the channels of the output mean.

    Signals:
        changed: Something else.
    """

    changed = Signal()

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.kind = QComboBox()
        for kind in possible_outputs(spec):
            self.kind.addItem(OUTPUT_TITLES[kind], kind)
        _choose(self.kind, spec.output.kind)
        self.kind.setEnabled(self.kind.count() > 1)
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(0.01, 0.99)
        self.threshold.setSingleStep(0.05)
        self.threshold.setValue(spec.output.threshold)
        self._show()
        self.kind.currentIndexChanged.connect(self._show)
        self.kind.currentIndexChanged.connect(self.changed)
        self.threshold.valueChanged.connect(self.changed)

    def add_to(self, form: QFormLayout) -> None:
        """Lay the row out in a form; networks that find objects have no such choice."""
        self.kind.setAccessibleName("Output")
        self.kind.setToolTip("How the class of a pixel follows from what the network gives")
        _named(self.threshold, "Threshold", "A pixel is the class from this probability on")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.kind, 1)
        row.addWidget(self.threshold)
        if self.kind.count():
            form.addRow("Output", self)
        else:
            self.hide()

    @property
    def output(self) -> Output:
        """What the fields say."""
        kind: OutputKind = self.kind.currentData() or "softmax"
        return Output() if kind == "softmax" else Output(kind, round(self.threshold.value(), 2))

    def _show(self) -> None:
        self.threshold.setVisible(self.kind.currentData() in ("sigmoid", "logit"))


class Answer:
    """A question that the file leaves open, with its possible answers; the usual one is marked."""

    def __init__(self, question: Question, spec: ModelSpec) -> None:
        self.question = question
        self.box = QComboBox()
        for choice in question.choices:
            usual = " (usual)" if choice == question.default else ""
            self.box.addItem(f"{choice}{usual}", choice)
        _choose(self.box, spec.options.get(question.option, question.default))


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


def _row(form: QFormLayout, title: str, field: QWidget, tip: str) -> None:
    label = PlainLabel(title)
    if len(title) > _SHORT_LABEL:
        label.setWordWrap(True)
        # else the longest question makes the column of labels wide, and all fields narrow
        label.setMaximumWidth(_WIDEST_LABEL * label.fontMetrics().averageCharWidth())
    label.setBuddy(field)
    _named(field, title, tip)
    form.addRow(label, field)


def _named(field: QWidget, name: str, tip: str) -> None:
    field.setAccessibleName(name)
    field.setToolTip(plain(tip))


def _pixels(value: int, name: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(16, 8192)
    spin.setSingleStep(32)
    spin.setSuffix(" px")
    spin.setValue(value)
    _named(spin, name, f"{name} of the network's input")
    return spin


def _choose(box: QComboBox, value: object) -> None:
    """Choose what has this value, compared as Python does: Qt would take True for 1."""
    values: Sequence[object] = [box.itemData(row) for row in range(box.count())]
    if value in values:
        box.setCurrentIndex(values.index(value))


def _note(name: str, text: str) -> QLabel:
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setAccessibleName(name)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
